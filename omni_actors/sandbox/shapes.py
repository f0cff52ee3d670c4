"""Shapes of JSON: small strict checks that a pretend platform's rules are written in."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from attrs import field, frozen


@frozen
class ShapeError(Exception):
    """A value is not of its shape; `fault` is missing, unknown, type, length or value."""

    fault: str
    path: str
    details: str


class Shape(Protocol):
    """Something that a value can be checked against."""

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""


def units(text: str) -> int:
    """The length in UTF-16 code units: the strictest unit a platform may count in."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@frozen
class Text:
    """A string of `least` to `most` UTF-16 code units."""

    most: int = 4096
    least: int = 1

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, str):
            raise ShapeError("type", path, f"Param {path} must be a string.")
        if len(value) * 2 > self.most and units(value) > self.most:
            details = f"Param {path} must be at most {self.most} characters long."
            raise ShapeError("length", path, details)
        if len(value) < self.least or (self.least and not value.strip()):
            details = f"Param {path} must be at least {self.least} characters long."
            raise ShapeError("length", path, details)


@frozen
class Number:
    """A JSON number, or digits in a string where `or_text`; within the bounds."""

    least: float = float("-inf")
    most: float = float("inf")
    or_text: bool = False
    whole: bool = False

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if self.or_text and isinstance(value, str):
            value = _number(value, path)
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise ShapeError("type", path, f"Param {path} must be a number.")
        if not self.least <= value <= self.most:
            details = f"Param {path} must be between {self.least:g} and {self.most:g}."
            raise ShapeError("value", path, details)


def _number(text: str, path: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ShapeError("type", path, f"Param {path} must be a number.") from None
    return int(number) if number.is_integer() else number


@frozen
class Flag:
    """true or false."""

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, bool):
            raise ShapeError("type", path, f"Param {path} must be a boolean.")


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(words)


@frozen
class OneOf:
    """One of a few words; in any case where `any_case`."""

    words: frozenset[str] = field(converter=_words)
    any_case: bool = False

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, str):
            raise ShapeError("type", path, f"Param {path} must be a string.")
        if (value.lower() if self.any_case else value) not in self.words:
            listed = ", ".join(sorted(self.words))
            raise ShapeError("unknown", path, f"Param {path} must be one of {{{listed}}}.")


@frozen
class Anything:
    """Not checked: the platform takes any JSON here."""

    def check(self, value: Any, path: str) -> None:
        """Takes everything."""


@frozen
class Items:
    """A list of `least` to `most` items of one shape."""

    item: Shape
    least: int = 1
    most: int = 100

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, list):
            raise ShapeError("type", path, f"Param {path} must be an array.")
        if not self.least <= len(value) <= self.most:
            details = f"Param {path} must have {self.least} to {self.most} items."
            raise ShapeError("value", path, details)
        for index, item in enumerate(value):
            self.item.check(item, f"{path}[{index}]")


@frozen
class Object:
    """An object with exactly these keys, an optional one may be null; `rule` judges the whole."""

    required: Mapping[str, Shape] = field(factory=dict)
    optional: Mapping[str, Shape] = field(factory=dict)
    rule: Callable[[Any, str], None] | None = None

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, dict):
            raise ShapeError("type", path, f"Param {path} must be a JSON object.")
        for key, shape in self.required.items():
            if key not in value:
                raise ShapeError("missing", _at(path, key), f"Param {_at(path, key)} is required.")
            shape.check(value[key], _at(path, key))
        for key, item in value.items():
            if key in self.required or (item is None and key in self.optional):
                continue
            if key not in self.optional:
                raise ShapeError("unknown", _at(path, key), f"Unexpected key {_at(path, key)}.")
            self.optional[key].check(item, _at(path, key))
        if self.rule is not None:
            self.rule(value, path)


@frozen
class Tagged:
    """An object whose `tag` key names which of several shapes it has."""

    shapes: Mapping[str, Shape]
    tag: str = "type"

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, dict):
            raise ShapeError("type", path, f"Param {path} must be a JSON object.")
        at = _at(path, self.tag)
        if self.tag not in value:
            raise ShapeError("missing", at, f"Param {at} is required.")
        OneOf(self.shapes).check(value[self.tag], at)
        self.shapes[value[self.tag]].check(value, path)


def wrong(path: str, details: str) -> ShapeError:
    """A value that has the right shape and is wrong all the same."""
    return ShapeError("value", path, details)


def check_unique(items: Collection[Any], path: str, what: str) -> None:
    """Raises ShapeError when two items are equal."""
    if len(set(items)) != len(items):
        raise wrong(path, f"Param {path} has duplicated {what}.")


def _at(path: str, key: str) -> str:
    return f"{path}['{key}']" if path else key
