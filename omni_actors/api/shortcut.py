"""A short way for what platforms send: ordinary hook requests, read without an HTTP library.

An HTTP library costs more time for such a request than all of our own work on it. So this reads
the one shape that platforms and proxies send: POST, a plain path, one length, nothing special.
Whatever looks any different is not judged here at all; it is left, untouched, to the server that
knows the whole of HTTP.
"""

import re
from collections.abc import Callable
from typing import Final

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.api.asgi import Application, Event
from omni_actors.api.hook_door import PREFIX

HEAD_BYTES_MAX: Final = 32 * 1024
CHUNK_BYTES: Final = 64 * 1024
HEAD_S: Final = 10.0
ANSWER_S: Final = 30.0

_START: Final = f"POST {PREFIX}".encode()
_HEAD: Final = re.compile(
    rb"POST (" + PREFIX.encode() + rb"[A-Za-z0-9._~/-]*) HTTP/1\.([01])\r\n"
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n"
)
_FIELD: Final = re.compile(rb"([^:\r]+):[\t ]*([^\r]*?)[\t ]*\r\n")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
# Each of these changes how a message is framed, or what must be answered.
_SPECIAL: Final = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"}
)
_GONE: Final[Event] = {"type": "http.disconnect"}

Headers = list[tuple[bytes, bytes]]


@frozen
class Plain:
    """The head of an ordinary hook request: `size` bytes long, `length` bytes of body behind it."""

    path: str
    headers: Headers
    length: int
    keep: bool
    size: int


def may_be_ours(start: bytes) -> bool:
    """Whether a request that begins so may be one for the short way."""
    return start.startswith(_START) or _START.startswith(start)


def plain_head(data: bytes) -> Plain | None:
    """The head at the beginning of `data`, which holds all of it; None for any special one."""
    head = _HEAD.match(data)
    if head is None:
        return None
    headers = [(name.lower(), value) for name, value in _FIELD.findall(head[3])]
    named = dict(headers)
    names = [name for name, _ in headers]
    if not _SPECIAL.isdisjoint(named) or names.count(b"connection") > 1:
        return None
    if names.count(b"content-length") != 1 or names.count(b"host") != 1:
        return None
    length, connection = named[b"content-length"], named.get(b"connection", b"keep-alive").lower()
    if not _LENGTH.fullmatch(length) or connection not in (b"keep-alive", b"close"):
        return None
    keep = head[2] == b"1" and connection == b"keep-alive"
    return Plain(head[1].decode(), headers, int(length), keep, len(head[0]))


@define(eq=False)
class ShortWay:
    """What the connections of one server share. `common` gives the headers of every answer."""

    app: Application
    common: Callable[[], Headers]
    idle_s: float
    closing: bool = False
    _waiting: set[trio.CancelScope] = field(factory=set, init=False)

    def close(self) -> None:
        """Let what is under way be answered, and hang up on whoever says nothing."""
        self.closing = True
        for scope in self._waiting:
            scope.cancel()

    async def serve(self, stream: trio.SocketStream) -> bytes | None:
        """Answer hook requests as long as nothing else comes.

        Answers with the bytes of the first request that is something else, which were read
        already; None when the connection has no more to say and is closed.
        """
        rest: bytes | None = None
        try:
            rest = await Talk(self, stream).run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            telemetry.debug("api.hook_hung_up")
        finally:
            if rest is None:
                await trio.aclose_forcefully(stream)
        return rest

    async def hear(self, stream: trio.SocketStream, deadline: float) -> bytes:
        """The next bytes of a head; empty when none come in time, or we are closing."""
        if self.closing:
            return b""
        with trio.CancelScope(deadline=deadline) as scope:
            self._waiting.add(scope)
            try:
                return bytes(await stream.receive_some(CHUNK_BYTES))
            finally:
                self._waiting.discard(scope)
        return b""


@define(eq=False)
class Talk:
    """One connection; `data` was read from it and not used yet."""

    way: ShortWay
    stream: trio.SocketStream
    data: bytes = b""

    async def run(self) -> bytes | None:
        """Answer request after request; see `ShortWay.serve`."""
        while await self._head():
            plain = plain_head(self.data)
            if plain is None:
                return self.data
            self.data = self.data[plain.size :]
            if not await self._answer(plain):
                return None
        return self.data or None

    async def _head(self) -> bool:
        """Read until a whole head is there that may be ours. Otherwise `data` holds what is."""
        deadline = trio.current_time() + (HEAD_S if self.data else self.way.idle_s)
        while may_be_ours(self.data):
            if self.data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) >= 0:
                return True
            if len(self.data) >= HEAD_BYTES_MAX:
                return False
            more = await self.way.hear(self.stream, deadline)
            if not more:
                self.data = b""
                return False
            if not self.data:
                deadline = trio.current_time() + HEAD_S
            self.data += more
        return False

    async def _answer(self, plain: Plain) -> bool:
        """Let the application answer one request; says whether another may follow it."""
        exchange = Exchange(self, plain.length, plain.keep)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": plain.path,
            "query_string": b"",
            "headers": plain.headers,
        }
        try:
            await self.way.app(scope, exchange.receive, exchange.send)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as end:
            telemetry.debug("api.hook_hung_up", error=type(end).__name__)
            return False
        except Exception as bug:  # noqa: BLE001 - one request's bug must not close the house
            telemetry.error("api.hook_failed", error=type(bug).__name__)
            return False
        return exchange.reusable

    def take(self, count: int) -> bytes:
        """At most `count` bytes of what was read ahead."""
        chunk, self.data = self.data[:count], self.data[count:]
        return chunk


@define(eq=False)
class Exchange:
    """One request and its answer, in the words of ASGI. `left` bytes of body are still to come."""

    talk: Talk
    left: int
    keep: bool
    reusable: bool = False
    _ended: bool = False
    _start: Event = None

    async def receive(self) -> Event:
        """The next piece of the body, or that there is nobody any more."""
        if self._ended:
            return _GONE
        if self.left and not self.talk.data:
            self.talk.data = bytes(await self.talk.stream.receive_some(CHUNK_BYTES))
            if not self.talk.data:
                self._ended = True
                return _GONE
        chunk = self.talk.take(self.left)
        self.left -= len(chunk)
        self._ended = self.left == 0
        return {"type": "http.request", "body": chunk, "more_body": self.left > 0}

    async def send(self, event: Event) -> None:
        """Write the answer once all of it is here. Its length stands in its own headers."""
        if event["type"] == "http.response.start":
            self._start = event
            return
        headers = [*self._start["headers"], *self.talk.way.common()]
        closes = (b"connection", b"close") in headers
        # What was not read of a body would be taken for the next request.
        if not closes and (self.left or not self.keep or self.talk.way.closing):
            closes = True
            headers.append((b"connection", b"close"))
        with trio.move_on_after(ANSWER_S) as sending:
            await self.talk.stream.send_all(spelled(self._start["status"], headers, event["body"]))
        self.reusable = not closes and not sending.cancelled_caught


def spelled(status: int, headers: Headers, body: bytes) -> bytes:
    """An answer as bytes."""
    lines = [b"HTTP/1.1 %d " % status, *[b"%b: %b" % field for field in headers]]
    return b"\r\n".join([*lines, b"", body])
