"""The echo bot: answers each message once, whatever crashes in between."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.staff import BOT
from omni_actors.store.verbs import Retention, Sweep
from tests.gateway.kit import Platform, Rig, open_rig, plan


async def test_it_says_what_it_was_told(echoing: Rig, autojump_clock: MockClock) -> None:
    await echoing.platform.write("one")
    await echoing.platform.write("two")
    await echoing.quiet()

    assert echoing.platform.texts() == ["one", "two"]


@pytest.mark.slow
async def test_it_answers_in_order_however_much_comes(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    for n in range(150):
        await echoing.platform.write(str(n))
    await echoing.until(lambda: len(echoing.platform.texts()) == 150)

    assert echoing.platform.texts() == [str(n) for n in range(150)]


@pytest.mark.slow
async def test_a_crash_between_answer_and_cursor_doubles_nothing(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    wanted = plan(bot="echo")
    for n in range(12):
        with trio.CancelScope() as life:
            async with open_rig(tmp_path, platform, wanted, seed=n) as rig:
                await platform.write(f"hello {n}", id=f"wamid.IN{n}")
                for _ in range(n):
                    await trio.lowlevel.checkpoint()
                life.cancel()
                await trio.lowlevel.checkpoint()
    async with open_rig(tmp_path, platform, wanted, seed=99) as rig:
        await rig.quiet(for_s=90)
        queued = await rig.events("message.queued")

    texts = platform.texts()
    assert sorted(set(texts), key=texts.index) == [f"hello {n}" for n in range(12)]
    assert len(queued) >= 12
    assert len({arrival.part_id for arrival in platform.arrivals}) == 12


async def test_a_message_that_is_told_twice_is_answered_once(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    await echoing.platform.write("hi", id="wamid.SAME")
    await echoing.platform.write("hi", id="wamid.SAME")
    await echoing.quiet()

    assert echoing.platform.texts() == ["hi"]


async def test_what_it_cannot_read_it_says_so(echoing: Rig, autojump_clock: MockClock) -> None:
    await echoing.platform.write("", type="unsupported")
    await echoing.quiet()

    assert len(echoing.platform.texts()) == 1


@pytest.mark.slow
async def test_a_bot_that_slept_too_long_goes_on_from_now(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(bot="echo")) as rig:
        await platform.write("before")
        await rig.quiet()
    async with open_rig(tmp_path, platform, plan()) as rig:
        await platform.write("while away")
        await trio.sleep(86_400)
        await rig.store.do(Sweep(rig.clock.now(), Retention(events_s=10.0)))
    async with open_rig(tmp_path, platform, plan(bot="echo")) as rig:
        await rig.quiet()
        await platform.write("after")
        await rig.quiet()
        parked = [c.state for c in rig.system.snapshot() if c.address == BOT]

    assert platform.texts() == ["before", "after"]
    assert parked == ["idle"]


@pytest.mark.slow
async def test_a_long_time_with_nothing_to_answer_costs_no_message(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    rig = echoing
    await rig.platform.write("before")
    await rig.quiet()
    for n in range(3):
        await rig.submit(f"news {n}")
    await rig.quiet()
    await trio.sleep(3600)
    await rig.store.do(Sweep(rig.clock.now(), Retention(events_s=10.0)))

    await rig.platform.write("after")
    await rig.quiet(for_s=30)

    assert rig.platform.texts().count("after") == 1
