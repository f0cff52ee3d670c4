"""Answers of the pretend WhatsApp in the platform's own words: refusals, usage, plain successes."""

import json
from collections.abc import Callable
from typing import Any

from attrs import evolve

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Figures, Outcome
from omni_actors.sandbox.faults import Fault
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.http import Answer, json_answer
from omni_actors.sandbox.whatsapp.errors import refusal


def with_headers(outcome: Outcome, headers: tuple[tuple[str, str], ...]) -> Outcome:
    answer = evolve(outcome.answer, headers=outcome.answer.headers + headers)
    return evolve(outcome, answer=answer)


def usage_headers(waba: str, share: int, wait_min: int) -> tuple[tuple[str, str], ...]:
    spent = {"call_count": share, "total_cputime": share // 4, "total_time": share // 4}
    usage = {"type": "whatsapp", **spent, "estimated_time_to_regain_access": wait_min}
    return (
        ("X-App-Usage", json.dumps(spent)),
        ("X-Business-Use-Case-Usage", json.dumps({waba: [usage]})),
    )


def refusing(
    run: Callable[[Fault | None], Outcome], figures: Figures, fault: Fault | None
) -> Outcome:
    try:
        return run(fault)
    except GraphError as error:
        figures.refuse(error.code)
        return Outcome(error.answer())


def refuse(figures: Figures, fault: Fault) -> Answer:
    """The platform's own words for a fault rule."""
    headers = []
    if fault.retry_after_s is not None:
        headers.append(("Retry-After", f"{fault.retry_after_s:g}"))
    match fault.kind:
        case "throttle":
            error = refusal(130429, "Cloud API message throughput has been reached.", 2494055)
        case "expire_token":
            text = "Error validating access token: Session has expired."
            error = graph.bad_token(text, subcode=463)
        case _:
            error = refusal(fault.code, "A fault rule refused this call.")
    figures.refuse(error.code)
    return error.answer(*headers)


def after(change: Callable[[], None]) -> Callable[[Fault | None], Outcome]:
    def run(_fault: Fault | None) -> Outcome:
        change()
        return Outcome(json_answer(200, {"success": True}))

    return run


def always(document: dict[str, Any]) -> Callable[[Fault | None], Outcome]:
    return lambda _fault: Outcome(json_answer(200, document))
