"""Sends copies to those for whom they were not taken with their message.

The message is with its reader by then, and nothing waits for these: they go beside the queue, one
at a time on each channel, under the channel's own limits.
"""

from collections.abc import Callable, Mapping
from random import Random

from attrs import define, field, frozen

from omni_actors.actors.cell import Context
from omni_actors.gateway.channel_actor import NOT_MADE, NOT_TAKEN_S
from omni_actors.gateway.limits import Go, Limits, WaitFor
from omni_actors.gateway.sender import Done, Route, Sender
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.failure import Failure
from omni_actors.model.states import ChannelState
from omni_actors.policy import copies
from omni_actors.policy.breaker import Permit
from omni_actors.policy.retry import WIDE
from omni_actors.store.contract import Store
from omni_actors.store.copies import (
    ClaimCopies,
    ClaimedCopies,
    CopyLine,
    CopyLines,
    LapseCopies,
    SettleCopies,
)
from omni_actors.store.rows import Channel, Complaint
from omni_actors.store.verbs import Trace as StoredTrace

LOOK_EVERY_S = 60.0


@frozen
class Look:
    """There may be copies to send, or time has passed."""


@frozen
class Served:
    """A try on this channel has ended, if there was one to be `made`."""

    channel_id: str
    made: bool


@define
class CopyDesk:
    """Serves all channels; a crash leaves what was on its way in doubt."""

    store: Store
    sender: Sender
    now: Callable[[], float]
    chance: Random
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    limiters: Callable[[], Mapping[str, Limits]]
    complain: Callable[[Complaint], None]
    busy: set[str] = field(factory=set)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Look | Served) -> None:
        """Begin what may begin, and look again when something else may."""
        if isinstance(message, Served):
            self.busy.discard(message.channel_id)
            if not message.made:
                self.context.wake_at(self.now() + NOT_TAKEN_S, Look(), key="look")
                return
        if self.context.draining:
            return
        lines = await self.store.ask(CopyLines())
        if lines:
            await self.store.do(LapseCopies(self.now()))
        now = self.now()  # there may be others later, of parts that are sent anew now
        moments = [now + LOOK_EVERY_S, *(self.serve(line, now) for line in lines)]
        self.context.wake_at(max(min(moments), now + GRAIN_S), Look(), key="look")

    def serve(self, line: CopyLine, now: float) -> float:
        """Send what is due of a channel; answers when to look at it again."""
        channel, limits = self.channels().get(line.channel_id), self.limiters().get(line.channel_id)
        route = self.routes().get(line.channel_id)
        later = now + LOOK_EVERY_S
        if channel is None or limits is None or route is None or line.channel_id in self.busy:
            return later
        if channel.state is not ChannelState.ACTIVE or not channel.connected:
            return later
        if line.due_at > now:
            return min(line.due_at, later)
        match limits.leave(line.leg_id, now, self.chance.random()):
            case WaitFor(until=until):
                return min(until, later)
            case Go(permit=permit):
                self.busy.add(line.channel_id)
                self.context.start_soon(self.attempt, line, limits, route, permit)
                return later

    async def attempt(
        self, line: CopyLine, limits: Limits, route: Route, permit: Permit | None
    ) -> None:
        """One try to send the copies of a part."""
        taken = await self.store.do(ClaimCopies(line.part_id, self.now()))
        if taken is None:
            limits.landed(permit, NOT_MADE, self.now())
            limits.unmade(line.leg_id, self.now())
        else:
            done = await self.sender.send(taken.claimed, route)
            failure = done.result if isinstance(done.result, Failure) else None
            limits.landed(permit, failure, self.now())
            if failure is not None and failure.scope in WIDE:
                at, began = done.ended_at, done.started_at
                self.complain(Complaint(line.channel_id, line.leg_id, failure, at, began))
            await self.settle(taken, done, limits)
        self.context.tell_self(Served(line.channel_id, made=taken is not None))

    async def settle(self, taken: ClaimedCopies, done: Done, limits: Limits) -> None:
        """Commit how a try ended."""
        claimed, result = taken.claimed, done.result
        note = None if isinstance(result, Failure) else result.note
        if isinstance(result, Failure):
            refused = copies.all_again(claimed.only, result)
        else:
            refused = result.refused
        without = {each.address for each in refused}
        late = copies.Late(
            refused,
            1 + taken.tries,
            taken.since,
            done.ended_at,
            self.chance.random(),
            taken.doubted,
        )
        await self.store.do(
            SettleCopies(
                claimed.part_id,
                claimed.attempt_id,
                done.ended_at,
                tuple([address for address in claimed.only if address not in without]),
                copies.judge(late),
                StoredTrace(done.started_at, done.ended_at, done.trace.as_json()),
                note,
                taken.doubted,
                limits.spent(claimed.content, claimed.only, result, done.ended_at),
            )
        )
