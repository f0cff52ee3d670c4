"""Edits and deletions that come before their message: webhooks have no order.

They wait a day, and take effect when the message comes.
"""

from collections.abc import Iterable
from typing import NamedTuple

from attrs import define, field

from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import look, put

ANY_EARLY = "SELECT 1 FROM early_change LIMIT 1"
EARLY = """
    SELECT w.channel_id, w.external_id, c.content, c.at
    FROM rows(:batch, channel_id text, external_id text) w
    JOIN early_change c ON c.channel_id = w.channel_id AND c.external_id = w.external_id
"""
PARK = """
    INSERT INTO early_change (channel_id, external_id, content, at, parked_at)
    SELECT channel_id, external_id, content, at, parked_at
    FROM rows(:batch, channel_id text, external_id text, content text, at real,
              parked_at real) new
    WHERE true
"""
UNPARK = """
    DELETE FROM early_change WHERE n IN (
        SELECT c.n FROM rows(:batch, channel_id text, external_id text) w
        JOIN early_change c ON c.channel_id = w.channel_id AND c.external_id = w.external_id)
"""


class Change(NamedTuple):
    """The new content of a message, None when it was taken back; when, in unix seconds."""

    content: str | None
    at: float


@define(eq=False)
class EarlyChanges:
    """The changes of a batch that have no message yet, and those that find theirs in it."""

    db: Writing
    _waiting: dict[tuple[str, str], list[Change]] = field(factory=dict)
    _new: list[tuple[str, str, str | None, float, float]] = field(factory=list)
    _met: list[tuple[str, str]] = field(factory=list)

    def load(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Read what waits for these messages: (channel id, external id)."""
        messages = list(dict.fromkeys(wanted))
        if not messages or self.db.row(ANY_EARLY) is None:
            return
        for channel_id, external_id, content, at in look(self.db, EARLY, messages):
            self._waiting.setdefault((channel_id, external_id), []).append(Change(content, at))

    def park(self, channel_id: str, external_id: str, change: Change, parked_at: float) -> None:
        """Keep a change until its message comes."""
        self._waiting.setdefault((channel_id, external_id), []).append(change)
        self._new.append((channel_id, external_id, change.content, change.at, parked_at))

    def meet(self, channel_id: str, external_id: str) -> list[Change]:
        """The message is here: what it was changed to, in the order of the changes."""
        changes = self._waiting.pop((channel_id, external_id), None)
        if changes is None:
            return []
        self._met.append((channel_id, external_id))
        return sorted(changes, key=_when)

    def keep(self) -> None:
        """Write what waits, and forget what has taken effect."""
        put(self.db, PARK, self._new)
        put(self.db, UNPARK, self._met)


def _when(change: Change) -> float:
    return change.at
