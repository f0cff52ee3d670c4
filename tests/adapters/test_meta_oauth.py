"""The logins of Facebook and Instagram as flows: what is asked, what is made of the answers."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve

from omni_actors.adapters import ADAPTERS, APP_KINDS
from omni_actors.adapters.connecting import Found, Harvest, TokenFacts, Tokens
from omni_actors.adapters.instagram.settings import InstagramSettings
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta import signed_request
from omni_actors.adapters.meta.apps import AppSecrets, FacebookApp, InstagramApp
from omni_actors.model.failure import Reason, SendFailure
from omni_actors.wire.calls import Auth, HttpReply, Secret
from tests.adapters.kit import play

FACEBOOK = FacebookApp(app_id="990011223344")
INSTAGRAM = InstagramApp(app_id="990011223355")
BACK = "https://gw.example/v1/connect/messenger/callback"
PAGE = "104500000000001"
IG = "17841400000000009"
MESSENGER_LOGIN = ADAPTERS["messenger"].oauth["facebook"]
LINKED_LOGIN = ADAPTERS["instagram"].oauth["facebook"]
OWN_LOGIN = ADAPTERS["instagram"].oauth["instagram"]
PAGE_SETTINGS = MessengerSettings(page_id=PAGE, app_id="990011223344")
OWN_SETTINGS = InstagramSettings(ig_id=IG, login="instagram", app_id="990011223355")
LINKED_SETTINGS = InstagramSettings(ig_id=IG, login="facebook", page_id=PAGE)


def reply(document: Any, status: int = 200) -> HttpReply:
    return HttpReply(status, {}, json.dumps(document).encode())


def refused(code: int, subcode: int | None = None) -> HttpReply:
    error = {"message": "Error validating access token", "code": code, "error_subcode": subcode}
    return reply({"error": error}, 400)


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# ---------------------------------------------------------------- the dialogs


def test_facebook_is_asked_for_what_a_page_needs() -> None:
    url = MESSENGER_LOGIN.authorize(FACEBOOK, BACK, "s+1")

    assert url.startswith("https://www.facebook.com/v25.0/dialog/oauth?")
    query = asked(url)
    scopes = query.pop("scope").split(",")
    assert {"pages_messaging", "pages_manage_metadata", "pages_show_list"} <= set(scopes)
    assert query == {
        "client_id": "990011223344",
        "redirect_uri": BACK,
        "state": "s+1",
        "response_type": "code",
    }


def test_a_configuration_of_login_for_business_takes_the_place_of_scopes() -> None:
    app = evolve(FACEBOOK, config_id="880011", system_user=True)

    query = asked(LINKED_LOGIN.authorize(app, BACK, "s"))

    assert "scope" not in query
    assert (query["config_id"], query["override_default_response_type"]) == ("880011", "true")


def test_instagram_is_asked_for_its_own_scopes() -> None:
    url = OWN_LOGIN.authorize(INSTAGRAM, BACK, "s")

    assert url.startswith("https://www.instagram.com/oauth/authorize?")
    scopes = "instagram_business_basic,instagram_business_manage_messages"
    assert asked(url)["scope"] == scopes


# ---------------------------------------------------------------- tokens


def test_facebook_redeems_a_code_and_prolongs_the_token_without_holding_a_secret() -> None:
    [call], short = play(
        MESSENGER_LOGIN.exchange(FACEBOOK, BACK),
        reply({"access_token": "EAABshort", "token_type": "bearer", "expires_in": 5400}),
    )
    assert call.url == "https://graph.facebook.com/v25.0/oauth/access_token"
    assert call.secrets == {"client_secret": Secret.APP_SECRET, "code": Secret.CODE}
    assert short == Tokens("EAABshort", 5400.0)
    assert MESSENGER_LOGIN.prolong is not None

    [call], long = play(
        MESSENGER_LOGIN.prolong(FACEBOOK), reply({"access_token": "EAABlong", "expires_in": 0})
    )

    assert call.query["grant_type"] == "fb_exchange_token"
    assert call.secrets["fb_exchange_token"] is Secret.TOKEN
    assert long == Tokens("EAABlong", None)


ALLOWED = "instagram_business_basic,instagram_business_manage_messages"


@pytest.mark.parametrize(
    ("told", "lacking"),
    [
        ("instagram_business_basic", "instagram_business_manage_messages"),
        (["instagram_business_manage_messages"], "instagram_business_basic"),
        (["instagram_business_manage_comments"], "instagram_business_basic, "),
        (ALLOWED.split(","), None),
        (f"{ALLOWED},instagram_business_manage_comments", None),
        (None, None),
        ("", None),
    ],
)
def test_what_the_person_did_not_allow_is_said(told: Any, lacking: str | None) -> None:
    answer = reply({"access_token": "IGAAshort", "user_id": IG, "permissions": told})
    if lacking is None:
        assert play(OWN_LOGIN.exchange(INSTAGRAM, BACK), answer)[1].access_token == "IGAAshort"
        return

    with pytest.raises(SendFailure) as failed:
        play(OWN_LOGIN.exchange(INSTAGRAM, BACK), answer)

    assert f"did not allow {lacking}" in (failed.value.failure.text or "")


@pytest.mark.parametrize("wrapped", [True, False])
def test_instagrams_answer_to_a_code_comes_in_two_shapes(wrapped: bool) -> None:
    facts = {"access_token": "IGAAshort", "user_id": IG, "permissions": ALLOWED}

    [call], tokens = play(
        OWN_LOGIN.exchange(INSTAGRAM, BACK), reply({"data": [facts]} if wrapped else facts)
    )

    assert (call.method, call.url) == ("POST", "https://api.instagram.com/oauth/access_token")
    assert call.form is not None
    assert call.form["grant_type"] == "authorization_code"
    assert tokens == Tokens("IGAAshort", 3600.0)


def test_instagrams_own_kind_of_error_is_read() -> None:
    said = "Matching code was not found or was already used"
    answer = reply({"error_type": "OAuthException", "code": 400, "error_message": said}, 400)

    with pytest.raises(SendFailure) as failed:
        play(OWN_LOGIN.exchange(INSTAGRAM, BACK), answer)

    assert failed.value.failure.text == said


def test_an_answer_without_a_token_is_none() -> None:
    with pytest.raises(SendFailure):
        play(OWN_LOGIN.exchange(INSTAGRAM, BACK), reply({"data": []}))


# ---------------------------------------------------------------- accounts


def page(key: str, **more: Any) -> dict[str, Any]:
    usual = {"id": key, "name": f"Page {key[-1]}", "access_token": f"t{key[-1]}"}
    return {**usual, "tasks": ["MODERATE", "MESSAGING"], **more}


def harvest_of(login: Any, *pages: dict[str, Any]) -> Harvest:
    paging: dict[str, Any] = {"cursors": {"after": "QVFI2"}}
    _, found = play(
        login.accounts(FACEBOOK, {}),
        reply({"id": "10150000000000042"}),
        reply({"data": list(pages), "paging": paging}),
    )
    harvest: Harvest = found
    return harvest


def test_pages_are_listed_to_the_end_with_their_tokens() -> None:
    paging = {"cursors": {"after": "QVFI2"}, "next": "https://graph.facebook.com/…access_token=x"}

    calls, found = play(
        MESSENGER_LOGIN.accounts(FACEBOOK, {}),
        reply({"id": "10150000000000042"}),
        reply({"data": [page(PAGE)], "paging": paging}),
        reply({"data": [page("104500000000002")], "paging": {"cursors": {"after": "QVFI3"}}}),
    )

    assert calls[2].query["after"] == "QVFI2"
    assert all(call.auth is Auth.PROOF for call in calls)
    assert found.subjects == ("10150000000000042",)
    assert [one.tokens for one in found.accounts] == [Tokens("t1"), Tokens("t2")]
    assert found.accounts[0].settings["app_id"] == "990011223344"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tasks": ["ANALYZE", "MODERATE"]}, "may not send"),
        ({"tasks": ["MESSAGING"]}, "may not moderate"),
        ({"access_token": None}, "gave no token"),
        ({"tasks": ["MODERATE", "MESSAGE"]}, None),
    ],
)
def test_what_keeps_us_from_a_page_is_said(more: dict[str, Any], words: str | None) -> None:
    [found] = harvest_of(MESSENGER_LOGIN, page(PAGE, **more)).accounts

    assert found.obstacle is None if words is None else words in (found.obstacle or "")


def test_the_accounts_behind_pages_are_found_and_pages_without_one_say_so() -> None:
    linked = {"instagram_business_account": {"id": IG, "username": "mughouse"}}

    with_it, without = harvest_of(
        LINKED_LOGIN, page(PAGE, **linked), page("104500000000002")
    ).accounts

    assert (with_it.channel_key, with_it.name) == (IG, "mughouse")
    assert with_it.settings["page_id"] == PAGE
    assert without.obstacle == "no professional Instagram account is linked to this page"


def test_an_account_is_known_by_what_webhooks_call_it() -> None:
    me = {"id": "9001", "user_id": IG, "username": "mughouse", "account_type": "BUSINESS"}

    [call], found = play(OWN_LOGIN.accounts(INSTAGRAM, {}), reply(me))

    assert call.url == "https://graph.instagram.com/v25.0/me"
    assert found.subjects == ("9001", IG)
    [account] = found.accounts
    assert (account.channel_key, account.tokens) == (IG, None)
    assert account.settings["login"] == "instagram"


# ---------------------------------------------------------------- what lasts


def upkeep(platform: str) -> Any:
    return ADAPTERS[platform].upkeep


def test_only_instagrams_own_tokens_are_renewed() -> None:
    assert upkeep("messenger").renews(PAGE_SETTINGS) is None
    assert upkeep("instagram").renews(LINKED_SETTINGS) is None
    assert upkeep("instagram").renews(OWN_SETTINGS) == 86400.0

    [call], tokens = play(
        upkeep("instagram").renew(OWN_SETTINGS),
        reply({"access_token": "IGAAnext", "token_type": "bearer", "expires_in": 5183944}),
    )

    assert call.url == "https://graph.instagram.com/refresh_access_token"
    assert call.secrets == {"access_token": Secret.TOKEN}
    assert tokens == Tokens("IGAAnext", 5183944.0)


def test_what_the_graph_says_of_a_token_is_read() -> None:
    facts = {
        "is_valid": True,
        "expires_at": 0,
        "data_access_expires_at": 1796776000,
        "scopes": ["pages_messaging"],
    }

    [call], found = play(upkeep("messenger").inspect(PAGE_SETTINGS), reply({"data": facts}))

    assert call.auth is Auth.INSPECT
    assert found == TokenFacts(None, 1796776000.0, ("pages_manage_metadata",))


@pytest.mark.parametrize(
    ("subcode", "words"),
    [
        (458, "removed the app"),
        (459, "checkpoint"),
        (460, "changed their password"),
        (463, "expired"),
        (464, "confirm"),
        (467, "withdrawn"),
    ],
)
def test_why_a_token_ended_is_said(subcode: int, words: str) -> None:
    error = {"code": 190, "subcode": subcode, "message": "Error"}
    told = reply({"data": {"is_valid": False, "error": error}})
    for flow, answer in (
        (upkeep("messenger").inspect(PAGE_SETTINGS), told),
        (upkeep("instagram").inspect(OWN_SETTINGS), refused(190, subcode)),
        (upkeep("instagram").renew(OWN_SETTINGS), refused(190, subcode)),
    ):
        with pytest.raises(SendFailure) as failed:
            play(flow, answer)

        failure = failed.value.failure
        assert failure.reason is Reason.CREDENTIALS_EXPIRED
        assert words in (failure.advice or "")


def installed(app_id: str, *fields: str) -> HttpReply:
    return reply({"data": [{"id": app_id, "name": "Gateway", "subscribed_fields": list(fields)}]})


def test_webhooks_are_missed_that_only_another_app_gets() -> None:
    _, missing = play(upkeep("messenger").missing(PAGE_SETTINGS), installed("111111", "messages"))

    assert "messages" in missing


def test_webhooks_that_come_are_not_missed() -> None:
    calls, missing = play(
        upkeep("instagram").missing(LINKED_SETTINGS), installed("990011223344", "messages")
    )

    assert calls[0].url.endswith(f"/{PAGE}/subscribed_apps")
    assert list(missing) == []


def test_what_the_operator_wants_besides_is_ordered_and_missed() -> None:
    page = evolve(PAGE_SETTINGS, fields=["feed"])
    own = evolve(OWN_SETTINGS, fields=("comments", "mentions"))

    calls, _ = play(
        upkeep("messenger").subscribe(page),
        installed("990011223344", "messages"),
        reply({"success": True}),
    )
    assert "feed" in calls[1].query["subscribed_fields"].split(",")
    calls, _ = play(
        upkeep("instagram").subscribe(own),
        installed("990011223355", "messages"),
        reply({"success": True}),
    )
    assert {"comments", "mentions"} <= set(calls[1].query["subscribed_fields"].split(","))
    there = calls[1].query["subscribed_fields"].split(",")
    _, missing = play(upkeep("messenger").missing(page), installed("990011223344", *there))
    assert "feed" in missing


def test_what_an_app_orders_besides_is_of_each_of_its_accounts() -> None:
    app = evolve(FACEBOOK, fields=("feed",))
    _, found = play(
        MESSENGER_LOGIN.accounts(app, {}),
        reply({"id": "10150000000000042"}),
        reply({"data": [page(PAGE)]}),
    )
    [account] = found.accounts
    assert settings_of("messenger", account).fields == ("feed",)

    me = {"id": "9001", "user_id": IG, "username": "mughouse"}
    _, found = play(OWN_LOGIN.accounts(evolve(INSTAGRAM, fields=("comments",)), {}), reply(me))
    assert settings_of("instagram", found.accounts[0]).fields == ("comments",)


def settings_of(platform: str, found: Found) -> Any:
    return ADAPTERS[platform].settings(**found.settings)


def test_a_field_has_the_name_of_one() -> None:
    with pytest.raises(ValueError, match="webhook fields, such as feed"):
        MessengerSettings(page_id=PAGE, fields=("feed, messages",))


def test_webhooks_are_ordered_beside_those_that_come_already() -> None:
    calls, _ = play(
        upkeep("messenger").subscribe(PAGE_SETTINGS),
        installed("990011223344", "feed"),
        reply({"success": True}),
    )

    fields = calls[1].query["subscribed_fields"].split(",")
    assert {"messages", "message_echoes", "feed"} <= set(fields)


@pytest.mark.parametrize(
    ("platform", "settings", "path"),
    [
        ("messenger", PAGE_SETTINGS, f"https://graph.facebook.com/v25.0/{PAGE}/subscribed_apps"),
        ("instagram", LINKED_SETTINGS, f"https://graph.facebook.com/v25.0/{PAGE}/subscribed_apps"),
        ("instagram", OWN_SETTINGS, f"https://graph.instagram.com/v25.0/{IG}/subscribed_apps"),
    ],
)
def test_the_app_is_taken_off_what_it_was_installed_on(
    platform: str, settings: Any, path: str
) -> None:
    [call], _ = play(upkeep(platform).unsubscribe(settings), reply({"success": True}))

    assert (call.method, call.url) == ("DELETE", path)
    assert upkeep(platform).installed(settings) == path


# ---------------------------------------------------------------- notices

VECTOR = (
    "GT4_WhC8dTPrxcFv90jdAac6oWLFIcTNq2ZOD0t_U6w.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9h"
    "dCI6MTc5MDAwMDAwMCwidXNlcl9pZCI6IjEwMTUwMDAwMDAwMDAwMDQyIn0"
)


def test_a_signed_request_agrees_with_its_vector() -> None:
    secrets = AppSecrets("omni-test-app-secret-01")
    form = {"signed_request": VECTOR}

    for kind in (APP_KINDS["facebook"], APP_KINDS["instagram"]):
        assert kind.revoked is not None
        assert kind.revoked(form, secrets) == "10150000000000042"
        assert kind.revoked(form, AppSecrets("another")) is None


@pytest.mark.parametrize("given", ["", ".", "a", "a.b.c", "ä.ö", VECTOR + "x", "x" + VECTOR])
def test_a_signed_request_that_is_none_is_nobodys(given: str) -> None:
    form = {"signed_request": given}

    assert signed_request.revoked(form, "omni-test-app-secret-01") is None
