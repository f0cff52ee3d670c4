"""Shaping: a message becomes the parts that a channel can carry, and a report of what that cost.

For each content type the channel's capabilities list the forms, best first. The first form whose
limits hold is taken; what is too long is split, what cannot be shown is flattened to text. Nothing
the user needs is dropped: what no form can carry raises Unshapable.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, assert_never

from attrs import evolve, frozen

from omni_actors.model.capabilities import Capabilities, Level
from omni_actors.model.content import (
    Call,
    CallInvite,
    Card,
    Carousel,
    ChoiceResponse,
    Choices,
    Contacts,
    Content,
    Coupon,
    Email,
    FeedbackRequest,
    FormRequest,
    FormResponse,
    Letter,
    Location,
    Media,
    Order,
    Post,
    Products,
    Reaction,
    Receipt,
    Request,
    Template,
    Text,
    UnsupportedContent,
    content_type,
)
from omni_actors.policy import flattening, template_params
from omni_actors.policy.fitting import blank, check_emoji, check_named, media_ids_of
from omni_actors.policy.framing import Framer
from omni_actors.policy.letters import LetterShaper
from omni_actors.policy.shaped import MediumFacts, Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.shaping_asks import AskShaper
from omni_actors.policy.shaping_cards import CardShaper, whole_form, whole_notes
from omni_actors.policy.shaping_choices import ChoicesShaper
from omni_actors.policy.shaping_media import MediaShaper
from omni_actors.policy.template_params import BadParams
from omni_actors.policy.wording import Wording, part_of

__all__ = ["MediumFacts", "Note", "Shaped", "ShapedPart", "Unshapable", "media_ids_of", "shape"]

Plain: TypeAlias = (
    Contacts
    | Location
    | Email
    | Receipt
    | Coupon
    | FeedbackRequest
    | Post
    | Template
    | Reaction
    | Letter
    | ChoiceResponse
    | FormResponse
    | Order
    | Call
    | UnsupportedContent
)
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
    if capabilities.letters:
        shaped = LetterShaper(wording, facts).message(content, attachments)
    else:
        shaped = Shaper(wording, MediaShaper(wording, facts)).message(content, attachments)
    if not adapt:
        refuse_costs(shaped.notes)
    return shaped


def refuse_costs(notes: Sequence[Note]) -> None:
    """Raise Unshapable for the first note that tells of a loss."""
    for note in notes:
        if note.level in COSTLY:
            raise Unshapable(note.path, f"it would become {note.to} ({note.why})")


@frozen
class Shaper:
    """Shapes one content after the other for one channel."""

    wording: Wording
    media: MediaShaper

    @property
    def framer(self) -> Framer:
        """Fits what stands around texts."""
        return Framer(self.wording, self.media)

    @property
    def choices(self) -> ChoicesShaper:
        """Shapes questions."""
        return ChoicesShaper(self.wording, self.framer)

    @property
    def cards(self) -> CardShaper:
        """Shapes cards."""
        return CardShaper(self.wording, self.framer, self.choices)

    @property
    def asks(self) -> AskShaper:
        """Shapes requests, forms, products and calls."""
        return AskShaper(self.wording, self.framer)

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
        match content:
            case Text():
                return self.text(content, path)
            case Media():
                return self.media.shape(content, path)
            case Choices():
                return self.choices.shape(content, path)
            case Card():
                return self.cards.card(content, path)
            case Carousel():
                return self.cards.carousel(content, path)
            case Request() | FormRequest() | Products() | CallInvite():
                return self.asks.shape(content, path)
            case _:
                return self.shape_plain(content, path)

    def shape_plain(self, content: Plain, path: str) -> Shaped:
        """The parts of what asks nothing."""
        match content:
            case Contacts():
                return self.contacts(content, path)
            case Location():
                return self.location(content, path)
            case Email():
                return self.email(content, path)
            case Receipt() | Coupon() | FeedbackRequest() | Post():
                return self.whole(content, path)
            case Template():
                return self.template(content, path)
            case Reaction():
                check_emoji(content.emoji, path)
                return Shaped((part_of(self.wording.forms("reaction", path)[0], content),))
            case ChoiceResponse() | FormResponse() | Order() | Call() | UnsupportedContent():
                raise Unshapable(path, f"{content_type(content)} only ever comes in")
            case Letter():
                raise Unshapable(path, "letters are made of messages, not sent as such")
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
        shaped = self.media.captioned(medium, words, "/attachments/0")
        if shaped is None:
            return None
        note = Note("/content/text", Level.CONVERTED, "caption", "one message instead of two")
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
        form, why = whole_form(self.wording, content, path)
        if form.level is not Level.FLATTENED:
            return Shaped((part_of(form, content),), whole_notes(form, path, why))
        if blank(content.text):
            why = "only mails show HTML, so a text is needed" if content.html else "there is none"
            raise Unshapable(f"{path}/text", why)
        flat = self.wording.flat(flattening.email(content), path, form, why)
        dropped = [name for name in ("html", "cc", "headers") if getattr(content, name)]
        why = "only mails have that"
        notes = [Note(f"{path}/{name}", Level.DROPPED, "", why) for name in dropped]
        return evolve(flat, notes=(*flat.notes, *notes))

    def whole(self, content: Receipt | Coupon | FeedbackRequest | Post, path: str) -> Shaped:
        """What a platform shows by its own means, or else as text if it can be."""
        check_named(content, path)
        form, why = whole_form(self.wording, content, path)
        if form.level is not Level.FLATTENED:
            return Shaped((part_of(form, content),), whole_notes(form, path, why))
        match content:
            case Receipt():
                blocks = flattening.receipt(content)
            case Coupon():
                blocks = flattening.coupon(content)
            case FeedbackRequest():
                blocks = flattening.feedback(content)
            case Post():
                raise Unshapable(path, form.why)
            case _:
                assert_never(content)
        return self.wording.flat(blocks, path, form, why)

    def template(self, content: Template, path: str) -> Shaped:
        """A template, once its variables can be understood and its media be shown."""
        form = self.wording.forms("template", path)[0]
        try:
            params = template_params.read(content.params)
        except BadParams as wrong:
            raise Unshapable(f"{path}/params{wrong.pointer}", wrong.why) from None
        unfit = list(template_params.excess(params, form.limits))
        for pointer, medium in template_params.media_of(params):
            unfit.append((pointer, self.media.native_unfit(medium)))
        for pointer, why in unfit:
            if why:
                raise Unshapable(f"{path}/params{pointer}", why)
        return Shaped((part_of(form, content),))
