"""An empty database with all migrations behind it: running them takes longer than most tests."""

import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import apsw

from omni_actors.store.sqlite.connect import Tuning, open_writer
from omni_actors.store.sqlite.migrate import migrate, shipped


def lay(folder: Path) -> Path:
    """The path of a database in `folder`: an empty one, unless there was one already."""
    path = folder / "omni.db"
    if not path.exists():
        path.write_bytes(_empty())
        path.chmod(0o600)
    return path


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        path.touch()
        with closing(open_writer(path, Tuning())) as connection:
            migrate(connection, path, shipped())
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return path.read_bytes()
