"""Which mails a client looks for. https://www.rfc-editor.org/rfc/rfc3501#section-6.4.4"""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import frozen

from omni_actors.sandbox.email.mailbox import Stored
from omni_actors.sandbox.email.syntax import (
    DEPTH_MAX,
    SyntaxProblem,
    Word,
    day,
    numbers,
    text_of,
)

DAY_S: Final = 86_400.0


@frozen
class Candidate:
    """A mail with its number in the view of the client."""

    number: int
    mail: Stored


Test = Callable[[Candidate], bool]

_FLAGS: Final = ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")
_HEADERS: Final = ("BCC", "CC", "FROM", "SUBJECT", "TO")


def criteria(given: "list[Word]", last_number: int, last_uid: int) -> Test:
    """The test of a SEARCH. Raises SyntaxProblem."""
    parser = _Parser(iter(given), last_number, last_uid)
    return parser.all_of()


@frozen
class _Parser:
    words: "Iterator[Word]"
    last_number: int
    last_uid: int
    depth: int = 0

    def all_of(self) -> Test:
        if self.depth > DEPTH_MAX:
            raise SyntaxProblem("the search is too deep")
        tests = [self.one(word) for word in self.words]
        if not tests:
            raise SyntaxProblem("the search names nothing")
        return lambda each: all(test(each) for test in tests)

    def one(self, word: "Word") -> Test:
        if isinstance(word, list):
            inner = _Parser(iter(word), self.last_number, self.last_uid, self.depth + 1)
            return inner.all_of()
        key = text_of(word).upper()
        if key[:1].isdigit() or key.startswith("*"):
            wanted = numbers(key, self.last_number)
            return lambda each: any(each.number in some for some in wanted)
        return self._flag(key) or self._text(key) or self._measure(key) or self._other(key)

    def _next(self) -> "Word":
        try:
            return next(self.words)
        except StopIteration:
            raise SyntaxProblem("the search ends in the middle of a key") from None

    def _word(self) -> str:
        return text_of(self._next())

    def _number(self) -> int:
        text = self._word()
        if not text.isdecimal():
            raise SyntaxProblem(f"{text[:20]!r} is no number")
        return int(text)

    def _flag(self, key: str) -> Test | None:
        if key in _FLAGS:
            return lambda each: _has(each, f"\\{key}")
        if key.startswith("UN") and key[2:] in _FLAGS:
            return lambda each: not _has(each, f"\\{key[2:]}")
        if key in ("KEYWORD", "UNKEYWORD"):
            name = self._word()
            return lambda each: _has(each, name) is (key == "KEYWORD")
        simple: dict[str, Test] = {
            "ALL": lambda _each: True,
            "OLD": lambda _each: True,
            "RECENT": lambda _each: False,
            "NEW": lambda _each: False,
        }
        return simple.get(key)

    def _text(self, key: str) -> Test | None:
        if key in _HEADERS or key == "HEADER":
            name = self._word() if key == "HEADER" else key
            wanted = self._word().lower()
            return lambda each: _header_has(each.mail.raw, name, wanted)
        if key in ("TEXT", "BODY"):
            part = self._word().lower().encode()
            whole = key == "TEXT"
            return lambda each: part in _searched(each.mail.raw, whole=whole)
        return None

    def _measure(self, key: str) -> Test | None:
        if key in ("LARGER", "SMALLER"):
            size, larger = self._number(), key == "LARGER"
            return lambda each: _beyond(len(each.mail.raw), size, larger=larger)
        sent = key.startswith("SENT")
        if (kind := key.removeprefix("SENT")) not in ("BEFORE", "ON", "SINCE"):
            return None
        begins = day(self._word())
        spans = {"BEFORE": (0.0, begins), "ON": (begins, begins + DAY_S), "SINCE": (begins, 1e12)}
        low, high = spans[kind]
        return lambda each: low <= (_sent(each.mail.raw) if sent else each.mail.at) < high

    def _other(self, key: str) -> Test:
        match key:
            case "UID":
                wanted = numbers(self._word(), self.last_uid)
                return lambda each: any(each.mail.uid in some for some in wanted)
            case "NOT":
                inner = self.one(self._next())
                return lambda each: not inner(each)
            case "OR":
                first, second = self.one(self._next()), self.one(self._next())
                return lambda each: first(each) or second(each)
        raise SyntaxProblem(f"SEARCH has no key {key[:30]}")


def _has(each: Candidate, flag: str) -> bool:
    return flag.lower() in {name.lower() for name in each.mail.flags}


def _beyond(size: int, bound: int, *, larger: bool) -> bool:
    return size > bound if larger else size < bound


def _searched(raw: bytes, *, whole: bool) -> bytes:
    return (raw if whole else raw.partition(b"\r\n\r\n")[2]).lower()


def _header_has(raw: bytes, name: str, wanted: str) -> bool:
    values = message_from_bytes(raw, policy=policy.compat32).get_all(name) or []
    return any(wanted in str(value).lower() for value in values)


def _sent(raw: bytes) -> float:
    try:
        return parsedate_to_datetime(str(message_from_bytes(raw)["date"])).timestamp()
    except (ValueError, TypeError):
        return 0.0
