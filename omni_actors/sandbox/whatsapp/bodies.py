"""What a message body may look like: the platform's limits, counted in UTF-16 code units.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/messages/*
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import regex

from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.shapes import (
    Anything,
    Flag,
    Items,
    Number,
    Object,
    OneOf,
    Shape,
    ShapeError,
    Tagged,
    Text,
    check_unique,
    wrong,
)
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.template_bodies import components, header_parameters

CALLBACK_DATA_UNITS_MAX = 512
ROWS_MAX = 10
PRODUCTS_MAX = 30

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_KEY_HASH = Text(256)


def _url_rule(value: Any, path: str) -> None:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise wrong(path, f"Param {path} is not a valid URL.")


class _Url(Text):
    def check(self, value: Any, path: str) -> None:
        Text.check(self, value, path)
        _url_rule(value, path)


_URL = _Url(2000)


def _one_source(value: Any, path: str) -> None:
    by_id, by_link = value.get("id") is not None, value.get("link") is not None
    if by_id == by_link:
        fault = "unknown" if by_id else "missing"
        raise ShapeError(fault, path, f"Param {path} must have exactly one of id and link.")


def _medium(**extra: Shape) -> Object:
    sources = {"id": Text(64), "link": _URL}
    return Object(optional={**sources, **extra}, rule=_one_source)


_CAPTION = Text(1024)
_IMAGE = _medium(caption=_CAPTION)
_VIDEO = _medium(caption=_CAPTION)
_DOCUMENT = _medium(caption=_CAPTION, filename=Text(240))
_PLAIN_MEDIUM = _medium()
_TEXT_HEADER = Object({"type": OneOf(["text"]), "text": Text(60)})
_ANY_HEADER = Tagged(
    {
        "text": _TEXT_HEADER,
        "image": Object({"type": Text(), "image": _PLAIN_MEDIUM}),
        "video": Object({"type": Text(), "video": _PLAIN_MEDIUM}),
        "document": Object({"type": Text(), "document": _medium(filename=Text(240))}),
    }
)
_MEDIA_HEADER = Tagged({key: _ANY_HEADER.shapes[key] for key in ("image", "video")})
_FOOTER = Object({"text": Text(60)})


def _body(most: int = 1024) -> Object:
    return Object({"text": Text(most)})


def _named(name: str, **parameters: Shape) -> Object:
    required: dict[str, Shape] = {"name": OneOf([name])}
    if parameters:
        required["parameters"] = Object(parameters)
    return Object(required)


def _buttons_rule(value: Any, path: str) -> None:
    replies = [button["reply"] for button in value["buttons"]]
    check_unique([reply["id"] for reply in replies], path, "button ids")
    check_unique([reply["title"] for reply in replies], path, "button titles")


def _rows_rule(value: Any, path: str) -> None:
    sections = value["sections"]
    rows = [row for section in sections for row in section["rows"]]
    if len(rows) > ROWS_MAX:
        raise wrong(path, f"Param {path} has {len(rows)} rows in total; at most {ROWS_MAX}.")
    check_unique([row["id"] for row in rows], path, "row ids")
    _titles_rule(sections, path)


def _products_rule(value: Any, path: str) -> None:
    count = sum(len(section["product_items"]) for section in value["sections"])
    if count > PRODUCTS_MAX:
        raise wrong(path, f"Param {path} has {count} products in total; at most {PRODUCTS_MAX}.")
    _titles_rule(value["sections"], path)


def _titles_rule(sections: Any, path: str) -> None:
    if len(sections) > 1 and not all("title" in section for section in sections):
        raise wrong(path, f"Param {path}: each section needs a title when there are several.")


_REPLY_BUTTON = Object(
    {"type": OneOf(["reply"]), "reply": Object({"id": Text(256), "title": Text(20)})}
)
_ROW = Object({"id": Text(200), "title": Text(24)}, {"description": Text(72, least=0)})
_ROWS_SECTION = Object({"rows": Items(_ROW, most=10)}, {"title": Text(24)})
_PRODUCT = Object({"product_retailer_id": Text()})
_PRODUCTS_SECTION = Object({"product_items": Items(_PRODUCT, most=30)}, {"title": Text(24)})
_CTA = _named("cta_url", display_text=Text(20), url=_URL)


def _cards_rule(value: Any, path: str) -> None:
    cards = value["cards"]
    if [card["card_index"] for card in cards] != list(range(len(cards))):
        raise wrong(path, "Param card_index must count the cards from 0.")
    kinds = {
        (card["type"], "buttons" in card["action"], len(card["action"].get("buttons", ())))
        for card in cards
    }
    if len(kinds) > 1:
        raise wrong(path, "All cards must have the same type and number of buttons.")
    if len({card["action"].get("catalog_id") for card in cards}) > 1:
        raise wrong(path, "All cards must show products of the same catalog.")


def _card_text_rule(value: Any, path: str) -> None:
    if value["text"].count("\n") > 2:
        raise wrong(path, f"Param {path} has more than 2 line breaks.")


class _CardAction(Object):
    def check(self, value: Any, path: str) -> None:
        shape = _QUICK_REPLIES if isinstance(value, dict) and "buttons" in value else _CTA
        shape.check(value, path)


_QUICK_REPLY = Object(
    {"type": OneOf(["quick_reply"]), "quick_reply": Object({"id": Text(20), "title": Text(20)})}
)


def _replies_rule(value: Any, path: str) -> None:
    replies = [button["quick_reply"] for button in value["buttons"]]
    check_unique([reply["id"] for reply in replies], path, "button ids")
    check_unique([reply["title"] for reply in replies], path, "button titles")


_QUICK_REPLIES = Object({"buttons": Items(_QUICK_REPLY, most=3)}, rule=_replies_rule)
_INDEX = Number(least=0, most=9, whole=True)
_CARD = Tagged(
    {
        "cta_url": Object(
            {
                "card_index": _INDEX,
                "type": Text(),
                "header": _MEDIA_HEADER,
                "action": _CardAction(),
            },
            {"body": Object({"text": Text(160)}, rule=_card_text_rule)},
        ),
        "product": Object(
            {
                "card_index": _INDEX,
                "type": Text(),
                "action": Object({"product_retailer_id": Text(), "catalog_id": Text(64)}),
            }
        ),
    }
)
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]")


def _flow_rule(value: Any, path: str) -> None:
    if _EMOJI.search(value["flow_cta"]):
        raise wrong(path, f"Param {path}['flow_cta'] must not have emoji.")
    named = [key for key in ("flow_id", "flow_name") if value.get(key) is not None]
    if not named:
        raise ShapeError("missing", path, f"Param {path} needs flow_id or flow_name.")
    if len(named) > 1:
        raise wrong(path, f"Param {path} must have exactly one of flow_id and flow_name.")
    action, payload = value.get("flow_action"), value.get("flow_action_payload")
    if payload is not None and action != "navigate":
        raise wrong(path, f"Param {path}['flow_action_payload'] needs flow_action navigate.")
    if action == "navigate" and (payload is None or payload.get("screen") is None):
        raise ShapeError("missing", path, f"Param {path}['flow_action_payload'] needs a screen.")


_FLOW = Object(
    {
        "name": OneOf(["flow"]),
        "parameters": Object(
            {"flow_message_version": OneOf(["3"]), "flow_cta": Text(20)},
            {
                "flow_id": Text(64),
                "flow_name": Text(256),
                "flow_token": Text(256),
                "mode": OneOf(["draft", "published"]),
                "flow_action": OneOf(["navigate", "data_exchange"]),
                "flow_action_payload": Object({}, {"screen": Text(256), "data": Anything()}),
            },
            rule=_flow_rule,
        ),
    }
)
_CATALOG = Object(
    {"name": OneOf(["catalog_message"])},
    {"parameters": Object({}, {"thumbnail_product_retailer_id": Text()})},
)
_CALL = Object(
    {"name": OneOf(["voice_call"])},
    {
        "parameters": Object(
            {},
            {
                "display_text": Text(20),
                "ttl_minutes": Number(1, 43200, whole=True),
                "payload": Text(512),
            },
        )
    },
)


def _interactive(
    action: Shape,
    *,
    body: Shape | None = None,
    header: Shape | None = None,
    must: tuple[str, ...] = ("body",),
    footer: bool = True,
) -> Object:
    keys: dict[str, Shape] = {"body": body or _body()}
    if header is not None:
        keys["header"] = header
    if footer:
        keys["footer"] = _FOOTER
    required = {"type": Text(), "action": action, **{key: keys.pop(key) for key in must}}
    return Object(required, keys)


INTERACTIVE = Tagged(
    {
        "button": _interactive(
            Object({"buttons": Items(_REPLY_BUTTON, most=3)}, rule=_buttons_rule),
            header=_ANY_HEADER,
        ),
        "list": _interactive(
            Object(
                {"button": Text(20), "sections": Items(_ROWS_SECTION, most=10)}, rule=_rows_rule
            ),
            header=_TEXT_HEADER,
        ),
        "cta_url": _interactive(_CTA, header=_ANY_HEADER),
        "location_request_message": _interactive(_named("send_location"), footer=False),
        "request_contact_info": _interactive(_named("request_contact_info"), footer=False),
        "call_permission_request": _interactive(
            _named("call_permission_request"), must=(), footer=False
        ),
        "flow": _interactive(_FLOW, header=_ANY_HEADER),
        "product": _interactive(
            Object({"catalog_id": Text(64), "product_retailer_id": Text()}), must=()
        ),
        "product_list": _interactive(
            Object(
                {"catalog_id": Text(64), "sections": Items(_PRODUCTS_SECTION, most=10)},
                rule=_products_rule,
            ),
            header=_TEXT_HEADER,
            must=("header", "body"),
        ),
        "catalog_message": _interactive(_CATALOG),
        "carousel": _interactive(
            Object({"cards": Items(_CARD, least=2, most=10)}, rule=_cards_rule), footer=False
        ),
        "address_message": _interactive(
            Object(
                {
                    "name": OneOf(["address_message"]),
                    "parameters": Object(
                        {"country": OneOf(["IN"])},
                        {
                            "values": Anything(),
                            "saved_addresses": Anything(),
                            "validation_errors": Anything(),
                        },
                    ),
                }
            ),
            header=_TEXT_HEADER,
        ),
        "voice_call": _interactive(_CALL, footer=False),
    }
)


def _name_rule(value: Any, path: str) -> None:
    if sum(part is not None for part in value.values()) < 2:
        raise wrong(path, f"Param {path} needs formatted_name and at least one other part.")


def _birthday_rule(value: Any, path: str) -> None:
    birthday = value.get("birthday")
    if birthday is not None and not _DATE.fullmatch(birthday):
        raise wrong(path, f"Param {path}['birthday'] must be YYYY-MM-DD.")


def _texts(*names: str, most: int = 1024) -> dict[str, Shape]:
    return {name: Text(most, least=0) for name in names}


_NAME_PARTS = _texts("first_name", "last_name", "middle_name", "suffix", "prefix")
_ADDRESS_PARTS = _texts("street", "city", "state", "zip", "country", "country_code", "type")
_CONTACT = Object(
    {"name": Object({"formatted_name": Text(1024)}, _NAME_PARTS, rule=_name_rule)},
    {
        "phones": Items(Object({}, _texts("phone", "type", "wa_id")), least=0),
        "emails": Items(Object({}, _texts("email", "type")), least=0),
        "addresses": Items(Object({}, _ADDRESS_PARTS), least=0),
        "urls": Items(Object({}, _texts("url", "type")), least=0),
        "org": Object({}, _texts("company", "department", "title")),
        "birthday": Text(10),
    },
    rule=_birthday_rule,
)
_LOCATION = Object(
    {"latitude": Number(-90, 90, or_text=True), "longitude": Number(-180, 180, or_text=True)},
    _texts("name", "address"),
)
_TEMPLATE = Object(
    {
        "name": Text(512),
        "language": Object({"code": Text(16)}, {"policy": OneOf(["deterministic"])}),
    },
    {"components": components(_PLAIN_MEDIUM, _medium(filename=Text(240)), _LOCATION)},
)


def _pin_rule(value: Any, path: str) -> None:
    if value["type"] == "pin" and "expiration_days" not in value:
        raise ShapeError("missing", path, "Param expiration_days is required to pin a message.")


BODIES: Mapping[str, Shape] = {
    "text": Object({"body": Text(4096)}, {"preview_url": Flag()}),
    "image": _IMAGE,
    "video": _VIDEO,
    "audio": _medium(voice=Flag()),
    "document": _DOCUMENT,
    "sticker": _medium(),
    "location": _LOCATION,
    "contacts": Items(_CONTACT, most=257),
    "interactive": INTERACTIVE,
    "reaction": Object({"message_id": Text(512), "emoji": Text(64, least=0)}),
    "pin": Object(
        {"type": OneOf(["pin", "unpin"]), "message_id": Text(512)},
        {"expiration_days": Number(1, 30)},
        rule=_pin_rule,
    ),
    "template": _TEMPLATE,
}
MEDIA_KINDS = ("image", "video", "audio", "document", "sticker")

_PLAIN_KEYS: dict[str, Shape] = {
    "messaging_product": OneOf(["whatsapp"]),
    "recipient_type": OneOf(["individual", "group"]),
    "to": Text(256),
    "recipient": Text(150),
    "type": OneOf(BODIES),
    "context": Object({"message_id": Text(512)}),
    "biz_opaque_callback_data": Text(CALLBACK_DATA_UNITS_MAX),
    "recipient_identity_key_hash": _KEY_HASH,
    "messaging_account_id": Text(64),
    "paid_messaging_account_id": Text(64),
}
_READ = Object(
    {
        "messaging_product": OneOf(["whatsapp"]),
        "status": OneOf(["read"]),
        "message_id": Text(512),
    },
    {"typing_indicator": Object({"type": OneOf(["text"])})},
)
_MISSING, _MALFORMED, _INVALID = 131008, 100, 131009


def check_message(document: dict[str, Any]) -> str:
    """Check one send; returns its type. Raises GraphError as the platform would."""
    try:
        return _check_message(document)
    except ShapeError as error:
        raise _refusal(error) from None


def check_read(document: dict[str, Any]) -> None:
    """Check one read receipt. Raises GraphError."""
    try:
        _READ.check(document, "")
    except ShapeError as error:
        raise _refusal(error) from None


def media_of(document: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Every medium of a message with the kind it is used as."""
    if kind in MEDIA_KINDS:
        return [(kind, document[kind])]
    if kind == "interactive":
        shown = document["interactive"]
        cards = shown["action"].get("cards") or []
        return _header_media([each.get("header") or {} for each in (shown, *cards)])
    if kind == "template":
        return _header_media(header_parameters(document["template"]))
    return []


def _header_media(items: list[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    kinds = [(str(item.get("type")).lower(), item) for item in items]
    return [(kind, item[kind]) for kind, item in kinds if kind in MEDIA_KINDS and kind in item]


def _check_message(document: dict[str, Any]) -> str:
    if "messaging_product" not in document:
        raise ShapeError("missing", "", "The parameter messaging_product is required.")
    kind = document.get("type", "text")
    _PLAIN_KEYS["type"].check(kind, "type")
    for key, value in document.items():
        shape = _PLAIN_KEYS.get(key) or (BODIES[kind] if key == kind else None)
        if shape is None:
            raise ShapeError("unknown", key, f"Unexpected key {key} on param type {kind}.")
        if value is not None or key == kind:
            shape.check(value, key)
    if kind not in document:
        raise ShapeError("missing", kind, f"Param {kind} is required for type {kind}.")
    if document.get("to") is None and document.get("recipient") is None:
        raise ShapeError("missing", "to", "The parameter to is required.")
    if kind == "pin" and document.get("recipient_type") != "group":
        raise wrong("recipient_type", "Only messages of a group can be pinned.")
    if kind == "reaction" and document.get("context") is not None:
        raise wrong("context", "A reaction cannot be a reply.")
    return str(kind)


def _refusal(error: ShapeError) -> GraphError:
    if error.fault == "missing":
        return refusal(_MISSING, error.details)
    long_label = error.fault == "length" and error.path.startswith("interactive")
    if error.fault == "value" or long_label:
        return refusal(_INVALID, error.details)
    return refusal(_MALFORMED, error.details)
