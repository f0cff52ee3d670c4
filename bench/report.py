"""What a bench says: rows on the terminal, and JSON lines that tell where they were measured."""

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

ROOT = Path(__file__).resolve().parent.parent
SYNCS = 50


@frozen
class Row:
    """One measured value. `ratio` is against the neighbour that `against` names.

    A row with `void` must not be quoted: it says why the run behind it proves nothing.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None
    target: str | None = None
    met: bool | None = None
    void: str | None = None


def at_least(name: str, value: float, unit: str, least: float, **more: Any) -> Row:
    """A row whose value must not be less than `least`."""
    return Row(name, value, unit, target=f">= {least:g}", met=value >= least, **more)


def at_most(name: str, value: float, unit: str, most: float, **more: Any) -> Row:
    """A row whose value must not be more than `most`."""
    return Row(name, value, unit, target=f"<= {most:g}", met=value <= most, **more)


def median(values: Sequence[float]) -> float:
    """The middle of some rounds."""
    return statistics.median(values)


def spelled(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    return "\n".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:7.2f} x {row.against or ''}"
    met = {True: "met", False: "MISSED", None: ""}[row.met]
    value = f"{row.name:<82} {row.value:10,.2f} {row.unit:<5}"
    line = f"{value} {ratio:<14} {row.target or '':<9} {met}"
    return line.rstrip() if row.void is None else f"{line.rstrip()}  VOID: {row.void}"


def machine() -> dict[str, Any]:
    """Where and on what the rows were measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD") or None,
        "changed": bool(_git("status", "--porcelain", "--", "omni_actors", "bench")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(load, 2) for load in os.getloadavg()],
        "fdatasync_ms": round(_sync_ms(), 3),
    }


def spelled_machine(where: dict[str, Any]) -> str:
    """The machine in one line."""
    changed = " with changes" if where["changed"] else ""
    return (
        f"commit {where['commit']}{changed}, Python {where['python']}, {where['cores']} cores of "
        f"{where['cpu']}, load {where['load'][0]}, fdatasync {where['fdatasync_ms']} ms"
    )


def append_json(path: Path, bench: str, where: dict[str, Any], rows: Sequence[Row]) -> None:
    """One JSON line a row, at the end of the file."""
    with path.open("a") as lines:
        for row in rows:
            lines.write(json.dumps({"bench": bench, **asdict(row), **where}) + "\n")


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _sync_ms() -> float:
    """The median time of a small durable write where the stores of the bench lie."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
