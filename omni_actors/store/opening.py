"""Opens the store that a URL names."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import omni_actors.store.handlers  # noqa: F401 - importing them registers them
from omni_actors.store.contract import StoreFailed
from omni_actors.store.failures import CannotOpen
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.disk import Floor
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.sqlite.start import Start, open_sqlite

SQLITE = "sqlite:///"


@asynccontextmanager
async def open_store(
    url: str,
    *,
    clock_now: Callable[[], float],
    chance_bits: Callable[[int], int],
    inline: bool = False,
    key: bytes | None = None,
    on_failure: Callable[[StoreFailed], None] | None = None,
    floor: Floor = Floor(),  # noqa: B008 - a frozen default
    tuning: Tuning = Tuning(),  # noqa: B008 - a frozen default
) -> AsyncIterator[SqliteStore]:
    """The store at `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.

    `clock_now` (unix seconds) and `chance_bits` make the ids; both are called in the writer's
    thread. `inline` does everything on the run loop, for simulations. Without `key` (32 bytes) the
    key lies in `store.key` beside the database, made at the first start. `on_failure` is called
    once, on the trio thread, when the disk has refused a commit. Leaving the block carries out what
    is queued. Raises CannotOpen.
    """
    start = Start(sqlite_path(url), clock_now, chance_bits, key, floor, tuning)
    async with open_sqlite(start, inline=inline, on_failure=on_failure) as store:
        yield store


def sqlite_path(url: str) -> Path:
    """The database file of a URL. Raises CannotOpen for what is not one of SQLite's."""
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        return Path(url.removeprefix(SQLITE))
    scheme = url.partition(":")[0]
    if scheme in ("postgresql", "postgres"):
        raise CannotOpen("PostgreSQL is not supported yet; use a URL like sqlite:///data/omni.db")
    raise CannotOpen("the store's URL must look like sqlite:///data/omni.db")
