"""Lets the old conversations of a few channels be read at a time, each by one reader."""

from collections.abc import Callable

import trio
from attrs import define, field, frozen

from omni_actors.actors.cell import Context
from omni_actors.gateway.history import HistoryBook
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.store.history import HistorySync

AT_ONCE_MAX = 2


@frozen
class Look:
    """There may be something to read."""


@frozen
class Done:
    """A reading has ended, or is to go on later."""

    channel_id: str


@define
class HistoryDesk:
    """Begins what is due. A crash forgets who reads; the store tells what is to be read."""

    book: HistoryBook
    now: Callable[[], float]
    ending: trio.Event
    running: set[str] = field(factory=set)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Look | Done) -> None:
        """Take in what happened, then begin with what has waited longest."""
        if isinstance(message, Done):
            self.running.discard(message.channel_id)
        if self.context.draining:
            return
        waiting = [
            (sync.due_at or 0.0, channel_id, sync)
            for channel_id, sync in (await self.book.due()).items()
            if channel_id not in self.running
        ]
        waiting.sort(key=lambda each: each[:2])
        for due_at, channel_id, sync in waiting:
            if due_at > self.now():
                self.context.wake_at(due_at + GRAIN_S, Look(), key="look")
                return
            if len(self.running) == AT_ONCE_MAX:
                return  # who ends first looks again
            self.running.add(channel_id)
            self.context.start_soon(self.read, sync)

    async def read(self, sync: HistorySync) -> None:
        """Read one channel. It is left when the house is to end, and goes on after the start."""

        async def work() -> None:
            await self.book.run(sync)
            self.context.tell_self(Done(sync.channel_id))

        await left_at(self.ending, work)
