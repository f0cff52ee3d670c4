"""The one that writes: takes all that waits, commits once, wakes them all.

The statements of a batch run on the run loop at one go. A thread would have to win back the
interpreter's lock after each of their many short steps, and a busy run loop, which lets go of it
only for moments, can keep it for seconds: measured, that cost nine tenths of the throughput when
it was needed most. The commit waits for the disk, so it belongs into a thread; but while the disk
answers faster than the lock changes hands, it is cheaper here. One slow commit sends the next ones
there, and only when a number of them in a row were quick does the commit come back. The price: the
one commit that shows that the disk has become slow holds the run loop for as long as it takes.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Protocol

import apsw
import trio

from omni_actors.store.contract import News
from omni_actors.store.dialect import Broken
from omni_actors.store.sqlite.batch import Done, carry_out
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.disk import Disk
from omni_actors.store.sqlite.session import WriteSession
from omni_actors.store.sqlite.tickets import AnyQueued

LOOK_EVERY_S = 1.0
BUSY_MS = 30_000
BESIDE_AFTER_SLOW = 16

# A commit costs a page of each table and index that it touches, so a larger batch is a cheaper one.
GATHER_MAX = 64

# While a job is in hand, the run loop is asked for the interpreter's lock this soon. The default of
# 5 ms starts anew whenever the loop lets go for a moment, and so may never be over.
SWITCH_S = 0.00001

Job = Callable[[], None]


class Door(Protocol):
    """Where a writer's news arrive, always on the trio thread."""

    def committed(self, done: Done, news: News | None) -> None:
        """A batch is durable; `news` tells of its events, if it has any."""
        ...

    def broken(self, failure: BaseException, batch: Sequence[AnyQueued]) -> None:
        """The writer has ended; `batch` is everything that it had not answered."""
        ...


class Hands(Protocol):
    """What does the jobs that wait for the disk, one after the other."""

    def do(self, job: Job) -> None: ...

    def close(self) -> None: ...


class Writer:
    """Group commit: a batch is what came during the last commit, and what still comes at once.

    All methods are for the trio thread, except for the jobs given to `hands`; while one runs,
    nobody else touches the connection.
    """

    def __init__(self, db: WriteSession, door: Door, hands: Hands, tuning: Tuning) -> None:
        self._db = db
        self._door = door
        self._hands = hands
        self._batch_max = tuning.batch_max
        self._here_s = tuning.commit_here_s
        self._gather_s = tuning.gather_s
        self._checkpoint_step = self._checkpoint_at = tuning.checkpoint_pages
        self._queue: deque[AnyQueued] = deque()
        self._in_hand: Sequence[AnyQueued] = ()
        self._busy = False
        self._closing = False
        self._beside = 0
        self._seen = 0
        self._gather_until = 0.0
        self._ended = trio.Event()
        self._soon = trio.lowlevel.current_trio_token().run_sync_soon

    def put(self, queued: AnyQueued) -> None:
        """Queue a verb. What is queued in one pass of the run loop becomes one batch."""
        self._queue.append(queued)
        if not self._busy:
            self._busy = True
            self._gather_from_now()

    def _gather_from_now(self) -> None:
        """Let the batch grow while it does: each pass of the run loop may bring more."""
        if self._gather_s == 0:
            self._soon(self._turn)
            return
        self._seen = 0
        self._gather_until = time.perf_counter() + self._gather_s
        self._soon(self._gather)

    def _gather(self) -> None:
        """Take the batch once a pass has brought nothing, or it is large or old enough."""
        size = len(self._queue)
        grew = self._seen < size < GATHER_MAX
        if grew and not self._closing and time.perf_counter() < self._gather_until:
            self._seen = size
            self._soon(self._gather)
        else:
            self._turn()

    async def close(self) -> None:
        """Carry out what is queued, empty the log, close the connection. To be shielded."""
        self._closing = True
        if not self._busy:
            self._busy = True
            self._soon(self._turn)
        await self._ended.wait()
        self._hands.close()

    def _turn(self) -> None:
        """Carry out the next batch and hand it over to be committed."""
        size = min(len(self._queue), self._batch_max)
        if size == 0:
            self._busy = self._closing
            if self._closing:
                self._hands.do(self._guarded(self._close))
            return
        self._in_hand = [self._queue.popleft() for _ in range(size)]
        self._guarded(self._carry_out)()

    def _carry_out(self) -> None:
        if not self._db.begin():
            self._hands.do(self._guarded(self._wait_for_lock))
            return
        self._finish(carry_out(self._db, self._in_hand))

    def _wait_for_lock(self) -> None:
        """In the hands: another program is writing to the database."""
        if not self._db.begin(BUSY_MS):
            raise Broken("another program does not let go of the database")
        self._soon(self._guarded(lambda: self._finish(carry_out(self._db, self._in_hand))))

    def _finish(self, done: Done) -> None:
        """Commit here while the disk is quick, else in the hands."""
        if self._beside > 0 or self._here_s == 0:
            self._hands.do(self._guarded(lambda: self._commit_beside(done)))
            return
        started = time.perf_counter()
        news = self._db.commit()
        if time.perf_counter() - started > self._here_s:
            self._beside = BESIDE_AFTER_SLOW
        self._committed(done, news)

    def _commit_beside(self, done: Done) -> None:
        started = time.perf_counter()
        news = self._db.commit()
        quick = time.perf_counter() - started <= self._here_s
        self._soon(self._committed_beside, done, news, quick)

    def _committed_beside(self, done: Done, news: News | None, quick: bool) -> None:
        """So many quick ones in a row, and the disk is trusted again."""
        self._beside = self._beside - 1 if quick else BESIDE_AFTER_SLOW
        self._committed(done, news)

    def _committed(self, done: Done, news: News | None) -> None:
        """Answer first, tidy up then."""
        self._in_hand = ()
        self._door.committed(done, news)
        if self._db.wal_pages >= self._checkpoint_at:
            self._hands.do(self._guarded(self._checkpoint))
        else:
            self._next()

    def _checkpoint(self) -> None:
        """In the hands: with a reader in the way, again after as much more has been written."""
        left = 0 if self._db.checkpoint() else self._db.wal_pages
        self._checkpoint_at = left + self._checkpoint_step
        self._soon(self._next)

    def _next(self) -> None:
        self._busy = bool(self._queue) or self._closing
        if self._busy:
            self._gather_from_now()

    def _close(self) -> None:
        """In the hands: the end of an orderly life."""
        try:
            self._db.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            self._db.close()
        self._soon(self._ended.set)

    def _guarded(self, step: Job) -> Job:
        """The step; whatever it raises ends the writer, because nothing is known any more."""

        def run() -> None:
            try:
                step()
            except trio.RunFinishedError:
                return  # nobody is left to be told
            except Exception as failure:  # noqa: BLE001 - the last boundary of the writer
                with suppress(trio.RunFinishedError):
                    self._soon(self._break, failure)

        return run

    def _break(self, failure: BaseException) -> None:
        with suppress(apsw.Error):  # the first failure is the one that is told
            self._db.close()
        left = [*self._in_hand, *self._queue]
        self._in_hand = ()
        self._queue.clear()
        self._ended.set()
        self._door.broken(failure, left)


class ThreadHands:
    """A thread that does the jobs, and looks at the disk's room in between."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._switch_s = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run, name="store-commit", daemon=True)
        self._thread.start()

    def do(self, job: Job) -> None:
        """Do a job soon. It must not raise."""
        sys.setswitchinterval(SWITCH_S)
        self._jobs.put(job)

    def close(self) -> None:
        """End the thread after what it is doing."""
        self._jobs.put(None)

    def _run(self) -> None:
        looked_at = time.monotonic()
        while True:
            try:
                job = self._jobs.get(timeout=LOOK_EVERY_S)
            except Empty:
                job = _nothing
            if job is None:
                return
            job()
            if self._jobs.empty():
                sys.setswitchinterval(self._switch_s)
            now = time.monotonic()
            if now - looked_at >= LOOK_EVERY_S:
                looked_at = now
                self._disk.look()


class OwnHands:
    """Does each job at once, on the run loop: for simulations under a virtual clock."""

    def do(self, job: Job) -> None:
        """Do the job."""
        job()

    def close(self) -> None:
        """Nothing to end."""


def _nothing() -> None:
    return
