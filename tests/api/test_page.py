"""The page about the API tells the truth: it names all that there is, and its JSON is read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import fields
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it ships no types

from omni_actors.api import decode
from omni_actors.api.app import ROUTES
from omni_actors.api.bounds import PAGE_MAX
from omni_actors.api.problems import KINDS
from omni_actors.api.routes import Access
from omni_actors.config_tables import LimitsConfig
from omni_actors.gateway.facade import SCOPES
from omni_actors.model.capabilities import Level
from omni_actors.model.content import CONTENT_TYPES
from omni_actors.model.events import EventType
from omni_actors.model.failure import Reason, Scope
from omni_actors.model.requests import Delivery, SendRequest
from omni_actors.model.states import PartStatus
from tests.api.contract import STRICT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")
TO = {"channel_id": "wa-support", "address": "+447700900123"}
WORD = re.compile(r"`([a-z_.:]+)`")
ROW = re.compile(r"^\|(.*)\|$", re.MULTILINE)
EXAMPLE = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: list[dict[str, Any]] = [json.loads(text) for text in EXAMPLE.findall(PAGE)]
ANSWERS = {"rendering": "Sent", "cursor": "Event", "request_id": "Problem"}
REQUESTS = [example for example in EXAMPLES if not ANSWERS.keys() & example.keys()]


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    return re.split(
        r"^#{2,3} ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE
    )[0]


def rows(heading: str, cell: int = 0) -> set[str]:
    """The words that stand in one cell of the tables below a heading."""
    lines = ROW.findall(section(heading))
    return {word for line in lines for word in WORD.findall(line.split("|")[cell])}


def test_every_event_type_has_its_row() -> None:
    assert rows("Every type") == {type.value for type in EventType}


def test_every_problem_has_its_row_and_its_status() -> None:
    told = {}
    for line in ROW.findall(section("Errors and limits")):
        cells = line.split("|")
        for number, code in enumerate(WORD.findall(cells[1])):
            statuses = re.findall(r"\d{3}", cells[0])
            if statuses:
                told[code] = (int(statuses[min(number, len(statuses) - 1)]), cells[-1].strip())

    assert {code: status for code, (status, _) in told.items()} == {
        str(code): kind.status for code, kind in KINDS.items()
    }
    again = {code for code, (_, words) in told.items() if words == "yes"}
    assert again == {str(code) for code, kind in KINDS.items() if kind.retryable}


def test_every_scope_is_told_and_those_that_open_nothing_are_named() -> None:
    used = {route.scope for route in ROUTES if route.access is Access.KEY}
    idle = re.search(r"^\| (.*) \| nothing in this version \|$", PAGE, re.MULTILINE)

    assert rows("Keys and scopes") == set(SCOPES)
    assert idle is not None
    assert set(SCOPES) - used == set(WORD.findall(idle[1]))


def test_every_content_is_told() -> None:
    assert set(CONTENT_TYPES.values()) <= set(WORD.findall(section("Contents")))


def test_everything_that_a_request_may_say_is_told() -> None:
    assert rows("Sending") == {field.name for field in fields(SendRequest)}
    assert rows("Windows, routes and doubts") == {field.name for field in fields(Delivery)}


def test_every_status_reason_scope_and_level_is_told() -> None:
    told = rows("What becomes of a message")

    assert {status.value for status in PartStatus} - {"sending"} <= told
    assert {reason.value for reason in Reason} <= told
    assert {scope.value for scope in Scope} <= rows("What becomes of a message", 1)
    assert rows("What a channel makes of it") == {"level", *[level.value for level in Level]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: " ".join([*one][:2]))
def test_the_json_on_the_page_is_read(example: dict[str, Any]) -> None:
    for key, name in ANSWERS.items():
        if key in example:
            schema = {"components": STRICT["components"], **STRICT["components"]["schemas"][name]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(example)
            return
    request = example if "content" in example else {"to": TO, "content": example}
    decode.body(request, SendRequest)


def test_every_content_that_can_be_sent_has_an_example() -> None:
    shown = {example["type"] for example in EXAMPLES if "type" in example}

    assert set(decode.SENDABLE) <= shown


def test_the_numbers_of_the_limits_are_those_that_count() -> None:
    limits = LimitsConfig()

    assert f"{limits.key_per_second:.0f} a second, with a burst of {limits.key_burst}" in PAGE
    assert f"{PAGE_MAX} at most" in PAGE
