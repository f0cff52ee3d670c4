"""The HTML of a mail: as plain text, and as HTML that is safe to show."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final
from urllib.parse import unquote

import nh3
from attrs import define, field

from omni_actors.adapters.email.markup import (
    CELLS,
    HEADINGS,
    INLINE,
    KNOWN,
    Event,
    Start,
    nested,
    unescaped,
)

TEXT_MAX: Final = 1_000_000
NESTED_SHOWN_MAX: Final = 8  # quotes and lists deeper than that look no deeper

_WHITE = re.compile(r"[ \t\n\r\f\u00a0]{2,}|[\t\n\r\f\u00a0]")  # but for a single blank
_UNSEEN = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]+")
_JOINERS = "\u200c\u200d\u2007\u00a0 \t"
_SCHEMES: Final = ("http://", "https://", "mailto:", "tel:")
_CID = re.compile(r"cid:([^\"'\s>&]{1,255})", re.IGNORECASE)


# ---- as text


def to_text(html: str) -> str:
    """What the HTML says, as people write it in plain text; linear, and nothing is too deep.

    Links are followed by their addresses, quotes stand behind `>`, items behind `-` or numbers.
    """
    writer = Writer()
    for event in nested(html):
        writer.take(event)
        if writer.size > TEXT_MAX:
            break
    return writer.whole()


@define
class Writer:
    """Writes what HTML says in lines."""

    lines: list[str] = field(factory=list)
    line: list[str] = field(factory=list)
    size: int = 0
    blank: bool = False  # a blank ahead of what comes next in this line
    gap: bool = False  # an empty line ahead of the next one
    quotes: int = 0
    last_quote: str = ""
    literal: int = 0
    lists: list[int] = field(factory=list)  # the number of the item; 0 where they have none
    links: list[tuple[str, int]] = field(factory=list)  # the address, and where its text begins

    def take(self, event: Event) -> None:
        """What comes next."""
        if isinstance(event, str):
            self.text(event)
        elif isinstance(event, Start):
            self.start(event)
        else:
            self.end(event.name)

    def cut(self) -> int:
        """End the line; how many there are."""
        self._break()
        return len(self.lines)

    def text(self, source: str) -> None:
        """Words, or lines where they stand as they are."""
        text = unescaped(source)
        if not text.isascii():
            text = _UNSEEN.sub("", text)
        if self.literal:
            first, *others = text.replace("\r\n", "\n").split("\n")
            self._put(first)
            for other in others:
                self._break(keep=True)
                self._put(other)
            return
        words = _WHITE.sub(" ", text)
        if words.startswith(" "):
            self.blank = True
        if inner := words.strip(" "):
            self._put((" " if self.blank and self.line else "") + inner)
            self.blank = words.endswith(" ")

    def start(self, tag: Start) -> None:
        """A tag opens."""
        name = tag.name
        match name:
            case "br":
                self._break(keep=True)
            case "img":
                self._image(tag.attributes.get("alt", ""))
            case "a":
                self.links.append((tag.attributes.get("href", ""), len(self.line)))
            case "td" | "th":
                self.blank = True
            case _ if name not in INLINE:
                self._block(name, tag)

    def end(self, name: str) -> None:
        """A tag closes."""
        if name == "a":
            self._address()
        elif name not in INLINE and name not in CELLS:
            self._break()
            self.gap = self.gap or _has_gap(name)
            self.quotes -= name == "blockquote"
            self.literal -= name == "pre"
            if name in ("ul", "ol") and self.lists:
                self.lists.pop()
                self.gap = not self.lists

    def whole(self) -> str:
        """All that was written."""
        self._break()
        return "\n".join(self.lines).strip("\n")[:TEXT_MAX]

    def _block(self, name: str, tag: Start) -> None:
        self._break()
        if name == "hr":
            self._put("---")
            self._break()
        if _has_gap(name) or (name in ("ul", "ol") and not self.lists):
            self.gap = True
        self.quotes += name == "blockquote"
        self.literal += name == "pre"
        if name in ("ul", "ol"):
            start = tag.attributes.get("start", "1")
            self.lists.append(0 if name == "ul" else int(start) if start[:4].isdecimal() else 1)
        elif name == "li":
            self._item()

    def _item(self) -> None:
        mark = "- "
        if self.lists and self.lists[-1]:
            mark = f"{self.lists[-1]}. "
            self.lists[-1] += 1
        depth = min(max(len(self.lists) - 1, 0), NESTED_SHOWN_MAX)
        self.line = ["  " * depth + mark]
        self.blank = False

    def _image(self, alt: str) -> None:
        words = _WHITE.sub(" ", alt).strip()
        if words:
            self._put((" " if self.blank and self.line else "") + words)
            self.blank = False

    def _address(self) -> None:
        address, begin = self.links.pop() if self.links else ("", 0)
        address = address.strip()
        if not address.lower().startswith(_SCHEMES):
            return
        said = "".join(self.line[begin:]).strip()
        bare = address.removeprefix("mailto:").removeprefix("tel:")
        plain = re.sub(r"^https?://", "", bare).rstrip("/")
        if said and plain.lower() != re.sub(r"^https?://", "", said).rstrip("/").lower():
            self._put(f" <{bare}>")

    def _put(self, text: str) -> None:
        if text:
            self.line.append(text)
            self.size += len(text)

    def _break(self, *, keep: bool = False) -> None:
        """End the line; `keep`: also when it is empty."""
        text = "".join(self.line).rstrip()
        self.line, self.blank = [], False
        self.links = [(address, 0) for address, _ in self.links]
        if not text.strip(_JOINERS):
            self.gap = self.gap or keep
            return
        quote = ">" * min(self.quotes, NESTED_SHOWN_MAX)
        if self.gap and self.lines:
            self.lines.append(min(quote, self.last_quote))
        self.last_quote = quote
        self.lines.append(f"{quote} {text}" if quote else text)
        self.gap = False
        self.size += len(quote) + 2


def _has_gap(name: str) -> bool:
    return name in HEADINGS or name in ("p", "blockquote", "pre", "hr", "table", "dl")


# ---- as safe HTML

_ATTRIBUTES: Final = {
    "*": {"align", "dir", "lang", "style", "title", "valign", "bgcolor"},
    "a": {"href"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "height", "rowspan", "width"},
    "th": {"colspan", "height", "rowspan", "width"},
}
_STYLES: Final = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-color"),
    *("border-left", "border-radius", "border-right", "border-style", "border-top"),
    *("border-width", "color", "direction", "font-family", "font-size", "font-style"),
    *("font-weight", "height", "letter-spacing", "line-height", "list-style-type"),
    *("margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width"),
    *("padding", "padding-bottom", "padding-left", "padding-right", "padding-top"),
    *("text-align", "text-decoration", "text-indent", "text-transform", "vertical-align"),
    *("white-space", "width", "word-break"),
}


def safe(events: Iterable[Event], content_ids: Collection[str] = ()) -> str:
    """HTML without anything that does something: no scripts, no forms, nothing that is loaded
    from elsewhere. Pictures of the mail itself stay as `cid:`, of those that it has.
    """
    known = frozenset(content_ids)
    return _CLEANER.clean(spelled(_own_pictures(events, known))).strip()


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return None if "url(" in value.lower() or "\\" in value else value
    if tag == "img" and name == "src":
        return f"cid:{_content_id(value)}"
    return None if _content_id(value) else value


_CLEANER: Final = nh3.Cleaner(
    tags=set(KNOWN),
    attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
    attribute_filter=_attribute,
    filter_style_properties=set(_STYLES),
    url_schemes={"http", "https", "mailto", "tel", "cid"},
    link_rel="noopener noreferrer nofollow",
)


def _own_pictures(events: Iterable[Event], known: Collection[str]) -> Iterator[Event]:
    """For a picture that the mail does not have stands what it would show."""
    for event in events:
        if isinstance(event, Start) and event.name == "img" and not _is_own(event, known):
            yield event.attributes.get("alt", "").replace("&", "&amp;")
        else:
            yield event


def _is_own(picture: Start, known: Collection[str]) -> bool:
    return _content_id(picture.attributes.get("src", "")) in known


def _content_id(address: str) -> str:
    return unquote(address.strip()[4:]) if address.strip().lower().startswith("cid:") else ""


def content_ids_in(html: str) -> frozenset[str]:
    """The parts of a mail that its HTML names."""
    return frozenset(unquote(each) for each in _CID.findall(html))


def spelled(events: Iterable[Event]) -> str:
    """Tags and texts as HTML."""
    return "".join(_pieces(events))


def _pieces(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, str):
            yield event.replace("<", "&lt;")
        elif isinstance(event, Start):
            pairs = [f' {name}="{_quoted(value)}"' for name, value in event.attributes.items()]
            yield f"<{event.name}{''.join(pairs)}>"
        else:
            yield f"</{event.name}>"


def _quoted(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;")


def escaped(text: str) -> str:
    """A plain text as HTML that looks like it."""
    quoted = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<div style="white-space: pre-wrap">{quoted}</div>'
