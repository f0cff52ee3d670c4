"""Brings a database to the shape that this program knows, one numbered file at a time.

`meta` (name, value) is the engine's own table; the numbered files hold everything else.
"""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

import apsw
from attrs import frozen

from omni_actors.store.failures import CannotOpen

NAME = re.compile(r"(\d{4})_\w+\.sql")
META = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID, STRICT"


@frozen
class Migration:
    """One step; numbers count from 1 without gaps."""

    number: int
    name: str
    sql: str


def shipped() -> list[Migration]:
    """The migrations that come with the program, in order."""
    folder = files("omni_actors.store.sqlite")
    steps = [entry for entry in folder.iterdir() if NAME.fullmatch(entry.name)]
    return numbered((step.name, step.read_text("utf-8")) for step in steps)


def numbered(texts: Iterable[tuple[str, str]]) -> list[Migration]:
    """Migrations from (file name, SQL). Raises ValueError for a gap or a number used twice."""
    found = [Migration(int(name[:4]), name, sql) for name, sql in sorted(texts)]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must be numbered 0001, 0002, …: {[m.name for m in found]}")
    return found


def migrate(connection: apsw.Connection, path: Path, steps: Sequence[Migration]) -> None:
    """Run what the database has not seen, each step in a transaction.

    Raises CannotOpen for a newer database and for a step that fails, apsw.Error for a bad disk.
    """
    version = int(connection.pragma("user_version"))
    if version > len(steps):
        raise CannotOpen(
            f"the database {path} was written by a newer program (version {version}, this one "
            f"knows {len(steps)}); install that or restore a backup"
        )
    connection.execute(META)
    for step in steps[version:]:
        try:
            _run(connection, step)
        except apsw.SQLError as error:
            raise CannotOpen(f"{step.name} failed on the database {path}: {error}") from error


def _run(connection: apsw.Connection, step: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(step.sql)
        connection.pragma("user_version", step.number)
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
