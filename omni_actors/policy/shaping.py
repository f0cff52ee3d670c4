"""Shaping: a message becomes the parts that a channel can carry, and a report of what that cost.

For each content type the channel's capabilities list the forms, best first. The first form whose
limits hold is taken; what is too long is split, what cannot be shown is flattened to text. Nothing
the user needs is dropped: what no form can carry raises Unshapable.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from attrs import evolve, frozen

from omni_actors.model.capabilities import Capabilities, Form, Level
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
    Reaction,
    Template,
    Text,
    content_type,
)
from omni_actors.policy import flattening
from omni_actors.policy.fitting import (
    blank,
    check_card,
    media_ids_of,
    over,
    reply_options,
    whole_unfit,
)
from omni_actors.policy.marks import marks_of
from omni_actors.policy.shaped import MediumFacts, Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.shaping_choices import ChoicesShaper
from omni_actors.policy.shaping_media import MediaShaper
from omni_actors.policy.wording import Notes, Wording, part_of

__all__ = ["MediumFacts", "Note", "Shaped", "ShapedPart", "Unshapable", "media_ids_of", "shape"]

COSTLY = (Level.FLATTENED, Level.DROPPED, Level.REFUSED)


def shape(
    content: Content,
    attachments: Sequence[Media],
    capabilities: Capabilities,
    facts: Mapping[str, MediumFacts],
    *,
    adapt: bool = True,
) -> Shaped:
    """The parts of a message on a channel.

    `facts` tell of each medium by its id. Without `adapt` anything that would be flattened or
    dropped is refused; splitting and native conversions are no loss. Raises Unshapable.
    """
    wording = Wording(capabilities)
    shaper = Shaper(wording, MediaShaper(wording, facts), ChoicesShaper(wording))
    shaped = shaper.message(content, attachments)
    if not adapt:
        refuse_costs(shaped.notes)
    return shaped


def refuse_costs(notes: Sequence[Note]) -> None:
    """Raise Unshapable for the first note that tells of a loss."""
    for note in notes:
        if note.level in COSTLY:
            raise Unshapable(note.path, f"it would become {note.to}: {note.why}")


@frozen
class Shaper:
    """Shapes one content after the other for one channel."""

    wording: Wording
    media: MediaShaper
    choices: ChoicesShaper

    def message(self, content: Content, attachments: Sequence[Media]) -> Shaped:
        """The content with what is attached to it.

        Attachments go ahead of a question: what follows a question takes its buttons away on some
        clients, and out of sight on the others.
        """
        if isinstance(content, Text) and len(attachments) == 1:
            captioned = self.as_caption(content, attachments[0])
            if captioned:
                return captioned
        shaped = self.shape(content, "/content")
        for n, attachment in enumerate(attachments):
            beside = self.media.shape(attachment, f"/attachments/{n}")
            shaped = beside.followed_by(shaped) if shaped.options else shaped.followed_by(beside)
        return shaped

    def shape(self, content: Content, path: str) -> Shaped:
        """The parts of one content."""
        if isinstance(content, INBOUND_ONLY):
            raise Unshapable(path, f"{content_type(content)} only ever comes in")
        match content:
            case Text():
                return self.text(content, path)
            case Media():
                return self.media.shape(content, path)
            case Choices():
                return self.choices.shape(content, path)
            case Contacts():
                return self.contacts(content, path)
            case Location():
                return self.location(content, path)
            case Email():
                return self.email(content, path)
            case Card() | Carousel():
                return self.cards(content, path)
            case Reaction() | Template():
                form = self.wording.forms(content_type(content), path)[0]
                return Shaped((part_of(form, content),))
            case _:
                assert_never(content)

    def text(self, content: Text, path: str) -> Shaped:
        """Text in the dialect, cut where it is too long."""
        words, notes = self.wording.rendered(content.text, content.format, f"{path}/text")
        parts, more = self.wording.pieces([words], f"{path}/text")
        return Shaped(parts, notes + more)

    def as_caption(self, content: Text, medium: Media) -> Shaped | None:
        """A text with one medium is one message where the medium's form has room for the text."""
        words, notes = self.wording.rendered(content.text, content.format, "/content/text")
        if medium.caption or blank(words):
            return None
        form, why = self.media.medium_form(medium, "/attachments/0")
        room = form.limits.caption_max
        if form.level is Level.FLATTENED or not room or over(words, room, form.limits):
            return None
        note = Note("/content/text", Level.CONVERTED, "caption", "one message instead of two")
        shaped = self.media.media_as(evolve(medium, caption=words), form, "/attachments/0", why)
        return evolve(shaped, notes=(*notes, note, *shaped.notes))

    def contacts(self, content: Contacts, path: str) -> Shaped:
        """Contact cards, as many a part as the form takes."""
        if not content.contacts:
            raise Unshapable(f"{path}/contacts", "there are no contacts to send")
        for n, card in enumerate(content.contacts):
            if blank(card.formatted_name):
                pointer = f"{path}/contacts/{n}/formatted_name"
                raise Unshapable(pointer, "a contact needs a name")
        form = self.wording.forms("contacts", path)[0]
        if form.level is Level.FLATTENED:
            return self.wording.flat(flattening.contacts(content), path, form)
        most = form.limits.items_max or len(content.contacts)
        starts = range(0, len(content.contacts), most)
        parts = [part_of(form, Contacts(content.contacts[n : n + most])) for n in starts]
        if len(parts) == 1:
            return Shaped(tuple(parts))
        why = f"{form.name} holds {most}"
        note = Note(f"{path}/contacts", Level.CONVERTED, f"{len(parts)} parts", why)
        return Shaped(tuple(parts), (note,))

    def location(self, content: Location, path: str) -> Shaped:
        """A place; the link that belongs to it follows, as no native form has room for one."""
        form = self.wording.forms("location", path)[0]
        if form.level is Level.FLATTENED:
            return self.wording.flat([flattening.location(content)], path, form)
        place = Shaped((part_of(form, evolve(content, url=None)),))
        if not content.url:
            return place
        parts, notes = self.wording.pieces([content.url], f"{path}/url")
        note = Note(f"{path}/url", Level.CONVERTED, "text", f"{form.name} has no link")
        return place.followed_by(Shaped(parts, (note, *notes)))

    def email(self, content: Email, path: str) -> Shaped:
        """A mail, or its subject and text where there are no mails."""
        form, why = self.whole_form(content, path)
        if form.level is not Level.FLATTENED:
            return Shaped((part_of(form, content),), whole_notes(form, path, why))
        flat = self.wording.flat(flattening.email(content), path, form, why)
        dropped = [name for name in ("cc", "headers") if getattr(content, name)]
        why = "only mails have that"
        notes = [Note(f"{path}/{name}", Level.DROPPED, "", why) for name in dropped]
        return evolve(flat, notes=(*flat.notes, *notes))

    def whole_form(self, content: Email | Card | Carousel, path: str) -> tuple[Form, str]:
        """The first form that shows content as it is or as text, and why the best one does not."""
        why = ""
        for form in self.wording.forms(content_type(content), path):
            unfit = "" if form.level is Level.FLATTENED else whole_unfit(content, form.limits)
            if not unfit:
                return form, why
            why = why or unfit
        raise Unshapable(path, why)

    def cards(self, content: Card | Carousel, path: str) -> Shaped:
        """Cards as they are, or one after the other; their answers stay open."""
        places = placed(content, path)
        cards = list(places.values())
        options = tuple(reply_options(cards))
        form, why = self.whole_form(content, path)
        if form.level is not Level.FLATTENED:
            notes = whole_notes(form, path, why)
            return Shaped((part_of(form, content),), notes, options)
        shaped = Shaped(())
        if isinstance(content, Carousel) and not blank(content.text or ""):
            shaped = self.wording.flat([content.text or ""], f"{path}/text", form, why)
        marks = iter(marks_of(options))
        for pointer, card in places.items():
            blocks = flattening.card(card, marks)
            shaped = shaped.followed_by(self.card(card, blocks, pointer, form, why))
        return evolve(shaped, options=options, numbered=bool(options))

    def card(self, card: Card, blocks: Sequence[str], path: str, form: Form, why: str) -> Shaped:
        """A flattened card: its picture with the text as caption, or the text below it."""
        if card.media is None:
            return self.wording.flat(blocks, path, form, why)
        pointer, words = f"{path}/media", "\n".join(blocks)
        shown, unfit = self.media.medium_form(card.media, pointer)
        if shown.level is Level.FLATTENED:
            return self.wording.flat([*blocks, card.media.url or ""], path, form, why or unfit)
        if over(words, shown.limits.caption_max or 0, shown.limits):
            bare = self.media.media_as(evolve(card.media, caption=None), shown, pointer, unfit)
            return bare.followed_by(self.wording.flat(blocks, path, form, why))
        note = Note(path, Level.FLATTENED, "media with caption", why or form.why)
        captioned = self.media.media_as(evolve(card.media, caption=words), shown, pointer, unfit)
        return evolve(captioned, notes=(note, *captioned.notes))


def whole_notes(form: Form, path: str, why: str) -> Notes:
    """What to tell of content that is sent as it is."""
    return (
        () if form.level is Level.NATIVE else (Note(path, form.level, form.name, why or form.why),)
    )


def placed(content: Card | Carousel, path: str) -> dict[str, Card]:
    """The cards by their pointers, each checked. Raises Unshapable."""
    if isinstance(content, Card):
        cards = {path: content}
    else:
        cards = {f"{path}/cards/{n}": card for n, card in enumerate(content.cards)}
    if not cards:
        raise Unshapable(f"{path}/cards", "there are no cards to send")
    for pointer, card in cards.items():
        check_card(card, pointer)
    return cards
