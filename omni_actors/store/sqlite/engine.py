"""The store on SQLite: verbs go to the writer, queries to the readers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import trio
from attrs import frozen

from omni_actors.store.contract import AnyVerb, News, Query, StoreFailed, Ticket, Verb
from omni_actors.store.dialect import READERS, WRITERS, Reading, WriteMany, Writing, writes
from omni_actors.store.sqlite.backup import HOLD, back_up
from omni_actors.store.sqlite.batch import Done
from omni_actors.store.sqlite.disk import Disk
from omni_actors.store.sqlite.readers import Readers, peek
from omni_actors.store.sqlite.session import ReadSession
from omni_actors.store.sqlite.tickets import AnyQueued, QueuedVerb
from omni_actors.store.sqlite.writer import Writer

R = TypeVar("R")

OnFailure = Callable[[StoreFailed], None]
Ring = Callable[[News], None]

CLOSED = "the store is closed"


@frozen
class ReleaseHold(Verb[None]):
    """Let a gateway that was restored from a backup send again."""


@writes(ReleaseHold)
def release_hold(db: Writing, _verb: ReleaseHold) -> None:
    """Take the mark away that `back_up` left in the copy."""
    db.run("DELETE FROM meta WHERE name = :name", name=HOLD)


class SqliteStore:
    """Implements `contract.Store`. All methods are for the trio thread.

    `near` reads on the run loop; `readers` beside it, None when everything is done inline.
    """

    def __init__(
        self,
        path: Path,
        near: ReadSession | None,
        readers: Readers | None,
        disk: Disk,
        on_failure: OnFailure | None,
    ) -> None:
        self.path = path
        self._near = near
        self._readers = readers
        self._disk = disk
        self._on_failure = on_failure
        self._writer: Writer | None = None
        self._failure: str | None = None
        self._rings: dict[object, Ring] = {}

    @property
    def low_on_disk(self) -> bool:
        """Whether so little room is left that new work should be refused."""
        return self._disk.low

    @property
    def held(self) -> bool:
        """Whether this is a restored copy that has not been released (`ReleaseHold`) to send."""
        sql = "SELECT 1 FROM meta WHERE name = :name"
        return self._session().row(sql, name=HOLD) is not None

    async def do(self, verb: Verb[R]) -> R:
        """Carry out a verb and answer once it is durable; not cancellable while queued.

        Raises Refused, StoreFailed, or what the verb's handler raised.
        """
        queued: QueuedVerb[R] = QueuedVerb(verb, _handler(verb), awaited=True)
        self._put(queued)
        return await queued.wait()

    def post(self, verb: Verb[R]) -> Ticket[R]:
        """Queue a verb behind all that was queued before, ahead of all that comes later."""
        queued: QueuedVerb[R] = QueuedVerb(verb, _handler(verb), awaited=False)
        self._put(queued)
        return queued

    async def ask(self, query: Query[R]) -> R:
        """Read in a thread. Cancelling interrupts the statement."""
        read = _reader(query)
        near = self._session()
        if self._readers is not None:
            return await self._readers.ask(read, query)
        await trio.lowlevel.checkpoint()
        return peek(near, read, query)

    def peek(self, query: Query[R]) -> R:
        """Read at once, on the calling thread: only what is found by key."""
        return peek(self._session(), _reader(query), query)

    def on_events(self, ring: Ring) -> Callable[[], None]:
        """Call `ring` after each commit that added events; returns how to stop that.

        `ring` runs between tasks: it must be quick and must not raise.
        """
        key = object()
        self._rings[key] = ring

        def stop() -> None:
            self._rings.pop(key, None)

        return stop

    async def backup(self, target: Path) -> None:
        """A consistent copy while running; see `back_up`. Raises CannotBackUp, StoreFailed."""
        self._session()
        await trio.to_thread.run_sync(back_up, self.path, target)

    def start(self, writer: Writer) -> None:
        """Begin to take verbs."""
        self._writer = writer

    async def close(self) -> None:
        """Carry out what is queued, refuse what comes, close every connection. To be shielded."""
        writer, self._writer = self._writer, None
        self._rings.clear()
        for source in (self._readers, self._near):
            if source is not None:
                source.close()
        if writer is not None:
            await writer.close()
        self._failure = self._failure or CLOSED

    def committed(self, done: Done, news: News | None) -> None:
        """Give the answers of a batch, wake who waits, ring for events."""
        for queued, answer in zip(done.queued, done.answers, strict=True):
            queued.settle(answer)
        if news is not None:
            for ring in tuple(self._rings.values()):
                ring(news)

    def broken(self, failure: BaseException, batch: Sequence[AnyQueued]) -> None:
        """Fail everything that waits and whatever comes later; tell the house."""
        self._failure = f"the database cannot be written any more: {failure}"
        for queued in batch:
            queued.settle(self._failed())
        if self._on_failure is not None:
            self._on_failure(self._failed())

    def _put(self, queued: AnyQueued) -> None:
        if self._writer is None or self._failure is not None:
            queued.settle(self._failed())
        else:
            self._writer.put(queued)

    def _failed(self) -> StoreFailed:
        return StoreFailed(self._failure or CLOSED)

    def _session(self) -> ReadSession:
        if self._failure is not None or self._near is None:
            raise self._failed()
        return self._near


def _handler(verb: AnyVerb) -> WriteMany:
    handler = WRITERS.get(type(verb))
    if handler is None:
        raise TypeError(f"nobody handles the verb {type(verb).__name__}")
    return handler


def _reader(query: Query[R]) -> Callable[[Reading, Query[R]], R]:
    read = READERS.get(type(query))
    if read is None:
        raise TypeError(f"nobody handles the query {type(query).__name__}")
    return read
