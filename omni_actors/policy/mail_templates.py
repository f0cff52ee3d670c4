"""Whether the variables of a mail template are what it declares, and what it is shown with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from omni_actors.model.json import Json, JsonObject
from omni_actors.model.mail_templates import MailTemplate, Variable, VariableType

DEPTH_MAX: Final = 20


@frozen
class WrongVariable:
    """What is wrong, and where: the name of a variable, and what is the matter with it."""

    name: str
    why: str


@frozen
class Unknown:
    """There is no such template. `by_language`: there is, but in other languages."""

    sentence: str
    by_language: bool = False


def find(
    name: str, language: str | None, templates: Iterable[MailTemplate]
) -> MailTemplate | Unknown:
    """The template of a name in a language, which may be left out where there is only one."""
    alike: list[MailTemplate] = []
    names: dict[str, None] = {}
    for each in templates:
        names[each.name] = None
        alike += [each] if each.name == name else []
    if not alike:
        there = f"there is {', '.join(sorted(names))}" if names else "there are none"
        return Unknown(f"there is no mail template {name}; {there}")
    meant = [each for each in alike if language in (None, each.language)]
    there = ", ".join(sorted(each.language for each in alike))
    if not meant:
        return Unknown(f"the mail template {name} is not there in {language}, but in {there}", True)
    if len(meant) > 1:
        return Unknown(f"the mail template {name} is there in {there}: choose one", True)
    return meant[0]


def wrong(template: MailTemplate, given: JsonObject) -> tuple[WrongVariable, ...]:
    """Everything that is wrong with the values for a template."""
    return (*_unknown(template, given), *_unfit(template.variables, given))


def filled(template: MailTemplate, given: JsonObject, *, examples: bool = False) -> dict[str, Json]:
    """A value for each variable: what was given, the example if wished, the default, or none."""
    return {each.name: _value(each, given, examples=examples) for each in template.variables}


def _value(variable: Variable, given: JsonObject, *, examples: bool) -> Json:
    if given.get(variable.name) is not None:
        return given[variable.name]
    if examples and variable.example is not None:
        return variable.example
    return variable.default


def _unknown(template: MailTemplate, given: JsonObject) -> Iterator[WrongVariable]:
    known = [each.name for each in template.variables]
    for name in given:
        if name not in known:
            there = f"there is {', '.join(known)}" if known else "it has none"
            yield WrongVariable(name, f"is no variable of {template.name}; {there}")


def _unfit(variables: Sequence[Variable], given: JsonObject) -> Iterator[WrongVariable]:
    for variable in variables:
        value = given.get(variable.name)
        if value is None:
            if variable.required:
                yield WrongVariable(variable.name, f"is missing; it is {_called(variable)}")
        elif why := unfit(variable.type, value):
            yield WrongVariable(variable.name, why)


def _called(variable: Variable) -> str:
    told = f": {variable.description}" if variable.description else ""
    return f"a required {variable.type}{told}"


def unfit(type_: VariableType, value: Any) -> str:
    """Why a value is not of a type; empty when it is."""
    if _deep(value, DEPTH_MAX):
        return f"is nested deeper than {DEPTH_MAX}"
    match type_:
        case VariableType.STRING:
            good = isinstance(value, str)
        case VariableType.INTEGER:
            good = isinstance(value, int) and not isinstance(value, bool)
        case VariableType.NUMBER:
            good = isinstance(value, int | float) and not isinstance(value, bool)
        case VariableType.BOOLEAN:
            good = isinstance(value, bool)
        case VariableType.URL:
            good = isinstance(value, str) and value.lower().startswith(("http://", "https://"))
        case VariableType.LIST:
            good = isinstance(value, list | tuple)
        case VariableType.OBJECT:
            good = isinstance(value, Mapping)
    return "" if good else f"must be {_article(type_)}"


def _article(type_: VariableType) -> str:
    if type_ is VariableType.URL:
        return "a URL that begins with http:// or https://"
    vowel = type_ in (VariableType.INTEGER, VariableType.OBJECT)
    return f"{'an' if vowel else 'a'} {type_}"


def _deep(value: Any, room: int) -> bool:
    if isinstance(value, Mapping):
        return room <= 0 or any(_deep(each, room - 1) for each in value.values())
    if isinstance(value, list | tuple):
        return room <= 0 or any(_deep(each, room - 1) for each in value)
    return False
