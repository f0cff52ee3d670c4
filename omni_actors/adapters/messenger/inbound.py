"""Makes reports of a webhook's document about pages: every entry, element and change in it.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.meta import comments
from omni_actors.adapters.meta.envelope import reports
from omni_actors.adapters.meta.people import PSID
from omni_actors.adapters.meta.scene import Dialect
from omni_actors.model.json import Json
from omni_actors.model.reports import Report

MESSENGER: Final = Dialect(PSID, changes={"feed": comments.feed})


def parse(document: Json) -> Sequence[Report]:
    """Every report in a document; total for whatever `decode` lets through."""
    return reports(document, MESSENGER)
