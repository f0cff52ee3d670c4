"""The calls that read and write what a page or account says of itself before anybody writes.

https://developers.facebook.com/docs/messenger-platform/reference/messenger-profile-api
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.profile import (
    Command,
    Commands,
    Localized,
    Menu,
    MenuItem,
    Profile,
    Starter,
    Starters,
)
from omni_actors.policy.splitting import length
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

Body = dict[str, Any]

PROPERTIES: Final = {
    "get_started": "get_started",
    "greeting": "greeting",
    "starters": "ice_breakers",
    "menu": "persistent_menu",
    "commands": "commands",
    "domains": "whitelisted_domains",
    "login_url": "account_linking_url",
}
ON_INSTAGRAM: Final = ("starters", "menu")
DEFAULT: Final = "default"
SIZES: Final = ("compact", "tall", "full")

PAYLOAD_MAX: Final = 1000
GREETING_MAX: Final = 160
QUESTIONS_MAX: Final = 4
QUESTION_MAX: Final = 80
MENU_MAX: Final = 20
TITLE_MAX: Final = 20


@frozen
class Place:
    """Where a profile is, which pieces it has, and whether pages have sizes there."""

    url: str
    auth: Auth
    query: Mapping[str, str]
    pieces: tuple[str, ...]
    whole_menu: bool


def read(place: Place) -> Flow[Profile]:
    """The profile as it is. Raises SendFailure."""
    names = ",".join(PROPERTIES[piece] for piece in place.pieces)
    query = {**place.query, "fields": names}
    reply = yield from http(HttpCall("GET", place.url, place.auth, query=query, idempotent=True))
    found = [mapping(each) for each in sequence(answer(reply, repeatable=True).get("data"))]
    told = {name: value for each in found for name, value in each.items()}
    return understood(told)


def put(profile: Profile, place: Place) -> Flow[None]:
    """Replace the pieces that are given. Raises SendFailure."""
    yield from _ask("POST", spelled(profile, place), place)


def clear(pieces: Sequence[str], place: Place) -> Flow[None]:
    """Take pieces away. Raises SendFailure."""
    yield from _ask("DELETE", {"fields": [PROPERTIES[piece] for piece in pieces]}, place)


def _ask(method: str, body: Body, place: Place) -> Flow[None]:
    call = HttpCall(method, place.url, place.auth, query=place.query, json=body, idempotent=True)
    answer((yield from http(call)), repeatable=True)


def spelled(profile: Profile, place: Place) -> Body:
    """The properties of the pieces that are given."""
    return {
        PROPERTIES[piece]: spell(getattr(profile, piece), place)
        for piece, spell in SPELLERS.items()
        if getattr(profile, piece) is not None
    }


def _get_started(payload: str, _place: Place) -> Body:
    return {"payload": payload}


def _greeting(texts: Sequence[Localized], _place: Place) -> list[Body]:
    return [{"locale": each.locale, "text": each.text} for each in texts]


def _starters(sets: Sequence[Starters], _place: Place) -> list[Body]:
    return [
        {
            "locale": each.locale,
            "call_to_actions": [
                {"question": starter.question, "payload": starter.id} for starter in each.questions
            ],
        }
        for each in sets
    ]


def _menu(menus: Sequence[Menu], place: Place) -> list[Body]:
    return [
        {
            "locale": each.locale,
            **({"composer_input_disabled": each.only} if place.whole_menu else {}),
            "call_to_actions": [_item(item, place) for item in each.items],
        }
        for each in menus
    ]


def _item(item: MenuItem, place: Place) -> Body:
    if item.id is not None:
        return {"type": "postback", "title": item.title, "payload": item.id}
    size = {"webview_height_ratio": item.size} if item.size and place.whole_menu else {}
    return {"type": "web_url", "title": item.title, "url": item.url, **size}


def _commands(sets: Sequence[Commands], _place: Place) -> list[Body]:
    return [
        {
            "locale": each.locale,
            "commands": [{"name": c.name, "description": c.description} for c in each.commands],
        }
        for each in sets
    ]


def _domains(domains: Sequence[str], _place: Place) -> list[str]:
    return list(domains)


def _login_url(url: str, _place: Place) -> str:
    return url


SPELLERS: Final[dict[str, Callable[[Any, Place], Any]]] = {
    "get_started": _get_started,
    "greeting": _greeting,
    "starters": _starters,
    "menu": _menu,
    "commands": _commands,
    "domains": _domains,
    "login_url": _login_url,
}


def understood(told: JsonObject) -> Profile:
    """A profile as the platform tells it; what is not there is None."""
    profile = Profile(
        get_started=text(mapping(told.get("get_started")).get("payload")),
        login_url=text(told.get("account_linking_url")),
    )
    texts = tuple(
        [Localized(text(e.get("text")) or "", _locale(e)) for e in _all(told, "greeting")]
    )
    starters = tuple([Starters(_questions(e), _locale(e)) for e in _all(told, "ice_breakers")])
    menus = tuple([_menu_told(each) for each in _all(told, "persistent_menu")])
    commands = tuple([Commands(_words(e), _locale(e)) for e in _all(told, "commands")])
    sites = tuple(filter(None, map(text, sequence(told.get("whitelisted_domains")))))
    return evolve(
        profile,
        greeting=texts or None,
        starters=starters or None,
        menu=menus or None,
        commands=commands or None,
        domains=sites or None,
    )


def _all(told: Mapping[str, Json], name: str) -> list[JsonObject]:
    return [mapping(each) for each in sequence(told.get(name))]


def _locale(told: JsonObject) -> str:
    return text(told.get("locale")) or DEFAULT


def _questions(told: JsonObject) -> tuple[Starter, ...]:
    asked = _all(told, "call_to_actions")
    return tuple(
        [Starter(text(e.get("question")) or "", text(e.get("payload")) or "") for e in asked]
    )


def _menu_told(told: JsonObject) -> Menu:
    items = tuple([_item_told(each) for each in _all(told, "call_to_actions")])
    return Menu(items, _locale(told), told.get("composer_input_disabled") is True)


def _item_told(told: JsonObject) -> MenuItem:
    size: Any = text(told.get("webview_height_ratio"))
    return MenuItem(
        text(told.get("title")) or "",
        url=text(told.get("url")),
        id=text(told.get("payload")),
        size=size if size in SIZES else None,
    )


def _words(told: JsonObject) -> tuple[Command, ...]:
    return tuple(
        [
            Command(text(each.get("name")) or "", text(each.get("description")) or "")
            for each in _all(told, "commands")
        ]
    )


def unfit(profile: Profile, pieces: Sequence[str], *, whole_menu: bool) -> list[tuple[str, str]]:
    """What of a profile the platform does not take: JSON pointer and why."""
    given = [piece for piece in PROPERTIES if getattr(profile, piece) is not None]
    wrong = [
        (f"/{piece}", "this channel has no such thing") for piece in given if piece not in pieces
    ]
    for piece in ("greeting", "starters", "menu", "commands"):
        sets = getattr(profile, piece) or ()
        if sets and DEFAULT not in [each.locale for each in sets]:
            wrong.append((f"/{piece}", "one must be for the locale `default`"))
    menus = _menus_unfit(profile, whole_menu=whole_menu)
    return [*wrong, *_too_long(profile), *menus, *_open_to_others(profile)]


def _open_to_others(profile: Profile) -> Iterator[tuple[str, str]]:
    """Sites that the platform does not take, because others could read along."""
    why = "must begin with https://"
    for n, site in enumerate(profile.domains or ()):
        if not site.startswith("https://"):
            yield f"/domains/{n}", why
    if profile.login_url is not None and not profile.login_url.startswith("https://"):
        yield "/login_url", why


def _too_long(profile: Profile) -> Iterator[tuple[str, str]]:
    if over(profile.get_started, PAYLOAD_MAX):
        yield "/get_started", f"at most {PAYLOAD_MAX} characters"
    for n, greeting in enumerate(profile.greeting or ()):
        if over(greeting.text, GREETING_MAX):
            yield f"/greeting/{n}/text", f"at most {GREETING_MAX} characters"
    for n, starters in enumerate(profile.starters or ()):
        if len(starters.questions) > QUESTIONS_MAX:
            yield f"/starters/{n}/questions", f"at most {QUESTIONS_MAX} questions"
        for i, starter in enumerate(starters.questions):
            if over(starter.question, QUESTION_MAX):
                place = f"/starters/{n}/questions/{i}/question"
                yield place, f"at most {QUESTION_MAX} characters"


def _menus_unfit(profile: Profile, *, whole_menu: bool) -> Iterator[tuple[str, str]]:
    for n, menu in enumerate(profile.menu or ()):
        if menu.only and not whole_menu:
            yield f"/menu/{n}/only", "people can always write there"
        if len(menu.items) > MENU_MAX:
            yield f"/menu/{n}/items", f"at most {MENU_MAX} lines"
        for i, item in enumerate(menu.items):
            if over(item.title, TITLE_MAX):
                yield f"/menu/{n}/items/{i}/title", f"at most {TITLE_MAX} characters"
            if over(item.id, PAYLOAD_MAX):
                yield f"/menu/{n}/items/{i}/id", f"at most {PAYLOAD_MAX} characters"


def over(said: str | None, most: int) -> bool:
    """Whether a text is too long, counted in UTF-16 units, as nobody names the unit."""
    return said is not None and length(said, "utf16") > most
