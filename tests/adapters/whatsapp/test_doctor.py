"""The examination of a number: what it asks, what it says, and what it mends."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from omni_actors.adapters.contract import Checked, OurHook, Visit
from omni_actors.adapters.whatsapp.doctor import doctor
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.webhook_fields import MESSAGES, wanted_fields
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply
from tests.adapters.kit import play

NOW = 1_790_000_000.0
APP, WABA, KEY = "70001", "900100200300400", "770011223344556"
HOOK_URL = "https://hooks.example/webhooks/meta"
SETTINGS = WhatsAppSettings(KEY, waba_id=WABA, app_id=APP)
HOOK = OurHook("meta", "meta", HOOK_URL, "verify-word", signed=True)
VISIT = Visit(NOW, (HOOK,), app_secret=True)

SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]
TOKEN = {
    "app_id": APP,
    "is_valid": True,
    "expires_at": 0,
    "scopes": SCOPES,
    "granular_scopes": [{"scope": scope, "target_ids": [WABA]} for scope in SCOPES],
}
NUMBER = {
    "display_phone_number": "+44 20 7946 0100",
    "verified_name": "Omni Shop",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "platform_type": "CLOUD_API",
    "is_on_biz_app": False,
    "throughput": {"level": "STANDARD"},
    "webhook_configuration": {"application": HOOK_URL},
    "whatsapp_business_manager_messaging_limit": "TIER_2K",
    "health_status": {"can_send_message": "AVAILABLE", "entities": []},
}
DONE = {"success": True}


def answered(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def refused(code: int, status: int = 400) -> HttpReply:
    return answered({"error": {"code": code, "message": "no"}}, status)


def token(**changes: Any) -> HttpReply:
    return answered({"data": {**TOKEN, **changes}})


def number(**changes: Any) -> HttpReply:
    return answered({**NUMBER, **changes})


def apps(*ids: str) -> HttpReply:
    return answered({"data": [{"whatsapp_business_api_data": {"id": each}} for each in ids]})


def fields(
    *names: str, url: str = HOOK_URL, object_: str = "whatsapp_business_account", **more: Any
) -> HttpReply:
    listed = [{"name": name, "version": "v25.0"} for name in names]
    one = {"object": object_, "callback_url": url, "active": True, "fields": listed, **more}
    return answered({"data": [one]})


ALL_FIELDS = sorted(wanted_fields(coexists=False))


def examined(
    *replies: HttpReply | SendFailure,
    settings: WhatsAppSettings = SETTINGS,
    visit: Visit = VISIT,
) -> tuple[list[HttpCall], list[Checked]]:
    """Play an examination; replies that are left out are those of a number that is well."""
    well = (token(), number(), apps(APP), fields(*ALL_FIELDS))
    calls, found = play(doctor(settings, visit), *replies, *well[len(replies) :])
    return calls, list(found)


def bad(found: Sequence[Checked]) -> dict[str, str]:
    return {each.subject: each.sentence for each in found if each.ok is False}


def notes(found: Sequence[Checked]) -> dict[str, str]:
    return {each.subject: each.sentence for each in found if each.ok is None}


def test_a_number_that_is_well_is_told_so_in_sentences() -> None:
    calls, found = examined()

    assert [(call.method, call.url.partition("/v25.0/")[2], call.auth) for call in calls] == [
        ("GET", "debug_token", Auth.INSPECT),
        ("GET", KEY, Auth.PROOF),
        ("GET", f"{WABA}/subscribed_apps", Auth.PROOF),
        ("GET", f"{APP}/subscriptions", Auth.APP),
    ]
    assert all(each.ok for each in found)
    assert [f"{each.subject}: {each.sentence}" for each in found] == [
        "token: the access token is valid and does not expire",
        "scopes: the access token may send and manage",
        "account: the access token reaches the account 900100200300400",
        "app: the access token is of the app 70001",
        "number: +44 20 7946 0100 answers as Omni Shop",
        "status: the number is CONNECTED",
        "quality: the quality rating is GREEN",
        "health: sending is AVAILABLE",
        "throughput: 80 messages a second, both directions together",
        "limit: all numbers of the portfolio may write to at most 2,000 people first within 24 "
        "hours",
        "webhooks: the app 70001 receives the account's webhooks",
        "fields: the app gets messages",
        f"callback: the webhooks go to {HOOK_URL}, which is hook meta",
        "secret: the hook knows the app secret that signs the webhooks",
    ]


# ---------------------------------------------------------------- the token

DAY_S = 86_400
BAD_TOKENS: dict[str, tuple[dict[str, Any], str, str]] = {
    "expired": ({"expires_at": NOW - 60}, "token", "expired at 2026-09-21 14:12 UTC; make a new"),
    "expires soon": ({"expires_at": NOW + DAY_S}, "token", "expires soon, at 2026-09-22"),
    "cannot send": (
        {"scopes": SCOPES[:1]},
        "scopes",
        "lacks whatsapp_business_messaging, so that nothing can be sent",
    ),
    "cannot manage": ({"scopes": SCOPES[1:]}, "scopes", "lacks whatsapp_business_management"),
    "is for another account": (
        {"granular_scopes": [{"scope": SCOPES[0], "target_ids": ["123456"]}]},
        "account",
        f"is for 123456 and not for waba_id {WABA}; assign",
    ),
    "is of another app": ({"app_id": "80002"}, "app", "of the app 80002 and not of app_id 70001"),
}


@pytest.mark.parametrize("label", BAD_TOKENS)
def test_a_token_is_bad_that(label: str) -> None:
    changes, subject, sentence = BAD_TOKENS[label]

    _calls, found = examined(token(**changes), number(), apps(APP, "80002"))

    assert list(bad(found)) == [subject]
    assert sentence in bad(found)[subject]


def test_a_token_that_lasts_says_for_how_long() -> None:
    _calls, found = examined(token(expires_at=NOW + 60 * DAY_S))

    assert found[0].sentence == "the access token is valid for 60 days, until 2026-11-20 14:13 UTC"


DEAD_TOKENS: dict[str, tuple[HttpReply, str]] = {
    "refused": (refused(190, 401), "not valid; make a new one (190: no)"),
    "expired": (
        token(is_valid=False, error={"subcode": 463, "message": "x"}),
        "not valid: it has expired; make a new one",
    ),
    "of another secret": (refused(104, 401), "app_secret is not the secret of the app"),
    "withdrawn": (token(is_valid=False, error={"message": "Gone"}), "not valid: Gone;"),
}


@pytest.mark.parametrize("label", DEAD_TOKENS)
def test_nothing_else_is_asked_with_a_token_that_is(label: str) -> None:
    reply, sentence = DEAD_TOKENS[label]

    calls, found = play(doctor(SETTINGS, VISIT), reply)

    assert (len(calls), [each.ok for each in found]) == (1, [False])
    assert sentence in found[0].sentence


def test_a_token_that_may_not_be_looked_at_ends_nothing() -> None:
    _calls, found = examined(refused(100))

    assert list(bad(found)) == ["token"]
    assert "status" in {each.subject for each in found}


def test_a_platform_that_is_away_is_a_finding() -> None:
    away = SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE, text="refused"))

    _calls, found = play(doctor(SETTINGS, VISIT), away)

    assert found == [
        Checked("token", False, "the platform cannot be asked now; try again (refused)")
    ]


# ---------------------------------------------------------------- what the config leaves out


def test_what_the_config_does_not_name_is_taken_from_the_token() -> None:
    bare = WhatsAppSettings(KEY)

    calls, found = play(
        doctor(bare, Visit(NOW, (HOOK,))), token(), number(webhook_configuration={}), apps(APP)
    )

    assert calls[2].url.endswith(f"/{WABA}/subscribed_apps")
    assert bad(found) == {}
    assert notes(found) == {
        "account": "the config does not name the account: put waba_id there; the token is for "
        f"{WABA}",
        "fields": "the app's webhook fields cannot be seen: put app_id and app_secret into the "
        f"config; the access token is of the app {APP}",
        "callback": "where the webhooks go cannot be seen; in the App Dashboard, under WhatsApp > "
        f"Configuration, the callback URL must be {HOOK_URL}, with the hook's verify_token",
    }


def test_an_account_that_nobody_names_is_not_asked() -> None:
    bare = WhatsAppSettings(KEY, app_id=APP)

    calls, found = play(
        doctor(bare, VISIT), token(granular_scopes=[]), number(), fields(*ALL_FIELDS)
    )

    assert len(calls) == 3
    assert set(notes(found)) == {"account", "webhooks"}


# ---------------------------------------------------------------- the number

BAD_NUMBERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "not registered": ({"status": "DISCONNECTED"}, "status", "register it, as doctor does"),
    "disliked": ({"quality_rating": "RED"}, "quality", "customers block or report it"),
    "elsewhere": ({"platform_type": "ON_PREMISE"}, "platform", "not on the Cloud API"),
    "limited": (
        {
            "health_status": {
                "can_send_message": "LIMITED",
                "entities": [{"additional_info": ["Display name not approved"]}],
            }
        },
        "health",
        "sending is LIMITED: Display name not approved",
    ),
    "blocked": (
        {
            "health_status": {
                "can_send_message": "BLOCKED",
                "entities": [
                    {"errors": [{"error_description": "No card", "possible_solution": "Add one"}]}
                ],
            }
        },
        "health",
        "sending is BLOCKED: No card; Add one",
    ),
    "with webhooks elsewhere": (
        {
            "webhook_configuration": {
                "phone_number": "https://old.example/",
                "application": HOOK_URL,
            }
        },
        "callback",
        "go to https://old.example/, which is no hook of this config; the phone_number overrides",
    ),
}


@pytest.mark.parametrize("label", BAD_NUMBERS)
def test_a_number_is_bad_that_is(label: str) -> None:
    changes, subject, sentence = BAD_NUMBERS[label]

    _calls, found = examined(token(), number(**changes))

    assert list(bad(found)) == [subject]
    assert sentence in bad(found)[subject]


def test_a_number_that_is_not_known_is_a_finding_and_hides_nothing() -> None:
    _calls, found = examined(token(), refused(33))

    assert bad(found) == {"number": "the id is not known to the platform; compare it (33: no)"}
    assert "webhooks" in {each.subject for each in found}


def test_a_number_in_the_business_app_needs_its_echoes() -> None:
    _calls, found = examined(token(), number(is_on_biz_app=True))

    assert "20 messages a second" in notes(found)["coexistence"]
    assert bad(found)["fields"].startswith(
        "the app does not get smb_message_echoes, so that what is typed on the phone is lost"
    )


# ---------------------------------------------------------------- registering


def registering(pin: str = "314159") -> Visit:
    return Visit(NOW, (HOOK,), app_secret=True, pin=pin)


def test_a_number_is_registered_with_the_pin() -> None:
    calls, found = play(
        doctor(SETTINGS, registering()),
        token(),
        number(status="DISCONNECTED", platform_type="NOT_APPLICABLE"),
        answered(DONE),
        number(),
        apps(APP),
        fields(*ALL_FIELDS),
    )

    assert calls[2].url.endswith(f"/{KEY}/register")
    assert calls[2].json == {"messaging_product": "whatsapp", "pin": "314159"}
    assert bad(found) == {}
    assert Checked("register", True, "the number was registered; keep the PIN") in found


SKIPPED: dict[str, tuple[dict[str, Any], str]] = {
    "registered": ({}, "registered already"),
    "in the Business app": (
        {"is_on_biz_app": True, "status": "PENDING"},
        "WhatsApp Business app too must not be registered",
    ),
}


@pytest.mark.parametrize("label", SKIPPED)
def test_a_number_is_not_registered_that_is(label: str) -> None:
    changes, why = SKIPPED[label]

    calls, found = play(
        doctor(SETTINGS, registering()),
        token(),
        number(**changes),
        number(**changes),
        apps(APP),
        fields(*ALL_FIELDS),
    )

    assert all(call.method == "GET" for call in calls)
    assert why in notes(found)["register"]


@pytest.mark.parametrize("pin", ["", "31415", "3141592", "31415x", "٣١٤١٥٩"])
def test_a_pin_that_is_none_costs_no_attempt(pin: str) -> None:
    calls, found = play(
        doctor(SETTINGS, registering(pin)),
        token(),
        number(status="PENDING"),
        number(status="PENDING"),
        apps(APP),
        fields(*ALL_FIELDS),
    )

    assert all(call.method == "GET" for call in calls)
    assert bad(found)["register"] == "a PIN has 6 digits; nothing was tried"


LOST = SendFailure(Failure(Kind.UNKNOWN, Reason.UNKNOWN))
REFUSALS: dict[str, tuple[HttpReply | SendFailure, str]] = {
    "the wrong PIN": (refused(133005), "reset it in the WhatsApp Manager (133005: no)"),
    "too many attempts": (refused(133016), "ten times within 72 hours"),
    "another reason": (refused(100), "the platform refused the question (100: no)"),
    "a lost answer": (LOST, "the answer was lost; look again before you try again"),
}


@pytest.mark.parametrize("label", REFUSALS)
def test_a_registration_fails_with_what_to_do_for(label: str) -> None:
    reply, sentence = REFUSALS[label]
    pending = number(status="PENDING")

    _calls, found = play(
        doctor(SETTINGS, registering()),
        token(),
        pending,
        reply,
        pending,
        apps(APP),
        fields(*ALL_FIELDS),
    )

    assert sentence in bad(found)["register"]


# ---------------------------------------------------------------- subscriptions

SUBSCRIBING = Visit(NOW, (HOOK,), app_secret=True, subscribe=True)


def test_an_account_that_tells_nobody_is_bad() -> None:
    _calls, of_nobody = examined(token(), number(), apps())
    _calls, of_others = examined(token(), number(), apps("80002"))

    assert bad(of_nobody)["webhooks"].startswith("no app receives the account's webhooks; subscr")
    assert "the app 70001 does not receive" in bad(of_others)["webhooks"]


def test_the_app_and_its_fields_are_subscribed() -> None:
    calls, found = play(
        doctor(SETTINGS, SUBSCRIBING),
        token(),
        number(),
        apps("80002"),
        answered(DONE),
        apps("80002", APP),
        fields("partner_solutions"),
        answered(DONE),
        fields(*ALL_FIELDS, "partner_solutions"),
    )

    subscribe, subscribe_fields = calls[3], calls[6]
    assert (subscribe.method, subscribe.json, subscribe.form) == ("POST", None, None)
    assert subscribe_fields.auth is Auth.APP
    assert subscribe_fields.form == {
        "object": "whatsapp_business_account",
        "callback_url": HOOK_URL,
        "verify_token": "verify-word",
        "fields": ",".join(sorted([*ALL_FIELDS, "partner_solutions"])),
    }
    assert (bad(found), notes(found)) == ({}, {})
    assert len([each for each in found if each.subject == "subscribe"]) == 2


def test_nothing_is_subscribed_that_is_already() -> None:
    calls, found = examined(visit=SUBSCRIBING)

    assert all(call.method == "GET" for call in calls)
    assert all(each.ok for each in found)


def test_webhooks_that_go_elsewhere_are_left_alone() -> None:
    elsewhere = fields(MESSAGES, url="https://crm.example/hook")

    calls, found = examined(token(), number(), apps(APP), elsewhere, visit=SUBSCRIBING)

    assert all(call.method == "GET" for call in calls)
    assert bad(found)["subscribe"] == (
        "the app's webhooks go to https://crm.example/hook, which is left alone; change it in the "
        "App Dashboard, under WhatsApp > Configuration"
    )
    assert "https://crm.example/hook, which is no hook of this config" in bad(found)["callback"]


def test_a_hook_that_the_platform_does_not_take_is_a_finding() -> None:
    _calls, found = examined(
        token(), number(), apps(APP), answered({"data": []}), refused(2200), visit=SUBSCRIBING
    )

    assert "is the gateway running" in bad(found)["subscribe"]
    assert "so that no message comes in" in bad(found)["fields"]


def test_an_account_that_is_not_known_cannot_be_subscribed() -> None:
    bare = WhatsAppSettings(KEY, app_id=APP)

    _calls, found = play(
        doctor(bare, SUBSCRIBING), token(granular_scopes=[]), number(), fields(*ALL_FIELDS)
    )

    assert "without waba_id" in bad(found)["webhooks"]


SECOND = OurHook("other", "meta", "https://hooks.example/webhooks/other", signed=False)
HOOKS: dict[str, tuple[tuple[OurHook, ...], str, str]] = {
    "no hook at all": ((), "callback", "the config has no hook of kind meta; add one"),
    "a hook of another kind": ((OurHook("m", "mime", HOOK_URL),), "callback", "no hook of kind"),
    "a hook at another URL": ((SECOND,), "callback", f"enter {SECOND.url} and the hook's"),
    "a hook that knows another secret": (
        (OurHook("meta", "meta", HOOK_URL, signed=False),),
        "secret",
        "not among app_secrets of hook meta",
    ),
    "a hook without TLS": (
        (OurHook("meta", "meta", "http://hooks.example/webhooks/meta", signed=True),),
        "address",
        "https:// addresses that the world can reach",
    ),
}


@pytest.mark.parametrize("label", HOOKS)
def test_webhooks_do_not_reach_us_with(label: str) -> None:
    hooks, subject, sentence = HOOKS[label]

    _calls, found = examined(visit=Visit(NOW, hooks, app_secret=True))

    assert sentence in bad(found)[subject]


def test_a_secret_that_the_channel_does_not_have_cannot_be_compared() -> None:
    _calls, found = play(
        doctor(SETTINGS, Visit(NOW, (OurHook("meta", "meta", HOOK_URL),))),
        token(),
        number(),
        apps(APP),
    )

    assert set(notes(found)) == {"fields", "secret"}


def test_a_hook_is_chosen_by_the_secret_that_it_knows() -> None:
    visit = Visit(NOW, (SECOND, HOOK), app_secret=True, subscribe=True)
    blank = answered({"data": [{"object": "page", "fields": ["messages"]}]})

    calls, _found = play(
        doctor(SETTINGS, visit),
        token(),
        number(),
        apps(APP),
        blank,
        answered(DONE),
        fields(*ALL_FIELDS),
    )

    assert calls[4].form is not None
    assert calls[4].form["callback_url"] == HOOK_URL


def test_fields_that_sleep_are_not_sent() -> None:
    _calls, found = examined(token(), number(), apps(APP), fields(*ALL_FIELDS, active=False))

    assert "fields" in bad(found)


def always(flow: Flow[Sequence[Checked]], reply: HttpReply) -> Sequence[Checked]:
    """What a flow ends with when every call is answered alike."""
    next(flow)
    while True:
        try:
            flow.send(reply)
        except StopIteration as finished:
            result: Sequence[Checked] = finished.value
            return result


NONSENSE = [
    answered(None),
    answered([]),
    answered({"data": None}),
    answered({"data": [None, {"fields": [None, 3, {}]}]}),
    HttpReply(200, {}, b"<html>"),
    HttpReply(502),
]


@pytest.mark.parametrize("reply", NONSENSE)
def test_no_answer_however_odd_ends_the_examination(reply: HttpReply) -> None:
    flow = doctor(SETTINGS, SUBSCRIBING)
    found = always(flow, reply)

    assert found
