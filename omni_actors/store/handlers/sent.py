"""What went out lately: after a start nobody else knows how much a person was sent."""

from omni_actors.store.dialect import Reading, reads
from omni_actors.store.queries import SentSince
from omni_actors.store.rows import SentTo

SENT = """
    SELECT p.channel_id, p.leg_id, a.started_at
    FROM attempt a JOIN part p ON p.id = a.part_id
    WHERE a.started_at > :since ORDER BY a.started_at DESC LIMIT :limit
"""


@reads(SentSince)
def sent_since(db: Reading, query: SentSince) -> tuple[SentTo, ...]:
    newest_first = db.rows(SENT, since=query.since, limit=query.limit)
    return tuple([SentTo(*row) for row in reversed(newest_first)])
