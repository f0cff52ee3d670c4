"""Cuts what an IMAP server sends into whole responses, wherever the network has split it.

A response is a line, and where that ends with `{n}` a literal of n bytes and another line. The
literal of a whole mail is passed on as it comes and never held; all other literals are.
https://www.rfc-editor.org/rfc/rfc3501#section-4.3
"""

import re
from typing import Final, TypeAlias

from attrs import define, field, frozen

LINE_BYTES_MAX: Final = 64 * 1024
HELD_BYTES_MAX: Final = 512 * 1024
PARTS_MAX: Final = 1000

_LITERAL: Final = re.compile(rb"~?\{(\d{1,20})\+?\}\Z")
_BODY: Final = re.compile(rb"[ (]BODY\[\](?:<\d+>)? +\Z", re.IGNORECASE)
_WITHOUT_LITERALS: Final = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)(?: |\Z)", re.IGNORECASE)


class Malformed(Exception):
    """The server does not speak IMAP, or more of it than we take. The connection is lost."""


@frozen
class Piece:
    """Some bytes of the mail that is being fetched."""

    data: bytes


@frozen
class Streamed:
    """Stands in a response where a literal was whose `size` bytes went out as pieces."""

    size: int


@frozen
class Held:
    """A literal."""

    data: bytes


Part: TypeAlias = bytes | Held | Streamed


@frozen
class Response:
    """A whole response: text and literals in turns, beginning and ending with text."""

    parts: tuple[Part, ...]

    @property
    def head(self) -> bytes:
        """The text before the first literal."""
        first = self.parts[0]
        assert isinstance(first, bytes)
        return first


@define(eq=False)
class Framing:
    """Bytes in, responses and pieces of mails out. `line_bytes_max` bounds a response's text."""

    line_bytes_max: int = LINE_BYTES_MAX
    _line: bytearray = field(factory=bytearray)
    _parts: list[Part] = field(factory=list)
    _text_size: int = 0  # of the lines of the response so far
    _held_size: int = 0  # of its literals that are held
    _held: bytearray = field(factory=bytearray)
    _left: int = 0  # bytes of the literal that are still to come
    _streaming: int | None = None  # the size of the literal that is passed on

    @property
    def between(self) -> bool:
        """Whether everything that came was a whole response."""
        return not self._line and not self._parts

    def feed(self, data: bytes) -> list[Response | Piece]:
        """Take what came. Raises Malformed."""
        out: list[Response | Piece] = []
        at = 0
        while at < len(data):
            if self._left:
                at = self._literal(data, at, out)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._grow(data[at:])
                break
            self._grow(data[at:end])
            self._end_of_line(out)
            at = end + 1
        return out

    def _grow(self, text: bytes) -> None:
        self._text_size += len(text)
        if self._text_size > self.line_bytes_max:
            raise Malformed(f"a response of more than {self.line_bytes_max} bytes")
        self._line += text

    def _end_of_line(self, out: list[Response | Piece]) -> None:
        line = bytes(self._line.removesuffix(b"\r"))
        self._line.clear()
        literal = _LITERAL.search(line) if self._may_hold_literals(line) else None
        if literal is None:
            self._parts.append(line)
            out.append(Response(tuple(self._parts)))
            self._parts.clear()
            self._text_size = self._held_size = 0
            return
        text = line[: literal.start()]
        self._parts.append(text)
        self._begin_literal(int(literal[1]), streamed=_BODY.search(text) is not None)

    def _may_hold_literals(self, line: bytes) -> bool:
        """The text that a status ends with is for people, and may well end with `{5}`."""
        if self._parts:
            return True
        return line.startswith(b"* ") and not _WITHOUT_LITERALS.match(line)

    def _begin_literal(self, size: int, *, streamed: bool) -> None:
        self._left = size
        self._streaming = size if streamed else None
        self._held_size += 0 if streamed else size
        if self._held_size > HELD_BYTES_MAX:
            raise Malformed(f"literals of more than {HELD_BYTES_MAX} bytes")
        if len(self._parts) > PARTS_MAX:
            raise Malformed(f"a response of more than {PARTS_MAX} parts")
        if not size:
            self._end_literal()

    def _literal(self, data: bytes, at: int, out: list[Response | Piece]) -> int:
        taken = data[at : at + self._left]
        self._left -= len(taken)
        if self._streaming is not None:
            out.append(Piece(taken))
        else:
            self._held += taken
        if not self._left:
            self._end_literal()
        return at + len(taken)

    def _end_literal(self) -> None:
        if self._streaming is not None:
            self._parts.append(Streamed(self._streaming))
        else:
            self._parts.append(Held(bytes(self._held)))
        self._held.clear()
        self._streaming = None
