"""Makes the HTTP calls that adapters describe; all it raises is what became of the request."""

import secrets
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpcore
import trio
from attrs import frozen

from omni_actors.model.failure import SendFailure
from omni_actors.net.account import Account
from omni_actors.net.connection import Connection, Fate, Request, Unwritable
from omni_actors.net.download import NOT_SATISFIABLE, going_on, received
from omni_actors.net.failures import (
    disk_failed,
    lost,
    refused_by_guard,
    require_size,
    timed_out,
    unwritable,
)
from omni_actors.net.guard import GuardedBackend, GuardPolicy, Refused, check_url
from omni_actors.net.lanes import Dialler, Lane, LaneKey, Lanes, LaneStatistics, open_lanes
from omni_actors.net.multipart import bare_frame, form_frame
from omni_actors.net.reply import declared_size, keep_s, lower_case
from omni_actors.net.request import Outgoing, encoded_body, outgoing, with_secrets
from omni_actors.net.shown import masked_url, shown_reply, shown_request
from omni_actors.net.sockets import Sockets
from omni_actors.net.streams import FormBody, OpenSink, OpenSource, Sink, SourceBroken
from omni_actors.net.tls import client_context
from omni_actors.net.trace import Exchange, Trace
from omni_actors.wire.calls import HttpCall, HttpReply, Upload

_NETWORK_ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.RemoteProtocolError,
)


@asynccontextmanager
async def open_hands(
    *,
    open_source: OpenSource,
    open_sink: OpenSink,
    guard_policy: GuardPolicy,
    now: Callable[[], float],
    lanes_per_channel: int = 8,
    lanes_total: int = 256,
    idle_s: float = 30.0,
    ssl_context: ssl.SSLContext | None = None,
    disk_errors: tuple[type[Exception], ...] = (OSError,),
) -> AsyncIterator["HttpHands"]:
    """The hands for HTTP. Leaving closes every connection.

    `disk_errors` is what the blobs' doors raise when a disk is full or a blob is not there; such
    a call may be tried again. Everything else that they raise is a bug and goes through.
    """
    context = client_context() if ssl_context is None else ssl_context
    plain = Sockets()
    dialler = Dialler(context, plain, GuardedBackend(guard_policy, inner=plain))
    async with open_lanes(dialler, lanes_per_channel, lanes_total, idle_s) as lanes:
        yield HttpHands(lanes, open_source, open_sink, guard_policy, now, disk_errors)


@frozen(eq=False)
class HttpHands:
    """Makes HTTP calls, each on a lane of its channel. Knows no platform and judges no answer."""

    _lanes: Lanes[LaneKey, Connection]
    _open_source: OpenSource
    _open_sink: OpenSink
    _guard_policy: GuardPolicy
    _now: Callable[[], float]
    _disk_errors: tuple[type[Exception], ...]

    def statistics(self) -> LaneStatistics:
        """A snapshot of the lanes."""
        return self._lanes.statistics()

    async def make(self, call: HttpCall, account: Account, trace: Trace) -> HttpReply:
        """Make one call and note the exchange in `trace`. An answer of any status is a reply.

        Raises SendFailure when there is none: UNREACHABLE when surely nothing was sent, UNKNOWN
        when something may have been (TRANSIENT for a call that may be repeated), REJECTED when
        the call must not be made or its answer must not be taken. Cancelled, the request may have
        been sent.
        """
        started_at = self._now()
        try:
            reply = await self._guarded(call, account)
        except SendFailure as failed:
            trace.add(self._exchange(call, started_at, trace, error=failed.failure.text))
            raise
        trace.add(self._exchange(call, started_at, trace, reply))
        return reply

    def _exchange(
        self,
        call: HttpCall,
        started_at: float,
        trace: Trace,
        reply: HttpReply | None = None,
        error: str | None = None,
    ) -> Exchange:
        return Exchange(
            method=call.method,
            url=masked_url(call),
            started_at=started_at,
            ended_at=self._now(),
            request=shown_request(call, trace),
            status=None if reply is None else reply.status,
            reply=None if reply is None else shown_reply(reply, trace),
            error=error,
        )

    async def _guarded(self, call: HttpCall, account: Account) -> HttpReply:
        try:
            if call.guarded:
                check_url(call.url, self._guard_policy)
            return await self._in_time(with_secrets(call, account), account)
        except Refused as refused:
            raise refused_by_guard(refused) from None

    async def _in_time(self, call: HttpCall, account: Account) -> HttpReply:
        fate = Fate()
        with trio.move_on_after(call.deadline_s):
            if call.upload is not None:
                return await self._upload(call, account, call.upload, fate)
            if call.download:
                return await self._to_blob(call, account, fate)
            mime, body = encoded_body(call)
            request = outgoing(call, account, mime, None if body is None else len(body))
            return await self._on_lane(call, account, request, body, fate)
        raise timed_out(call, fate)

    async def _to_blob(self, call: HttpCall, account: Account, fate: Fate) -> HttpReply:
        """Make a call whose good answer becomes a blob, behind what is there of it already."""
        mime, body = encoded_body(call)
        size = None if body is None else len(body)
        try:
            async with self._open_sink(call.bytes_max, call.resume) as sink:
                request = outgoing(going_on(call, sink.size), account, mime, size)
                reply = await self._on_lane(call, account, request, body, fate, sink)
                if reply.status == NOT_SATISFIABLE and sink.size:
                    await sink.start_over()
                    request = outgoing(call, account, mime, size)
                    reply = await self._on_lane(call, account, request, body, fate, sink)
                return reply
        except self._disk_errors as error:
            raise disk_failed("the answer cannot be stored", error) from error

    async def _upload(
        self, call: HttpCall, account: Account, upload: Upload, fate: Fate
    ) -> HttpReply:
        """Send a form, or a file alone, that is read while it is sent."""
        boundary = f"omni-{secrets.token_hex(16)}"
        alone = call.form is None
        frame = bare_frame(upload) if alone else form_frame(call.form or {}, upload, boundary)
        request = outgoing(call, account, frame.mime, frame.size)
        try:
            async with self._open_source(upload.blob, upload.size) as chunks:
                body = FormBody(frame, chunks, upload.size, self._disk_errors)
                return await self._on_lane(call, account, request, body, fate)
        except SourceBroken as error:
            raise disk_failed("the file to upload cannot be read", error) from error
        except self._disk_errors as error:
            raise disk_failed("the file to upload cannot be opened", error) from error

    async def _on_lane(
        self,
        call: HttpCall,
        account: Account,
        request: Outgoing,
        body: bytes | AsyncIterable[bytes] | None,
        fate: Fate,
        sink: Sink | None = None,
    ) -> HttpReply:
        asked = Request(call.method.encode(errors="replace"), request.target, request.headers, body)
        key = LaneKey(account.channel_id, request.place.origin, call.guarded)
        lane = await self._lanes.borrow(key)
        try:
            return await self._talk(call, lane, asked, fate, sink)
        except Unwritable:
            raise unwritable() from None
        except _NETWORK_ERRORS as error:
            raise lost(call, fate, error) from error
        finally:
            self._lanes.give_back(lane)

    async def _talk(
        self,
        call: HttpCall,
        lane: Lane[LaneKey, Connection],
        request: Request,
        fate: Fate,
        sink: Sink | None,
    ) -> HttpReply:
        answer = await lane.connection.ask(request, fate)
        headers = lower_case(answer.headers)
        lane.keep_s = keep_s(headers)
        if sink is not None and 200 <= answer.status < 300:
            return await received(call, answer.status, headers, aiter(answer), sink)
        body = await _collected(call, headers, answer)
        return HttpReply(answer.status, headers, body, size=len(body))


async def _collected(
    call: HttpCall, headers: Mapping[str, str], chunks: AsyncIterable[bytes]
) -> bytes:
    """The whole body. Raises SendFailure as soon as it is known to be too large."""
    require_size(call, declared_size(headers))
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        require_size(call, size)
        parts.append(chunk)
    return b"".join(parts)
