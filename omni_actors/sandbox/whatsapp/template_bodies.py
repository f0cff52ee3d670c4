"""What the parts of a template message may look like, whatever was approved.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/template-messages
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.sandbox.shapes import (
    Anything,
    Items,
    Number,
    Object,
    Shape,
    ShapeError,
    Tagged,
    Text,
    wrong,
)

CARDS_MAX = 10
CALL_MINUTES_MAX = 43_200


@frozen
class AnyCase(Tagged):
    """Tagged, and the tag may be written in any case, as in the platform's own samples."""

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        told = value.get(self.tag) if isinstance(value, dict) else None
        if isinstance(told, str):
            value = {**value, self.tag: told.lower()}
        Tagged.check(self, value, path)


def _parameter(name: str, shape: Shape, **more: Shape) -> Object:
    return Object({"type": Text(64), name: shape}, more)


def _one(parameter: Shape, *kinds: str) -> Items:
    """Exactly one parameter of one kind."""
    return Items(AnyCase(dict.fromkeys(kinds, parameter)), least=1, most=1)


_PRODUCT = Object({"product_retailer_id": Text()})
_SECTION = Object({"title": Text(24), "product_items": Items(_PRODUCT, most=30)})
_PICTURE: Mapping[str, Shape] = {"thumbnail_product_retailer_id": Text()}
_BODY_VALUES: Mapping[str, Shape] = {
    "text": _parameter("text", Text(32768), parameter_name=Text(256)),
    "currency": _parameter(
        "currency",
        Object({"fallback_value": Text(), "code": Text(3), "amount_1000": Number(whole=True)}),
        parameter_name=Text(256),
    ),
    "date_time": _parameter(
        "date_time", Object({"fallback_value": Text()}), parameter_name=Text(256)
    ),
}
_BUTTON_VALUES: Mapping[str, Items] = {
    "quick_reply": _one(_parameter("payload", Text(128)), "payload"),
    "url": _one(_parameter("text", Text(2000)), "text"),
    "copy_code": _one(_parameter("coupon_code", Text(20)), "coupon_code"),
    "flow": _one(
        _parameter("action", Object({}, {"flow_token": Text(256), "flow_action_data": Anything()})),
        "action",
    ),
    "catalog": _one(_parameter("action", Object({}, _PICTURE)), "action"),
    "mpm": _one(
        _parameter("action", Object({**_PICTURE, "sections": Items(_SECTION, most=10)})), "action"
    ),
    "voice_call": _one(
        _parameter("ttl_minutes", Number(1, CALL_MINUTES_MAX, whole=True)), "ttl_minutes"
    ),
}
_INDEX = Number(0, 9, or_text=True, whole=True)
_OFFER = Object({"expiration_time_ms": Number(least=0, whole=True)})


def _button(values: Items) -> Object:
    return Object({"type": Text(), "sub_type": Text(), "index": _INDEX}, {"parameters": values})


def _mpm_rule(value: Any, path: str) -> None:
    if (value.get("sub_type") or "").lower() == "mpm" and not value.get("parameters"):
        raise ShapeError("missing", path, f"Param {path}['parameters'] is required.")


@frozen
class _Button:
    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        shapes = {kind: _button(values) for kind, values in _BUTTON_VALUES.items()}
        AnyCase(shapes, tag="sub_type").check(value, path)
        _mpm_rule(value, path)


def components(medium: Shape, document: Shape, location: Shape) -> Items:
    """The list of components, by the shapes of what a header may show."""
    header_values = {
        "text": _BODY_VALUES["text"],
        "image": _parameter("image", medium),
        "video": _parameter("video", medium),
        "document": _parameter("document", document),
        "location": _parameter("location", location),
        "product": _parameter(
            "product", Object({"product_retailer_id": Text(), "catalog_id": Text(64)})
        ),
    }
    plain: dict[str, Shape] = {
        "header": _holding(Items(AnyCase(header_values), least=0, most=1)),
        "body": _holding(Items(AnyCase(_BODY_VALUES), least=0, most=1024)),
        "button": _Button(),
    }
    offer = _holding(_one(_parameter("limited_time_offer", _OFFER), "limited_time_offer"))
    card = Object(
        {
            "card_index": Number(0, CARDS_MAX - 1, whole=True),
            "components": Items(AnyCase(plain), least=0),
        }
    )
    carousel = Object({"type": Text(), "cards": Items(card, most=CARDS_MAX)}, rule=_cards_rule)
    return Items(AnyCase({**plain, "limited_time_offer": offer, "carousel": carousel}), least=0)


def _holding(values: Items) -> Object:
    return Object({"type": Text()}, {"parameters": values})


def _cards_rule(value: Any, path: str) -> None:
    cards = value["cards"]
    if [card["card_index"] for card in cards] != list(range(len(cards))):
        raise wrong(path, "Param card_index must count the cards from 0.")


def header_parameters(sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every parameter of a template and of its cards."""
    found: list[Mapping[str, Any]] = []
    for part in sent.get("components") or []:
        found += part.get("parameters") or []
        for card in part.get("cards") or []:
            found += header_parameters(card)
    return found
