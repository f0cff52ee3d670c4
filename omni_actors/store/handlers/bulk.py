"""Statements over a batch of rows (`rows(:batch, …)`), left out when there are none."""

from collections.abc import Sequence
from typing import Any

from omni_actors.store.dialect import Reading, Writing


def put(db: Writing, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Carry out a statement for rows in the order of its columns; the first is never None."""
    if rows:
        db.run(sql, batch=rows)


def look(
    db: Reading, sql: str, rows: Sequence[tuple[Any, ...]], **named: Any
) -> list[tuple[Any, ...]]:
    """All that a statement finds for these rows."""
    return db.rows(sql, batch=rows, **named) if rows else []
