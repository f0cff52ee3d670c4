"""Time passes: dues are carried out when they are due, and nobody turns in circles."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.house import MEDIA, TIME
from tests.gateway.kit import OPERATOR, Platform, Rig, open_rig, open_window, plan


def handled(rig: Rig, address: str = TIME) -> int:
    return next(c.handled for c in rig.system.snapshot() if c.address == address)


async def test_the_soonest_of_many_dues_is_not_lost_among_later_ones(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    soon = rig.submit("soon", expires_in_s=5.0)
    late = rig.submit("late", expires_in_s=5_000.0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: soon)
        nursery.start_soon(lambda: late)
    await trio.sleep(6)

    assert len(await rig.events("message.expired")) == 1


@pytest.mark.slow
async def test_many_that_expire_at_once_all_do(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    for n in range(250):
        await rig.submit(str(n), expires_in_s=30.0)

    await trio.sleep(33)

    assert len(await rig.events("message.expired")) == 250


async def test_a_medium_that_waits_for_its_turn_keeps_the_timekeeper_calm(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.quiet()
        rig.system.pause(MEDIA)
        picture = {"id": "m1", "mime_type": "image/png", "sha256": "x"}
        await platform.write("", type="image", image=picture)
        before = handled(rig)

        await trio.sleep(600)

        assert handled(rig) - before < 700


@pytest.mark.slow
async def test_an_idle_house_sleeps(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.quiet()
    before = handled(rig)

    await trio.sleep(3_600)

    assert handled(rig) - before <= 62
