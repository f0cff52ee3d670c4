"""Walks the documents of Messenger and Instagram."""

from collections.abc import Sequence

from omni_actors.adapters.reading import digest, mapping, sequence, text
from omni_actors.model.json import Json
from omni_actors.model.reports import Report, Unsupported


def reports(document: Json, kind: str) -> Sequence[Report]:
    """The reports of every entry of a document, about people named by ids of this kind."""
    entries = sequence(mapping(document).get("entry"))
    return [
        Unsupported(text(mapping(each).get("id")) or "", digest(each), 0.0, (), kind, "", each)
        for each in entries
    ]
