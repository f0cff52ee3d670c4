"""Does what remains of parts that were sent, beside the queue of their channel: nobody waits for
it, however slow it is."""

from collections.abc import Callable
from math import inf
from typing import Final

import trio
from attrs import define, field

from omni_actors.adapters.contract import Afterwards, Sent
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.sender import Done, Route, Sender
from omni_actors.store.contract import Store
from omni_actors.store.verbs import Annotate, Claimed
from omni_actors.store.verbs import Trace as StoredTrace

AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 256
ENDING_S: Final = 3.0
SWIFT_S: Final = 2.0  # one that takes longer is not waited for


@define
class Aftermath:
    """Of one channel. What is not done soon after the house began its end is not done any more.

    Where more comes than can be done the channel sends no faster than that, as long as it goes on
    well; for what does not, nobody waits. `freed` is called when there is room again.
    """

    store: Store
    sender: Sender
    now: Callable[[], float]
    ending: trio.Event
    freed: Callable[[], None]
    pending: int = 0
    well_until: float = -inf
    _room: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_ONCE_MAX))

    async def finish(self, claimed: Claimed, done: Done, route: Route) -> None:
        """Do what remains of a part, when it is its turn, and note what came of it."""
        if not isinstance(done.result, Sent) or (rest := done.result.afterwards) is None:
            return
        if self.pending >= WAITING_MAX and self.full_until() is None:
            said: str | None = f"sent, but {rest.undone}: {WAITING_MAX} others wait for theirs"
        else:
            said = await self._done(rest, done, route)
        trace = StoredTrace(done.started_at, done.ended_at, done.trace.as_json())
        note = joined(done.result.note, said)
        await self.store.do(Annotate(claimed.part_id, claimed.attempt_id, note, trace))

    async def _done(self, rest: Afterwards, done: Done, route: Route) -> str | None:
        """Do it; what is to be told of that."""
        said: str | None = f"sent, but {rest.undone}: the gateway was stopped"

        async def work() -> None:
            nonlocal said
            async with self._room:
                began_at = self.now()
                said = await self.sender.finish(rest.flow, route, done.trace)
                if self.now() - began_at < SWIFT_S:
                    self.well_until = self.now() + SWIFT_S

        if not self.pending:
            self.well_until = self.now() + SWIFT_S
        self.pending += 1
        try:
            await left_at(self.ending, work, ENDING_S)
        finally:
            self.pending -= 1
            self.freed()
        return said

    def full_until(self) -> float | None:
        """Until when to send nothing, if there is no room before; None: there is room, or it is
        not worth waiting for."""
        full = self.pending >= WAITING_MAX and self.now() < self.well_until
        return self.well_until if full else None


def first_note(sent: Sent) -> str | None:
    """What is told of a part before anything was done after it."""
    undone = sent.afterwards.undone if sent.afterwards else None
    return joined(sent.note, f"sent, {undone} yet" if undone else None)


def joined(*notes: str | None) -> str | None:
    """Several notes as one."""
    return "; ".join(filter(None, notes)) or None
