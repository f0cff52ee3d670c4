"""The tokens of this house's parts, and what clues to them are worth."""

from collections.abc import Callable
from secrets import token_bytes
from typing import Final

from attrs import define, evolve, field

from omni_actors import telemetry
from omni_actors.model.reports import Clue, Received, StatusReported
from omni_actors.policy import tokens
from omni_actors.store.connecting import EnsureKey
from omni_actors.store.contract import Store
from omni_actors.store.mail import Lead

KEY: Final = "tokens"


@define
class Tokens:
    """Makes and verifies tokens with a key that the first start makes. Before `load` none holds."""

    fresh: Callable[[int], bytes] = token_bytes
    _key: bytes = field(default=b"", repr=False)

    async def load(self, store: Store) -> None:
        """Know the key."""
        self._key = await store.do(EnsureKey(KEY, self.fresh(tokens.KEY_BYTES)))

    def of(self, part_id: str) -> str:
        """The token of a part."""
        return tokens.token_of(self._key, part_id)

    def leads_of(self, report: Received) -> tuple[Lead, ...]:
        """What a message may answer. A token that does not hold is no lead."""
        found = [self._lead(clue) for clue in report.clues]
        return tuple([lead for lead in found if lead is not None])

    def proven(self, report: StatusReported) -> StatusReported | None:
        """A report of which only tokens vouch, about the part that one of them proves.

        None where none does: anybody could have made it, so it changes nothing.
        """
        for clue in report.clues:
            part_id = self._part(clue)
            if part_id is not None:
                return evolve(report, callback=part_id)
        telemetry.of(telemetry.REPORTS, "unproved").inc()
        telemetry.warning("intake.unproved", event_key=report.event_key, status=report.status.value)
        return None

    def _lead(self, clue: Clue) -> Lead | None:
        part_id = self._part(clue)
        if part_id is None and clue.external_id is None and clue.subject is None:
            return None
        return Lead(clue.rule, clue.external_id, part_id, clue.subject)

    def _part(self, clue: Clue) -> str | None:
        if clue.token is None or not self._key:
            return None
        return tokens.part_of(self._key, clue.token)
