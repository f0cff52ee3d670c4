"""What people write in public below posts, which can be answered in private.

https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/private-replies
"""

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve

from omni_actors.adapters.meta.people import COMMENT, LIVE, POST, PREFIXES
from omni_actors.adapters.meta.scene import Scene
from omni_actors.adapters.reading import digest, mapping, seconds, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    ChannelReported,
    IdentityKey,
    Remark,
    Report,
    Severity,
    Turn,
)

# https://developers.facebook.com/docs/graph-api/webhooks/reference/page
TURNS: Final = {
    "edit": Turn.EDITED,
    "edited": Turn.EDITED,
    "update": Turn.EDITED,
    "delete": Turn.REMOVED,
    "remove": Turn.REMOVED,
}
REACTIONS: Final = ("like", "reaction")
NAMING: Final = (
    "item", "verb", "comment_id", "post_id", "parent_id", "created_time", "reaction_type",
)  # fmt: skip


def feed(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """What happens on a page: comments and posts of visitors, and much that needs no answer.

    https://developers.facebook.com/docs/graph-api/webhooks/reference/page
    """
    item, verb = text(value.get("item")) or "unknown", text(value.get("verb")) or "add"
    scene = evolve(scene, at=seconds(value.get("created_time")) or scene.at)
    comment, post = text(value.get("comment_id")), text(value.get("post_id"))
    facts = {"verb": verb, "comment_id": comment, "post_id": post, "media_id": None}
    words = text(value.get("message"))
    if item == "comment" and comment:
        yield _written("comment", comment, COMMENT, words, facts, value, scene)
    elif item == "post" and post:
        yield _written("post", post, POST, words, facts, value, scene)
    else:
        key = f"feed:{digest(value, scene.at)}"
        named = _name(item, comment, post, value)
        detail: JsonObject = {"item": item, "verb": verb}
        yield _told(
            "feed", key, detail, named, verb, {"platform": value}, _who(value, scene), scene
        )


def _name(item: str, comment: str | None, post: str | None, value: JsonObject) -> str:
    """What names something that happened. What is posted, whatever sort of thing it is, is taken
    back as a post."""
    if post and not comment and item not in REACTIONS:
        return f"post:{post}"
    return f"{item}:{digest(comment, post, mapping(value.get('from')).get('id'))}"


def comment(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """A comment below a post or reel of an account.

    https://developers.facebook.com/docs/instagram-platform/webhooks/examples
    """
    yield _on_media("comment", value, scene)


def live(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """A comment on a live broadcast, which is answered only while that lasts."""
    yield _on_media("comment", value, scene, LIVE)


def mention(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """Somebody named the account in a comment or a caption of their own."""
    yield _on_media("mention", value, scene)


def _on_media(kind: str, value: JsonObject, scene: Scene, named_as: str = COMMENT) -> Report:
    media_id = text(mapping(value.get("media")).get("id")) or text(value.get("media_id"))
    comment_id = text(value.get("comment_id")) or text(value.get("id"))
    facts: dict[str, Json] = {
        "verb": text(value.get("verb")) or "add",
        "comment_id": comment_id,
        "post_id": None,
        "media_id": media_id,
    }
    named = comment_id or f"{media_id}:{digest(value, scene.at)}"
    scene = evolve(scene, at=scene.when(value))
    public = named_as if comment_id else None
    return _written(kind, named, public, text(value.get("text")), facts, value, scene)


def _written(
    kind: str,
    named: str,
    public: str | None,
    words: str | None,
    facts: Mapping[str, Json],
    value: JsonObject,
    scene: Scene,
) -> ChannelReported:
    """Something written in public; of what the account wrote itself, the author is nobody."""
    author, people = mapping(value.get("from")), _who(value, scene)
    ours = text(author.get("id")) == scene.channel_key
    verb = text(facts["verb"]) or "add"
    key = f"{kind}:{named}:{verb}"
    if TURNS.get(verb) is Turn.EDITED:
        key = f"{key}:{digest(words)}"
    detail: dict[str, Json] = {
        **facts,
        "address": PREFIXES[public] + named if public and not ours else None,
        "own": True if ours else None,
    }
    said: dict[str, Json] = {
        "text": words,
        "name": text(author.get("username")) or text(author.get("name")),
        "platform": value,
    }
    return _told(kind, key, _known(detail), f"{kind}:{named}", verb, _known(said), people, scene)


def _told(
    kind: str,
    key: str,
    detail: JsonObject,
    named: str,
    verb: str,
    said: JsonObject,
    people: tuple[IdentityKey, ...],
    scene: Scene,
) -> ChannelReported:
    """News of something that somebody said; of what was taken back, what names it is told."""
    turn = TURNS.get(verb, Turn.SAID)
    if turn is Turn.REMOVED:
        detail, said = {**detail, "platform": _wordless(mapping(said["platform"]))}, {}
    return ChannelReported(
        scene.channel_key, key, scene.at, people, kind, Severity.INFO, detail,
        remark=Remark(named, said, turn),
    )  # fmt: skip


def _wordless(value: JsonObject) -> JsonObject:
    """The keys that name what was said, and by whom."""
    named: dict[str, Json] = {name: value[name] for name in NAMING if name in value}
    if author := text(mapping(value.get("from")).get("id")):
        named["from"] = {"id": author}
    return named


def _who(value: JsonObject, scene: Scene) -> tuple[IdentityKey, ...]:
    """Who did it; nobody where that is the account itself."""
    who = text(mapping(value.get("from")).get("id"))
    if who is None or who == scene.channel_key:
        return ()
    return (IdentityKey(scene.dialect.person, who, scene.channel_key),)


def _known(told: Mapping[str, Json]) -> dict[str, Json]:
    return {name: found for name, found in told.items() if found is not None}
