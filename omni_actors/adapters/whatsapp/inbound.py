"""Makes reports of a webhook's document: every entry, change, message, status and error in it.

Each item is read alone; one that is not what the platform says it is becomes Unsupported.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import evolve

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_mapping,
    needed_text,
    number,
    seconds,
    sequence,
    text,
)
from omni_actors.adapters.whatsapp import (
    account,
    calls,
    echoes,
    group_news,
    history,
    people_news,
)
from omni_actors.adapters.whatsapp.changes import edited, revoked
from omni_actors.adapters.whatsapp.content import notes_of, read_content
from omni_actors.adapters.whatsapp.errors import failure_in
from omni_actors.adapters.whatsapp.people import (
    BSUID,
    PARENT_BSUID,
    PHONE,
    Cards,
    Person,
    digits,
    group_keys,
    keys,
    sender_keys,
    strongest_first,
)
from omni_actors.adapters.whatsapp.scene import Read, Scene, at, items, unsupported
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    ChannelName,
    ChannelReported,
    IdentityChanged,
    IdentityKey,
    Member,
    Reacted,
    Received,
    Report,
    Severity,
    StatusReported,
)
from omni_actors.model.states import PartStatus

STATUSES: Final = {
    "sent": PartStatus.SENT,
    "delivered": PartStatus.DELIVERED,
    "read": PartStatus.READ,
    "played": PartStatus.PLAYED,
    "failed": PartStatus.FAILED,
}
# Told in older versions, and of nothing that changes: what was sent has been sent.
IDLE_STATUSES: Final = frozenset({"deleted"})
# The kinds of system messages, with the names that they had in older versions.
MOVED: Final = ("user_changed_number", "user_changed_user_id", "customer_changed_number")
SAME_PERSON_NEW_DEVICE: Final = ("customer_identity_changed", "user_identity_changed")

# The name of a person comes before these words and may hold anything; hence the end of the text.
_CHANGED_FROM_TO = re.compile(r"\bfrom (\S+) to (\S+?)\.?\s*$")


def parse(document: Json) -> Sequence[Report]:
    """Every report in a document, in its order; total for whatever `decode` lets through.

    A report whose item and entry name no time is at 0.0.
    """
    top = Scene("", 0.0)
    entries = mapping(document).get("entry")
    if not isinstance(entries, list | tuple):
        return [unsupported(top, "document", "it has no list of entries", document)]
    return [report for entry in entries for report in _entry(entry)]


def names(document: Json) -> Iterator[ChannelName]:
    """What a document says about the names of its channels: their account, their number.

    News of an account name only those, and the documents about messages name all of them.
    """
    for entry in map(mapping, sequence(mapping(document).get("entry"))):
        for change in map(mapping, sequence(entry.get("changes"))):
            metadata = mapping(mapping(change.get("value")).get("metadata"))
            channel_key = text(metadata.get("phone_number_id"))
            if channel_key is None:
                continue
            if named := text(entry.get("id")):
                yield ChannelName(channel_key, "account", named)
            if own := digits(metadata.get("display_phone_number")):
                yield ChannelName(channel_key, "number", f"+{own}")


def _entry(entry: Json) -> Iterator[Report]:
    read = mapping(entry)
    named = text(read.get("id")) or ""
    scene = Scene(named, seconds(read.get("time")), account=named)
    changes = read.get("changes")
    if not isinstance(changes, list | tuple):
        yield unsupported(scene, "entry", "it has no list of changes", entry)
        return
    for change in changes:
        yield from _change(change, scene)


def _change(change: Json, scene: Scene) -> Iterator[Report]:
    topic, value = text(mapping(change).get("field")), mapping(change).get("value")
    if topic is None or not isinstance(value, dict):
        yield unsupported(scene, topic or "change", "it has no field or no value", change)
        return
    metadata = mapping(value.get("metadata"))
    read = FIELDS.get(topic)
    here = Scene(
        text(metadata.get("phone_number_id")) or scene.channel_key,
        scene.at,
        scene.account,
        number=digits(metadata.get("display_phone_number")) or "",
        cards=Cards() if read is None else Cards.read(value.get("contacts")),
    )
    if read is None:
        yield account.read(topic, mapping(change), value, here)
    else:
        yield from read(value, here)


def _messages(value: JsonObject, scene: Scene) -> Iterator[Report]:
    errors = value.get("errors")
    return items(value, ITEM_LISTS, evolve(scene, errors=errors) if errors else scene)


def _message(message: JsonObject, scene: Scene) -> Report:
    kind = needed_text(message, "type")
    external_id = needed_text(message, "id")
    if kind == "system":
        return _changed(message, external_id, scene)
    sender = scene.cards.person(sender_keys(message))
    if not sender.keys:
        raise Malformed("it names no sender")
    read = SPECIAL.get(kind)
    if read is None:
        return _received(kind, message, external_id, sender, scene)
    return read(message, external_id, sender, scene)


def _received(
    kind: str, message: JsonObject, external_id: str, sender: Person, scene: Scene
) -> Received:
    said = read_content(kind, message, scene.errors)
    context = mapping(message.get("context"))
    often = context.get("frequently_forwarded") is True
    party, member = _party(message, sender)
    return Received(
        channel_key=scene.channel_key,
        event_key=external_id,
        at=at(message, scene),
        identities=party.keys,
        external_id=external_id,
        content=said.content,
        media=said.media,
        reply_to=text(context.get("id")),
        name=party.name,
        username=party.username,
        forwarded=often or context.get("forwarded") is True,
        referral=mapping(message.get("referral")) or None,
        member=member,
        notes=notes_of(said, message, sender.key_hash),
        free_entry=text(mapping(message.get("referral")).get("source_type")) == "ad",
    )


def _party(message: JsonObject, sender: Person) -> tuple[Person, Member | None]:
    """Whose conversation a message belongs to: a group's, with who of it wrote, or the sender's.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/groups-messaging
    """
    group = group_keys(message.get("group_id"))
    if not group:
        return sender, None
    return Person(group), Member(sender.keys, sender.name, sender.username)


def _reacted(message: JsonObject, key: str, sender: Person, scene: Scene) -> Reacted:
    """A reaction; one without an emoji was taken back."""
    reaction = needed_mapping(message.get("reaction"), "reaction")
    party, member = _party(message, sender)
    return Reacted(
        scene.channel_key,
        key,
        at(message, scene),
        party.keys,
        target=needed_text(reaction, "message_id"),
        emoji=text(reaction.get("emoji")) or "",
        name=party.name,
        member=member,
    )


SPECIAL: Final[dict[str, Callable[[JsonObject, str, Person, Scene], Report]]] = {
    "reaction": _reacted,
    "edit": edited,
    "revoke": revoked,
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
    old = strongest_first((*sender_keys(message), *_formerly(wording, now)))
    if kind in SAME_PERSON_NEW_DEVICE:
        now = now or old
    elif kind not in MOVED:
        raise Malformed(f"a system message of the kind {kind}")
    if not old or not now:
        raise Malformed("it does not name both the old and the new identity")
    return IdentityChanged(scene.channel_key, key, at(message, scene), old, now, wording)


def _formerly(wording: str | None, now: tuple[IdentityKey, ...]) -> tuple[IdentityKey, ...]:
    named = _CHANGED_FROM_TO.search(wording or "")
    if named is None or not set(keys((PHONE, named[2]))) & set(now):
        return ()
    return keys((PHONE, named[1]))


def _status(status: JsonObject, scene: Scene) -> Report:
    """What became of a message of ours; statuses that we do not know are Malformed to us.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
    """
    external_id, told = needed_text(status, "id"), needed_text(status, "status")
    recipient, participant = _recipient(status, scene)
    event_key = ":".join(filter(None, ("status", external_id, told, participant)))
    if told in IDLE_STATUSES:
        return ChannelReported(
            scene.channel_key, event_key, at(status, scene), recipient, "status", Severity.INFO,
            {"status": told, "external_id": external_id},
        )  # fmt: skip
    if told not in STATUSES:
        raise Malformed("a status that we do not know")
    return StatusReported(
        channel_key=scene.channel_key,
        event_key=event_key,
        at=at(status, scene),
        identities=recipient,
        external_id=external_id,
        status=STATUSES[told],
        callback=text(status.get("biz_opaque_callback_data")),
        failure=_failure(status) if told == "failed" else None,
        pricing=_pricing(status),
        participant=participant,
        entry=_entry_point(status.get("conversation")),
    )


def _pricing(status: JsonObject) -> JsonObject | None:
    """What a message costs; a status of several members may tell it within the conversation."""
    inner = mapping(status.get("conversation")).get("pricing")
    return mapping(status.get("pricing")) or mapping(inner) or None


def _entry_point(conversation: Json) -> JsonObject | None:
    """The free entry that a status tells of; other conversations have no meaning any more.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing
    """
    told = mapping(conversation)
    kind = text(mapping(told.get("origin")).get("type"))
    if kind != "referral_conversion":
        return None
    found: dict[str, Json] = {"kind": kind, "id": text(told.get("id"))}
    if (until := number(told.get("expiration_timestamp"))) is not None:
        found["until"] = until
    return found


def _recipient(status: JsonObject, scene: Scene) -> tuple[tuple[IdentityKey, ...], str | None]:
    """Whom a status is about, and the member's own id where that is a member of a group."""
    if status.get("recipient_type") == "group":
        phone, user = _participant(status, "id"), _participant(status, "user_id")
        own = keys((PHONE, phone), (BSUID, user))
        if not own:
            return group_keys(status.get("recipient_id")), None
        return scene.cards.person(own).keys, phone or user
    own = keys(
        (PHONE, status.get("recipient_id")),
        (BSUID, status.get("recipient_user_id")),
        (PARENT_BSUID, status.get("recipient_parent_user_id")),
    )
    return scene.cards.person(own).keys, None


def _participant(status: JsonObject, key: str) -> str | None:
    """The platform's own page names these keys in both ways."""
    named = (f"recipient_participant_{key}", f"participant_recipient_{key}")
    return next((found for name in named if (found := text(status.get(name)))), None)


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
FIELDS: Final[dict[str, Callable[[JsonObject, Scene], Iterator[Report]]]] = {
    "messages": _messages,
    "calls": calls.read,
    "history": history.read,
    "smb_app_state_sync": people_news.address_book,
    "smb_message_echoes": echoes.read,
    "user_id_update": people_news.user_ids,
    "user_preferences": people_news.preferences,
    **{topic: group_news.reader(topic) for topic in group_news.TOPICS},
}
