"""Field expansion: `fields=id,messages.limit(20){id,message}`, read and applied.

Source: developers.facebook.com/docs/graph-api/guides/field-expansion
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omni_actors.sandbox.meta.errors import refusal

_NAME = re.compile(r"[a-z_]+")
_ARGUMENT = re.compile(r"\.([a-z_]+)\(([^()]*)\)")


@frozen
class Fields:
    """Which fields are asked for, each with its arguments and the fields inside it."""

    inner: Mapping[str, "Fields"] = field(factory=dict)
    arguments: Mapping[str, str] = field(factory=dict)

    def limit(self, usual: int) -> int:
        """How many of a list are asked for."""
        text = self.arguments.get("limit", "")
        return int(text) if text.isdecimal() and int(text) > 0 else usual


def read(text: str) -> Fields:
    """The fields that a `fields` parameter names. Raises GraphError."""
    found, rest = _list(text.replace(" ", ""))
    if rest:
        raise _wrong(text)
    return Fields(found)


def _list(text: str) -> tuple[dict[str, Fields], str]:
    found: dict[str, Fields] = {}
    while text:
        name = _NAME.match(text)
        if name is None:
            raise _wrong(text)
        text = text[name.end() :]
        arguments = {}
        while argument := _ARGUMENT.match(text):
            arguments[argument[1]] = argument[2]
            text = text[argument.end() :]
        inner: dict[str, Fields] = {}
        if text.startswith("{"):
            inner, text = _list(text[1:])
            if not text.startswith("}"):
                raise _wrong(text)
            text = text[1:]
        found[name[0]] = Fields(inner, arguments)
        if not text.startswith(","):
            return found, text
        text = text[1:]
    return found, text


def _wrong(text: str) -> Exception:
    return refusal(100, details=f"Syntax error in param fields at '{text[:40]}'")


def pick(document: Mapping[str, Any], asked: Fields, every: Mapping[str, Any] | None = None) -> Any:
    """The asked fields of an object, and its id. Raises GraphError for one that there is not.

    `every` holds more names that exist and have no value here.
    """
    known = {**dict.fromkeys(every or ()), **document}
    for name in asked.inner:
        if name not in known:
            raise refusal(100, details=f"Tried accessing nonexisting field ({name})")
    names = {**asked.inner, "id": Fields()}
    return {
        name: _inside(document[name], wanted)
        for name, wanted in names.items()
        if document.get(name) is not None
    }


def _inside(value: Any, asked: Fields) -> Any:
    if asked.inner and isinstance(value, dict):
        return {key: value[key] for key in {**asked.inner, "id": 0} if key in value}
    return value
