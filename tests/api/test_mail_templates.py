"""Templates of mails over the API: what there is, how one looks, and what a send of one becomes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import House, open_house
from tests.api.mail import ABOUT, CONFIG, write_template

pytestmark = pytest.mark.slow

SENT = {"to": {"channel_id": "mail", "address": "ada@example.com"}}


@pytest.fixture
async def mails(tmp_path: Path) -> AsyncIterator[House]:
    write_template(tmp_path)
    german = 'name = "order"\nlanguage = "de"\n' + ABOUT.replace("Order", "Bestellung")
    write_template(tmp_path, "order_de", about=german, html=None)
    async with open_house(tmp_path, CONFIG) as opened:
        yield opened


def message(language: str = "en", **body: Any) -> dict[str, Any]:
    params = {"body": body} if body else {}
    content = {"type": "template", "name": "order", "language": language, "params": params}
    return {**SENT, "content": content}


async def test_templates_are_listed_with_their_variables(mails: House) -> None:
    items = (await mails.client.get("/v1/mail-templates")).json()["items"]

    assert [(one["name"], one["language"], one["html"]) for one in items] == [
        ("order", "de", False),
        ("order", "en", True),
    ]
    assert items[1]["variables"][0] == {
        "name": "order", "type": "string", "required": True, "default": None, "example": "A-1",
        "description": "the number",
    }  # fmt: skip


async def test_a_mail_channel_has_the_templates_of_the_house(mails: House) -> None:
    listing = (await mails.client.get("/v1/channels/mail/templates?limit=1")).json()
    rest = (
        await mails.client.get(f"/v1/channels/mail/templates?limit=5&after={listing['next']}")
    ).json()
    one = (await mails.client.get("/v1/channels/mail/templates/order?language=en")).json()

    assert [each["language"] for each in (*listing["items"], *rest["items"])] == ["de", "en"]
    assert (listing["known"], listing["unreachable"], rest["next"]) == (True, None, None)
    assert one["layout"]["body"]["variables"] == ["order", "items"]


async def test_a_template_is_rendered_without_being_sent(mails: House) -> None:
    asked = {"language": "en", "variables": {"order": "<b>", "items": [{"price": "90 EUR"}]}}

    made = await mails.client.post("/v1/mail-templates/order:render", json=asked)

    assert made.json() == {
        "name": "order",
        "language": "en",
        "subject": "Order <b>",
        "text": "Order <b>, 90 EUR\n",
        "html": "<html><head></head><body><p>&lt;b&gt;</p></body></html>",
    }


async def test_examples_stand_for_what_is_not_given(mails: House) -> None:
    asked = {"language": "de", "examples": True}

    made = await mails.client.post("/v1/mail-templates/order:render", json=asked)

    assert made.json()["subject"] == "Bestellung A-1"


WRONG: list[tuple[dict[str, Any], str, int, list[str]]] = [
    ({"variables": {}, "language": "en"}, "template_params", 422, ["/variables/order"]),
    (
        {"variables": {"order": 1, "x/y": 2, "items": {}}, "language": "en"},
        "template_params",
        422,
        ["/variables/x~1y", "/variables/order", "/variables/items"],
    ),
    ({"variables": {"order": "1"}}, "not_found", 404, ["/language"]),
    ({"variables": {"order": "1"}, "language": "fr"}, "not_found", 404, ["/language"]),
    (
        {"variables": {"order": "1", "items": ["no object"]}, "language": "en"},
        "template_unusable",
        422,
        ["/variables"],
    ),
]


@pytest.mark.parametrize(("asked", "code", "status", "places"), WRONG)
async def test_a_mistake_is_told_by_its_place(
    mails: House, asked: dict[str, Any], code: str, status: int, places: list[str]
) -> None:
    answer = await mails.client.post("/v1/mail-templates/order:render", json=asked)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert [each["pointer"] for each in problem["errors"]] == places


async def test_a_message_is_rendered_before_it_is_queued(mails: House) -> None:
    shown = (await mails.client.post("/v1/messages:preview", json=message(order="A-7"))).json()
    sent = await mails.client.post("/v1/messages", json=message(order="A-7"))
    kept = (await mails.client.get(f"/v1/messages/{sent.json()['id']}")).json()

    assert [part["content"]["subject"] for part in shown["parts"]] == ["Order A-7"]
    assert shown["parts"][0]["content"]["text"] == "Order A-7\n"
    assert sent.status_code == 202
    assert kept["content"]["name"] == "order"


REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    (message(), "template_params", ["/content/params/body/order"]),
    (message(order="1", ordr="2"), "template_params", ["/content/params/body/ordr"]),
    (message("fr", order="1"), "template_unusable", ["/content/language"]),
    (
        {**SENT, "content": {"type": "template", "name": "nope", "language": "en"}},
        "template_unusable",
        ["/content/name"],
    ),
    (
        {
            **SENT,
            "content": {
                "type": "template", "name": "order", "language": "en",
                "params": {"header": "x", "body": ["1"]},
            },
        },
        "template_params",
        ["/content/params/header", "/content/params/body"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "code", "places"), REFUSED)
async def test_a_message_that_cannot_be_rendered_is_refused(
    mails: House, asked: dict[str, Any], code: str, places: list[str]
) -> None:
    answer = await mails.client.post("/v1/messages", json=asked)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json()["errors"]] == places
