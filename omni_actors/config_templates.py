"""The folder of mail templates: each a folder of its own with `template.toml`, `text.txt`, and
`body.html` or `body.mjml`."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import Attribute, field, frozen

from omni_actors.config_decode import Decoder
from omni_actors.mail_templates.rendering import check
from omni_actors.model.mail_templates import MailTemplate, Variable, VariableType
from omni_actors.policy.mail_templates import unfit

ABOUT: Final = "template.toml"
TEXT: Final = "text.txt"
BODIES: Final = ("body.html", "body.mjml")
BYTES_MAX: Final = 512 * 1024
TEMPLATES_MAX: Final = 500
TABLE: Final = "mail_templates"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def _is_name(_table: Any, _attribute: "Attribute[Any]", value: str | None) -> None:
    if value is not None and not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores")


def _is_language(_table: Any, _attribute: "Attribute[Any]", value: str) -> None:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("must be a language such as en or pt_BR")


def _is_type(_table: Any, _attribute: "Attribute[Any]", value: str) -> None:
    if value not in set(VariableType):
        raise ValueError(f"must be one of {', '.join(VariableType)}")


@frozen
class VariableTable:
    """A variable of a template; it is required unless it has a default or says that it is not."""

    type: str = field(default="string", validator=_is_type)
    required: bool | None = None
    default: Any = None
    example: Any = None
    description: str | None = None


@frozen
class TemplateTable:
    """What `template.toml` says. Without a `name` the folder's counts."""

    subject: str
    name: str | None = field(default=None, validator=_is_name)
    language: str = field(default="en", validator=_is_language)
    description: str | None = None
    variables: Mapping[str, VariableTable] = field(factory=dict)


def templates_in(folder: Path, decoder: Decoder) -> tuple[MailTemplate, ...]:
    """The templates in a folder, ready to be rendered; the decoder gathers what is wrong."""
    try:
        folders = sorted(each for each in folder.iterdir() if each.is_dir() and visible(each))
    except OSError as error:
        decoder.mistakes.append(f"{TABLE}.folder: {folder} cannot be read: {error.strerror}")
        return ()
    if len(folders) > TEMPLATES_MAX:
        decoder.mistakes.append(
            f"{TABLE}.folder: {len(folders)} templates, {TEMPLATES_MAX} allowed"
        )
        return ()
    read = [template for each in folders if (template := read_one(each, decoder)) is not None]
    decoder.mistakes += taken_twice(read)
    ready = check(read)
    for one in ready:
        place = f"{TABLE}.{one.template.folder}"
        decoder.mistakes += [f"{place}/{file_of(p, one.template)}: {w}" for p, w in one.problems]
    return tuple([one.template for one in ready])


def visible(folder: Path) -> bool:
    """Whether a folder can be a template; others begin with a dot or an underscore."""
    return not folder.name.startswith((".", "_"))


def read_one(folder: Path, decoder: Decoder) -> MailTemplate | None:
    """One template, as it is written; None with mistakes."""
    before, place = len(decoder.mistakes), f"{TABLE}.{folder.name}"
    if not _NAME.fullmatch(folder.name):
        decoder.mistakes.append(f"{place}: the folder's name must be letters, digits, . - or _")
    table = about(folder, decoder)
    text = read_file(folder / TEXT, decoder)
    bodies = [name for name in BODIES if (folder / name).is_file()]
    if len(bodies) > 1:
        decoder.mistakes.append(f"{place}: {' and '.join(bodies)}; leave one of them out")
    html = read_file(folder / bodies[0], decoder) if bodies else None
    variables = tuple(variables_of(table, place, decoder)) if table else ()
    if table is None or text is None or len(decoder.mistakes) > before:
        return None
    return MailTemplate(
        name=table.name or folder.name,
        language=table.language,
        folder=folder.name,
        subject=table.subject,
        text=text,
        html=html,
        mjml=bodies == [BODIES[1]],
        variables=variables,
        description=table.description,
    )


def about(folder: Path, decoder: Decoder) -> TemplateTable | None:
    """What `template.toml` says."""
    written = read_file(folder / ABOUT, decoder)
    if written is None:
        return None
    place = f"{TABLE}.{folder.name}/{ABOUT}"
    try:
        document = tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        decoder.mistakes.append(f"{place}: not TOML: {error}")
        return None
    return decoder.table(TemplateTable, document, place)


def read_file(path: Path, decoder: Decoder) -> str | None:
    """A file's text."""
    place = f"{TABLE}.{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
        if len(raw) > BYTES_MAX:
            decoder.mistakes.append(f"{place}: more than {BYTES_MAX} bytes")
            return None
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        decoder.mistakes.append(f"{place}: missing")
    except OSError as error:
        decoder.mistakes.append(f"{place}: cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        decoder.mistakes.append(f"{place}: not UTF-8")
    return None


def variables_of(table: TemplateTable, place: str, decoder: Decoder) -> Iterator[Variable]:
    """The variables that can be understood."""
    for name, declared in table.variables.items():
        where = f"{place}/{ABOUT}.variables.{name}"
        type_ = VariableType(declared.type)
        told = {"default": declared.default, "example": declared.example}
        wrong = [
            f"{where}.{key}: {why}"
            for key, value in told.items()
            if value is not None and (why := no_value(type_, value))
        ]
        if not _VARIABLE.fullmatch(name):
            wrong.append(f"{where}: a name is a letter, then letters, digits or underscores")
        if declared.required and declared.default is not None:
            wrong.append(f"{where}.default: what is required has no default")
        decoder.mistakes += wrong
        required = declared.default is None if declared.required is None else declared.required
        yield Variable(
            name, type_, required, declared.default, declared.example, declared.description
        )


def no_value(type_: VariableType, value: Any) -> str:
    """Why a value of TOML is none of a type; empty when it is."""
    return unfit(type_, value) if is_json(value) else "dates and times are written as strings"


def is_json(value: Any) -> bool:
    """Whether a value of TOML can be one of JSON."""
    if isinstance(value, Mapping):
        return all(map(is_json, value.values()))
    if isinstance(value, list):
        return all(map(is_json, value))
    return isinstance(value, str | int | float | bool)


def taken_twice(templates: list[MailTemplate]) -> Iterator[str]:
    """Templates that share a name and a language."""
    first: dict[tuple[str, str], str] = {}
    for each in templates:
        key = (each.name, each.language)
        if key in first:
            told = f"the template {each.name} in {each.language} is also in {first[key]}"
            yield f"{TABLE}.{each.folder}: {told}"
        first.setdefault(key, each.folder)


def file_of(piece: str, template: MailTemplate) -> str:
    """The file that holds a piece of a template."""
    body = BODIES[1] if template.mjml else BODIES[0]
    return {"subject": f"{ABOUT}.subject", "text": TEXT, "html": body}.get(piece, ABOUT)
