"""Markdown read once into a small tree, and written in the dialect of a platform's clients."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final, assert_never

from attrs import define, field, frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

from omni_actors.model.capabilities import Dialect, Mark

CHARS_MAX: Final = 65_536
NESTING_MAX: Final = 20
TABLE_CELLS_MAX: Final = 10_000

_OPENS: Final[Mapping[str, Mark]] = {"strong_open": "bold", "em_open": "italic", "s_open": "strike"}
_CLOSES: Final[Mapping[str, Mark]] = {
    name.replace("_open", "_close"): mark for name, mark in _OPENS.items()
}


@frozen
class Run:
    """Text under the same marks, outermost first; a line break is a newline."""

    text: str
    marks: tuple[Mark, ...] = ()


@frozen
class Image:
    """A picture by its address, with the words that stand for it."""

    url: str
    alt: str


@frozen
class Link:
    """Words that lead to an address."""

    url: str
    content: tuple[Run | Image, ...]
    marks: tuple[Mark, ...] = ()


Inline = Run | Image | Link


@frozen
class Paragraph:
    """Lines of running text."""

    content: tuple[Inline, ...]


@frozen
class Heading:
    """The title of what follows; chats know no levels, letters do (1 is the highest)."""

    content: tuple[Inline, ...]
    level: int = 1


@frozen
class CodeBlock:
    """Text to be shown exactly as it is."""

    text: str


@frozen
class Quote:
    """What somebody else said."""

    blocks: tuple["Block", ...]


@frozen
class Listing:
    """A list; numbered from `start`, or bulleted when that is None."""

    start: int | None
    items: tuple[tuple["Block", ...], ...]


@frozen
class Table:
    """Rows of cells; the first row is the header."""

    rows: tuple[tuple[tuple[Inline, ...], ...], ...]


@frozen
class Rule:
    """A line between two topics."""


Block = Paragraph | Heading | CodeBlock | Quote | Listing | Table | Rule


@frozen
class Document:
    """A text as a tree; `notes` says why it was taken as plain text, if it was."""

    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


@frozen
class Rendered:
    """A text in a dialect, and the kinds of formatting that it could not show as such."""

    text: str
    lost: tuple[str, ...] = ()


def render_markdown(text: str, dialect: Dialect, chars_max: int = CHARS_MAX) -> Rendered:
    """Read Markdown and write it in a dialect. Never raises, whatever the text."""
    return render(parse_markdown(text, chars_max), dialect)


def parse_markdown(text: str, chars_max: int = CHARS_MAX) -> Document:
    """Read CommonMark with tables and strikethrough; raw HTML is text. Never raises.

    A text that is too long, or would grow or nest out of proportion, is taken literally as one
    paragraph, so that nothing is lost, and `notes` says `too_long` or `too_deep`.
    """
    if len(text) > chars_max:
        return _literal(text, "too_long")
    tokens = _READER.parse(text)
    # The reader drops what is nested deeper than it goes, so its last level is already too deep.
    if any(token.level >= NESTING_MAX - 1 for token in tokens):
        return _literal(text, "too_deep")
    if _grows(tokens, chars_max):
        return _literal(text, "too_long")
    return Document(tuple(_blocks(iter(tokens))))


def _reader() -> MarkdownIt:
    options = {"maxNesting": NESTING_MAX, "html": False}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


_READER: Final = _reader()


def _literal(text: str, note: str) -> Document:
    return Document((Paragraph((Run(text),)),), (note,))


def _grows(tokens: list[Token], chars_max: int) -> bool:
    """Whether repeated references or completed table cells make far more of a text than it is."""
    cells = sum(token.type in ("td_open", "th_open") for token in tokens)
    inner = (child for token in tokens for child in token.children or ())
    urls = sum(len(_address(child)) for child in inner)
    return cells > TABLE_CELLS_MAX or urls > 2 * chars_max


def _address(token: Token) -> str:
    return str(token.attrs.get("href") or token.attrs.get("src") or "")


def _blocks(tokens: Iterator[Token]) -> Iterator[Block]:
    """The blocks up to the end of the one that is being read."""
    for token in tokens:
        match token.type:
            case "paragraph_open":
                yield Paragraph(_content(tokens))
            case "heading_open":
                yield Heading(_content(tokens), int(token.tag[1:]))
            case "code_block" | "fence":
                yield CodeBlock(token.content.removesuffix("\n"))
            case "blockquote_open":
                yield Quote(tuple(_blocks(tokens)))
            case "bullet_list_open":
                yield Listing(None, tuple(_items(tokens)))
            case "ordered_list_open":
                yield Listing(int(token.attrs.get("start", 1)), tuple(_items(tokens)))
            case "table_open":
                yield Table(tuple(_rows(tokens)))
            case "hr":
                yield Rule()
            case _:
                return


def _content(tokens: Iterator[Token]) -> tuple[Inline, ...]:
    content = _inlines(next(tokens).children or [])
    next(tokens)
    return content


def _items(tokens: Iterator[Token]) -> Iterator[tuple[Block, ...]]:
    while next(tokens).type == "list_item_open":
        yield tuple(_blocks(tokens))


def _rows(tokens: Iterator[Token]) -> Iterator[tuple[tuple[Inline, ...], ...]]:
    row: list[tuple[Inline, ...]] = []
    while (token := next(tokens)).type != "table_close":
        match token.type:
            case "tr_open":
                row = []
            case "inline":
                row.append(_inlines(token.children or []))
            case "tr_close":
                yield tuple(row)


def _inlines(tokens: Iterable[Token]) -> tuple[Inline, ...]:
    """Flat runs instead of a tree, so that no text can nest them deep."""
    found: list[Inline] = []
    inside: list[Run | Image] | None = None
    marks: list[Mark] = []
    link: Token | None = None
    for token in tokens:
        if token.type in _OPENS:
            marks.append(_OPENS[token.type])
        elif token.type in _CLOSES:
            marks.pop()
        elif token.type == "link_open":
            link, inside = token, []
        elif token.type == "link_close" and link is not None and inside is not None:
            found.append(Link(_address(link), tuple(inside), _once(marks)))
            link, inside = None, None
        else:
            leaf = _leaf(token, _once(marks))
            (found if inside is None else inside).append(leaf)
    return tuple(found)


def _once(marks: list[Mark]) -> tuple[Mark, ...]:
    # Thousands of nested emphases would otherwise cost as many steps for each run.
    return tuple(dict.fromkeys(marks[:64]))


def _leaf(token: Token, marks: tuple[Mark, ...]) -> Run | Image:
    match token.type:
        case "image":
            alt = "".join(child.content for child in token.children or ())
            return Image(_address(token), alt)
        case "code_inline":
            return Run(token.content, (*marks, "code"))
        case "softbreak" | "hardbreak":
            return Run("\n", marks)
        case _:
            return Run(token.content, marks)


def render(document: Document, dialect: Dialect) -> Rendered:
    """Write a document in a dialect. A soft line break stays a line break, as chats read it.

    Marks hug their words, stand at word borders and never span lines; where that is impossible,
    or the words hold the mark's own sign, the mark is left out and told in `lost`.
    """
    writer = _Writer(dialect)
    text = writer.blocks(document.blocks, "\n\n")
    return Rendered(text, (*document.notes, *writer.lost))


@define
class _Writer:
    dialect: Dialect
    lost: dict[str, None] = field(factory=dict)
    depth: dict[str, int] = field(factory=lambda: {"quote": 0, "list": 0})

    def lose(self, kind: str) -> None:
        self.lost[kind] = None

    def blocks(self, blocks: Iterable[Block], between: str) -> str:
        return between.join(self.block(block) for block in blocks)

    def block(self, block: Block) -> str:
        match block:
            case Paragraph(content):
                return self.line(content)
            case Heading(content):
                self.lose("heading")
                return self.line(content, "bold" if "bold" in self.dialect.marks else None)
            case CodeBlock(text):
                return self.code(text)
            case Quote(blocks):
                return self.within("quote", lambda: self.quote(blocks))
            case Listing(start, items):
                return self.within("list", lambda: self.listing(start, items))
            case Table(rows):
                self.lose("table")
                return self.table(rows)
            case Rule():
                self.lose("rule")
                return "---"
            case _:
                assert_never(block)

    def within(self, kind: str, write: Callable[[], str]) -> str:
        self.depth[kind] += 1
        if self.depth[kind] > 1:
            self.lose(f"nested_{kind}")
        try:
            return write()
        finally:
            self.depth[kind] -= 1

    def quote(self, blocks: tuple[Block, ...]) -> str:
        text = self.blocks(blocks, "\n\n")
        if self.depth["quote"] > 1 and not self.dialect.quotes_nest:
            return text
        return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))

    def listing(self, start: int | None, items: tuple[tuple[Block, ...], ...]) -> str:
        lines = []
        for offset, item in enumerate(items):
            sign = "- " if start is None else f"{start + offset}. "
            text = self.blocks(item, "\n")
            lines.append(sign + text.replace("\n", "\n" + " " * len(sign)))
        return "\n".join(lines)

    def table(self, rows: tuple[tuple[tuple[Inline, ...], ...], ...]) -> str:
        header: Mark | None = "bold" if "bold" in self.dialect.marks else None
        lines = []
        for row in rows:
            lines.append(" | ".join(self.line(cell, header) for cell in row))
            header = None
        return "\n".join(lines)

    def code(self, text: str) -> str:
        fence = self.dialect.fence
        if not fence or fence in text or not text.strip():
            self.lose("code_block")
            return text
        return f"{fence}{text}{fence}"

    def line(self, content: tuple[Inline, ...], mark: Mark | None = None) -> str:
        """Inline content as text, all of it under `mark` if given; one line at a time."""
        lines: list[list[Run]] = [[]]
        for run in self.runs(content):
            marks = (mark, *(m for m in run.marks if m != mark)) if mark else run.marks
            first, *others = run.text.split("\n")
            lines[-1].append(Run(first, marks))
            lines.extend([Run(text, marks)] for text in others)
        filled = ([run for run in runs if run.text] for runs in lines)
        return "\n".join(self.marked(runs, 0, "", "") for runs in filled)

    def runs(self, content: Iterable[Inline]) -> Iterator[Run]:
        for inline in content:
            match inline:
                case Run():
                    yield inline
                case Image(url, alt):
                    self.lose("image")
                    yield Run(f"{alt} ({url})" if alt.strip() else url)
                case Link(url, inner, marks):
                    yield from self.link(url, tuple(self.runs(inner)), marks)
                case _:
                    assert_never(inline)

    def link(self, url: str, inner: tuple[Run, ...], marks: tuple[Mark, ...]) -> Iterator[Run]:
        words = "".join(run.text for run in inner)
        if not words.strip():
            yield Run(url, marks)
            return
        yield from inner
        if url not in ("", words, f"mailto:{words}"):
            self.lose("link")
            yield Run(f" ({url})", marks)

    def marked(self, runs: list[Run], depth: int, before: str, after: str) -> str:
        """One line of runs, with the signs of the marks from `depth` inwards."""
        grouped = groupby(runs, key=lambda run: run.marks[depth : depth + 1])
        groups = [(marks, list(group)) for marks, group in grouped]
        written = []
        texts = ["".join(run.text for run in group) for _, group in groups]
        for index, (marks, group) in enumerate(groups):
            left = (texts[index - 1] if index else before)[-1:]
            right = (texts[index + 1] if index + 1 < len(texts) else after)[:1]
            if marks:
                inner = self.marked(group, depth + 1, left, right)
                written.append(self.wrap(marks[0], inner, texts[index], (left, right)))
            else:
                written.append(texts[index])
        return "".join(written)

    def wrap(self, mark: Mark, inner: str, words: str, beside: tuple[str, str]) -> str:
        """The sign of a mark around `inner`, unless a client would not take it for one."""
        core = inner.strip()
        if not core:
            return inner
        sign = self.dialect.marks.get(mark)
        start = inner.index(core)
        edges = (inner[:start][-1:] or beside[0], inner[start + len(core) :][:1] or beside[1])
        if sign is None or sign in words or any(_WORD.match(edge) for edge in edges):
            self.lose(mark)
            return inner
        return f"{inner[:start]}{sign}{core}{sign}{inner[start + len(core) :]}"


_WORD: Final = re.compile(r"\w")
