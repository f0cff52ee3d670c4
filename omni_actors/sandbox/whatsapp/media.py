"""Media of the pretend WhatsApp: what may be uploaded, and links that last five minutes.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/
business-phone-numbers/media
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from omni_actors.sandbox.faults import Fault
from omni_actors.sandbox.forms import FormPart, form_parts
from omni_actors.sandbox.http import Answer
from omni_actors.sandbox.whatsapp.errors import refusal

MIB = 1_048_576
UPLOAD_BYTES_MAX = 100 * MIB + 65_536
LINK_LIFE_S = 300
UPLOADED_LIFE_S = 30 * 86_400
RECEIVED_LIFE_S = 7 * 86_400

_OFFICE = "application/vnd.openxmlformats-officedocument."
MIME_TYPES: Mapping[str, tuple[str, int]] = {
    "image/jpeg": ("image", 5 * MIB),
    "image/png": ("image", 5 * MIB),
    "video/mp4": ("video", 16 * MIB),
    "video/3gpp": ("video", 16 * MIB),
    "audio/aac": ("audio", 16 * MIB),
    "audio/amr": ("audio", 16 * MIB),
    "audio/mpeg": ("audio", 16 * MIB),
    "audio/mp4": ("audio", 16 * MIB),
    "audio/ogg": ("audio", 16 * MIB),
    "image/webp": ("sticker", 500 * 1024),
    "text/plain": ("document", 100 * MIB),
    "application/pdf": ("document", 100 * MIB),
    "application/msword": ("document", 100 * MIB),
    "application/vnd.ms-excel": ("document", 100 * MIB),
    "application/vnd.ms-powerpoint": ("document", 100 * MIB),
    f"{_OFFICE}wordprocessingml.document": ("document", 100 * MIB),
    f"{_OFFICE}spreadsheetml.sheet": ("document", 100 * MIB),
    f"{_OFFICE}presentationml.presentation": ("document", 100 * MIB),
}
"""MIME type to the kind of message it may be sent as, and the most bytes."""

_OLE = frozenset(
    {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"}
)
_ZIPPED = frozenset(mime for mime in MIME_TYPES if mime.startswith(_OFFICE))
_RANGE = re.compile(r"bytes=(\d{1,18})-")
_TTL_MINUTES = range(60, 43_201)

_DOCUMENT_BYTES_MAX = 100 * MIB
_STATIC_STICKER_BYTES_MAX = 100 * 1024


@frozen(eq=False)
class Medium:
    """Bytes that were uploaded, or that a customer sent."""

    id: str
    channel_key: str
    mime_type: str
    content: bytes
    sha256: bytes
    expires_at: float


@define(eq=False)
class MediaShelf:
    """All media of the platform; the oldest make room when `bytes_max` is reached."""

    bytes_max: int
    _key: bytes
    media: dict[str, Medium] = field(factory=dict)
    held_bytes: int = 0
    _next_id: int = 8_840_011

    def put(self, channel_key: str, mime_type: str, content: bytes, expires_at: float) -> Medium:
        """Keep bytes under a new id. Raises ValueError when they exceed the whole shelf."""
        if len(content) > self.bytes_max:
            raise ValueError(f"the sandbox keeps at most {self.bytes_max} bytes of media")
        while self.held_bytes + len(content) > self.bytes_max:
            self.remove(next(iter(self.media)))
        medium = Medium(
            id=str(self._next_id),
            channel_key=channel_key,
            mime_type=mime_type,
            content=content,
            sha256=hashlib.sha256(content).digest(),
            expires_at=expires_at,
        )
        self._next_id += 1
        self.media[medium.id] = medium
        self.held_bytes += len(content)
        return medium

    def get(self, media_id: str, now: float) -> Medium | None:
        """The medium, unless it is unknown or too old."""
        medium = self.media.get(media_id)
        return None if medium is None or medium.expires_at <= now else medium

    def remove(self, media_id: str) -> None:
        """Forget one medium."""
        self.held_bytes -= len(self.media.pop(media_id).content)

    def link(self, base_url: str, medium: Medium, now: float) -> str:
        """An address that serves the bytes for five minutes."""
        expires = int(now) + LINK_LIFE_S
        seal = self._seal(medium.id, str(expires))
        path = "whatsapp_business/attachments/"
        return f"{base_url}/{path}?mid={medium.id}&ext={expires}&hash={seal}"

    def linked(self, query: Mapping[str, str], now: float) -> Medium | None:
        """The medium an address leads to; None when it is forged or too old."""
        media_id, expires = query.get("mid", ""), query.get("ext", "")
        seal = self._seal(media_id, expires).encode()
        if not hmac.compare_digest(seal, query.get("hash", "").encode()):
            return None
        return self.get(media_id, now) if now < int(expires) else None

    def _seal(self, media_id: str, expires: str) -> str:
        return hmac.digest(self._key, f"{media_id}|{expires}".encode(), "sha256").hex()[:32]

    def clear(self) -> None:
        """Forget everything."""
        self.media.clear()
        self.held_bytes = 0


def bare(mime_type: str) -> str:
    """The MIME type without its parameters, in lower case."""
    return mime_type.partition(";")[0].strip().lower()


def upload_fault(mime_type: str, content: bytes) -> tuple[int, str] | None:
    """The code and reason an upload is refused for; None when it is taken."""
    plain = bare(mime_type)
    if plain not in MIME_TYPES:
        listed = ", ".join(sorted(MIME_TYPES))
        details = f"Param file must be a file with one of the following types: {listed}."
        return 100, f"{details} Received file of type '{mime_type}'."
    if not content:
        return 100, "Param file is empty."
    bytes_max = MIME_TYPES[plain][1]
    if len(content) > bytes_max:
        return 131053, f"The file has {len(content)} bytes; {plain} takes at most {bytes_max}."
    return None


def send_fault(kind: str, mime_type: str, content: bytes) -> str | None:
    """Why a medium cannot be sent as `kind`, which the platform finds out later; else None."""
    plain = bare(mime_type)
    home, bytes_max = MIME_TYPES.get(plain, ("document", _DOCUMENT_BYTES_MAX))
    if kind != "document" and home != kind:
        return f"{plain} cannot be sent as {kind}."
    if kind == "document":
        bytes_max = _DOCUMENT_BYTES_MAX
    if plain == "image/webp" and kind == "sticker" and b"ANIM" not in content[:64]:
        bytes_max = _STATIC_STICKER_BYTES_MAX
    if len(content) > bytes_max:
        return f"The file has {len(content)} bytes; a {kind} takes at most {bytes_max}."
    return _another_type(plain, content) or (_bad_ogg(content) if plain == "audio/ogg" else None)


def _another_type(plain: str, content: bytes) -> str | None:
    """Why the bytes are not of the type that was declared."""
    found = sniffed(content)
    if found is not None and plain not in found:
        return f"The file was declared as {plain}, and it is {' or '.join(sorted(found))}."
    if found is None and (plain != "text/plain" or b"\0" in content[:8_192]):
        return f"The file was declared as {plain}, and it is something else."
    return None


def _bad_ogg(content: bytes) -> str | None:
    """Only Opus is taken in Ogg, and only mono."""
    head = content[:4_096]
    at = head.find(b"OpusHead")
    if at < 0:
        return "Of audio/ogg only the codec OPUS is taken."
    channels = head[at + 9 : at + 10]
    return None if channels == b"\x01" else "Of audio/ogg only mono is taken."


def sniffed(content: bytes) -> frozenset[str] | None:
    """The MIME types that the first bytes allow; None when they say nothing."""
    for offset, magic, types in _MAGIC:
        if content[offset : offset + len(magic)] == magic:
            return types
    return None


_MAGIC: tuple[tuple[int, bytes, frozenset[str]], ...] = (
    (0, b"\xff\xd8\xff", frozenset({"image/jpeg"})),
    (0, b"\x89PNG\r\n\x1a\n", frozenset({"image/png"})),
    (0, b"GIF8", frozenset({"image/gif"})),
    (8, b"WEBP", frozenset({"image/webp"})),
    (8, b"WAVE", frozenset({"audio/wav"})),
    (0, b"%PDF-", frozenset({"application/pdf"})),
    (4, b"ftyp", frozenset({"video/mp4", "video/3gpp", "audio/mp4"})),
    (0, b"OggS", frozenset({"audio/ogg"})),
    (0, b"#!AMR", frozenset({"audio/amr"})),
    (0, b"ID3", frozenset({"audio/mpeg"})),
    (0, b"\xff\xf1", frozenset({"audio/aac"})),
    (0, b"\xff\xf9", frozenset({"audio/aac"})),
    (0, b"\xff\xfb", frozenset({"audio/mpeg"})),
    (0, b"\xff\xf3", frozenset({"audio/mpeg"})),
    (0, b"\xff\xf2", frozenset({"audio/mpeg"})),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (0, b"PK\x03\x04", _ZIPPED),
)


@frozen
class Upload:
    """A file that was handed in over a form."""

    mime_type: str
    content: bytes
    life_s: float


def uploaded(content_type: str, body: bytes) -> Upload:
    """The file in a form, if it is one that is taken. Raises GraphError."""
    try:
        parts = {part.name: part for part in form_parts(content_type, body)}
    except ValueError as error:
        raise refusal(100, str(error)) from None
    product = parts.get("messaging_product")
    if product is None or product.content != b"whatsapp":
        raise refusal(100, "The parameter messaging_product must be whatsapp.")
    file = parts.get("file")
    if file is None or file.filename is None:
        raise refusal(131008, "The parameter file is required, with a file name.")
    mime_type = file.content_type or ""
    if "type" not in parts:
        raise refusal(100, "The parameter type is required.")
    if bare(parts["type"].content.decode("latin-1")) != bare(mime_type):
        raise refusal(100, "Param type and the content type of the file differ.")
    if (wrong := upload_fault(mime_type, file.content)) is not None:
        raise refusal(*wrong)
    return Upload(mime_type, file.content, uploaded_life_s(parts))


def uploaded_life_s(parts: Mapping[str, FormPart]) -> float:
    """How long an upload is kept: 30 days, or what it asks for. Raises GraphError."""
    asked = parts.get("ttl_minutes")
    if asked is None:
        return UPLOADED_LIFE_S
    text = asked.content.decode("latin-1")
    if not text.isdecimal() or int(text) not in _TTL_MINUTES:
        raise refusal(100, "Param ttl_minutes must be from 60 to 43200.")
    return int(text) * 60


def downloaded(medium: Medium, headers: Mapping[str, str], fault: Fault | None) -> Answer:
    """The bytes, or those behind the first ones where only they are asked for."""
    if fault is not None and fault.kind == "expired_url":
        return Answer(404, b"", (("Content-Type", "text/html"),))
    if not headers.get("user-agent", "").strip():
        return Answer(403, b"", (("Content-Type", "text/html"),))
    content = medium.content
    if fault is not None and fault.kind == "wrong_bytes":
        content = content[:-1] + bytes([content[-1] ^ 1])
    told = (("Content-Type", medium.mime_type), ("Accept-Ranges", "bytes"))
    asked = _RANGE.fullmatch(headers.get("range", ""))
    if asked is None:
        return Answer(200, content, told)
    first, size = int(asked[1]), len(content)
    if first >= size:
        return Answer(416, b"", (("Content-Range", f"bytes */{size}"),))
    placed = ("Content-Range", f"bytes {first}-{size - 1}/{size}")
    return Answer(206, content[first:], (*told, placed))


def resolved(medium: Medium, url: str) -> dict[str, Any]:
    """The answer of `GET /{media_id}`."""
    return {
        "messaging_product": "whatsapp",
        "url": url,
        "mime_type": medium.mime_type,
        "sha256": medium.sha256.hex(),
        "file_size": len(medium.content),
        "id": medium.id,
    }


def announced(medium: Medium, url: str) -> dict[str, Any]:
    """The medium inside an inbound message."""
    digest = base64.b64encode(medium.sha256).decode()
    return {"mime_type": medium.mime_type, "sha256": digest, "id": medium.id, "url": url}
