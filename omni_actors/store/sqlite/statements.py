"""From the neutral form of a statement to SQLite's: only `rows(:batch, …)` needs translating.

A batch becomes a `VALUES` clause, several times cheaper than JSON. So that few texts suffice for
all sizes, it is padded to the next of `SIZES` with rows whose first column is NULL.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from attrs import frozen

ROWS = re.compile(r"\brows\(\s*:(\w+)\s*,([^()]*)\)", re.IGNORECASE)
COLUMN = re.compile(r"\s*(\w+)\s+(text|bigint|real|json)\s*", re.IGNORECASE)
SCALAR = re.compile(r"(?<![:\w]):(\w+)")

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
PARAMETERS_MAX = 32_000
FIRST = itemgetter(0)

Rows = Sequence[Mapping[str, Any] | tuple[Any, ...]]
Bound = Mapping[str, Any] | tuple[Any, ...]


@frozen
class Batch:
    """One `rows(…)` of a statement."""

    name: str
    columns: tuple[str, ...]

    def flatten(self, rows: Rows) -> tuple[int, Iterable[Any]]:
        """The padded size and all values one after the other.

        ValueError for too many rows, and for a NULL where padding is told from rows.
        """
        count = len(rows)
        size = SIZES[bisect_left(SIZES, count)] if 0 < count <= SIZES[-1] else max(count, 1)
        if size * len(self.columns) > PARAMETERS_MAX:
            raise ValueError(f"{count} rows of {len(self.columns)} columns are too many at once")
        if rows and not isinstance(rows[0], tuple):
            rows = [self._pick(row) for row in rows]  # type: ignore[arg-type]  # no tuples here
        if None in map(FIRST, rows):
            raise ValueError(f"the first column of rows(:{self.name}, …) must not be NULL")
        values: Iterable[Any] = chain.from_iterable(rows)
        padding = (size - count) * len(self.columns)
        return size, chain(values, (None,) * padding) if padding else values

    def _pick(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([row[column] for column in self.columns])


@frozen(eq=False)
class Statement:
    """SQL in pieces: what stands between its batches, with the other parameters numbered."""

    text: str
    pieces: tuple[str, ...]
    scalars: tuple[str, ...]
    batches: tuple[Batch, ...]

    def bind(self, named: Mapping[str, Any]) -> tuple[str, Bound]:
        """The text for SQLite and what to bind. KeyError for a parameter that is missing."""
        if not self.batches:
            return self.text, named
        values: list[Any] = [named[name] for name in self.scalars]
        sizes = []
        for batch in self.batches:
            size, flat = batch.flatten(named[batch.name])
            sizes.append(size)
            values.extend(flat)
        return _spell(self, tuple(sizes)), tuple(values)


_known: dict[str, Statement] = {}


def translate(sql: str) -> Statement:
    """The statement for neutral SQL; remembered, because handlers use constant texts.

    Raises ValueError for a `rows(…)` that does not name columns with their types.
    """
    statement = _known.get(sql)
    if statement is None:
        statement = _known[sql] = _translate(sql)
    return statement


def _translate(sql: str) -> Statement:
    batches = tuple(Batch(found[1], _columns(found[2])) for found in ROWS.finditer(sql))
    scalars: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"?{scalars.setdefault(found[1], len(scalars) + 1)}"

    pieces = tuple(SCALAR.sub(number, piece) for piece in ROWS.sub("\0", sql).split("\0"))
    return Statement(sql, pieces, tuple(scalars), batches)


def _columns(text: str) -> tuple[str, ...]:
    found = [COLUMN.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise ValueError(f"rows(…) needs names with types text, bigint, real or json, not {text!r}")
    return tuple(match[1] for match in found if match)


@lru_cache(maxsize=4096)
def _spell(statement: Statement, sizes: tuple[int, ...]) -> str:
    """The text for batches of these sizes."""
    first = len(statement.scalars) + 1
    text = [statement.pieces[0]]
    for batch, size, piece in zip(statement.batches, sizes, statement.pieces[1:], strict=True):
        text += [_table(batch.columns, size, first), piece]
        first += size * len(batch.columns)
    return "".join(text)


def _table(columns: Sequence[str], size: int, first: int) -> str:
    """A table of so many rows, whose parameters start at number `first`."""
    picked = ", ".join(f"column{n} AS {column}" for n, column in enumerate(columns, start=1))
    row = "(" + ", ".join("?" * len(columns)) + ")"
    start = f"(?{first}" + ", ?" * (len(columns) - 1) + ")"
    rows = ", ".join([start] + [row] * (size - 1))
    return f"(SELECT {picked} FROM (VALUES {rows}) WHERE column1 IS NOT NULL)"
