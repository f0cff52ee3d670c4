"""Lets out of the line what is held for want of room to write first.

The line is in the store; a channel is in it from the first part that it holds until nothing is
left. Whenever there may be room, so many people are let out as there is room for, those first who
have waited longest, over all channels of their portfolio.
"""

from collections.abc import Callable, Iterable, Sequence

import trio
from attrs import define, field, frozen

from omni_actors.actors.cell import Context
from omni_actors.gateway.limits import Limits
from omni_actors.gateway.pacing import Line
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.policy.outreach import LOOK_EVERY_S
from omni_actors.store.contract import Store
from omni_actors.store.limits import FreeOutreach
from omni_actors.store.rows import LegWake


@frozen
class Look:
    """There may be room, or somebody new in line."""


@define
class OutreachDesk:
    """Serves the lines of all portfolios; `limiters` are those of the channels, by id."""

    store: Store
    now: Callable[[], float]
    lines: Callable[[], Iterable[Line]]
    limiters: Callable[[str], Limits]
    wake_legs: Callable[[Sequence[LegWake]], None]
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, _message: Look) -> None:
        """Let out whom there is room for, and look again when there may be more."""
        if self.context.draining:
            return
        for line in list(self.lines()):
            await self.serve(line)
        now = self.now()
        soonest = min([line.next_at(now) for line in self.lines()], default=now + LOOK_EVERY_S)
        self.context.wake_at(max(soonest, now + GRAIN_S), Look(), key="look")

    async def serve(self, line: Line) -> None:
        """Let people out of one line while there is room and somebody is left in it."""
        waiting = line.open(self.now())
        while waiting and (room := line.outreach.room(self.now())) and not self.context.draining:
            await trio.lowlevel.checkpoint_if_cancelled()
            now = self.now()
            stood = {id: self.limiters(id).stood for id in waiting}
            let_out = await self.store.do(FreeOutreach(waiting, room, now))
            line.outreach.invite(let_out.people, now)
            for channel_id in let_out.empty:
                limits = self.limiters(channel_id)
                limits.waiting = limits.stood != stood[channel_id]  # somebody came after the look
            waiting = tuple([id for id in waiting if id not in let_out.empty])
            self.wake_legs(let_out.wakes)
            if not let_out.people:
                break
