"""Bodies of requests, read by the routes themselves and only as far as they want.

Quart would gather a whole body in memory, as fast as the client sends it. Here Quart sees an empty
body; a route reads the real one, bounded in size and time, and a slow disk slows the client down.
"""

from collections.abc import AsyncIterator

import trio
from attrs import define, field

from omni_actors.api.asgi import (
    Application,
    Event,
    Receive,
    Scope,
    Send,
    declared_length,
    drain,
    says_more,
)
from omni_actors.api.problems import Problem
from omni_actors.gateway.facade import Code

KEY = "omni.incoming"
CLOSE = {"Connection": "close"}


@define
class Incoming:
    """The body of one request that has not been read yet."""

    receive: Receive
    declared: str  # Content-Length as it came
    _done: trio.Event = field(factory=trio.Event)
    _announced: bool = False

    async def read(self, bytes_max: int, timeout_s: float) -> bytes:
        """The whole body. Raises Problem when it is too large or too slow."""
        chunks = [chunk async for chunk in self.chunks(bytes_max, timeout_s)]
        return b"".join(chunks)

    async def chunks(self, bytes_max: int, timeout_s: float) -> AsyncIterator[bytes]:
        """The body as it comes in; `timeout_s` bounds the wait for each next chunk."""
        too_large = Problem(
            Code.TOO_LARGE, f"the body has more than {bytes_max} bytes", headers=CLOSE
        )
        if says_more(self.declared, bytes_max):
            raise too_large
        amount = 0
        while not self._done.is_set():
            chunk = await self._next(timeout_s)
            amount += len(chunk)
            if amount > bytes_max:
                raise too_large
            if chunk:
                yield chunk

    async def _next(self, timeout_s: float) -> bytes:
        with trio.move_on_after(timeout_s):
            event = await self.receive()
            if not event.get("more_body", False):
                self._done.set()
            if event["type"] == "http.request":
                chunk: bytes = event.get("body", b"")
                return chunk
            raise Problem("request_timeout", "the client left", headers=CLOSE)
        raise Problem("request_timeout", "the body did not come in time", headers=CLOSE)

    async def finish(self) -> None:
        """Let the client say what nobody wants to hear, so that it hears the answer."""
        if not self._done.is_set():
            await drain(self.receive)
            self._done.set()

    async def announce(self) -> Event:
        """What Quart gets to see: an empty body, and later that the client has gone."""
        if not self._announced:
            self._announced = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._done.wait()
        return await self.receive()


@define
class BodyDoor:
    """Keeps bodies away from Quart and hands them to the routes.

    Quart-Trio cancels the task that answers as soon as the server says that the exchange is over,
    which the server says from within the sending of the last event. Cut off there, it neither
    closes an unfinished connection nor watches an idle one; so the last event is shielded.
    """

    inner: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        incoming = Incoming(receive, declared_length(scope["headers"]))
        scope[KEY] = incoming

        async def answer(event: Event) -> None:
            if event["type"] == "http.response.start":
                await incoming.finish()
            with trio.CancelScope(shield=not event.get("more_body", False)):
                await send(event)

        await self.inner(scope, incoming.announce, answer)
