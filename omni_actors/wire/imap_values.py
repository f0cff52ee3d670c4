"""Reads the values of a response: atoms, strings, numbers, lists in lists.

https://www.rfc-editor.org/rfc/rfc3501#section-4
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from attrs import define, field

from omni_actors.wire.imap_framing import Held, Malformed, Part, Streamed

DEPTH_MAX: Final = 16

_SPACE: Final = re.compile(rb"[ \t]*")
_QUOTED: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPED: Final = re.compile(rb"\\(.)")
# What stands in brackets belongs to the atom, spaces included: BODY[HEADER.FIELDS (TO)]<0>.
_ATOM: Final = re.compile(rb'(?:[^ \t()"{\[]+|\[[^\]]{0,500}\]|\[)+')


class Atom(bytes):
    """A word that was not quoted."""

    __slots__ = ()


Value: TypeAlias = "bytes | Streamed | tuple[Value, ...] | None"


def values_of(parts: Sequence[Part]) -> list[Value]:
    """All values of a response's parts; NIL is None. Raises Malformed."""
    reader = _Reader(parts)
    values = reader.many(0)
    if not reader.at_end:
        raise Malformed("a bracket is closed that was not opened")
    return values


@define(eq=False)
class _Reader:
    parts: Sequence[Part]
    part: int = 0
    at: int = 0
    text: bytes = field(init=False, default=b"")

    def __attrs_post_init__(self) -> None:
        self._enter()

    @property
    def at_end(self) -> bool:
        return self.part >= len(self.parts)

    def many(self, depth: int) -> list[Value]:
        """Values up to a closing bracket, which is left, or to the end."""
        if depth > DEPTH_MAX:
            raise Malformed(f"lists in lists, more than {DEPTH_MAX} deep")
        values: list[Value] = []
        while True:
            self._skip_space()
            if self.at_end or self.text.startswith(b")", self.at):
                return values
            values.append(self._one(depth))

    def _one(self, depth: int) -> Value:
        literal = self.parts[self.part]
        if isinstance(literal, Held | Streamed):
            self._next_part()
            return literal.data if isinstance(literal, Held) else literal
        first = self.text[self.at : self.at + 1]
        if first == b"(":
            return self._list(depth)
        if first == b'"':
            return _ESCAPED.sub(rb"\1", self._match(_QUOTED)[1])
        atom = self._match(_ATOM)[0]
        return None if atom.upper() == b"NIL" else Atom(atom)

    def _list(self, depth: int) -> Value:
        self.at += 1
        values = self.many(depth + 1)
        if self.at_end:
            raise Malformed("a bracket is not closed")
        self.at += 1
        return tuple(values)

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise Malformed("a response that cannot be read")
        self.at = match.end()
        return match

    def _skip_space(self) -> None:
        while not self.at_end and isinstance(self.parts[self.part], bytes):
            space = _SPACE.match(self.text, self.at)
            assert space is not None
            self.at = space.end()
            if self.at < len(self.text):
                return
            self._next_part()

    def _next_part(self) -> None:
        self.part += 1
        self._enter()

    def _enter(self) -> None:
        self.at = 0
        part = self.parts[self.part] if not self.at_end else b""
        self.text = part if isinstance(part, bytes) else b""
