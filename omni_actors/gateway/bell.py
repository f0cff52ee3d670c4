"""Rings when the event log has grown, so that followers need not poll."""

import trio


class Bell:
    """Any number of followers wait for a cursor to be passed; ringing is cheap when none does."""

    __slots__ = ("_event", "cursor")

    def __init__(self, cursor: int = 0) -> None:
        self.cursor = cursor
        self._event = trio.Event()

    def ring(self, cursor: int) -> None:
        """Tell that events up to `cursor` are committed. For the run loop's thread."""
        if cursor <= self.cursor:
            return
        self.cursor = cursor
        event, self._event = self._event, trio.Event()
        event.set()

    async def wait_past(self, cursor: int) -> None:
        """Return when there is something after `cursor`."""
        while self.cursor <= cursor:
            await self._event.wait()
