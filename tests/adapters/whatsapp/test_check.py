"""The online check of a number."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.whatsapp.check import check
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

NUMBER = WhatsAppSettings("770011223344556")
WITH_ACCOUNT = WhatsAppSettings("770011223344556", waba_id="900100200300400")


def answered(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def test_a_good_number_has_good_findings() -> None:
    calls, findings = play(
        check(WITH_ACCOUNT),
        answered(
            {
                "display_phone_number": "+44 20 7946 0100",
                "verified_name": "Omni Shop",
                "status": "CONNECTED",
                "quality_rating": "GREEN",
                "health_status": {"can_send_message": "AVAILABLE"},
            }
        ),
        answered({"data": [{"whatsapp_business_api_data": {"name": "Omni"}}]}),
    )

    assert calls[0].query["fields"].startswith("verified_name,display_phone_number,")
    assert calls[1].url == "https://graph.facebook.com/v25.0/900100200300400/subscribed_apps"
    assert [(finding.subject, finding.sentence) for finding in findings] == [
        ("number", "+44 20 7946 0100 answers as Omni Shop"),
        ("status", "the number is CONNECTED"),
        ("quality", "the quality rating is GREEN"),
        ("health", "sending is AVAILABLE"),
        ("webhooks", "1 app(s) receive the account's webhooks"),
    ]
    assert all(finding.ok for finding in findings)


def test_a_bad_number_is_told_what_to_do() -> None:
    errors = [{"error_description": "No payment method"}, {"possible_solution": "Verify"}, {}]
    _calls, findings = play(
        check(WITH_ACCOUNT),
        answered(
            {
                "status": "DISCONNECTED",
                "quality_rating": "RED",
                "health_status": {"can_send_message": "BLOCKED", "entities": [{"errors": errors}]},
            }
        ),
        answered({"data": []}),
    )

    assert [(finding.ok, finding.sentence) for finding in findings] == [
        (True, "a number without a display number answers"),
        (False, "the number is DISCONNECTED; register it, as doctor does with --register"),
        (False, "the quality rating is RED; customers block or report it, so write to them less"),
        (False, "sending is BLOCKED: No payment method; Verify"),
        (
            False,
            "no app receives the account's webhooks; "
            "subscribe yours to the account, as doctor does with --subscribe",
        ),
    ]


REFUSALS = {
    190: "the access token is not valid; make a new one (190: no)",
    200: "the access token lacks a permission, or access to the account (200: no)",
    33: "the id is not known to the platform; compare it (33: no)",
    1: "the platform refused the question (1: no)",
}


@pytest.mark.parametrize(("code", "sentence"), REFUSALS.items())
def test_a_refusal_is_a_finding(code: int, sentence: str) -> None:
    refusal = answered({"error": {"code": code, "message": "no"}}, 400)

    _calls, of_number = play(check(WITH_ACCOUNT), refusal)
    _calls, of_account = play(check(WITH_ACCOUNT), answered({}), refusal)

    assert of_number == [Checked("number", False, sentence)]
    assert of_account[-1] == Checked("webhooks", False, sentence)


def test_an_account_that_is_not_known_is_not_asked() -> None:
    calls, findings = play(check(NUMBER), answered({"display_phone_number": "+44 20 7946 0100"}))

    assert len(calls) == 1
    assert [finding.subject for finding in findings] == ["number"]


def test_a_platform_that_cannot_be_reached_is_not_a_finding() -> None:
    away = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE))

    with pytest.raises(SendFailure):
        play(check(NUMBER), away)
