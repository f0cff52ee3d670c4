"""The oldest unfinished part of each leg in each lane that is not held: what may be sent next."""

from collections.abc import Iterable, Sequence
from typing import Any

from omni_actors.model.states import PartStatus, Priority
from omni_actors.store.dialect import Reading, reads
from omni_actors.store.handlers.bulk import look
from omni_actors.store.queries import Heads, LegHeads
from omni_actors.store.rows import LegWake

HEADS_OF_LEGS = """
    SELECT p.leg_id, p.channel_id, p.lane, p.id, p.status, p.due_at
    FROM rows(:batch, channel_id text, leg_id text, lane text) w
    JOIN part p ON p.pos = (
        SELECT h.pos FROM part h
        WHERE h.open = 1 AND h.status <> 'held'
          AND h.channel_id = w.channel_id AND h.lane = w.lane AND h.leg_id = w.leg_id
        ORDER BY h.pos LIMIT 1)
"""
# Leaps from leg to leg along the index of the queue, however many parts each leg has.
PAGE = """
    WITH RECURSIVE leap (leg_id) AS (
        SELECT (SELECT p.leg_id FROM part p
                WHERE p.open = 1 AND p.status <> 'held'
                  AND p.channel_id = :channel_id AND p.lane = :lane AND p.leg_id > :after
                ORDER BY p.channel_id, p.lane, p.leg_id LIMIT 1)
        UNION ALL
        SELECT (SELECT p.leg_id FROM part p
                WHERE p.open = 1 AND p.status <> 'held'
                  AND p.channel_id = :channel_id AND p.lane = :lane AND p.leg_id > leap.leg_id
                ORDER BY p.channel_id, p.lane, p.leg_id LIMIT 1)
        FROM leap WHERE leap.leg_id IS NOT NULL
    )
    SELECT p.leg_id, p.id, p.due_at
    FROM leap
    JOIN part p ON p.pos = (
        SELECT h.pos FROM part h
        WHERE h.open = 1 AND h.status <> 'held'
          AND h.channel_id = :channel_id AND h.lane = :lane AND h.leg_id = leap.leg_id
        ORDER BY h.pos LIMIT 1)
    WHERE p.status = 'queued' AND NOT EXISTS (
        SELECT 1 FROM rows(:batch, lane text) other
        JOIN part b ON b.pos = (
            SELECT h.pos FROM part h
            WHERE h.open = 1 AND h.status <> 'held'
              AND h.channel_id = :channel_id AND h.lane = other.lane AND h.leg_id = leap.leg_id
            ORDER BY h.pos LIMIT 1)
        WHERE b.status IN ('sending', 'unknown'))
    LIMIT :limit
"""
CHANNEL_OF = "SELECT channel_id FROM leg WHERE id = :leg_id"
LANES = tuple(lane.value for lane in Priority)
OF_LANE = {lane.value: lane for lane in Priority}
BUSY = frozenset({PartStatus.SENDING.value, PartStatus.UNKNOWN.value})


@reads(Heads)
def page_of_heads(db: Reading, query: Heads) -> tuple[LegWake, ...]:
    lane = query.lane.value
    found = look(
        db,
        PAGE,
        [(other,) for other in LANES if other != lane],
        channel_id=query.channel_id,
        lane=lane,
        after=query.after,
        limit=query.limit,
    )
    return tuple(
        [
            LegWake(query.channel_id, leg_id, query.lane, part_id, due_at or 0.0)
            for leg_id, part_id, due_at in found
        ]
    )


@reads(LegHeads)
def heads_of_leg(db: Reading, query: LegHeads) -> tuple[LegWake, ...]:
    found = db.row(CHANNEL_OF, leg_id=query.leg_id)
    if found is None:
        return ()
    return wakes_by_leg(db, [(found[0], query.leg_id)]).get(query.leg_id, ())


def heads_by_leg(db: Reading, legs: Iterable[tuple[str, str]]) -> dict[str, list[tuple[Any, ...]]]:
    """The head of each lane of these (channel id, leg id), sent or not, by leg id."""
    wanted = [(channel_id, leg_id, lane) for channel_id, leg_id in set(legs) for lane in LANES]
    heads: dict[str, list[tuple[Any, ...]]] = {}
    if wanted:
        for row in look(db, HEADS_OF_LEGS, wanted):
            heads.setdefault(row[0], []).append(row)
    return heads


def wakes_of(heads: Sequence[tuple[Any, ...]]) -> tuple[LegWake, ...]:
    """What one leg's heads allow: nothing while one of them is on the wire or in doubt."""
    for head in heads:
        if head[4] in BUSY:
            return ()
    return tuple(
        [
            LegWake(channel_id, leg_id, OF_LANE[lane], part_id, due_at or 0.0)
            for leg_id, channel_id, lane, part_id, status, due_at in heads
            if status == "queued"
        ]
    )


def wakes_by_leg(db: Reading, legs: Iterable[tuple[str, str]]) -> dict[str, tuple[LegWake, ...]]:
    """The heads that may be sent of these (channel id, leg id), by leg id."""
    return {leg_id: wakes_of(heads) for leg_id, heads in heads_by_leg(db, legs).items()}
