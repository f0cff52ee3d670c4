"""What stands around a question, and what becomes of it where there is no place for it."""

from attrs import evolve

from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.limits import LIST
from omni_actors.model.capabilities import Level
from omni_actors.model.content import Choices, Media, MediaKind, Option, Text
from omni_actors.policy.fitting import sections_unfit
from omni_actors.policy.shaping import MediumFacts, Shaped, shape
from tests.policy.platforms import POOR, only, options

WA = WHATSAPP.capabilities
JPEG = MediumFacts("image/jpeg", 5_000, "photo.jpg")
PICTURE = Media(MediaKind.IMAGE, "m")
FRAMED = Choices(
    "Book it?", options("Yes", "No"), header="Booking 42", media=PICTURE, footer="Omni"
)


def told(shaped: Shaped) -> list[tuple[str, str, str]]:
    return [(note.path, note.level.value, note.to) for note in shaped.notes]


def test_a_question_keeps_its_header_and_footer() -> None:
    asked = evolve(FRAMED, media=None)

    shaped = shape(asked, [], WA, {})

    assert (only(shaped), shaped.notes) == (asked, ())


def test_a_picture_is_the_header_and_the_header_a_line() -> None:
    shaped = shape(FRAMED, [], WA, {"m": JPEG})

    assert only(shaped) == evolve(FRAMED, text="Booking 42\nBook it?", header=None)
    assert shaped.parts[0].media_ids == ("m",)
    assert told(shaped) == [("/content/header", "converted", "text")]


def test_a_list_has_no_picture_so_it_goes_ahead() -> None:
    asked = evolve(FRAMED, options=options("One", "Two", "Three", "Four"))

    shaped = shape(asked, [], WA, {"m": JPEG})

    assert [part.form for part in shaped.parts] == ["image", "list"]
    assert shaped.parts[1].content == evolve(asked, media=None)
    assert told(shaped)[0] == ("/content/options", "converted", "list")
    assert told(shaped)[1] == ("/content/media", "converted", "a part of its own")


def test_a_picture_with_a_caption_or_of_a_wrong_type_goes_ahead() -> None:
    captioned = evolve(FRAMED, media=evolve(PICTURE, caption="The room"))

    for asked, facts in ((captioned, JPEG), (FRAMED, MediumFacts("image/gif", 5))):
        shaped = shape(asked, [], WA, {"m": facts})

        assert [part.form for part in shaped.parts][1:] == ["buttons"]


def test_lines_that_are_too_long_or_broken_join_the_text() -> None:
    asked = Choices("Which?", options("A"), header="h" * 61, footer="f\nf " + "f" * 60)

    shaped = shape(asked, [], WA, {})

    shown = only(shaped)
    assert isinstance(shown, Choices)
    assert shown.text == f"{'h' * 61}\nWhich?\nf f {'f' * 60}"
    assert (shown.header, shown.footer) == (None, None)
    assert told(shaped) == [
        ("/content/footer", "converted", "single line"),
        ("/content/footer", "converted", "text"),
        ("/content/header", "converted", "text"),
    ]


def test_the_header_of_a_long_question_leads_it() -> None:
    asked = Choices("x " * 600, options("A"), header="Read this")

    shaped = shape(asked, [], WA, {})

    ahead, last = [part.content for part in shaped.parts]
    assert isinstance(ahead, Text)
    assert ahead.text.startswith("Read this\nx x")
    assert isinstance(last, Choices)
    assert last.header is None


def test_where_there_are_no_headers_they_are_lines() -> None:
    shaped = shape(evolve(FRAMED, media=None), [], POOR, {})

    shown = only(shaped)
    assert isinstance(shown, Choices)
    assert shown.text == "Booking 42\nBook it?\nOmni"
    assert [note.why for note in shaped.notes] == [
        "quick_replies has no footer",
        "quick_replies has no header",
    ]


def test_a_question_in_numbers_keeps_everything_in_order() -> None:
    asked = Choices(
        "Which tea?",
        (
            *[Option(f"g{n}", f"Green {n}", section="Green") for n in range(6)],
            *[Option(f"b{n}", f"Black {n}", section="Black") for n in range(5)],
            Option("none", "None"),
        ),
        header="Menu",
        footer="Till six",
    )

    shaped = shape(asked, [], WA, {})

    shown = only(shaped)
    assert isinstance(shown, Text)
    assert shown.text.splitlines() == [
        *("Menu", "Which tea?", "", "Green", *[f"{n + 1}. Green {n}" for n in range(6)], ""),
        *("Black", *[f"{n + 7}. Black {n}" for n in range(5)], "", "12. None", "", "Till six"),
    ]
    assert shaped.numbered


def test_a_question_in_numbers_is_the_caption_of_its_picture() -> None:
    asked = Choices("Well?", options("Yes", "Yes"), media=PICTURE)

    shaped = shape(asked, [], WA, {"m": JPEG})

    assert only(shaped) == evolve(PICTURE, caption="Well?\n\n1. Yes\n2. Yes")
    assert [note.level for note in shaped.notes] == [Level.FLATTENED]
    assert [option.id for option in shaped.options] == ["a", "b"]


def test_headings_make_a_list_and_need_a_name_each() -> None:
    one, two = Option("a", "A", section="Tea"), Option("b", "B", section="Coffee")

    assert only(shape(Choices("?", (one, two)), [], WA, {})) == Choices("?", (one, two))
    assert [part.form for part in shape(Choices("?", (one, two)), [], WA, {}).parts] == ["list"]
    for unfit, why in (
        (evolve(two, section=None), "each section needs a heading there"),
        (evolve(two, section="x" * 25), "a heading longer than 24 characters"),
    ):
        numbered = shape(Choices("?", (one, unfit)), [], WA, {})

        assert numbered.numbered
        assert sections_unfit((one, unfit), LIST.limits) == why
