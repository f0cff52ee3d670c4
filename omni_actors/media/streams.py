"""One blob on its way: the draft it is written to, the sink and the source of its bytes."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple, Unpack

import trio
from attrs import define, field, frozen

from omni_actors.media.disk import Disk

CHUNK_BYTES_MAX: Final = 256 * 1024
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")


@frozen
class Blob:
    """Names stored bytes: `sha256` in lower-case hex, `size` in bytes."""

    sha256: str = field()
    size: int = field()

    @sha256.validator
    def _check_sha256(self, _: object, value: str) -> None:
        # The name becomes a path, so nothing else may pass for one.
        if not _SHA256_HEX.fullmatch(value):
            raise ValueError("not a SHA-256 in lower-case hex")

    @size.validator
    def _check_size(self, _: object, value: int) -> None:
        if value < 0:
            raise ValueError("a size cannot be negative")


@frozen
class Expected:
    """What the sender says the bytes are; None where it says nothing. `sha256` in hex."""

    size: int | None = None
    sha256: str | None = None


class TooLarge(Exception):
    """The bytes exceed the limit: `size_seen` were offered, `size_max` are allowed."""

    def __init__(self, size_max: int, size_seen: int) -> None:
        super().__init__(f"more than {size_max} bytes: at least {size_seen}")
        self.size_max = size_max
        self.size_seen = size_seen


class Mismatch(Exception):
    """The bytes are not what the sender said: `what` is `size` or `sha256`."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"{what} is {actual}, expected {expected}")
        self.what = what
        self.expected = expected
        self.actual = actual


class Missing(Exception):
    """There is no blob of this name and size."""

    def __init__(self, blob: Blob) -> None:
        super().__init__(f"no blob {blob.sha256} of {blob.size} bytes")
        self.blob = blob


@define(eq=False)
class Draft:
    """A blob being written: hashed on the way, nameless until committed. Every method blocks."""

    disk: Disk
    require_room: Callable[[int], None]
    adopt: Callable[[Path, Blob], None]
    _path: Path | None
    _descriptor: int | None
    _hash: "hashlib._Hash" = field(init=False, factory=hashlib.sha256)
    _size: int = field(init=False, default=0)
    _whole: bool = field(init=False, default=True)

    def append(self, chunk: bytes | bytearray) -> None:
        assert self._descriptor is not None, "the draft is closed"
        self._whole = False
        self.require_room(len(chunk))
        self._hash.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[self.disk.write(self._descriptor, rest) :]
        self._size += len(chunk)
        self._whole = True

    def take_up(self) -> None:
        """Go on with what an earlier writer left; its bytes are hashed again."""
        assert self._descriptor is not None, "the draft is closed"
        while chunk := os.pread(self._descriptor, CHUNK_BYTES_MAX, self._size):
            self._hash.update(chunk)
            self._size += len(chunk)

    def start_over(self) -> None:
        """Forget the bytes that were written."""
        assert self._descriptor is not None, "the draft is closed"
        self.disk.empty(self._descriptor)
        self._hash, self._size, self._whole = hashlib.sha256(), 0, True

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._size

    @property
    def can_go_on(self) -> bool:
        """Whether there are bytes that a later writer can go on with."""
        return self._path is not None and self._whole and self._size > 0

    def leave(self) -> None:
        """Let go of it, but let its bytes stay for `take_up`."""
        self._close()
        self._path = None

    def commit(self, expected: Expected) -> Blob:
        assert self._descriptor is not None, "the draft is closed"
        assert self._path is not None, "the draft is committed"
        assert self._whole, "a write to the draft has failed"
        blob = Blob(self._hash.hexdigest(), self._size)
        _check_against(blob, expected)
        self.disk.sync(self._descriptor)
        self._close()
        self.adopt(self._path, blob)
        self._path = None
        return blob

    def discard(self) -> None:
        """Remove what was not committed. Safe to repeat, and after a commit."""
        self._close()
        path, self._path = self._path, None
        if path is not None:
            self.disk.remove(path)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self.disk.close(descriptor)


def _check_against(blob: Blob, expected: Expected) -> None:
    if expected.size is not None and expected.size != blob.size:
        raise Mismatch("size", str(expected.size), str(blob.size))
    if expected.sha256 is not None and expected.sha256 != blob.sha256:
        raise Mismatch("sha256", expected.sha256, blob.sha256)


class Sink:
    """Takes the bytes of one new blob, from one task, and holds at most a chunk of them."""

    def __init__(self, draft: Draft, size_max: int, threads: trio.CapacityLimiter) -> None:
        self._draft = draft
        self._size_max = size_max
        self._threads = threads
        self._pending = bytearray()
        self._size = draft.size
        self._spoilt = False

    @property
    def size(self) -> int:
        """How many bytes were taken."""
        return self._size

    @property
    def spoilt(self) -> bool:
        """Whether what was written is of no use to a later writer."""
        return self._spoilt

    @property
    def size_max(self) -> int:
        """How many bytes may be taken."""
        return self._size_max

    async def write(self, chunk: bytes) -> None:
        """Take `chunk`; small ones are gathered. Raises TooLarge, DiskFull, OSError.

        After an error or a cancellation the blob cannot be finished; leave the context.
        """
        self._size += len(chunk)
        if self._size > self._size_max:
            self._spoilt = True
            raise TooLarge(self._size_max, self._size)
        for first in range(0, len(chunk), CHUNK_BYTES_MAX):
            self._pending += chunk[first : first + CHUNK_BYTES_MAX]
            if len(self._pending) >= CHUNK_BYTES_MAX:
                await self._flush()
        await trio.lowlevel.checkpoint()

    async def start_over(self) -> None:
        """Forget all that was written, also by an earlier writer of this draft."""
        self._pending = bytearray()
        self._size = 0
        await self._in_thread(self._draft.start_over)

    async def leave(self) -> None:
        """End without a blob, but let what came so far be gone on with by a later writer."""
        await self._flush()
        if self._draft.can_go_on:
            await self._in_thread(self._draft.leave)

    async def commit(self, expected: Expected | None = None) -> Blob:
        """Make the blob durable and name it, after checking what is `expected` of it.

        Cancelled, it has not happened or is complete. Raises Mismatch, TooLarge (when a write
        has), DiskFull, OSError.
        """
        if self._size > self._size_max:
            raise TooLarge(self._size_max, self._size)
        await self._flush()
        return await self._in_thread(self._draft.commit, expected or Expected())

    async def _flush(self) -> None:
        if not self._pending:
            return
        await self._in_thread(self._draft.append, self._pending)
        self._pending = bytearray()

    async def _in_thread(
        self, work: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments
    ) -> _T:
        """Do something to the draft; what fails there leaves nothing to go on with."""
        try:
            return await trio.to_thread.run_sync(work, *arguments, limiter=self._threads)
        except Exception:
            self._spoilt = True
            raise


class Source:
    """The bytes of a blob, chunk by chunk, for one task. Also an asynchronous iterator of them."""

    def __init__(
        self,
        blob: Blob,
        descriptor: int,
        start: int,
        chunk_bytes_max: int,
        threads: trio.CapacityLimiter,
    ) -> None:
        self._blob = blob
        self._descriptor = descriptor
        self._at = start
        self._chunk_bytes_max = chunk_bytes_max
        self._threads = threads

    @property
    def left(self) -> int:
        """How many bytes are still to come."""
        return max(0, self._blob.size - self._at)

    async def read(self) -> bytes:
        """The next chunk; empty at the end. Raises Missing when the file has lost bytes."""
        if not self.left:
            await trio.lowlevel.checkpoint()
            return b""
        chunk = await trio.to_thread.run_sync(
            os.pread,
            self._descriptor,
            min(self._chunk_bytes_max, self.left),
            self._at,
            limiter=self._threads,
        )
        if not chunk:
            raise Missing(self._blob)
        self._at += len(chunk)
        return chunk

    def __aiter__(self) -> "Source":
        return self

    async def __anext__(self) -> bytes:
        if chunk := await self.read():
            return chunk
        raise StopAsyncIteration
