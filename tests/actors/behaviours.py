"""Well-behaved and ill-behaved actors that the tests of this room share."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import define, field

from omni_actors.actors.cell import Context


class Boom(Exception):
    """The bug of an ill-behaved actor."""


@define(eq=False)
class Journal:
    """What an actor did, kept outside of it so that it survives restarts."""

    handled: list[object] = field(factory=list)
    tried: list[object] = field(factory=list)
    attempts: list[int] = field(factory=list)
    started: int = 0
    stopped: int = 0
    crashes_due: Counter[object] = field(factory=Counter)
    start_crashes_due: int = 0


@define(eq=False)
class Diarist:
    """Writes down what it handles; a message that is callable is called with the context."""

    journal: Journal
    context: Context | None = None

    async def started(self, context: Context) -> None:
        self.context = context
        self.journal.started += 1
        if self.journal.start_crashes_due > 0:
            self.journal.start_crashes_due -= 1
            raise Boom

    async def handle(self, message: Any) -> object:
        assert self.context is not None
        self.journal.tried.append(message)
        self.journal.attempts.append(self.context.attempt)
        if self.journal.crashes_due[message] > 0:
            self.journal.crashes_due[message] -= 1
            raise Boom(message)
        result = await message(self.context) if callable(message) else message
        self.journal.handled.append(message)
        return result

    async def stopping(self) -> None:
        self.journal.stopped += 1


def diarist(journal: Journal) -> Callable[[], Diarist]:
    """A factory of diarists that share one journal."""
    return lambda: Diarist(journal)


def wait_for(event: trio.Event) -> Callable[[Context], Awaitable[None]]:
    """A message that keeps its handler busy until the event."""

    async def busy(_context: Context) -> None:
        await event.wait()

    return busy
