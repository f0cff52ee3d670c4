"""Where mail programs mark in HTML what is quoted, signed or passed on."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

from attrs import define, field

from omni_actors.adapters.email.html import TEXT_MAX, Writer
from omni_actors.adapters.email.markup import VOID, End, Event, Start
from omni_actors.adapters.email.threads import TOKEN

# What a marked element is: a quote; the line above one; the beginning of one that goes on to the
# end; a signature; the beginning of a mail that is passed on.
Mark: TypeAlias = Literal["quote", "intro", "rest", "signature", "forward"]

# By a class, an id or a name; some programs put something of theirs before those of others.
_BY_NAME: Final[Mapping[str, Mark]] = {
    "gmail_attr": "intro",
    "moz-cite-prefix": "intro",
    "yahoo_quoted": "quote",
    "protonmail_quote": "quote",
    "front-blockquote": "quote",
    "messagereplysection": "quote",
    "zmail_extra": "quote",
    "divrplyfwdmsg": "rest",
    "appendonsend": "rest",
    "olk_src_body_section": "rest",
    "__quoted_text__": "rest",
    "__headers__": "rest",
    "moz-forward-container": "forward",
    "gmail_signature": "signature",
    "moz-signature": "signature",
    "protonmail_signature_block": "signature",
    "applemailsignature": "signature",
    "ms-outlook-mobile-signature": "signature",
    "messagesignaturesection": "signature",
    "front-signature": "signature",
    "signature": "signature",
    "__sig_pre__": "signature",
    "__sig_post__": "signature",
}
_EXACT: Final = frozenset(("signature", "applemailsignature"))  # too common a word within others
_NAMING: Final = ("class", "id", "name", "data-marker")
_NAMES_CHARS_MAX: Final = 300
# The line that Word draws above the mail that is answered.
_BORDER = re.compile(
    r"border:none;border-top:solid#[0-9a-f]{6}1\.0pt;padding:3\.0pt0[a-z]{2}0[a-z]{2}0[a-z]{2}"
)
_SPACES = re.compile(r"\s+")
_OURS = re.compile(rf"(?:.*[^a-z0-9])?c\.{TOKEN}", re.IGNORECASE)


@define
class Lines:
    """HTML in lines, and the marks of those that have one. `marked`: a program has set some."""

    lines: list[str] = field(factory=list)
    marks: dict[int, Mark] = field(factory=dict)
    marked: bool = False

    def mark(self, begin: int, end: int, mark: Mark) -> None:
        """Lines are marked, unless what is around them was."""
        self.marked = True
        for number in range(begin, end):
            self.marks.setdefault(number, mark)


def lines_of(events: Iterable[Event]) -> Lines:
    """What HTML says, line by line."""
    reader = _Reader()
    for event in events:
        if isinstance(event, Start):
            reader.start(event)
        else:
            reader.writer.take(event)
        if isinstance(event, End):
            reader.end()
        if reader.writer.size > TEXT_MAX:
            break
    reader.writer.cut()
    reader.found.lines = reader.writer.lines
    return reader.found


@define
class _Open:
    """An element that is open: its mark, the line at which it begins, whether it is a quote."""

    mark: Mark | None
    begin: int
    quotes: bool


@define
class _Reader:
    """Writes HTML, and keeps which lines are marked; within a quote no mark counts."""

    writer: Writer = field(factory=Writer)
    found: Lines = field(factory=Lines)
    open: list[_Open] = field(factory=list)
    depth: int = 0

    def start(self, tag: Start) -> None:
        """An element opens."""
        mark = mark_of(tag) if not self.depth else None
        begin = self.writer.cut() if mark else 0
        self.writer.take(tag)
        if mark in ("rest", "forward"):
            self.found.mark(begin, begin + 1, mark)
            mark = None
        if tag.name in VOID:
            return
        quotes = mark == "quote" or tag.name == "blockquote"
        self.found.marked |= tag.name == "blockquote" and tag.attributes.get("type") == "cite"
        self.depth += quotes
        self.open.append(_Open(mark, begin, quotes))

    def end(self) -> None:
        """The innermost element closes."""
        closed = self.open.pop()
        self.depth -= closed.quotes
        if closed.mark:
            self.found.mark(closed.begin, self.writer.cut(), closed.mark)


def mark_of(tag: Start) -> Mark | None:
    """What a tag marks."""
    attributes = tag.attributes
    if not attributes:
        return None
    for naming in _NAMING:
        given = attributes.get(naming)
        if given and (mark := _named(given[:_NAMES_CHARS_MAX])):
            return mark
    if tag.name == "div" and "border-top" in (style := attributes.get("style", "")[:300]):
        return "rest" if _BORDER.search(_SPACES.sub("", style.lower())) else None
    return None


def _named(given: str) -> Mark | None:
    for name in given.lower().split():
        if name in _BY_NAME:
            return _BY_NAME[name]
        if _OURS.fullmatch(name):
            return "rest"
        for known, mark in _BY_NAME.items():
            if known not in _EXACT and name.endswith(known):
                return mark
    return None
