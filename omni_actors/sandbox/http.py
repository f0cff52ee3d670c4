"""The HTTP/1.1 server of the pretend platforms, lean: it must not hold up a bench."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import trio
from attrs import define, frozen

from omni_actors.sandbox.frames import BodyTooLargeError, FrameError, FrameReader, Head, frame

JSON_BODY_BYTES_MAX = 1_048_576
IDLE_TIMEOUT_S = 75.0
BODY_TIMEOUT_S = 60.0
SEND_TIMEOUT_S = 60.0
LINGER_S = 2.0
CONNECTIONS_MAX = 4_096
SLOW_PIECES = 8

log = logging.getLogger(__name__)

JSON_TYPE = ("Content-Type", "application/json; charset=UTF-8")
REASONS = {
    200: "OK",
    206: "Partial Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@define(eq=False)
class Request:
    """One request; its body is read only when the route asks for it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    _framing: int | None
    _reader: FrameReader
    _expects: Callable[[], Awaitable[None]] | None
    taken: bool = False
    """Whether the whole body has been read."""
    begun: bool = False
    _whole: bytes = b""

    async def body(self, bytes_max: int = JSON_BODY_BYTES_MAX) -> bytes:
        """The whole body, as often as it is asked for.

        Raises BodyTooLargeError above `bytes_max` when it is read, which is once.
        """
        if self.begun and self.taken:
            return self._whole
        self.begun = True
        if self._expects is not None:
            await self._expects()
        with trio.fail_after(BODY_TIMEOUT_S):
            self._whole = await self._reader.body(self._framing, bytes_max)
        self.taken = True
        return self._whole

    @property
    def segments(self) -> list[str]:
        """The path cut at its slashes, without empty pieces."""
        return [unquote(piece) for piece in self.path.split("/") if piece]


@frozen
class Answer:
    """What goes back, and what happens once it has gone."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (JSON_TYPE,)
    after: Callable[[], Awaitable[None]] | None = None
    cut_at: int | None = None
    """Close the connection when this many bytes of the body have left; below 0 sends nothing."""
    pause_s: float = 0.0
    """Send the body in `SLOW_PIECES`, with a pause before each."""


def json_answer(status: int, document: Any, *headers: tuple[str, str]) -> Answer:
    """An answer with `document` as JSON."""
    return Answer(status, json.dumps(document).encode(), (JSON_TYPE, *headers))


HANG_UP = Answer(0, cut_at=-1)
"""Closes the connection without a byte of answer."""

Handler = Callable[[Request], Awaitable[Answer]]


async def serve_connection(stream: trio.SocketStream, handle: Handler) -> None:
    """Answer the requests of one connection in turn until either side ends it."""
    stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
    async with stream:
        try:
            await _serve(stream, handle)
        except FrameError as error:
            await _send(stream, Answer(400, str(error).encode(), (("Connection", "close"),)))
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            return


async def _serve(stream: trio.SocketStream, handle: Handler) -> None:
    reader = FrameReader(stream)
    while True:
        head = None
        with trio.move_on_after(IDLE_TIMEOUT_S):
            head = await reader.head()
        if head is None:
            return
        if not await _answer(stream, _request(head, reader, stream), handle):
            return
        if not head.keeps_alive:
            return


async def _answer(stream: trio.SocketStream, request: Request, handle: Handler) -> bool:
    """Whether the connection can take another request."""
    try:
        answer = await handle(request)
        if not request.begun and not request.taken:
            await request.body()
    except BodyTooLargeError:
        answer = Answer(413, b"", (("Connection", "close"),))
    except (FrameError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
        raise
    except Exception:
        log.exception("a request failed: %s %s", request.method, request.path)
        answer = Answer(500, b"", (("Connection", "close"),))
    try:
        await _send(stream, answer)
        if not request.taken:
            await _linger(stream)
    finally:
        if answer.after is not None:
            # Cancelled only when the sandbox ends, and then nobody is left to be told.
            await answer.after()  # noqa: ASYNC102 - see above
    return request.taken and answer.cut_at is None


async def _linger(stream: trio.SocketStream) -> None:
    """Let the client hear the answer: closing on bytes it still sends would reset it away."""
    await stream.send_eof()
    with trio.move_on_after(LINGER_S):
        while await stream.receive_some():
            pass


async def _send(stream: trio.SocketStream, answer: Answer) -> None:
    start = f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}"
    whole = frame(start, list(answer.headers), answer.body)
    if answer.cut_at is not None:
        head_bytes = len(whole) - len(answer.body)
        whole = whole[: head_bytes + answer.cut_at] if answer.cut_at >= 0 else b""
    if answer.pause_s:
        await _send_slowly(stream, whole, len(answer.body), answer.pause_s)
        return
    with trio.fail_after(SEND_TIMEOUT_S):
        await stream.send_all(whole)


async def _send_slowly(
    stream: trio.SocketStream, whole: bytes, body_bytes: int, pause_s: float
) -> None:
    piece = max(1, -(-body_bytes // SLOW_PIECES))
    sent = len(whole) - body_bytes
    with trio.fail_after(SEND_TIMEOUT_S + SLOW_PIECES * pause_s):
        await stream.send_all(whole[:sent])
        while sent < len(whole):
            await trio.sleep(pause_s)
            await stream.send_all(whole[sent : sent + piece])
            sent += piece


def _request(head: Head, reader: FrameReader, stream: trio.SocketStream) -> Request:
    try:
        method, target, version = head.start.split(" ")
    except ValueError:
        raise FrameError("the request line is malformed") from None
    if version not in ("HTTP/1.1", "HTTP/1.0") or not target.startswith("/"):
        raise FrameError("the request line is malformed")
    path, _, query = target.partition("?")
    framing = head.framing()
    empty = framing is not None and framing <= 0

    async def go_on() -> None:
        await stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")

    return Request(
        method=method,
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers=head.headers,
        framing=0 if empty else framing,
        reader=reader,
        expects=go_on if head.headers.get("expect", "").lower() == "100-continue" else None,
        taken=empty,
    )
