"""Kills a writing process again and again, and counts acknowledged rows that are gone.

`python -m tests.store.kill --rounds 1000` for a long run.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw
import trio
from attrs import frozen

from tests.store.notes import NoteIds, open_notes

ROOT = Path(__file__).resolve().parent.parent.parent
LINES_MAX = 3000


@frozen
class Round:
    """What one kill left behind, and how long opening took afterwards."""

    acknowledged: int
    lost: int
    sound: bool
    reopened_s: float


def kill_rounds(rounds: int, folder: Path, seed: int = 0) -> list[Round]:
    """Kill the writer after a random number of answers, each time on what the last one left."""
    chance = random.Random(seed)
    known: set[str] = set()
    return [
        _round(folder, f"r{number}", chance.randrange(1, LINES_MAX), known)
        for number in range(rounds)
    ]


def _round(folder: Path, prefix: str, lines: int, known: set[str]) -> Round:
    acknowledged = _run_and_kill(folder, prefix, lines)
    known |= acknowledged
    started = time.perf_counter()
    there, opened = trio.run(_look, folder)
    return Round(len(acknowledged), len(known - there), _sound(folder), opened - started)


def _run_and_kill(folder: Path, prefix: str, lines: int) -> set[str]:
    command = [sys.executable, "-m", "tests.store.kill_child", str(folder), prefix]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        read = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        read += child.stdout.readlines()
    return {line.decode().strip() for line in read if line.endswith(b"\n")}


async def _look(folder: Path) -> tuple[frozenset[str], float]:
    async with open_notes(folder) as store:
        opened = time.perf_counter()
        return await store.ask(NoteIds()), opened


def _sound(folder: Path) -> bool:
    connection = apsw.Connection(str(folder / "notes.db"))
    try:
        return bool(connection.pragma("integrity_check") == "ok")
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Print the sums; the exit status says whether nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = kill_rounds(chosen.rounds, Path(folder), chosen.seed)
    acknowledged = sum(one.acknowledged for one in found)
    lost = sum(one.lost for one in found)
    damaged = sum(not one.sound for one in found)
    slowest = max(one.reopened_s for one in found)
    print(
        f"{chosen.rounds} kills, {acknowledged} acknowledged, {lost} lost, {damaged} damaged, "
        f"reopened within {slowest * 1000:.0f} ms"
    )
    return 1 if lost or damaged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
