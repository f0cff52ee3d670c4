"""The end of a house: in order, within a deadline, and with a report of what was left."""

from collections import defaultdict

import pytest
import trio
import trio.testing

from omni_actors.actors.cell import Context
from omni_actors.actors.ending import Left
from omni_actors.actors.mailbox import Told
from omni_actors.actors.roster import Roster
from omni_actors.actors.system import open_system
from tests.actors.behaviours import Diarist, Journal, diarist, wait_for

MockClock = trio.testing.MockClock


async def slow(_context: Context) -> None:
    await trio.sleep(2)


async def test_a_drain_lets_everything_finish(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("a", diarist(journal))
        for _ in range(3):
            system.tell("a", slow)

        report = await system.drain(30)

        assert report.clean
        assert report.took_s == pytest.approx(6)
        assert journal.stopped == 1
        assert len(journal.handled) == 3
        assert system.tell("a", "late") is Told.STOPPED


async def test_a_drain_cuts_what_does_not_finish_and_reports_it(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("stuck", diarist(journal))
        system.spawn("fine", diarist(journal))
        system.tell("stuck", wait_for(trio.Event()))
        system.tell("stuck", "never reached")

        report = await system.drain(30)

        assert not report.clean
        assert report.left == (Left("stuck", queued=1, in_hand="function", children=0),)
        assert 25 <= report.took_s <= 30
        assert journal.stopped == 2
        assert system.dead_letters.counts["stopped"] == 2


async def test_groups_are_drained_in_the_given_order(autojump_clock: MockClock) -> None:
    late = []
    async with open_system() as system:

        async def pass_on(_context: Context) -> None:
            await trio.sleep(3)
            late.append(system.tell("behind", "from the front"))

        journal = Journal()
        system.spawn("behind", diarist(journal), group="back")
        system.spawn("before", diarist(Journal()), group="front")
        system.tell("before", pass_on)

        report = await system.drain(30, groups=("front", "back"))

        assert report.clean
    assert late == [Told.ACCEPTED]
    assert journal.handled == ["from the front"]


async def test_completions_are_handled_while_draining(autojump_clock: MockClock) -> None:
    journal = Journal()
    seen = []

    async def start(context: Context) -> None:
        async def child() -> None:
            await trio.sleep(4)
            seen.append(context.draining)
            context.tell_self("done")

        context.start_soon(child)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", start)

        report = await system.drain(30)

        assert report.clean
    assert seen == [True]
    assert journal.handled == [start, "done"]


async def test_a_parked_actor_does_not_hold_the_drain_up(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        system.spawn("a", diarist(Journal(start_crashes_due=999)))
        system.tell("a", "kept")
        await trio.sleep(30)

        report = await system.drain(30)

        assert report.left == (Left("a", queued=1, in_hand=None, children=0),)
        assert report.took_s < 1


async def test_a_crash_while_draining_is_retried_as_ever(autojump_clock: MockClock) -> None:
    journal = Journal()
    journal.crashes_due["b"] = 2
    async with open_system() as system:
        system.spawn("a", diarist(journal))
        for message in "abc":
            system.tell("a", message)

        report = await system.drain(30)

        assert report.clean
    assert journal.handled == ["a", "b", "c"]


async def test_a_child_started_too_late_ends_at_once(autojump_clock: MockClock) -> None:
    ended = []

    async def child() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(trio.current_time())

    async def cling(context: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            context.start_soon(child)

    async with open_system() as system:
        system.spawn("a", diarist(Journal()))
        system.tell("a", cling)

        report = await system.drain(6)

        assert report.took_s < 6
    assert len(ended) <= 1


async def test_a_second_signal_cuts_the_waiting(autojump_clock: MockClock) -> None:
    async with open_system() as system, trio.open_nursery() as nursery:
        system.spawn("stuck", diarist(Journal()))
        system.tell("stuck", wait_for(trio.Event()))

        async def hurry() -> None:
            await trio.sleep(2)
            system.hurry()

        nursery.start_soon(hurry)
        report = await system.drain(30)

        assert report.took_s == pytest.approx(2)
        assert not report.clean


async def test_a_drained_roster_wakes_nobody(autojump_clock: MockClock) -> None:
    journals: defaultdict[str, Journal] = defaultdict(Journal)
    async with open_system() as system:
        roster = Roster(system, "room", lambda key: Diarist(journals[key]))
        for number in range(200):
            roster.tell(str(number), number)

        report = await system.drain(30)

        assert report.clean
        assert roster.active == 0
        assert roster.tell("new", 1) is Told.STOPPED
        with pytest.raises(RuntimeError, match="draining"):
            system.spawn("new", diarist(Journal()))
    assert sum(journal.stopped for journal in journals.values()) == 200


async def test_a_farewell_that_hangs_does_not_hang_the_house(autojump_clock: MockClock) -> None:
    class Clingy:
        async def handle(self, _message: object) -> None:
            """Nothing to do."""

        async def stopping(self) -> None:
            await trio.sleep_forever()

    async with open_system(close_s=5) as system:
        for number in range(100):
            system.spawn(f"a/{number}", Clingy)
        await trio.sleep(1)

        report = await system.drain(12)

        assert report.clean
        assert report.took_s <= 12


async def test_leaving_the_block_drains(autojump_clock: MockClock) -> None:
    journal = Journal()

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", slow)

    assert journal.handled == [slow]
    assert journal.stopped == 1


async def test_a_drain_ends_although_somebody_is_deaf_to_it(autojump_clock: MockClock) -> None:
    async def deaf(_context: Context) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(100)

    async with open_system() as system:
        system.spawn("deaf", diarist(Journal()))
        system.tell("deaf", deaf)
        await trio.sleep(1)

        report = await system.drain(12)

        assert report.took_s <= 13
        assert report.left == (Left("deaf", queued=0, in_hand="function", children=0),)
