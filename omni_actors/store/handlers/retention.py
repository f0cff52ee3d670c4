"""Forgetting what is old, and the figures for the metrics."""

from omni_actors.store.codec import loads
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.queries import Figures, IntakeBody
from omni_actors.store.verbs import Intake, Sweep

# Ids and numbers grow with time: the first rows are the oldest, and only those are looked at.
INTAKES = """
    DELETE FROM intake WHERE id IN (
        SELECT old.id FROM (SELECT id, received_at FROM intake ORDER BY id LIMIT :limit) old
        WHERE old.received_at < :before)
"""
SEEN = """
    DELETE FROM seen WHERE n IN (
        SELECT old.n FROM (SELECT n, at FROM seen ORDER BY n LIMIT :limit) old
        WHERE old.at < :before)
"""
EDITS = """
    DELETE FROM edit_intake WHERE intake_id < (SELECT coalesce(min(id), '~') FROM intake)
"""
UNCLAIMED = """
    DELETE FROM unclaimed WHERE at <= (
        SELECT max(old.at) FROM (
            SELECT at FROM unclaimed WHERE at < :before ORDER BY at LIMIT :limit) old)
"""
# What people said goes after the last event that tells of it.
REMARKS = """
    DELETE FROM remark WHERE (channel_id, external_id) IN (
        SELECT channel_id, external_id FROM remark WHERE told_at < :before
        ORDER BY told_at LIMIT :limit)
"""
REMARKS_S = 86400.0
TRACES = """
    DELETE FROM attempt WHERE (part_id, id) IN (
        SELECT a.part_id, a.id FROM attempt a
        LEFT JOIN part p ON p.id = a.part_id
        WHERE a.started_at < :before AND coalesce(p.open, 0) = 0
        ORDER BY a.started_at LIMIT :limit)
"""
ANSWERS = """
    DELETE FROM idempotency WHERE (owner, key) IN (
        SELECT owner, key FROM idempotency WHERE at < :before ORDER BY at LIMIT :limit)
"""
QUESTIONS = """
    DELETE FROM question WHERE (leg_id, message_id) IN (
        SELECT leg_id, message_id FROM question WHERE asked_at < :before
        ORDER BY asked_at LIMIT :limit)
"""
# A medium that is still to be fetched or to be sent is not old, whatever its age.
OLD_MEDIA = """
    SELECT id FROM media WHERE state <> 'pending' AND created_at < :before
    ORDER BY created_at LIMIT :limit
"""
WANTED_MEDIA = "SELECT media_ids FROM part WHERE open = 1 AND media_ids IS NOT NULL"
FORGET_PICTURES = """
    UPDATE identity SET picture = NULL WHERE picture IN (SELECT id FROM rows(:batch, id text) w)
"""
FORGET_MEDIA = "DELETE FROM media WHERE id IN (SELECT id FROM rows(:batch, id text) w)"
FORGET_OLD_UPLOADS = "DELETE FROM upload WHERE until_at <= :now"
FORGET_UPLOADS = "DELETE FROM upload WHERE media_id IN (SELECT id FROM rows(:batch, id text) w)"
FORGET_DERIVATIVES = """
    DELETE FROM derivative WHERE media_id IN (SELECT id FROM rows(:batch, id text) w)
       OR derived_id IN (SELECT id FROM rows(:batch, id text) w)
"""
# Up to the first that is not old: news may tell of what happened long before. A time that is long
# to come, of a clock that was wrong, keeps nothing.
OLD_EVENTS = """
    SELECT max(old.cursor) FROM (SELECT cursor, at FROM event ORDER BY cursor LIMIT :limit) old
    WHERE old.at < :before AND old.cursor < coalesce((
        SELECT min(young.cursor)
        FROM (SELECT cursor, at FROM event ORDER BY cursor LIMIT :limit) young
        WHERE young.at >= :before AND young.at < :ahead), old.cursor + 1)
"""
AHEAD_S = 86400.0
EVENTS = "DELETE FROM event WHERE cursor <= :floor"
FLOOR = "UPDATE counter SET value = :floor WHERE name = 'event_floor'"
BODY = """
    SELECT id, hook, received_at, size, body, blob, problem FROM intake WHERE id = :id
"""
OUTREACH = """
    DELETE FROM outreach WHERE (portfolio, person) IN (
        SELECT portfolio, person FROM outreach WHERE at <= :before ORDER BY at LIMIT :limit)
"""
SPENT = """
    DELETE FROM spent WHERE (account, at, attempt_id) IN (
        SELECT account, at, attempt_id FROM spent WHERE at <= :before ORDER BY at LIMIT :limit)
"""
CLOSURES = "DELETE FROM closure WHERE until_at <= :before"
# A mail that lies where it was read may be told again when its mailbox is numbered anew.
MAILS = """
    DELETE FROM mail WHERE filed = 1 AND at <= (
        SELECT max(old.at) FROM (
            SELECT at FROM mail WHERE at < :before ORDER BY at LIMIT :limit) old)
"""
OUTREACH_S = 2 * 86400.0
MAILS_S = 400 * 86400.0
# What a person was offered and did not take is of no use; nor is what nobody asks about any more.
STALE_CONNECTIONS = """
    UPDATE connection SET status = 'failed', found = NULL, problem = :problem
    WHERE status IN ('waiting', 'working', 'choosing') AND expires_at <= :now
"""
OLD_CONNECTIONS = """
    DELETE FROM connection WHERE id IN (
        SELECT id FROM connection WHERE created_at < :before ORDER BY created_at LIMIT :limit)
"""
CONNECTIONS_S = 86400.0
TOO_LATE = "it was not finished in time; begin again"
FIGURES = {
    "events": "SELECT max(value) - min(value) FROM counter WHERE name IN ('event', 'event_floor')",
    "parts_unfinished": """
        SELECT (SELECT count(*) FROM part WHERE open = 1 AND status <> 'held')
            + (SELECT count(*) FROM part WHERE status = 'held')
    """,
    "media_pending": "SELECT count(*) FROM media WHERE state = 'pending'",
    "dead_letters": "SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL",
    "unclaimed": "SELECT count(*) FROM unclaimed",
    "parked": "SELECT count(*) FROM parked",
}


@writes(Sweep)
def sweep(db: Writing, verb: Sweep) -> int:
    keep, now, limit = verb.keep, verb.now, verb.limit
    gone = 0
    for sql, kept_s in (
        (INTAKES, keep.intakes_s),
        (SEEN, keep.seen_s),
        (UNCLAIMED, keep.seen_s),
        (TRACES, keep.traces_s),
        (ANSWERS, keep.idempotency_s),
        (QUESTIONS, keep.events_s),
        (REMARKS, keep.events_s + REMARKS_S),
        (OUTREACH, OUTREACH_S),
        (SPENT, OUTREACH_S),
        (OLD_CONNECTIONS, CONNECTIONS_S),
        (MAILS, MAILS_S),
        (CLOSURES, 0.0),
    ):
        gone += db.run(sql, before=now - kept_s, limit=limit)
    gone += _sweep_media(db, now - keep.media_s, limit)
    db.run(EDITS)
    db.run(FORGET_OLD_UPLOADS, now=now)
    db.run(STALE_CONNECTIONS, now=now, problem=TOO_LATE)
    return gone + _sweep_events(db, now, keep.events_s, limit)


def _sweep_media(db: Writing, before: float, limit: int) -> int:
    """Forget old media; their blobs go when nobody names them any more."""
    if db.row(OLD_MEDIA, before=before, limit=1) is None:
        return 0
    wanted = {id for row in db.rows(WANTED_MEDIA) for id in loads(row[0])}
    old = [row[0] for row in db.rows(OLD_MEDIA, before=before, limit=limit + len(wanted))]
    gone = [(id,) for id in old if id not in wanted][:limit]
    db.run(FORGET_UPLOADS, batch=gone)
    db.run(FORGET_DERIVATIVES, batch=gone)
    db.run(FORGET_PICTURES, batch=gone)
    return db.run(FORGET_MEDIA, batch=gone)


def _sweep_events(db: Writing, now: float, kept_s: float, limit: int) -> int:
    """Cut the log at its old end; whoever stands before the cut is told."""
    found = db.row(OLD_EVENTS, before=now - kept_s, ahead=now + AHEAD_S, limit=limit)
    if found is None or found[0] is None:
        return 0
    db.run(FLOOR, floor=found[0])
    return db.run(EVENTS, floor=found[0])


@reads(IntakeBody)
def intake_body(db: Reading, query: IntakeBody) -> Intake | None:
    found = db.row(BODY, id=query.intake_id)
    if found is None:
        return None
    id, hook, received_at, size, body, blob, problem = found
    return Intake(id, hook, received_at, size, body, blob, problem)


@reads(Figures)
def figures(db: Reading, _query: Figures) -> dict[str, int]:
    counted = {}
    for name, sql in FIGURES.items():
        found = db.row(sql)
        counted[name] = found[0] if found is not None else 0
    return counted
