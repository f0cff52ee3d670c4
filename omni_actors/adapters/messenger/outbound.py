"""The calls that send a part over Messenger, hand over a medium, and say something at once.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from typing import Final

from omni_actors.adapters.contract import Medium, PartToSend, Person, Sent, Uploaded
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta import sending
from omni_actors.adapters.meta import upload as uploads
from omni_actors.adapters.meta.people import PSID
from omni_actors.adapters.meta.sending import Dialect
from omni_actors.wire.calls import Flow

DIALECT: Final = Dialect(PSID, typed=True, callback=True, sizes=True)


def send(part: PartToSend, settings: MessengerSettings) -> Flow[Sent]:
    """Send a part whose media are uploaded. Raises SendFailure."""
    return (yield from sending.send(part, settings, DIALECT))


def upload(medium: Medium, settings: MessengerSettings) -> Flow[Uploaded]:
    """Hand a medium to the page. Raises SendFailure."""
    url = settings.url(settings.account_id, "message_attachments")
    return (yield from uploads.upload(medium, url, settings.auth))


def mark_read(_external_id: str, person: Person, settings: MessengerSettings) -> Flow[None]:
    """Mark what the customer wrote last as read. Raises SendFailure."""
    yield from sending.tell("mark_seen", person, settings)


def typing(_external_id: str, person: Person, settings: MessengerSettings) -> Flow[None]:
    """Show for about 20 s that an answer is being written; it marks nothing as read."""
    yield from sending.tell("typing_on", person, settings)


def stop_typing(_external_id: str, person: Person, settings: MessengerSettings) -> Flow[None]:
    """Show no longer that an answer is being written. Raises SendFailure."""
    yield from sending.tell("typing_off", person, settings)
