"""Decodes tables into frozen classes, strictly: nothing is coerced, and every mistake is found."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import GenericAlias, NoneType, UnionType
from typing import Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin

from attrs import Attribute, Converter, define, field, fields, has, resolve_types
from cattrs import Converter as Structurer
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, override

from omni_actors.config_sources import (
    FILE_SUFFIX,
    UNREAD,
    follow_files,
    inside,
    unknown_key,
)

T = TypeVar("T")

SECRET: Final = "secret"
OneOrMore = NewType("OneOrMore", tuple[str, ...])
"""One string, or a list of them."""


class ToldAlready(ValueError):
    """A value could not be read, and the reader has said so."""


def secret_keys(cls: type, *, every: bool = False) -> dict[str, bool]:
    """The keys of a class that may come from a file, true for those that hold several secrets.

    Those that are marked so; of a class that holds nothing else, every text.
    """
    resolve_types(cls)
    return {
        each.name: get_origin(_without_none(each.type)) is tuple
        for each in fields(cls)
        if (every and each.type is not bool) or each.metadata.get(SECRET)
    }


def keys_of(cls: type, *, every_secret: bool = False) -> list[str]:
    """All keys that a table of this class may have."""
    files = [key + FILE_SUFFIX for key in secret_keys(cls, every=every_secret)]
    return [each.name for each in fields(cls)] + files


@define
class Decoder:
    """Decodes what a document holds, and gathers what is wrong with it."""

    folder: Path
    mistakes: list[str] = field(factory=list)
    _structurer: Structurer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._structurer = strict_structurer(extra_keys_forbidden=True)

    def table(
        self, cls: type[T], value: object, place: str, *, every_secret: bool = False
    ) -> T | None:
        """A table as an instance of `cls`; None when there are mistakes, which are kept then."""
        if not isinstance(value, Mapping):
            self.mistakes.append(f"{place}: must be a table")
            return None
        secrets = secret_keys(cls, every=every_secret)
        before = len(self.mistakes)
        followed = follow_files(value, secrets, place, self.folder, self.mistakes)
        try:
            made = self._structurer.structure(followed, cls)
        except ClassValidationError as error:
            known = keys_of(cls, every_secret=every_secret)
            self.mistakes += mistakes_of(error, place, known)
            return None
        return made if len(self.mistakes) == before else None

    def tables(self, value: object, place: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The tables of an array of tables, with their places."""
        if not isinstance(value, list):
            self.mistakes.append(f"{place}: must be an array of tables, written [[{place}]]")
            return []
        found = []
        for index, each in enumerate(value):
            where = f"{place}[{index}]"
            if isinstance(each, Mapping):
                found.append((where, each))
            else:
                self.mistakes.append(f"{where}: must be a table")
        return found


def mistakes_of(error: BaseException, place: str, known: list[str]) -> Iterator[str]:
    """Each thing that is wrong, with its place. `known` are the keys of the outermost table."""
    match error:
        case ClassValidationError():
            noted, others = error.group_exceptions()
            for each, note in noted:
                kind = _without_none(note.type)
                keys = keys_of(kind) if isinstance(kind, type) and has(kind) else []
                yield from mistakes_of(each, inside(place, note.name), keys)
            for each in others:
                yield from mistakes_of(each, place, known)
        case IterableValidationError():
            for each, item in error.group_exceptions()[0]:
                key = item.index
                where = inside(place, key) if isinstance(key, str) else f"{place}[{key}]"
                yield from mistakes_of(each, where, [])
        case ForbiddenExtraKeysError():
            for key in sorted(error.extra_fields):
                yield unknown_key(place, key, known)
        case ToldAlready():
            return
        case KeyError():
            yield f"{place}: missing"
        case _:
            name = place.rpartition(".")[2]
            yield f"{place}: {str(error).removeprefix(f'{name} ')}"


def strict_structurer(*, extra_keys_forbidden: bool) -> Structurer:
    """Takes a value only for what it is; a whole number also serves as a number."""
    made = Structurer(detailed_validation=True)
    made.register_structure_hook(str, _text)
    made.register_structure_hook(bool, _truth)
    made.register_structure_hook(int, _whole)
    made.register_structure_hook(float, _number)
    made.register_structure_hook_func(lambda kind: kind is OneOrMore, _one_or_more)
    made.register_structure_hook_func(partial(_is_a, Literal), _choice)
    made.register_structure_hook_factory(partial(_is_a, tuple), partial(_list_hook, made))
    made.register_structure_hook_factory(partial(_is_a, Mapping), partial(_mapping_hook, made))
    made.register_structure_hook_factory(
        has, partial(_table_hook, made, extra_keys_forbidden=extra_keys_forbidden)
    )
    return made


def _is_a(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


def _table_hook(
    structurer: Structurer, cls: type, *, extra_keys_forbidden: bool
) -> Callable[[Any, Any], Any]:
    resolve_types(cls)
    judged: Any = {
        each.name: override(struct_hook=partial(_judged, structurer, each))
        for each in fields(cls)
        if each.validator is not None
    }
    make: Any = make_dict_structure_fn(
        cls,
        structurer,
        _cattrs_forbid_extra_keys=extra_keys_forbidden,
        _cattrs_detailed_validation=True,
        **judged,
    )

    def hook(value: Any, kind: Any) -> Any:
        return make(_expect(value, Mapping, "must be a table"), kind)

    return hook


def _judged(structurer: Structurer, attribute: "Attribute[Any]", value: Any, _kind: Any) -> Any:
    """Ask an attribute's validator here, where its place is known and its neighbours are too.

    The class asks it once more, but only for the first attribute that is wrong.
    """
    kind: Any = attribute.type
    made = structurer.structure(value, kind)
    convert = attribute.converter
    converted = made if convert is None or isinstance(convert, Converter) else convert(made)
    if attribute.validator is not None:
        attribute.validator(None, attribute, converted)
    return made


def _list_hook(structurer: Structurer, kind: Any) -> Callable[[Any, Any], Any]:
    items: Any = GenericAlias(list, get_args(kind)[:1])
    take = structurer.get_structure_hook(items)

    def hook(value: Any, _kind: Any) -> Any:
        return tuple(take(_expect(value, list, "must be a list"), items))

    return hook


def _mapping_hook(structurer: Structurer, kind: Any) -> Callable[[Any, Any], Any]:
    entries: Any = GenericAlias(dict, get_args(kind))
    take = structurer.get_structure_hook(entries)

    def hook(value: Any, _kind: Any) -> Any:
        return take(_expect(value, Mapping, "must be a table"), entries)

    return hook


def _expect(value: Any, kind: type[Any], sentence: str) -> Any:
    if value is UNREAD:
        raise ToldAlready
    if not isinstance(value, kind):
        raise ValueError(sentence)
    return value


def _text(value: Any, _kind: Any) -> Any:
    return _expect(value, str, "must be a string")


def _truth(value: Any, _kind: Any) -> Any:
    return _expect(value, bool, "must be true or false")


def _whole(value: Any, _kind: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return _expect(value, int, "must be a whole number")


def _number(value: Any, _kind: Any) -> Any:
    if value is UNREAD:
        raise ToldAlready
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def _choice(value: Any, kind: Any) -> Any:
    words = get_args(kind)
    if value is UNREAD:
        raise ToldAlready
    if value not in words:
        raise ValueError(f"must be one of {', '.join(words)}")
    return value


def _one_or_more(value: Any, _kind: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    _expect(value, list, "must be a string or a list of strings")
    if not all(isinstance(each, str) for each in value):
        raise ToldAlready if UNREAD in value else ValueError("must hold strings only")
    return tuple(value)


def _without_none(kind: Any) -> Any:
    """The type behind an optional one."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return kinds[0] if len(kinds) == 1 else kind
    return kind
