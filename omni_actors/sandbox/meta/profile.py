"""The Messenger Profile: what a thread shows before anybody has written, and its menus.

Source: developers.facebook.com/docs/messenger-platform/reference/messenger-profile-api
"""

from collections.abc import Mapping
from typing import Any, Final

from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.bodies import FETCHED, LINK, PAYLOAD, POSTBACK, TITLE
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.shapes import (
    Flag,
    Items,
    Object,
    OneOf,
    Shape,
    ShapeError,
    Tagged,
    Text,
    check_unique,
    wrong,
)

_LOCALE = Text(16)
READ_ONLY: Final = {"subject_to_new_eu_privacy_rules": False}


def _default_rule(value: Any, path: str) -> None:
    locales = [each.get("locale", "default") for each in value]
    check_unique(locales, path, "locales")
    if "default" not in locales:
        raise wrong(path, f"Param {path} needs an entry of the locale default.")


class _PerLocale(Items):
    def check(self, value: Any, path: str) -> None:
        Items.check(self, value, path)
        _default_rule(value, path)


_QUESTIONS = Items(Object({"question": Text(80), "payload": PAYLOAD}), most=4)
_ICE_BREAKERS = _PerLocale(Object({"call_to_actions": _QUESTIONS}, {"locale": _LOCALE}))
_MENU_LINK: dict[str, Shape] = {"type": OneOf(["web_url"]), "url": LINK, "title": TITLE}
_VIEW: dict[str, Shape] = {
    "webview_height_ratio": OneOf(["compact", "tall", "full"]),
    "messenger_extensions": Flag(),
    "fallback_url": LINK,
    "webview_share_button": OneOf(["hide"]),
}


def _menu(*, messenger: bool) -> Shape:
    link = Object(_MENU_LINK, _VIEW if messenger else {})
    actions = Items(Tagged({"web_url": link, "postback": POSTBACK}), most=20)
    optional: dict[str, Shape] = {"call_to_actions": actions}
    if messenger:
        optional["composer_input_disabled"] = Flag()
    return _PerLocale(Object({"locale": _LOCALE}, optional))


_COMMAND = Object({"name": Text(32), "description": Text(64)})
PROPERTIES: Final[Mapping[str, Mapping[str, Shape]]] = {
    "messenger": {
        "get_started": Object({"payload": PAYLOAD}),
        "greeting": _PerLocale(Object({"locale": _LOCALE, "text": Text(160)})),
        "ice_breakers": _ICE_BREAKERS,
        "persistent_menu": _menu(messenger=True),
        "whitelisted_domains": Items(FETCHED, most=50),
        "account_linking_url": FETCHED,
        "commands": _PerLocale(
            Object({"locale": _LOCALE, "commands": Items(_COMMAND, most=20)}), most=20
        ),
    },
    "instagram": {"ice_breakers": _ICE_BREAKERS, "persistent_menu": _menu(messenger=False)},
}


def told(channel: Channel, asked: Asked) -> dict[str, Any]:
    """`GET …/messenger_profile?fields=`. Raises GraphError."""
    names = [name for name in asked.need("fields").split(",") if name]
    known = {*PROPERTIES[channel.rules.name], *READ_ONLY}
    _check_names(names, known)
    held = {**READ_ONLY, **channel.profile}
    found = {name: held[name] for name in names if name in held}
    return {"data": [found] if found else []}


def written(channel: Channel, asked: Asked) -> None:
    """`POST …/messenger_profile`: the properties that are given, as a whole. Raises GraphError."""
    shapes = PROPERTIES[channel.rules.name]
    given = {key: value for key, value in asked.values.items() if key != "platform"}
    if not given:
        raise refusal(100, details="No property of the profile is given")
    _check_names(list(given), set(shapes))
    try:
        for name, value in given.items():
            shapes[name].check(value, name)
    except ShapeError as error:
        raise refusal(100, details=error.details) from None
    whole = {**channel.profile, **given}
    on_messenger = channel.rules.name == "messenger"
    if on_messenger and "persistent_menu" in whole and "get_started" not in whole:
        raise refusal(100, details="A persistent_menu needs get_started first")
    channel.profile = whole


def deleted(channel: Channel, asked: Asked) -> None:
    """`DELETE …/messenger_profile` with `fields`. Raises GraphError."""
    names = asked.values.get("fields")
    if isinstance(names, str):
        names = names.split(",")
    if not isinstance(names, list) or not names:
        raise refusal(100, details="The parameter fields is required")
    _check_names(names, set(PROPERTIES[channel.rules.name]))
    if "get_started" in names and "persistent_menu" in channel.profile.keys() - set(names):
        raise refusal(100, details="The persistent_menu needs get_started")
    for name in names:
        channel.profile.pop(name, None)


def _check_names(names: list[Any], known: set[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise refusal(100, details=f"The profile has no property {unknown[0]}")


# ---------------------------------------------------------------- a menu for one person


def set_menu(channel: Channel, asked: Asked) -> None:
    """`POST /me/custom_user_settings`. Raises GraphError."""
    person_id = _psid(channel, asked)
    menu = asked.values.get("persistent_menu")
    try:
        PROPERTIES["messenger"]["persistent_menu"].check(menu, "persistent_menu")
    except ShapeError as error:
        raise refusal(100, details=error.details) from None
    channel.menus[person_id] = menu


def menu_of(channel: Channel, asked: Asked) -> dict[str, Any]:
    """`GET /me/custom_user_settings`. Raises GraphError."""
    menu = channel.menus.get(_psid(channel, asked))
    return {"data": [{"user_level_persistent_menu": menu}] if menu else []}


def delete_menu(channel: Channel, asked: Asked) -> None:
    """`DELETE /me/custom_user_settings`. Raises GraphError."""
    channel.menus.pop(_psid(channel, asked), None)


def _psid(channel: Channel, asked: Asked) -> str:
    if channel.rules.name != "messenger":
        raise refusal(100, details="There are no menus for one person on Instagram")
    person_id = asked.need("psid")
    if person_id not in channel.people:
        raise refusal(*channel.rules.nobody)
    return person_id
