"""What Meta tells of Messenger and Instagram: events, and the envelope around them.

Source: developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from collections.abc import Sequence
from typing import Any

from omni_actors.sandbox.graph import escaped
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.meta.channel import Channel

Item = dict[str, Any]


def event(
    channel: Channel, kind: str, item: Item, field: str, at: float, *, after_s: float = 0.0
) -> Update:
    """An event of a thread; on standby where another app has the floor is decided by who tells."""
    return Update(channel.key, kind, {"messaging": item}, after_s=after_s, field=field, at=at)


def on_standby(channel: Channel, kind: str, item: Item, at: float) -> Update:
    """The same, for an app that does not own the thread: a postback comes without its payload."""
    told = dict(item)
    if "postback" in told:
        hidden = ("payload",)
        told["postback"] = {k: v for k, v in told["postback"].items() if k not in hidden}
    return Update(channel.key, kind, {"standby": told}, field="standby", at=at)


def change(channel: Channel, field: str, value: Any, at: float) -> Update:
    """News that is no event of a thread, such as a comment."""
    return Update(
        channel.key, field, {"changes": {"field": field, "value": value}}, field=field, at=at
    )


def stamp(channel: Channel, at: float) -> int | str:
    """A time as the account's webhooks have it: in milliseconds, seconds or as a text."""
    match channel.standing.timestamps:
        case "s":
            return int(at)
        case "text":
            return str(int(at * 1000))
        case _:
            return int(at * 1000)


def between(channel: Channel, person_id: str, at: float, *, echo: bool = False) -> Item:
    """Who an event is from and to, and when it was."""
    person, own = {"id": person_id}, {"id": channel.key}
    sender, recipient = (own, person) if echo else (person, own)
    return {"sender": sender, "recipient": recipient, "timestamp": stamp(channel, at)}


def echo(
    channel: Channel, person_id: str, message: Item, at: float, *, after_s: float = 0.0
) -> Update:
    """A copy of what went out."""
    item = {**between(channel, person_id, at, echo=True), "message": message}
    return event(channel, "echo", item, channel.rules.echo_field, at, after_s=after_s)


def delivery(channel: Channel, person_id: str, mid: str, at: float, after_s: float) -> Update:
    """A message, and all before it, are on the person's phone."""
    told = {"mids": [mid], "watermark": int(at * 1000)}
    item = {**between(channel, person_id, at), "delivery": told}
    return event(channel, "delivery", item, "message_deliveries", at, after_s=after_s)


def read(channel: Channel, person_id: str, mid: str, at: float, after_s: float) -> Update:
    """A person has seen everything up to now, or on Instagram one message."""
    by_mid = channel.rules.reads_by_mid
    told: Item = {"mid": mid} if by_mid else {"watermark": int(at * 1000)}
    item = {**between(channel, person_id, at), "read": told}
    field = "messaging_seen" if by_mid else "message_reads"
    return event(channel, "read", item, field, at, after_s=after_s)


def envelope(updates: Sequence[Update], object_name: str, now: float) -> bytes:
    """One webhook body; neighbours of one account share an entry where they are of one kind."""
    entries: list[Item] = []
    for update in updates:
        ((part, item),) = update.value.items()
        if part == "entry":
            entries.append(item)
            continue
        # Comments and other changes count seconds, events of threads milliseconds.
        time = int(now) if part == "changes" else int(now * 1000)
        last = entries[-1] if entries else {}
        if part != "flat" and last.get("id") == update.channel_key and part in last:
            last[part].append(item)
        elif part == "flat":
            entries.append({"id": update.channel_key, "time": int(now), **item})
        else:
            entries.append({"id": update.channel_key, "time": time, part: [item]})
    return escaped({"object": object_name, "entry": entries})
