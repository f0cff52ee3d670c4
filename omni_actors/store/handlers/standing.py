"""How channels stand with their platforms: the newest word on each topic, and what blocks."""

from collections.abc import Sequence

from omni_actors.model.standing import Standing
from omni_actors.store.codec import decode_object, encode_json
from omni_actors.store.dialect import Reading, Writing, reads
from omni_actors.store.queries import Standings
from omni_actors.store.rows import ChannelStanding

PUT = """
    INSERT INTO standing (channel_id, topic, ok, sentence, at, blocks, until_at, detail)
    VALUES (:channel_id, :topic, :ok, :sentence, :at, :blocks, :until_at, :detail)
    ON CONFLICT (channel_id, topic) DO UPDATE SET ok = excluded.ok, sentence = excluded.sentence,
        at = excluded.at, blocks = excluded.blocks, until_at = excluded.until_at,
        detail = excluded.detail
    WHERE standing.at <= excluded.at
"""
KNOWN = "SELECT 1 FROM standing WHERE channel_id = :channel_id AND topic = :topic"
BLOCKED = """
    SELECT sentence FROM standing
    WHERE channel_id = :channel_id AND blocks = 1 AND (until_at IS NULL OR until_at > :at)
    ORDER BY at, topic
"""
UNBLOCK = "UPDATE standing SET blocks = 0 WHERE channel_id = :channel_id AND blocks = 1"
PASSED = """
    SELECT DISTINCT channel_id FROM standing
    WHERE blocks = 1 AND until_at IS NOT NULL AND until_at <= :now ORDER BY channel_id
"""
UNBLOCK_PASSED = """
    UPDATE standing SET blocks = 0
    WHERE blocks = 1 AND until_at IS NOT NULL AND until_at <= :now
"""
FORGET = "DELETE FROM standing WHERE channel_id = :channel_id"
ALL = """
    SELECT s.channel_id, s.topic, s.ok, s.sentence, s.at, s.blocks, s.until_at, s.detail
    FROM standing s JOIN channel c ON c.id = s.channel_id
    WHERE (:tenant = '*' OR c.tenant = :tenant) AND (s.until_at IS NULL OR s.until_at > :now)
    ORDER BY s.channel_id, s.topic
"""


def keep_standing(db: Writing, channel_id: str, standing: Standing) -> None:
    """Remember the newest word on a topic; older word changes nothing."""
    db.run(
        PUT,
        channel_id=channel_id,
        topic=standing.topic,
        ok=int(standing.ok),
        sentence=standing.sentence,
        at=standing.at,
        blocks=int(standing.blocks),
        until_at=standing.until,
        detail=encode_json(standing.detail),
    )


def renew_standing(db: Writing, channel_id: str, standing: Standing) -> None:
    """Remember newer word on a topic of which something was told before."""
    if db.row(KNOWN, channel_id=channel_id, topic=standing.topic) is not None:
        keep_standing(db, channel_id, standing)


def blocked(db: Reading, channel_id: str, at: float) -> str | None:
    """Why a channel may not send; None when nothing forbids it."""
    found = db.rows(BLOCKED, channel_id=channel_id, at=at)
    return " ".join([row[0] for row in found]) or None


def unblock(db: Writing, channel_id: str) -> None:
    """An operator knows better than what the platform told."""
    db.run(UNBLOCK, channel_id=channel_id)


def forget_standing(db: Writing, channel_id: str) -> None:
    """The channel is another account from now on."""
    db.run(FORGET, channel_id=channel_id)


def passed(db: Writing, now: float) -> Sequence[str]:
    """The channels of which something that blocked them has come to its end, which is noted."""
    found = [row[0] for row in db.rows(PASSED, now=now)]
    if found:
        db.run(UNBLOCK_PASSED, now=now)
    return found


@reads(Standings)
def standings(db: Reading, query: Standings) -> tuple[ChannelStanding, ...]:
    return tuple(
        [
            ChannelStanding(
                channel_id,
                Standing(
                    topic, bool(ok), sentence, at, bool(blocks), until,
                    None if detail is None else decode_object(detail),
                ),
            )
            for channel_id, topic, ok, sentence, at, blocks, until, detail in db.rows(
                ALL, tenant=query.tenant, now=query.now
            )
        ]
    )  # fmt: skip
