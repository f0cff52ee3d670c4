"""What time brings: expiry, the end of doubt, timers; and what a start finds."""

from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.states import OnUnknown, PartStatus
from omni_actors.store.codec import decode_object
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Writing, writes
from omni_actors.store.handlers.channels import restrict
from omni_actors.store.handlers.held import in_doubt
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.parts import FOR_DOUBT, Parts
from omni_actors.store.handlers.standing import passed
from omni_actors.store.handlers.views import messages_by_id
from omni_actors.store.rows import Message
from omni_actors.store.verbs import (
    Cancel,
    Recover,
    Recovered,
    Tick,
    Ticked,
    Timer,
)

SET_TIMER = """
    INSERT INTO timer (kind, ref, due_at, detail)
    SELECT kind, ref, due_at, detail
    FROM rows(:batch, kind text, ref text, due_at real, detail text) new
    WHERE true
    ON CONFLICT (kind, ref) DO UPDATE SET due_at = excluded.due_at, detail = excluded.detail
"""
DUE_TIMERS = """
    SELECT kind, ref, due_at, detail FROM timer WHERE due_at <= :now
    ORDER BY due_at, kind, ref LIMIT :limit
"""
FORGET_TIMERS = """
    DELETE FROM timer WHERE (kind, ref) IN (
        SELECT t.kind, t.ref FROM rows(:batch, kind text, ref text, due_at real) done
        JOIN timer t ON t.kind = done.kind AND t.ref = done.ref AND t.due_at = done.due_at)
"""
FETCH_AGAIN = "UPDATE media SET due_at = :at WHERE state = 'pending' AND due_at > :at"
EXPIRED = """
    SELECT id FROM part
    WHERE open = 1 AND expires_at IS NOT NULL AND expires_at <= :now
      AND status IN ('queued', 'held')
    ORDER BY expires_at LIMIT :limit
"""
WAITED = """
    SELECT id, expires_at FROM part WHERE status = 'unknown' AND until_at <= :now
    ORDER BY until_at LIMIT :limit
"""
DROP_MEDIA = """
    UPDATE media SET state = 'failed', blob = NULL, ref = NULL, due_at = NULL, until_at = NULL
    WHERE until_at <= :now
"""
UNPARK = """
    DELETE FROM parked WHERE n IN (
        SELECT n FROM parked WHERE parked_at <= :before ORDER BY parked_at LIMIT :limit)
"""
FORGET_EARLY = """
    DELETE FROM early_change WHERE n IN (
        SELECT n FROM early_change WHERE parked_at <= :before ORDER BY parked_at LIMIT :limit)
"""
NEXT = """
    SELECT min(due) FROM (
        SELECT min(due_at) AS due FROM timer
        UNION ALL
        SELECT min(expires_at) FROM part
        WHERE open = 1 AND expires_at IS NOT NULL AND status IN ('queued', 'held')
        UNION ALL
        SELECT min(until_at) FROM part WHERE status = 'unknown'
        UNION ALL
        SELECT min(parked_at) + :parked_s FROM parked
        UNION ALL
        SELECT min(parked_at) + :parked_s FROM early_change
        UNION ALL
        SELECT min(until_at) FROM standing WHERE blocks = 1 AND until_at IS NOT NULL
        UNION ALL
        SELECT min(until_at) FROM media WHERE until_at IS NOT NULL
    ) dues
"""
SENDING = """
    SELECT p.id, c.platform,
        (SELECT count(*) FROM attempt a
         WHERE a.part_id = p.id AND a.ended_at IS NULL AND a.started_at >= p.queued_at)
    FROM part p JOIN channel c ON c.id = p.channel_id
    WHERE p.status = 'sending' AND (:channel_id = '' OR p.channel_id = :channel_id)
"""
LOST = Failure(Kind.UNKNOWN, Reason.UNKNOWN, text="The gateway stopped while this was on its way.")
NEVER_KNOWN = Failure(
    Kind.UNKNOWN, Reason.UNKNOWN, text="Its time is over, and nobody knows whether it arrived."
)
POISON = Failure(
    Kind.UNKNOWN, Reason.INTERNAL, code="poison", text="The gateway stopped each time it sent this."
)
CRASHES_MAX = 3
PARKED_S = 86400.0
WAIT_S = 60.0


@writes(Tick)
def tick(db: Writing, verb: Tick) -> Ticked:
    now, limit = verb.now, verb.limit
    journal = Journal()
    parts = Parts(db, journal)
    expired = [row[0] for row in db.rows(EXPIRED, now=now, limit=limit)]
    waited = db.rows(WAITED, now=now, limit=limit)
    parts.load(expired + [row[0] for row in waited])
    for part_id in expired:
        _expire(parts, part_id, now)
    for part_id, expires_at in waited:
        _end_doubt(parts, part_id, expires_at, now)
    parts.keep()
    allowed = [restrict(db, journal, channel_id, now) for channel_id in passed(db, now)]
    journal.keep(db)
    db.run(DROP_MEDIA, now=now)
    for forget in (UNPARK, FORGET_EARLY):
        db.run(forget, before=now - PARKED_S, limit=limit)
    timers = _due_timers(db, now, limit)
    found = db.row(NEXT, parked_s=PARKED_S)
    wakes = tuple([wake for of_leg in parts.wakes().values() for wake in of_leg])
    channels = tuple([channel for channel in allowed if channel is not None])
    return Ticked(wakes, timers, found[0] if found else None, channels)


def _expire(parts: Parts, part_id: str, now: float) -> None:
    """Its time is over. What may have arrived is not said to have expired unsent."""
    part = parts.get(part_id)
    assert part is not None
    if part.maybe_duplicate or in_doubt(part):
        _never_known(parts, part, now)
    else:
        parts.expire(part, now)


def _end_doubt(parts: Parts, part_id: str, expires_at: float | None, now: float) -> None:
    """No word came in time: send it once more, hold it, or leave it when it is too late."""
    part = parts.get(part_id)
    assert part is not None
    if expires_at is not None and expires_at <= now:
        _never_known(parts, part, now)
    elif part.message.on_unknown == OnUnknown.HOLD.value:
        parts.hold(part, now, FOR_DOUBT)
    else:
        parts.queue(part, now, maybe_duplicate=True)


def _never_known(parts: Parts, part: PartWork, now: float) -> None:
    parts.give_up(part, NEVER_KNOWN, now, reason=Reason.UNKNOWN.value)


def _due_timers(db: Writing, now: float, limit: int) -> tuple[Timer, ...]:
    """The timers that went off; they stay until `Handle` says that they are done."""
    rows = db.rows(DUE_TIMERS, now=now, limit=limit)
    return tuple([Timer(kind, ref, due, decode_object(told)) for kind, ref, due, told in rows])


@writes(Recover)
def recover(db: Writing, verb: Recover) -> Recovered:
    journal = Journal()
    parts = Parts(db, journal)
    rows = db.rows(SENDING, channel_id=verb.channel_id or "")
    parts.load([row[0] for row in rows])
    given_up = 0
    for part_id, platform, crashes in rows:
        part = parts.get(part_id)
        assert part is not None
        if crashes >= CRASHES_MAX:
            given_up += 1
            parts.give_up(part, POISON, verb.at, reason="poison")
        else:
            parts.doubt(part, LOST, verb.at + verb.waits.get(platform, WAIT_S), verb.at)
    parts.keep()
    journal.keep(db)
    if verb.channel_id is None:  # nobody fetches any more
        db.run(FETCH_AGAIN, at=verb.at)
    return Recovered(len(rows) - given_up, given_up)


@writes(Cancel)
def cancel(db: Writing, verb: Cancel) -> Message:
    journal = Journal()
    parts = Parts(db, journal)
    message = parts.message_for(verb.tenant, verb.message_id)
    waiting = [
        part for part in message.parts if part.status in (PartStatus.QUEUED, PartStatus.HELD)
    ]
    if not waiting:
        raise Refused("too_late", "No part of this message can be cancelled any more.")
    for part in waiting:
        parts.cancel(part, verb.at)
    parts.keep()
    journal.keep(db)
    return messages_by_id(db, [verb.message_id])[verb.message_id]
