"""What fills in a template is understood, or refused at its place."""

from typing import Any

import pytest

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.model.content import Template
from omni_actors.policy import template_params
from omni_actors.policy.shaping import MediumFacts, Unshapable, shape
from omni_actors.policy.template_params import BadParams

WA = WHATSAPP.capabilities
PLACE = {"latitude": 51.5, "longitude": -0.1}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown component": ({"footer": ["a"]}, "/footer"),
    "a body in one text": ({"body": "Ada"}, "/body"),
    "a value that is nothing": ({"body": [None]}, "/body/0"),
    "a value that is empty": ({"body": {"name": " "}}, "/body/name"),
    "a value that is true": ({"body": [True]}, "/body/0"),
    "a value of an unknown kind": ({"body": [{"type": "text", "text": "Ada"}]}, "/body/0"),
    "an amount without its code": (
        {"body": [{"currency": {"fallback_value": "$1", "amount_1000": 1000}}]},
        "/body/0/currency/code",
    ),
    "an amount in words": (
        {"body": [{"currency": {"fallback_value": "$1", "code": "USD", "amount_1000": "1"}}]},
        "/body/0/currency/amount_1000",
    ),
    "a time without words": ({"body": [{"date_time": {}}]}, "/body/0/date_time/fallback_value"),
    "a medium of no kind": ({"header": {"media_id": "m"}}, "/header/kind"),
    "a sticker above": ({"header": {"media_id": "m", "kind": "sticker"}}, "/header/kind"),
    "a medium from two places": (
        {"header": {"media_id": "m", "url": "https://a.example", "kind": "image"}},
        "/header",
    ),
    "a medium with a caption": (
        {"header": {"media_id": "m", "kind": "image", "caption": "c"}},
        "/header/caption",
    ),
    "a place off the globe": (
        {"header": {"location": {**PLACE, "latitude": 91}}},
        "/header/location/latitude",
    ),
    "a product without its catalog": (
        {"header": {"product": {"product_id": "1"}}},
        "/header/product/catalog_id",
    ),
    "buttons by name": ({"buttons": {"0": "a"}}, "/buttons"),
    "a button of no kind": ({"buttons": [{}]}, "/buttons/0"),
    "a button of two kinds": ({"buttons": [{"text": "a", "payload": "b"}]}, "/buttons/0/payload"),
    "a list as a button": ({"buttons": [["a"]]}, "/buttons/0"),
    "data that is a text": ({"buttons": [{"flow_data": "a"}]}, "/buttons/0/flow_data"),
    "products without a title": (
        {"buttons": [{"product": "1", "sections": [{"product_ids": ["1"]}]}]},
        "/buttons/0/sections/0/title",
    ),
    "a section of nothing": (
        {"buttons": [{"product": "1", "sections": [{"title": "T", "product_ids": []}]}]},
        "/buttons/0/sections/0/product_ids",
    ),
    "no minutes": ({"buttons": [{"ttl_minutes": 0}]}, "/buttons/0/ttl_minutes"),
    "an offer without an end": ({"limited_time_offer": {}}, "/limited_time_offer/expires_at"),
    "cards by name": ({"carousel": {"a": {}}}, "/carousel"),
    "a card in a text": ({"carousel": ["a"]}, "/carousel/0"),
    "a card of cards": ({"carousel": [{"carousel": []}]}, "/carousel/0/carousel"),
    "a card with an odd value": ({"carousel": [{"body": [None]}]}, "/carousel/0/body/0"),
}


@pytest.mark.parametrize(("params", "pointer"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_understood_is_refused_at_its_place(
    params: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(BadParams) as wrong:
        template_params.read(params)
    with pytest.raises(Unshapable) as refusal:
        shape(Template("t", "en", params), [], WA, {})

    assert (wrong.value.pointer, refusal.value.pointer) == (pointer, "/content/params" + pointer)
    assert refusal.value.why == wrong.value.why


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "a code of 21": ({"buttons": [{"coupon_code": "S" * 21}]}, "/buttons/0"),
    "a payload of 129": ({"buttons": [{"payload": "p" * 129}]}, "/buttons/0"),
    "a call for ever": ({"buttons": [{"ttl_minutes": 43_201}]}, "/buttons/0"),
    "eleven buttons": ({"buttons": ["a"] * 11}, "/buttons"),
    "eleven cards": ({"carousel": [{}] * 11}, "/carousel"),
    "a code of 21 on a card": (
        {"carousel": [{"buttons": [{"coupon_code": "S" * 21}]}]},
        "/carousel/0/buttons/0",
    ),
    "a picture that is too large": ({"header": {"media_id": "m", "kind": "image"}}, "/header"),
    "a picture on a card": (
        {"carousel": [{"header": {"media_id": "m", "kind": "image"}}]},
        "/carousel/0/header",
    ),
}


@pytest.mark.parametrize(("params", "pointer"), UNFIT.values(), ids=UNFIT.keys())
def test_what_no_template_holds_is_refused_at_its_place(
    params: dict[str, Any], pointer: str
) -> None:
    facts = {"m": MediumFacts("image/jpeg", 6_000_000)}

    with pytest.raises(Unshapable) as refusal:
        shape(Template("t", "en", params), [], WA, facts)

    assert refusal.value.pointer == "/content/params" + pointer
