"""Streams the body of an answer into a blob, and goes on where an earlier one broke off."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

import trio
from attrs import evolve

from omni_actors.net.failures import broken_off, require_size, wrong_bytes
from omni_actors.net.reply import declared_size
from omni_actors.net.streams import Sink
from omni_actors.wire.calls import HttpCall, HttpReply

STALL_S: Final = 30.0
PARTIAL: Final = 206
NOT_SATISFIABLE: Final = 416

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)", re.I)


def going_on(call: HttpCall, size: int) -> HttpCall:
    """The call for what comes behind `size` bytes."""
    if not size:
        return call
    return evolve(call, headers={**call.headers, "Range": f"bytes={size}-"})


async def received(
    call: HttpCall,
    status: int,
    headers: Mapping[str, str],
    chunks: AsyncIterator[bytes],
    sink: Sink,
) -> HttpReply:
    """Write a good answer into `sink`; the blob exists when this returns.

    An answer that does not go on where `sink` ends replaces what is there. Raises SendFailure.
    """
    if sink.size and not _goes_on(status, headers, sink.size):
        await sink.start_over()
    if not sink.size and status == PARTIAL and not _goes_on(status, headers, 0):
        raise broken_off(call, "it begins in the middle")
    require_size(call, sink.size + declared_size(headers))
    while chunk := await _next(call, chunks):
        require_size(call, sink.size + len(chunk))
        await sink.write(chunk)
    stored = await sink.commit()
    if call.sha256 is not None and stored.sha256 != call.sha256:
        raise wrong_bytes(call)
    return HttpReply(status, headers, blob=stored.sha256, size=stored.size)


def _goes_on(status: int, headers: Mapping[str, str], size: int) -> bool:
    told = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return status == PARTIAL and told is not None and int(told[1]) == size


async def _next(call: HttpCall, chunks: AsyncIterator[bytes]) -> bytes:
    """The next bytes; empty at the end. Raises SendFailure when nothing comes for too long."""
    with trio.move_on_after(STALL_S):
        async for chunk in chunks:
            if chunk:
                return chunk
        return b""
    raise broken_off(call, f"nothing came for {STALL_S:g} s")
