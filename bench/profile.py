"""Where the gateway's time goes while it is under load: py-spy beside the intake or echo bench.

py-spy must be installed (and allowed to look at other processes); it is no part of the project.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench import echo, intake
from bench.fleet import Child, Failed, Fleet, go, open_fleet, ready

KINDS = ("accept", "intake", "echo", "statuses")
RATE_HZ = 200
TOP = 35
LINE = re.compile(r":\d+\)$")


def run(kind: str, *, quick: bool = False) -> str:
    """The functions that cost most, with the share of samples in them and below them."""
    tool = shutil.which("py-spy") or str(Path(sys.executable).parent / "py-spy")
    if not Path(tool).exists():
        raise SystemExit("py-spy is not installed here: python -m pip install py-spy")
    with open_fleet() as fleet:
        load = fleet.load()
        if kind in ("accept", "intake"):
            return _intake(fleet, load, tool, kind, 1000 if quick else 8000)
        return _echo(fleet, load, tool, kind, 500 if quick else 3000)


def _intake(fleet: Fleet, load: Child, tool: str, kind: str, requests: int) -> str:
    config = fleet.config(kind, [intake.KEY], intake.GRAPH)
    server = fleet.door("accept", config) if kind == "accept" else fleet.gateway("pipeline", config)
    side = intake.Side(server)
    intake.closed_loop(fleet, load, side, requests // 8)
    ready(load, fleet.job(server.hook, requests, connections=intake.CONNECTIONS))
    with Recording(fleet, tool, server.child) as recording:
        intake.settled(side, go(load))
    return recording.spelled()


def _echo(fleet: Fleet, load: Child, tool: str, kind: str, requests: int) -> str:
    side = echo.open_side(fleet, 1, kind == "statuses")
    echo.one_round(fleet, load, side, requests // 8)
    with Recording(fleet, tool, side.server.child) as recording:
        echo.one_round(fleet, load, side, requests)
    return recording.spelled()


class Recording:
    """Samples of one process while the block runs."""

    def __init__(self, fleet: Fleet, tool: str, child: Child) -> None:
        self.path = fleet.folder / "stacks.txt"
        self.command = [tool, "record", "--pid", str(child.pid), "--format", "raw", "--nonblocking"]
        self.command += ["--rate", str(RATE_HZ), "--threads", "--output", str(self.path)]
        self.command += ["--duration", "3600"]

    def __enter__(self) -> "Recording":
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_problem: object) -> None:
        self.process.send_signal(2)
        self.process.wait(60)

    def spelled(self) -> str:
        """The samples, counted by function."""
        if not self.path.exists():
            raise Failed("py-spy recorded nothing; may it look at other processes?")
        return spelled(self.path.read_text())


def spelled(stacks: str) -> str:
    """Collapsed stacks (`a;b;c 12` a line) as two tables: time in a function, and below it."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [LINE.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            below[frame] += int(count)
    total = sum(own.values()) or 1
    return "\n\n".join(
        "\n".join(
            [title, *[f"{100 * n / total:6.1f} %  {name}" for name, n in some.most_common(TOP)]]
        )
        for title, some in (("in the function itself", own), ("in it and below", below))
    )
