"""How fast one channel may send, as its actor keeps it in hand: channel, leg, what is shared.

All rules are those of `policy.rate`, `policy.breaker` and `policy.outreach`; this holds the state
between two sends.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias, assert_never

from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Sent
from omni_actors.model.content import Content
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.json import JsonObject
from omni_actors.model.limits import Spent, Usage
from omni_actors.policy.breaker import Breaker, Open, Permit, Probing, blames, named
from omni_actors.policy.day import Day, recipients_of
from omni_actors.policy.outreach import Outreach
from omni_actors.policy.rate import (
    USAGE_STOP_S,
    USAGE_VALID_S,
    Adaptive,
    Granted,
    Limit,
    Pace,
    close,
    drained,
    high_only,
    reserve_all,
    usage_scale,
    used_up,
)

LEGS_MAX = 50_000
CRASH_WINDOW_S = 1.0
FREE = Limit(1e9, 1_000_000)
DAY_FULL = (
    "the account has sent as many messages as it may in 24 hours; sending goes on by itself as the "
    "day passes"
)
FIRST_CLOSED = "the platform has stopped what this channel writes first"
FULL = "It goes out by itself when there is room again, or at once when the person writes."


@frozen
class Go:
    """Send now; it has been charged. The permit goes back with what became of it."""

    permit: Permit | None = field(default=None, eq=False)


@frozen
class WaitFor:
    """Not before `until` (unix seconds); `scope` tells whose limit holds."""

    scope: Scope
    until: float


Leave: TypeAlias = Go | WaitFor


@define
class Brake:
    """What several channels share: the limits of an app or an account at the platform.

    `owner` and `name` say what it is of (model/limits.py); `share` is how much of its own rate each
    of the channels may use.
    """

    owner: str = ""
    name: str = ""
    pace: Pace = field(factory=Pace)
    share: Adaptive = field(factory=lambda: Adaptive.full(1.0))
    percent: float = 0.0
    told_at: float = -math.inf
    strikes: int = 0
    shut_at: float = -math.inf

    def shut(self, until: float, now: float) -> None:
        """Let nothing pass before `until`, and less than before after it."""
        self.strikes += self.pace.closed_until <= now
        self.shut_at = now
        self.share = self.share.throttled(now, until)
        self.pace = close(self.pace, until, FREE)

    def heed(self, usage: Usage, now: float) -> None:
        """An answer tells how much of the budget is used."""
        self.percent, self.told_at = usage.percent, now
        if used_up(usage.percent):
            self.pace = close(self.pace, now + max(usage.regain_s, USAGE_STOP_S), FREE)

    def used(self, now: float) -> float:
        """How much is used, in percent; word that is too old counts for nothing."""
        return self.percent if now < self.told_at + USAGE_VALID_S else 0.0

    @property
    def is_free(self) -> bool:
        """Whether nobody has ever complained."""
        return self.told_at == -math.inf and self.share.cut_at == -math.inf

    def scale(self, now: float) -> float:
        """The share of its rate that a channel may use."""
        return self.share.per_second(now) * usage_scale(self.used(now))

    def why(self, scope: Scope, now: float) -> Iterator[str]:
        """Why channels are slower than they were asked to be, in sentences."""
        if self.pace.closed_until > now:
            yield f"the platform has stopped the {scope}"
        if self.share.per_second(now) < 1.0:
            yield f"the {scope} was throttled and recovers"
        if (used := self.used(now)) and usage_scale(used) < 1.0:
            yield f"{used:.0f} % of the {scope}'s budget of calls is used"


@frozen
class Strikes:
    """How often in a row a leg was throttled, and when last."""

    count: int = 0
    at: float = -math.inf


@define
class Limits:
    """The limiters of one channel. Times in unix seconds.

    `shared` are the brakes of what it belongs to, by scope; `outreach` counts the people of its
    `portfolio` (None: nobody counts them), `outreach_closed_until` is when it may write first
    again after it was throttled, `first_from` the same of what the platform forbids by its word,
    and `waiting` is whether something is held for want of room; `stood` counts how often that was
    so, for whoever has looked at the line meanwhile. `day` is what its `account` has sent in a day.
    """

    adaptive: Adaptive
    burst: int
    pair: Limit | None
    shared: Mapping[Scope, Brake]
    outreach: Outreach = field(factory=Outreach)
    outreach_closed_until: float = 0.0
    first_from: float = 0.0
    portfolio: str | None = None
    day: Day = field(factory=Day)
    account: str = ""
    waiting: bool = False
    stood: int = 0
    pace: Pace = field(factory=Pace)
    pairs: "OrderedDict[str, Pace]" = field(factory=OrderedDict)
    breaker: Breaker = field(factory=Breaker)
    throttled: int = 0
    shut_at: float = -math.inf
    outreach_shut_at: float = -math.inf
    doubted_until: float = -math.inf
    throttled_legs: "OrderedDict[str, Strikes]" = field(factory=OrderedDict)

    @classmethod
    def fresh(
        cls,
        channel: Limit,
        pair: Limit | None,
        shared: Mapping[Scope, Brake],
        outreach: Outreach | None = None,
        *,
        crashed_at: float | None,
    ) -> "Limits":
        """Full buckets; after a crash a nearly empty one and half the rate for one window.

        A bucket that takes longer than that to fill, as of a limit by day, is only emptied: at half
        the rate what is missing in it would count for twice as long.
        """
        outreach = outreach or Outreach()
        adaptive = Adaptive.full(channel.per_second)
        if crashed_at is None:
            return cls(adaptive, channel.burst, pair, shared, outreach)
        if channel.burst / channel.per_second <= CRASH_WINDOW_S:
            adaptive = Adaptive.after_crash(channel.per_second, crashed_at, CRASH_WINDOW_S)
        pace = drained(adaptive.limit(channel.burst, crashed_at), crashed_at)
        return cls(adaptive, channel.burst, pair, shared, outreach, pace=pace)

    def recall(self, leg_id: str, at: float) -> None:
        """Charge a leg with what it was sent before this start; tell it oldest first."""
        if self.pair is not None:
            self.remember(leg_id, self.pairs.get(leg_id, Pace()).charged(self.pair, 1.0, at), at)

    def change(self, channel: Limit, pair: Limit | None) -> None:
        """Keep to other limits from now on; what was sent and closed is not forgotten."""
        if channel.per_second != self.adaptive.ceiling:
            self.adaptive = Adaptive.full(channel.per_second)
        self.burst, self.pair = channel.burst, pair

    def limit(self, now: float) -> Limit:
        """The rate to keep to now, whoever has lowered it."""
        limit = self.adaptive.limit(self.burst, now)
        scale = math.prod([b.scale(now) for b in self.shared.values() if not b.is_free])
        return limit if scale == 1.0 else limit.scaled(scale)

    def channel_wait(self, now: float) -> WaitFor | None:
        """Whether the channel or what it belongs to holds everything back now."""
        match self.breaker.state:
            case Open(until=until) if until > now:
                return WaitFor(Scope.CHANNEL, until)
            case Probing(since=since) if since + self.breaker.law.probe_s > now:
                return WaitFor(Scope.CHANNEL, since + self.breaker.law.probe_s)
        if (free_at := self.day.free_at(now)) > now:
            return WaitFor(Scope.ACCOUNT, free_at)
        asks = [(self.pace, self.limit(now), 1.0)]
        asks += [(brake.pace, FREE, 0.0) for brake in self.shared.values()]
        granted = reserve_all(now, asks)
        if isinstance(granted, Granted):
            return None
        return WaitFor((Scope.CHANNEL, *self.shared)[granted.index], now + granted.seconds)

    def leave(self, leg_id: str, now: float, chance: float = 0.0) -> Leave:
        """Ask for one send to a leg: all limiters are charged, or none.

        `chance`, in [0, 1), decides while the channel comes back after an outage.
        """
        if (free_at := self.day.free_at(now)) > now:
            return WaitFor(Scope.ACCOUNT, free_at)
        pair_pace = self.pairs.get(leg_id, Pace())
        asks = [(self.pace, self.limit(now), 1.0), (pair_pace, self.pair or FREE, 1.0)]
        asks += [(brake.pace, FREE, 0.0) for brake in self.shared.values()]
        granted = reserve_all(now, asks)
        if not isinstance(granted, Granted):
            scope = (Scope.CHANNEL, Scope.LEG, *self.shared)[granted.index]
            return WaitFor(scope, now + granted.seconds)
        self.breaker, permit = self.breaker.admit(now, chance)
        if not isinstance(permit, Permit):
            return WaitFor(Scope.CHANNEL, now + permit.retry_after_s)
        self.pace = granted.paces[0]
        self.remember(leg_id, granted.paces[1], now)
        self.day.count(now, 1, 1)
        return Go(permit)

    def unmade(self, leg_id: str, now: float) -> None:
        """Give back what one send to a leg was charged that was not made after all."""
        self.pace = self.pace.refunded(self.limit(now), 1.0)
        if self.pair is not None and (pace := self.pairs.get(leg_id)) is not None:
            self.remember(leg_id, pace.refunded(self.pair, 1.0), now)

    def spent(
        self, content: Content, only: Sequence[str], result: Sent | Failure, now: float
    ) -> Spent | None:
        """What a send that has ended takes of the account's day, where that is counted. One whose
        answer got lost counts; one that was found to have gone out has counted then. `only` are
        those to whom nothing but their copies was sent."""
        if not self.day.is_limited:
            return None
        recipients = len(only) or recipients_of(content)
        match result:
            case Sent(found=True):
                self.day.give_back()
                return None
            case Sent(refused=refused):
                recipients -= len(refused)
            case Failure(kind=kind) if kind is not Kind.UNKNOWN:
                return None
        self.day.count(now, 0, recipients - 1)  # beside the one that was counted at its start
        return Spent(self.account, recipients)

    def landed(self, permit: Permit | None, failure: Failure | None, now: float) -> None:
        """A send has ended: whether the platform's door was open, and what it cost of the day."""
        if permit is None:
            return
        if failure is not None and failure.kind is not Kind.UNKNOWN:
            self.day.give_back()
        match blames(failure):
            case True:
                self.breaker = self.breaker.failed(permit, now)
            case False:
                self.breaker = self.breaker.succeeded(permit, now)
            case None:
                self.breaker = self.breaker.abandoned(permit, now)

    def heed(self, usage: Usage, now: float) -> None:
        """An answer tells how much of a shared budget is used."""
        if brake := self.shared.get(usage.scope):
            brake.heed(usage, now)

    def lanes(self, now: float) -> tuple[str, ...] | None:
        """The lanes that may send now; None: all of them."""
        used = [brake.used(now) for brake in self.shared.values() if not brake.is_free]
        return ("high",) if used and high_only(max(used)) else None

    def lanes_again_at(self) -> float:
        """When word that leaves room for some lanes only is too old to count."""
        return max([brake.told_at + USAGE_VALID_S for brake in self.shared.values()])

    @property
    def writes_first_from(self) -> float:
        """From when the channel may write first, throttled or forbidden; inf: nobody knows."""
        return max(self.outreach_closed_until, self.first_from)

    def guards_outreach(self, now: float) -> bool:
        """Whether it matters now if a person's reply window is closed."""
        limited = self.outreach.most is not None or self.waiting
        return limited or self.writes_first_from > now

    def may_write_first(self, person: str, now: float) -> bool:
        """Whether a person whose window is closed may be written to now."""
        if self.writes_first_from > now:
            return False
        return self.outreach.admits(person, now, waiting=self.waiting)

    def stand_in_line(self) -> None:
        """Something is held for want of room, or is about to be."""
        self.waiting = True
        self.stood += 1

    def full(self, now: float) -> Failure:
        """Why nobody else may be written to first."""
        used, most = self.outreach.used(now) + self.outreach.kept(now), self.outreach.most
        text = f"the portfolio has written first, or is about to, to {used} people in a day"
        if self.writes_first_from > now:
            text = FIRST_CLOSED
        elif most is None or used < most:
            text = "others have waited longer to be written to first"
        return Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH, None, text, advice=FULL)

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
            case Scope.LEG:
                self.shut_leg(leg_id, until, now)
            case Scope.OUTREACH:
                self.outreach_shut_at = now
                self.outreach_closed_until = max(self.outreach_closed_until, until)
            case Scope.CHANNEL:
                self.throttled += self.pace.closed_until <= now
                self.shut_at = now
                self.adaptive = self.adaptive.throttled(now, until)
                self.pace = close(self.pace, until, self.adaptive.limit(self.burst, now))
            case Scope.ACCOUNT | Scope.APP:
                self.shared[scope].shut(until, now)
            case Scope.PART:
                raise ValueError("a part alone waits in the queue and shuts nothing")
            case _:
                assert_never(scope)

    def shut_leg(self, leg_id: str, until: float, now: float) -> None:
        """Let nothing pass to one leg before `until`."""
        self.close_leg(leg_id, until, now)
        strikes = self.throttled_legs.pop(leg_id, Strikes())
        self.throttled_legs[leg_id] = Strikes(strikes.count + 1, now)
        if len(self.throttled_legs) > LEGS_MAX:
            self.throttled_legs.popitem(last=False)

    def close_leg(self, leg_id: str, until: float, now: float) -> None:
        pace = close(self.pairs.get(leg_id, Pace()), until, self.pair or FREE)
        self.remember(leg_id, pace, now)

    def restore(self, scope: Scope, leg_id: str, until: float, now: float) -> None:
        """A scope of this channel alone was closed before this start."""
        match scope:
            case Scope.LEG:
                self.close_leg(leg_id, until, now)
            case Scope.OUTREACH:
                self.outreach_closed_until = until
            case _:
                self.pace = close(self.pace, until, self.adaptive.limit(self.burst, now))

    def closed_until(self, scope: Scope, leg_id: str) -> float:
        """Until when a scope is closed; in the past when it is not."""
        if scope in self.shared:
            return self.shared[scope].pace.closed_until
        if scope is Scope.LEG:
            return self.pairs.get(leg_id, Pace()).closed_until
        return self.outreach_closed_until if scope is Scope.OUTREACH else self.pace.closed_until

    def last_shut_at(self, scope: Scope, leg_id: str) -> float:
        """When a scope was last shut: what was sent before that complains of nothing new."""
        if scope in self.shared:
            return self.shared[scope].shut_at
        if scope is Scope.LEG:
            return self.throttled_legs.get(leg_id, Strikes()).at
        return self.outreach_shut_at if scope is Scope.OUTREACH else self.shut_at

    def strikes(self, scope: Scope, leg_id: str) -> int:
        """How often in a row the scope was throttled."""
        if scope in self.shared:
            return self.shared[scope].strikes
        if scope is Scope.CHANNEL:
            return self.throttled
        return self.throttled_legs.get(leg_id, Strikes()).count

    def went_well(self, leg_id: str, now: float) -> None:
        """A send was accepted: the next throttling starts counting anew.

        Where a report has told of the last one, that proves nothing until a report of this send
        would have come.
        """
        if now < self.doubted_until:
            return
        self.throttled = 0
        self.throttled_legs.pop(leg_id, None)
        for brake in self.shared.values():
            brake.strikes = 0

    def why(self, now: float) -> Iterator[str]:
        """Why the channel is slower than it was asked to be, in sentences."""
        if self.pace.closed_until > now:
            yield "the platform has stopped the channel for a while"
        if self.day.free_at(now) > now:
            yield DAY_FULL
        if self.writes_first_from > now:
            yield FIRST_CLOSED
        if self.adaptive.rate < self.adaptive.ceiling > self.adaptive.per_second(now):
            yield "the channel was throttled and recovers"
        if now < self.adaptive.half_until:
            yield "the gateway has just started"
        if not self.breaker.is_closed:
            yield "the platform does not answer"
        elif self.breaker.share(now) < 1.0:
            yield "the platform answers again, and is not to be overrun"
        for scope, brake in self.shared.items():
            yield from brake.why(scope, now)

    def measure(self, channel_id: str, now: float) -> None:
        """Set the gauges of a channel."""
        rate = partial(telemetry.of, telemetry.CHANNEL_RATE)
        people = partial(telemetry.of, telemetry.OUTREACH)
        rate(channel_id, "configured").set(self.adaptive.ceiling)
        rate(channel_id, "now").set(self.limit(now).per_second * self.breaker.share(now))
        wait = self.channel_wait(now)
        telemetry.of(telemetry.CHANNEL_CLOSED, channel_id).set(wait.until - now if wait else 0.0)
        if self.outreach.most is not None:
            people(channel_id, "used").set(self.outreach.used(now))
            people(channel_id, "limit").set(self.outreach.most)
        if self.day.is_limited:
            self.measure_day(channel_id, now)

    def measure_day(self, channel_id: str, now: float) -> None:
        """Set the gauges of what the account has sent in a day, and may."""
        self.day.free_at(now)  # what is older than a day is forgotten
        day = partial(telemetry.of, telemetry.DAY)
        most = self.day.most
        for what, used, limit in (
            ("messages", self.day.messages, most.messages),
            ("recipients", self.day.recipients, most.recipients),
        ):
            if limit is not None:
                day(channel_id, what, "used").set(used)
                day(channel_id, what, "limit").set(limit)

    def describe(self, now: float) -> JsonObject:
        """What an operator sees of it. Rates per second, times in unix seconds."""
        wait = self.channel_wait(now)
        return {
            "configured_per_second": self.adaptive.ceiling,
            "per_second": round(self.limit(now).per_second * self.breaker.share(now), 4),
            "burst": self.burst,
            "why": list(self.why(now)),
            "closed_until_at": wait.until if wait and wait.until > now + 1.0 else None,
            "next_free_in_s": round(wait.until - now, 3) if wait else 0.0,
            "breaker": named(self.breaker),
            "usage_percent": {
                scope.value: round(brake.used(now), 1) for scope, brake in self.shared.items()
            },
            "pair_per_second": self.pair.per_second if self.pair else None,
            "pair_burst": self.pair.burst if self.pair else None,
            "legs_paced": len(self.pairs),
            "outreach": {
                "used": None if self.outreach.most is None else self.outreach.used(now),
                "limit": self.outreach.most,
                "closed_until_at": self.writes_first_from
                if now < self.writes_first_from < math.inf
                else None,
            },
            "day": {
                "messages": self.day.messages if self.day.is_limited else None,
                "messages_limit": self.day.most.messages,
                "recipients": self.day.recipients if self.day.is_limited else None,
                "recipients_limit": self.day.most.recipients,
            },
        }
