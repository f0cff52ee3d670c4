"""The hands for HTTP, over real sockets: what comes back, and what is known when nothing does."""

import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from omni_actors.media.blobs import Blobs
from omni_actors.model.failure import Kind, Reason
from omni_actors.net.http import HttpHands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Auth, HttpCall, Upload
from tests.net.kit import (
    LOOPBACK_OPEN,
    TOKEN,
    Peer,
    account,
    failure_of,
    friendly,
    hands_of,
    identity,
    serving,
    until,
)

MB = 1 << 20
DOCUMENT = {"to": "491511234567", "type": "text", "text": {"body": "Grüße 👋"}}


def files(blobs: Blobs) -> set[Path]:
    """What lies in the folder of the blobs, drafts included."""
    return {path for path in blobs.root.rglob("*") if path.is_file()}


# What comes back


@pytest.mark.parametrize("status", [204, 304, 400, 401, 429, 500, 503])
async def test_an_answer_of_any_status_is_a_reply(hands: HttpHands, status: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        body = b"" if status in (204, 304) else b'{"error":{"code":4}}'
        await peer.answer(body, status, Retry_After="7")

    async with serving(script) as served:
        reply = await hands.make(HttpCall("GET", served.url()), account(served), Trace())

    assert (reply.status, reply.headers["retry-after"]) == (status, "7")
    assert reply.size == len(reply.body)


async def test_a_chunked_answer_is_put_together(hands: HttpHands) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n")
        await peer.raw("2\r\n2]\r\n0\r\n\r\n")

    async with serving(script) as served:
        reply = await hands.make(HttpCall("GET", served.url()), account(served), Trace())

    assert reply.document() == [1, 2]


HUGE = {
    "declared": "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
    "chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "until the end": "HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("head", HUGE.values(), ids=HUGE.keys())
@pytest.mark.parametrize("download", [False, True], ids=["read", "downloaded"])
async def test_an_answer_larger_than_allowed_is_not_taken(
    hands: HttpHands, blobs: Blobs, head: str, download: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        body = b"x" * 1001
        await peer.raw(head, b"3e9\r\n" + body + b"\r\n0\r\n\r\n" if "chunked" in head else body)

    before = files(blobs)
    async with serving(script) as served:
        call = HttpCall("GET", served.url(), download=download, bytes_max=1000)

        failure = await failure_of(hands, call, account(served))

    reason = Reason.MEDIA_TOO_LARGE if download else Reason.BAD_REQUEST
    assert (failure.kind, failure.reason) == (Kind.REJECTED, reason)
    assert "larger than 1000 bytes" in (failure.text or "")
    assert hands.statistics().open == 0
    assert files(blobs) == before


async def test_a_download_becomes_a_blob(hands: HttpHands, blobs: Blobs) -> None:
    content = bytes(range(256)) * 1000

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(content, content_type="image/jpeg")

    async with serving(script) as served:
        call = HttpCall("GET", served.url(), download=True, bytes_max=len(content))

        reply = await hands.make(call, account(served), Trace())

    assert (reply.blob, reply.size) == (sha256(content).hexdigest(), len(content))
    assert (reply.body, reply.headers["content-type"]) == (b"", "image/jpeg")
    assert (blobs.root / (reply.blob or "")[:2] / (reply.blob or "")).read_bytes() == content


async def test_a_refused_download_is_read_and_not_stored(hands: HttpHands) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b'{"error":{"code":100}}', 404)

    async with serving(script) as served:
        call = HttpCall("GET", served.url(), download=True)

        reply = await hands.make(call, account(served), Trace())

    assert (reply.status, reply.blob) == (404, None)
    assert reply.document() == {"error": {"code": 100}}


async def test_a_download_that_breaks_off_leaves_no_blob(hands: HttpHands, blobs: Blobs) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x" * 500)

    before = files(blobs)
    async with serving(script) as served:
        call = HttpCall("GET", served.url(), download=True, idempotent=True)

        failure = await failure_of(hands, call, account(served))

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE)
    assert files(blobs) == before


async def test_a_full_disk_is_not_the_end_of_a_download(blobs: Blobs) -> None:
    full = Blobs(blobs.root, floor_bytes=1 << 60)
    async with hands_of(full) as hands, serving(friendly) as served:
        call = HttpCall("GET", served.url(), download=True)

        failure = await failure_of(hands, call, account(served))

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.INTERNAL)
    assert failure.text == "the answer cannot be stored: DiskFull"


async def test_a_cancelled_download_leaves_no_blob(hands: HttpHands, blobs: Blobs) -> None:
    async def stalls(peer: Peer) -> None:
        await peer.request()
        await peer.raw("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", bytes(MB))
        await peer.skip(1)

    before = files(blobs)
    async with serving(stalls) as served:
        async with trio.open_nursery() as nursery:
            call = HttpCall("GET", served.url(), download=True, bytes_max=4 * MB)
            nursery.start_soon(hands.make, call, account(served), Trace())
            await until(lambda: files(blobs) != before)
            nursery.cancel_scope.cancel()
        await until(lambda: served.open == 0)

    assert files(blobs) == before
    assert hands.statistics().open == 0


async def test_tls_is_spoken_where_the_url_says_so(blobs: Blobs, tmp_path: Path) -> None:
    us = identity(tmp_path)
    async with (
        hands_of(blobs, ssl_context=us.trusting) as hands,
        serving(friendly, us.server) as served,
    ):
        for _ in range(2):
            reply = await hands.make(
                HttpCall("POST", served.url(), json=DOCUMENT), account(served), Trace()
            )

    assert reply.status == 200
    assert (served.connections, len(served.seen)) == (1, 2)


# What is known when no answer comes


async def test_a_closed_port_means_that_nothing_was_sent(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        pass

    failure = await failure_of(hands, HttpCall("POST", served.url()), account(served))

    assert (failure.kind, failure.reason) == (Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE)
    assert (failure.text or "").startswith(f"no connection to http://{served.host}: ")


async def test_a_certificate_that_nobody_vouches_for_means_that_nothing_was_sent(
    hands: HttpHands, tmp_path: Path
) -> None:
    async with serving(friendly, identity(tmp_path).server) as served:
        failure = await failure_of(hands, HttpCall("POST", served.url()), account(served))

    assert failure.kind is Kind.UNREACHABLE
    assert "certificate verify failed" in (failure.text or "")
    assert served.seen == []


async def test_a_handshake_that_never_ends_means_that_nothing_was_sent(
    hands: HttpHands, autojump_clock: trio.testing.MockClock
) -> None:
    async def silent(peer: Peer) -> None:
        await peer.skip(1 << 30)

    async with serving(silent) as served:
        by = account(served)
        url = served.url().replace("http:", "https:")

        failure = await failure_of(hands, HttpCall("POST", url), by)

    assert failure.kind is Kind.UNREACHABLE
    assert trio.current_time() == pytest.approx(5)


async def drops_at_once(peer: Peer) -> None:
    """Hang up without reading."""


async def drops_after_reading(peer: Peer) -> None:
    await peer.request()


async def drops_within_the_answer(peer: Peer) -> None:
    await peer.request()
    await peer.raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")


async def talks_nonsense(peer: Peer) -> None:
    await peer.request()
    await peer.raw(f"{TOKEN} is not HTTP\r\n\r\n")


LOSSES = [drops_at_once, drops_after_reading, drops_within_the_answer, talks_nonsense]


@pytest.mark.parametrize("script", LOSSES, ids=lambda script: script.__name__)
@pytest.mark.parametrize("idempotent", [False, True], ids=["once", "repeatable"])
async def test_the_fate_is_unknown_when_the_server(
    hands: HttpHands, script: Any, idempotent: bool
) -> None:
    async with serving(script) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT, idempotent=idempotent)

        failure = await failure_of(hands, call, account(served))

    assert failure.kind is (Kind.TRANSIENT if idempotent else Kind.UNKNOWN)
    assert TOKEN not in (failure.text or "")
    assert served.connections == 1


@pytest.mark.parametrize("idempotent", [False, True], ids=["once", "repeatable"])
async def test_an_answer_that_does_not_come_in_time_is_unknown(
    hands: HttpHands, autojump_clock: trio.testing.MockClock, idempotent: bool
) -> None:
    async def slow(peer: Peer) -> None:
        await peer.request()
        await trio.sleep(31)
        await peer.answer()

    async with serving(slow) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT, idempotent=idempotent)

        failure = await failure_of(hands, call, account(served))

    kind = Kind.TRANSIENT if idempotent else Kind.UNKNOWN
    assert (failure.kind, failure.reason) == (kind, Reason.TIMED_OUT)
    assert failure.text == f"no complete answer from http://{served.host} within 30 s"
    assert hands.statistics().open == 0


async def test_a_body_that_drips_is_bounded_by_the_deadline(
    hands: HttpHands, autojump_clock: trio.testing.MockClock
) -> None:
    async def dripping(peer: Peer) -> None:
        await peer.request()
        await peer.raw("HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await trio.sleep(1)
            await peer.raw("x")

    async with serving(dripping) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT, deadline_s=10)

        failure = await failure_of(hands, call, account(served))

    assert (failure.kind, failure.reason) == (Kind.UNKNOWN, Reason.TIMED_OUT)
    assert trio.current_time() == pytest.approx(10)


async def test_waiting_in_vain_for_a_lane_means_that_nothing_was_sent(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await trio.sleep_forever()

    async with (
        hands_of(blobs, lanes_per_channel=1) as hands,
        serving(silent) as served,
        trio.open_nursery() as nursery,
    ):
        call = HttpCall("POST", served.url(), json=DOCUMENT)
        nursery.start_soon(hands.make, call, account(served), Trace())
        await until(lambda: bool(served.seen))

        failure = await failure_of(hands, evolve(call, deadline_s=2), account(served))
        nursery.cancel_scope.cancel()

    assert (failure.kind, failure.reason) == (Kind.UNREACHABLE, Reason.TIMED_OUT)
    assert len(served.seen) == 1


async def test_a_connection_closed_while_idle_is_replaced_before_anything_is_sent(
    hands: HttpHands,
) -> None:
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.answer()

    async with serving(once) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT)
        await hands.make(call, account(served), Trace())
        await until(lambda: served.open == 0)

        reply = await hands.make(call, account(served), Trace())

    assert reply.status == 200
    assert (served.connections, len(served.seen)) == (2, 2)


async def test_a_request_that_meets_the_hanging_up_is_unknown_and_not_repeated(
    hands: HttpHands,
) -> None:
    async def hangs_up_on_the_second(peer: Peer) -> None:
        await peer.request()
        await peer.answer()
        await peer.request()

    async with serving(hangs_up_on_the_second) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT)
        await hands.make(call, account(served), Trace())

        failure = await failure_of(hands, call, account(served))

    assert failure.kind is Kind.UNKNOWN
    assert (served.connections, len(served.seen)) == (1, 2)


async def test_a_cancelled_call_takes_its_connection_with_it(hands: HttpHands) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.skip(1)

    async with serving(silent) as served:
        async with trio.open_nursery() as nursery:
            call = HttpCall("POST", served.url(), json=DOCUMENT)
            nursery.start_soon(hands.make, call, account(served), Trace())
            await until(lambda: bool(served.seen))
            nursery.cancel_scope.cancel()
        await until(lambda: served.open == 0)

    assert hands.statistics().open == 0


async def test_a_call_cancelled_within_the_handshake_leaves_no_socket(hands: HttpHands) -> None:
    async def silent(peer: Peer) -> None:
        await peer.skip(1 << 30)

    async with serving(silent) as served:
        async with trio.open_nursery() as nursery:
            call = HttpCall("POST", served.url().replace("http:", "https:"))
            nursery.start_soon(hands.make, call, account(served), Trace())
            await until(lambda: served.open == 1)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await until(lambda: served.open == 0)

    assert hands.statistics().open == 0


async def test_a_file_alone_is_the_whole_body(hands: HttpHands, blobs: Blobs) -> None:
    content = bytes(range(256)) * 1000
    blob = await blobs.put_bytes(content)

    async with serving(friendly) as served:
        upload = Upload("", blob.sha256, "a.png", "image/png", blob.size)
        headers = {"file_offset": "0"}
        call = HttpCall("POST", served.url(), Auth.OAUTH, headers=headers, upload=upload)
        reply = await hands.make(call, account(served), Trace())

    [seen] = served.seen
    assert (reply.status, seen.body) == (200, content)
    assert seen.headers["authorization"] == f"OAuth {TOKEN}"
    assert seen.headers["content-type"] == "image/png"


# Uploads that go wrong


async def test_an_early_refusal_of_an_upload_is_read(hands: HttpHands, blobs: Blobs) -> None:
    blob = await blobs.put_bytes(bytes(8 * MB))

    async def refuses(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b'{"error":{"code":131053}}', 413, connection="close")
        await peer.skip(16 * MB)

    async with serving(refuses) as served:
        upload = Upload("file", blob.sha256, "a.bin", "application/pdf", blob.size)

        reply = await hands.make(
            HttpCall("POST", served.url(), form={}, upload=upload), account(served), Trace()
        )

    assert reply.status == 413
    assert hands.statistics().open == 0


async def test_an_upload_of_a_missing_blob_is_not_sent(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        upload = Upload("file", "0" * 64, "a.png", "image/png", 10)

        failure = await failure_of(
            hands, HttpCall("POST", served.url(), form={}, upload=upload), account(served)
        )

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.INTERNAL)
    assert served.connections == 0


async def test_a_blob_that_loses_bytes_on_the_way_cannot_pass_for_whole(
    hands: HttpHands, blobs: Blobs
) -> None:
    blob = await blobs.put_bytes(bytes(2 * MB))

    async def truncates(peer: Peer) -> None:
        await peer.head()
        with blobs.path_of(blob).open("r+b") as file:
            file.truncate(MB)
        received.append(await peer.skip(3 * MB))

    received: list[int] = []
    async with serving(truncates) as served:
        upload = Upload("file", blob.sha256, "a.png", "image/png", blob.size)
        call = HttpCall("POST", served.url(), form={}, upload=upload)

        failure = await failure_of(hands, call, account(served))
        await until(lambda: bool(received))

    assert (failure.kind, failure.reason) == (Kind.TRANSIENT, Reason.INTERNAL)
    assert received[0] < 2 * MB


# The guard


async def test_a_guarded_call_does_not_reach_this_machine(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        call = HttpCall("GET", "https://127.0.0.1/x", Auth.NONE, guarded=True, download=True)

        failure = await failure_of(hands, call, account(served))

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_UNREACHABLE)
    assert "a loopback address" in (failure.text or "")


async def test_a_guarded_name_that_leads_inside_is_refused(blobs: Blobs) -> None:
    policy = evolve(LOOPBACK_OPEN, allowed_networks=("10.0.0.0/8",))
    async with hands_of(blobs, policy=policy) as hands, serving(friendly) as served:
        url = served.url().replace("127.0.0.1", "localhost")

        failure = await failure_of(
            hands, HttpCall("GET", url, Auth.NONE, guarded=True), account(served)
        )

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_UNREACHABLE)
    assert served.connections == 0


async def test_a_guarded_call_goes_where_the_policy_lets_it(blobs: Blobs) -> None:
    async with hands_of(blobs, policy=LOOPBACK_OPEN) as hands, serving(friendly) as served:
        call = HttpCall("GET", served.url("/media?oe=1"), Auth.NONE, guarded=True, download=True)

        reply = await hands.make(call, account(served), Trace())

    assert reply.size == 2
    assert "authorization" not in served.seen[0].headers


# Memory


@pytest.mark.slow
async def test_a_large_upload_needs_little_memory(hands: HttpHands, blobs: Blobs) -> None:
    blob = await blobs.put_bytes(bytes(32 * MB))
    received = []

    async def swallows(peer: Peer) -> None:
        head = await peer.head()
        assert head is not None
        received.append(await peer.skip(int(head.headers["content-length"])))
        await peer.answer()

    async with serving(swallows) as served:
        upload = Upload("file", blob.sha256, "a.mp4", "video/mp4", blob.size)
        call = HttpCall("POST", served.url(), form={}, upload=upload)
        tracemalloc.start()

        await hands.make(call, account(served), Trace())

        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert received[0] > 32 * MB
    assert peak < 4 * MB


@pytest.mark.slow
async def test_a_large_download_needs_little_memory(hands: HttpHands) -> None:
    async def pours(peer: Peer) -> None:
        await peer.request()
        await peer.raw(f"HTTP/1.1 200 OK\r\nContent-Length: {32 * MB}\r\n\r\n")
        for _ in range(512):
            await peer.stream.send_all(bytes(65536))

    async with serving(pours) as served:
        call = HttpCall("GET", served.url(), download=True, bytes_max=32 * MB)
        tracemalloc.start()

        reply = await hands.make(call, account(served), Trace())

        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert reply.size == 32 * MB
    assert peak < 4 * MB
