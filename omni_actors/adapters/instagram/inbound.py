"""Makes reports of a webhook's document about Instagram accounts: all that is in it.

A sound is a voice note there, and the app that wrote an echo is not named.
https://developers.facebook.com/docs/instagram-platform/webhooks/examples
"""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.meta import comments
from omni_actors.adapters.meta.envelope import reports
from omni_actors.adapters.meta.people import IGSID
from omni_actors.adapters.meta.scene import Dialect
from omni_actors.model.content import MediaKind
from omni_actors.model.json import Json
from omni_actors.model.reports import Report

INSTAGRAM: Final = Dialect(
    IGSID,
    audio=MediaKind.VOICE,
    signed=False,
    changes={
        "comments": comments.comment,
        "live_comments": comments.live,
        "mentions": comments.mention,
    },
)


def parse(document: Json) -> Sequence[Report]:
    """Every report in a document; total for whatever `decode` lets through."""
    return reports(document, INSTAGRAM)
