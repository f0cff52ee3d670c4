"""Requests into attrs classes: strictly, and with all mistakes at once.

Nothing is coerced: "5" is not 5 and true is not 1. A key that the class does not have is a mistake,
and so is everything that `bounds` forbids. Each mistake carries the JSON pointer of its place.
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_args, get_origin

from attrs import Attribute, fields, has
from cattrs import (
    AttributeValidationNote,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from omni_actors.api.bounds import NOT_ASKED, ONE_OF, SHORT, Bound, bound_of, complaint
from omni_actors.api.jsontext import MISTAKES_MAX, encodable, escaped
from omni_actors.api.problems import Problem
from omni_actors.api.requests import ContextPatch, NewCredentials
from omni_actors.gateway.facade import Code, Mistake
from omni_actors.model.content import CONTENT_TYPES, INBOUND_ONLY, PART_ONLY, Content
from omni_actors.model.json import JsonObject
from omni_actors.model.requests import ClosedWindow, WindowTemplate

T = TypeVar("T")

SENDABLE = {
    tag: cls for cls, tag in CONTENT_TYPES.items() if cls not in (*INBOUND_ONLY, *PART_ONLY)
}
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class Wrong(ValueError):
    """A value that is not what its place asks for; the text completes "this …"."""


def body(document: Any, cls: type[T]) -> T:
    """The body of a request. Raises Problem with every mistake in it."""
    return _structured(document, cls, "the body is not what is asked for")


def query(pairs: list[tuple[str, str]], cls: type[T]) -> T:
    """The parameters of a query. Raises Problem with every mistake in them."""
    document, twice = _parameters(pairs, cls)
    try:
        asked = _CONVERTER.structure(document, cls)
    except Exception as error:  # noqa: BLE001 - cattrs lets every hook's exception out in a group
        mistakes = [*twice, *_mistakes(error, "")]
    else:
        if not twice:
            return asked
        mistakes = twice
    places = [Mistake("?" + m.pointer.removeprefix("/"), m.detail) for m in mistakes]
    raise Problem(Code.INVALID, "the query is not what is asked for", mistakes=places[:50])


def _structured(document: Any, cls: type[T], sentence: str) -> T:
    try:
        return _CONVERTER.structure(document, cls)
    except Exception as error:  # noqa: BLE001 - cattrs lets every hook's exception out in a group
        mistakes = list(_mistakes(error, ""))[:MISTAKES_MAX]
    raise Problem(Code.INVALID, sentence, mistakes=mistakes)


def _parameters(
    pairs: list[tuple[str, str]], cls: type[Any]
) -> tuple[dict[str, Any], list[Mistake]]:
    """Parameters as JSON values, by the types of the class that they are for."""
    types = {attribute.name: attribute.type for attribute in fields(cls)}
    document: dict[str, Any] = {}
    mistakes = []
    for name, text in pairs:
        if "\0" in text or "\0" in name or not encodable(text):
            mistakes.append(Mistake(f"/{escaped(name)}", "holds a NUL character"))
        elif name in document:
            mistakes.append(Mistake(f"/{escaped(name)}", "is given twice"))
        else:
            document[name] = _parameter(text, types.get(name))
    return document, mistakes


def _parameter(text: str, type_: Any) -> Any:
    if type_ is int and _INTEGER.fullmatch(text):
        return int(text)
    if type_ is bool and text in ("true", "false"):
        return text == "true"
    if get_origin(type_) is tuple:
        return text.split(",") if text else []
    return text


def _mistakes(error: BaseException, pointer: str) -> Iterator[Mistake]:
    """Every leaf of an error as a place and a sentence."""
    match error:
        case ClassValidationError() | IterableValidationError():
            placed, bare = error.group_exceptions()
            for inner, note in placed:
                yield from _mistakes(inner, f"{pointer}/{_step(note)}")
            for inner in bare:
                yield from _mistakes(inner, pointer)
        case ForbiddenExtraKeysError():
            for name in sorted(error.extra_fields):
                yield Mistake(f"{pointer}/{escaped(name)}", "is not known here")
        case KeyError():
            yield Mistake(pointer, "is missing")
        case Wrong():
            yield Mistake(pointer, str(error))
        case _:
            raise error


def _step(note: AttributeValidationNote | IterableValidationNote) -> str:
    return escaped(str(note.name if isinstance(note, AttributeValidationNote) else note.index))


def _text(value: Any, _type: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("must be a string")
    return value


def _integer(value: Any, _type: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON has one kind of numbers: 14.0 is the integer 14
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong("must be an integer")
    return value


def _number(value: Any, _type: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong("must be a number")
    return float(value)


def _boolean(value: Any, _type: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _object(value: Any, _type: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise Wrong("must be an object")
    return value


def _word(value: Any, type_: Any) -> Any:
    """A member of a closed set: a Literal or an enum of strings."""
    words = get_args(type_) if get_origin(type_) is Literal else [str(item) for item in type_]
    if not isinstance(value, str) or value not in words:
        raise Wrong(f"must be one of {', '.join(words)}")
    return value if get_origin(type_) is Literal else type_(value)


def _list(value: Any, type_: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise Wrong("must be a list")
    item_type = get_args(type_)[0]
    items, errors = [], []
    for index, item in enumerate(value):
        try:
            items.append(_CONVERTER.structure(item, item_type))
        except Exception as error:  # noqa: BLE001 - gathered, then read by _mistakes
            error.add_note(IterableValidationNote("", index, item_type))
            errors.append(error)
    if errors:
        raise IterableValidationError("", errors, type_)
    return tuple(items)


def _content(value: Any, _type: Any) -> Content:
    """What to send; what only customers can say is refused by name."""
    tag = _object(value, None).get("type")
    if not isinstance(tag, str) or tag not in SENDABLE:
        wrong = Wrong(f"must be one of {', '.join(SENDABLE)}")
        wrong.add_note(AttributeValidationNote("", "type", str))
        raise ClassValidationError("", [wrong], object)
    members = {name: member for name, member in value.items() if name != "type"}
    content: Content = _CONVERTER.structure(members, SENDABLE[tag])
    return content


def _closed_window(value: Any, _type: Any) -> ClosedWindow:
    """`"fail"`, `"hold"`, or an object with the template to send instead."""
    if value in ("fail", "hold"):
        return ClosedWindow(value)
    if not isinstance(value, dict) or set(value) != {"template"}:
        raise Wrong('must be "fail", "hold" or an object with a template')
    try:
        template = _CONVERTER.structure(value["template"], WindowTemplate)
    except Exception as error:  # noqa: BLE001 - gathered, then read by _mistakes
        error.add_note(AttributeValidationNote("", "template", object))
        raise ClassValidationError("", [error], ClosedWindow) from None
    return ClosedWindow("template", template)


def _context_patch(value: Any, _type: Any) -> ContextPatch:
    """The body itself is the patch."""
    return ContextPatch(_object(value, None))


def _new_credentials(value: Any, _type: Any) -> NewCredentials:
    """The body itself are the credentials; what they may be is the platform's to say."""
    return NewCredentials(_object(value, None))


def _class(cls: type[Any], converter: Converter) -> Callable[[Any, Any], Any]:
    """A reader of one attrs class that tells all its mistakes together."""
    kept: dict[str, Any] = {
        attribute.name: override(struct_hook=_field(cls, attribute, converter))
        for attribute in fields(cls)
    } | {name: override(omit=True) for name in NOT_ASKED.get(cls, ())}
    make = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **kept
    )

    def read(value: Any, _type: Any) -> Any:
        members = _object(value, None)
        errors = list(_choices_wrong(members, ONE_OF.get(cls, ())))
        try:
            made = make(members, cls)
        except ClassValidationError as group:
            raise ClassValidationError("", [*errors, *group.exceptions], cls) from None
        if errors:
            raise ClassValidationError("", errors, cls)
        return made

    return read


def _choices_wrong(members: JsonObject, names: tuple[str, ...]) -> Iterator[Wrong]:
    given = [name for name in names if members.get(name) is not None]
    if names and len(given) != 1:
        yield Wrong(f"must have exactly one of {', '.join(names)}")


def _field(
    cls: type[Any], attribute: "Attribute[Any]", converter: Converter
) -> Callable[[Any, Any], Any]:
    """A reader of one field with its bound."""
    bound = bound_of(cls, attribute.name)
    type_: Any = attribute.type
    if bound is None and (type_ is str or type_ == str | None):
        bound = SHORT
    items = bound.each if bound else None
    if items is None and type_ == tuple[str, ...]:
        items = SHORT

    def read(value: Any, _type: Any) -> Any:
        made = _object(value, None) if type_ == JsonObject else converter.structure(value, type_)
        _within(made, bound, items)
        return made

    return read


def _within(value: Any, bound: Bound | None, items: Bound | None) -> None:
    """Raises what a bounded value has too much or too little of."""
    if value is None:
        return
    if bound is not None and (wrong := complaint(value, bound)):
        raise Wrong(wrong)
    if items is None:
        return
    errors = []
    for index, item in enumerate(value):
        if wrong := complaint(item, items):
            error = Wrong(wrong)
            error.add_note(IterableValidationNote("", index, str))
            errors.append(error)
    if errors:
        raise IterableValidationError("", errors, tuple)


def _is_literal(type_: Any) -> bool:
    return get_origin(type_) is Literal


def _is_tuple(type_: Any) -> bool:
    return get_origin(type_) is tuple


def _made() -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook_factory(has, _class)
    converter.register_structure_hook_func(_is_literal, _word)
    converter.register_structure_hook_func(_is_tuple, _list)
    readers = {str: _text, int: _integer, float: _number, bool: _boolean, StrEnum: _word}
    for type_, reader in readers.items():
        converter.register_structure_hook(type_, reader)
    converter.register_structure_hook_func(lambda type_: type_ == JsonObject, _object)
    converter.register_structure_hook_func(lambda type_: type_ == Content, _content)
    converter.register_structure_hook_func(lambda type_: type_ is ClosedWindow, _closed_window)
    converter.register_structure_hook_func(lambda type_: type_ is ContextPatch, _context_patch)
    converter.register_structure_hook_func(lambda type_: type_ is NewCredentials, _new_credentials)
    return converter


_CONVERTER = _made()
