"""Health of the run loop: how long one pass over the ready tasks takes, and who blocks it."""

import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from traceback import extract_stack
from typing import Final

import trio
from attrs import define, field, frozen

from omni_actors.actors.clock import stopwatch
from omni_actors.actors.service_times import ServiceTimes

_LOOKS_PER_STALL: Final = 5
_JOIN_S: Final = 1.0


@frozen
class Stall:
    """The loop has not come round for `lasted_s`; `stack` is where it stands, outermost first."""

    lasted_s: float
    stack: tuple[str, ...]


@frozen
class LagStatistics:
    """Passes of the run loop, each as long as a ready task may have waited for its turn."""

    passes: int
    p50_s: float
    p99_s: float
    max_s: float


@define(eq=False, slots=False)
class LoopLag(trio.abc.Instrument):
    """Times each pass between two waits for I/O."""

    _now: Callable[[], float] = stopwatch
    busy_since: float | None = field(default=None, init=False)
    _passes: int = field(default=0, init=False)
    _max_s: float = field(default=0.0, init=False)
    _times: ServiceTimes = field(factory=ServiceTimes, init=False)

    def after_io_wait(self, timeout: float) -> None:
        """A pass begins."""
        self.busy_since = self._now()

    def before_io_wait(self, timeout: float) -> None:
        """A pass ends."""
        if self.busy_since is None:
            return
        took_s = self._now() - self.busy_since
        self.busy_since = None
        self._passes += 1
        self._max_s = max(self._max_s, took_s)
        self._times.add(took_s)

    def statistics(self) -> LagStatistics:
        """What was seen since the start."""
        p50_s = self._times.quantile(0.50, self._passes)
        p99_s = self._times.quantile(0.99, self._passes)
        return LagStatistics(self._passes, p50_s, p99_s, self._max_s)


@define(eq=False)
class Watchdog:
    """Looks at the loop from another thread and reports each stall once, while it lasts."""

    _lag: LoopLag
    _thread_id: int
    _report: Callable[[Stall], None]
    _stall_s: float
    _now: Callable[[], float] = stopwatch
    _reported: float | None = field(default=None, init=False)
    _stop: threading.Event = field(factory=threading.Event, init=False)

    def run(self) -> None:
        """Look until stopped; the body of the thread."""
        while not self._stop.wait(self._stall_s / _LOOKS_PER_STALL):
            self.look()

    def stop(self) -> None:
        """Have `run` return."""
        self._stop.set()

    def look(self) -> None:
        """Report if the pass that is under way has lasted too long and is not reported yet."""
        since = self._lag.busy_since
        if since is None or since == self._reported or self._now() - since < self._stall_s:
            return
        frame = sys._current_frames().get(self._thread_id)
        if frame is None:
            return
        self._reported = since
        places = [f"{f.filename}:{f.lineno} {f.name}" for f in extract_stack(frame)]
        self._report(Stall(self._now() - since, tuple(places)))


@asynccontextmanager
async def open_lag_watch(
    report: Callable[[Stall], None], *, stall_s: float = 0.25
) -> AsyncIterator[LoopLag]:
    """Measure the loop that runs this task, and watch it for stalls of `stall_s` real seconds.

    `report` is called in the watching thread while the loop still stands.
    """
    lag = LoopLag()
    watchdog = Watchdog(lag, threading.get_ident(), report, stall_s)
    thread = threading.Thread(target=watchdog.run, name="loop watchdog", daemon=True)
    trio.lowlevel.add_instrument(lag)
    thread.start()
    try:
        yield lag
    finally:
        trio.lowlevel.remove_instrument(lag)
        watchdog.stop()
        thread.join(_JOIN_S)
