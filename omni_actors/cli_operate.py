"""The commands that operate a running gateway over its API, and never open its database."""

import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Group, Parameter

from omni_actors.cli_exits import Ended, Exit
from omni_actors.cli_output import Output, Row, say, shown
from omni_actors.cli_reach import Reach, open_gateway_client

HERE: Final = Reach()
GROUP: Final = Group("Operate a running gateway", sort_key=3)
ROWS_MAX: Final = 50

Kind = Literal["part", "delivery", "intake"]
Several = Parameter(negative="", consume_multiple=True)


def add_commands(app: App) -> None:
    """Give the program these commands."""
    for each in (channels, dead_letters, keys):
        app.command(each)
    app.command(send, group=GROUP)
    app.command(tail, group=GROUP)


# ---------------------------------------------------------------- channels

channels = App(name="channels", group=GROUP, help="See the channels; pause and resume them.")
CHANNEL_COLUMNS: Final = ("id", "platform", "state", "queued", "held", "unknown", "reason")


def channel_cells(row: Row) -> Sequence[object]:
    queue = row["queue"]
    health = row["reason"] or row["health"].get("reason")
    counts = (queue["queued"], queue["held"], queue["unknown"])
    return row["id"], row["platform"], row["state"], *counts, health


@channels.default
@channels.command(name="list")
def list_channels(
    *,
    watch: Annotated[
        bool, Parameter(negative="", help="Follow them until Ctrl-C; on a terminal only.")
    ] = False,
    reach: Reach = HERE,
) -> None:
    """All channels with their state and queue."""
    output = reach.output
    if watch and (output.json or not output.terminal):
        raise Ended(
            Exit.USAGE, "--watch needs a terminal", "for scripts there is: omni-actors tail"
        )
    with open_gateway_client(reach) as client:
        if watch:
            output.watch(CHANNEL_COLUMNS, lambda: client.get("channels")["items"], channel_cells)
        else:
            output.rows(CHANNEL_COLUMNS, client.get("channels")["items"], channel_cells)


@channels.command(name="show")
def show_channel(channel: str, /, *, reach: Reach = HERE) -> None:
    """One channel with all that is known of it.

    Parameters
    ----------
    channel
        Its id.
    """
    with open_gateway_client(reach) as client:
        reach.output.details(client.get("channels", channel))


@channels.command(name="pause")
def pause_channel(channel: str, /, *, reach: Reach = HERE) -> None:
    """Stop sending; receiving goes on, and the queue is kept.

    Parameters
    ----------
    channel
        Its id.
    """
    change_channel(channel, "pause", reach)


@channels.command(name="resume")
def resume_channel(channel: str, /, *, reach: Reach = HERE) -> None:
    """Send again.

    Parameters
    ----------
    channel
        Its id.
    """
    change_channel(channel, "resume", reach)


def change_channel(channel: str, verb: str, reach: Reach) -> None:
    with open_gateway_client(reach) as client:
        changed = client.post("channels", channel, verb=verb)
    if reach.json:
        reach.output.document(changed)
    else:
        state = changed["state"]
        reach.output.line(f"{shown(changed['id'])} is {state}", state)


# ---------------------------------------------------------------- sending


def send(
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    to: Annotated[
        str | None, Parameter(help="A channel and an address there: wa-support:+447700900123")
    ] = None,
    conversation: Annotated[
        str | None, Parameter(help="A conversation's id, instead of --to.")
    ] = None,
    json_content: Annotated[
        str | None,
        Parameter(
            help="The content as JSON, instead of TEXT; - reads it from standard input.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    markdown: Annotated[bool, Parameter(negative="", help="TEXT is Markdown.")] = False,
    idempotency_key: Annotated[
        str | None, Parameter(help="Repeating the command with the same key sends only once.")
    ] = None,
    reach: Reach = HERE,
) -> None:
    """Send a message.

    Parameters
    ----------
    text
        What to say; - reads it from standard input.
    """
    body = {**recipient(to, conversation), "content": content_of(text, json_content, markdown)}
    with open_gateway_client(reach) as client:
        sent = client.post("messages", body=body, key=idempotency_key or f"cli-{uuid.uuid4()}")
    if reach.json:
        reach.output.document(sent)
        return
    reach.output.line(f"{sent['id']} is {sent['status']} on {shown(sent['channel_id'])}")
    for note in sent["rendering"]:
        say(f"  {shown(note['path'])} became {shown(note['to'])}: {shown(note['why'])}")


def recipient(to: str | None, conversation: str | None) -> dict[str, Any]:
    """Whom the message is for. Raises Ended."""
    if (to is None) == (conversation is None):
        raise Ended(
            Exit.USAGE, "say to whom: give either --to CHANNEL:ADDRESS or --conversation ID"
        )
    if to is None:
        return {"conversation_id": conversation}
    channel, _, address = to.partition(":")
    if not channel or not address:
        raise Ended(Exit.USAGE, "--to must be CHANNEL:ADDRESS, such as wa-support:+447700900123")
    return {"to": {"channel_id": channel, "address": address}}


def content_of(text: str | None, json_content: str | None, markdown: bool) -> Any:
    """What the message says. Raises Ended."""
    if (text is None) == (json_content is None):
        raise Ended(Exit.USAGE, "say what: give either TEXT or --json-content")
    if json_content is None:
        said = sys.stdin.read().rstrip("\n") if text == "-" else text
        plain = {"type": "text", "text": said}
        return {**plain, "format": "markdown"} if markdown else plain
    if markdown:
        raise Ended(Exit.USAGE, "--markdown goes with TEXT, not with --json-content")
    try:
        return json.loads(sys.stdin.read() if json_content == "-" else json_content)
    except ValueError as error:
        raise Ended(Exit.USAGE, f"--json-content is not JSON: {error}") from None


# ---------------------------------------------------------------- the live feed


def tail(
    *,
    after: Annotated[
        str | None, Parameter(help="Begin after this cursor; 0 is the oldest. [default: now]")
    ] = None,
    types: Annotated[
        list[str] | None,
        Parameter(negative="", help="Only events of these types: message.received,message.sent"),
    ] = None,
    count: Annotated[
        int | None, Parameter(help="End after so many events. [default: never]")
    ] = None,
    reach: Reach = HERE,
) -> None:
    """Follow what happens, until Ctrl-C; goes on where it was when the gateway comes back."""
    from omni_actors.cli_tail import follow

    if after is not None and not (after.isascii() and after.isdigit()):
        raise Ended(Exit.USAGE, "--after must be a cursor: the digits that an event names")
    if count is not None and count < 1:
        raise Ended(Exit.USAGE, "--count must be 1 or more")
    wanted = [word for each in types or () for word in each.split(",") if word]
    follow(reach, after, wanted, count)


# ---------------------------------------------------------------- dead letters

dead_letters = App(
    name="dead-letters", group=GROUP, help="See what was given up on; give it another chance."
)
LETTER_COLUMNS: Final = ("id", "kind", "at", "channel", "reason", "message", "redriven")


def letter_cells(row: Row) -> Sequence[object]:
    about = (row["channel_id"], row["reason"], row["message_id"])
    return row["id"], row["kind"], row["at"], *about, row["redriven_at"]


@dead_letters.default
@dead_letters.command(name="list")
def list_dead_letters(
    *,
    kind: Annotated[Kind | None, Parameter(help="Only of this kind.")] = None,
    channel: Annotated[str | None, Parameter(help="Only of this channel.")] = None,
    reason: Annotated[str | None, Parameter(help="Only for this reason.")] = None,
    redriven: Annotated[
        bool, Parameter(negative="", help="Also those that were redriven already.")
    ] = False,
    limit: Annotated[int, Parameter(help="At most so many.")] = ROWS_MAX,
    reach: Reach = HERE,
) -> None:
    """What was given up on, oldest first."""
    if limit < 1:
        raise Ended(Exit.USAGE, "--limit must be 1 or more")
    with open_gateway_client(reach) as client:
        letters = client.listing(
            "dead-letters",
            items_max=limit,
            kind=kind,
            channel_id=channel,
            reason=reason,
            redriven="true" if redriven else None,
        )
        reach.output.rows(LETTER_COLUMNS, letters, letter_cells)


@dead_letters.command(name="show")
def show_dead_letter(dead_letter: str, /, *, reach: Reach = HERE) -> None:
    """One dead letter with what it was about.

    Parameters
    ----------
    dead_letter
        Its id.
    """
    with open_gateway_client(reach) as client:
        reach.output.details(client.get("dead-letters", dead_letter))


@dead_letters.command(name="redrive")
def redrive(
    *ids: str,
    kind: Annotated[Kind | None, Parameter(help="All of this kind.")] = None,
    channel: Annotated[str | None, Parameter(help="All of this channel.")] = None,
    reason: Annotated[str | None, Parameter(help="All for this reason.")] = None,
    per_second: Annotated[float | None, Parameter(help="Not faster than this.")] = None,
    reach: Reach = HERE,
) -> None:
    """Give dead letters another chance: by id, or all that match.

    Parameters
    ----------
    ids
        Their ids.
    """
    given = {"kind": kind, "channel_id": channel, "reason": reason}
    where = {name: value for name, value in given.items() if value is not None}
    if bool(ids) == bool(where):
        raise Ended(Exit.USAGE, "say which: give either ids, or --kind, --channel or --reason")
    chosen: dict[str, Any] = {"ids": list(ids)} if ids else {"where": where}
    if per_second is not None:
        chosen["per_second"] = per_second
    with open_gateway_client(reach) as client:
        outcome = client.post("dead-letters", verb="redrive", body=chosen)
    if reach.json:
        reach.output.document(outcome)
    else:
        skipped, unread = outcome["skipped"], outcome["unread"]
        reach.output.line(f"redriven: {len(outcome['redriven'])}, skipped: {len(skipped)}")
        for each in skipped:
            say(f"  skipped {shown(each)}: it is not known, or was redriven already")
        for each in unread:
            say(f"  {shown(each)} stays: it is still not understood, or its bytes are gone")
    if ids and (outcome["skipped"] or outcome["unread"]):
        raise Ended(Exit.FAILED, "not all of them could be redriven")


# ---------------------------------------------------------------- keys

keys = App(name="keys", group=GROUP, help="API keys: list, create and revoke them.")
KEY_COLUMNS: Final = ("id", "name", "tenant", "scopes", "created", "last_used", "revoked")


def key_cells(row: Row) -> Sequence[object]:
    used = (row["created_at"], row["last_used_at"], row["revoked_at"])
    return row["id"], row["name"], row["tenant"], row["scopes"], *used


@keys.default
@keys.command(name="list")
def list_keys(*, reach: Reach = HERE) -> None:
    """All keys, without their secrets."""
    with open_gateway_client(reach) as client:
        reach.output.rows(KEY_COLUMNS, client.get("keys")["items"], key_cells)


@keys.command(name="create")
def create_key(
    name: str,
    /,
    *,
    scopes: Annotated[
        list[str], Parameter(negative="", help="What it opens: messages:write,messages:read")
    ],
    tenant: Annotated[str, Parameter(help="Whose it is; * is an operator's.")] = "default",
    save: Annotated[
        Path | None, Parameter(help="Write the secret to this new file, for its owner alone.")
    ] = None,
    reach: Reach = HERE,
) -> None:
    """Make a key. Its secret is printed this once.

    Parameters
    ----------
    name
        What it is for.
    """
    if save is not None and save.exists():
        raise Ended(Exit.USAGE, f"{save} exists already; name a file that does not")
    wanted = [word for each in scopes for word in each.split(",") if word]
    body = {"name": name, "scopes": wanted, "tenant": tenant}
    with open_gateway_client(reach) as client:
        made = client.post("keys", body=body)
    tell_key(made, save, reach.output)


def tell_key(made: dict[str, Any], save: Path | None, output: Output) -> None:
    """Hand over a new key: to a file, else on standard output."""
    if save is not None:
        save.touch(mode=0o600, exist_ok=False)
        save.write_text(made["secret"] + "\n", "utf-8")
        made = {**made, "secret": None}
    if output.json:
        output.document(made)
        return
    say(f"{made['key']['id']} opens {shown(made['key']['scopes'])}")
    output.line(f"its secret is in {save}" if save is not None else made["secret"])


@keys.command(name="revoke")
def revoke_key(key: str, /, *, reach: Reach = HERE) -> None:
    """Make a key worthless at once.

    Parameters
    ----------
    key
        Its id, as `keys list` shows it; not its secret.
    """
    with open_gateway_client(reach) as client:
        revoked = client.delete("keys", key)
    if reach.json:
        reach.output.document(revoked)
    else:
        reach.output.line(f"{revoked['id']} is revoked")
