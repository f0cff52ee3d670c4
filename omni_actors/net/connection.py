"""One HTTP/1.1 connection of a lane: requests are written whole, answers read by a parser in C.

A client library spends more time on a small call than all of our own work on the message it
carries. What such a library would decide is decided elsewhere here (who connects, to which
address, what is retried), so what is left is spelling a request and reading its answer.
"""

import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

import httpcore
import httptools
import trio
from attrs import define, field, frozen

from omni_actors.net.request import CONNECT_TIMEOUT_S, Headers

CLOSE_TIMEOUT_S: Final = 2.0
CHUNK_BYTES: Final = 64 * 1024
HEAD_BYTES_MAX: Final = 64 * 1024
_METHOD: Final = re.compile(rb"[A-Z]{1,20}")


class Unwritable(Exception):
    """The request cannot be written as HTTP: its parts would be read as something else."""


@define
class Fate:
    """What is known of one request: whether any byte of it may have left."""

    sent: bool = False


@frozen
class Request:
    """What goes out. The headers hold the length of the body and the host."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes | AsyncIterable[bytes] | None


@define(eq=False)
class Connection:
    """Made by its first call; one call at a time."""

    origin: httpcore.Origin
    ssl_context: ssl.SSLContext
    backend: httpcore.AsyncNetworkBackend
    _stream: httpcore.AsyncNetworkStream | None = field(default=None, init=False)
    _clean: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def available(self) -> bool:
        """Whether the last call ended so that another may follow it."""
        return self._clean and not self._closed

    @property
    def closed(self) -> bool:
        """Whether it was closed by us."""
        return self._closed

    @property
    def hung_up(self) -> bool:
        """Whether the other side has closed it, or says what nobody asked for."""
        return self._stream is not None and bool(self._stream.get_extra_info("is_readable"))

    async def ask(self, request: Request, fate: Fate) -> "Answer":
        """Send a request and read the head of its answer.

        Raises Unwritable, and what httpcore's streams raise: ConnectError, ConnectTimeout,
        ReadError, WriteError, RemoteProtocolError. Cancelled, the connection is of no more use.
        """
        head = spelled(request)
        self._clean = False
        stream = self._stream = self._stream or await self._connect()
        whole = await _sent(stream, head, request.body, fate)
        answer = Answer(stream, request.method == b"HEAD", self, whole)
        await answer.read_head()
        return answer

    def ended(self) -> None:
        """The answer was read to its end, and another request may follow."""
        self._clean = True

    async def aclose(self) -> None:
        """Hang up."""
        self._closed = True
        if self._stream is not None:
            await self._stream.aclose()

    async def _connect(self) -> httpcore.AsyncNetworkStream:
        host = self.origin.host.decode("ascii")
        stream = await self.backend.connect_tcp(host, self.origin.port, timeout=CONNECT_TIMEOUT_S)
        if self.origin.scheme != b"https":
            return stream
        try:
            return await stream.start_tls(self.ssl_context, host, timeout=CONNECT_TIMEOUT_S)
        except BaseException:  # also cancelled: nobody else could close it
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await stream.aclose()
            raise


def spelled(request: Request) -> bytes:
    """The head of a request. Raises Unwritable when a part of it would end where it must not."""
    lines = [b"%b %b HTTP/1.1" % (request.method, request.target)]
    lines += [b"%b: %b" % header for header in request.headers]
    head = b"\r\n".join([*lines, b"", b""])
    ends = len(lines) + 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
        raise Unwritable
    if not _METHOD.fullmatch(request.method) or b" " in request.target:
        raise Unwritable
    return head


async def _sent(
    stream: httpcore.AsyncNetworkStream,
    head: bytes,
    body: bytes | AsyncIterable[bytes] | None,
    fate: Fate,
) -> bool:
    """Send it all, the head in one packet with the first of the body; says whether all could go.

    A server may answer and hang up before it has heard everything; its answer is worth reading.
    """
    try:
        if body is None or isinstance(body, bytes):
            fate.sent = True
            await stream.write(head + body if body else head)
            return True
        held = head
        async for chunk in body:
            fate.sent = True
            await stream.write(held + chunk)
            held = b""
        if held:
            fate.sent = True
            await stream.write(held)
    except httpcore.WriteError:
        return False
    return True


@define(eq=False)
class Answer:
    """An answer that is being read: its head first, then its body, iterated over once."""

    stream: httpcore.AsyncNetworkStream
    bodiless: bool
    connection: Connection
    whole: bool  # the request went out to its end
    status: int = field(default=0, init=False)
    headers: Headers = field(factory=list, init=False)
    _parser: httptools.HttpResponseParser = field(init=False)
    _pieces: list[bytes] = field(factory=list, init=False)
    _head: bool = field(default=False, init=False)
    _done: bool = field(default=False, init=False)
    _keep: bool = field(default=False, init=False)
    _more: bool = field(default=False, init=False)  # than one answer came

    def __attrs_post_init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    async def read_head(self) -> None:
        """Read until the status and the headers are here. Raises as `Connection.ask`."""
        size = 0
        while not self._head:
            size += await self._feed()
            if size > HEAD_BYTES_MAX + CHUNK_BYTES:
                raise httpcore.RemoteProtocolError("the head of the answer has no end")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece of the body. Raises ReadError, RemoteProtocolError."""
        size = 0  # of what came without a body: chunk sizes, trailers
        while not self._pieces:
            if self._done:
                self._end()
                raise StopAsyncIteration
            size += await self._feed()
            if size > HEAD_BYTES_MAX + CHUNK_BYTES and not self._pieces:
                raise httpcore.RemoteProtocolError("the end of the answer has no end")
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _end(self) -> None:
        if self.whole and self._keep and not self._more:
            self.connection.ended()

    async def _feed(self) -> int:
        data = await self.stream.read(CHUNK_BYTES)
        if not data:
            self._hung_up()
            return 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise httpcore.RemoteProtocolError("the server changed the protocol") from None
        except httptools.HttpParserError as error:
            # What follows a whole answer is not ours to judge; the connection ends with it.
            self._more = True
            if not self._done:
                raise httpcore.RemoteProtocolError("the answer is not HTTP/1.1") from error
        return len(data)

    def _hung_up(self) -> None:
        """The other side closed, which is the end of an answer that names no other."""
        if not self._head or not self._ends_with_connection():
            raise httpcore.RemoteProtocolError("the server hung up before the answer was complete")
        self._done = self._more = True

    def _ends_with_connection(self) -> bool:
        named = {name.lower(): value for name, value in self.headers}
        coding = named.get(b"transfer-encoding", b"").lower().strip()
        return not coding.endswith(b"chunked") and b"content-length" not in named

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer, or a second one that nobody asked for."""
        self._more = self._done
        if not self._done:
            self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if not self._head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole; one that only says to go on does not count."""
        status = self._parser.get_status_code()
        if self._head or status < 200:
            return
        self.status, self._head = status, True
        if self.bodiless:
            self._done = self._more = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._done:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """The end of the answer."""
        if self._head and not self._done:
            self._done = True
            self._keep = self._parser.should_keep_alive()
