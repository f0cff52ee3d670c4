"""Envelopes that found nobody: counted by reason, the last thousand kept.

Never messages of record: those are rows, and their dead letters are rows too.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field, frozen

RECENT_MAX: Final = 1_000
_TOLD_EVERY_S: Final = 10.0


@frozen
class DeadLetter:
    """One envelope that was not handled: the message's type, never its content."""

    address: str
    kind: str
    reason: str
    at: float


@define(eq=False)
class DeadLetters:
    """Counters by reason and a ring of the most recent."""

    _now: Callable[[], float]
    _observe: Callable[[str, Mapping[str, object]], None]
    counts: Counter[str] = field(factory=Counter, init=False)
    _ring: deque[DeadLetter] = field(factory=lambda: deque(maxlen=RECENT_MAX), init=False)
    _told_at: dict[str, float] = field(factory=dict, init=False)

    def bury(self, address: str, message: object, reason: str) -> None:
        """Record one; observed at most once in ten seconds for each reason."""
        letter = DeadLetter(address, type(message).__name__, reason, self._now())
        self._ring.append(letter)
        self.counts[reason] += 1
        if letter.at - self._told_at.get(reason, -_TOLD_EVERY_S) < _TOLD_EVERY_S:
            return
        self._told_at[reason] = letter.at
        fields = {"address": address, "kind": letter.kind, "reason": reason}
        self._observe("actor.dead_letter", {**fields, "count": self.counts[reason]})

    def recent(self) -> list[DeadLetter]:
        """The last thousand, oldest first."""
        return list(self._ring)
