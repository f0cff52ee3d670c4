"""Crashes: what is retried, what is quarantined, what is parked, and what ends the house."""

import random
from collections import Counter
from collections.abc import Mapping

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.actors.cell import Context, Policy, Quarantined
from omni_actors.actors.errors import AskFailed, Escalated
from omni_actors.actors.supervisor import Exhausted, Limits, Record, Restart
from omni_actors.actors.system import open_system
from tests.actors.behaviours import Boom, Journal, diarist, wait_for

MockClock = trio.testing.MockClock


def crashing(**times: int) -> Journal:
    return Journal(crashes_due=Counter(times))


async def test_a_crash_retries_the_message_in_hand_and_keeps_the_order(
    autojump_clock: MockClock,
) -> None:
    journal = crashing(b=2)
    async with open_system() as system:
        system.spawn("a", diarist(journal))
        for message in "abc":
            system.tell("a", message)
        await trio.sleep(10)

        (state,) = system.snapshot()

    assert journal.tried == ["a", "b", "b", "b", "c"]
    assert journal.attempts == [1, 1, 2, 3, 1]
    assert journal.started == 3
    assert (state.failed, state.restarts, state.handled) == (2, 2, 3)


async def test_a_message_that_crashes_three_times_is_quarantined(autojump_clock: MockClock) -> None:
    journal = crashing(b=99)
    recorded = []

    async def record(poison: Quarantined) -> None:
        await trio.sleep(1)
        recorded.append(poison)

    async with open_system() as system:
        system.spawn("a", diarist(journal), on_poison=record)
        for message in "abc":
            system.tell("a", message)
        await trio.sleep(10)

        assert system.dead_letters.counts["poison"] == 1

    assert journal.handled == ["a", "c"]
    assert journal.tried.count("b") == 3
    assert [(each.message, each.attempts) for each in recorded] == [("b", 3)]


async def test_poison_stays_in_hand_until_its_owner_has_recorded_it(
    autojump_clock: MockClock,
) -> None:
    journal = crashing(b=99)
    calls = []

    async def record(poison: Quarantined) -> None:
        calls.append(poison.message)
        if len(calls) < 3:
            raise Boom

    async with open_system() as system:
        system.spawn("a", diarist(journal), on_poison=record)
        system.tell("a", "b")
        system.tell("a", "c")
        await trio.sleep(100)

    assert calls == ["b", "b", "b"]
    assert journal.handled == ["c"]
    assert journal.tried.count("b") == 3


async def test_a_question_that_is_poison_fails_its_asker(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        system.spawn("a", diarist(crashing(b=99)))

        with pytest.raises(AskFailed, match="poison"):
            await system.ask("a", "b", timeout_s=60)


async def test_too_many_crashes_park_the_actor_and_a_probe_revives_it(
    autojump_clock: MockClock,
) -> None:
    journal = Journal(start_crashes_due=7)
    events = []
    async with open_system(observe=lambda name, _fields: events.append(name)) as system:
        system.spawn("a", diarist(journal))
        for number in range(3):
            system.tell("a", number)
        await trio.sleep(30)

        (state,) = system.snapshot()
        assert state.state == "parked"
        assert state.depth == {"normal": 3}
        assert events.count("actor.parked") == 1
        await trio.sleep(150)

    assert journal.handled == [0, 1, 2]
    assert journal.started == 8


async def test_a_parked_actor_does_not_disturb_others(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("bad", diarist(Journal(start_crashes_due=1000)))
        system.spawn("good", diarist(journal))
        for minute in range(10):
            system.tell("good", minute)
            await trio.sleep(60)

        states = {state.address: state.state for state in system.snapshot()}

    assert journal.handled == list(range(10))
    assert states == {"bad": "parked", "good": "idle"}


async def test_crashing_infrastructure_ends_the_house_with_a_clear_error(
    autojump_clock: MockClock,
) -> None:
    async def live() -> None:
        async with open_system() as system:
            system.spawn("writer", diarist(Journal(start_crashes_due=99)), policy=Policy.ESCALATE)
            await trio.sleep_forever()

    with pytest.raises(Escalated, match=r"writer crashed too often.*Boom at"):
        await live()


async def test_errors_are_told_by_type_and_place_without_their_text(
    autojump_clock: MockClock,
) -> None:
    told: list[Mapping[str, object]] = []
    async with open_system(observe=lambda _name, fields: told.append(fields)) as system:
        system.spawn("a", diarist(crashing(**{"my secret": 1})))
        system.tell("a", "my secret")
        await trio.sleep(1)

        (state,) = system.snapshot()

    assert state.last_error is not None
    assert state.last_error.startswith("Boom at tests.actors.behaviours:handle:")
    assert not any("secret" in str(fields) for fields in told)


async def test_a_crash_cancels_the_children_before_the_next_start(
    autojump_clock: MockClock,
) -> None:
    ended = []
    journal = Journal()

    async def child() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(journal.started)

    async def start(context: Context) -> None:
        context.start_soon(child)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", start)
        journal.crashes_due["b"] = 1
        system.tell("a", "b")
        await trio.sleep(1)

        assert system.snapshot()[0].children == 0

    assert ended == [1]
    assert journal.handled == [start, "b"]


async def test_a_childs_crash_is_a_crash_of_its_actor(autojump_clock: MockClock) -> None:
    journal = Journal()

    async def child() -> None:
        await trio.sleep(1)
        raise Boom

    async def start(context: Context) -> None:
        context.start_soon(child)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", start)
        await trio.sleep(5)
        system.tell("a", "on we go")
        await trio.sleep(5)

        (state,) = system.snapshot()

    assert journal.started == 2
    assert journal.handled == [start, "on we go"]
    assert state.restarts == 1


async def test_a_mixed_group_is_a_crash_and_still_cancels(autojump_clock: MockClock) -> None:
    journal = Journal()

    async def torn(_context: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise Boom

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", torn)

        left = await system.stop("a", deadline_s=1)

        assert left == 1
        assert system.dead_letters.counts["stopped"] == 1


async def test_keyboard_interrupt_is_nobodys_crash() -> None:
    async def interrupt(_context: Context) -> None:
        raise KeyboardInterrupt

    async def live() -> None:
        async with open_system() as system:
            system.spawn("a", diarist(Journal()))
            system.tell("a", interrupt)
            await trio.sleep(1)

    with pytest.raises(BaseExceptionGroup) as caught:
        await live()

    assert caught.value.subgroup(KeyboardInterrupt) is not None


async def test_a_start_that_takes_too_long_is_a_crash(autojump_clock: MockClock) -> None:
    starts = []

    class Sleepy:
        async def started(self, _context: Context) -> None:
            starts.append(trio.current_time())
            if len(starts) == 1:
                await trio.sleep_forever()

        async def handle(self, _message: object) -> None:
            """Nothing to do."""

    async with open_system() as system:
        system.spawn("a", Sleepy)
        await system.wait_started("a", timeout_s=60)

    assert len(starts) == 2
    assert starts[1] - starts[0] >= 30


async def test_a_pause_while_it_restarts_keeps_the_message_in_hand(
    autojump_clock: MockClock,
) -> None:
    handled = []

    class Slow:
        async def started(self, _context: Context) -> None:
            await trio.sleep(10)

        async def handle(self, message: object) -> None:
            handled.append(message)
            if len(handled) == 1:
                raise Boom

    async with open_system() as system:
        system.spawn("a", Slow)
        system.tell("a", "kept")
        await trio.sleep(15)
        assert system.snapshot()[0].state == "running", "it is starting again"

        system.pause("a")
        await trio.sleep(60)
        system.resume("a")

    assert handled == ["kept", "kept"]


async def test_a_handler_that_blocks_is_cut_when_its_actor_must_end(
    autojump_clock: MockClock,
) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.spawn("b", diarist(journal))
        system.tell("a", wait_for(trio.Event()))

        left = await system.stop("a", deadline_s=3)
        system.tell("b", "unharmed")

    assert left == 1
    assert journal.handled == ["unharmed"]


def test_the_pause_grows_and_is_capped() -> None:
    record, limits = Record(), Limits(restarts_max=100, cap_s=2.0)

    delays = [record.crash(limits, now=float(second), jitter=1.0) for second in range(6)]

    assert delays == [Restart(0.2), Restart(0.4), Restart(0.8), Restart(1.6)] + [Restart(2.0)] * 2


def test_the_sixth_crash_in_a_minute_is_one_too_many() -> None:
    record, limits = Record(), Limits()

    verdicts = [record.crash(limits, now=float(second), jitter=0.0) for second in range(6)]

    assert verdicts == [Restart(0.0)] * 5 + [Exhausted()]


def test_health_makes_the_pause_short_again() -> None:
    record, limits = Record(), Limits()
    for second in range(3):
        record.crash(limits, now=float(second), jitter=0.5)

    verdict = record.crash(limits, now=100.0, jitter=0.5)

    assert verdict == Restart(0.1)


@pytest.mark.slow
@given(st.lists(st.floats(0, 30), max_size=60), st.randoms(use_true_random=False))
def test_never_more_restarts_than_allowed_in_any_window(
    gaps: list[float], chance: random.Random
) -> None:
    record, limits = Record(), Limits()
    now, restarts = 0.0, []
    for gap in gaps:
        now += gap
        if record.crash(limits, now, chance.random()) != Exhausted():
            restarts.append(now)

    for start in restarts:
        assert sum(start <= each < start + limits.window_s for each in restarts) <= 5


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_any_mix_of_crashes_keeps_the_order_of_what_is_handled(seed: int) -> None:
    chance = random.Random(seed)
    journal = Journal(
        crashes_due=Counter({n: chance.choice((0, 0, 0, 1, 2, 9)) for n in range(12)})
    )
    poison = [number for number in range(12) if journal.crashes_due[number] == 9]

    async def live() -> None:
        async with open_system(chance=chance) as system:
            system.spawn("a", diarist(journal))
            for number in range(12):
                system.tell("a", number)
                if chance.random() < 0.3:
                    await trio.sleep(chance.random())
            await trio.sleep(4000)
            assert system.dead_letters.counts["poison"] == len(poison)

    trio.run(live, clock=MockClock(autojump_threshold=0))

    assert journal.handled == [number for number in range(12) if number not in poison]
