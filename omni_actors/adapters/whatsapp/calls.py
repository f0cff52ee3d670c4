"""Calls over WhatsApp, which are told of and not taken: they stand in the conversation.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/calls
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.reading import Malformed, needed_text, number, seconds, text
from omni_actors.adapters.whatsapp.people import (
    BSUID,
    PHONE,
    keys,
    receiver_keys,
    sender_keys,
)
from omni_actors.adapters.whatsapp.scene import Read, Scene, at, items
from omni_actors.model.content import Call
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import (
    ChannelReported,
    Echoed,
    Edited,
    Received,
    Report,
    Severity,
)

FROM_BUSINESS: Final = "BUSINESS_INITIATED"


def read(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """The reports of one change."""
    return items(value, LISTS, scene)


def _call(call: JsonObject, scene: Scene) -> Report:
    """A call begins, and holds the reply window open as a message does; or it has ended."""
    call_id, event = needed_text(call, "id"), needed_text(call, "event")
    ours = call.get("direction") == FROM_BUSINESS
    person = scene.cards.person(receiver_keys(call) if ours else sender_keys(call))
    if not person.keys:
        raise Malformed("it names nobody who called or was called")
    where, key, when = scene.channel_key, f"call:{call_id}:{event}", at(call, scene)
    if event == "terminate":
        state = (text(call.get("status")) or "ended").lower()
        ended = Call(state, _talked_s(call))
        return Edited(where, key, when, person.keys, target=call_id, content=ended)
    if event != "connect":
        raise Malformed(f"an event of a call that we do not know: {event}")
    if ours:
        return Echoed(where, key, when, person.keys, call_id, Call("ringing"), name=person.name)
    return Received(
        where,
        key,
        when,
        person.keys,
        external_id=call_id,
        content=Call("ringing"),
        name=person.name,
        username=person.username,
    )


def _talked_s(call: JsonObject) -> float | None:
    """How long they talked: as told, or from its beginning to its end; None if they did not."""
    told = number(call.get("duration"))
    if told is not None:
        return told
    began, ended = seconds(call.get("start_time")), seconds(call.get("end_time"))
    return ended - began if 0 < began <= ended else None


def _status(status: JsonObject, scene: Scene) -> ChannelReported:
    """How a call that the business placed elsewhere goes on."""
    call_id, told = needed_text(status, "id"), needed_text(status, "status")
    named = keys((PHONE, status.get("recipient_id")), (BSUID, status.get("recipient_user_id")))
    return ChannelReported(
        scene.channel_key,
        f"call:{call_id}:{told}",
        at(status, scene),
        scene.cards.person(named).keys,
        kind="call",
        severity=Severity.INFO,
        detail={"call_id": call_id, "state": told.lower()},
    )


LISTS: Final[tuple[tuple[str, Read], ...]] = (("calls", _call), ("statuses", _status))
