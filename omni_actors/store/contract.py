"""What the house asks of its memory: the two kinds of request, and the store that answers them.

A `Verb` (see `verbs`) writes: it runs in the writer's next transaction together with whatever else
is waiting, under a savepoint of its own, and its answer arrives after the commit. A `Query` (see
`queries`) reads what is committed. Equal verbs of one batch may be run set-wise by the engine.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import frozen

R = TypeVar("R", covariant=True)


class Verb(Generic[R]):
    """A write. The type parameter is its answer."""

    __slots__ = ()


class Query(Generic[R]):
    """A read of what is committed."""

    __slots__ = ()


class StoreFailed(Exception):
    """The disk refused a commit. The store is closed for good; the process must end."""


class Refused(Exception):
    """A verb could not be carried out; nothing of it was stored. `code` is stable."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Ticket(Protocol[R]):
    """A verb that stands in the writer's queue."""

    async def wait(self) -> R:
        """The answer, after the commit. Not cancellable: the row may be committed already."""
        ...


@frozen
class News:
    """What one commit added to the event log: up to which cursor, and of which types."""

    cursor: int
    types: frozenset[str]


class Store(Protocol):
    """What the rest of the house sees of the store."""

    async def do(self, verb: Verb[R]) -> R: ...

    def post(self, verb: Verb[R]) -> Ticket[R]:
        """Queue a verb now, behind all that was queued before."""
        ...

    async def ask(self, query: Query[R]) -> R:
        """A read that may take a while; done beside the run loop."""
        ...

    def peek(self, query: Query[R]) -> R:
        """A read by key, done at once on the calling thread (microseconds)."""
        ...

    def on_events(self, ring: Callable[[News], None]) -> Callable[[], None]:
        """Call `ring` after each commit that added events; returns how to stop that."""
        ...


AnyVerb: TypeAlias = Verb[Any]
