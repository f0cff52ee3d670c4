"""Spells a template with all that fills it in.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/template-messages
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, assert_never

from omni_actors.model.content import Location, Media, Template
from omni_actors.policy.template_params import (
    Button,
    CallFor,
    CatalogView,
    Coupon,
    Currency,
    DateTime,
    Filled,
    FormStart,
    Header,
    Params,
    Payload,
    Product,
    Section,
    UrlEnd,
    Value,
)

Body = dict[str, Any]


def template(content: Template, params: Params, source: Callable[[Media], Body]) -> Body:
    """The object `template`; `source` tells where the platform finds a medium."""
    components = [*_components(params.own, source), *_offer(params)]
    if params.cards:
        cards = [
            {"card_index": n, "components": [*_components(card, source)]}
            for n, card in enumerate(params.cards)
        ]
        components.append({"type": "carousel", "cards": cards})
    told: Body = {"name": content.name, "language": {"code": content.language}}
    return {**told, "components": components} if components else told


def _components(filled: Filled, source: Callable[[Media], Body]) -> Iterator[Body]:
    if header := _header(filled.header, source):
        yield {"type": "header", "parameters": header}
    if filled.body:
        yield {"type": "body", "parameters": [_value(each) for each in filled.body]}
    for index, button in enumerate(filled.buttons):
        if button is not None:
            sub_type, parameter = _button(button)
            yield {
                "type": "button",
                "sub_type": sub_type,
                "index": str(index),
                "parameters": [parameter],
            }


def _offer(params: Params) -> Iterator[Body]:
    if params.offer_expires_at is not None:
        ends = {"expiration_time_ms": round(params.offer_expires_at * 1000)}
        parameter = {"type": "limited_time_offer", "limited_time_offer": ends}
        yield {"type": "limited_time_offer", "parameters": [parameter]}


def _header(header: Header, source: Callable[[Media], Body]) -> list[Body]:
    match header:
        case Media():
            shown = source(header)
            if header.kind == "document" and header.filename:
                shown = {**shown, "filename": header.filename}
            return [{"type": header.kind.value, header.kind.value: shown}]
        case Location():
            return [{"type": "location", "location": place(header)}]
        case Product():
            ids = {"product_retailer_id": header.product_id, "catalog_id": header.catalog_id}
            return [{"type": "product", "product": ids}]
        case _:
            return [_value(each) for each in header]


def _value(told: Value) -> Body:
    named = {} if told.name is None else {"parameter_name": told.name}
    match told.value:
        case Currency() as amount:
            shown: Any = {
                "fallback_value": amount.fallback,
                "code": amount.code,
                "amount_1000": amount.amount_1000,
            }
            kind = "currency"
        case DateTime() as time:
            kind, shown = "date_time", {"fallback_value": time.fallback}
        case text:
            kind, shown = "text", text
    return {"type": kind, **named, kind: shown}


def _button(told: Button) -> tuple[str, Body]:
    match told:
        case UrlEnd():
            return "url", {"type": "text", "text": told.text}
        case Payload():
            return "quick_reply", {"type": "payload", "payload": told.payload}
        case Coupon():
            return "copy_code", {"type": "coupon_code", "coupon_code": told.code}
        case FormStart():
            return "flow", _action(flow_token=told.token, flow_action_data=told.data)
        case CatalogView(sections=()):
            return "catalog", _action(thumbnail_product_retailer_id=told.thumbnail_id)
        case CatalogView():
            shown = {"thumbnail_product_retailer_id": told.thumbnail_id}
            return "mpm", _action(**shown, sections=sections(told.sections))
        case CallFor():
            return "voice_call", {"type": "ttl_minutes", "ttl_minutes": told.ttl_minutes}
        case _:
            assert_never(told)


def _action(**told: Any) -> Body:
    return {"type": "action", "action": {key: value for key, value in told.items() if value}}


def sections(told: Sequence[Section]) -> list[Body]:
    """Sections of products."""
    return [
        {
            "title": each.title,
            "product_items": [{"product_retailer_id": one} for one in each.product_ids],
        }
        for each in told
    ]


def place(told: Location) -> Body:
    """A place; degrees to about a centimetre, as texts, in which the page shows them."""
    named = {"name": told.name, "address": told.address}
    return {
        "latitude": f"{told.latitude:.7f}".rstrip("0").rstrip("."),
        "longitude": f"{told.longitude:.7f}".rstrip("0").rstrip("."),
        **{key: value for key, value in named.items() if value},
    }
