"""What a verb's handler works with: SQL in one neutral form, and who handles which verb.

Statements are plain text with named parameters (`:leg_id`). A batch of rows enters a statement as
`rows(:batch, leg_id text, seq bigint)`, usable wherever a table is; the parameter is a list of
mappings, and each engine translates it to what its database offers. Column types are `text`,
`bigint`, `real` and `json` (json stays text). Nothing else may differ between databases.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from omni_actors.model.ids import Ids
from omni_actors.store.contract import Query, Verb

R = TypeVar("R")
V = TypeVar("V", bound=Verb[Any])
Q = TypeVar("Q", bound=Query[Any])


class Cipher(Protocol):
    """Encrypts what must not lie open in the database; `owner` is bound to the text."""

    def seal(self, plain: bytes, owner: str) -> bytes: ...

    def open(self, sealed: bytes, owner: str) -> bytes: ...


class Reading(Protocol):
    """One connection that reads."""

    @property
    def cipher(self) -> Cipher: ...

    def rows(self, sql: str, **named: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        ...

    def row(self, sql: str, **named: Any) -> tuple[Any, ...] | None:
        """The first row, None when there is none."""
        ...


class Writing(Reading, Protocol):
    """The one connection that writes, within the batch's transaction."""

    @property
    def ids(self) -> Ids: ...

    def run(self, sql: str, **named: Any) -> int:
        """Carry out a statement; answers how many rows it changed."""
        ...

    def each(self, sql: str, sets: Iterable[Mapping[str, Any]]) -> None:
        """Carry out a statement once for each set of parameters."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what happens inside when it raises."""
        ...

    def note_events(self, cursor: int) -> None:
        """Events up to this cursor are in this transaction; listeners are told after the commit."""
        ...


# A handler of many answers each verb of its batch with a result or the exception it failed with.
WriteMany = Callable[[Writing, Sequence[Any]], Sequence[Any]]
Read = Callable[[Reading, Any], Any]

WRITERS: dict[type, WriteMany] = {}
READERS: dict[type, Read] = {}


def writes(verb: type[V]) -> Callable[[Callable[[Writing, V], R]], Callable[[Writing, V], R]]:
    """Register the handler of one verb at a time; each runs under its own savepoint."""

    def register(handler: Callable[[Writing, V], R]) -> Callable[[Writing, V], R]:
        WRITERS[verb] = one_by_one(handler)
        return handler

    return register


def writes_many(
    verb: type[V],
) -> Callable[[Callable[[Writing, Sequence[V]], Sequence[R]]], WriteMany]:
    """Register a handler that takes equal verbs of one batch together.

    When it raises, the batch is undone and its verbs are taken one by one, so that one verb's
    failure fails only itself.
    """

    def register(handler: Callable[[Writing, Sequence[V]], Sequence[R]]) -> WriteMany:
        WRITERS[verb] = together(handler)
        return handler

    return register


def reads(query: type[Q]) -> Callable[[Callable[[Reading, Q], R]], Callable[[Reading, Q], R]]:
    """Register the handler of a query."""

    def register(handler: Callable[[Reading, Q], R]) -> Callable[[Reading, Q], R]:
        READERS[query] = handler
        return handler

    return register


def one_by_one(handler: Callable[[Writing, V], R]) -> WriteMany:
    """Run each verb under a savepoint; an exception is that verb's answer alone."""

    def run(db: Writing, verbs: Sequence[V]) -> Sequence[R | Exception]:
        return [attempt(db, handler, verb) for verb in verbs]

    return run


def together(handler: Callable[[Writing, Sequence[V]], Sequence[R]]) -> WriteMany:
    """Run the verbs as one set; if that fails, one by one."""

    def run(db: Writing, verbs: Sequence[V]) -> Sequence[R | Exception]:
        if len(verbs) > 1:
            try:
                with db.savepoint():
                    return handler(db, verbs)
            except Exception:  # noqa: BLE001 - taken one by one next, where each is answered
                pass
        return [attempt(db, lambda inner, verb: handler(inner, [verb])[0], verb) for verb in verbs]

    return run


def attempt(db: Writing, handler: Callable[[Writing, V], R], verb: V) -> R | Exception:
    """The answer to one verb, or the exception it failed with and undone by it."""
    try:
        with db.savepoint():
            return handler(db, verb)
    except Exception as failure:  # noqa: BLE001 - the verb's own caller gets it
        return failure
