"""Does what remains of parts that were sent, beside the queue of their channel: nobody waits for
it, however slow it is."""

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


@define
class Aftermath:
    """Of one channel. What is not done soon after the house began its end is not done any more."""

    store: Store
    sender: Sender
    ending: trio.Event
    pending: int = 0
    _room: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_ONCE_MAX))

    async def finish(self, claimed: Claimed, done: Done, route: Route) -> None:
        """Do what remains of a part, when it is its turn, and note what came of it."""
        if not isinstance(done.result, Sent) or (rest := done.result.afterwards) is None:
            return
        if self.pending >= AT_ONCE_MAX + WAITING_MAX:
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
                said = await self.sender.finish(rest.flow, route, done.trace)

        self.pending += 1
        try:
            await left_at(self.ending, work, ENDING_S)
        finally:
            self.pending -= 1
        return said


def first_note(sent: Sent) -> str | None:
    """What is told of a part before anything was done after it."""
    undone = sent.afterwards.undone if sent.afterwards else None
    return joined(sent.note, f"sent, {undone} yet" if undone else None)


def joined(*notes: str | None) -> str | None:
    """Several notes as one."""
    return "; ".join(filter(None, notes)) or None
