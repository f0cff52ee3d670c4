"""The calls that send a part, fetch a medium, mark a message as read and show typing.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from attrs import evolve

from omni_actors.adapters.contract import Fetched, Medium, PartToSend, Sent, Uploaded
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.adapters.whatsapp.errors import answer, refusal, unreadable
from omni_actors.adapters.whatsapp.limits import DOWNLOAD_BYTES_MAX
from omni_actors.adapters.whatsapp.people import BSUID, PARENT_BSUID, PHONE, keys
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings, token_hosts
from omni_actors.adapters.whatsapp.spelling import Spelled, refuse, spell
from omni_actors.model.content import Reaction, Template
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply, Upload, http

PRODUCT: Final = {"messaging_product": "whatsapp"}
# Whom a message goes to and how we know it again is never for the caller to say.
PROTECTED: Final = ("messaging_product", "to", "recipient", "biz_opaque_callback_data")
UPLOAD_VALID_S: Final = 29 * 24 * 3600.0  # the platform keeps it for 30 days
TRANSFER_DEADLINE_S: Final = 30.0
TRANSFER_BYTES_PER_S: Final = 250_000


def send(part: PartToSend, settings: WhatsAppSettings) -> Flow[Sent]:
    """Upload what the part needs, then send it. Raises SendFailure."""
    recipient = _recipient(part)
    uploaded = yield from _upload_all(part.media.values(), settings)
    ids = {each.media_id: each.external_id for each in uploaded}
    media = {
        key: evolve(medium, uploaded=ids.get(medium.media_id, medium.uploaded))
        for key, medium in part.media.items()
    }
    beside = Spelled(media, part.reply_to, settings.link_preview)
    body = {
        **PRODUCT,
        "recipient_type": "individual",
        **recipient,
        **spell(part.form, part.content, beside),
        **_context(part),
        "biz_opaque_callback_data": part.part_id,
    }
    allowed = {key: value for key, value in part.override.items() if key not in PROTECTED}
    url, json = settings.number_url + "/messages", merged(body, allowed)
    reply = yield from http(HttpCall("POST", url, settings.auth, json=json))
    return evolve(_sent(reply, part), uploaded=uploaded)


def _recipient(part: PartToSend) -> dict[str, str]:
    """The phone number where it is known, else the BSUID, which no authentication template reaches.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    named = {key.kind: key.value for key in reversed(part.to)}
    if PHONE in named:
        return {"to": "+" + named[PHONE]}
    if isinstance(part.content, Template) and part.content.category == "authentication":
        raise refuse(Reason.NO_IDENTITY, "authentication templates need a phone number")
    for kind in (BSUID, PARENT_BSUID):
        if kind in named:
            return {"recipient": named[kind]}
    raise refuse(Reason.NO_IDENTITY, "neither a phone number nor a BSUID of the person is known")


def _context(part: PartToSend) -> dict[str, Any]:
    if part.reply_to is None or isinstance(part.content, Reaction):
        return {}
    return {"context": {"message_id": part.reply_to}}


def merged(body: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with `override` laid over it, objects key by key, anything else as a whole."""
    result = dict(body)
    for key, value in override.items():
        ours = result.get(key)
        if isinstance(ours, Mapping) and isinstance(value, Mapping):
            value = merged(ours, value)
        result[key] = value
    return result


def _upload_all(media: Iterable[Medium], settings: WhatsAppSettings) -> Flow[tuple[Uploaded, ...]]:
    uploaded = []
    for medium in media:
        if medium.uploaded is None:
            external_id = yield from _upload(medium, settings)
            uploaded.append(Uploaded(medium.media_id, external_id, UPLOAD_VALID_S))
    return tuple(uploaded)


def _upload(medium: Medium, settings: WhatsAppSettings) -> Flow[str]:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media"""
    call = HttpCall(
        "POST",
        settings.number_url + "/media",
        settings.auth,
        form={**PRODUCT, "type": medium.mime},
        upload=Upload("file", medium.blob, medium.filename or "file", medium.mime, medium.size),
        deadline_s=_transfer_s(medium.size),
        idempotent=True,
    )
    reply = yield from http(call)
    external_id = text(answer(reply, repeatable=True).get("id"))
    if external_id is None:
        raise unreadable("the upload was answered without an id")
    return external_id


def _transfer_s(size: int) -> float:
    return TRANSFER_DEADLINE_S + size / TRANSFER_BYTES_PER_S


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
    found = [
        key
        for contact in map(mapping, sequence(document.get("contacts")))
        for key in keys((PHONE, contact.get("wa_id")), (BSUID, contact.get("user_id")))
    ]
    return tuple(key for key in dict.fromkeys(found) if key not in known)


def fetch(ref: MediaRef, settings: WhatsAppSettings) -> Flow[Fetched]:
    """Ask where a medium is and stream it into a blob. Raises SendFailure.

    An address is good for five minutes; when it is gone already, a new one is asked for, once.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
    """
    media_id = text(ref.ref.get("id"))
    if media_id is None:
        raise refuse(Reason.MEDIA_UNREACHABLE, "the medium has no id")
    found, reply = yield from _download(media_id, settings)
    if reply.status == 404:
        found, reply = yield from _download(media_id, settings)
    if not reply.ok:
        raise SendFailure(_gone(refusal(reply, repeatable=True)))
    if reply.blob is None:
        raise unreadable("the download was answered without bytes")
    mime = reply.headers.get("content-type") or text(found.get("mime_type")) or ref.mime
    return Fetched(reply.blob, reply.size, mime, ref.filename)


def _download(media_id: str, settings: WhatsAppSettings) -> Flow[tuple[JsonObject, HttpReply]]:
    found = yield from _resolve(media_id, settings)
    url = text(found.get("url"))
    if url is None:
        raise unreadable("the medium was answered without an address")
    ours = _host(url) in token_hosts(settings)
    reply = yield from http(
        HttpCall(
            "GET",
            url,
            auth=Auth.BEARER if ours else Auth.NONE,
            download=True,
            bytes_max=DOWNLOAD_BYTES_MAX,
            deadline_s=_transfer_s(DOWNLOAD_BYTES_MAX),
            idempotent=True,
            guarded=not ours,
        )
    )
    return found, reply


def _resolve(media_id: str, settings: WhatsAppSettings) -> Flow[JsonObject]:
    call = HttpCall(
        "GET",
        settings.url(quote(media_id, safe="")),
        settings.auth,
        query={"phone_number_id": settings.phone_number_id},
        idempotent=True,
    )
    reply = yield from http(call)
    try:
        return answer(reply, repeatable=True)
    except SendFailure as refused:
        raise SendFailure(_gone(refused.failure)) from None


def _gone(failure: Failure) -> Failure:
    """A medium that is refused is lost; an unknown id is its trouble, not the channel's."""
    unknown_id = failure.reason is Reason.CHANNEL_MISCONFIGURED
    if failure.kind is not Kind.REJECTED and not unknown_id:
        return failure
    return evolve(failure, kind=Kind.REJECTED, reason=Reason.MEDIA_UNREACHABLE, scope=Scope.PART)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("https", "http") else ""


def mark_read(external_id: str, settings: WhatsAppSettings) -> Flow[None]:
    """Mark a message of the customer as read, and with it all before it. Raises SendFailure."""
    yield from _tell({"status": "read", "message_id": external_id}, settings)


def typing(external_id: str, settings: WhatsAppSettings) -> Flow[None]:
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
