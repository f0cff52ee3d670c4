"""Whether content fits a form's limits, and why it does not, in words for the report."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from attrs import evolve

from omni_actors.model.capabilities import Limits
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Content,
    Email,
    Media,
    Option,
    Template,
)
from omni_actors.model.json import JsonObject
from omni_actors.policy.shaped import MediumFacts, Unshapable
from omni_actors.policy.splitting import CODE_POINT_UNITS_MAX, length, split


def blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return all(c.isspace() or unicodedata.category(c) in ("Cf", "Cc") for c in text)


def one_line(text: str) -> str:
    """A label as clients show it: on one line."""
    return " ".join(text.split())


def over(text: str | None, limit: int | None, limits: Limits) -> bool:
    """Whether a text is longer than a limit, if there is one."""
    return bool(text) and limit is not None and length(text or "", limits.unit) > limit


def measured(limit: int | None, limits: Limits) -> str:
    """A limit with its unit."""
    return f"{limit} {'bytes' if limits.unit == 'utf8' else 'characters'}"


def neat(option: Option) -> Option:
    """An option with its labels on one line."""
    description = one_line(option.description or "") or None
    return evolve(option, title=one_line(option.title), description=description)


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
    return next(filter(None, [option_unfit(option, limits) for option in options]), "")


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


def medium_unfit(limits: Limits, known: MediumFacts) -> str:
    """Why a form does not take a medium whose bytes are here; empty when it does."""
    mime = (known.mime or "").split(";")[0].strip().lower()
    if limits.mimes and mime not in limits.mimes:
        return f"{mime or 'unknown type'} is not taken, only {', '.join(limits.mimes)}"
    most = limits.bytes_max
    if known.animated and limits.animated_bytes_max is not None:
        most = limits.animated_bytes_max
    if most is not None and (known.size or 0) > most:
        return f"{known.size} bytes, {most} allowed"
    return traits_unfit(limits, known)


def traits_unfit(limits: Limits, known: MediumFacts) -> str:
    """Why a form does not take what is inside a medium, as far as that is known."""
    if limits.codecs and known.codec and known.codec not in limits.codecs:
        return f"the codec {known.codec} is not taken, only {', '.join(limits.codecs)}"
    if limits.channels_max is not None and (known.channels or 0) > limits.channels_max:
        return f"{known.channels} channels of sound, {limits.channels_max} allowed"
    if limits.depth_max is not None and (known.depth or 0) > limits.depth_max:
        return f"{known.depth} bits a colour, {limits.depth_max} allowed"
    return ""


def whole_unfit(content: Email | Card | Carousel, limits: Limits) -> str:
    """Why a form cannot show content as it is; empty when it can.

    Of cards, `text_max` bounds the title and the text each, `options_max` the actions of one card
    and `items_max` the cards.
    """
    match content:
        case Email():
            bodies = [content.text]
        case Card():
            return card_unfit(content, limits)
        case Carousel() if limits.items_max is not None and len(content.cards) > limits.items_max:
            return f"{len(content.cards)} cards, {limits.items_max} allowed"
        case Carousel():
            cards = [card_unfit(card, limits) for card in content.cards]
            if unfit := next(filter(None, cards), ""):
                return unfit
            bodies = [content.text or ""]
        case _:
            assert_never(content)
    long = any(over(body, limits.text_max, limits) for body in bodies)
    return f"text longer than {measured(limits.text_max, limits)}" if long else ""


def card_unfit(card: Card, limits: Limits) -> str:
    """Why a form cannot show one card as it is."""
    if over(card.title, limits.text_max, limits) or over(card.text, limits.text_max, limits):
        return f"text longer than {measured(limits.text_max, limits)}"
    if limits.options_max is not None and len(card.actions) > limits.options_max:
        return f"{len(card.actions)} actions on a card, {limits.options_max} allowed"
    if card.media and card.media.caption:
        return "no captions on cards there"
    buttons = [option_unfit(Option(a.id or "", a.title), limits) for a in card.actions]
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


def check_action(action: Action, path: str) -> None:
    """Raise Unshapable unless an action can be seen and does something."""
    if blank(action.title):
        raise Unshapable(f"{path}/title", "an action needs a title")
    if not action.url and blank(action.id or ""):
        raise Unshapable(path, "an action needs a url or an id")


def media_ids_of(content: Content) -> tuple[str, ...]:
    """The media of ours that content names, each once."""
    match content:
        case Media():
            found = [content.media_id]
        case Card():
            found = [content.media.media_id] if content.media else []
        case Carousel():
            found = [card.media.media_id for card in content.cards if card.media]
        case Template():
            found = [*_named_media(content.params)]
        case _:
            found = []
    return tuple(dict.fromkeys(filter(None, found)))


def _named_media(params: JsonObject) -> Iterator[str]:
    """The media among a template's variables: objects with a `media_id` in a component's list."""
    for component in params.values():
        if isinstance(component, Sequence) and not isinstance(component, str):
            for value in component:
                found = value.get("media_id") if isinstance(value, Mapping) else None
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
