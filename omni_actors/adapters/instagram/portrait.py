"""What Instagram shows of a person who has agreed, by writing or tapping in the chat.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api/user-profile
"""

from typing import Final

from omni_actors.adapters.contract import Person
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.meta.people import IGSID
from omni_actors.adapters.meta.portrait import PICTURE, portrait_of, shown
from omni_actors.adapters.reading import text
from omni_actors.model.portrait import Portrait
from omni_actors.wire.calls import Flow

FIELDS: Final = ",".join(("name", "username", PICTURE))


def portrait(person: Person, settings: InstagramSettings) -> Flow[Portrait]:
    """Name, username and picture. Raises SendFailure."""
    told = yield from shown(person, IGSID, FIELDS, settings)
    return portrait_of(told, text(told.get("name")))
