"""Cut text into pieces that fit a limit: where a reader would pause, never inside a character."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Literal, assert_never

import regex
from attrs import frozen

Unit = Literal["utf16", "utf8", "code_points", "graphemes"]

CODE_POINT_UNITS_MAX: Final[dict[Unit, int]] = {
    "utf16": 2,
    "utf8": 4,
    "code_points": 1,
    "graphemes": 1,
}
FILL_SHARE: Final = 1 / 3
"""A border nearer to a piece's start than this is not worth a message of its own."""

# Flags are paired by hand: `\X` alone looks back over a whole run of them, in quadratic time.
_CLUSTER = regex.compile(r"[\U0001F1E6-\U0001F1FF]{2}[\p{GCB=EX}\p{GCB=ZWJ}\p{GCB=SM}]*+|\X")
# `\s` leaves out the four separators that `str.isspace` and `str.strip` know.
_PAUSE = regex.compile(r"[\s\x1c-\x1f]++|[。！？｡]++[」』”’）]*+")
_SPACE = regex.compile(r"[\s\x1c-\x1f]*+")
_SENTENCE_END = regex.compile(r"[.!?…。！？｡][\"')\]”’»]?$")
_URL = regex.compile(r"(?:https?://|www\.)[^\s<>\"\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]++")

_WORD, _SENTENCE, _LINE, _PARAGRAPH = range(4)


@frozen
class Split:
    """The pieces of a text, each within the limit, and how many characters had to be broken."""

    pieces: tuple[str, ...]
    graphemes_broken: int = 0


def length(text: str, unit: Unit) -> int:
    """How long a text is in a unit; lone surrogates count as the platforms would encode them."""
    match unit:
        case "utf16":
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        case "utf8":
            return len(text.encode("utf-8", "surrogatepass"))
        case "code_points":
            return len(text)
        case "graphemes":
            return sum(1 for _ in _CLUSTER.finditer(text))
        case _:
            assert_never(unit)


def split(text: str, limit: int, unit: Unit) -> Split:
    """Cut `text` into pieces of at most `limit` units.

    Prefers the end of a paragraph, then of a line, a sentence, a word; a web address that fits into
    a piece is not cut. A text that fits is returned as it is. One that must be cut loses the
    whitespace at its start and around each cut, except that a line keeps its indentation; nothing
    else is lost. A grapheme cluster is cut, between code points, only if it alone is over the
    limit. Takes time linear in the text. Raises ValueError if a code point could be too long.
    """
    if limit < CODE_POINT_UNITS_MAX[unit]:
        raise ValueError(f"no code point may fit into {limit} {unit}")
    if length(text, unit) <= limit:
        return Split((text,))
    return _Cutter(text, limit, _Ruler.of(text, unit), _urls(text)).run()


@frozen
class _Ruler:
    """Where clusters begin and end, and how far a number of units reaches."""

    borders: Sequence[int]
    units_before: Sequence[int] | None

    @classmethod
    def of(cls, text: str, unit: Unit) -> "_Ruler":
        borders = [0, *(match.end() for match in _CLUSTER.finditer(text))]
        match unit:
            case "utf16":
                widths = (1 + (c > "\uffff") for c in text)
            case "utf8":
                widths = (1 + (c > "\x7f") + (c > "\u07ff") + (c > "\uffff") for c in text)
            case "code_points":
                return cls(borders, range(len(text) + 1))
            case "graphemes":
                return cls(borders, None)
            case _:
                assert_never(unit)
        return cls(borders, list(accumulate(widths, initial=0)))

    def reach(self, start: int, limit: int) -> int:
        """The furthest code point position within `limit` units of `start`."""
        if self.units_before is None:
            index = min(bisect_left(self.borders, start) + limit, len(self.borders) - 1)
            return self.borders[index]
        return bisect_right(self.units_before, self.units_before[start] + limit) - 1

    def floor(self, position: int) -> int:
        """The last cluster border at or before a position."""
        return self.borders[bisect_right(self.borders, position) - 1]

    def after(self, position: int) -> int:
        """The end of the cluster that begins at a position."""
        return self.borders[bisect_right(self.borders, position)]


@frozen
class _Cutter:
    text: str
    limit: int
    ruler: _Ruler
    urls: tuple[tuple[int, int], ...]

    def run(self) -> Split:
        pieces: list[str] = []
        broken = 0
        start = self._resume(0)
        while start < len(self.text):
            reach = self.ruler.reach(start, self.limit)
            end = self.ruler.floor(reach)
            if end == len(self.text):
                pieces.append(self.text[start:])
                break
            if end <= start:
                start = self._break_cluster(start, pieces)
                broken += 1
                continue
            cut = self._border(start, end)
            if cut is None and self.text[start].isspace():
                # An indentation that leads to no border is no line of its own: go on without it.
                unindented = self._past_space(start)
                if unindented > start:
                    start = unindented
                    continue
            cut = self._beside_url(start, end) if cut is None else cut
            pieces.append(self.text[start:cut])
            start = self._resume(cut)
        return Split(tuple(pieces), broken)

    def _border(self, start: int, end: int) -> int | None:
        """The best place to end a piece in (start, end], or None."""
        floor = start + (end - start) * FILL_SHARE
        best: tuple[int, int] | None = None
        for pause in _PAUSE.finditer(self.text, start, min(end + 1, len(self.text))):
            at, rank = self._rank(pause, start)
            if not start < at <= end or self.ruler.floor(at) != at:
                continue
            found = (rank if at >= floor else _WORD, at)
            best = found if best is None else max(best, found)
        return best[1] if best else None

    def _rank(self, pause: "regex.Match[str]", start: int) -> tuple[int, int]:
        """Where a piece would end at this pause, and how good an end that is."""
        at, found = pause.start(), pause.group()
        if not found[0].isspace():
            return pause.end(), _SENTENCE
        lines = found.count("\n")
        if lines:
            return at, _PARAGRAPH if lines > 1 else _LINE
        ended = _SENTENCE_END.search(self.text, max(start, at - 2), at)
        return at, _SENTENCE if ended else _WORD

    def _past_space(self, position: int) -> int:
        """Behind the whitespace at a position, short of a space that carries a combining mark."""
        run = _SPACE.match(self.text, position)
        return max(position, self.ruler.floor(run.end())) if run else position

    def _resume(self, cut: int) -> int:
        """Where the next piece starts: behind the whitespace, but a line keeps its indentation."""
        start = self._past_space(cut)
        line = self.text.rfind("\n", cut, start) + 1
        if not line:
            line = start if cut else 0
        short = start - line <= self.limit * FILL_SHARE
        return line if short and start < len(self.text) else start

    def _beside_url(self, start: int, end: int) -> int:
        """Move a cut that falls into a web address to its start, if the address fits a piece."""
        index = bisect_left(self.urls, (end, 0)) - 1
        if index < 0:
            return end
        first, last = self.urls[index]
        inside = start < first < end < last and self.ruler.floor(first) == first
        return first if inside and self.ruler.reach(first, self.limit) >= last else end

    def _break_cluster(self, start: int, pieces: list[str]) -> int:
        """Cut one cluster that is over the limit between its code points; return its end."""
        end = self.ruler.after(start)
        while start < end:
            stop = min(self.ruler.reach(start, self.limit), end)
            pieces.append(self.text[start:stop])
            start = stop
        return self._resume(end)


def _urls(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(match.span() for match in _URL.finditer(text))
