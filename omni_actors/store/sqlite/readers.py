"""Reads of what is committed: a few connections for threads, one for the run loop."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import trio

from omni_actors.store.dialect import Reading
from omni_actors.store.sqlite.session import ReadSession

R = TypeVar("R")
Q = TypeVar("Q")

# So often does a long statement ask whether anybody still waits for it; about every 2 ms.
STEPS_BETWEEN_LOOKS = 50_000


class Readers:
    """Runs queries in threads, at most as many at a time as there are connections."""

    def __init__(self, sessions: Sequence[ReadSession]) -> None:
        for session in sessions:
            session.watch(stop_if_cancelled, STEPS_BETWEEN_LOOKS)
        self._sessions = sessions
        self._idle = deque(sessions)
        self._limiter = trio.CapacityLimiter(len(sessions))

    async def ask(self, read: Callable[[Reading, Q], R], query: Q) -> R:
        """The query's answer. Cancelling it interrupts the statement, leaving nothing behind."""
        return await trio.to_thread.run_sync(self._read, read, query, limiter=self._limiter)

    def close(self) -> None:
        """Close the connections; nothing may be running."""
        for session in self._sessions:
            session.close()

    def _read(self, read: Callable[[Reading, Q], R], query: Q) -> R:
        session = self._idle.popleft()
        try:
            return peek(session, read, query)
        finally:
            self._idle.append(session)


def peek(session: ReadSession, read: Callable[[Reading, Q], R], query: Q) -> R:
    """The query's answer, on the calling thread; all of it seen at one moment."""
    session.begin_to_read()
    try:
        return read(session, query)
    finally:
        session.rollback()


def stop_if_cancelled() -> bool:
    """A progress handler for a statement in one of trio's threads."""
    trio.from_thread.check_cancelled()
    return False
