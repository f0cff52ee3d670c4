"""What the error codes of Messenger and Instagram mean, row by row."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_actors.adapters.meta.error_table import CODES, EITHER, PAIRS, RANGES
from omni_actors.adapters.meta.errors import refusal, rule_of
from omni_actors.adapters.meta.graph import GraphError, Rule
from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.wire.calls import HttpReply

# What the platform's table says of each `code` or `code/subcode`: once (N), in a while (W), with
# patience (B), after the operator has acted (O), in doubt (D).
TABLE = {
    "N": """
        100 100/2018001 100/2018014 100/2018047 100/2018074 100/2018109 100/2018164 100/2018320
        100/2018328 100/2534014 100/2534015 100/2534025 100/2534037 100/2534068 2534068 9000001
        10/2018278 10/2534022 10/2018065 10/2018108 10/1404170 10/1893015 200/1545041 551
        551/1545041 506 230 9010 613/1893016 10303 10900 10903 10903/1893049 2018171 2018234
        2018300 2018218 2018247 200/2534066 24001 24005 2071000 2018144 2018166 2018389 2018396
    """,
    "W": "4 9/2018352 4/2018354 4/2018022 17 17/2446079 32 341 613 613/2534040 80001 80002 80006",
    "B": "2 1200 2018321 100/2018008 100/2018294",
    "O": """
        3 10 10/1893063 10/2534077 100/33 100/2534013 100/2534029 102 190 190/458 190/459 190/460
        190/463 190/464 190/467 200 200/2018021 200/2018027 200/2018028 200/2534041
        368 613/2018338 2022 2/2018344 1/99 10904 10904/1893050 36103
    """,
    "D": "1 1/1357046",
}
KINDS = {
    "N": Kind.REJECTED,
    "W": Kind.THROTTLED,
    "B": Kind.TRANSIENT,
    "O": Kind.BROKEN,
    "D": Kind.UNKNOWN,
}
ROWS = [(code, KINDS[advice]) for advice, codes in TABLE.items() for code in codes.split()]
SENTENCE = re.compile(r"[A-Z].{15,}\.")


def error(named: str) -> GraphError:
    code, _, subcode = named.partition("/")
    return GraphError(int(code), "", int(subcode) if subcode else None)


def rules() -> Iterator[tuple[str, Rule]]:
    """Every row as the page for operators names it."""
    for code, rule in CODES.items():
        yield str(code), rule
    for number, rule in EITHER.items():
        yield str(number), rule
    for (code, subcode), rule in PAIRS.items():
        yield f"{code}, subcode {subcode}", rule
    for low, high, rule in RANGES:
        yield f"{low}-{high}", rule


@pytest.mark.parametrize(("named", "kind"), ROWS)
def test_every_code_asks_for_what_the_table_says(named: str, kind: Kind) -> None:
    assert rule_of(error(named)).kind is kind


def test_every_rule_is_in_the_table() -> None:
    walked = [error(named) for named, _kind in ROWS]
    numbers = {each.code for each in walked} | {each.subcode for each in walked}

    assert set(CODES) <= {each.code for each in walked}
    assert set(EITHER) <= numbers
    assert set(PAIRS) <= {(each.code, each.subcode) for each in walked}
    assert all(any(low <= n <= high for n in numbers if n) for low, high, _rule in RANGES)


@pytest.mark.parametrize("number", EITHER)
def test_a_large_number_means_the_same_as_a_code_and_as_a_subcode(number: int) -> None:
    assert rule_of(GraphError(number, "")) == rule_of(GraphError(100, "", number))


SCOPES = {
    Scope.APP: {"4", "341"},
    Scope.ACCOUNT: {"80001", "80002", "80006"},
    Scope.CHANNEL: {"17", "17/2446079", "32", "613", "613/2534040", "4/2018022"},
    Scope.LEG: {"4/2018354"},
}


@pytest.mark.parametrize(("named", "kind"), ROWS)
def test_every_code_concerns_no_more_than_it_must(named: str, kind: Kind) -> None:
    wider = next((scope for scope, codes in SCOPES.items() if named in codes), Scope.PART)

    assert rule_of(error(named)).scope is (Scope.CHANNEL if kind is Kind.BROKEN else wider)


@pytest.mark.parametrize("named", ["4", "17", "17/2446079", "32", "341", "80001", "80002", "80006"])
def test_a_budget_that_is_used_up_is_left_alone_for_a_minute_at_least(named: str) -> None:
    assert rule_of(error(named)).retry_after_s == 60.0


@pytest.mark.parametrize(("named", "kind"), ROWS)
def test_every_code_says_in_a_sentence_what_to_do(named: str, kind: Kind) -> None:
    told = error(named)
    document = {"error": {"message": "no", "code": told.code, "error_subcode": told.subcode}}

    failure = refusal(HttpReply(400, body=json.dumps(document).encode()), repeatable=False)

    assert (failure.kind, failure.code) == (kind, named)
    assert SENTENCE.fullmatch(failure.advice or "")


REASONS = {
    "10/2018278": Reason.OUTSIDE_WINDOW,
    "10/2534022": Reason.OUTSIDE_WINDOW,
    "10/2018065": Reason.OUTSIDE_WINDOW,
    "100/2018001": Reason.RECIPIENT_INVALID,
    "100/2018008": Reason.MEDIA_UNREACHABLE,
    "100/2018109": Reason.MEDIA_TOO_LARGE,
    "190/463": Reason.CREDENTIALS_EXPIRED,
    "200": Reason.PERMISSION_DENIED,
    "368": Reason.POLICY_REJECTED,
    "551": Reason.RECIPIENT_UNREACHABLE,
    "613": Reason.RATE_LIMITED,
}


@pytest.mark.parametrize(("named", "reason"), REASONS.items())
def test_the_well_known_codes_have_their_reasons(named: str, reason: Reason) -> None:
    assert rule_of(error(named)).reason is reason


UNKNOWN = {
    "transient by its own word": (True, 400, Kind.TRANSIENT),
    "lasting by its own word": (False, 503, Kind.REJECTED),
    "silent, with a status of the server": (None, 500, Kind.TRANSIENT),
    "silent, with a status of the client": (None, 400, Kind.REJECTED),
}


@pytest.mark.parametrize(("transient", "status", "kind"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_an_unknown_code_is_judged_by_its_hint(
    transient: bool | None, status: int, kind: Kind
) -> None:
    assert rule_of(GraphError(999_999, "", None, transient), status).kind is kind


def test_the_operators_page_lists_every_row() -> None:
    page = (Path(__file__).parents[3] / "docs" / "messenger.md").read_text()
    section = page.partition("\n## Errors\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    told = {cells[0].strip(): (cells[1].strip(), cells[-1].strip()) for cells in rows}

    wanted = {name: (rule.reason.value, rule.sentence) for name, rule in rules()}
    assert {name: told.get(name) for name in wanted} == wanted
