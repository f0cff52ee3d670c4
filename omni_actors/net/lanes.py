"""Connections that are kept open between calls: a channel has a few of its own, one call on each.

A lane is one HTTP/1.1 connection of httpcore and not a client with a pool: what a client adds
(cookies, redirects, environment, choosing a connection under a lock) we either must not do or do
here, and it costs about half of the time of a small call.
"""

import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpcore
import trio
from attrs import define, field, frozen

CLOSE_TIMEOUT_S: Final = 2.0


@frozen
class LaneKey:
    """Whose lane it is, and where it leads. A guarded one connects to checked addresses only."""

    channel_id: str
    origin: httpcore.Origin
    guarded: bool = False


@define
class Fate:
    """What is known of one request: whether any byte of it may have left."""

    sent: bool = False


@define(eq=False)
class Lane:
    """One connection, opened by its first call. `expires_at` is set while it is idle."""

    key: LaneKey
    connection: httpcore.AsyncHTTPConnection = field(init=False)
    fate: Fate = field(factory=Fate)
    keep_s: float = 0.0
    expires_at: float | None = None

    @property
    def idle(self) -> bool:
        """Whether no call is on it."""
        return self.expires_at is not None

    def expired(self, now: float) -> bool:
        """Whether it has idled for too long."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def stale(self) -> bool:
        """Whether an idle lane was hung up by the other side, or is too old to be trusted."""
        return self.expired(trio.current_time()) or self.connection.has_expired()


@frozen
class LaneStatistics:
    """How many lanes there are, how many of them are idle, and how many calls wait for one."""

    open: int
    idle: int
    waiting: int


@define(eq=False)
class _Waiter:
    """A call that waits for a lane, which it finds here when it is woken."""

    key: LaneKey
    lane: Lane | None = None
    ready: trio.Event = field(factory=trio.Event)


@define(eq=False)
class Lanes:
    """All lanes of a process, at most `per_channel_max` of a channel and `total_max` together.

    A lane in use is never taken away; an idle one makes room for a call that leads elsewhere.
    Calls that find no room wait in order, but nobody waits for the limit of another channel.
    """

    _connect: Callable[[Lane], httpcore.AsyncHTTPConnection]
    _nursery: trio.Nursery  # only closes what was given up
    per_channel_max: int = 8
    total_max: int = 256
    idle_s: float = 30.0
    _by_channel: dict[str, list[Lane]] = field(init=False, factory=dict)
    _idle: dict[Lane, None] = field(init=False, factory=dict)  # the longest idle one first
    _waiters: deque[_Waiter] = field(init=False, factory=deque)
    _open: int = field(init=False, default=0)

    def statistics(self) -> LaneStatistics:
        """A snapshot."""
        return LaneStatistics(self._open, len(self._idle), len(self._waiters))

    async def borrow(self, key: LaneKey, fate: Fate) -> Lane:
        """A lane for one call, to be given back. Cancelled, nothing was borrowed."""
        lane = self._take(key) or await self._wait(key)
        lane.fate = fate
        return lane

    def give_back(self, lane: Lane) -> None:
        """Keep the lane for the next call, or close it when its call did not end cleanly."""
        if lane.connection.is_available():
            self._rest(lane)
        else:
            self._drop(lane)
        if self._waiters:
            self._serve()

    async def sweep(self) -> None:
        """Close what was idle for too long, until cancelled."""
        while True:
            now = trio.current_time()
            for lane in [lane for lane in self._idle if lane.expired(now)]:
                self._drop(lane)
            moments = (lane.expires_at for lane in self._idle if lane.expires_at is not None)
            # One given back meanwhile may expire sooner, where its server said so: it is not used
            # then, only closed a little later.
            await trio.sleep_until(min(moments, default=now + self.idle_s))

    async def close(self) -> None:
        """Close every lane at once, also one that a call is still on."""
        async with trio.open_nursery() as nursery:
            for lane in [lane for lanes in self._by_channel.values() for lane in lanes]:
                self._forget(lane)
                nursery.start_soon(lane.connection.aclose)

    async def _wait(self, key: LaneKey) -> Lane:
        waiter = _Waiter(key)
        self._waiters.append(waiter)
        try:
            await waiter.ready.wait()
        except trio.Cancelled:
            if waiter.lane is None:
                self._waiters.remove(waiter)
            else:
                self.give_back(waiter.lane)
            raise
        assert waiter.lane is not None
        return waiter.lane

    def _serve(self) -> None:
        """Hand lanes to those who wait and can be served now, the first first."""
        for waiter in list(self._waiters):
            if (lane := self._take(waiter.key)) is not None:
                self._waiters.remove(waiter)
                waiter.lane = lane
                waiter.ready.set()

    def _take(self, key: LaneKey) -> Lane | None:
        """An idle lane, the latest used first so that the others age out; or a new one; or None."""
        own = [lane for lane in self._by_channel.get(key.channel_id, ()) if lane.idle]
        for lane in reversed([lane for lane in own if lane.key == key]):
            if not lane.stale:
                return self._wake(lane)
            self._drop(lane)
            own.remove(lane)
        if not self._room(key.channel_id, own):
            return None
        return self._new(key)

    def _room(self, channel_id: str, own: list[Lane]) -> bool:
        """Whether one more lane may be opened, if need be in place of an idle one."""
        if len(self._by_channel.get(channel_id, ())) >= self.per_channel_max:
            if not own:
                return False
            self._drop(own[0])
        elif self._open >= self.total_max:
            if not self._idle:
                return False
            self._drop(next(iter(self._idle)))
        return True

    def _new(self, key: LaneKey) -> Lane:
        lane = Lane(key, keep_s=self.idle_s)
        lane.connection = self._connect(lane)
        self._by_channel.setdefault(key.channel_id, []).append(lane)
        self._open += 1
        return lane

    def _wake(self, lane: Lane) -> Lane:
        lane.expires_at = None
        del self._idle[lane]
        return lane

    def _rest(self, lane: Lane) -> None:
        """Let it idle as the latest used one of its channel."""
        lane.expires_at = trio.current_time() + min(self.idle_s, lane.keep_s)
        self._idle[lane] = None
        own = self._by_channel[lane.key.channel_id]
        own.remove(lane)
        own.append(lane)

    def _drop(self, lane: Lane) -> None:
        self._forget(lane)
        if not lane.connection.is_closed():
            self._nursery.start_soon(_close, lane.connection)

    def _forget(self, lane: Lane) -> None:
        own = self._by_channel.get(lane.key.channel_id, [])
        if lane not in own:
            return
        own.remove(lane)
        if not own:
            del self._by_channel[lane.key.channel_id]
        self._idle.pop(lane, None)
        self._open -= 1


async def _close(connection: httpcore.AsyncHTTPConnection) -> None:
    """Hang up without ceremony; also while everything is being cancelled."""
    with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        await connection.aclose()


@frozen
class Dialler:
    """Makes a lane's connection, through the guard where its key says so."""

    ssl_context: ssl.SSLContext
    plain: httpcore.AsyncNetworkBackend
    guarded: httpcore.AsyncNetworkBackend

    def __call__(self, lane: Lane) -> httpcore.AsyncHTTPConnection:
        """A connection that is made when the first call is."""
        return httpcore.AsyncHTTPConnection(
            lane.key.origin,
            ssl_context=self.ssl_context,
            network_backend=LaneBackend(self.guarded if lane.key.guarded else self.plain, lane),
        )


@frozen
class LaneBackend(httpcore.AsyncNetworkBackend):
    """Connects as `inner` does, with streams that tell the lane when a request has left."""

    inner: httpcore.AsyncNetworkBackend
    lane: Lane

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises what `inner` raises."""
        stream = await self.inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return LaneStream(stream, self.lane)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never asked for: an origin is a host and a port."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        """Wait on the run loop's clock."""
        await trio.sleep(seconds)


@define(eq=False)
class LaneStream(httpcore.AsyncNetworkStream):
    """Sends the head of a request together with the first of its body: one packet, not two.

    Notes when a request begins to leave, because from then on its fate may be unknown.
    """

    inner: httpcore.AsyncNetworkStream
    lane: Lane
    _held: bytes = field(init=False, default=b"")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As `inner`, once what was held is sent."""
        if self._held:
            await self._send(b"", timeout)
        return await self.inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold the first bytes of a request until more come or an answer is waited for."""
        if buffer and not self._held and not self.lane.fate.sent:
            self._held = bytes(buffer)
            return
        await self._send(buffer, timeout)

    async def _send(self, buffer: bytes, timeout: float | None) -> None:
        held, self._held = self._held, b""
        if held or buffer:
            self.lane.fate.sent = True
            await self.inner.write(held + buffer if held else buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As `inner`; cancelled, the connection is closed, which nobody else could do."""
        try:
            return LaneStream(
                await self.inner.start_tls(ssl_context, server_hostname, timeout), self.lane
            )
        except trio.Cancelled:
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await self.inner.aclose()
            raise

    async def aclose(self) -> None:
        """As `inner`."""
        await self.inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """As `inner`."""
        return self.inner.get_extra_info(info)
