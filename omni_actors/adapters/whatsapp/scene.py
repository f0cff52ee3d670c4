"""Where one item of a webhook stood, and what an item becomes that is not what it should be."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from attrs import evolve, field, frozen

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_mapping,
    seconds,
    sequence,
    text,
)
from omni_actors.adapters.whatsapp.people import Cards
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Report, Unsupported


@frozen
class Scene:
    """Where an item stood: the channel, the entry's time, and what stands beside it.

    `account` is the WhatsApp Business account; `number` the digits of the business's own number.
    """

    channel_key: str
    at: float
    account: str = ""
    number: str = ""
    cards: Cards = field(factory=Cards)
    errors: Json = None


Read: TypeAlias = Callable[[JsonObject, Scene], Report]


def items(value: JsonObject, lists: tuple[tuple[str, Read], ...], scene: Scene) -> Iterator[Report]:
    """The reports of the items in these lists of a value; each item is read alone."""
    if not any(name in value for name, _read in lists):
        names = [name for name, _read in lists]
        missing = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        yield unsupported(scene, lists[0][0], f"it has no {missing}", value)
    for name, read in lists:
        found = value.get(name)
        if found is not None and not isinstance(found, list | tuple):
            yield unsupported(scene, name, "it is not a list", found)
        for item in sequence(found):
            yield isolated(name, read, item, scene)


def isolated(name: str, read: Read, item: Json, scene: Scene) -> Report:
    """The report of one item; Unsupported when it is malformed, or a bug of ours cannot read it."""
    try:
        return read(needed_mapping(item, "it"), scene)
    except Malformed as wrong:
        return malformed(name, item, str(wrong), scene)
    except Exception as bug:  # noqa: BLE001 - one item must not cost its neighbours
        return malformed(name, item, f"a bug of ours: {type(bug).__name__}", scene)


def malformed(name: str, item: Json, wrong: str, scene: Scene) -> Unsupported:
    """What an item becomes that is not what the platform says it is."""
    kind = text(mapping(item).get("status" if name == "statuses" else "type"))
    where = evolve(scene, at=at(mapping(item), scene))
    return unsupported(where, f"{name}.{kind}" if kind else name, wrong, item)


def unsupported(scene: Scene, kind: str, reason: str, raw: Json) -> Unsupported:
    """Something that is kept whole, because we cannot say what it is."""
    key = f"{kind}:{digest(raw, scene.channel_key, scene.at)}"
    return Unsupported(scene.channel_key, key, scene.at, (), kind, reason, raw)


def at(item: JsonObject, scene: Scene) -> float:
    """When an item happened, as it says itself or else its entry."""
    return seconds(item.get("timestamp")) or scene.at
