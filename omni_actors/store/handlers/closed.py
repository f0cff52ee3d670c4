"""Closed reply windows: parts that must not go out any more meet what their caller wanted."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import MARKETING, STOP
from omni_actors.model.states import PartStatus
from omni_actors.store.codec import decode_object, dumps, encode_content, encode_failure, loads
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.parts import FOR_WINDOW, Parts
from omni_actors.store.limits import Fallback

WISHES = """
    SELECT m.id, m.on_closed_window, m.fallback, m.rendering
    FROM rows(:batch, id text) w JOIN message m ON m.id = w.id
"""
REPLACE = """
    UPDATE part SET form = new.form, content = new.content, media_ids = new.media_ids,
        reply_to = NULL
    FROM rows(:batch, id text, form text, content text, media_ids text) new
    WHERE part.id = new.id
"""
RENDER = """
    UPDATE message SET content = new.content, rendering = new.rendering, parts = new.parts,
        on_closed_window = 'fail', fallback = NULL
    FROM rows(:batch, id text, content text, rendering text, parts bigint) new
    WHERE message.id = new.id
"""
FORGET_QUESTIONS = """
    DELETE FROM question WHERE (leg_id, message_id) IN (
        SELECT q.leg_id, q.message_id FROM rows(:batch, leg_id text, message_id text) gone
        JOIN question q ON q.leg_id = gone.leg_id AND q.message_id = gone.message_id)
"""
WINDOWS = """
    SELECT g.id, g.tenant, g.conversation_id, g.channel_id
    FROM rows(:batch, id text, wire_at real) w
    JOIN leg g ON g.id = w.id
    WHERE g.window_until > :at AND (g.last_inbound_at IS NULL OR g.last_inbound_at <= w.wire_at)
"""
SHUT = "UPDATE leg SET window_until = NULL WHERE id IN (SELECT id FROM rows(:batch, id text) w)"
IS_OPEN = """
    SELECT g.id FROM rows(:batch, id text) w JOIN leg g ON g.id = w.id
    WHERE g.window_until > :at
"""
PEOPLE = """
    SELECT g.id, g.tenant, g.conversation_id, g.channel_id, i.id, i.preferences
    FROM rows(:batch, id text) w
    JOIN leg g ON g.id = w.id
    JOIN identity i ON i.id = g.identity_id
"""
PREFER = """
    UPDATE identity SET preferences = new.preferences
    FROM rows(:batch, id text, preferences text) new WHERE identity.id = new.id
"""
CLOSED = Failure(
    Kind.REJECTED,
    Reason.OUTSIDE_WINDOW,
    text="The reply window closed before this was sent.",
    advice="Send a template, or set delivery.on_closed_window to hold it or to send one instead.",
)


@frozen
class Refusal:
    """A part that the closed window keeps from going out, or that came back because of it."""

    part: PartWork
    failure: Failure = CLOSED


def encode_fallback(fallback: Fallback | None) -> str | None:
    """What goes out instead, as its message's row keeps it."""
    if fallback is None:
        return None
    return dumps(
        {
            "form": fallback.form,
            "content": encode_content(fallback.content),
            "media_ids": list(fallback.media_ids),
            "note": fallback.note,
        }
    )


def shut_windows(
    db: Writing, journal: Journal, legs: Iterable[tuple[str, float | None]], at: float
) -> None:
    """The platform says that these legs' windows are closed, of a part that went out at `wire_at`.

    Whoever wrote after that has opened the window anew.
    """
    asked = {leg_id: wire_at or 0.0 for leg_id, wire_at in legs}
    rows = look(db, WINDOWS, list(asked.items()), at=at)
    put(db, SHUT, [(row[0],) for row in rows])
    for leg_id, tenant, conversation_id, channel_id in rows:
        journal.note(
            EventType.WINDOW_CLOSED, tenant, at, conversation_id, leg_id, channel_id, None,
            {"until": at, "by": "platform"},
        )  # fmt: skip


def shut_out(db: Writing, parts: Parts, refusals: Sequence[Refusal], at: float) -> None:
    """Let each part fail, wait for its window, or give way to its message's fallback.

    One that came back while its customer wrote again goes out again.
    """
    if not refusals:
        return
    wishes = {row[0]: row[1:] for row in look(db, WISHES, [(r.part.message.id,) for r in refusals])}
    opened = {
        row[0] for row in look(db, IS_OPEN, [(r.part.message.leg_id,) for r in refusals], at=at)
    }
    replaced: list[tuple[PartWork, JsonObject, Json]] = []
    for refusal in refusals:
        part = refusal.part
        wish, fallback, rendering = wishes[part.message.id]
        if parts.get(part.id) is None:  # a sibling's fallback stands for it
            continue
        if not part.windowed or wish == "fail":
            parts.give_up(part, refusal.failure, at)
        elif part.message.leg_id in opened:
            _anew(parts, refusal, at)
        elif wish == "hold":
            part.rank = 0
            parts.hold(part, at, FOR_WINDOW, refusal.failure)
        else:
            _give_way(parts, refusal, at)
            replaced.append((part, decode_object(fallback), loads(rendering or "[]")))
    _replace(db, replaced)


def _anew(parts: Parts, refusal: Refusal, at: float) -> None:
    """Send it as if it had never been sent; why it is so is told until it is."""
    part = refusal.part
    part.failure = encode_failure(refusal.failure)
    part.rank = 0
    part.attempts = 0
    part.first_failed_at = None
    parts.queue(part, at)


def _give_way(parts: Parts, refusal: Refusal, at: float) -> None:
    """The fallback goes out in its place, and in that of all that waits behind it."""
    part = refusal.part
    part.windowed = False
    _anew(parts, refusal, at)
    for other in list(part.message.parts):
        if other is not part and other.status in (PartStatus.QUEUED, PartStatus.HELD):
            parts.drop(other)


def _replace(db: Writing, replaced: Sequence[tuple[PartWork, JsonObject, Any]]) -> None:
    put(
        db,
        REPLACE,
        [
            (
                part.id,
                told["form"],
                told["content"],
                dumps(told["media_ids"]) if told["media_ids"] else None,
            )
            for part, told, _ in replaced
        ],
    )
    put(
        db,
        RENDER,
        [
            (
                part.message.id,
                told["content"],
                dumps([*notes, told["note"]]),
                len(part.message.parts),
            )
            for part, told, notes in replaced
        ],
    )
    put(
        db,
        FORGET_QUESTIONS,
        [(part.message.leg_id, part.message.id) for part, _, _ in replaced],
    )


def opt_out(db: Writing, journal: Journal, leg_ids: Iterable[str], at: float) -> None:
    """The platform says that these people have stopped marketing: so it is kept of them."""
    for leg_id, tenant, conversation_id, channel_id, identity_id, told in look(
        db, PEOPLE, [(id,) for id in set(leg_ids)]
    ):
        preferences = decode_object(told)
        if preferences.get(MARKETING) == STOP:
            continue
        put(db, PREFER, [(identity_id, dumps({**preferences, MARKETING: STOP}))])
        journal.note(
            EventType.IDENTITY_PREFERENCE, tenant, at, conversation_id, leg_id, channel_id, None,
            {"category": MARKETING, "value": STOP, "detail": "told by a message that was refused"},
        )  # fmt: skip
