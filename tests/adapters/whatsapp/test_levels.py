"""What a number's profile tells of its limits."""

import json
from typing import Any

import pytest

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.levels import limits_in
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Reason, SendFailure
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

PROFILES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "the usual level": ({"throughput": {"level": "STANDARD"}}, {"per_second": 80}),
    "the higher level": ({"throughput": {"level": "HIGH"}}, {"per_second": 1000}),
    "a level that nobody knows": ({"throughput": {"level": "NOT_APPLICABLE"}}, {}),
    "no level": ({"throughput": {}}, {}),
    "what is no throughput": ({"throughput": "HIGH"}, {}),
    "the Business app": ({"is_on_biz_app": True}, {"per_second": 20}),
    "the Business app, whatever its level": (
        {"is_on_biz_app": True, "throughput": {"level": "HIGH"}},
        {"per_second": 20},
    ),
    "a tier": (
        {"whatsapp_business_manager_messaging_limit": "TIER_2K"},
        {"users_per_day": 2000},
    ),
    "no tier's end": (
        {"whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED"},
        {"users_per_day": None},
    ),
    "a tier that nobody knows": ({"whatsapp_business_manager_messaging_limit": "TIER_?"}, {}),
}


@pytest.mark.parametrize(("profile", "limits"), PROFILES.values(), ids=PROFILES.keys())
def test_a_profile_tells_the_limits_as_news_would(
    profile: dict[str, Any], limits: dict[str, Any]
) -> None:
    assert limits_in(profile) == limits


def test_a_number_is_asked_for_no_more_than_that() -> None:
    assert WHATSAPP.limits is not None
    reply = HttpReply(200, {}, json.dumps({"throughput": {"level": "HIGH"}}).encode())

    calls, told = play(WHATSAPP.limits(WhatsAppSettings("770011223344556")), reply)

    assert told == {"per_second": 1000}
    [call] = calls
    assert (call.method, call.url.rpartition("/")[2]) == ("GET", "770011223344556")
    assert set(call.query["fields"].split(",")) == {
        "is_on_biz_app",
        "throughput",
        "whatsapp_business_manager_messaging_limit",
    }


def test_a_refusal_is_told() -> None:
    assert WHATSAPP.limits is not None
    reply = HttpReply(401, {}, json.dumps({"error": {"code": 190, "message": "no"}}).encode())

    with pytest.raises(SendFailure) as refused:
        play(WHATSAPP.limits(WhatsAppSettings("770011223344556")), reply)

    assert refused.value.failure.reason is Reason.CREDENTIALS_EXPIRED
