"""Whether content fits a form's limits, and why it does not, in words for the report."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias, assert_never

import regex
from attrs import evolve

from omni_actors.model.capabilities import Form, Limits
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Content,
    Coupon,
    Email,
    FeedbackRequest,
    FormRequest,
    Letter,
    Media,
    Option,
    Post,
    Receipt,
    Template,
)
from omni_actors.model.json import JsonObject
from omni_actors.policy.shaped import MediumFacts, Unshapable
from omni_actors.policy.splitting import CODE_POINT_UNITS_MAX, length, split

EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]")

Whole: TypeAlias = Email | Card | Carousel | Receipt | Coupon | FeedbackRequest | Post


def blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return all(c.isspace() or unicodedata.category(c) in ("Cf", "Cc") for c in text)


def one_line(text: str) -> str:
    """A label as clients show it: on one line."""
    return " ".join(text.split())


def over(text: str | None, limit: int | None, limits: Limits) -> bool:
    """Whether a text is longer than a limit, if there is one."""
    return bool(text) and limit is not None and length(text or "", limits.unit) > limit


def of_text(limits: Limits) -> Limits:
    """The limits with the unit that the text is counted in."""
    return limits if limits.text_unit is None else evolve(limits, unit=limits.text_unit)


def measured(limit: int | None, limits: Limits) -> str:
    """A limit with its unit."""
    return f"{limit} {'bytes' if limits.unit == 'utf8' else 'characters'}"


def neat(option: Option) -> Option:
    """An option with its labels on one line."""
    description = one_line(option.description or "") or None
    section = None if blank(option.section or "") else one_line(option.section or "")
    return evolve(option, title=one_line(option.title), description=description, section=section)


def not_as(form: Form, unfit: str) -> str:
    """Why a form was passed over, with its name: each form has limits of its own."""
    return f"{form.name}: {unfit}"


def check_options(options: Sequence[Option], path: str) -> None:
    """Raise Unshapable unless every option can be seen and told from the others."""
    if not options:
        raise Unshapable(f"{path}/options", "a question needs at least one option")
    ids: set[str] = set()
    for n, option in enumerate(options):
        if blank(option.title):
            raise Unshapable(f"{path}/options/{n}/title", "an option needs a title")
        if blank(option.id):
            raise Unshapable(f"{path}/options/{n}/id", "an option needs an id")
        if option.id in ids:
            raise Unshapable(f"{path}/options/{n}/id", "two options have the same id")
        ids.add(option.id)


def options_unfit(options: Sequence[Option], limits: Limits) -> str:
    """Why a form cannot show these options whole; empty when it can."""
    count = len(options)
    if limits.options_max is not None and count > limits.options_max:
        return f"{count} options, {limits.options_max} allowed"
    if count < limits.options_min:
        return f"{count} options, at least {limits.options_min} wanted"
    if len({option.title for option in options}) < count:
        return "two options have the same title"
    unfit = filter(None, [option_unfit(option, limits) for option in options])
    return next(unfit, "") or sections_unfit(options, limits)


def option_unfit(option: Option, limits: Limits) -> str:
    """Why a form cannot show one option whole."""
    if over(option.title, limits.option_title_max, limits):
        most = measured(limits.option_title_max, limits)
        return f"title {option.title[:40]!r} longer than {most}"
    if over(option.description, limits.option_description_max, limits):
        most = measured(limits.option_description_max, limits)
        return "no descriptions there" if most.startswith("0 ") else f"description over {most}"
    if over(option.id, limits.option_id_max, limits):
        return f"option id longer than {measured(limits.option_id_max, limits)}"
    return ""


def sections_of(options: Sequence[Option]) -> list[tuple[str | None, list[Option]]]:
    """Options by the headings that neighbours share."""
    return [(title, list(group)) for title, group in groupby(options, lambda o: o.section)]


def sections_unfit(options: Sequence[Option], limits: Limits) -> str:
    """Why a form cannot show these headings among the options."""
    titles = [title for title, _group in sections_of(options)]
    if titles == [None] or not titles:
        return ""
    if limits.section_max == 0:
        return "no headings among the options there"
    if len(titles) > 1 and None in titles:
        return "each section needs a heading there"
    if any(over(title, limits.section_max, limits) for title in titles):
        return f"a heading longer than {measured(limits.section_max, limits)}"
    return ""


def medium_unfit(limits: Limits, known: MediumFacts) -> str:
    """Why a form does not take a medium whose bytes are here; empty when it does."""
    mime = (known.mime or "").split(";")[0].strip().lower()
    if limits.mimes and not any(mime_is(mime, taken) for taken in limits.mimes):
        return f"{mime or 'unknown type'} is not taken, only {', '.join(limits.mimes)}"
    most = limits.bytes_max
    if known.animated and limits.animated_bytes_max is not None:
        most = limits.animated_bytes_max
    if most is not None and (known.size or 0) > most:
        return f"{known.size} bytes, {most} allowed"
    return traits_unfit(limits, known)


def mime_is(mime: str, taken: str) -> bool:
    """Whether a type is one that is taken: itself, or any of its kind (`audio/*`)."""
    return mime.startswith(taken[:-1]) if taken.endswith("/*") else mime == taken


def traits_unfit(limits: Limits, known: MediumFacts) -> str:
    """Why a form does not take what is inside a medium, as far as that is known."""
    if limits.codecs and known.codec and known.codec not in limits.codecs:
        return f"the codec {known.codec} is not taken, only {', '.join(limits.codecs)}"
    if limits.channels_max is not None and (known.channels or 0) > limits.channels_max:
        return f"{known.channels} channels of sound, {limits.channels_max} allowed"
    if limits.depth_max is not None and (known.depth or 0) > limits.depth_max:
        return f"{known.depth} bits a colour, {limits.depth_max} allowed"
    if limits.colours and known.colours and known.colours not in limits.colours:
        return f"{known.colours} colours are not taken, only {', '.join(limits.colours)}"
    return ""


def whole_unfit(content: Whole, limits: Limits) -> str:
    """Why a form cannot show content as it is; empty when it can."""
    match content:
        case Receipt():
            return receipt_unfit(content, limits)
        case Coupon():
            return "" if content.code or content.url else "a coupon there needs a code or a url"
        case FeedbackRequest() | Post():
            return ""
        case Email():
            bodies = [content.text]
        case Card():
            return card_unfit(content, limits)
        case Carousel():
            if unfit := cards_unfit(content.cards, limits):
                return unfit
            bodies = [] if limits.one_text or limits.bare_cards else [content.text or ""]
            if limits.text_min and blank(content.text or ""):
                return "cards need a text above them there"
        case _:
            assert_never(content)
    long = any(over(body, limits.text_max, limits) for body in bodies)
    return f"text longer than {measured(limits.text_max, limits)}" if long else ""


def receipt_unfit(receipt: Receipt, limits: Limits) -> str:
    """Why a form cannot show a receipt as it is."""
    if limits.items_max is not None and len(receipt.items) > limits.items_max:
        return f"{len(receipt.items)} lines, {limits.items_max} allowed"
    where = receipt.address
    if where is None or not limits.address_whole:
        return ""
    lines = (where.street, where.city, where.zip, where.country_code or where.country)
    return "" if all(lines) else "an address there needs street, city, zip and country"


def cards_unfit(cards: Sequence[Card], limits: Limits) -> str:
    """Why a form cannot show cards side by side."""
    if limits.items_max is not None and len(cards) > limits.items_max:
        return f"{len(cards)} cards, {limits.items_max} allowed"
    if len(cards) < limits.items_min:
        return f"{len(cards)} cards, at least {limits.items_min} wanted"
    if limits.alike and len({len(card.actions) for card in cards}) > 1:
        return "all cards must have as many actions there"
    return next(filter(None, [card_unfit(card, limits) for card in cards]), "")


def card_unfit(card: Card, limits: Limits) -> str:
    """Why a form cannot show one card as it is."""
    if limits.one_text:
        if unfit := joined_unfit(joined(card), limits):
            return unfit
    elif over(card.title, limits.text_max, limits) or over(card.text, limits.text_max, limits):
        return f"text longer than {measured(limits.text_max, limits)}"
    elif limits.footer_max == 0 and not blank(card.footer or ""):
        return "no footer on cards there"
    if card.url and not limits.card_url:
        return "cards there are not tapped, only their buttons"
    told = not blank(card.text or "")
    if limits.beside_title and not (told or card.media or card.actions or card.url):
        return "a card there needs more than a title"
    return card_medium_unfit(card.media, limits) or actions_unfit(card.actions, limits)


def joined(card: Card) -> str:
    """All that a card says, as one text."""
    told = [card.title, card.text, card.footer]
    return "\n".join([text for text in told if text and not blank(text)])


def joined_unfit(text: str, limits: Limits) -> str:
    """Why a card's text does not fit onto the cards of a carousel."""
    if over(text, limits.item_text_max, limits):
        return f"the text of a card longer than {measured(limits.item_text_max, limits)}"
    if limits.item_lines_max is not None and text.count("\n") >= limits.item_lines_max:
        return f"the text of a card has more than {limits.item_lines_max} lines"
    return ""


def card_medium_unfit(medium: Media | None, limits: Limits) -> str:
    """Why the picture of a card does not fit."""
    if medium is None:
        return "each card needs a picture there" if limits.media_required else ""
    if medium.caption and not blank(medium.caption):
        return "no captions on cards there"
    if limits.header_media and medium.kind not in limits.header_media:
        return f"no {medium.kind} on cards there"
    if limits.media_by == "link" and not medium.url:
        return "pictures of cards are links there"
    if limits.media_by == "upload" and medium.url:
        return "pictures of cards are no links there"
    return ""


def actions_unfit(actions: Sequence[Action], limits: Limits) -> str:
    """Why a form has no room for the buttons of a card."""
    links = [action for action in actions if action.url]
    replies = [action for action in actions if action.id]
    calls = [action for action in actions if action.phone]
    logins = [action for action in actions if action.login or action.does]
    if limits.options_max is not None and len(actions) > limits.options_max:
        return f"{len(actions)} actions on a card, {limits.options_max} allowed"
    if any(action.id and (action.url or action.phone or action.login) for action in actions):
        return "a button there opens a link or answers, not both"
    if len(actions) < limits.actions_min:
        return f"{len(actions)} actions on a card, at least {limits.actions_min} wanted"
    for kind, count, least, most in (
        ("links", len(links), limits.links_min, limits.links_max),
        ("answers", len(replies), limits.replies_min, limits.replies_max),
        ("calls", len(calls), 0, limits.calls_max),
        ("logins", len(logins), 0, limits.logins_max),
    ):
        if count < least or (most is not None and count > most):
            wanted = str(least) if least == most else f"{least} to {most}"
            return f"{count} {kind} on a card, {wanted} wanted"
    if limits.one_text and len({one_line(action.title) for action in actions}) < len(actions):
        return "two actions of a card have the same title"
    pages = [action.url or action.login for action in (*links, *logins)]
    if any(over(page, limits.url_max, limits) for page in pages):
        return f"a link longer than {measured(limits.url_max, limits)}"
    buttons = [option_unfit(Option(a.id or "", one_line(a.title)), limits) for a in actions]
    return next(filter(None, buttons), "")


def reply_options(cards: Sequence[Card]) -> Iterator[Option]:
    """The answers that cards offer."""
    for card in cards:
        for action in card.actions:
            if action.id:
                yield Option(action.id, action.title)


def check_card(card: Card, path: str) -> None:
    """Raise Unshapable unless a card has a title, and each of its actions too."""
    if blank(card.title):
        raise Unshapable(f"{path}/title", "a card needs a title")
    for n, action in enumerate(card.actions):
        check_action(action, f"{path}/actions/{n}")


def check_named(content: Receipt | Coupon | FeedbackRequest | Post, path: str) -> None:
    """Raise Unshapable unless everything that must be said is said."""
    names: tuple[str, ...]
    match content:
        case Receipt():
            names = ("number", "recipient", "paid_with")
            for n, item in enumerate(content.items):
                if blank(item.title):
                    raise Unshapable(f"{path}/items/{n}/title", "a line needs a title")
            for n, change in enumerate(content.adjustments):
                if blank(change.name):
                    raise Unshapable(f"{path}/adjustments/{n}/name", "it needs a name")
        case Coupon():
            names = ("title",)
        case FeedbackRequest():
            names = ("id", "title", "question")
        case Post():
            names = ("post_id",)
        case _:
            assert_never(content)
    for name in names:
        if blank(getattr(content, name)):
            raise Unshapable(f"{path}/{name}", "this must say something")


def check_emoji(emoji: str, path: str) -> None:
    """Raise Unshapable for a reaction that is no emoji; an empty one takes a reaction back."""
    if emoji and not (EMOJI.search(emoji) and len(regex.findall(r"\X", emoji)) == 1):
        raise Unshapable(f"{path}/emoji", "a reaction is one emoji")


def check_action(action: Action, path: str) -> None:
    """Raise Unshapable unless an action can be seen and does something."""
    if blank(action.title):
        raise Unshapable(f"{path}/title", "an action needs a title")
    does = action.url or action.phone or action.login or action.does
    if not does and blank(action.id or ""):
        raise Unshapable(path, "an action needs a url, an id, a phone or a login")


def media_ids_of(content: Content) -> tuple[str, ...]:
    """The media of ours that content names, each once."""
    match content:
        case Media():
            found = [content.media_id]
        case Choices(media=Media() as above) | FormRequest(media=Media() as above):
            found = [above.media_id]
        case Card():
            found = [content.media.media_id] if content.media else []
        case Carousel():
            found = [card.media.media_id for card in content.cards if card.media]
        case Template():
            found = [*_named_media(content.params)]
        case Letter():
            files = [file.media_id for file in content.attachments]
            found = [*media_ids_of(content.content), *files]
        case _:
            found = []
    return tuple(dict.fromkeys(filter(None, found)))


def _named_media(params: JsonObject) -> Iterator[str]:
    """The media in the headers of a template and of its cards."""
    cards = params.get("carousel")
    for filled in (params, *(cards if isinstance(cards, Sequence) else ())):
        header = filled.get("header") if isinstance(filled, Mapping) else None
        found = header.get("media_id") if isinstance(header, Mapping) else None
        if isinstance(found, str):
            yield found


def shortened(name: str, limits: Limits) -> str:
    """A file name cut to `filename_max`; its ending is kept if it leaves room for a name."""
    stem, dot, ending = name.rpartition(".")
    kept = dot + ending
    room = (limits.filename_max or 0) - length(kept, limits.unit)
    if not stem or room < CODE_POINT_UNITS_MAX[limits.unit]:
        stem, kept, room = name, "", limits.filename_max or 0
    return split(stem, room, limits.unit).pieces[0] + kept
