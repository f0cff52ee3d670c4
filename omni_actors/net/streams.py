"""Where bytes come from and go to that are too many to hold: the doors to the blobs, injected."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from attrs import define

from omni_actors.net.multipart import FormFrame


class Stored(Protocol):
    """A finished blob."""

    @property
    def sha256(self) -> str:
        """Its name."""
        ...

    @property
    def size(self) -> int:
        """Its bytes."""
        ...


class Sink(Protocol):
    """Takes the bytes of one new blob, which exists once committed."""

    @property
    def size(self) -> int:
        """How many bytes it has, those of an earlier writer included."""
        ...

    async def start_over(self) -> None:
        """Forget them."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Take some bytes."""
        ...

    async def commit(self) -> Stored:
        """Make the blob durable."""
        ...


class OpenSource(Protocol):
    """Opens a blob by name and size."""

    def __call__(
        self, blob: str, size: int, /
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The blob's bytes, in bounded chunks."""
        ...


class OpenSink(Protocol):
    """Opens a new blob."""

    def __call__(self, bytes_max: int, resume: str | None, /) -> AbstractAsyncContextManager[Sink]:
        """A sink for at most `bytes_max`; leaving it without a commit leaves nothing, or under the
        name `resume` what the next sink of that name goes on with."""
        ...


class SourceBroken(Exception):
    """A blob could not be read to its end. What was sent of it cannot pass for a whole request."""


@define(eq=False)
class FormBody:
    """The bytes of a framed upload, for one task to iterate over once. Raises SourceBroken.

    Not a generator: the connection may stop in the middle, and nothing would close one then.
    """

    frame: FormFrame
    chunks: AsyncIterator[bytes]
    left: int  # bytes of the file that are still to come
    broken: tuple[type[Exception], ...]
    _state: int = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._state == 0:
            self._state = 1
            return self.frame.before
        if self._state == 1 and self.left:
            return await self._chunk()
        if self._state == 1:
            self._state = 2
            return self.frame.after
        raise StopAsyncIteration

    async def _chunk(self) -> bytes:
        try:
            chunk = await anext(self.chunks, b"")
        except self.broken as error:
            raise SourceBroken("the blob cannot be read") from error
        self.left -= len(chunk)
        if not chunk or self.left < 0:
            raise SourceBroken("the blob is not as long as was said")
        return chunk
