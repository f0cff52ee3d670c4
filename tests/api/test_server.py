"""The server of the front door: the short way of hook requests, and Hypercorn for all the rest.

An application that says what it heard stands behind it, so that what is read off the wire is seen
as it arrives.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.api.asgi import Event, Receive, Scope, Send
from omni_actors.api.server import KEEP_ALIVE_S, bound, serve_door
from omni_actors.api.shortcut import HEAD_BYTES_MAX, HEAD_S, ShortWay, may_be_ours, plain_head

HOOK = b"POST /webhooks/meta HTTP/1.1\r\nHost: gateway\r\n"


def request(body: bytes = b"", *headers: bytes, start: bytes = HOOK) -> bytes:
    """A request with a length."""
    lines = [b"Content-Length: %d" % len(body), *headers, b"", b""]
    return start + b"\r\n".join(lines) + body


# ---------------------------------------------------------------- which heads are ordinary


def test_an_ordinary_head_is_read() -> None:
    data = request(b"{}", b"X-Hub-Signature-256:  sha256=ab ", b"Accept: */*") + b"POST /next"

    plain = plain_head(data)

    assert plain is not None
    assert (plain.path, plain.length, plain.keep) == ("/webhooks/meta", 2, True)
    assert dict(plain.headers)[b"x-hub-signature-256"] == b"sha256=ab"
    assert data[plain.size :] == b"{}POST /next"


@pytest.mark.parametrize(
    "data",
    [request(b"", b"Connection: Close"), request(start=HOOK.replace(b"1.1", b"1.0"))],
    ids=["in words", "by its version, as some proxies do"],
)
def test_a_head_may_ask_to_hang_up_after_it(data: bytes) -> None:
    plain = plain_head(data)

    assert plain is not None
    assert not plain.keep


SPECIAL = {
    "another method": request(start=HOOK.replace(b"POST", b"PUT")),
    "another path": request(start=HOOK.replace(b"/webhooks/", b"/v1/")),
    "a query": request(start=HOOK.replace(b"meta ", b"meta?a=1 ")),
    "an escaped path": request(start=HOOK.replace(b"meta ", b"me%74a ")),
    "another version": request(start=HOOK.replace(b"1.1", b"2.0")),
    "no length": HOOK + b"\r\n",
    "two lengths": request(b"", b"Content-Length: 5"),
    "a length that is no number": HOOK + b"Content-Length: +2\r\n\r\n",
    "a length without end": HOOK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "no host": request(start=b"POST /webhooks/meta HTTP/1.1\r\n"),
    "two hosts": request(b"", b"Host: other"),
    "chunks": request(b"", b"Transfer-Encoding: chunked"),
    "a question before the body": request(b"", b"Expect: 100-continue"),
    "an upgrade": request(b"", b"Connection: upgrade", b"Upgrade: h2c"),
    "two wishes for the connection": request(b"", b"Connection: close", b"Connection: keep-alive"),
    "a folded header": request(b"", b"A: b", b" c"),
    "a space before the colon": request(b"", b"Transfer-Encoding : chunked"),
    "a header without a name": request(b"", b": b"),
    "a bare line feed": HOOK + b"A: b\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": HOOK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "a NUL": request(b"", b"A: \0"),
}


@pytest.mark.parametrize("data", SPECIAL.values(), ids=SPECIAL.keys())
def test_anything_special_is_left_alone(data: bytes) -> None:
    assert plain_head(data) is None


@given(st.binary(max_size=60), st.integers(0, 200))
def test_bytes_thrown_into_a_head_never_move_its_end(junk: bytes, at: int) -> None:
    """Where the head is read at all, it ends at the first empty line, as for everybody else."""
    data = request(b"")
    data = data[:at] + junk + data[at:]

    plain = plain_head(data)

    assert plain is None or data[: plain.size].index(b"\r\n\r\n") + 4 == plain.size


@given(st.binary(max_size=40))
def test_only_what_can_still_become_ours_is_waited_for(start: bytes) -> None:
    assert may_be_ours(start) == (start[:15] == b"POST /webhooks/"[: len(start)])


# ---------------------------------------------------------------- over real sockets


@define
class Heard:
    """What the application was asked, and how it answers."""

    bodies: list[bytes] = field(factory=list)
    gate: trio.Event | None = None
    fails: bool = False
    came: trio.Event = field(factory=trio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        body = b""
        more = True
        while more:
            event = await receive()
            if event["type"] != "http.request":
                return
            body += event["body"]
            more = event["more_body"]
        self.bodies.append(body)
        self.came.set()
        if self.fails:
            raise RuntimeError("a bug")
        if self.gate is not None:
            await self.gate.wait()
        await answer(send, json.dumps([scope["method"], scope["path"], len(body)]).encode())


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        event: Event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


@define
class Served:
    """A served application."""

    heard: Heard
    port: int
    closing: trio.Event
    lines: AsyncExitStack

    async def open(self) -> "Line":
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        return Line(await self.lines.enter_async_context(stream))


@define
class Line:
    """A client's end of one connection."""

    stream: trio.SocketStream
    data: bytes = b""

    async def say(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def answer(self) -> tuple[int, Any]:
        """Status and document of the next answer. EOFError when there is none."""
        while b"\r\n\r\n" not in self.data:
            await self._more()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        fields = head.lower().split(b"content-length: ")
        length = int(fields[1].split(b"\r\n")[0]) if len(fields) > 1 else 0
        while len(self.data) < length:
            await self._more()
        body, self.data = self.data[:length], self.data[length:]
        return int(head.split()[1]), json.loads(body) if body.startswith(b"[") else body

    async def _more(self) -> None:
        chunk = await self.stream.receive_some()
        if not chunk:
            raise EOFError
        self.data += bytes(chunk)

    async def ended(self) -> bool:
        """Whether the server has hung up, without another word."""
        try:
            return await self.stream.receive_some() == b""
        except trio.BrokenResourceError:
            return True


@asynccontextmanager
async def serving(heard: Heard | None = None) -> AsyncIterator[Served]:
    heard, closing = heard or Heard(), trio.Event()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery, AsyncExitStack() as lines:
            urls = await nursery.start(serve_door, heard, bound("127.0.0.1:0"), closing)
            yield Served(heard, int(urls[0].rpartition(":")[2]), closing, lines)
            closing.set()


OK = ["POST", "/webhooks/meta", 2]


async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    async with serving() as served:
        line = await served.open()
        for _ in range(3):
            await line.say(request(b"{}"))
            assert await line.answer() == (200, OK)


async def test_answers_come_whole_however_the_bytes_are_cut() -> None:
    data = request(b"{}") + request(b"x" * 900) + request(b"")
    async with serving() as served:
        for size in (1, 7, 150, len(data)):
            line = await served.open()
            for start in range(0, len(data), size):
                await line.say(data[start : start + size])
            assert await line.answer() == (200, OK)
            assert await line.answer() == (200, ["POST", "/webhooks/meta", 900])
            assert await line.answer() == (200, ["POST", "/webhooks/meta", 0])


async def test_a_long_body_is_read_to_its_end() -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(request(b"x" * 700_000) + request(b"{}"))
        assert await line.answer() == (200, ["POST", "/webhooks/meta", 700_000])
        assert await line.answer() == (200, OK)


async def test_what_is_special_is_answered_by_the_server_that_knows_it() -> None:
    chunked = HOOK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    async with serving() as served:
        line = await served.open()
        await line.say(request(b"{}") + chunked)
        assert await line.answer() == (200, OK)
        assert await line.answer() == (200, OK)
        await line.say(request(b"{}"))
        assert await line.answer() == (200, OK)


async def test_another_request_may_follow_on_the_same_connection() -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(request(b"{}"))
        assert await line.answer() == (200, OK)
        await line.say(b"GET /v1/channels HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert await line.answer() == (200, ["GET", "/v1/channels", 0])


@pytest.mark.slow
@pytest.mark.parametrize("special", ["no host", "two lengths", "a space before the colon", "a NUL"])
async def test_what_is_no_http_is_refused(special: str) -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(SPECIAL[special])
        status, _ = await line.answer()
        assert status == 400
        assert served.heard.bodies == []


async def test_a_head_without_end_is_not_read_for_ever() -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(HOOK + b"A: " + b"a" * 2 * HEAD_BYTES_MAX)
        status, _ = await line.answer()
        assert 400 <= status < 500
        assert served.heard.bodies == []


async def test_who_asks_to_hang_up_is_answered_first() -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(request(b"{}", b"Connection: close"))
        assert await line.answer() == (200, OK)
        assert await line.ended()


async def test_a_bug_costs_its_connection_only() -> None:
    async with serving() as served:
        served.heard.fails = True
        line = await served.open()
        await line.say(request(b"{}"))
        assert await line.ended()
        served.heard.fails = False
        line = await served.open()
        await line.say(request(b"{}"))
        assert await line.answer() == (200, OK)


async def test_a_client_that_leaves_within_its_body_is_forgotten() -> None:
    async with serving() as served:
        line = await served.open()
        await line.say(request(b"x" * 100)[:-50])
        await line.stream.aclose()
        line = await served.open()
        await line.say(request(b"{}"))
        assert await line.answer() == (200, OK)
        assert served.heard.bodies == [b"{}"]


async def test_closing_hangs_up_on_the_idle_and_answers_what_is_under_way() -> None:
    heard = Heard(gate=trio.Event())
    async with serving(heard) as served:
        idle, busy = await served.open(), await served.open()
        await busy.say(request(b"{}"))
        await heard.came.wait()
        served.closing.set()
        assert await idle.ended()
        assert heard.gate is not None
        heard.gate.set()
        assert await busy.answer() == (200, OK)
        assert await busy.ended()


async def test_an_idle_connection_is_hung_up_in_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    ours, theirs = trio.testing.memory_stream_pair()
    way = ShortWay(Heard(), list, KEEP_ALIVE_S)
    began = trio.current_time()
    stream: Any = ours
    assert await way.serve(stream) is None
    assert trio.current_time() - began == pytest.approx(KEEP_ALIVE_S)
    assert await theirs.receive_some() == b""


async def test_a_head_that_drips_is_not_waited_for_longer_than_any_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    del autojump_clock
    ours, theirs = trio.testing.memory_stream_pair()
    way = ShortWay(Heard(), list, KEEP_ALIVE_S)
    began = trio.current_time()
    stream: Any = ours
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drip, theirs)
        assert await way.serve(stream) is None
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began <= 2 * HEAD_S


async def drip(stream: trio.abc.SendStream) -> None:
    """A head, byte by byte, each in time for a reader who only looks at the last one."""
    for byte in HOOK + b"A: " + b"a" * 1000:
        await stream.send_all(bytes([byte]))
        await trio.sleep(HEAD_S - 1)


async def test_a_batch_that_comes_in_one_piece_stays_on_the_short_way() -> None:
    heard = Heard()
    ours, theirs = trio.testing.memory_stream_pair()
    way = ShortWay(heard, list, KEEP_ALIVE_S)
    stream: Any = ours
    await theirs.send_all(request(b"x" * (HEAD_BYTES_MAX + 8_000)))
    await theirs.send_eof()

    assert await way.serve(stream) is None

    assert [len(body) for body in heard.bodies] == [HEAD_BYTES_MAX + 8_000]


async def test_who_is_hung_up_on_is_told_so() -> None:
    async with serving() as served:
        for data in (
            request(b"{}", b"Connection: close"),
            request(b"{}", b"Connection: keep-alive", start=HOOK.replace(b"1.1", b"1.0")),
        ):
            line = await served.open()
            await line.say(data)
            while b"\r\n\r\n" not in line.data:
                line.data += bytes(await line.stream.receive_some())
            assert b"connection: close" in line.data.lower()
            assert await line.ended()


UPGRADE = b"GET /v1/live HTTP/1.1\r\nHost: a\r\n"
HOSTILE = {
    "settings that are none": UPGRADE
    + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
    "rubbish behind an upgrade": UPGRADE
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff",
    "too many streams": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + b"\0\0\0\4\0\0\0\0\0"
    + b"".join(
        b"\0\0\5\2\0" + (2 * n + 1).to_bytes(4, "big") + b"\0\0\0\0\20" for n in range(1100)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_makes_the_server_stumble_costs_its_connection_only(data: bytes) -> None:
    async with serving() as served:
        hostile = await served.open()
        await hostile.say(data)
        with trio.move_on_after(1):
            while not await hostile.ended():
                pass
        line = await served.open()
        await line.say(request(b"{}"))
        assert await line.answer() == (200, OK)
