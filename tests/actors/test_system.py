"""Telling, offering, asking, watching and stopping."""

from typing import Any

import pytest
import trio
import trio.testing

from omni_actors.actors.cell import Context, Down
from omni_actors.actors.errors import AskFailed, Undelivered, WouldDeadlock
from omni_actors.actors.mailbox import Lane, Told
from omni_actors.actors.system import System, open_system
from tests.actors.behaviours import Boom, Journal, diarist, wait_for

MockClock = trio.testing.MockClock


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_messages_of_one_sender_are_handled_in_order(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("a", diarist(journal))

        for number in range(300):
            assert system.tell("a", number) is Told.ACCEPTED
        await settled()

    assert journal.handled == list(range(300))
    assert journal.started == 1


async def test_an_actor_handles_one_message_at_a_time(autojump_clock: MockClock) -> None:
    running = 0
    most = 0

    async def slow(_context: Context) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(0.1)
        running -= 1

    async with open_system() as system:
        system.spawn("a", diarist(Journal()))
        for _ in range(10):
            system.tell("a", slow)

    assert most == 1


async def test_a_busy_actor_does_not_keep_others_waiting(autojump_clock: MockClock) -> None:
    release = trio.Event()
    journals = [Journal() for _ in range(200)]
    async with open_system() as system:
        for number, journal in enumerate(journals):
            system.spawn(f"a/{number}", diarist(journal))
        for number in range(0, 200, 2):
            system.tell(f"a/{number}", wait_for(release))

        for number in range(200):
            system.tell(f"a/{number}", "hello")
        await settled()

        assert all(journal.handled == ["hello"] for journal in journals[1::2])
        assert all(not journal.handled for journal in journals[::2])
        release.set()
    assert all("hello" in journal.handled for journal in journals[::2])


async def test_telling_nobody_is_stopped_and_a_dead_letter(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        told = system.tell("nobody", "hello")

        assert told is Told.STOPPED
        assert system.dead_letters.counts["unknown"] == 1
        assert system.dead_letters.recent()[0].kind == "str"


async def test_a_full_mailbox_is_told_and_the_actor_learns_of_it(autojump_clock: MockClock) -> None:
    release = trio.Event()
    seen = []

    async def look(context: Context) -> None:
        seen.append(context.take_overflowed())

    async with open_system() as system:
        system.spawn("a", diarist(Journal()), count_max=3)
        system.tell("a", wait_for(release))
        await settled()
        told = [system.tell("a", look) for _ in range(4)]
        release.set()

    assert told == [Told.ACCEPTED] * 3 + [Told.FULL]
    assert seen == [False, True, False]


async def test_offers_wait_for_room_and_are_let_in_in_order(autojump_clock: MockClock) -> None:
    release = trio.Event()
    journal = Journal()
    busy = wait_for(release)
    async with open_system() as system, trio.open_nursery() as nursery:
        system.spawn("a", diarist(journal), count_max=1)
        system.tell("a", busy)
        await settled()
        system.tell("a", "first")
        for number in range(5):
            nursery.start_soon(system.offer, "a", number)
            await settled()

        assert system.tell("a", "overtakes") is Told.FULL
        release.set()

    assert journal.handled == [busy, "first", 0, 1, 2, 3, 4]


async def test_a_cancelled_offer_leaves_nothing_and_lets_the_next_in(
    autojump_clock: MockClock,
) -> None:
    release = trio.Event()
    journal = Journal()
    async with open_system() as system, trio.open_nursery() as nursery:
        system.spawn("a", diarist(journal), bytes_max=10)
        system.tell("a", wait_for(release))
        await settled()
        system.tell("a", "six", size=6)
        with trio.move_on_after(1) as scope:
            nursery.start_soon(offer_later, system, "small", 4)
            await system.offer("a", "too big for now", size=9)
        await settled()

        assert scope.cancelled_caught
        assert system.snapshot()[0].depth == {"normal": 2}
        release.set()
    assert journal.handled[1:] == ["six", "small"]


async def offer_later(system: System, message: object, size: int) -> None:
    await trio.sleep(0.5)
    await system.offer("a", message, size=size)


async def test_an_offer_to_an_actor_that_stops_is_told_so(autojump_clock: MockClock) -> None:
    release = trio.Event()
    answers = []

    async def offer(system: System) -> None:
        answers.append(await system.offer("a", "x"))

    async with open_system() as system, trio.open_nursery() as nursery:
        system.spawn("a", diarist(Journal()), count_max=1)
        system.tell("a", wait_for(release))
        await settled()
        system.tell("a", "fills it")
        nursery.start_soon(offer, system)
        await settled()

        left = await system.stop("a", deadline_s=1)

    assert answers == [Told.STOPPED]
    assert left == 2


async def test_an_ask_returns_what_the_handler_returned(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        system.spawn("a", diarist(Journal()))

        assert await system.ask("a", 42, timeout_s=1) == 42


async def test_a_late_reply_is_discarded_and_counted(autojump_clock: MockClock) -> None:
    async def slow(_context: Context) -> str:
        await trio.sleep(5)
        return "late"

    async with open_system() as system:
        system.spawn("a", diarist(Journal()))
        with pytest.raises(trio.TooSlowError):
            await system.ask("a", slow, timeout_s=1)

        await trio.sleep(10)

        assert system.dead_letters.counts["late_reply"] == 1
        assert await system.ask("a", "again", timeout_s=1) == "again"


async def test_a_question_that_waited_too_long_is_dropped_unhandled(
    autojump_clock: MockClock,
) -> None:
    journal = Journal()

    async def slow(_context: Context) -> None:
        await trio.sleep(5)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", slow)
        with pytest.raises(trio.TooSlowError):
            await system.ask("a", "stale", timeout_s=1)

    assert journal.handled == [slow]
    assert system.dead_letters.counts["expired"] == 1


async def test_an_ask_obeys_the_callers_scope(autojump_clock: MockClock) -> None:
    journal = Journal()

    async def slow(_context: Context) -> None:
        await trio.sleep(5)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", slow)
        with trio.move_on_after(1) as scope:
            await system.ask("a", "stale", timeout_s=100)

    assert scope.cancelled_caught
    assert journal.handled == [slow], "its deadline travelled with it"


async def test_a_nested_ask_inherits_the_deadline_of_the_question_in_hand(
    autojump_clock: MockClock,
) -> None:
    waited = []

    async def slow(_context: Context) -> None:
        await trio.sleep(50)

    async with open_system() as system:

        async def forward(_context: Context) -> None:
            began = trio.current_time()
            with pytest.raises(trio.TooSlowError):
                await system.ask("b", slow, timeout_s=100)
            waited.append(trio.current_time() - began)

        system.spawn("a", diarist(Journal()))
        system.spawn("b", diarist(Journal()))
        with pytest.raises(trio.TooSlowError):
            await system.ask("a", forward, timeout_s=2)

    assert waited == [pytest.approx(2)]


async def test_asking_round_in_a_circle_fails_at_once(autojump_clock: MockClock) -> None:
    async with open_system() as system:

        async def ask_a(_context: Context) -> Any:
            return await system.ask("a", "hello", timeout_s=60)

        async def ask_b(_context: Context) -> Any:
            with pytest.raises(WouldDeadlock) as caught:
                await system.ask("b", ask_a, timeout_s=60)
            return caught.value.chain

        async def ask_b_or_tell(_context: Context) -> Any:
            return await system.ask("b", ask_a_and_tell, timeout_s=60)

        async def ask_a_and_tell(_context: Context) -> Any:
            with pytest.raises(WouldDeadlock) as caught:
                await system.ask("a", "hello", timeout_s=60)
            return caught.value.chain

        system.spawn("a", diarist(Journal()))
        system.spawn("b", diarist(Journal()))

        chain = await system.ask("a", ask_b_or_tell, timeout_s=60)

        assert chain == ("a", "b")
        assert trio.current_time() < 1


async def test_a_child_task_may_ask_its_own_actor(autojump_clock: MockClock) -> None:
    answers = []
    async with open_system() as system:

        async def ask_home() -> None:
            answers.append(await system.ask("a", "hello", timeout_s=1))

        async def start(context: Context) -> None:
            context.start_soon(ask_home)

        system.spawn("a", diarist(Journal()))
        system.tell("a", start)
        await settled()

    assert answers == ["hello"]


async def test_a_question_that_does_not_fit_is_undelivered(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        system.spawn("a", diarist(Journal()), bytes_max=10)

        with pytest.raises(Undelivered) as caught:
            await system.ask("a", "x", timeout_s=1, size=11)

        assert caught.value.told is Told.TOO_LARGE


async def test_stopping_an_actor_fails_the_questions_it_will_not_answer(
    autojump_clock: MockClock,
) -> None:
    async with open_system() as system, trio.open_nursery() as nursery:
        system.spawn("a", diarist(Journal()))
        system.tell("a", wait_for(trio.Event()))

        async def ask() -> None:
            with pytest.raises(AskFailed, match="stopped"):
                await system.ask("a", "hello", timeout_s=60)

        nursery.start_soon(ask)
        await settled()
        await system.stop("a", deadline_s=1)


async def test_stop_lets_what_is_there_finish(autojump_clock: MockClock) -> None:
    journal = Journal()

    async def slow(_context: Context) -> None:
        await trio.sleep(1)

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        for _ in range(3):
            system.tell("a", slow)

        left = await system.stop("a", deadline_s=5)

        assert left == 0
        assert len(journal.handled) == 3
        assert journal.stopped == 1
        assert system.tell("a", "x") is Told.STOPPED


async def test_an_actor_may_stop_itself(autojump_clock: MockClock) -> None:
    journal = Journal()

    async def enough(context: Context) -> None:
        context.stop_soon("enough")

    async with open_system() as system:
        system.spawn("a", diarist(journal))
        system.tell("a", enough)
        await trio.sleep(1)

        assert journal.stopped == 1
        assert system.snapshot() == []


async def test_an_actor_cannot_wait_for_its_own_end(autojump_clock: MockClock) -> None:
    failed = []
    async with open_system() as system:

        async def end_all(_context: Context) -> None:
            with pytest.raises(WouldDeadlock):
                await system.stop("a")
            with pytest.raises(RuntimeError, match="cannot wait"):
                await system.drain(1)
            failed.append("handler")

        async def in_a_child(context: Context) -> None:
            context.start_soon(end_all, context)

        system.spawn("a", diarist(Journal()))
        system.tell("a", end_all)
        system.tell("a", in_a_child)

    assert failed == ["handler"] * 2


async def test_a_watcher_is_told_once_that_it_is_down(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("watcher", diarist(journal))
        for name in ("a", "b"):
            system.spawn(name, diarist(Journal()))
            system.watch("watcher", name)
        system.watch("watcher", "a")

        await system.stop("a", reason="removed")
        await system.stop("b")
        system.watch("watcher", "nobody")
        await settled()

    assert journal.handled == [
        Down("a", "removed"),
        Down("b", "stopped"),
        Down("nobody", "unknown"),
    ]


async def test_completions_come_back_through_a_full_mailbox(autojump_clock: MockClock) -> None:
    journal = Journal()
    release = trio.Event()

    async def start(context: Context) -> None:
        async def child() -> None:
            await trio.sleep(1)
            context.tell_self("done")

        context.start_soon(child)
        await release.wait()

    async with open_system() as system:
        system.spawn("a", diarist(journal), count_max=1)
        system.tell("a", start)
        await settled()
        system.tell("a", "fills it")
        await trio.sleep(2)
        release.set()

    assert journal.handled == [start, "fills it", "done"]


async def test_a_wake_up_comes_once_at_the_earliest_time_set(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:

        async def arm(context: Context) -> None:
            now = system.clock.now()
            context.wake_at(now + 30, "later", key="look")
            context.wake_at(now + 10, "sooner", key="look")
            context.wake_at(now + 20, "in between", key="look")
            context.wake_at(now + 15, "other", key="other")

        system.spawn("a", diarist(journal))
        system.tell("a", arm)
        await trio.sleep(9)
        assert journal.handled == [arm]
        await trio.sleep(60)

    assert journal.handled == [arm, "sooner", "other"]


async def test_a_paused_actor_keeps_its_mailbox(autojump_clock: MockClock) -> None:
    journal = Journal()
    async with open_system() as system:
        system.spawn("a", diarist(journal))
        await system.wait_started("a", timeout_s=1)

        system.pause("a")
        system.tell("a", 1)
        await trio.sleep(100)
        assert journal.handled == []
        assert system.snapshot()[0].state == "paused"
        assert system.snapshot()[0].oldest_s == {"normal": pytest.approx(100)}
        system.resume("a")

    assert journal.handled == [1]


async def test_a_snapshot_names_what_is_in_hand_and_for_how_long(autojump_clock: MockClock) -> None:
    async with open_system(close_s=0.1) as system:
        system.spawn("a", diarist(Journal()), group="work")
        system.tell("a", wait_for(trio.Event()))
        system.tell("a", "hello", lane=Lane.BULK)
        await trio.sleep(7)

        (state,) = system.snapshot()
        stack = system.stack("a")

    assert (state.address, state.state, state.group) == ("a", "running", "work")
    assert (state.in_hand, state.attempt) == ("function", 1)
    assert state.in_hand_s == pytest.approx(7)
    assert state.depth == {"bulk": 1}
    assert any(place.endswith(" busy") for place in stack)


async def test_service_times_are_kept_as_quantiles(autojump_clock: MockClock) -> None:
    async def slow(_context: Context) -> None:
        await trio.sleep(1)

    async with open_system() as system:
        system.spawn("a", diarist(Journal()))
        for _ in range(98):
            system.tell("a", "fast")
        for _ in range(2):
            await settled()
            system.tell("a", slow)
        await trio.sleep(3)

        (state,) = system.snapshot()

    assert state.handled == 100
    assert state.p50_s < 0.001
    assert 1.0 <= state.p99_s <= 2.0


async def test_an_error_in_the_block_passes_unchanged() -> None:
    async def live() -> None:
        async with open_system() as system:
            system.spawn("a", diarist(Journal()))
            raise Boom

    with pytest.raises(Boom):
        await live()


async def test_nobody_waits_for_a_house_that_has_ended(autojump_clock: MockClock) -> None:
    ended = []

    async def ask(system: System) -> None:
        with pytest.raises(AskFailed):
            await system.ask("a", "never answered", timeout_s=1000)
        ended.append("ask")

    async def offer(system: System) -> None:
        assert await system.offer("a", "no room") is Told.STOPPED
        ended.append("offer")

    async with trio.open_nursery() as nursery:
        with pytest.raises(Boom):  # noqa: PT012  the block is what is tested
            async with open_system() as system:
                system.spawn("a", diarist(Journal()), count_max=1)
                system.tell("a", wait_for(trio.Event()))
                await settled()
                nursery.start_soon(ask, system)
                await settled()
                nursery.start_soon(offer, system)
                await settled()
                raise Boom

    assert sorted(ended) == ["ask", "offer"]
    assert system.tell("a", "too late") is Told.STOPPED
    assert trio.current_time() < 1


async def test_an_answer_at_the_deadline_is_an_answer_or_too_late_but_never_both(
    autojump_clock: MockClock,
) -> None:
    async def exactly(_context: Context) -> str:
        await trio.sleep(1)
        return "in time"

    async with open_system() as system:
        system.spawn("a", diarist(Journal()))
        try:
            answer = await system.ask("a", exactly, timeout_s=1)
        except trio.TooSlowError:
            await settled()
            assert system.dead_letters.counts["late_reply"] == 1
        else:
            assert answer == "in time"
            assert system.dead_letters.counts["late_reply"] == 0


async def test_an_address_is_given_once(autojump_clock: MockClock) -> None:
    async with open_system() as system:
        system.spawn("a", diarist(Journal()))

        with pytest.raises(ValueError, match="taken"):
            system.spawn("a", diarist(Journal()))
