"""The `message` of each form, to the letter."""

from typing import Any

import pytest

from omni_actors.adapters.messenger import MESSENGER
from omni_actors.model.content import (
    Action,
    Adjustment,
    CallInvite,
    Card,
    Carousel,
    Choices,
    Content,
    Coupon,
    FeedbackRequest,
    Media,
    MediaKind,
    Option,
    Post,
    Postal,
    Products,
    ProductSection,
    Receipt,
    ReceiptItem,
    Request,
    RequestKind,
    Template,
    Text,
)
from omni_actors.model.failure import Reason, SendFailure
from tests.adapters.meta.kit import body_of, on_instagram

MUG = Card(
    "Blue mug",
    "350 ml, dishwasher safe",
    Media(MediaKind.IMAGE, url="https://cdn.example/9.jpg"),
    (
        Action("Open shop", url="https://shop.example/p/9", size="tall"),
        Action("Reserve", id="RESERVE:SKU-9"),
        Action("Call us", phone="+351210000000"),
    ),
    url="https://shop.example/p/9",
)
ELEMENT = {
    "title": "Blue mug",
    "subtitle": "350 ml, dishwasher safe",
    "image_url": "https://cdn.example/9.jpg",
    "default_action": {"type": "web_url", "url": "https://shop.example/p/9"},
    "buttons": [
        {
            "type": "web_url",
            "url": "https://shop.example/p/9",
            "title": "Open shop",
            "webview_height_ratio": "tall",
        },
        {"type": "postback", "title": "Reserve", "payload": "RESERVE:SKU-9"},
        {"type": "phone_number", "title": "Call us", "payload": "+351210000000"},
    ],
}
SIZES = Choices(
    "Pick a size",
    (Option("SIZE:S", "Small", image="https://cdn.example/s.png"), Option("SIZE:M", "Medium")),
)
RECEIPT = Receipt(
    number="A-1009",
    recipient="Ana Dias",
    currency="EUR",
    paid_with="Visa 4242",
    total=38.44,
    items=(
        ReceiptItem("Blue mug", 14.0, 2, "350 ml", "https://cdn.example/9.jpg"),
        ReceiptItem("Saucer", 6.0),
    ),
    subtotal=28.0,
    shipping=4.0,
    tax=6.44,
    adjustments=(Adjustment("Welcome", 2.0),),
    merchant="Mug House",
    url="https://shop.example/o/A-1009",
    at=1_790_000_000.0,
    address=Postal("Rua A 1", "Porto", "Porto", "4000-001", country_code="PT"),
)


def template(kind: str, **payload: Any) -> dict[str, Any]:
    return {
        "attachment": {"type": "template", "payload": {"template_type": kind, **payload}},
        "metadata": "prt_1",
    }


def attached(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": kind, "payload": payload}, "metadata": "prt_1"}


GOLDEN: list[tuple[str, Content, dict[str, Any]]] = [
    ("text", Text("In stock: 4 left."), {"text": "In stock: 4 left.", "metadata": "prt_1"}),
    (
        "image",
        Media(MediaKind.IMAGE, url="https://media.example/9f2.jpg"),
        attached("image", url="https://media.example/9f2.jpg"),
    ),
    (
        "image",
        Media(MediaKind.IMAGE, "med_1"),
        attached("image", attachment_id="1857700000000001"),
    ),
    (
        "video",
        Media(MediaKind.VIDEO, external_id="1857700000000009"),
        attached("video", attachment_id="1857700000000009"),
    ),
    (
        "document",
        Media(MediaKind.DOCUMENT, url="https://media.example/a.pdf"),
        attached("file", url="https://media.example/a.pdf"),
    ),
    (
        "sticker",
        Media(MediaKind.STICKER, external_id="767226160478561"),
        {"sticker_id": 767226160478561, "metadata": "prt_1"},
    ),
    (
        "call_button",
        CallInvite("Shall we talk?", button="Call us", payload="ORDER:9"),
        template(
            "button",
            text="Shall we talk?",
            buttons=[{"type": "audio_call", "title": "Call us", "payload": "ORDER:9"}],
        ),
    ),
    (
        "call_button",
        CallInvite("Shall we talk?"),
        template(
            "button",
            text="Shall we talk?",
            buttons=[{"type": "audio_call", "title": "Call"}],
        ),
    ),
    (
        "quick_replies",
        SIZES,
        {
            "text": "Pick a size",
            "quick_replies": [
                {
                    "content_type": "text",
                    "title": "Small",
                    "payload": "SIZE:S",
                    "image_url": "https://cdn.example/s.png",
                },
                {"content_type": "text", "title": "Medium", "payload": "SIZE:M"},
            ],
            "metadata": "prt_1",
        },
    ),
    (
        "phone_reply",
        Request(RequestKind.CONTACT, "Your number?"),
        {
            "text": "Your number?",
            "quick_replies": [{"content_type": "user_phone_number"}],
            "metadata": "prt_1",
        },
    ),
    (
        "email_reply",
        Request(RequestKind.EMAIL, "Your address?"),
        {
            "text": "Your address?",
            "quick_replies": [{"content_type": "user_email"}],
            "metadata": "prt_1",
        },
    ),
    (
        "buttons",
        SIZES,
        template(
            "button",
            text="Pick a size",
            buttons=[
                {"type": "postback", "title": "Small", "payload": "SIZE:S"},
                {"type": "postback", "title": "Medium", "payload": "SIZE:M"},
            ],
        ),
    ),
    (
        "option_cards",
        Choices("", (Option("SIZE:S", "Small", "For an espresso"),), button="This one"),
        template(
            "generic",
            elements=[
                {
                    "title": "Small",
                    "subtitle": "For an espresso",
                    "buttons": [{"type": "postback", "title": "This one", "payload": "SIZE:S"}],
                }
            ],
        ),
    ),
    ("generic", MUG, template("generic", elements=[ELEMENT])),
    (
        "carousel",
        Carousel((MUG, Card("Saucer", "White"))),
        template("generic", elements=[ELEMENT, {"title": "Saucer", "subtitle": "White"}]),
    ),
    (
        "button_card",
        Card(
            "",
            "How can we help?",
            actions=(
                Action("Log in", login="https://shop.example/login"),
                Action("Log out", does="log_out"),
                Action("FAQ", url="https://shop.example/faq"),
            ),
        ),
        template(
            "button",
            text="How can we help?",
            buttons=[
                {"type": "account_link", "url": "https://shop.example/login"},
                {"type": "account_unlink"},
                {"type": "web_url", "url": "https://shop.example/faq", "title": "FAQ"},
            ],
        ),
    ),
    (
        "media_card",
        Card("", media=Media(MediaKind.VIDEO, "med_2"), actions=(Action("More", id="MORE"),)),
        template(
            "media",
            elements=[
                {
                    "media_type": "video",
                    "attachment_id": "1857700000000002",
                    "buttons": [{"type": "postback", "title": "More", "payload": "MORE"}],
                }
            ],
        ),
    ),
    (
        "product",
        Products(catalog_id="5511", sections=(ProductSection(("610001", "610002")),)),
        template("product", elements=[{"id": "610001"}, {"id": "610002"}]),
    ),
    (
        "receipt",
        RECEIPT,
        template(
            "receipt",
            recipient_name="Ana Dias",
            merchant_name="Mug House",
            order_number="A-1009",
            currency="EUR",
            payment_method="Visa 4242",
            order_url="https://shop.example/o/A-1009",
            timestamp="1790000000",
            address={
                "street_1": "Rua A 1",
                "street_2": "",
                "city": "Porto",
                "postal_code": "4000-001",
                "state": "Porto",
                "country": "PT",
            },
            summary={
                "subtotal": 28.0,
                "shipping_cost": 4.0,
                "total_tax": 6.44,
                "total_cost": 38.44,
            },
            adjustments=[{"name": "Welcome", "amount": 2.0}],
            elements=[
                {
                    "title": "Blue mug",
                    "subtitle": "350 ml",
                    "quantity": 2,
                    "price": 14.0,
                    "currency": "EUR",
                    "image_url": "https://cdn.example/9.jpg",
                },
                {"title": "Saucer", "price": 6.0, "currency": "EUR"},
            ],
        ),
    ),
    (
        "coupon",
        Coupon(
            "20% off",
            "Until Sunday",
            "MUG20",
            "https://shop.example/c/MUG20",
            "Shop now",
            "A gift for you",
            "https://cdn.example/c.jpg",
            "COUPON:MUG20",
        ),
        template(
            "coupon",
            title="20% off",
            subtitle="Until Sunday",
            coupon_code="MUG20",
            coupon_url="https://shop.example/c/MUG20",
            coupon_url_button_title="Shop now",
            coupon_pre_message="A gift for you",
            image_url="https://cdn.example/c.jpg",
            payload="COUPON:MUG20",
        ),
    ),
    (
        "feedback",
        FeedbackRequest(
            "q_csat",
            "Rate our help",
            "How did we do?",
            "https://shop.example/privacy",
            text="Two clicks",
            follow_up="Tell us more",
            expires_in_days=3,
        ),
        template(
            "customer_feedback",
            title="Rate our help",
            subtitle="Two clicks",
            button_title="Rate",
            feedback_screens=[
                {
                    "questions": [
                        {
                            "id": "q_csat",
                            "title": "How did we do?",
                            "type": "csat",
                            "score_label": "neg_pos",
                            "score_option": "five_stars",
                            "follow_up": {"type": "free_form", "placeholder": "Tell us more"},
                        }
                    ]
                }
            ],
            business_privacy={"url": "https://shop.example/privacy"},
            expires_in_days=3,
        ),
    ),
]


@pytest.mark.parametrize(("form", "content", "message"), GOLDEN, ids=[row[0] for row in GOLDEN])
def test_a_form_is_spelled_so_on_messenger(
    form: str, content: Content, message: dict[str, Any]
) -> None:
    assert body_of(form, content) == {
        "recipient": {"id": "7300000000000001"},
        "messaging_type": "RESPONSE",
        "message": message,
    }


def test_every_form_that_messenger_can_take_has_a_golden_body() -> None:
    forms = {form.name for ladder in MESSENGER.capabilities.forms.values() for form in ladder}
    elsewhere = {"link_text", "numbered_text", "audio", "utility", "reaction"}

    assert forms == {row[0] for row in GOLDEN} | elsewhere


def test_instagram_is_told_no_type_and_no_callback() -> None:
    assert on_instagram("text", Text("Yes, 3 days to Porto.")) == {
        "recipient": {"id": "8900000000000777"},
        "message": {"text": "Yes, 3 days to Porto."},
    }


def test_a_heart_is_the_one_sticker_of_instagram() -> None:
    heart = Media(MediaKind.STICKER, external_id="like_heart")

    assert on_instagram("sticker", heart)["message"] == {"attachment": {"type": "like_heart"}}


def test_a_post_of_the_account_is_shared_by_its_id() -> None:
    assert on_instagram("post", Post("18139400000000001"))["message"] == {
        "attachment": {"type": "MEDIA_SHARE", "payload": {"id": "18139400000000001"}}
    }


def test_a_template_of_the_account_goes_out_as_a_utility() -> None:
    body = body_of("utility", Template("order_shipped", "en_US", {"body": ["A-1009"]}), late=True)

    assert body == {
        "recipient": {"id": "7300000000000001"},
        "messaging_type": "UTILITY",
        "message": {
            "template": {
                "name": "order_shipped",
                "language": {"code": "en_US"},
                "components": [
                    {"type": "body", "parameters": [{"type": "text", "text": "A-1009"}]}
                ],
            },
            "metadata": "prt_1",
        },
    }


@pytest.mark.parametrize(
    "params",
    [
        {"body": {"number": "A-1009"}},
        {"body": ["A-1009"], "buttons": ["x"]},
        {"header": "Hi"},
        {"body": [{"currency": {"fallback_value": "1", "code": "EUR", "amount_1000": 1}}]},
    ],
)
def test_a_template_is_filled_in_by_texts_in_their_order_only(params: Any) -> None:
    with pytest.raises(SendFailure) as refused:
        body_of("utility", Template("order_shipped", "en_US", params))

    assert refused.value.failure.reason is Reason.TEMPLATE_PARAMS


@pytest.mark.parametrize(
    ("form", "content", "reason"),
    [
        ("poster", Text("x"), Reason.CONTENT_UNSUPPORTED),
        ("image", Text("x"), Reason.CONTENT_UNSUPPORTED),
        ("sticker", Media(MediaKind.STICKER, external_id="cat"), Reason.CONTENT_UNSUPPORTED),
        ("media_card", Card("x"), Reason.CONTENT_UNSUPPORTED),
        ("image", Media(MediaKind.IMAGE, "med_9"), Reason.MEDIA_UNREACHABLE),
    ],
)
def test_what_a_form_cannot_carry_is_refused_before_the_call(
    form: str, content: Content, reason: Reason
) -> None:
    with pytest.raises(SendFailure) as refused:
        body_of(form, content)

    assert refused.value.failure.reason is reason
