"""The parts of a mail that are no body: what they are, and how they are fetched."""

import re
from collections.abc import Mapping
from typing import Final

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.email.bodies import SIGNATURES
from omni_actors.adapters.email.headers import shown
from omni_actors.adapters.email.structure import Part
from omni_actors.model.content import MediaKind
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import ExtractCall, ExtractReply, Flow

ATTACHMENTS_MAX: Final = 200
NAME_BYTES_MAX: Final = 255

EXTENSIONS: Final[Mapping[str, str]] = {
    "application/json": "json",
    "application/ms-tnef": "dat",
    "application/pdf": "pdf",
    "application/pgp-signature": "asc",
    "application/pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "message/delivery-status": "txt",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/rfc822-headers": "txt",
    "text/vcard": "vcf",
    "video/mp4": "mp4",
}
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)")
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*]')
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}")
_KINDS: Final[Mapping[str, MediaKind]] = {
    "image": MediaKind.IMAGE,
    "audio": MediaKind.AUDIO,
    "video": MediaKind.VIDEO,
}


def kind_of(part: Part, shown_ids: frozenset[str]) -> str:
    """What must be known of a part, as in Attachment."""
    if part.content_id and part.content_id in shown_ids:
        return "inline"
    if part.mime in SIGNATURES:
        return "signature"
    if part.mime in ("message/rfc822", "message/global"):
        return "mail"
    if part.mime in ("text/calendar", "application/ics"):
        return "calendar"
    if part.mime in ("application/ms-tnef", "application/vnd.ms-tnef") or (
        part.filename.lower() == "winmail.dat"
    ):
        return "tnef"
    if part.mime in ("message/delivery-status", "text/rfc822-headers", "message/feedback-report"):
        return "report"
    enveloped = part.parameters.get("smime-type") in ("enveloped-data", "authenveloped-data")
    return "encrypted" if enveloped or part.mime == "application/pgp-encrypted" else "file"


def media_kind(mime: str) -> MediaKind:
    """How a part is meant to be shown."""
    return _KINDS.get(mime.partition("/")[0], MediaKind.DOCUMENT)


def safe_name(name: str, number: str, mime: str) -> str:
    """A file name that is one on every system and does not look like another; never empty."""
    last = re.split(r"[/\\]", shown(name))[-1]
    clean = _UNSAFE.sub("_", last).strip(" .")
    if not clean:
        return f"part-{number or '0'}.{EXTENSIONS.get(mime, 'bin')}"
    if _RESERVED.match(clean):
        clean = f"_{clean}"
    return _shortened(clean)


def _shortened(name: str) -> str:
    """At most 255 bytes, with the extension kept."""
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if _EXTENSION.fullmatch(dot + extension) else ""
    room = NAME_BYTES_MAX - len(tail)
    return (stem if tail else name).encode()[:room].decode(errors="ignore").rstrip(" .") + tail


def fetch(ref: MediaRef, _settings: object, _age_s: float) -> Flow[Fetched]:
    """Take a part out of the mail that is here. Raises SendFailure."""
    blob, part = ref.ref.get("blob"), ref.ref.get("part")
    if not isinstance(blob, str) or not isinstance(part, str):
        raise SendFailure(
            Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, Scope.PART, text="no part is named")
        )
    reply: ExtractReply = yield ExtractCall(blob, part)
    return Fetched(reply.blob, reply.size, ref.mime, ref.filename)
