"""The commands that show the templates of a channel, over the API of a running gateway."""

from collections.abc import Sequence
from typing import Annotated, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_operate import GROUP, HERE
from omni_actors.cli_output import Row, shown
from omni_actors.cli_reach import Reach, open_gateway_client

ROWS_MAX: Final = 200
COLUMNS: Final = ("name", "language", "status", "category", "quality", "reason")

templates = App(
    name="templates", group=GROUP, help="See a channel's templates; read them from the platform."
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
