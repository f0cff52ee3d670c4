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


async def test_a_body_within_the_rules_is_accepted(play: Play) -> None:
    answers = {label: await play.send(body) for label, body in TAKEN.items()}

    refused = {label: a.text for label, a in answers.items() if a.status_code != 200}
    assert refused == {}
    assert len(await play.outbox()) == len(TAKEN)


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
