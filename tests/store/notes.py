"""A small table of its own with verbs and queries, so that engines are tested without ours."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import frozen

from omni_actors.store.contract import Query, Refused, StoreFailed, Verb
from omni_actors.store.dialect import Reading, Writing, reads, writes, writes_many
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.disk import Floor
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.sqlite.migrate import Migration
from omni_actors.store.sqlite.start import Start, open_sqlite

KEY = bytes(range(32))
TABLE = """
CREATE TABLE note (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    batch INTEGER NOT NULL
) STRICT;
"""
STEPS = (Migration(1, "0001_note.sql", TABLE),)


@frozen
class AddNote(Verb[int]):
    """Keep a note; answers how many verbs were carried out with it. An id that is taken fails."""

    id: str
    text: str = ""


@frozen
class NoteLast(Verb[int]):
    """Keep a note and answer its place; Refused `unwanted` for that text, after writing it."""

    text: str


@frozen
class NoteBadly(Verb[None]):
    """A verb whose handler forgets to answer."""


@frozen
class Notes(Query[tuple[str, ...]]):
    """The texts in the order in which they took effect."""


@frozen
class NoteIds(Query[frozenset[str]]):
    """All ids."""


@frozen
class Endless(Query[int]):
    """Counts for ever."""


@writes_many(AddNote)
def add_notes(db: Writing, verbs: Sequence[AddNote]) -> Sequence[int]:
    sets = [{"id": verb.id, "text": verb.text, "batch": len(verbs)} for verb in verbs]
    db.each("INSERT INTO note (id, text, batch) VALUES (:id, :text, :batch)", sets)
    found = db.row("SELECT max(place) FROM note")
    assert found is not None
    db.note_events(found[0], ["note"])
    return [len(verbs)] * len(verbs)


@writes(NoteLast)
def note_last(db: Writing, verb: NoteLast) -> int:
    sql = "INSERT INTO note (id, text, batch) VALUES (:id, :text, 1) RETURNING place"
    [(place,)] = db.rows(sql, id=db.ids("note"), text=verb.text)
    if verb.text == "unwanted":
        raise Refused("unwanted", "that is an unwanted text")
    return int(place)


@writes_many(NoteBadly)
def note_badly(_db: Writing, _verbs: Sequence[NoteBadly]) -> Sequence[None]:
    return []


@reads(Notes)
def notes(db: Reading, _query: Notes) -> tuple[str, ...]:
    return tuple(text for (text,) in db.rows("SELECT text FROM note ORDER BY place"))


@reads(NoteIds)
def note_ids(db: Reading, _query: NoteIds) -> frozenset[str]:
    return frozenset(id for (id,) in db.rows("SELECT id FROM note"))


@reads(Endless)
def endless(db: Reading, _query: Endless) -> int:
    sql = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    [(count,)] = db.rows(sql)
    return int(count)


@asynccontextmanager
async def open_notes(
    folder: Path,
    *,
    inline: bool = False,
    key: bytes | None = KEY,
    on_failure: Callable[[StoreFailed], None] | None = None,
    tuning: Tuning = Tuning(),  # noqa: B008 - a frozen default
    floor: Floor = Floor(),  # noqa: B008 - a frozen default
    migrations: tuple[Migration, ...] = STEPS,
) -> AsyncIterator[SqliteStore]:
    """A store with nothing but the table of notes in it."""
    start = Start(
        path=folder / "notes.db",
        clock_now=lambda: 1_700_000_000.0,
        chance_bits=random.Random(7).getrandbits,
        key=key,
        floor=floor,
        tuning=tuning,
        migrations=migrations,
    )
    async with open_sqlite(start, inline=inline, on_failure=on_failure) as store:
        yield store
