"""Reports of channels that we did not know: where they are, until somebody claims them."""

from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.queries import Unclaimed
from omni_actors.store.verbs import ForgetUnclaimed

MEANT = """
    u.platform = :platform AND (u.channel_key = :channel_key OR u.channel_key IN (
        SELECT n.name FROM channel_name n JOIN channel c ON c.id = n.channel_id
        WHERE c.platform = :platform AND c.channel_key = :channel_key AND c.state <> 'removed'))
"""
INTAKES = f"""
    SELECT DISTINCT u.intake_id FROM unclaimed u WHERE {MEANT} ORDER BY u.intake_id LIMIT :limit
"""
FORGET = f"""
    DELETE FROM unclaimed WHERE intake_id = :intake_id AND (platform, channel_key, event_key) IN (
        SELECT u.platform, u.channel_key, u.event_key FROM unclaimed u WHERE {MEANT})
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
