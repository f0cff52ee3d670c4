"""Words of IMAP: what a client says taken apart, what the server says put together.

https://www.rfc-editor.org/rfc/rfc3501#section-9
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from attrs import frozen

DEPTH_MAX: Final = 20
_ATOM_END: Final = frozenset(b' ()"\0')
_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
LITERAL = re.compile(rb"\{(\d{1,10})(\+?)\}\Z")


class SyntaxProblem(Exception):
    """The client said something that is no IMAP; the text tells what."""


@frozen
class Quoted:
    """A string, quoted or as a literal."""

    data: bytes


Word: TypeAlias = "str | Quoted | list[Word]"


def words(line: bytes, literals: Sequence[bytes]) -> "list[Word]":
    """The words of a command; a literal stands in the line as NUL. Raises SyntaxProblem."""
    reader = _Reader(line, list(literals))
    found = reader.sequence(0)
    if reader.at < len(line):
        raise SyntaxProblem("there is a ) too many")
    return found


class _Reader:
    def __init__(self, line: bytes, literals: list[bytes]) -> None:
        self.line, self.literals, self.at = line, literals, 0

    def sequence(self, depth: int) -> "list[Word]":
        """Words up to the end or to a closing bracket."""
        if depth > DEPTH_MAX:
            raise SyntaxProblem("there are too many ( within each other")
        found: list[Word] = []
        while self.at < len(self.line) and self.line[self.at] != 0x29:
            match self.line[self.at]:
                case 0x20:
                    self.at += 1
                case 0x28:
                    self.at += 1
                    found.append(self.sequence(depth + 1))
                    if self.line[self.at : self.at + 1] != b")":
                        raise SyntaxProblem("a ( has no )")
                    self.at += 1
                case 0x22:
                    found.append(Quoted(self._quoted()))
                case 0x00:
                    self.at += 1
                    found.append(Quoted(self.literals.pop(0)))
                case _:
                    found.append(self._atom())
        return found

    def _quoted(self) -> bytes:
        found = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(self.line, self.at)
        if found is None:
            raise SyntaxProblem("a quoted string has no end")
        self.at = found.end()
        return re.sub(rb"\\(.)", rb"\1", found[1])

    def _atom(self) -> str:
        """A word without quotes; a section in square brackets, blanks and all, is part of it."""
        start = self.at
        while self.at < len(self.line) and self.line[self.at] not in _ATOM_END:
            if self.line[self.at] == 0x5B:
                end = self.line.find(b"]", self.at)
                if end < 0:
                    raise SyntaxProblem("a [ has no ]")
                self.at = end
            self.at += 1
        return self.line[start : self.at].decode("utf-8", "replace")


def text_of(word: "Word") -> str:
    """A word as text. Raises SyntaxProblem for a list."""
    if isinstance(word, list):
        raise SyntaxProblem("a list stands where a word is wanted")
    return word if isinstance(word, str) else word.data.decode("utf-8", "replace")


def bytes_of(word: "Word") -> bytes:
    """A word as bytes. Raises SyntaxProblem for a list."""
    return word.data if isinstance(word, Quoted) else text_of(word).encode()


def numbers(text: str, most: int) -> list[range]:
    """A set such as `1:3,7,9:*`, where `*` is `most`. Raises SyntaxProblem."""
    found = []
    for piece in text.split(","):
        first, colon, last = piece.partition(":")
        ends = [_number(first, most), _number(last, most) if colon else _number(first, most)]
        found.append(range(min(ends), max(ends) + 1))
    return found


def _number(text: str, most: int) -> int:
    if text == "*":
        return most
    if not re.fullmatch(r"[1-9]\d{0,9}", text):
        raise SyntaxProblem(f"{text[:20]!r} is no number of a mail")
    return int(text)


def nstring(text: str | bytes | None) -> bytes:
    """A string as the server says it, or NIL."""
    if text is None:
        return b"NIL"
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    if len(data) > 900 or not _QUOTABLE.fullmatch(data):
        return literal(data)
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def literal(data: bytes) -> bytes:
    """Bytes as they are, behind their number."""
    return b"{%d}\r\n" % len(data) + data


def internal_date(at: float) -> str:
    """A moment as the server writes it, without its quotes."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%d-%b-%Y %H:%M:%S +0000")


def moment(text: str) -> float:
    """A moment as a client writes it, in unix seconds. Raises SyntaxProblem."""
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()
    except ValueError:
        raise SyntaxProblem(f"{text[:40]!r} is no date with a time") from None


def day(text: str) -> float:
    """The first unix second of a day. Raises SyntaxProblem."""
    try:
        return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SyntaxProblem(f"{text[:40]!r} is no date") from None
