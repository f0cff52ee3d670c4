"""The calls that send a part, mark a message as read and show typing.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from omni_actors.adapters.contract import PartToSend, Person, Sent
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.people import BSUID, PARENT_BSUID, PHONE, keys
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.spelling import Spelled, refuse, spell
from omni_actors.model.content import Reaction, Template
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import GROUP, IdentityKey
from omni_actors.wire.calls import Flow, HttpCall, HttpReply, http

PRODUCT: Final = {"messaging_product": "whatsapp"}
# Whom a message goes to and how we know it again is never for the caller to say.
PROTECTED: Final = (
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "biz_opaque_callback_data",
)


def send(part: PartToSend, settings: WhatsAppSettings) -> Flow[Sent]:
    """Send a part whose media are uploaded. Raises SendFailure."""
    recipient = _recipient(part)
    beside = Spelled(part.media, part.reply_to, settings.link_preview)
    body = {
        **PRODUCT,
        **recipient,
        **spell(part.form, part.content, beside),
        **_context(part),
        "biz_opaque_callback_data": part.part_id,
    }
    allowed = {key: value for key, value in part.override.items() if key not in PROTECTED}
    url, json = settings.number_url + "/messages", merged(body, allowed)
    reply = yield from http(HttpCall("POST", url, settings.auth, json=json))
    return _sent(reply, part)


def _recipient(part: PartToSend) -> dict[str, str]:
    """The phone number where it is known, else the BSUID, which no authentication template reaches.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/groups-messaging
    """
    named = {key.kind: key.value for key in reversed(part.to)}
    code = isinstance(part.content, Template) and part.content.category == "authentication"
    if GROUP in named and code:
        raise refuse(Reason.CONTENT_UNSUPPORTED, "authentication templates cannot go to a group")
    if GROUP in named:
        return {"recipient_type": "group", "to": named[GROUP]}
    alone = {"recipient_type": "individual"}
    if PHONE in named:
        return {**alone, "to": "+" + named[PHONE]}
    if code:
        raise refuse(Reason.NO_IDENTITY, "authentication templates need a phone number")
    for kind in (BSUID, PARENT_BSUID):
        if kind in named:
            return {**alone, "recipient": named[kind]}
    raise refuse(Reason.NO_IDENTITY, "neither a phone number nor a BSUID of the person is known")


def _context(part: PartToSend) -> dict[str, Any]:
    if part.reply_to is None or isinstance(part.content, Reaction):
        return {}
    return {"context": {"message_id": part.reply_to}}


def merged(body: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with `override` laid over it, objects key by key, anything else as a whole; null takes
    a key away."""
    result = dict(body)
    for key, value in override.items():
        ours = result.get(key)
        if isinstance(ours, Mapping) and isinstance(value, Mapping):
            value = merged(ours, value)
        result[key] = value
    return {key: value for key, value in result.items() if override.get(key, value) is not None}


def _sent(reply: HttpReply, part: PartToSend) -> Sent:
    """What the platform accepted. An answer without ids may still be of a message that went out."""
    document = answer(reply, repeatable=False)
    messages = [mapping(item) for item in sequence(document.get("messages"))]
    ids = tuple(found for item in messages if (found := text(item.get("id"))))
    if not ids:
        why = "the answer is good, but names no message"
        raise SendFailure(Failure(Kind.UNKNOWN, Reason.UNKNOWN, code=str(reply.status), text=why))
    ignored = [key for key in PROTECTED if key in part.override]
    notes = [told for item in messages if (told := text(item.get("message_status")))]
    notes += ["override ignored: " + ", ".join(ignored)] if ignored else []
    return Sent(ids, _aliases(document, part.to), note="; ".join(notes) or None)


def _aliases(document: JsonObject, known: Sequence[IdentityKey]) -> tuple[IdentityKey, ...]:
    """Other keys of the person; a group has none, and its own id stands in `wa_id`."""
    if any(key.kind == GROUP for key in known):
        return ()
    found = [
        key
        for contact in map(mapping, sequence(document.get("contacts")))
        for key in keys((PHONE, contact.get("wa_id")), (BSUID, contact.get("user_id")))
    ]
    return tuple(key for key in dict.fromkeys(found) if key not in known)


def mark_read(external_id: str, _person: Person, settings: WhatsAppSettings) -> Flow[None]:
    """Mark a message of the customer as read, and with it all before it. Raises SendFailure."""
    yield from _tell({"status": "read", "message_id": external_id}, settings)


def typing(external_id: str, _person: Person, settings: WhatsAppSettings) -> Flow[None]:
    """Show that an answer is being written, for 25 s at most; it marks the message as read.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators
    """
    shown = {"typing_indicator": {"type": "text"}}
    yield from _tell({"status": "read", "message_id": external_id, **shown}, settings)


def _tell(body: Mapping[str, Any], settings: WhatsAppSettings) -> Flow[None]:
    url, json = settings.number_url + "/messages", {**PRODUCT, **body}
    call = HttpCall("POST", url, settings.auth, json=json, idempotent=True)
    reply = yield from http(call)
    answer(reply, repeatable=True)
