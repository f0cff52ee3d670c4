"""How fast one channel may send, as the channel actor keeps it in hand: channel, leg and app.

All rules are those of `policy.rate`; this holds the state between two sends.
"""

from collections import OrderedDict
from typing import TypeAlias

from attrs import define, field, frozen

from omni_actors.model.failure import Scope
from omni_actors.model.json import JsonObject
from omni_actors.policy.rate import Adaptive, Granted, Limit, Pace, close, drained, reserve_all

LEGS_MAX = 50_000
CRASH_WINDOW_S = 1.0
FREE = Limit(1e9, 1_000_000)


@frozen
class Go:
    """Send now; it has been charged."""


@frozen
class WaitFor:
    """Not before `until` (unix seconds); `scope` tells whose limit holds."""

    scope: Scope
    until: float


Leave: TypeAlias = Go | WaitFor


@define
class AppBrake:
    """The brake that all channels of one platform share: the app's own limit at the platform."""

    pace: Pace = field(factory=Pace)

    def shut(self, until: float) -> None:
        """Let nothing pass before `until`."""
        self.pace = close(self.pace, until, FREE)


@define
class Limits:
    """The limiters of one channel. Times in unix seconds."""

    adaptive: Adaptive
    burst: int
    pair: Limit | None
    app: AppBrake
    pace: Pace = field(factory=Pace)
    pairs: OrderedDict[str, Pace] = field(factory=OrderedDict)
    throttled: int = 0
    throttled_legs: OrderedDict[str, int] = field(factory=OrderedDict)

    @classmethod
    def fresh(
        cls, channel: Limit, pair: Limit | None, app: AppBrake, *, crashed_at: float | None
    ) -> "Limits":
        """Full buckets; after a crash a nearly empty one and half the rate for one window."""
        if crashed_at is None:
            return cls(Adaptive.full(channel.per_second), channel.burst, pair, app)
        adaptive = Adaptive.after_crash(channel.per_second, crashed_at, CRASH_WINDOW_S)
        limit = adaptive.limit(channel.burst, crashed_at)
        return cls(adaptive, channel.burst, pair, app, drained(limit, crashed_at))

    def recall(self, leg_id: str, at: float) -> None:
        """Charge a leg with what it was sent before this start; tell it oldest first."""
        if self.pair is not None:
            self.remember(leg_id, self.pairs.get(leg_id, Pace()).charged(self.pair, 1.0, at), at)

    def change(self, channel: Limit, pair: Limit | None) -> None:
        """Keep to other limits from now on; what was sent and closed is not forgotten."""
        if channel.per_second != self.adaptive.ceiling:
            self.adaptive = Adaptive.full(channel.per_second)
        self.burst, self.pair = channel.burst, pair

    def channel_wait(self, now: float) -> WaitFor | None:
        """Whether the channel or its app holds everything back now."""
        limit = self.adaptive.limit(self.burst, now)
        granted = reserve_all(now, [(self.pace, limit, 1), (self.app.pace, FREE, 0)])
        if isinstance(granted, Granted):
            return None
        return WaitFor((Scope.CHANNEL, Scope.APP)[granted.index], now + granted.seconds)

    def leave(self, leg_id: str, now: float) -> Leave:
        """Ask for one send to a leg: all limiters are charged, or none."""
        limit = self.adaptive.limit(self.burst, now)
        pair_pace = self.pairs.get(leg_id, Pace())
        asks = [
            (self.pace, limit, 1.0),
            (self.app.pace, FREE, 0.0),
            (pair_pace, self.pair or FREE, 1.0),
        ]
        granted = reserve_all(now, asks)
        if not isinstance(granted, Granted):
            scope = (Scope.CHANNEL, Scope.APP, Scope.LEG)[granted.index]
            return WaitFor(scope, now + granted.seconds)
        self.pace = granted.paces[0]
        self.remember(leg_id, granted.paces[2], now)
        return Go()

    def remember(self, leg_id: str, pace: Pace, now: float) -> None:
        """Keep a leg's pace; the ones that are full again are forgotten, oldest first."""
        if self.pair is None and pace.closed_until <= now:
            self.pairs.pop(leg_id, None)
            return
        self.pairs[leg_id] = pace
        self.pairs.move_to_end(leg_id)
        while self.pairs:
            oldest, first = next(iter(self.pairs.items()))
            full = first.full_at <= now and first.closed_until <= now
            if not full and len(self.pairs) <= LEGS_MAX:
                return
            del self.pairs[oldest]

    def shut(self, scope: Scope, leg_id: str, until: float, now: float) -> None:
        """Close a scope as the platform asked.

        What was on the wire beside the first complaint repeats it, and is no further strike.
        """
        match scope:
            case Scope.LEG | Scope.PART:
                pace = close(self.pairs.get(leg_id, Pace()), until, self.pair or FREE)
                self.remember(leg_id, pace, now)
                self.throttled_legs[leg_id] = self.throttled_legs.pop(leg_id, 0) + 1
                if len(self.throttled_legs) > LEGS_MAX:
                    self.throttled_legs.popitem(last=False)
            case Scope.CHANNEL:
                self.throttled += self.pace.closed_until <= now
                self.adaptive = self.adaptive.throttled(now)
                self.pace = close(self.pace, until, self.adaptive.limit(self.burst, now))
            case Scope.APP:
                self.throttled += self.app.pace.closed_until <= now
                self.app.shut(until)

    def strikes(self, scope: Scope, leg_id: str) -> int:
        """How often in a row the scope was throttled."""
        if scope in (Scope.LEG, Scope.PART):
            return self.throttled_legs.get(leg_id, 0)
        return self.throttled

    def went_well(self, leg_id: str) -> None:
        """A send was accepted: the next throttling starts counting anew."""
        self.throttled = 0
        self.throttled_legs.pop(leg_id, None)

    def describe(self, now: float) -> JsonObject:
        """What an operator sees of it."""
        limit = self.adaptive.limit(self.burst, now)
        wait = self.channel_wait(now)
        return {
            "per_second": round(limit.per_second, 4),
            "ceiling_per_second": self.adaptive.ceiling,
            "burst": self.burst,
            "next_free_in_s": round(wait.until - now, 3) if wait else 0.0,
            "pair_per_second": self.pair.per_second if self.pair else None,
            "pair_burst": self.pair.burst if self.pair else None,
            "legs_paced": len(self.pairs),
        }
