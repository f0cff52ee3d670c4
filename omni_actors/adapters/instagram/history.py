"""The conversations of an Instagram account, read over the Conversations API.

With Facebook Login they are listed for the page that the account is linked to, with Instagram Login
for the account itself.
https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/conversations-api
"""

from typing import Final

from omni_actors.adapters.contract import HistoryDesk, Person, Thread, ThreadPage, ThreadRead
from omni_actors.adapters.instagram.inbound import INSTAGRAM
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta import history, rates
from omni_actors.adapters.meta.history import Place
from omni_actors.wire.calls import Flow


def _place(settings: InstagramSettings) -> Place:
    owner = settings.account_id if settings.login == "facebook" else "me"
    return Place(INSTAGRAM, "instagram", settings.ig_id, owner)


def _page(after: str, settings: InstagramSettings) -> Flow[ThreadPage | None]:
    return (yield from history.page(after, settings, _place(settings)))


def _read(thread: Thread, settings: InstagramSettings) -> Flow[ThreadRead]:
    return (yield from history.read(thread, settings, _place(settings)))


def _of(person: Person, settings: InstagramSettings) -> Flow[ThreadPage]:
    return (yield from history.of_person(person, settings, _place(settings)))


HISTORY: Final = HistoryDesk(rates.HISTORY, _page, _read, _of)
