"""The body of each interactive form and of each component of a template, to the letter.

The sandbox takes each of them, so a golden body cannot be one that the platform refuses.
"""

from typing import Any

import pytest

from omni_actors.adapters.contract import Medium, PartToSend
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.content import (
    Action,
    CallInvite,
    Card,
    Carousel,
    Choices,
    Content,
    FormRequest,
    Media,
    MediaKind,
    Option,
    Products,
    ProductSection,
    Request,
    RequestKind,
    Text,
)
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.reports import IdentityKey
from omni_actors.sandbox.whatsapp.bodies import check_message
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play

NUMBER = WhatsAppSettings("770011223344556")
PHONE = IdentityKey("phone", "447700900123")
BSUID = IdentityKey("bsuid", "GB.7204418893310556")
TICKET = Medium("med_1", "blob", "image/png", 1, "p.png", uploaded="990001")
PICTURE = Media(MediaKind.IMAGE, "med_1")
A, B = [Media(MediaKind.IMAGE, url=f"https://cdn.example/{name}.jpg") for name in "ab"]
TEA = ProductSection(("SKU-9", "SKU-10"), "Tea")
ACCEPTED = HttpReply(200, body=b'{"messages": [{"id": "wamid.1"}]}')


def sent(form: str, content: Content, to: IdentityKey = PHONE) -> dict[str, Any]:
    """The body of the call that sends a part; the sandbox has taken it."""
    part = PartToSend("prt_1", form, content, (to,), media={"med_1": TICKET})
    calls, _sent = play(WHATSAPP.send(part, NUMBER), ACCEPTED)
    body: dict[str, Any] = calls[-1].json
    check_message(body)
    return body


def failure_of(form: str, content: Content, to: IdentityKey) -> Failure:
    with pytest.raises(SendFailure) as failed:
        play(WHATSAPP.send(PartToSend("prt_1", form, content, (to,)), NUMBER))
    return failed.value.failure


def named(name: str, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters}


INTERACTIVE: dict[str, tuple[str, Content, dict[str, Any]]] = {
    "buttons below a picture": (
        "buttons",
        Choices(
            "Confirm booking 42?",
            (Option("confirm:42", "Confirm"), Option("cancel:42", "Cancel")),
            media=PICTURE,
            footer="Omni",
        ),
        {
            "type": "button",
            "header": {"type": "image", "image": {"id": "990001"}},
            "body": {"text": "Confirm booking 42?"},
            "footer": {"text": "Omni"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "confirm:42", "title": "Confirm"}},
                    {"type": "reply", "reply": {"id": "cancel:42", "title": "Cancel"}},
                ]
            },
        },
    ),
    "buttons below a document": (
        "buttons",
        Choices(
            "Sign?",
            (Option("y", "Yes"),),
            media=Media(MediaKind.DOCUMENT, url="https://cdn.example/a.pdf", filename="a.pdf"),
        ),
        {
            "type": "button",
            "header": {
                "type": "document",
                "document": {"link": "https://cdn.example/a.pdf", "filename": "a.pdf"},
            },
            "body": {"text": "Sign?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
        },
    ),
    "a list with headings": (
        "list",
        Choices(
            "Pick a time",
            (
                Option("slot:0900", "09:00", "Window seat", "Morning"),
                Option("slot:1000", "10:00", section="Morning"),
                Option("slot:1800", "18:00", section="Evening"),
            ),
            button="Show times",
            header="Slots",
            footer="Local time",
        ),
        {
            "type": "list",
            "header": {"type": "text", "text": "Slots"},
            "body": {"text": "Pick a time"},
            "footer": {"text": "Local time"},
            "action": {
                "button": "Show times",
                "sections": [
                    {
                        "title": "Morning",
                        "rows": [
                            {"id": "slot:0900", "title": "09:00", "description": "Window seat"},
                            {"id": "slot:1000", "title": "10:00"},
                        ],
                    },
                    {"title": "Evening", "rows": [{"id": "slot:1800", "title": "18:00"}]},
                ],
            },
        },
    ),
    "a link button": (
        "cta_url",
        Card(
            "Your order",
            "Ready to pay",
            actions=(Action("Pay now", "https://pay.example/42"),),
            footer="Expires today",
        ),
        {
            "type": "cta_url",
            "header": {"type": "text", "text": "Your order"},
            "body": {"text": "Ready to pay"},
            "footer": {"text": "Expires today"},
            "action": named("cta_url", display_text="Pay now", url="https://pay.example/42"),
        },
    ),
    "a link button below a title only": (
        "cta_url",
        Card("Ready to pay", actions=(Action("Pay", "https://pay.example/42"),)),
        {
            "type": "cta_url",
            "body": {"text": "Ready to pay"},
            "action": named("cta_url", display_text="Pay", url="https://pay.example/42"),
        },
    ),
    "cards that open pages": (
        "link_carousel",
        Carousel(
            (
                Card("", "Fern", A, (Action("Buy", "https://shop.example/a"),)),
                Card("", "Moss", B, (Action("Buy", "https://shop.example/b"),)),
            ),
            "New arrivals",
        ),
        {
            "type": "carousel",
            "body": {"text": "New arrivals"},
            "action": {
                "cards": [
                    {
                        "card_index": 0,
                        "type": "cta_url",
                        "header": {
                            "type": "image",
                            "image": {"link": "https://cdn.example/a.jpg"},
                        },
                        "body": {"text": "Fern"},
                        "action": named(
                            "cta_url", display_text="Buy", url="https://shop.example/a"
                        ),
                    },
                    {
                        "card_index": 1,
                        "type": "cta_url",
                        "header": {
                            "type": "image",
                            "image": {"link": "https://cdn.example/b.jpg"},
                        },
                        "body": {"text": "Moss"},
                        "action": named(
                            "cta_url", display_text="Buy", url="https://shop.example/b"
                        ),
                    },
                ]
            },
        },
    ),
    "cards that answer": (
        "reply_carousel",
        Carousel(
            tuple([Card("", media=A, actions=(Action("More", id=f"more:{n}"),)) for n in "ab"]),
            "New arrivals",
        ),
        {
            "type": "carousel",
            "body": {"text": "New arrivals"},
            "action": {
                "cards": [
                    {
                        "card_index": n,
                        "type": "cta_url",
                        "header": {
                            "type": "image",
                            "image": {"link": "https://cdn.example/a.jpg"},
                        },
                        "action": {
                            "buttons": [
                                {
                                    "type": "quick_reply",
                                    "quick_reply": {"id": f"more:{key}", "title": "More"},
                                }
                            ]
                        },
                    }
                    for n, key in enumerate("ab")
                ]
            },
        },
    ),
    "a request for a location": (
        "location_request",
        Request(RequestKind.LOCATION, "Where shall we deliver?"),
        {
            "type": "location_request_message",
            "body": {"text": "Where shall we deliver?"},
            "action": {"name": "send_location"},
        },
    ),
    "a request for a phone number": (
        "contact_request",
        Request(RequestKind.CONTACT, "May we have your number for the courier?"),
        {
            "type": "request_contact_info",
            "body": {"text": "May we have your number for the courier?"},
            "action": {"name": "request_contact_info"},
        },
    ),
    "a request for an address": (
        "address",
        Request(
            RequestKind.ADDRESS,
            "Delivery address?",
            country="IN",
            values={"name": "Ada", "phone_number": "+91xxxxxxxxxx"},
        ),
        {
            "type": "address_message",
            "body": {"text": "Delivery address?"},
            "action": named(
                "address_message",
                country="IN",
                values={"name": "Ada", "phone_number": "+91xxxxxxxxxx"},
            ),
        },
    ),
    "a request to call": (
        "call_permission",
        Request(RequestKind.CALL, "May we call about order 42?"),
        {
            "type": "call_permission_request",
            "body": {"text": "May we call about order 42?"},
            "action": {"name": "call_permission_request"},
        },
    ),
    "a call button": (
        "voice_call",
        CallInvite("Talk to us", "Call now", ttl_minutes=60, payload="ticket-42"),
        {
            "type": "voice_call",
            "body": {"text": "Talk to us"},
            "action": named(
                "voice_call", display_text="Call now", ttl_minutes=60, payload="ticket-42"
            ),
        },
    ),
    "a flow on a screen": (
        "flow",
        FormRequest(
            "Two questions",
            form_id="70001",
            button="Start",
            header="Survey",
            footer="1 min",
            token="tok-7",
            screen="WELCOME",
            data={"name": "Ada"},
        ),
        {
            "type": "flow",
            "header": {"type": "text", "text": "Survey"},
            "body": {"text": "Two questions"},
            "footer": {"text": "1 min"},
            "action": named(
                "flow",
                flow_message_version="3",
                flow_id="70001",
                flow_cta="Start",
                flow_token="tok-7",
                mode="published",
                flow_action="navigate",
                flow_action_payload={"screen": "WELCOME", "data": {"name": "Ada"}},
            ),
        },
    ),
    "a flow whose server decides": (
        "flow",
        FormRequest("Two questions", form_name="survey", first="data_exchange", draft=True),
        {
            "type": "flow",
            "body": {"text": "Two questions"},
            "action": named(
                "flow",
                flow_message_version="3",
                flow_name="survey",
                flow_cta="Open",
                flow_token="unused",
                mode="draft",
                flow_action="data_exchange",
            ),
        },
    ),
    "a catalog": (
        "catalog",
        Products("Browse all", footer="Omni", thumbnail_id="SKU-9"),
        {
            "type": "catalog_message",
            "body": {"text": "Browse all"},
            "footer": {"text": "Omni"},
            "action": named("catalog_message", thumbnail_product_retailer_id="SKU-9"),
        },
    ),
    "a product": (
        "product",
        Products(catalog_id="5511", sections=(ProductSection(("SKU-9",)),)),
        {
            "type": "product",
            "action": {"catalog_id": "5511", "product_retailer_id": "SKU-9"},
        },
    ),
    "products in a list": (
        "product_list",
        Products("For you", "5511", (TEA,), header="Picks"),
        {
            "type": "product_list",
            "header": {"type": "text", "text": "Picks"},
            "body": {"text": "For you"},
            "action": {
                "catalog_id": "5511",
                "sections": [
                    {
                        "title": "Tea",
                        "product_items": [
                            {"product_retailer_id": "SKU-9"},
                            {"product_retailer_id": "SKU-10"},
                        ],
                    }
                ],
            },
        },
    ),
    "products on cards": (
        "product_carousel",
        Products("For you", "5511", (TEA,)),
        {
            "type": "carousel",
            "body": {"text": "For you"},
            "action": {
                "cards": [
                    {
                        "card_index": n,
                        "type": "product",
                        "action": {"product_retailer_id": key, "catalog_id": "5511"},
                    }
                    for n, key in enumerate(["SKU-9", "SKU-10"])
                ]
            },
        },
    ),
}


@pytest.mark.parametrize(
    ("form", "content", "spelled"), INTERACTIVE.values(), ids=INTERACTIVE.keys()
)
def test_what_asks_is_spelled_by_its_form(
    form: str, content: Content, spelled: dict[str, Any]
) -> None:
    body = sent(form, content)

    assert (body["type"], body["interactive"]) == ("interactive", spelled)


def test_a_request_for_a_phone_number_reaches_who_has_shown_none() -> None:
    asked = Request(RequestKind.CONTACT, "May we have your number?")

    body = sent("contact_request", asked, BSUID)

    assert (body.get("to"), body["recipient"]) == (None, "GB.7204418893310556")


ASKING = [
    *("buttons", "list", "cta_url", "link_carousel", "reply_carousel", "location_request"),
    *("contact_request", "address", "call_permission", "voice_call", "flow", "catalog"),
    *("product", "product_list", "product_carousel"),
]


@pytest.mark.parametrize("form", ASKING)
def test_a_form_carries_its_own_content_only(form: str) -> None:
    failure = failure_of(form, Text("a"), PHONE)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.CONTENT_UNSUPPORTED)
