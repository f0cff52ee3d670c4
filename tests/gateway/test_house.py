"""The house as a whole: it starts, drains, crashes and goes on."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.store.contract import Refused
from tests.gateway.kit import (
    BOB,
    OPERATOR,
    Lose,
    Platform,
    open_rig,
    open_window,
    plan,
    spec,
    to,
)


async def test_a_drain_finishes_what_is_on_the_wire_and_keeps_the_rest(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.latency_s = lambda _to: 3.0
    async with open_rig(tmp_path, platform, plan()) as rig:
        await open_window(rig)
        first = await rig.submit("on the wire")
        second = await rig.submit("waits")
        await rig.until(lambda: platform.arrivals)

        report = await rig.house.drain(10.0)
        states = [(await rig.message(id)).status for id in (first.message_id, second.message_id)]
        with pytest.raises(Exception, match="shutting down"):
            await rig.submit("too late")

    assert report.clean
    assert report.took_s < 5
    assert states == ["sent", "queued"]
    async with open_rig(tmp_path, platform, plan()) as again:
        await again.reached(second.message_id, "sent", within_s=10)
    assert platform.texts() == ["on the wire", "waits"]


async def test_a_drain_that_is_cut_leaves_what_was_on_the_wire_in_doubt(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.latency_s = lambda _to: 100.0
    async with open_rig(tmp_path, platform, plan()) as rig:
        await open_window(rig)
        answer = await rig.submit()
        await rig.until(lambda: platform.arrivals)
        report = await rig.house.drain(2.0)
    platform.latency_s = lambda _to: 0.1
    async with open_rig(tmp_path, platform, plan()) as again:
        doubtful = await again.message(answer.message_id)
        await platform.tell(platform.arrivals[0], "delivered")
        told = await again.message(answer.message_id)
        await again.quiet(for_s=70)

    assert not report.clean
    assert (doubtful.status, told.status) == ("unknown", "delivered")
    assert platform.texts() == ["hello"]


async def test_after_a_crash_the_wait_for_word_starts_when_the_doors_are_open(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    with trio.CancelScope() as life:
        async with open_rig(tmp_path, platform, plan()) as rig:
            await open_window(rig)
            platform.latency_s = lambda _to: 50.0
            platform.strike(Lose(accepted=False))
            answer = await rig.submit()
            await rig.until(lambda: platform.arrivals)
            life.cancel()
            await trio.lowlevel.checkpoint()
    await trio.sleep(3_600)
    platform.latency_s = lambda _to: 0.1
    async with open_rig(tmp_path, platform, plan()) as again:
        opened_at = again.clock.now()
        message = await again.reached(answer.message_id, "sent")

    assert message.parts[0].maybe_duplicate
    assert 60 <= platform.arrivals[-1].at - opened_at < 63


async def test_what_was_stored_and_not_handled_is_handled_after_the_start(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    with trio.CancelScope() as life:
        async with open_rig(tmp_path, platform, plan()) as rig:
            rig.system.house.abandon()  # nobody is there to handle anything any more
            await platform.write("hi")
            life.cancel()
            await trio.lowlevel.checkpoint()
    async with open_rig(tmp_path, platform, plan()) as again:
        await again.quiet()
        opened = await again.events("window.opened")

    assert len(opened) == 1


async def test_a_removed_channel_keeps_its_queue_and_a_returning_one_sends_it(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    both = plan(spec(), spec("wa2", number="770011223344557"))
    async with open_rig(tmp_path, platform, both) as rig:
        await open_window(rig, number="770011223344557")
        await rig.gateway.pause(OPERATOR, "wa2")
        answer = await rig.submit(to=to(channel="wa2"))
        await rig.house.reload(plan(spec()))
        await trio.sleep(600)
        kept = await rig.message(answer.message_id)
        assert rig.channel_state("wa2") == "removed"

        await rig.house.reload(both)
        await rig.reached(answer.message_id, "sent", within_s=5)

    assert kept.status == "queued"


async def test_a_new_channel_of_a_reload_sends_and_receives(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    number = "770011223344557"
    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.house.reload(plan(spec(), spec("wa2", number=number)))
        await open_window(rig, BOB, number=number)
        answer = await rig.submit(to=to(BOB, "wa2"))
        await rig.reached(answer.message_id, "sent", within_s=5)
        assert rig.crashes() == []
        assert rig.system.dead_letters.counts == {}

    assert platform.texts(BOB, number) == ["hello"]


async def test_a_plan_that_cannot_be_changes_nothing(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        before = rig.house.plan
        with pytest.raises(Refused, match="claim the same"):
            await rig.house.reload(plan(spec("a"), spec("b")))

        assert rig.house.plan is before
        assert rig.channel_state() == "active"
