"""Asks the Graph what it shows of a person who has written to a page or an account.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/identity/user-profile
"""

from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from omni_actors.adapters.contract import Person
from omni_actors.adapters.meta.errors import answer, refuse
from omni_actors.adapters.reading import text
from omni_actors.model.failure import Reason
from omni_actors.model.json import JsonObject
from omni_actors.model.portrait import Portrait
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

PICTURE: Final = "profile_pic"
HIDDEN: Final = "the platform shows nothing of this person to the app"


class Graph(Protocol):
    """What is needed of a channel's settings to call its Graph."""

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


def shown(person: Person, kind: str, fields: str, settings: Graph) -> Flow[JsonObject]:
    """These fields of the person with an id of this kind. Raises SendFailure.

    A person whom the app may know nothing of is an object with an id, or not even that.
    """
    ids = [key.value for key in person if key.kind == kind]
    if not ids:
        raise refuse(Reason.RECIPIENT_INVALID, "the platform has given no id of this person yet")
    url = settings.url(quote(ids[0], safe=""))
    call = HttpCall("GET", url, settings.auth, query={"fields": fields}, idempotent=True)
    told = answer((yield from http(call)), repeatable=True)
    if not any(text(told.get(name)) for name in fields.split(",")):
        raise refuse(Reason.PERMISSION_DENIED, HIDDEN)
    return told


def portrait_of(told: JsonObject, name: str | None) -> Portrait:
    """The portrait in an answer.

    The address of a picture is good for a few days; its path is what it is known by.
    """
    url = text(told.get(PICTURE))
    picture = None if url is None else MediaRef({"url": url, "path": urlsplit(url).path})
    return Portrait(name, text(told.get("username")), picture)
