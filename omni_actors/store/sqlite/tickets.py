"""A verb that stands in the queue, and the order in which a batch of them is carried out."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import trio

from omni_actors.store.contract import Verb
from omni_actors.store.dialect import WriteMany

R = TypeVar("R")

_OPEN: Any = object()


class QueuedVerb(Generic[R]):
    """One verb from its queueing to its answer. Implements `contract.Ticket`.

    Everything but `verb`, `handler` and `awaited` belongs to the trio thread. `awaited` says that
    its caller does nothing else before the answer, so that no other verb can depend on its place
    in the queue.
    """

    __slots__ = ("_answer", "_waiter", "awaited", "handler", "verb")

    def __init__(self, verb: Verb[R], handler: WriteMany, *, awaited: bool) -> None:
        self.verb = verb
        self.handler = handler
        self.awaited = awaited
        self._answer: Any = _OPEN
        self._waiter: trio.lowlevel.Task | None = None

    async def wait(self) -> R:
        """The answer, after the commit. Not cancellable: the row may be committed already.

        One task may wait at a time; once there is an answer, anybody may ask for it again.
        """
        if self._answer is not _OPEN:
            await trio.lowlevel.cancel_shielded_checkpoint()
        elif self._waiter is not None:
            raise RuntimeError("another task waits for this verb already")
        else:
            self._waiter = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(_stay)
        answer = self._answer
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return]  # the handler's answer, typed by the verb

    def settle(self, answer: Any) -> None:
        """Give the answer (an exception is raised in the waiter) and wake who waits."""
        self._answer = answer
        if self._waiter is not None:
            trio.lowlevel.reschedule(self._waiter)
            self._waiter = None


AnyQueued = QueuedVerb[Any]


def arrange(batch: Sequence[AnyQueued]) -> list[list[AnyQueued]]:
    """Groups of equal verbs, in the order in which they take effect.

    Posted verbs keep their order, and come first: whatever was queued after one stays behind it.
    A verb whose caller waits has not been seen by anybody, so it may take effect later than its
    place; those are gathered by type, oldest first.
    """
    posted: list[list[AnyQueued]] = []
    awaited: dict[type, list[AnyQueued]] = {}
    for queued in batch:
        kind = type(queued.verb)
        if queued.awaited:
            awaited.setdefault(kind, []).append(queued)
        elif posted and type(posted[-1][0].verb) is kind:
            posted[-1].append(queued)
        else:
            posted.append([queued])
    return [*posted, *awaited.values()]


def _stay(_raise_cancel: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
