"""Reads the head of an answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_KEEP_ALIVE: Final = re.compile(r"timeout=([0-9]{1,6})", re.I)
KEEP_MARGIN_S: Final = 1.0


def lower_case(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; what comes twice is joined by a comma."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.lower().decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def declared_size(headers: Mapping[str, str]) -> int:
    """How many bytes the body is said to have; 0 when nothing is said."""
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdecimal() else 0


def keep_s(headers: Mapping[str, str]) -> float:
    """How long the connection may idle before the other side hangs up, as far as it says.

    We stop a second early: a request that meets the hanging up is one whose fate is unknown.
    """
    said = _KEEP_ALIVE.search(headers.get("keep-alive", ""))
    return float("inf") if said is None else float(said[1]) - KEEP_MARGIN_S
