"""Actors by key: woken on demand, asleep when idle, and nothing lost in between."""

import random
from collections import defaultdict
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.actors.cell import Context
from omni_actors.actors.mailbox import Told
from omni_actors.actors.roster import Roster, RosterStatistics
from omni_actors.actors.system import System, open_system
from tests.actors.behaviours import Diarist, Journal, wait_for

MockClock = trio.testing.MockClock
Journals = dict[str, Journal]


def open_roster(system: System, journals: Journals, **options: Any) -> Roster:
    return Roster(system, "room", lambda key: Diarist(journals[key]), **options)


@pytest.fixture
def journals() -> Journals:
    return defaultdict(Journal)


async def test_a_key_is_woken_by_its_first_message(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals)

        assert roster.tell("x", 1) is Told.ACCEPTED
        assert system.tell(roster.address("x"), 2) is Told.ACCEPTED
        assert await roster.ask("x", 3, timeout_s=1) == 3
        assert await roster.offer("y", 4) is Told.ACCEPTED

    assert journals["x"].handled == [1, 2, 3]
    assert journals["x"].started == 1
    assert journals["y"].handled == [4]


async def test_an_idle_key_falls_asleep_and_wakes_again(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals, idle_s=120)
        roster.tell("x", 1)
        await trio.sleep(119)
        assert roster.active == 1
        await trio.sleep(2)

        assert roster.active == 0
        assert system.snapshot() == []
        roster.tell("x", 2)

    assert journals["x"].handled == [1, 2]
    assert journals["x"].started == 2
    assert journals["x"].stopped == 2


async def test_every_message_makes_the_idle_time_start_anew(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals, idle_s=10)
        for number in range(5):
            roster.tell("x", number)
            await trio.sleep(8)

        assert roster.active == 1

    assert journals["x"].started == 1


async def test_a_busy_key_never_sleeps(autojump_clock: MockClock, journals: Journals) -> None:
    async def child() -> None:
        await trio.sleep(100)

    async def start(context: Context) -> None:
        context.start_soon(child)

    async with open_system() as system:
        roster = open_roster(system, journals, idle_s=10)
        roster.tell("child", start)
        roster.tell("hand", wait_for(trio.Event()))
        roster.tell("paused", 1)
        await trio.sleep(1)
        system.pause("room/paused")
        roster.tell("paused", 2)
        await trio.sleep(60)

        assert roster.active == 3
        assert not roster.passivate("child")
        assert not roster.passivate("hand")
        await trio.sleep(60)
        assert roster.active == 2, "the child has ended"
        await system.stop("room/hand", deadline_s=0)


async def test_what_arrives_while_it_falls_asleep_wakes_it_after_the_flush(
    autojump_clock: MockClock,
) -> None:
    life: list[object] = []

    class Flusher:
        async def started(self, _context: Context) -> None:
            life.append("started")

        async def handle(self, message: object) -> None:
            life.append(message)

        async def stopping(self) -> None:
            await trio.sleep(1)
            life.append("flushed")

    async with open_system() as system:
        roster = Roster(system, "room", lambda _key: Flusher(), idle_s=10)
        roster.tell("x", 1)
        await trio.sleep(10.5)

        roster.tell("x", 2)
        await trio.sleep(5)

        assert roster.active == 1
    assert life[:5] == ["started", 1, "flushed", "started", 2]


async def test_the_longest_idle_makes_room(autojump_clock: MockClock, journals: Journals) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals, active_max=3)
        for key in "abc":
            roster.tell(key, 1)
            await trio.sleep(1)
        roster.tell("a", 2)
        await trio.sleep(1)

        roster.tell("d", 1)
        await trio.sleep(1)

        assert [state.address for state in system.snapshot()] == ["room/a", "room/c", "room/d"]


async def test_a_wake_up_wakes_a_sleeping_key(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async def arm(context: Context) -> None:
        context.wake_at(system.clock.now() + 1000, "time")

    async with open_system() as system:
        roster = open_roster(system, journals)
        roster.tell("x", arm)
        await trio.sleep(900)
        assert roster.active == 0
        await trio.sleep(101)

        assert journals["x"].handled == [arm, "time"]


async def test_a_sleeping_key_may_be_watched_and_sleep_is_not_down(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals, idle_s=10)
        system.watch("room/watcher", "room/x")

        roster.tell("x", 1)
        await trio.sleep(100)
        assert journals["watcher"].handled == []
        await system.stop("room/x")
        await trio.sleep(1)

    assert len(journals["watcher"].handled) == 1


async def test_a_key_is_put_to_sleep_on_request(
    autojump_clock: MockClock, journals: Journals
) -> None:
    async with open_system() as system:
        roster = open_roster(system, journals)
        roster.tell("x", 1)
        await trio.sleep(1)

        assert system.passivate("room/x")
        await trio.sleep(1)

        assert roster.statistics().slept == 1
        assert not roster.passivate("x")


async def test_a_prefix_is_one_word_and_given_once(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        open_roster(system, {})

        with pytest.raises(ValueError, match="already"):
            open_roster(system, {})
        with pytest.raises(ValueError, match="slash"):
            Roster(system, "a/b", lambda _key: Diarist(Journal()))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_however_keys_sleep_and_wake_nothing_is_lost_or_reordered(seed: int) -> None:
    chance = random.Random(seed)
    journals: Journals = defaultdict(Journal)
    told: dict[str, list[int]] = defaultdict(list)
    alive: dict[str, int] = defaultdict(int)

    class Slow(Diarist):
        async def started(self, context: Context) -> None:
            alive[context.address] += 1
            assert alive[context.address] == 1, "one activation a key"
            await trio.sleep(chance.random())
            await super().started(context)

        async def stopping(self) -> None:
            assert self.context is not None
            await trio.sleep(chance.random())
            alive[self.context.address] -= 1

    async def live() -> None:
        async with open_system(chance=chance) as system:
            roster = Roster(system, "r", lambda key: Slow(journals[key]), idle_s=0.5, active_max=3)
            for number in range(80):
                key = chance.choice("abcdef")
                if roster.tell(key, number) is Told.ACCEPTED:
                    told[key].append(number)
                if chance.random() < 0.2:
                    roster.passivate(chance.choice("abcdef"))
                await trio.sleep(chance.random() * 0.6)
            await trio.sleep(10)
            assert roster.active == 0

    trio.run(live, clock=MockClock(autojump_threshold=0))

    assert {key: journal.handled for key, journal in journals.items()} == told


async def test_a_key_that_cannot_say_goodbye_sleeps_all_the_same(
    autojump_clock: MockClock, journals: Journals
) -> None:
    class Rude(Diarist):
        async def stopping(self) -> None:
            raise ValueError

    async with open_system() as system:
        roster = Roster(system, "rude", lambda key: Rude(journals[key]), idle_s=1)
        roster.tell("x", 1)

        await trio.sleep(30)

        assert roster.statistics() == RosterStatistics(active=0, woken=1, slept=1)
        assert roster.tell("x", 2) is Told.ACCEPTED
