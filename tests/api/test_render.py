"""Events as callers see them: their details keep to the shapes that all other answers have."""

from typing import Any

import pytest

from omni_actors.api import render
from omni_actors.api.spell import as_json
from omni_actors.gateway.facade import Event
from omni_actors.model.content import Text
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.json import JsonObject
from omni_actors.model.states import Direction, PartStatus, Priority
from omni_actors.store.codec import failure_json
from omni_actors.store.rows import Message, Part


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


FULL = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH, text="written to 250 people")
REFUSED = Failure(Kind.REJECTED, Reason.CONTENT_UNSUPPORTED, code="131051")
PARTS: dict[str, tuple[list[tuple[PartStatus, Failure | None]], str | None]] = {
    "one that waits for room": ([(PartStatus.HELD, FULL)], "rate_limited"),
    "one that waits for the customer": ([(PartStatus.HELD, None)], None),
    "a failed one before a held one": (
        [(PartStatus.HELD, FULL), (PartStatus.FAILED, REFUSED)],
        "content_unsupported",
    ),
    "one that is tried again": ([(PartStatus.QUEUED, FULL)], None),
}


@pytest.mark.parametrize(("parts", "code"), PARTS.values(), ids=PARTS.keys())
def test_a_message_says_itself_why_it_failed_or_waits(
    parts: list[tuple[PartStatus, Failure | None]], code: str | None
) -> None:
    rows = [
        Part(f"prt_{n}", n, "text", status, (), 1, None, failure, maybe_duplicate=False,
             status_at=1.8e9)
        for n, (status, failure) in enumerate(parts)
    ]  # fmt: skip
    row = Message(
        id="msg_1", tenant="default", direction=Direction.OUTBOUND, conversation_id="cnv_1",
        leg_id="leg_1", channel_id="wa", platform="whatsapp", author="bot", source="api",
        content=Text("tea"), status=rows[0].status.value, partial=False, received_at=1.8e9,
        sent_at=None, expires_at=None, priority=Priority.NORMAL, reply_to=None,
        reply_to_external=None, external_id=None, metadata={}, rendering=[], parts=tuple(rows),
    )  # fmt: skip

    found = render.message(row).reason

    assert (found and found.code) == code
