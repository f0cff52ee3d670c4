"""The calls that send a part over Instagram, hand over a medium, and say something at once.

https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message
"""

from typing import Final

from omni_actors.adapters.contract import Medium, PartToSend, Person, Sent, Uploaded
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta import sending
from omni_actors.adapters.meta import upload as uploads
from omni_actors.adapters.meta.people import IGSID
from omni_actors.adapters.meta.sending import Dialect
from omni_actors.wire.calls import Flow

# That a message can quote another is documented with Facebook Login only.
DIALECTS: Final = {
    "facebook": Dialect(IGSID, typed=False, callback=False, sizes=False),
    "instagram": Dialect(IGSID, typed=False, callback=False, sizes=False, quotes=False),
}


def send(part: PartToSend, settings: InstagramSettings) -> Flow[Sent]:
    """Send a part whose media are uploaded. Raises SendFailure."""
    return (yield from sending.send(part, settings, DIALECTS[settings.login]))


def upload(medium: Medium, settings: InstagramSettings) -> Flow[Uploaded]:
    """Hand a medium to the account, which a page has to name. Raises SendFailure."""
    url = settings.url(settings.account_id, "message_attachments")
    platform = "instagram" if settings.login == "facebook" else None
    return (yield from uploads.upload(medium, url, settings.auth, platform))


def mark_read(_external_id: str, person: Person, settings: InstagramSettings) -> Flow[None]:
    """Mark what the customer wrote last as read. Raises SendFailure."""
    yield from sending.tell("mark_seen", person, settings)


def typing(_external_id: str, person: Person, settings: InstagramSettings) -> Flow[None]:
    """Show for about 20 s that an answer is being written; it marks nothing as read."""
    yield from sending.tell("typing_on", person, settings)


def stop_typing(_external_id: str, person: Person, settings: InstagramSettings) -> Flow[None]:
    """Show no longer that an answer is being written. Raises SendFailure."""
    yield from sending.tell("typing_off", person, settings)
