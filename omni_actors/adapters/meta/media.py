"""Fetches the media that customers sent over Messenger and Instagram, from signed addresses.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
"""

from email.message import Message
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from attrs import evolve

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.meta.attachments import is_media_host
from omni_actors.adapters.meta.errors import answer, refusal
from omni_actors.adapters.reading import mapping, number, sequence, text
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply, http
from omni_actors.wire.hosts import is_loopback

DOWNLOAD_BYTES_MAX: Final = 30_000_000
TRANSFER_DEADLINE_S: Final = 150.0
GONE: Final = frozenset({403, 404, 410})
# Where a message that is read again keeps the address of an attachment.
DATA: Final = ("image_data", "video_data", "audio_data")


class Graph(Protocol):
    """What is needed of a channel's settings to call its Graph."""

    @property
    def graph_url(self) -> str: ...

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


def fetch(ref: MediaRef, settings: Graph, _age_s: float) -> Flow[Fetched]:
    """Stream a customer's medium into a blob. Raises SendFailure.

    An address that is good no more is asked for anew, once: the platform knows it for the newest
    messages of a conversation.
    https://developers.facebook.com/documentation/business-messaging/messenger-platform/conversations
    """
    url = text(ref.ref.get("url"))
    if url is None or not _is_theirs(url, settings):
        raise _lost("the address is none where the platform keeps media")
    reply = yield from http(_download(url, settings))
    if reply.status in GONE:
        url = yield from _address_anew(ref, settings)
        reply = yield from http(_download(url, settings))
    if not reply.ok or reply.blob is None:
        raise SendFailure(_failure(reply))
    return Fetched(reply.blob, reply.size, reply.headers.get("content-type"), _named(reply))


def _is_theirs(url: str, settings: Graph) -> bool:
    """Whether the platform keeps media there; one that this machine plays keeps them anywhere."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https" and is_media_host(host):
        return True
    return is_loopback(host) and parts.netloc == urlsplit(settings.graph_url).netloc


def _download(url: str, settings: Graph) -> HttpCall:
    """The address is signed, so the token stays here."""
    return HttpCall(
        "GET",
        url,
        Auth.NONE,
        download=True,
        bytes_max=DOWNLOAD_BYTES_MAX,
        deadline_s=TRANSFER_DEADLINE_S,
        idempotent=True,
        guarded=urlsplit(url).netloc != urlsplit(settings.graph_url).netloc,
    )


def _address_anew(ref: MediaRef, settings: Graph) -> Flow[str]:
    mid, nth = text(ref.ref.get("mid")), number(ref.ref.get("n"))
    if mid is None or nth is None:
        raise _lost("its address is good no more")
    asked = {"fields": "attachments"}
    url = settings.url(quote(mid, safe=""))
    reply = yield from http(HttpCall("GET", url, settings.auth, query=asked, idempotent=True))
    try:
        told = answer(reply, repeatable=True)
    except SendFailure as refused:
        raise SendFailure(_gone(refused.failure)) from None
    attached = sequence(mapping(told.get("attachments")).get("data"))
    here = mapping(attached[int(nth)]) if 0 <= nth < len(attached) else {}
    found = _address_in(here)
    if found is None or not _is_theirs(found, settings):
        raise _lost("its address is good no more, and the platform names no other")
    return found


def _address_in(attachment: JsonObject) -> str | None:
    inside = (text(mapping(attachment.get(name)).get("url")) for name in DATA)
    return next(filter(None, inside), None) or text(attachment.get("file_url"))


def _failure(reply: HttpReply) -> Failure:
    """Where media lie, whoever refuses has them no more; one that stumbles may be asked again."""
    if 400 <= reply.status < 500 and reply.status not in (408, 429):
        return _lost(f"its address is answered with HTTP {reply.status}").failure
    return refusal(reply, repeatable=True)


def _gone(failure: Failure) -> Failure:
    if failure.kind is not Kind.REJECTED:
        return failure
    return evolve(failure, reason=Reason.MEDIA_UNREACHABLE, scope=Scope.PART)


def _lost(why: str) -> SendFailure:
    return SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=why))


def _named(reply: HttpReply) -> str | None:
    """What the platform calls the file, if it says so."""
    header = Message()
    header["content-disposition"] = reply.headers.get("content-disposition", "")
    return header.get_filename()
