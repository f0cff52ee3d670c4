"""Examines an account from its token to the webhooks of its app."""

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from omni_actors.adapters.contract import Checked, Visit
from omni_actors.adapters.instagram.check import check
from omni_actors.adapters.instagram.oauth import FIELDS, PLACE, UPKEEP, needed
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta.app_webhooks import Place
from omni_actors.adapters.meta.doctor import Practice, examined
from omni_actors.wire.calls import Flow

OWN_PLACE: Final = Place("instagram", "the App Dashboard, under Instagram > API setup")
HIDDEN: Final = (
    f"no page says that the app of an Instagram Login can be asked; look into {OWN_PLACE.dashboard}"
)


def doctor(settings: InstagramSettings, visit: Visit) -> Flow[Sequence[Checked]]:
    """Examine an account; with `visit.subscribe` order what it and its app lack. Raises nothing."""
    practice = Practice(check, UPKEEP, PLACE, needed(settings), FIELDS)
    if settings.login == "instagram":
        practice = evolve(practice, place=OWN_PLACE, hidden=HIDDEN)
    return (yield from examined(settings, visit, practice))
