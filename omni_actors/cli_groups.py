"""The commands about the groups of a channel, over the API of a running gateway."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_operate import GROUP, HERE
from omni_actors.cli_output import Row, shown
from omni_actors.cli_reach import Reach, open_gateway_client

COLUMNS: Final = ("id", "subject", "created_at")
REQUEST_COLUMNS: Final = ("id", "member", "asked_at")

groups = App(name="groups", group=GROUP, help="See and make a channel's groups; let people in.")


def cells(row: Row) -> Sequence[object]:
    return row["id"], row["subject"], row["created_at"]


def request_cells(row: Row) -> Sequence[object]:
    return row["id"], row["member"], row["asked_at"]


@groups.command(name="list")
def list_groups(channel: str, /, *, reach: Reach = HERE) -> None:
    """The groups of a channel, as its platform has them.

    Parameters
    ----------
    channel
        Its id.
    """
    with open_gateway_client(reach) as client:
        reach.output.rows(COLUMNS, client.pages("channels", channel, "groups"), cells)


@groups.command(name="show")
def show_group(channel: str, group: str, /, *, reach: Reach = HERE) -> None:
    """One group with who is in it.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    """
    with open_gateway_client(reach) as client:
        reach.output.details(client.get("channels", channel, "groups", group))


@groups.command(name="create")
def create_group(
    channel: str,
    subject: str,
    /,
    *,
    description: Annotated[str | None, Parameter(help="What the group is about.")] = None,
    approval: Annotated[
        bool, Parameter(negative="", help="People have to be let in one by one.")
    ] = False,
    reach: Reach = HERE,
) -> None:
    """Ask for a group; an event tells when it is made, and by which link people come in.

    Parameters
    ----------
    channel
        The channel's id.
    subject
        What the group is called.
    """
    body = {"subject": subject, "description": description, "approval": approval}
    with open_gateway_client(reach) as client:
        asked(client.post("channels", channel, "groups", body=body), reach)


@groups.command(name="delete")
def delete_group(channel: str, group: str, /, *, reach: Reach = HERE) -> None:
    """Put an end to a group; everybody leaves it.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    """
    with open_gateway_client(reach) as client:
        asked(client.delete("channels", channel, "groups", group), reach)


@groups.command(name="invite")
def invite(
    channel: str,
    group: str,
    /,
    *,
    reset: Annotated[
        bool, Parameter(negative="", help="Make a fresh one; all before it end.")
    ] = False,
    reach: Reach = HERE,
) -> None:
    """The link by which people come into a group.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    """
    place = ("channels", channel, "groups", group, "invite_link")
    with open_gateway_client(reach) as client:
        found = client.post(*place, verb="reset") if reset else client.get(*place)
    if reach.json:
        reach.output.document(found)
    else:
        reach.output.line(shown(found["invite_link"]))


@groups.command(name="requests")
def list_requests(channel: str, group: str, /, *, reach: Reach = HERE) -> None:
    """Who asks to be let into a group.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    """
    with open_gateway_client(reach) as client:
        found = client.pages("channels", channel, "groups", group, "join_requests")
        reach.output.rows(REQUEST_COLUMNS, found, request_cells)


@groups.command(name="approve")
def approve(channel: str, group: str, /, *requests: str, reach: Reach = HERE) -> None:
    """Let people into a group.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    requests
        The ids of their requests.
    """
    decide(channel, group, requests, "approve", reach)


@groups.command(name="reject")
def reject(channel: str, group: str, /, *requests: str, reach: Reach = HERE) -> None:
    """Turn people down who ask to be let into a group.

    Parameters
    ----------
    channel
        The channel's id.
    group
        The group's id.
    requests
        The ids of their requests.
    """
    decide(channel, group, requests, "reject", reach)


def decide(channel: str, group: str, ids: Sequence[str], verb: str, reach: Reach) -> None:
    if not ids:
        raise Ended(
            Exit.USAGE, "name at least one request", "omni-actors groups requests lists them"
        )
    place = ("channels", channel, "groups", group, "join_requests")
    with open_gateway_client(reach) as client:
        found = client.post(*place, verb=verb, body={"ids": list(ids)})
    if reach.json:
        reach.output.document(found)
        return
    for each in found["done"]:
        reach.output.line(f"{shown(each)} is done")
    for each in found["failed"]:
        reach.output.line(f"{shown(each['id'])} is not: {shown(each['why'])}")


def asked(found: Any, reach: Reach) -> None:
    if reach.json:
        reach.output.document(found)
    else:
        request = shown(found["request_id"] or "of no name")
        reach.output.line(f"asked for; omni-actors tail shows what comes of request {request}")
