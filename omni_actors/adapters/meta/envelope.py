"""Walks a document of Messenger or Instagram: every entry, element and change in it.

Each item is read alone and belongs to the account of its own entry.
https://developers.facebook.com/docs/messenger-platform/webhooks
"""

from collections.abc import Iterator
from typing import Final

from attrs import evolve

from omni_actors.adapters.meta.elements import read_element
from omni_actors.adapters.meta.scene import Dialect, Scene, isolated, unsupported
from omni_actors.adapters.reading import mapping, seconds, sequence, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Report

MESSAGING: Final = ("messaging", "standby")


def reports(document: Json, dialect: Dialect) -> list[Report]:
    """Every report in a document, in its order; total for whatever `decode` lets through.

    A list is as good as so many documents. A report whose item and entry name no time is at 0.0.
    """
    roots = document if isinstance(document, list | tuple) else [document]
    top = Scene(dialect)
    return [report for root in roots or [None] for report in _document(root, top)]


def _document(document: Json, top: Scene) -> Iterator[Report]:
    entries = mapping(document).get("entry")
    if not isinstance(entries, list | tuple):
        yield unsupported(top, "document", "it has no list of entries", document)
        return
    for entry in entries:
        read = mapping(entry)
        scene = evolve(top, channel_key=text(read.get("id")) or "", at=seconds(read.get("time")))
        yield from _entry(read, scene)


def _entry(entry: JsonObject, scene: Scene) -> Iterator[Report]:
    """An entry has lists of elements or of changes, or is a change itself."""
    lists = [name for name in (*MESSAGING, "changes") if entry.get(name) is not None]
    if not lists and "field" not in entry:
        yield unsupported(scene, "entry", "it has neither messaging nor changes", entry)
    for name in lists:
        if not isinstance(entry[name], list | tuple):
            yield unsupported(scene, name, "it is not a list", entry[name])
        here = evolve(scene, standby=name == "standby")
        read = read_element if name in MESSAGING else _change
        for item in sequence(entry[name]):
            yield from isolated(name, read, item, here)
    if "field" in entry:
        change = {"field": entry["field"], "value": entry.get("value")}
        yield from isolated("changes", _change, change, scene)


def _change(change: JsonObject, scene: Scene) -> Iterator[Report]:
    """A change of a field; that of a messaging field is an element, as the dashboard tests it."""
    topic, value = text(change.get("field")), change.get("value")
    if topic is None or not isinstance(value, dict):
        yield unsupported(scene, topic or "change", "it has no field or no value", change)
        return
    if read := scene.dialect.changes.get(topic):
        yield from isolated(topic, read, value, scene)
    elif {"sender", "recipient"} & value.keys():
        here = evolve(scene, standby=topic == "standby")
        yield from isolated(topic, read_element, value, here)
    else:
        yield unsupported(scene, topic, "a field that we do not read", value)
