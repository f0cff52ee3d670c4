"""What can be read back: conversations, messages, people, the account and its profile."""

from typing import Any

import pytest

from tests.sandbox.conftest import Play
from tests.sandbox.meta.conftest import BEA, PAGE, PROFILE, Caller, fault_of

TEXT = {"text": "hello"}
DAY_S = 86_400.0


@pytest.fixture
async def patient(play: Play, caller: Caller) -> Caller:
    """A caller that may read as often as it likes."""
    limits = f"/sandbox/{caller.platform}/{caller.key}/limits"
    await play.client.put(limits, json={"conversations_per_s": 1_000})
    return caller


async def threads(caller: Caller, **query: Any) -> dict[str, Any]:
    answer = await caller.get("me/conversations", platform=caller.platform, **query)
    assert answer.status_code == 200, answer.text
    listed: dict[str, Any] = answer.json()
    return listed


async def test_a_conversation_and_its_messages_are_listed(patient: Caller) -> None:
    caller = patient
    first = (await caller.write({"text": "Medium", "name": "Ana Dias", "username": "ana"}))["id"]
    await caller.play.advance(1)
    second = (await caller.send(TEXT, reply_to={"mid": first})).json()["message_id"]

    fields = "participants,message_count,unread_count,is_owner,messages.limit(20)"
    inner = "{id,created_time,from,to,message,reply_to}"
    (thread,) = (await threads(caller, fields=fields + inner))["data"]
    newest, oldest = thread["messages"]["data"]

    assert (thread["message_count"], thread["unread_count"], thread["is_owner"]) == (2, 1, True)
    assert thread["participants"]["data"][1]["id"] == caller.key
    assert [newest["id"], oldest["id"]] == [second, first]
    assert (newest["from"]["id"], newest["to"]["data"][0]["id"]) == (caller.key, caller.person)
    assert newest["reply_to"] == {"mid": first, "is_self_reply": False}
    assert oldest["created_time"] == "2026-09-21T14:13:20+0000"
    known: dict[str, str] = (
        {"name": "Ana Dias"} if caller.platform == "messenger" else {"username": "ana"}
    )
    assert known.items() <= oldest["from"].items()


async def test_the_list_is_by_recency_for_one_person_and_in_pages(patient: Caller) -> None:
    caller = patient
    people = [str(7_000_000_000_000_000 + number) for number in range(3)]
    for person in people:
        await caller.write({"from": person, **TEXT})
        await caller.play.advance(1)

    fields = "id,participants"
    first = await threads(caller, limit=2, fields=fields)
    after = first["paging"]["cursors"]["after"]
    second = await threads(caller, limit=2, fields=fields, after=after)
    one = await threads(caller, user_id=people[1], fields=fields)

    def who(listed: dict[str, Any]) -> list[str]:
        return [thread["participants"]["data"][0]["id"] for thread in listed["data"]]

    assert who(first) == people[:0:-1]
    assert f"after={after}" in first["paging"]["next"]
    assert (who(second), "next" in second["paging"]) == (people[:1], False)
    assert who(one) == [people[1]]


async def test_only_the_twenty_newest_messages_are_told_in_detail(patient: Caller) -> None:
    caller = patient
    mids = [(await caller.write({"text": str(number)}))["id"] for number in range(22)]
    (thread,) = (await threads(caller))["data"]

    listed = await caller.get(f"{thread['id']}/messages", fields="id,message", limit=50)
    newest = await caller.get(mids[2], fields="message")
    older = await caller.get(mids[1], fields="message")

    assert [one["id"] for one in listed.json()["data"]] == mids[::-1]
    assert ["message" in one for one in listed.json()["data"]] == [True] * 20 + [False] * 2
    assert newest.json() == {"id": mids[2], "message": "2"}
    assert fault_of(older) == (9000001, None)


async def test_what_was_unsent_is_gone(patient: Caller) -> None:
    caller = patient
    mid = (await caller.write(TEXT))["id"]
    await caller.write({"unsend": {"mid": mid}})

    assert fault_of(await caller.get(mid, fields="message")) == (9000001, None)


async def test_parts_of_a_message_are_told_each_in_its_place(own: Caller) -> None:
    image: dict[str, Any] = {
        "type": "image",
        "payload": {"url": "https://scontent.example-cdn.net/a.jpg"},
    }
    share = {"type": "ig_post", "payload": {"url": "https://lookaside.example/2"}}
    mid = (await own.write({"message": {"attachments": [image, share]}}))["id"]
    await own.write({"reaction": {"mid": mid, "emoji": "😀"}})

    told = (await own.get(mid, fields="attachments,shares,reactions,story,sticker")).json()

    (attachment,) = told["attachments"]["data"]
    assert attachment["image_data"]["url"] == image["payload"]["url"]
    assert told["shares"]["data"] == [{"link": "https://lookaside.example/2"}]
    assert told["reactions"]["data"][0]["reaction"] == "😀"
    assert told.keys() == {"id", "attachments", "shares", "reactions"}


async def test_conversations_are_not_read_too_often(caller: Caller) -> None:
    limits = f"/sandbox/{caller.platform}/{caller.key}/limits"
    await caller.play.client.put(limits, json={"conversations_per_s": 0})

    answer = await caller.get("me/conversations", platform=caller.platform)

    assert fault_of(answer)[0] == 613


async def test_old_requests_are_not_listed(own: Caller) -> None:
    await own.write(TEXT)
    who = {"id": BEA, "in_requests": True, "channel_key": own.key}
    await own.play.client.post("/sandbox/instagram/customers", json=who)

    fresh = await threads(own)
    await own.play.advance(31 * DAY_S)

    assert len(fresh["data"]) == 1
    assert (await threads(own))["data"] == []


@pytest.mark.parametrize("fields", ["nonsense", "messages{", "id,,x", "messages.limit(2){dance}"])
async def test_fields_that_there_are_not_are_refused(page: Caller, fields: str) -> None:
    await page.write(TEXT)

    assert fault_of(await page.get("me/conversations", fields=fields)) == (100, None)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"after": "x"}, {"platform": "telegraph"}]
)
async def test_a_wrong_page_is_refused(page: Caller, query: dict[str, str]) -> None:
    assert fault_of(await page.get("me/conversations", **query)) == (100, None)


# ---------------------------------------------------------------- people


async def test_a_person_of_messenger_shows_name_and_picture(page: Caller) -> None:
    await page.write({**TEXT, "name": "Ana Maria Dias"})

    usual = (await page.get(page.person)).json()
    more = await page.get(page.person, fields="locale")

    assert usual == {
        "id": page.person,
        "first_name": "Ana",
        "last_name": "Maria Dias",
        "profile_pic": usual["profile_pic"],
    }
    assert fault_of(more) == (2018247, None)


async def test_a_person_of_instagram_shows_more(instagram: Caller) -> None:
    await instagram.write({**TEXT, "name": "Bea", "username": "bea"})

    fields = "name,username,profile_pic,follower_count,is_user_follow_business,is_verified_user"
    told = (await instagram.get(BEA, fields=fields)).json()

    assert (told["name"], told["username"], told["follower_count"]) == ("Bea", "bea", 10)
    assert (told["is_user_follow_business"], told["is_verified_user"]) == (False, False)


async def test_who_has_only_commented_has_not_consented(page: Caller, own: Caller) -> None:
    await page.write({"comment": {"text": "hi"}})
    await own.write({"comment": {"text": "hi"}})

    assert (await page.get(page.person)).json() == {"id": page.person}
    assert fault_of(await own.get(BEA)) == (230, None)


async def test_somebody_known_by_a_number_has_no_profile(page: Caller) -> None:
    who = {"id": page.person, "by_phone": True}
    await page.play.client.post("/sandbox/messenger/customers", json=who)

    assert fault_of(await page.get(page.person)) == (2018218, None)


async def test_nobody_is_no_object(caller: Caller) -> None:
    assert fault_of(await caller.get("7300000000009999"))[0] == 33


@pytest.mark.parametrize(
    "who",
    [{"id": "Ana"}, {"name": "Ana"}, {"id": "1", "age": 3}, {"id": "1", "channel_key": "9"}],
)
async def test_a_wrong_customer_is_refused(page: Caller, who: dict[str, Any]) -> None:
    answer = await page.play.client.post("/sandbox/messenger/customers", json=who)

    assert answer.status_code == 400


# ---------------------------------------------------------------- the account


async def test_an_account_says_who_it_is(page: Caller, own: Caller) -> None:
    fields = "name,instagram_business_account{id},messaging_feature_status"

    of_page = (await page.get("me", fields=fields)).json()
    of_own = (await own.get("me", fields="user_id,account_type")).json()
    unknown = await page.get("me", fields="shoe_size")

    assert (of_page["id"], of_page["name"]) == (PAGE, "Sandbox Tea")
    assert of_page["instagram_business_account"] == {"id": PROFILE}
    assert of_page["messaging_feature_status"]["msgr_multi_app"] == {"status": "disabled"}
    assert (of_own["user_id"], of_own["account_type"]) == (own.key, "BUSINESS")
    assert fault_of(unknown) == (100, None)


MENU = [
    {
        "locale": "default",
        "call_to_actions": [
            {"type": "postback", "title": "Order status", "payload": "ORDER"},
            {"type": "web_url", "title": "Shop", "url": "https://shop.example/"},
        ],
    }
]
STARTED = {"payload": "GET_STARTED"}
QUESTION = {"question": "Order status?", "payload": "FAQ_ORDER"}
BREAKERS = [{"locale": "default", "call_to_actions": [QUESTION]}]
GOOD_PROFILES: dict[str, dict[str, Any]] = {
    "a menu": {"get_started": STARTED, "persistent_menu": MENU},
    "a greeting": {"greeting": [{"locale": "default", "text": "Hi {{user_first_name}}"}]},
    "ice breakers": {"ice_breakers": BREAKERS},
    "domains": {"whitelisted_domains": ["https://shop.example/"]},
    "linking": {"account_linking_url": "https://shop.example/in"},
    "commands": {
        "commands": [
            {"locale": "default", "commands": [{"name": "flights", "description": "Find one"}]}
        ]
    },
}
BAD_PROFILES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a menu before its button": {"persistent_menu": MENU},
    "a long greeting": {"greeting": [{"locale": "default", "text": "x" * 161}]},
    "a greeting of one place": {"greeting": [{"locale": "pt_PT", "text": "Olá"}]},
    "five questions": {"ice_breakers": [{"call_to_actions": [QUESTION] * 5}]},
    "a long question": {
        "ice_breakers": [{"call_to_actions": [{**QUESTION, "question": "x" * 81}]}]
    },
    "a plain domain": {"whitelisted_domains": ["http://shop.example/"]},
    "an unknown property": {"wallpaper": "tea"},
    "a menu of calls": {
        "get_started": STARTED,
        "persistent_menu": [
            {"locale": "default", "call_to_actions": [{"type": "phone_number", "title": "x"}]}
        ],
    },
}


@pytest.mark.parametrize("profile", GOOD_PROFILES.values(), ids=GOOD_PROFILES.keys())
async def test_a_profile_is_kept(page: Caller, profile: dict[str, Any]) -> None:
    done = await page.post("me/messenger_profile", profile)
    told = await page.get("me/messenger_profile", fields=",".join(profile))

    assert done.json() == {"result": "success"}
    assert told.json() == {"data": [profile]}


@pytest.mark.parametrize("profile", BAD_PROFILES.values(), ids=BAD_PROFILES.keys())
async def test_a_wrong_profile_is_refused(page: Caller, profile: dict[str, Any]) -> None:
    assert fault_of(await page.post("me/messenger_profile", profile)) == (100, None)


async def test_instagram_has_menus_and_ice_breakers_alone(behind: Caller, own: Caller) -> None:
    of_page = "me/messenger_profile"

    kept = await behind.post(of_page, {"ice_breakers": BREAKERS}, platform="instagram")
    menu = await own.post(of_page, {"persistent_menu": MENU})
    refused = await own.post(of_page, {"get_started": STARTED})

    assert [answer.json() for answer in (kept, menu)] == [{"result": "success"}] * 2
    assert fault_of(refused) == (100, None)
    await behind.write({"tap": {"ice_breaker": "Order status?"}})
    await own.write({"tap": {"menu": "Order status"}})
    first, second = await own.told(2)
    assert [first["postback"]["payload"], second["postback"]["payload"]] == ["FAQ_ORDER", "ORDER"]


async def test_get_started_stays_as_long_as_the_menu(page: Caller) -> None:
    await page.post("me/messenger_profile", {"get_started": STARTED, "persistent_menu": MENU})
    await page.write({"tap": {"get_started": True}})

    alone = await page.delete("me/messenger_profile", {"fields": ["get_started"]})
    both = await page.delete("me/messenger_profile", {"fields": ["get_started", "persistent_menu"]})

    assert (await page.told(1))[0]["postback"]["payload"] == "GET_STARTED"
    assert (fault_of(alone), both.json()) == ((100, None), {"result": "success"})


async def test_a_profile_takes_ten_calls_in_ten_minutes(page: Caller) -> None:
    path = "me/messenger_profile"
    faults = [fault_of(await page.get(path, fields="greeting"))[0] for _ in range(11)]
    await page.play.advance(600)

    assert faults == [0] * 10 + [613]
    assert fault_of(await page.get(path, fields="greeting")) == (0, None)


async def test_one_person_can_have_a_menu_of_their_own(page: Caller) -> None:
    await page.write(TEXT)
    menu = {"psid": page.person, "persistent_menu": MENU}

    await page.post("me/custom_user_settings", menu)
    told = (await page.get("me/custom_user_settings", psid=page.person)).json()["data"]
    await page.delete("me/custom_user_settings", psid=page.person)
    nothing = (await page.get("me/custom_user_settings", psid=page.person)).json()["data"]
    unknown = await page.get("me/custom_user_settings", psid="1")

    assert told == [{"user_level_persistent_menu": MENU}]
    assert nothing == []
    assert fault_of(unknown) == (100, 2018001)
