"""Pages of options: looking changes nothing, sending picks once, and that is told as others are."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from omni_actors.gateway.house import House as GatewayHouse
from omni_actors.policy import choice_links
from tests.api.conftest import House, open_house
from tests.api.mail import CONFIG, write_template

pytestmark = pytest.mark.slow

QUESTION = {
    "type": "choices",
    "text": "**When** suits you?",
    "format": "markdown",
    "options": [{"id": "tue", "title": "Tuesday"}, {"id": "fri", "title": "<b>Friday</b>"}],
}


@pytest.fixture
async def mails(tmp_path: Path) -> AsyncIterator[House]:
    write_template(tmp_path)
    async with open_house(tmp_path, CONFIG) as opened:
        yield opened


async def asked(house: House, content: dict[str, Any] | None = None) -> dict[str, str]:
    """Ask somebody; the links of the options, below our own address."""
    to = {"channel_id": "mail", "address": "ada@example.com"}
    sent = await house.client.post("/v1/messages", json={"to": to, "content": content or QUESTION})
    part_id = sent.json()["parts"][0]["id"]
    inner: GatewayHouse = house.gateway.house
    shaped = (
        await house.gateway.house.submitter.plan("default", request_of(to, content or QUESTION))
    ).shaped.parts[0]
    links = inner.choices.links(part_id, shaped.content)
    return {name: link.removeprefix("https://gw.example") for name, link in links.items()}


def request_of(to: dict[str, str], content: dict[str, Any]) -> Any:
    from omni_actors.api import decode
    from omni_actors.model.requests import SendRequest

    return decode.body({"to": to, "content": content}, SendRequest)


async def events(house: House, *types: str) -> list[dict[str, Any]]:
    """What was told so far of these types."""
    await trio.sleep(0.1)
    listed = (
        await house.client.get("/v1/events", params={"after": "0", "types": ",".join(types)})
    ).json()
    return [*listed["items"]]


async def browse(house: House, method: str, path: str, language: str = "en") -> httpx.Response:
    """A browser without a key."""
    async with house.at("198.51.100.9") as browser:
        return await browser.request(method, path, headers={"Accept-Language": language})


async def test_looking_at_a_page_picks_nothing(mails: House) -> None:
    links = await asked(mails)

    pages = [await browse(mails, "GET", links["fri"]) for _ in range(3)]

    assert {page.status_code for page in pages} == {200}
    assert "When suits you?" in pages[0].text
    assert '<form method="post"><button type="submit">&lt;b&gt;Friday&lt;/b&gt;' in pages[0].text
    assert await events(mails, "message.received", "choice.selected") == []


async def test_what_is_said_of_an_option_stands_on_its_page(mails: House) -> None:
    about = {"id": "tue", "title": "Tuesday", "description": "from <9> to 12"}
    other = {"id": "fri", "title": "Friday", "description": "afternoon"}
    links = await asked(mails, {**QUESTION, "options": [about, other]})

    looked = await browse(mails, "GET", links["tue"])
    picked = await browse(mails, "POST", links["tue"])
    too_late = await browse(mails, "POST", links["fri"])

    said = '<p class="about">from &lt;9&gt; to 12</p>'
    assert all(said in page.text for page in (looked, picked, too_late))
    assert "afternoon" not in looked.text + picked.text + too_late.text


async def test_a_page_loads_runs_and_keeps_nothing(mails: House) -> None:
    page = await browse(mails, "GET", (await asked(mails))["tue"])

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "set-cookie" not in page.headers
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|src=|href=", page.text)


async def test_an_option_is_picked_once_and_told_as_any_answer(mails: House) -> None:
    links = await asked(mails)

    first = await browse(mails, "POST", links["tue"])
    again = await browse(mails, "POST", links["tue"])
    later = await browse(mails, "GET", links["tue"])

    assert first.status_code == again.status_code == later.status_code == 200
    assert "Thank you" in first.text
    assert first.text == again.text == later.text
    (received,) = await events(mails, "message.received")
    (picked,) = await events(mails, "choice.selected")
    assert received["message"]["content"] == {
        "type": "choice_response", "option_id": "tue", "via": "link", "title": "Tuesday",
    }  # fmt: skip
    assert (picked["detail"]["option_id"], picked["detail"]["via"]) == ("tue", "link")


async def test_the_first_answer_counts(mails: House) -> None:
    links = await asked(mails)
    await browse(mails, "POST", links["tue"])

    other = await browse(mails, "POST", links["fri"])

    assert "answered already" in other.text
    assert "Tuesday" in other.text
    assert len(await events(mails, "message.received")) == 1


async def test_many_clicks_at_once_are_one_answer(mails: House) -> None:
    links = await asked(mails)

    async with trio.open_nursery() as nursery:
        for link in [*links.values()] * 5:
            nursery.start_soon(browse, mails, "POST", link)

    assert len(await events(mails, "message.received")) == 1


async def test_the_buttons_of_a_card_are_answered_so_too(mails: House) -> None:
    card = {"type": "card", "title": "Boots", "actions": [{"title": "Buy", "id": "buy"}]}

    done = await browse(mails, "POST", (await asked(mails, card))["buy"])

    assert "Boots" in done.text
    (picked,) = await events(mails, "choice.selected")
    assert picked["detail"]["option_id"] == "buy"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "0" * 44, "..", "a" * 128])
async def test_a_link_that_is_not_ours_is_a_page_too(mails: House, method: str, token: str) -> None:
    page = await browse(mails, method, f"/c/{token}")

    assert page.status_code == 404
    assert "not known" in page.text or token == ".."


async def test_a_link_ends(mails: House, monkeypatch: pytest.MonkeyPatch) -> None:
    links = await asked(mails)
    monkeypatch.setattr(choice_links, "LIFE_S", -1.0)

    pages = [await browse(mails, method, links["tue"]) for method in ("GET", "POST")]

    assert [page.status_code for page in pages] == [410, 410]
    assert "has ended" in pages[1].text
    assert await events(mails, "message.received") == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de-AT, en;q=0.8", "Diese Antwort senden?"),
        ("xx, pt-BR;q=0.9, en;q=0.1", "Enviar esta resposta?"),
        ("zh;q=x", "Send this answer?"),
        ("", "Send this answer?"),
    ],
)
async def test_a_page_speaks_the_language_of_its_reader(
    mails: House, language: str, words: str
) -> None:
    page = await browse(mails, "GET", (await asked(mails))["tue"], language)

    assert words in page.text
