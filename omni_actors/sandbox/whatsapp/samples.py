"""Examples for the headers of templates: uploads to an app, in two steps, that end in a handle.

Source: developers.facebook.com/docs/graph-api/guides/upload
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.http import Request
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.template_rules import BAD_HEADER

SAMPLE_BYTES_MAX: Final = 100 * 1024 * 1024
FORMATS: Final[Mapping[str, str]] = {
    "image/jpeg": "IMAGE",
    "image/jpg": "IMAGE",
    "image/png": "IMAGE",
    "video/mp4": "VIDEO",
    "application/pdf": "DOCUMENT",
}


@frozen
class Session:
    """An upload that was begun."""

    app_id: str
    mime: str
    size: int
    signature: str


@define(eq=False)
class Samples:
    """The uploads of all apps."""

    chance: random.Random
    sessions: dict[str, Session] = field(factory=dict)
    handles: dict[str, str] = field(factory=dict)
    """Each with the format of the header that may show it."""

    def begin(self, app_id: str, query: Mapping[str, str]) -> str:
        """Begin an upload: the id to send the bytes to. Raises GraphError."""
        for name in ("file_name", "file_length", "file_type"):
            if not query.get(name):
                raise refusal(100, f"The parameter {name} is required.")
        if query["file_type"] not in FORMATS:
            raise refusal(100, f"Param file_type {query['file_type']} is not supported.")
        if not query["file_length"].isdecimal():
            raise refusal(100, "Param file_length must be a number.")
        session_id, signature = self.chance.randbytes(12).hex(), self.chance.randbytes(8).hex()
        named = f"upload:{session_id}"
        self.sessions[named] = Session(
            app_id, query["file_type"], int(query["file_length"]), signature
        )
        return f"{named}?sig={signature}"

    def session(self, named: str, request: Request) -> Session:
        """The upload that a request goes on with. Raises GraphError."""
        found = self.sessions.get(named)
        if found is None or request.query.get("sig") != found.signature:
            raise GraphError(400, 100, f"(#100) The upload session {named} is unknown")
        if not request.headers.get("authorization", "").startswith("OAuth "):
            raise GraphError(400, 100, "(#100) The upload wants an Authorization of OAuth")
        if request.headers.get("file_offset") != "0":
            raise GraphError(400, 100, "(#100) The header file_offset must be 0")
        return found

    def end(self, named: str, body: bytes) -> str:
        """Take the bytes: the handle. Raises GraphError."""
        session = self.sessions[named]
        if len(body) != session.size:
            raise refusal(100, f"The file has {len(body)} bytes and not {session.size}.")
        del self.sessions[named]
        handle = f"4:{self.chance.randbytes(24).hex()}"
        self.handles[handle] = FORMATS[session.mime]
        return handle

    def check(self, components: Any) -> None:
        """Whether headers show what they may. Raises GraphError."""
        for component in headers_of(components):
            shown = (component.get("example") or {}).get("header_handle") or [""]
            known = self.handles.get(str(shown[0]))
            if known is not None and known != component.get("format"):
                details = f"The example is of the format {known}, not {component.get('format')}."
                raise refusal(BAD_HEADER, details)

    def clear(self) -> None:
        """Forget everything."""
        self.sessions.clear()
        self.handles.clear()


def headers_of(components: Any) -> Iterator[Mapping[str, Any]]:
    """The headers among components and on cards."""
    for component in components if isinstance(components, list) else ():
        if not isinstance(component, dict):
            continue
        if component.get("type") == "HEADER":
            yield component
        for card in component.get("cards") or ():
            yield from headers_of(card.get("components") if isinstance(card, dict) else None)
