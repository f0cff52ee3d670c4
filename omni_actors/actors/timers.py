"""One task and one heap for everything that is due later; firing never waits."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Final

import trio
from attrs import define, field

_DEAD_MIN: Final = 64


@define(eq=False)
class Timer:
    """Something due at a monotonic instant, until it fired or was cancelled."""

    when: float
    fire: Callable[[], None] | None


@define(eq=False)
class Timers:
    """Calls back in the order of due times; equal times in the order they were set."""

    _monotonic: Callable[[], float]
    _heap: list[tuple[float, int, Timer]] = field(factory=list, init=False)
    _serial: Iterator[int] = field(factory=count, init=False)
    _dead: int = field(default=0, init=False)
    _sooner: trio.Event = field(factory=trio.Event, init=False)

    def at(self, when: float, fire: Callable[[], None]) -> Timer:
        """Call `fire` once at `when` (monotonic), at once if that has passed; it must not wait."""
        timer = Timer(when, fire)
        heappush(self._heap, (when, next(self._serial), timer))
        if self._heap[0][2] is timer:
            self._sooner.set()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Forget a timer; one that has fired is left alone."""
        if timer.fire is None:
            return
        timer.fire = None
        self._dead += 1
        if self._dead > _DEAD_MIN and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].fire is not None]
            heapify(self._heap)
            self._dead = 0

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            self._sooner = trio.Event()
            with trio.move_on_at(self._heap[0][0] if self._heap else inf):
                await self._sooner.wait()
            self._fire_due()

    def _fire_due(self) -> None:
        now = self._monotonic()
        while self._heap and self._heap[0][0] <= now:
            timer = heappop(self._heap)[2]
            fire, timer.fire = timer.fire, None
            if fire is None:
                self._dead -= 1
            else:
                fire()
