"""What WhatsApp's error codes mean, row by row."""

import json
import re
from pathlib import Path

import pytest

from omni_actors.adapters.meta.graph import GraphError
from omni_actors.adapters.whatsapp.error_table import RANGES, RULES, TOKENS
from omni_actors.adapters.whatsapp.errors import (
    answer,
    failure_in,
    refusal,
    rule_of,
)
from omni_actors.model.failure import Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import HttpReply

# What the platform's table says of each code: once (N), in a while (W), with patience (B), after
# the operator has acted (O), in another way (S).
TABLE = {
    "N": """
        100 12455 130403 130472 130497 130501 131008 131009 131020 131041 131021 131026 131030
        131050 131051 131052 131055 131060 132000 132001 132005 132007 132008 132012 132015 132016
        132068
        134100 135000 138000 138013 139000 139004 139100 139103 147001 147005 2388000 2388039
        2388040 2388047 2388072 2388073 2388293 2388299 2388999 2593000 2593107 2593108 2593109
        2593999 131201 131202 131203 131204 131207 131211 131212 131213 131214 131215
    """,
    "W": "4 613 131208 80007 80008 130429 131048 131056 131064 132069 133016",
    "B": "1 2 131000 131016 131053 131057 133004 134101",
    "O": """
        0 3 10 33 104 190 200 234 299 368 131005 131031 131037 131042 131044 131045 133000 133005
        133006 133008 133009 133010 133015 134011 134102 2494000 2494055 2494999
    """,
    "S": "131047 131049 131059 131062 131063 137000 2388019",
}
KINDS = {
    "N": Kind.REJECTED,
    "W": Kind.THROTTLED,
    "B": Kind.TRANSIENT,
    "O": Kind.BROKEN,
    "S": Kind.REJECTED,
}
ROWS = [(int(code), KINDS[advice]) for advice, codes in TABLE.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_every_code_asks_for_what_the_table_says(code: int, kind: Kind) -> None:
    assert rule_of(GraphError(code, "")).kind is kind


def test_every_rule_is_in_the_table() -> None:
    walked = {code for code, _kind in ROWS}

    assert set(RULES) <= walked
    assert all(any(low <= code <= high for code in walked) for low, high, _rule in RANGES)


def test_a_broken_code_concerns_more_than_its_part() -> None:
    broken = [rule for rule in RULES.values() if rule.kind is Kind.BROKEN]

    assert {rule.scope for rule in broken} == {Scope.CHANNEL}


# Whom a code concerns, where that is more than the one message, by the table's last column.
SCOPES = {
    Scope.APP: {4},
    Scope.ACCOUNT: {80007},
    Scope.CHANNEL: {2, 130429, 131016, 131057, 133004},
    Scope.OUTREACH: {131048, 131064},
    Scope.LEG: {131056},
}


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_every_code_concerns_no_more_than_it_must(code: int, kind: Kind) -> None:
    wider = next((scope for scope, codes in SCOPES.items() if code in codes), Scope.PART)
    wanted = Scope.CHANNEL if kind is Kind.BROKEN else wider

    assert rule_of(GraphError(code, "")).scope is wanted


SENTENCE = re.compile(r"[A-Z].{15,}\.")


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_every_code_says_in_a_sentence_what_to_do(code: int, kind: Kind) -> None:
    failure = failure_in({"code": code, "message": "in the platform's words"})

    assert failure.kind is kind
    assert SENTENCE.fullmatch(failure.advice or "")


@pytest.mark.parametrize("subcode", TOKENS)
def test_a_refused_token_says_why(subcode: int) -> None:
    rule = rule_of(GraphError(190, "", subcode))

    assert rule.reason is Reason.CREDENTIALS_EXPIRED
    assert rule.sentence == TOKENS[subcode]


def test_the_operators_page_lists_every_row() -> None:
    page = (Path(__file__).parents[3] / "docs" / "whatsapp.md").read_text()
    section = page.partition("\n## Errors\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    told = {cells[0].strip(): (cells[1].strip(), cells[-1].strip()) for cells in rows}

    wanted = {str(code): (rule.reason.value, rule.sentence) for code, rule in RULES.items()}
    wanted |= {f"{low}-{high}": (rule.reason.value, rule.sentence) for low, high, rule in RANGES}
    wanted |= {
        f"190, subcode {subcode}": (Reason.CREDENTIALS_EXPIRED.value, sentence)
        for subcode, sentence in TOKENS.items()
    }
    assert {code: told.get(code) for code in wanted} == wanted


REASONS = {
    0: Reason.CREDENTIALS_EXPIRED,
    190: Reason.CREDENTIALS_EXPIRED,
    10: Reason.PERMISSION_DENIED,
    200: Reason.PERMISSION_DENIED,
    131026: Reason.RECIPIENT_UNREACHABLE,
    131047: Reason.OUTSIDE_WINDOW,
    131048: Reason.RATE_LIMITED,
    131049: Reason.POLICY_REJECTED,
    131050: Reason.RECIPIENT_NOT_OPTED_IN,
    131053: Reason.MEDIA_UNREACHABLE,
    131056: Reason.PAIR_RATE_LIMITED,
    131062: Reason.NO_IDENTITY,
    132000: Reason.TEMPLATE_PARAMS,
    132001: Reason.TEMPLATE_MISSING,
    132015: Reason.TEMPLATE_PAUSED,
}


@pytest.mark.parametrize(("code", "reason"), REASONS.items())
def test_the_well_known_codes_have_their_reasons(code: int, reason: Reason) -> None:
    assert rule_of(GraphError(code, "")).reason is reason


def test_the_pair_limit_leaves_the_wait_to_us() -> None:
    assert rule_of(GraphError(131056, "")).retry_after_s is None


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
    rule = rule_of(GraphError(999_999, "", None, transient), status)

    assert rule.kind is kind
    assert rule.attempts_max == (3 if kind is Kind.TRANSIENT else None)


def test_a_missing_object_breaks_the_channel() -> None:
    assert rule_of(GraphError(100, "", 33)).reason is Reason.CHANNEL_MISCONFIGURED
    assert rule_of(GraphError(100, "", 34)).reason is Reason.BAD_REQUEST


def test_a_code_means_the_same_in_an_answer_and_in_a_webhook() -> None:
    error: JsonObject = {
        "code": 131026,
        "message": "Undeliverable",
        "error_data": {"details": "No account"},
    }

    answered = refusal(HttpReply(400, {}, json.dumps({"error": error}).encode()))

    assert answered == failure_in(error)


def test_an_error_object_in_a_good_answer_is_a_refusal() -> None:
    with pytest.raises(SendFailure) as refused:
        answer(HttpReply(200, {}, b'{"error":{"code":131026}}'), repeatable=False)

    assert refused.value.failure.reason is Reason.RECIPIENT_UNREACHABLE


def test_an_answer_too_deep_to_read_is_an_empty_one() -> None:
    assert answer(HttpReply(200, {}, b"[" * 200_000), repeatable=False) == {}
