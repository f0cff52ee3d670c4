"""The conversations of a page, read over the Conversations API.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/conversations
"""

from typing import Final

from omni_actors.adapters.contract import HistoryDesk, Person, Thread, ThreadPage, ThreadRead
from omni_actors.adapters.messenger.inbound import MESSENGER
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta import history, rates
from omni_actors.adapters.meta.history import Place
from omni_actors.wire.calls import Flow


def _place(settings: MessengerSettings) -> Place:
    return Place(MESSENGER, "messenger", settings.page_id, settings.page_id)


def _page(after: str, settings: MessengerSettings) -> Flow[ThreadPage | None]:
    return (yield from history.page(after, settings, _place(settings)))


def _read(thread: Thread, settings: MessengerSettings) -> Flow[ThreadRead]:
    return (yield from history.read(thread, settings, _place(settings)))


def _of(person: Person, settings: MessengerSettings) -> Flow[ThreadPage]:
    return (yield from history.of_person(person, settings, _place(settings)))


HISTORY: Final = HistoryDesk(rates.HISTORY, _page, _read, _of)
