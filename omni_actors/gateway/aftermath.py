"""Does what remains of parts that were sent, beside the queue of their channel: nobody waits for
it, however slow it is."""

from typing import Final

import trio
from attrs import define, field

from omni_actors.adapters.contract import Afterwards, Sent
from omni_actors.gateway.sender import Done, Route, Sender
from omni_actors.store.contract import Store
from omni_actors.store.verbs import Annotate, Claimed
from omni_actors.store.verbs import Trace as StoredTrace

AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 256


@define
class Aftermath:
    """Of one channel. What was not begun when the house stops is not done any more; the note of
    the attempt says so from the first."""

    store: Store
    sender: Sender
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
        self.pending += 1
        try:
            async with self._room:
                return await self.sender.finish(rest.flow, route, done.trace)
        finally:
            self.pending -= 1


def first_note(sent: Sent) -> str | None:
    """What is told of a part before anything was done after it."""
    undone = sent.afterwards.undone if sent.afterwards else None
    return joined(sent.note, f"sent, {undone} yet" if undone else None)


def joined(*notes: str | None) -> str | None:
    """Several notes as one."""
    return "; ".join(filter(None, notes)) or None
