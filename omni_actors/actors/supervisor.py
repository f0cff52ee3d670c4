"""What to do after a crash: restart after a jittered pause, or park. Pure decisions."""

from collections import deque
from typing import Final

from attrs import define, field, frozen


@frozen
class Limits:
    """How much crashing is borne. `crashes_max` is for one message, the rest for the actor."""

    restarts_max: int = 5
    window_s: float = 60.0
    base_s: float = 0.2
    cap_s: float = 60.0
    healthy_s: float = 60.0
    crashes_max: int = 3
    probe_s: float = 60.0


LIMITS: Final = Limits()


@frozen
class Restart:
    """Rebuild after `delay_s`."""

    delay_s: float


@frozen
class Exhausted:
    """More restarts than the window allows."""


Verdict = Restart | Exhausted


@define(eq=False)
class Record:
    """The crashes of one actor, as far back as they still matter."""

    restarts: int = field(default=0, init=False)
    _recent: deque[float] | None = field(default=None, init=False)
    _streak: int = field(default=0, init=False)
    _last_delay_s: float = field(default=0.0, init=False)

    def crash(self, limits: Limits, now: float, jitter: float) -> Verdict:
        """Judge one crash; `jitter` is in [0, 1), drawn by the caller.

        The streak that lengthens the pause is forgotten after a healthy time of at least
        `healthy_s` and of the last pause.
        """
        if self._recent is None:
            self._recent = deque(maxlen=limits.restarts_max + 1)
        if self._recent and now - self._recent[-1] > max(limits.healthy_s, self._last_delay_s):
            self._streak = 0
        self._recent.append(now)
        while self._recent[0] <= now - limits.window_s:
            self._recent.popleft()
        if len(self._recent) > limits.restarts_max:
            return Exhausted()
        ceiling = min(limits.cap_s, limits.base_s * 2.0 ** min(self._streak, 32))
        self._streak += 1
        self.restarts += 1
        self._last_delay_s = ceiling * jitter
        return Restart(self._last_delay_s)

    def forgive(self) -> None:
        """A probe went well: start counting anew."""
        self._recent = None
        self._streak = 0
