"""Makes reports of a webhook's document: every entry, change, message, status and error in it.

Each item is read alone; one that is not what the platform says it is becomes Unsupported.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_mapping,
    needed_text,
    seconds,
    sequence,
    text,
)
from omni_actors.adapters.whatsapp import account
from omni_actors.adapters.whatsapp.content import read_content
from omni_actors.adapters.whatsapp.errors import failure_in
from omni_actors.adapters.whatsapp.people import (
    BSUID,
    PARENT_BSUID,
    PHONE,
    Cards,
    Person,
    keys,
    strongest_first,
)
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    ChannelReported,
    Deleted,
    Edited,
    IdentityChanged,
    IdentityKey,
    Reacted,
    Received,
    Report,
    Severity,
    StatusReported,
    Unsupported,
)
from omni_actors.model.states import PartStatus

STATUSES: Final = {
    "sent": PartStatus.SENT,
    "delivered": PartStatus.DELIVERED,
    "read": PartStatus.READ,
    "played": PartStatus.PLAYED,
    "failed": PartStatus.FAILED,
}
# The kinds of system messages, with the names that they had in older versions.
MOVED: Final = ("user_changed_number", "user_changed_user_id", "customer_changed_number")
SAME_PERSON_NEW_DEVICE: Final = ("customer_identity_changed", "user_identity_changed")

# The name of a person comes before these words and may hold anything; hence the end of the text.
_CHANGED_FROM_TO = re.compile(r"\bfrom (\S+) to (\S+?)\.?\s*$")


@frozen
class Scene:
    """Where an item stood: the channel, the entry's time, and what stands beside it."""

    channel_key: str
    at: float
    cards: Cards = field(factory=Cards)
    errors: Json = None


Read: TypeAlias = Callable[[JsonObject, Scene], Report]


def parse(document: Json) -> Sequence[Report]:
    """Every report in a document, in its order; total for whatever `decode` lets through.

    A report whose item and entry name no time is at 0.0.
    """
    top = Scene("", 0.0)
    entries = mapping(document).get("entry")
    if not isinstance(entries, list | tuple):
        return [_unsupported(top, "document", "it has no list of entries", document)]
    return [report for entry in entries for report in _entry(entry)]


def _entry(entry: Json) -> Iterator[Report]:
    read = mapping(entry)
    scene = Scene(text(read.get("id")) or "", seconds(read.get("time")))
    changes = read.get("changes")
    if not isinstance(changes, list | tuple):
        yield _unsupported(scene, "entry", "it has no list of changes", entry)
        return
    for change in changes:
        yield from _change(change, scene)


def _change(change: Json, scene: Scene) -> Iterator[Report]:
    topic, value = text(mapping(change).get("field")), mapping(change).get("value")
    if topic is None or not isinstance(value, dict):
        yield _unsupported(scene, topic or "change", "it has no field or no value", change)
        return
    named = text(mapping(value.get("metadata")).get("phone_number_id"))
    scene = Scene(named or scene.channel_key, scene.at)
    if topic == "messages":
        cards = Cards.read(value.get("contacts"))
        yield from _messages(value, evolve(scene, cards=cards, errors=value.get("errors")))
        return
    key = f"{topic}:{digest(change, scene.channel_key, scene.at)}"
    yield account.read(account.News(topic, value, scene.channel_key, key, scene.at))


def _messages(value: JsonObject, scene: Scene) -> Iterator[Report]:
    if not any(name in value for name, _read in ITEM_LISTS):
        yield _unsupported(scene, "messages", "it has no messages, statuses or errors", value)
    for name, read in ITEM_LISTS:
        items = value.get(name)
        if items is not None and not isinstance(items, list | tuple):
            yield _unsupported(scene, name, "it is not a list", items)
        for item in sequence(items):
            yield _isolated(name, read, item, scene)


def _isolated(name: str, read: Read, item: Json, scene: Scene) -> Report:
    try:
        return read(needed_mapping(item, "it"), scene)
    except Malformed as wrong:
        kind = text(mapping(item).get("type" if name == "messages" else "status"))
        where = evolve(scene, at=seconds(mapping(item).get("timestamp")) or scene.at)
        return _unsupported(where, f"{name}.{kind}" if kind else name, str(wrong), item)


def _unsupported(scene: Scene, kind: str, reason: str, raw: Json) -> Unsupported:
    key = f"{kind}:{digest(raw, scene.channel_key, scene.at)}"
    return Unsupported(scene.channel_key, key, scene.at, (), kind, reason, raw)


def _at(item: JsonObject, scene: Scene) -> float:
    return seconds(item.get("timestamp")) or scene.at


def _message(message: JsonObject, scene: Scene) -> Report:
    kind = needed_text(message, "type")
    external_id = needed_text(message, "id")
    if kind == "system":
        return _changed(message, external_id, scene)
    sender = scene.cards.person(_named(message))
    if not sender.keys:
        raise Malformed("it names no sender")
    read = SPECIAL.get(kind)
    if read is None:
        return _received(kind, message, external_id, sender, scene)
    return read(message, external_id, sender, scene)


def _named(message: JsonObject) -> tuple[IdentityKey, ...]:
    return keys(
        (PHONE, message.get("from")),
        (BSUID, message.get("from_user_id")),
        (PARENT_BSUID, message.get("from_parent_user_id")),
    )


def _received(
    kind: str, message: JsonObject, external_id: str, sender: Person, scene: Scene
) -> Received:
    said = read_content(kind, message, scene.errors)
    context = mapping(message.get("context"))
    often = context.get("frequently_forwarded") is True
    notes = dict(said.notes)
    if often:
        notes["frequently_forwarded"] = True
    if troubles := sequence(message.get("errors")):
        notes["errors"] = troubles
    if product := mapping(context.get("referred_product")):
        notes["referred_product"] = product
    return Received(
        channel_key=scene.channel_key,
        event_key=external_id,
        at=_at(message, scene),
        identities=sender.keys,
        external_id=external_id,
        content=said.content,
        media=said.media,
        reply_to=text(context.get("id")),
        name=sender.name,
        username=sender.username,
        forwarded=often or context.get("forwarded") is True,
        referral=mapping(message.get("referral")) or None,
        group_id=text(message.get("group_id")),
        notes=notes or None,
        free_entry=text(mapping(message.get("referral")).get("source_type")) == "ad",
    )


def _reacted(message: JsonObject, key: str, sender: Person, scene: Scene) -> Reacted:
    """A reaction; one without an emoji was taken back."""
    reaction = needed_mapping(message.get("reaction"), "reaction")
    return Reacted(
        scene.channel_key,
        key,
        _at(message, scene),
        sender.keys,
        target=needed_text(reaction, "message_id"),
        emoji=text(reaction.get("emoji")) or "",
        name=sender.name,
    )


def _edited(message: JsonObject, key: str, sender: Person, scene: Scene) -> Edited:
    edit = needed_mapping(message.get("edit"), "edit")
    now = needed_mapping(edit.get("message"), "the edited message")
    return Edited(
        scene.channel_key,
        key,
        _at(message, scene),
        sender.keys,
        target=needed_text(edit, "original_message_id"),
        content=read_content(needed_text(now, "type"), now).content,
    )


def _revoked(message: JsonObject, key: str, sender: Person, scene: Scene) -> Deleted:
    revoke = needed_mapping(message.get("revoke"), "revoke")
    target = needed_text(revoke, "original_message_id")
    return Deleted(scene.channel_key, key, _at(message, scene), sender.keys, target)


SPECIAL: Final[dict[str, Callable[[JsonObject, str, Person, Scene], Report]]] = {
    "reaction": _reacted,
    "edit": _edited,
    "revoke": _revoked,
}


def _changed(message: JsonObject, key: str, scene: Scene) -> IdentityChanged:
    """A person's phone number, BSUID or device changed; the new keys are beside the old.

    A change of BSUID names the old one in its text only.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system
    """
    system = needed_mapping(message.get("system"), "system")
    kind, wording = needed_text(system, "type"), text(system.get("body"))
    now = keys(
        (PHONE, system.get("wa_id") or system.get("new_wa_id")),
        (BSUID, system.get("user_id")),
        (PARENT_BSUID, system.get("parent_user_id")),
    )
    old = strongest_first((*_named(message), *_formerly(wording, now)))
    if kind in SAME_PERSON_NEW_DEVICE:
        now = now or old
    elif kind not in MOVED:
        raise Malformed(f"a system message of the kind {kind}")
    if not old or not now:
        raise Malformed("it does not name both the old and the new identity")
    return IdentityChanged(scene.channel_key, key, _at(message, scene), old, now, wording)


def _formerly(wording: str | None, now: tuple[IdentityKey, ...]) -> tuple[IdentityKey, ...]:
    named = _CHANGED_FROM_TO.search(wording or "")
    if named is None or not set(keys((PHONE, named[2]))) & set(now):
        return ()
    return keys((PHONE, named[1]))


def _status(status: JsonObject, scene: Scene) -> StatusReported:
    """What became of a message of ours; statuses that we do not know are Malformed to us.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
    """
    external_id, told = needed_text(status, "id"), needed_text(status, "status")
    if told not in STATUSES:
        raise Malformed("a status that we do not know")
    recipient, participant = _recipient(status, scene)
    return StatusReported(
        channel_key=scene.channel_key,
        event_key=":".join(filter(None, ("status", external_id, told, participant))),
        at=_at(status, scene),
        identities=recipient,
        external_id=external_id,
        status=STATUSES[told],
        callback=text(status.get("biz_opaque_callback_data")),
        failure=_failure(status) if told == "failed" else None,
        pricing=mapping(status.get("pricing")) or None,
        participant=participant,
    )


def _recipient(status: JsonObject, scene: Scene) -> tuple[tuple[IdentityKey, ...], str | None]:
    """Whom a status is about, and the member's own id where that is a member of a group."""
    if status.get("recipient_type") == "group":
        phone, user = "recipient_participant_id", "recipient_participant_user_id"
        own = keys((PHONE, status.get(phone)), (BSUID, status.get(user)))
        return scene.cards.person(own).keys, text(status.get(phone)) or text(status.get(user))
    own = keys(
        (PHONE, status.get("recipient_id")),
        (BSUID, status.get("recipient_user_id")),
        (PARENT_BSUID, status.get("recipient_parent_user_id")),
    )
    return scene.cards.person(own).keys, None


def _failure(status: JsonObject) -> Failure:
    for error in map(mapping, sequence(status.get("errors"))):
        return failure_in(error)
    return Failure(Kind.REJECTED, Reason.UNKNOWN, text="the platform gives no reason")


def _error(error: JsonObject, scene: Scene) -> ChannelReported:
    """Trouble of the number itself. It has neither id nor time, so equal ones are the same one."""
    failure = failure_in(error)
    return ChannelReported(
        scene.channel_key,
        f"error:{digest(error, scene.channel_key, scene.at)}",
        scene.at,
        (),
        kind="error",
        severity=Severity.CRITICAL if failure.kind is Kind.BROKEN else Severity.WARNING,
        detail=error,
        failure=failure,
    )


ITEM_LISTS: Final[tuple[tuple[str, Read], ...]] = (
    ("messages", _message),
    ("statuses", _status),
    ("errors", _error),
)
