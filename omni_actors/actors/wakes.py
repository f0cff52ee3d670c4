"""Wake-ups that actors set for themselves: at most one for each address and key."""

from collections.abc import Callable
from functools import partial

from attrs import define, field

from omni_actors.actors.clock import Clock
from omni_actors.actors.timers import Timer, Timers


@define(eq=False)
class Wakes:
    """In memory only: what must be remembered over a restart of the process is a row elsewhere."""

    _timers: Timers
    _clock: Clock
    _deliver: Callable[[str, object, object], None]
    _armed: dict[str, dict[object, Timer]] = field(factory=dict, init=False)

    def arm(self, address: str, when: float, message: object, key: object | None) -> None:
        """Deliver `message` at `when` (unix seconds), unless an earlier one has this key."""
        key = type(message) if key is None else key
        due = self._clock.monotonic_at(when)
        waiting = self._armed.setdefault(address, {})
        if (earlier := waiting.get(key)) is not None:
            if earlier.when <= due:
                return
            self._timers.cancel(earlier)
        waiting[key] = self._timers.at(due, partial(self._fire, address, key, message))

    def forget(self, address: str) -> None:
        """Forget all wake-ups of an address."""
        for timer in self._armed.pop(address, {}).values():
            self._timers.cancel(timer)

    def _fire(self, address: str, key: object, message: object) -> None:
        waiting = self._armed[address]
        del waiting[key]
        if not waiting:
            del self._armed[address]
        self._deliver(address, message, ("wake", key))
