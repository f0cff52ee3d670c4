"""Reads a mail server's replies, however they are cut on their way (RFC 5321, 4.2)."""

import re
from typing import Final

from attrs import define, field

from omni_actors.wire.calls import SmtpReply

REPLY_BYTES_MAX: Final = 64 * 1024
_LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.S)
_ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|$)")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Garbled(Exception):
    """What a server says is not SMTP, has no end, or answers what nobody asked.

    Nothing more that it says on this connection can be trusted to belong to a command.
    """


@define(eq=False)
class Replies:
    """Takes bytes as they come and gives whole replies."""

    _held: bytearray = field(factory=bytearray)
    _lines: list[str] = field(factory=list)
    _code: int = 0
    _size: int = 0

    @property
    def pending(self) -> bool:
        """Whether something came that was not taken yet."""
        return bool(self._held or self._lines)

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._held += data

    def forget(self) -> None:
        """Drop what came, as after STARTTLS: anybody in between could have put it there."""
        self._held.clear()
        self._begin()

    def take(self) -> SmtpReply | None:
        """The next whole reply; None while there is none. Raises Garbled."""
        while (end := self._held.find(b"\n")) >= 0:
            line = bytes(self._held[:end]).removesuffix(b"\r")
            del self._held[: end + 1]
            self._size += end + 1
            self._require_end(self._size)
            if self._is_last(line):
                return self._whole()
        self._require_end(self._size + len(self._held))
        return None

    def _require_end(self, size: int) -> None:
        if size > REPLY_BYTES_MAX:
            raise Garbled(f"a reply is longer than {REPLY_BYTES_MAX} bytes")

    def _is_last(self, line: bytes) -> bool:
        """Keep one line; whether its reply ends with it."""
        found = _LINE.fullmatch(line)
        if found is None:
            raise Garbled(f"this is no reply: {said(line)[:80]!r}")
        code = int(found[1])
        if self._lines and code != self._code:
            raise Garbled(f"a reply begins with {self._code} and goes on with {code}")
        self._code = code
        self._lines.append(said(found[3] or b""))
        return found[2] != b"-"

    def _whole(self) -> SmtpReply:
        reply = reply_of(self._code, self._lines)
        self._begin()
        return reply

    def _begin(self) -> None:
        self._lines, self._code, self._size = [], 0, 0


def reply_of(code: int, lines: list[str]) -> SmtpReply:
    """A reply of its lines, each of which may begin with the enhanced code (RFC 2034)."""
    enhanced, texts = "", []
    for line in lines:
        found = _ENHANCED.match(line)
        if found is not None and line[0] == str(code)[0]:
            enhanced = enhanced or found[1]
            line = line[found.end() :]
        texts.append(line)
    return SmtpReply(code, enhanced, "\n".join(texts))


def said(line: bytes) -> str:
    """A line as text: UTF-8, or else Latin-1, which some servers write. No control characters."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return _CONTROLS.sub(" ", text)
