"""Reports of channels that we did not know: where they are, until somebody claims them."""

from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.queries import Unclaimed
from omni_actors.store.verbs import ForgetUnclaimed

INTAKES = """
    SELECT DISTINCT intake_id FROM unclaimed
    WHERE platform = :platform AND channel_key = :channel_key
    ORDER BY intake_id LIMIT :limit
"""
FORGET = """
    DELETE FROM unclaimed
    WHERE platform = :platform AND channel_key = :channel_key AND intake_id = :intake_id
"""


@reads(Unclaimed)
def unclaimed(db: Reading, query: Unclaimed) -> tuple[str, ...]:
    rows = db.rows(
        INTAKES, platform=query.platform, channel_key=query.channel_key, limit=query.limit
    )
    return tuple([row[0] for row in rows])


@writes(ForgetUnclaimed)
def forget_unclaimed(db: Writing, verb: ForgetUnclaimed) -> None:
    db.run(
        FORGET,
        platform=verb.platform,
        channel_key=verb.channel_key,
        intake_id=verb.intake_id,
    )
