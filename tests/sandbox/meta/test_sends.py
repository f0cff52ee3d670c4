"""What may be sent: every kind of body with its limits, refused with the platform's own codes."""

from typing import Any

import pytest

from omni_actors.sandbox.meta.errors import CODES, refusal
from tests.sandbox.meta.conftest import ANA, BEA, OWN_PROFILE, PAGE, PROFILE, Caller, fault_of

POSTBACK = {"type": "postback", "title": "Reserve", "payload": "RESERVE:SKU-9"}
LINK = {"type": "web_url", "url": "https://shop.example/p/9", "title": "Open shop"}
EXTENSION = {
    **LINK,
    "messenger_extensions": True,
    "fallback_url": "https://shop.example/all",
    "webview_share_button": "hide",
}
GAME = {
    "type": "game_play",
    "title": "Play",
    "payload": "LEVEL:2",
    "game_metadata": {"player_id": "9900"},
}
CALL = {"type": "phone_number", "title": "Call us", "payload": "+351210000000"}
CARD = {"title": "Blue mug", "subtitle": "350 ml", "image_url": "https://cdn.example/9.jpg"}
REPLY = {"content_type": "text", "title": "Small", "payload": "SIZE:S"}
IMAGE = {"type": "image", "payload": {"url": "https://media.example/m/1.jpg"}}


def template(kind: str, **keys: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": {"template_type": kind, **keys}}}


def replies(*given: dict[str, Any]) -> dict[str, Any]:
    return {"text": "Pick", "quick_replies": list(given)}


def medium(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": kind, "payload": payload}}


RECEIPT: dict[str, Any] = {
    "recipient_name": "Ana Dias",
    "order_number": "A-1009",
    "currency": "EUR",
    "payment_method": "Visa 4242",
    "timestamp": "1790000000",
    "address": {
        "street_1": "Rua A 1",
        "street_2": "",
        "city": "Porto",
        "postal_code": "4000-001",
        "state": "Porto",
        "country": "PT",
    },
    "summary": {"subtotal": 28.0, "shipping_cost": 4.0, "total_tax": 6.44, "total_cost": 38.44},
    "adjustments": [{"name": "Welcome", "amount": 2.0}],
    "elements": [{"title": "Blue mug", "quantity": 2, "price": 14.0, "currency": "EUR"}],
}
BOTH_TAKE = {
    "text": {"text": "In stock: 4 left."},
    "quick replies": replies(REPLY, {"content_type": "user_phone_number"}),
    "thirteen quick replies": replies(*([REPLY] * 13)),
    "a title that is cut": replies({**REPLY, "title": "x" * 21}),
    "an image by address": medium("image", url="https://media.example/m/1.jpg"),
    "a video to use again": medium("video", url="https://media.example/1.mp4", is_reusable=True),
    "several images": {"attachments": [IMAGE] * 10},
    "buttons": template("button", text="How can we help?", buttons=[POSTBACK, LINK]),
    "a long button text": template("button", text="x" * 640, buttons=[POSTBACK]),
    "ten cards": template("generic", elements=[CARD] * 10),
    "a card with buttons": template("generic", elements=[{**CARD, "buttons": [POSTBACK] * 3}]),
    "a card that leads on": template(
        "generic",
        elements=[{"title": "Mug", "default_action": {"type": "web_url", "url": LINK["url"]}}],
    ),
    "products": template("product", elements=[{"id": "610001"}, {"id": "610002"}]),
}
MESSENGER_TAKES = {
    "2,000 characters": {"text": "x" * 2000},
    "1,000 characters of two units": {"text": "😀" * 1000},
    "metadata": {"text": "hi", "metadata": "x" * 1000},
    "a sticker": {"sticker_id": 767226160478561},
    "a picture on a reply": replies({**REPLY, "title": "", "image_url": "https://a.example/s.png"}),
    "an address wanted": replies({"content_type": "user_email"}),
    "a call": template("button", text="Call", buttons=[CALL]),
    "a log-in": template(
        "button", text="x", buttons=[{"type": "account_link", "url": "https://shop.example/in"}]
    ),
    "a log-out": template("button", text="x", buttons=[{"type": "account_unlink"}]),
    "a webview": template("button", text="x", buttons=[{**LINK, "webview_height_ratio": "tall"}]),
    "a page of an extension": template("button", text="x", buttons=[EXTENSION]),
    "a game": template("button", text="x", buttons=[GAME]),
    "a film on Facebook": template(
        "media",
        elements=[{"media_type": "video", "url": "https://www.facebook.com/mugs/videos/1"}],
    ),
    "a picture that leads on": template(
        "image_grid",
        elements=[
            {
                "image_url": "https://a.example/1.png",
                "default_action": {"type": "web_url", "url": "https://a.example"},
            },
            {
                "image_url": "https://a.example/2.png",
                "default_action": {"type": "postback", "payload": "2"},
            },
        ],
    ),
    "a square card": template("generic", elements=[CARD], image_aspect_ratio="square"),
    "a receipt": template("receipt", **RECEIPT),
    "a coupon": template("coupon", title="20% off", coupon_code="MUG20"),
    "an image grid": template(
        "image_grid",
        elements=[{"image_url": "https://a.example/1.png"}] * 2,
        buttons=[POSTBACK],
    ),
    "a notification": template("one_time_notif_req", title="Restock?", payload="RESTOCK"),
    "a topic": template("notification_messages", title="Offers", payload="PROMO"),
}
INSTAGRAM_TAKES = {
    "1,000 bytes": {"text": "é" * 500},
    "a heart": {"attachment": {"type": "like_heart"}},
    "an own post": {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": "18139400000000001"}}},
    "a file": medium("file", url="https://media.example/1.pdf"),
}
BOTH_REFUSE = {
    "nothing": {},
    "an empty text": {"text": "  "},
    "text and attachment": {"text": "x", **medium("image", url="https://a.example/1.png")},
    "an unknown key": {"text": "x", "color": "red"},
    "fourteen quick replies": replies(*([REPLY] * 14)),
    "no quick reply": replies(),
    "a reply without payload": replies({"content_type": "text", "title": "Small"}),
    "an empty reply": replies({**REPLY, "title": ""}),
    "a long payload": replies({**REPLY, "payload": "x" * 1001}),
    "an unknown reply": replies({"content_type": "location"}),
    "replies to images": {"attachments": [IMAGE], "quick_replies": [REPLY]},
    "eleven images": {"attachments": [IMAGE] * 11},
    "no images": {"attachments": []},
    "videos among images": {"attachments": [{**IMAGE, "type": "video"}]},
    "no source": medium("image", is_reusable=True),
    "two sources": medium("image", url="https://a.example/1.png", attachment_id="1"),
    "an address in plain": medium("image", url="http://a.example/1.png"),
    "no address": medium("image", url="nowhere"),
    "an unknown medium": medium("hologram", url="https://a.example/1.png"),
    "an unknown template": template("list", elements=[CARD]),
    "four buttons": template("button", text="x", buttons=[POSTBACK] * 4),
    "no buttons": template("button", text="x", buttons=[]),
    "a long button text": template("button", text="x" * 641, buttons=[POSTBACK]),
    "a long button": template("button", text="x", buttons=[{**POSTBACK, "title": "x" * 21}]),
    "a long postback": template("button", text="x", buttons=[{**POSTBACK, "payload": "x" * 1001}]),
    "an unknown button": template("button", text="x", buttons=[{**POSTBACK, "type": "buy"}]),
    "eleven cards": template("generic", elements=[CARD] * 11),
    "no cards": template("generic", elements=[]),
    "a bare card": template("generic", elements=[{"title": "Mug"}]),
    "a card without title": template("generic", elements=[{"subtitle": "350 ml"}]),
    "a long card": template("generic", elements=[{**CARD, "title": "x" * 81}]),
    "a long subtitle": template("generic", elements=[{**CARD, "subtitle": "x" * 81}]),
    "a title on the way on": template("generic", elements=[{"title": "x", "default_action": LINK}]),
    "eleven products": template("product", elements=[{"id": "1"}] * 11),
}
MESSENGER_REFUSES = {
    "2,001 characters": {"text": "x" * 2001},
    "too many units": {"text": "😀" * 1001},
    "long metadata": {"text": "hi", "metadata": "x" * 1001},
    "a heart": {"attachment": {"type": "like_heart"}},
    "a sticker of letters": {"sticker_id": "thumb"},
    "a wrong number": template("button", text="x", buttons=[{**CALL, "payload": "0800"}]),
    "a game of nobody": template("button", text="x", buttons=[{**GAME, "game_metadata": {}}]),
    "a share button that is shown": template(
        "button", text="x", buttons=[{**EXTENSION, "webview_share_button": "show"}]
    ),
    "a notification of several": template(
        "one_time_notif_req", title="Restock?", payload="RESTOCK", elements=[CARD]
    ),
    "two media cards": template(
        "media", elements=[{"media_type": "image", "url": "https://www.example/1"}] * 2
    ),
    "a receipt without total": template("receipt", **{**RECEIPT, "summary": {"subtotal": 1}}),
    "a receipt of nobody": template(
        "receipt", **{key: RECEIPT[key] for key in RECEIPT if key != "recipient_name"}
    ),
    "a coupon for nothing": template("coupon", title="20% off"),
    "one image in a grid": template("image_grid", elements=[{"image_url": "https://a.example/1"}]),
    "seven images in a grid": template(
        "image_grid", elements=[{"image_url": "https://a.example/1"}] * 7
    ),
    "a long topic": template("notification_messages", title="x" * 66, payload="PROMO"),
}
INSTAGRAM_REFUSES = {
    "1,001 bytes": {"text": "x" * 1001},
    "1,000 characters of two bytes": {"text": "é" * 501},
    "metadata": {"text": "hi", "metadata": "x"},
    "a sticker": {"sticker_id": 767226160478561},
    "a picture on a reply": replies({**REPLY, "image_url": "https://a.example/s.png"}),
    "an address wanted": replies({"content_type": "user_email"}),
    "a call": template("button", text="Call", buttons=[CALL]),
    "a log-in": template(
        "button", text="x", buttons=[{"type": "account_link", "url": "https://shop.example/in"}]
    ),
    "a webview": template("button", text="x", buttons=[{**LINK, "webview_height_ratio": "tall"}]),
    "a receipt": template("receipt", **RECEIPT),
    "somebody else's post": {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": "18"}}},
}


def cases(table: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("message", table.values(), ids=table.keys())


@cases(BOTH_TAKE)
async def test_every_flavour_takes(caller: Caller, message: dict[str, Any]) -> None:
    await caller.write({"text": "hello"})

    answer = await caller.send(message)

    assert answer.status_code == 200, answer.text
    assert answer.json()["recipient_id"] == caller.person
    prefix = "m_" if caller.platform == "messenger" else "aWdf"
    assert answer.json()["message_id"].startswith(prefix)
    assert [entry["id"] for entry in await caller.outbox()] == [answer.json()["message_id"]]


@cases(MESSENGER_TAKES)
async def test_messenger_takes(page: Caller, message: dict[str, Any]) -> None:
    await page.write({"text": "hello"})

    assert fault_of(await page.send(message)) == (0, None)


@cases(INSTAGRAM_TAKES)
async def test_instagram_takes(instagram: Caller, message: dict[str, Any]) -> None:
    await instagram.write({"text": "hello"})

    assert fault_of(await instagram.send(message)) == (0, None)


@cases(BOTH_REFUSE)
async def test_no_flavour_takes(caller: Caller, message: dict[str, Any]) -> None:
    await caller.write({"text": "hello"})

    answer = await caller.send(message)

    wrong = (100, None) if caller.platform == "messenger" else (100, 2534015)
    assert (answer.status_code, fault_of(answer)) == (400, wrong)
    assert await caller.outbox() == []


@pytest.mark.slow
@cases(MESSENGER_REFUSES)
async def test_messenger_refuses(page: Caller, message: dict[str, Any]) -> None:
    await page.write({"text": "hello"})

    assert fault_of(await page.send(message)) == (100, None)


@cases(INSTAGRAM_REFUSES)
async def test_instagram_refuses(instagram: Caller, message: dict[str, Any]) -> None:
    await instagram.write({"text": "hello"})

    assert fault_of(await instagram.send(message)) == (100, 2534015)


TEXT = {"text": "hello"}
WHOLE: dict[str, tuple[dict[str, Any], tuple[int, int | None]]] = {
    "message and action": ({"message": TEXT, "sender_action": "typing_on"}, (100, 2018014)),
    "neither": ({}, (100, None)),
    "no recipient": ({"message": TEXT, "recipient": {}}, (100, None)),
    "two recipients": ({"message": TEXT, "recipient": {"id": ANA, "user_ref": "a"}}, (100, None)),
    "a stranger": ({"message": TEXT, "recipient": {"id": "1"}}, (100, 2018001)),
    "a number": ({"message": TEXT, "recipient": {"phone_number": "+3512"}}, (200, 2018021)),
    "no type": ({"message": TEXT, "messaging_type": None}, (100, None)),
    "an unknown type": ({"message": TEXT, "messaging_type": "HELLO"}, (100, None)),
    "no tag": ({"message": TEXT, "messaging_type": "MESSAGE_TAG"}, (100, None)),
    "a tag of its own": ({"message": TEXT, "tag": "HUMAN_AGENT"}, (100, None)),
    "utility without template": ({"message": TEXT, "messaging_type": "UTILITY"}, (100, None)),
    "a strange key": ({"message": TEXT, "priority": "high"}, (100, None)),
    "an unknown persona": ({"message": TEXT, "persona_id": "1"}, (100, None)),
    "an unknown quote": ({"message": TEXT, "reply_to": {"mid": "m_X"}}, (100, None)),
    "an unknown push": ({"message": TEXT, "notification_type": "LOUD"}, (100, None)),
    "an unknown action": ({"sender_action": "dance"}, (100, None)),
    "an action with more": (
        {"sender_action": "mark_seen", "messaging_type": "UPDATE"},
        (100, None),
    ),
    "a payload for nothing": (
        {"sender_action": "typing_on", "payload": {"message_id": "m_X"}},
        (100, None),
    ),
    "a reaction to nothing": ({"sender_action": "react"}, (100, None)),
    "a reaction in words": (
        {"sender_action": "react", "payload": {"message_id": "m_X", "reaction": "yes"}},
        (100, None),
    ),
    "a reaction to a stranger": (
        {"sender_action": "react", "payload": {"message_id": "m_X", "reaction": "love"}},
        (100, None),
    ),
}


@pytest.mark.parametrize(("keys", "fault"), WHOLE.values(), ids=WHOLE.keys())
async def test_the_whole_body_is_judged(
    page: Caller, keys: dict[str, Any], fault: tuple[int, int | None]
) -> None:
    await page.write({"text": "hello"})
    usual: dict[str, Any] = {"recipient": {"id": ANA}}
    if "message" in keys and "sender_action" not in keys:
        usual["messaging_type"] = "RESPONSE"

    answer = await page.post("me/messages", {**usual, **keys})

    assert fault_of(answer) == fault


@pytest.mark.parametrize(
    "keys",
    [
        {"persona_id": "1"},
        {"notification_type": "NO_PUSH"},
        {"messaging_type": "UTILITY"},
        {"thread_control": {"control_type": "release"}},
    ],
    ids=str,
)
async def test_instagram_does_not_know(instagram: Caller, keys: dict[str, Any]) -> None:
    await instagram.write({"text": "hello"})

    assert fault_of(await instagram.send(TEXT, **keys)) == (100, 2534015)


@pytest.mark.parametrize("recipient", [{"user_ref": "a"}, {"post_id": "1"}], ids=str)
async def test_instagram_has_no_such_recipient(own: Caller, recipient: dict[str, str]) -> None:
    answer = await own.send(TEXT, recipient=recipient)

    assert fault_of(answer) == (100, 2534015)


async def test_nobody_of_instagram_is_nobody_of_instagram(own: Caller) -> None:
    assert fault_of(await own.send(TEXT)) == (100, 2534014)


async def test_the_page_writes_to_whoever_is_meant(page: Caller, behind: Caller) -> None:
    await page.write({"text": "hello"})
    await behind.write({"text": "hello"})

    await page.send({"text": "to Ana"})
    await behind.post("me/messages", {"recipient": {"id": BEA}, "message": {"text": "to Bea"}})

    assert [entry["text"] for entry in await page.outbox()] == ["to Ana"]
    assert [entry["text"] for entry in await behind.outbox()] == ["to Bea"]


async def test_a_token_of_another_account_is_refused(own: Caller, page: Caller) -> None:
    answers = [
        await own.post(f"{PAGE}/messages", {}),
        await page.post(f"{OWN_PROFILE}/messages", {}),
    ]

    assert [fault_of(answer)[0] for answer in answers] == [10, 10]


async def test_the_account_behind_a_page_has_no_edge_of_its_own(behind: Caller) -> None:
    answer = await behind.post(f"{PROFILE}/messages", {"recipient": {"id": BEA}, "message": TEXT})

    assert fault_of(answer) == (33, 33)


async def test_the_token_may_come_in_the_query_and_the_body_as_a_form(page: Caller) -> None:
    await page.write({"text": "hello"})
    form = {
        "recipient": f'{{"id": "{ANA}"}}',
        "messaging_type": "RESPONSE",
        "message": '{"text": "from a form"}',
    }

    answer = await page.play.client.post(
        "/me/messages",
        params={"access_token": page.token},
        data=form,
        headers={"Authorization": ""},
    )

    assert fault_of(answer) == (0, None)
    assert [entry["text"] for entry in await page.outbox()] == ["from a form"]


async def test_no_token_and_a_wrong_one_are_answered_190(caller: Caller) -> None:
    client = caller.play.client
    path = f"/v25.0/{caller.path}/messages"

    none = await client.post(path, json={}, headers={"Authorization": ""})
    wrong = await client.post(path, json={}, headers={"Authorization": "Bearer guess"})

    assert [fault_of(answer)[0] for answer in (none, wrong)] == [190, 190]
    assert none.json()["error"]["type"] == "OAuthException"


async def test_sender_actions_are_no_messages(caller: Caller) -> None:
    written = await caller.write({"text": "hello"})
    react = {"message_id": written["id"], "reaction": "👋"}
    bodies: list[dict[str, Any]] = [
        {"sender_action": "typing_on"},
        {"sender_action": "typing_off"},
        {"sender_action": "mark_seen"},
        {"sender_action": "react", "payload": react},
        {"sender_action": "unreact", "payload": {"message_id": written["id"]}},
    ]

    answers = [
        await caller.post("me/messages", {"recipient": {"id": caller.person}, **body})
        for body in bodies
    ]

    assert [answer.json() for answer in answers] == [{"recipient_id": caller.person}] * 5
    shown = [entry["text"] for entry in await caller.outbox()]
    assert shown == ["[reaction] 👋", "[reaction] removed"]


async def test_a_utility_template_must_be_approved_and_filled(page: Caller) -> None:
    await page.write({"text": "hello"})
    await page.play.advance(30 * 86_400)

    def message(*texts: str, name: str = "order_shipped") -> dict[str, Any]:
        parameters = [{"type": "text", "text": text} for text in texts]
        components = [{"type": "body", "parameters": parameters}]
        return {"template": {"name": name, "language": {"code": "en_US"}, "components": components}}

    sends = [message("A-1009"), message(), message("A", name="other")]
    faults = [fault_of(await page.send(one, messaging_type="UTILITY")) for one in sends]

    assert faults == [(0, None), (100, None), (100, None)]


async def test_a_persona_is_made_used_and_taken_away(page: Caller) -> None:
    await page.write({"text": "hello"})
    rita = {"name": "Rita", "profile_picture_url": "https://cdn.example/r.jpg"}

    made = (await page.post("me/personas", rita)).json()["id"]
    sent = await page.send(TEXT, persona_id=made)
    listed = (await page.get("me/personas")).json()["data"]
    gone = await page.delete(made)

    assert fault_of(sent) == (0, None)
    assert [one["name"] for one in listed] == ["Rita"]
    assert gone.json() == {"success": True}
    assert fault_of(await page.send(TEXT, persona_id=made)) == (100, None)


def test_every_error_has_a_status_and_its_code_in_the_words() -> None:
    for code, subcode in CODES:
        error = refusal(code, subcode)
        assert 400 <= error.status < 600
        assert error.document("A")["error"]["message"].startswith(f"(#{code})")
        assert (error.code, error.subcode) == (code, subcode)


def test_a_code_of_no_table_is_a_temporary_one() -> None:
    assert refusal(777).code == 2
