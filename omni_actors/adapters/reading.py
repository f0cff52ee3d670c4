"""Reads single values of a foreign JSON document; nothing here raises but Malformed."""

import json
import math
from collections.abc import Sequence
from hashlib import sha256

from omni_actors.model.json import Json, JsonObject

INTEGER_MAX = 2**63 - 1
SECONDS_MAX = 253_402_300_799  # the last second of the year 9999
MILLISECONDS_MIN = 10**11


class Malformed(ValueError):
    """One item is not what the platform says it is; the text says what is wrong with it."""


def mapping(value: object) -> JsonObject:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[Json]:
    """The list, or an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str | None:
    """A text; a whole number is spelled, and an empty text is the same as none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= INTEGER_MAX else None
    return value if isinstance(value, str) and value else None


def needed_text(item: JsonObject, key: str) -> str:
    """A text that must be there. Raises Malformed."""
    found = text(item.get(key))
    if found is None:
        raise Malformed(f"`{key}` is missing")
    return found


def needed_mapping(value: object, what: str) -> JsonObject:
    """An object that must be one. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not an object")
    return value


def number(value: object) -> float | None:
    """A finite number, also where it was written as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def seconds(value: object) -> float:
    """Unix seconds of a time in seconds or milliseconds; 0.0 when it tells no time."""
    found = number(value) or 0.0
    if found >= MILLISECONDS_MIN:
        found /= 1000
    return found if 0 <= found <= SECONDS_MAX else 0.0


def digest(*values: Json) -> str:
    """A key that is the same whenever the same values are told again; 32 hex digits."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
