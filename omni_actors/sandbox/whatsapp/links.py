"""Fetching media that were sent by link, on loopback only: the sandbox never calls out.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/image-messages
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.line import ExchangeError, Line
from omni_actors.sandbox.whatsapp.bodies import check_message, media_of
from omni_actors.sandbox.whatsapp.media import MIB, send_fault

FETCH_TIMEOUT_S = 10.0
FETCH_BYTES_MAX = 100 * MIB

_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


async def link_fault(document: dict[str, Any]) -> str | None:
    """Why a loopback link of this message cannot be sent; None when all can, or none is there."""
    try:
        kind = check_message(document)
    except GraphError:
        return None
    for place, medium in media_of(document, kind):
        link = medium.get("link")
        if link is not None and urlsplit(link).hostname in _HOSTS:
            fault = await _fault(place, link)
            if fault is not None:
                return fault
    return None


async def _fault(kind: str, link: str) -> str | None:
    line = Line(timeout_s=FETCH_TIMEOUT_S, body_bytes_max=FETCH_BYTES_MAX)
    try:
        reply = await line.call("GET", link, [("User-Agent", "facebookexternalua")])
    except ExchangeError as error:
        return f"Downloading media from weblink failed: {error}"
    finally:
        await line.aclose()
    if reply.status != 200:
        return f"Downloading media from weblink failed with http code {reply.status}."
    return send_fault(kind, _mime_type(reply.headers), reply.body)


def _mime_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "application/octet-stream")
