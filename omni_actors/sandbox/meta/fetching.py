"""Fetching what is sent by address, on loopback only: the sandbox never calls out.

Source: developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.line import ExchangeError, Line
from omni_actors.sandbox.meta.bodies import LOOPBACK, MEDIA_KINDS
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.rules import Rules
from omni_actors.sandbox.whatsapp.media import sniffed

FETCH_TIMEOUT_S = 10.0
VIDEO_TIMEOUT_S = 75.0
FETCH_BYTES_MAX = 32 * 1_048_576


@frozen
class File:
    """The bytes of an attachment, or why there are none."""

    mime_type: str
    content: bytes | None
    name: str = ""
    fault: GraphError | None = None


def media_in(message: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The kind and the payload of every medium in a message, as far as it has the shape."""
    if not isinstance(message, Mapping):
        return
    many = message.get("attachments")
    for one in (message.get("attachment"), *(many if isinstance(many, list) else ())):
        if not isinstance(one, Mapping) or one.get("type") not in MEDIA_KINDS:
            continue
        if isinstance(one.get("payload"), Mapping):
            yield str(one["type"]), one["payload"]


async def fetched(message: Any) -> dict[str, File]:
    """What is at the addresses of a message, as far as they are on loopback."""
    found: dict[str, File] = {}
    for kind, payload in media_in(message):
        url = payload.get("url")
        if isinstance(url, str) and url not in found and _is_here(url):
            found[url] = await _fetch(kind, url)
    return found


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


async def _fetch(kind: str, url: str) -> File:
    timeout_s = VIDEO_TIMEOUT_S if kind == "video" else FETCH_TIMEOUT_S
    line = Line(timeout_s=timeout_s, body_bytes_max=FETCH_BYTES_MAX)
    try:
        reply = await line.call("GET", url, [("User-Agent", "facebookexternalhit/1.1")])
    except ExchangeError as error:
        subcode = 2018294 if kind == "video" and "within" in str(error) else 2018008
        return File("", None, fault=refusal(100, subcode, str(error)))
    finally:
        await line.aclose()
    if reply.status != 200:
        fault = refusal(100, 2018008, f"The address answered {reply.status}")
        return File("", None, fault=fault)
    mime_type = reply.headers.get("content-type", "application/octet-stream")
    return File(mime_type, reply.body, name=urlsplit(url).path.rpartition("/")[2])


def check_file(rules: Rules, kind: str, file: File) -> None:
    """Whether the bytes may be sent as this kind. Raises GraphError."""
    if file.fault is not None:
        raise file.fault
    if file.content is None:
        return
    rule, plain = rules.media[kind], file.mime_type.partition(";")[0].strip().lower()
    if len(file.content) > rule.bytes_max:
        details = f"The file has {len(file.content)} bytes; {kind} takes {rule.bytes_max}"
        raise refusal(100, 2018109, details)
    if not file.content or not rule.takes(plain):
        raise refusal(100, 2018047, f"{plain} cannot be sent as {kind}")
    found = sniffed(file.content)
    looks = found is not None and any(rule.takes(each) for each in found)
    if not looks and (found is not None or kind == "image"):
        raise refusal(100, 2018047, f"The file is not the {kind} that it says it is")
