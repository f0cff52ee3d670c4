"""What `check --online` finds out about a page or an account."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from omni_actors.adapters import ADAPTERS
from omni_actors.adapters.contract import Checked
from omni_actors.adapters.instagram.oauth import NEEDED_FIELDS
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.messenger.oauth import FIELDS
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

PAGE, ACCOUNT, APP = "104500000000001", "17841400000000009", "990011223344"
FB = MessengerSettings(page_id=PAGE, app_id=APP)
LINKED = InstagramSettings(ig_id=ACCOUNT, login="facebook", page_id=PAGE, app_id=APP)
OWN = InstagramSettings(ig_id=ACCOUNT, app_id=APP)
GOOD = {"data": {"is_valid": True, "expires_at": 0, "scopes": []}}


def reply(told: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, body=json.dumps(told).encode())


def subscribed(*fields: str) -> HttpReply:
    return reply({"data": [{"id": APP, "subscribed_fields": list(fields)}]})


def found(settings: Any, *replies: HttpReply) -> dict[str, bool | None]:
    """The verdicts, by subject."""
    return {each.subject: each.ok for each in findings(settings, *replies)}


def findings(settings: Any, *replies: Any) -> Sequence[Checked]:
    platform = "messenger" if isinstance(settings, MessengerSettings) else "instagram"
    check = ADAPTERS[platform].check
    assert check is not None
    return play(check(settings), *replies)[1]


WELL = {"token": True, "account": True, "webhooks": True}


@pytest.mark.parametrize(
    ("settings", "replies"),
    [
        (FB, [reply(GOOD), reply({"id": PAGE, "name": "Tea"}), subscribed(*FIELDS)]),
        (
            LINKED,
            [
                reply(GOOD),
                reply({"id": PAGE, "instagram_business_account": {"id": ACCOUNT}}),
                subscribed(*NEEDED_FIELDS),
            ],
        ),
        (
            OWN,
            [
                reply({"user_id": ACCOUNT}),
                reply({"user_id": ACCOUNT, "username": "tea"}),
                subscribed(*NEEDED_FIELDS),
            ],
        ),
    ],
    ids=["page", "linked account", "own account"],
)
def test_all_is_well(settings: Any, replies: list[HttpReply]) -> None:
    assert found(settings, *replies) == WELL


@pytest.mark.parametrize(
    ("settings", "me", "named"),
    [
        (FB, {"id": "104500000000002", "name": "Coffee"}, "104500000000002"),
        (LINKED, {"name": "Tea", "instagram_business_account": {"id": "17841"}}, "17841"),
        (LINKED, {"name": "Tea"}, "link"),
        (OWN, {"user_id": "17841"}, "17841"),
    ],
)
def test_a_token_of_another_account_is_told(settings: Any, me: Any, named: str) -> None:
    first = reply({"user_id": ACCOUNT}) if settings is OWN else reply(GOOD)

    [_, account, _] = findings(settings, first, reply(me), subscribed(*FIELDS, *NEEDED_FIELDS))

    assert (account.subject, account.ok) == ("account", False)
    assert named in account.sentence


def test_a_bad_token_is_all_that_is_told() -> None:
    expired = {"error": {"code": 190, "error_subcode": 463, "message": "expired"}}

    [finding] = findings(FB, reply(expired, 400))

    assert (finding.subject, finding.ok) == ("token", False)
    assert "190/463" in finding.sentence


def test_rights_and_webhooks_that_are_missing_are_named() -> None:
    facts = {"data": {"is_valid": True, "expires_at": 1_790_000_000, "scopes": ["pages_show_list"]}}

    told = findings(FB, reply(facts), reply({"id": PAGE}), subscribed("messages"))

    by_subject = {each.subject: each for each in told}
    assert "September 2026" in by_subject["token"].sentence
    assert "pages_messaging" in by_subject["rights"].sentence
    assert "message_echoes" in by_subject["webhooks"].sentence


def test_an_app_that_is_not_installed_gets_no_webhooks() -> None:
    verdicts = found(FB, reply(GOOD), reply({"id": PAGE}), reply({"data": []}))

    assert verdicts["webhooks"] is False


def test_a_platform_out_of_reach_is_no_finding_about_the_channel() -> None:
    nobody = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE))

    with pytest.raises(SendFailure):
        findings(FB, nobody)
