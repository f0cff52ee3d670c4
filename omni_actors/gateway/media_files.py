"""Media as callers hand them in and read them: bytes in blobs, rows with ids per tenant."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from attrs import evolve, frozen

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.media.blobs import Blob, Blobs, DiskFull, TooLarge
from omni_actors.media.jpeg import JpegScan
from omni_actors.media.probe import HEAD_BYTES, UNKNOWN, agrees, detect, essence
from omni_actors.media.traits import Traits, traits_of
from omni_actors.model.ids import MEDIUM, Ids
from omni_actors.model.states import MediaState
from omni_actors.store.contract import Store
from omni_actors.store.media_verbs import AddMedium
from omni_actors.store.rows import Medium, NewMedium
from omni_actors.store.verbs import Idempotency

UPLOAD_BYTES_MAX = 100 * 1024 * 1024


@frozen
class MediaFiles:
    """The media of this house."""

    store: Store
    blobs: Blobs
    ids: Ids
    now: Callable[[], float]
    bytes_max: int = UPLOAD_BYTES_MAX

    async def upload(
        self,
        tenant: str,
        chunks: AsyncIterator[bytes],
        mime: str | None,
        filename: str | None,
        idempotency: Idempotency | None = None,
    ) -> NewMedium:
        """Keep a medium. What its first bytes say counts before what the caller says."""
        head, scan = b"", JpegScan()
        try:
            async with self.blobs.open_sink(self.bytes_max) as sink:
                async for chunk in chunks:
                    if len(head) < HEAD_BYTES:
                        head += chunk[: HEAD_BYTES - len(head)]
                    scan.feed(chunk)
                    await sink.write(chunk)
                blob = await sink.commit()
        except TooLarge as problem:
            raise RequestError(Code.TOO_LARGE, f"the medium is too large: {problem}") from None
        except (DiskFull, OSError):
            raise RequestError(
                Code.DISK_FULL, "the gateway's disk is almost full", retry_after_s=60
            ) from None
        asked = of_upload(idempotency, blob, mime, filename) if idempotency else None
        known = type_of(mime, head)
        traits = {**traits_of(known, head), **scan.traits}
        return await self.add(tenant, blob, known, filename, traits, asked)

    async def add(
        self,
        tenant: str,
        blob: Blob,
        mime: str,
        filename: str | None,
        traits: Traits,
        idempotency: Idempotency | None,
    ) -> NewMedium:
        medium = Medium(
            id=self.ids(MEDIUM),
            tenant=tenant,
            state=MediaState.READY,
            channel_id=None,
            message_id=None,
            ref=None,
            blob=blob.sha256,
            mime=mime,
            size=blob.size,
            filename=filename,
            failure=None,
            attempts=0,
            due_at=None,
            created_at=self.now(),
            traits=traits,
        )
        return await self.store.do(AddMedium(medium, idempotency))

    def open(self, medium: Medium) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of a medium that is READY."""
        return self.blobs.open_source(Blob(medium.blob or "", medium.size or 0))


def of_upload(
    asked: Idempotency, blob: Blob, mime: str | None, filename: str | None
) -> Idempotency:
    """What tells one upload from another: the request, and the bytes that came with it."""
    told = "\n".join([asked.fingerprint, mime or "", filename or "", blob.sha256])
    return evolve(asked, fingerprint=hashlib.sha256(told.encode("utf-8", "replace")).hexdigest())


def type_of(declared: str | None, head: bytes) -> str:
    """The MIME type to believe: the declared one, by its usual name, or what the bytes say."""
    detected = detect(head)
    if not declared or declared == UNKNOWN or not agrees(declared, detected):
        return detected
    usual = essence(declared)
    return declared if declared.lower().startswith(usual) else usual
