"""What a mail says, in blocks that are written as text (`plain.py`) and as HTML (`pages.py`).

No word is added to those of the business, whose customers may read any language: options have
numbers, files their names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from omni_actors.adapters.contract import Medium, PartToSend
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Contacts,
    Content,
    Coupon,
    Email,
    FeedbackRequest,
    Letter,
    Location,
    Media,
    MediaKind,
    Option,
    Receipt,
    Request,
    Text,
)
from omni_actors.policy import flattening
from omni_actors.policy.dialects import Document, Heading, Link, Paragraph, Run, parse_markdown
from omni_actors.policy.fitting import blank, one_line, reply_options
from omni_actors.policy.marks import marks_of

SHOWN: Final = frozenset({"image/gif", "image/jpeg", "image/png"})
"""Pictures that every client shows within a mail; others go along as files."""
SUBJECT_MAX: Final = 78

_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n")
_URL: Final = re.compile(r"https?://\S+")


@frozen
class Words:
    """Running text."""

    document: Document
    soft: bool = False  # a small line below


@frozen
class Picture:
    """A picture by its address, which is `cid:` and an id for one that goes along."""

    src: str
    alt: str
    url: str | None = None


@frozen
class Answer:
    """An option with the mark to write back, and the page where it can be picked."""

    mark: str
    option: Option
    url: str | None


@frozen
class Answers:
    """Options below each other."""

    answers: tuple[Answer, ...]


@frozen
class Button:
    """A way to a page or a number."""

    title: str
    url: str


@frozen
class Panel:
    """What belongs together, such as a card."""

    blocks: tuple["Block", ...]


Block: TypeAlias = Words | Picture | Answers | Button | Panel


@frozen
class Written:
    """A mail's blocks, and the ids of the media that they show; `rich` asks for HTML."""

    blocks: tuple[Block, ...]
    shown: frozenset[str] = frozenset()
    rich: bool = True


def written(part: PartToSend) -> Written:
    """The blocks of a part that is not a mail with bodies of its own."""
    content, files = opened(part.content)
    writer = Writer(part.media, part.links)
    body = tuple(writer.blocks(content))
    beside = tuple(writer.beside(files))
    plain = isinstance(content, Text) and content.format == "plain"
    mere = isinstance(content, Media) and not any(isinstance(b, Picture) for b in body)
    return Written((*body, *beside), shown_in(body), rich=not (plain or mere))


def opened(content: Content) -> tuple[Content, tuple[Media, ...]]:
    """What a part says, and the files beside it."""
    return (content.content, content.attachments) if isinstance(content, Letter) else (content, ())


def shown_in(blocks: Sequence[Block]) -> frozenset[str]:
    """The media that blocks show."""
    found: set[str] = set()
    for block in blocks:
        if isinstance(block, Picture) and block.src.startswith("cid:"):
            found.add(block.src.removeprefix("cid:"))
        elif isinstance(block, Panel):
            found |= shown_in(block.blocks)
    return frozenset(found)


@frozen
class Writer:
    """Makes blocks of content; `links` are the pages of options, by their ids."""

    media: Mapping[str, Medium]
    links: Mapping[str, str]

    def blocks(self, content: Content) -> Iterator[Block]:
        """What a content says."""
        match content:
            case Text(text=text, format=form):
                yield Words(read(text, form))
            case Media():
                yield from self.medium(content)
            case Choices():
                yield from self.question(content)
            case Card():
                yield from self.card(content, iter(marks_of([*reply_options([content])])))
            case Carousel():
                yield from self.carousel(content)
            case Request():
                yield from self.framed(content.header, content.text, content.format)
                yield from small(content.footer)
            case _:
                yield from lines(flat(content))

    def question(self, asked: Choices) -> Iterator[Block]:
        """A question with its options."""
        if asked.media:
            yield from self.medium(asked.media)
        yield from self.framed(asked.header, asked.text, asked.format)
        marks = marks_of(asked.options)
        pairs = zip(marks, asked.options, strict=True)
        yield Answers(tuple([self.answer(mark, option) for mark, option in pairs]))
        yield from small(asked.footer)

    def answer(self, mark: str, option: Option) -> Answer:
        return Answer(mark, option, self.links.get(option.id))

    def framed(self, header: str | None, text: str, form: str) -> Iterator[Block]:
        """A text below its header."""
        if header and not blank(header):
            yield Words(title(header))
        yield Words(read(text, form))

    def carousel(self, shown: Carousel) -> Iterator[Block]:
        """Cards below each other, numbered throughout."""
        if shown.text and not blank(shown.text):
            yield Words(read(shown.text))
        marks = iter(marks_of([*reply_options(shown.cards)]))
        for card in shown.cards:
            yield Panel(tuple(self.card(card, marks)))

    def card(self, card: Card, marks: Iterator[str]) -> Iterator[Block]:
        """A card, with each answer of its buttons under the next of `marks`."""
        if card.media:
            yield from self.medium(card.media, card.url)
        yield Words(title(card.title, card.url))
        if card.text and not blank(card.text):
            yield Words(read(card.text))
        for action in card.actions:
            yield from self.action(action, marks)
        yield from small(card.footer)

    def action(self, action: Action, marks: Iterator[str]) -> Iterator[Block]:
        """A button: it leads somewhere, answers, or both."""
        if url := target(action):
            yield Button(action.title, url)
        if action.id:
            yield Answers((self.answer(next(marks), Option(action.id, action.title)),))

    def medium(self, medium: Media, url: str | None = None) -> Iterator[Block]:
        """A medium within a mail: a picture that is shown, a link, or a name of what goes along."""
        held = self.media.get(medium.media_id or "")
        caption = medium.caption if medium.caption and not blank(medium.caption) else ""
        name = named(medium, held)
        if held and held.mime in SHOWN and medium.kind in (MediaKind.IMAGE, MediaKind.STICKER):
            yield Picture(f"cid:{held.media_id}", caption or name, url)
            yield from [Words(read(caption))] if caption else []
        elif medium.url:
            yield Words(linked(caption or medium.filename or medium.url, medium.url))
        else:
            yield Words(read(caption or name))

    def beside(self, files: Sequence[Media]) -> Iterator[Block]:
        """What must be said of the files that go along: captions, and links to what does not."""
        for file in files:
            held = self.media.get(file.media_id or "")
            caption = file.caption if file.caption and not blank(file.caption) else ""
            if file.url and not held:
                yield Words(linked(caption or file.filename or file.url, file.url))
            elif caption:
                yield Words(read(f"{named(file, held)}: {caption}"))


def target(action: Action) -> str | None:
    """Where a button leads."""
    phone = f"tel:{action.phone}" if action.phone else None
    return action.url or action.login or phone


def named(medium: Media, held: Medium | None) -> str:
    """What a file is called."""
    own = one_line(medium.filename or "") or one_line((held and held.filename) or "")
    return own or medium.kind.value


def read(text: str, form: str = "plain") -> Document:
    """A text as a tree; one that is plain is paragraphs."""
    if form == "markdown":
        return parse_markdown(text)
    pieces = [piece.strip("\n") for piece in _PARAGRAPHS.split(text.replace("\r\n", "\n"))]
    return Document(tuple([Paragraph((Run(piece),)) for piece in pieces if piece]))


def title(text: str, url: str | None = None) -> Document:
    """A title, which leads to a page if there is one."""
    run = Run(one_line(text))
    return Document((Heading((Link(url, (run,)) if url else run,), 2),))


def linked(words: str, url: str) -> Document:
    """Words that lead to an address."""
    return Document((Paragraph((Link(url, (Run(words),)),)),))


def small(text: str | None) -> Iterator[Block]:
    """A small line below, if there is one."""
    if text and not blank(text):
        yield Words(read(text), soft=True)


def lines(blocks: Sequence[str]) -> Iterator[Block]:
    """Lines of text, whose web addresses are links."""
    for block in blocks:
        runs: list[Run | Link] = []
        at = 0
        for found in _URL.finditer(block):
            runs += [Run(block[at : found.start()])] if found.start() > at else []
            runs.append(Link(found[0], (Run(found[0]),)))
            at = found.end()
        runs += [Run(block[at:])] if at < len(block) else []
        yield Words(Document((Paragraph(tuple(runs)),)))


def flat(content: Content) -> list[str]:
    """What has no look of its own in a mail, in lines."""
    match content:
        case Location():
            return [flattening.location(content)]
        case Contacts():
            return [flattening.contact(card) for card in content.contacts]
        case Receipt():
            return ["\n".join(flattening.receipt(content))]
        case Coupon():
            return flattening.coupon(content)
        case FeedbackRequest():
            return flattening.feedback(content)
        case Email():
            return [content.text]
        case _:
            raise AssertionError(f"no mail is made of {type(content).__name__}")


def subject_of(content: Content, media: Mapping[str, Medium]) -> str:
    """A subject for content that has none: its title, or the beginning of what it says."""
    said = _titled(content, media)
    first = next((one_line(line) for line in said.split("\n") if not blank(line)), "")
    return first if len(first) <= SUBJECT_MAX else shortened(first)


def shortened(line: str) -> str:
    """The beginning of a line, cut between words where that leaves enough."""
    cut = line[: SUBJECT_MAX - 1]
    head, gap, _tail = cut.rpartition(" ")
    return (head if gap and len(head) > SUBJECT_MAX // 2 else cut).rstrip() + "…"


def _titled(content: Content, media: Mapping[str, Medium]) -> str:
    match content:
        case Email(subject=subject):
            return subject
        case Text(text=text, format=form):
            return words_of(read(text, form))
        case Choices() | Request():
            return content.header or words_of(read(content.text, content.format))
        case Card():
            return content.title
        case Carousel():
            return content.text or content.cards[0].title
        case Media():
            return content.caption or named(content, media.get(content.media_id or ""))
        case _:
            return flat(content)[0]


def words_of(document: Document) -> str:
    """The first line of a text, without its formatting."""
    for block in document.blocks:
        if isinstance(block, Paragraph | Heading):
            return "".join([_words(inline) for inline in block.content])
    return ""


def _words(inline: object) -> str:
    match inline:
        case Run(text=text):
            return text
        case Link(content=content):
            return "".join([_words(each) for each in content])
        case _:
            return ""
