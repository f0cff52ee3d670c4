"""A customer taps: on a quick reply or a button of a message, or in the menu."""

from collections.abc import Mapping
from typing import Any

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.showing import taps

SILENT = ("web_url", "phone_number", "account_link", "account_unlink", "game_play", "audio_call")


def tapped(channel: Channel, document: dict[str, Any]) -> dict[str, Any]:
    """The event that a tap makes, in place of `tap`. Raises ControlError."""
    rest = {key: value for key, value in document.items() if key != "tap"}
    tap = document["tap"]
    if isinstance(tap, str):
        tap = {"title": tap}
    if not isinstance(tap, dict) or not isinstance(document.get("from"), str):
        raise ControlError("a tap is a title, or an object, `from` somebody")
    menu = _menu(channel, tap)
    if menu is not None:
        return {**rest, "postback": menu}
    option = _found(channel, document["from"], tap)
    title = option["title"]
    match option["kind"]:
        case "quick_reply":
            text = tap.get("text", title)
            if option["content_type"] != "text" and "text" not in tap:
                raise ControlError("say what the reply gives: `tap.text`, the number or address")
            payload = option.get("payload", text)
            told = {"text": text or payload, "quick_reply": {"payload": payload}}
            return {**rest, "message": told}
        case "optin":
            return {**rest, "optin": _optin(channel, option)}
    if option["type"] in SILENT:
        raise ControlError(f"a button of type {option['type']} tells nobody that it was tapped")
    return {**rest, "postback": {"title": title, "payload": option["payload"]}}


def _optin(channel: Channel, option: Mapping[str, Any]) -> dict[str, Any]:
    token = str(channel.stage.chance.randrange(10**15, 10**16))
    once = option["template_type"] == "one_time_notif_req"
    name = "one_time_notif_token" if once else "notification_messages_token"
    title = {} if once else {"title": option["title"]}
    return {"payload": option["payload"], name: token, **title}


def _menu(channel: Channel, tap: Mapping[str, Any]) -> dict[str, Any] | None:
    """What Get Started, an ice breaker or the persistent menu say; None for none of them."""
    if tap.get("get_started"):
        started = channel.profile.get("get_started")
        if started is None:
            raise ControlError("the account has no Get Started button")
        return {"title": "Get Started", "payload": started["payload"]}
    for key, name, label in (
        ("ice_breaker", "ice_breakers", "question"),
        ("menu", "persistent_menu", "title"),
    ):
        if key in tap:
            for each in channel.profile.get(name) or ():
                for action in each.get("call_to_actions") or ():
                    if action.get(label) == tap[key] and "payload" in action:
                        return {"title": action[label], "payload": action["payload"]}
            raise ControlError(f"the account has no `{key}` {tap[key]!r} with a payload")
    return None


def _found(channel: Channel, person_id: str, tap: Mapping[str, Any]) -> dict[str, Any]:
    """The newest message with such a thing to tap; quick replies go with the next message."""
    thread = channel.threads.get(person_id)
    mids = [] if thread is None else thread.mids
    for place, mid in enumerate(reversed(mids)):
        message = channel.messages[mid]
        if tap.get("message_id") not in (None, mid):
            continue
        for option in taps(message.sent):
            gone = option["kind"] == "quick_reply" and place > 0
            if not gone and _is_meant(option, tap):
                return option
    raise ControlError(f"nothing on the screen of {person_id} can be tapped so: {dict(tap)}")


def _is_meant(option: Mapping[str, Any], tap: Mapping[str, Any]) -> bool:
    wanted = {key: tap[key] for key in ("title", "payload", "content_type", "type") if key in tap}
    return bool(wanted) and all(option.get(key) == value for key, value in wanted.items())
