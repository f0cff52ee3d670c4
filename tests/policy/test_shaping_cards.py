"""What becomes of cards: buttons that open pages, questions, cards side by side, or text."""

import pytest
from attrs import evolve

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Media,
    MediaKind,
    Option,
    Text,
)
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape
from tests.policy.platforms import POOR, RICH, only

WA = WHATSAPP.capabilities
JPEG = MediumFacts("image/jpeg", 5_000, "photo.jpg")
PICTURE = Media(MediaKind.IMAGE, "m")
PAY = Action("Pay", "https://pay.example/42")
BUY, LATER = Action("Buy", id="buy"), Action("Later", id="later")
LINKED = [Card(f"Fern {n}", "Green", PICTURE, (PAY,)) for n in range(3)]
ASKING = [Card(f"Fern {n}", None, PICTURE, (Action("More", id=f"more:{n}"),)) for n in range(3)]


def told(shaped: Shaped) -> list[tuple[str, str, str]]:
    return [(note.path, note.level.value, note.to) for note in shaped.notes]


def test_a_card_with_one_link_is_a_button_that_opens_it() -> None:
    card = Card("Your order", "Ready to pay", actions=(PAY,), footer="Today")

    shaped = shape(card, [], WA, {}, adapt=False)

    assert [part.form for part in shaped.parts] == ["cta_url"]
    assert (only(shaped), shaped.notes, shaped.options) == (card, (), ())


def test_a_title_beside_a_picture_is_the_first_line() -> None:
    card = Card("Your order", "Ready", PICTURE, (PAY,))

    shaped = shape(card, [], WA, {"m": JPEG}, adapt=False)

    assert only(shaped) == Card("", "Your order\nReady", PICTURE, (PAY,))
    assert shaped.parts[0].media_ids == ("m",)
    assert told(shaped) == [("/content/title", "converted", "text")]


def test_a_title_alone_is_the_text() -> None:
    assert only(shape(Card("Pay", actions=(PAY,)), [], WA, {})) == Card("", "Pay", actions=(PAY,))


def test_the_text_of_a_long_card_goes_ahead() -> None:
    shaped = shape(Card("Terms", "x " * 600, actions=(PAY,)), [], WA, {}, adapt=False)

    assert [part.form for part in shaped.parts] == ["text", "cta_url"]
    ahead = shaped.parts[0].content
    assert isinstance(ahead, Text)
    assert ahead.text.startswith("Terms\nx x")


def test_a_card_with_answers_is_a_question() -> None:
    card = Card("Fern", "Green", PICTURE, (BUY, LATER), "Omni")

    shaped = shape(card, [], WA, {"m": JPEG}, adapt=False)

    assert only(shaped) == Choices(
        "Fern\nGreen",
        (Option("buy", "Buy"), Option("later", "Later")),
        media=PICTURE,
        footer="Omni",
    )
    assert told(shaped) == [
        ("/content", "converted", "choices"),
        ("/content/title", "converted", "text"),
    ]
    assert [option.id for option in shaped.options] == ["buy", "later"]


def test_links_beside_answers_are_lines_and_that_is_a_loss() -> None:
    card = Card("Fern", actions=(PAY, BUY))

    shaped = shape(card, [], WA, {})

    assert only(shaped) == Choices(
        "Pay: https://pay.example/42", (Option("buy", "Buy"),), header="Fern"
    )
    assert ("/content/actions/0", "flattened", "text") in told(shaped)
    with pytest.raises(Unshapable) as refusal:
        shape(card, [], WA, {}, adapt=False)
    assert refusal.value.pointer == "/content/actions/0"


def test_answers_that_no_button_holds_are_numbered() -> None:
    card = Card("Fern", actions=(Action("x" * 30, id="a"), BUY))

    shaped = shape(card, [], WA, {})

    assert only(shaped) == Text(f"Fern\n\n1. {'x' * 30}\n2. Buy")
    assert ("/content/actions", "flattened", "numbered_text") in told(shaped)


@pytest.mark.parametrize(
    "card",
    [
        Card("Fern", actions=(PAY, PAY)),
        Card("Fern", actions=(evolve(PAY, title="x" * 21),)),
        Card("Fern", actions=(evolve(PAY, url="https://a.example/" + "a" * 2000),)),
    ],
)
def test_links_that_fit_no_button_are_text(card: Card) -> None:
    shaped = shape(card, [], WA, {})

    shown = only(shaped)
    assert isinstance(shown, Text)
    assert all(action.url in shown.text for action in card.actions if action.url)


@pytest.mark.parametrize(("cards", "form"), [(LINKED, "link_carousel"), (ASKING, "reply_carousel")])
def test_cards_with_pictures_stand_side_by_side(cards: list[Card], form: str) -> None:
    shaped = shape(Carousel(tuple(cards), "New"), [], WA, {"m": JPEG}, adapt=False)

    assert [part.form for part in shaped.parts] == [form]
    shown = only(shaped)
    assert isinstance(shown, Carousel)
    assert [card.title for card in shown.cards] == ["", "", ""]
    assert shown.cards[0].text == ("Fern 0\nGreen" if form == "link_carousel" else "Fern 0")
    assert told(shaped) == [("/content/cards", "converted", form)]
    assert len(shaped.options) == (0 if form == "link_carousel" else 3)
    assert not shaped.numbered


UNFIT = {
    "one card": (Carousel((LINKED[0],), "New"), "1 cards, at least 2 wanted"),
    "eleven cards": (Carousel((LINKED[0],) * 11, "New"), "11 cards, 10 allowed"),
    "no text above": (Carousel(tuple(LINKED)), "cards need a text above them there"),
    "no picture": (
        Carousel((LINKED[0], evolve(LINKED[1], media=None)), "New"),
        "each card needs a picture there",
    ),
    "a document": (
        Carousel((LINKED[0], evolve(LINKED[1], media=Media(MediaKind.DOCUMENT, "m"))), "New"),
        "no document on cards there",
    ),
    "a long text": (
        Carousel((LINKED[0], evolve(LINKED[1], text="x" * 160)), "New"),
        "the text of a card longer than 160 characters",
    ),
    "many lines": (
        Carousel((LINKED[0], evolve(LINKED[1], text="x\nx\nx")), "New"),
        "the text of a card has more than 3 lines",
    ),
    "links and answers": (Carousel((LINKED[0], ASKING[0]), "New"), "0 links on a card, 1 wanted"),
    "more answers on one": (
        Carousel((ASKING[0], evolve(ASKING[1], actions=(BUY, LATER))), "New"),
        "all cards must have as many actions there",
    ),
}


def test_why_cards_do_not_stand_side_by_side_is_told_for_each_form() -> None:
    asking = Card("Fern", media=PICTURE, actions=(Action("x" * 21, id="a"),))

    shaped = shape(Carousel((asking, evolve(asking, title="Ivy")), "New"), [], WA, {"m": JPEG})

    assert shaped.notes[0].why == (
        "link_carousel: 0 links on a card, 1 wanted; "
        f"reply_carousel: title {'x' * 21!r} longer than 20 characters"
    )


@pytest.mark.parametrize(("carousel", "why"), UNFIT.values(), ids=UNFIT.keys())
def test_cards_that_cannot_stand_side_by_side_follow_each_other(
    carousel: Carousel, why: str
) -> None:
    shaped = shape(carousel, [], WA, {"m": JPEG})

    assert "carousel" not in "".join([part.form for part in shaped.parts])
    assert any(why in note.why for note in shaped.notes) or len(carousel.cards) == 1


def test_a_picture_that_is_no_picture_keeps_cards_apart() -> None:
    shaped = shape(Carousel(tuple(LINKED), "New"), [], WA, {"m": MediumFacts("image/gif", 5)})

    assert {part.form for part in shaped.parts} == {"text", "document"}


def test_a_single_card_is_sent_as_one() -> None:
    shaped = shape(Carousel((Card("Fern", actions=(BUY,)),), "New"), [], WA, {})

    assert [part.form for part in shaped.parts] == ["text", "buttons"]
    assert [option.id for option in shaped.options] == ["buy"]


def test_a_card_that_asks_is_a_question_wherever_questions_are() -> None:
    card = Card("Fern", "Green", actions=(BUY,))

    assert [part.form for part in shape(card, [], POOR, {}).parts] == ["quick_replies"]
    assert only(shape(evolve(card, actions=(BUY, LATER)), [], RICH, {})) == evolve(
        card, actions=(BUY, LATER)
    )
