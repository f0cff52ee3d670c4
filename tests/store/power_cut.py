"""Cuts the power under the real writer again and again, and counts acknowledged rows that are gone.

`python -m tests.store.power_cut --cuts 10000` for a long run; another `--seed` makes other cuts.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import apsw
import trio
from attrs import frozen

from omni_actors.store.contract import StoreFailed
from omni_actors.store.failures import CannotOpen
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.engine import SqliteStore
from tests.store.faults import Disk, mounted
from tests.store.notes import AddNote, open_notes

STEPS_MAX = 400
CALLERS_MAX = 12
ROWS_EACH = 40


@frozen
class Verdict:
    """What one cut left behind. `sound`: the database is free of damage and opens again."""

    seed: int
    acknowledged: int
    lost: int
    sound: bool


def cut(seed: int, folder: Path, *, synchronous: str = "FULL", inline: bool = True) -> Verdict:
    """Run a load until the power goes after a random number of steps, then look."""
    chance = random.Random(seed)
    disk = Disk(chance=chance, steps_left=chance.randrange(1, STEPS_MAX))
    with mounted(disk) as vfs:
        tuning = Tuning(
            vfs=vfs,
            exclusive=True,
            synchronous=synchronous,
            checkpoint_pages=chance.choice((5, 20, 1000)),
            commit_here_s=chance.choice((0.0, 1.0)),
        )
        known = trio.run(_load, folder, tuning, inline, chance)
    found = disk.after_power_cut()
    with mounted(found) as vfs:
        sound = trio.run(_opens, folder, vfs) and _sound(folder)
        there = rows(folder) if sound else {}
    lost = sum(there.get(id) != text for id, text in known.items())
    return Verdict(seed, len(known), lost, sound)


async def _load(
    folder: Path, tuning: Tuning, inline: bool, chance: random.Random
) -> dict[str, str]:
    """The notes that were acknowledged before the power went."""
    known: dict[str, str] = {}
    with suppress(CannotOpen):  # the power may go while it is opened
        async with (
            open_notes(folder, inline=inline, tuning=tuning) as store,
            trio.open_nursery() as nursery,
        ):
            for caller in range(chance.randrange(1, CALLERS_MAX)):
                nursery.start_soon(_call, store, caller, random.Random(chance.random()), known)
    return known


async def _call(
    store: SqliteStore, caller: int, chance: random.Random, known: dict[str, str]
) -> None:
    try:
        for number in range(ROWS_EACH):
            note = AddNote(f"{caller}-{number}", "x" * chance.randrange(2000))
            await store.do(note)
            known[note.id] = note.text
    except StoreFailed:
        return


async def _opens(folder: Path, vfs: str) -> bool:
    async with open_notes(folder, inline=True, tuning=Tuning(vfs=vfs, exclusive=True)) as store:
        await store.do(AddNote("after", "the power is back"))
    return True


def _connect(folder: Path) -> apsw.Connection:
    connection = apsw.Connection(str(folder / "notes.db"), vfs="faults")
    connection.pragma("locking_mode", "EXCLUSIVE")
    return connection


def _sound(folder: Path) -> bool:
    connection = _connect(folder)
    try:
        return bool(connection.pragma("integrity_check") == "ok")
    finally:
        connection.close()


def rows(folder: Path) -> dict[str, str]:
    """Texts by id on the mounted disk."""
    connection = _connect(folder)
    try:
        found = connection.execute("SELECT id, text FROM note").fetchall()
        return {str(id): str(text) for id, text in found}
    finally:
        connection.close()


def cuts(
    seeds: Iterable[int], folder: Path, *, synchronous: str = "FULL", inline: bool = True
) -> list[Verdict]:
    """One verdict a seed."""
    return [cut(seed, folder, synchronous=synchronous, inline=inline) for seed in seeds]


def main(arguments: list[str]) -> int:
    """Print the sums; the exit status says whether nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--synchronous", default="FULL")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.seed, chosen.seed + chosen.cuts)
    with tempfile.TemporaryDirectory() as folder:
        verdicts = cuts(seeds, Path(folder), synchronous=chosen.synchronous)
    bad = [verdict for verdict in verdicts if verdict.lost or not verdict.sound]
    for verdict in bad:
        print(verdict)
    acknowledged = sum(verdict.acknowledged for verdict in verdicts)
    lost = sum(verdict.lost for verdict in verdicts)
    damaged = sum(not verdict.sound for verdict in verdicts)
    print(f"{chosen.cuts} cuts, {acknowledged} acknowledged, {lost} lost, {damaged} damaged")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
