"""Writes the headers of a mail: encoded where they are not ASCII, folded, and never more than one.

The standard library folds ids longer than a line into encoded words, which no other mail program
takes for ids; so this is done here. https://www.rfc-editor.org/rfc/rfc2047
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from email.utils import getaddresses
from typing import Final

from omni_actors.wire.smtp_lines import Unspeakable, address, needs_utf8

LINE_CHARS: Final = 76
LINE_CHARS_MAX: Final = 998
WORD_BYTES: Final = 45  # of text in one encoded word: 60 characters, and 12 around them
ADDRESSES: Final = frozenset({"from", "sender", "to", "cc", "reply-to"})
IDS: Final = frozenset({"message-id", "in-reply-to", "references"})
OURS: Final = re.compile(r"mime-version|content-.*|bcc", re.I)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def header(name: str, value: str) -> bytes:
    """One header, ending CRLF. Raises Unspeakable, naming the header."""
    if not _NAME.fullmatch(name) or OURS.fullmatch(name):
        raise Unspeakable(f"the header {name!r} is not for a mail's description to set")
    if _CONTROLS.search(value):
        raise Unspeakable(f"the header {name} holds a control character or a line end")
    kind = name.lower()
    if kind in ADDRESSES:
        words = list(_addressed(name, value))
    elif kind in IDS:
        words = _ids(name, value)
    else:
        words = list(_encoded(value))
    return folded(name, words)


def folded(name: str, words: Sequence[str]) -> bytes:
    """A header of words that stay whole, on as many lines as they need. Raises Unspeakable."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > LINE_CHARS and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    if any(len(each.encode()) > LINE_CHARS_MAX for each in lines):
        raise Unspeakable(f"the header {name} holds a word that no line of a mail can take")
    return "\r\n".join(lines).encode() + b"\r\n"


def utf8_needed(name: str, value: str) -> bool:
    """Whether the header holds an address that can only be written in UTF-8."""
    if name.lower() not in ADDRESSES or value.isascii():
        return False
    return any(needs_utf8(each) for _, each in getaddresses([value]))


def text_of(value: str) -> str:
    """Text as it can be encoded: half a character is shown as unknown."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _addressed(name: str, value: str) -> Iterator[str]:
    """The words of a list of addresses: names encoded or quoted, addresses as they are."""
    pairs = getaddresses([value])
    last = len(pairs) - 1
    for index, (shown, where) in enumerate(pairs):
        try:
            spelled = address(where)
        except Unspeakable as error:
            raise Unspeakable(f"the header {name} is no list of addresses: {error}") from None
        comma = "," if index < last else ""
        if not shown:
            yield spelled + comma
            continue
        yield from _phrase(text_of(shown))
        yield f"<{spelled}>{comma}"


def _phrase(shown: str) -> Sequence[str]:
    # Words that look like encoded ones would be decoded by whoever reads them.
    if not shown.isascii() or "=?" in shown or len(shown) > LINE_CHARS:
        return list(_encoded_words(shown))
    if _ATOMS.fullmatch(shown):
        return shown.split()
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{escaped}"']


def _ids(name: str, value: str) -> list[str]:
    if not value.isascii():
        raise Unspeakable(f"the header {name} must be ASCII")
    return value.split()


def _encoded(value: str) -> Iterator[str]:
    """The words of free text. What is ASCII is left readable, unless it would not come out so."""
    value = text_of(value)
    words = value.split(" ")
    plain = value.isascii() and "=?" not in value
    if plain and all(0 < len(word) < LINE_CHARS_MAX for word in words):
        yield from words
    elif value:
        yield from _encoded_words(value)


def _encoded_words(text: str) -> Iterator[str]:
    """Encoded words, each of whole characters, which readers join without the blanks between."""
    held = b""
    for character in text:
        spelled = character.encode()
        if len(held) + len(spelled) > WORD_BYTES:
            yield _word(held)
            held = b""
        held += spelled
    yield _word(held)


def _word(spelled: bytes) -> str:
    return f"=?utf-8?b?{b64encode(spelled).decode()}?="
