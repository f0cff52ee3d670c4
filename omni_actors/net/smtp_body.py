"""A composed mail on its way out: its files are read while it is sent."""

from typing import Final

import trio
from attrs import frozen

from omni_actors.net.smtp_connection import Send
from omni_actors.net.streams import OpenSource, SourceBroken
from omni_actors.wire.compose import Base64, Composed, composed
from omni_actors.wire.mail import Attached, Mail
from omni_actors.wire.smtp_body import Dots

BLOCK_BYTES: Final = 64 * 1024
THREAD_CHARS: Final = 128 * 1024  # a text so long is composed beside the run loop


async def prepared(mail: Mail) -> Composed:
    """Compose a mail, a large one in a thread. Raises Unspeakable."""
    if len(mail.text) + len(mail.html or "") < THREAD_CHARS:
        return composed(mail)
    return await trio.to_thread.run_sync(composed, mail)


@frozen
class Letter:
    """A composed mail and the door to its files."""

    mail: Composed
    open_source: OpenSource
    broken: tuple[type[Exception], ...]

    async def pour(self, send: Send) -> bytes:
        """Send all but the last block, and return that, with the final dot behind it.

        Raises SourceBroken when a file cannot be read to its end, and what `send` raises.
        """
        stream = _Blocks(send)
        for piece in self.mail.pieces:
            if isinstance(piece, bytes):
                await stream.write(piece)
            else:
                await self._file(piece, stream)
        return stream.end()

    async def _file(self, file: Attached, stream: "_Blocks") -> None:
        lines, left = Base64(), file.size
        try:
            async with self.open_source(file.blob, file.size) as chunks:
                while chunk := await anext(chunks, b""):
                    left -= len(chunk)
                    await stream.write(lines.feed(chunk))
        except self.broken as error:
            raise SourceBroken("a file of the mail cannot be read") from error
        if left != 0:
            raise SourceBroken("a file of the mail is not as long as was said")
        await stream.write(lines.end())


class _Blocks:
    """Sends the mail in blocks and keeps the last one back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._dots = Dots()
        self._held = bytearray()

    async def write(self, data: bytes) -> None:
        self._held += self._dots.feed(data)
        while len(self._held) > BLOCK_BYTES:
            block = bytes(self._held[:BLOCK_BYTES])
            del self._held[:BLOCK_BYTES]
            await self._send(block)

    def end(self) -> bytes:
        return bytes(self._held) + self._dots.end()
