"""Reading the old conversations of a channel, from a terminal."""

from threading import Event
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_operate import GROUP, HERE
from omni_actors.cli_output import Output, say, shown
from omni_actors.cli_reach import Reach, open_gateway_client

LOOK_EVERY_S: Final = 1.0
UNDER_WAY: Final = ("waiting", "running")


def sync(
    channel: str,
    /,
    *,
    wait: Annotated[
        bool, Parameter(negative="--no-wait", help="Show the progress until it is done.")
    ] = True,
    reach: Reach = HERE,
) -> None:
    """Read the old conversations of a channel from its platform.

    They take their place marked as synchronised, and no bot answers them. Ctrl-C ends the showing;
    the reading goes on.

    Parameters
    ----------
    channel
        Its id.
    """
    with open_gateway_client(reach) as client:
        found = client.post("channels", channel, "history", verb="sync")
        told = ""
        while wait and found["history"]["state"] in UNDER_WAY:
            told = tell_progress(found["history"], told)
            Event().wait(LOOK_EVERY_S)
            found = client.get("channels", channel)
    show(channel, found["history"], reach.output)


def tell_progress(history: dict[str, Any], told: str) -> str:
    """Say how far it is, where that is not what was said last; what was said."""
    line = progress(history)
    if line != told:
        say(line)
    return line


def progress(history: dict[str, Any]) -> str:
    """How far it is, as a line."""
    counts = f"{history['messages']} messages of {history['conversations']} conversations read"
    words = [counts, f"{history['added']} of them new"]
    if history["reached_at"]:
        words.append(f"back to {shown(history['reached_at'])}")
    if history["beyond"]:
        words.append(f"{history['beyond']} older ones are with the platform only")
    if history["unread"]:
        words.append(f"{history['unread']} could not be read")
    if history["problem"]:
        words.append(shown(history["problem"]))
    if history["problem"] and history["goes_on_at"]:
        words.append(f"goes on at {shown(history['goes_on_at'])}")
    return "; ".join(words)


def show(channel: str, history: dict[str, Any], output: Output) -> None:
    """How it ended, or how far it is. Raises Ended where the platform refused it."""
    if output.json:
        output.document(history)
    else:
        output.line(f"{shown(channel)} is {history['state']}: {progress(history)}")
    if history["state"] == "failed":
        raise Ended(Exit.FAILED, "the old conversations could not be read")


def add_commands(app: App) -> None:
    """Give the program this command."""
    app.command(sync, group=GROUP)
