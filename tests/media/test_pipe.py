"""A copy is checked against what was announced, and does not wait for ever."""

import base64
import hashlib
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.media.blobs import Blobs, Expected, Mismatch, TooLarge
from omni_actors.media.pipe import Stalled, copy, expectation, normalise_sha256


async def chunks(*parts: bytes, pause_s: float = 0) -> AsyncIterator[bytes]:
    for part in parts:
        await trio.sleep(pause_s)
        yield part


@given(st.binary())
def test_every_spelling_of_a_hash_means_the_same(body: bytes) -> None:
    digest = hashlib.sha256(body).digest()
    standard = base64.b64encode(digest).decode()
    spellings = [
        digest.hex(),
        digest.hex().upper(),
        standard,
        standard.rstrip("="),
        base64.urlsafe_b64encode(digest).decode(),
        f" {standard}\n",
    ]

    assert {normalise_sha256(text) for text in spellings} == {digest.hex()}


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "*" * 43, "a" * 44])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        normalise_sha256(text)


@pytest.mark.parametrize("size", [61901, "61901", None])
def test_sizes_come_as_numbers_or_text_or_not_at_all(size: int | str | None) -> None:
    assert expectation(size, None).size == (None if size is None else 61901)


async def test_a_copy_that_is_as_announced_becomes_a_blob(blobs: Blobs) -> None:
    body = b"voice note"
    expected = expectation("10", base64.b64encode(hashlib.sha256(body).digest()).decode())

    async with blobs.open_sink(100) as sink:
        blob = await copy(chunks(b"voice", b"", b" note"), sink, expected=expected)

    assert blobs.path_of(blob).read_bytes() == body


async def test_progress_is_told_after_each_chunk(blobs: Blobs) -> None:
    seen: list[int] = []

    async with blobs.open_sink(100) as sink:
        await copy(chunks(b"ab", b"cde"), sink, progress=seen.append)

    assert seen == [2, 5]


async def test_a_copy_that_is_not_as_announced_is_dropped(blobs: Blobs) -> None:
    with pytest.raises(Mismatch):
        async with blobs.open_sink(100) as sink:
            await copy(chunks(b"abc"), sink, expected=Expected(size=5))

    assert not any(blobs.drafts.iterdir())


async def test_an_announced_size_over_the_limit_is_refused_before_any_byte(blobs: Blobs) -> None:
    asked: list[bytes] = []

    async def recorded() -> AsyncIterator[bytes]:
        asked.append(b"x")
        yield b"x"

    async with blobs.open_sink(100) as sink:
        with pytest.raises(TooLarge) as refused:
            await copy(recorded(), sink, expected=Expected(size=101))

    assert (refused.value.size_max, refused.value.size_seen) == (100, 101)
    assert asked == []


async def test_a_source_that_falls_silent_is_given_up(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(Stalled) as stalled:
        async with blobs.open_sink(100) as sink:
            await copy(chunks(b"abc", b"def", pause_s=5), sink, stall_timeout_s=4)

    assert (stalled.value.timeout_s, stalled.value.size_seen) == (4, 0)
    assert not any(blobs.drafts.iterdir())


async def test_a_slow_source_that_keeps_coming_is_not_given_up(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    async with blobs.open_sink(100) as sink:
        blob = await copy(chunks(*[b"x"] * 10, pause_s=3), sink, stall_timeout_s=4)

    assert blob.size == 10


async def test_the_stall_time_may_depend_on_what_has_come(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    def patient_at_first(copied: int) -> float:
        return 10 if copied == 0 else 1

    with pytest.raises(Stalled) as stalled:
        async with blobs.open_sink(100) as sink:
            await copy(chunks(b"abc", b"def", pause_s=5), sink, stall_timeout_s=patient_at_first)

    assert (stalled.value.timeout_s, stalled.value.size_seen) == (1, 3)
