"""The wire of the sandbox: HTTP/1.1 as clients really send it, and refusals for what is not."""

import json
from collections.abc import AsyncIterator

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.sandbox.forms import form_parts
from omni_actors.sandbox.frames import BodyTooLargeError, FrameError, FrameReader
from tests.sandbox.conftest import EPOCH_S, KEY, TEXT, Play

PARTS = [b"", b"a", b"line\r\nline", b"\x00\xff--", b"x" * 70_000]


class Pieces(trio.abc.ReceiveStream):
    """A stream that hands out its bytes in pieces of the given sizes."""

    def __init__(self, content: bytes, size: int) -> None:
        self.content, self.size = content, size

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        piece, self.content = self.content[: self.size], self.content[self.size :]
        return piece

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    coded = b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return coded + b"0\r\nTrailer: x\r\n\r\n"


@pytest.mark.slow
@given(
    body=st.binary(max_size=400),
    chunk=st.integers(1, 50),
    piece=st.integers(1, 60),
    by_chunks=st.booleans(),
)
def test_messages_survive_any_cutting(body: bytes, chunk: int, piece: int, by_chunks: bool) -> None:
    framing = b"Transfer-Encoding: chunked" if by_chunks else b"Content-Length: %d" % len(body)
    coded = chunked(body, chunk) if by_chunks else body
    one = b"POST /a HTTP/1.1\r\nHost: here\r\n" + framing + b"\r\n\r\n" + coded

    async def read_two() -> list[bytes]:
        reader = FrameReader(Pieces(one + one, piece))
        bodies = []
        while (head := await reader.head()) is not None:
            assert head.headers["host"] == "here"
            bodies.append(await reader.body(head.framing(), 1_000))
        return bodies

    assert trio.run(read_two) == [body, body]


BROKEN = {
    "no colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a length in words": b"POST / HTTP/1.1\r\nContent-Length: one\r\n\r\nx",
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "an unknown coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk that is too long": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"
    ),
    "a body that ends early": b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    "a head that ends early": b"GET / HTT",
}


@pytest.mark.parametrize("label", BROKEN)
async def test_a_broken_message_is_refused(label: str) -> None:
    reader = FrameReader(Pieces(BROKEN[label], 1_000))

    async def read() -> None:
        head = await reader.head()
        await reader.body(head.framing() if head else 0, 1_000)

    with pytest.raises(FrameError):
        await read()


@pytest.mark.parametrize("by_chunks", [True, False])
async def test_a_body_is_refused_as_soon_as_it_is_too_long(by_chunks: bool) -> None:
    framing = b"Transfer-Encoding: chunked" if by_chunks else b"Content-Length: 100"
    coded = b"64\r\n" if by_chunks else b""
    reader = FrameReader(Pieces(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n" + coded, 1_000))
    head = await reader.head()

    with pytest.raises(BodyTooLargeError):
        await reader.body(head.framing() if head else 0, 99)


async def test_a_json_body_above_a_mebibyte_is_answered_413(play: Play) -> None:
    answer = await play.client.post(f"/{KEY}/messages", content=b" " * 1_100_000)

    assert answer.status_code == 413


async def test_a_refusal_before_the_body_keeps_the_connection(play: Play) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", play.sandbox.port)
    request = b"POST /1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    async with stream:
        answers = []
        for _ in range(2):
            await stream.send_all(request)
            answers.append(await stream.receive_some())

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 400"] * 2


async def test_a_request_in_chunks_is_understood(play: Play) -> None:
    body = json.dumps({"messaging_product": "whatsapp", "to": "+447700900123", **TEXT}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    answer = await play.client.post(f"/{KEY}/messages", content=pieces())

    assert answer.json()["error"]["code"] == 131047


async def test_a_client_that_waits_for_its_turn_is_told_to_go_on(play: Play) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", play.sandbox.port)
    async with stream:
        head = "POST /sandbox/clock HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        await stream.send_all(f"{head}Content-Length: 2\r\n\r\n".encode())
        first = await stream.receive_some()
        await stream.send_all(b"{}")
        second = await stream.receive_some()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert str(int(EPOCH_S)).encode() in second


async def test_nonsense_is_answered_400_and_the_connection_ends(play: Play) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", play.sandbox.port)
    async with stream:
        await stream.send_all(b"HELLO\r\n\r\n")
        answer = b"".join([piece async for piece in stream])

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("content", PARTS)
def test_the_bytes_of_a_form_are_kept_as_they_are(content: bytes) -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="type"\r\n\r\nimage/png\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--cut--\r\n"
    )

    kind, file = form_parts('multipart/form-data; boundary="cut"', body)

    assert (kind.name, kind.content, kind.filename) == ("type", b"image/png", None)
    assert (file.filename, file.content_type, file.content) == ("a b.png", "image/png", content)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=cut", b"--cut\r\n\r\nx"),
        ("multipart/form-data; boundary=cut", b"--cut\r\nA: b\r\n\r\nx\r\n--cut--"),
    ],
)
def test_what_is_no_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"multipart"):
        list(form_parts(content_type, body))
