"""The commands that show the templates of a channel, over the API of a running gateway."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_operate import GROUP, HERE
from omni_actors.cli_output import Row, shown
from omni_actors.cli_reach import Reach, open_gateway_client

if TYPE_CHECKING:  # it would load what --help does not need
    from omni_actors.api_client import ApiClient

ROWS_MAX: Final = 200
MEDIA_HEADERS: Final = ("IMAGE", "VIDEO", "DOCUMENT")

Example = Annotated[
    Path | None, Parameter(help="A picture, video or PDF: the example of the header.")
]
COLUMNS: Final = ("name", "language", "status", "category", "quality", "reason")

templates = App(
    name="templates", group=GROUP, help="See, make, change and end a channel's templates."
)


def cells(row: Row) -> Sequence[object]:
    about = (row["status"], row["category"], row["quality"])
    return row["name"], row["language"], *about, row["reason"]


@templates.command(name="list")
def list_templates(
    channel: str,
    /,
    *,
    status: Annotated[str | None, Parameter(help="Only with this status: approved.")] = None,
    name: Annotated[str | None, Parameter(help="Only of this name.")] = None,
    language: Annotated[str | None, Parameter(help="Only in this language: en_GB.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = ROWS_MAX,
    reach: Reach = HERE,
) -> None:
    """The templates of a channel, by name and language.

    Parameters
    ----------
    channel
        Its id.
    """
    if limit < 1:
        raise Ended(Exit.USAGE, "--limit must be 1 or more")
    with open_gateway_client(reach) as client:
        rows = client.listing(
            "channels",
            channel,
            "templates",
            items_max=limit,
            status=status,
            name=name,
            language=language,
        )
        reach.output.rows(COLUMNS, rows, cells)


@templates.command(name="show")
def show_template(
    channel: str,
    name: str,
    /,
    *,
    language: Annotated[str | None, Parameter(help="Which language, if there are several.")] = None,
    reach: Reach = HERE,
) -> None:
    """One template with what it asks of a sender.

    Parameters
    ----------
    channel
        The channel's id.
    name
        The template's name.
    """
    with open_gateway_client(reach) as client:
        found = client.get("channels", channel, "templates", name, language=language)
        reach.output.details(found)


@templates.command(name="sync")
def sync_templates(channel: str, /, *, reach: Reach = HERE) -> None:
    """Read the templates of a channel from the platform now.

    Parameters
    ----------
    channel
        Its id.
    """
    with open_gateway_client(reach) as client:
        synced = client.post("channels", channel, "templates", verb="sync")
    if reach.json:
        reach.output.document(synced)
    else:
        at = shown(synced["synced_at"])
        reach.output.line(f"the templates of {shown(synced['channel_id'])} are those of {at}")


@templates.command(name="create")
def create_template(
    channel: str, file: Path, /, *, example: Example = None, reach: Reach = HERE
) -> None:
    """Submit a template for approval.

    Parameters
    ----------
    channel
        The channel's id.
    file
        The template as JSON, with its name, language, category and components; - reads it from
        standard input.
    """
    wanted = read_json(file)
    with open_gateway_client(reach) as client:
        show_example(client, wanted, example)
        told(client.post("channels", channel, "templates", body=wanted), reach)


@templates.command(name="edit")
def edit_template(
    channel: str,
    name: str,
    file: Path,
    /,
    *,
    language: Annotated[str | None, Parameter(help="Which language, if there are several.")] = None,
    example: Example = None,
    reach: Reach = HERE,
) -> None:
    """Change a template; its components replace all that it has.

    Parameters
    ----------
    channel
        The channel's id.
    name
        The template's name.
    file
        What is to be different as JSON: components, category, send_ttl_s; - reads it from standard
        input.
    """
    wanted = read_json(file)
    with open_gateway_client(reach) as client:
        show_example(client, wanted, example)
        place = ("channels", channel, "templates", name)
        told(client.patch(*place, body=wanted, language=language), reach)


@templates.command(name="delete")
def delete_template(
    channel: str,
    name: str,
    /,
    *,
    language: Annotated[str | None, Parameter(help="Only this one. [default: all]")] = None,
    reach: Reach = HERE,
) -> None:
    """Delete a template on the platform.

    Parameters
    ----------
    channel
        The channel's id.
    name
        The template's name.
    """
    with open_gateway_client(reach) as client:
        gone = client.delete("channels", channel, "templates", name, language=language)
    if reach.json:
        reach.output.document(gone)
    else:
        reach.output.line(f"{gone['deleted']} deleted")


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file. Raises Ended."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        document = json.loads(text)
    except OSError as error:
        raise Ended(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Ended(Exit.USAGE, f"{file} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Ended(Exit.USAGE, f"{file} is not a JSON object")
    return document


def show_example(client: "ApiClient", wanted: dict[str, Any], example: Path | None) -> None:
    """Upload a file as what the template's header shows. Raises Ended."""
    if example is None:
        return
    components = wanted.get("components")
    listed = components if isinstance(components, list) else []
    headers = [each for each in listed if isinstance(each, dict) and needs_example(each)]
    if not headers:
        hint = "--example is for a header with an IMAGE, VIDEO or DOCUMENT"
        raise Ended(Exit.USAGE, "the template has no header that shows a file", hint)
    try:
        content = example.read_bytes()
    except OSError as error:
        raise Ended(Exit.USAGE, f"{example} cannot be read: {error.strerror}") from None
    headers[0]["example"] = {"media_id": client.upload(content, example.name)["id"]}


def needs_example(component: Row) -> bool:
    return component.get("type") == "HEADER" and component.get("format") in MEDIA_HEADERS


def told(template: Any, reach: Reach) -> None:
    if reach.json:
        reach.output.document(template)
    else:
        named = f"{shown(template['name'])} in {shown(template['language'])}"
        reach.output.line(f"{named} is {template['status']}", template["status"])
