"""The parts of a mail: where each lies in its bytes and what it says of itself.

The standard library's parser takes quadratic time for nested parts and for long parameters, so this
is one of our own: one pass, nothing copied, bounded in depth and number.
https://www.rfc-editor.org/rfc/rfc2046#section-5.1
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field

from omni_actors.adapters.email import transfer
from omni_actors.adapters.email.headers import Headers, Section, ids_in, read_section, shown
from omni_actors.adapters.email.parameters import Valued, valued

DEPTH_MAX: Final = 50
PARTS_MAX: Final = 1000
BOUNDARY_MAX: Final = 256
BOM: Final = b"\xef\xbb\xbf"

_MIME = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_FIELD_AHEAD = re.compile(rb"[\r\n]*+(?=[!-9;-~]{1,128}[ \t]*:)")


@define
class Part:
    """One part: its number as IMAP counts (the mail itself, if it has parts, has none), where its
    body lies in the raw mail, what it is, and the parts in it."""

    number: str
    headers: Headers
    start: int
    end: int
    mime: str
    parameters: Mapping[str, str]
    disposition: str = ""
    filename: str = ""
    encoding: str = ""
    content_id: str = ""
    parts: list["Part"] = field(factory=list)

    def walk(self) -> Iterator["Part"]:
        """This part and all within it, in their order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting += reversed(part.parts)


@define
class Structure:
    """A mail as a tree of parts, and what was wrong with it."""

    root: Part
    problems: dict[str, None] = field(factory=dict)


def content(raw: bytes, part: Part) -> Iterator[bytes]:
    """The bytes of a part, decoded, piece by piece."""
    return transfer.pieces(raw, part.start, part.end, part.encoding)


def with_lines(raw: bytes) -> bytes:
    """A mail with lines; those of very old systems end in CR alone."""
    return raw.replace(b"\r", b"\n") if b"\n" not in raw and b"\r" in raw else raw


def structure(raw: bytes) -> Structure:
    """The parts of a mail that has lines. Anything is a mail, if only one text without headers."""
    return _Splitter(raw).split()


@define
class _Open:
    """A multipart whose end has not come."""

    part: Part
    boundary: bytes


@define
class _Splitter:
    """Goes through a mail from delimiter to delimiter."""

    raw: bytes
    problems: dict[str, None] = field(factory=dict)
    open: list[_Open] = field(factory=list)
    levels: dict[bytes, list[int]] = field(factory=dict)
    leaf: Part | None = None
    count: int = 0

    def split(self) -> Structure:
        """The whole mail."""
        begin = len(BOM) if self.raw.startswith(BOM) else 0
        ahead = _FIELD_AHEAD.match(self.raw, begin)
        root, at = self._part(ahead.end() if ahead else begin, None)
        while (found := self._delimiter(at)) is not None:
            line, at, level, last = found
            self._end(line, level)
            if last:
                self._close(level, line)
            elif self.count >= PARTS_MAX:
                self.problems["too_many_parts"] = None
                break
            else:
                self.leaf, at = self._part(at, self.open[level].part)
        else:
            self._end(len(self.raw), 0)
        if self.open:
            self.problems["unclosed_multipart"] = None
        _without_parts(root, self.problems)
        root.number = "" if root.parts else "1"
        return Structure(root, self.problems)

    def _delimiter(self, at: int) -> tuple[int, int, int, bool] | None:
        """The next delimiter: where its line break begins, where it ends, of which level it is, and
        whether it is the level's last."""
        while self.open:
            found = self.raw.find(b"\n--", max(at - 1, 0))
            if found < 0:
                return None
            after = self.raw.find(b"\n", found + 1) + 1 or len(self.raw)
            if after - found <= BOUNDARY_MAX + 80:
                level, last = self._level(self.raw[found + 3 : after].rstrip())
                if level >= 0:
                    return found, after, level, last
            at = after
        return None

    def _level(self, name: bytes) -> tuple[int, bool]:
        if levels := self.levels.get(name):
            return levels[-1], False
        if name.endswith(b"--") and (levels := self.levels.get(name[:-2])):
            return levels[-1], True
        return -1, False

    def _is_delimiter(self, line: bytes) -> bool:
        return self._level(line[2:].rstrip())[0] >= 0

    def _end(self, line: int, level: int) -> None:
        """What is open above a level ends before the line break of the delimiter."""
        end = line - 1 if line and self.raw[line - 1 : line] == b"\r" else line
        if line == len(self.raw):
            end = line
        if self.leaf is not None:
            self.leaf.end = max(self.leaf.start, end)
            self.leaf = None
        if len(self.open) > level + 1:
            self.problems["unclosed_multipart"] = None
            self._close(level + 1, end)

    def _close(self, level: int, end: int) -> None:
        """The multiparts from a level on are at their end."""
        while len(self.open) > level:
            closed = self.open.pop()
            self.levels[closed.boundary].pop()
            closed.part.end = max(closed.part.start, end)

    def _part(self, at: int, parent: Part | None) -> tuple[Part, int]:
        """The part that begins there, and where to go on."""
        section = read_section(self.raw, at, len(self.raw), self._is_delimiter)
        self.problems.update(dict.fromkeys(section.problems))
        part = self._described(section, parent)
        self.count += 1
        if parent is not None:
            parent.parts.append(part)
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
        if not part.mime.startswith("multipart/"):
            self.leaf = part
        elif not 0 < len(boundary) <= BOUNDARY_MAX:
            self.problems["no_boundary"] = None
            self.leaf = part
        elif len(self.open) >= DEPTH_MAX:
            self.problems["too_deep"] = None
            self.leaf = part
        else:
            self.levels.setdefault(boundary, []).append(len(self.open))
            self.open.append(_Open(part, boundary))
            self.leaf = None
        return part, section.body

    def _described(self, section: Section, parent: Part | None) -> Part:
        headers = section.headers
        kind = valued(headers.written("content-type"))
        shape = valued(headers.written("content-disposition"))
        encoding = shown(headers.written("content-transfer-encoding")).lower().split(";")[0].strip()
        if not transfer.is_known(encoding):
            self.problems["unknown_encoding"] = None
        default = "text/plain"
        if parent is not None and parent.mime == "multipart/digest":
            default = "message/rfc822"
        number = f"{len(parent.parts) + 1}" if parent is not None else ""
        if parent is not None and parent.number:
            number = f"{parent.number}.{number}"
        return Part(
            number,
            headers,
            section.body,
            len(self.raw),
            self._mime(kind, default),
            kind.parameters,
            shape.value,
            shape.parameters.get("filename") or kind.parameters.get("name") or "",
            encoding,
            _content_id(headers),
        )

    def _mime(self, kind: Valued, default: str) -> str:
        if not kind.value:
            return default
        if _MIME.fullmatch(kind.value):
            return kind.value
        if kind.value not in ("text", "html"):
            self.problems["bad_content_type"] = None
        return {"html": "text/html", "text": "text/plain"}.get(kind.value, default)


def _content_id(headers: Headers) -> str:
    written = headers.written("content-id")
    found = ids_in(written)
    return found[0] if found else shown(written)[:255].strip("<>")


def _without_parts(root: Part, problems: dict[str, None]) -> None:
    """A multipart in which no part was found is a text."""
    for part in root.walk():
        if part.mime.startswith("multipart/") and not part.parts and "too_deep" not in problems:
            part.mime = "text/plain"
            problems["no_parts"] = None
