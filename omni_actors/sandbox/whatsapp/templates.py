"""Judging a template message against what was approved, and writing it out as the customer sees it.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from omni_actors.sandbox.shapes import units
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.settings import Template

HYDRATED_UNITS_MAX = 1024

_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_BODY_KINDS = frozenset({"text", "currency", "date_time"})


def approved(templates: Sequence[Template], sent: Mapping[str, Any]) -> Template:
    """The template that a message names. Raises GraphError 132001."""
    name, language = sent["name"], sent["language"]["code"]
    for template in templates:
        if (template.name, template.language) == (name, language):
            return template
    details = f"template name ({name}) does not exist in {language}"
    raise refusal(132001, details)


def check(template: Template, sent: Mapping[str, Any]) -> None:
    """Hold the parameters against the template. Raises GraphError 132000, 132005 or 132012."""
    parts = sent.get("components") or []
    _check_header(template, _parameters(parts, "header"))
    body = _parameters(parts, "body")
    _check_texts(template.body, body, "body")
    if units(_filled(template.body, body)) > HYDRATED_UNITS_MAX:
        raise refusal(132005, "The body is longer than 1024 characters with its parameters.")
    _check_buttons(template, [part for part in parts if part["type"].lower() == "button"])


def rendered(template: Template | None, sent: Mapping[str, Any]) -> str:
    """The text of the message on the customer's phone."""
    if template is None:
        return f"[template {sent['name']}]"
    parts = sent.get("components") or []
    lines = [_filled(template.body, _parameters(parts, "body"))]
    if template.header is not None:
        kind, _, text = template.header.partition(":")
        header = _filled(text, _parameters(parts, "header")) if kind == "TEXT" else f"[{kind}]"
        lines.insert(0, header)
    lines += [f"[{button.split(':')[1]}]" for button in template.buttons]
    return "\n".join(lines)


def listing(number: int, template: Template) -> dict[str, Any]:
    """The template as the management edge lists it."""
    components: list[dict[str, Any]] = []
    if template.header is not None:
        kind, _, text = template.header.partition(":")
        sample = {"text": text} if text else {"example": {"header_handle": [f"4:{kind}"]}}
        components.append({"type": "HEADER", "format": kind, **sample})
    components.append({"type": "BODY", "text": template.body, **_body_example(template.body)})
    if template.footer is not None:
        components.append({"type": "FOOTER", "text": template.footer})
    if template.buttons:
        buttons = [_button_listing(button) for button in template.buttons]
        components.append({"type": "BUTTONS", "buttons": buttons})
    return {
        "name": template.name,
        "parameter_format": "NAMED" if _named(template.body) else "POSITIONAL",
        "components": components,
        "language": template.language,
        "status": "APPROVED",
        "category": template.category,
        "id": str(4411 + number),
    }


def _button_listing(button: str) -> dict[str, Any]:
    kind, text, *address = button.split(":", 2)
    listed: dict[str, Any] = {"type": kind, "text": text}
    if address:
        listed["url"] = address[0]
        if _VARIABLE.search(address[0]):
            listed["example"] = [_VARIABLE.sub("42", address[0])]
    return listed


def _body_example(text: str) -> dict[str, Any]:
    names = _VARIABLE.findall(text)
    if not names:
        return {}
    if _named(text):
        samples = [{"param_name": name, "example": "sample"} for name in names]
        return {"example": {"body_text_named_params": samples}}
    return {"example": {"body_text": [["sample"] * len(names)]}}


def _parameters(parts: Sequence[Mapping[str, Any]], kind: str) -> Sequence[Mapping[str, Any]]:
    found = [part for part in parts if part["type"].lower() == kind]
    if len(found) > 1:
        raise refusal(132012, f"The component {kind} is given more than once.")
    parameters: Sequence[Mapping[str, Any]] = (found[0].get("parameters") or []) if found else []
    return parameters


def _named(text: str) -> bool:
    return any(not name.isdigit() for name in _VARIABLE.findall(text))


def _check_header(template: Template, given: Sequence[Mapping[str, Any]]) -> None:
    kind, _, text = (template.header or "").partition(":")
    if kind in ("", "TEXT"):
        _check_texts(text, given, "header")
    elif (
        len(given) != 1 or given[0]["type"].lower() != kind.lower() or kind.lower() not in given[0]
    ):
        got = given[0]["type"] if given else "nothing"
        raise refusal(132012, f"header: Format mismatch, expected {kind}, received {got}")


def _check_texts(text: str, given: Sequence[Mapping[str, Any]], what: str) -> None:
    names = set(_VARIABLE.findall(text))
    if len(given) != len(names):
        details = f"{what}: number of localizable_params ({len(given)}) does not match the "
        raise refusal(132000, f"{details}expected number of params ({len(names)})")
    for parameter in given:
        kind = parameter["type"].lower()
        if kind not in _BODY_KINDS or kind not in parameter:
            raise refusal(132012, f"{what}: a parameter of type {kind} does not fit here")
    if _named(text) and {parameter.get("parameter_name") for parameter in given} != names:
        raise refusal(132012, f"{what}: parameter_name must name each of {sorted(names)}")
    if not _named(text) and any(parameter.get("parameter_name") for parameter in given):
        raise refusal(132012, f"{what}: the template has positional parameters")


def _check_buttons(template: Template, given: Sequence[Mapping[str, Any]]) -> None:
    indexes = [int(part.get("index", -1)) for part in given]
    for index, part in zip(indexes, given, strict=True):
        if not 0 <= index < len(template.buttons) or indexes.count(index) > 1:
            raise refusal(132012, f"buttons: there is no button at index {index} to fill")
        _check_button(template.buttons[index], index, part)
    for index, button in enumerate(template.buttons):
        if button.startswith("URL:") and _VARIABLE.search(button) and index not in indexes:
            details = f"buttons: Button at index {index} of type Url requires a parameter"
            raise refusal(131008, details)


def _check_button(button: str, index: int, part: Mapping[str, Any]) -> None:
    kind = button.split(":")[0]
    parameters = part.get("parameters") or []
    wanted = {"QUICK_REPLY": ("quick_reply", "payload"), "URL": ("url", "text")}[kind]
    if (part.get("sub_type") or "").lower() != wanted[0]:
        raise refusal(132012, f"buttons: the button at index {index} is a {wanted[0]}")
    if len(parameters) != 1 or parameters[0]["type"].lower() != wanted[1]:
        raise refusal(132000, f"buttons: the button at index {index} takes one {wanted[1]}")
    if wanted[1] not in parameters[0]:
        raise refusal(131008, f"buttons: the button at index {index} has no {wanted[1]}")


def _filled(text: str, given: Sequence[Mapping[str, Any]]) -> str:
    values: dict[str, str] = {}
    for place, parameter in enumerate(given, start=1):
        value = parameter.get(parameter["type"].lower(), "")
        shown = value.get("fallback_value", "") if isinstance(value, dict) else str(value)
        values[parameter.get("parameter_name") or str(place)] = shown
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)
