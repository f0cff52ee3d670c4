"""What people write in public below posts, which can be answered in private.

https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/private-replies
"""

from collections.abc import Iterator, Mapping

from attrs import evolve

from omni_actors.adapters.meta.people import COMMENT, LIVE, POST, PREFIXES
from omni_actors.adapters.meta.scene import Scene
from omni_actors.adapters.reading import digest, mapping, seconds, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import ChannelReported, IdentityKey, Report, Severity


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
        detail: JsonObject = {"item": item, "verb": verb, "platform": value}
        yield ChannelReported(scene.channel_key, key, scene.at, (), "feed", Severity.INFO, detail)


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
    author = mapping(value.get("from"))
    who = text(author.get("id"))
    ours = who == scene.channel_key
    key = f"{kind}:{named}:{facts['verb']}"
    detail: dict[str, Json] = {
        **facts,
        "text": words,
        "name": text(author.get("username")) or text(author.get("name")),
        "address": PREFIXES[public] + named if public and not ours else None,
        "own": True if ours else None,
    }
    if facts["verb"] == "edited":
        key = f"{key}:{digest(words)}"
    told = {name: found for name, found in detail.items() if found is not None}
    people: tuple[IdentityKey, ...] = ()
    if who is not None and not ours:
        people = (IdentityKey(scene.dialect.person, who, scene.channel_key),)
    return ChannelReported(
        scene.channel_key, key, scene.at, people, kind, Severity.INFO, {**told, "platform": value}
    )
