"""Examines a page from its token to the webhooks of its app."""

from collections.abc import Sequence

from omni_actors.adapters.contract import Checked, Visit
from omni_actors.adapters.messenger.check import check
from omni_actors.adapters.messenger.oauth import PLACE, UPKEEP, wanted
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta.doctor import Practice, examined
from omni_actors.wire.calls import Flow


def doctor(settings: MessengerSettings, visit: Visit) -> Flow[Sequence[Checked]]:
    """Examine a page; with `visit.subscribe` order what it and its app lack. Raises nothing."""
    return (yield from examined(settings, visit, Practice(check, UPKEEP, PLACE, wanted(settings))))
