"""The HTTP/1.1 client that knocks at hooks: one keep-alive connection, used by one task."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import trio
from attrs import define, frozen

from omni_actors.sandbox.frames import BodyTooLargeError, FrameError, FrameReader, frame

BODY_BYTES_MAX = 1_048_576


class ExchangeError(Exception):
    """A call that we made got no whole answer."""


class _StaleError(Exception):
    """A kept connection was closed before it said a word about our request."""


@frozen
class Reply:
    """What another server said to a call of ours."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class _Target:
    origin: tuple[str, str, int]
    host: str
    path: str


@define(eq=False)
class Line:
    """Calls one origin after another, keeping the connection while the origin stays the same.

    After a cancelled call the line must be closed, for half an answer may still be under way.
    A kept connection that turns out to be closed is opened anew once; anything else that goes
    wrong is an ExchangeError, and the caller decides.
    """

    timeout_s: float = 30.0
    body_bytes_max: int = BODY_BYTES_MAX
    _origin: tuple[str, str, int] | None = None
    _stream: trio.abc.Stream | None = None
    _reader: FrameReader | None = None

    async def call(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> Reply:
        """Make one call. Raises ExchangeError when no whole answer came in time."""
        try:
            target = _target(url)
            start = f"{method} {target.path} HTTP/1.1"
            message = frame(start, [("Host", target.host), *headers], body)
            with trio.fail_after(self.timeout_s):
                return await self._call(target.origin, message)
        except trio.TooSlowError:
            await self.aclose()
            raise ExchangeError(f"no answer within {self.timeout_s:g} s") from None
        except (OSError, trio.BrokenResourceError, FrameError, BodyTooLargeError) as error:
            await self.aclose()
            raise ExchangeError(f"{type(error).__name__}: {error}") from error
        except (_StaleError, ValueError) as error:
            await self.aclose()
            raise ExchangeError(str(error)) from error

    async def _call(self, origin: tuple[str, str, int], message: bytes) -> Reply:
        if self._stream is not None and self._origin == origin:
            try:
                return await self._exchange(message)
            except (_StaleError, trio.BrokenResourceError):
                pass
        await self.aclose()
        self._stream = await _connect(*origin)
        self._reader = FrameReader(self._stream)
        self._origin = origin
        return await self._exchange(message)

    async def _exchange(self, message: bytes) -> Reply:
        stream, reader = self._stream, self._reader
        if stream is None or reader is None:
            raise _StaleError("the connection is closed")
        await stream.send_all(message)
        head = await reader.head()
        while head is not None and head.start.split(" ")[1:2] == ["100"]:
            head = await reader.head()
        if head is None:
            raise _StaleError("the connection was closed without an answer")
        status = _status(head.start)
        framing = 0 if status in (204, 304) else head.framing()
        if framing == -1:
            body = await reader.rest(self.body_bytes_max)
        else:
            body = await reader.body(framing, self.body_bytes_max)
        if framing == -1 or not head.keeps_alive:
            await self.aclose()
        return Reply(status, head.headers, body)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        stream, self._stream, self._reader = self._stream, None, None
        if stream is not None:
            await trio.aclose_forcefully(stream)


def _target(url: str) -> _Target:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target((parts.scheme, parts.hostname, port), parts.netloc.rpartition("@")[2], path)


def _status(start: str) -> int:
    version, _, rest = start.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise FrameError("the status line is malformed")
    return int(code)


async def _connect(scheme: str, host: str, port: int) -> trio.abc.Stream:
    if scheme == "https":
        return await trio.open_ssl_over_tcp_stream(host, port, https_compatible=True)
    stream = await trio.open_tcp_stream(host, port)
    stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
    return stream
