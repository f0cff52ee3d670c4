"""The engine's promises: order, grouping, isolation of failures, answers after the commit."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing
from attrs import evolve

from omni_actors.store.contract import News, Query, Refused, StoreFailed, Verb
from omni_actors.store.dialect import WRITERS
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.sqlite.tickets import QueuedVerb
from tests.store.notes import AddNote, Endless, NoteBadly, NoteIds, NoteLast, Notes, open_notes

Open = Callable[..., AbstractAsyncContextManager[SqliteStore]]


@pytest.fixture(params=["quick disk", "slow disk", "inline"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Commits on the run loop, in the thread, or without any thread at all."""
    here_s = 0.0 if request.param == "slow disk" else 1.0

    def open_with(tuning: Tuning | None = None) -> AbstractAsyncContextManager[SqliteStore]:
        tuned = evolve(tuning or Tuning(), commit_here_s=here_s)
        return open_notes(tmp_path, inline=request.param == "inline", tuning=tuned)

    return open_with


async def test_a_verb_is_answered_and_its_row_is_there(open_store: Open) -> None:
    async with open_store() as store:
        answer = await store.do(NoteLast("first"))

        assert answer == 1
        assert store.peek(Notes()) == ("first",)
        assert await store.ask(Notes()) == ("first",)


async def test_rows_are_there_after_reopening(open_store: Open) -> None:
    async with open_store() as store:
        await store.do(NoteLast("kept"))

    async with open_store() as store:
        assert store.peek(Notes()) == ("kept",)


async def test_equal_verbs_of_many_callers_are_carried_out_together(open_store: Open) -> None:
    together: list[int] = []

    async def call(store: SqliteStore, number: int) -> None:
        together.append(await store.do(AddNote(f"n{number}")))

    async with open_store() as store:
        await _hold_writer(store)
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(call, store, number)

    assert max(together) > 1
    assert len(together) == 20


async def test_posted_verbs_take_effect_in_their_order(open_store: Open) -> None:
    async with open_store() as store:
        texts = [f"{number}" for number in range(30)]
        for text in texts:
            kind = int(text) % 3 == 0
            store.post(AddNote(f"id-{text}", text) if kind else NoteLast(text))
        await store.do(NoteLast("last"))

        assert store.peek(Notes()) == (*texts, "last")


async def test_what_was_posted_before_a_do_is_before_it(open_store: Open) -> None:
    async def chatter(store: SqliteStore, number: int) -> None:
        await store.do(AddNote(f"other-{number}", "other"))

    async with open_store() as store, trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(chatter, store, number)
        await trio.testing.wait_all_tasks_blocked()
        ticket = store.post(NoteLast("before"))
        place = await store.do(NoteLast("after"))

        assert await ticket.wait() < place


async def test_a_posted_verb_answers_as_often_as_it_is_asked(open_store: Open) -> None:
    async with open_store() as store:
        ticket = store.post(NoteLast("one"))

        assert [await ticket.wait(), await ticket.wait()] == [1, 1]


async def test_two_tasks_cannot_wait_for_one_verb() -> None:
    answers: list[object] = []
    queued = QueuedVerb(NoteLast("one"), WRITERS[NoteLast], awaited=False)

    async def wait() -> None:
        try:
            answers.append(await queued.wait())
        except RuntimeError as mistake:
            answers.append(str(mistake))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        queued.settle(5)

    assert answers == ["another task waits for this verb already", 5]


async def test_a_failing_verb_fails_only_itself(open_store: Open) -> None:
    answers: dict[str, object] = {}

    async def call(store: SqliteStore, verb: Verb[int], name: str) -> None:
        try:
            answers[name] = await store.do(verb)
        except (apsw.ConstraintError, Refused) as failure:
            answers[name] = type(failure)

    async with open_store() as store:
        await store.do(AddNote("taken", "taken"))
        async with trio.open_nursery() as nursery:
            for verb, name in (
                (AddNote("a", "a"), "a"),
                (AddNote("taken", "again"), "taken"),
                (NoteLast("unwanted"), "unwanted"),
                (NoteLast("b"), "b"),
                (AddNote("c", "c"), "c"),
            ):
                nursery.start_soon(call, store, verb, name)

        assert sorted(store.peek(Notes())) == ["a", "b", "c", "taken"]
    assert answers["taken"] is apsw.ConstraintError
    assert answers["unwanted"] is Refused
    assert all(isinstance(answers[name], int) for name in "abc")


async def test_a_handler_that_forgets_to_answer_fails_its_verb(open_store: Open) -> None:
    async with open_store() as store:
        with pytest.raises(RuntimeError, match="0 answers to 1 verbs"):
            await store.do(NoteBadly())

        assert await store.do(NoteLast("still here")) == 1


async def test_an_unknown_request_is_a_mistake_of_the_caller(open_store: Open) -> None:
    class Unheard(Verb[None]):
        pass

    class Unasked(Query[None]):
        pass

    async with open_store() as store:
        with pytest.raises(TypeError, match="nobody handles the verb Unheard"):
            store.post(Unheard())
        with pytest.raises(TypeError, match="nobody handles the query Unasked"):
            store.peek(Unasked())


async def test_a_cancelled_caller_stays_until_the_commit(open_store: Open) -> None:
    async with open_store() as store:
        with trio.CancelScope() as scope:
            scope.cancel()
            answer = await store.do(NoteLast("committed"))
            assert answer == 1
            await trio.lowlevel.checkpoint()

        assert scope.cancelled_caught
        assert store.peek(Notes()) == ("committed",)


@pytest.mark.slow
async def test_listeners_hear_once_of_a_commit_with_events(open_store: Open) -> None:
    heard: list[News] = []

    async with open_store() as store:
        stop = store.on_events(heard.append)
        await store.do(NoteLast("no event"))
        await store.do(AddNote("event"))
        stop()
        await store.do(AddNote("unheard"))

    assert heard == [News(2, frozenset({"note"}))]


async def test_events_of_a_failed_verb_are_not_rung_for(open_store: Open) -> None:
    heard: list[News] = []

    async with open_store() as store:
        await store.do(AddNote("taken"))
        store.on_events(heard.append)
        with pytest.raises(apsw.ConstraintError):
            await store.do(AddNote("taken"))

    assert heard == []


async def test_what_is_queued_is_carried_out_before_closing(open_store: Open) -> None:
    async with open_store() as store:
        tickets = [store.post(NoteLast(str(number))) for number in range(700)]

    async with open_store() as store:
        assert len(store.peek(Notes())) == 700
    assert [await ticket.wait() for ticket in tickets] == list(range(1, 701))


async def test_a_closed_store_refuses_at_once(open_store: Open) -> None:
    async with open_store() as store:
        pass

    with pytest.raises(StoreFailed, match="closed"):
        await store.do(NoteLast("late"))
    with pytest.raises(StoreFailed, match="closed"):
        await store.post(NoteLast("late")).wait()
    with pytest.raises(StoreFailed, match="closed"):
        store.peek(Notes())


async def test_a_batch_has_a_bound(open_store: Open) -> None:
    async with open_store(tuning=Tuning(batch_max=8)) as store:
        tickets = [store.post(AddNote(str(number))) for number in range(50)]

        assert max([await ticket.wait() for ticket in tickets]) <= 8
        assert len(store.peek(NoteIds())) == 50


async def test_cancelling_a_long_read_stops_it(tmp_path: Path) -> None:
    async with open_notes(tmp_path, tuning=Tuning(readers=1)) as store:
        with trio.move_on_after(0.05) as scope:
            await store.ask(Endless())

        assert scope.cancelled_caught
        assert await store.ask(Notes()) == ()


async def test_a_long_read_does_not_keep_others_from_reading_or_writing(tmp_path: Path) -> None:
    async with open_notes(tmp_path) as store, trio.open_nursery() as nursery:
        nursery.start_soon(store.ask, Endless())
        await trio.testing.wait_all_tasks_blocked()

        assert await store.do(NoteLast("written")) == 1
        assert await store.ask(Notes()) == ("written",)
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_the_log_is_kept_short(open_store: Open, tmp_path: Path) -> None:
    async with open_store(tuning=Tuning(checkpoint_pages=50)) as store:
        for number in range(300):
            await store.do(AddNote(str(number), "x" * 3000))
        longest = (tmp_path / "notes.db-wal").stat().st_size

    assert longest < 200 * 4120
    assert (tmp_path / "notes.db-wal").stat().st_size == 0


async def test_inline_work_needs_no_real_time(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async def call(store: SqliteStore, number: int) -> None:
        await trio.sleep(number)
        await store.do(NoteLast(str(number)))

    async with open_notes(tmp_path, inline=True) as store:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(call, store, number)

        assert store.peek(Notes()) == tuple(map(str, range(50)))
    assert trio.current_time() == pytest.approx(49)


async def _hold_writer(store: SqliteStore) -> None:
    """Give the writer something to do, so that what is queued next is queued together."""
    for number in range(50):
        store.post(NoteLast(f"held {number}"))
