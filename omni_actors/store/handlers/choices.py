"""What a part asked, and whether that was answered by a link."""

from omni_actors.store.choices import AskedBy, AskedPart
from omni_actors.store.codec import decode_content, decode_keys, loads
from omni_actors.store.dialect import Reading, reads

ASKED = """
    SELECT p.content, c.platform, p.channel_id, c.channel_key, i.keys, p.external_ids, a.content
    FROM part p JOIN channel c ON c.id = p.channel_id
        JOIN leg g ON g.id = p.leg_id JOIN identity i ON i.id = g.identity_id
        LEFT JOIN external x ON x.channel_id = p.channel_id AND x.external_id = :answer_id
        LEFT JOIN message a ON a.id = x.message_id
    WHERE p.id = :part_id
"""


@reads(AskedBy)
def asked_by(db: Reading, query: AskedBy) -> AskedPart | None:
    found = db.row(ASKED, part_id=query.part_id, answer_id=query.answer_id)
    if found is None:
        return None
    content, platform, channel_id, channel_key, keys, external_ids, answer = found
    return AskedPart(
        content=decode_content(content),
        platform=platform,
        channel_id=channel_id,
        channel_key=channel_key,
        keys=decode_keys(keys),
        external_ids=tuple(loads(external_ids)),
        answer=None if answer is None else decode_content(answer),
    )
