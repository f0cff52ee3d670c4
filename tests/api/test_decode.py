"""Decoding: what is well said becomes a request, everything else a list of mistakes."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.api import decode, jsontext
from omni_actors.api import requests as ask
from omni_actors.api.problems import Problem
from omni_actors.gateway.facade import Mistake
from omni_actors.model import content as c
from omni_actors.model import requests as r
from omni_actors.model.events import EventType
from omni_actors.model.states import OnUnknown, Priority

TEXT = {"type": "text", "text": "hi"}
TO = {"channel_id": "wa", "address": "+447700900123"}


def mistakes(document: Any, cls: type = r.SendRequest) -> dict[str, str]:
    """The mistakes of a document by their places."""
    with pytest.raises(Problem) as caught:
        decode.body(document, cls)
    return {mistake.pointer: mistake.detail for mistake in caught.value.mistakes}


def test_the_smallest_request_has_all_defaults() -> None:
    request = decode.body({"conversation_id": "cnv_1", "content": TEXT}, r.SendRequest)

    assert request == r.SendRequest(c.Text("hi"), conversation_id="cnv_1")


def test_everything_that_can_be_said_is_understood() -> None:
    template = {"name": "hello", "language": "en", "params": {"body": ["Ada"]}}
    document = {
        "to": TO,
        "content": {"type": "text", "text": "**hi**", "format": "markdown"},
        "attachments": [{"kind": "image", "media_id": "med_1", "caption": "a picture"}],
        "author": {"type": "human"},
        "reply_to": "msg_1",
        "priority": "bulk",
        "delivery": {
            "route": ["wa", "last_used"],
            "on_unsupported": "fail",
            "on_closed_window": {"template": template},
            "on_unknown": "hold",
        },
        "expires_in_s": 60,
        "metadata": {"order": 77, "vip": True, "note": None},
        "override": {"whatsapp": {"biz": {"deep": [1]}}},
        "contact_id": None,
    }

    request = decode.body(document, r.SendRequest)

    assert request == r.SendRequest(
        content=c.Text("**hi**", "markdown"),
        to=r.To("wa", "+447700900123"),
        attachments=(c.Media(c.MediaKind.IMAGE, media_id="med_1", caption="a picture"),),
        author=r.Author(r.AuthorType.HUMAN),
        reply_to="msg_1",
        priority=Priority.BULK,
        delivery=r.Delivery(
            ("wa", "last_used"),
            "fail",
            r.ClosedWindow("template", r.WindowTemplate("hello", "en", {"body": ["Ada"]})),
            OnUnknown.HOLD,
        ),
        expires_in_s=60.0,
        metadata={"order": 77, "vip": True, "note": None},
        override={"whatsapp": {"biz": {"deep": [1]}}},
    )


CONTENTS: dict[str, tuple[dict[str, Any], c.Content]] = {
    "media by url": (
        {"type": "media", "kind": "document", "url": "https://example.com/a.pdf"},
        c.Media(c.MediaKind.DOCUMENT, url="https://example.com/a.pdf"),
    ),
    "choices": (
        {"type": "choices", "text": "?", "options": [{"id": "a", "title": "A"}]},
        c.Choices("?", (c.Option("a", "A"),)),
    ),
    "a card": (
        {"type": "card", "title": "T", "actions": [{"title": "Go", "url": "https://x.org/"}]},
        c.Card("T", actions=(c.Action("Go", url="https://x.org/"),)),
    ),
    "a carousel": (
        {"type": "carousel", "cards": [{"title": "T"}]},
        c.Carousel((c.Card("T"),)),
    ),
    "a place with whole degrees": (
        {"type": "location", "latitude": 52, "longitude": -0.5},
        c.Location(52.0, -0.5),
    ),
    "a contact card": (
        {
            "type": "contacts",
            "contacts": [{"formatted_name": "Ada", "phones": [{"phone": "+1"}]}],
        },
        c.Contacts((c.ContactCard("Ada", phones=(c.Phone("+1"),)),)),
    ),
    "a question with a frame": (
        {
            "type": "choices",
            "text": "?",
            "header": "H",
            "footer": "F",
            "media": {"kind": "image", "media_id": "med_1"},
            "options": [{"id": "a", "title": "A", "section": "S"}],
        },
        c.Choices(
            "?",
            (c.Option("a", "A", section="S"),),
            header="H",
            footer="F",
            media=c.Media(c.MediaKind.IMAGE, "med_1"),
        ),
    ),
    "a request": (
        {"type": "request", "kind": "address", "text": "?", "country": "IN", "values": {"a": [1]}},
        c.Request(c.RequestKind.ADDRESS, "?", country="IN", values={"a": [1]}),
    ),
    "a form": (
        {"type": "form", "text": "?", "form_id": "7", "screen": "A", "data": {"a": {"b": None}}},
        c.FormRequest("?", "7", screen="A", data={"a": {"b": None}}),
    ),
    "buttons that call, log in and log out": (
        {
            "type": "card",
            "title": "T",
            "url": "https://x.org/",
            "actions": [
                {"title": "Call", "phone": "+351210000000"},
                {"title": "In", "login": "https://x.org/login"},
                {"title": "Out", "does": "log_out"},
            ],
        },
        c.Card(
            "T",
            actions=(
                c.Action("Call", phone="+351210000000"),
                c.Action("In", login="https://x.org/login"),
                c.Action("Out", does="log_out"),
            ),
            url="https://x.org/",
        ),
    ),
    "a receipt": (
        {
            "type": "receipt",
            "number": "A-1",
            "recipient": "Ada",
            "currency": "EUR",
            "paid_with": "Visa",
            "total": 3,
            "items": [{"title": "Mug", "price": 1.5, "quantity": 2}],
        },
        c.Receipt("A-1", "Ada", "EUR", "Visa", 3.0, (c.ReceiptItem("Mug", 1.5, 2.0),)),
    ),
    "a coupon": (
        {"type": "coupon", "title": "20% off", "code": "MUG20"},
        c.Coupon("20% off", code="MUG20"),
    ),
    "a question about the service": (
        {
            "type": "feedback",
            "id": "q",
            "title": "Rate us",
            "question": "?",
            "privacy_url": "https://x.org/",
        },
        c.FeedbackRequest("q", "Rate us", "?", "https://x.org/"),
    ),
    "a post": ({"type": "post", "post_id": "181394"}, c.Post("181394")),
    "a sticker of the platform": (
        {"type": "media", "kind": "sticker", "external_id": "like_heart"},
        c.Media(c.MediaKind.STICKER, external_id="like_heart"),
    ),
    "products": (
        {"type": "products", "catalog_id": "5", "sections": [{"product_ids": ["1", "2"]}]},
        c.Products(catalog_id="5", sections=(c.ProductSection(("1", "2")),)),
    ),
    "a call button": (
        {"type": "call_invite", "text": "Talk to us", "ttl_minutes": 60},
        c.CallInvite("Talk to us", ttl_minutes=60),
    ),
    "a template of a category": (
        {"type": "template", "name": "n", "language": "en", "category": "authentication"},
        c.Template("n", "en", category="authentication"),
    ),
    "a template": (
        {"type": "template", "name": "n", "language": "en_GB"},
        c.Template("n", "en_GB"),
    ),
    "a reaction that is taken back": (
        {"type": "reaction", "emoji": "", "message_id": "msg_1"},
        c.Reaction("", "msg_1"),
    ),
    "a mail": (
        {"type": "email", "subject": "S", "text": "t", "cc": ["ada@example.com"]},
        c.Email("S", "t", cc=("ada@example.com",)),
    ),
    "a mail that its HTML says": (
        {
            "type": "email",
            "subject": "S",
            "text": "",
            "html": "<p>t",
            "cc": ["ada@example.com"] * 99,
        },
        c.Email("S", "", "<p>t", cc=("ada@example.com",) * 99),
    ),
}


@pytest.mark.parametrize(("document", "content"), CONTENTS.values(), ids=CONTENTS.keys())
def test_every_kind_of_content_is_understood(document: Any, content: c.Content) -> None:
    request = decode.body({"contact_id": "ctc_1", "content": document}, r.SendRequest)

    assert request.content == content


def test_all_mistakes_are_told_at_once_and_each_at_its_place() -> None:
    document = {
        "to": {"channel_id": 5, "adress": "x"},
        "content": {"type": "choices", "text": "", "options": [{"id": 1, "title": "A"}]},
        "priority": "urgent",
        "delivery": {"on_closed_window": {"template": {"name": 1}}, "route": ["ok", 1]},
        "foo": 1,
    }

    found = mistakes(document)

    assert found == {
        "/to/channel_id": "must be a string",
        "/to/address": "is missing",
        "/to/adress": "is not known here",
        "/content/text": "must have at least 1 characters",
        "/content/options/0/id": "must be a string",
        "/priority": "must be one of high, normal, bulk",
        "/delivery/on_closed_window/template/name": "must be a string",
        "/delivery/on_closed_window/template/language": "is missing",
        "/delivery/route/1": "must be a string",
        "/foo": "is not known here",
    }


WRONG: dict[str, tuple[Any, str]] = {
    "the body is a list": ([], ""),
    "the body is null": (None, ""),
    "no content": ({"contact_id": "c"}, "/content"),
    "content is a text": ({"contact_id": "c", "content": "hi"}, "/content"),
    "content has no type": ({"contact_id": "c", "content": {"text": "hi"}}, "/content/type"),
    "what only customers say": (
        {"contact_id": "c", "content": {"type": "order", "catalog_id": "1", "items": []}},
        "/content/type",
    ),
    "nobody is addressed": ({"content": TEXT}, ""),
    "a button that does two things": (
        {
            "contact_id": "c",
            "content": {
                "type": "card",
                "title": "T",
                "actions": [{"title": "Go", "url": "https://x.org/", "phone": "+351210000000"}],
            },
        },
        "/content/actions/0",
    ),
    "a number that nobody can call": (
        {
            "contact_id": "c",
            "content": {
                "type": "card",
                "title": "T",
                "actions": [{"title": "Call", "phone": "0800 MUGS"}],
            },
        },
        "/content/actions/0/phone",
    ),
    "two are addressed": ({"content": TEXT, "contact_id": "c", "to": TO}, ""),
    "a number as text": (
        {"contact_id": "c", "content": {"type": "text", "text": 5}},
        "/content/text",
    ),
    "text as a number": (
        {"contact_id": "c", "content": TEXT, "expires_in_s": "5"},
        "/expires_in_s",
    ),
    "true as a number": (
        {"contact_id": "c", "content": TEXT, "expires_in_s": True},
        "/expires_in_s",
    ),
    "no time at all": ({"contact_id": "c", "content": TEXT, "expires_in_s": 0}, "/expires_in_s"),
    "31 days": ({"contact_id": "c", "content": TEXT, "expires_in_s": 2678400}, "/expires_in_s"),
    "nested metadata": ({"contact_id": "c", "content": TEXT, "metadata": {"a": {}}}, "/metadata"),
    "much metadata": (
        {"contact_id": "c", "content": TEXT, "metadata": {"a": "x" * 5000}},
        "/metadata",
    ),
    "an override of a platform that is no object": (
        {"contact_id": "c", "content": TEXT, "override": {"whatsapp": 1}},
        "/override",
    ),
    "too much text": (
        {"contact_id": "c", "content": {"type": "text", "text": "x" * 65537}},
        "/content/text",
    ),
    "too many options": (
        {
            "contact_id": "c",
            "content": {
                "type": "choices",
                "text": "?",
                "options": [{"id": "a", "title": "A"}] * 101,
            },
        },
        "/content/options",
    ),
    "a medium by id and by url": (
        {
            "contact_id": "c",
            "content": {"type": "media", "kind": "image", "media_id": "m", "url": "https://x.org/"},
        },
        "/content",
    ),
    "a size of the caller's": (
        {
            "contact_id": "c",
            "content": {"type": "media", "kind": "image", "media_id": "m", "size": 5},
        },
        "/content/size",
    ),
    "a url of another kind": (
        {"contact_id": "c", "content": {"type": "media", "kind": "image", "url": "file:///etc"}},
        "/content/url",
    ),
    "a form by id and by name": (
        {
            "contact_id": "c",
            "content": {"type": "form", "text": "?", "form_id": "1", "form_name": "a"},
        },
        "/content",
    ),
    "a country in words": (
        {
            "contact_id": "c",
            "content": {"type": "request", "kind": "address", "text": "?", "country": "India"},
        },
        "/content/country",
    ),
    "a request for nothing known": (
        {"contact_id": "c", "content": {"type": "request", "kind": "money", "text": "?"}},
        "/content/kind",
    ),
    "values beyond all measure": (
        {
            "contact_id": "c",
            "content": {
                "type": "request",
                "kind": "address",
                "text": "?",
                "values": {"a": "x" * 20_000},
            },
        },
        "/content/values",
    ),
    "a subject of two lines": (
        {"contact_id": "c", "content": {"type": "email", "subject": "a\nBcc: b", "text": "t"}},
        "/content/subject",
    ),
    "an id with a line feed at its end": ({"contact_id": "c\n", "content": TEXT}, "/contact_id"),
    "a window that is neither": (
        {"contact_id": "c", "content": TEXT, "delivery": {"on_closed_window": "wait"}},
        "/delivery/on_closed_window",
    ),
}


@pytest.mark.parametrize(("document", "pointer"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_has_its_place(document: Any, pointer: str) -> None:
    found = mistakes(document)

    assert list(found) == [pointer]


def test_a_redrive_names_ids_or_a_filter_and_not_both() -> None:
    found = mistakes({"ids": ["ddl_1"], "where": {"kind": "part"}}, ask.Redrive)

    assert found == {"": "must have exactly one of ids, where"}


def test_a_scope_that_does_not_exist_is_a_mistake() -> None:
    found = mistakes({"name": "x", "scopes": ["messages:read", "root"]}, ask.CreateKey)

    assert list(found) == ["/scopes/1"]


QUERIES: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "a limit of nothing": ([("limit", "0")], ["?limit"]),
    "a limit beyond the bound": ([("limit", "201")], ["?limit"]),
    "a limit in words": ([("limit", "ten")], ["?limit"]),
    "a limit in digits of another script": ([("limit", "\u0665")], ["?limit"]),
    "an unknown parameter": ([("cursor", "1")], ["?cursor"]),
    "a parameter twice": ([("limit", "1"), ("limit", "2")], ["?limit"]),
    "a NUL": ([("after", "\0")], ["?after"]),
    "a cursor that is no number": ([("after", "-1")], ["?after"]),
}


@pytest.mark.parametrize(("pairs", "places"), QUERIES.values(), ids=QUERIES.keys())
def test_a_query_has_its_mistakes(pairs: list[tuple[str, str]], places: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        decode.query(pairs, ask.EventQuery)

    assert [mistake.pointer for mistake in caught.value.mistakes] == places


def test_an_option_has_an_id_as_long_as_the_longest_platform_takes() -> None:
    options = [{"id": "x" * 1000, "title": "Yes"}]
    asked = {"type": "choices", "text": "Well?", "options": options}

    decode.body({"conversation_id": "cnv_1", "content": asked}, r.SendRequest)

    options[0]["id"] += "x"
    found = mistakes({"conversation_id": "cnv_1", "content": asked})
    assert "1000" in found["/content/options/0/id"]


def test_a_login_is_on_a_page_that_others_cannot_read() -> None:
    actions = [{"title": "In", "login": "http://shop.example/login"}]
    card = {"type": "card", "title": "Account", "actions": actions}

    assert "/content/actions/0/login" in mistakes({"conversation_id": "c", "content": card})


def test_a_query_is_understood() -> None:
    pairs = [("after", "0000000000000007"), ("limit", "5"), ("types", "message.sent,media.ready")]

    asked = decode.query(pairs, ask.EventQuery)

    assert asked == ask.EventQuery(
        "0000000000000007", 5, (EventType.MESSAGE_SENT, EventType.MEDIA_READY)
    )


UNREADABLE = {
    "nothing": b"",
    "half an object": b'{"a": 1',
    "two documents": b"{} {}",
    "not UTF-8": b'{"a": "\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "beyond all bounds": b'{"a": 1e999}',
    "a number that 64 bits do not hold": b'{"a": 1e300}',
    "an integer of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "an integer of 65 bits": b'{"a": 18446744073709551616}',
    "a name twice": b'{"a": 1, "a": 2}',
    "a NUL": b'{"a": "x\\u0000"}',
    "a NUL in a name": b'{"\\u0000": 1}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "33 deep": b"[" * 40 + b"]" * 40,
    "100,000 deep": b"[" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_kept_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        jsontext.parse(raw)

    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("raw", [b"", b" \n"])
def test_an_empty_body_is_told_as_such(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        jsontext.parse(raw)

    assert "the body is empty" in caught.value.mistakes[0].detail


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    with suppress(Problem):
        jsontext.parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
KEYED = st.fixed_dictionaries(
    {},
    optional={
        name: JSON
        for name in ("content", "to", "contact_id", "attachments", "delivery", "metadata", "author")
    },
)
CONTENT = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(decode.SENDABLE))},
    optional={
        name: JSON
        for name in (
            "text",
            "kind",
            "url",
            "options",
            "cards",
            "contacts",
            "media",
            "title",
            "name",
        )
    },
)


@pytest.mark.slow
@given(JSON | KEYED | st.fixed_dictionaries({"contact_id": st.just("c"), "content": CONTENT}))
def test_any_document_is_a_request_or_has_mistakes(document: Any) -> None:
    request: r.SendRequest | None = None
    places: tuple[Mistake, ...] = ()

    try:
        request = decode.body(json.loads(json.dumps(document)), r.SendRequest)
    except Problem as problem:
        places = problem.mistakes

    assert (request is None) == bool(places)
