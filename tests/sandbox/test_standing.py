"""How numbers, tokens and apps stand: as strict as the platform, and as bad as a test wants."""

from typing import Any

import pytest

from omni_actors.sandbox import SandboxSettings, WhatsAppAccount
from tests.sandbox.conftest import EPOCH_S, KEY, TEXT, Play, code_of

WABA, APP, OTHER = "900100200300400", "70001", "770011223344557"
STANDING = f"/sandbox/whatsapp/{KEY}/standing"
APP_TOKEN = {"Authorization": f"Bearer {APP}|sandbox-secret"}
PIN = {"messaging_product": "whatsapp", "pin": "314159"}
HOURS_72_S = 72 * 3600


@pytest.fixture
def settings() -> SandboxSettings:
    accounts = [WhatsAppAccount(), WhatsAppAccount(OTHER, "442079460101", access_token="sandbox-2")]
    return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, accounts=accounts)


async def stand(play: Play, **changes: Any) -> dict[str, Any]:
    answer = await play.client.post(STANDING, json=changes)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def fields_of(play: Play) -> list[str]:
    answer = await play.client.get(f"/{APP}/subscriptions", headers=APP_TOKEN)
    return [field["name"] for one in answer.json()["data"] for field in one["fields"]]


async def test_a_standing_is_shown_as_it_was_set(play: Play) -> None:
    await stand(play, quality_rating="YELLOW", pin="271828")

    shown = (await play.client.get(STANDING)).json()
    profile = (await play.client.get(f"/{KEY}?fields=quality_rating,is_pin_enabled")).json()

    assert (shown["quality_rating"], shown["pin"]) == ("YELLOW", "271828")
    assert (profile["quality_rating"], profile["is_pin_enabled"]) == ("YELLOW", True)


MISUSES = [{"mood": "bad"}, {"registered": 1}, {"scopes": "all"}, {"fields": ["gossip"]}]


@pytest.mark.parametrize("document", MISUSES)
async def test_a_standing_that_makes_no_sense_changes_nothing(
    play: Play, document: dict[str, Any]
) -> None:
    answer = await play.client.post(STANDING, json={"quality_rating": "RED", **document})

    assert answer.status_code == 400
    assert (await play.client.get(STANDING)).json()["quality_rating"] == "GREEN"


async def test_a_number_that_is_not_registered_does_not_send(play: Play) -> None:
    await play.write(TEXT)

    gone = await play.client.post(f"/{KEY}/deregister")
    refused = await play.send(TEXT)
    back = await play.client.post(f"/{KEY}/register", json=PIN)

    assert (gone.json(), back.json()) == ({"success": True}, {"success": True})
    assert code_of(refused) == 133010
    assert code_of(await play.send(TEXT)) == 0


async def test_ten_attempts_within_72_hours_are_all(play: Play) -> None:
    codes = [code_of(await play.client.post(f"/{KEY}/register", json=PIN)) for _ in range(11)]
    await play.advance(HOURS_72_S)
    later = await play.client.post(f"/{KEY}/register", json=PIN)

    assert codes == [0] * 10 + [133016]
    assert code_of(later) == 0


REGISTRATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "another PIN": ({"pin": "111111"}, PIN, 133005),
    "the same PIN": ({"pin": "314159"}, PIN, 0),
    "a PIN of letters": ({}, {**PIN, "pin": "abcdef"}, 131009),
    "no product": ({}, {"pin": "314159"}, 131008),
    "the Business app": ({"is_on_biz_app": True}, PIN, 100),
}


@pytest.mark.parametrize("label", REGISTRATIONS)
async def test_a_registration_is_judged_with(play: Play, label: str) -> None:
    standing, body, code = REGISTRATIONS[label]
    await stand(play, **standing)

    assert code_of(await play.client.post(f"/{KEY}/register", json=body)) == code


async def test_a_token_expires_and_can_do_only_what_it_is_for(play: Play) -> None:
    await play.write(TEXT)
    await stand(play, scopes=["whatsapp_business_messaging"], token_expires_in_s=60)
    facts = (await play.client.get("/debug_token?input_token=sandbox-token")).json()["data"]
    sent, looked = await play.send(TEXT), await play.client.get(f"/{KEY}")
    await play.advance(61)

    assert (facts["expires_at"], facts["scopes"]) == (
        EPOCH_S + 60,
        ["whatsapp_business_messaging"],
    )
    assert (code_of(sent), code_of(looked)) == (0, 200)
    error = (await play.send(TEXT)).json()["error"]
    assert (error["code"], error["error_subcode"]) == (190, 463)


async def test_an_account_is_one_for_all_its_numbers(play: Play) -> None:
    await play.client.delete(f"/{WABA}/subscribed_apps")
    other = await play.client.get(f"/sandbox/whatsapp/{OTHER}/standing")
    apps = await play.client.get(f"/{WABA}/subscribed_apps")
    await play.client.post(f"/{WABA}/subscribed_apps")

    assert other.json()["subscribed"] is False
    assert apps.json() == {"data": []}
    assert (await play.client.get(STANDING)).json()["subscribed"] is True


async def test_nobody_is_told_what_nobody_asked_for(play: Play) -> None:
    await stand(play, fields=["account_update"])
    await play.write(TEXT)
    await stand(play, fields=["messages"])
    await play.write({"text": {"body": "now"}})

    (value,) = await play.hook.values(1)
    assert value["messages"][0]["text"]["body"] == "now"


async def test_an_app_subscribes_and_unsubscribes_fields(play: Play) -> None:
    form = {
        "object": "whatsapp_business_account",
        "callback_url": play.hook.url.replace("meta", "moved"),
        "verify_token": "word",
        "fields": "messages,security",
    }

    done = await play.client.post(f"/{APP}/subscriptions", data=form, headers=APP_TOKEN)
    both = await fields_of(play)
    gone = {"object": form["object"], "fields": "security"}
    await play.client.request("DELETE", f"/{APP}/subscriptions", params=gone, headers=APP_TOKEN)

    assert done.json() == {"success": True}
    assert (both, await fields_of(play)) == (["messages", "security"], ["messages"])
    shown = (await play.client.get(f"/{KEY}?fields=webhook_configuration")).json()
    assert shown["webhook_configuration"] == {"application": form["callback_url"]}


BAD_FORMS: dict[str, tuple[dict[str, str], int]] = {
    "another object": ({"object": "page"}, 100),
    "no verify token": ({"verify_token": ""}, 100),
    "an unknown field": ({"fields": "messages,gossip"}, 100),
    "no URL": ({"callback_url": "hello"}, 100),
    "a long URL": ({"callback_url": "http://127.0.0.1/" + "x" * 200}, 100),
    "nobody at the URL": ({"callback_url": "http://127.0.0.1:9/"}, 2200),
    "another answer at the URL": ({"callback_url": "SANDBOX"}, 2200),
}


@pytest.mark.parametrize("label", BAD_FORMS)
async def test_an_app_is_refused_with(play: Play, label: str) -> None:
    changes, code = BAD_FORMS[label]
    usual = {
        "object": "whatsapp_business_account",
        "callback_url": play.hook.url,
        "verify_token": "word",
        "fields": "messages",
    }
    form = {**usual, **changes}
    form["callback_url"] = form["callback_url"].replace("SANDBOX", play.sandbox.url)

    answer = await play.client.post(f"/{APP}/subscriptions", data=form, headers=APP_TOKEN)

    assert code_of(answer) == code


async def test_only_the_app_speaks_for_the_app(play: Play) -> None:
    by_user = await play.client.get(f"/{APP}/subscriptions")
    wrong = {"Authorization": f"Bearer {APP}|wrong"}
    by_stranger = await play.client.get(f"/{APP}/subscriptions", headers=wrong)

    assert (code_of(by_user), code_of(by_stranger)) == (15, 190)
