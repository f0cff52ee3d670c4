"""Answers as JSON: attrs classes by their fields, content with its tag."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import fields, has
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from omni_actors.model.content import Content, content_type
from omni_actors.model.json import Json, JsonObject


def as_json(answer: Any) -> Any:
    """An answer as what `json` can spell."""
    if isinstance(answer, Mapping):
        return {name: as_json(member) for name, member in answer.items()}
    return _CONVERTER.unstructure(answer)


def json_bytes(answer: Any) -> bytes:
    """An answer as it goes out. Text that UTF-8 cannot spell is shown as replaced."""
    return _DUMPS(as_json(answer)).encode("utf-8", "replace")


def json_text(answer: Any) -> str:
    """The same as a text."""
    return json_bytes(answer).decode()


def _spelling(cls: type[Any]) -> Any:
    """How a class is spelled; of the model's classes, what is at its default is left out."""
    kept: dict[str, Any] = {
        attribute.name: override(unstruct_hook=_as_it_is)
        for attribute in fields(cls)
        if attribute.type in (Json, JsonObject, JsonObject | None, tuple[JsonObject, ...])
    }
    brief = cls.__module__.startswith("omni_actors.model.")
    return make_dict_unstructure_fn(cls, _CONVERTER, _cattrs_omit_if_default=brief, **kept)


def _content(content: Content) -> Any:
    return {"type": content_type(content), **_CONVERTER.unstructure(content)}


def _as_it_is(value: Any) -> Any:
    return value


_DUMPS = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_CONVERTER = Converter(unstruct_collection_overrides={tuple: list})
_CONVERTER.register_unstructure_hook_factory(has, _spelling)
_CONVERTER.register_unstructure_hook_func(lambda type_: type_ == Content, _content)
