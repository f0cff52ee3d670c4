"""The house as a whole: it starts, drains, crashes and goes on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.pacing import Pacing
from omni_actors.policy.rate import Limit
from omni_actors.store.contract import Refused
from omni_actors.store.queries import Unclaimed, Unhandled
from tests.gateway.faults import (
    Lose,
)
from tests.gateway.kit import (
    BOB,
    OPERATOR,
    Platform,
    Rig,
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


async def test_what_a_person_was_sent_before_a_crash_still_counts(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    two_in_20_s = Pacing(Limit(100, 10), Limit(0.1, 2))
    with trio.CancelScope() as crash:
        async with open_rig(tmp_path, platform, plan(pacing=two_in_20_s)) as rig:
            await open_window(rig)
            for text in ("one", "two", "three"):
                await rig.submit(text)
            await rig.until(lambda: platform.texts() == ["one", "two"])
            crash.cancel()

    async with open_rig(tmp_path, platform, plan(pacing=two_in_20_s)) as again:
        await again.until(lambda: "three" in platform.texts(), within_s=120)

    began = [arrival.at for arrival in platform.arrivals]
    assert began[-1] - began[0] >= 10


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


LATER = "770011223344557"


async def test_what_came_for_a_channel_before_it_was_configured_is_taken_up_by_a_reload(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("early", number=LATER)
    assert await rig.events() == []

    await rig.house.reload(plan(spec(), spec("wa2", number=LATER)))
    await rig.quiet()

    received = await rig.events("message.received")
    assert [event.channel_id for event in received] == ["wa2"]
    assert await rig.store.ask(Unclaimed("whatsapp", LATER)) == ()


async def test_what_came_for_a_channel_before_it_was_configured_is_taken_up_by_a_start(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()):
        await platform.write("early", number=LATER)
        await platform.write("mine")

    async with open_rig(tmp_path, platform, plan(spec(), spec("wa2", number=LATER))) as again:
        await again.quiet()
        received = await again.events("message.received")

    assert [event.channel_id for event in received] == ["wa", "wa2"]


async def test_a_reload_lets_the_bot_answer_and_stops_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.house.reload(plan(bot="echo"))
    await rig.platform.write("one")
    await rig.quiet()
    await rig.house.reload(plan())
    await rig.platform.write("two")
    await rig.quiet()

    assert rig.platform.texts() == ["one"]


async def test_a_reload_changes_how_fast_a_channel_sends(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.house.reload(plan(pacing=Pacing(Limit(0.1, 1), None)))
    began = rig.clock.now()

    answers = [await rig.submit(str(n)) for n in range(4)]
    await rig.reached(answers[-1].message_id, "sent")

    assert rig.clock.now() - began >= 20


async def test_a_conversation_goes_on_without_the_entry_that_nobody_can_handle(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await platform.write("first")
        await rig.quiet()
        address = next(c.address for c in rig.system.snapshot() if "conversation/" in c.address)
        rig.system.pause(address)
        for text in ("before", "poison", "after"):
            await platform.write(text)
        with closing(sqlite3.connect(rig.store.path)) as other:
            other.execute(
                "UPDATE entry SET window_before = NULL WHERE seq = (SELECT min(seq) + 1 FROM entry)"
            )
            other.execute(
                "CREATE TRIGGER poison BEFORE INSERT ON event WHEN NEW.type = 'window.opened'"
                " BEGIN SELECT RAISE (ABORT, 'poison'); END"
            )
            other.commit()

        rig.system.resume(address)
        await rig.quiet(for_s=60)
        await platform.write("later")
        await rig.quiet()

        conversation = await rig.store.ask(Unhandled(address.partition("/")[2]))
        letters = await rig.gateway.dead_letters(OPERATOR, after="", limit=9)
        assert conversation.entries == ()
        assert letters.rows == ()
        assert len(rig.crashes()) == 3
        assert len(await rig.events("message.received")) == 5
