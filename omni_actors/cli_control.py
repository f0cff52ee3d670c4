"""The commands about who controls a conversation, over the API of a running gateway."""

from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from omni_actors.cli_operate import GROUP, HERE
from omni_actors.cli_output import shown
from omni_actors.cli_reach import Reach, open_gateway_client

control = App(
    name="control",
    group=GROUP,
    help="Say which app of the business answers in a conversation, where a platform knows it.",
)

Channel = Annotated[
    str | None,
    Parameter(help="The channel that is meant, where the conversation goes on on several."),
]
Told = Annotated[str | None, Parameter(help="A text for the other app.")]
OURS: Final = "we may answer"


@control.command(name="take")
def take(
    conversation: str, /, *, channel: Channel = None, told: Told = None, reach: Reach = HERE
) -> None:
    """Take the control from another app, or from a person in the platform's inbox.

    Parameters
    ----------
    conversation
        The conversation's id.
    """
    moved(conversation, "take-control", {"channel_id": channel, "told": told}, reach)


@control.command(name="request")
def request(
    conversation: str, /, *, channel: Channel = None, told: Told = None, reach: Reach = HERE
) -> None:
    """Ask the app that has the control to pass it on; `omni-actors tail` shows when it does.

    Parameters
    ----------
    conversation
        The conversation's id.
    """
    moved(conversation, "request-control", {"channel_id": channel, "told": told}, reach)


@control.command(name="release")
def release(conversation: str, /, *, channel: Channel = None, reach: Reach = HERE) -> None:
    """Leave the conversation to whoever answers first.

    Parameters
    ----------
    conversation
        The conversation's id.
    """
    moved(conversation, "release-control", {"channel_id": channel}, reach)


@control.command(name="pass")
def give(
    conversation: str,
    app: str,
    /,
    *,
    channel: Channel = None,
    told: Told = None,
    reach: Reach = HERE,
) -> None:
    """Hand the control to another app of the business.

    Parameters
    ----------
    conversation
        The conversation's id.
    app
        The app's id: 263902037430900 is the inbox of a page, 1217981644879628 that of Instagram.
    """
    moved(conversation, "pass-control", {"app_id": app, "channel_id": channel, "told": told}, reach)


def moved(conversation: str, verb: str, body: dict[str, Any], reach: Reach) -> None:
    given = {name: value for name, value in body.items() if value is not None}
    with open_gateway_client(reach) as client:
        found = client.post("conversations", conversation, verb=verb, body=given)
    if reach.json:
        reach.output.document(found)
        return
    for leg in found["legs"]:
        holder = leg["controlled_by"]
        who = OURS if holder is None else f"app {shown(holder)} answers"
        reach.output.line(f"{shown(leg['channel_id'])}: {who}")
