"""What is written first: to whom lately, and what waits in line for room; what is closed."""

from collections.abc import Iterable, Sequence
from heapq import merge

from omni_actors.model.failure import Scope
from omni_actors.model.limits import Closure, person_of
from omni_actors.store.codec import decode_keys
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.bulk import look
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.parts import Parts
from omni_actors.store.limits import FreeLeg, FreeOutreach, KeepClosure, LetOut
from omni_actors.store.queries import Closures, InLine, Outreached, WindowOf
from omni_actors.store.rows import LegWake

OUTREACHED = """
    SELECT person, at FROM outreach WHERE portfolio = :portfolio AND at > :after
    ORDER BY at, person
"""
WINDOW_OF = """
    SELECT i.keys, g.window_until, EXISTS (
        SELECT 1 FROM part h
        WHERE h.leg_id = g.id AND h.status = 'held' AND h.held_for = 'outreach')
    FROM leg g JOIN identity i ON i.id = g.identity_id WHERE g.id = :leg_id
"""
IN_LINE = """
    SELECT c.id FROM channel c WHERE EXISTS (
        SELECT 1 FROM part p WHERE p.channel_id = c.id AND p.held_for = 'outreach')
"""
LINE = """
    SELECT p.pos, p.leg_id, i.keys
    FROM part p
    JOIN leg g ON g.id = p.leg_id
    JOIN identity i ON i.id = g.identity_id
    WHERE p.held_for = 'outreach' AND p.channel_id = :channel_id
    ORDER BY p.pos LIMIT :limit
"""
ANYBODY = "SELECT 1 FROM part WHERE held_for = 'outreach' AND channel_id = :channel_id LIMIT 1"
OF_LEGS = """
    SELECT p.id FROM rows(:batch, leg_id text) w
    JOIN part p ON p.leg_id = w.leg_id AND p.status = 'held' AND p.held_for = 'outreach'
    ORDER BY p.pos
"""
KEEP = """
    INSERT INTO closure (scope, owner, name, until_at) VALUES (:scope, :owner, :name, :until)
    ON CONFLICT (scope, owner, name) DO UPDATE SET until_at = excluded.until_at
    WHERE closure.until_at < excluded.until_at
"""
CLOSED = "SELECT scope, owner, name, until_at FROM closure WHERE until_at > :now"
# So many parts of the line are looked at in one transaction; nobody else can write meanwhile.
PAGE = 200


@reads(Outreached)
def outreached(db: Reading, query: Outreached) -> tuple[tuple[str, float], ...]:
    rows = db.rows(OUTREACHED, portfolio=query.portfolio, after=query.after)
    return tuple([(person, at) for person, at in rows])


@reads(WindowOf)
def window_of(db: Reading, query: WindowOf) -> tuple[str, float | None, bool] | None:
    found = db.row(WINDOW_OF, leg_id=query.leg_id)
    return None if found is None else (person_of(decode_keys(found[0])), found[1], bool(found[2]))


@reads(InLine)
def in_line(db: Reading, _query: InLine) -> frozenset[str]:
    return frozenset([row[0] for row in db.rows(IN_LINE)])


@writes(FreeOutreach)
def free_outreach(db: Writing, verb: FreeOutreach) -> LetOut:
    lines = [db.rows(LINE, channel_id=id, limit=PAGE) for id in verb.channel_ids]
    people: dict[str, None] = {}
    legs: dict[str, None] = {}
    for _, leg_id, keys in list(merge(*lines))[:PAGE]:
        person = person_of(decode_keys(keys))
        if person not in people and len(people) >= verb.people:
            break
        people[person] = None
        legs[leg_id] = None
    wakes = _queue(db, legs, verb.at)
    left = [id for id in verb.channel_ids if db.row(ANYBODY, channel_id=id) is not None]
    empty = tuple([id for id in verb.channel_ids if id not in left])
    woken = tuple([wake for leg_id in legs for wake in wakes.get(leg_id, ())])
    return LetOut(tuple(people), woken, empty)


@writes(FreeLeg)
def free_leg(db: Writing, verb: FreeLeg) -> tuple[LegWake, ...]:
    return _queue(db, [verb.leg_id], verb.at).get(verb.leg_id, ())


def _queue(db: Writing, leg_ids: Iterable[str], at: float) -> dict[str, tuple[LegWake, ...]]:
    """Queue what these legs hold for room, where it stood; what may be sent of them now."""
    journal = Journal()
    parts = Parts(db, journal)
    held: Sequence[tuple[str]] = look(db, OF_LEGS, [(id,) for id in leg_ids])
    parts.load([part_id for (part_id,) in held])
    for (part_id,) in held:
        part = parts.get(part_id)
        assert part is not None
        parts.queue(part, at)
    parts.keep()
    journal.keep(db)
    return parts.wakes()


@writes(KeepClosure)
def keep_closure(db: Writing, verb: KeepClosure) -> None:
    told = verb.closure
    db.run(KEEP, scope=told.scope.value, owner=told.owner, name=told.name, until=told.until)


@reads(Closures)
def closures(db: Reading, query: Closures) -> tuple[Closure, ...]:
    rows = db.rows(CLOSED, now=query.now)
    return tuple([Closure(Scope(scope), owner, name, until) for scope, owner, name, until in rows])
