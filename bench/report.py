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

import trio
from attrs import asdict, define, field, frozen

ROOT = Path(__file__).resolve().parent.parent
SYNCS = 50
CHECKPOINTS = 20_000
LOOKS = 3
SPREAD_MAX = 1.3
OTHERS_MAX = 0.1
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
BUSY = "the machine was busy"
# What a trio checkpoint takes on the machine for which the absolute promises were made.
REFERENCE_CHECKPOINT_US = 3.5


@frozen
class Row:
    """One measured value. `ratio` is against the neighbour that `against` names.

    `reference` is what the value comes to on the machine for which the promises were made.
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
    reference: float | None = None


def at_least(name: str, value: float, unit: str, least: float, **more: Any) -> Row:
    """A row whose value must not be less than `least`."""
    return Row(name, value, unit, target=f">= {least:g}", met=value >= least, **more)


def at_most(name: str, value: float, unit: str, most: float, **more: Any) -> Row:
    """A row whose value must not be more than `most`."""
    return Row(name, value, unit, target=f"<= {most:g}", met=value <= most, **more)


def rate_at_least(name: str, per_s: float, *, there: float, least: float, **more: Any) -> Row:
    """A rate that is `there` on the reference machine and must not be less than `least`."""
    target = f">= {least:g}"
    return Row(name, per_s, "/s", target=target, met=there >= least, reference=there, **more)


def time_at_most(name: str, us: float, *, most: float, slowness: float, **more: Any) -> Row:
    """A time that must not be more than `most` on the reference machine; see `Yardstick`."""
    there = us / slowness
    target = f"<= {most:g}"
    return Row(name, us, "us", target=target, met=there <= most, reference=there, **more)


@define
class Yardstick:
    """How many times longer than on the reference machine a trio checkpoint takes here."""

    samples: list[float] = field(factory=list)

    def look(self, times: int = 1) -> None:
        """Measure so many times more."""
        self.samples += [checkpoint_us() / REFERENCE_CHECKPOINT_US for _ in range(times)]

    @property
    def slowness(self) -> float:
        """The least of the samples: whatever else the machine does can only add to it."""
        return min(self.samples)

    @property
    def void(self) -> str | None:
        """Why nothing that it scales may be quoted: the machine was busy with something else."""
        if max(self.samples) <= SPREAD_MAX * min(self.samples):
            return None
        low = REFERENCE_CHECKPOINT_US * min(self.samples)
        high = REFERENCE_CHECKPOINT_US * max(self.samples)
        return f"{BUSY}: a checkpoint took {low:.1f} to {high:.1f} us"

    def row(self) -> Row:
        """The machine's own speed, as a row."""
        name = "trio checkpoint, the yardstick of this machine"
        us = self.slowness * REFERENCE_CHECKPOINT_US
        return Row(name, us, "us", self.slowness, "reference", void=self.void)


@frozen
class Pace:
    """What the machine was like while something ran: the yardstick before it and after it, and
    which share of its processors went to processes that are none of ours."""

    before: float
    after: float
    others: float

    @property
    def slowness(self) -> float:
        """How many times longer than on the reference machine things took."""
        return (self.before + self.after) / 2

    @property
    def problem(self) -> str | None:
        """Why nothing that it scales may be quoted."""
        low, high = sorted((self.before, self.after))
        if self.others > OTHERS_MAX:
            return f"{BUSY}: others used {100 * self.others:.0f} % of it"
        if high > SPREAD_MAX * low:
            low, high = REFERENCE_CHECKPOINT_US * low, REFERENCE_CHECKPOINT_US * high
            return f"{BUSY}: a checkpoint took {low:.1f} us before, {high:.1f} us after"
        return None


class Watch:
    """Sees what the machine is like from now on."""

    def __init__(self) -> None:
        self._before = _slowness()
        self._began = time.monotonic()
        self._used = _used_s()

    def pace(self) -> Pace:
        """What it was like until now."""
        elapsed = time.monotonic() - self._began
        all_s, ours_s = (now - then for now, then in zip(_used_s(), self._used, strict=True))
        others = max(0.0, all_s - ours_s) / (elapsed * (os.cpu_count() or 1))
        return Pace(self._before, _slowness(), others)


def _slowness() -> float:
    return min(checkpoint_us() for _ in range(LOOKS)) / REFERENCE_CHECKPOINT_US


def _used_s() -> tuple[float, float]:
    """The processor time that everybody has used so far, and that we and our children have."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(words[1]), int(words[11]) + int(words[12])
    ours = sum(ticks for pid, ticks in used.items() if _is_ours(pid, parents))
    return (user + nice + system + irq + softirq + steal) * TICK_S, ours * TICK_S


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return bool(pid)


def checkpoint_us() -> float:
    """What a trio checkpoint takes, in microseconds: the yardstick of a machine."""
    return trio.run(_checkpoints, CHECKPOINTS)


async def _checkpoints(times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        await trio.lowlevel.checkpoint()
    return 1e6 * (time.perf_counter() - began) / times


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
    there = "" if row.reference is None else f"{row.reference:,.2f} there"
    line = f"{value} {ratio:<14} {there:<14} {row.target or '':<9} {met}"
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
