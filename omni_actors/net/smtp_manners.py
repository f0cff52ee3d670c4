"""How a mail server is treated that has asked for gentleness: fewer connections, after a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Final

import trio
from attrs import define, field

from omni_actors.wire.smtp import CLOSING, TOO_MANY

# Seconds without a mail, after a reply that asks for a pause.
KEEP_OFF_S: Final = {CLOSING: 5.0, TOO_MANY: 15.0}
EASED_AFTER_S: Final = 600.0


@define(eq=False)
class Room:
    """What one channel may do at its server now. Times of trio's clock."""

    limiter: trio.CapacityLimiter
    opens_at: float = -inf
    eases_at: float = inf


@define(eq=False)
class Manners:
    """How many mails of a channel may be on their way at once, and from when."""

    at_once_max: int
    _rooms: dict[str, Room] = field(factory=dict)

    @asynccontextmanager
    async def room(self, channel_id: str) -> AsyncIterator[None]:
        """Wait until one more mail of the channel may be handed over."""
        room = self._of(channel_id)
        if trio.current_time() >= room.eases_at:
            room.limiter.total_tokens, room.eases_at = self.at_once_max, inf
        async with room.limiter:
            await trio.sleep_until(room.opens_at)
            yield

    def complained(self, channel_id: str, code: int) -> None:
        """The server has answered with this code, which may ask for gentleness."""
        wait_s = KEEP_OFF_S.get(code)
        if wait_s is None:
            return
        room, now = self._of(channel_id), trio.current_time()
        room.opens_at = max(room.opens_at, now + wait_s)
        if code == TOO_MANY:
            room.limiter.total_tokens = max(1, int(room.limiter.total_tokens) - 1)
            room.eases_at = now + EASED_AFTER_S

    def _of(self, channel_id: str) -> Room:
        if channel_id not in self._rooms:
            self._rooms[channel_id] = Room(trio.CapacityLimiter(self.at_once_max))
        return self._rooms[channel_id]
