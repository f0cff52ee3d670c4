"""Copies that wait: who is taken to be tried, and who is given up."""

from omni_actors.model.copies import Copies, NoCopy
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.store.copies import ClaimCopies, CopyLines, LapseCopies, SettleCopies
from omni_actors.store.queries import DeadLetters
from omni_actors.store.verbs import Redrive, TakenUp
from tests.store.conftest import REJECTED, Desk

LATER = NoCopy("later", Failure(Kind.TRANSIENT, Reason.RECIPIENT_UNREACHABLE))
NEVER = NoCopy("never", Failure(Kind.REJECTED, Reason.RECIPIENT_INVALID))
NOBODY_KNOWS = NoCopy("unknown", Failure(Kind.UNKNOWN, Reason.TIMED_OUT))


async def taken_without(desk: Desk, *again: NoCopy, lost: tuple[NoCopy, ...] = ()) -> str:
    """A part that was taken, but for these copies."""
    leg_id = await desk.leg()
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, TakenUp(("x1",), copies=Copies(again, lost, 2_000.0)))
    return claimed.part_id


def told(desk: Desk) -> list[tuple[object, object]]:
    events = [event for event in desk.events() if event.type == "message.member"]
    return [(event.detail["participant"], event.detail["status"]) for event in events]


async def test_they_are_due_at_their_time_and_once(desk: Desk) -> None:
    part_id = await taken_without(desk, LATER, lost=(NEVER,))

    assert told(desk) == [("never", "failed")]
    assert [(line.part_id, line.due_at) for line in desk.ask(CopyLines())] == [(part_id, 2_000.0)]
    assert await desk.do(ClaimCopies(part_id, 1_999.0)) is None

    taken = await desk.do(ClaimCopies(part_id, 2_000.0))
    assert (taken.claimed.only, taken.tries, taken.doubted) == (("later",), 1, frozenset())
    attempt_id = taken.claimed.attempt_id
    await desk.do(SettleCopies(part_id, attempt_id, 2_001.0, ("later",), Copies()))

    assert told(desk) == [("never", "failed"), ("later", "sent")]
    assert desk.ask(CopyLines()) == ()
    assert await desk.do(ClaimCopies(part_id, 3_000.0)) is None


async def test_who_was_left_in_doubt_twice_is_given_up_and_nobody_else(desk: Desk) -> None:
    part_id = await taken_without(desk, LATER, NOBODY_KNOWS)

    first = await desk.do(ClaimCopies(part_id, 2_000.0))
    second = await desk.do(ClaimCopies(part_id, 2_001.0))
    third = await desk.do(ClaimCopies(part_id, 2_002.0))

    assert (first.claimed.only, first.doubted) == (("later", "unknown"), {"unknown"})
    assert (second.claimed.only, second.doubted) == (("later",), {"later"})
    assert third is None
    assert told(desk) == [("unknown", "failed"), ("later", "failed")]
    assert desk.ask(CopyLines()) == ()


async def test_nobody_waits_for_ever(desk: Desk) -> None:
    await taken_without(desk, LATER)

    await desk.do(LapseCopies(1_000.0 + 2 * 86_400.0))
    assert told(desk) == []
    await desk.do(LapseCopies(1_000.0 + 4 * 86_400.0))

    assert told(desk) == [("later", "failed")]
    assert desk.ask(CopyLines()) == ()


async def came_back(desk: Desk) -> None:
    """The part was not delivered after all, and its operator sends it anew."""
    await desk.status("x1", "failed", failure=REJECTED)
    [letter] = desk.ask(DeadLetters("default")).rows
    await desk.do(Redrive("default", (letter.id,), 3_000.0))


async def test_what_becomes_of_a_copy_takes_no_part_out_of_the_queue(desk: Desk) -> None:
    part_id = await taken_without(desk, LATER, NOBODY_KNOWS)
    taken = await desk.do(ClaimCopies(part_id, 2_000.0))
    await came_back(desk)

    again = Copies((NOBODY_KNOWS,), (), 4_000.0)
    await desk.do(SettleCopies(part_id, taken.claimed.attempt_id, 3_001.0, ("later",), again))
    assert desk.heads() == [part_id]
    await desk.do(LapseCopies(1_000.0 + 4 * 86_400.0))

    assert desk.heads() == [part_id]
    assert told(desk) == [("later", "sent"), ("unknown", "failed")]


async def test_whom_a_part_reached_when_it_went_anew_gets_no_copy(desk: Desk) -> None:
    part_id = await taken_without(desk, LATER)
    await came_back(desk)
    assert desk.ask(CopyLines()) == ()

    [claimed] = await desk.claim(part_id, at=3_001.0)
    await desk.settle(claimed, TakenUp(("x1",)), at=3_002.0)

    assert desk.ask(CopyLines()) == ()
    assert await desk.do(ClaimCopies(part_id, 4_000.0)) is None
