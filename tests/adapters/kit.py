"""What the tests of adapters share: playing the driver of a flow, and showing reports as JSON."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeVar

from attrs import NOTHING, fields, has

from omni_actors.model.failure import SendFailure
from omni_actors.model.reports import Report
from omni_actors.wire.calls import Call, Flow, HttpCall, Reply

T = TypeVar("T")
WORDING = ("advice",)  # our own sentences, which the tests of the tables hold


def play(flow: Flow[T], *replies: Reply | SendFailure) -> tuple[list[HttpCall], T]:
    """Run a flow against scripted replies; its calls and its result.

    A SendFailure among the replies stands for a call that could not be made.
    """
    calls: list[HttpCall] = []
    try:
        call: Call = next(flow)
        for reply in replies:
            assert isinstance(call, HttpCall)
            calls.append(call)
            call = flow.throw(reply) if isinstance(reply, SendFailure) else flow.send(reply)
    except StopIteration as finished:
        assert len(calls) == len(replies), "the flow ended before its script"
        result: T = finished.value
        return calls, result
    raise AssertionError(f"the flow goes on after its script: {call}")


def shown(report: Report) -> dict[str, Any]:
    """A report as JSON: its type, and every attribute that is not at its default."""
    return {"report": type(report).__name__, **_told(report)}


def _told(value: Any) -> dict[str, Any]:
    told = {}
    for attribute in fields(type(value)):
        if attribute.name in WORDING:
            continue
        inner = getattr(value, attribute.name)
        if attribute.default is NOTHING or inner != attribute.default:
            told[attribute.name] = _plain(inner)
    return told


def _plain(value: Any) -> Any:
    if has(type(value)):
        named = {"class": type(value).__name__} if _in_union(value) else {}
        return {**named, **_told(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value


def _in_union(value: Any) -> bool:
    return type(value).__module__.endswith("model.content")
