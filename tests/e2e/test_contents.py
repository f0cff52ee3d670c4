"""Each kind of content, from a call of the API to what the customer's phone shows."""

from typing import Any

import pytest

from omni_actors.demo.scenes import png
from tests.e2e.kit import CHANNEL, Line, Setup, Site

ADA = "447700900301"
PAGE = "https://shop.example/42"
CARDS = [
    {
        "title": name,
        "text": "Green",
        "media": {"kind": "image", "media_id": "MEDIUM"},
        "actions": [{"title": "More", "id": f"more:{name}"}],
    }
    for name in ("Fern", "Moss")
]
CONTENTS: list[tuple[dict[str, Any], str]] = [
    (
        {
            "type": "choices",
            "text": "Book it?",
            "media": {"kind": "image", "media_id": "MEDIUM"},
            "footer": "Omni",
            "options": [{"id": "y", "title": "Yes"}, {"id": "n", "title": "No"}],
        },
        "[image]\nBook it?\nOmni\n[Yes]\n[No]",
    ),
    (
        {
            "type": "card",
            "title": "Order",
            "text": "Pay",
            "actions": [{"title": "Go", "url": PAGE}],
        },
        f"Order\nPay\n[Go] {PAGE}",
    ),
    (
        {"type": "carousel", "text": "New", "cards": CARDS},
        "New\n[image]\nFern\nGreen\n[More]\n[image]\nMoss\nGreen\n[More]",
    ),
    ({"type": "request", "kind": "location", "text": "Where?"}, "Where?\n[send_location]"),
    ({"type": "form", "text": "Two questions", "form_id": "7"}, "Two questions\n[Open]"),
    (
        {
            "type": "products",
            "text": "For you",
            "header": "Picks",
            "catalog_id": "5511",
            "sections": [{"title": "Tea", "product_ids": ["SKU-9", "SKU-10"]}],
        },
        "Picks\nFor you\n- SKU-9\n- SKU-10",
    ),
    ({"type": "call_invite", "text": "Talk to us", "button": "Call"}, "Talk to us\n[Call]"),
    (
        {
            "type": "template",
            "name": "order_shipped",
            "language": "en_GB",
            "params": {
                "header": {"media_id": "MEDIUM", "kind": "image"},
                "body": ["Ada", "42"],
                "buttons": [{"payload": "TRACK:42"}, "42"],
            },
        },
        "[IMAGE]\nHi Ada, order 42 is on its way.\n[Thanks]\n[Track]",
    ),
]


def with_medium(value: Any, media_id: str) -> Any:
    """The content with our medium in it."""
    if isinstance(value, dict):
        return {key: with_medium(inner, media_id) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_medium(inner, media_id) for inner in value]
    return media_id if value == "MEDIUM" else value


@pytest.fixture
def setup() -> Setup:
    """The program without a bot."""
    return Setup(bot="none")


async def test_every_content_reaches_the_phone_as_it_was_meant(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.conversation_of(ADA)
    up = await site.call(
        "POST", "/v1/media", content=png(32, 32), headers={"Content-Type": "image/png"}
    )
    to = {"channel_id": CHANNEL, "address": f"+{ADA}"}

    for content, _shown in CONTENTS:
        asked = {
            "to": to,
            "content": with_medium(content, up.json()["id"]),
            "delivery": {"on_unsupported": "fail"},
        }
        sent = await site.call("POST", "/v1/messages", json=asked)
        assert sent.status_code == 202, sent.text

    number = Line().number
    outbox = site.sandbox.platforms["whatsapp"].outboxes[number]
    await site.until(lambda: len(list(outbox.after(0))) == len(CONTENTS))
    shown = (await site.control.get(f"/sandbox/whatsapp/{number}/outbox")).json()["messages"]
    assert [message["text"] for message in shown] == [text for _content, text in CONTENTS]
