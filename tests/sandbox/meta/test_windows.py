"""When may be written, and by which right: windows, tags, private replies, tickets, routing."""

import hmac
from typing import Any

import pytest

from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.platform import MetaPlatform
from omni_actors.sandbox.meta.rates import Rate
from tests.sandbox.conftest import Play
from tests.sandbox.meta.conftest import OWN_PROFILE, PAGE, Caller, fault_of

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
TEXT = {"text": "hello"}
CLOSED = {"messenger": (10, 2018278), "instagram": (10, 2534022)}
HUMAN = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


async def test_the_window_is_open_for_a_day(caller: Caller) -> None:
    await caller.write(TEXT)

    await caller.play.advance(DAY_S - 60)
    inside = await caller.send(TEXT)
    await caller.play.advance(120)
    outside = await caller.send(TEXT)

    assert fault_of(inside) == (0, None)
    assert (outside.status_code, fault_of(outside)) == (400, CLOSED[caller.platform])


async def test_who_never_wrote_cannot_be_written_to(page: Caller) -> None:
    await page.play.client.post("/sandbox/messenger/customers", json={"id": page.person})

    assert fault_of(await page.send(TEXT)) == (10, 2018278)
    assert fault_of(await page.send(TEXT, **HUMAN)) == (10, 2018278)


async def test_a_human_agent_may_answer_for_a_week(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.play.advance(7 * DAY_S - 60)
    inside = await caller.send(TEXT, **HUMAN)
    await caller.play.advance(120)
    outside = await caller.send(TEXT, **HUMAN)

    assert fault_of(inside) == (0, None)
    assert fault_of(outside) == CLOSED[caller.platform]


async def test_the_human_agent_feature_must_be_granted(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.stands(human_agent=False)

    assert fault_of(await caller.send(TEXT, **HUMAN)) == (10, None)


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("CONFIRMED_EVENT_UPDATE", (100, None)),
        ("ACCOUNT_UPDATE", (100, None)),
        ("POST_PURCHASE_UPDATE", (100, None)),
        ("CUSTOMER_FEEDBACK", (100, None)),
        ("GUESSED", (100, None)),
        ("NON_PROMOTIONAL_SUBSCRIPTION", (10, 2018065)),
    ],
)
async def test_other_tags_open_nothing(page: Caller, tag: str, fault: Any) -> None:
    await page.write(TEXT)
    await page.play.advance(2 * DAY_S)

    answer = await page.send(TEXT, messaging_type="MESSAGE_TAG", tag=tag)

    assert fault_of(answer) == fault


async def test_a_removed_tag_is_refused_on_instagram_too(instagram: Caller) -> None:
    await instagram.write(TEXT)

    answer = await instagram.send(TEXT, messaging_type="MESSAGE_TAG", tag="ACCOUNT_UPDATE")

    assert fault_of(answer) == (100, None)


OPENERS: dict[str, tuple[dict[str, Any], bool]] = {
    "a postback": ({"postback": {"payload": "X"}}, True),
    "a referral": ({"referral": {"ref": "flyer"}}, True),
    "a reaction": ({"reaction": {"mid": "", "emoji": "😀"}}, True),
    "an edit": ({"message_edit": {"mid": "", "text": "other"}}, False),
    "a read": ({"read": {}}, False),
    "an opt-in": ({"optin": {"one_time_notif_token": "1", "payload": "X"}}, False),
}


@pytest.mark.parametrize(("document", "opens"), OPENERS.values(), ids=OPENERS.keys())
async def test_what_opens_the_window_anew(
    page: Caller, document: dict[str, Any], opens: bool
) -> None:
    first = await page.write(TEXT)
    await page.play.advance(2 * DAY_S)
    for value in document.values():
        if "mid" in value:
            value["mid"] = first["id"]

    await page.write(document)

    assert (fault_of(await page.send(TEXT))[0] == 0) is opens


async def test_an_advertisement_may_open_it_for_longer(caller: Caller) -> None:
    await caller.stands(ad_window_h=7 * 24)
    await caller.write({"message": {"text": "Price?", "referral": {"source": "ADS", "ref": "x"}}})

    await caller.play.advance(6 * DAY_S)

    assert fault_of(await caller.send(TEXT)) == (0, None)


async def test_somebody_who_blocks_the_business_is_not_available(caller: Caller) -> None:
    await caller.write(TEXT)
    who = {"id": caller.person, "reachable": False, "channel_key": caller.key}

    await caller.play.client.post(f"/sandbox/{caller.platform}/customers", json=who)

    assert fault_of(await caller.send(TEXT)) == (551, 1545041)


async def test_a_restricted_business_sends_nothing(caller: Caller) -> None:
    await caller.write(TEXT)

    await caller.stands(restricted=True)

    restricted = {"messenger": (10, 1893063), "instagram": (100, 2534029)}
    assert fault_of(await caller.send(TEXT)) == restricted[caller.platform]


async def test_the_owner_of_an_instagram_account_may_lock_apps_out(instagram: Caller) -> None:
    await instagram.write(TEXT)

    await instagram.stands(message_access=False)
    locked = await instagram.send(TEXT)
    await instagram.stands(message_access=True, linked=False)
    loose = await instagram.send(TEXT)

    assert (fault_of(locked), fault_of(loose)) == ((200, 2534041), (100, 2534013))


# ---------------------------------------------------------------- private replies


def answer_to(caller: Caller, key: str, comment_id: str) -> dict[str, Any]:
    typed = {"messaging_type": "RESPONSE"} if caller.platform == "messenger" else {}
    return {"recipient": {key: comment_id}, "message": TEXT, **typed}


async def test_a_comment_is_answered_in_private_once_and_opens_nothing(caller: Caller) -> None:
    comment = await caller.write({"comment": {"text": "Price please"}})
    body = answer_to(caller, "comment_id", comment["id"])

    first = await caller.post("me/messages", body)
    again = await caller.post("me/messages", body)
    plain = await caller.send(TEXT)

    assert first.json()["recipient_id"] == caller.person
    assert fault_of(again) == (10900, None)
    assert fault_of(plain) == CLOSED[caller.platform]


async def test_a_comment_is_answered_within_a_week(caller: Caller) -> None:
    comment = await caller.write({"comment": {"text": "Price please"}})
    await caller.play.advance(7 * DAY_S + 1)

    answer = await caller.post("me/messages", answer_to(caller, "comment_id", comment["id"]))

    assert fault_of(answer) == (100, 2534025)


async def test_a_visitors_post_is_answered_by_its_id(page: Caller) -> None:
    post = await page.write({"post": {"text": "Do you open on Sundays?"}})

    wrong = await page.post("me/messages", answer_to(page, "comment_id", post["id"]))
    right = await page.post("me/messages", answer_to(page, "post_id", post["id"]))

    assert (fault_of(wrong), fault_of(right)) == ((100, 2534025), (0, None))


async def test_a_live_comment_is_answered_while_the_video_runs(instagram: Caller) -> None:
    over = await instagram.write({"comment": {"text": "hi", "live": True, "over": True}})

    answer = await instagram.post("me/messages", answer_to(instagram, "comment_id", over["id"]))

    unknown = fault_of(answer)
    assert unknown == (10903, 1893049)


async def test_private_replies_need_a_permission_of_their_own(own: Caller) -> None:
    comment = await own.write({"comment": {"text": "Price please"}})
    await own.stands(scopes=["instagram_business_manage_messages"])

    answer = await own.post("me/messages", answer_to(own, "comment_id", comment["id"]))

    assert fault_of(answer) == (200, 2534066)


# ---------------------------------------------------------------- tickets and handles


async def test_a_one_time_notification_is_for_one_message(page: Caller) -> None:
    await page.write({"optin": {"one_time_notif_token": "4400998877", "payload": "RESTOCK:SKU-9"}})
    await page.play.advance(30 * DAY_S)
    recipient = {"one_time_notif_token": "4400998877"}

    first = await page.send(TEXT, recipient=recipient)
    again = await page.send(TEXT, recipient=recipient)

    assert first.json()["recipient_id"] == page.person
    assert fault_of(again) == (100, None)


async def test_a_topic_is_sent_to_once_a_day_until_it_expires(page: Caller) -> None:
    await page.write({"optin": {"notification_messages_token": "88", "payload": "PROMO"}})
    recipient = {"notification_messages_token": "88"}
    faults = []

    for wait_s in (0, HOUR_S, DAY_S, 366 * DAY_S):
        await page.play.advance(wait_s)
        faults.append(fault_of(await page.send(TEXT, recipient=recipient)))

    assert faults == [(0, None), (4, 2018354), (0, None), (100, None)]


async def test_an_anonymous_handle_is_answered_without_an_id(page: Caller) -> None:
    await page.write({"from_ref": "visitor-1", "text": "hello"})

    answer = await page.send(TEXT, recipient={"user_ref": "visitor-1"})

    assert fault_of(answer) == (0, None)
    assert "recipient_id" not in answer.json()


# ---------------------------------------------------------------- who has the floor


async def test_another_apps_thread_is_not_ours(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.write(
        {"pass_thread_control": {"new_owner_app_id": "263902037430900", "metadata": "help"}}
    )

    mine = {"messenger": (2018300, None), "instagram": (100, 2534037)}
    assert fault_of(await caller.send(TEXT)) == mine[caller.platform]


async def test_the_floor_is_passed_taken_extended_and_released(page: Caller) -> None:
    await page.write(TEXT)
    await page.stands(default_app="70001")
    who = {"recipient": {"id": page.person}}

    async def owner() -> Any:
        answer = await page.get("me/thread_owner", recipient=page.person)
        return answer.json()["data"][0]["thread_owner"]["app_id"]

    owners = [await owner()]
    for verb, more in (
        ("pass_thread_control", {"target_app_id": "445566"}),
        ("request_thread_control", {"metadata": "for a survey"}),
        ("take_thread_control", {}),
        ("extend_thread_control", {"duration": 172_800}),
        ("release_thread_control", {}),
    ):
        answer = await page.post(f"me/{verb}", {**who, **more})
        assert answer.json() == {"success": True}
        owners.append(await owner())

    assert owners == ["70001", "445566", "445566", "70001", "70001", "70001"]


async def test_the_floor_is_not_taken_without_a_default_app(page: Caller) -> None:
    await page.write(TEXT)

    answer = await page.post("me/take_thread_control", {"recipient": {"id": page.person}})

    assert fault_of(answer) == (2018171, None)


async def test_control_lapses_a_day_after_the_last_word(page: Caller) -> None:
    await page.write(TEXT)
    who = {"recipient": {"id": page.person}, "target_app_id": "445566"}
    await page.post("me/pass_thread_control", who)

    await page.play.advance(DAY_S + 1)
    await page.write({"text": "still there?"})

    assert fault_of(await page.send(TEXT)) == (0, None)


async def test_the_floor_goes_over_with_a_message(page: Caller) -> None:
    await page.write(TEXT)

    first = await page.send(
        TEXT, thread_control={"app_id": "263902037430900", "control_type": "pass"}
    )

    assert fault_of(first) == (0, None)
    assert fault_of(await page.send(TEXT)) == (2018300, None)


# ---------------------------------------------------------------- permissions and rates


async def test_a_token_without_the_permission_does_not_send(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.stands(scopes=["pages_show_list"])

    answer = await caller.send(TEXT)

    assert (answer.status_code, fault_of(answer)) == (403, (200, None))


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467])
async def test_a_token_may_be_withdrawn_for_any_reason(caller: Caller, subcode: int) -> None:
    await caller.write(TEXT)
    await caller.stands(token_subcode=subcode)

    answer = await caller.send(TEXT)

    assert (answer.status_code, fault_of(answer)) == (401, (190, subcode))


async def test_a_token_of_instagram_login_lasts_sixty_days(own: Caller) -> None:
    await own.play.advance(60 * DAY_S + 1)

    assert fault_of(await own.get("me")) == (190, 463)


def test_a_rate_is_counted_over_any_stretch_of_its_length() -> None:
    rate = Rate(most=2, within_s=1.0)

    taken = [rate.takes(now) for now in (10.0, 10.9, 10.95, 11.0, 11.5, 11.95)]

    assert taken == [True, True, False, True, False, True]


async def test_the_rates_are_those_of_the_platforms(play: Play) -> None:
    page, profile = [play.sandbox.platforms[name] for name in ("messenger", "instagram")]
    assert isinstance(page, MetaPlatform)
    assert isinstance(profile, MetaPlatform)

    def numbers(channel: Channel) -> dict[str, tuple[int, float]]:
        return {name: (rate.most, rate.within_s) for name, rate in channel.rates.items()}

    common = {
        "media": (10, 1.0),
        "conversations": (2, 1.0),
        "profile": (10, 600.0),
        "private": (750, 3_600.0),
        "live": (100, 1.0),
    }
    assert numbers(page.channels[PAGE]) == {"text": (300, 1.0), **common}
    assert numbers(profile.channels[OWN_PROFILE]) == {"text": (100, 1.0), **common}


async def test_texts_and_films_come_no_faster_than_the_platform_takes_them(caller: Caller) -> None:
    await caller.write(TEXT)
    limits = f"/sandbox/{caller.platform}/{caller.key}/limits"
    clip = {"attachment": {"type": "video", "payload": {"url": "https://a.example/1.mp4"}}}

    await caller.play.client.put(limits, json={"text_per_s": 0})
    text, film = await caller.send(TEXT), await caller.send(clip)
    await caller.play.client.put(limits, json={"text_per_s": 100, "media_per_s": 0})
    later, again = await caller.send(TEXT), await caller.send(clip)

    too_fast = (613, None) if caller.platform == "messenger" else (613, 2534040)
    assert [fault_of(answer) for answer in (text, film)] == [too_fast, (0, None)]
    assert [fault_of(answer) for answer in (later, again)] == [(0, None), too_fast]


async def test_private_replies_come_no_faster_than_the_platform_takes_them(
    caller: Caller,
) -> None:
    comments = [await caller.write({"comment": {"text": "Price?"}}) for _ in range(2)]
    limits = f"/sandbox/{caller.platform}/{caller.key}/limits"
    await caller.play.client.put(limits, json={"private_replies_per_h": 1})

    answers = [
        await caller.post("me/messages", answer_to(caller, "comment_id", comment["id"]))
        for comment in comments
    ]

    assert [fault_of(answer)[0] for answer in answers] == [0, 613]


async def test_a_proof_must_be_right_where_it_is_given(caller: Caller) -> None:
    own = caller.key == OWN_PROFILE
    secret = "sandbox-instagram-secret" if own else "sandbox-secret"
    proof = hmac.digest(secret.encode(), caller.token.encode(), "sha256").hex()

    assert fault_of(await caller.get("me", appsecret_proof=proof)) == (0, None)
    assert fault_of(await caller.get("me", appsecret_proof="00" * 32)) == (104, None)


async def test_every_answer_tells_the_budget_and_a_spent_one_is_refused(caller: Caller) -> None:
    await caller.write(TEXT)
    limits = f"/sandbox/{caller.platform}/{caller.key}/limits"
    await caller.play.client.put(limits, json={"calls_per_h": 2})

    answers = [await caller.send(TEXT) for _ in range(3)]

    over = 80006 if caller.platform == "messenger" else 80002
    assert [fault_of(answer)[0] for answer in answers] == [0, 0, over]
    usage = answers[2].headers["X-Business-Use-Case-Usage"]
    assert f'"type": "{caller.platform}"' in usage
    assert caller.key in usage
    assert '"estimated_time_to_regain_access": 0' not in usage
    assert '"call_count": 50' in answers[0].headers["X-App-Usage"]


async def test_one_more_account_can_be_opened(page: Caller) -> None:
    page_two = {"page_id": "104500000000002", "access_token": "sandbox-two"}
    client = page.play.client

    opened = await client.post("/sandbox/messenger/accounts", json=page_two)
    me = await client.get("/me", headers={"Authorization": "Bearer sandbox-two"})
    wrong = await client.post("/sandbox/messenger/accounts", json={"page": "1"})
    taken = await client.post("/sandbox/messenger/accounts", json={"page_id": PAGE})

    assert opened.json() == {"channel_key": "104500000000002"}
    assert me.json()["id"] == "104500000000002"
    assert (wrong.status_code, taken.status_code) == (400, 400)


async def test_the_token_can_be_renewed(own: Caller) -> None:
    path = f"/sandbox/instagram/{OWN_PROFILE}/token"

    await own.play.client.put(path, json={"access_token": "sandbox-fresh"})
    old = await own.get("me")
    fresh = await own.play.client.get("/me", headers={"Authorization": "Bearer sandbox-fresh"})

    assert fault_of(old) == (190, 467)
    assert fresh.status_code == 200
