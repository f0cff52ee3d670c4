"""What the platform asks of a template that is submitted for approval.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

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
    units,
)
from omni_actors.sandbox.whatsapp.errors import refusal

NAME = re.compile(r"[a-z0-9_]{1,512}")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,4})?")
CATEGORIES = ("UTILITY", "MARKETING", "AUTHENTICATION")
TTL_S = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
TTL_FOREVER = -1
HEADER_MAX, BODY_MAX, FOOTER_MAX = 60, 1024, 60
MEDIA = ("IMAGE", "VIDEO", "DOCUMENT")
BUTTONS_MOST = {"QUICK_REPLY": 10, "URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1}
CARDS_LEAST, CARDS_MOST = 2, 10
TOO_LONG, BAD_HEADER, BAD_BODY, BAD_FOOTER, AT_THE_EDGE = (
    2388040,
    2388047,
    2388072,
    2388073,
    2388299,
)

VARIABLE = re.compile(r"\{\{\s*(\w*)\s*\}\}", re.ASCII)
_NAMED = re.compile(r"[a-z][a-z0-9_]*")

_WORDS = Text(32_768)


def _button(kind: str, required: Mapping[str, Shape], optional: Mapping[str, Shape]) -> Shape:
    return Object({"type": OneOf([kind]), **required}, optional)


_LABEL: Mapping[str, Shape] = {"text": Text(25)}
_BUTTON: Shape = Tagged(
    {
        "QUICK_REPLY": _button("QUICK_REPLY", _LABEL, {}),
        "URL": _button("URL", {**_LABEL, "url": Text(2000)}, {"example": Items(Text(2000))}),
        "PHONE_NUMBER": _button("PHONE_NUMBER", {**_LABEL, "phone_number": Text(20)}, {}),
        "COPY_CODE": _button("COPY_CODE", {"example": Anything()}, _LABEL),
        "OTP": _button(
            "OTP",
            {"otp_type": OneOf(["COPY_CODE", "ONE_TAP", "ZERO_TAP"])},
            {
                **_LABEL,
                "autofill_text": Text(25),
                "supported_apps": Items(Anything()),
                "zero_tap_terms_accepted": Flag(),
            },
        ),
        "FLOW": _button(
            "FLOW",
            _LABEL,
            {
                "flow_id": Text(64),
                "flow_name": Text(200),
                "flow_json": _WORDS,
                "flow_action": OneOf(["navigate", "data_exchange"]),
                "navigate_screen": Text(200),
            },
        ),
        "CATALOG": _button("CATALOG", _LABEL, {}),
        "MPM": _button("MPM", _LABEL, {}),
        "VOICE_CALL": _button("VOICE_CALL", _LABEL, {"ttl_minutes": Number(1, 43200, whole=True)}),
        "REQUEST_CONTACT_INFO": _button("REQUEST_CONTACT_INFO", {}, {}),
    }
)
_HEADER = Object(
    {
        "type": OneOf(["HEADER"]),
        "format": OneOf(["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", "PRODUCT"]),
    },
    {"text": _WORDS, "example": Object({}, {
        "header_text": Items(Text(HEADER_MAX), most=1),
        "header_text_named_params": Items(Object({"param_name": Text(256), "example": Text()})),
        "header_handle": Items(Text(8192), most=1),
    })},
)  # fmt: skip
_BODY = Object(
    {"type": OneOf(["BODY"])},
    {
        "text": _WORDS,
        "add_security_recommendation": Flag(),
        "example": Object({}, {
            "body_text": Items(Items(Text(BODY_MAX))),
            "body_text_named_params": Items(Object({"param_name": Text(256), "example": Text()})),
        }),
    },
)  # fmt: skip
_FOOTER = Object(
    {"type": OneOf(["FOOTER"])},
    {"text": _WORDS, "code_expiration_minutes": Number(1, 90, whole=True)},
)
_BUTTON_ROW = Object({"type": OneOf(["BUTTONS"]), "buttons": Items(_BUTTON, most=10)})
_OF_CARD: Shape = Tagged({"HEADER": _HEADER, "BODY": _BODY, "BUTTONS": _BUTTON_ROW})
_COMPONENT: Shape = Tagged(
    {
        "HEADER": _HEADER,
        "BODY": _BODY,
        "FOOTER": _FOOTER,
        "BUTTONS": _BUTTON_ROW,
        "LIMITED_TIME_OFFER": Object(
            {
                "type": OneOf(["LIMITED_TIME_OFFER"]),
                "limited_time_offer": Object({"text": Text(16)}, {"has_expiration": Flag()}),
            }
        ),
        "CAROUSEL": Object(
            {
                "type": OneOf(["CAROUSEL"]),
                "cards": Items(
                    Object({"components": Items(_OF_CARD, most=3)}),
                    least=CARDS_LEAST,
                    most=CARDS_MOST,
                ),
            }
        ),
    }
)
_NEW = Object(
    {
        "name": Text(512),
        "language": Text(16),
        "category": OneOf(CATEGORIES),
        "components": Items(_COMPONENT, most=10),
    },
    {
        "parameter_format": OneOf(["positional", "named"], any_case=True),
        "message_send_ttl_seconds": Number(TTL_FOREVER, 2_592_000, whole=True),
        "allow_category_change": Flag(),
    },
)


def check_new(document: dict[str, Any]) -> None:
    """Judge a template that is to be approved. Raises GraphError as the platform would."""
    try:
        _NEW.check(document, "")
    except ShapeError as error:
        raise refusal(TOO_LONG if error.fault == "length" else 100, error.details) from None
    if not NAME.fullmatch(document["name"]):
        raise refusal(100, "Param name may hold lower-case letters, digits and _ only.")
    if not LANGUAGE.fullmatch(document["language"]):
        raise refusal(100, "Param language is not a language code such as en_GB.")
    _check_ttl(document)
    named = document.get("parameter_format", "positional").lower() == "named"
    authentication = document["category"] == "AUTHENTICATION"
    _check_components(document["components"], named=named, authentication=authentication)


def _check_ttl(document: Mapping[str, Any]) -> None:
    ttl_s = document.get("message_send_ttl_seconds")
    least, most = TTL_S[document["category"]]
    if ttl_s not in (None, TTL_FOREVER) and not least <= ttl_s <= most:
        details = f"Param message_send_ttl_seconds must be {least} to {most} for this category."
        raise refusal(100, details)


def _check_components(
    components: Sequence[Mapping[str, Any]], *, named: bool, authentication: bool = False
) -> None:
    kinds = Counter(component["type"] for component in components)
    twice = [kind for kind, count in kinds.items() if count > 1]
    if twice:
        raise refusal(100, f"The component {twice[0]} is given more than once.")
    if not kinds["BODY"] and not authentication:
        raise refusal(100, "A template needs a BODY.")
    for component in components:
        match component["type"]:
            case "HEADER":
                _check_header(component, named=named)
            case "BODY" if not authentication:
                _check_body(component, named=named)
            case "FOOTER" if not authentication:
                _check_footer(component)
            case "BUTTONS":
                _check_buttons(component["buttons"], authentication=authentication)
            case "CAROUSEL":
                _check_cards(component["cards"], named=named)


def _check_header(component: Mapping[str, Any], *, named: bool) -> None:
    kind, example = component["format"], component.get("example") or {}
    if kind in MEDIA and not example.get("header_handle"):
        raise refusal(BAD_HEADER, f"A header of the format {kind} needs example.header_handle.")
    if kind != "TEXT":
        return
    text = component.get("text", "")
    if not text:
        raise refusal(BAD_HEADER, "A header of the format TEXT needs a text.")
    if units(text) > HEADER_MAX:
        raise refusal(TOO_LONG, f"The header may have {HEADER_MAX} characters.")
    names = _names(text, named=named, code=BAD_HEADER)
    if len(names) > 1:
        raise refusal(BAD_HEADER, "A header may have one variable.")
    given = example.get("header_text_named_params" if named else "header_text")
    _check_example(names, given, named=named, code=BAD_HEADER)


def _check_body(component: Mapping[str, Any], *, named: bool) -> None:
    text, example = component.get("text", ""), component.get("example") or {}
    if not text.strip():
        raise refusal(BAD_BODY, "The body needs a text.")
    if units(text) > BODY_MAX:
        raise refusal(TOO_LONG, f"The body may have {BODY_MAX} characters.")
    names = _names(text, named=named, code=BAD_BODY)
    bare = text.strip()
    if names and (VARIABLE.match(bare) or re.search(VARIABLE.pattern + r"$", bare)):
        raise refusal(AT_THE_EDGE, "Variables can't be at the start or end of the template.")
    rows = example.get("body_text")
    given = example.get("body_text_named_params") if named else (rows[0] if rows else None)
    _check_example(names, given, named=named, code=BAD_BODY)


def _check_footer(component: Mapping[str, Any]) -> None:
    text = component.get("text", "")
    if not text.strip() or VARIABLE.search(text):
        raise refusal(BAD_FOOTER, "The footer needs a text without variables.")
    if units(text) > FOOTER_MAX:
        raise refusal(TOO_LONG, f"The footer may have {FOOTER_MAX} characters.")


def _names(text: str, *, named: bool, code: int) -> list[str]:
    """The variables of a text, each once; positions count up from 1."""
    names = list(dict.fromkeys(VARIABLE.findall(text)))
    if named:
        if not all(_NAMED.fullmatch(name) for name in names):
            raise refusal(code, "A named variable is lower-case letters, digits and _.")
    elif sorted(names) != sorted(str(n) for n in range(1, len(names) + 1)):
        raise refusal(code, "The variables must be {{1}}, {{2}} and so on without a gap.")
    return names


def _check_example(names: Sequence[str], given: Any, *, named: bool, code: int) -> None:
    if not names:
        return
    shown = given or []
    if named and {each["param_name"] for each in shown} != set(names):
        raise refusal(code, f"An example is needed for each of {', '.join(names)}.")
    if not named and len(shown) != len(names):
        raise refusal(code, f"Examples are needed for {len(names)} variables.")


def _check_buttons(buttons: Sequence[Mapping[str, Any]], *, authentication: bool = False) -> None:
    kinds = [button["type"] for button in buttons]
    for kind, most in BUTTONS_MOST.items():
        if kinds.count(kind) > most:
            raise refusal(100, f"There may be at most {most} buttons of the type {kind}.")
    if "OTP" in kinds and not authentication:
        raise refusal(100, "An OTP button belongs to an AUTHENTICATION template.")
    quick = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(one != other for one, other in pairwise(quick)) > 1:
        raise refusal(100, "Quick replies and other buttons must each stand together.")
    for button in buttons:
        if button["type"] == "URL" and (names := VARIABLE.findall(button["url"])):
            if names != ["1"] or not button["url"].endswith("}}"):
                raise refusal(100, "An address takes one variable, {{1}}, at its end.")
            if not button.get("example"):
                raise refusal(100, "An address with a variable needs an example.")


def _check_cards(cards: Sequence[Mapping[str, Any]], *, named: bool) -> None:
    for card in cards:
        kinds = [component["type"] for component in card["components"]]
        if "HEADER" not in kinds or len(set(kinds)) != len(kinds):
            raise refusal(100, "Each card needs one header, and at most one body and buttons.")
        for component in card["components"]:
            _CHECK_OF_CARD[component["type"]](component, named)
    first, *others = [_outline(card) for card in cards]
    if any(other != first for other in others):
        raise refusal(100, "All cards must have the same components and buttons.")


def _outline(card: Mapping[str, Any]) -> list[Any]:
    return sorted(
        (
            component["type"],
            component.get("format", ""),
            [button["type"] for button in component.get("buttons", ())],
        )
        for component in card["components"]
    )


def _card_header(component: Mapping[str, Any], named: bool) -> None:
    if component["format"] not in ("IMAGE", "VIDEO", "PRODUCT"):
        raise refusal(BAD_HEADER, "The header of a card is an image, a video or a product.")
    _check_header(component, named=named)


_CHECK_OF_CARD: Mapping[str, Callable[[Mapping[str, Any], bool], None]] = {
    "HEADER": _card_header,
    "BODY": lambda component, named: _check_body(component, named=named),
    "BUTTONS": lambda component, _named: _check_buttons(component["buttons"]),
}
