"""Signals: SIGTERM ends in good order and loses nothing, SIGHUP lives by the new config."""

import signal
from pathlib import Path

import httpx
import pytest
import trio

from tests.e2e.kit import (
    CHANNEL,
    Line,
    Setup,
    Site,
    hook_body,
    open_site,
    patiently,
    raw_of,
    signature,
    text_message,
)

ADA = "447700900201"
MANY = 60
CUT_SHORT = 75


@pytest.fixture
def setup() -> Setup:
    """Time to look while the program ends."""
    return Setup(notice_s=2)


async def until_draining(site: Site) -> None:
    """Wait until the program says that it takes no more work."""

    async def look() -> bool:
        return (await site.call("GET", "/readyz")).status_code == 503

    await patiently(look)


def sending(phone: str, text: str) -> dict[str, object]:
    """A request to send a text."""
    return {
        "to": {"channel_id": CHANNEL, "address": f"+{phone}"},
        "content": {"type": "text", "text": text},
    }


async def test_sigterm_under_load_ends_clean_and_loses_nothing(site: Site) -> None:
    phones = [f"4477009020{n:02}" for n in range(MANY)]

    async with trio.open_nursery() as nursery:
        for phone in phones:
            nursery.start_soon(site.writes, phone, "hello")
        await site.until(lambda: any(site.phone(phone) for phone in phones))
        site.signal(signal.SIGTERM)
        code = await site.ended()
    await site.start()
    await site.until(lambda: all(site.phone(phone) for phone in phones))

    assert code == 0
    assert [site.phone(phone) for phone in phones] == [["hello"]] * MANY
    assert site.logged("house.drained")[0]["clean"] is True


async def test_while_it_drains_callers_are_sent_away_and_hooks_are_taken(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    raw = raw_of(hook_body(text_message("wamid.LATE", "a late word", ADA)))

    site.signal(signal.SIGTERM)
    await until_draining(site)
    refused = await site.call("POST", "/v1/messages", json=sending(ADA, "too late"))
    read = await site.call("GET", "/v1/channels")
    async with httpx.AsyncClient() as platform:
        taken = await platform.post(
            f"{site.program.url}/webhooks/meta", content=raw, headers=signature(raw)
        )
    code = await site.ended()
    await site.start()
    texts = await site.until_phone(ADA, 2)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "draining"
    assert (read.status_code, taken.status_code) == (200, 200)
    assert code == 0
    assert texts == ["hello", "a late word"]


async def test_what_is_on_the_wire_at_sigterm_may_finish(site: Site) -> None:
    await site.faults({"kind": "delay", "count": 1, "delay_s": 3})
    await site.writes(ADA, "slow")
    await site.until(lambda: site.sandbox.faults.taken.get("delay") == 1)

    site.signal(signal.SIGTERM)
    code = await site.ended()

    assert code == 0
    assert site.phone(ADA) == ["slow"]


@pytest.mark.parametrize("notice_s", [0.0, 20.0])
async def test_a_second_sigterm_hurries(tmp_path: Path, notice_s: float) -> None:
    async with open_site(tmp_path, Setup(notice_s=notice_s, deadline_s=60)) as site:
        await site.faults({"kind": "delay", "count": 1, "delay_s": 50})
        await site.writes(ADA, "stuck")
        await site.until(lambda: site.sandbox.faults.taken.get("delay") == 1)

        site.signal(signal.SIGTERM)
        await until_draining(site)
        began = trio.current_time()
        site.signal(signal.SIGTERM)
        code = await site.ended()

        assert code == CUT_SHORT
        assert trio.current_time() - began < 15
        await site.start()
        assert await site.until_phone(ADA, 1) == ["stuck"]


async def test_a_drain_that_takes_too_long_is_cut_and_nothing_is_lost(tmp_path: Path) -> None:
    async with open_site(tmp_path, Setup(deadline_s=2)) as site:
        await site.faults({"kind": "delay", "count": 1, "delay_s": 50})
        await site.writes(ADA, "stuck")
        await site.until(lambda: site.sandbox.faults.taken.get("delay") == 1)

        site.signal(signal.SIGTERM)
        code = await site.ended()
        await site.start()

        assert code == CUT_SHORT
        assert await site.until_phone(ADA, 1) == ["stuck"]


async def state_of(site: Site, channel: str = CHANNEL) -> str:
    """The state of a channel."""
    state: str = (await site.get(f"/v1/channels/{channel}"))["state"]
    return state


async def until_state(site: Site, wanted: str, channel: str = CHANNEL) -> None:
    """Wait until a channel is in a state."""

    async def look() -> bool:
        return await state_of(site, channel) == wanted

    await patiently(look)


async def test_a_new_token_resumes_a_channel_that_lost_its_own(tmp_path: Path) -> None:
    async with open_site(tmp_path, Setup(lines=(Line(token="sandbox-expired"),))) as site:
        await site.writes(ADA, "hello")
        await until_state(site, "needs_reauth")
        assert site.phone(ADA) == []

        site.configure(Setup())
        site.signal(signal.SIGHUP)

        await until_state(site, "active")
        assert await site.until_phone(ADA, 1) == ["hello"]


async def test_a_bad_config_is_refused_whole_and_life_goes_on(site: Site) -> None:
    good = (site.folder / "config.toml").read_text()

    (site.folder / "config.toml").write_text(good.replace('"wa-support"', '"wa-other"') + "\n[[x]]")
    site.signal(signal.SIGHUP)
    refused = await site.until_logged("config.refused")
    await site.writes(ADA, "still there?")

    assert [mistake.partition(":")[0] for mistake in refused[0]["mistakes"]] == ["x"]
    assert await site.until_phone(ADA, 1) == ["still there?"]
    assert [each["id"] for each in (await site.get("/v1/channels"))["items"]] == [CHANNEL]


async def test_a_reload_adds_a_channel_and_parks_one_that_is_gone(tmp_path: Path) -> None:
    both = (Line(), Line("wa-sales", "770011223344557"))
    async with open_site(tmp_path, Setup(lines=both)) as site:
        site.configure(Setup(lines=both[:1]))
        site.signal(signal.SIGHUP)
        await until_state(site, "removed", "wa-sales")
        await site.writes(ADA, "to the removed one", "770011223344557")
        await site.writes(ADA, "to the other")
        assert await site.until_phone(ADA, 1) == ["to the other"]
        assert site.phone(ADA, "770011223344557") == []

        site.configure(Setup(lines=both))
        site.signal(signal.SIGHUP)

        await until_state(site, "active", "wa-sales")
        await site.writes(ADA, "and again", "770011223344557")
        await site.until(lambda: "and again" in site.phone(ADA, "770011223344557"))
        assert "and again" in site.phone(ADA, "770011223344557")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_program_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    async with open_site(tmp_path, Setup()) as site:
        began = trio.current_time()

        site.signal(number)
        code = await site.ended()

        assert code == 0
        assert trio.current_time() - began < 10
