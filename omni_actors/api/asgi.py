"""The words of ASGI, as this room uses them, and the reading of bounded bodies."""

from collections.abc import Awaitable, Callable
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
