"""A template from its submission to its pause, over the built program and the pretend platform."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.e2e.kit import CHANNEL, NUMBER, Served, Setup, Site, open_site, patiently, serving

ADA = "447700900123"
TEMPLATES = f"/v1/channels/{CHANNEL}/templates"
WABA = 'waba_id = "900100200300400"\n'  # goes on with the table of the last channel
PICKUP: dict[str, Any] = {
    "name": "pickup",
    "language": "en_GB",
    "category": "utility",
    "components": [
        {
            "type": "BODY",
            "text": "Hi {{1}}, order {{2}} waits for you.",
            "example": {"body_text": [["Ada", "42"]]},
        }
    ],
}


@pytest.fixture
def setup() -> Setup:
    return Setup(bot="none", more=WABA)


async def decide(site: Site, **decision: Any) -> None:
    """The platform decides about a template and tells the gateway."""
    document = {"name": "pickup", "language": "en_GB", **decision}
    told = await site.control.post(
        f"/sandbox/whatsapp/{NUMBER}/templates", json=document, params={"wait": "1"}
    )
    assert told.json()["status"] == 200, told.text


async def send(site: Site, *values: str) -> Any:
    """Try to send the template."""
    content = {
        "type": "template",
        "name": "pickup",
        "language": "en_GB",
        "params": {"body": list(values)},
    }
    to = {"channel_id": CHANNEL, "address": f"+{ADA}"}
    return await site.call("POST", "/v1/messages", json={"to": to, "content": content})


async def known(site: Site) -> bool:
    return bool((await site.get(TEMPLATES))["known"])


async def test_a_template_from_its_submission_to_its_pause(site: Site) -> None:
    await patiently(lambda: known(site))

    made = await site.call("POST", TEMPLATES, json=PICKUP)
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    early = await send(site, "Ada", "42")
    assert (early.status_code, early.json()["code"]) == (422, "template_unusable")

    await decide(site, status="APPROVED")
    one = await site.get(f"{TEMPLATES}/pickup")
    assert (one["status"], one["sendable"]) == ("approved", True)
    assert one["layout"]["body"]["variables"] == ["1", "2"]

    wrong = await send(site, "Ada")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "template_params")
    assert [each["pointer"] for each in wrong.json()["errors"]] == ["/content/params/body"]

    right = await send(site, "Ada", "42")
    assert right.status_code == 202, right.text
    shown = site.sandbox.platforms["whatsapp"]
    await site.until(lambda: len(list(shown.outboxes[NUMBER].after(0))) == 1)
    (entry,) = shown.outboxes[NUMBER].after(0)
    assert shown.rendering(entry) == "Hi Ada, order 42 waits for you."

    await decide(site, status="PAUSED", reason="LOW_QUALITY")
    late = await send(site, "Ada", "42")
    assert late.status_code == 422
    assert late.json()["detail"] == "the template pickup in en_GB is paused (LOW_QUALITY)"

    told = [event["detail"] for event in await site.events("template.changed")]
    assert [each["status"] for each in told] == ["pending", "approved", "paused"]


PICTURE = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4:a"]}}
TRACK = {"type": "URL", "text": "Track", "url": "https://shop.example/{{1}}", "example": ["4"]}
NAMED = {
    "type": "BODY",
    "text": "Hi {{first_name}}, look!",
    "example": {"body_text_named_params": [{"param_name": "first_name", "example": "Ada"}]},
}
CARD = {"components": [PICTURE, NAMED, {"type": "BUTTONS", "buttons": [TRACK]}]}
SHOWN = {"url": "https://shop.example/a.png", "kind": "image"}
FILLED = {"header": SHOWN, "body": {"first_name": "Ada"}, "buttons": ["42"]}
WHOLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "every kind of button": (
        {
            "components": [
                PICTURE,
                PICKUP["components"][0],
                {
                    "type": "BUTTONS",
                    "buttons": [
                        {"type": "QUICK_REPLY", "text": "Thanks"},
                        TRACK,
                        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+447700900123"},
                        {"type": "COPY_CODE", "example": "SAVE"},
                        {"type": "FLOW", "text": "Ask", "flow_id": "7"},
                        {"type": "VOICE_CALL", "text": "Ring"},
                        {"type": "REQUEST_CONTACT_INFO"},
                    ],
                },
            ]
        },
        {
            "header": SHOWN,
            "body": ["Ada", 42],
            "buttons": [
                {"payload": "THANKS"},
                "42",
                None,
                {"coupon_code": "SAVE10"},
                {"flow_token": "t"},
                {"ttl_minutes": 60},
                None,
            ],
        },
    ),
    "a carousel with an offer": (
        {
            "parameter_format": "named",
            "category": "marketing",
            "components": [
                NAMED,
                {
                    "type": "LIMITED_TIME_OFFER",
                    "limited_time_offer": {"text": "Ends soon", "has_expiration": True},
                },
                {"type": "CAROUSEL", "cards": [CARD, CARD]},
            ],
        },
        {
            "body": {"first_name": "Ada"},
            "limited_time_offer": {"expires_at": 1_790_600_000},
            "carousel": [FILLED, FILLED],
        },
    ),
    "a place": (
        {"components": [{"type": "HEADER", "format": "LOCATION"}, PICKUP["components"][0]]},
        {
            "header": {"location": {"latitude": 51.5, "longitude": -0.1, "name": "Shop"}},
            "body": ["Ada", "42"],
        },
    ),
}


@pytest.mark.parametrize(("template", "params"), WHOLE.values(), ids=WHOLE.keys())
async def test_what_fits_here_is_what_the_platform_takes(
    site: Site, template: dict[str, Any], params: dict[str, Any]
) -> None:
    await patiently(lambda: known(site))
    made = await site.call("POST", TEMPLATES, json={**PICKUP, **template})
    assert made.status_code == 201, made.text
    await decide(site, status="APPROVED")
    content = {"type": "template", "name": "pickup", "language": "en_GB"}
    to = {"channel_id": CHANNEL, "address": f"+{ADA}"}

    for name in params:
        less = {key: value for key, value in params.items() if key != name}
        message = {"to": to, "content": {**content, "params": less}}
        refused = await site.call("POST", "/v1/messages", json=message)
        assert (refused.status_code, refused.json()["code"]) == (422, "template_params")
    message = {"to": to, "content": {**content, "params": params}}
    sent = await site.call("POST", "/v1/messages", json=message)
    assert sent.status_code == 202, sent.text

    async def ended() -> str:
        state: str = (await site.get(f"/v1/messages/{sent.json()['id']}"))["status"]
        return "" if state in ("queued", "sending") else state

    assert await patiently(ended) in ("sent", "delivered", "read")


async def test_a_code_is_sent_as_soon_as_its_template_is_approved(site: Site) -> None:
    await patiently(lambda: known(site))
    button = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}
    code = {
        "category": "authentication",
        "components": [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "BUTTONS", "buttons": [button]},
        ],
    }
    made = await site.call("POST", TEMPLATES, json={**PICKUP, **code})
    assert made.status_code == 201, made.text
    await decide(site, status="APPROVED")

    content = {"type": "template", "name": "pickup", "language": "en_GB"}
    params = {"body": ["493021"], "buttons": ["493021"]}
    message = {
        "to": {"channel_id": CHANNEL, "address": f"+{ADA}"},
        "content": {**content, "params": params},
    }
    sent = await site.call("POST", "/v1/messages", json=message)

    assert sent.status_code == 202, sent.text
    shown = site.sandbox.platforms["whatsapp"]
    await site.until(lambda: len(list(shown.outboxes[NUMBER].after(0))) == 1)


async def test_a_deleted_template_is_gone_here_and_there(site: Site) -> None:
    await patiently(lambda: known(site))
    assert (await site.call("POST", TEMPLATES, json=PICKUP)).status_code == 201

    gone = await site.call("DELETE", f"{TEMPLATES}/pickup", params={"language": "en_GB"})

    assert gone.json() == {"deleted": 1}
    assert (await site.call("GET", f"{TEMPLATES}/pickup")).status_code == 404
    again = await site.call("POST", f"{TEMPLATES}:sync")
    assert again.status_code == 200
    assert (await site.call("GET", f"{TEMPLATES}/pickup")).status_code == 404


async def test_the_platform_says_why_it_refuses_a_template(site: Site) -> None:
    body = {"type": "BODY", "text": "{{1}} is ready", "example": {"body_text": [["Tea"]]}}

    refused = await site.call("POST", TEMPLATES, json={**PICKUP, "components": [body]})

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "template_refused")
    assert "(#2388299) Variables can't be at the start or end" in problem["detail"]


def test_the_command_line_shows_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("served"), Setup(bot="none", more=WABA)) as served:
        synced = served.operate("templates", "sync", CHANNEL)
        assert synced.code == 0, synced.err

        listed = served.operate("templates", "list", CHANNEL, "--status", "approved", "--json")
        names = [row["name"] for row in listed.documents]
        assert names == sorted(names)
        assert "order_ready" in names

        shown = served.operate("templates", "show", CHANNEL, "order_ready", "--json")
        (one,) = shown.documents
        assert one["layout"]["body"]["variables"] == ["1", "2"]


def test_without_an_account_templates_are_unknown(served: Served) -> None:
    with served.client() as client:
        listed = client.get(TEMPLATES).json()
        refused = client.post(f"{TEMPLATES}:sync")

    assert listed["known"] is False
    assert "waba_id" in listed["unreachable"]
    assert (refused.status_code, refused.json()["code"]) == (409, "templates_unreachable")


PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
LOOK = {"type": "HEADER", "format": "IMAGE"}


async def test_a_template_is_made_with_a_picture_and_changed(tmp_path: Path) -> None:
    setup = Setup(bot="none", more=WABA + 'app_id = "70001"\n')
    async with open_site(tmp_path, setup) as site:
        await patiently(lambda: known(site))
        kept = await site.call("POST", "/v1/media", content=PNG)
        shown = {**LOOK, "example": {"media_id": kept.json()["id"]}}
        components = [shown, *PICKUP["components"]]

        made = await site.call("POST", TEMPLATES, json={**PICKUP, "components": components})
        assert made.status_code == 201, made.text
        handle = made.json()["components"][0]["example"]["header_handle"][0]
        assert handle.startswith("4:")
        early = await site.call("PATCH", f"{TEMPLATES}/pickup", json={"components": components})
        assert (early.status_code, early.json()["code"]) == (422, "template_refused")

        await decide(site, status="APPROVED")
        edited = await site.call(
            "PATCH", f"{TEMPLATES}/pickup", json={"components": PICKUP["components"]}
        )
        assert edited.status_code == 200, edited.text
        assert (edited.json()["status"], edited.json()["layout"].get("header")) == ("pending", None)


async def test_an_example_that_no_message_could_show_is_converted(tmp_path: Path) -> None:
    sink = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(sink, "WEBP")
    setup = Setup(bot="none", more=WABA + 'app_id = "70001"\n')
    async with open_site(tmp_path, setup) as site:
        await patiently(lambda: known(site))
        kept = await site.call("POST", "/v1/media", content=sink.getvalue())
        shown = {**LOOK, "example": {"media_id": kept.json()["id"]}}
        card = {**LOOK, "example": {"media_id": kept.json()["id"]}, "format": "DOCUMENT"}

        made, refused = [
            await site.call(
                "POST",
                TEMPLATES,
                json={**PICKUP, "name": name, "components": [header, *PICKUP["components"]]},
            )
            for name, header in (("tea", shown), ("paper", card))
        ]

    assert made.status_code == 201, made.text
    assert made.json()["components"][0]["example"]["header_handle"][0].startswith("4:")
    assert refused.status_code == 422
    assert "needs application/pdf as its example" in refused.json()["detail"]


def test_templates_are_made_changed_and_ended_on_the_command_line(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("served")
    setup = Setup(bot="none", more=WABA + 'app_id = "70001"\n')
    picture, wanted = folder / "tea.png", folder / "pickup.json"
    picture.write_bytes(PNG)
    wanted.write_text(json.dumps({**PICKUP, "components": [dict(LOOK), *PICKUP["components"]]}))
    with serving(folder, setup) as served:
        synced = served.operate("templates", "sync", CHANNEL)
        made = served.operate(
            "templates", "create", CHANNEL, str(wanted), "--example", str(picture)
        )
        early = served.operate("templates", "edit", CHANNEL, "pickup", str(wanted))
        gone = served.operate("templates", "delete", CHANNEL, "pickup")

        assert (synced.code, made.code) == (0, 0), made.err
        assert made.out.strip() == "pickup in en_GB is pending"
        assert early.code != 0
        assert gone.out.strip() == "1 deleted"
