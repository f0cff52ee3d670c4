"""Every rule for a message body, one line each: what is wrong with it, and the platform's code."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.sandbox import SandboxSettings
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.whatsapp.bodies import BODIES, check_message
from tests.sandbox.conftest import ADA, EPOCH_S, KEY, TEXT, Play, code_of


def interactive(kind: str, action: dict[str, Any], **extra: Any) -> dict[str, Any]:
    body = {"type": kind, "body": {"text": "Choose"}, "action": action, **extra}
    return {"type": "interactive", "interactive": body}


def buttons(*pairs: tuple[str, str], **extra: Any) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": key, "title": title}} for key, title in pairs]
    return interactive("button", {"buttons": replies}, **extra)


def rows(*sections: dict[str, Any], button: str = "Show") -> dict[str, Any]:
    return interactive("list", {"button": button, "sections": list(sections)})


def section(count: int, start: int = 0, **extra: Any) -> dict[str, Any]:
    places = range(start, start + count)
    return {"rows": [{"id": f"r{n}", "title": f"Row {n}"} for n in places], **extra}


def cta(url: str, label: str = "Open") -> dict[str, Any]:
    parameters = {"display_text": label, "url": url}
    return interactive("cta_url", {"name": "cta_url", "parameters": parameters})


def template(name: str, *components: dict[str, Any], language: str = "en_GB") -> dict[str, Any]:
    content = {"name": name, "language": {"code": language}, "components": list(components)}
    return {"type": "template", "template": content}


def texts(*values: str, kind: str = "body") -> dict[str, Any]:
    return {"type": kind, "parameters": [{"type": "text", "text": value} for value in values]}


def image(**medium: Any) -> dict[str, Any]:
    return {"type": "image", "image": medium}


def contact(**name: str) -> dict[str, Any]:
    return {"type": "contacts", "contacts": [{"name": name}]}


def card(index: int, **extra: Any) -> dict[str, Any]:
    return {
        "card_index": index,
        "type": "cta_url",
        "header": {"type": "image", "image": {"link": "https://cdn.example/a.jpg"}},
        "body": {"text": "Fern"},
        "action": {
            "name": "cta_url",
            "parameters": {"display_text": "Buy", "url": "https://shop.example/a"},
        },
        **extra,
    }


def flow(**parameters: Any) -> dict[str, Any]:
    usual = {"flow_message_version": "3", "flow_cta": "Start", "flow_id": "7"}
    told = {key: value for key, value in {**usual, **parameters}.items() if value is not None}
    return interactive("flow", {"name": "flow", "parameters": told})


def replies(*pairs: tuple[str, str]) -> dict[str, Any]:
    shown = [{"type": "quick_reply", "quick_reply": {"id": k, "title": t}} for k, t in pairs]
    return {"buttons": shown}


def carousel(*cards: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return interactive("carousel", {"cards": list(cards)}, **extra)


def product_card(index: int, catalog: str = "1") -> dict[str, Any]:
    action = {"product_retailer_id": "2", "catalog_id": catalog}
    return {"card_index": index, "type": "product", "action": action}


def address(**parameters: Any) -> dict[str, Any]:
    return interactive("address_message", {"name": "address_message", "parameters": parameters})


def products(*sizes: int, **extra: Any) -> dict[str, Any]:
    sections = [
        {"title": "T", "product_items": [{"product_retailer_id": "2"}] * size} for size in sizes
    ]
    usual = {"header": {"type": "text", "text": "Picks"}}
    action = {"catalog_id": "1", "sections": sections}
    return interactive("product_list", action, **{**usual, **extra})


def call(**parameters: Any) -> dict[str, Any]:
    return interactive("voice_call", {"name": "voice_call", "parameters": parameters})


def filled(*components: dict[str, Any]) -> dict[str, Any]:
    """A template that is not there: what passes the rules for its shape gets 132001."""
    return template("order_lost", *components)


def button(sub_type: str, index: Any, *parameters: dict[str, Any]) -> dict[str, Any]:
    told = {"type": "button", "sub_type": sub_type, "index": index}
    return {**told, "parameters": list(parameters)}


def header(**parameter: Any) -> dict[str, Any]:
    return {"type": "header", "parameters": [parameter]}


EMOJI_20_UNITS = "\U0001f375" * 10
TRACK = {
    "type": "button",
    "sub_type": "url",
    "index": "1",
    "parameters": [{"type": "text", "text": "42"}],
}
PICTURE = {
    "type": "header",
    "parameters": [{"type": "image", "image": {"link": "https://cdn.example/a.png"}}],
}
LINK = "https://cdn.example/p.png"

TAKEN: dict[str, dict[str, Any]] = {
    "a text of 4096 units": {"type": "text", "text": {"body": "x" * 4096}},
    "a text with a preview": {"type": "text", "text": {"body": "hi", "preview_url": True}},
    "a text without a type": {"text": {"body": "hi"}},
    "a text with an explicit null": {**TEXT, "context": None},
    "callback data of 512 units": {**TEXT, "biz_opaque_callback_data": "m" * 512},
    "an image by link": image(link=LINK, caption="c" * 1024),
    "a document by link": {"type": "document", "document": {"link": LINK, "filename": "a.pdf"}},
    "an audio by link": {"type": "audio", "audio": {"link": LINK, "voice": True}},
    "a sticker by link": {"type": "sticker", "sticker": {"link": LINK}},
    "a location in strings": {
        "type": "location",
        "location": {"latitude": "51.5", "longitude": "-0.1"},
    },
    "a location in numbers": {
        "type": "location",
        "location": {"latitude": 51.5, "longitude": -0.1, "name": "Shop", "address": "Quay"},
    },
    "a contact": contact(formatted_name="Grace Hopper", first_name="Grace"),
    "three buttons": buttons(("a", "A"), ("b", "B"), ("c", "C")),
    "a title of 20 units": buttons(("a", EMOJI_20_UNITS)),
    "a list of ten rows": rows(section(5, title="One"), section(5, start=5, title="Two")),
    "a link button": cta("https://pay.example/42"),
    "a request for a location": interactive("location_request_message", {"name": "send_location"}),
    "a request for a number": interactive("request_contact_info", {"name": "request_contact_info"}),
    "a catalog": interactive("catalog_message", {"name": "catalog_message"}),
    "a product": interactive("product", {"catalog_id": "1", "product_retailer_id": "2"}),
    "a carousel": interactive("carousel", {"cards": [card(0), card(1)]}),
    "a call button": interactive("voice_call", {"name": "voice_call"}),
    "cards that answer": carousel(
        card(0, action=replies(("a", "A"), ("b", "B"))),
        card(1, action=replies(("c", "A"), ("d", "B"))),
    ),
    "cards of products": carousel(product_card(0), product_card(1)),
    "thirty products": products(20, 10),
    "one product without words": {
        "type": "interactive",
        "interactive": {
            "type": "product",
            "action": {"catalog_id": "1", "product_retailer_id": "2"},
        },
    },
    "a flow": flow(),
    "a flow on a screen": flow(
        flow_action="navigate", flow_action_payload={"screen": "A", "data": {"a": 1}}
    ),
    "a flow whose server decides": flow(flow_action="data_exchange", mode="draft"),
    "an address in India": address(country="IN", values={"name": "Ada"}),
    "a request to call": interactive(
        "call_permission_request", {"name": "call_permission_request"}
    ),
    "a call button for a month": call(display_text="Call", ttl_minutes=43200, payload="p"),
    "buttons below a video": buttons(
        ("a", "A"), header={"type": "video", "video": {"link": "https://cdn.example/v.mp4"}}
    ),
    "a list with a header and a footer": rows(section(1))
    | {
        "interactive": rows(section(1))["interactive"]
        | {"header": {"type": "text", "text": "h" * 60}, "footer": {"text": "f" * 60}}
    },
    "a template without parameters": template("hello_world", language="en_US"),
    "a template with parameters": template("order_ready", texts("Ada", "42")),
    "a template with everything": template("order_shipped", PICTURE, texts("Ada", "4"), TRACK),
    "a template with named parameters": template(
        "appointment",
        {
            "type": "body",
            "parameters": [
                {"type": "text", "parameter_name": "first_name", "text": "Ada"},
                {"type": "text", "parameter_name": "time", "text": "9"},
            ],
        },
    ),
}

REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "an unknown type": ({"type": "poll", "poll": {}}, 100),
    "a type that is no string": ({"type": 5}, 100),
    "an unknown key": ({**TEXT, "priority": "high"}, 100),
    "the body of another type": ({**TEXT, "image": {"link": LINK}}, 100),
    "no body": ({"type": "text"}, 131008),
    "a body that is no object": ({"type": "text", "text": "hi"}, 100),
    "an unknown key in the body": ({"type": "text", "text": {"body": "hi", "bold": True}}, 100),
    "a text without its body": ({"type": "text", "text": {}}, 131008),
    "an empty text": ({"type": "text", "text": {"body": ""}}, 100),
    "a blank text": ({"type": "text", "text": {"body": " \n"}}, 100),
    "a text of 4097 units": ({"type": "text", "text": {"body": "x" * 4097}}, 100),
    "a text of 4098 units in emoji": ({"type": "text", "text": {"body": "\U0001f375" * 2049}}, 100),
    "a preview that is no boolean": (
        {"type": "text", "text": {"body": "hi", "preview_url": "true"}},
        100,
    ),
    "callback data of 513 units": ({**TEXT, "biz_opaque_callback_data": "m" * 513}, 100),
    "a context without its message": ({**TEXT, "context": {}}, 131008),
    "an unknown recipient type": ({**TEXT, "recipient_type": "person"}, 100),
    "an unknown group": ({**TEXT, "recipient_type": "group"}, 131041),
    "a caption of 1025 units": (image(link=LINK, caption="c" * 1025), 100),
    "a medium without a source": (image(caption="c"), 131008),
    "a medium with two sources": (image(id="1", link=LINK), 100),
    "a medium that is unknown": (image(id="1"), 131009),
    "a link without a scheme": (image(link="cdn.example/p.png"), 131009),
    "a link to a file": (image(link="file:///etc/passwd"), 131009),
    "a caption on audio": ({"type": "audio", "audio": {"link": LINK, "caption": "c"}}, 100),
    "a caption on a sticker": ({"type": "sticker", "sticker": {"link": LINK, "caption": "c"}}, 100),
    "a file name on an image": (image(link=LINK, filename="a.png"), 100),
    "a latitude of 91": (
        {"type": "location", "location": {"latitude": 91, "longitude": 0}},
        131009,
    ),
    "a location without longitude": ({"type": "location", "location": {"latitude": 1}}, 131008),
    "a latitude in words": (
        {"type": "location", "location": {"latitude": "north", "longitude": "0"}},
        100,
    ),
    "no contacts": ({"type": "contacts", "contacts": []}, 131009),
    "a contact without a name": ({"type": "contacts", "contacts": [{}]}, 131008),
    "a contact with only one name": (contact(formatted_name="Grace"), 131009),
    "a contact with an odd birthday": (
        {
            "type": "contacts",
            "contacts": [
                {"name": {"formatted_name": "G H", "first_name": "G"}, "birthday": "9.12.1990"}
            ],
        },
        131009,
    ),
    "no buttons": (buttons(), 131009),
    "four buttons": (buttons(("a", "A"), ("b", "B"), ("c", "C"), ("d", "D")), 131009),
    "a title of 22 units in emoji": (buttons(("a", EMOJI_20_UNITS + "\U0001f375")), 131009),
    "an empty title": (buttons(("a", "")), 131009),
    "an id of 257 units": (buttons(("i" * 257, "A")), 131009),
    "equal titles": (buttons(("a", "A"), ("b", "A")), 131009),
    "equal ids": (buttons(("a", "A"), ("a", "B")), 131009),
    "a header of 61 units": (
        buttons(("a", "A"), header={"type": "text", "text": "h" * 61}),
        131009,
    ),
    "a footer of 61 units": (buttons(("a", "A"), footer={"text": "f" * 61}), 131009),
    "a header of audio": (buttons(("a", "A"), header={"type": "audio", "audio": {}}), 100),
    "an interactive body of 1025 units": (
        buttons(("a", "A"), body={"text": "b" * 1025}),
        131009,
    ),
    "an unknown kind of interactive": (interactive("survey", {}), 100),
    "eleven rows": (rows(section(6, title="One"), section(5, start=6, title="Two")), 131009),
    "equal row ids": (rows(section(2, title="One"), section(2, title="Two")), 131009),
    "two sections and one title": (rows(section(1, title="One"), section(1, start=1)), 131009),
    "a section title of 25 units": (rows(section(1, title="t" * 25)), 131009),
    "a list label of 21 units": (rows(section(1), button="b" * 21), 131009),
    "a list with an image header": (
        interactive(
            "list",
            {"button": "Show", "sections": [section(1)]},
            header={"type": "image", "image": {"link": LINK}},
        ),
        100,
    ),
    "a row title of 25 units": (rows({"rows": [{"id": "r", "title": "t" * 25}]}), 131009),
    "a row description of 73 units": (
        rows({"rows": [{"id": "r", "title": "t", "description": "d" * 73}]}),
        131009,
    ),
    "a link button without a scheme": (cta("pay.example"), 131009),
    "a link button with 21 units": (cta("https://pay.example", "l" * 21), 131009),
    "a product list without a header": (
        interactive(
            "product_list",
            {"catalog_id": "1", "sections": [{"product_items": [{"product_retailer_id": "2"}]}]},
        ),
        131008,
    ),
    "a carousel of one card": (interactive("carousel", {"cards": [card(0)]}), 131009),
    "cards that are not counted": (
        interactive("carousel", {"cards": [card(0), card(2)]}),
        131009,
    ),
    "a reaction without an emoji": ({"type": "reaction", "reaction": {"message_id": "x"}}, 131008),
    "a reaction that is a reply": (
        {
            "type": "reaction",
            "reaction": {"message_id": "x", "emoji": "\U0001f44d"},
            "context": {"message_id": "x"},
        },
        131009,
    ),
    "a template that is not there": (template("order_lost", texts("Ada")), 132001),
    "a template in another language": (
        template("order_ready", texts("Ada", "42"), language="de"),
        132001,
    ),
    "a parameter too few": (template("order_ready", texts("Ada")), 132000),
    "a parameter too many": (template("hello_world", texts("Ada"), language="en_US"), 132000),
    "positional parameters for named ones": (template("appointment", texts("Ada", "9")), 132012),
    "no picture for a picture header": (template("order_shipped", texts("A", "4"), TRACK), 132012),
    "no parameter for a link button": (
        template("order_shipped", PICTURE, texts("Ada", "42")),
        131008,
    ),
    "a body that grows too long": (template("order_ready", texts("A" * 1024, "42")), 132005),
    "an unknown component": (template("order_ready", {"type": "tail"}), 100),
    "two equal replies on a card": (
        carousel(
            card(0, action=replies(("a", "A"), ("a", "B"))),
            card(1, action=replies(("c", "A"), ("d", "B"))),
        ),
        131009,
    ),
    "cards with and without links": (
        carousel(card(0), card(1, action=replies(("a", "A")))),
        131009,
    ),
    "a card without a picture": (
        carousel(card(0), {k: v for k, v in card(1).items() if k != "header"}),
        131008,
    ),
    "a card with a document": (
        carousel(
            card(0), card(1, header={"type": "document", "document": {"link": "https://a.example"}})
        ),
        100,
    ),
    "a card of 161 units": (carousel(card(0), card(1, body={"text": "x" * 161})), 131009),
    "a card of four lines": (carousel(card(0), card(1, body={"text": "x\nx\nx\nx"})), 131009),
    "a reply of 21 units on a card": (
        carousel(card(0, action=replies(("a", "x" * 21))), card(1, action=replies(("b", "B")))),
        131009,
    ),
    "cards with a footer": (carousel(card(0), card(1), footer={"text": "f"}), 100),
    "cards of two catalogs": (carousel(product_card(0), product_card(1, "9")), 131009),
    "thirty-one products": (products(20, 11), 131009),
    "products below a picture": (products(1, header={"type": "image", "image": {}}), 100),
    "a flow without a name": (flow(flow_id=None), 131008),
    "a flow with two names": (flow(flow_name="survey"), 131009),
    "a flow with an emoji": (flow(flow_cta="Go \U0001f680"), 131009),
    "a flow with a label of 21 units": (flow(flow_cta="x" * 21), 131009),
    "a flow of another version": (flow(flow_message_version="9"), 100),
    "a flow with data for its server": (
        flow(flow_action="data_exchange", flow_action_payload={"screen": "A"}),
        131009,
    ),
    "a flow to no screen": (flow(flow_action="navigate"), 131008),
    "an address elsewhere": (address(country="GB"), 100),
    "an address nowhere": (address(values={}), 131008),
    "a request for a location with a footer": (
        interactive("location_request_message", {"name": "send_location"}, footer={"text": "f"}),
        100,
    ),
    "a call of 43201 minutes": (call(ttl_minutes=43201), 131009),
    "a link that no browser opens": (cta("https://["), 131009),
    "a coupon of 21 units": (
        filled(button("copy_code", 0, {"type": "coupon_code", "coupon_code": "x" * 21})),
        100,
    ),
    "a button without its kind": (
        filled({"type": "button", "index": 0, "parameters": []}),
        131008,
    ),
    "a button without its place": (
        filled({"type": "button", "sub_type": "url", "parameters": []}),
        131008,
    ),
    "a button at place ten": (filled(button("url", 10, {"type": "text", "text": "a"})), 131009),
    "a payload on a link": (filled(button("url", 0, {"type": "payload", "payload": "p"})), 100),
    "a button with two values": (
        filled(button("url", 0, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
        131009,
    ),
    "a flow button with an odd key": (
        filled(button("flow", 0, {"type": "action", "action": {"screen": "A"}})),
        100,
    ),
    "products of no section": (
        filled(
            button("mpm", 0, {"type": "action", "action": {"thumbnail_product_retailer_id": "2"}})
        ),
        131008,
    ),
    "a call for no time": (
        filled(button("voice_call", 0, {"type": "ttl_minutes", "ttl_minutes": 0})),
        131009,
    ),
    "a header of a sticker": (filled(header(type="sticker", sticker={"id": "1"})), 100),
    "a header without its picture": (filled(header(type="image")), 131008),
    "a body with a picture": (
        filled({"type": "body", "parameters": [PICTURE["parameters"][0]]}),
        100,
    ),
    "an amount of a half": (
        filled(
            {
                "type": "body",
                "parameters": [
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "1", "code": "USD", "amount_1000": 0.5},
                    }
                ],
            }
        ),
        100,
    ),
    "an offer in words": (
        filled(
            {
                "type": "limited_time_offer",
                "parameters": [
                    {
                        "type": "limited_time_offer",
                        "limited_time_offer": {"expiration_time_ms": "soon"},
                    }
                ],
            }
        ),
        100,
    ),
    "cards of a template that are not counted": (
        filled({"type": "carousel", "cards": [{"card_index": 1, "components": []}]}),
        131009,
    ),
    "cards within cards": (
        filled(
            {
                "type": "carousel",
                "cards": [{"card_index": 0, "components": [{"type": "carousel", "cards": []}]}],
            }
        ),
        100,
    ),
    "every component in its shape": (
        filled(
            header(type="PRODUCT", product={"product_retailer_id": "2", "catalog_id": "1"}),
            texts("Ada", kind="BODY"),
            button("FLOW", "0", {"type": "action", "action": {"flow_token": "t"}}),
            button("catalog", 1, {"type": "action", "action": {}}),
            button("copy_code", 2, {"type": "coupon_code", "coupon_code": "SAVE10"}),
            {
                "type": "carousel",
                "cards": [{"card_index": 0, "components": [PICTURE, texts("Fern")]}],
            },
        ),
        132001,
    ),
    "the picture of a card that is unknown": (
        carousel(card(0), card(1, header={"type": "image", "image": {"id": "1"}})),
        131009,
    ),
}


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, windows=False, limits=False)


_KEYS = st.sampled_from(
    ["body", "text", "id", "link", "type", "action", "buttons", "reply", "title", "name", "rows"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.slow
@given(kind=st.sampled_from(sorted(BODIES)), body=_JSON, extra=st.dictionaries(_KEYS, _JSON))
def test_no_json_trips_the_rules(kind: str, body: Any, extra: dict[str, Any]) -> None:
    document = {"messaging_product": "whatsapp", "to": "+44", **extra, "type": kind, kind: body}

    try:
        verdict: str | int = check_message(document)
    except GraphError as error:
        verdict = error.code

    assert verdict in (kind, 100, 131008, 131009)


@pytest.mark.slow
async def test_a_body_within_the_rules_is_accepted(play: Play) -> None:
    answers = {label: await play.send(body) for label, body in TAKEN.items()}

    refused = {label: a.text for label, a in answers.items() if a.status_code != 200}
    assert refused == {}
    assert len(await play.outbox()) == len(TAKEN)


@pytest.mark.slow
async def test_a_body_against_a_rule_gets_the_code_of_the_platform(play: Play) -> None:
    answers = {label: await play.send(body) for label, (body, _code) in REFUSED.items()}

    assert {label: code_of(answer) for label, answer in answers.items()} == {
        label: code for label, (_body, code) in REFUSED.items()
    }
    assert await play.outbox() == []


ADDRESSES: dict[str, tuple[dict[str, Any], int]] = {
    "spaces and brackets": ({"to": "+44 (7700) 900-123"}, 0),
    "no plus": ({"to": ADA}, 0),
    "letters": ({"to": "+44 ADA"}, 131009),
    "too short": ({"to": "+4477"}, 131009),
    "our own number": ({"to": "+442079460100"}, 131021),
    "a user id": ({"recipient": "GB.7204418893310556"}, 0),
    "a malformed user id": ({"recipient": "7204418893310556"}, 131009),
    "nobody": ({}, 131008),
    "a number": ({"to": 447700900123}, 100),
}


@pytest.mark.parametrize("label", ADDRESSES)
async def test_an_address_is_normalised_or_refused(play: Play, label: str) -> None:
    address, code = ADDRESSES[label]

    body = {"messaging_product": "whatsapp", **TEXT, **address}
    answer = await play.client.post(f"/{KEY}/messages", json=body)

    assert code_of(answer) == code


async def test_a_message_without_its_product_is_refused(play: Play) -> None:
    answer = await play.client.post(f"/{KEY}/messages", json={"to": ADA, **TEXT})

    assert code_of(answer) == 131008


async def test_an_authentication_template_needs_a_phone_number(play: Play) -> None:
    button = {**TRACK, "index": 0}
    body = {
        "messaging_product": "whatsapp",
        "recipient": "GB.7204418893310556",
        **template("otp_v1", texts("493021"), button),
    }

    answer = await play.client.post(f"/{KEY}/messages", json=body)

    assert code_of(answer) == 131062
