"""Conversation routing: which app has the floor in a thread.

Source: developers.facebook.com/docs/messenger-platform/handover-protocol
"""

from typing import Any, Final

from omni_actors.sandbox.meta.asked import Asked
from omni_actors.sandbox.meta.channel import Channel, Thread
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.tokens import Token

VERBS: Final = (
    "pass_thread_control",
    "take_thread_control",
    "request_thread_control",
    "release_thread_control",
    "extend_thread_control",
)
DAY_S: Final = 86_400.0
EXTENDED_MAX_S: Final = 7 * DAY_S


def changed(channel: Channel, token: Token, verb: str, asked: Asked) -> None:
    """One of the calls that move the floor. Raises GraphError."""
    thread, now = _thread(channel, asked), channel.stage.clock.now()
    mine = channel.floor_of(thread.person_id, now) in (None, token.app_id)
    match verb:
        case "pass_thread_control":
            target = asked.need("target_app_id")
            if not target.isdecimal():
                raise refusal(100, 2018164)
            _check_owner(channel, mine=mine)
            thread.owner, thread.owner_until = target, now + DAY_S
        case "take_thread_control":
            if channel.standing.default_app is None:
                raise refusal(2018171, details="There is no default app")
            if channel.standing.default_app != token.app_id:
                raise refusal(2018234, details="Only the default app may take the control")
            thread.owner, thread.owner_until = token.app_id, now + DAY_S
        case "release_thread_control":
            _check_owner(channel, mine=mine)
            thread.owner = None
        case "request_thread_control":
            _check_words(asked)
        case "extend_thread_control":
            _check_owner(channel, mine=mine)
            thread.owner, thread.owner_until = token.app_id, now + _duration(asked)


def _check_owner(channel: Channel, *, mine: bool) -> None:
    if not mine:
        raise refusal(*channel.rules.not_owner)


def _check_words(asked: Asked) -> None:
    """The app that has the floor is told; what it is told is a text."""
    if not isinstance(asked.values.get("metadata", ""), str):
        raise refusal(100, details="Param metadata must be a string")


def _duration(asked: Asked) -> float:
    text = asked.need("duration")
    if not text.isdecimal() or not 0 < int(text) <= EXTENDED_MAX_S:
        raise refusal(100, details="Param duration must be 1 to 604800 seconds")
    return float(text)


def _thread(channel: Channel, asked: Asked) -> Thread:
    recipient = asked.values.get("recipient")
    person_id = recipient.get("id") if isinstance(recipient, dict) else recipient
    if not isinstance(person_id, str):
        raise refusal(100, details="The parameter recipient is required")
    if person_id not in channel.people:
        raise refusal(*channel.rules.nobody)
    return channel.thread_of(person_id)


def owner(channel: Channel, asked: Asked) -> dict[str, Any]:
    """`GET …/thread_owner?recipient=`. Raises GraphError."""
    thread, now = _thread(channel, asked), channel.stage.clock.now()
    floor = channel.floor_of(thread.person_id, now)
    if floor is None:
        return {"data": []}
    facts: dict[str, Any] = {"app_id": floor}
    if thread.owner_at(now) is not None:
        facts["expiration"] = int(thread.owner_until)
    return {"data": [{"thread_owner": facts}]}


def receivers(channel: Channel) -> dict[str, Any]:
    """`GET …/secondary_receivers`, of the old protocol: Meta's own inbox."""
    return {"data": [{"id": channel.rules.inbox_app_id, "name": "Page Inbox"}]}
