"""The sandbox's own time: begins at the true time, runs with trio's clock, can be advanced."""

import time

import trio
from attrs import define


@define
class SandboxClock:
    """Unix seconds for every window, expiry and limit of the pretend platforms.

    It is apart from the gateway's clock on purpose: a platform's clock is not ours to share, and
    advancing it closes reply windows without waiting.
    """

    _offset_s: float
    advanced_s: float = 0.0

    @classmethod
    def started_at(cls, epoch_s: float | None) -> "SandboxClock":
        """A clock that shows `epoch_s` now; None takes the machine's time."""
        now = time.time() if epoch_s is None else epoch_s  # noqa: TID251  the platform's own clock
        return cls(now - trio.current_time())

    def now(self) -> float:
        """Unix seconds."""
        return self._offset_s + self.advanced_s + trio.current_time()

    def advance(self, seconds: float) -> None:
        """Move the clock forward. Raises ValueError for a negative step."""
        if seconds < 0:
            raise ValueError("a clock only moves forward: advance_s must be 0 or more")
        self.advanced_s += seconds
