"""Asks platforms what they allow a channel, for what they told before it was here, or not at all.

Each channel is asked after a start, once a day, when it has other settings, and on demand.
What a platform answers counts like its news; a failure changes nothing, and sending goes on.
"""

from collections.abc import Callable, Mapping

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.gateway.called import called
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.sender import Hands, Route
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.states import ChannelState
from omni_actors.policy.standing import limit_told
from omni_actors.store.contract import Store
from omni_actors.store.limits import TellLimits
from omni_actors.store.rows import Channel

ASK_EVERY_S = 86_400.0
AGAIN_S = 3600.0
# News that come meanwhile are newer than the answer, though their platform's clock, in whole
# seconds, may be behind ours.
NEWS_FIRST_S = 60.0


@frozen
class LimitReader:
    """Reads the limits of channels and keeps them; `changed` is told of a channel that has others
    now."""

    store: Store
    hands: Hands
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    changed: Callable[[Channel], None]

    def able(self) -> frozenset[str]:
        """The channels whose platform can be asked."""
        return frozenset(
            [
                channel_id
                for channel_id, route in self.routes().items()
                if route.adapter.limits is not None
                and self.channels()[channel_id].state is not ChannelState.REMOVED
            ]
        )

    async def read(self, channel_id: str) -> Failure | None:
        """Ask for one channel; answers why that did not work."""
        route, as_of = self.routes().get(channel_id), self.now() - NEWS_FIRST_S
        if route is None or route.adapter.limits is None:  # it was disconnected a moment ago
            return Failure(Kind.BROKEN, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
        wanted = route.adapter.limits(route.settings)
        told = await called(self.hands, wanted, route.account, route.adapter.masked_keys)
        if isinstance(told, Failure):
            telemetry.info(
                "limits.not_told",
                channel_id=channel_id,
                reason=told.reason.value,
                code=told.code,
            )
            return told
        channel = await self.store.do(TellLimits(channel_id, told, as_of, limit_told(told, as_of)))
        if channel is not None:
            self.changed(channel)
        return None


@frozen
class Look:
    """There may be a channel whose time has come."""


@frozen
class News:
    """A channel is not what it was: what was answered before may be of another account."""

    channel_id: str


@frozen
class Done:
    """A channel was asked, well or not."""

    channel_id: str
    well: bool


@define
class LimitDesk:
    """Asks for one channel after the other. A crash asks for all of them again."""

    reader: LimitReader
    now: Callable[[], float]
    ending: trio.Event
    due_at: dict[str, float] = field(factory=dict)
    asking: bool = False
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Look | News | Done) -> None:
        """Take in what was answered, then ask for the next channel that is due."""
        if isinstance(message, News):
            self.due_at.pop(message.channel_id, None)
        if isinstance(message, Done):
            self.asking = False
            pause_s = ASK_EVERY_S if message.well else AGAIN_S
            self.due_at[message.channel_id] = self.now() + pause_s
        if self.asking or self.context.draining:
            return
        self.due_at = {id: self.due_at.get(id, self.now()) for id in self.reader.able()}
        if not self.due_at:
            return
        channel_id = min(self.due_at, key=lambda id: (self.due_at[id], id))
        if self.due_at[channel_id] <= self.now():
            self.asking = True
            self.context.start_soon(self.ask, channel_id)
        else:
            self.context.wake_at(self.due_at[channel_id] + GRAIN_S, Look(), key="look")

    async def ask(self, channel_id: str) -> None:
        """Ask for one channel; it is left when the house is to end."""

        async def work() -> None:
            failure = await self.reader.read(channel_id)
            self.context.tell_self(Done(channel_id, failure is None))

        await left_at(self.ending, work)
