"""HTML as a run of well-nested tags and texts, whatever it was.

Parsers that build a tree take quadratic time for deep nesting (1 MB of `<div>` keeps the usual ones
busy for minutes) and some lose what is deep. Here one pass closes what was left open, leaves out
what a mail does not need, and bounds depth and number; what follows can rely on it.
https://html.spec.whatwg.org/multipage/parsing.html
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html.entities import html5
from typing import Final, NamedTuple, TypeAlias

from attrs import define, field

DEPTH_MAX: Final = 200
TAGS_MAX: Final = 20_000
ATTRIBUTES_MAX: Final = 40
ENTITIES_MAX: Final = 100_000


class Start(NamedTuple):
    """A tag opens; a void one is closed already."""

    name: str
    attributes: Mapping[str, str]


class End(NamedTuple):
    """A tag closes."""

    name: str


Event: TypeAlias = Start | End | str  # a text still has its entities

VOID: Final = frozenset(("br", "hr", "img"))
INLINE: Final = frozenset(
    (
        *("a", "abbr", "b", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd"),
        *("mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u"),
        "var",
    )
)
HEADINGS: Final = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
TERMS: Final = frozenset(("dt", "dd"))
LISTS: Final = frozenset(("ul", "ol", "dl"))
BLOCKS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "center", "div", "figcaption", "figure"),
        *("footer", "header", "li", "main", "nav", "p", "pre", "section"),
        *(HEADINGS | TERMS | LISTS),
    )
)
ROWS: Final = frozenset(("tbody", "thead", "tfoot"))
CELLS: Final = frozenset(("td", "th"))
TABLE: Final = ROWS | CELLS | {"table", "tr"}
KNOWN: Final = VOID | INLINE | BLOCKS | TABLE
MEANT: Final = {
    **dict.fromkeys(("xmp", "textarea", "listing"), "pre"),
    **dict.fromkeys(("caption", "details", "fieldset", "form", "legend", "option"), "div"),
    **dict.fromkeys(("summary", "rt"), "div"),
}
# In these there are no tags; what is in the second ones is not for people.
LITERAL: Final = frozenset(("textarea", "xmp"))
UNREAD: Final = frozenset(
    ("title", "style", "script", "iframe", "noembed", "noscript", "template", "svg", "math")
)
STRUCTURE: Final = ROWS | {"table", "tr"}  # where nothing can stand but what belongs to tables
OPENING: Final = frozenset(("table", "td", "th"))  # what is open outside counts no more within

NOWHERE: Final = -1

_HIDING = re.compile(
    r"(?:^|;)(?:display:none|visibility:hidden|mso-hide:all|font-size:0(?:px|pt|em|%)?)(?:!important)?(?:;|$)"
)
_BLANKS = re.compile(r"\s+")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:_-]{0,63})")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+ (?P<name>[^\s/>=][^\s/>=]*+)
        (?: \s*+ = \s*+
            (?: "(?P<double>[^"]*+)" | '(?P<single>[^']*+)' | (?P<bare>[^\s>]*+) )
        )?+""",
    re.VERBOSE,
)
_SIGN = re.compile(r"<(?=[A-Za-z/!?])")
_TAG_END = re.compile(r"[\s/]*+>")
_ANY_TAG = re.compile(r"<[^<>]*+>")
_ENTITY = re.compile(
    r"&(?:#([0-9]{1,7});?|#[xX]([0-9A-Fa-f]{1,6});?|([A-Za-z][A-Za-z0-9]{1,31}+);?)"
)


@define
class _Tokens:
    """Tags and texts as they stand. `cut`: a tag has no end, or there are more of them than can be
    gone through; of what follows then only the text is told."""

    source: str
    cut: bool = False
    tags: int = 0
    vain: set[str] = field(factory=set)  # what was looked for to the end, and does not come

    def __iter__(self) -> Iterator[Event]:
        source, done, at = self.source, 0, 0
        while not self.cut and (sign := _SIGN.search(source, at)) is not None:
            at = sign.start()
            events, after = self._tag(at)
            if after <= at:
                at += 1
                continue
            if done < at:
                yield source[done:at]
            yield from events
            done = at = after
        if done < len(source):
            yield _ANY_TAG.sub(" ", source[done:]) if self.cut else source[done:]

    def _tag(self, at: int) -> tuple[Sequence[Event], int]:
        """What the sign at this place begins, and where that ends; -1 when it is only a sign."""
        if (after := self._special(at)) is not None:
            self._count()
            return (), after
        if (tag := _TAG.match(self.source, at)) is None:
            return (), -1
        attributes, after = self._attributes(tag.end())
        if after < 0:
            self.cut = True
            return (), -1
        self._count()
        name = tag[2].lower()
        if tag[1]:
            return (End(name),), after
        if name in UNREAD:
            return (), self._raw(name, after)[1]
        if name in LITERAL:
            text, after = self._raw(name, after)
            return (Start(name, attributes), text, End(name)), after
        return (Start(name, attributes),), after

    def _count(self) -> None:
        self.tags += 1
        self.cut = self.tags >= TAGS_MAX

    def _special(self, at: int) -> int | None:
        """Where a comment, a declaration or the like ends that begins there."""
        source = self.source
        if source[at + 1 : at + 2].isalpha():
            return None
        if source.startswith("<!--", at):
            if source.startswith((">", "->"), at + 4):
                return source.index(">", at + 4) + 1
            return self._after("-->", at + 4, at + 4)
        if source.startswith(("<!", "<?"), at) or (
            source.startswith("</", at) and not source[at + 2 : at + 3].isalpha()
        ):
            return self._after(">", at + 2, at + 2)
        return None

    def _after(self, end: str, at: int, otherwise: int) -> int:
        if end in self.vain:
            return otherwise
        found = self.source.find(end, at)
        if found < 0:
            self.vain.add(end)
            return otherwise
        return found + len(end)

    def _attributes(self, at: int) -> tuple[dict[str, str], int]:
        """The attributes from there on, and where the tag ends; -1 when it does not."""
        found: dict[str, str] = {}
        source = self.source
        while True:
            if (end := _TAG_END.match(source, at)) is not None:
                return found, end.end()
            pair = _ATTRIBUTE.match(source, at)
            if pair is None:
                at = self._after(">", at, -1)
                return found, at
            if len(found) < ATTRIBUTES_MAX:
                value = pair["double"] or pair["single"] or pair["bare"] or ""
                found.setdefault(pair["name"].lower(), unescaped(value))
            at = pair.end()

    def _raw(self, name: str, at: int) -> tuple[str, int]:
        """What stands in an element without tags, and where that ends."""
        end = None if name in self.vain else _ends(name).search(self.source, at)
        if end is None:
            self.vain.add(name)
            return "", at
        text = self.source[at : end.start()].replace("<", "&lt;")
        return text, self._after(">", end.end(), end.end())


@lru_cache(maxsize=len(UNREAD | LITERAL))
def _ends(name: str) -> "re.Pattern[str]":
    return re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)


def unescaped(text: str) -> str:
    """A text with its entities as characters."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: "re.Match[str]") -> str:
    decimal, hexadecimal, name = entity.groups()
    if name is not None:
        return html5.get(name + ";") or html5.get(name) or entity[0]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code in (0x0, 0xFFFE, 0xFFFF) or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if 0x80 <= code <= 0x9F:
        return bytes([code]).decode("cp1252", "replace")
    return chr(code)


def nested(html: str) -> Iterator[Event]:
    """HTML as tags and texts that are well nested, without what is not to be seen.

    The texts still have their entities; a `<` in them is nothing but that.
    """
    nest = _Nest()
    for event in _Tokens(html):
        if isinstance(event, str):
            yield from nest.text(event)
        elif isinstance(event, Start):
            yield from nest.start(event)
        else:
            yield from nest.end(event.name)
    yield from nest.back_to(0)


def events_in(html: str | None) -> Sequence[Event] | None:
    """HTML as tags and texts for all who read it; None where there is none, or more than can be
    gone through."""
    return tuple(nested(html)) if html is not None and is_bearable(html) else None


def is_bearable(html: str) -> bool:
    """Whether HTML can be gone through to its end with its tags."""
    return html.count("<") < TAGS_MAX and html.count("&") < ENTITIES_MAX


@define
class _Nest:
    """What is open, and what must be closed for something else to open there."""

    open: list[str] = field(factory=list)
    places: dict[str, list[int]] = field(factory=dict)
    scopes: list[int] = field(factory=list)  # the places of tables and cells
    lists: list[int] = field(factory=list)  # the places of lists
    left_out: Counter[str] = field(factory=Counter)  # opened, but too deep
    hidden_at: int = NOWHERE

    def text(self, text: str) -> Iterator[Event]:
        """A text; in a table it needs a cell."""
        if self.open and self.open[-1] in STRUCTURE and not text.isspace():
            yield from self._cell()
        if not self.is_hidden:
            yield text

    def start(self, tag: Start) -> Iterator[Event]:
        """A tag opens."""
        name = MEANT.get(tag.name, tag.name)
        if name not in KNOWN or (name in TABLE and name != "table" and not self._in("table")):
            if name in TABLE:  # a cell or a row without a table still divides words
                yield from self.text(" ")
            return
        yield from self._room_for(name)
        if name in VOID:
            if not self.is_hidden:
                yield Start(name, tag.attributes)
        elif len(self.open) >= DEPTH_MAX:
            self.left_out[name] += 1
        else:
            yield from self._opened(name, tag.attributes)

    def end(self, name: str) -> Iterator[Event]:
        """A tag closes what it opened, and all that is open within."""
        name = MEANT.get(name, name)
        places = self.places.get(name)
        if self.left_out[name]:
            self.left_out[name] -= 1
        elif name == "br":
            yield from self.start(Start(name, {}))
        elif places and places[-1] >= self._scope_of(name):
            yield from self.back_to(places[-1])

    def back_to(self, place: int) -> Iterator[Event]:
        """Close all that is open from a place on."""
        while len(self.open) > place:
            hidden = self.is_hidden
            name = self.open.pop()
            self.places[name].pop()
            for places in (self.scopes, self.lists):
                if places and places[-1] == len(self.open):
                    places.pop()
            if self.hidden_at == len(self.open):
                self.hidden_at = NOWHERE
            if not hidden:
                yield End(name)

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at != NOWHERE

    def _opened(self, name: str, attributes: Mapping[str, str]) -> Iterator[Event]:
        place = len(self.open)
        if not self.is_hidden and is_hidden(attributes):
            self.hidden_at = place
        self.open.append(name)
        self.places.setdefault(name, []).append(place)
        if name in OPENING:
            self.scopes.append(place)
        if name in LISTS:
            self.lists.append(place)
        if not self.is_hidden:
            yield Start(name, attributes)

    def _in(self, name: str) -> bool:
        return bool(self.places.get(name))

    def _scope_of(self, name: str) -> int:
        """From which place on something may be that a tag of this name closes."""
        if name == "table":
            return 0
        if name in TABLE:
            return self.places["table"][-1] if self._in("table") else 0
        return self.scopes[-1] if self.scopes else 0

    def _within(self, names: Iterable[str], since: int) -> Iterator[Event]:
        """Close the innermost of these that is open since a place."""
        places = [self.places[name][-1] for name in names if self._in(name)]
        if places and max(places) >= since:
            yield from self.back_to(max(places))

    def _room_for(self, name: str) -> Iterator[Event]:
        """Close what cannot hold a tag, and open what it needs around it."""
        scope = self.scopes[-1] if self.scopes else 0
        if name in TABLE and name != "table":
            yield from self._room_in_table(name)
            return
        if self.open and self.open[-1] in STRUCTURE:
            yield from self._cell()
            scope = self.scopes[-1]
        if name in ("a", "p") or name in BLOCKS or name in ("hr", "table"):
            yield from self._within(("a",) if name == "a" else ("p",), scope)
        if name in HEADINGS and self.open and self.open[-1] in HEADINGS:
            yield from self.back_to(len(self.open) - 1)
        since = max(scope, self.lists[-1] if self.lists else 0)
        if name == "li":
            yield from self._within(("li",), since)
        elif name in TERMS:
            yield from self._within(TERMS, since)

    def _room_in_table(self, name: str) -> Iterator[Event]:
        holders = {"tr": ROWS | {"table"}}.get(name, {"table"})
        if name in CELLS:
            holders = STRUCTURE
        while self.open[-1] not in holders:
            yield from self.back_to(len(self.open) - 1)
        if name in CELLS and self.open[-1] != "tr":
            yield from self._opened("tr", {})

    def _cell(self) -> Iterator[Event]:
        if self.open[-1] != "tr":
            yield from self._opened("tr", {})
        yield from self._opened("td", {})


def is_hidden(attributes: Mapping[str, str]) -> bool:
    """Whether a tag says that what is in it is not to be seen."""
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return style is not None and _hides(style[:2000])


@lru_cache(maxsize=256)
def _hides(style: str) -> bool:
    """Mails say the same again and again."""
    return _HIDING.search(_BLANKS.sub("", style.lower())) is not None
