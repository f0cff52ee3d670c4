"""One connection: how a request is spelled, and how every shape of answer is read."""

import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpcore
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.net.connection import (
    HEAD_BYTES_MAX,
    Connection,
    Fate,
    Request,
    Unwritable,
    spelled,
)

TLS = ssl.create_default_context()
ORIGIN = httpcore.Origin(b"http", b"graph", 80)
ASKED = Request(b"GET", b"/x", [(b"Host", b"graph")], None)


class Wire(httpcore.AsyncMockStream):
    """A stream with a script of what comes in; keeps what goes out."""

    def __init__(self, script: Sequence[bytes], breaks_after: int | None = None) -> None:
        super().__init__([*script])
        self.sent: list[bytes] = []
        self.breaks_after = breaks_after

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self.breaks_after is not None and len(self.sent) >= self.breaks_after:
            raise httpcore.WriteError("gone")
        self.sent.append(bytes(buffer))

    def get_extra_info(self, info: str) -> Any:
        return False


class Network(httpcore.AsyncMockBackend):
    """Leads to one wire."""

    def __init__(self, wire: Wire) -> None:
        super().__init__([])
        self.wire = wire

    async def connect_tcp(self, *_args: Any, **_more: Any) -> httpcore.AsyncNetworkStream:
        return self.wire


def over(*script: bytes, breaks_after: int | None = None) -> tuple[Connection, Wire]:
    wire = Wire(script, breaks_after)
    return Connection(ORIGIN, TLS, Network(wire)), wire


async def read(
    connection: Connection, asked: Request = ASKED
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    answer = await connection.ask(asked, Fate())
    return answer.status, answer.headers, b"".join([chunk async for chunk in answer])


OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "a length": (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
    "chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n",
        b"hello",
        True,
    ),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "a word to go on before it": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
        b"ok",
        True,
    ),
    "a wish to hang up": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    "an older version": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    "an answer too many": (OK + b"Content-Length: 2\r\n\r\nok" + OK + b"\r\n", b"ok", False),
    "rubbish behind it": (OK + b"Content-Length: 2\r\n\r\nok\0\0", b"ok", False),
    "its end by hanging up": (OK + b"\r\nhello", b"hello", False),
    "a coding that hanging up ends": (
        OK + b"Transfer-Encoding: identity\r\n\r\nhello",
        b"hello",
        False,
    ),
}


@pytest.mark.parametrize(("raw", "body", "again"), ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("size", [1, 3, 10_000])
async def test_every_shape_of_answer_is_read(
    raw: bytes, body: bytes, again: bool, size: int
) -> None:
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    connection, _ = over(*pieces)

    status, _, got = await read(connection)

    assert (status // 100, got) == (2, body)
    if size == 10_000:
        assert connection.available is again


@pytest.mark.slow
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_the_cutting_of_the_bytes_changes_nothing(sizes: list[int]) -> None:
    raw, body, _ = ANSWERS["chunks"]

    async def run() -> None:
        pieces, at = [], 0
        for size in sizes:
            pieces.append(raw[at : at + size])
            at += size
        connection, _ = over(*[piece for piece in [*pieces, raw[at:]] if piece])
        status, headers, got = await read(connection)
        assert (status, got) == (200, body)
        assert headers == [(b"Transfer-Encoding", b"chunked")]
        assert connection.available

    trio.run(run)


BROKEN = {
    "nothing": (),
    "half a head": (OK + b"Content-Le",),
    "no HTTP": (b"220 mail.example ESMTP\r\n\r\n",),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",),
    "a length and chunks": (
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "half a body": (OK + b"Content-Length: 5\r\n\r\nhe",),
    "half of the chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",),
    "an end without end": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        *[b"a" * 30_000] * (HEAD_BYTES_MAX // 10_000),
    ),
    "a head without end": (OK, *[b"A: " + b"a" * 30_000 + b"\r\n"] * (HEAD_BYTES_MAX // 10_000)),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_no_answer_is_said_to_be_none(script: tuple[bytes, ...]) -> None:
    connection, _ = over(*script)

    with pytest.raises(httpcore.RemoteProtocolError):
        await read(connection)

    assert not connection.available


async def test_an_answer_that_is_left_in_the_middle_ends_its_connection() -> None:
    connection, _ = over(OK + b"Content-Length: 5\r\n\r\nhe", b"llo")
    answer = await connection.ask(ASKED, Fate())

    assert await anext(aiter(answer)) == b"he"

    assert not connection.available


async def test_the_answer_to_a_question_without_body_has_none() -> None:
    connection, _ = over(OK + b"Content-Length: 500\r\n\r\n")

    status, _, body = await read(connection, Request(b"HEAD", b"/x", [], None))

    assert (status, body) == (200, b"")


async def test_a_small_request_is_one_packet() -> None:
    connection, wire = over(OK + b"Content-Length: 0\r\n\r\n")
    headers = [(b"Host", b"graph"), (b"Content-Length", b"2")]

    await read(connection, Request(b"POST", b"/v25.0/1/messages", headers, b"{}"))

    assert wire.sent == [
        b"POST /v25.0/1/messages HTTP/1.1\r\nHost: graph\r\nContent-Length: 2\r\n\r\n{}"
    ]


class Body:
    """A body that is read piece by piece."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop(0)


async def test_an_early_answer_is_read_and_ends_the_connection() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    connection, _ = over(refusal, breaks_after=1)
    asked = Request(b"POST", b"/x", [(b"Content-Length", b"9")], Body(b"abc", b"def", b"ghi"))

    status, _, body = await read(connection, asked)

    assert (status, body) == (413, b"no")
    assert not connection.available


async def test_fate_is_told_before_the_first_byte_leaves() -> None:
    connection, wire = over(breaks_after=0)
    fate = Fate()

    with pytest.raises(httpcore.RemoteProtocolError):
        await connection.ask(ASKED, fate)

    assert (fate.sent, wire.sent) == (True, [])


@pytest.mark.parametrize(
    "asked",
    [
        Request(b"GET /y", b"/x", [], None),
        Request(b"get", b"/x", [], None),
        Request(b"GET", b"/x y", [], None),
        Request(b"GET", b"/x\r\nHost: evil", [], None),
        Request(b"GET", b"/x", [(b"A", b"b\r\nHost: evil")], None),
        Request(b"GET", b"/x", [(b"A", b"b\nc")], None),
        Request(b"GET", b"/x", [(b"A\r", b"b")], None),
        Request(b"GET", b"/x", [(b"A", b"b\0")], None),
    ],
)
def test_what_would_be_read_as_something_else_is_not_written(asked: Request) -> None:
    with pytest.raises(Unwritable):
        spelled(asked)
