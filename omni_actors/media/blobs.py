"""Bytes too big for the database: files named by their own SHA-256, whole or not there at all.

A blob is written to a file of its own, synced, renamed to its name and the folder synced; only
then is it said to exist. So a name never leads to wrong bytes, whatever the moment of a power
cut. Blobs belong to no tenant: who may see one is the store's knowledge.
"""

import os
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, TypeVarTuple, Unpack

import trio
from attrs import define, field, frozen

from omni_actors.media.disk import FOLDER_MODE, Disk, DiskFull
from omni_actors.media.streams import (
    CHUNK_BYTES_MAX,
    Blob,
    Draft,
    Expected,
    Mismatch,
    Missing,
    Sink,
    Source,
    TooLarge,
)

__all__ = [
    "CHUNK_BYTES_MAX",
    "Blob",
    "Blobs",
    "Disk",
    "DiskFull",
    "Expected",
    "Keep",
    "Mismatch",
    "Missing",
    "Sink",
    "Source",
    "Swept",
    "TooLarge",
]

SWEEP_PAGE_MAX: Final = 256
CLEANUP_TIMEOUT_S: Final = 10.0
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SHARD: Final = re.compile(r"[0-9a-f]{2}")
_NAME: Final = re.compile(r"\w{1,100}", re.ASCII)

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")


@frozen
class Swept:
    """What a sweep removed: how many blobs, and their bytes together."""

    blobs: int
    size: int


Keep: TypeAlias = Callable[[Sequence[Blob]], Awaitable[Container[str]]]


@define(eq=False)
class Blobs:
    """A folder of blobs. One process at a time; any number of its threads and tasks.

    `floor_bytes` of the disk stay free: below, writing raises DiskFull. `threads_max` bounds the
    worker threads that touch the disk at once.
    """

    root: Path
    floor_bytes: int = 0
    threads_max: int = 4
    disk: Disk = field(factory=Disk)
    _threads: trio.CapacityLimiter = field(init=False)
    _renaming: threading.Lock = field(init=False, factory=threading.Lock)
    _serial: Iterator[int] = field(init=False, factory=count)
    _durable: set[Path] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._threads = trio.CapacityLimiter(self.threads_max)

    @property
    def drafts(self) -> Path:
        """Where unfinished blobs are written, on the same file system as the finished ones."""
        return self.root / "drafts"

    def path_of(self, blob: Blob) -> Path:
        """Where the bytes of `blob` are, if they are there; for readers that need a file."""
        return self.root / blob.sha256[:2] / blob.sha256

    def prepare(self) -> int:
        """Make the folders and remove drafts that an earlier process left; how many. Blocks.

        To be called once, before anything else.
        """
        self.root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self.disk.make_folder(self.drafts)
        self.disk.sync_folder(self.root)
        self.disk.sync_folder(self.root.parent)
        abandoned = list(self.drafts.iterdir())
        for path in abandoned:
            self.disk.remove(path)
        return len(abandoned)

    def free_bytes(self) -> int:
        """What may still be written to the disk, the floor included. Blocks for microseconds."""
        return self.disk.free_bytes(self.root)

    def put_bytes_blocking(self, body: bytes) -> Blob:
        """Store `body` durably, from a worker thread. Raises DiskFull, OSError."""
        draft = self._open_draft()
        try:
            draft.append(body)
            return draft.commit(Expected())
        finally:
            draft.discard()

    async def put_bytes(self, body: bytes) -> Blob:
        """Store `body` durably. Cancelled before it began, or done. Raises DiskFull, OSError."""
        return await self._in_thread(self.put_bytes_blocking, body)

    @asynccontextmanager
    async def open_sink(self, size_max: int, resume: str | None = None) -> AsyncIterator[Sink]:
        """A writer of one new blob of at most `size_max` bytes; it exists once committed.

        Leaving without a commit, by whatever way, leaves nothing; unless the writer has a name to
        `resume` by and leaves while its bytes are good. The next writer of that name goes on
        behind them: it must be the only one, and may start over. A restart forgets them, and so
        does `forget`. Raises DiskFull, OSError.
        """
        draft = await self._in_thread(self._open_draft, resume)
        sink = Sink(draft, size_max, self._threads)
        try:
            yield sink
        finally:
            try:
                with trio.move_on_after(CLEANUP_TIMEOUT_S, shield=True):
                    if resume is not None and not sink.spoilt:
                        await sink.leave()
            finally:
                with trio.move_on_after(CLEANUP_TIMEOUT_S, shield=True):
                    await self._in_thread(draft.discard)

    async def forget(self, resume: str) -> None:
        """Remove what a writer of this name may have left behind."""
        await self._in_thread(self.disk.remove, self._path_to_resume(resume))

    @asynccontextmanager
    async def open_source(
        self, blob: Blob, *, start: int = 0, chunk_bytes_max: int = CHUNK_BYTES_MAX
    ) -> AsyncIterator[Source]:
        """A reader of the blob's bytes from `start` on, in bounded chunks.

        A blob that is deleted meanwhile is read to its end. Raises Missing, OSError.
        """
        descriptor = await self._in_thread(self._open_to_read, blob)
        try:
            yield Source(blob, descriptor, start, chunk_bytes_max, self._threads)
        finally:
            os.close(descriptor)

    async def delete(self, blob: Blob) -> bool:
        """Remove the blob; whether it was there.

        For a caller who knows that nobody else refers to it. Unlike `sweep` it is not safe
        beside a put of equal bytes.
        """
        return await self._in_thread(self._delete, blob)

    async def sweep(self, keep: Keep, *, before: float) -> Swept:
        """Remove the blobs last written before Unix time `before` that nobody refers to, and what
        writers have left behind by then to go on with.

        `keep` is given at most 256 blobs at a time and answers the hashes that are referred to.
        A blob that is put again while we ask is young again and stays, so `before` must lie
        further back than the longest time between a put and the transaction that refers to it.
        Cancelled, it has removed some of them.
        """
        removed, size = 0, 0
        await self._in_thread(self._forget_old, before)
        for shard in await self._in_thread(self._shards):
            aged = await self._in_thread(_written_before, shard, before)
            for first in range(0, len(aged), SWEEP_PAGE_MAX):
                page = aged[first : first + SWEEP_PAGE_MAX]
                kept = await keep([entry.blob for entry in page])
                orphans = [entry for entry in page if entry.blob.sha256 not in kept]
                gone = await self._in_thread(self._remove_unchanged, orphans)
                removed, size = removed + len(gone), size + sum(blob.size for blob in gone)
        return Swept(removed, size)

    async def _in_thread(
        self, work: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments
    ) -> _T:
        return await trio.to_thread.run_sync(work, *arguments, limiter=self._threads)

    def _open_draft(self, resume: str | None = None) -> Draft:
        self._require_room(0)
        if resume is None:
            path = self.drafts / f"{next(self._serial):010d}"
        else:
            path = self._path_to_resume(resume)
        old = resume is not None and path.exists()
        descriptor = self.disk.reopen(path) if old else self.disk.create(path)
        draft = Draft(self.disk, self._require_room, self._adopt, path, descriptor)
        if old:
            draft.take_up()
        return draft

    def _forget_old(self, before: float) -> None:
        for path in list(self.drafts.glob("resume-*")):
            written_at_ns = _written_at_ns(path)
            if written_at_ns is not None and written_at_ns < before * 1e9:
                self.disk.remove(path)

    def _path_to_resume(self, resume: str) -> Path:
        if not _NAME.fullmatch(resume):
            raise ValueError("a name to resume by has letters, digits and underscores only")
        return self.drafts / f"resume-{resume}"

    def _require_room(self, size: int) -> None:
        free_bytes = self.free_bytes()
        if free_bytes - size < self.floor_bytes:
            raise DiskFull(free_bytes, self.floor_bytes)

    def _adopt(self, draft: Path, blob: Blob) -> None:
        """Give a synced draft its name. An equal blob is replaced, which also heals a bad one."""
        target = self.path_of(blob)
        self._provide(target.parent)
        with self._renaming:
            self.disk.rename(draft, target)
        self.disk.sync_folder(target.parent)

    def _provide(self, shard: Path) -> None:
        """Make a folder durable before the first use, also one that another thread just made."""
        if shard not in self._durable:
            self.disk.make_folder(shard)
            self.disk.sync_folder(self.root)
            self._durable.add(shard)

    def _shards(self) -> list[Path]:
        return sorted(path for path in self.root.iterdir() if _SHARD.fullmatch(path.name))

    def _open_to_read(self, blob: Blob) -> int:
        try:
            descriptor = os.open(self.path_of(blob), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Missing(blob) from None
        if os.fstat(descriptor).st_size != blob.size:
            os.close(descriptor)
            raise Missing(blob)
        return descriptor

    def _delete(self, blob: Blob) -> bool:
        path = self.path_of(blob)
        with self._renaming:
            found = path.exists()
            self.disk.remove(path)
        return found

    def _remove_unchanged(self, entries: Sequence["_Entry"]) -> list[Blob]:
        """Remove what nobody has put again since it was listed; the lock closes the gap."""
        gone = []
        for entry in entries:
            path = self.path_of(entry.blob)
            with self._renaming:
                if _written_at_ns(path) == entry.written_at_ns:
                    self.disk.remove(path)
                    gone.append(entry.blob)
        return gone


@frozen
class _Entry:
    """A stored blob as a listing found it."""

    blob: Blob
    written_at_ns: int


def _written_before(folder: Path, before: float) -> list[_Entry]:
    entries = []
    with os.scandir(folder) as files:
        for file in files:
            status = file.stat(follow_symlinks=False)
            if _SHA256_HEX.fullmatch(file.name) and status.st_mtime < before:
                entries.append(_Entry(Blob(file.name, status.st_size), status.st_mtime_ns))
    return entries


def _written_at_ns(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
