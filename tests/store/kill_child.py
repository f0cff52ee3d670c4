"""A process that writes under load and prints what was acknowledged, until it is killed."""

import os
import sys
from itertools import count
from pathlib import Path

import trio

from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.engine import SqliteStore
from tests.store.notes import AddNote, open_notes

CALLERS = 16


async def write(folder: Path, prefix: str) -> None:
    """Never ends by itself. Each line of the output is the id of one acknowledged note."""
    async with (
        open_notes(folder, tuning=Tuning(checkpoint_pages=100)) as store,
        trio.open_nursery() as nursery,
    ):
        for caller in range(CALLERS):
            nursery.start_soon(_call, store, f"{prefix}-{caller}")


async def _call(store: SqliteStore, prefix: str) -> None:
    for number in count():
        note = AddNote(f"{prefix}-{number}", "x" * 500)
        await store.do(note)
        os.write(sys.stdout.fileno(), f"{note.id}\n".encode())


if __name__ == "__main__":
    trio.run(write, Path(sys.argv[1]), sys.argv[2])
