"""One refresher for each channel: whoever comes while it works gets what it gets."""

from collections.abc import Awaitable, Callable
from typing import Final

import trio
from attrs import define, field, frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope

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


@define
class Refreshing:
    """Renewals under way, and refusals, by channel."""

    under_way: dict[str, Flight] = field(factory=dict)
    refused: dict[str, Refusal] = field(factory=dict)

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
