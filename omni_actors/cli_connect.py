"""The command that connects accounts: it shows where to log in, and what came of it."""

import sys
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_operate import GROUP, HERE, Several
from omni_actors.cli_output import Output, Row, say, shown
from omni_actors.cli_reach import Reach, open_gateway_client

if TYPE_CHECKING:
    from omni_actors.api_client import ApiClient

LOOK_EVERY_S: Final = 1.0
PENDING: Final = ("waiting", "working")
COLUMNS: Final = ("n", "key", "name", "channel", "obstacle")
CHANNEL_COLUMNS: Final = ("id", "platform", "key", "state", "health")


def add_commands(app: App) -> None:
    """Give the program this command."""
    app.command(connect, group=GROUP)
    app.command(disconnect, group=GROUP)


def connect(
    platform: str,
    /,
    *,
    app: Annotated[
        str | None, Parameter(help="Which app of the config, where several would do.")
    ] = None,
    channel: Annotated[
        str | None,
        Parameter(help="Connect this channel again, or call the new one so."),
    ] = None,
    account: Annotated[
        list[str] | None,
        Several,
        Parameter(help="Which of the accounts that are found, by key; all of them with `all`."),
    ] = None,
    tenant: Annotated[
        str | None, Parameter(help="Whose the channel is, if it is new. [default: default]")
    ] = None,
    reach: Reach = HERE,
) -> None:
    """Connect accounts by logging in at their platform, with the gateway running.

    It prints the URL to open in a browser, waits for the login, lets you choose where several
    accounts were found, and shows the channels that came of it. They live at once, and stay.

    Parameters
    ----------
    platform
        Where the accounts are: email, instagram or messenger.
    """
    with open_gateway_client(reach) as client:
        asked = {"app": app, "channel_id": channel, "tenant": tenant}
        begun = client.get("connect", platform, **asked)
        invite(begun, reach.output)
        found = wait(client, begun["id"])
        if found["status"] == "choosing":
            chosen = choice(found, account or [], reach.output)
            body = {"accounts": chosen}
            found = client.post("connections", found["id"], verb="choose", body=body)
        if found["status"] == "failed":
            raise Ended(Exit.FAILED, shown(found["problem"]))
        show(client, found, reach.output)


def disconnect(channel: str, /, *, reach: Reach = HERE) -> None:
    """Let go of a connected account, with the gateway running.

    The platform sends no more webhooks of it, its token is forgotten, and nothing more is sent. The
    queue and all that was said are kept; `connect` brings the channel back.

    Parameters
    ----------
    channel
        Its id.
    """
    with open_gateway_client(reach) as client:
        row = client.post("channels", channel, verb="disconnect")
    reach.output.rows(CHANNEL_COLUMNS, [row], channel_cells)


def invite(begun: dict[str, Any], output: Output) -> None:
    """Say where to log in."""
    if output.json:
        output.document(begun)
        return
    say(f"open this in a browser, and log in before {shown(begun['expires_at'])}:")
    output.line(shown(begun["url"]))


def wait(client: "ApiClient", connection_id: str) -> dict[str, Any]:
    """The connecting, once the login is over. The gateway ends it when that takes too long."""
    while True:
        found: dict[str, Any] = client.get("connections", connection_id)
        if found["status"] not in PENDING:
            return found
        Event().wait(LOOK_EVERY_S)


def choice(found: dict[str, Any], wanted: Sequence[str], output: Output) -> list[str]:
    """The keys of the accounts to connect. Raises Ended."""
    able = [row["key"] for row in found["accounts"] if row["obstacle"] is None]
    if list(wanted) == ["all"]:
        return able
    if wanted:
        return list(wanted)
    rows = [{"n": n, **row} for n, row in enumerate(found["accounts"], 1)]
    output.rows(COLUMNS, rows, cells)
    if not sys.stdin.isatty():
        raise Ended(
            Exit.USAGE,
            "several accounts were found",
            f"say which with --account: {', '.join(map(shown, able))}, or all",
        )
    return picked(found["accounts"], ask("which? numbers, or all: "))


def cells(row: Row) -> Sequence[object]:
    return row["n"], row["key"], row["name"], row["channel_id"], row["obstacle"]


def ask(question: str) -> str:
    """What a person at the terminal answers."""
    say(question)
    return sys.stdin.readline()


def picked(accounts: Sequence[Row], answer: str) -> list[str]:
    """The keys of what was answered by number. Raises Ended."""
    able = [row["key"] for row in accounts if row["obstacle"] is None]
    words = answer.replace(",", " ").split()
    if words == ["all"]:
        return able
    numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
    good = len(numbers) == len(words) > 0 and all(0 < n <= len(accounts) for n in numbers)
    keys = [accounts[n - 1]["key"] for n in numbers] if good else []
    if not keys or any(key not in able for key in keys):
        raise Ended(Exit.USAGE, "that is none of them; nothing was connected")
    return list(dict.fromkeys(keys))


def show(client: "ApiClient", found: dict[str, Any], output: Output) -> None:
    """The channels that came of it."""
    rows = [client.get("channels", channel_id) for channel_id in found["channels"]]
    output.rows(CHANNEL_COLUMNS, rows, channel_cells)


def channel_cells(row: Row) -> Sequence[object]:
    health = row["health"].get("reason") or row["health"]["status"]
    return row["id"], row["platform"], row["channel_key"], row["state"], health
