"""Strict JSON: one document, no duplicate names, nothing that cannot be stored or sent again.

A caller made it, so a mistake is the caller's to hear of; what platforms send is read tolerantly
elsewhere.
"""

import json
from collections.abc import Iterator
from typing import Any

from omni_actors.api.problems import Problem
from omni_actors.gateway.facade import Code, Mistake

DEPTH_MAX = 32
NUMBER_MAX = 2**63 - 1  # also of what is no integer, since many programs do not tell them apart
MISTAKES_MAX = 50
DIGITS_MAX = 400  # a longer one would take time to read, and be refused all the same


def parse(raw: bytes) -> Any:
    """The document in `raw`. Raises Problem for everything that is not plain JSON."""
    try:
        document = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise _unreadable("the body is not UTF-8") from None
    except RecursionError:
        raise _unreadable(f"the body is nested deeper than {DEPTH_MAX}") from None
    except json.JSONDecodeError as error:
        if not raw.strip():
            raise _unreadable("the body is empty; send {} where there is nothing to say") from None
        raise _unreadable(
            f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except ValueError as error:
        raise _unreadable(f"the body is not JSON: {error}"[:300]) from None
    flaws = _first(_flaws(document, "", 0))
    if flaws:
        raise Problem(Code.INVALID, "the body holds what cannot be stored", mistakes=flaws)
    return document


def _integer(written: str) -> int:
    if len(written) > DIGITS_MAX:
        raise ValueError(f"an integer of {len(written)} digits; at most 19 can be stored")
    return int(written)


def _first(mistakes: Iterator[Mistake]) -> list[Mistake]:
    return [mistake for mistake, _ in zip(mistakes, range(MISTAKES_MAX), strict=False)]


def _unreadable(detail: str) -> Problem:
    return Problem(Code.INVALID, detail, mistakes=[Mistake("", detail)])


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _flaws(value: Any, pointer: str, depth: int) -> Iterator[Mistake]:
    """Where a document is too deep, or holds text or numbers that nobody can keep."""
    if depth > DEPTH_MAX:
        yield Mistake(pointer, f"is nested deeper than {DEPTH_MAX}")
    elif isinstance(value, str):
        yield from _text_flaws(value, pointer)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _text_flaws(name, pointer)
            yield from _flaws(member, f"{pointer}/{escaped(name)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, f"{pointer}/{index}", depth + 1)
    elif isinstance(value, int | float) and not -NUMBER_MAX <= value <= NUMBER_MAX:
        yield Mistake(pointer, "is a number beyond what 64 bits hold")


def _text_flaws(text: str, pointer: str) -> Iterator[Mistake]:
    if "\0" in text:
        yield Mistake(pointer, "holds a NUL character")
    elif not encodable(text):
        yield Mistake(pointer, "holds half of a surrogate pair")


def encodable(text: str) -> bool:
    """Whether a text can be spelled in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(name: str) -> str:
    """A member's name as a step of a JSON pointer (RFC 6901), fit to be sent back."""
    shown = name[:80].encode("utf-8", "replace").decode()
    return shown.replace("~", "~0").replace("/", "~1").replace("\0", "�")
