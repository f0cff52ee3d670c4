"""Makes reports of a webhook's document."""

from collections.abc import Sequence

from omni_actors.adapters.meta.messaging import reports
from omni_actors.adapters.meta.people import PSID
from omni_actors.model.json import Json
from omni_actors.model.reports import Report


def parse(document: Json) -> Sequence[Report]:
    """Every report in a document; total for whatever `decode` lets through."""
    return reports(document, PSID)
