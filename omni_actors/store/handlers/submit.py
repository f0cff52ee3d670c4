"""A message to send: queued with its parts, and the answer kept for whoever asks again."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from omni_actors.model.events import EventType
from omni_actors.model.states import PartStatus
from omni_actors.store.codec import (
    decode_object,
    dumps,
    encode_content,
    encode_json,
    encode_options,
    loads,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Writing, writes_many
from omni_actors.store.handlers.answers import same
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.closed import encode_fallback
from omni_actors.store.handlers.heads import wakes_by_leg
from omni_actors.store.handlers.journal import Journal, take_numbers
from omni_actors.store.handlers.parts import FOR_WINDOW
from omni_actors.store.rows import LegWake
from omni_actors.store.verbs import Idempotency, Submit, Submitted

LEGS = """
    SELECT g.id, g.tenant, g.channel_id, g.conversation_id
    FROM rows(:batch, id text) w JOIN leg g ON g.id = w.id
"""
ANSWERS = """
    SELECT i.owner, i.key, i.fingerprint, i.ref, i.response
    FROM rows(:batch, owner text, key text) w
    JOIN idempotency i ON i.owner = w.owner AND i.key = w.key
"""
QUOTED = """
    SELECT m.id, m.tenant, m.external_id, p.external_ids
    FROM rows(:batch, id text) w JOIN message m ON m.id = w.id
    LEFT JOIN part p ON p.message_id = m.id
    ORDER BY p.n DESC
"""
ADD_ANSWERS = """
    INSERT INTO idempotency (owner, key, fingerprint, ref, response, at)
    SELECT owner, key, fingerprint, ref, response, at
    FROM rows(:batch, owner text, key text, fingerprint text, ref text, response text,
              at real) new
    WHERE true
"""
ADD_MESSAGES = """
    INSERT INTO message (id, tenant, direction, conversation_id, leg_id, channel_id, author,
        source, content, told, received_at, expires_at, priority, reply_to, reply_to_external,
        metadata, rendering, override, on_unknown, parts, on_closed_window, fallback)
    SELECT id, tenant, 'outbound', conversation_id, leg_id, channel_id, author, source, content,
        told, received_at, expires_at, priority, reply_to, reply_to_external, metadata, rendering,
        override, on_unknown, parts, on_closed_window, fallback
    FROM rows(:batch, id text, tenant text, conversation_id text, leg_id text, channel_id text,
              author text, source text, content text, told text, received_at real,
              expires_at real, priority text, reply_to text, reply_to_external text,
              metadata text, rendering text, override text, on_unknown text, parts bigint,
              on_closed_window text, fallback text) new
    WHERE true
"""
ADD_PARTS = """
    INSERT INTO part (pos, id, message_id, n, channel_id, lane, leg_id, form, content, media_ids,
        reply_to, status, open, queued_at, due_at, expires_at, status_at, windowed, grace_s,
        held_for)
    SELECT pos, id, message_id, n, channel_id, lane, leg_id, form, content, media_ids, reply_to,
        status, 1, queued_at, queued_at, expires_at, queued_at, windowed, grace_s, held_for
    FROM rows(:batch, pos bigint, id text, message_id text, n bigint, channel_id text, lane text,
              leg_id text, form text, content text, media_ids text, reply_to text, status text,
              queued_at real, expires_at real, windowed bigint, grace_s real,
              held_for text) new
    WHERE true
"""
ADD_QUESTIONS = """
    INSERT INTO question (leg_id, message_id, options, numbered, asked_at)
    SELECT leg_id, message_id, options, numbered, asked_at
    FROM rows(:batch, leg_id text, message_id text, options text, numbered bigint,
              asked_at real) new
    WHERE true ON CONFLICT DO NOTHING
"""
STIR = """
    UPDATE conversation SET closed_at = NULL,
        last_at = CASE WHEN conversation.last_at < new.at THEN new.at
                       ELSE conversation.last_at END
    FROM rows(:batch, id text, at real) new WHERE conversation.id = new.id
"""

LegRow: TypeAlias = tuple[str, str, str, str]
Answer: TypeAlias = tuple[str, str, str]  # fingerprint, message id, response


def _replayed(asked: Idempotency, answer: Answer) -> Submitted:
    fingerprint, message_id, response = answer
    same(asked, fingerprint)
    return Submitted(message_id, True, decode_object(response), ())


@writes_many(Submit)
def submit(db: Writing, verbs: Sequence[Submit]) -> Sequence[Submitted | Refused]:
    queue = Queue(db, verbs)
    results = [queue.add(verb) for verb in verbs]
    return queue.keep(results)


class Queue:
    """The messages of a batch on their way into the store."""

    def __init__(self, db: Writing, verbs: Sequence[Submit]) -> None:
        self._db = db
        self._legs: dict[str, LegRow] = {
            row[0]: row for row in look(db, LEGS, [(id,) for id in {v.leg_id for v in verbs}])
        }
        self._answers = self._load_answers(verbs)
        self._quoted = self._load_quoted(verbs)
        self._journal = Journal()
        self._pos = take_numbers(db, "part", max(1, sum([len(verb.parts) for verb in verbs])))
        self._new_answers: list[tuple[Any, ...]] = []
        self._messages: list[tuple[Any, ...]] = []
        self._parts: list[tuple[Any, ...]] = []
        self._questions: list[tuple[Any, ...]] = []
        self._stirred: dict[str, float] = {}
        self._queued: set[tuple[str, str]] = set()

    def _load_answers(self, verbs: Sequence[Submit]) -> dict[tuple[str, str], Answer]:
        keys = {(v.idempotency.owner, v.idempotency.key) for v in verbs if v.idempotency}
        if not keys:
            return {}
        rows = look(self._db, ANSWERS, list(keys))
        return {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}

    def _load_quoted(self, verbs: Sequence[Submit]) -> dict[tuple[str, str], str]:
        """The platform's ids of the messages that are replied to, by tenant and message id."""
        wanted = {v.reply_to for v in verbs if v.reply_to and not v.reply_to_external}
        if not wanted:
            return {}
        quoted = {}
        for message_id, tenant, external_id, of_part in look(
            self._db, QUOTED, [(id,) for id in wanted]
        ):
            ids = [external_id] if external_id else loads(of_part or "[]")
            if ids:
                quoted[tenant, message_id] = ids[0]
        return quoted

    def add(self, verb: Submit) -> Submitted | Refused:
        """Take one message in; its wakes are not known yet."""
        asked = verb.idempotency
        if asked is not None:
            known = self._answers.get((asked.owner, asked.key))
            if known is not None:
                try:
                    return _replayed(asked, known)
                except Refused as refused:
                    return refused
        leg = self._legs.get(verb.leg_id)
        if leg is None or leg[1] != verb.tenant:
            return Refused("unknown_leg", "There is no such leg.")
        if asked is not None:
            response = dumps(verb.response)
            self._answers[asked.owner, asked.key] = (asked.fingerprint, verb.id, response)
            self._new_answers.append(
                (asked.owner, asked.key, asked.fingerprint, verb.id, response, verb.at)
            )
        self._add_message(verb, leg)
        return Submitted(verb.id, False, verb.response, ())

    def _add_message(self, verb: Submit, leg: LegRow) -> None:
        leg_id, tenant, channel_id, conversation_id = leg
        status = PartStatus.HELD if verb.held else PartStatus.QUEUED
        content = encode_content(verb.content)
        quoted = verb.reply_to_external
        if quoted is None and verb.reply_to is not None:
            quoted = self._quoted.get((tenant, verb.reply_to))
        lane = verb.priority.value
        self._messages.append(
            (
                verb.id, tenant, conversation_id, leg_id, channel_id, verb.author, verb.source,
                content, status.value, verb.at, verb.expires_at, lane, verb.reply_to, quoted,
                dumps(verb.metadata) if verb.metadata else "{}", encode_json(verb.rendering),
                dumps(verb.override) if verb.override else "{}", verb.on_unknown.value,
                len(verb.parts), verb.on_closed_window, encode_fallback(verb.fallback),
            )
        )  # fmt: skip
        for part in verb.parts:
            same = part.content is verb.content
            self._parts.append(
                (
                    self._pos, part.id, verb.id, part.n, channel_id, lane, leg_id, part.form,
                    content if same else encode_content(part.content),
                    dumps(part.media_ids) if part.media_ids else None, quoted, status.value,
                    verb.at, verb.expires_at, int(part.windowed), part.grace_s,
                    FOR_WINDOW if verb.held else None,
                )
            )  # fmt: skip
            self._pos += 1
            quoted = None
        if verb.question is not None:
            asked = verb.question
            options = encode_options(asked.options)
            self._questions.append((leg_id, verb.id, options, int(asked.numbered), asked.asked_at))
        self._stirred[conversation_id] = verb.at
        if not verb.held:
            self._queued.add((channel_id, leg_id))
        event = EventType.MESSAGE_HELD if verb.held else EventType.MESSAGE_QUEUED
        self._journal.note(event, tenant, verb.at, conversation_id, leg_id, channel_id, verb.id)

    def keep(self, results: list[Submitted | Refused]) -> Sequence[Submitted | Refused]:
        """Write it all and add to each answer the parts that are heads now."""
        db = self._db
        put(db, ADD_MESSAGES, self._messages)
        put(db, ADD_PARTS, self._parts)
        put(db, ADD_ANSWERS, self._new_answers)
        put(db, ADD_QUESTIONS, self._questions)
        if self._stirred:
            put(db, STIR, list(self._stirred.items()))
        self._journal.keep(db)
        return self._with_wakes(results)

    def _with_wakes(self, results: list[Submitted | Refused]) -> Sequence[Submitted | Refused]:
        if not self._queued:
            return results
        message_of = {row[1]: row[2] for row in self._parts}
        wakes: dict[str, list[LegWake]] = {}
        for heads in wakes_by_leg(self._db, self._queued).values():
            for wake in heads:
                message_id = message_of.get(wake.part_id)
                if message_id is not None:
                    wakes.setdefault(message_id, []).append(wake)
        return [
            Submitted(result.message_id, False, result.response, tuple(wakes[result.message_id]))
            if isinstance(result, Submitted) and not result.replayed and result.message_id in wakes
            else result
            for result in results
        ]
