"""Until when what is sent on a leg is free of charge, as statuses of its messages tell."""

from omni_actors.model.json import Json
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import put

SLACK_S = 3600.0  # between the platform's clock of a free entry and ours
# What the platform says counts before our own clock. A message of an earlier entry says nothing of
# a later one.
ENTERED = f"""
    UPDATE leg SET entry_until = new.until
    FROM rows(:batch, id text, until real, wire_at real) new
    WHERE leg.id = new.id AND (leg.entry_until IS NULL OR leg.entry_until < new.until
        OR leg.entry_until - coalesce(leg.entry_for_s, 0.0) - {SLACK_S} <= new.wire_at)
"""


class FreeEntries:
    """What a batch of statuses tells of free entries, by leg."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, float]] = {}

    def learn(self, leg_id: str, entry: Json, wire_at: float) -> None:
        """A message that was on the wire then went out under this entry."""
        until = entry.get("until") if isinstance(entry, dict) else None
        if isinstance(until, int | float):
            known, sent_at = self._told.get(leg_id, (float(until), wire_at))
            self._told[leg_id] = (max(known, float(until)), max(sent_at, wire_at))

    def keep(self, db: Writing) -> None:
        put(db, ENTERED, [(leg_id, *told) for leg_id, told in self._told.items()])
