"""Who answers in a conversation is moved by calls about the person, at the page's own address."""

from collections.abc import Callable
from typing import Any

import pytest

from omni_actors.adapters.contract import Person
from omni_actors.adapters.meta.routing import CONTROL
from omni_actors.model.failure import Reason, SendFailure
from omni_actors.wire.calls import Flow
from tests.adapters.kit import play
from tests.adapters.meta.kit import ANA, PAGE, answered

WHO: Person = (ANA,)
DONE = answered({"success": True})


@pytest.mark.parametrize(
    ("flow", "call", "body"),
    [
        (lambda: CONTROL.take(WHO, "mine", PAGE), "take", {"metadata": "mine"}),
        (lambda: CONTROL.request(WHO, "please", PAGE), "request", {"metadata": "please"}),
        (lambda: CONTROL.request(WHO, None, PAGE), "request", {}),
        (lambda: CONTROL.release(WHO, PAGE), "release", {}),
        (
            lambda: CONTROL.give(WHO, "4711", "help", PAGE),
            "pass",
            {"target_app_id": "4711", "metadata": "help"},
        ),
    ],
)
def test_each_move_is_a_call(
    flow: Callable[[], Flow[None]], call: str, body: dict[str, Any]
) -> None:
    [made], _ = play(flow(), DONE)

    assert made.url == PAGE.url(PAGE.page_id, f"{call}_thread_control")
    assert made.json == {"recipient": {"id": ANA.value}, **body}


def test_a_refusal_is_a_failure() -> None:
    refused = answered({"error": {"code": 2018300, "message": "Another app controls it"}}, 400)

    with pytest.raises(SendFailure) as failed:
        play(CONTROL.request(WHO, None, PAGE), refused)

    assert failed.value.failure.reason is Reason.CONTROLLED_ELSEWHERE
