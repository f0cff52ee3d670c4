"""What Messenger shows of a person.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/identity/user-profile
"""

from typing import Final

from omni_actors.adapters.contract import Person
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta.people import PSID
from omni_actors.adapters.meta.portrait import PICTURE, portrait_of, shown
from omni_actors.adapters.reading import text
from omni_actors.model.portrait import Portrait
from omni_actors.wire.calls import Flow

NAMES: Final = ("first_name", "last_name")
FIELDS: Final = ",".join(("name", *NAMES, PICTURE))


def portrait(person: Person, settings: MessengerSettings) -> Flow[Portrait]:
    """Name and picture. Raises SendFailure."""
    told = yield from shown(person, PSID, FIELDS, settings)
    apart = " ".join(filter(None, (text(told.get(name)) for name in NAMES)))
    return portrait_of(told, text(told.get("name")) or apart or None)
