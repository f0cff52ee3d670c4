"""The body of a message as strictly as the platform takes it: the keys and limits of its pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Body = Mapping[str, Any]

BUTTONS: dict[str, tuple[str, ...]] = {
    "web_url": ("url", "title"),
    "postback": ("title", "payload"),
    "phone_number": ("title", "payload"),
    "account_link": ("url",),
    "account_unlink": (),
}
INSTAGRAM_BUTTONS = ("web_url", "postback")
MEDIA = ("image", "audio", "video", "file")


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check_body(body: Body, platform: str) -> None:
    """Raise AssertionError for a body that the platform would refuse."""
    ours = {"recipient", "message", "messaging_type", "reply_to", "tag"}
    if "sender_action" in body:
        assert set(body) == {"recipient", "sender_action", "payload"}
        return
    assert set(body) <= ours
    assert len(body["recipient"]) == 1
    assert ("messaging_type" in body) is (platform == "messenger")
    message = dict(body["message"])
    assert ("metadata" in message) is (platform == "messenger")
    message.pop("metadata", None)
    check_replies(message.pop("quick_replies", None), platform)
    if "text" in message:
        check_text(message.pop("text"), platform)
    elif "attachment" in message:
        check_attachment(message.pop("attachment"), platform)
    else:
        assert platform == "messenger"
        assert ("template" in message) or isinstance(message.get("sticker_id"), int)
        message = {}
    assert not message


def check_text(text: str, platform: str) -> None:
    assert text.strip()
    if platform == "messenger":
        assert utf16(text) <= 2000
    else:
        assert len(text.encode()) <= 1000


def check_replies(replies: Sequence[Body] | None, platform: str) -> None:
    if replies is None:
        return
    assert 1 <= len(replies) <= 13
    for reply in replies:
        if reply["content_type"] != "text":
            kinds = ("user_phone_number", "user_email")
            assert reply["content_type"] in (kinds if platform == "messenger" else kinds[:1])
            continue
        assert 1 <= utf16(reply["title"]) <= 20
        assert 1 <= utf16(reply["payload"]) <= 1000
        assert "image_url" not in reply or platform == "messenger"


def check_attachment(attachment: Body, platform: str) -> None:
    kind, payload = attachment["type"], attachment.get("payload", {})
    if kind == "template":
        CHECKS[payload["template_type"]](payload, platform)
    elif kind == "like_heart":
        assert platform == "instagram"
    elif kind == "MEDIA_SHARE":
        assert platform == "instagram"
        assert set(payload) == {"id"}
    else:
        assert kind in MEDIA
        assert set(payload) in ({"url"}, {"attachment_id"}, set())


def check_buttons(buttons: Sequence[Body], platform: str) -> None:
    assert 1 <= len(buttons) <= 3
    for button in buttons:
        kind = button["type"]
        assert platform == "messenger" or kind in INSTAGRAM_BUTTONS
        assert all(button[key] for key in BUTTONS[kind])
        assert utf16(button.get("title", "")) <= 20
        assert kind != "postback" or utf16(button["payload"]) <= 1000


def generic(payload: Body, platform: str) -> None:
    assert 1 <= len(payload["elements"]) <= 10
    for element in payload["elements"]:
        assert 1 <= utf16(element["title"]) <= 80
        assert utf16(element.get("subtitle", "")) <= 80
        assert len(element) > 1
        assert element.get("image_url", "https://").startswith("http")
        if "buttons" in element:
            check_buttons(element["buttons"], platform)


def button(payload: Body, platform: str) -> None:
    assert payload["text"].strip()
    assert utf16(payload["text"]) <= 640
    check_buttons(payload["buttons"], platform)


def media(payload: Body, platform: str) -> None:
    assert platform == "messenger"
    (element,) = payload["elements"]
    assert element["media_type"] in ("image", "video")
    assert element["attachment_id"]
    check_buttons(element["buttons"], platform)


def product(payload: Body, _platform: str) -> None:
    assert 1 <= len(payload["elements"]) <= 10
    assert all(set(each) == {"id"} for each in payload["elements"])


def receipt(payload: Body, platform: str) -> None:
    assert platform == "messenger"
    needed = ("recipient_name", "order_number", "currency", "payment_method")
    assert all(payload[key] for key in needed)
    assert payload["summary"]["total_cost"] is not None
    assert len(payload.get("elements", ())) <= 100


def coupon(payload: Body, platform: str) -> None:
    assert platform == "messenger"
    assert payload["title"]
    assert "coupon_code" in payload or "coupon_url" in payload


def feedback(payload: Body, platform: str) -> None:
    assert platform == "messenger"
    assert payload["feedback_screens"][0]["questions"][0]["id"]
    assert payload["business_privacy"]["url"]


CHECKS: dict[str, Callable[[Body, str], None]] = {
    "generic": generic,
    "button": button,
    "media": media,
    "product": product,
    "receipt": receipt,
    "coupon": coupon,
    "customer_feedback": feedback,
}
