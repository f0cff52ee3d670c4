"""What a verb's handler works with: SQL in one neutral form, and who handles which verb.

Statements are plain text with named parameters (`:leg_id`). A batch of rows enters a statement as
`rows(:batch, leg_id text, seq bigint)`, usable wherever a table is; the parameter is a list of
mappings, and each engine translates it to what its database offers. Column types are `text`,
`bigint`, `real` and `json` (json stays text). Nothing else may differ between databases.

A batch of verbs runs in one transaction, at first without savepoints. When a handler raises, the
whole batch is undone and run again with a savepoint around each verb, so that one verb's failure
fails only itself. A handler may therefore run more than once for one verb: it must depend on
nothing but the database, its verb and the ids it draws.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from omni_actors.model.ids import Ids
from omni_actors.store.contract import Query, Verb

R = TypeVar("R")
V = TypeVar("V", bound=Verb[Any])
Q = TypeVar("Q", bound=Query[Any])


class Broken(Exception):
    """The database itself has failed: no statement can be trusted after this one."""


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

    def note_events(self, cursor: int, types: Iterable[str]) -> None:
        """Events up to this cursor, of these types, are in this transaction.

        Listeners are told after the commit.
        """
        ...


# A handler of many answers each verb of its batch with a result or the exception it failed with.
WriteMany = Callable[[Writing, Sequence[Any]], Sequence[Any]]
Read = Callable[[Reading, Any], Any]

WRITERS: dict[type, WriteMany] = {}
READERS: dict[type, Read] = {}


def writes(verb: type[V]) -> Callable[[Callable[[Writing, V], R]], Callable[[Writing, V], R]]:
    """Register the handler of one verb at a time."""

    def register(handler: Callable[[Writing, V], R]) -> Callable[[Writing, V], R]:
        WRITERS[verb] = one_by_one(handler)
        return handler

    return register


def writes_many(
    verb: type[V],
) -> Callable[[Callable[[Writing, Sequence[V]], Sequence[R]]], WriteMany]:
    """Register a handler that takes equal verbs of one batch together."""

    def register(handler: Callable[[Writing, Sequence[V]], Sequence[R]]) -> WriteMany:
        WRITERS[verb] = handler
        return handler

    return register


def reads(query: type[Q]) -> Callable[[Callable[[Reading, Q], R]], Callable[[Reading, Q], R]]:
    """Register the handler of a query."""

    def register(handler: Callable[[Reading, Q], R]) -> Callable[[Reading, Q], R]:
        READERS[query] = handler
        return handler

    return register


def one_by_one(handler: Callable[[Writing, V], R]) -> WriteMany:
    """A handler of one verb, as a handler of many."""

    def run(db: Writing, verbs: Sequence[V]) -> Sequence[R]:
        return [handler(db, verb) for verb in verbs]

    return run


def together(db: Writing, handler: WriteMany, verbs: Sequence[Any]) -> Sequence[Any]:
    """The verbs' answers, one for each. RuntimeError when the handler gives fewer or more."""
    answers = handler(db, verbs)
    if len(answers) != len(verbs):
        raise RuntimeError(f"{len(answers)} answers to {len(verbs)} verbs")
    return answers


def attempt(db: Writing, handler: WriteMany, verbs: Sequence[Any]) -> Sequence[Any]:
    """The verbs' answers under a savepoint; when the handler raises, each verb on its own.

    A verb that fails alone is undone and answered with its exception. What means that the
    database itself has failed is the engine's to recognise: `Broken` passes through.
    """
    try:
        with db.savepoint():
            return together(db, handler, verbs)
    except Broken:
        raise
    except Exception as failure:  # noqa: BLE001 - the verb's own caller gets it
        if len(verbs) == 1:
            return [failure]
    return [answer for verb in verbs for answer in attempt(db, handler, [verb])]
