"""What becomes of requests, forms, products and calls."""

import pytest
from attrs import evolve

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.model.content import (
    CallInvite,
    Content,
    FormRequest,
    Media,
    MediaKind,
    Products,
    ProductSection,
    Request,
    RequestKind,
    Text,
)
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape
from tests.policy.platforms import POOR, only

WA = WHATSAPP.capabilities
JPEG = MediumFacts("image/jpeg", 5_000, "photo.jpg")
FORM = FormRequest("Two questions", form_id="70001", button="Start", header="Survey")
TEA = ProductSection(("1", "2"), "Tea")


def told(shaped: Shaped) -> list[tuple[str, str, str]]:
    return [(note.path, note.level.value, note.to) for note in shaped.notes]


def forms(shaped: Shaped) -> list[str]:
    return [part.form for part in shaped.parts]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (RequestKind.LOCATION, "location_request"),
        (RequestKind.CONTACT, "contact_request"),
        (RequestKind.CALL, "call_permission"),
    ],
)
def test_a_request_is_made_by_the_platforms_own_means(kind: RequestKind, form: str) -> None:
    asked = Request(kind, "May we?")

    shaped = shape(asked, [], WA, {}, adapt=False)

    assert (forms(shaped), only(shaped), shaped.notes) == ([form], asked, ())


def test_a_request_in_markdown_with_a_header_is_one_text() -> None:
    asked = Request(RequestKind.LOCATION, "**Where?**", "markdown", "Delivery", "Omni")

    shaped = shape(asked, [], WA, {}, adapt=False)

    assert only(shaped) == Request(RequestKind.LOCATION, "Delivery\n*Where?*\nOmni")


def test_an_address_is_asked_for_by_form_where_there_is_one() -> None:
    asked = Request(RequestKind.ADDRESS, "Where?", header="Delivery", country="IN")

    assert only(shape(asked, [], WA, {}, adapt=False)) == asked
    shaped = shape(evolve(asked, country="GB"), [], WA, {})
    assert only(shaped) == Text("Delivery\nWhere?")
    assert shaped.notes[0].why == "address: there are such forms only for IN"
    with pytest.raises(Unshapable, match="only for IN"):
        shape(evolve(asked, country=None), [], WA, {}, adapt=False)


def test_a_long_request_goes_ahead() -> None:
    shaped = shape(Request(RequestKind.CONTACT, "x " * 600), [], WA, {}, adapt=False)

    assert forms(shaped) == ["text", "contact_request"]


@pytest.mark.parametrize("content", [Request(RequestKind.CALL, "May we?"), FORM, CallInvite("Hi")])
def test_what_another_channel_lacks_is_refused(content: Content) -> None:
    with pytest.raises(Unshapable, match="cannot be sent on this channel"):
        shape(content, [], POOR, {})


def test_a_form_keeps_what_stands_around_it() -> None:
    framed = evolve(FORM, header=None, media=Media(MediaKind.IMAGE, "m"), footer="1 min")

    assert only(shape(FORM, [], WA, {}, adapt=False)) == FORM
    shaped = shape(framed, [], WA, {"m": JPEG}, adapt=False)
    assert only(shaped) == framed
    assert shaped.parts[0].media_ids == ("m",)


@pytest.mark.parametrize(
    ("button", "shown", "why"),
    [
        ("Start\nnow", "Start now", "labels have one line"),
        ("Start 🚀", "Start", "labels there have no emoji"),
        ("🚀", None, "labels there have no emoji"),
        ("x" * 21, None, "labels hold 20 characters"),
    ],
)
def test_a_label_that_does_not_fit_is_told(button: str, shown: str | None, why: str) -> None:
    shaped = shape(evolve(FORM, button=button), [], WA, {})

    assert only(shaped) == evolve(FORM, button=shown)
    assert [(note.path, note.why) for note in shaped.notes] == [("/content/button", why)]


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (evolve(FORM, text=" "), "/content/text"),
        (evolve(FORM, data={"a": 1}), "/content/screen"),
        (evolve(FORM, first="data_exchange", screen="A"), "/content/screen"),
        (evolve(FORM, first="data_exchange", data={"a": 1}), "/content/data"),
        (CallInvite("Hi", ttl_minutes=43_201), "/content/ttl_minutes"),
        (Products("Hi", sections=(TEA,)), "/content/catalog_id"),
        (Products("Hi", "c", (ProductSection(()),)), "/content/sections"),
        (Products("Hi", "c", (ProductSection((" ",)),)), "/content/sections"),
        (Products(None), "/content/text"),
        (Products("Hi", "c", (TEA,)), "/content/header"),
        (Products(None, "c", (TEA,), header="H"), "/content/text"),
        (Products("Hi", "c", (TEA,), header="h" * 61), "/content/header"),
        (Products("Hi", "c", (TEA, evolve(TEA, title=None)), header="H"), "/content/sections"),
        (Products("Hi", "c", (evolve(TEA, title="t" * 25),), header="H"), "/content/sections"),
        (Products("Hi", "c", (TEA,) * 11, header="H"), "/content/sections"),
        (Products("Hi", "c", (ProductSection(("1",) * 31),), header="H"), "/content/sections"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_place(content: Content, pointer: str) -> None:
    with pytest.raises(Unshapable) as refusal:
        shape(content, [], WA, {})

    assert refusal.value.pointer == pointer
    assert refusal.value.why


def test_products_take_the_form_that_holds_as_many() -> None:
    one = Products(catalog_id="c", sections=(ProductSection(("1",)),))
    many = Products("For you", "c", (TEA,), header="Picks")

    assert forms(shape(Products("All of it"), [], WA, {}, adapt=False)) == ["catalog"]
    assert forms(shape(one, [], WA, {}, adapt=False)) == ["product"]
    assert forms(shape(many, [], WA, {}, adapt=False)) == ["product_list"]
    assert only(shape(many, [], WA, {}, adapt=False)) == many


def test_products_stand_side_by_side_without_their_headings() -> None:
    asked = Products("For you", "c", (TEA,), "carousel", header="Picks")

    shaped = shape(asked, [], WA, {})

    bare = (evolve(TEA, title=None),)
    assert only(shaped) == evolve(asked, text="Picks\nFor you", header=None, sections=bare)
    assert told(shaped) == [
        ("/content/sections/0/title", "dropped", ""),
        ("/content/header", "converted", "text"),
    ]


def test_too_many_products_for_cards_are_a_list() -> None:
    asked = Products("Hi", "c", (ProductSection(tuple("abcdefghijk")),), "carousel", header="H")

    shaped = shape(asked, [], WA, {}, adapt=False)

    assert forms(shaped) == ["product_list"]
    assert shaped.notes[0].why == "product_carousel: 11 products, 10 allowed"


def test_a_call_button_is_there_for_a_while() -> None:
    asked = CallInvite("Talk to us", "Call now", ttl_minutes=60, payload="t-42")

    assert only(shape(asked, [], WA, {}, adapt=False)) == asked
    assert only(shape(evolve(asked, button="x" * 21), [], WA, {})) == evolve(asked, button=None)
