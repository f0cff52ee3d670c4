"""The words of ASGI, as this room uses them, and the reading of bounded bodies."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import trio

# Mappings by the kind of connection and event; servers and Quart type them more closely.
Scope: TypeAlias = Any
Event: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAIN_S_MAX = 2.0
DRAIN_BYTES_MAX = 32 * 1024 * 1024


class Gone(Exception):
    """The client left before it had said everything."""


class TooMuch(Exception):
    """The body is larger than its bound."""


async def drain(receive: Receive) -> None:
    """Read on for a moment without keeping anything, so that the answer is not lost.

    A server that closes while bytes are under way resets the connection, and the client never
    sees why.
    """
    left = DRAIN_BYTES_MAX
    with trio.move_on_after(DRAIN_S_MAX):
        while left > 0:
            event = await receive()
            if event["type"] != "http.request" or not event.get("more_body"):
                return
            left -= len(event.get("body", b""))


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The Content-Length of a request as it came, empty when there is none."""
    return next(
        (value.decode("latin-1") for name, value in headers if name == b"content-length"), ""
    )


def says_more(declared: str, bytes_max: int) -> bool:
    """Whether a declared length is over a bound, without making a number of any length."""
    digits = declared.lstrip("0")
    return declared.isdecimal() and (len(digits) > 19 or int(digits or "0") > bytes_max)
