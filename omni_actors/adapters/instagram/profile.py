"""The profile of an Instagram account: questions to tap, and a menu.

With Facebook Login the page is asked for that of its account; with Instagram Login the account
itself, which no page of the platform promises yet.
https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/persistent-menu
"""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.contract import ProfileDesk
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta import profile as shared
from omni_actors.adapters.meta import rates
from omni_actors.adapters.meta.profile import ON_INSTAGRAM, Place
from omni_actors.model.profile import Profile
from omni_actors.wire.calls import Flow


def _place(settings: InstagramSettings) -> Place:
    by_page = settings.login == "facebook"
    url = settings.url("me" if by_page else settings.ig_id, "messenger_profile")
    query = {"platform": "instagram"} if by_page else {}
    return Place(url, settings.auth, query, ON_INSTAGRAM, whole_menu=False)


def _read(settings: InstagramSettings) -> Flow[Profile]:
    return (yield from shared.read(_place(settings)))


def _put(profile: Profile, settings: InstagramSettings) -> Flow[None]:
    yield from shared.put(profile, _place(settings))


def _clear(pieces: Sequence[str], settings: InstagramSettings) -> Flow[None]:
    yield from shared.clear(pieces, _place(settings))


def _unfit(profile: Profile) -> Sequence[tuple[str, str]]:
    return shared.unfit(profile, ON_INSTAGRAM, whole_menu=False)


PROFILE: Final = ProfileDesk(ON_INSTAGRAM, rates.PROFILE, _read, _put, _clear, _unfit)
