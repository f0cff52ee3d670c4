"""Each component of a template, to the letter; the sandbox takes each of them."""

from typing import Any

import pytest

from omni_actors.model.content import Template
from omni_actors.model.failure import Kind, Reason
from tests.adapters.whatsapp.test_spelling import BSUID, failure_of, sent

TEXT = {"type": "text", "text": "Ada"}
FILLED: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "a text above": ({"header": "Ada"}, [{"type": "header", "parameters": [TEXT]}]),
    "a text above, in a list": ({"header": ["Ada"]}, [{"type": "header", "parameters": [TEXT]}]),
    "a text above, by name": (
        {"header": {"who": "Ada"}},
        [{"type": "header", "parameters": [{**TEXT, "parameter_name": "who"}]}],
    ),
    "a picture of ours": (
        {"header": {"media_id": "med_1", "kind": "image"}},
        [{"type": "header", "parameters": [{"type": "image", "image": {"id": "990001"}}]}],
    ),
    "a video by link": (
        {"header": {"url": "https://cdn.example/v.mp4", "kind": "video"}},
        [
            {
                "type": "header",
                "parameters": [{"type": "video", "video": {"link": "https://cdn.example/v.mp4"}}],
            }
        ],
    ),
    "a document with its name": (
        {"header": {"media_id": "med_1", "kind": "document", "filename": "a.pdf"}},
        [
            {
                "type": "header",
                "parameters": [
                    {"type": "document", "document": {"id": "990001", "filename": "a.pdf"}}
                ],
            }
        ],
    ),
    "a place": (
        {
            "header": {
                "location": {"latitude": 51.5033, "longitude": -0.1, "name": "Shop", "address": "1"}
            }
        },
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "location",
                        "location": {
                            "latitude": "51.5033",
                            "longitude": "-0.1",
                            "name": "Shop",
                            "address": "1",
                        },
                    }
                ],
            }
        ],
    ),
    "a product above": (
        {"header": {"product": {"product_id": "SKU-9", "catalog_id": "5511"}}},
        [
            {
                "type": "header",
                "parameters": [
                    {
                        "type": "product",
                        "product": {"product_retailer_id": "SKU-9", "catalog_id": "5511"},
                    }
                ],
            }
        ],
    ),
    "a body by position": (
        {
            "body": [
                "Ada",
                42,
                {"currency": {"fallback_value": "$9", "code": "USD", "amount_1000": 9000}},
                {"date_time": {"fallback_value": "1 May"}},
            ]
        },
        [
            {
                "type": "body",
                "parameters": [
                    TEXT,
                    {"type": "text", "text": "42"},
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "$9", "code": "USD", "amount_1000": 9000},
                    },
                    {"type": "date_time", "date_time": {"fallback_value": "1 May"}},
                ],
            }
        ],
    ),
    "a body by name": (
        {"body": {"first_name": "Ada"}},
        [{"type": "body", "parameters": [{**TEXT, "parameter_name": "first_name"}]}],
    ),
    "buttons by position": (
        {
            "buttons": [
                None,
                "42",
                {"text": "43"},
                {"payload": "TRACK:42"},
                {"coupon_code": "SAVE10"},
                {"flow_token": "tok-7", "flow_data": {"a": 1}},
                {"product": "SKU-9"},
                {
                    "product": "SKU-9",
                    "sections": [{"title": "Tea", "product_ids": ["SKU-9"]}],
                },
                {"ttl_minutes": 60},
            ]
        },
        [
            {"type": "button", "sub_type": kind, "index": str(index), "parameters": [parameter]}
            for index, kind, parameter in (
                (1, "url", {"type": "text", "text": "42"}),
                (2, "url", {"type": "text", "text": "43"}),
                (3, "quick_reply", {"type": "payload", "payload": "TRACK:42"}),
                (4, "copy_code", {"type": "coupon_code", "coupon_code": "SAVE10"}),
                (
                    5,
                    "flow",
                    {
                        "type": "action",
                        "action": {"flow_token": "tok-7", "flow_action_data": {"a": 1}},
                    },
                ),
                (
                    6,
                    "catalog",
                    {"type": "action", "action": {"thumbnail_product_retailer_id": "SKU-9"}},
                ),
                (
                    7,
                    "mpm",
                    {
                        "type": "action",
                        "action": {
                            "thumbnail_product_retailer_id": "SKU-9",
                            "sections": [
                                {
                                    "title": "Tea",
                                    "product_items": [{"product_retailer_id": "SKU-9"}],
                                }
                            ],
                        },
                    },
                ),
                (8, "voice_call", {"type": "ttl_minutes", "ttl_minutes": 60}),
            )
        ],
    ),
    "an offer that ends": (
        {"limited_time_offer": {"expires_at": 1790600000}},
        [
            {
                "type": "limited_time_offer",
                "parameters": [
                    {
                        "type": "limited_time_offer",
                        "limited_time_offer": {"expiration_time_ms": 1790600000000},
                    }
                ],
            }
        ],
    ),
    "the code of an authentication": (
        {"body": ["493021"], "buttons": ["493021"]},
        [
            {"type": "body", "parameters": [{"type": "text", "text": "493021"}]},
            {
                "type": "button",
                "sub_type": "url",
                "index": "0",
                "parameters": [{"type": "text", "text": "493021"}],
            },
        ],
    ),
    "cards": (
        {
            "body": ["Ada"],
            "carousel": [
                {
                    "header": {"media_id": "med_1", "kind": "image"},
                    "body": ["Fern"],
                    "buttons": [{"payload": "more:a"}],
                },
                {"header": {"url": "https://cdn.example/b.jpg", "kind": "image"}},
            ],
        },
        [
            {"type": "body", "parameters": [TEXT]},
            {
                "type": "carousel",
                "cards": [
                    {
                        "card_index": 0,
                        "components": [
                            {
                                "type": "header",
                                "parameters": [{"type": "image", "image": {"id": "990001"}}],
                            },
                            {"type": "body", "parameters": [{"type": "text", "text": "Fern"}]},
                            {
                                "type": "button",
                                "sub_type": "quick_reply",
                                "index": "0",
                                "parameters": [{"type": "payload", "payload": "more:a"}],
                            },
                        ],
                    },
                    {
                        "card_index": 1,
                        "components": [
                            {
                                "type": "header",
                                "parameters": [
                                    {
                                        "type": "image",
                                        "image": {"link": "https://cdn.example/b.jpg"},
                                    }
                                ],
                            }
                        ],
                    },
                ],
            },
        ],
    ),
}


@pytest.mark.parametrize(("params", "components"), FILLED.values(), ids=FILLED.keys())
def test_each_component_of_a_template_is_filled_in(
    params: dict[str, Any], components: list[dict[str, Any]]
) -> None:
    body = sent("template", Template("order_ready", "en_GB", params))

    assert body["template"] == {
        "name": "order_ready",
        "language": {"code": "en_GB"},
        "components": components,
    }


def test_an_authentication_template_is_never_sent_to_a_user_id() -> None:
    code = Template("otp_v1", "en_GB", {"body": ["493021"]}, category="authentication")

    failure = failure_of("template", code, BSUID)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.NO_IDENTITY)
    assert failure.text == "authentication templates need a phone number"
    assert sent("template", code)["to"] == "+447700900123"
