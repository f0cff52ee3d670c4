"""The gate: format, lint, types with async lint, tests, in this order, up to the first failure.

`python -m tests` runs everything. `python -m tests fast` leaves out tests marked slow or e2e, and
of the async lint what ruff does not know; of each property it tries fewer examples. Whatever
follows `--` goes to pytest.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CODE = ("omni_actors", "tests", "bench")
USAGE = "usage: python -m tests [fast] [-- pytest arguments]"

ASYNC_PROCESSES = 2
TWO = ("-n", "2")
# Tests of one file often share what they start.
BY_FILE = ("--dist", "loadfile")
FAST = ("-m", "not slow and not e2e", "--ignore=tests/e2e", "--hypothesis-profile=fast")

# ruff knows these as well, and faster.
ASYNC_IN_RUFF = (100, 105, 109, 110, 115, 116, 210, 212, 220, 221, 222, 230, 240, 250, 251)
ASYNC_NOT = (
    106,  # imports of names from trio are fine
    111,  # cannot see that what a task uses outlives it, which tests of endings are about
    113,  # a listening socket may be served without a handshake
    114,  # asks for a list of our own functions
    121,  # a return out of a nursery is fine where the nursery was cancelled
    124,  # an async function without await often only fits an async protocol
    127,  # it would rename a dependency, which is a decision and not a matter of style
    128,  # does not see that `task_status` is handed on
    401,  # pytest.RaisesGroup wants the whole shape of a group, of which a test may need one leaf
    900,  # httpx asks for response bodies as async generators; 101 and 119 find the unsafe ones
    910,  # a checkpoint on every path is a promise of libraries, not of every function
    911,
    912,
    913,  # wrong about loops that read a parser dry and wait only when it needs more
)


class Step(NamedTuple):
    """One check: the name that a failure is reported under, and modules with their arguments.

    Several of them run at the same time.
    """

    name: str
    commands: Sequence[Sequence[str]]


def main(arguments: Sequence[str]) -> int:
    """Run the steps; return 0, or the exit status of the first one that failed."""
    ours, _, for_pytest = _split(arguments)
    if ours not in ([], ["fast"]):
        print(USAGE, file=sys.stderr)
        return 2
    started = time.perf_counter()
    for step in steps(fast=bool(ours), for_pytest=for_pytest):
        status = _run(step)
        if status != 0:
            return status
    print(f"gate passed in {time.perf_counter() - started:.1f} s")
    return 0


def steps(*, fast: bool, for_pytest: Sequence[str]) -> Iterator[Step]:
    """The steps in the order in which they run: the cheap and the certain first."""
    yield Step("format", [["ruff", "format", "--check", "."]])
    yield Step("lint", [["ruff", "check", "."]])
    if fast:
        yield Step("types", [["mypy"]])
        yield Step("tests", [["pytest", *TWO, *FAST, *for_pytest]])
        return
    yield Step("types and async lint", [["mypy"], *_flake8_async()])
    if for_pytest:
        yield Step("tests", [["pytest", *for_pytest]])
    else:
        yield Step("tests", [["pytest", *TWO, "-m", "not e2e"]])
        yield Step("tests of the program", [["pytest", *TWO, *BY_FILE, "-m", "e2e"]])


def _split(arguments: Sequence[str]) -> tuple[list[str], bool, list[str]]:
    if "--" not in arguments:
        return list(arguments), False, []
    at = list(arguments).index("--")
    return list(arguments[:at]), True, list(arguments[at + 1 :])


def _flake8_async() -> list[list[str]]:
    disabled = ",".join(f"ASYNC{number}" for number in (*ASYNC_IN_RUFF, *ASYNC_NOT))
    files = _async_files()
    shares = [files[n::ASYNC_PROCESSES] for n in range(ASYNC_PROCESSES)]
    return [["flake8_async", "--disable", disabled, *share] for share in shares]


def _async_files() -> list[str]:
    """Python files that await anything; the others can only cost time here."""
    files = sorted(path for part in CODE for path in (ROOT / part).rglob("*.py"))
    return [str(path.relative_to(ROOT)) for path in files if b"async " in path.read_bytes()]


def _run(step: Step) -> int:
    print(f"{step.name} ...", flush=True)
    started = time.perf_counter()
    running = [
        (module, subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT))
        for module, *arguments in step.commands
    ]
    failed = {module: process.returncode for module, process in running if process.wait() != 0}
    spent_s = time.perf_counter() - started
    if not failed:
        print(f"{step.name} passed in {spent_s:.1f} s", flush=True)
        return 0
    whys = " and ".join(f"{module} exited with {status}" for module, status in failed.items())
    print(f"gate FAILED at {step.name}: {whys} after {spent_s:.1f} s")
    return max(failed.values(), key=abs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
