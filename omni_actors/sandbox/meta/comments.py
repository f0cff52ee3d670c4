"""Comments on posts and live videos, and visitors' posts: the business may answer in private.

Source: developers.facebook.com/docs/messenger-platform/discovery/private-replies
"""

from typing import Any

from omni_actors.sandbox.contract import ControlError, Written
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.meta import webhooks
from omni_actors.sandbox.meta.channel import Channel, Comment, Person
from omni_actors.sandbox.meta.world import World

OWN_POST = "88"
REMOVE = "remove"


def writes(world: World, channel: Channel, document: dict[str, Any]) -> Written:
    """`{"from": …, "comment": {"text": …}}`, or `post` on a Page, where they may be changed: `verb`
    `edited` or `remove` of the `id`. Raises ControlError."""
    kind = "comment" if "comment" in document else "post"
    given = document[kind]
    removed = isinstance(given, dict) and given.get("verb") == REMOVE
    if not isinstance(given, dict) or not (removed or isinstance(given.get("text"), str)):
        raise ControlError(f"`{kind}` must be a JSON object with a `text`")
    person_id = document.get("from")
    if not isinstance(person_id, str) or not person_id.isdecimal():
        raise ControlError("say who: `from`, an id in digits")
    person, now = world.person(channel, person_id), channel.stage.clock.now()
    for key in ("name", "username"):
        if isinstance(document.get(key), str):
            setattr(person, key, document[key])
    if channel.rules.name == "instagram":
        if kind == "post":
            raise ControlError("instagram has no posts of visitors")
        return _on_instagram(channel, person, given, now)
    return _on_page(channel, person, kind, given, now)


def _on_page(
    channel: Channel, person: Person, kind: str, given: dict[str, Any], now: float
) -> Written:
    number = str(channel.stage.chance.randrange(10**8, 10**9))
    own = f"{channel.key}_{OWN_POST}"
    made = f"{OWN_POST}_{number}" if kind == "comment" else f"{channel.key}_{number}"
    item_id = str(given.get("id", made))
    value: dict[str, Any] = {
        "item": kind,
        "verb": given.get("verb", "add"),
        "from": {"id": person.id, "name": person.name},
        "post_id": given.get("post_id", own) if kind == "comment" else item_id,
        "created_time": int(now),
    }
    if value["verb"] != REMOVE:
        value["message"] = given["text"]
    if kind == "comment":
        value |= {"comment_id": item_id, "parent_id": given.get("parent_id", own)}
    _remember(channel, Comment(item_id, kind, person.id, now), value["verb"])
    return Written(item_id, webhooks.change(channel, "feed", value, now))


def _on_instagram(channel: Channel, person: Person, given: dict[str, Any], now: float) -> Written:
    number = str(channel.stage.chance.randrange(10**16, 10**17))
    comment_id, live = str(given.get("id", number)), bool(given.get("live"))
    value: dict[str, Any] = {
        "id": comment_id,
        "from": {
            "id": person.id,
            "username": person.username,
            "self_ig_scoped_id": person.id,
        },
        "text": given["text"],
        "media": {
            "id": str(given.get("media_id", "18139400000000001")),
            "media_product_type": "LIVE" if live else "FEED",
        },
    }
    if "parent_id" in given:
        value["parent_id"] = str(given["parent_id"])
    comment = Comment(comment_id, "live" if live else "comment", person.id, now)
    comment.broadcast = not given.get("over", False)
    _remember(channel, comment, "add")
    field = "live_comments" if live else "comments"
    if given.get("flat"):
        told = {"flat": {"field": field, "value": value}}
        return Written(comment_id, Update(channel.key, field, told, field=field, at=now))
    return Written(comment_id, webhooks.change(channel, field, value, now))


def _remember(channel: Channel, comment: Comment, verb: str) -> None:
    if verb == REMOVE:
        channel.comments.pop(comment.id, None)
    elif comment.id not in channel.comments:
        channel.comments[comment.id] = comment
