"""The live feed: events as they happen, one JSON text each, over a WebSocket.

A feed reads pages of the event log at the reader's own speed: a slow reader slows itself only, and
nothing is skipped or gathered for it.
"""

import trio
from attrs import define, field
from quart import websocket

from omni_actors.api import decode, render
from omni_actors.api.events import live_events
from omni_actors.api.problems import Problem
from omni_actors.api.queries import pairs_of
from omni_actors.api.requests import LiveQuery
from omni_actors.api.routes import Access, Route
from omni_actors.api.spell import json_text
from omni_actors.gateway.facade import Caller, Code, Feed, Gateway, RequestError

GOING_AWAY = 1001
INTERNAL = 1011
CURSOR_TOO_OLD = 4410
CLOSING_S_MAX = 2.0

LIVE = Route(
    "GET",
    "/v1/live",
    live_events,
    "The same events as they happen, over a WebSocket",
    access=Access.KEY,
    scope="events:read",
    query=LiveQuery,
    status=101,
    codes=("upgrade_required",),
)


@define
class LiveDoor:
    """Streams the event log to at most `readers_max` readers."""

    gateway: Gateway
    readers_max: int
    _readers: int = field(default=0, init=False)

    async def serve(self, caller: Caller) -> None:
        """One reader, until it or the gateway goes. Raises before the handshake is answered."""
        asked = decode.query(pairs_of(websocket.scope["query_string"]), LiveQuery)
        after = None if asked.after is None else int(asked.after)
        feed = await self.gateway.live(caller, after=after, types=asked.types)
        if self._readers >= self.readers_max:
            raise Problem(Code.OVERLOADED, "too many live readers", retry_after_s=5)
        self._readers += 1
        try:
            await websocket.accept()
            await websocket.close(*await self._stream(feed))
            # The reader answers a close with one of its own, and its going cancels this task.
            with trio.move_on_after(CLOSING_S_MAX):
                await trio.sleep_forever()
        finally:
            self._readers -= 1

    async def _stream(self, feed: Feed) -> tuple[int, str]:
        """Send until there is a reason to close: its code and words."""
        reason = (INTERNAL, "the feed ended")
        async with trio.open_nursery() as nursery:

            async def until_drain() -> None:
                nonlocal reason
                await self.gateway.wait_drain()
                reason = (GOING_AWAY, "the gateway is shutting down")
                nursery.cancel_scope.cancel()

            nursery.start_soon(until_drain)
            nursery.start_soon(_ignore_what_is_said)
            try:
                while True:
                    for event in await feed.next():
                        await websocket.send(json_text(render.event(event)))
            except RequestError as problem:
                old = problem.code is Code.CURSOR_TOO_OLD
                reason = (CURSOR_TOO_OLD if old else INTERNAL, problem.sentence[:100])
                nursery.cancel_scope.cancel()
        return reason


async def _ignore_what_is_said() -> None:
    """Read on, so that pings are answered and a departure is noticed."""
    while True:
        await websocket.receive()
