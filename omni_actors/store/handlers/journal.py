"""The events that a verb writes: collected first, numbered in commit order when they are kept."""

from typing import Any

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.store.codec import dumps
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import put

KEEP = """
    INSERT INTO event (cursor, tenant, type, at, conversation_id, leg_id, channel_id, message_id,
                       detail)
    SELECT cursor, tenant, type, at, conversation_id, leg_id, channel_id, message_id, detail
    FROM rows(:batch, cursor bigint, tenant text, type text, at real, conversation_id text,
              leg_id text, channel_id text, message_id text, detail text) new
    WHERE true
"""
NUMBER = "UPDATE counter SET value = value + :n WHERE name = :name RETURNING value"


def take_numbers(db: Writing, name: str, n: int) -> int:
    """The first of `n` numbers that nobody else has; they follow commit order."""
    found = db.row(NUMBER, n=n, name=name)
    assert found is not None
    last: int = found[0]
    return last - n + 1


class Journal:
    """Events in the order in which they happened."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def note(
        self,
        type: EventType,
        tenant: str,
        at: float,
        conversation_id: str | None = None,
        leg_id: str | None = None,
        channel_id: str | None = None,
        message_id: str | None = None,
        detail: JsonObject | None = None,
    ) -> None:
        """Add an event; `detail` holds ids and facts, never content."""
        told = dumps(detail) if detail else "{}"
        self._rows.append(
            (tenant, type.value, at, conversation_id, leg_id, channel_id, message_id, told)
        )

    def keep(self, db: Writing) -> None:
        """Write them all and have the listeners told after the commit."""
        if not self._rows:
            return
        first = take_numbers(db, "event", len(self._rows))
        put(db, KEEP, [(first + n, *row) for n, row in enumerate(self._rows)])
        db.note_events(first + len(self._rows) - 1, {row[1] for row in self._rows})
        self._rows = []
