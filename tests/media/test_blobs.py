"""Blobs are whole or absent, in whatever way and at whatever moment the writing ends."""

import hashlib
import os
import threading
import tracemalloc
from collections.abc import AsyncIterator, Container, Sequence
from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.media.blobs import (
    CHUNK_BYTES_MAX,
    Blob,
    Blobs,
    Disk,
    DiskFull,
    Expected,
    Mismatch,
    Missing,
    Swept,
    TooLarge,
)
from omni_actors.media.pipe import copy

HOUR_AGO = 1_000_000_000.0
MEGABYTE = 1024 * 1024


def blob_of(body: bytes) -> Blob:
    return Blob(hashlib.sha256(body).hexdigest(), len(body))


async def read_all(blobs: Blobs, blob: Blob, start: int = 0) -> bytes:
    async with blobs.open_source(blob, start=start) as source:
        return b"".join([chunk async for chunk in source])


async def store(
    blobs: Blobs, *chunks: bytes, size_max: int, expected: Expected | None = None
) -> Blob:
    async with blobs.open_sink(size_max) as sink:
        for chunk in chunks:
            await sink.write(chunk)
        return await sink.commit(expected)


def files_below(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def age(blobs: Blobs, blob: Blob) -> None:
    os.utime(blobs.path_of(blob), (HOUR_AGO - 1, HOUR_AGO - 1))


async def keep_none(page: Sequence[Blob]) -> Container[str]:
    await trio.lowlevel.checkpoint()
    return set()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65])
def test_only_a_hash_can_name_a_blob(name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Blob(name, 1)


@pytest.mark.parametrize("body", [b"", b"x", b"photo" * 100_000], ids=["empty", "one byte", "big"])
async def test_what_was_put_is_read_back(blobs: Blobs, body: bytes) -> None:
    blob = await blobs.put_bytes(body)

    assert blob == blob_of(body)
    assert await read_all(blobs, blob) == body


async def test_a_worker_thread_may_put_without_the_run_loop(blobs: Blobs) -> None:
    blob = await trio.to_thread.run_sync(blobs.put_bytes_blocking, b"intake")

    assert await read_all(blobs, blob) == b"intake"


async def test_chunks_are_read_in_bounded_size_from_any_start(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"0123456789")

    async with blobs.open_source(blob, start=3, chunk_bytes_max=3) as source:
        left = source.left
        chunks = [chunk async for chunk in source]

    assert left == 7
    assert chunks == [b"345", b"678", b"9"]


async def test_a_source_read_past_its_end_stays_empty(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"abc")

    async with blobs.open_source(blob, start=99) as source:
        assert [await source.read(), await source.read()] == [b"", b""]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 2 * CHUNK_BYTES_MAX), max_size=5))
def test_any_chunking_gives_the_same_blob(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    blobs = Blobs(tmp_path_factory.getbasetemp() / "chunking")
    blobs.prepare()
    body = bytes(range(251)) * (sum(sizes) // 251 + 1)
    body = body[: sum(sizes)]

    async def write() -> Blob:
        async with blobs.open_sink(len(body)) as sink:
            at = 0
            for size in sizes:
                await sink.write(body[at : at + size])
                at += size
            return await sink.commit()

    blob = trio.run(write)

    assert blob == blob_of(body)
    assert blobs.path_of(blob).read_bytes() == body


async def test_leaving_without_a_commit_leaves_nothing(blobs: Blobs) -> None:
    async with blobs.open_sink(MEGABYTE) as sink:
        await sink.write(b"half" * 100_000)

    assert files_below(blobs.root) == []


async def test_an_error_on_the_way_leaves_nothing(blobs: Blobs) -> None:
    async def lose_the_line() -> None:
        async with blobs.open_sink(MEGABYTE) as sink:
            await sink.write(b"half")
            raise RuntimeError("line is cut")

    with pytest.raises(RuntimeError, match="line is cut"):
        await lose_the_line()

    assert files_below(blobs.root) == []


async def test_one_byte_too_many_is_refused_with_figures_and_leaves_nothing(blobs: Blobs) -> None:
    with pytest.raises(TooLarge) as refused:
        await store(blobs, b"0123456789", b"x", size_max=10)

    assert (refused.value.size_max, refused.value.size_seen) == (10, 11)
    assert files_below(blobs.root) == []


async def test_a_sink_that_overflowed_cannot_be_committed(blobs: Blobs) -> None:
    async with blobs.open_sink(1) as sink:
        with pytest.raises(TooLarge):
            await sink.write(b"xx")
        with pytest.raises(TooLarge):
            await sink.commit()

    assert files_below(blobs.root) == []


@pytest.mark.parametrize(
    ("expected", "what"),
    [(Expected(size=4), "size"), (Expected(sha256="0" * 64), "sha256")],
    ids=["size", "hash"],
)
async def test_bytes_that_are_not_what_was_announced_are_not_kept(
    blobs: Blobs, expected: Expected, what: str
) -> None:
    with pytest.raises(Mismatch) as mismatch:
        await store(blobs, b"abc", size_max=10, expected=expected)

    assert mismatch.value.what == what
    assert files_below(blobs.root) == []


async def test_cancellation_while_waiting_for_bytes_leaves_nothing(blobs: Blobs) -> None:
    async def receive() -> None:
        async with blobs.open_sink(MEGABYTE) as sink:
            await sink.write(b"x" * CHUNK_BYTES_MAX)
            written.set()
            await trio.sleep_forever()

    written = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await written.wait()
        present = files_below(blobs.root)
        nursery.cancel_scope.cancel()

    assert len(present) == 1
    assert files_below(blobs.root) == []


@define
class SlowDisk(Disk):
    """A disk whose writes wait until they are let go."""

    entered: threading.Event = field(factory=threading.Event)
    let_go: threading.Event = field(factory=threading.Event)

    def write(self, descriptor: int, chunk: memoryview) -> int:
        self.entered.set()
        assert self.let_go.wait(10)
        return super().write(descriptor, chunk)


async def test_cancellation_during_a_write_waits_for_it_and_leaves_nothing(blobs: Blobs) -> None:
    disk = SlowDisk()
    slow = Blobs(blobs.root, disk=disk)

    async def receive() -> None:
        async with slow.open_sink(MEGABYTE) as sink:
            await sink.write(b"x" * CHUNK_BYTES_MAX)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.to_thread.run_sync(disk.entered.wait, 10)
        nursery.cancel_scope.cancel()
        disk.let_go.set()

    assert files_below(blobs.root) == []


async def test_equal_bytes_are_stored_once(blobs: Blobs) -> None:
    async def put() -> None:
        await blobs.put_bytes(b"same")

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(put)

    assert files_below(blobs.root) == [blobs.path_of(blob_of(b"same"))]


async def test_a_blob_that_was_never_put_is_missing(blobs: Blobs) -> None:
    with pytest.raises(Missing):
        await read_all(blobs, blob_of(b"never"))


async def test_a_damaged_file_is_missing_until_it_is_put_again(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"whole")
    blobs.path_of(blob).write_bytes(b"wh")

    with pytest.raises(Missing):
        await read_all(blobs, blob)
    await blobs.put_bytes(b"whole")

    assert await read_all(blobs, blob) == b"whole"


async def test_a_file_that_loses_bytes_while_it_is_read_does_not_end_quietly(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"0123456789")

    async with blobs.open_source(blob, chunk_bytes_max=4) as source:
        await source.read()
        os.truncate(blobs.path_of(blob), 4)
        with pytest.raises(Missing):
            await source.read()


async def test_a_deleted_blob_is_gone_and_deleting_it_again_says_so(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"x")

    answers = [await blobs.delete(blob), await blobs.delete(blob)]

    assert answers == [True, False]
    assert files_below(blobs.root) == []


async def test_a_blob_deleted_under_a_reader_is_read_to_its_end(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"0123456789")

    async with blobs.open_source(blob, chunk_bytes_max=5) as source:
        first = await source.read()
        await blobs.delete(blob)
        second = await source.read()

    assert first + second == b"0123456789"


async def test_a_sweep_removes_only_old_blobs_that_nobody_refers_to(blobs: Blobs) -> None:
    old, kept, young = [await blobs.put_bytes(body) for body in (b"old", b"kept", b"young")]
    age(blobs, old)
    age(blobs, kept)

    async def keep(page: Sequence[Blob]) -> Container[str]:
        await trio.lowlevel.checkpoint()
        return {kept.sha256}

    swept = await blobs.sweep(keep, before=HOUR_AGO)

    assert swept == Swept(blobs=1, size=3)
    assert files_below(blobs.root) == sorted([blobs.path_of(kept), blobs.path_of(young)])


async def test_a_blob_put_again_while_a_sweep_asks_about_it_stays(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"again")
    age(blobs, blob)

    async def keep(page: Sequence[Blob]) -> Container[str]:
        await blobs.put_bytes(b"again")
        return set()

    swept = await blobs.sweep(keep, before=HOUR_AGO)

    assert swept == Swept(blobs=0, size=0)
    assert await read_all(blobs, blob) == b"again"


async def test_a_sweep_asks_in_bounded_pages(blobs: Blobs) -> None:
    folder = blobs.root / "00"
    folder.mkdir()
    for number in range(600):
        path = folder / f"{number:064x}"
        path.write_bytes(b"x")
        os.utime(path, (HOUR_AGO - 1, HOUR_AGO - 1))
    pages = []

    async def keep(page: Sequence[Blob]) -> Container[str]:
        await trio.lowlevel.checkpoint()
        pages.append(len(page))
        return set()

    swept = await blobs.sweep(keep, before=HOUR_AGO)

    assert swept == Swept(blobs=600, size=600)
    assert pages == [256, 256, 88]


async def test_a_sweep_leaves_alone_what_it_does_not_know(blobs: Blobs) -> None:
    stranger = blobs.root / "00" / "README"
    stranger.parent.mkdir()
    stranger.write_text("mine")
    os.utime(stranger, (HOUR_AGO - 1, HOUR_AGO - 1))

    await blobs.sweep(keep_none, before=HOUR_AGO)

    assert stranger.exists()


async def test_a_sweep_looks_into_no_folder_that_is_not_its_own(blobs: Blobs) -> None:
    lost = blobs.root / "lost+found" / blob_of(b"lost").sha256
    lost.parent.mkdir()
    lost.write_bytes(b"lost")
    os.utime(lost, (HOUR_AGO - 1, HOUR_AGO - 1))
    asked = []

    async def keep(page: Sequence[Blob]) -> Container[str]:
        await trio.lowlevel.checkpoint()
        asked.append(page)
        return ()

    await blobs.sweep(keep, before=HOUR_AGO)

    assert asked == []


def test_a_new_start_removes_the_drafts_of_the_last_one(blobs: Blobs) -> None:
    (blobs.drafts / "0000000007").write_bytes(b"half")

    abandoned = blobs.prepare()

    assert abandoned == 1
    assert files_below(blobs.root) == []


async def test_nothing_is_taken_below_the_disk_floor(blobs: Blobs) -> None:
    full = Blobs(blobs.root, floor_bytes=1 << 62)

    with pytest.raises(DiskFull) as refused:
        await full.put_bytes(b"x")

    assert refused.value.floor_bytes == 1 << 62
    assert 0 < refused.value.free_bytes < 1 << 62
    assert files_below(blobs.root) == []


@define
class FillingDisk(Disk):
    """A disk that fills as it is written."""

    left: int

    def write(self, descriptor: int, chunk: memoryview) -> int:
        written = super().write(descriptor, chunk)
        self.left -= written
        return written

    def free_bytes(self, folder: Path) -> int:
        return self.left


async def test_a_disk_that_fills_on_the_way_stops_the_copy_at_the_floor(blobs: Blobs) -> None:
    filling = Blobs(blobs.root, floor_bytes=MEGABYTE, disk=FillingDisk(left=3 * MEGABYTE))

    with pytest.raises(DiskFull) as refused:
        await store(filling, *[bytes(MEGABYTE)] * 100, size_max=100 * MEGABYTE)

    assert refused.value.free_bytes >= MEGABYTE
    assert files_below(blobs.root) == []


@pytest.mark.slow
async def test_64_megabytes_pass_through_in_flat_memory(blobs: Blobs) -> None:
    async def camera() -> AsyncIterator[bytes]:
        for number in range(1024):
            yield number.to_bytes(2, "big") * (32 * 1024)

    tracemalloc.start()
    try:
        async with blobs.open_sink(64 * MEGABYTE) as sink:
            blob = await copy(camera(), sink)
        read = 0
        async with blobs.open_source(blob) as source:
            async for chunk in source:
                read += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert blob.size == read == 64 * MEGABYTE
    assert peak < 4 * MEGABYTE


def test_a_blob_is_plain_frozen_knowledge() -> None:
    blob = blob_of(b"x")

    assert evolve(blob, size=2) != blob
    assert hash(blob) == hash(blob_of(b"x"))


# Drafts that are gone on with


async def part_of(blobs: Blobs, body: bytes, name: str = "med_1") -> None:
    """A writer that is interrupted."""
    async with blobs.open_sink(MEGABYTE, name) as sink:
        await sink.write(body)


async def test_a_writer_goes_on_where_the_last_one_was_interrupted(blobs: Blobs) -> None:
    await part_of(blobs, b"hello ")
    await part_of(blobs, b"wide ")

    async with blobs.open_sink(MEGABYTE, "med_1") as sink:
        assert sink.size == len(b"hello wide ")
        await sink.write(b"world")
        blob = await sink.commit()

    assert await read_all(blobs, blob) == b"hello wide world"
    assert list(blobs.drafts.iterdir()) == []


async def test_a_writer_may_start_over(blobs: Blobs) -> None:
    await part_of(blobs, b"something else")

    async with blobs.open_sink(MEGABYTE, "med_1") as sink:
        await sink.start_over()
        await sink.write(b"hello")
        blob = await sink.commit()

    assert await read_all(blobs, blob) == b"hello"


async def test_writers_of_other_names_have_nothing_in_common(blobs: Blobs) -> None:
    await part_of(blobs, b"hello")

    async with blobs.open_sink(MEGABYTE, "med_2") as sink:
        assert sink.size == 0


async def test_what_is_too_large_is_nothing_to_go_on_with(blobs: Blobs) -> None:
    with pytest.raises(TooLarge):
        async with blobs.open_sink(3, "med_1") as sink:
            await sink.write(b"hello")

    assert list(blobs.drafts.iterdir()) == []


@pytest.mark.parametrize("how", ["forget", "sweep", "prepare"])
async def test_what_nobody_goes_on_with_is_removed(blobs: Blobs, how: str) -> None:
    await part_of(blobs, b"hello")
    match how:
        case "forget":
            await blobs.forget("med_1")
        case "sweep":
            await blobs.sweep(keep_none, before=4e9)
        case _:
            blobs.prepare()

    assert list(blobs.drafts.iterdir()) == []


async def test_a_sweep_leaves_what_was_written_lately(blobs: Blobs) -> None:
    await part_of(blobs, b"hello")
    await blobs.sweep(keep_none, before=1e9)

    assert len(list(blobs.drafts.iterdir())) == 1
