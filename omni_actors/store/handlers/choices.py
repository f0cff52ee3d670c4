"""What a part asked, and whether that was answered, by a link or in words."""

from omni_actors.store.choices import AskedBy, AskedPart
from omni_actors.store.codec import decode_choice, decode_content, decode_keys, loads
from omni_actors.store.dialect import Reading, reads
from omni_actors.store.rows import Choice

ASKED = """
    SELECT p.message_id, p.content, c.platform, p.channel_id, c.channel_key, i.keys,
        p.external_ids, a.content
    FROM part p JOIN channel c ON c.id = p.channel_id
        JOIN leg g ON g.id = p.leg_id JOIN identity i ON i.id = g.identity_id
        LEFT JOIN external x ON x.channel_id = p.channel_id AND x.external_id = :answer_id
        LEFT JOIN message a ON a.id = x.message_id
    WHERE p.id = :part_id
"""
PICKED = """
    SELECT m.choice FROM message q JOIN message m
        ON m.conversation_id = q.conversation_id AND m.id > q.id AND m.choice IS NOT NULL
    WHERE q.id = :message_id ORDER BY m.id
"""


@reads(AskedBy)
def asked_by(db: Reading, query: AskedBy) -> AskedPart | None:
    found = db.row(ASKED, part_id=query.part_id, answer_id=query.answer_id)
    if found is None:
        return None
    message_id, content, platform, channel_id, channel_key, keys, external_ids, answer = found
    return AskedPart(
        content=decode_content(content),
        platform=platform,
        channel_id=channel_id,
        channel_key=channel_key,
        keys=decode_keys(keys),
        external_ids=tuple(loads(external_ids)),
        answer=None if answer is None else decode_content(answer),
        picked=picked_of(db, message_id),
    )


def picked_of(db: Reading, message_id: str) -> Choice | None:
    """The first answer to a message."""
    for (written,) in db.rows(PICKED, message_id=message_id):
        choice = decode_choice(written)
        if choice is not None and choice.question_id == message_id:
            return choice
    return None
