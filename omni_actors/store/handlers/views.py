"""Rows as the house sees them: messages with their parts, legs, conversations, contacts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import Direction, IdentityState, PartStatus
from omni_actors.store.codec import (
    decode_choice,
    decode_content,
    decode_failure,
    decode_json,
    decode_keys,
    decode_object,
    decode_options,
    loads,
)
from omni_actors.store.dialect import Reading
from omni_actors.store.handlers.bulk import look
from omni_actors.store.handlers.heads import OF_LANE
from omni_actors.store.handlers.part_work import status_of
from omni_actors.store.rows import Conversation, Identity, Leg, Message, Part, Question

MESSAGE = """
    m.id, m.tenant, m.direction, m.conversation_id, m.leg_id, m.channel_id, c.platform, m.author,
    m.source, m.content, m.told, m.received_at, m.sent_at, m.expires_at, m.priority, m.reply_to,
    m.reply_to_external, m.external_id, m.metadata, m.rendering, m.choice, m.notes, m.deleted,
    m.edited_at, m.redrive_of, m.parts
"""
MESSAGE_WIDTH = 26
MESSAGES = f"""
    SELECT {MESSAGE} FROM rows(:batch, id text) w
    JOIN message m ON m.id = w.id JOIN channel c ON c.id = m.channel_id
"""
PARTS = """
    SELECT p.message_id, p.id, p.n, p.form, p.status, p.external_ids, p.attempts, p.due_at,
           p.failure, p.maybe_duplicate, p.status_at, p.open
    FROM rows(:batch, id text) w JOIN part p ON p.message_id = w.id
    ORDER BY p.message_id, p.n
"""
LEG = """
    g.id, g.tenant, g.conversation_id, g.contact_id, g.channel_id, i.platform, g.identity_id,
    i.keys, g.window_until, g.last_inbound_at, g.last_outbound_at, g.last_external_id,
    g.entry_until, g.controlled_by, EXISTS (SELECT 1 FROM question q WHERE q.leg_id = g.id)
"""
LEGS = f"""
    SELECT {LEG} FROM rows(:batch, id text) w
    JOIN leg g ON g.conversation_id = w.id JOIN identity i ON i.id = g.identity_id
    ORDER BY g.id
"""
ONE_LEG = f"""
    SELECT {LEG} FROM leg g JOIN identity i ON i.id = g.identity_id WHERE g.id = :id
"""
LEG_WITH_KEY = f"""
    SELECT {LEG} FROM identity_key x
    JOIN leg g ON g.identity_id = x.identity_id AND g.channel_id = :channel_id
    JOIN identity i ON i.id = g.identity_id
    WHERE x.tenant = :tenant AND x.platform = :platform AND x.kind = :kind AND x.value = :value
      AND x.scope = :scope
"""
QUESTIONS = """
    SELECT q.leg_id, q.message_id, q.options, q.numbered, q.asked_at, p.external_ids
    FROM rows(:batch, id text) w JOIN question q ON q.leg_id = w.id
    LEFT JOIN part p ON p.message_id = q.message_id
    ORDER BY q.asked_at, q.message_id, p.n
"""
CONVERSATION = "v.id, v.tenant, v.contact_id, v.created_at, v.last_at, v.closed_at"
IDENTITIES = """
    SELECT i.contact_id, i.id, i.platform, i.keys, i.state, i.name, i.username, i.preferences,
           i.picture, i.portrait_at, i.portrait_problem, i.trust
    FROM rows(:batch, id text) w JOIN identity i ON i.contact_id = w.id
    ORDER BY i.id
"""


def messages_by_id(db: Reading, message_ids: Iterable[str]) -> dict[str, Message]:
    """Messages with their parts, however many, in two statements."""
    wanted = [(id,) for id in dict.fromkeys(message_ids)]
    if not wanted:
        return {}
    return {m.id: m for m in messages_of(db, look(db, MESSAGES, wanted))}


def messages_of(db: Reading, rows: Sequence[tuple[Any, ...]]) -> list[Message]:
    """Messages from rows of `MESSAGE`, with their parts."""
    several = [(row[0],) for row in rows if row[25]]
    parts: dict[str, list[Part]] = defaultdict(list)
    if several:
        for row in look(db, PARTS, several):
            parts[row[0]].append(_part(row))
    return [_message(row, tuple(parts.get(row[0], ()))) for row in rows]


def _message(row: tuple[Any, ...], parts: tuple[Part, ...]) -> Message:
    (
        id, tenant, direction, conversation_id, leg_id, channel_id, platform, author, source,
        content, told, received_at, sent_at, expires_at, priority, reply_to, reply_to_external,
        external_id, metadata, rendering, choice, notes, deleted, edited_at, redrive_of, _,
    ) = row  # fmt: skip
    status, partial = told, False
    if parts:
        of_parts, partial = status_of([part.status for part in parts])
        status = of_parts.value
        if external_id is None and parts[0].external_ids:
            external_id = parts[0].external_ids[0]
    return Message(
        id, tenant, Direction(direction), conversation_id, leg_id, channel_id, platform, author,
        source, decode_content(content), status, partial, received_at, sent_at, expires_at,
        OF_LANE[priority], reply_to, reply_to_external, external_id,
        {} if metadata == "{}" else decode_object(metadata), decode_json(rendering), parts,
        decode_choice(choice), None if notes is None else decode_object(notes), bool(deleted),
        edited_at, redrive_of,
    )  # fmt: skip


def _part(row: tuple[Any, ...]) -> Part:
    (
        _, id, n, form, status, external_ids, attempts, due_at, failure, maybe_duplicate,
        status_at, is_open,
    ) = row  # fmt: skip
    return Part(
        id, n, form, PartStatus(status), tuple(loads(external_ids)), attempts,
        due_at if is_open else None, decode_failure(failure), bool(maybe_duplicate), status_at,
    )  # fmt: skip


def legs_by_conversation(
    db: Reading, conversation_ids: Iterable[str]
) -> dict[str, tuple[Leg, ...]]:
    """The legs of these conversations with their open questions, in two statements."""
    wanted = [(id,) for id in conversation_ids]
    legs: dict[str, list[Leg]] = defaultdict(list)
    if wanted:
        for leg in legs_of(db, look(db, LEGS, wanted)):
            legs[leg.conversation_id].append(leg)
    return {id: tuple(found) for id, found in legs.items()}


def leg_by_id(db: Reading, leg_id: str) -> Leg | None:
    found = legs_of(db, db.rows(ONE_LEG, id=leg_id))
    return found[0] if found else None


def leg_with_key(
    db: Reading, tenant: str, platform: str, channel_id: str, key: IdentityKey
) -> Leg | None:
    """The leg of whoever has this key on a channel."""
    rows = db.rows(
        LEG_WITH_KEY, tenant=tenant, platform=platform, channel_id=channel_id,
        kind=key.kind, value=key.value, scope=key.scope,
    )  # fmt: skip
    found = legs_of(db, rows)
    return found[0] if found else None


def legs_of(db: Reading, rows: Sequence[tuple[Any, ...]]) -> list[Leg]:
    """Legs from rows of `LEG`, with their open questions."""
    if not rows:
        return []
    asked = [row[0] for row in rows if row[-1]]
    questions = questions_by_leg(db, asked) if asked else {}
    return [_leg(row, questions.get(row[0], ())) for row in rows]


def _leg(row: tuple[Any, ...], questions: tuple[Question, ...]) -> Leg:
    (
        id, tenant, conversation_id, contact_id, channel_id, platform, identity_id, keys,
        window_until, last_inbound_at, last_outbound_at, last_external_id, entry_until,
        controlled_by, _,
    ) = row  # fmt: skip
    return Leg(
        id, tenant, conversation_id, contact_id, channel_id, platform, identity_id,
        decode_keys(keys), window_until, last_inbound_at, last_outbound_at, last_external_id,
        questions, entry_until, controlled_by,
    )  # fmt: skip


def questions_by_leg(db: Reading, leg_ids: Iterable[str]) -> dict[str, tuple[Question, ...]]:
    """The open questions of these legs, the oldest first."""
    asked: dict[tuple[str, str], list[Any]] = {}
    for leg_id, message_id, options, numbered, asked_at, external_ids in look(
        db, QUESTIONS, [(id,) for id in leg_ids]
    ):
        known = asked.setdefault((leg_id, message_id), [options, numbered, asked_at, []])
        known[3] += loads(external_ids or "[]")
    questions: dict[str, list[Question]] = defaultdict(list)
    for (leg_id, message_id), (options, numbered, asked_at, external_ids) in asked.items():
        questions[leg_id].append(
            Question(
                message_id, decode_options(options), bool(numbered), asked_at, tuple(external_ids)
            )
        )
    return {leg_id: tuple(found) for leg_id, found in questions.items()}


def conversations_of(db: Reading, rows: Sequence[tuple[Any, ...]]) -> list[Conversation]:
    """Conversations from rows of `CONVERSATION`, with their legs."""
    legs = legs_by_conversation(db, [row[0] for row in rows])
    return [
        Conversation(id, tenant, contact_id, created_at, last_at, closed_at, legs.get(id, ()))
        for id, tenant, contact_id, created_at, last_at, closed_at in rows
    ]


def identities_by_contact(
    db: Reading, contact_ids: Iterable[str]
) -> dict[str, tuple[Identity, ...]]:
    identities: dict[str, list[Identity]] = defaultdict(list)
    for contact_id, id, platform, keys, state, name, username, preferences, *more in look(
        db, IDENTITIES, [(id,) for id in contact_ids]
    ):
        identity = Identity(
            id, platform, decode_keys(keys), IdentityState(state), name, username,
            decode_object(preferences), *more,
        )  # fmt: skip
        identities[contact_id].append(identity)
    return {id: tuple(found) for id, found in identities.items()}
