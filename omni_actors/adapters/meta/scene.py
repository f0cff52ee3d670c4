"""Where an item of a webhook stood, and what it becomes that is not what it should be.

What is named here is good for Messenger and Instagram alike.
https://developers.facebook.com/docs/messenger-platform/webhooks
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from attrs import evolve, field, frozen

from omni_actors.adapters.meta.people import customer
from omni_actors.adapters.reading import Malformed, digest, mapping, needed_mapping, seconds
from omni_actors.model.content import MediaKind
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import IdentityKey, Report, Unsupported


@frozen
class Dialect:
    """In what the platforms differ.

    `person` is the kind of id that people have, `audio` what a sound is mostly. `changes` reads the
    values of fields that are no messages. With `signed` an echo names the app that sent it, unless
    a person did.
    """

    person: str
    audio: MediaKind = MediaKind.AUDIO
    signed: bool = True
    changes: Mapping[str, "Read"] = field(factory=dict)


@frozen
class Scene:
    """Where an item stood: the channel, the time of its entry, and whether we only watch."""

    dialect: Dialect
    channel_key: str = ""
    at: float = 0.0
    standby: bool = False

    def when(self, item: JsonObject) -> float:
        """When an item happened, as it says itself or else its entry; seconds."""
        return seconds(item.get("timestamp")) or self.at

    def person(self, item: JsonObject) -> tuple[IdentityKey, ...]:
        """The keys of the customer in an item. Raises Malformed."""
        found = customer(self.dialect.person, item, self.channel_key)
        if not found:
            raise Malformed("it names no person")
        return found


Read: TypeAlias = Callable[[JsonObject, Scene], Iterator[Report]]


def isolated(kind: str, read: Read, item: Json, scene: Scene) -> Iterator[Report]:
    """The reports of one item; Unsupported when it is not what the platform says it is, or a bug
    of ours cannot read it."""
    try:
        found = list(read(needed_mapping(item, "it"), scene))
    except Malformed as wrong:
        yield unreadable(kind, item, str(wrong), scene)
    except Exception as bug:  # noqa: BLE001 - one item must not cost its neighbours
        yield unreadable(kind, item, f"a bug of ours: {type(bug).__name__}", scene)
    else:
        yield from found


def unreadable(kind: str, item: Json, wrong: str, scene: Scene) -> Unsupported:
    """What an item becomes that is not what the platform says it is."""
    return unsupported(evolve(scene, at=scene.when(mapping(item))), kind, wrong, item)


def unsupported(scene: Scene, kind: str, reason: str, raw: Json) -> Unsupported:
    """Something that is kept whole, because we cannot say what it is."""
    key = f"{kind}:{digest(raw, scene.channel_key, scene.at)}"
    return Unsupported(scene.channel_key, key, scene.at, (), kind, reason, raw)
