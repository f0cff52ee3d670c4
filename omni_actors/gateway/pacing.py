"""How fast channels may send, and to how many people: by plan, settings, the platform's word.

Here is what outlives an actor and is shared between channels.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.limits import FREE, Brake, Limits
from omni_actors.gateway.sender import Route
from omni_actors.model.failure import Scope
from omni_actors.model.limits import (
    FIRST_AT,
    PER_SECOND,
    USERS_PER_DAY,
    Closure,
    DayLimit,
    Ties,
)
from omni_actors.model.states import ChannelState
from omni_actors.policy.day import Day
from omni_actors.policy.outreach import DAY_S, LOOK_EVERY_S, Outreach
from omni_actors.policy.rate import Limit, close, of_level
from omni_actors.store.contract import Store
from omni_actors.store.queries import Closures, InLine, Outreached, SentSince, SpentSince
from omni_actors.store.rows import Channel


@frozen
class Pacing:
    """The limits of one channel, by the config or the adapter's defaults.

    `fixed`: the rate is the operator's own word; the platform's may lower it and not raise it.
    """

    channel: Limit
    pair: Limit | None
    fixed: bool = True


@define
class Line:
    """What waits for room in one portfolio: when each of its channels may write first again."""

    outreach: Outreach
    opens_at: dict[str, float] = field(factory=dict)

    def open(self, now: float) -> tuple[str, ...]:
        """The channels that may write first now."""
        return tuple([id for id, opens_at in self.opens_at.items() if opens_at <= now])

    def next_at(self, now: float) -> float:
        """When to look at it again."""
        if not self.open(now):
            return min([*self.opens_at.values(), now + LOOK_EVERY_S])
        return self.outreach.next_at(now)


@define
class Pacer:
    """Makes the limiters of channels, and keeps what several of them share."""

    store: Store
    adapters: Mapping[str, Adapter[Any, Any]]
    now: Callable[[], float]
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    pacings: Callable[[], Mapping[str, Pacing]]
    limiters: dict[str, Limits] = field(factory=dict)
    brakes: dict[tuple[str, str], Brake] = field(factory=dict)
    outreach: dict[str, Outreach] = field(factory=dict)
    days: dict[str, Day] = field(factory=dict)
    sharing: dict[str, set[str]] = field(factory=dict)  # who was ever of an account

    def limits(self, channel: Channel) -> Limits:
        """The limiters of a channel; they outlive a crash of its actor."""
        if channel.id not in self.limiters:
            self.limiters[channel.id] = self.fresh_limits(channel)
        return self.limiters[channel.id]

    async def recall(self) -> None:
        """Take up what was closed before this start, who waited, and what was sent to each person.

        The platform remembers all of it too.
        """
        channels = self.channels()
        limiters = {id: self.limits(channels[id]) for id in self.routes()}
        for closure in await self.store.ask(Closures(self.now())):
            self.restore(closure)
        for channel_id in await self.store.ask(InLine()):
            if channel_id in limiters:
                limiters[channel_id].waiting = True
        pairs = [limits.pair for limits in limiters.values() if limits.pair is not None]
        if not pairs:
            return
        since = self.now() - max([pair.burst / pair.per_second for pair in pairs])
        for sent in await self.store.ask(SentSince(since)):
            if sent.channel_id in limiters:
                limiters[sent.channel_id].recall(sent.leg_id, sent.at)

    def fresh_limits(self, channel: Channel) -> Limits:
        """Nobody knows how much was sent just before a start, so the bucket is not full."""
        pacing = self.pacing(channel)
        shared, outreach = self.shared(channel), self.outreach_of(channel)
        at = self.now()
        limits = Limits.fresh(pacing.channel, pacing.pair, shared, outreach, crashed_at=at)
        limits.portfolio, limits.first_from = self.portfolio(channel), first_from(channel)
        limits.account, limits.day = self.account(channel), self.day_of(channel)
        return limits

    def renew(self, channel: Channel, limits: Limits) -> None:
        """The channel's settings or its platform's word have changed what it shares."""
        limits.shared, limits.outreach = self.shared(channel), self.outreach_of(channel)
        limits.portfolio, limits.first_from = self.portfolio(channel), first_from(channel)
        limits.account, limits.day = self.account(channel), self.day_of(channel)

    def shared(self, channel: Channel) -> dict[Scope, Brake]:
        """The brakes that this channel shares with others."""
        return {
            Scope.ACCOUNT: self.brake(channel.platform, self.account_name(channel)),
            Scope.APP: self.brake(channel.platform, ""),
        }

    def account_name(self, channel: Channel) -> str:
        """What the account of a channel is called at its platform."""
        return self.ties(channel).account or f"channel {channel.id}"

    def account(self, channel: Channel) -> str:
        """By what name it is counted what this channel's account sends."""
        return f"{channel.platform}:{self.account_name(channel)}"

    def day_of(self, channel: Channel) -> Day:
        """What the account of this channel has sent in a day: the smallest limit that the settings
        of its channels name counts."""
        name = self.account(channel)
        day = self.days.setdefault(name, Day())
        self.sharing.setdefault(name, set()).add(channel.id)
        most = self.day_limit(name)
        if most != day.most:
            known = self.store.peek(SpentSince(name, self.now() - DAY_S))
            day.limit(most, [(at, 1, recipients) for at, recipients in known])
        return day

    def day_limit(self, account: str) -> DayLimit:
        """What an account may send in a day."""
        channels, routes = self.channels(), self.routes()
        there = [channels[id] for id in self.sharing[account] if id in channels and id in routes]
        limits = [self.ties(each).day for each in there if self.account(each) == account]
        return DayLimit(
            min([day.messages for day in limits if day.messages is not None], default=None),
            min([day.recipients for day in limits if day.recipients is not None], default=None),
        )

    def brake(self, owner: str, name: str) -> Brake:
        """What several channels share, by its platform and its name there."""
        return self.brakes.setdefault((owner, name), Brake(owner, name))

    def restore(self, closure: Closure) -> None:
        """The platform closed this before the start."""
        if closure.scope in (Scope.ACCOUNT, Scope.APP):
            brake = self.brake(closure.owner, closure.name)
            brake.pace = close(brake.pace, closure.until, FREE)
        elif limits := self.limiters.get(closure.owner):
            limits.restore(closure.scope, closure.name, closure.until, self.now())

    def ties(self, channel: Channel) -> Ties:
        """What a channel shares with others at its platform."""
        route = self.routes()[channel.id]
        return route.adapter.ties(route.settings)

    def pacing(self, channel: Channel) -> Pacing:
        """The limits of a channel: by the plan, by its settings, as the platform told, or its own.

        The operator's rate is lowered by the others; otherwise the slowest of the others counts.
        """
        pacing = self.pacings().get(channel.id) or default_pacing(self.routes()[channel.id])
        told, _ = channel.limits.get(PER_SECOND, (None, 0.0))
        levels = [self.ties(channel).per_second, told if isinstance(told, int | float) else None]
        limits = [of_level(level) for level in levels if level]
        if pacing.fixed or not limits:
            limits.append(pacing.channel)
        return evolve(pacing, channel=min(limits, key=lambda limit: limit.per_second))

    def portfolio(self, channel: Channel) -> str | None:
        """By what name the people are counted that this channel's portfolio writes to first; None
        where nobody counts them."""
        named = self.ties(channel).portfolio
        return None if named is None else f"{channel.platform}:{named}"

    def outreach_of(self, channel: Channel) -> Outreach:
        """The people that this channel's portfolio writes to first, and how many they may be."""
        name = self.portfolio(channel)
        if name is None:
            return Outreach()
        outreach = self.outreach.setdefault(name, Outreach())
        most = self.users_per_day(name)
        if most != outreach.most:
            since = self.now() - DAY_S
            outreach.limit(most, self.store.peek(Outreached(name, since)))
        return outreach

    def lines(self) -> Iterator[Line]:
        """The channels on which something is held for want of room, by portfolio."""
        waiting: dict[str, Line] = {}
        for id, limits in self.limiters.items():
            channel = self.channels().get(id)
            if limits.waiting and channel is not None:
                line = waiting.setdefault(limits.portfolio or id, Line(limits.outreach))
                opens_at = limits.writes_first_from
                sends = channel.state is ChannelState.ACTIVE and channel.connected
                line.opens_at[id] = opens_at if sends else math.inf
        yield from waiting.values()

    def users_per_day(self, portfolio: str) -> int | None:
        """To how many people a portfolio may write first: the platform's newest word, or else the
        smallest number that the settings of its channels name. None: to all, or unknown."""
        mine = [
            channel
            for channel in self.channels().values()
            if channel.id in self.routes() and self.portfolio(channel) == portfolio
        ]
        told = [found for each in mine if (found := each.limits.get(USERS_PER_DAY))]
        if told:
            most, _ = max(told, key=lambda word: word[1])
            return int(most) if isinstance(most, int | float) else None
        named = [self.ties(channel).users_per_day for channel in mine]
        return min([most for most in named if most is not None], default=None)


def first_from(channel: Channel) -> float:
    """From when a channel may write first, by its platform's newest word."""
    told, _ = channel.limits.get(FIRST_AT, (0.0, 0.0))
    return float(told) if isinstance(told, int | float) else math.inf


def default_pacing(route: Route) -> Pacing:
    """The limits that the platform sets, when the config names none."""
    rate, pair = route.adapter.rate_for(route.settings), route.adapter.pair_rate
    return Pacing(
        Limit(rate.per_second, rate.burst, rate.loan_s),
        Limit(pair.per_second, pair.burst, pair.loan_s) if pair else None,
        fixed=False,
    )
