"""Time for everything that lives: a clock that follows trio's, so that a test can drive it."""

import time
from collections.abc import Callable
from typing import Final

import trio

stopwatch: Final[Callable[[], float]] = time.perf_counter
"""Real seconds from an arbitrary start; only for what measures the machine itself."""


class Clock:
    """Wall time anchored once, then carried by trio's own clock.

    Made inside `trio.run` it obeys that run's clock, a `MockClock` included; made outside, it
    follows the machine. `wall` fixes the anchor (unix seconds), for repeatable runs.
    """

    __slots__ = ("_offset", "monotonic")

    def __init__(self, *, wall: float | None = None) -> None:
        self.monotonic: Callable[[], float] = _steady()
        anchor = time.time() if wall is None else wall
        self._offset = anchor - self.monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self.monotonic() + self._offset

    def monotonic_at(self, when: float) -> float:
        """The monotonic reading at which `now()` will be `when` (unix seconds)."""
        return when - self._offset


def _steady() -> Callable[[], float]:
    try:
        return trio.lowlevel.current_clock().current_time
    except RuntimeError:  # not inside a trio run
        return time.monotonic
