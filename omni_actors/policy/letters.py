"""Shaping for channels whose messages are letters: all of a message, with its files, is one part.

Nothing is cut there, and little must be converted. What answers a question is numbered, so that it
can be written back.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import regex
from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import (
    Card,
    Carousel,
    Choices,
    Contacts,
    Content,
    Coupon,
    Email,
    FeedbackRequest,
    Letter,
    Media,
    Option,
    Receipt,
    Request,
    Text,
    content_type,
)
from omni_actors.model.json import JsonObject
from omni_actors.policy.fitting import (
    blank,
    check_card,
    check_named,
    check_options,
    media_ids_of,
    neat,
    one_line,
    reply_options,
)
from omni_actors.policy.shaped import MediumFacts, Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.shaping_cards import check_reachable, tidied_card, whole_notes
from omni_actors.policy.shaping_media import MediaShaper
from omni_actors.policy.wording import Notes, Wording

HEADERS_OPEN: Final = frozenset({"list-id", "list-unsubscribe", "list-unsubscribe-post"})
# What these say of a mail is the gateway's to say.
HEADERS_OURS: Final = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-loop")
HEADERS_MAX: Final = 30
COPIES_MAX: Final = 99
"""With whom a mail is for, as many as every server takes at once (RFC 5321, 4.5.3.1.8)."""
HEADER_MAX: Final = 900

_HEADER = regex.compile(r"[A-Za-z0-9-]{1,76}")
_ADDRESS = regex.compile(r"[^\s\p{C}<>()\[\]\\,;:\"@]{1,64}@[^\s\p{C}<>()\[\]\\,;:\"@]{1,255}")
_CONTROLS = regex.compile(r"[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]")


@frozen
class LetterShaper:
    """Shapes messages for one channel."""

    wording: Wording
    facts: Mapping[str, MediumFacts]

    @property
    def media(self) -> MediaShaper:
        """Judges media."""
        return MediaShaper(self.wording, self.facts)

    def message(self, content: Content, attachments: Sequence[Media]) -> Shaped:
        """The content with what is attached to it, as one part."""
        shaped = self.shape(content, "/content", alone=not attachments)
        notes = shaped.notes
        for n, attachment in enumerate(attachments):
            notes += self.medium(attachment, f"/attachments/{n}")
        (part,) = shaped.parts
        whole = Letter(part.content, tuple(attachments)) if attachments else part.content
        media_ids = media_ids_of(whole)
        self.check_size(media_ids, "/attachments" if attachments else "/content")
        return evolve(shaped, parts=(ShapedPart(part.form, whole, media_ids),), notes=notes)

    def shape(self, content: Content, path: str, *, alone: bool) -> Shaped:
        """What is written, as one part. Raises Unshapable."""
        match content:
            case Text():
                if alone and blank(content.text):
                    raise Unshapable(f"{path}/text", "there is no text to send")
                return self.whole(content, path)
            case Media():
                form, _why = self.media.medium_form(content, path)
                return Shaped((ShapedPart(form.name, content),), self.medium(content, path))
            case Choices():
                return self.question(content, path)
            case Card() | Carousel():
                return self.cards(content, path)
            case Email():
                check_email(content, path)
                if alone and blank(content.text) and blank(content.html or ""):
                    raise Unshapable(f"{path}/text", "there is no text to send")
                return self.whole(content, path)
            case _:
                check_said(content, path)
                return self.whole(content, path)

    def whole(self, content: Content, path: str) -> Shaped:
        """Content as it is, in the one form that there is for it."""
        form = self.form(key_of(content), path)
        return Shaped((ShapedPart(form.name, content),), whole_notes(form, path, ""))

    def form(self, key: str, path: str) -> Form:
        """The form of a type of content."""
        return self.wording.forms(key, path)[0]

    def question(self, content: Choices, path: str) -> Shaped:
        """A question with its options."""
        if blank(content.text):
            raise Unshapable(f"{path}/text", "a question needs a text")
        check_options(content.options, path)
        options = tuple(map(neat, content.options))
        notes = self.medium(content.media, f"{path}/media") if content.media else ()
        shown = evolve(content, options=options)
        part = ShapedPart(self.form("choices", path).name, shown)
        return Shaped((part,), notes, options, numbered=True)

    def cards(self, content: Card | Carousel, path: str) -> Shaped:
        """Cards below each other."""
        cards = (content,) if isinstance(content, Card) else content.cards
        places = [path] if isinstance(content, Card) else places_of(cards, path)
        if not cards:
            raise Unshapable(f"{path}/cards", "there are no cards to send")
        check_reachable(cards, path)
        notes: Notes = ()
        shown = []
        for card, place in zip(cards, places, strict=True):
            check_card(card, place)
            notes += self.medium(card.media, f"{place}/media") if card.media else ()
            tidied, relabelled = tidied_card(card, place)
            shown.append(tidied)
            notes += relabelled
        whole = shown[0] if isinstance(content, Card) else evolve(content, cards=tuple(shown))
        options: tuple[Option, ...] = tuple(reply_options(shown))
        form = self.form(content_type(content), path)
        return Shaped((ShapedPart(form.name, whole),), notes, options, numbered=bool(options))

    def medium(self, medium: Media, path: str) -> Notes:
        """What becomes of a medium. Raises Unshapable."""
        form, why = self.media.medium_form(medium, path)
        if form.level is Level.NATIVE:
            return ()
        return (Note(path, form.level, form.name, why or form.why),)

    def check_size(self, media_ids: Sequence[str], path: str) -> None:
        """Raise Unshapable where all files together are more than a mail may hold."""
        most = self.form("media.document", path).limits.bytes_max
        known = [self.facts[each].size or 0 for each in media_ids if each in self.facts]
        if most is not None and sum(known) > most:
            raise Unshapable(path, f"{sum(known)} bytes of files, {most} allowed in one mail")


def key_of(content: Content) -> str:
    """How capabilities name this kind of content."""
    return f"request.{content.kind}" if isinstance(content, Request) else content_type(content)


def places_of(cards: Sequence[Card], path: str) -> list[str]:
    """Where each card of a carousel stands."""
    return [f"{path}/cards/{n}" for n in range(len(cards))]


def check_said(content: Content, path: str) -> None:
    """Raise Unshapable unless content says what it must."""
    match content:
        case Receipt() | Coupon() | FeedbackRequest():
            check_named(content, path)
        case Request() if blank(content.text):
            raise Unshapable(f"{path}/text", "this needs a text")
        case Contacts() if not content.contacts:
            raise Unshapable(f"{path}/contacts", "there are no contacts to send")
        case Contacts():
            for n, card in enumerate(content.contacts):
                if blank(card.formatted_name):
                    pointer = f"{path}/contacts/{n}/formatted_name"
                    raise Unshapable(pointer, "a contact needs a name")
        case _:
            return


def check_email(content: Email, path: str) -> None:
    """Raise Unshapable for what no mail may have."""
    if blank(one_line(content.subject)) or _CONTROLS.search(content.subject):
        raise Unshapable(f"{path}/subject", "a subject is one line of text")
    if len(content.cc) > COPIES_MAX:
        why = f"{len(content.cc)} copies, {COPIES_MAX} allowed in one mail"
        raise Unshapable(f"{path}/cc", why)
    for n, address in enumerate(content.cc):
        if not _ADDRESS.fullmatch(address):
            raise Unshapable(f"{path}/cc/{n}", "this is no mail address, such as ada@example.com")
    for name, why in headers_unfit(content.headers):
        raise Unshapable(f"{path}/headers/{name}" if name else f"{path}/headers", why)


def headers_unfit(headers: JsonObject) -> Iterator[tuple[str, str]]:
    """The headers that a caller may not set, and why."""
    if len(headers) > HEADERS_MAX:
        yield "", f"{len(headers)} headers, {HEADERS_MAX} allowed"
    for name, value in headers.items():
        low = name.lower()
        escaped = name.replace("~", "~0").replace("/", "~1")
        if not _HEADER.fullmatch(name) or not (low.startswith("x-") or low in HEADERS_OPEN):
            open_ = ", ".join(sorted(HEADERS_OPEN))
            yield escaped, f"only X-… and {open_} can be set; the others are the gateway's"
        elif low in HEADERS_OURS:
            yield escaped, "this is the gateway's to set"
        elif not isinstance(value, str) or not value.strip():
            yield escaped, "must be a text"
        elif _CONTROLS.search(value) or len(value) > HEADER_MAX:
            yield escaped, f"must be one line of at most {HEADER_MAX} characters"
