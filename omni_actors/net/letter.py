"""A composed mail on its way out: its files are read while it is sent."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeAlias

import trio
from attrs import define, field, frozen

from omni_actors.net.streams import OpenSource, SourceBroken
from omni_actors.wire.compose import Base64, Composed, Piece, composed
from omni_actors.wire.mail import Attached, Mail
from omni_actors.wire.smtp_body import Dots

BLOCK_BYTES: Final = 64 * 1024
THREAD_CHARS: Final = 128 * 1024  # a text so long is composed beside the run loop

Send: TypeAlias = Callable[[bytes], Awaitable[None]]


@frozen
class Letter:
    """A composed mail and the door to its files. `broken` is what that raises."""

    mail: Composed
    open_source: OpenSource
    broken: tuple[type[Exception], ...]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """All its bytes, in bounded pieces. They raise SourceBroken when a file cannot be read."""
        async with AsyncExitStack() as stack:
            pieces = [cut for piece in self.mail.pieces for cut in _cut(piece)]
            yield _Bytes(self, pieces[::-1], stack)

    async def pour(self, send: Send) -> bytes:
        """Send all but the last block as SMTP wants it, and return that, the final dot behind it.

        Raises SourceBroken when a file cannot be read to its end, and what `send` raises.
        """
        dots, held = Dots(), bytearray()
        async with self.opened() as pieces:
            async for piece in pieces:
                held += dots.feed(piece)
                while len(held) > BLOCK_BYTES:
                    block = bytes(held[:BLOCK_BYTES])
                    del held[:BLOCK_BYTES]
                    await send(block)
        return bytes(held) + dots.end()


async def letter_of(
    mail: Mail, open_source: OpenSource, broken: tuple[type[Exception], ...]
) -> Letter:
    """Compose a mail, a large one in a thread. Raises Unspeakable."""
    if len(mail.text) + len(mail.html or "") < THREAD_CHARS:
        return Letter(composed(mail), open_source, broken)
    return Letter(await trio.to_thread.run_sync(composed, mail), open_source, broken)


def _cut(piece: Piece) -> Sequence[Piece]:
    if isinstance(piece, Attached):
        return [piece]
    return [piece[at : at + BLOCK_BYTES] for at in range(0, len(piece), BLOCK_BYTES)]


@define(eq=False)
class _Bytes:
    """Not a generator: whoever sends them may stop in the middle, and nothing would close one."""

    letter: Letter
    _left: list[Piece]  # the next one last
    _stack: AsyncExitStack  # keeps the file open that is being read
    _lines: Base64 = field(factory=Base64)
    _chunks: AsyncIterator[bytes] | None = None
    _missing: int = 0  # bytes of the file that are still to come

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._chunks is not None:
                piece = await self._of_file(self._chunks)
            elif not self._left:
                raise StopAsyncIteration
            elif isinstance(following := self._left.pop(), Attached):
                await self._open(following)
                continue
            else:
                piece = following
            if piece:
                return piece

    async def _open(self, file: Attached) -> None:
        source = self.letter.open_source(file.blob, file.size)
        try:
            self._chunks = await self._stack.enter_async_context(source)
        except self.letter.broken as error:
            raise SourceBroken("a file of the mail cannot be opened") from error
        self._missing = file.size

    async def _of_file(self, chunks: AsyncIterator[bytes]) -> bytes:
        try:
            chunk = await anext(chunks, b"")
        except self.letter.broken as error:
            raise SourceBroken("a file of the mail cannot be read") from error
        self._missing -= len(chunk)
        if chunk and self._missing >= 0:
            return self._lines.feed(chunk)
        if self._missing:
            raise SourceBroken("a file of the mail is not as long as was said")
        self._chunks = None
        await self._stack.aclose()
        return self._lines.end()
