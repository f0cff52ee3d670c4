"""Keeps the templates of all channels in step with their platforms.

Each channel is read after a start, about once an hour, and soon after news of it. A failure makes
only this reading rarer; sending goes on.
"""

import math
from collections.abc import Callable
from random import Random
from typing import TypeAlias

import trio
from attrs import define, field, frozen

from omni_actors.actors.cell import Context
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.templates import Able, TemplateBook
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.failure import Failure
from omni_actors.policy import templates as policy

AT_ONCE_MAX = 2
FIRST_S = 5.0
LOOK_EVERY_S = 60.0


@frozen
class Look:
    """There may be channels whose time has come."""


@frozen
class News:
    """Something happened to the templates of a channel."""

    channel_id: str


@frozen
class Done:
    """A reading has ended, well or with a failure."""

    channel_id: str
    failure: Failure | None


Heard: TypeAlias = Look | News | Done


@define
class Turn:
    """When a channel is to be read next, and how often that failed in a row.

    While it is being read, `due_at` is when news that came meanwhile ask for the next time.
    """

    due_at: float
    read_at: float | None = None
    strikes: int = 0
    running: bool = False


@define
class TemplateDesk:
    """Reads a few channels at a time. A crash forgets the turns; every channel is read again."""

    book: TemplateBook
    now: Callable[[], float]
    chance: Random
    ending: trio.Event
    turns: dict[str, Turn] = field(factory=dict)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Heard) -> None:
        """Take in what happened, then start what is due."""
        match message:
            case News(channel_id=channel_id):
                self.hurry(channel_id)
            case Done():
                self.done(message)
            case Look():
                pass
        if not self.context.draining:
            self.start_due()
        self.wake()

    def hurry(self, channel_id: str) -> None:
        turn = self.turn(channel_id)
        soon = policy.sync_soon(turn.read_at, self.now(), self.chance.random())
        if turn.strikes == 0:  # while the platform does not want to be asked, news can wait
            turn.due_at = min(turn.due_at, soon)

    def turn(self, channel_id: str) -> Turn:
        """A channel's turn; the first one comes soon, not in step with the other channels'."""
        if channel_id not in self.turns:
            self.turns[channel_id] = Turn(self.now() + FIRST_S * self.chance.random())
        return self.turns[channel_id]

    def done(self, message: Done) -> None:
        turn, now = self.turn(message.channel_id), self.now()
        turn.running, turn.read_at = False, now
        due_at = policy.next_sync(message.failure, turn.strikes, now, self.chance.random())
        turn.strikes = 0 if message.failure is None else turn.strikes + 1
        turn.due_at = due_at if turn.strikes else min(turn.due_at, due_at)

    def start_due(self) -> None:
        """Begin with the channels that have waited longest."""
        able = self.book.all_able()
        self.turns = {channel_id: self.turn(channel_id) for channel_id in able}
        room = AT_ONCE_MAX - sum(turn.running for turn in self.turns.values())
        due = [
            (turn.due_at, channel_id)
            for channel_id, turn in self.turns.items()
            if not turn.running and turn.due_at <= self.now()
        ]
        for _, channel_id in sorted(due)[: max(room, 0)]:
            turn = self.turns[channel_id]
            turn.running, turn.due_at = True, math.inf
            self.context.start_soon(self.read, able[channel_id])

    async def read(self, able: Able) -> None:
        """Read one channel and say how that went. It is left when the house is to end."""

        async def work() -> None:
            failure = await self.book.sync(able)
            self.context.tell_self(Done(able.channel.id, failure))

        await left_at(self.ending, work)

    def wake(self) -> None:
        waiting = [turn.due_at for turn in self.turns.values() if not turn.running]
        latest = self.now() + LOOK_EVERY_S
        self.context.wake_at(max(min([latest, *waiting]), self.now() + GRAIN_S), Look(), key="look")
