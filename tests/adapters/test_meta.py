"""The hook of the Meta platforms, and the errors of the Graph API."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.adapters.meta.graph import (
    NO_CODE,
    GraphError,
    Rule,
    failure_of,
    graph_error,
    masked,
    read_error,
    retry_after_s,
)
from omni_actors.adapters.meta.graph import (
    usage as usage_of,
)
from omni_actors.adapters.meta.hook import (
    META,
    OBJECTS,
    MetaSecrets,
    authenticate,
    dispatch,
    handshake,
)
from omni_actors.model.failure import Kind, Reason, Scope
from omni_actors.model.json import Json
from omni_actors.model.limits import Usage
from omni_actors.wire.calls import HttpReply

SECRETS = MetaSecrets(("omni-older-secret", "omni-test-secret"), "omni-verify")
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
SIGNATURE = "sha256=218a9b985cc97cd0b93bd9710a43fdd83f50df2ac05175a5961373f26e12360a"
ESCAPED = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"900100200300400","changes":'
    b'[{"field":"messages","value":{"messaging_product":"whatsapp","note":"ol\\u00e1"}}]}]}'
)
ESCAPED_SIGNATURE = "sha256=c60e9801dba73efe5351dc8d0babde2a37a3de96995ec06020689011f8694885"


def query(**changed: str) -> dict[str, str]:
    given = {"mode": "subscribe", "verify_token": "omni-verify", "challenge": "1158201444"}
    return {f"hub.{name}": value for name, value in {**given, **changed}.items()}


def test_a_subscription_with_our_token_is_answered_with_its_challenge() -> None:
    assert handshake(query(), SECRETS) == "1158201444"


REFUSED = {
    "another token": query(verify_token="omni-verif"),
    "a token beyond ASCII": query(verify_token="ömni\ud800"),
    "another mode": query(mode="unsubscribe"),
    "markup for a challenge": query(challenge="<script>"),
    "an empty challenge": query(challenge=""),
    "nothing at all": {},
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_handshake_is_refused(given: dict[str, str]) -> None:
    assert handshake(given, SECRETS) is None


@pytest.mark.parametrize(
    ("raw", "signature"), [(BODY, SIGNATURE), (ESCAPED, ESCAPED_SIGNATURE)], ids=["plain", "\\u"]
)
def test_any_of_the_secrets_may_have_signed_the_raw_bytes(raw: bytes, signature: str) -> None:
    assert authenticate({"x-hub-signature-256": signature}, raw, SECRETS)
    assert authenticate({"host": "h", "X-Hub-Signature-256": signature}, raw, SECRETS)


def test_bytes_that_nobody_signed_are_refused() -> None:
    stranger = MetaSecrets(("another",), "omni-verify")

    assert not authenticate({"x-hub-signature-256": SIGNATURE}, BODY + b" ", SECRETS)
    assert not authenticate({"x-hub-signature-256": SIGNATURE}, BODY, stranger)
    assert not authenticate({"x-hub-signature": SIGNATURE}, BODY, SECRETS)


def test_secrets_are_not_printed() -> None:
    assert "omni" not in repr(SECRETS)


@pytest.mark.parametrize("secrets", [(), ("",), ("good", "")])
def test_a_hook_without_a_good_secret_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="at least one app secret"):
        MetaSecrets(secrets, "omni-verify")


def test_a_hook_without_a_verify_token_is_refused() -> None:
    with pytest.raises(ValueError, match="verify_token must not be empty"):
        MetaSecrets(("s",), "")


def test_documents_go_to_the_platform_that_their_object_names() -> None:
    assert dispatch({"object": "whatsapp_business_account"}) == "whatsapp"
    assert dispatch([{"object": "instagram"}]) == "instagram"


@pytest.mark.parametrize("document", [{"object": "user"}, {"object": ["page"]}, {}, [], None])
def test_a_document_for_anyone_else_goes_nowhere(document: Json) -> None:
    assert dispatch(document) is None


def test_every_platform_of_the_hook_has_an_adapter() -> None:
    assert set(OBJECTS.values()) <= set(ADAPTERS)
    assert HOOK_KINDS["meta"] is META


def reply(status: int, document: object = None, **headers: str) -> HttpReply:
    body = b"" if document is None else json.dumps(document).encode()
    return HttpReply(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def test_an_error_of_the_graph_is_read_whole() -> None:
    error = graph_error(
        reply(
            400,
            {
                "error": {
                    "message": "(#130429) Rate limit hit",
                    "code": 130429,
                    "error_subcode": 2494055,
                    "is_transient": False,
                    "error_data": {"details": "Throughput has been reached."},
                }
            },
        )
    )

    text = "(#130429) Rate limit hit: Throughput has been reached."
    assert error == GraphError(130429, text, 2494055, False)


def test_an_error_without_a_code_names_none() -> None:
    failure = failure_of(reply(400, {"error": {"message": "no"}}), rule_of, repeatable=False)

    assert (failure.code, failure.text) == (None, "no")


def test_an_error_is_read_with_anything_missing() -> None:
    assert read_error({}) == GraphError(NO_CODE, "")
    assert read_error({"title": "Odd", "error_data": "why"}) == GraphError(NO_CODE, "Odd: why")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"no"}', b"[" * 200_000])
def test_an_answer_without_an_error_object_carries_none(body: bytes) -> None:
    assert graph_error(HttpReply(500, {}, body)) is None


def test_a_token_in_the_platforms_words_is_masked() -> None:
    token = "EAAG" + "x7" * 40

    assert masked(f"Malformed access token {token}.") == "Malformed access token …"
    assert masked(f"The token {token} is bad") == "The token … is bad"
    assert masked("Error validating access token: Session ended").endswith("token: Session ended")


def test_an_id_of_a_message_is_not_masked() -> None:
    wording = "wamid.HBgMNDQ3NzAwOTAwMTIzFQIAERgSQUJDREVGMDEyMzQ1Njc4OQA was deleted"

    assert masked(wording) == wording


def rule_of(error: GraphError, status: int) -> Rule:
    kind = Kind.THROTTLED if error.code == 4 else Kind.REJECTED
    return Rule(kind, Reason.RATE_LIMITED, Scope.APP, retry_after_s=7.0)


def test_a_throttled_call_waits_as_long_as_the_platform_asks() -> None:
    error = {"error": {"code": 4}}

    asked = failure_of(reply(429, error, retry_after="30"), rule_of, repeatable=False)
    silent = failure_of(reply(429, error), rule_of, repeatable=False)
    rejected = failure_of(
        reply(400, {"error": {"code": 5}}, retry_after="30"), rule_of, repeatable=False
    )

    assert (asked.retry_after_s, silent.retry_after_s, rejected.retry_after_s) == (30.0, 7.0, 7.0)


WORDLESS = {
    "too many requests": (429, False, Kind.THROTTLED),
    "a proxy that wants a password": (401, False, Kind.BROKEN),
    "a wall": (403, False, Kind.BROKEN),
    "a redirect": (302, False, Kind.BROKEN),
    "a wrong address": (404, False, Kind.REJECTED),
    "a request that timed out": (408, False, Kind.UNKNOWN),
    "a bad gateway": (502, False, Kind.UNKNOWN),
    "a bad gateway before a repeatable call": (502, True, Kind.TRANSIENT),
}


@pytest.mark.parametrize(("status", "repeatable", "kind"), WORDLESS.values(), ids=WORDLESS.keys())
def test_an_answer_without_words_is_judged_by_its_status(
    status: int, repeatable: bool, kind: Kind
) -> None:
    failure = failure_of(reply(status), rule_of, repeatable=repeatable)

    assert (failure.kind, failure.code, failure.text) == (kind, str(status), f"HTTP {status}")


def usage(minutes: object, type: str = "whatsapp") -> str:
    budget = {"type": type, "estimated_time_to_regain_access": minutes}
    return json.dumps({"9001": [budget, None], "9002": None})


def test_the_wait_is_read_from_either_header() -> None:
    app = Scope.APP
    both = reply(429, retry_after="12.5", x_business_use_case_usage=usage(2))
    assert retry_after_s(both, app) == 12.5
    assert retry_after_s(reply(429, retry_after="-1"), app) is None
    assert retry_after_s(reply(429, x_business_use_case_usage=usage(2)), app) == 120.0
    assert retry_after_s(reply(429, x_business_use_case_usage=usage(0)), app) is None
    assert retry_after_s(reply(429, x_business_use_case_usage="{"), app) is None
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert retry_after_s(reply(429, retry_after=date), app) is None


@pytest.mark.parametrize("scope", Scope)
def test_a_budget_says_only_when_it_is_free_itself(scope: Scope) -> None:
    sending = reply(400, x_business_use_case_usage=usage(45))
    management = reply(400, x_business_use_case_usage=usage(45, "whatsapp_business_management"))

    wide = scope in (Scope.ACCOUNT, Scope.APP)
    assert retry_after_s(sending, scope) == (2700.0 if wide else None)
    assert retry_after_s(management, scope) == (2700.0 if scope is Scope.PART else None)


@pytest.mark.slow
@given(st.text(max_size=80))
def test_a_challenge_is_never_markup(challenge: str) -> None:
    answered = handshake(query(challenge=challenge), SECRETS)

    assert answered is None or not set(answered) & set("<>&'\"")


USED = {
    "x-app-usage": '{"call_count":12,"total_cputime":83,"total_time":4}',
    "x-business-use-case-usage": json.dumps(
        {
            "900": [
                {"type": "whatsapp_business_management", "call_count": 99},
                {
                    "type": "whatsapp",
                    "call_count": 100,
                    "total_time": 7,
                    "estimated_time_to_regain_access": 15,
                },
            ]
        }
    ),
}


def test_usage_is_told_of_the_app_and_of_the_account_as_far_as_it_is_about_sending() -> None:
    assert usage_of(HttpReply(200, USED)) == (
        Usage(Scope.APP, 83.0),
        Usage(Scope.ACCOUNT, 100.0, regain_s=900.0),
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-app-usage": "no json"},
        {"x-business-use-case-usage": '{"900": "odd", "901": [3, null, {"type": null}]}'},
        {"x-business-use-case-usage": "[" * 100_000},
    ],
)
def test_headers_that_say_nothing_stop_nothing(headers: dict[str, str]) -> None:
    assert all(found.percent == 0.0 for found in usage_of(HttpReply(400, headers)))
