"""The live feed: the event log as a stream, at the reader's own speed.

A feed holds a cursor and nothing else; it reads pages from the store, so a slow reader costs a
slow reader only. Nothing is skipped, and a cursor that is too old is refused.
"""

from collections.abc import Sequence

from attrs import define

from omni_actors.gateway.bell import Bell
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.model.events import EventType
from omni_actors.store.contract import Refused, Store
from omni_actors.store.queries import Events
from omni_actors.store.rows import Event

PAGE = 100


@define
class Feed:
    """One reader of one tenant's events."""

    store: Store
    bell: Bell
    tenant: str
    cursor: int
    types: tuple[EventType, ...] = ()

    async def page(self) -> Sequence[Event]:
        """What there is after the cursor, perhaps nothing."""
        try:
            return await self.store.ask(Events(self.tenant, self.cursor, PAGE, self.types))
        except Refused as problem:
            raise RequestError(Code.CURSOR_TOO_OLD, problem.sentence) from None

    async def next(self) -> Sequence[Event]:
        """The next events, at least one. Cancellation moves nothing.

        Raises RequestError when what comes next is no longer kept.
        """
        while True:
            seen = self.bell.cursor
            events = await self.page()
            if events:
                self.cursor = events[-1].cursor
                return events
            self.cursor = max(self.cursor, seen)
            await self.bell.wait_past(seen)


def event_types(names: Sequence[str]) -> tuple[EventType, ...]:
    """Event types by name. Raises RequestError for one that does not exist."""
    try:
        return tuple([EventType(name) for name in names])
    except ValueError:
        known = ", ".join(EventType)
        raise RequestError(
            Code.INVALID,
            "there is no such event type",
            mistakes=(Mistake("?types", f"must be of: {known}"),),
        ) from None
