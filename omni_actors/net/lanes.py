"""Connections that are kept open between calls: a channel has a few of its own, one call on each.

A lane is one HTTP/1.1 connection and not a client with a pool: what a client adds (cookies,
redirects, environment, choosing a connection under a lock) we either must not do or do here.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

import httpcore
import trio
from attrs import define, field, frozen

from omni_actors.net.connection import CLOSE_TIMEOUT_S, Connection


class Keyed(Protocol):
    """Whose lane it is, and where it leads; equal ones lead to the same."""

    @property
    def channel_id(self) -> str:
        """The channel."""
        ...


class Kept(Protocol):
    """A connection that one call after the other is made on."""

    @property
    def available(self) -> bool:
        """Whether the last call ended so that another may follow it."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it was closed by us."""
        ...

    @property
    def hung_up(self) -> bool:
        """Whether the other side has closed it, or says what nobody asked for."""
        ...

    async def aclose(self) -> None:
        """Hang up."""
        ...


K = TypeVar("K", bound=Keyed)
C = TypeVar("C", bound=Kept)


@frozen
class LaneKey:
    """Whose lane it is, and where it leads. A guarded one connects to checked addresses only."""

    channel_id: str
    origin: httpcore.Origin
    guarded: bool = False


@define(eq=False)
class Lane(Generic[K, C]):
    """One connection, opened by its first call. `expires_at` is set while it is idle."""

    key: K
    connection: C
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
        return self.expired(trio.current_time()) or self.connection.hung_up


@frozen
class LaneStatistics:
    """How many lanes there are, how many of them are idle, and how many calls wait for one."""

    open: int
    idle: int
    waiting: int


@define(eq=False)
class _Waiter(Generic[K, C]):
    """A call that waits for a lane, which it finds here when it is woken."""

    key: K
    lane: Lane[K, C] | None = None
    ready: trio.Event = field(factory=trio.Event)


@define(eq=False)
class Lanes(Generic[K, C]):
    """All lanes of a process, at most `per_channel_max` of a channel and `total_max` together.

    A lane in use is never taken away; an idle one makes room for a call that leads elsewhere.
    Calls that find no room wait in order, but nobody waits for the limit of another channel.
    """

    _connect: Callable[[K], C]
    _nursery: trio.Nursery  # only closes what was given up
    per_channel_max: int = 8
    total_max: int = 256
    idle_s: float = 30.0
    _by_channel: dict[str, list[Lane[K, C]]] = field(init=False, factory=dict)
    _idle: dict[Lane[K, C], None] = field(init=False, factory=dict)  # the longest idle one first
    _waiters: deque[_Waiter[K, C]] = field(init=False, factory=deque)
    _open: int = field(init=False, default=0)

    def statistics(self) -> LaneStatistics:
        """A snapshot."""
        return LaneStatistics(self._open, len(self._idle), len(self._waiters))

    async def borrow(self, key: K) -> Lane[K, C]:
        """A lane for one call, to be given back. Cancelled, nothing was borrowed."""
        return self._take(key) or await self._wait(key)

    def give_back(self, lane: Lane[K, C]) -> None:
        """Keep the lane for the next call, or close it when its call did not end cleanly."""
        if lane.connection.available:
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

    async def _wait(self, key: K) -> Lane[K, C]:
        waiter: _Waiter[K, C] = _Waiter(key)
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

    def _take(self, key: K) -> Lane[K, C] | None:
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

    def _room(self, channel_id: str, own: list[Lane[K, C]]) -> bool:
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

    def _new(self, key: K) -> Lane[K, C]:
        lane: Lane[K, C] = Lane(key, self._connect(key), keep_s=self.idle_s)
        self._by_channel.setdefault(key.channel_id, []).append(lane)
        self._open += 1
        return lane

    def _wake(self, lane: Lane[K, C]) -> Lane[K, C]:
        lane.expires_at = None
        del self._idle[lane]
        return lane

    def _rest(self, lane: Lane[K, C]) -> None:
        """Let it idle as the latest used one of its channel."""
        lane.expires_at = trio.current_time() + min(self.idle_s, lane.keep_s)
        self._idle[lane] = None
        own = self._by_channel[lane.key.channel_id]
        own.remove(lane)
        own.append(lane)

    def _drop(self, lane: Lane[K, C]) -> None:
        self._forget(lane)
        if not lane.connection.closed:
            self._nursery.start_soon(_close, lane.connection)

    def _forget(self, lane: Lane[K, C]) -> None:
        own = self._by_channel.get(lane.key.channel_id, [])
        if lane not in own:
            return
        own.remove(lane)
        if not own:
            del self._by_channel[lane.key.channel_id]
        self._idle.pop(lane, None)
        self._open -= 1


@asynccontextmanager
async def open_lanes(
    connect: Callable[[K], C], per_channel_max: int, total_max: int, idle_s: float
) -> AsyncIterator[Lanes[K, C]]:
    """Lanes that are closed when they idle for too long, and all of them on leaving."""
    async with trio.open_nursery() as nursery:
        lanes: Lanes[K, C] = Lanes(connect, nursery, per_channel_max, total_max, idle_s)
        nursery.start_soon(lanes.sweep)
        try:
            yield lanes
        finally:
            nursery.cancel_scope.cancel()
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await lanes.close()


async def _close(connection: Kept) -> None:
    """Hang up without ceremony; also while everything is being cancelled."""
    with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
        await connection.aclose()


@frozen
class Dialler:
    """Makes a lane's connection, through the guard where its key says so."""

    ssl_context: ssl.SSLContext
    plain: httpcore.AsyncNetworkBackend
    guarded: httpcore.AsyncNetworkBackend

    def __call__(self, key: LaneKey) -> Connection:
        """A connection that is made when the first call is."""
        return Connection(key.origin, self.ssl_context, self.guarded if key.guarded else self.plain)
