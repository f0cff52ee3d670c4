"""A bounded copy from whatever yields bytes into a blob: capped, checked, and never stalled."""

import base64
import re
from collections.abc import AsyncIterable, Callable
from typing import Final

import trio

from omni_actors.media.streams import Blob, Expected, Sink, TooLarge

STALL_TIMEOUT_S: Final = 30.0

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{43}=?")


class Stalled(Exception):
    """No chunk came within `timeout_s`; `size_seen` bytes had come before."""

    def __init__(self, timeout_s: float, size_seen: int) -> None:
        super().__init__(f"nothing within {timeout_s:g} s, after {size_seen} bytes")
        self.timeout_s = timeout_s
        self.size_seen = size_seen


def normalise_sha256(text: str) -> str:
    """A SHA-256 as lower-case hex, from hex or from base64 in either alphabet.

    WhatsApp writes base64 in webhooks and hex when it resolves a media id
    (developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media).
    Raises ValueError.
    """
    text = text.strip()
    if _HEX.fullmatch(text):
        return text.lower()
    if _BASE64.fullmatch(text):
        standard = text[:43].translate(str.maketrans("-_", "+/"))
        return base64.b64decode(standard + "=").hex()
    raise ValueError("neither hex nor base64 of a SHA-256")


def expectation(size: int | str | None, sha256: str | None) -> Expected:
    """What a platform says of a file, in its own spelling, as something to check against.

    Sizes come as numbers or as their decimal text. Raises ValueError.
    """
    return Expected(
        size=int(size) if size is not None else None,
        sha256=normalise_sha256(sha256) if sha256 is not None else None,
    )


async def copy(
    source: AsyncIterable[bytes],
    sink: Sink,
    *,
    expected: Expected | None = None,
    stall_timeout_s: float | Callable[[int], float] = STALL_TIMEOUT_S,
    progress: Callable[[int], None] | None = None,
) -> Blob:
    """Write all of `source` into `sink` and commit; the blob.

    Each chunk must come within the stall time, which may be asked for anew with the bytes copied
    so far; the whole copy takes the deadline of the caller's scope. `progress` is told the bytes
    copied after each chunk. Raises Stalled, TooLarge, Mismatch, DiskFull, OSError, and whatever
    the source does.
    """
    chunks = aiter(source)
    if expected is not None and (expected.size or 0) > sink.size_max:
        raise TooLarge(sink.size_max, expected.size or 0)
    while True:
        timeout_s = stall_timeout_s(sink.size) if callable(stall_timeout_s) else stall_timeout_s
        with trio.move_on_after(timeout_s) as waiting:
            chunk = await anext(chunks, None)
        if waiting.cancelled_caught:
            raise Stalled(timeout_s, sink.size)
        if chunk is None:
            return await sink.commit(expected)
        await sink.write(chunk)
        if progress is not None:
            progress(sink.size)
