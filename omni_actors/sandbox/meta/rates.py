"""How many calls of a kind fit into a while, counted exactly.

Source: developers.facebook.com/documentation/business-messaging/messenger-platform/overview/
rate-limiting
"""

from collections import deque

from attrs import define, field


@define
class Rate:
    """At most `most` calls in any `within_s` seconds."""

    most: int
    within_s: float
    moments: deque[float] = field(factory=deque)

    def takes(self, now: float) -> bool:
        """Count one call, unless it would be too many."""
        while self.moments and self.moments[0] <= now - self.within_s:
            self.moments.popleft()
        if len(self.moments) >= self.most:
            return False
        self.moments.append(now)
        return True


@define
class Budget:
    """The calls of one account in the running hour."""

    calls_per_h: int
    hour: int = -1
    calls: int = 0

    def count(self, now: float) -> int:
        """Note one call; the share of the budget that is used, in percent. No budget: 0."""
        if not self.calls_per_h:
            return 0
        hour = int(now // 3_600)
        if hour != self.hour:
            self.hour, self.calls = hour, 0
        self.calls += 1
        return 100 * self.calls // self.calls_per_h

    def minutes_left(self, now: float) -> int:
        """Until the budget is whole again."""
        return 60 - int(now % 3_600 // 60)
