"""The commands for whoever writes templates of mails: they read the files, and need no gateway."""

import json
import os
import tempfile
import webbrowser
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_output import Output, Row
from omni_actors.cli_reach import CONFIG, RUN

if TYPE_CHECKING:  # it would load what --help does not need
    from omni_actors.mail_templates.rendering import Rendered
    from omni_actors.model.mail_templates import MailTemplate

COLUMNS: Final = ("name", "language", "html", "variables", "description")

ConfigPath = Annotated[Path, Parameter(help="The config that names the folder.")]
Json = Annotated[bool, Parameter(negative="", help="Print JSON, for scripts.")]

template = App(
    name="template", group=RUN, help="Try the gateway's own templates of mails, from their files."
)


def cells(row: Row) -> Sequence[object]:
    return tuple(row[column] for column in COLUMNS)


@template.command(name="list")
def list_templates(*, config: ConfigPath = CONFIG, json: Json = False) -> None:
    """The templates in the folder of the config, read through and tried."""
    rows = [
        {
            "name": each.name,
            "language": each.language,
            "html": each.html is not None,
            "variables": [variable.name for variable in each.variables],
            "description": each.description,
        }
        for each in read(config)
    ]
    Output(json=json).rows(COLUMNS, rows, cells)


@template.command(name="render")
def render(
    name: str,
    /,
    *,
    var: Annotated[
        tuple[str, ...],
        Parameter(help="A value, as name=value; lists and objects as JSON. Once for each."),
    ] = (),
    language: Annotated[str | None, Parameter(help="Which language, if there are several.")] = None,
    strict: Annotated[
        bool, Parameter(negative="", help="Take no examples for what is not given.")
    ] = False,
    html: Annotated[bool, Parameter(negative="", help="Print the HTML, and nothing else.")] = False,
    open: Annotated[bool, Parameter(negative="", help="Show it in a browser.")] = False,
    config: ConfigPath = CONFIG,
    json: Json = False,
) -> None:
    """A mail as it would be sent, with examples for the variables that are not given.

    Parameters
    ----------
    name
        The template's name.
    """
    found = find(read(config), name, language)
    made = rendered(found, values(found, var), examples=not strict)
    if html and made.html is None:
        raise Ended(Exit.FAILED, f"{name} has no HTML", "it has no body.html and no body.mjml")
    if json:
        Output(json=True).document({"subject": made.subject, "text": made.text, "html": made.html})
    else:
        Output().line((html and made.html) or f"Subject: {made.subject}\n\n{made.text}")
    if open:
        show(made)


def read(config: Path) -> "tuple[MailTemplate, ...]":
    """The templates of a config. Raises ConfigError, Ended."""
    from omni_actors.config_decode import Decoder
    from omni_actors.config_sources import ConfigError, read_document
    from omni_actors.config_templates import templates_in

    decoder = Decoder(config.parent)
    document = read_document(config, os.environ, decoder.mistakes)
    table = document.get("mail_templates")
    folder = table.get("folder") if isinstance(table, dict) else None
    if not isinstance(folder, str) or not folder:
        raise Ended(Exit.USAGE, f"{config} names no mail_templates.folder")
    found = templates_in(config.parent / folder, decoder)
    if ours := [each for each in decoder.mistakes if each.startswith("mail_templates")]:
        raise ConfigError(ours)
    return found


def find(templates: "tuple[MailTemplate, ...]", name: str, language: str | None) -> "MailTemplate":
    """The template that is meant. Raises Ended."""
    from omni_actors.policy.mail_templates import Unknown
    from omni_actors.policy.mail_templates import find as find_in

    found = find_in(name, language, templates)
    if isinstance(found, Unknown):
        raise Ended(Exit.USAGE, found.sentence)
    return found


def values(found: "MailTemplate", given: Sequence[str]) -> dict[str, Any]:
    """The values of a command line, each as its variable wants it. Raises Ended."""
    types = {variable.name: variable.type for variable in found.variables}
    read_values: dict[str, Any] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise Ended(Exit.USAGE, f"--var {each}: must be name=value")
        read_values[name] = value_of(name, text, types.get(name))
    return read_values


def value_of(name: str, text: str, type_: str | None) -> Any:
    """A value, as JSON where the variable is no text. Raises Ended."""
    if type_ in (None, "string", "url"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise Ended(Exit.USAGE, f"--var {name}: must be a JSON {type_}") from None


def rendered(found: "MailTemplate", given: dict[str, Any], *, examples: bool) -> "Rendered":
    """A template with its values. Raises Ended."""
    import trio

    from omni_actors.gateway.errors import RequestError
    from omni_actors.gateway.mail_templates import MailTemplateBook
    from omni_actors.mail_templates.rendering import Renderer

    book = MailTemplateBook(lambda: (found,), Renderer())
    try:
        return trio.run(lambda: book.rendered(found, given, "", examples=examples))
    except RequestError as problem:
        told = [f"{each.pointer.lstrip('/')} {each.detail}" for each in problem.mistakes]
        raise Ended(Exit.FAILED, problem.sentence, "; ".join(told)) from None


def show(made: "Rendered") -> None:
    """Open a mail in the browser of this machine."""
    page = made.html or f"<!doctype html><meta charset=utf-8><pre>{escape(made.text)}</pre>"
    with tempfile.NamedTemporaryFile("w", suffix=".html", delete=False, encoding="utf-8") as file:
        file.write(page)
    if not webbrowser.open(Path(file.name).as_uri()):
        raise Ended(Exit.FAILED, "there is no browser here", f"the page is in {file.name}")
