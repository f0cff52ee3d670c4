"""HTTP/1.1 messages taken off a stream: heads, and bodies by length or in chunks (RFC 9112).

Written out rather than borrowed, because a general parser costs more than all the rest of a small
request here, and the sandbox is the other side of the bench.
"""

import re

import trio
from attrs import define, field, frozen

READ_BYTES = 65_536
HEAD_BYTES_MAX = 65_536
CHUNK_LINE_BYTES_MAX = 4_096

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class FrameError(Exception):
    """The peer does not speak HTTP/1.1 as it should."""


class BodyTooLargeError(Exception):
    """The body carries more bytes than its reader takes."""


@frozen
class Head:
    """A start line and its headers, names in lower case; repeated ones are joined by commas."""

    start: str
    headers: dict[str, str]

    @property
    def keeps_alive(self) -> bool:
        """Whether the sender lets the connection live on."""
        wish = self.headers.get("connection", "").lower()
        if "HTTP/1.0" in self.start:
            return wish == "keep-alive"
        return "close" not in wish

    def framing(self) -> int | None:
        """The length of the body; None for chunks, -1 when no header tells. Raises FrameError."""
        coding = self.headers.get("transfer-encoding")
        length = self.headers.get("content-length")
        if coding is not None:
            if coding.strip().lower() != "chunked" or length is not None:
                raise FrameError("a body is either chunked or has a length")
            return None
        if length is None:
            return -1
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise FrameError(f"the content length {length!r} is not a number")
        return int(length)


@define(eq=False)
class FrameReader:
    """Reads one connection, keeping what arrived too early for the next message."""

    stream: trio.abc.ReceiveStream
    _buffer: bytearray = field(factory=bytearray)

    async def head(self) -> Head | None:
        """The next head; None when the peer has left. Raises FrameError."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_BYTES_MAX:
                raise FrameError("the head of the message is too long")
            if not await self._more():
                if self._buffer.strip():
                    raise FrameError("the peer left in the middle of a head")
                return None
        text = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        return _head(text.lstrip("\r\n"))

    async def body(self, framing: int | None, bytes_max: int) -> bytes:
        """A whole body. Raises FrameError, or BodyTooLargeError as soon as it is too long."""
        if framing is None:
            return await self._chunked(bytes_max)
        if framing > bytes_max:
            raise BodyTooLargeError
        return await self._exactly(framing)

    async def rest(self, bytes_max: int) -> bytes:
        """Everything up to the end of the stream. Raises BodyTooLargeError."""
        while await self._more():
            if len(self._buffer) > bytes_max:
                raise BodyTooLargeError
        return await self._exactly(len(self._buffer))

    async def _chunked(self, bytes_max: int) -> bytes:
        body = bytearray()
        while size := await self._chunk_size():
            if len(body) + size > bytes_max:
                raise BodyTooLargeError
            body += await self._exactly(size)
            if await self._text_line():
                raise FrameError("a chunk is longer than it said")
        while await self._text_line():
            pass
        return bytes(body)

    async def _chunk_size(self) -> int:
        text = (await self._text_line()).partition(";")[0].strip()
        if not re.fullmatch(r"[0-9A-Fa-f]{1,12}", text):
            raise FrameError(f"{text!r} is not the size of a chunk")
        return int(text, 16)

    async def _text_line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > CHUNK_LINE_BYTES_MAX or not await self._more():
                raise FrameError("a line of the body has no end")
        line = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 2]
        return line

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not await self._more():
                raise FrameError("the peer left in the middle of a body")
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> bool:
        received = await self.stream.receive_some(READ_BYTES)
        self._buffer += received
        return bool(received)


def _head(text: str) -> Head:
    start, *lines = text.split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or _TOKEN.fullmatch(name) is None:
            raise FrameError("a header line is malformed")
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            if name in ("content-length", "host", "transfer-encoding"):
                raise FrameError(f"the header {name} is given twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return Head(start, headers)


def frame(start: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """A whole message with its length. Raises ValueError for a header with a line break."""
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    if any("\n" in line or "\r" in line for line in lines[:-1]):
        raise ValueError("a header cannot hold a line break")
    return "\r\n".join(lines).encode("latin-1") + body
