"""Connecting accounts: consent, codes, tokens and how they age, and taking it all back."""

import base64
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from omni_actors.sandbox.meta.calling_back import signed_request
from tests.sandbox.conftest import EPOCH_S, Play
from tests.sandbox.meta.conftest import (
    OWN_PROFILE,
    OWNER,
    PAGE,
    PAGE_TOKEN,
    PROFILE,
    Caller,
    fault_of,
)

BACK = "http://127.0.0.1:9/connect/callback"
DAY_S = 86_400.0
FACEBOOK = {"client_id": "70001", "redirect_uri": BACK, "state": "s 1", "response_type": "code"}
SCOPES = "pages_show_list,pages_messaging,pages_manage_metadata,instagram_basic"
OWN_SCOPES = "instagram_business_basic,instagram_business_manage_messages"
SECRETS = {"client_id": "70001", "client_secret": "sandbox-secret", "redirect_uri": BACK}
OWN_SECRETS = {
    "client_id": "70011",
    "client_secret": "sandbox-instagram-secret",
    "redirect_uri": BACK,
    "grant_type": "authorization_code",
}


async def consent(play: Play, path: str, query: dict[str, str], **form: str) -> dict[str, str]:
    """What comes back to the app when a person answers the page."""
    shown = await play.client.get(path, params=query)
    assert shown.status_code == 200
    assert "<form" in shown.text
    answer = await play.client.post(path, params=query, data=form or {"decision": "allow"})
    assert answer.status_code == 302, answer.text
    url = urlsplit(answer.headers["Location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == BACK
    return {key: values[0] for key, values in parse_qs(url.query).items()}


async def facebook_code(play: Play, scope: str = SCOPES, **form: str) -> str:
    query = {**FACEBOOK, "scope": scope}
    return (await consent(play, "/v25.0/dialog/oauth", query, **form))["code"]


async def exchange(play: Play, **more: str) -> httpx.Response:
    return await play.client.get("/v25.0/oauth/access_token", params={**SECRETS, **more})


async def user_token(play: Play, scope: str = SCOPES, **form: str) -> str:
    answer = await exchange(play, code=await facebook_code(play, scope, **form))
    token: str = answer.json()["access_token"]
    return token


async def long_token(play: Play) -> str:
    short = await user_token(play)
    answer = await exchange(play, grant_type="fb_exchange_token", fb_exchange_token=short)
    token: str = answer.json()["access_token"]
    return token


async def pages(play: Play, token: str, **query: str) -> dict[str, Any]:
    fields = "id,name,access_token,tasks,instagram_business_account{id,username}"
    answer = await play.client.get(
        "/v25.0/me/accounts",
        params={"fields": fields, **query},
        headers={"Authorization": f"Bearer {token}"},
    )
    listed: dict[str, Any] = answer.json()
    return listed


async def test_a_person_lets_the_app_in_and_their_pages_are_listed(play: Play) -> None:
    back = await consent(play, "/v25.0/dialog/oauth", {**FACEBOOK, "scope": SCOPES})
    short = await exchange(play, code=back["code"])
    (page,) = (await pages(play, short.json()["access_token"]))["data"]

    assert back["state"] == "s 1"
    assert (short.json()["token_type"], short.json()["expires_in"]) == ("bearer", 5_400)
    assert (page["id"], page["tasks"][1]) == (PAGE, "MESSAGING")
    assert page["instagram_business_account"] == {"id": PROFILE, "username": "sandbox.tea"}


async def test_a_page_token_of_a_long_lived_token_does_not_expire(play: Play) -> None:
    short, long = await user_token(play), await long_token(play)
    (of_short,) = (await pages(play, short))["data"]
    (of_long,) = (await pages(play, long))["data"]

    await play.advance(61 * DAY_S)

    for page, fault in ((of_short, (190, 463)), (of_long, (0, None))):
        answer = await play.client.get(
            f"/v25.0/{PAGE}", headers={"Authorization": f"Bearer {page['access_token']}"}
        )
        assert fault_of(answer) == fault


async def test_a_configuration_may_give_tokens_of_a_system_user(play: Play) -> None:
    query = {**FACEBOOK, "config_id": "880011", "override_default_response_type": "true"}
    back = await consent(play, "/v25.0/dialog/oauth", query)

    answer = (await exchange(play, code=back["code"])).json()
    facts = await debug(play, answer["access_token"])

    assert "expires_in" not in answer
    assert facts["expires_at"] == 0
    assert "pages_messaging" in facts["scopes"]


async def test_the_pages_may_be_chosen_and_permissions_declined(play: Play) -> None:
    none = await user_token(play, accounts="1")
    blind = await user_token(play, decision="allow", declined="pages_show_list")
    no_instagram = await user_token(play, decision="allow", declined="instagram_basic")

    assert (await pages(play, none))["data"] == []
    assert (await pages(play, blind))["data"] == []
    assert "instagram_business_account" not in (await pages(play, no_instagram))["data"][0]


@pytest.mark.parametrize("path", ["/v25.0/dialog/oauth", "/oauth/authorize"])
async def test_a_person_may_say_no(play: Play, path: str) -> None:
    own = path == "/oauth/authorize"
    query = {**FACEBOOK, "scope": OWN_SCOPES if own else SCOPES}
    query["client_id"] = "70011" if own else "70001"

    back = await consent(play, path, query, decision="deny")

    assert (back["error"], back["error_reason"]) == ("access_denied", "user_denied")
    assert back["state"] == "s 1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "1"},
        {"redirect_uri": "nowhere"},
        {"scope": "publish_everything"},
        {"scope": ""},
        {"response_type": "token"},
    ],
)
async def test_an_app_that_asks_wrongly_gets_nobody_back(play: Play, wrong: dict[str, str]) -> None:
    answer = await play.client.get(
        "/v25.0/dialog/oauth", params={**FACEBOOK, "scope": SCOPES, **wrong}
    )

    assert answer.status_code == 400
    assert "Location" not in answer.headers


async def test_a_code_is_for_one_use_its_app_and_its_redirect(play: Play) -> None:
    used, elsewhere, old = [await facebook_code(play) for _ in range(3)]

    assert fault_of(await exchange(play, code=used)) == (0, None)
    assert fault_of(await exchange(play, code=used)) == (100, None)
    assert fault_of(await exchange(play, code=elsewhere, redirect_uri=f"{BACK}/2")) == (100, None)
    await play.advance(3_601)
    assert fault_of(await exchange(play, code=old)) == (100, None)


async def test_the_secret_must_be_the_apps(play: Play) -> None:
    answer = await exchange(play, code=await facebook_code(play), client_secret="guess")

    assert fault_of(answer) == (100, None)


async def debug(play: Play, token: str) -> dict[str, Any]:
    answer = await play.client.get(
        "/debug_token",
        params={"input_token": token},
        headers={"Authorization": "Bearer 70001|sandbox-secret"},
    )
    facts: dict[str, Any] = answer.json()["data"]
    return facts


async def test_debug_token_tells_what_a_token_is(play: Play) -> None:
    page, long = await debug(play, PAGE_TOKEN), await debug(play, await long_token(play))

    assert (page["type"], page["profile_id"], page["user_id"]) == ("PAGE", PAGE, OWNER)
    assert (page["is_valid"], page["expires_at"]) == (True, 0)
    assert "pages_messaging" in page["scopes"]
    assert long["expires_at"] == int(EPOCH_S + 60 * DAY_S)
    assert (await debug(play, "guess"))["is_valid"] is False


# ---------------------------------------------------------------- Instagram Login


async def own_code(play: Play) -> str:
    query = {**FACEBOOK, "client_id": "70011", "scope": OWN_SCOPES}
    return (await consent(play, "/oauth/authorize", query))["code"]


async def own_short(play: Play) -> dict[str, Any]:
    form = {**OWN_SECRETS, "code": await own_code(play)}
    answer = await play.client.post("/oauth/access_token", data=form)
    (facts,) = answer.json()["data"]
    told: dict[str, Any] = facts
    return told


async def own_long(play: Play) -> dict[str, Any]:
    query = {
        "grant_type": "ig_exchange_token",
        "client_secret": "sandbox-instagram-secret",
        "access_token": (await own_short(play))["access_token"],
    }
    answer = await play.client.get("/access_token", params=query)
    told: dict[str, Any] = answer.json()
    return told


async def refresh(play: Play, token: str) -> httpx.Response:
    query = {"grant_type": "ig_refresh_token", "access_token": token}
    return await play.client.get("/refresh_access_token", params=query)


async def test_instagram_login_leads_to_a_token_of_sixty_days(play: Play) -> None:
    short, long = await own_short(play), await own_long(play)

    me = await play.client.get(
        "/v25.0/me",
        params={"fields": "id,user_id,username,account_type"},
        headers={"Authorization": f"Bearer {long['access_token']}"},
    )

    assert (short["user_id"], short["permissions"]) == (OWN_PROFILE, OWN_SCOPES)
    assert long["expires_in"] == 60 * DAY_S
    assert me.json()["user_id"] == OWN_PROFILE
    assert me.json()["id"] != OWN_PROFILE
    assert me.json()["username"] == "sandbox.coffee"


async def test_the_redirect_ends_in_the_platforms_own_fragment(play: Play) -> None:
    query = {**FACEBOOK, "client_id": "70011", "scope": OWN_SCOPES}

    answer = await play.client.post("/oauth/authorize", params=query, data={"decision": "allow"})

    assert answer.headers["Location"].endswith("#_")


async def test_a_wrong_code_is_answered_in_the_shape_of_that_endpoint(play: Play) -> None:
    code = await own_code(play)
    first = await play.client.post("/oauth/access_token", data={**OWN_SECRETS, "code": code})
    again = await play.client.post("/oauth/access_token", data={**OWN_SECRETS, "code": code})

    assert first.status_code == 200
    assert again.status_code == 400
    assert again.json()["error_type"] == "OAuthException"
    assert again.json()["error_message"].startswith("Matching code was not found")


async def test_a_token_is_refreshed_after_a_day_and_before_it_expires(play: Play) -> None:
    token = (await own_long(play))["access_token"]

    early = await refresh(play, token)
    await play.advance(DAY_S + 1)
    fresh = await refresh(play, token)
    await play.advance(60 * DAY_S)
    late = await refresh(play, token)

    assert fault_of(early) == (100, None)
    assert fresh.json()["expires_in"] == 60 * DAY_S
    assert fresh.json()["access_token"] != token
    assert fault_of(late) == (190, 463)


async def test_only_a_long_lived_token_is_refreshed_and_only_a_short_one_exchanged(
    play: Play,
) -> None:
    short, long = (await own_short(play))["access_token"], (await own_long(play))["access_token"]
    query = {"grant_type": "ig_exchange_token", "client_secret": "sandbox-instagram-secret"}

    await play.advance(1_800)
    again = await play.client.get("/access_token", params={**query, "access_token": long})
    refreshed = await refresh(play, short)
    await play.advance(1_801)
    expired = await play.client.get("/access_token", params={**query, "access_token": short})

    assert fault_of(again) == (100, None)
    assert fault_of(refreshed) == (100, None)
    assert fault_of(expired) == (190, 463)


# ---------------------------------------------------------------- taking it back


def read_signed(signed: str, secret: str) -> dict[str, Any]:
    """The facts of a signed request, once its seal is right."""
    seal, payload = signed.split(".")
    right = hmac.digest(secret.encode(), payload.encode(), "sha256")
    assert base64.urlsafe_b64decode(seal + "=" * (-len(seal) % 4)) == right
    facts: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return facts


def test_a_request_is_signed_as_the_reference_vector() -> None:
    signed = signed_request("omni-test-app-secret-01", "10150000000000042", 1_790_000_000)

    assert signed.startswith("GT4_WhC8dTPrxcFv90jdAac6oWLFIcTNq2ZOD0t_U6w.eyJhbGdvcml0aG0i")


async def test_who_removes_the_app_calls_its_callback_and_ends_its_tokens(page: Caller) -> None:
    url = f"{page.play.hook.url}/deauthorize"

    answer = await page.control("deauthorize", {"url": url})

    facts = read_signed(answer.json()["signed_request"], "sandbox-secret")
    assert (answer.json()["status"], facts["user_id"]) == (200, OWNER)
    assert facts["algorithm"] == "HMAC-SHA256"
    assert fault_of(await page.get("me")) == (190, 458)
    assert (await page.stands())["subscribed"] is False


async def test_a_wish_for_deletion_is_told_with_what_the_app_answers(own: Caller) -> None:
    url = f"{own.play.hook.url}/deletion"

    answer = await own.control("data_deletion", {"url": url})

    facts = read_signed(answer.json()["signed_request"], "sandbox-instagram-secret")
    assert answer.json()["status"] == 200
    assert facts["user_id"] == (await own.get("me")).json()["id"]
    assert b"signed_request=" in own.play.hook.knocks[0][1]


async def test_a_callback_that_is_no_address_is_refused_with_a_sentence(page: Caller) -> None:
    answer = await page.control("deauthorize", {})

    assert answer.status_code == 400
    assert "`url`" in answer.json()["error"]
