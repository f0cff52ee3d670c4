"""The history of a number that is in the WhatsApp Business app too: what was written before.

Chunks come in any order, and the media of the last days come after them, under the same ids.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/history
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_text,
    number,
    sequence,
    text,
)
from omni_actors.adapters.whatsapp.content import notes_of
from omni_actors.adapters.whatsapp.echoes import echoed, said_in
from omni_actors.adapters.whatsapp.errors import failure_in
from omni_actors.adapters.whatsapp.people import (
    BSUID,
    PARENT_BSUID,
    PHONE,
    Person,
    digits,
    keys,
    receiver_keys,
    sender_keys,
)
from omni_actors.adapters.whatsapp.scene import Scene, at, isolated, items, malformed, unsupported
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import ChannelReported, Received, Report, Severity
from omni_actors.model.states import PartStatus

# What became of a message of the business. What is pending has not left its phone, as far as known.
STATUSES: Final = {
    "SENT": PartStatus.SENT,
    "DELIVERED": PartStatus.DELIVERED,
    "READ": PartStatus.READ,
    "PLAYED": PartStatus.PLAYED,
    "ERROR": PartStatus.FAILED,
    "PENDING": PartStatus.UNKNOWN,
}
MEDIA_LISTS: Final = ("messages", "message_echoes")


def read(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """The reports of one change: each chunk, each message in it; or media that follow."""
    follow = [name for name in MEDIA_LISTS if name in value]
    if follow and "history" not in value:
        yield from items(value, tuple((name, _medium) for name in follow), scene)
        return
    chunks = value.get("history")
    if not isinstance(chunks, list | tuple):
        yield unsupported(scene, "history", "it is not a list", value)
    for chunk in sequence(chunks):
        yield isolated("history", _chunk, chunk, scene)
        for thread in sequence(mapping(chunk).get("threads")):
            yield from _thread(mapping(thread), scene)


def _chunk(chunk: JsonObject, scene: Scene) -> ChannelReported:
    """How far the history has come, or that the business did not let us have it."""
    failures = [failure_in(error) for error in map(mapping, sequence(chunk.get("errors")))]
    where = mapping(chunk.get("metadata"))
    told = {"phase": "phase", "chunk": "chunk_order", "progress": "progress"}
    detail: dict[str, Json] = {
        name: int(found)
        for name, key in told.items()
        if (found := number(where.get(key))) is not None
    }
    if not detail and not failures:
        raise Malformed("it has neither metadata nor errors")
    failure: Failure | None = failures[0] if failures else None
    if failure is not None:
        detail = {**detail, "declined": True, "platform": chunk.get("errors")}
    return ChannelReported(
        scene.channel_key,
        f"history:{digest({**chunk, 'threads': _ids(chunk)}, scene.channel_key, scene.at)}",
        scene.at,
        (),
        kind="history",
        severity=Severity.WARNING if failure else Severity.INFO,
        detail=detail,
        failure=failure,
    )


def _ids(chunk: JsonObject) -> list[Json]:
    """What tells one chunk from another of the same number: whose threads it holds."""
    return [text(mapping(thread).get("id")) for thread in sequence(chunk.get("threads"))]


def _thread(thread: JsonObject, scene: Scene) -> Iterator[Report]:
    customer = _customer(thread)
    for message in sequence(thread.get("messages")):
        try:
            yield _message(mapping(message), customer, scene)
        except Malformed as wrong:
            yield malformed("history", message, str(wrong), scene)


def _customer(thread: JsonObject) -> Person:
    known = mapping(thread.get("context"))
    username = (text(known.get("username")) or "").removeprefix("@") or None
    found = keys(
        (PHONE, thread.get("id")),
        (PHONE, known.get("wa_id")),
        (BSUID, known.get("user_id")),
        (PARENT_BSUID, known.get("parent_user_id")),
    )
    return Person(found, None, username)


def _message(message: JsonObject, customer: Person, scene: Scene) -> Report:
    if not customer.keys:
        raise Malformed("its thread names nobody")
    key = f"history:{needed_text(message, 'id')}"
    if _is_ours(message, scene):
        told = text(mapping(message.get("history_context")).get("status")) or "SENT"
        status = STATUSES.get(told.upper(), PartStatus.UNKNOWN)
        return echoed(message, customer, scene, key=key, synced=True, status=status)
    return _received(message, customer, key, scene)


def _is_ours(message: JsonObject, scene: Scene) -> bool:
    """Whether the business wrote it: then it says to whom, or comes from the business's number."""
    sender = digits(message.get("from"))
    return bool(receiver_keys(message)) or (sender is not None and sender == scene.number)


def _received(message: JsonObject, sender: Person, key: str, scene: Scene) -> Received:
    said, quoted = said_in(message)
    context = mapping(message.get("context"))
    often = context.get("frequently_forwarded") is True
    return Received(
        scene.channel_key,
        key,
        at(message, scene),
        sender.keys,
        external_id=needed_text(message, "id"),
        content=said.content,
        media=said.media,
        reply_to=quoted,
        name=sender.name,
        username=sender.username,
        forwarded=often or context.get("forwarded") is True,
        notes=notes_of(said, message),
        opens_window=False,
        synced=True,
    )


def _medium(message: JsonObject, scene: Scene) -> Report:
    """A message of the history once more, with the medium that it had."""
    key = f"history.media:{needed_text(message, 'id')}"
    ours = _is_ours(message, scene)
    named = receiver_keys(message) if ours else sender_keys(message)
    person = scene.cards.person(named)
    if not person.keys:
        raise Malformed("it names nobody")
    if ours:
        return echoed(message, person, scene, key=key, synced=True)
    return _received(message, person, key, scene)
