"""Shaping: a message becomes the parts that a channel can carry, and a report of what that cost.

For each content type the channel's capabilities list the forms, best first. The first form whose
limits hold is taken; what is too long is split, what cannot be shown is flattened to text. Nothing
the user needs is dropped: what no form can carry raises Unshapable.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from attrs import evolve, frozen

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits
from omni_actors.model.content import (
    INBOUND_ONLY,
    Card,
    Carousel,
    Choices,
    Contacts,
    Content,
    Email,
    Location,
    Media,
    MediaKind,
    Option,
    Reaction,
    Template,
    Text,
    content_type,
)
from omni_actors.model.json import JsonObject
from omni_actors.policy import flattening
from omni_actors.policy.dialects import PLAIN, WHATSAPP, render_markdown
from omni_actors.policy.splitting import length, split

DIALECTS = {"whatsapp": WHATSAPP, "plain": PLAIN, "html": PLAIN}
COSTLY = (Level.FLATTENED, Level.DROPPED, Level.REFUSED)


@frozen
class MediumFacts:
    """What is known of a medium's bytes; None where it is not."""

    mime: str | None = None
    size: int | None = None
    filename: str | None = None


@frozen
class ShapedPart:
    """One platform call to be: the form, and content that fits it."""

    form: str
    content: Content
    media_ids: tuple[str, ...] = ()


@frozen
class Note:
    """One line of the rendering report: what of the content became what, and why."""

    path: str
    level: Level
    to: str
    why: str

    def as_json(self) -> JsonObject:
        return {"path": self.path, "level": self.level.value, "to": self.to, "why": self.why}


@frozen
class Shaped:
    """The parts in order, the report, and the options that stay open as a question.

    `numbered` tells that the options are shown with numbers, so that a number answers.
    """

    parts: tuple[ShapedPart, ...]
    notes: tuple[Note, ...] = ()
    options: tuple[Option, ...] = ()
    numbered: bool = False

    def followed_by(self, other: "Shaped") -> "Shaped":
        """Both, one after the other; the options of the last question are the open ones."""
        asking = other if other.options else self
        return Shaped(
            self.parts + other.parts, self.notes + other.notes, asking.options, asking.numbered
        )


class Unshapable(Exception):
    """The channel cannot carry this. `pointer` is a JSON pointer into the request."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(why)
        self.pointer = pointer
        self.why = why


def shape(
    content: Content,
    attachments: Sequence[Media],
    capabilities: Capabilities,
    facts: Mapping[str, MediumFacts],
    *,
    adapt: bool = True,
) -> Shaped:
    """The parts of a message on a channel.

    `facts` tell of each medium by its id. Without `adapt` anything that would be flattened or split
    is refused. Raises Unshapable.
    """
    shaper = Shaper(capabilities, facts)
    content, attachments, merged = as_caption(content, attachments, capabilities)
    shaped = shaper.shape(content, "/content")
    for n, attachment in enumerate(attachments):
        shaped = shaped.followed_by(shaper.shape(attachment, f"/attachments/{n}"))
    if merged:
        shaped = evolve(shaped, notes=(merged, *shaped.notes))
    if not adapt:
        refuse_costs(shaped.notes)
    return shaped


def refuse_costs(notes: Sequence[Note]) -> None:
    """Raise Unshapable for the first note that tells of a loss."""
    for note in notes:
        if note.level in COSTLY:
            raise Unshapable(note.path, f"it would become {note.to}: {note.why}")


def as_caption(
    content: Content, attachments: Sequence[Media], capabilities: Capabilities
) -> tuple[Content, Sequence[Media], Note | None]:
    """A text with one medium is one message where the platform has captions that hold the text."""
    if not isinstance(content, Text) or len(attachments) != 1 or attachments[0].caption:
        return content, attachments, None
    medium = attachments[0]
    forms = capabilities.forms_of(f"media.{medium.kind}")
    if not forms or not forms[0].limits.caption_max:
        return content, attachments, None
    caption = rendered(content.text, content.format, capabilities)[0]
    if length(caption, forms[0].limits.unit) > forms[0].limits.caption_max:
        return content, attachments, None
    note = Note("/content/text", Level.CONVERTED, "caption", "one message instead of two")
    return evolve(medium, caption=caption), (), note


def rendered(text: str, form: str, capabilities: Capabilities) -> tuple[str, tuple[str, ...]]:
    """Text in the channel's dialect, and the formatting that it could not show."""
    if form != "markdown":
        return text, ()
    written = render_markdown(text, DIALECTS[capabilities.dialect])
    return written.text, written.lost


@frozen
class Shaper:
    """Shapes one content after the other for one channel."""

    capabilities: Capabilities
    facts: Mapping[str, MediumFacts]

    def shape(self, content: Content, path: str) -> Shaped:
        """The parts of one content."""
        if isinstance(content, INBOUND_ONLY):
            raise Unshapable(path, f"{content_type(content)} only ever comes in")
        match content:
            case Text():
                return self.text(content, path)
            case Media():
                return self.media(content, path)
            case Choices():
                return self.choices(content, path)
            case Contacts():
                return self.contacts(content, path)
            case Location() | Reaction() | Template() | Card() | Carousel() | Email():
                return self.whole(content, path)
            case _:
                assert_never(content)

    def forms(self, key: str, path: str) -> tuple[Form, ...]:
        forms = self.capabilities.forms_of(key)
        if not forms:
            raise Unshapable(path, f"{key} cannot be sent on this channel")
        return forms

    def text(self, content: Text, path: str) -> Shaped:
        """Text in the dialect, cut where it is too long."""
        form = self.forms("text", path)[0]
        words, lost = rendered(content.text, content.format, self.capabilities)
        notes = dialect_notes(content.format, lost, f"{path}/text", self.capabilities)
        return Shaped(*self.pieces(words, form, f"{path}/text", notes))

    def pieces(
        self, words: str, form: Form, path: str, notes: tuple[Note, ...] = ()
    ) -> tuple[tuple[ShapedPart, ...], tuple[Note, ...]]:
        """Text parts, each within the form's limit."""
        if not words.strip():
            raise Unshapable(path, "there is no text to send")
        limit = form.limits.text_max
        pieces = split(words, limit, form.limits.unit).pieces if limit else (words,)
        if len(pieces) > 1:
            why = f"longer than {limit} characters"
            notes += (Note(path, Level.CONVERTED, f"{len(pieces)} parts", why),)
        return tuple([ShapedPart(form.name, Text(piece)) for piece in pieces]), notes

    def flat(self, words: str, path: str, form: Form, why: str) -> Shaped:
        """Content that is now text."""
        text_form = self.forms("text", path)[0]
        note = Note(path, Level.FLATTENED, form.name, why)
        return Shaped(*self.pieces(words, text_form, path, (note,)))

    # ------------------------------------------------------------ media

    def media(self, content: Media, path: str) -> Shaped:
        """A medium in the first form that takes its type and size; a long caption follows it."""
        known = self.facts.get(content.media_id or "", MediumFacts(content.mime, content.size))
        why = ""
        for form in self.forms(f"media.{content.kind}", path):
            if form.level is Level.FLATTENED:
                return self.media_as_text(content, path, form, why)
            unfit = medium_unfit(form.limits, known, by_url=content.media_id is None)
            if not unfit:
                return self.media_as(content, form, path, why)
            why = why or unfit
        raise Unshapable(path, why)

    def media_as(self, content: Media, form: Form, path: str, why: str) -> Shaped:
        if content.media_id is None and not self.capabilities.media_by_url:
            raise Unshapable(f"{path}/url", "this channel takes uploaded media only")
        kind = MediaKind(form.name) if form.name in set(MediaKind) else content.kind
        medium = evolve(content, kind=kind)
        notes: tuple[Note, ...] = ()
        if form.level is not Level.NATIVE:
            notes = (Note(path, form.level, form.name, why or form.why),)
        ids = (content.media_id,) if content.media_id else ()
        caption_max = form.limits.caption_max or 0
        if not content.caption or length(content.caption, form.limits.unit) <= caption_max:
            return Shaped((ShapedPart(form.name, medium, ids),), notes)
        bare = ShapedPart(form.name, evolve(medium, caption=None), ids)
        text_form = self.forms("text", path)[0]
        parts, more = self.pieces(content.caption, text_form, f"{path}/caption")
        reason = f"captions of {form.name} hold {caption_max} characters"
        moved = Note(f"{path}/caption", Level.CONVERTED, "text", reason)
        return Shaped((bare, *parts), (*notes, moved, *more))

    def media_as_text(self, content: Media, path: str, form: Form, why: str) -> Shaped:
        """A link instead of the medium, where there is one."""
        if content.url is None:
            raise Unshapable(path, why or form.why)
        words = "\n".join(filter(None, [content.caption, content.url]))
        return self.flat(words, path, form, why or form.why)

    # ------------------------------------------------------------ choices

    def choices(self, content: Choices, path: str) -> Shaped:
        """A question in the first form that shows every option whole."""
        words, lost = rendered(content.text, content.format, self.capabilities)
        notes = dialect_notes(content.format, lost, f"{path}/text", self.capabilities)
        check_options(content.options, path)
        why = ""
        for form in self.forms("choices", path):
            if form.level is Level.FLATTENED:
                flat = self.flat(flattening.numbered(words, content.options), path, form, why)
                return evolve(
                    flat, notes=notes + flat.notes, options=content.options, numbered=True
                )
            unfit = options_unfit(content, form.limits)
            if not unfit:
                return self.choices_as(evolve(content, text=words), form, path, notes, why)
            why = why or unfit
        raise Unshapable(f"{path}/options", why)

    def choices_as(
        self, content: Choices, form: Form, path: str, notes: tuple[Note, ...], why: str
    ) -> Shaped:
        """The question in a native form; a long text goes ahead and its last piece asks."""
        if form.level is not Level.NATIVE:
            notes += (Note(f"{path}/options", form.level, form.name, why or form.why),)
        if not content.text.strip():
            raise Unshapable(f"{path}/text", "a question needs a text")
        limit = form.limits.text_max
        pieces = split(content.text, limit, form.limits.unit).pieces if limit else (content.text,)
        if len(pieces) > 1:
            reason = f"{form.name} holds {limit} characters of text"
            notes += (Note(f"{path}/text", Level.CONVERTED, "text ahead", reason),)
        question = evolve(content, text=pieces[-1], format="plain")
        ahead: tuple[ShapedPart, ...] = ()
        if len(pieces) > 1:
            words = content.text[: content.text.rindex(pieces[-1])].rstrip()
            ahead, _ = self.pieces(words, self.forms("text", path)[0], f"{path}/text")
        return Shaped((*ahead, ShapedPart(form.name, question)), notes, content.options)

    # ------------------------------------------------------------ the rest

    def contacts(self, content: Contacts, path: str) -> Shaped:
        """Contact cards, as many a part as the form takes."""
        form = self.forms("contacts", path)[0]
        if form.level is Level.FLATTENED:
            return self.flat(flattening.contacts(content), path, form, form.why)
        most = form.limits.items_max or len(content.contacts)
        slices = [
            content.contacts[start : start + most]
            for start in range(0, len(content.contacts), most)
        ]
        notes: tuple[Note, ...] = ()
        if len(slices) > 1:
            why = f"{form.name} holds {most}"
            notes = (Note(path, Level.CONVERTED, f"{len(slices)} parts", why),)
        return Shaped(tuple([ShapedPart(form.name, Contacts(s)) for s in slices]), notes)

    def whole(
        self, content: Location | Reaction | Template | Card | Carousel | Email, path: str
    ) -> Shaped:
        """Content that is sent as it is, or flattened."""
        form = self.forms(content_type(content), path)[0]
        match content:
            case Card() if form.level is Level.FLATTENED:
                return self.cards((content,), None, path, form)
            case Carousel() if form.level is Level.FLATTENED:
                return self.cards(content.cards, content.text, path, form)
            case Location() if form.level is Level.FLATTENED:
                return self.flat(flattening.location(content), path, form, form.why)
            case Email() if form.level is Level.FLATTENED:
                words = f"{content.subject}\n\n{content.text}"
                return self.flat(words, path, form, form.why)
            case _:
                return Shaped((ShapedPart(form.name, content),))

    def cards(self, cards: Sequence[Card], text: str | None, path: str, form: Form) -> Shaped:
        """Cards one after the other; their answers are numbered through and stay open."""
        options = tuple(reply_options(cards))
        shaped = self.flat(text, path, form, form.why) if text else Shaped(())
        first = 1
        for card in cards:
            words = flattening.card(card, first)
            first += sum(1 for action in card.actions if action.id)
            if card.media:
                part = self.media(evolve(card.media, caption=words), path)
                note = Note(path, Level.FLATTENED, "media with caption", form.why)
                part = evolve(part, notes=(note, *part.notes))
            else:
                part = self.flat(words, path, form, form.why)
            shaped = shaped.followed_by(part)
        return evolve(shaped, options=options, numbered=bool(options))


def reply_options(cards: Sequence[Card]) -> Iterator[Option]:
    """The answers that cards offer."""
    for card in cards:
        for action in card.actions:
            if action.id:
                yield Option(action.id, action.title)


def dialect_notes(
    form: str, lost: Sequence[str], path: str, capabilities: Capabilities
) -> tuple[Note, ...]:
    """What became of formatted text."""
    if form != "markdown":
        return ()
    level = Level.CONVERTED
    why = f"not shown as such: {', '.join(lost)}" if lost else "markdown in the channel's own marks"
    return (Note(path, level, f"{capabilities.dialect} text", why),)


def check_options(options: Sequence[Option], path: str) -> None:
    """Raise Unshapable unless every option can be told from the others."""
    if not options:
        raise Unshapable(f"{path}/options", "a question needs at least one option")
    if len({option.id for option in options}) < len(options):
        raise Unshapable(f"{path}/options", "two options have the same id")


def options_unfit(content: Choices, limits: Limits) -> str:
    """Why a form cannot show these options whole; empty when it can."""
    count = len(content.options)
    if limits.options_max is not None and count > limits.options_max:
        return f"{count} options, {limits.options_max} allowed"
    if len({option.title for option in content.options}) < count:
        return "two options have the same title"
    if content.button and over(content.button, limits.button_max, limits):
        return f"button label longer than {limits.button_max} characters"
    return next(filter(None, [option_unfit(option, limits) for option in content.options]), "")


def option_unfit(option: Option, limits: Limits) -> str:
    """Why a form cannot show one option whole."""
    if not option.title.strip():
        return f"option {option.id!r} has no title"
    if over(option.title, limits.option_title_max, limits):
        return f"title {option.title!r} longer than {limits.option_title_max} characters"
    if option.description and over(option.description, limits.option_description_max, limits):
        most = limits.option_description_max
        return "no descriptions there" if most == 0 else f"description longer than {most}"
    if over(option.id, limits.option_id_max, limits):
        return f"option id longer than {limits.option_id_max} characters"
    return ""


def over(text: str, limit: int | None, limits: Limits) -> bool:
    """Whether a text is longer than a limit, if there is one."""
    return limit is not None and length(text, limits.unit) > limit


def medium_unfit(limits: Limits, known: MediumFacts, *, by_url: bool) -> str:
    """Why a form does not take a medium; empty when it does. Of a link we know nothing."""
    if by_url:
        return ""
    mime = (known.mime or "").split(";")[0].strip().lower()
    if limits.mimes and mime not in limits.mimes:
        return f"{mime or 'unknown type'} is not taken, only {', '.join(limits.mimes)}"
    if limits.bytes_max is not None and (known.size or 0) > limits.bytes_max:
        return f"{known.size} bytes, {limits.bytes_max} allowed"
    return ""
