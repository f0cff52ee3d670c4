"""Lines and blocks of bytes over a connection; both mail servers are written in them."""

import trio
from attrs import define, field

READ_BYTES = 65_536
SEND_TIMEOUT_S = 60.0


class Gone(Exception):
    """The connection is over: the peer left, fell silent, or we hang up."""


class TooLong(Exception):
    """More came without an end than is taken."""


@define(eq=False)
class Talk:
    """One connection. Every wait has an end."""

    stream: trio.SocketStream
    idle_s: float
    _buffer: bytearray = field(factory=bytearray)

    async def line(self, bytes_max: int) -> bytes:
        """The next line without its CRLF. Raises Gone, TooLong."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > bytes_max:
                raise TooLong
            await self._more()
        if end > bytes_max:
            raise TooLong
        return self._taken(end, 2)

    async def exactly(self, count: int) -> bytes:
        """So many bytes. Raises Gone."""
        while len(self._buffer) < count:
            await self._more()
        return self._taken(count, 0)

    async def until_dot(self, bytes_max: int) -> bytes | None:
        """A mail up to the line of a dot, which is not in it, nor are dots doubled any more.

        None where it is larger. Raises Gone.
        """
        self._buffer[:0] = b"\r\n"
        data = await self._until(b"\r\n.\r\n", bytes_max + 2)
        return None if data is None else (data + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:]

    async def _until(self, end: bytes, bytes_max: int) -> bytes | None:
        searched, fits = 0, True
        while (at := self._buffer.find(end, searched)) < 0:
            searched = max(0, len(self._buffer) - len(end) + 1)
            if searched > bytes_max:
                fits = False
                del self._buffer[:searched]
                searched = 0
            await self._more()
        data = self._taken(at, len(end))
        return data if fits and len(data) <= bytes_max else None

    async def say(self, data: bytes) -> None:
        """Send bytes. Raises Gone."""
        try:
            with trio.fail_after(SEND_TIMEOUT_S):
                await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            raise Gone from None

    async def hear(self) -> None:
        """Wait until there is something to read. Raises Gone."""
        if not self._buffer:
            await self._more()

    def _taken(self, count: int, more: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[: count + more]
        return taken

    async def _more(self) -> None:
        try:
            with trio.fail_after(self.idle_s):
                received = await self.stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            raise Gone from None
        if not received:
            raise Gone
        self._buffer += received
