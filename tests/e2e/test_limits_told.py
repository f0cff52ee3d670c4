"""What WhatsApp tells of a number's limits reaches the limiters, and is remembered."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kit import CHANNEL, NUMBER, Setup, Site, open_site, patiently


async def until_limited(site: Site, per_second: float, people: int | None) -> Any:
    async def look() -> Any:
        seen = (await site.get(f"/v1/channels/{CHANNEL}"))["limiter"]
        told = (seen["configured_per_second"], seen["outreach"]["limit"])
        return seen if told == (per_second, people) else None

    return await patiently(look)


@pytest.mark.slow
async def test_an_upgrade_and_a_tier_are_taken_up_and_remembered(tmp_path: Path) -> None:
    async with open_site(tmp_path, Setup(bot="none")) as site:
        await site.writes("447700900321", "hi")
        await site.conversation_of("447700900321")
        limits = f"/sandbox/whatsapp/{NUMBER}/limits"

        await site.control.put(limits, json={"per_second": 1000, "maintenance_s": 0.1})
        await until_limited(site, 900.0, None)
        await site.control.put(limits, json={"users_per_day": 250})
        await until_limited(site, 900.0, 250)

        await site.kill_and_start()
        await until_limited(site, 900.0, 250)
