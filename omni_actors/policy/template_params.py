"""What fills in a template, read from the JSON in which callers say it (`model.content.Template`).

Strict: what cannot be understood raises BadParams with its place, before anything is sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from omni_actors.model.capabilities import Limits
from omni_actors.model.content import Location, Media, MediaKind
from omni_actors.model.json import Json, JsonObject
from omni_actors.policy.fitting import measured, over

HEADER_MEDIA: Final = ("image", "video", "document")
COMPONENTS: Final = ("header", "body", "buttons", "limited_time_offer", "carousel")


class BadParams(ValueError):
    """Params that cannot be understood. `pointer` is a JSON pointer into them."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(f"{pointer}: {why}")
        self.pointer = pointer
        self.why = why


@frozen
class Currency:
    """An amount in thousandths of a unit; `fallback` is shown where it cannot be localised."""

    fallback: str
    code: str
    amount_1000: int


@frozen
class DateTime:
    """A time as it is shown."""

    fallback: str


@frozen
class Value:
    """What one variable is filled with; `name` where the template names its variables."""

    value: str | Currency | DateTime
    name: str | None = None


@frozen
class Product:
    """A product of a catalog."""

    product_id: str
    catalog_id: str


@frozen
class Section:
    """Products under a heading."""

    title: str
    product_ids: tuple[str, ...]


@frozen
class UrlEnd:
    """The end of a button's link, or the code of an authentication template."""

    text: str


@frozen
class Payload:
    """What comes back when a quick reply is tapped."""

    payload: str


@frozen
class Coupon:
    """The code that a button copies."""

    code: str


@frozen
class FormStart:
    """How a form opens."""

    token: str | None = None
    data: JsonObject = field(factory=dict)


@frozen
class CatalogView:
    """A catalog, or some of its products, behind a picture of one of them."""

    thumbnail_id: str
    sections: tuple[Section, ...] = ()


@frozen
class CallFor:
    """For how long a call button works."""

    ttl_minutes: int


Button: TypeAlias = UrlEnd | Payload | Coupon | FormStart | CatalogView | CallFor
Header: TypeAlias = tuple[Value, ...] | Media | Location | Product


@frozen
class Filled:
    """What fills in the components of a template or of one of its cards."""

    header: Header = ()
    body: tuple[Value, ...] = ()
    buttons: tuple[Button | None, ...] = ()


@frozen
class Params:
    """All that fills in a template; `offer_expires_at` in unix seconds."""

    own: Filled
    offer_expires_at: float | None = None
    cards: tuple[Filled, ...] = ()


def read(params: JsonObject) -> Params:
    """The params of a template. Raises BadParams."""
    only(params, COMPONENTS, "")
    offer, cards = params.get("limited_time_offer"), params.get("carousel")
    return Params(
        own=filled(params, ""),
        offer_expires_at=None if offer is None else expiry(offer, "/limited_time_offer"),
        cards=() if cards is None else tuple(cards_of(cards, "/carousel")),
    )


def media_of(params: Params) -> list[tuple[str, Media]]:
    """The media in the headers of a template and its cards, by their places."""
    places = {"/header": params.own.header}
    places |= {f"/carousel/{n}/header": card.header for n, card in enumerate(params.cards)}
    return [(place, header) for place, header in places.items() if isinstance(header, Media)]


def cards_of(cards: Json, at: str) -> Iterator[Filled]:
    for n, card in enumerate(items(cards, at)):
        place = f"{at}/{n}"
        yield filled(only(card, ("header", "body", "buttons"), place), place)


def filled(told: Mapping[str, Any], at: str) -> Filled:
    header, body, buttons = told.get("header"), told.get("body"), told.get("buttons")
    return Filled(
        header=() if header is None else header_of(header, f"{at}/header"),
        body=() if body is None else values(body, f"{at}/body"),
        buttons=() if buttons is None else tuple(buttons_of(buttons, f"{at}/buttons")),
    )


def header_of(told: Json, at: str) -> Header:
    """A text, a medium, a place or a product."""
    if isinstance(told, str):
        return (Value(told),)
    if not isinstance(told, Mapping):
        return values(told, at)
    if "media_id" in told or "url" in told:
        return medium(told, at)
    if isinstance(told.get("location"), Mapping):
        return place_of(told, at)
    if isinstance(told.get("product"), Mapping):
        only(told, ("product",), at)
        product = only(told["product"], ("product_id", "catalog_id"), f"{at}/product")
        ids = [word(product, name, f"{at}/product") for name in ("product_id", "catalog_id")]
        return Product(*ids)
    return values(told, at)


def medium(told: Mapping[str, Any], at: str) -> Media:
    only(told, ("media_id", "url", "kind", "filename"), at)
    if told.get("kind") not in HEADER_MEDIA:
        raise BadParams(f"{at}/kind", f"must be one of {', '.join(HEADER_MEDIA)}")
    if (told.get("media_id") is None) == (told.get("url") is None):
        raise BadParams(at, "must have exactly one of media_id, url")
    media_id, url, name = [
        None if told.get(key) is None else word(told, key, at)
        for key in ("media_id", "url", "filename")
    ]
    return Media(MediaKind(told["kind"]), media_id, url, filename=name)


def place_of(told: Mapping[str, Any], at: str) -> Location:
    only(told, ("location",), at)
    at = f"{at}/location"
    place = only(told["location"], ("latitude", "longitude", "name", "address"), at)
    name, address = [
        None if place.get(key) is None else word(place, key, at) for key in ("name", "address")
    ]
    latitude, longitude = number(place, "latitude", at, 90), number(place, "longitude", at, 180)
    return Location(latitude, longitude, name, address)


def values(told: Json, at: str) -> tuple[Value, ...]:
    """Values by position or by name."""
    if isinstance(told, Mapping):
        return tuple([Value(value(each, f"{at}/{name}"), name) for name, each in told.items()])
    return tuple([Value(value(each, f"{at}/{n}")) for n, each in enumerate(items(told, at))])


def value(told: Json, at: str) -> str | Currency | DateTime:
    if isinstance(told, Mapping) and set(told) == {"currency"}:
        at = f"{at}/currency"
        amount = only(told["currency"], ("fallback_value", "code", "amount_1000"), at)
        if type(amount.get("amount_1000")) is not int:
            raise BadParams(f"{at}/amount_1000", "must be an integer")
        fallback, code = word(amount, "fallback_value", at), word(amount, "code", at)
        return Currency(fallback, code, amount["amount_1000"])
    if isinstance(told, Mapping) and set(told) == {"date_time"}:
        at = f"{at}/date_time"
        shown = only(told["date_time"], ("fallback_value",), at)
        return DateTime(word(shown, "fallback_value", at))
    if isinstance(told, int | float) and not isinstance(told, bool):
        return str(told)
    if not isinstance(told, str):
        raise BadParams(at, "must be a text, a number, or an object with currency or date_time")
    if not told.strip():
        raise BadParams(at, "must not be empty")
    return told


def buttons_of(told: Json, at: str) -> Iterator[Button | None]:
    for n, each in enumerate(items(told, at)):
        yield None if each is None else button(each, f"{at}/{n}")


def button(told: Json, at: str) -> Button:
    """What one button is filled in with, told apart by its keys."""
    if isinstance(told, str | int | float) and not isinstance(told, bool):
        return UrlEnd(str(value(told, at)))
    if not isinstance(told, Mapping):
        raise BadParams(at, "must be null, a text or an object")
    for keys, make in BUTTONS:
        if keys[0] in told or (keys[0] == "flow_token" and "flow_data" in told):
            return make(only(told, keys, at), at)
    names = ", ".join([keys[0] for keys, _make in BUTTONS])
    raise BadParams(at, f"must have one of {names}")


def form_start(told: Mapping[str, Any], at: str) -> FormStart:
    data = told.get("flow_data") or {}
    if not isinstance(data, Mapping):
        raise BadParams(f"{at}/flow_data", "must be an object")
    token = None if told.get("flow_token") is None else word(told, "flow_token", at)
    return FormStart(token, dict(data))


def catalog_view(told: Mapping[str, Any], at: str) -> CatalogView:
    sections = []
    for n, each in enumerate(items(told.get("sections") or [], f"{at}/sections")):
        place = f"{at}/sections/{n}"
        section = only(each, ("title", "product_ids"), place)
        ids = items(section.get("product_ids"), f"{place}/product_ids")
        if not ids or not all(isinstance(one, str) and one.strip() for one in ids):
            raise BadParams(f"{place}/product_ids", "must be a list of product ids")
        sections.append(Section(word(section, "title", place), tuple([str(one) for one in ids])))
    return CatalogView(word(told, "product", at), tuple(sections))


def call_for(told: Mapping[str, Any], at: str) -> CallFor:
    minutes = told.get("ttl_minutes")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 1:
        raise BadParams(f"{at}/ttl_minutes", "must be a number of minutes")
    return CallFor(minutes)


def expiry(told: Json, at: str) -> float:
    offer = only(told, ("expires_at",), at)
    return number(offer, "expires_at", at, 1e11)


def only(told: Any, keys: Sequence[str], at: str) -> Mapping[str, Any]:
    """An object with no other keys than these."""
    if not isinstance(told, Mapping):
        raise BadParams(at, "must be an object")
    for key in told:
        if key not in keys:
            raise BadParams(f"{at}/{key}", f"is not known here; known are {', '.join(keys)}")
    return told


def items(told: Any, at: str) -> Sequence[Any]:
    if isinstance(told, str) or not isinstance(told, Sequence):
        raise BadParams(at, "must be a list")
    return told


def word(told: Mapping[str, Any], key: str, at: str) -> str:
    found = told.get(key)
    if not isinstance(found, str) or not found.strip():
        raise BadParams(f"{at}/{key}", "must be a text")
    return found


def number(told: Mapping[str, Any], key: str, at: str, most: float) -> float:
    found = told.get(key)
    if not isinstance(found, int | float) or isinstance(found, bool) or not abs(found) <= most:
        raise BadParams(f"{at}/{key}", "must be a number, and within its bounds")
    return float(found)


BUTTONS: Final = (
    (("text",), lambda told, at: UrlEnd(word(told, "text", at))),
    (("payload",), lambda told, at: Payload(word(told, "payload", at))),
    (("coupon_code",), lambda told, at: Coupon(word(told, "coupon_code", at))),
    (("flow_token", "flow_data"), form_start),
    (("product", "sections"), catalog_view),
    (("ttl_minutes",), call_for),
)


def excess(params: Params, limits: Limits) -> Iterator[tuple[str, str]]:
    """What breaks the limits of a form: the place and the reason."""
    if limits.items_max is not None and len(params.cards) > limits.items_max:
        yield "/carousel", f"{len(params.cards)} cards, {limits.items_max} allowed"
    places = {"": params.own}
    places |= {f"/carousel/{n}": card for n, card in enumerate(params.cards)}
    for place, told in places.items():
        if limits.options_max is not None and len(told.buttons) > limits.options_max:
            why = f"{len(told.buttons)} buttons, {limits.options_max} allowed"
            yield f"{place}/buttons", why
        for n, each in enumerate(told.buttons):
            if why := button_excess(each, limits):
                yield f"{place}/buttons/{n}", why


def button_excess(told: Button | None, limits: Limits) -> str:
    """Why a button cannot be filled in with this."""
    match told:
        case Coupon() if over(told.code, limits.code_max, limits):
            return f"codes hold {measured(limits.code_max, limits)}"
        case Payload() if over(told.payload, limits.option_id_max, limits):
            return f"payloads hold {measured(limits.option_id_max, limits)}"
        case CallFor() if limits.minutes_max and told.ttl_minutes > limits.minutes_max:
            return f"at most {limits.minutes_max} minutes"
        case _:
            return ""
