"""Judging a template before it is sent: whether it may be, and whether the parameters fit it.

Parameters are told apart by component, then by position or name:
`{"header": …, "body": […] | {name: …}, "buttons": […], "limited_time_offer": {"expires_at": …},
"carousel": [{"header": …, "body": …, "buttons": …}, …]}`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from omni_actors.model.failure import Failure, Kind
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.templates import (
    UNSENDABLE,
    ButtonKind,
    ButtonSlot,
    HeaderSlot,
    Layout,
    Need,
    TemplateDefinition,
    TemplateStatus,
    TextSlot,
)

SYNC_EVERY_S: Final = 3600.0
SYNC_SOON_S: Final = 5.0
SYNC_GAP_S: Final = 60.0
BACKOFF_BASE_S: Final = 60.0
THROTTLED_CAP_S: Final = 4 * 3600.0

COMPONENTS: Final = ("header", "body", "buttons", "limited_time_offer", "carousel")
CARD_COMPONENTS: Final = ("header", "body", "buttons")
MEDIA_HEADERS: Final = ("image", "video", "document")
SHOWN_VALUES: Final = ("currency", "date_time")
# The member by which the value of a button is told; a link's end may also be a bare text.
BUTTON_VALUES: Final[dict[ButtonKind, tuple[str, ...]]] = {
    "url": ("text",),
    "otp": ("text",),
    "quick_reply": ("payload",),
    "copy_code": ("coupon_code",),
    "flow": ("flow_token", "flow_data"),
    "catalog": ("product",),
    "products": ("product", "sections"),
    "voice_call": ("ttl_minutes",),
}
BARE_TEXTS: Final = ("url", "otp")


@frozen
class Wrong:
    """One thing that is wrong: a JSON pointer below the parameters, and a sentence."""

    pointer: str
    detail: str


@frozen
class Unsendable:
    """The template cannot be sent at all, whatever its parameters; the text says what can be."""

    sentence: str


def find(
    name: str, language: str, known: Sequence[TemplateDefinition]
) -> TemplateDefinition | Unsendable | None:
    """The template to send among those of its name; None when nobody knows any of that name."""
    living = [each for each in known if each.status is not TemplateStatus.DELETED]
    if not living:
        return None
    found = next((each for each in living if each.language == language), None)
    if found is None:
        there = ", ".join(sorted(each.language for each in living))
        return Unsendable(f"the template {name} does not exist in {language}; it exists in {there}")
    if found.status in UNSENDABLE:
        return Unsendable(stopped(found, living))
    return found


def stopped(template: TemplateDefinition, siblings: Sequence[TemplateDefinition]) -> str:
    """Why a template cannot be sent now, and in which languages it can."""
    state = template.status.value.replace("_", " ")
    why = f" ({template.reason})" if template.reason else ""
    others = sorted(each.language for each in siblings if each.status not in UNSENDABLE)
    instead = f"; it can be sent in {', '.join(others)}" if others else ""
    return f"the template {template.name} in {template.language} is {state}{why}{instead}"


def check(layout: Layout, params: JsonObject) -> tuple[Wrong, ...]:
    """Everything about the parameters that does not fit the template; empty when they fit."""
    if not layout.understood:
        return ()
    return tuple(
        [
            *_unknown(params, COMPONENTS, ""),
            *_header(layout.header, params.get("header"), "/header"),
            *_body(layout.body, params.get("body"), "/body"),
            *_buttons(layout.buttons, params.get("buttons"), "/buttons"),
            *_offer(layout.offer, params.get("limited_time_offer")),
            *_carousel(layout, params.get("carousel")),
        ]
    )


def _unknown(params: JsonObject, known: Sequence[str], at: str) -> Iterator[Wrong]:
    for name in params:
        if name not in known:
            yield Wrong(f"{at}/{_escaped(name)}", f"is not one of {', '.join(known)}")


# ---------------------------------------------------------------- texts


def _body(slot: TextSlot | None, given: Json, at: str) -> Iterator[Wrong]:
    return _text(slot or TextSlot(""), given, at)


def _text(slot: TextSlot, given: Json, at: str) -> Iterator[Wrong]:
    """The variables of a text: an object where they are named, else a list by position."""
    if _nothing(given):
        if slot.variables:
            yield Wrong(at, f"is missing; {_wanted(slot)}")
    elif not slot.variables:
        yield Wrong(at, "must be left out: the template has no variables there")
    elif slot.named:
        yield from _named(slot, given, at)
    else:
        yield from _positional(slot, given, at)


def _named(slot: TextSlot, given: Json, at: str) -> Iterator[Wrong]:
    if not isinstance(given, Mapping):
        yield Wrong(at, f"must be an object: the variables are named; {_wanted(slot)}")
        return
    for name in slot.variables:
        if name not in given:
            yield Wrong(f"{at}/{_escaped(name)}", "is missing")
        else:
            yield from _value(given[name], f"{at}/{_escaped(name)}")
    for name in given:
        if name not in slot.variables:
            yield Wrong(f"{at}/{_escaped(name)}", f"is no variable; {_wanted(slot)}")


def _positional(slot: TextSlot, given: Json, at: str) -> Iterator[Wrong]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        yield Wrong(at, f"must be a list: the variables have positions; {_wanted(slot)}")
        return
    if len(given) != len(slot.variables):
        yield Wrong(at, f"has {len(given)} values; {_wanted(slot)}")
    for n, value in enumerate(given[: len(slot.variables)]):
        yield from _value(value, f"{at}/{n}")


def _value(value: Json, at: str) -> Iterator[Wrong]:
    """A value for a variable of a text: a text, a number, an amount or a time."""
    shown = isinstance(value, Mapping) and any(name in value for name in SHOWN_VALUES)
    if shown:
        return
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        yield Wrong(at, f"must be a text, a number, or an object with {' or '.join(SHOWN_VALUES)}")
    elif value == "" or (isinstance(value, str) and not value.strip()):
        yield Wrong(at, "must not be empty")


def _wanted(slot: TextSlot) -> str:
    if slot.named:
        return f"the template wants {', '.join(slot.variables)}"
    count = len(slot.variables)
    return f"the template wants {count} value{'s' if count != 1 else ''}"


# ---------------------------------------------------------------- the header


def _header(slot: HeaderSlot | None, given: Json, at: str) -> Iterator[Wrong]:
    if slot is None:
        if not _nothing(given):
            yield Wrong(at, "must be left out: the template has no header")
    elif slot.kind == "text":
        listed = [given] if isinstance(given, str) else given
        yield from _text(slot.text or TextSlot(""), listed, at)
    else:
        yield from _shown(slot.kind, given, at)


def _shown(kind: str, given: Json, at: str) -> Iterator[Wrong]:
    """A header that shows something: one object."""
    wanted = _example(kind)
    if _nothing(given):
        yield Wrong(at, f"is missing; the template's header shows {_article(kind)}: give {wanted}")
    elif not isinstance(given, Mapping):
        yield Wrong(at, f"must be an object that shows {_article(kind)}, such as {wanted}")
    elif kind in MEDIA_HEADERS:
        yield from _medium(kind, given, at)
    elif not isinstance(given.get(kind), Mapping):
        yield Wrong(at, f"must be an object that shows {_article(kind)}, such as {wanted}")


def _medium(kind: str, given: Mapping[str, Json], at: str) -> Iterator[Wrong]:
    told = given.get("kind")
    if told != kind:
        shows = "nothing" if told is None else str(told)
        yield Wrong(f"{at}/kind", f"must be {kind}, as the template's header is; it is {shows}")
    elif not any(given.get(name) for name in ("media_id", "url")):
        yield Wrong(at, f"names no medium; give {_example(kind)}")


def _example(kind: str) -> str:
    if kind in MEDIA_HEADERS:
        return f'{{"media_id": "…", "kind": "{kind}"}}'
    return f'{{"{kind}": {{…}}}}'


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


# ---------------------------------------------------------------- buttons, offers, cards


def _buttons(slots: Sequence[ButtonSlot], given: Json, at: str) -> Iterator[Wrong]:
    if given is None:
        given = ()
    if isinstance(given, str) or not isinstance(given, Sequence):
        yield Wrong(at, "must be a list with one item for each button, null where nothing is given")
        return
    for n, slot in enumerate(slots):
        yield from _button(slot, given[n] if n < len(given) else None, f"{at}/{n}")
    for n, value in enumerate(given[len(slots) :], len(slots)):
        if value is not None:
            yield Wrong(f"{at}/{n}", f"has no button: the template has {len(slots)}")


def _button(slot: ButtonSlot, value: Json, at: str) -> Iterator[Wrong]:
    button = f"the {slot.kind} button" + (f" {slot.label!r}" if slot.label else "")
    if value is None or value == "":
        if slot.need == "required":
            yield Wrong(at, f"is missing: {button} needs a value")
    elif slot.need == "none":
        yield Wrong(at, f"must be null: {button} takes no value")
    elif not _is_for(slot.kind, value):
        names = " or ".join(BUTTON_VALUES[slot.kind])
        bare = "a text, or " if slot.kind in BARE_TEXTS else ""
        yield Wrong(at, f"must be {bare}an object with {names}: it is for {button}")


def _is_for(kind: ButtonKind, value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(name in value for name in BUTTON_VALUES[kind])
    bare = isinstance(value, str | int | float) and not isinstance(value, bool)
    return bare and kind in BARE_TEXTS


def _offer(need: Need, given: Json) -> Iterator[Wrong]:
    at = "/limited_time_offer"
    if _nothing(given):
        if need == "required":
            yield Wrong(at, 'is missing; give {"expires_at": …}')
    elif need == "none":
        yield Wrong(at, "must be left out: the template has no limited offer")
    elif not isinstance(given, Mapping) or given.get("expires_at") is None:
        yield Wrong(at, 'must be an object such as {"expires_at": …}')


def _carousel(layout: Layout, given: Json) -> Iterator[Wrong]:
    at, count = "/carousel", len(layout.cards)
    if _nothing(given):
        if count:
            yield Wrong(at, f"is missing; the template has {count} cards")
    elif not count:
        yield Wrong(at, "must be left out: the template has no carousel")
    elif isinstance(given, str) or not isinstance(given, Sequence):
        yield Wrong(at, f"must be a list of {count} cards")
    elif len(given) != count:
        yield Wrong(at, f"has {len(given)} cards; the template has {count}")
    else:
        for n, (slot, card) in enumerate(zip(layout.cards, given, strict=True)):
            if not isinstance(card, Mapping):
                yield Wrong(f"{at}/{n}", "must be an object with header, body and buttons")
                continue
            yield from _unknown(card, CARD_COMPONENTS, f"{at}/{n}")
            yield from _header(slot.header, card.get("header"), f"{at}/{n}/header")
            yield from _body(slot.body, card.get("body"), f"{at}/{n}/body")
            yield from _buttons(slot.buttons, card.get("buttons"), f"{at}/{n}/buttons")


def _nothing(given: Json) -> bool:
    """Whether a component is left out; an empty list or object says the same as none."""
    return given is None or (not isinstance(given, bool | int | float) and len(given) == 0)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


# ---------------------------------------------------------------- keeping up with the platform


def next_sync(failure: Failure | None, strikes: int, now: float, jitter: float) -> float:
    """When to read a channel's templates again; `strikes` failures in a row came before this one.

    After a success in about an hour, spread by a tenth so that channels do not ask together. After
    a failure in 1 min, then doubling up to that hour, or to 4 h for a platform that was asked too
    often; what it asks for is kept. What an operator must mend is not worth asking often.
    """
    if failure is None or failure.kind in (Kind.BROKEN, Kind.REJECTED):
        return now + SYNC_EVERY_S * (0.95 + 0.1 * jitter)
    cap_s = THROTTLED_CAP_S if failure.kind is Kind.THROTTLED else SYNC_EVERY_S
    backoff_s = min(cap_s, BACKOFF_BASE_S * 2.0 ** min(strikes, 16))
    return now + max(failure.retry_after_s or 0.0, backoff_s) * (1.0 + 0.1 * jitter)


def sync_soon(synced_at: float | None, now: float, jitter: float) -> float:
    """When to read again after news: soon, but news in quick succession is read for together."""
    soon = now + SYNC_SOON_S * (1.0 + jitter)
    return soon if synced_at is None else max(soon, synced_at + SYNC_GAP_S)
