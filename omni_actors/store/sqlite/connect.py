"""Opens SQLite the way that durability needs it, and refuses libraries that cannot keep it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from attrs import frozen

from omni_actors.store.failures import CannotOpen

APPLICATION_ID = 0x6F6D6E69
BUSY_MS = 30_000
STATEMENTS_KEPT = 1024
WAL_BYTES_KEPT = 64 << 20

# Older libraries can lose committed pages when a write-ahead log is reset while another
# connection checkpoints: https://sqlite.org/wal.html#walresetbug
FIXED_LINES = {(3, 44): 6, (3, 50): 7}
FIXED_SINCE = (3, 51, 3)


@frozen
class Tuning:
    """How the engine runs. A commit that takes longer than `commit_here_s` sends the next ones to a
    thread (all of them when it is 0); the default is what the way there and back costs under load.
    A batch goes on growing for at most `gather_s` while passes of the run loop bring more verbs.

    `vfs`, `exclusive` and `synchronous` are for proofs of durability.

    `exclusive` needs no shared memory, but leaves no room for readers beside the writer.
    """

    batch_max: int = 500
    readers: int = 2
    checkpoint_pages: int = 2000
    commit_here_s: float = 0.0005
    gather_s: float = 0.005
    synchronous: str = "FULL"
    vfs: str | None = None
    exclusive: bool = False


def check_library(version: str) -> None:
    """Raises CannotOpen for a version of SQLite that may lose what was committed."""
    major, minor, patch = (int(number) for number in version.split(".")[:3])
    fixed_at = FIXED_LINES.get((major, minor))
    if (major, minor, patch) < FIXED_SINCE and (fixed_at is None or patch < fixed_at):
        raise CannotOpen(
            f"SQLite {version} can lose committed data; install apsw with SQLite "
            f"{'.'.join(map(str, FIXED_SINCE))} or newer"
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say in one sentence what SQLite has against opening a database. Raises CannotOpen."""
    try:
        yield
    except apsw.NotADBError:
        raise CannotOpen(f"{path} is not a database of omni-actors") from None
    except apsw.BusyError:
        raise CannotOpen(f"the database {path} is locked by another program") from None
    except apsw.Error as error:
        raise CannotOpen(f"the database {path} cannot be opened: {error}") from error


def open_reader(path: Path) -> apsw.Connection:
    """A connection that cannot write. Raises apsw.Error."""
    connection = connect(path)
    connection.pragma("query_only", 1)
    return connection


def connect(path: Path, tuning: Tuning | None = None) -> apsw.Connection:
    """A connection that waits for locks, never checkpoints by itself, and maps no memory."""
    vfs = tuning.vfs if tuning else None
    connection = apsw.Connection(
        str(path),
        flags=apsw.SQLITE_OPEN_READWRITE,
        vfs=vfs,
        statementcachesize=STATEMENTS_KEPT,
    )
    try:
        if tuning and tuning.exclusive:
            connection.pragma("locking_mode", "EXCLUSIVE")
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_writer(path: Path, tuning: Tuning) -> apsw.Connection:
    """The connection that writes and checkpoints. Raises apsw.Error, CannotOpen."""
    connection = connect(path, tuning)
    try:
        _claim(connection, path)
        if connection.pragma("journal_mode", "WAL") != "wal":
            raise CannotOpen(f"the file system of {path} does not allow a write-ahead log")
        connection.pragma("synchronous", tuning.synchronous)
        connection.pragma("journal_size_limit", WAL_BYTES_KEPT)
        connection.wal_autocheckpoint(0)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(BUSY_MS)
    # Only the writer checkpoints, and never on the way out after a failure.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.pragma("mmap_size", 0)
    connection.pragma("foreign_keys", 1)
    connection.pragma("temp_store", "MEMORY")
    connection.pragma("cache_size", -16_384)
    if sys.platform == "darwin":  # plain fsync leaves the bytes in the drive's cache there
        connection.pragma("fullfsync", 1)
        connection.pragma("checkpoint_fullfsync", 1)


def _claim(connection: apsw.Connection, path: Path) -> None:
    """Mark an empty database as ours; a foreign one is refused."""
    owner = connection.pragma("application_id")
    if owner == APPLICATION_ID:
        return
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if owner != 0 or not empty:
        raise CannotOpen(f"{path} is a database of another program")
    connection.pragma("application_id", APPLICATION_ID)
