"""A token is refused while messages wait: nothing is lost, nothing doubled, all of it in order."""

import signal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.e2e.kit import CHANNEL, NUMBER, Line, Setup, Site, open_site, patiently

ADA, BOB = "447700900311", "447700900312"
WORDS = [f"number {n}" for n in range(8)]


async def send(site: Site, phone: str, words: str) -> None:
    body = {
        "to": {"channel_id": CHANNEL, "address": f"+{phone}"},
        "content": {"type": "text", "text": words},
    }
    answer = await site.call("POST", "/v1/messages", json=body)
    assert answer.status_code == 202, answer.text


async def renew(site: Site, token: str) -> None:
    """The platform takes another token from now on, and refuses the one before."""
    path = f"/sandbox/whatsapp/{NUMBER}/token"
    answer = await site.control.put(path, json={"access_token": token})
    assert answer.status_code == 200, answer.text


async def until_state(site: Site, state: str) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        channel: dict[str, Any] = await site.get(f"/v1/channels/{CHANNEL}")
        return channel if channel["state"] == state else {}

    return await patiently(look)


async def put_token(site: Site, token: str) -> None:
    path = f"/v1/channels/{CHANNEL}/credentials"
    answer = await site.call("PUT", path, json={"access_token": token})
    assert answer.status_code == 200, answer.text
    assert token not in answer.text


async def doubles(site: Site) -> int:
    stats = (await site.control.get("/sandbox/stats")).json()
    found: int = stats["platforms"]["whatsapp"][NUMBER]["duplicates"]
    return found


async def queue_behind_a_dead_token(site: Site) -> None:
    """Messages to two people whose token is refused, and a customer who writes meanwhile."""
    for phone in (ADA, BOB):
        await site.writes(phone, "hi")
        await site.conversation_of(phone)
    await renew(site, "token-2")
    for words in WORDS:
        for phone in (ADA, BOB):
            await send(site, phone, words)
    stopped = await until_state(site, "needs_reauth")
    assert "190" in str(stopped["reason"]) or "credentials_expired" in str(stopped["reason"])
    assert stopped["queue"]["queued"] == 2 * len(WORDS)

    await site.writes(ADA, "still there?")

    async def heard() -> bool:
        return len(await site.events("message.received")) == 3

    assert await patiently(heard)
    assert site.phone(ADA) == []


@pytest.mark.slow
async def test_the_queue_goes_on_in_order_once_the_token_is_replaced_over_the_api(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path, Setup(bot="none")) as site:
        await queue_behind_a_dead_token(site)
        await put_token(site, "token-wrong")
        await until_state(site, "needs_reauth")

        await put_token(site, "token-2")

        assert await site.until_phone(ADA, len(WORDS)) == WORDS
        assert await site.until_phone(BOB, len(WORDS)) == WORDS
        await until_state(site, "active")
        assert await doubles(site) == 0

        await site.kill_and_start()
        await send(site, ADA, "after a restart with the old token in the config")
        await site.until_phone(ADA, len(WORDS) + 1)
        assert (await until_state(site, "active"))["queue"]["queued"] == 0
        assert "token-2" not in site.program.log.read_text()


@pytest.mark.slow
async def test_the_queue_goes_on_in_order_once_the_config_has_the_new_token(
    tmp_path: Path,
) -> None:
    setup = Setup(bot="none")
    async with open_site(tmp_path, setup) as site:
        await queue_behind_a_dead_token(site)

        site.configure(evolve(setup, lines=(Line(token="token-2"),)))
        site.signal(signal.SIGHUP)

        assert await site.until_phone(ADA, len(WORDS)) == WORDS
        assert await site.until_phone(BOB, len(WORDS)) == WORDS
        assert (await until_state(site, "active"))["reason"] is None
        assert await doubles(site) == 0


@pytest.mark.slow
async def test_the_config_has_the_last_word_when_it_says_something_new(tmp_path: Path) -> None:
    setup = Setup(bot="none")
    async with open_site(tmp_path, setup) as site:
        await queue_behind_a_dead_token(site)
        await put_token(site, "token-wrong")

        site.configure(evolve(setup, lines=(Line(token="token-2"),)))
        site.signal(signal.SIGHUP)

        assert await site.until_phone(ADA, len(WORDS)) == WORDS
