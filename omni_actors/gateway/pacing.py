"""How fast channels may send, and to how many people: by plan, settings, the platform's word.

Here is what outlives an actor and is shared between channels.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.limits import Brake, Limits
from omni_actors.gateway.sender import Route
from omni_actors.model.failure import Scope
from omni_actors.model.limits import PER_SECOND, USERS_PER_DAY, Ties
from omni_actors.policy.outreach import DAY_S, Outreach
from omni_actors.policy.rate import Limit, of_level
from omni_actors.store.contract import Store
from omni_actors.store.queries import Outreached
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
class Pacer:
    """Makes the limiters of channels, and keeps what several of them share."""

    store: Store
    adapters: Mapping[str, Adapter[Any, Any]]
    now: Callable[[], float]
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    pacings: Callable[[], Mapping[str, Pacing]]
    brakes: dict[tuple[str, str], Brake] = field(factory=dict)
    outreach: dict[str, Outreach] = field(factory=dict)

    def fresh_limits(self, channel: Channel) -> Limits:
        """Nobody knows how much was sent just before a start, so the bucket is not full."""
        pacing = self.pacing(channel)
        shared, outreach = self.shared(channel), self.outreach_of(channel)
        at = self.now()
        limits = Limits.fresh(pacing.channel, pacing.pair, shared, outreach, crashed_at=at)
        limits.portfolio = self.portfolio(channel)
        return limits

    def renew(self, channel: Channel, limits: Limits) -> None:
        """The channel's settings or its platform's word have changed what it shares."""
        limits.shared, limits.outreach = self.shared(channel), self.outreach_of(channel)
        limits.portfolio = self.portfolio(channel)

    def shared(self, channel: Channel) -> dict[Scope, Brake]:
        """The brakes that this channel shares with others."""
        account = self.ties(channel).account or f"channel {channel.id}"
        return {
            Scope.ACCOUNT: self.brakes.setdefault((channel.platform, account), Brake()),
            Scope.APP: self.brakes.setdefault((channel.platform, ""), Brake()),
        }

    def ties(self, channel: Channel) -> Ties:
        """What a channel shares with others at its platform."""
        route = self.routes()[channel.id]
        return route.adapter.ties(route.settings)

    def pacing(self, channel: Channel) -> Pacing:
        """The limits of a channel: by the plan, by its settings, as the platform told, or its own.

        The operator's rate is lowered by the others; otherwise the slowest of the others counts.
        """
        adapter = self.adapters[channel.platform]
        pacing = self.pacings().get(channel.id) or default_pacing(adapter)
        told, _ = channel.limits.get(PER_SECOND, (None, 0.0))
        levels = [self.ties(channel).per_second, told if isinstance(told, int | float) else None]
        limits = [of_level(level) for level in levels if level]
        if pacing.fixed or not limits:
            limits.append(pacing.channel)
        return evolve(pacing, channel=min(limits, key=lambda limit: limit.per_second))

    def portfolio(self, channel: Channel) -> str:
        """By what name the people are counted that this channel's portfolio writes to first."""
        return f"{channel.platform}:{self.ties(channel).portfolio or channel.id}"

    def outreach_of(self, channel: Channel) -> Outreach:
        """The people that this channel's portfolio writes to first, and how many they may be."""
        name = self.portfolio(channel)
        outreach = self.outreach.setdefault(name, Outreach())
        most = self.users_per_day(name)
        if most != outreach.most:
            since = self.now() - DAY_S
            outreach.limit(most, self.store.peek(Outreached(name, since)))
        return outreach

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


def default_pacing(adapter: Adapter[Any, Any]) -> Pacing:
    """The limits that the platform sets, when the config names none."""
    pair = adapter.pair_rate
    return Pacing(
        Limit(adapter.rate.per_second, adapter.rate.burst, adapter.rate.loan_s),
        Limit(pair.per_second, pair.burst, pair.loan_s) if pair else None,
        fixed=False,
    )
