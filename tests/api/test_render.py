"""Events as callers see them: their details keep to the shapes that all other answers have."""

from typing import Any

from omni_actors.api import render
from omni_actors.api.spell import as_json
from omni_actors.gateway.facade import Event
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.json import JsonObject
from omni_actors.store.codec import failure_json


def shown(type: EventType, detail: JsonObject) -> Any:
    """The detail of an event, as it is answered."""
    event = Event(7, "evt_7", "default", type, 1.8e9, None, None, None, None, detail)
    return as_json(render.event(event))["detail"]


def test_until_when_a_window_is_open_is_a_time() -> None:
    assert shown(EventType.WINDOW_OPENED, {"until": 1.8e9}) == {"until": "2027-01-15T08:00:00.000Z"}


def test_a_failure_looks_like_the_reason_of_a_message() -> None:
    failure = Failure(Kind.REJECTED, Reason.OUTSIDE_WINDOW, Scope.LEG, "131047", "Re-engage")

    told = shown(EventType.MESSAGE_FAILED, {"partial": True, "failure": failure_json(failure)})

    assert told == {"partial": True, "failure": as_json(render.reason(failure, None))}
    assert told["failure"]["code"] == "outside_window"
    assert told["failure"]["retry"] == "after_change"
    assert told["failure"]["raw"]["code"] == "131047"


def test_a_failure_of_which_only_the_kind_is_known_is_told_too() -> None:
    failure = Failure(Kind.TRANSIENT, Reason.INTERNAL)

    told = shown(EventType.MEDIA_FAILED, {"media_id": "med_1", "failure": failure_json(failure)})

    assert told["failure"] == as_json(render.reason(failure, None))
