"""What is held: until its window opens, or until somebody decides about what is in doubt."""

from collections.abc import Mapping, Sequence

from omni_actors.model.states import PartStatus
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Writing, writes, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.closed import IS_OPEN
from omni_actors.store.handlers.heads import wakes_by_leg
from omni_actors.store.handlers.journal import Journal, take_numbers
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.parts import FOR_DOUBT, FOR_OUTREACH, Parts
from omni_actors.store.handlers.views import messages_by_id
from omni_actors.store.limits import HoldPart, OpenWindow, Release
from omni_actors.store.rows import LegWake, Message

HELD = """
    SELECT p.id, p.leg_id, p.held_for FROM rows(:batch, leg_id text) w
    JOIN part p ON p.leg_id = w.leg_id AND p.status = 'held' AND p.held_for <> 'doubt'
    ORDER BY p.pos
"""
TO_THE_TAIL = """
    UPDATE part SET pos = new.pos FROM rows(:batch, id text, pos bigint) new WHERE part.id = new.id
"""
BEGIN_AGAIN = """
    UPDATE part SET queued_at = new.at FROM rows(:batch, id text, at real) new
    WHERE part.id = new.id
"""


@writes_many(OpenWindow)
def open_windows(db: Writing, verbs: Sequence[OpenWindow]) -> Sequence[tuple[LegWake, ...]]:
    wakes = let_go(db, {verb.leg_id: verb.at for verb in verbs})
    return [wakes.get(verb.leg_id, ()) for verb in verbs]


def let_go(db: Writing, opened: Mapping[str, float]) -> dict[str, tuple[LegWake, ...]]:
    """Queue what is held for the windows of these legs, which opened then; the wakes by leg.

    Later parts of a leg may have gone by what waited for its window, and none by what waited for
    room: all that a leg with such parts holds keeps its place.
    """
    held = look(db, HELD, [(leg_id,) for leg_id in opened])
    if not held:
        return {}
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([part_id for part_id, _, _ in held])
    for part_id, leg_id, _ in held:
        part = parts.get(part_id)
        assert part is not None
        parts.queue(part, opened[leg_id])
    parts.keep()
    in_line = {leg_id for _, leg_id, wanting in held if wanting == FOR_OUTREACH}
    _move(db, [part_id for part_id, leg_id, _ in held if leg_id not in in_line])
    journal.keep(db)
    return parts.wakes()


@writes(HoldPart)
def hold_part(db: Writing, verb: HoldPart) -> tuple[LegWake, ...]:
    journal = Journal()
    parts = Parts(db, journal)
    parts.load([verb.part_id])
    part = parts.get(verb.part_id)
    if part is None or part.status is not PartStatus.QUEUED:
        return ()
    leg_id, channel_id = part.message.leg_id, part.message.channel_id
    if look(db, IS_OPEN, [(leg_id,)], at=verb.at):  # the customer has written meanwhile
        return wakes_by_leg(db, [(channel_id, leg_id)]).get(leg_id, ())
    parts.hold(part, verb.at, FOR_OUTREACH, verb.failure)
    parts.keep()
    journal.keep(db)
    return parts.wakes().get(leg_id, ())


@writes(Release)
def release(db: Writing, verb: Release) -> Message:
    journal = Journal()
    parts = Parts(db, journal)
    message = parts.message_for(verb.tenant, verb.message_id)
    held = [part for part in message.parts if in_doubt(part)]
    if not held:
        raise Refused("not_held", "No part of this message is held because nobody knows about it.")
    for part in held:
        part.attempts = 0
        part.first_failed_at = None
        parts.queue(part, verb.at, maybe_duplicate=True)
    parts.keep()
    _move(db, [part.id for part in held])
    put(db, BEGIN_AGAIN, [(part.id, verb.at) for part in held])
    journal.keep(db)
    return messages_by_id(db, [verb.message_id])[verb.message_id]


def in_doubt(part: PartWork) -> bool:
    """Whether a part is held because nobody knows what became of it; others wait for a window."""
    return part.held_for == FOR_DOUBT


def _move(db: Writing, part_ids: Sequence[str]) -> None:
    """Behind what may be on the wire for their legs, in their order."""
    first = take_numbers(db, "part", len(part_ids))
    put(db, TO_THE_TAIL, [(part_id, first + n) for n, part_id in enumerate(part_ids)])
