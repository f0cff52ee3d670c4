"""The neutral form of SQL: batches of rows in statements, and what values come back."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.ids import Ids
from omni_actors.model.states import PartStatus
from omni_actors.store.cipher import AesCipher
from omni_actors.store.sqlite.session import WriteSession
from omni_actors.store.sqlite.statements import translate

PICK = "SELECT * FROM rows(:batch, a text, b bigint, c real, d json) AS batch"

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
bigints = st.none() | st.integers(-(2**63), 2**63 - 1)
reals = st.none() | st.floats(allow_nan=False, allow_infinity=False)
firsts = st.text(st.characters(exclude_categories=["Cs"]))
records = st.fixed_dictionaries({"a": firsts, "b": bigints, "c": reals, "d": texts})


_echo = WriteSession(
    apsw.Connection(":memory:"), AesCipher.of(bytes(32)), Ids(lambda: 0.0, lambda _bits: 0)
)


@pytest.fixture
def db() -> Iterator[WriteSession]:
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER, r REAL) STRICT")
        yield WriteSession(connection, AesCipher.of(bytes(32)), Ids(lambda: 0.0, lambda _bits: 0))


@pytest.mark.slow
@given(st.lists(records, max_size=8))
def test_a_batch_comes_back_as_it_was_given(batch: list[dict[str, Any]]) -> None:
    found = _echo.rows(PICK, batch=batch)

    assert found == [tuple(record[name] for name in "abcd") for record in batch]


def test_a_batch_of_one_column_is_a_table_too(db: WriteSession) -> None:
    db.each("INSERT INTO t VALUES (:id, :n, 1)", [{"id": name, "n": 1} for name in "abcd"])

    sql = "SELECT id FROM t WHERE id IN (SELECT id FROM rows(:ids, id text)) ORDER BY id"
    found = db.rows(sql, ids=[{"id": "d"}, {"id": "b"}, {"id": "x"}])

    assert found == [("b",), ("d",)]


def test_a_batch_updates_a_table(db: WriteSession) -> None:
    db.each("INSERT INTO t VALUES (:id, 0, 0)", [{"id": name} for name in "ab"])

    sql = """
        UPDATE t SET n = batch.n
        FROM rows(:batch, id text, n bigint) AS batch WHERE t.id = batch.id
    """
    changed = db.run(sql, batch=[{"id": "b", "n": 5}, {"id": "c", "n": 6}])

    assert changed == 1
    assert db.rows("SELECT id, n FROM t ORDER BY id") == [("a", 0), ("b", 5)]


def test_a_batch_is_inserted_where_it_is_new(db: WriteSession) -> None:
    db.run("INSERT INTO t VALUES (:id, 1, 1)", id="known")
    sql = """
        INSERT INTO t (id, n, r)
        SELECT id, n, r FROM rows(:batch, id text, n bigint, r real) AS batch WHERE true
        ON CONFLICT (id) DO NOTHING RETURNING id
    """

    batch = [{"id": name, "n": True, "r": 2} for name in ("known", "new")]
    found = db.rows(sql, batch=batch)

    assert found == [("new",)]
    assert db.row("SELECT n, r FROM t WHERE id = 'new'") == (1, 2.0)


def test_names_of_states_are_texts(db: WriteSession) -> None:
    sql = "SELECT s, :one FROM rows(:batch, s text)"

    assert db.rows(sql, one=PartStatus.SENT, batch=[{"s": PartStatus.READ}]) == [("read", "sent")]


def test_no_row_is_none(db: WriteSession) -> None:
    assert db.row("SELECT id FROM t") is None


def test_what_is_no_text_fails_where_it_is_written(db: WriteSession) -> None:
    with pytest.raises(UnicodeEncodeError, match="surrogates"):
        db.rows("SELECT a FROM rows(:batch, a text)", batch=[("\ud800",)])


def test_a_row_that_would_be_taken_for_padding_is_refused(db: WriteSession) -> None:
    with pytest.raises(ValueError, match="must not be NULL"):
        db.rows("SELECT b FROM rows(:batch, a text, b text)", batch=[("a", "b"), (None, "c")])


def test_too_many_rows_are_refused(db: WriteSession) -> None:
    with pytest.raises(ValueError, match="too many at once"):
        db.rows("SELECT a FROM rows(:batch, a bigint)", batch=[(1,)] * 32_001)


@pytest.mark.parametrize("count", [0, 1, 5, 17, 65, 500, 2047, 2049])
def test_batches_of_any_size_come_back_whole(db: WriteSession, count: int) -> None:
    batch = [(f"{number}", number) for number in range(count)]

    assert db.rows("SELECT a, b FROM rows(:batch, a text, b bigint)", batch=batch) == batch


def test_a_missing_parameter_is_a_mistake(db: WriteSession) -> None:
    with pytest.raises(KeyError):
        db.rows("SELECT :there, :missing", there=1)


@pytest.mark.parametrize("columns", ["a blob", "a", "", "a text, , b text"])
def test_columns_need_a_type_that_every_database_has(columns: str) -> None:
    with pytest.raises(ValueError, match="needs names with types"):
        translate(f"SELECT * FROM rows(:batch, {columns})")


def test_a_savepoint_undoes_what_failed_and_only_that(db: WriteSession) -> None:
    db.begin()
    db.run("INSERT INTO t VALUES ('kept', 0, 0)")
    with suppress(apsw.ConstraintError), db.savepoint():
        db.run("INSERT INTO t VALUES ('gone', 0, 0)")
        db.run("INSERT INTO t VALUES ('kept', 0, 0)")
    db.commit()

    assert db.rows("SELECT id FROM t") == [("kept",)]
