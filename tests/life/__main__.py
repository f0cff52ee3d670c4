"""`python -m tests.life --seeds 100 [--from 1] [--customers 40]`: many lives, one line each."""

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path

from omni_actors import telemetry
from omni_actors.actors.clock import stopwatch
from tests.life.world import Scale, live


def main() -> int:
    """Live one seed after the other; the exit code tells whether all kept every promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.life", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--customers", type=int, default=Scale().customers)
    asked = parser.parse_args()
    telemetry.configure(level="critical", stream=io.StringIO())
    scale = Scale(customers=asked.customers)
    bad = [seed for seed in range(asked.first, asked.first + asked.seeds) if not kept(seed, scale)]
    print(f"{asked.seeds - len(bad)} of {asked.seeds} lives were good; bad: {bad or 'none'}")
    return 1 if bad else 0


def kept(seed: int, scale: Scale) -> bool:
    """Whether one life kept every promise; says what it was like."""
    began = stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        try:
            told = live(seed, Path(folder), scale)
        except Exception as problem:  # noqa: BLE001 - one bad life must not end the others
            print(f"seed {seed}: {first_of(problem)!r}", flush=True)
            return False
    print(
        f"seed {seed}: {told.written} written, {told.sent} sent, {told.arrivals} calls, "
        f"{told.doubled} doubled, {told.lives} lives, {stopwatch() - began:.1f} s, "
        f"{told.trace[:12]}",
        flush=True,
    )
    return True


def first_of(problem: BaseException) -> BaseException:
    """The first of some problems."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts have an order of their own
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.life", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
