"""Portraits: what the platform shows of a person, kept at the identity."""

from omni_actors.model.events import EventType
from omni_actors.store.codec import decode_keys, decode_ref
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.media import add
from omni_actors.store.portraits import KeepPortrait, Sitter, SitterOf

SITTER = """
    SELECT i.id, i.tenant, g.channel_id, i.keys, m.ref
    FROM leg g JOIN identity i ON i.id = g.identity_id LEFT JOIN media m ON m.id = i.picture
    WHERE g.id = :leg_id AND (i.portrait_at IS NULL OR i.portrait_at <= :since)
"""
BEFORE = """
    SELECT i.tenant, i.contact_id, i.name, i.username, i.picture, g.id, g.conversation_id
    FROM identity i LEFT JOIN leg g ON g.identity_id = i.id AND g.channel_id = :channel_id
    WHERE i.id = :id
"""
KEEP = """
    UPDATE identity SET name = :name, username = :username, picture = :picture,
        portrait_at = :at, portrait_problem = :problem
    WHERE id = :id
"""
# A contact is called what their first identity with a name is called.
CALL = """
    UPDATE contact SET name = :name WHERE id = :id AND (name IS NULL OR name = :former)
"""


@reads(SitterOf)
def sitter_of(db: Reading, query: SitterOf) -> Sitter | None:
    found = db.row(SITTER, leg_id=query.leg_id, since=query.since)
    if found is None:
        return None
    identity_id, tenant, channel_id, keys, ref = found
    return Sitter(identity_id, tenant, channel_id, decode_keys(keys), decode_ref(ref))


@writes(KeepPortrait)
def keep_portrait(db: Writing, verb: KeepPortrait) -> None:
    found = db.row(BEFORE, id=verb.identity_id, channel_id=verb.channel_id)
    if found is None:
        return
    tenant, contact_id, *before, leg_id, conversation_id = found
    name, username = verb.portrait.name or before[0], verb.portrait.username or before[1]
    picture = before[2] if verb.picture is None else verb.picture.id
    if verb.picture is not None:
        add(db, verb.picture)
    db.run(
        KEEP, id=verb.identity_id, name=name, username=username, picture=picture, at=verb.at,
        problem=verb.problem,
    )  # fmt: skip
    if name is not None:
        db.run(CALL, id=contact_id, name=name, former=before[0])
    if [name, username, picture] != before:
        journal = Journal()
        journal.note(
            EventType.IDENTITY_PORTRAIT, tenant, verb.at, conversation_id, leg_id,
            verb.channel_id, None,
            {
                "identity_id": verb.identity_id, "contact_id": contact_id, "name": name,
                "username": username, "picture": picture,
            },
        )  # fmt: skip
        journal.keep(db)
