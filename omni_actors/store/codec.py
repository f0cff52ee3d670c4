"""The model as JSON columns and back. Text, by far the most common content, is spelled by hand."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, TypeVar, cast

from attrs import fields, has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from omni_actors.model.content import CONTENT_TYPES, Content, FormResponse, Option, Text
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.model.templates import Layout
from omni_actors.store.rows import Choice

T = TypeVar("T")

# Not ASCII only: a lone surrogate must fail where it is written, not where it is read.
dumps: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
loads: Callable[[str], Any] = json.loads

_PLAIN_TEXT = '{"type":"text","text":'
_MARKDOWN = ',"format":"markdown"}'


def encode_content(content: Content) -> str:
    """A content with its tag, as JSON; what is at its default is left out."""
    if type(content) is Text:
        tail = "}" if content.format == "plain" else _MARKDOWN
        return _PLAIN_TEXT + encode_basestring(content.text) + tail
    spell, tag = _SPELL[type(content)]
    return dumps({"type": tag, **spell(content)})


def decode_content(text: str) -> Content:
    """The content that `encode_content` spelled. Raises KeyError for an unknown tag."""
    value = loads(text)
    content: Content = _READ[value.pop("type")](value)
    return content


def _nested(content: Content, _type: Any = None) -> dict[str, Any]:
    spell, tag = _SPELL[type(content)]
    return {"type": tag, **spell(content)}


def _nest(value: dict[str, Any], _type: Any) -> Content:
    content: Content = _READ[value["type"]]({k: v for k, v in value.items() if k != "type"})
    return content


def encode_failure(failure: Failure | None) -> str | None:
    return None if failure is None else dumps(_spell_failure(failure))


def decode_failure(text: str | None) -> Failure | None:
    return None if text is None else _read_failure(loads(text))


def failure_json(failure: Failure) -> JsonObject:
    """A failure as it stands in the detail of an event."""
    return _spell_failure(failure)


def encode_keys(keys: Iterable[IdentityKey]) -> str:
    """Identity keys, strongest first, as rows of kind, value and scope."""
    return dumps([(key.kind, key.value, key.scope) for key in keys])


@lru_cache(maxsize=8192)
def decode_keys(text: str) -> tuple[IdentityKey, ...]:
    return tuple([IdentityKey(*key) for key in loads(text)])


def encode_options(options: Iterable[Option]) -> str:
    return dumps([_spell_option(option) for option in options])


def decode_options(text: str) -> tuple[Option, ...]:
    return tuple([_read_option(option) for option in loads(text)])


def encode_choice(choice: Choice) -> str:
    return dumps(_spell_choice(choice))


def decode_choice(text: str | None) -> Choice | None:
    return None if text is None else _read_choice(loads(text))


def encode_ref(ref: MediaRef) -> str:
    return dumps(_spell_ref(ref))


def decode_ref(text: str | None) -> MediaRef | None:
    return None if text is None else _read_ref(loads(text))


def encode_layout(layout: Layout) -> str:
    return dumps(_spell_layout(layout))


def decode_layout(text: str) -> Layout:
    return cast(Layout, _read_layout(loads(text)))


def encode_json(value: Json) -> str | None:
    """JSON for a column that is empty for None."""
    return None if value is None else dumps(value)


def decode_json(text: str | None) -> Json:
    return None if text is None else cast(Json, loads(text))


def decode_object(text: str) -> dict[str, Any]:
    return cast("dict[str, Any]", loads(text))


Spell = Callable[[Any], dict[str, Any]]
Read = Callable[[Mapping[str, Any]], Any]

_converter = Converter()


def _as_it_is(value: Any, _type: Any = None) -> Any:
    return value


def _spell(cls: type) -> Spell:
    """A generated function from a class to a mapping without what is at its default."""
    kept: dict[str, Any] = {
        field.name: override(unstruct_hook=_as_it_is)
        for field in fields(cls)
        if field.type is JsonObject
    }
    return make_dict_unstructure_fn(cls, _converter, _cattrs_omit_if_default=True, **kept)


def _read(cls: type) -> Read:
    """A generated function from a mapping to a class."""
    kept: dict[str, Any] = {
        field.name: override(struct_hook=_as_it_is)
        for field in fields(cls)
        if field.type is JsonObject
    }
    made: Callable[[Any, Any], Any] = make_dict_structure_fn(cls, _converter, **kept)
    return lambda value: made(value, cls)


def _spell_form(form: FormResponse) -> dict[str, Any]:
    return {"name": form.name, "values": form.values, "text": form.text}


def _read_form(value: Mapping[str, Any]) -> FormResponse:
    return FormResponse(value["name"], value["values"], value["text"])


def _read_text(value: Mapping[str, Any]) -> Text:
    return Text(value["text"], value.get("format", "plain"))


_converter.register_unstructure_hook_factory(has, lambda cls: _spell(cls))
_converter.register_unstructure_hook_func(lambda cls: cls == Content, _nested)
_converter.register_structure_hook_func(lambda cls: cls == Content, _nest)
_SPELL: dict[type, tuple[Spell, str]] = {
    cls: (_spell(cls), tag) for cls, tag in CONTENT_TYPES.items() if cls is not FormResponse
} | {FormResponse: (_spell_form, CONTENT_TYPES[FormResponse])}
_READ: dict[str, Read] = {
    tag: _read(cls) for cls, tag in CONTENT_TYPES.items() if cls is not FormResponse
} | {CONTENT_TYPES[FormResponse]: _read_form, CONTENT_TYPES[Text]: _read_text}
_spell_failure = _spell(Failure)
_read_failure = _read(Failure)
_spell_option = _spell(Option)
_read_option = _read(Option)
_spell_choice = _spell(Choice)
_read_choice = _read(Choice)
_spell_ref = _spell(MediaRef)
_read_ref = _read(MediaRef)
_spell_layout = _spell(Layout)
_read_layout = _read(Layout)
