"""The management of templates on the pretend platform: its rules, its listing, its webhooks."""

from typing import Any

import httpx
import pytest

from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount
from omni_actors.sandbox.whatsapp.template_rules import (
    AT_THE_EDGE,
    BAD_BODY,
    BAD_FOOTER,
    BAD_HEADER,
    TOO_LONG,
)
from tests.sandbox.conftest import ADA, KEY, Play, code_of

PATH = "/v25.0/900100200300400/message_templates"
CONTROL = f"/sandbox/whatsapp/{KEY}/templates"
BODY = {
    "type": "BODY",
    "text": "Hi {{1}}, order {{2}} waits.",
    "example": {"body_text": [["Ada", "42"]]},
}
PICKUP = {"name": "pickup", "language": "en_GB", "category": "UTILITY", "components": [BODY]}
IMAGE = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4:abc"]}}
TRACK = {"type": "URL", "text": "Track", "url": "https://shop.example/{{1}}", "example": ["42"]}
CARD = {"components": [IMAGE, BODY, {"type": "BUTTONS", "buttons": [TRACK]}]}


def buttons(*some: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(some)}


def quick(text: str = "Thanks") -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": text}


def text_header(text: str, *example: str) -> dict[str, Any]:
    return {
        "type": "HEADER",
        "format": "TEXT",
        "text": text,
        **({"example": {"header_text": list(example)}} if example else {}),
    }


def body(text: str, *example: str) -> dict[str, Any]:
    shown = {"example": {"body_text": [list(example)]}} if example else {}
    return {"type": "BODY", "text": text, **shown}


def sends(name: str, *components: dict[str, Any]) -> dict[str, Any]:
    template = {"name": name, "language": {"code": "en_GB"}, "components": list(components)}
    return {"type": "template", "template": template}


def texts(*values: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": each} for each in values]}


async def create(play: Play, **more: Any) -> httpx.Response:
    return await play.client.post(PATH, json={**PICKUP, **more})


async def decide(play: Play, **decision: Any) -> httpx.Response:
    named = {"name": "pickup", "language": "en_GB"}
    return await play.client.post(CONTROL, json={**named, **decision}, params={"wait": "1"})


async def listed(play: Play, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await play.client.get(PATH, params=query)).json()["data"]
    return found


# ---------------------------------------------------------------- creating

GOOD: dict[str, dict[str, Any]] = {
    "a text with variables": {},
    "named variables": {
        "parameter_format": "named",
        "components": [
            {
                "type": "HEADER",
                "format": "TEXT",
                "text": "Order {{no}}",
                "example": {"header_text_named_params": [{"param_name": "no", "example": "4"}]},
            },
            {
                "type": "BODY",
                "text": "Hi {{first_name}}, it waits.",
                "example": {
                    "body_text_named_params": [{"param_name": "first_name", "example": "Ada"}]
                },
            },
            {"type": "FOOTER", "text": "Omni"},
        ],
    },
    "an image and buttons": {
        "components": [IMAGE, BODY, buttons(quick(), quick("No"), TRACK)],
        "message_send_ttl_seconds": 3600,
    },
    "a request for the number": {"components": [BODY, buttons({"type": "REQUEST_CONTACT_INFO"})]},
    "a carousel": {"components": [BODY, {"type": "CAROUSEL", "cards": [CARD, CARD]}]},
    "an offer": {
        "category": "MARKETING",
        "components": [
            BODY,
            {
                "type": "LIMITED_TIME_OFFER",
                "limited_time_offer": {"text": "Ends soon", "has_expiration": True},
            },
        ],
    },
    "a code": {
        "category": "AUTHENTICATION",
        "components": [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "FOOTER", "code_expiration_minutes": 10},
            buttons({"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}),
        ],
    },
}


@pytest.mark.parametrize("more", GOOD.values(), ids=GOOD.keys())
async def test_a_good_template_waits_for_its_review(play: Play, more: dict[str, Any]) -> None:
    made = await create(play, **more)

    assert made.status_code == 200, made.text
    assert made.json()["status"] == "PENDING"
    (one,) = await listed(play, name="pickup", fields="name,status,components")
    assert one["id"] == made.json()["id"]
    assert set(one) == {"id", "name", "status", "components"}


BAD: dict[str, tuple[dict[str, Any], int]] = {
    "a name in capitals": ({"name": "Pickup"}, 100),
    "no language": ({"language": "english"}, 100),
    "another category": ({"category": "FUN"}, 100),
    "no body": ({"components": [IMAGE]}, 100),
    "a body twice": ({"components": [BODY, BODY]}, 100),
    "an unknown key": ({"components": [{**BODY, "colour": "red"}]}, 100),
    "a variable at the start": ({"components": [body("{{1}} waits.", "Tea")]}, AT_THE_EDGE),
    "a variable at the end": ({"components": [body("Hi {{1}}", "Ada")]}, AT_THE_EDGE),
    "a gap between positions": (
        {"components": [body("Hi {{1}} and {{3}}!", "a", "b")]},
        BAD_BODY,
    ),
    "no examples": ({"components": [{"type": "BODY", "text": "Hi {{1}}!"}]}, BAD_BODY),
    "a name where positions are": ({"components": [body("Hi {{name}}!", "a")]}, BAD_BODY),
    "a position where names are": ({"parameter_format": "named"}, BAD_BODY),
    "a body that is too long": ({"components": [body("x" * 1025)]}, TOO_LONG),
    "a header that is too long": ({"components": [text_header("x" * 61), BODY]}, TOO_LONG),
    "two variables in a header": (
        {"components": [text_header("{{1}} {{2}}", "a", "b"), BODY]},
        100,
    ),
    "an image without a sample": (
        {"components": [{"type": "HEADER", "format": "IMAGE"}, BODY]},
        BAD_HEADER,
    ),
    "a variable in the footer": (
        {"components": [BODY, {"type": "FOOTER", "text": "{{1}}"}]},
        BAD_FOOTER,
    ),
    "a label for what has its own": (
        {"components": [BODY, buttons({"type": "REQUEST_CONTACT_INFO", "text": "Give"})]},
        100,
    ),
    "a label that is too long": ({"components": [BODY, buttons(quick("x" * 26))]}, TOO_LONG),
    "eleven buttons": ({"components": [BODY, buttons(*[quick(str(n)) for n in range(11)])]}, 100),
    "three links": ({"components": [BODY, buttons(TRACK, TRACK, TRACK)]}, 100),
    "quick replies on both sides": ({"components": [BODY, buttons(quick(), TRACK, quick())]}, 100),
    "one card": ({"components": [BODY, {"type": "CAROUSEL", "cards": [CARD]}]}, 100),
    "cards that differ": (
        {
            "components": [
                BODY,
                {"type": "CAROUSEL", "cards": [CARD, {"components": [IMAGE, BODY]}]},
            ]
        },
        100,
    ),
    "a code in another category": (
        {"components": [BODY, buttons({"type": "OTP", "otp_type": "COPY_CODE"})]},
        100,
    ),
    "a time to live that is too long": ({"message_send_ttl_seconds": 50_000}, 100),
}


@pytest.mark.parametrize(("more", "code"), BAD.values(), ids=BAD.keys())
async def test_a_bad_template_is_refused(play: Play, more: dict[str, Any], code: int) -> None:
    assert code_of(await create(play, **more)) == code
    assert await listed(play, name="pickup") == []


@pytest.mark.parametrize(
    ("component", "title"),
    [
        (body("Hi {{1}}", "Ada"), "Variables can't be at the start or end of the template"),
        (body("x" * 1025), "Character limit exceeded"),
        (body("Hi {{1}} and {{3}}!", "a", "b"), "Message body format is incorrect"),
    ],
)
async def test_a_refusal_has_the_platforms_title(
    play: Play, component: dict[str, Any], title: str
) -> None:
    error = (await create(play, components=[component])).json()["error"]

    assert error["message"] == f"(#{error['code']}) {title}"


async def test_one_language_has_one_template(play: Play) -> None:
    assert (await create(play)).status_code == 200

    assert code_of(await create(play)) == 100
    assert (await create(play, language="de")).status_code == 200


@pytest.mark.slow
async def test_a_hundred_templates_an_hour(play: Play) -> None:
    for n in range(100):
        assert (await create(play, name=f"t{n}")).status_code == 200

    assert code_of(await create(play)) == 80008
    await play.advance(3601)
    assert (await create(play)).status_code == 200


# ---------------------------------------------------------------- listing, looking, deleting


async def test_a_cursor_of_another_listing_is_bad(play: Play) -> None:
    assert code_of(await play.client.get(PATH, params={"after": "999"})) == 131059


async def test_listings_are_filtered(play: Play) -> None:
    await create(play)

    assert [one["name"] for one in await listed(play, status="PENDING")] == ["pickup"]
    assert "pickup" not in [one["name"] for one in await listed(play, status="APPROVED")]
    assert code_of(await play.client.get(PATH, params={"fields": "shoe_size"})) == 100


async def test_one_template_is_shown_by_its_id(play: Play) -> None:
    made = (await create(play)).json()

    shown = await play.client.get(f"/v25.0/{made['id']}", params={"fields": "status,category"})

    assert shown.json() == {"id": made["id"], "status": "PENDING", "category": "UTILITY"}
    stranger = {"Authorization": "Bearer other"}
    assert code_of(await play.client.get(f"/v25.0/{made['id']}", headers=stranger)) == 190


async def test_a_name_is_deleted_in_all_languages_or_in_one(play: Play) -> None:
    first = (await create(play)).json()
    await create(play, language="de")

    one = await play.client.delete(PATH, params={"name": "pickup", "hsm_id": first["id"]})
    assert one.json() == {"success": True}
    assert [each["language"] for each in await listed(play, name="pickup")] == ["de"]

    await play.client.delete(PATH, params={"name": "pickup"})
    assert await listed(play, name="pickup") == []
    assert code_of(await play.client.delete(PATH, params={"name": "pickup"})) == 100
    assert code_of(await play.client.delete(PATH)) == 100


async def test_the_name_of_an_approved_template_is_blocked_for_a_month(play: Play) -> None:
    await create(play)
    await decide(play, status="APPROVED")
    await play.client.delete(PATH, params={"name": "pickup"})

    assert code_of(await create(play)) == 100
    await play.advance(30 * 86_400 + 1)
    assert (await create(play)).status_code == 200


# ---------------------------------------------------------------- what the platform decides


async def test_decisions_are_told_by_webhook(play: Play) -> None:
    made = (await create(play)).json()

    await decide(play, status="REJECTED", reason="INVALID_FORMAT", why="it is odd")
    await decide(play, status="APPROVED")
    await decide(play, quality="RED")
    await decide(play, category="MARKETING")
    await decide(play, components=[body("Hello {{1}}!", "Ada")])

    changes = []
    for document in await play.hook.documents(5):
        (entry,) = document["entry"]
        assert (entry["id"], entry["time"]) == ("900100200300400", 1_790_000_000)
        changes += entry["changes"]
    assert [change["field"] for change in changes] == [
        "message_template_status_update",
        "message_template_status_update",
        "message_template_quality_update",
        "template_category_update",
        "message_template_components_update",
    ]
    first = changes[0]["value"]
    assert "metadata" not in first
    assert first["message_template_id"] == int(made["id"])
    assert (first["event"], first["reason"]) == ("REJECTED", "INVALID_FORMAT")
    assert first["rejection_info"]["reason"] == "it is odd"
    (one,) = await listed(play, name="pickup")
    assert (one["status"], one["quality_score"], one["category"], one["rejected_reason"]) == (
        "APPROVED",
        {"score": "RED"},
        "MARKETING",
        "NONE",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "SINGING"},
        {"quality": "BLUE"},
        {"status": "APPROVED", "quality": "RED"},
        {"name": "nobody", "status": "APPROVED"},
        {"components": []},
        {},
    ],
)
async def test_a_decision_that_makes_no_sense_is_told(play: Play, wrong: dict[str, Any]) -> None:
    await create(play)

    answer = await decide(play, **wrong)

    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("PENDING", 132001),
        ("REJECTED", 132001),
        ("PAUSED", 132015),
        ("DISABLED", 132016),
        ("DELETED", 132001),
        ("APPROVED", 0),
        ("FLAGGED", 0),
        ("REINSTATED", 0),
    ],
)
async def test_only_what_is_approved_can_be_sent(play: Play, status: str, code: int) -> None:
    await create(play)
    await decide(play, status=status)

    assert code_of(await play.send(sends("pickup", texts("Ada", "42")))) == code


# ---------------------------------------------------------------- sending what was created


async def approve(play: Play, *components: dict[str, Any], **more: Any) -> None:
    made = await create(play, components=list(components), **more)
    assert made.status_code == 200, made.text
    await decide(play, status="APPROVED")


def button(index: int, sub_type: str, **parameter: Any) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


async def test_a_carousel_is_filled_card_by_card(play: Play) -> None:
    await approve(play, body("New for you: {{1}}!", "a"), {"type": "CAROUSEL", "cards": [CARD] * 2})
    picture = {"type": "image", "image": {"link": "https://shop.example/a.png"}}

    def card(index: int, *values: str) -> dict[str, Any]:
        filled = [
            {"type": "header", "parameters": [picture]},
            texts(*values),
            button(0, "url", type="text", text="a"),
        ]
        return {"card_index": index, "components": filled}

    def carousel(*cards: dict[str, Any]) -> dict[str, Any]:
        return sends("pickup", texts("ferns"), {"type": "carousel", "cards": list(cards)})

    assert code_of(await play.send(carousel(card(0, "Fern", "1")))) == 132000
    assert code_of(await play.send(carousel(card(0, "Fern", "1"), card(2, "Moss", "2")))) == 131009
    assert code_of(await play.send(carousel(card(0, "Fern", "1"), card(1, "Moss")))) == 132000
    right = await play.send(carousel(card(0, "Fern", "1"), card(1, "Moss", "2")))
    assert code_of(right) == 0, right.text

    (shown,) = await play.outbox(to=ADA)
    assert "Hi Moss, order 2 waits." in shown["text"]


async def test_an_offer_needs_its_end(play: Play) -> None:
    offer = {"limited_time_offer": {"text": "Ends soon", "has_expiration": True}}
    await approve(play, body("Hello {{1}}!", "a"), {"type": "LIMITED_TIME_OFFER", **offer})
    ends = {
        "type": "limited_time_offer",
        "parameters": [
            {
                "type": "limited_time_offer",
                "limited_time_offer": {"expiration_time_ms": 1_790_600_000_000},
            }
        ],
    }

    assert code_of(await play.send(sends("pickup", texts("Ada")))) == 131008
    assert code_of(await play.send(sends("pickup", texts("Ada"), ends))) == 0


async def test_a_coupon_must_be_given(play: Play) -> None:
    await approve(play, body("Hello {{1}}!", "a"), buttons({"type": "COPY_CODE", "example": "S"}))
    coupon = button(0, "copy_code", type="coupon_code", coupon_code="SAVE10")

    assert code_of(await play.send(sends("pickup", texts("Ada")))) == 131008
    assert code_of(await play.send(sends("pickup", texts("Ada"), coupon))) == 0


async def test_numbers_of_one_account_share_its_templates(play: Play) -> None:
    account = {"phone_number_id": "770011223344557", "display_number": "442079460101"}
    await play.client.post("/sandbox/whatsapp/accounts", json=account)
    await create(play)
    await decide(play, status="APPROVED")

    whole = {"messaging_product": "whatsapp", "to": f"+{ADA}", **sends("pickup", texts("A", "b"))}
    sent = await play.client.post("/v25.0/770011223344557/messages", json=whole)

    assert code_of(sent) == 0


async def test_a_reset_brings_the_samples_back(play: Play) -> None:
    before = await listed(play)
    await create(play)
    await play.client.delete(PATH, params={"name": "order_ready"})

    await play.client.post("/sandbox/reset")

    assert await listed(play) == before


# ---------------------------------------------------------------- changing


async def edit(play: Play, template_id: str, **change: Any) -> httpx.Response:
    return await play.client.post(f"/v25.0/{template_id}", json=change)


async def submitted(play: Play, status: str = "APPROVED") -> str:
    """A template in a state; its id."""
    made = await play.client.post(PATH, json=PICKUP)
    named = {"name": "pickup", "language": "en_GB"}
    if status != "PENDING":
        await play.client.post(CONTROL, json={**named, "status": status})
    return str(made.json()["id"])


async def test_a_changed_template_is_reviewed_again(play: Play) -> None:
    template_id = await submitted(play)

    changed = await edit(play, template_id, components=[body("Now {{1}} waits.", "Ada")])
    one = (await play.client.get(f"/v25.0/{template_id}")).json()

    assert changed.json() == {"success": True}
    assert (one["status"], one["components"][0]["text"]) == ("PENDING", "Now {{1}} waits.")


@pytest.mark.parametrize(
    ("status", "code"),
    [("PENDING", 2388039), ("DISABLED", 2388039), ("REJECTED", 0), ("PAUSED", 0)],
)
async def test_not_every_template_may_be_changed(play: Play, status: str, code: int) -> None:
    template_id = await submitted(play, status)

    assert code_of(await edit(play, template_id, components=[BODY])) == code


@pytest.mark.slow
async def test_an_approved_template_is_changed_once_a_day_and_ten_times_a_month(
    play: Play,
) -> None:
    template_id = await submitted(play)
    codes = []
    for _ in range(11):
        codes.append(code_of(await edit(play, template_id, components=[BODY])))
        await play.client.post(
            CONTROL, json={"name": "pickup", "language": "en_GB", "status": "APPROVED"}
        )
        codes.append(code_of(await edit(play, template_id, components=[BODY])))
        await play.advance(86_401)

    assert codes[::2] == [0] * 10 + [2388039]
    assert set(codes[1::2]) == {2388039}


async def test_the_category_of_an_approved_template_stays(play: Play) -> None:
    template_id = await submitted(play)

    assert code_of(await edit(play, template_id, category="MARKETING")) == 2388039


PNG = {"file_name": "a.png", "file_length": "4", "file_type": "image/png"}
OAUTH = {"Authorization": "OAuth sandbox-token", "file_offset": "0"}


async def test_an_example_is_uploaded_in_two_steps(play: Play) -> None:
    app = WhatsAppAccount(KEY).app_id
    begun = await play.client.post(f"/v25.0/{app}/uploads", params=PNG)
    session = begun.json()["id"]

    short = await play.client.post(f"/v25.0/{session}", content=b"abc", headers=OAUTH)
    bearer = await play.client.post(f"/v25.0/{session}", content=b"abcd")
    done = await play.client.post(f"/v25.0/{session}", content=b"abcd", headers=OAUTH)

    assert (code_of(short), code_of(bearer)) == (100, 100)
    shown = {"type": "HEADER", "format": "VIDEO", "example": {"header_handle": [done.json()["h"]]}}
    wrong = await play.client.post(PATH, json={**PICKUP, "components": [shown, BODY]})
    right = {**PICKUP, "components": [{**shown, "format": "IMAGE"}, BODY]}
    assert code_of(wrong) == BAD_HEADER
    assert (await play.client.post(PATH, json=right)).status_code == 200


async def test_an_example_of_another_type_is_refused(play: Play) -> None:
    app = WhatsAppAccount(KEY).app_id
    path = f"/v25.0/{app}/uploads"

    gif = await play.client.post(path, params={**PNG, "file_type": "image/gif"})
    nameless = await play.client.post(path, params={"file_type": "image/png"})

    assert (code_of(gif), code_of(nameless)) == (100, 100)


NEWS: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "a pause": (
        "message_template_status_update",
        {"event": "PAUSED", "reason": "LOW_QUALITY"},
        {"status": "PAUSED", "rejected_reason": "LOW_QUALITY"},
    ),
    "a word of tomorrow": (
        "message_template_status_update", {"event": "RESTED"}, {"status": "PENDING"},
    ),
    "its end": ("message_template_status_update", {"event": "DELETED"}, None),
    "another category": (
        "template_category_update", {"new_category": "MARKETING"}, {"category": "MARKETING"},
    ),
    "one that is only announced": (
        "template_category_update",
        {"new_category": "UTILITY", "correct_category": "MARKETING"},
        {"category": "UTILITY"},
    ),
    "its quality": (
        "message_template_quality_update",
        {"new_quality_score": "RED"},
        {"quality_score": {"score": "RED"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("topic", "value", "is_now"), NEWS.values(), ids=NEWS.keys())
async def test_the_listing_follows_news_of_a_template(
    play: Play, topic: str, value: dict[str, Any], is_now: dict[str, Any] | None
) -> None:
    made = (await create(play)).json()
    named = {"message_template_name": "pickup", "message_template_language": "en_GB"}
    told = {"message_template_id": int(made["id"]), **named, **value}

    answer = await play.client.post(
        f"/sandbox/whatsapp/{KEY}/inbound", json={"field": topic, "value": told}
    )

    assert answer.status_code < 300, answer.text
    found = await listed(play, name="pickup")
    assert [{key: one[key] for key in is_now or {}} for one in found] == (
        [is_now] if is_now else []
    )
