"""Which form content takes where forms differ in what they keep: pictures, descriptions, length."""

import pytest

from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.model.capabilities import Capabilities, Level
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
    Reaction,
    Receipt,
    ReceiptItem,
    Request,
    RequestKind,
    Text,
)
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape
from tests.policy.platforms import options

PAGE, ACCOUNT, PHONE = MESSENGER.capabilities, INSTAGRAM.capabilities, WHATSAPP.capabilities
LINKED = Media(MediaKind.IMAGE, url="https://cdn.example/9.jpg")
OURS = Media(MediaKind.IMAGE, "known")
FACTS = {
    "known": MediumFacts("image/png", 9, "p.png"),
    "film": MediumFacts("video/mp4", 9, "f.mp4"),
}
BUY = (Action("Buy", id="BUY"),)
TAP = "https://shop.example/9"


def forms(content: Content, capabilities: Capabilities) -> list[str]:
    return [part.form for part in shaped(content, capabilities).parts]


def shaped(content: Content, capabilities: Capabilities) -> Shaped:
    return shape(content, [], capabilities, FACTS)


def texts(content: Content, capabilities: Capabilities) -> str:
    parts = shaped(content, capabilities).parts
    return "\n".join([part.content.text for part in parts if isinstance(part.content, Text)])


QUESTIONS = [
    (Choices("Which?", options("S", "M", "L")), ["buttons"]),
    (Choices("Which?", options("S", "M", "L", "XL")), ["quick_replies"]),
    (Choices("W" * 641, options("S", "M")), ["quick_replies"]),
    (Choices("Which?", (Option("a", "Small", "For an espresso"),)), ["text", "option_cards"]),
    (Choices("Which?", (Option("a", "T" * 21),)), ["text", "option_cards"]),
    (Choices("Which?", options(*"abcdefghijklmn")), ["text"]),
    (Choices("Which?", (Option("a", "T" * 81),)), ["text"]),
    (Choices("Which?", options("S", "M"), media=LINKED), ["image", "buttons"]),
]


@pytest.mark.parametrize("capabilities", [PAGE, ACCOUNT])
@pytest.mark.parametrize(("asked", "wanted"), QUESTIONS)
def test_a_question_takes_the_form_that_loses_least(
    asked: Choices, wanted: list[str], capabilities: Capabilities
) -> None:
    assert forms(asked, capabilities) == wanted


def test_pictures_of_options_choose_a_form_that_shows_them() -> None:
    asked = Choices("Which?", (Option("a", "Small", image="https://cdn.example/s.png"),))

    assert forms(asked, PAGE) == ["quick_replies"]
    assert forms(asked, ACCOUNT) == ["text", "option_cards"]
    (note,) = [n for n in shaped(asked, PHONE).notes if n.level is Level.DROPPED]
    assert note.path == "/content/options"
    assert forms(asked, PHONE) == ["buttons"]


CARDS = [
    (Card("Mug", "Blue", LINKED, BUY), ["generic"]),
    (Card("Mug", url=TAP), ["generic"]),
    (Card("Mug", "Blue", OURS, BUY), ["text", "media_card"]),
    (Card("Mug", media=Media(MediaKind.VIDEO, "film"), actions=BUY), ["text", "media_card"]),
    (Card("Mug", "B" * 81, LINKED, BUY), ["image", "button_card"]),
    (Card("Mug", "Blue", actions=BUY, footer="Until Sunday"), ["button_card"]),
    (Card("Mug", actions=(Action("Call", phone="+351210000000"),)), ["generic"]),
    (Card("Mug"), ["text"]),
    (Card("Mug", "Blue", LINKED, BUY * 4), ["image", "text"]),
]


@pytest.mark.parametrize(("card", "wanted"), CARDS)
def test_a_card_takes_the_form_that_loses_least(card: Card, wanted: list[str]) -> None:
    assert forms(card, PAGE) == wanted


def test_a_card_that_calls_or_logs_in_is_a_text_where_there_are_no_such_buttons() -> None:
    card = Card(
        "Mug",
        actions=(
            Action("Call us", phone="+351210000000"),
            Action("Log in", login="https://shop.example/login"),
        ),
    )

    assert texts(card, ACCOUNT) == texts(card, PHONE)
    assert texts(card, PHONE).splitlines() == [
        "Mug",
        "Call us: +351210000000",
        "Log in: https://shop.example/login",
    ]


def test_a_button_that_logs_out_has_nothing_to_stand_for_it() -> None:
    card = Card("Account", actions=(Action("Log out", does="log_out"),))

    assert forms(card, PAGE) == ["generic"]
    with pytest.raises(Unshapable, match="log out"):
        shaped(card, ACCOUNT)


def test_a_link_of_the_card_itself_is_never_lost() -> None:
    card = Card("Mug", "Blue", actions=(Action("Shop", url="https://shop.example/"),), url=TAP)

    assert forms(card, PAGE) == ["generic"]
    assert TAP in texts(card, PHONE)


def test_a_text_above_cards_goes_ahead_of_them() -> None:
    deck = Carousel((Card("Mug", "Blue"), Card("Saucer", "White")), "New in the shop")

    assert forms(deck, PAGE) == ["text", "carousel"]
    assert texts(deck, PAGE) == "New in the shop"


@pytest.mark.parametrize(
    ("capabilities", "wanted"),
    [(PAGE, ["product"]), (ACCOUNT, ["product"])],
)
def test_products_stand_side_by_side(capabilities: Capabilities, wanted: list[str]) -> None:
    section = ProductSection(("610001", "610002"), "Tea")
    products = Products("For you", "5511", (section,), header="Picks", footer="Until Sunday")

    assert forms(products, capabilities) == ["text", *wanted]
    assert texts(products, capabilities) == "Picks\nFor you\nUntil Sunday"


@pytest.mark.parametrize(
    ("kind", "page", "account", "phone"),
    [
        (RequestKind.CONTACT, "phone_reply", "phone_reply", "contact_request"),
        (RequestKind.EMAIL, "email_reply", "text", "text"),
        (RequestKind.LOCATION, "text", "text", "location_request"),
    ],
)
def test_a_request_uses_what_the_platform_has(
    kind: RequestKind, page: str, account: str, phone: str
) -> None:
    asked = Request(kind, "Would you?")

    assert [forms(asked, each) for each in (PAGE, ACCOUNT, PHONE)] == [[page], [account], [phone]]


RECEIPT = Receipt(
    "A-1009",
    "Ana Dias",
    "EUR",
    "Visa 4242",
    38.44,
    (ReceiptItem("Blue mug", 14.0, 2, "350 ml"), ReceiptItem("Saucer", 6.0)),
    shipping=4.0,
    adjustments=(Adjustment("Welcome", 2.0),),
    merchant="Mug House",
    url="https://shop.example/o/A-1009",
    address=Postal("Rua A 1", "Porto", zip="4000-001", country_code="PT"),
)


def test_a_receipt_is_a_text_where_there_are_none() -> None:
    assert forms(RECEIPT, PAGE) == ["receipt"]
    assert texts(RECEIPT, PHONE).splitlines() == [
        "Mug House",
        "A-1009, Ana Dias",
        "2 × Blue mug – 350 ml: 14.00 EUR",
        "Saucer: 6.00 EUR",
        "Welcome: -2.00 EUR",
        "Shipping: 4.00 EUR",
        "Total: 38.44 EUR",
        "Visa 4242",
        "Rua A 1, 4000-001 Porto, PT",
        "https://shop.example/o/A-1009",
    ]


def test_a_receipt_of_more_lines_than_the_platform_takes_is_a_text() -> None:
    long = Receipt("A-1", "Ana", "EUR", "Visa", 1.0, (ReceiptItem("Mug", 1.0),) * 101)

    assert set(forms(long, PAGE)) == {"text"}


def test_a_coupon_shows_its_code_wherever_it_goes() -> None:
    coupon = Coupon("20% off", code="MUG20", url="https://shop.example/c", button="Shop now")

    assert forms(coupon, PAGE) == ["coupon"]
    assert texts(coupon, PHONE) == "20% off\nMUG20\nShop now: https://shop.example/c"
    assert forms(Coupon("20% off"), PAGE) == ["text"]


def test_a_question_about_how_content_somebody_is_may_be_asked_in_words() -> None:
    asked = FeedbackRequest("q", "Rate us", "How did we do?", "https://shop.example/privacy")

    assert forms(asked, PAGE) == ["feedback"]
    assert texts(asked, ACCOUNT) == "Rate us\nHow did we do?"


def test_a_post_is_shared_only_where_it_was_published() -> None:
    assert forms(Post("18139400000000001"), ACCOUNT) == ["post"]
    for elsewhere in (PAGE, PHONE):
        with pytest.raises(Unshapable):
            shaped(Post("18139400000000001"), elsewhere)


@pytest.mark.parametrize(
    ("medium", "page", "account"),
    [
        (Media(MediaKind.IMAGE, external_id="18577"), "image", "image"),
        (Media(MediaKind.STICKER, external_id="767226160478561"), "sticker", "image"),
        (Media(MediaKind.STICKER, "known"), "image", "image"),
        (Media(MediaKind.DOCUMENT, "known"), "document", "image"),
        (Media(MediaKind.VOICE, url="https://cdn.example/v.m4a"), "audio", "audio"),
    ],
)
def test_a_medium_takes_the_form_that_its_platform_has(
    medium: Media, page: str, account: str
) -> None:
    assert (forms(medium, PAGE), forms(medium, ACCOUNT)) == ([page], [account])


def test_what_one_platform_has_cannot_be_named_to_another() -> None:
    with pytest.raises(Unshapable, match="no way to name"):
        shaped(Media(MediaKind.IMAGE, external_id="18577"), PHONE)


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 1999, 1), ("a" * 2000, 1), ("a" * 2001, 2), ("😀" * 1000, 1), ("😀" * 1001, 2)],
)
def test_messenger_counts_utf_16(text: str, count: int) -> None:
    assert len(forms(Text(text), PAGE)) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("a" * 1000, 1), ("a" * 1001, 2), ("é" * 500, 1), ("é" * 501, 2), ("👨‍👩‍👧‍👦" * 41, 2)],
)
def test_instagram_counts_bytes(text: str, count: int) -> None:
    parts = shaped(Text(text), ACCOUNT).parts
    pieces = [part.content.text for part in parts if isinstance(part.content, Text)]

    assert len(parts) == len(pieces) == count
    assert all(len(piece.encode()) <= 1000 for piece in pieces)
    assert "".join(pieces) == text


def test_labels_are_counted_apart_from_the_text_in_bytes() -> None:
    asked = Choices("Ποιο;", options(*["Μέγεθος μεγάλο" + c for c in "αβγδ"]))

    assert forms(asked, ACCOUNT) == ["quick_replies"]


@pytest.mark.parametrize(
    ("capabilities", "external_id"), [(PAGE, "like_heart"), (ACCOUNT, "a sticker of somebody")]
)
def test_a_sticker_that_the_platform_does_not_know_is_refused(
    capabilities: Capabilities, external_id: str
) -> None:
    with pytest.raises(Unshapable, match="is no id there"):
        shaped(Media(MediaKind.STICKER, external_id=external_id), capabilities)


def test_an_account_has_a_sticker_of_its_own_a_heart() -> None:
    assert forms(Media(MediaKind.STICKER, external_id="like_heart"), ACCOUNT) == ["sticker"]


def test_products_of_pages_need_no_catalog() -> None:
    assert forms(Products("New", sections=(ProductSection(("610001",)),)), PAGE) == [
        "text",
        "product",
    ]


def test_a_call_button_of_a_page_never_ends_and_says_so() -> None:
    invited = shaped(CallInvite("Shall we talk?", "Call us", ttl_minutes=60), PAGE)

    assert [(note.path, note.level) for note in invited.notes] == [
        ("/content/ttl_minutes", Level.DROPPED)
    ]
    (part,) = invited.parts
    assert part.content == CallInvite("Shall we talk?", "Call us")


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👨‍👩‍👧‍👦", "🇵🇹", "1️⃣", ""])
def test_a_reaction_is_one_emoji(emoji: str) -> None:
    for capabilities in (PAGE, ACCOUNT, PHONE):
        assert forms(Reaction(emoji, "msg_1"), capabilities) == ["reaction"]


@pytest.mark.parametrize("words", ["ok", "👍👍", "👍 great", "1"])
def test_words_are_no_reaction(words: str) -> None:
    for capabilities in (PAGE, ACCOUNT, PHONE):
        with pytest.raises(Unshapable, match="one emoji") as refused:
            shaped(Reaction(words, "msg_1"), capabilities)
        assert refused.value.pointer == "/content/emoji"
