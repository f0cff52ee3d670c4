"""Statements over a batch of rows (`rows(:batch, …)`), left out when there are none."""

from collections.abc import Iterator, Sequence
from typing import Any

from omni_actors.store.dialect import Reading, Writing

ROWS_MAX = 1024


def put(db: Writing, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Carry out a statement for rows in the order of its columns; the first is never None."""
    for some in _pages(rows):
        db.run(sql, batch=some)


def look(
    db: Reading, sql: str, rows: Sequence[tuple[Any, ...]], **named: Any
) -> list[tuple[Any, ...]]:
    """All that a statement finds for these rows; its order holds within a page of them."""
    return [found for some in _pages(rows) for found in db.rows(sql, batch=some, **named)]


def _pages(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Rows in pieces that a statement of up to 31 columns can take."""
    for first in range(0, len(rows), ROWS_MAX):
        yield rows[first : first + ROWS_MAX]
