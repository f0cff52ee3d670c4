"""Judging a template message against what was approved, and writing it out as the customer sees it.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

from collections.abc import Mapping, Sequence
from typing import Any

from omni_actors.sandbox.shapes import units
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.template_rules import VARIABLE
from omni_actors.sandbox.whatsapp.templates import Kept

HYDRATED_UNITS_MAX = 1024

_BODY_KINDS = frozenset({"text", "currency", "date_time"})
# A button's sub_type, the parameter it takes, and whether that must be given.
_BUTTONS = {
    "QUICK_REPLY": ("quick_reply", "payload", False),
    "URL": ("url", "text", True),
    "OTP": ("url", "text", True),
    "COPY_CODE": ("copy_code", "coupon_code", True),
    "FLOW": ("flow", "action", False),
    "CATALOG": ("catalog", "action", False),
    "MPM": ("mpm", "action", True),
    "VOICE_CALL": ("voice_call", "ttl_minutes", False),
}

Part = Mapping[str, Any]


def check(template: Kept, sent: Mapping[str, Any]) -> None:
    """Hold the parameters against the template. Raises GraphError 132000, 132005 or 132012."""
    parts = sent.get("components") or []
    _check_parts(template.components, parts, named=template.named)
    if units(_filled(template.body, _parameters(parts, "body"))) > HYDRATED_UNITS_MAX:
        raise refusal(132005, "The body is longer than 1024 characters with its parameters.")
    _check_offer(template, parts)
    _check_cards(template, parts)


def rendered(template: Kept | None, sent: Mapping[str, Any]) -> str:
    """The text of the message on the customer's phone."""
    if template is None:
        return f"[template {sent['name']}]"
    parts = sent.get("components") or []
    lines = _lines(template.components, parts)
    given = _one(parts, "carousel").get("cards") or []
    for card, filled in zip(template.component("CAROUSEL").get("cards", ()), given, strict=False):
        lines += _lines(card["components"], filled.get("components") or [])
    return "\n".join(lines)


def _lines(components: Sequence[Part], parts: Sequence[Part]) -> list[str]:
    lines = []
    for component in components:
        match component["type"]:
            case "HEADER" if component["format"] == "TEXT":
                lines.append(_filled(component["text"], _parameters(parts, "header")))
            case "HEADER":
                lines.append(f"[{component['format']}]")
            case "BODY":
                lines.append(_filled(component["text"], _parameters(parts, "body")))
            case "BUTTONS":
                lines += [f"[{one.get('text', one['type'])}]" for one in component["buttons"]]
    return lines


def _check_parts(components: Sequence[Part], parts: Sequence[Part], *, named: bool) -> None:
    """Header, body and buttons of a template or of one of its cards."""
    by_kind = {component["type"]: component for component in components}
    _check_header(by_kind.get("HEADER", {}), _parameters(parts, "header"), named=named)
    body = by_kind.get("BODY", {}).get("text", "")
    _check_texts(body, _parameters(parts, "body"), "body", named=named)
    buttons = by_kind.get("BUTTONS", {}).get("buttons", ())
    _check_buttons(buttons, [part for part in parts if part["type"].lower() == "button"])


def _one(parts: Sequence[Part], kind: str) -> Part:
    found = [part for part in parts if part["type"].lower() == kind]
    if len(found) > 1:
        raise refusal(132012, f"The component {kind} is given more than once.")
    return found[0] if found else {}


def _parameters(parts: Sequence[Part], kind: str) -> Sequence[Part]:
    return _one(parts, kind).get("parameters") or []


def _check_header(component: Part, given: Sequence[Part], *, named: bool) -> None:
    kind = component.get("format", "TEXT")
    if kind == "TEXT":
        _check_texts(component.get("text", ""), given, "header", named=named)
        return
    right = len(given) == 1 and given[0]["type"].lower() == kind.lower()
    if not right or kind.lower() not in given[0]:
        got = given[0]["type"] if given else "nothing"
        raise refusal(132012, f"header: Format mismatch, expected {kind}, received {got}")


def _check_texts(text: str, given: Sequence[Part], what: str, *, named: bool) -> None:
    names = set(VARIABLE.findall(text))
    if len(given) != len(names):
        details = f"{what}: number of localizable_params ({len(given)}) does not match the "
        raise refusal(132000, f"{details}expected number of params ({len(names)})")
    for parameter in given:
        kind = parameter["type"].lower()
        if kind not in _BODY_KINDS or kind not in parameter:
            raise refusal(132012, f"{what}: a parameter of type {kind} does not fit here")
    if named and {parameter.get("parameter_name") for parameter in given} != names:
        raise refusal(132012, f"{what}: parameter_name must name each of {sorted(names)}")
    if not named and any(parameter.get("parameter_name") for parameter in given):
        raise refusal(132012, f"{what}: the template has positional parameters")


def _check_buttons(buttons: Sequence[Part], given: Sequence[Part]) -> None:
    indexes = [int(part.get("index", -1)) for part in given]
    for index, part in zip(indexes, given, strict=True):
        if not 0 <= index < len(buttons) or indexes.count(index) > 1:
            raise refusal(132012, f"buttons: there is no button at index {index} to fill")
        _check_button(buttons[index], index, part)
    for index, button in enumerate(buttons):
        if _needs(button) and index not in indexes:
            kind = button["type"].capitalize()
            details = f"buttons: Button at index {index} of type {kind} requires a parameter"
            raise refusal(131008, details)


def _needs(button: Part) -> bool:
    if button["type"] == "URL":
        return VARIABLE.search(button["url"]) is not None
    return button["type"] in _BUTTONS and _BUTTONS[button["type"]][2]


def _check_button(button: Part, index: int, part: Part) -> None:
    if button["type"] not in _BUTTONS:
        raise refusal(132012, f"buttons: the button at index {index} takes no parameter")
    sub_type, wanted, _ = _BUTTONS[button["type"]]
    parameters = part.get("parameters") or []
    if (part.get("sub_type") or "").lower() != sub_type:
        raise refusal(132012, f"buttons: the button at index {index} is a {sub_type}")
    if button["type"] == "URL" and not _needs(button):
        raise refusal(132012, f"buttons: the button at index {index} takes no parameter")
    if len(parameters) != 1 or parameters[0]["type"].lower() != wanted:
        raise refusal(132000, f"buttons: the button at index {index} takes one {wanted}")
    if wanted not in parameters[0]:
        raise refusal(131008, f"buttons: the button at index {index} has no {wanted}")


def _check_offer(template: Kept, parts: Sequence[Part]) -> None:
    offer = template.component("LIMITED_TIME_OFFER").get("limited_time_offer")
    given = _parameters(parts, "limited_time_offer")
    if offer is None and given:
        raise refusal(132012, "The template has no limited time offer.")
    if offer is None or not (given or offer.get("has_expiration")):
        return
    told = (given[0].get("limited_time_offer") or {}) if given else {}
    if not isinstance(told.get("expiration_time_ms"), int):
        raise refusal(131008, "limited_time_offer: expiration_time_ms is required")


def _check_cards(template: Kept, parts: Sequence[Part]) -> None:
    cards = template.component("CAROUSEL").get("cards", ())
    given = _one(parts, "carousel").get("cards") or []
    if len(given) != len(cards):
        raise refusal(132000, f"carousel: {len(given)} cards, the template has {len(cards)}")
    for card, filled in zip(cards, given, strict=True):
        _check_parts(card["components"], filled["components"], named=template.named)


def _filled(text: str, given: Sequence[Part]) -> str:
    values: dict[str, str] = {}
    for place, parameter in enumerate(given, start=1):
        value = parameter.get(parameter["type"].lower(), "")
        shown = value.get("fallback_value", "") if isinstance(value, dict) else str(value)
        values[parameter.get("parameter_name") or str(place)] = shown
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)
