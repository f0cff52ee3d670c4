"""Attachments of mails that are here: a part is decoded, piece by piece, into a blob of its own."""

from collections.abc import Iterator
from typing import Any, Final

import trio
from attrs import field, frozen

from omni_actors.adapters.contract import Adapter
from omni_actors.media.blobs import Blob, Blobs, TooLarge
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import ExtractCall, ExtractReply

AT_ONCE_MAX: Final = 2  # each holds a whole mail


@frozen
class MailParts:
    """Carries out what adapters call to have of a mail, in threads."""

    blobs: Blobs
    at_once: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_ONCE_MAX))

    async def extract(self, call: ExtractCall, adapter: Adapter[Any, Any]) -> ExtractReply:
        """Decode a part into a blob. Raises SendFailure, DiskFull, OSError."""
        async with self.at_once, self.blobs.open_sink(call.bytes_max) as sink:
            pieces = await trio.to_thread.run_sync(self.pieces, call, adapter)
            try:
                while piece := await trio.to_thread.run_sync(next, pieces, b""):
                    await sink.write(piece)
            except TooLarge as problem:
                text = f"the part {call.part} has {problem}"
                failure = Failure(Kind.REJECTED, Reason.MEDIA_TOO_LARGE, text=text)
                raise SendFailure(failure) from None
            blob = await sink.commit()
            return ExtractReply(blob.sha256, blob.size)

    def pieces(self, call: ExtractCall, adapter: Adapter[Any, Any]) -> Iterator[bytes]:
        """The decoded bytes of a part; runs in a thread. Raises SendFailure, OSError."""
        try:
            raw = self.blobs.path_of(Blob(call.blob, 0)).read_bytes()
        except FileNotFoundError:
            raise gone("the mail is not kept any more") from None
        assert adapter.mailbox is not None, f"{adapter.platform} has no mailboxes"
        try:
            found = adapter.mailbox.extract(raw, call.part)
        except LookupError:
            raise gone(f"the mail has no part {call.part}") from None
        return (piece for piece in found if piece)


def gone(text: str) -> SendFailure:
    """There is nothing to be had, now or later."""
    return SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=text))
