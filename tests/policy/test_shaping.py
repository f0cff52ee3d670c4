"""What becomes of content on a rich, a poor and a real platform."""

import pytest
from attrs import evolve

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.model.capabilities import Form, Level, Limits
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    ContactCard,
    Contacts,
    Content,
    Email,
    Location,
    Media,
    MediaKind,
    Option,
    Phone,
    Reaction,
    Template,
    Text,
    UnsupportedContent,
)
from omni_actors.model.json import JsonObject
from omni_actors.policy.flattening import described
from omni_actors.policy.shaping import MediumFacts, Unshapable, shape
from tests.policy.platforms import POOR, RICH, only, options, said, squeezed

WA = WHATSAPP.capabilities
JPEG = MediumFacts("image/jpeg", 5_000, "photo.jpg")


def test_a_text_that_fits_is_left_alone() -> None:
    shaped = shape(Text("Hello *there*"), [], WA, {})

    assert only(shaped) == Text("Hello *there*")
    assert shaped.notes == ()


def test_markdown_is_written_in_the_marks_of_the_channel() -> None:
    shaped = shape(Text("**Hello**", "markdown"), [], WA, {})

    assert only(shaped) == Text("*Hello*")
    assert [(note.path, note.level) for note in shaped.notes] == [
        ("/content/text", Level.CONVERTED)
    ]


def test_formatting_that_cannot_be_shown_is_a_loss_and_told() -> None:
    bold = Text("**Hello**", "markdown")

    (note,) = shape(bold, [], POOR, {}).notes

    assert note.as_json() == {
        "path": "/content/text",
        "level": "flattened",
        "to": "plain text",
        "why": "not shown as such: bold",
    }
    with pytest.raises(Unshapable):
        shape(bold, [], POOR, {}, adapt=False)


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (Text(" \u200b\n"), "/content/text"),
        (Choices(" ", options("Yes")), "/content/text"),
        (Choices("Well?", ()), "/content/options"),
        (Choices("Well?", (*options("Yes"), Option("b", " "))), "/content/options/1/title"),
        (Choices("Well?", (*options("Yes"), Option("", "No"))), "/content/options/1/id"),
        (Choices("Well?", (*options("Yes"), Option("a", "No"))), "/content/options/1/id"),
        (Card(" "), "/content/title"),
        (Card("Fern", actions=(Action(" ", id="a"),)), "/content/actions/0/title"),
        (Card("Fern", actions=(Action("Buy"),)), "/content/actions/0"),
        (Carousel(()), "/content/cards"),
        (Carousel((Card("Fern"), Card(""))), "/content/cards/1/title"),
        (Contacts(()), "/content/contacts"),
        (Contacts((ContactCard(" "),)), "/content/contacts/0/formatted_name"),
        (Media(MediaKind.IMAGE), "/content"),
        (Media(MediaKind.VIDEO, url="https://files.example/a"), "/content"),
        (Media(MediaKind.IMAGE, media_id="large"), "/content"),
        (Reaction("👍", "msg_1"), "/content"),
        (UnsupportedContent("poll", "not told"), "/content"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_place(content: Content, pointer: str) -> None:
    facts = {"large": MediumFacts("image/jpeg", 9_000)}

    with pytest.raises(Unshapable) as refusal:
        shape(content, [], POOR, facts)

    assert refusal.value.pointer == pointer
    assert str(refusal.value) == refusal.value.why


@pytest.mark.parametrize(
    ("asked", "form"),
    [
        (options("Yes", "No"), "buttons"),
        (options("A", "B", "C", "D"), "list"),
        ((Option("a", "Yes", "gladly"),), "list"),
        (options("x" * 21), "list"),
        (options("x" * 25), "text"),
        ((Option("x" * 201, "Yes", "gladly"),), "text"),
        ((Option("a", "Yes", "y" * 73),), "text"),
        (options("Yes", "Yes"), "text"),
        (options(*[f"Day {n}" for n in range(11)]), "text"),
        (options("Yes\nplease"), "buttons"),
    ],
)
def test_a_question_takes_the_least_lossy_form(asked: tuple[Option, ...], form: str) -> None:
    shaped = shape(Choices("Well?", asked), [], WA, {})

    assert [part.form for part in shaped.parts] == [form]
    assert shaped.numbered == (form == "text")
    assert bool(shaped.notes) == (form != "buttons" or "\n" in asked[0].title)


SECTIONED = (Option("a", "A", section="Tea"), Option("b", "B", section="Coffee"))


@pytest.mark.parametrize(
    ("asked", "form", "why"),
    [
        (options("A", "B", "C", "D"), "list", "buttons: 4 options, 3 allowed"),
        (SECTIONED, "list", "buttons: no headings among the options there"),
        (options(*[f"Day {n}" for n in range(15)]), "text", "list: 15 options, 10 allowed"),
        (options("x" * 25), "text", f"list: title {'x' * 25!r} longer than 24 characters"),
    ],
)
def test_the_reason_is_that_of_the_nearest_form_and_names_it(
    asked: tuple[Option, ...], form: str, why: str
) -> None:
    shaped = shape(Choices("Well?", asked), [], WA, {})

    assert [part.form for part in shaped.parts] == [form]
    assert [note.why for note in shaped.notes] == [why]


def test_too_few_options_do_not_fit_and_leave_no_form() -> None:
    with pytest.raises(Unshapable, match="1 options, at least 2 wanted") as refusal:
        shape(Choices("Well?", options("Yes")), [], RICH, {})

    assert refusal.value.pointer == "/content/options"


def test_a_question_without_native_form_explains_itself() -> None:
    only_text = evolve(
        POOR, forms={**POOR.forms, "choices": (Form("text", Level.FLATTENED, why="no buttons"),)}
    )

    shaped = shape(Choices("Well?", options("Yes", "No")), [], only_text, {})

    assert only(shaped) == Text("Well?\n\n1. Yes\n2. No")
    assert [note.why for note in shaped.notes] == ["no buttons"]


def test_a_button_label_that_is_too_long_is_dropped_and_the_list_stays() -> None:
    asked = Choices("Well?", options("A", "B", "C", "D"), button="Show me all the possible days")

    shaped = shape(asked, [], WA, {})

    assert shaped.parts[0].form == "list"
    assert only(shaped) == evolve(asked, button=None)
    assert shaped.notes[-1].path == "/content/button"
    assert shaped.notes[-1].level is Level.DROPPED


def test_labels_are_shown_on_one_line_and_that_is_told() -> None:
    asked = Choices("Well?", options("Yes\nplease"), button=" Show ")

    shaped = shape(asked, [], WA, {})

    assert only(shaped) == Choices("Well?", options("Yes please"), button="Show")
    assert [note.path for note in shaped.notes] == ["/content/options", "/content/button"]


def test_a_long_question_is_sent_ahead_and_its_end_asks() -> None:
    text = "A sentence of the story. " * 60 + "Which one?"

    shaped = shape(Choices(text, options("Yes", "No")), [], WA, {})

    assert [part.form for part in shaped.parts] == ["text", "buttons"]
    asking = shaped.parts[1].content
    assert isinstance(asking, Choices)
    assert said(shaped) + squeezed(asking.text) == squeezed(text)
    assert [note.to for note in shaped.notes] == ["text ahead"]


def test_what_nobody_can_see_is_not_sent_ahead() -> None:
    shaped = shape(Choices("\u200b" * 2000 + "Which one?", options("Yes")), [], WA, {})

    assert len(shaped.parts) == 1


def test_the_lines_of_a_long_question_stay_whole() -> None:
    asked = tuple([Option(str(n), f"Day {n}", "x" * (150 + 7 * n)) for n in range(1, 101)])

    shaped = shape(Choices("Which day?", asked), [], POOR, {})

    texts = [part.content.text for part in shaped.parts if isinstance(part.content, Text)]
    assert len(texts) == len(shaped.parts)
    lines = [line for text in texts for line in text.splitlines() if line]
    assert lines == ["Which day?", *[f"{n}. {described(o)}" for n, o in enumerate(asked, 1)]]


def test_a_misleading_number_is_avoided_by_letters() -> None:
    shaped = shape(Choices("How many?", options("5", "10", "2", "Yes" * 20)), [], WA, {})

    shown = only(shaped)
    assert isinstance(shown, Text)
    assert "a. 5\nb. 10\nc. 2" in shown.text


@pytest.mark.parametrize(
    ("medium", "facts", "form", "level"),
    [
        (Media(MediaKind.IMAGE, "m"), JPEG, "image", None),
        (Media(MediaKind.IMAGE, "m"), MediumFacts("image/jpeg; x=1", 5), "image", None),
        (Media(MediaKind.IMAGE, "m"), MediumFacts(None, 5), "document", Level.CONVERTED),
        (Media(MediaKind.IMAGE, "m"), MediumFacts("image/gif", 5), "document", Level.CONVERTED),
        (
            Media(MediaKind.IMAGE, "m"),
            MediumFacts("image/png", 6_000_000),
            "document",
            Level.CONVERTED,
        ),
        (
            Media(MediaKind.VOICE, "m"),
            MediumFacts("audio/ogg", 600_000),
            "audio",
            Level.CONVERTED,
        ),
        (
            Media(MediaKind.VIDEO, "m", "https://files.example/a"),
            MediumFacts("video/mp4", 200_000_000),
            "text",
            Level.FLATTENED,
        ),
        (Media(MediaKind.VIDEO, url="https://files.example/a"), JPEG, "video", None),
    ],
)
def test_a_medium_takes_the_first_form_that_holds_it(
    medium: Media, facts: MediumFacts, form: str, level: Level | None
) -> None:
    shaped = shape(medium, [], WA, {"m": facts})

    assert [part.form for part in shaped.parts] == [form]
    assert [note.level for note in shaped.notes] == ([level] if level else [])


def test_a_medium_that_is_converted_is_of_the_kind_it_becomes() -> None:
    shaped = shape(Media(MediaKind.VOICE, "m"), [], WA, {"m": MediumFacts("audio/mpeg", 5)})

    assert only(shaped) == Media(MediaKind.AUDIO, "m")
    assert shaped.parts[0].media_ids == ("m",)


@pytest.mark.parametrize("kind", [MediaKind.VOICE, MediaKind.STICKER])
def test_a_caption_without_room_follows_as_text(kind: MediaKind) -> None:
    known = MediumFacts("audio/ogg" if kind is MediaKind.VOICE else "image/webp", 5)

    shaped = shape(Media(kind, "m", caption="Listen"), [], WA, {"m": known})

    assert [part.content for part in shaped.parts] == [Media(kind, "m"), Text("Listen")]
    assert [note.path for note in shaped.notes] == ["/content/caption"]


def test_a_blank_caption_or_name_is_none() -> None:
    shaped = shape(Media(MediaKind.DOCUMENT, "m", caption="\n", filename=" "), [], WA, {"m": JPEG})

    assert (only(shaped), shaped.notes) == (Media(MediaKind.DOCUMENT, "m"), ())


def test_a_long_filename_is_shortened_and_keeps_its_ending() -> None:
    medium = Media(MediaKind.IMAGE, "m", filename="the-picture-of-our-new-shop.jpeg")

    shaped = shape(medium, [], RICH, {})

    assert only(shaped) == evolve(medium, filename="the-picture-of-.jpeg")
    assert [note.path for note in shaped.notes] == ["/content/filename"]


@pytest.mark.parametrize("name", ["." + "x" * 30, "x" * 30, "x." + "y" * 30])
def test_a_filename_without_a_usable_ending_is_cut(name: str) -> None:
    shaped = shape(Media(MediaKind.IMAGE, "m", filename=name), [], RICH, {})

    medium = only(shaped)
    assert isinstance(medium, Media)
    assert medium.filename == name[:20]


def test_a_text_with_one_picture_is_one_message() -> None:
    shaped = shape(Text("**Look**", "markdown"), [Media(MediaKind.IMAGE, "m")], WA, {"m": JPEG})

    assert only(shaped) == Media(MediaKind.IMAGE, "m", caption="*Look*")
    assert [note.path for note in shaped.notes] == ["/content/text", "/content/text"]


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("Look", [Media(MediaKind.IMAGE, "m", caption="Our shop")]),
        ("Look", [Media(MediaKind.IMAGE, "m"), Media(MediaKind.IMAGE, "m")]),
        ("x" * 1025, [Media(MediaKind.IMAGE, "m")]),
        ("Look", [Media(MediaKind.STICKER, url="https://files.example/a")]),
    ],
)
def test_a_text_that_no_caption_holds_goes_ahead_of_its_media(
    text: str, media: list[Media]
) -> None:
    shaped = shape(Text(text), media, WA, {"m": JPEG})

    assert [part.content for part in shaped.parts] == [Text(text), *media]


def test_attachments_go_ahead_of_a_question() -> None:
    asked = Choices("This one?", options("Yes", "No"))

    shaped = shape(asked, [Media(MediaKind.IMAGE, "m"), Media(MediaKind.IMAGE, "n")], POOR, {
        "m": JPEG, "n": JPEG,
    })  # fmt: skip

    assert [part.form for part in shaped.parts] == ["image", "image", "quick_replies"]
    assert shaped.options == asked.options


def test_a_link_that_a_channel_cannot_fetch_is_sent_as_text() -> None:
    linked = Media(MediaKind.IMAGE, url="https://files.example/a", caption="Look")

    shaped = shape(linked, [], POOR, {})

    assert only(shaped) == Text("Look\nhttps://files.example/a")
    assert [(note.level, note.why) for note in shaped.notes] == [
        (Level.FLATTENED, "image: this channel takes uploaded media only")
    ]


def test_more_contacts_than_fit_are_several_parts() -> None:
    people = tuple([ContactCard(f"Person {n}") for n in range(7)])

    shaped = shape(Contacts(people), [], WA, {})

    assert [part.content for part in shaped.parts] == [Contacts(people[:5]), Contacts(people[5:])]
    assert [note.to for note in shaped.notes] == ["2 parts"]
    assert shape(Contacts(people[:2]), [], WA, {}).notes == ()


def test_flattened_contacts_stay_whole() -> None:
    people = (ContactCard("Ada", phones=(Phone("+44 1", "WORK"),)), ContactCard("Grace"))

    shaped = shape(Contacts(people), [], POOR, {})

    assert only(shaped) == Text("Ada\n+44 1 (work)\n\nGrace")


def test_the_link_of_a_place_follows_it() -> None:
    place = Location(51.5, -0.1, "Our shop", url="https://shop.example")

    shaped = shape(place, [], WA, {})

    assert [part.content for part in shaped.parts] == [
        evolve(place, url=None),
        Text("https://shop.example"),
    ]
    assert [note.path for note in shaped.notes] == ["/content/url"]


def test_a_place_is_sent_as_it_is() -> None:
    place = Location(51.5, -0.1, "Our shop", "South Bank")

    shaped = shape(place, [], WA, {})

    assert (only(shaped), shaped.notes) == (place, ())


def test_a_place_without_native_form_is_a_link_to_a_map() -> None:
    shaped = shape(Location(51.5, -0.00001, "Our shop"), [], POOR, {})

    assert only(shaped) == Text(
        "Our shop\nhttps://www.openstreetmap.org/?mlat=51.5000000&mlon=-0.0000100"
    )


def test_templates_and_reactions_pass_untouched() -> None:
    card: JsonObject = {"header": {"media_id": "n", "kind": "video"}, "buttons": ["a"]}
    header = {"media_id": "m", "kind": "image"}
    template = Template(
        "order", "en", {"header": header, "body": {"name": "Ada"}, "carousel": [card]}
    )
    video = MediumFacts("video/mp4", 5_000)

    shaped = shape(template, [], WA, {"m": JPEG, "n": video})

    assert only(shaped) == template
    assert shaped.parts[0].media_ids == ("m", "n")
    assert only(shape(Reaction("👍", "msg_1"), [], WA, {})) == Reaction("👍", "msg_1")


def test_a_mail_without_mails_tells_what_is_dropped() -> None:
    cc, headers = ("a@example.org",), {"X-Id": "1"}
    mail = Email("Your order", "It is here.", "<p>It is here.", cc, headers)

    shaped = shape(mail, [], WA, {})

    assert only(shaped) == Text("Your order\n\nIt is here.")
    assert [(note.path, note.level) for note in shaped.notes] == [
        ("/content", Level.FLATTENED),
        ("/content/html", Level.DROPPED),
        ("/content/cc", Level.DROPPED),
        ("/content/headers", Level.DROPPED),
    ]
    with pytest.raises(Unshapable, match="only mails show HTML"):
        shape(evolve(mail, text=""), [], WA, {})


def test_a_mail_in_a_form_of_its_own_stays_a_mail() -> None:
    mail = Email("Your order", "It is here.")

    shaped = shape(mail, [], RICH, {})

    assert only(shaped) == mail
    assert [note.level for note in shaped.notes] == [Level.CONVERTED]
    with pytest.raises(Unshapable, match="text longer than 5000 characters"):
        shape(evolve(mail, text="x" * 5001), [], RICH, {})


BUY = (Action("Site", url="https://shop.example/fern"), Action("Buy", id="fern"))


def test_the_answers_of_flattened_cards_are_numbered_through() -> None:
    cards = (
        Card("Fern", "Green", actions=BUY),
        Card(
            "Moss", actions=(Action("Buy", id="moss"), Action("Both", "https://x.example", "all"))
        ),
    )

    shaped = shape(Carousel(cards, "New"), [], WA, {})

    assert [part.content for part in shaped.parts] == [
        Text("New"),
        Text("Fern\nGreen\nSite: https://shop.example/fern\n1. Buy"),
        Text("Moss\n2. Buy\n3. Both: https://x.example"),
    ]
    assert [option.id for option in shaped.options] == ["fern", "moss", "all"]
    assert shaped.numbered


def test_a_flattened_card_is_the_caption_of_its_picture() -> None:
    picture = Media(MediaKind.IMAGE, "m", caption="In a pot")

    shaped = shape(Card("Fern", media=picture, footer="Omni"), [], WA, {"m": JPEG})

    assert only(shaped) == evolve(picture, caption="Fern\nIn a pot\nOmni")
    assert [note.level for note in shaped.notes] == [Level.FLATTENED]


def test_a_card_below_a_picture_without_captions() -> None:
    card = Card("Fern", media=Media(MediaKind.IMAGE, "m"))

    shaped = shape(card, [], POOR, {"m": JPEG})

    assert [part.content for part in shaped.parts] == [Media(MediaKind.IMAGE, "m"), Text("Fern")]


def test_a_card_with_a_picture_that_is_only_a_link() -> None:
    card = Card("Fern", media=Media(MediaKind.IMAGE, url="https://files.example/a"))

    shaped = shape(card, [], POOR, {})

    assert only(shaped) == Text("Fern\nhttps://files.example/a")
    assert not shaped.numbered


def test_native_cards_stay_open_for_answers() -> None:
    card = Card("Fern", "Green", Media(MediaKind.IMAGE, "m"), BUY)

    shaped = shape(Carousel((card, card)), [], RICH, {})

    assert only(shaped) == Carousel((card, card))
    assert shaped.parts[0].media_ids == ("m",)
    assert [option.id for option in shaped.options] == ["fern", "fern"]
    assert not shaped.numbered


@pytest.mark.parametrize(
    ("picture", "media_ids"), [(Media(MediaKind.IMAGE, "m"), ("m",)), (None, ())]
)
def test_a_native_card_names_its_picture(picture: Media | None, media_ids: tuple[str, ...]) -> None:
    shaped = shape(Card("Fern", media=picture), [], RICH, {})

    assert shaped.parts[0].media_ids == media_ids
    assert (shaped.options, shaped.notes) == ((), ())


@pytest.mark.parametrize(
    ("card", "why"),
    [
        (Card("x" * 81), "text longer than 80 characters"),
        (Card("Fern", "x" * 81), "text longer than 80 characters"),
        (Card("Fern", actions=BUY * 2), "4 actions on a card, 3 allowed"),
        (
            Card("Fern", media=Media(MediaKind.IMAGE, "m", caption="x")),
            "no captions on cards there",
        ),
        (Card("Fern", actions=(Action("x" * 21, id="a"),)), f"title {'x' * 21!r} longer than 20"),
        (Card("Fern", actions=(Action("x", id="a" * 101),)), "option id longer than 100"),
        (Card("Fern", footer="Omni"), "no footer on cards there"),
    ],
)
def test_a_card_that_does_not_fit_is_flattened_with_the_reason(card: Card, why: str) -> None:
    shaped = shape(card, [], RICH, {"m": JPEG})

    assert all(part.form in ("text", "image") for part in shaped.parts)
    assert any(note.why.startswith(f"generic: {why}") for note in shaped.notes)


@pytest.mark.parametrize(
    ("carousel", "why"),
    [
        (Carousel((Card("Fern"),) * 11), "11 cards, 10 allowed"),
        (Carousel((Card("Fern"), Card("x" * 81))), "text longer than 80 characters"),
        (Carousel((Card("Fern"),), "x" * 81), "text longer than 80 characters"),
    ],
)
def test_a_carousel_that_no_form_holds_is_refused(carousel: Carousel, why: str) -> None:
    with pytest.raises(Unshapable, match=why):
        shape(carousel, [], RICH, {})


def test_a_character_longer_than_a_message_is_a_loss_and_told() -> None:
    tiny = evolve(POOR, forms={"text": (Form("text", Level.NATIVE, Limits("utf8", text_max=8)),)})

    shaped = shape(Text("👨‍👩‍👧‍👦"), [], tiny, {})

    assert said(shaped) == "👨‍👩‍👧‍👦"
    assert [note.level for note in shaped.notes] == [Level.CONVERTED, Level.FLATTENED]


def test_without_adapting_a_loss_is_refused_at_its_place() -> None:
    asked = Choices("Well?", options("Yes", "Yes"))

    with pytest.raises(Unshapable, match=r"numbered_text \(list: two options") as refusal:
        shape(asked, [], WA, {}, adapt=False)

    assert refusal.value.pointer == "/content/options"
    assert shape(Text("x" * 5000), [], WA, {}, adapt=False).parts
