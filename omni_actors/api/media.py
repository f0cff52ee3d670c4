"""Media: bytes in, bytes out, streamed both ways and never held whole."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote

from omni_actors.api import render
from omni_actors.api.problems import Problem
from omni_actors.api.requests import NoQuery
from omni_actors.api.routes import Call, Reply, Route, replay_headers
from omni_actors.api.views import MediumView
from omni_actors.gateway.facade import Code, Medium, Mistake
from omni_actors.model.states import MediaState

PENDING_RETRY_S = 2.0
FILENAME_MAX = 255
UNKNOWN = "application/octet-stream"

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,100}"
_MIME = re.compile(rf'{_TOKEN}/{_TOKEN}(?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|"[\w .,+-]{{1,100}}"))*')
_PLAIN = re.compile(r';\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*utf-8''([^\s;]+)", re.IGNORECASE)


async def upload_medium(call: Call[NoQuery, None]) -> Reply:
    """Keep the bytes of the body."""
    assert call.incoming is not None
    mime = declared_mime(call.headers.get("content-type"))
    filename = declared_filename(call.headers.get("content-disposition"))
    chunks = call.incoming.chunks(call.bounds.media_bytes_max, call.bounds.body_timeout_s)
    made = await call.gateway.upload(
        call.caller,
        some(chunks),
        mime=mime,
        filename=filename,
        idempotency_key=call.idempotency_key,
        fingerprint=call.fingerprint,
    )
    headers = {"Location": f"/v1/media/{made.medium.id}", **replay_headers(made.replayed)}
    return Reply(render.medium(made.medium), 201, headers)


async def some(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of a body that may not be empty. Raises Problem."""
    empty = True
    async for chunk in chunks:
        empty = False
        yield chunk
    if empty:
        raise Problem(Code.INVALID, "a medium has at least one byte")


async def download_medium(call: Call[NoQuery, None]) -> Reply:
    """The bytes, as an attachment that no browser will run."""
    medium = await call.gateway.medium(call.caller, call.path["media_id"])
    if medium.state is MediaState.PENDING:
        detail = "the medium is still being fetched"
        raise Problem(Code.MEDIA_PENDING, detail, retry_after_s=PENDING_RETRY_S)
    if medium.state is MediaState.FAILED:
        raise Problem("media_gone", "the medium could not be fetched from the platform")
    headers = {
        "Content-Disposition": disposition(medium.filename or medium.id),
        "Content-Length": str(medium.size or 0),
    }
    if call.method == "HEAD":
        return Reply(raw=b"", headers=headers, media_type=served_type(medium))
    source = call.gateway.open_medium(medium)
    return Reply(source=source, headers=headers, media_type=served_type(medium))


def served_type(medium: Medium) -> str:
    """The type to serve a medium as; what a platform told is not put into a header unchecked."""
    mime = medium.mime or UNKNOWN
    return mime if _MIME.fullmatch(mime) else UNKNOWN


def declared_mime(header: str | None) -> str | None:
    """The type that an upload declares. Raises Problem for forms and nonsense."""
    if header is None or not header.strip():
        return None
    mime = header.strip()
    if not _MIME.fullmatch(mime) or len(mime) > FILENAME_MAX:
        raise Problem(
            Code.INVALID,
            "Content-Type is not a media type",
            mistakes=[Mistake("Content-Type", "is not a media type")],
        )
    if mime.lower().startswith("multipart/"):
        raise Problem(
            "unsupported_media_type", "send the bytes themselves as the body, not as a form"
        )
    return mime


def declared_filename(header: str | None) -> str | None:
    """The file name in a Content-Disposition, without any folder."""
    if header is None:
        return None
    if extended := _EXTENDED.search(header):
        name = unquote(extended[1], errors="replace")
    elif plain := _PLAIN.search(header):
        raw = plain[2] if plain[1] is None else re.sub(r"\\(.)", r"\1", plain[1])
        name = raw.encode("latin-1").decode("utf-8", "replace")
    else:
        return None
    base = re.split(r"[/\\]", name)[-1]
    clean = "".join([char for char in base if char.isprintable()]).strip()
    return clean[:FILENAME_MAX] or None


def disposition(filename: str) -> str:
    """An attachment of that name (RFC 6266)."""
    plain = re.sub(r'[^ -~]|["\\%]', "_", filename)
    extended = quote(filename.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}"


ROUTES = (
    Route(
        "POST",
        "/v1/media",
        upload_medium,
        "Upload a medium: the body is its bytes",
        answer=MediumView,
        status=201,
        scope="media:write",
        streams=True,
        body_types=("*/*",),
        idempotent=True,
        writes=True,
        codes=("unsupported_media_type",),
        headers=("Location",),
        request_headers=("Content-Disposition",),
    ),
    Route(
        "GET",
        "/v1/media/{media_id}",
        download_medium,
        "The bytes of a medium",
        scope="messages:read",
        answer_type="*/*",
        codes=(Code.MEDIA_PENDING, "media_gone"),
        headers=("Content-Disposition",),
    ),
)
