"""The profile of a page, and the faces that it can speak with.

https://developers.facebook.com/docs/messenger-platform/reference/messenger-profile-api
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from omni_actors.adapters.contract import PersonaDesk, ProfileDesk
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta import profile as shared
from omni_actors.adapters.meta import rates
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.meta.profile import Place
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.profile import PIECES, NewPersona, Persona, Profile
from omni_actors.wire.calls import Flow, HttpCall, http

PERSONAS_MAX: Final = 100
PAGES_MAX: Final = 20


def _place(settings: MessengerSettings) -> Place:
    url = settings.url("me", "messenger_profile")
    return Place(url, settings.auth, {}, PIECES, whole_menu=True)


def _read(settings: MessengerSettings) -> Flow[Profile]:
    return (yield from shared.read(_place(settings)))


def _put(profile: Profile, settings: MessengerSettings) -> Flow[None]:
    yield from shared.put(profile, _place(settings))


def _clear(pieces: Sequence[str], settings: MessengerSettings) -> Flow[None]:
    yield from shared.clear(pieces, _place(settings))


def _unfit(profile: Profile) -> Sequence[tuple[str, str]]:
    return shared.unfit(profile, PIECES, whole_menu=True)


def _all_personas(settings: MessengerSettings) -> Flow[Sequence[Persona]]:
    found: list[Persona] = []
    after: str | None = None
    for _page in range(PAGES_MAX):
        told = yield from _page_of_personas(settings, after)
        listed = [mapping(each) for each in sequence(told.get("data"))]
        found += [persona for each in listed if (persona := _persona(each)) is not None]
        paging = mapping(told.get("paging"))
        after = text(mapping(paging.get("cursors")).get("after")) if paging.get("next") else None
        if after is None:
            return found
    why = f"the page has more than {PAGES_MAX * PERSONAS_MAX} personas"
    raise SendFailure(Failure(Kind.REJECTED, Reason.BAD_REQUEST, text=why))


def _page_of_personas(settings: MessengerSettings, after: str | None) -> Flow[JsonObject]:
    query = {"fields": "id,name,profile_picture_url", "limit": str(PERSONAS_MAX)}
    url = settings.url(settings.page_id, "personas")
    asked = {**query, "after": after} if after else query
    call = HttpCall("GET", url, settings.auth, query=asked, idempotent=True)
    return answer((yield from http(call)), repeatable=True)


def _persona(told: JsonObject) -> Persona | None:
    persona_id = text(told.get("id"))
    if persona_id is None:
        return None
    picture = text(told.get("profile_picture_url"))
    return Persona(persona_id, text(told.get("name")) or "", picture)


def _create(new: NewPersona, settings: MessengerSettings) -> Flow[Persona]:
    body = {"name": new.name, "profile_picture_url": new.picture_url}
    url = settings.url(settings.page_id, "personas")
    reply = yield from http(HttpCall("POST", url, settings.auth, json=body))
    persona_id = text(answer(reply, repeatable=False).get("id"))
    if persona_id is None:
        why = "the persona was made and answered without an id"
        raise SendFailure(Failure(Kind.UNKNOWN, Reason.UNKNOWN, text=why))
    return Persona(persona_id, new.name, new.picture_url)


def _delete(persona_id: str, settings: MessengerSettings) -> Flow[None]:
    url = settings.url(quote(persona_id, safe=""))
    reply = yield from http(HttpCall("DELETE", url, settings.auth, idempotent=True))
    answer(reply, repeatable=True)


def _spelled(persona_id: str) -> JsonObject:
    return {"persona_id": persona_id}


PROFILE: Final = ProfileDesk(PIECES, rates.PROFILE, _read, _put, _clear, _unfit)
# https://developers.facebook.com/docs/messenger-platform/send-messages/personas
PERSONAS: Final = PersonaDesk(all=_all_personas, create=_create, delete=_delete, spelled=_spelled)
