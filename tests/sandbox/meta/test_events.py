"""What the hook is told: every kind of event, in the platform's own shape, to whoever listens."""

import hmac
from typing import Any

import pytest

from tests.sandbox.conftest import EPOCH_S, Play
from tests.sandbox.meta.conftest import ANA, BEA, OWN_PROFILE, PAGE, Caller, fault_of

TEXT = {"text": "hello"}
NOW_MS = pytest.approx(EPOCH_S * 1000, abs=60_000)
QUESTION = {
    "text": "Which size?",
    "quick_replies": [
        {"content_type": "text", "title": "Small", "payload": "SIZE:S"},
        {"content_type": "user_phone_number"},
    ],
}
BUTTONS = {
    "attachment": {
        "type": "template",
        "payload": {
            "template_type": "button",
            "text": "How can we help?",
            "buttons": [
                {"type": "postback", "title": "Order", "payload": "ORDER"},
                {"type": "web_url", "title": "FAQ", "url": "https://shop.example/faq"},
            ],
        },
    }
}


async def test_an_event_is_signed_and_escaped(caller: Caller) -> None:
    await caller.write({"text": "café 😀"})

    await caller.play.hook.documents(1)
    headers, body = caller.play.hook.knocks[0]
    own = caller.key == OWN_PROFILE
    secret = b"sandbox-instagram-secret" if own else b"sandbox-secret"
    seal = hmac.digest(secret, body, "sha256").hex()
    assert headers["x-hub-signature-256"] == f"sha256={seal}"
    assert b"caf\\u00e9 \\ud83d\\ude00" in body


async def test_the_envelope_is_the_platforms(caller: Caller) -> None:
    written = await caller.write(TEXT)

    (document,) = await caller.play.hook.documents(1)
    (entry,) = document["entry"]
    assert document["object"] == ("page" if caller.platform == "messenger" else "instagram")
    assert (entry["id"], entry["time"]) == (caller.key, NOW_MS)
    assert entry["messaging"] == [
        {
            "sender": {"id": caller.person},
            "recipient": {"id": caller.key},
            "timestamp": NOW_MS,
            "message": {"mid": written["id"], "text": "hello"},
        }
    ]


MESSAGES: dict[str, dict[str, Any]] = {
    "a quick reply": {"text": "Medium", "quick_reply": {"payload": "SIZE:M"}},
    "several attachments": {
        "attachments": [
            {"type": "image", "payload": {"url": "https://scontent.example-cdn.net/a.jpg"}},
            {"type": "file", "payload": {"url": "https://cdn.example-cdn.net/quote.pdf"}},
        ]
    },
    "a share": {
        "attachments": [
            {"type": "ig_reel", "payload": {"url": "/reel/5550001/", "reel_video_id": 5550001}}
        ]
    },
    "a story mention": {
        "attachments": [
            {"type": "story_mention", "payload": {"url": "https://lookaside.example/1"}}
        ]
    },
    "a story reply": {
        "text": "love it",
        "reply_to": {"story": {"id": "18", "url": "https://lookaside.example/2"}},
    },
    "a heart": {"attachments": [{"type": "like_heart"}]},
    "something unsupported": {"is_unsupported": True},
    "an advertisement": {"text": "Price?", "referral": {"source": "ADS", "type": "OPEN_THREAD"}},
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
async def test_a_message_is_told_as_it_was_given(caller: Caller, message: dict[str, Any]) -> None:
    written = await caller.write({"message": message})

    (item,) = await caller.told(1)
    assert item["message"] == {"mid": written["id"], **message}


EVENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "postback": ({"postback": {"payload": "X"}}, {"title": "X", "payload": "X"}),
    "referral": ({"referral": {"ref": "a"}}, {"ref": "a", "type": "OPEN_THREAD"}),
    "optin": (
        {"optin": {"notification_messages_token": "88", "payload": "PROMO"}},
        {"type": "notification_messages", "user_token_status": "NOT_REFRESHED"},
    ),
    "policy_enforcement": (
        {"policy_enforcement": {"action": "block", "reason": "R"}},
        {"action": "block"},
    ),
    "pass_thread_control": (
        {"pass_thread_control": {"new_owner_app_id": "70001"}},
        {"new_owner_app_id": "70001", "previous_owner_app_id": None},
    ),
    "request_thread_control": (
        {"request_thread_control": {"requested_owner_app_id": 445566}},
        {"requested_owner_app_id": 445566},
    ),
    "app_roles": ({"app_roles": {"70001": ["primary_receiver"]}}, {"70001": ["primary_receiver"]}),
    "a_word_of_tomorrow": ({"a_word_of_tomorrow": {"x": 1}}, {"x": 1}),
}


@pytest.mark.parametrize(("document", "told"), EVENTS.values(), ids=EVENTS.keys())
async def test_an_event_is_completed(
    caller: Caller, document: dict[str, Any], told: dict[str, Any]
) -> None:
    await caller.write(dict(document))

    (item,) = await caller.told(1)
    (name,) = document
    assert told.items() <= item[name].items()
    assert ("sender" in item) is (name not in ("policy_enforcement", "app_roles"))


@pytest.mark.parametrize(
    "name", ["delivery", "account_linking", "messaging_feedback", "game_play", "order"]
)
async def test_some_events_are_messengers_alone(page: Caller, own: Caller, name: str) -> None:
    value = {"status": "unlinked"} if name == "account_linking" else {"x": 1}

    await page.write({name: value})
    refused = await own.control("inbound", {"from": BEA, name: value})

    (item,) = await page.told(1)
    assert value.items() <= item[name].items()
    assert refused.status_code == 400
    assert "no event" in refused.json()["error"]


async def test_a_message_is_edited_up_to_five_times_and_taken_back(caller: Caller) -> None:
    mid = (await caller.write(TEXT))["id"]

    for count in range(5):
        await caller.write({"message_edit": {"mid": mid, "text": f"hello {count}"}})
    sixth = await caller.control(
        "inbound", {"from": caller.person, "message_edit": {"mid": mid, "text": "no"}}
    )
    await caller.write({"unsend": {"mid": mid}})

    items = await caller.told(7)
    assert [item["message_edit"]["num_edit"] for item in items[1:6]] == [1, 2, 3, 4, 5]
    assert sixth.status_code == 400
    assert items[6]["message"] == {"mid": mid, "is_deleted": True}


async def test_a_reaction_comes_and_goes(caller: Caller) -> None:
    mid = (await caller.write(TEXT))["id"]

    await caller.write({"reaction": {"mid": mid, "emoji": "❤️"}})
    await caller.write({"reaction": {"mid": mid}})

    items = await caller.told(3)
    assert items[1]["reaction"] == {
        "mid": mid,
        "action": "react",
        "reaction": "love",
        "emoji": "❤️",
    }
    assert items[2]["reaction"] == {"mid": mid, "action": "unreact"}


async def test_a_quick_reply_is_tapped_once(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.send(QUESTION)
    (shown,) = await caller.outbox()

    await caller.write({"tap": "Small"})
    gone = await caller.control("inbound", {"from": caller.person, "tap": "Small"})

    assert [tap["title"] for tap in shown["taps"]] == ["Small", ""]
    tapped = [item for item in await told_all(caller) if "quick_reply" in item.get("message", {})]
    assert [item["message"]["text"] for item in tapped] == ["Small"]
    assert tapped[0]["message"]["quick_reply"] == {"payload": "SIZE:S"}
    assert gone.status_code == 400


async def told_all(caller: Caller) -> list[dict[str, Any]]:
    """Everything so far: what a last word comes after."""
    mid = (await caller.write({"text": "the end"}))["id"]
    count = 0
    while True:
        count += 1
        items = await caller.told(count)
        if any(item.get("message", {}).get("mid") == mid for item in items):
            return items


async def test_a_number_is_given_by_a_tap_that_says_it(page: Caller) -> None:
    await page.write(TEXT)
    await page.send(QUESTION)

    mute = await page.control(
        "inbound", {"from": page.person, "tap": {"content_type": "user_phone_number"}}
    )
    await page.write({"tap": {"content_type": "user_phone_number", "text": "+351210000000"}})

    assert mute.status_code == 400
    tapped = [item for item in await told_all(page) if "quick_reply" in item.get("message", {})]
    assert tapped[0]["message"]["text"] == "+351210000000"


async def test_a_button_stays_and_says_its_payload(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.send(BUTTONS)

    await caller.write({"tap": "Order"})
    await caller.write({"tap": {"payload": "ORDER"}})
    link = await caller.control("inbound", {"from": caller.person, "tap": "FAQ"})

    postbacks = [item["postback"] for item in await told_all(caller) if "postback" in item]
    assert [(one["title"], one["payload"]) for one in postbacks] == [("Order", "ORDER")] * 2
    assert "tells nobody" in link.json()["error"]


async def test_an_opt_in_is_tapped_and_can_be_written_to(page: Caller) -> None:
    await page.write(TEXT)
    payload = {"template_type": "one_time_notif_req", "title": "Restock?", "payload": "SKU-9"}
    await page.send({"attachment": {"type": "template", "payload": payload}})

    await page.write({"tap": "Get notified"})

    (optin,) = [item["optin"] for item in await told_all(page) if "optin" in item]
    recipient = {"one_time_notif_token": optin["one_time_notif_token"]}
    assert fault_of(await page.send(TEXT, recipient=recipient)) == (0, None)


async def test_a_send_is_echoed_delivered_and_read(page: Caller) -> None:
    await page.write(TEXT)

    mid = (await page.send({**TEXT, "metadata": "gw:1"})).json()["message_id"]

    echo, delivery, read = (await page.told(4))[1:]
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (PAGE, ANA)
    assert echo["message"] == {
        "is_echo": True,
        "mid": mid,
        "text": "hello",
        "app_id": 70001,
        "metadata": "gw:1",
    }
    assert delivery["delivery"] == {"mids": [mid], "watermark": NOW_MS}
    assert read["read"] == {"watermark": NOW_MS}


async def test_a_send_on_instagram_is_echoed_and_seen(instagram: Caller) -> None:
    await instagram.write(TEXT)

    mid = (await instagram.send(TEXT)).json()["message_id"]

    echo, read = (await instagram.told(3))[1:]
    assert echo["message"]["is_echo"] is True
    assert echo["message"]["app_id"] in (70001, 70011)
    assert read["read"] == {"mid": mid}


async def test_the_app_may_be_missing_on_an_echo(own: Caller) -> None:
    await own.stands(echo_app_id=False)
    await own.write(TEXT)
    await own.send(TEXT)

    assert "app_id" not in (await own.told(2))[1]["message"]


async def test_a_quote_tells_whose_message_it_is(caller: Caller) -> None:
    await caller.write(TEXT)
    mid = (await caller.send(TEXT)).json()["message_id"]

    await caller.send({"text": "and"}, reply_to={"mid": mid})
    await caller.write({"message": {"text": "yes", "reply_to": {"mid": mid}}})

    quotes = [
        item["message"]["reply_to"]
        for item in await told_all(caller)
        if "reply_to" in item.get("message", {})
    ]
    assert quotes == [
        {"mid": mid, "is_self_reply": True},
        {"mid": mid, "is_self_reply": False},
    ]


async def test_the_business_writes_from_its_inbox(caller: Caller) -> None:
    await caller.write(TEXT)

    await caller.write({"to": caller.person, "text": "It is me, from the shop"})

    item = (await caller.told(2))[1]
    inbox = 263902037430900 if caller.platform == "messenger" else 1217981644879628
    assert (item["sender"]["id"], item["recipient"]["id"]) == (caller.key, caller.person)
    assert (item["message"]["is_echo"], item["message"]["app_id"]) == (True, inbox)


async def test_another_apps_thread_is_told_on_standby_without_payloads(page: Caller) -> None:
    await page.write(TEXT)
    await page.stands(default_app="70001")
    await page.write({"to": page.person, "text": "A human here"})

    await page.write({"text": "thanks"})
    await page.write({"postback": {"payload": "SECRET", "title": "Yes"}})

    entries = [each["entry"][0] for each in await page.play.hook.documents(4)]
    assert ["standby" in entry for entry in entries] == [False, True, True, True]
    assert entries[2]["standby"][0]["message"]["text"] == "thanks"
    assert "payload" not in entries[3]["standby"][0]["postback"]


@pytest.mark.parametrize(
    ("shape", "stamp"),
    [("ms", int(EPOCH_S * 1000)), ("s", int(EPOCH_S)), ("text", str(int(EPOCH_S * 1000)))],
)
async def test_times_come_in_any_shape(page: Caller, shape: str, stamp: Any) -> None:
    await page.stands(timestamps=shape)
    await page.write(TEXT)

    (item,) = await page.told(1)
    assert type(item["timestamp"]) is type(stamp)
    assert len(str(item["timestamp"])) == len(str(stamp))


async def test_a_comment_is_a_change(page: Caller, behind: Caller) -> None:
    on_page = await page.write({"comment": {"text": "Price please"}, "from": ANA, "name": "Ana"})
    on_post = await behind.write({"comment": {"text": "Price?"}, "from": BEA, "username": "bea"})
    live = await behind.write({"comment": {"text": "hi", "live": True, "flat": True}, "from": BEA})

    first, second, third = [each["entry"][0] for each in await page.play.hook.documents(3)]
    (change,) = first["changes"]
    assert (change["field"], change["value"]["comment_id"]) == ("feed", on_page["id"])
    assert change["value"]["from"] == {"id": ANA, "name": "Ana"}
    assert first["time"] == pytest.approx(EPOCH_S, abs=60)
    (change,) = second["changes"]
    assert (change["field"], change["value"]["id"]) == ("comments", on_post["id"])
    assert change["value"]["from"]["username"] == "bea"
    assert (third["field"], third["value"]["id"]) == ("live_comments", live["id"])
    assert third["value"]["media"]["media_product_type"] == "LIVE"


async def test_a_comment_on_a_page_can_be_edited_and_removed(page: Caller) -> None:
    made = await page.write({"comment": {"text": "Price"}, "from": ANA})
    for change in ({"verb": "edited", "text": "Price please"}, {"verb": "remove"}):
        await page.write({"comment": {"id": made["id"], **change}, "from": ANA})
    await page.write({"post": {"text": "Nice mugs"}, "from": ANA})

    told = [each["entry"][0]["changes"][0]["value"] for each in await page.play.hook.documents(4)]

    assert [(one["item"], one["verb"], one.get("message")) for one in told] == [
        ("comment", "add", "Price"),
        ("comment", "edited", "Price please"),
        ("comment", "remove", None),
        ("post", "add", "Nice mugs"),
    ]
    assert {one["comment_id"] for one in told[:3]} == {made["id"]}


async def test_any_change_and_any_entry_can_be_told(behind: Caller) -> None:
    test = {"field": "messages", "value": {"sender": {"id": "12334"}, "timestamp": "1527459824"}}

    await behind.write({"field": "mentions", "value": {"media_id": "1"}})
    await behind.write({"entry": {"id": "0", "time": 1790010200, "changes": [test]}})

    first, second = await behind.play.hook.documents(2)
    assert first["entry"][0]["changes"] == [{"field": "mentions", "value": {"media_id": "1"}}]
    assert second["entry"] == [{"id": "0", "time": 1790010200, "changes": [test]}]


WRONG: dict[str, dict[str, Any]] = {
    "nobody": {"text": "hello"},
    "a name": {"from": "Ana", "text": "hello"},
    "nothing": {"from": ANA},
    "two things": {"from": ANA, "text": "hello", "postback": {"payload": "X"}},
    "no text": {"from": ANA, "message": {}},
    "no payload": {"from": ANA, "postback": {}},
    "no object": {"from": ANA, "postback": "X"},
    "an unknown message": {"from": ANA, "reaction": {"mid": "m_X"}},
    "a wrong attachment": {"from": ANA, "message": {"attachments": [{"url": "x"}]}},
    "no base64": {"from": ANA, "type": "image", "image": {"content_base64": "?"}},
    "a wrong time": {"from": ANA, "text": "x", "timestamp": "noon"},
    "nothing to tap": {"from": ANA, "tap": "Yes"},
    "a tap of nobody": {"tap": "Yes"},
    "no value": {"field": "feed"},
    "a comment without text": {"from": ANA, "comment": {}},
    "a new owner of no name": {"from": ANA, "take_thread_control": {}},
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_wish_is_answered_with_a_sentence(
    page: Caller, document: dict[str, Any]
) -> None:
    answer = await page.control("inbound", document)

    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


async def test_one_id_is_one_person_of_the_page_or_of_the_account_behind_it(
    page: Caller, behind: Caller
) -> None:
    await page.write(TEXT)

    answer = await behind.control("inbound", {"from": ANA, **TEXT})

    assert answer.status_code == 400
    assert "give another id" in answer.json()["error"]


# ---------------------------------------------------------------- who is told


async def test_fields_are_chosen_for_the_page_and_for_the_app(page: Caller) -> None:
    await page.post("me/subscribed_apps", subscribed_fields="messages,message_echoes")
    await page.write({"postback": {"payload": "X"}})
    await page.stands(app_fields=["message_echoes", "messages"])
    await page.post("me/subscribed_apps", subscribed_fields="messages,messaging_postbacks")
    await page.write({"postback": {"payload": "X"}})
    await page.write({"message": {"text": "hello", "referral": {"ref": "a"}}})

    (item,) = await page.told(1)
    assert item["message"]["text"] == "hello"
    assert "referral" not in item["message"]


async def test_instagram_gets_every_field_of_its_app(own: Caller) -> None:
    answer = await own.post(f"{OWN_PROFILE}/subscribed_apps", subscribed_fields="messages")
    await own.write({"postback": {"payload": "X"}})

    assert answer.json() == {"success": True}
    assert "postback" in (await own.told(1))[0]


async def test_the_installation_can_be_seen_ended_and_made_anew(caller: Caller) -> None:
    path = f"{caller.path}/subscribed_apps"
    before = (await caller.get(path)).json()["data"]

    gone = await caller.delete(path)
    await caller.write(TEXT)
    after = (await caller.get(path)).json()["data"]
    await caller.post(path, subscribed_fields="messages")
    await caller.write({"text": "again"})

    assert [one["id"] for one in before] == ["70011" if caller.key == OWN_PROFILE else "70001"]
    assert (gone.json(), after) == ({"success": True}, [])
    assert [item["message"]["text"] for item in await caller.told(1)] == ["again"]


async def test_a_field_must_exist(caller: Caller) -> None:
    for fields in ("telepathy", ""):
        answer = await caller.post("me/subscribed_apps", subscribed_fields=fields)
        assert fault_of(answer) == (100, None)


async def test_the_account_behind_a_page_is_installed_with_it(page: Caller, behind: Caller) -> None:
    await page.delete("me/subscribed_apps")

    assert (await behind.stands())["subscribed"] is False


async def app_call(play: Play, method: str, **query: str) -> Any:
    answer = await play.client.request(
        method,
        "/v25.0/70001/subscriptions",
        params=query,
        headers={"Authorization": "Bearer 70001|sandbox-secret"},
    )
    return answer.json()


async def test_an_app_subscribes_to_fields_of_an_object(page: Caller) -> None:
    play = page.play
    wish = {"object": "page", "fields": "messages", "callback_url": play.hook.url}

    unproved = await app_call(
        play, "POST", **{**wish, "callback_url": "http://127.0.0.1:9/"}, verify_token="x"
    )
    unknown = await app_call(play, "POST", **{**wish, "fields": "x"}, verify_token="x")
    done = await app_call(play, "POST", **wish, verify_token="sandbox-verify")
    await page.write({"postback": {"payload": "X"}})
    await page.write(TEXT)

    objects = {one["object"]: one for one in (await app_call(play, "GET"))["data"]}
    assert (unproved["error"]["code"], unknown["error"]["code"]) == (2200, 100)
    assert done == {"success": True}
    assert set(objects) == {"page", "instagram", "whatsapp_business_account"}
    assert [each["name"] for each in objects["page"]["fields"]] == ["messages"]
    assert "message" in (await page.told(1))[0]


async def test_an_app_ends_its_subscription(page: Caller) -> None:
    await app_call(page.play, "DELETE", object="page")

    listed = (await app_call(page.play, "GET"))["data"]
    assert {one["object"] for one in listed} == {"instagram", "whatsapp_business_account"}


@pytest.mark.slow
async def test_a_hook_that_fails_for_an_hour_is_told_no_more(caller: Caller) -> None:
    play = caller.play
    play.hook.answers.extend([500, 500, 500])
    await caller.write(TEXT)
    await play.hook.documents(1)
    await play.advance(3_601)

    await play.hook.documents(2)
    standing = await caller.stands()
    path = f"{caller.path}/subscribed_apps"
    await caller.post(path, subscribed_fields="messages")
    play.hook.answers.clear()
    await caller.write({"text": "again"})

    assert standing["subscribed"] is False
    (again,) = (await caller.told(3))[2:]
    assert again["message"]["text"] == "again"


@pytest.mark.slow
async def test_a_hook_that_recovers_is_told_what_it_missed(caller: Caller) -> None:
    caller.play.hook.answers.extend([500])
    await caller.write(TEXT)

    first, second = await caller.told(2)
    assert first == second
    assert (await caller.stands())["subscribed"] is True
