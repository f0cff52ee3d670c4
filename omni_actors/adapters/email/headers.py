"""The header fields of a mail: found in its bytes, and read as people wrote them.

Own code, and bounded: what is hostile costs no more than what is long.
https://www.rfc-editor.org/rfc/rfc5322 https://www.rfc-editor.org/rfc/rfc2047
"""

import binascii
import re
from collections.abc import Callable, Iterator
from email.utils import mktime_tz, parsedate_tz
from typing import Final

from attrs import define, field, frozen

from omni_actors.adapters.email.charsets import decode, tidied

SECTION_MAX: Final = 256 * 1024
VALUE_MAX: Final = 64 * 1024
WORDS_MAX: Final = 512
FIELDS_MAX: Final = 2000
ID_MAX: Final = 512
IDS_MAX: Final = 50
DATE_MAX: Final = 200

_NAME = re.compile(rb"([!-9;-~]{1,128})[ \t]*:")
_ID = re.compile(r"<([^<>]{1,1000})>")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")  # turn what follows


@frozen
class Headers:
    """The fields of a mail or a part, in their order: names in lower case, values as they came,
    unfolded. `charset` is what 8-bit bytes in them may be written in."""

    fields: tuple[tuple[str, bytes], ...] = ()
    charset: str = field(default="", eq=False)

    def raw(self, name: str) -> bytes | None:
        """The first field of a name, as it came."""
        return next((value for known, value in self.fields if known == name), None)

    def every(self, name: str) -> list[str]:
        """All fields of a name, their encoded words still encoded."""
        return [self.spelled(value) for known, value in self.fields if known == name]

    def written(self, name: str) -> str:
        """The first field of a name, its encoded words still encoded; empty when there is none."""
        return self.spelled(self.raw(name) or b"")

    def text(self, name: str) -> str:
        """The first field of a name as people read it, on one line; empty when there is none."""
        return shown(words_decoded(self.written(name)))

    def spelled(self, value: bytes) -> str:
        """A value as characters."""
        if value.isascii():
            return tidied(value[:VALUE_MAX].decode("ascii"))
        return decode(value[:VALUE_MAX], self.charset).text

    def ids(self, name: str) -> list[str]:
        """The message ids in a field, without their brackets."""
        return ids_in(self.written(name))


def shown(text: str) -> str:
    """A text on one line, without anything in it that is not to be seen.

    Encoded words can hide line ends, which would make headers of their own in an answer.
    """
    return _BREAKS.sub(" ", _UNSEEN.sub("", text)).strip()


def ids_in(written: str) -> list[str]:
    """The message ids in the value of a field, without their brackets; the first and the last ones
    of more than 50."""
    found = [shown(each) for each in _ID.findall(written)] or _bare(written)
    good = [each for each in found if each and len(each) <= ID_MAX]
    return good if len(good) <= IDS_MAX else [*good[:1], *good[1 - IDS_MAX :]]


def _bare(written: str) -> list[str]:
    """Ids of mailers that forget the brackets."""
    words = shown(written[:4096]).split()
    return [word for word in words if "@" in word.strip("@")][:IDS_MAX]


def date_of(headers: Headers) -> float:
    """When a mail says that it was written, in unix seconds; 0 when it does not say."""
    written = shown(headers.written("date"))[:DATE_MAX]
    try:
        parts = parsedate_tz(written)
        return max(0.0, float(mktime_tz(parts))) if parts else 0.0
    except (ValueError, OverflowError, IndexError, TypeError):
        return 0.0


# ---- encoded words


def words_decoded(written: str) -> str:
    """A value with its encoded words decoded, at most 512; the others stay as they are.

    Neighbours of one charset are joined before they are decoded: many mailers cut characters.
    """
    if "=?" not in written:
        return written
    pieces: list[str] = []
    run, charset = b"", ""
    for text, word_charset, data in _pieces(written):
        if run and (text or word_charset != charset):
            pieces.append(decode(run, charset).text)
            run = b""
        if text:
            pieces.append(text)
        charset, run = word_charset, run + data
    pieces.append(decode(run, charset).text)
    return "".join(pieces)


def _pieces(written: str) -> Iterator[tuple[str, str, bytes]]:
    """Plain text, or an encoded word: its charset and bytes. Blanks between words are not told."""
    at, done, after_word = 0, 0, False
    for _ in range(WORDS_MAX):
        start = written.find("=?", at)
        word = _word_at(written, start) if start >= 0 else None
        if start < 0:
            break
        if word is None:
            at = start + 2
            continue
        charset, data, at = word
        between = written[done:start]
        if between and not (after_word and between.isspace()):
            yield between, "", b""
        yield "", charset, data
        done, after_word = at, True
    if done < len(written):
        yield written[done:], "", b""


_WORD_HEAD = re.compile(r"=\?([^?\s=]{1,64})\?([bBqQ])\?")


def _word_at(written: str, start: int) -> tuple[str, bytes, int] | None:
    """The encoded word that begins there: its charset, its bytes and where it ends."""
    head = _WORD_HEAD.match(written, start)
    if head is None:
        return None
    end = written.find("?=", head.end(), head.end() + 4096)
    text = written[head.end() : end]
    if end < 0 or "=?" in text or not text.isascii():
        return None
    data = from_q(text) if head[2] in "qQ" else from_b(text)
    return head[1].partition("*")[0].lower(), data, end + 2


def from_q(text: str) -> bytes:
    """What stands in Q encoding."""
    return binascii.a2b_qp(text.encode("ascii", "replace"), header=True)


def from_b(text: str) -> bytes:
    """What stands in B encoding, with the padding that mailers forget."""
    clean = text.encode("ascii", "replace").translate(None, NOT_BASE64)
    return b"".join(unpadded(run) for run in clean.split(b"=") if run)


_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NOT_BASE64: Final = bytes(sorted(set(range(256)) - set(_ALPHABET + b"=")))


def unpadded(run: bytes) -> bytes:
    """Base64 without its padding; what does not make a byte is left out."""
    whole = run if len(run) % 4 != 1 else run[:-1]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


# ---- fields in bytes


@frozen
class Section:
    """The fields at the head of a mail or a part, and where its body begins."""

    headers: Headers
    body: int
    problems: tuple[str, ...] = ()


@define
class _Fields:
    """Fields as they are gathered, within bounds."""

    found: list[tuple[str, bytes]] = field(factory=list)
    name: str = ""
    lines: list[bytes] = field(factory=list)
    size: int = 0
    total: int = 0
    problems: dict[str, None] = field(factory=dict)

    def begin(self, name: str, line: bytes) -> None:
        """A field begins."""
        self.end()
        self.name, self.lines, self.size = name, [], 0
        self.more(line)

    def more(self, line: bytes) -> None:
        """A field goes on."""
        room = VALUE_MAX - self.size
        if len(line) > room:
            self.problems["header_too_long"] = None
        self.lines.append(line[:room])
        self.size += len(self.lines[-1])
        self.total += len(self.lines[-1])

    def end(self) -> None:
        """The field is whole."""
        if not self.name:
            return
        if len(self.found) < FIELDS_MAX and self.total <= SECTION_MAX:
            self.found.append((self.name, b"".join(self.lines).strip()))
        else:
            self.problems["headers_too_long"] = None
        self.name = ""


def read_section(
    raw: bytes, at: int, end: int, is_delimiter: Callable[[bytes], bool] = bool
) -> Section:
    """The fields from `at` on. They end at an empty line, at a delimiter of a multipart, or at what
    can be no field."""
    fields = _Fields()
    while at < end:
        after = raw.find(b"\n", at, end) + 1 or end
        line = raw[at:after].rstrip(b"\r\n")
        if not line:
            at = after
            break
        if line[0] in b" \t" and fields.name:
            fields.more(line)
        elif name := _NAME.match(line):
            fields.begin(name[1].decode("ascii").lower(), line[name.end() :])
        elif (line.startswith(b"--") and is_delimiter(line)) or not _is_mbox(line, fields):
            fields.problems["headers_cut_short"] = None
            break
        at = after
    fields.end()
    return Section(Headers(tuple(fields.found)), at, tuple(fields.problems))


def _is_mbox(line: bytes, fields: _Fields) -> bool:
    """Whether it is the line that stands before a mail in a mailbox file."""
    return not fields.found and not fields.name and line.startswith((b"From ", b">From "))
