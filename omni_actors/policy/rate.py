"""How fast we may send: GCRA limits, all checked before one is charged, and the brakes."""

import math
from collections.abc import Sequence
from typing import Final

from attrs import frozen

TOLERANCE_S: Final = 1e-6
"""Waits this short are granted at once: a float clock cannot sleep them off; callers would spin."""

CUT_FACTOR: Final = 0.7
CUT_SPACING_S: Final = 1.0
RECOVERY_PER_S: Final = 0.02
RATE_SHARE_MIN: Final = 0.01

USAGE_SLOW_PERCENT: Final = 80.0
USAGE_HIGH_ONLY_PERCENT: Final = 95.0
USAGE_SCALE_MIN: Final = 0.05
USAGE_STOP_PERCENT: Final = 100.0
USAGE_STOP_S: Final = 60.0
"""How long to stop at least when a budget is used up; some answers say no time."""
USAGE_VALID_S: Final = 300.0
"""What an answer said of a budget counts so long: without calls no newer word would ever come."""

LEVEL_SHARE: Final = 0.9


@frozen
class Limit:
    """In any span of `s` seconds at most `burst + per_second * s` units pass.

    With `loan_s` a burst is a loan: it is taken up within `loan_s` seconds of its first unit, and
    nothing passes after that until all of it is paid off at `per_second`. So WhatsApp counts its
    messages to one person, 45 within 6 seconds at most.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/about-the-platform
    """

    per_second: float
    burst: int
    loan_s: float | None = None

    def __attrs_post_init__(self) -> None:
        if not (0 < self.per_second < math.inf and self.burst >= 1):
            raise ValueError(f"no limit can be {self.per_second!r} a second, burst {self.burst!r}")
        if self.loan_s is not None and not 0 <= self.loan_s < math.inf:
            raise ValueError(f"no loan can be taken up within {self.loan_s!r} s")

    def scaled(self, share: float) -> "Limit":
        """The same burst at `share` of the rate."""
        return Limit(self.per_second * share, self.burst, self.loan_s)


def of_level(per_second: float) -> Limit:
    """A limit that keeps below what a platform takes in any second.

    Nine tenths of it lastingly and one tenth at once: what comes in counts there too.
    """
    burst = round(per_second * (1.0 - LEVEL_SHARE))
    return Limit(per_second * LEVEL_SHARE, max(1, burst))


@frozen
class Pace:
    """What one limiter remembers: when its bucket will be full, and until when it is shut.

    Times are seconds of whatever clock the caller keeps to; a fresh pace has a full bucket.
    `lent_at` is when the present loan began, for limits that count by loans.
    """

    full_at: float = 0.0
    closed_until: float = 0.0
    lent_at: float = 0.0

    def wait_s(self, limit: Limit, cost: float, now: float) -> float:
        """Seconds until `cost` units may pass; zero or less means now."""
        needed = min(cost, limit.burst)
        ahead_s = (limit.burst - needed) / limit.per_second
        opens_at = self.full_at - ahead_s
        if limit.loan_s is not None:
            lends = now <= self.lent_at + limit.loan_s and opens_at <= self.lent_at + TOLERANCE_S
            opens_at = now if lends else self.full_at
        return max(opens_at, self.closed_until) - now

    def charged(self, limit: Limit, cost: float, now: float) -> "Pace":
        """The pace after `cost` units have passed."""
        lent_at = self.lent_at
        if limit.loan_s is not None and self.full_at <= now + TOLERANCE_S:
            lent_at = now
        full_at = max(self.full_at, now) + cost / limit.per_second
        return Pace(full_at, self.closed_until, lent_at)

    def refunded(self, limit: Limit, cost: float) -> "Pace":
        """The pace as if `cost` units that were charged had never passed."""
        return Pace(self.full_at - cost / limit.per_second, self.closed_until, self.lent_at)


@frozen
class Granted:
    """All limiters agreed and were charged; their new paces, in the order asked."""

    paces: tuple[Pace, ...]


@frozen
class Wait:
    """Nothing was charged; ask again after `seconds`. `index` is the limiter that holds longest."""

    seconds: float
    index: int


def reserve_all(now: float, asks: Sequence[tuple[Pace, Limit, float]]) -> Granted | Wait:
    """Charge each `(pace, limit, cost)`, or none of them.

    A cost above the burst passes when the bucket is full and leaves a debt, so that the rate still
    holds in the long run. Raises ValueError for a negative cost, which would hand out allowance.
    """
    longest_s, index = TOLERANCE_S, -1
    for position, (pace, limit, cost) in enumerate(asks):
        if cost < 0:
            raise ValueError(f"a cost must not be negative: {cost!r}")
        wait_s = pace.wait_s(limit, cost, now)
        if wait_s > longest_s:
            longest_s, index = wait_s, position
    if index >= 0:
        return Wait(longest_s, index)
    return Granted(tuple(pace.charged(limit, cost, now) for pace, limit, cost in asks))


def drained(limit: Limit, now: float) -> Pace:
    """A pace with one unit in its bucket: for a start after a crash that forgot the last sends."""
    return Pace(now + (limit.burst - 1) / limit.per_second)


def close(pace: Pace, until: float, limit: Limit) -> Pace:
    """Let nothing pass before `until`, and no saved-up burst after it. Never shortens a closure.

    A loan that the platform grants again is a whole one: there is nothing saved up in it.
    """
    rest_at = until if limit.loan_s is not None else drained(limit, until).full_at
    return Pace(max(pace.full_at, rest_at), max(pace.closed_until, until), pace.lent_at)


@frozen
class Adaptive:
    """A rate that gives way when the platform throttles and comes back slowly (AIMD).

    `rate` is what was left at the last cut, at `cut_at`; from there it regains a fiftieth of the
    ceiling each second.
    """

    ceiling: float
    rate: float
    cut_at: float = -math.inf
    half_until: float = -math.inf

    @classmethod
    def full(cls, ceiling: float) -> "Adaptive":
        """Start at the ceiling."""
        return cls(ceiling, ceiling)

    @classmethod
    def after_crash(cls, ceiling: float, now: float, window_s: float) -> "Adaptive":
        """Start at half the ceiling for one window: the sends before the crash are forgotten."""
        return cls(ceiling, ceiling, half_until=now + window_s)

    def per_second(self, now: float) -> float:
        """The rate to keep to at `now`."""
        regained = self.rate + RECOVERY_PER_S * self.ceiling * max(0.0, now - self.cut_at)
        most = self.ceiling / 2 if now < self.half_until else self.ceiling
        return min(most, regained)

    def limit(self, burst: int, now: float) -> Limit:
        """The limit to keep to at `now`."""
        return Limit(self.per_second(now), burst)

    def throttled(self, now: float, until: float = -math.inf) -> "Adaptive":
        """The platform said too fast, and lets nothing pass before `until`; from there it recovers.

        Calls that were already on the wire repeat the same complaint, so at most one cut is made in
        a second.
        """
        if now - self.cut_at < CUT_SPACING_S:
            return self
        rate = max(self.per_second(now) * CUT_FACTOR, self.ceiling * RATE_SHARE_MIN)
        return Adaptive(self.ceiling, rate, max(now, until), self.half_until)


def usage_scale(percent: float) -> float:
    """The share of the rate to use when the platform reports `percent` of its budget as used.

    Falls in a line from 1 at 80 % towards 0 at 100 %, but a trickle remains: without calls no newer
    header would ever tell us that the budget is back.
    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    if not percent > USAGE_SLOW_PERCENT:
        return 1.0
    return max(USAGE_SCALE_MIN, (100.0 - percent) / (100.0 - USAGE_SLOW_PERCENT))


def high_only(percent: float) -> bool:
    """Whether reported usage leaves room for the high lane only."""
    return percent >= USAGE_HIGH_ONLY_PERCENT


def used_up(percent: float) -> bool:
    """Whether reported usage leaves no room at all."""
    return percent >= USAGE_STOP_PERCENT
