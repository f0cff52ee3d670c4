"""JSON Schema (2020-12) of our attrs classes: the same classes and bounds that decode and spell."""

from collections.abc import Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from attrs import NOTHING, Attribute, define, field, fields, has

from omni_actors.api.bounds import NOT_ASKED, ONE_OF, SHORT, Bound, bound_of
from omni_actors.api.decode import SENDABLE
from omni_actors.api.jsontext import NUMBER_MAX
from omni_actors.api.requests import ContextPatch, NewCredentials
from omni_actors.api.spell import as_json
from omni_actors.api.views import Cursor, Time
from omni_actors.model.content import CONTENT_TYPES, Content
from omni_actors.model.events import EventType
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.requests import ClosedWindow, WindowTemplate

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}
GROWING = (EventType,)
_PRIMITIVES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NAMED: Mapping[Any, Schema] = {
    Time: {"type": "string", "format": "date-time"},
    Cursor: {"type": "string", "pattern": "^[0-9]{16,}$"},
    Json: {},
}
KEPT_NUMBERS = {"minimum": -NUMBER_MAX, "maximum": NUMBER_MAX}
_MODEL = "omni_actors.model."


@define
class Shapes:
    """Gathers components; `asked` tells requests, which are closed, from answers."""

    components: dict[str, Schema] = field(factory=dict)
    _owners: dict[str, type[Any]] = field(factory=dict)

    def of(self, type_: Any, *, asked: bool, bound: Bound | None = None) -> Schema:
        """The schema of a type."""
        if type_ in _PRIMITIVES:
            return {"type": _PRIMITIVES[type_]} | bounded(bound)
        if type_ in _NAMED:
            return dict(_NAMED[type_])
        if type_ is NewCredentials:
            return {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
        if type_ == JsonObject or type_ is ContextPatch:
            return self._free_object(bound, asked=asked)
        if type_ == Content:
            return self._content(asked=asked)
        if type_ is ClosedWindow:
            return self._closed_window()
        if isinstance(type_, type) and issubclass(type_, Enum):
            known = {"type": "string", "enum": [member.value for member in type_]}
            return open_to_more(known) if type_ in GROWING and not asked else known
        if get_origin(type_) is not None:
            return self._generic(type_, asked=asked, bound=bound)
        return self._class(type_, asked=asked)

    def _generic(self, type_: Any, *, asked: bool, bound: Bound | None) -> Schema:
        origin, arguments = get_origin(type_), get_args(type_)
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin in (Union, UnionType):
            return self._nullable(type_, asked=asked, bound=bound)
        if origin is tuple:
            return self._list(arguments[0], asked=asked, bound=bound)
        values = self.of(arguments[1], asked=asked)
        return {"type": "object", "additionalProperties": values}

    def _nullable(self, type_: Any, *, asked: bool, bound: Bound | None) -> Schema:
        inner = [arm for arm in get_args(type_) if arm is not NoneType]
        schema = self.of(inner[0], asked=asked, bound=bound)
        if isinstance(schema.get("type"), str) and "enum" not in schema:
            return schema | {"type": [schema["type"], "null"]}
        return {"anyOf": [schema, NULL]}

    def _list(self, item: Any, *, asked: bool, bound: Bound | None) -> Schema:
        each = bound.each if bound else None
        if asked and item is str and each is None:
            each = SHORT
        return {"type": "array", "items": self.of(item, asked=asked, bound=each)} | bounded(bound)

    def _class(self, cls: type[Any], *, asked: bool) -> Schema:
        assert has(cls), f"no schema for {cls!r}"
        name = component_name(cls, asked=asked)
        assert self._owners.setdefault(name, cls) is cls, f"two classes are called {name}"
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self._object(cls, asked=asked)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, cls: type[Any], *, asked: bool) -> Schema:
        properties, required = {}, []
        in_content = cls.__module__.startswith(_MODEL)
        for attribute in fields(cls):
            if asked and attribute.name in NOT_ASKED.get(cls, ()):
                continue
            properties[attribute.name] = self.property_of(cls, attribute, asked=asked)
            if attribute.default is NOTHING or not (asked or in_content):
                required.append(attribute.name)
        schema: Schema = {
            "type": "object",
            "description": explained(cls) if asked else summary_of(cls),
            "properties": properties,
            "required": required,
        }
        if asked:
            schema["additionalProperties"] = False
            schema |= _exactly_one(ONE_OF.get(cls, ()))
        return schema

    def property_of(self, cls: type[Any], attribute: "Attribute[Any]", *, asked: bool) -> Schema:
        """The schema of one field; in requests with its bound and default."""
        bound = bound_of(cls, attribute.name) if asked else None
        type_: Any = attribute.type
        if asked and bound is None and (type_ is str or type_ == str | None):
            bound = SHORT
        schema = self.of(type_, asked=asked, bound=bound)
        default = attribute.default
        plain = isinstance(default, str | int | float | bool) or default == ()
        if asked and plain and "$ref" not in schema:
            schema["default"] = as_json(default)
        return schema

    def _content(self, *, asked: bool) -> Schema:
        name = "ContentInput" if asked else "Content"
        if name not in self.components:
            self.components[name] = {}
            tags = SENDABLE if asked else {tag: cls for cls, tag in CONTENT_TYPES.items()}
            mapping = {tag: self._variant(cls, tag, asked=asked) for tag, cls in tags.items()}
            self.components[name] = {
                "oneOf": [{"$ref": reference} for reference in mapping.values()],
                "discriminator": {"propertyName": "type", "mapping": mapping},
            }
        return {"$ref": f"#/components/schemas/{name}"}

    def _variant(self, cls: type[Any], tag: str, *, asked: bool) -> str:
        """One kind of content with its tag; the reference to it."""
        name = cls.__name__.removesuffix("Content") + "Content" + ("Input" if asked else "")
        schema = self._object(cls, asked=asked)
        schema["properties"] = {"type": {"type": "string", "const": tag}} | schema["properties"]
        schema["required"] = ["type", *schema["required"]]
        self.components[name] = schema
        return f"#/components/schemas/{name}"

    def _free_object(self, bound: Bound | None, *, asked: bool) -> Schema:
        schema: Schema = {"type": "object"}
        if bound is not None and bound.flat:
            plain: Schema = {"type": ["string", "number", "boolean", "null"]}
            schema["additionalProperties"] = plain | (KEPT_NUMBERS if asked else {})
        elif bound is not None and bound.objects:
            schema["additionalProperties"] = {
                "type": "object",
                "additionalProperties": self._any(asked=asked),
            }
        else:
            schema["additionalProperties"] = self._any(asked=asked)
        if bound is not None and bound.bytes_max is not None:
            schema["description"] = f"At most {bound.bytes_max} bytes as JSON."
        return schema

    def _any(self, *, asked: bool) -> Any:
        """Whatever JSON can say; of callers only numbers that can be kept."""
        if not asked:
            return True
        reference = {"$ref": "#/components/schemas/AnyInput"}
        self.components["AnyInput"] = {
            "description": "Any JSON; a number is no larger than one of 64 bits.",
            "type": ["string", "boolean", "null", "number", "array", "object"],
            **KEPT_NUMBERS,
            "items": reference,
            "additionalProperties": reference,
        }
        return reference

    def _closed_window(self) -> Schema:
        template = self._class(WindowTemplate, asked=True)
        return {
            "oneOf": [
                {"type": "string", "enum": ["fail", "hold"]},
                {
                    "type": "object",
                    "properties": {"template": template},
                    "required": ["template"],
                    "additionalProperties": False,
                },
            ],
            "default": "fail",
        }


def component_name(cls: type[Any], *, asked: bool) -> str:
    """What a class is called in the document."""
    if asked and cls.__module__.endswith(("model.content", "model.profile")):
        return cls.__name__ + "Input"
    return cls.__name__.removesuffix("View").removesuffix("Body")


def bounded(bound: Bound | None) -> Schema:
    """A bound in the words of JSON Schema."""
    if bound is None:
        return {}
    words = {
        "minLength": bound.length_min,
        "maxLength": bound.length_max,
        "pattern": bound.pattern,
        "enum": list(bound.choices) or None,
        "exclusiveMinimum": bound.above,
        "minimum": bound.minimum,
        "maximum": bound.maximum,
        "minItems": bound.items_min or None,
        "maxItems": bound.items_max,
        "format": bound.format,
        "examples": None if bound.example is None else [bound.example],
    }
    return {word: value for word, value in words.items() if value is not None}


def summary_of(thing: Any) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split())


def explained(thing: Any) -> str:
    """A whole docstring, each paragraph on one line."""
    paragraphs = (thing.__doc__ or "").split("\n\n")
    return "\n\n".join([" ".join(paragraph.split()) for paragraph in paragraphs])


def open_to_more(known: Schema) -> Schema:
    """These values, and such as a later version may add."""
    more = "more may come: pass over what you do not know"
    return {"anyOf": [known, {"type": "string", "description": more}]}


def _exactly_one(names: tuple[str, ...]) -> Schema:
    """Of these members exactly one is present and not null."""
    if not names:
        return {}
    arms = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return {"oneOf": arms}
