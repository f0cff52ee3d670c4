"""The calls that hand a medium to WhatsApp, and those that fetch one that a customer sent.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

from typing import Final
from urllib.parse import quote, urlsplit

from attrs import evolve

from omni_actors.adapters.contract import Fetched, Medium, Uploaded
from omni_actors.adapters.meta.graph import unreadable
from omni_actors.adapters.reading import number, text
from omni_actors.adapters.whatsapp.content import sha256_hex
from omni_actors.adapters.whatsapp.errors import answer, refusal
from omni_actors.adapters.whatsapp.limits import DOWNLOAD_BYTES_MAX, UPLOADED_AS_TEXT
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings, token_hosts
from omni_actors.adapters.whatsapp.spelling import refuse
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply, Upload, http

UPLOAD_VALID_S: Final = 29 * 24 * 3600.0  # the platform keeps it for 30 days
LINK_FRESH_S: Final = 240.0  # an address is good for five minutes
DOWNLOADS_MAX: Final = 3
TRANSFER_DEADLINE_S: Final = 30.0
TRANSFER_BYTES_PER_S: Final = 250_000
# What the platform answers to an id that it has forgotten: the first two on the spot, the last one
# perhaps later.
GONE: Final = frozenset({"100", "131009", "131053"})


def upload(medium: Medium, settings: WhatsAppSettings) -> Flow[Uploaded]:
    """Hand a medium to the platform. Raises SendFailure."""
    mime = upload_mime(medium.mime)
    call = HttpCall(
        "POST",
        settings.number_url + "/media",
        settings.auth,
        form={"messaging_product": "whatsapp", "type": mime},
        upload=Upload("file", medium.blob, medium.filename or "file", mime, medium.size),
        deadline_s=transfer_s(medium.size),
        idempotent=True,
    )
    reply = yield from http(call)
    try:
        external_id = text(answer(reply, repeatable=True).get("id"))
    except SendFailure as refused:
        raise SendFailure(_unfit(refused.failure)) from None
    if external_id is None:
        raise unreadable("the upload was answered without an id")
    return Uploaded(external_id, UPLOAD_VALID_S)


def upload_mime(mime: str) -> str:
    """The type to declare: it must be the one that the platform sees in the bytes, so the many
    names of plain text are one."""
    bare = mime.partition(";")[0].strip().lower()
    return "text/plain" if UPLOADED_AS_TEXT.fullmatch(bare) else mime


def _unfit(failure: Failure) -> Failure:
    """A file that is refused as a bad parameter is of a type that the platform does not take."""
    if failure.code != "100" or failure.kind is not Kind.REJECTED:
        return failure
    return evolve(failure, reason=Reason.MEDIA_UNSUPPORTED)


def upload_gone(failure: Failure) -> bool:
    """Whether a part may have been refused because the platform has forgotten a medium of it."""
    return failure.code in GONE


def fetch(ref: MediaRef, settings: WhatsAppSettings, age_s: float) -> Flow[Fetched]:
    """Stream a customer's medium into a blob. Raises SendFailure.

    The address that came with the message is tried first while it is fresh; then the platform is
    asked for a new one, and again when that is gone or the bytes break off, at most three times.
    """
    media_id = text(ref.ref.get("id"))
    if media_id is None:
        raise refuse(Reason.MEDIA_UNREACHABLE, "the medium has no id")
    told = text(ref.ref.get("url"))
    if told is not None and age_s < LINK_FRESH_S:
        reply = yield from _attempt(told, ref, {}, settings)
        if isinstance(reply, HttpReply) and reply.ok:
            return _fetched(reply, ref, {})
    return (yield from _resolved(media_id, ref, settings))


def _resolved(media_id: str, ref: MediaRef, settings: WhatsAppSettings) -> Flow[Fetched]:
    failure: Failure | None = None
    for _ in range(DOWNLOADS_MAX):
        found = yield from _resolve(media_id, settings)
        url = text(found.get("url"))
        if url is None:
            raise _incomplete("the medium was answered without an address")
        reply = yield from _attempt(url, ref, found, settings)
        if isinstance(reply, Failure):
            failure = reply
        elif reply.ok:
            return _fetched(reply, ref, found)
        else:
            failure = _gone(refusal(reply, repeatable=True))
            if reply.status != 404:
                break
    assert failure is not None
    raise SendFailure(failure)


def _attempt(
    url: str, ref: MediaRef, found: JsonObject, settings: WhatsAppSettings
) -> Flow[HttpReply | Failure]:
    """One download. Bytes that broke off are a failure to be followed by another try; what else
    goes wrong is raised."""
    try:
        return (yield from http(_download(url, ref, found, settings)))
    except SendFailure as failed:
        broken = failed.failure.reason is Reason.MEDIA_UNREACHABLE
        if failed.failure.kind is Kind.TRANSIENT and broken:
            return failed.failure
        raise


def _download(url: str, ref: MediaRef, found: JsonObject, settings: WhatsAppSettings) -> HttpCall:
    ours = _host(url) in token_hosts(settings)
    size = number(found.get("file_size")) or DOWNLOAD_BYTES_MAX
    return HttpCall(
        "GET",
        url,
        auth=Auth.BEARER if ours else Auth.NONE,
        download=True,
        sha256=ref.sha256 or sha256_hex(text(found.get("sha256"))),
        bytes_max=DOWNLOAD_BYTES_MAX,
        deadline_s=transfer_s(int(min(size, DOWNLOAD_BYTES_MAX))),
        idempotent=True,
        guarded=not ours,
    )


def _fetched(reply: HttpReply, ref: MediaRef, found: JsonObject) -> Fetched:
    if reply.blob is None:
        raise _incomplete("the download was answered without bytes")
    mime = reply.headers.get("content-type") or text(found.get("mime_type")) or ref.mime
    return Fetched(reply.blob, reply.size, mime, ref.filename)


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
    """A medium that is refused is lost; an unknown id is its trouble, not the channel's.

    A stumble of the platform may last: the id lives for days.
    """
    unknown_id = failure.reason is Reason.CHANNEL_MISCONFIGURED
    if failure.kind is not Kind.REJECTED and not unknown_id:
        return evolve(failure, attempts_max=None)
    return evolve(failure, kind=Kind.REJECTED, reason=Reason.MEDIA_UNREACHABLE, scope=Scope.PART)


def _incomplete(why: str) -> SendFailure:
    return SendFailure(_gone(unreadable(why).failure))


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("https", "http") else ""


def transfer_s(size: int) -> float:
    """How long the bytes of a file may take."""
    return TRANSFER_DEADLINE_S + size / TRANSFER_BYTES_PER_S
