"""What an IMAP server says, response by response, as data.

https://www.rfc-editor.org/rfc/rfc3501#section-7, https://www.rfc-editor.org/rfc/rfc4731 (ESEARCH)
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeAlias

from attrs import frozen

from omni_actors.wire.imap_framing import Malformed, Part, Piece, Response, Streamed
from omni_actors.wire.imap_names import decoded
from omni_actors.wire.imap_spaces import Space, Spaces
from omni_actors.wire.imap_values import Atom, Value, values_of

TEXT_CHARS_MAX: Final = 500
UID_MAX: Final = 2**32 - 1
UIDS_MAX: Final = 10_000_000  # in one answer

_STATUS: Final = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: +\[([^\] ]+)(?: ([^\]]*))?\])?(?: +(.*))?", re.IGNORECASE
)
_TAGGED: Final = re.compile(rb"([A-Za-z0-9.]{1,20}) (.*)")
_NUMBERED: Final = re.compile(rb"(\d{1,10}) +([A-Za-z]+)(.*)")
_NAMED: Final = re.compile(rb"([A-Za-z0-9.-]+)(?: +|\Z)")
_MONTHS: Final = b"jan feb mar apr may jun jul aug sep oct nov dec".split()
_DATE: Final = re.compile(
    rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"
)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Status(StrEnum):
    """How a status response begins."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


@frozen
class Told:
    """A status: of the command `tag`, or of the session where that is None.

    `code` is upper case and without its `argument`; both empty where there is none.
    """

    tag: str | None
    status: Status
    code: str = ""
    argument: str = ""
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.status is Status.OK


@frozen
class Asked:
    """The server waits for us to go on."""

    text: str


@frozen
class Able:
    """What the server can do, upper case."""

    capabilities: frozenset[str]


@frozen
class Exists:
    """How many mails the folder has."""

    count: int


@frozen
class Expunged:
    """One mail less."""

    number: int


@frozen
class Fetched:
    """What was told of the mail with this number; names are upper case, as `BODY[HEADER]<0>`."""

    number: int
    items: Mapping[str, Value]

    @property
    def uid(self) -> int | None:
        """Its UID, where it was told."""
        uid = self.items.get("UID")
        return _number(uid) if isinstance(uid, Atom) else None


@frozen
class Found:
    """The mails that a search found, as ascending ranges that do not touch."""

    uids: tuple[range, ...]


@frozen
class Folder:
    """A folder: its attributes (lower case: `\\sent`), what parts its levels, its name."""

    name: str
    delimiter: str | None
    attributes: frozenset[str]


@frozen
class Other:
    """Something that nobody here needs."""

    name: str


Reply: TypeAlias = (
    Told | Asked | Able | Exists | Expunged | Fetched | Found | Folder | Spaces | Other
)
Event: TypeAlias = Reply | Piece


def reply_of(response: Response) -> Reply:
    """Read one response. Raises Malformed."""
    head = response.head
    if head.startswith(b"* "):
        return _untagged(head[2:].lstrip(b" "), response.parts[1:])
    if head == b"+" or head.startswith(b"+ "):
        return Asked(shown(head[2:]))
    tagged = _TAGGED.fullmatch(head)
    status = _STATUS.fullmatch(tagged[2]) if tagged else None
    if tagged is None or status is None:
        raise Malformed("a line that is no response")
    return _told(tagged[1].decode("ascii"), status)


def _untagged(text: bytes, more: tuple[Part, ...]) -> Reply:
    if status := _STATUS.fullmatch(text):
        return _told(None, status)
    if numbered := _NUMBERED.fullmatch(text):
        return _numbered(int(numbered[1]), numbered[2].upper(), numbered[3], more)
    named = _NAMED.match(text)
    if named is None:
        raise Malformed("a line that is no response")
    return _named(named[1].upper(), text[named.end() :], more)


def _numbered(number: int, name: bytes, rest: bytes, more: tuple[Part, ...]) -> Reply:
    match name:
        case b"EXISTS":
            return Exists(number)
        case b"EXPUNGE":
            return Expunged(number)
        case b"FETCH":
            return _fetched(number, values_of([rest, *more]))
        case _:
            return Other(name.decode("ascii"))


def _named(name: bytes, rest: bytes, more: tuple[Part, ...]) -> Reply:
    match name:
        case b"CAPABILITY":
            return Able(capabilities_of(rest))
        case b"SEARCH":
            return Found(_searched(rest))
        case b"ESEARCH":
            return Found(_esearched(values_of([rest, *more])))
        case b"LIST" | b"XLIST" | b"LSUB":
            return _folder(values_of([rest, *more]))
        case b"NAMESPACE":
            return _spaces(values_of([rest, *more]))
        case _:
            return Other(name.decode("ascii"))


def _told(tag: str | None, status: re.Match[bytes]) -> Told:
    word, code, argument, text = status.groups()
    return Told(
        tag,
        Status(word.upper().decode("ascii")),
        shown(code or b"").upper(),
        shown(argument or b"", TEXT_CHARS_MAX * 10),
        shown(text or b""),
    )


def shown(text: bytes, chars_max: int = TEXT_CHARS_MAX) -> str:
    """A server's text for people and logs: one line, and not a long one."""
    return _UNSAFE.sub(" ", text.decode("utf-8", "replace")).strip()[:chars_max]


def capabilities_of(text: bytes) -> frozenset[str]:
    """The capabilities that a line names."""
    return frozenset(text.decode("ascii", "replace").upper().split())


def _fetched(number: int, values: list[Value]) -> Fetched:
    items = values[0] if len(values) == 1 else None
    if not isinstance(items, tuple) or len(items) % 2:
        raise Malformed("a FETCH that is no list of pairs")
    named: dict[str, Value] = {}
    for name, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(name, Atom):
            raise Malformed("a FETCH with something nameless")
        key = name.decode("ascii", "replace").upper()
        if isinstance(named.get(key), Streamed):
            raise Malformed("a FETCH with two bodies")
        named[key] = value
    return Fetched(number, named)


def _searched(rest: bytes) -> tuple[range, ...]:
    words = rest.partition(b"(")[0].split()  # what follows in brackets is a MODSEQ
    return runs_of(map(_number, words))


def _esearched(values: list[Value]) -> tuple[range, ...]:
    words = [value for value in values if not isinstance(value, tuple)]  # but for the tag
    for name, found in pairwise(words):
        if isinstance(name, Atom) and name.upper() == b"ALL" and isinstance(found, Atom):
            return ranges_of(map(_range, found.split(b",")))
    return ()


def _range(text: bytes) -> range:
    first, _, last = text.partition(b":")
    ends = sorted((_number(first), _number(last or first)))
    return range(ends[0], ends[1] + 1)


def runs_of(numbers: Iterable[int]) -> tuple[range, ...]:
    """Numbers as ascending ranges that do not touch."""
    runs: list[range] = []
    first, after = 0, -1
    for number in sorted(numbers):
        if number > after:
            if after > 0:
                runs.append(range(first, after))
            first = number
        after = number + 1
    return (*runs, range(first, after)) if after > 0 else ()


def ranges_of(found: Iterable[range]) -> tuple[range, ...]:
    """The ranges in order and joined where they touch. Raises Malformed for too many numbers."""
    joined: list[range] = []
    for each in sorted(found, key=lambda each: each.start):
        if joined and each.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, each.stop))
        else:
            joined.append(each)
    if sum(map(len, joined)) > UIDS_MAX:
        raise Malformed(f"a search that finds more than {UIDS_MAX} mails")
    return tuple(joined)


def _folder(values: list[Value]) -> Folder:
    if len(values) < 3:
        raise Malformed("a LIST without a name")
    attributes, delimiter, name = values[:3]
    if not isinstance(attributes, tuple) or not isinstance(name, bytes | None):
        raise Malformed("a LIST that cannot be read")
    words = {
        each.decode("ascii", "replace").lower() for each in attributes if isinstance(each, bytes)
    }
    between = delimiter.decode("ascii", "replace") if isinstance(delimiter, bytes) else None
    return Folder(decoded(b"NIL" if name is None else name), between, frozenset(words))


def _spaces(values: list[Value]) -> Spaces:
    own, *others = [_trees(value) for value in values[:3]] or [()]
    return Spaces(own, tuple([each for some in others for each in some]))


def _trees(value: Value) -> tuple[Space, ...]:
    found = []
    for each in value if isinstance(value, tuple) else ():
        prefix, delimiter = each[:2] if isinstance(each, tuple) and len(each) >= 2 else (0, 0)
        if not isinstance(prefix, bytes) or not isinstance(delimiter, bytes | None):
            raise Malformed("a NAMESPACE that cannot be read")
        between = None if delimiter is None else delimiter.decode("ascii", "replace")
        found.append(Space(decoded(prefix), between))
    return tuple(found)


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 10 or int(text) > UID_MAX:
        raise Malformed("something that should be a number")
    return int(text)


def unix_time(internal_date: Value) -> int:
    """An INTERNALDATE in unix seconds; 0 for what is none."""
    date = _DATE.fullmatch(internal_date) if isinstance(internal_date, bytes) else None
    if date is None:
        return 0
    day, month, year, hour, minute, second, sign, ahead_h, ahead_min = date.groups()
    ahead = timedelta(hours=int(ahead_h), minutes=int(ahead_min))
    try:
        numbers = int(year), _MONTHS.index(month.lower()) + 1, int(day)
        at = datetime(*numbers, int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
        return max(0, int((at + ahead if sign == b"-" else at - ahead).timestamp()))
    except (ValueError, OverflowError):
        return 0


def internal_date(at: int) -> str:
    """Unix seconds as an INTERNALDATE."""
    moment = datetime.fromtimestamp(at, UTC)
    month = _MONTHS[moment.month - 1].decode("ascii").title()
    return f"{moment.day:02}-{month}-{moment.year:04} {moment:%H:%M:%S} +0000"
