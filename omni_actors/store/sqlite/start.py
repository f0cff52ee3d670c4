"""From a path to a running store: lock, library, migrations, key, connections, in this order."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path

import apsw
import trio
from attrs import evolve, field, frozen

from omni_actors.model.ids import Ids
from omni_actors.store.cipher import AesCipher, Unreadable, load_key
from omni_actors.store.failures import CannotOpen
from omni_actors.store.sqlite.connect import (
    Tuning,
    check_library,
    explained,
    open_reader,
    open_writer,
)
from omni_actors.store.sqlite.disk import Disk, Floor
from omni_actors.store.sqlite.engine import OnFailure, SqliteStore
from omni_actors.store.sqlite.files import hold_folder, make_file, make_folder, sync_folder
from omni_actors.store.sqlite.migrate import Migration, migrate, shipped
from omni_actors.store.sqlite.readers import Readers
from omni_actors.store.sqlite.session import ReadSession, WriteSession
from omni_actors.store.sqlite.writer import OwnHands, ThreadHands, Writer

KEY_NAME = "store.key"
KEY_CHECK = "key_check"
CLOSE_S = 30.0


@frozen
class Start:
    """Everything that opening needs."""

    path: Path
    clock_now: Callable[[], float]
    chance_bits: Callable[[int], int]
    key: bytes | None = field(default=None, repr=False)
    floor: Floor = field(factory=Floor)
    tuning: Tuning = field(factory=Tuning)
    migrations: tuple[Migration, ...] = field(factory=lambda: tuple(shipped()))


@frozen
class Connections:
    """Everything that is open. `near` is for the run loop, `far` for threads that read."""

    db: WriteSession
    near: ReadSession | None
    far: Sequence[ReadSession]


@asynccontextmanager
async def open_sqlite(
    start: Start, *, inline: bool, on_failure: OnFailure | None
) -> AsyncIterator[SqliteStore]:
    """The running store. Raises CannotOpen."""
    check_library(apsw.sqlite_lib_version())
    with ExitStack() as held:
        if inline:
            opened = _open(start, held, readers=0)
        else:
            opened = await trio.to_thread.run_sync(_open, start, held, start.tuning.readers)
        store = _store(start, opened, inline=inline, on_failure=on_failure)
        try:
            yield store
        finally:
            with trio.move_on_after(CLOSE_S, shield=True):
                await store.close()


def _open(start: Start, held: ExitStack, readers: int) -> Connections:
    """The connections; `held` keeps the directory locked."""
    folder = start.path.parent
    make_folder(folder)
    held.enter_context(hold_folder(folder))
    if start.tuning.vfs is None:
        make_file(start.path)
    with explained(start.path), ExitStack() as undo:
        connection = undo.enter_context(closing(open_writer(start.path, start.tuning)))
        migrate(connection, start.path, start.migrations)
        cipher = _cipher(connection, start)
        sessions = []
        for _ in range(0 if start.tuning.exclusive else 1 + readers):
            reader = undo.enter_context(closing(open_reader(start.path)))
            sessions.append(ReadSession(reader, cipher))
        undo.pop_all()
    db = WriteSession(connection, cipher, Ids(start.clock_now, start.chance_bits))
    return Connections(db, sessions[0] if sessions else None, sessions[1:])


def _store(
    start: Start, opened: Connections, *, inline: bool, on_failure: OnFailure | None
) -> SqliteStore:
    disk = Disk(start.path.parent, start.floor)
    readers = Readers(opened.far) if opened.far else None
    store = SqliteStore(start.path, opened.near, readers, disk, on_failure)
    if inline:  # where nothing may depend on how fast the disk happens to be
        tuning = evolve(start.tuning, commit_here_s=math.inf, gather_s=0.0)
        store.start(Writer(opened.db, store, OwnHands(), tuning))
    else:
        disk.look()
        store.start(Writer(opened.db, store, ThreadHands(disk), start.tuning))
    return store


def _cipher(connection: apsw.Connection, start: Start) -> AesCipher:
    """The cipher with the key that this database was first opened with. Raises CannotOpen."""
    sql = "SELECT value FROM meta WHERE name = ?"
    check: bytes | None = connection.execute(sql, (KEY_CHECK,)).get
    key_path = start.path.with_name(KEY_NAME)
    if start.key is not None:
        cipher = AesCipher.of(start.key)
    else:
        cipher = AesCipher.of(load_key(key_path, create=check is None))
        sync_folder(key_path.parent)
    if check is None:
        sealed = cipher.seal(b"", KEY_CHECK)
        connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (KEY_CHECK, sealed))
        return cipher
    try:
        cipher.open(check, KEY_CHECK)
    except Unreadable:
        raise CannotOpen(
            f"the key does not fit the database {start.path}; give the key that it was made with"
        ) from None
    return cipher
