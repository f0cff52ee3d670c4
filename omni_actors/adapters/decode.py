"""Makes a JSON document of the bytes of a hook, forgiving what platforms really send."""

import json
import math
import re

from omni_actors.adapters.contract import Undecodable
from omni_actors.model.json import Json

DEPTH_MAX = 64
INTEGER_DIGITS_MAX = 19
INTEGER_MAX = 2**63 - 1
FLOAT_CHARACTERS_MAX = 400
TOWER_CHARACTERS_MAX = 256 * 1024  # to look through it takes at most 0.1 s

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_OR_NUL = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")


def decode(raw: bytes) -> Json:
    """The document in `raw`. Raises Undecodable, and nothing else.

    Bytes that are not UTF-8 and lone surrogates become U+FFFD, NUL is left out of texts, and a
    number that is not finite or does not fit 64 bits becomes None. So does what is nested more than
    64 deep: it costs one item, and not the neighbours of that item.
    """
    text = raw.decode("utf-8-sig", errors="replace")
    try:
        document = _parsed(text)
    except RecursionError:
        document = _without_depths(text)
    except ValueError as wrong:
        where = f" at character {wrong.pos}" if isinstance(wrong, json.JSONDecodeError) else ""
        raise Undecodable(f"the body is not JSON{where}") from None
    return _clean(document, DEPTH_MAX) if _may_be_unclean(text) else document


def _may_be_unclean(text: str) -> bool:
    """Whether a text may hold what must be cleaned; most do not, and that is quickly seen."""
    if text.count("{") + text.count("[") > DEPTH_MAX or "\0" in text:
        return True
    return "\\u" in text and _SURROGATE_OR_NUL.search(text) is not None


def _parsed(text: str) -> Json:
    document: Json = _PARSER.decode(text)
    return document


def _without_depths(text: str) -> Json:
    """The document without what is nested deeper than the parser can go."""
    if len(text) <= TOWER_CHARACTERS_MAX:
        try:
            return _parsed(_cut_off(text))
        except ValueError:  # its positions would not be those of the body
            pass
    raise Undecodable("the body is nested too deeply")


def _cut_off(text: str) -> str:
    """The text with `null` for each value that is nested too deeply."""
    kept, start, depth = [], 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth == DEPTH_MAX + 1:
                kept += [text[start : token.start()], "null"]
        elif first in "]}":
            if depth == DEPTH_MAX + 1:
                start = token.end()
            depth -= 1
    kept.append(text[start:])
    return "".join(kept)


def _integer(written: str) -> int | None:
    if len(written.lstrip("-")) > INTEGER_DIGITS_MAX:
        return None
    found = int(written)
    return found if abs(found) <= INTEGER_MAX else None


def _float(written: str) -> float | None:
    if len(written) > FLOAT_CHARACTERS_MAX:
        return None
    found = float(written)
    return found if math.isfinite(found) else None


def _nothing(_written: str) -> None:
    return None


_PARSER = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_float, parse_constant=_nothing
)


def _clean(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return _clean_text(value)
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {_clean_text(key): _clean(inner, depth - 1) for key, inner in value.items()}
    return [_clean(inner, depth - 1) for inner in value]


def _clean_text(value: str) -> str:
    if value.isascii():
        return value.replace("\0", "") if "\0" in value else value
    return _LONE_SURROGATE.sub("\ufffd", value.replace("\0", ""))
