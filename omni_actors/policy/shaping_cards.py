"""Shaping of cards: natively where they fit whole, as a question where they ask, else as text."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Media,
    Option,
    content_type,
)
from omni_actors.policy import flattening
from omni_actors.policy.fitting import (
    Whole,
    blank,
    check_card,
    joined,
    not_as,
    one_line,
    reply_options,
    whole_unfit,
)
from omni_actors.policy.framing import Frame, Framer
from omni_actors.policy.marks import marks_of
from omni_actors.policy.shaped import Note, Shaped, Unshapable
from omni_actors.policy.shaping_choices import ChoicesShaper
from omni_actors.policy.wording import Notes, Wording, part_of

ANSWERS_ONLY = "buttons there open a link or answer, not both"
TITLE_ABOVE = "titles and footers of cards stand in their texts"


@frozen
class CardShaper:
    """Shapes cards for one channel."""

    wording: Wording
    framer: Framer
    choices: ChoicesShaper

    def card(self, content: Card, path: str) -> Shaped:
        """One card as it is; as a question if it asks; else as text."""
        check_card(content, path)
        form, why = self.form_of(content, path, {path: content})
        if form.level is not Level.FLATTENED:
            return self.native_card(content, form, path, whole_notes(form, path, why))
        check_reachable([content], path)
        options = tuple(reply_options([content]))
        distinct = len({option.id for option in options}) == len(options)
        if options and distinct and self.choices.takes(options):
            return self.as_question(content, path, why or form.why)
        blocks = flattening.card(content, iter(marks_of(options)))
        flat = self.flat_card(content, blocks, path, form, why)
        return evolve(flat, options=options, numbered=bool(options))

    def carousel(self, content: Carousel, path: str) -> Shaped:
        """Cards side by side, or one after the other; their answers stay open."""
        places = {f"{path}/cards/{n}": card for n, card in enumerate(content.cards)}
        if not places:
            raise Unshapable(f"{path}/cards", "there are no cards to send")
        for pointer, card in places.items():
            check_card(card, pointer)
        form, why = self.form_of(content, path, places)
        if form.level is not Level.FLATTENED:
            return self.native_carousel(content, form, path, whole_notes(form, path, why))
        check_reachable(content.cards, path)
        shaped = Shaped(())
        if not blank(content.text or ""):
            shaped = self.wording.flat([content.text or ""], f"{path}/text", form, why)
        if len(places) == 1:
            return shaped.followed_by(self.card(content.cards[0], f"{path}/cards/0"))
        options = tuple(reply_options(content.cards))
        marks = iter(marks_of(options))
        for pointer, card in places.items():
            blocks = flattening.card(card, marks)
            shaped = shaped.followed_by(self.flat_card(card, blocks, pointer, form, why))
        return evolve(shaped, options=options, numbered=bool(options))

    def form_of(
        self, content: Card | Carousel, path: str, places: Mapping[str, Card]
    ) -> tuple[Form, str]:
        """The first form that shows cards with their pictures, and why no better one does.

        All are named: a carousel of links and one of answers are no steps of one ladder.
        """
        passed: list[str] = []
        for form in self.wording.forms(content_type(content), path):
            unfit = "" if form.level is Level.FLATTENED else self.unfit(content, form, places)
            if not unfit:
                return form, "; ".join(passed)
            passed.append(not_as(form, unfit))
        raise Unshapable(path, "; ".join(passed))

    def unfit(self, content: Card | Carousel, form: Form, places: Mapping[str, Card]) -> str:
        """Why a form does not show cards as they are."""
        unfit = whole_unfit(content, form.limits)
        pictures = [card.media for card in places.values() if card.media]
        if unfit or not form.limits.header_media:
            return unfit
        return next(filter(None, map(self.framer.media.native_unfit, pictures)), "")

    def native_card(self, content: Card, form: Form, path: str, notes: Notes) -> Shaped:
        """A card in a form that takes it: with one text only, the title is its header."""
        options = tuple(reply_options([content]))
        if not form.limits.one_text:
            shown, relabelled = tidied_card(content, path)
            return Shaped((part_of(form, shown),), (*notes, *relabelled), options)
        told = not blank(content.text or "")
        frame, more = self.framer.tidied(
            Frame(
                text=(content.text if told else content.title) or "",
                header=content.title if told else None,
                footer=content.footer,
                media=content.media,
            ),
            path,
        )
        framed = self.framer.fit(frame, form, path)
        fits, (actions, relabelled) = framed.frame, tidied_actions(content.actions, path)
        shown = Card(fits.header or "", fits.text, fits.media, actions, fits.footer)
        shaped = framed.then(part_of(form, shown), (*notes, *more, *relabelled))
        return evolve(titled(shaped, path), options=options)

    def native_carousel(self, content: Carousel, form: Form, path: str, notes: Notes) -> Shaped:
        """Cards side by side; with one text on each, the title is its first line."""
        options = tuple(reply_options(content.cards))
        if not form.limits.one_text:
            return self.side_by_side(content, form, path, notes, options)
        framed = self.framer.fit(Frame(content.text or ""), form, path)
        cards = []
        for n, card in enumerate(content.cards):
            actions, relabelled = tidied_actions(card.actions, f"{path}/cards/{n}")
            cards.append(Card("", joined(card), without_caption(card.media), actions))
            notes += relabelled
        notes += (Note(f"{path}/cards", Level.CONVERTED, form.name, TITLE_ABOVE),)
        shown = Carousel(tuple(cards), framed.frame.text or None)
        return evolve(framed.then(part_of(form, shown), notes), options=options)

    def side_by_side(
        self,
        content: Carousel,
        form: Form,
        path: str,
        notes: Notes,
        options: tuple[Option, ...],
    ) -> Shaped:
        """Cards as they are; a text above them goes ahead where there is no place for one."""
        cards = []
        for n, card in enumerate(content.cards):
            shown, relabelled = tidied_card(card, f"{path}/cards/{n}")
            cards.append(shown)
            notes += relabelled
        if not form.limits.bare_cards or blank(content.text or ""):
            return Shaped((part_of(form, evolve(content, cards=tuple(cards))),), notes, options)
        parts, more = self.wording.pieces([content.text or ""], f"{path}/text")
        note = Note(f"{path}/text", Level.CONVERTED, "text ahead", f"{form.name} has no text")
        shown_all = part_of(form, Carousel(tuple(cards)))
        return Shaped((*parts, shown_all), (*notes, note, *more), options)

    def as_question(self, content: Card, path: str, why: str) -> Shaped:
        """A card that asks: its links as lines of the text, its answers as options."""
        links = [flattening.link(each) for each in content.actions if leads(each)]
        told = [content.text or "", *links, content.url or ""]
        text = "\n".join([line for line in told if not blank(line)])
        asked = Choices(
            text or content.title,
            tuple(reply_options([content])),
            header=content.title if text else None,
            media=content.media,
            footer=content.footer,
        )
        notes = [Note(path, Level.CONVERTED, "choices", why)]
        for n, action in enumerate(content.actions):
            if leads(action):
                place = f"{path}/actions/{n}"
                notes.append(Note(place, Level.FLATTENED, "text", ANSWERS_ONLY))
        shaped = self.choices.shape(asked, path)
        shaped = evolve(shaped, notes=(*notes, *shaped.notes))
        return titled(renamed(shaped, f"{path}/options", f"{path}/actions"), path)

    def flat_card(
        self, card: Card, blocks: Sequence[str], path: str, form: Form, why: str
    ) -> Shaped:
        """A flattened card: its picture with the text as caption, or the text below it."""
        if card.media is None:
            return self.wording.flat(blocks, path, form, why)
        pointer, words, media = f"{path}/media", "\n".join(blocks), self.framer.media
        shown, unfit = media.medium_form(card.media, pointer)
        if shown.level is Level.FLATTENED:
            return self.wording.flat([*blocks, card.media.url or ""], path, form, why or unfit)
        bare = evolve(card.media, caption=None)
        captioned = media.captioned(bare, words, pointer)
        if captioned is None:
            picture = media.media_as(bare, shown, pointer, unfit)
            return picture.followed_by(self.wording.flat(blocks, path, form, why))
        note = Note(path, Level.FLATTENED, "media with caption", why or form.why)
        return evolve(captioned, notes=(note, *captioned.notes))


def tidied_card(card: Card, path: str) -> tuple[Card, Notes]:
    """A card with the labels of its buttons on one line."""
    actions, notes = tidied_actions(card.actions, path)
    return evolve(card, actions=actions), notes


def leads(action: Action) -> bool:
    """Whether a button leads to a page or a number."""
    return bool(action.url or action.phone or action.login)


def check_reachable(cards: Sequence[Card], path: str) -> None:
    """Raise Unshapable for a button that no text can stand for."""
    if any(action.does for card in cards for action in card.actions):
        raise Unshapable(path, "this channel has no buttons that log out")


def whole_form(wording: Wording, content: Whole, path: str) -> tuple[Form, str]:
    """The first form that shows content as it is or as text, and why the one before it does not."""
    why = ""
    for form in wording.forms(content_type(content), path):
        unfit = "" if form.level is Level.FLATTENED else whole_unfit(content, form.limits)
        if not unfit:
            return form, why
        why = not_as(form, unfit)
    raise Unshapable(path, why)


def whole_notes(form: Form, path: str, why: str) -> Notes:
    """What to tell of content that is sent as it is."""
    return (
        () if form.level is Level.NATIVE else (Note(path, form.level, form.name, why or form.why),)
    )


def tidied_actions(actions: Sequence[Action], path: str) -> tuple[tuple[Action, ...], Notes]:
    """Actions with their labels on one line, as clients show them."""
    tidied = tuple([evolve(action, title=one_line(action.title)) for action in actions])
    if tidied == tuple(actions):
        return tidied, ()
    why = "labels have one line"
    return tidied, (Note(f"{path}/actions", Level.CONVERTED, "single line", why),)


def without_caption(medium: Media | None) -> Media | None:
    """A picture whose caption nobody can see is one without."""
    return None if medium is None else evolve(medium, caption=None)


def renamed(shaped: Shaped, old: str, new: str) -> Shaped:
    """The report with a pointer's beginning changed to what the caller wrote."""
    notes = [evolve(note, path=note.path.replace(old, new, 1)) for note in shaped.notes]
    return evolve(shaped, notes=tuple(notes))


def titled(shaped: Shaped, path: str) -> Shaped:
    """The report of a card, whose title is the header."""
    return renamed(shaped, f"{path}/header", f"{path}/title")
