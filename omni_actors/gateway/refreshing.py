"""One refresher for each channel: whoever comes while it works gets what it gets."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import trio
from attrs import define, field, frozen

from omni_actors.gateway.uploads import Route
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.net.account import Account

BROKEN_OFF: Final = Failure(
    Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL, text="the renewal was broken off"
)


@define
class Flight:
    """A renewal under way, and how it ended for all who wait for it."""

    ended: trio.Event = field(factory=trio.Event)
    failure: Failure | None = BROKEN_OFF


@frozen
class Refusal:
    """What the platform said of a refresh token, told by its fingerprint, that is good no more; it
    is not asked again until then (unix seconds)."""

    of: str
    until: float
    failure: Failure


class Refresher(Protocol):
    """Who gets a fresh token for a channel whose token is good no more (gateway/grants.py)."""

    async def refreshed(self, stale: Account) -> Route | Failure | None:
        """A route with a fresh token, or why there is none; None: nothing can be done."""

    def proved(self, account: Account) -> None:
        """A channel's token was found to be good."""


@define
class Refreshing:
    """Renewals under way, and refusals, by channel; and by fingerprint the tokens that were got in
    place of refused ones, until they are found to be good."""

    under_way: dict[str, Flight] = field(factory=dict)
    refused: dict[str, Refusal] = field(factory=dict)
    unproved: dict[str, str] = field(factory=dict)

    def refusal(self, channel_id: str, of: str, now: float) -> Failure | None:
        """Why a channel's refresh token is not to be tried now, if it is not."""
        known = self.refused.get(channel_id)
        return known.failure if known and known.of == of and now < known.until else None

    async def once(
        self, channel_id: str, renew: Callable[[], Awaitable[Failure | None]]
    ) -> Failure | None:
        """Renew, or wait for whoever does; why it did not work."""
        flight = self.under_way.get(channel_id)
        if flight is not None:
            await flight.ended.wait()
            return flight.failure
        flight = self.under_way[channel_id] = Flight()
        try:
            flight.failure = await renew()
        finally:
            del self.under_way[channel_id]
            flight.ended.set()
        return flight.failure
