"""Values of header fields that have parameters, such as `text/plain; charset=utf-8`.

https://www.rfc-editor.org/rfc/rfc2045#section-5 https://www.rfc-editor.org/rfc/rfc2231
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from omni_actors.adapters.email.charsets import decode
from omni_actors.adapters.email.headers import shown, words_decoded

PARAMETERS_MAX: Final = 200

_PARAMETER = re.compile(
    r"""\s*+ (?P<name>[^=;\s"]{1,128}+) \s*+
        = \s*+ (?: "(?P<quoted>(?:[^"\\]|\\.)*+)" | (?P<bare>[^;]*+) ) [^;]*+""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"(?P<name>[^*]+)(?:\*(?P<number>[0-9]{1,3}))?(?P<encoded>\*)?")


@frozen
class Valued:
    """The value before the first semicolon, in lower case, and the parameters by name."""

    value: str
    parameters: Mapping[str, str] = field(factory=dict)


def valued(written: str) -> Valued:
    """A value and its parameters; of two with one name the first counts, and the extended one
    before the other."""
    value, semicolon, rest = written.partition(";")
    if "=" in value and not semicolon:  # `name=x` alone
        value, rest = "", value
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, (name, text) in enumerate(_pairs(rest)):
        section = _SECTION.fullmatch(name)
        if count >= PARAMETERS_MAX:
            break
        if section is None or (section["number"] is None and section["encoded"] is None):
            plain.setdefault(name, text)
            continue
        pieces = sections.setdefault(section["name"], {})
        pieces.setdefault(int(section["number"] or 0), (text, section["encoded"] is not None))
    joined = {name: _joined(pieces) for name, pieces in sections.items()}
    decoded = {name: shown(words_decoded(text)) for name, text in plain.items()}
    return Valued(shown(value).lower(), decoded | joined)


def _pairs(rest: str) -> list[tuple[str, str]]:
    pairs = list[tuple[str, str]]()
    at = 0
    while at < len(rest) and len(pairs) <= PARAMETERS_MAX:
        found = _PARAMETER.match(rest, at)
        if found is None:
            at = rest.find(";", at) + 1 or len(rest)
            continue
        quoted = found["quoted"]
        bare = found["bare"] or ""
        text = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare.strip().strip('"')
        pairs.append((found["name"].lower(), text))
        at = found.end() + 1
    return pairs


def _joined(pieces: Mapping[int, tuple[str, bool]]) -> str:
    """The sections of a parameter; the first one names the charset of those that are encoded."""
    charset, data = "", []
    for number in sorted(pieces):
        text, encoded = pieces[number]
        if encoded and number == min(pieces) and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data.append(unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace"))
    return shown(decode(b"".join(data), charset or "utf-8").text)
