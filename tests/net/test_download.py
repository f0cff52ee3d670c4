"""Downloads into blobs that break off, and go on where they broke."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from trio.testing import MockClock

from omni_actors.media.blobs import Blobs
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.net.download import STALL_S
from omni_actors.net.http import HttpHands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import HttpCall, HttpReply
from tests.net.kit import Peer, Script, Served, account, blobs_in, failure_of, hands_of, serving

BODY = bytes(range(256)) * 4_000
HALF = len(BODY) // 2
HASH = sha256(BODY).hexdigest()


def drafts(blobs: Blobs) -> list[Path]:
    return list(blobs.drafts.iterdir())


def call_of(served: Served, **more: Any) -> HttpCall:
    """A download of a known body, under a name to resume by."""
    call = HttpCall("GET", served.url(), download=True, bytes_max=len(BODY), sha256=HASH)
    return evolve(call, resume="med_1", idempotent=True, **more)


def with_ranges(*cuts: int | None, body: bytes = BODY) -> Script:
    """Serves ranges of a body; each answer breaks off behind so many bytes (None: is whole)."""
    left = list(cuts)

    async def script(peer: Peer) -> None:
        while (seen := await peer.request()) is not None:
            cut = left.pop(0)
            asked = seen.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-")
            start = int(asked)
            rest = body[start:]
            head = f"Content-Length: {len(rest)}\r\n"
            status = 200
            if start:
                status, end = 206, len(body) - 1
                head += f"Content-Range: bytes {start}-{end}/{len(body)}\r\n"
            await peer.raw(f"HTTP/1.1 {status} X\r\n{head}\r\n", rest[:cut])
            if cut is not None:
                return

    return script


async def again(hands: HttpHands, served: Served, call: HttpCall) -> tuple[Failure, HttpReply]:
    """A download that fails, and the next of its name."""
    failure = await failure_of(hands, call, account(served))
    return failure, await hands.make(call, account(served), Trace())


@pytest.mark.slow
async def test_a_body_that_broke_off_is_gone_on_with(hands: HttpHands, blobs: Blobs) -> None:
    async with serving(with_ranges(HALF, None)) as served:
        failure, reply = await again(hands, served, call_of(served))

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE)
    assert served.seen[1].headers["range"] == f"bytes={HALF}-"
    assert (reply.blob, reply.size) == (HASH, len(BODY))
    assert drafts(blobs) == []


async def test_what_is_left_of_a_body_may_break_off_as_well(hands: HttpHands) -> None:
    async with serving(with_ranges(1_000, HALF, None)) as served:
        await failure_of(hands, call_of(served), account(served))
        _failure, reply = await again(hands, served, call_of(served))

    assert [seen.headers.get("range") for seen in served.seen] == [
        None,
        "bytes=1000-",
        f"bytes={1_000 + HALF}-",
    ]
    assert reply.blob == HASH


async def test_a_server_without_ranges_is_read_from_the_start(hands: HttpHands) -> None:
    cuts = [HALF, len(BODY)]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n")
        await peer.raw("", BODY[: cuts.pop(0)])

    async with serving(script) as served:
        _failure, reply = await again(hands, served, call_of(served))

    assert (reply.blob, reply.size) == (HASH, len(BODY))


async def test_a_range_that_begins_elsewhere_is_not_taken_for_the_rest(hands: HttpHands) -> None:
    async def script(peer: Peer) -> None:
        seen = await peer.request()
        assert seen is not None
        if "range" in seen.headers:
            await peer.answer(BODY[5:], 206, content_range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}")
        else:
            await peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n", BODY[:HALF])

    async with serving(script) as served:
        await failure_of(hands, call_of(served), account(served))
        failure = await failure_of(hands, call_of(served), account(served))

    assert failure.reason is Reason.MEDIA_UNREACHABLE
    assert "begins in the middle" in (failure.text or "")


async def test_a_rest_that_the_server_does_not_have_is_asked_for_whole(hands: HttpHands) -> None:
    shorter = BODY[:1_000]

    async def script(peer: Peer) -> None:
        while (seen := await peer.request()) is not None:
            if len(served.seen) == 1:
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n"
                await peer.raw(head, BODY[:HALF])
                return
            if "range" in seen.headers:
                await peer.answer(b"", 416)
            else:
                await peer.answer(shorter)

    async with serving(script) as served:
        call = call_of(served)
        await failure_of(hands, call, account(served))
        reply = await hands.make(
            evolve(call, sha256=sha256(shorter).hexdigest()), account(served), Trace()
        )

    assert reply.size == 1_000


async def test_bytes_of_another_hash_are_forgotten(hands: HttpHands, blobs: Blobs) -> None:
    async with serving(with_ranges(None, None)) as served:
        call = call_of(served)
        failure = await failure_of(hands, evolve(call, sha256="0" * 64), account(served))
        reply = await hands.make(call, account(served), Trace())

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE)
    assert failure.attempts_max == 5
    assert "another SHA-256" in (failure.text or "")
    assert "range" not in served.seen[1].headers
    assert reply.blob == HASH
    assert drafts(blobs) == []


async def test_a_body_that_grows_too_large_leaves_nothing(hands: HttpHands, blobs: Blobs) -> None:
    async with serving(with_ranges(HALF, None)) as served:
        await failure_of(hands, call_of(served), account(served))
        failure = await failure_of(hands, call_of(served, bytes_max=HALF + 10), account(served))

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_TOO_LARGE)
    await blobs.forget("med_1")
    assert drafts(blobs) == []


async def test_a_download_without_a_name_leaves_nothing(hands: HttpHands, blobs: Blobs) -> None:
    async with serving(with_ranges(HALF)) as served:
        await failure_of(hands, evolve(call_of(served), resume=None), account(served))

    assert drafts(blobs) == []


async def test_a_body_that_stops_coming_is_given_up_long_before_its_deadline(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    blobs = blobs_in(tmp_path)

    async def stops(peer: Peer) -> None:
        await peer.request()
        await peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n", BODY[:HALF])
        await peer.skip(1 << 30)

    autojump_clock.autojump_threshold = 0.05
    async with hands_of(blobs) as hands, serving(stops) as served:
        failure = await failure_of(
            hands, evolve(call_of(served), deadline_s=3_600.0), account(served)
        )

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE)
    assert f"nothing came for {STALL_S:g} s" in (failure.text or "")
    assert [path.stat().st_size for path in drafts(blobs)] == [HALF]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 101])
async def test_a_name_to_resume_by_is_never_a_path(blobs: Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        await blobs.forget(name)
