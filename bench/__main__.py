"""Measure, print, and keep for comparison; or profile."""

import argparse
from collections.abc import Callable
from pathlib import Path

from bench import (
    echo,
    intake,
    mail_idle,
    mail_parsing,
    mail_sending,
    profile,
    restart,
    runtime,
)
from bench.report import Row, append_json, machine, spelled, spelled_machine

BENCHES: dict[str, Callable[..., list[Row]]] = {
    "runtime": runtime.run,
    "intake": intake.run,
    "echo": echo.run,
    "restart": restart.run,
    "mail-parsing": mail_parsing.run,
    "mail-idle": mail_idle.run,
    "mail-sending": mail_sending.run,
}


def arguments() -> argparse.Namespace:
    """What the caller asks for."""
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("bench", choices=[*BENCHES, "profile"])
    parser.add_argument("of", nargs="?", choices=profile.KINDS, help="what to profile")
    parser.add_argument("--json", type=Path, metavar="FILE", help="append JSON lines to FILE")
    parser.add_argument("--quick", action="store_true", help="too short to be quoted")
    return parser.parse_args()


def main() -> None:
    """Run one bench."""
    asked = arguments()
    if asked.bench == "profile":
        print(profile.run(asked.of or "intake", quick=asked.quick))
        return
    where = machine()
    print(spelled_machine(where))
    rows = BENCHES[asked.bench](quick=asked.quick)
    print(spelled(rows))
    if asked.json is not None:
        append_json(asked.json, asked.bench, where, rows)


if __name__ == "__main__":
    main()
