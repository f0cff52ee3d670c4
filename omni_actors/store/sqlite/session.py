"""What handlers hold: a connection that runs neutral SQL."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

from omni_actors.model.ids import Ids
from omni_actors.store.contract import News
from omni_actors.store.dialect import Broken, Cipher
from omni_actors.store.sqlite.statements import translate

# After one of these nothing that the connection says about its data can be relied on.
BROKEN = (
    apsw.IOError,
    apsw.FullError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
    apsw.ProtocolError,
    apsw.BusyError,
)

BEGIN_AGAIN_BUSY_MS = 1000
CHECKPOINT_BUSY_MS = 500


class ReadSession:
    """One connection that reads. Implements `dialect.Reading`."""

    __slots__ = ("_connection", "_cursor", "cipher")

    def __init__(self, connection: apsw.Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self.cipher = cipher

    def rows(self, sql: str, **named: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        text, bound = translate(sql).bind(named)
        try:
            return self._cursor.execute(text, bound).fetchall()
        except BROKEN as failure:
            raise Broken(str(failure)) from failure

    def row(self, sql: str, **named: Any) -> tuple[Any, ...] | None:
        """The first row, None when there is none."""
        found = self.rows(sql, **named)
        return found[0] if found else None

    def begin_to_read(self) -> None:
        """Let every statement from now on see the same moment, until `rollback`."""
        self._control("BEGIN")

    def watch(self, look: Callable[[], bool], steps: int) -> None:
        """Call `look` every so many steps of a statement; true or an exception ends it."""
        self._connection.set_progress_handler(look, steps)

    def rollback(self) -> None:
        """End a transaction without effect; SQLite may have ended it already after an error."""
        if self._connection.in_transaction:
            self._control("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _control(self, sql: str) -> None:
        try:
            self._cursor.execute(sql)
        except BROKEN as failure:
            raise Broken(str(failure)) from failure


class WriteSession(ReadSession):
    """The one connection that writes. Implements `dialect.Writing`."""

    __slots__ = ("_noted", "_types", "ids", "wal_pages")

    def __init__(self, connection: apsw.Connection, cipher: Cipher, ids: Ids) -> None:
        super().__init__(connection, cipher)
        self.ids = ids
        self.wal_pages = 0  # written since the log was last emptied
        self._noted = 0
        self._types: set[str] = set()

    def run(self, sql: str, **named: Any) -> int:
        """Carry out a statement; answers how many rows it changed."""
        self.rows(sql, **named)
        return self._connection.changes()

    def each(self, sql: str, sets: Iterable[Mapping[str, Any]]) -> None:
        """Carry out a statement once for each set of parameters."""
        try:
            self._cursor.executemany(sql, sets)
        except BROKEN as failure:
            raise Broken(str(failure)) from failure

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it raises."""
        noted = self._noted
        self._control("SAVEPOINT verb")
        try:
            yield
        except Exception:
            self._noted = noted
            if self._connection.in_transaction:
                self._control("ROLLBACK TO verb")
                self._control("RELEASE verb")
            raise
        self._control("RELEASE verb")

    def note_events(self, cursor: int, types: Iterable[str]) -> None:
        """Events up to this cursor, of these types, are in this transaction."""
        if cursor > self._noted:
            self._noted = cursor
        self._types.update(types)

    def begin(self, busy_ms: int = 0) -> bool:
        """Start a transaction with the write lock; False when another program holds that lock."""
        self._noted = 0
        self._types.clear()
        self._connection.set_busy_timeout(busy_ms)
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        except BROKEN as failure:
            raise Broken(str(failure)) from failure
        return True

    def begin_again(self) -> None:
        """Undo everything since the beginning, and go on as if nothing had been done."""
        self.rollback()
        if not self.begin(BEGIN_AGAIN_BUSY_MS):
            raise Broken("another program took the database while a batch was repeated")

    def commit(self) -> News | None:
        """Make it durable; answers what it added to the event log, None when that is nothing."""
        try:
            self._cursor.execute("COMMIT")
        except apsw.Error as failure:
            raise Broken(str(failure)) from failure
        self.wal_pages += self._connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)[0]
        return News(self._noted, frozenset(self._types)) if self._noted else None

    def checkpoint(self, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> bool:
        """Copy the write-ahead log into the database; answers whether all of it could be."""
        self._connection.set_busy_timeout(CHECKPOINT_BUSY_MS)
        try:
            pages, copied = self._connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:  # another program looks at the database: later, then
            return False
        except BROKEN as failure:
            raise Broken(str(failure)) from failure
        if pages == copied:
            self.wal_pages = 0
        return pages == copied
