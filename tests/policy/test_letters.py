"""Shaping for channels whose messages are letters: one part holds all of it."""

import pytest

from omni_actors.adapters.email.capabilities import CAPABILITIES, FILES_BYTES_MAX
from omni_actors.model.capabilities import Level
from omni_actors.model.content import (
    Action,
    Card,
    Carousel,
    Choices,
    Contacts,
    Content,
    Email,
    FormRequest,
    Letter,
    Location,
    Media,
    MediaKind,
    Option,
    Reaction,
    Request,
    RequestKind,
    Text,
)
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape

PDF = Media(MediaKind.DOCUMENT, media_id="med_pdf", caption="the contract")
PICTURE = Media(MediaKind.IMAGE, media_id="med_png")
FACTS = {
    "med_pdf": MediumFacts("application/pdf", 1000, "contract.pdf"),
    "med_png": MediumFacts("image/png", 1000, "shop.png"),
}
YES_NO = Choices("Shall we?", (Option("y", "Yes"), Option("n", "No\nway")), format="markdown")


def shaped(content: Content, *attachments: Media, adapt: bool = True) -> Shaped:
    return shape(content, attachments, CAPABILITIES, FACTS, adapt=adapt)


def test_formatted_text_stays_markdown_and_whole() -> None:
    text = Text("# Hello\n\n" + "**long** " * 20_000, format="markdown")

    result = shaped(text, adapt=False)

    assert [part.content for part in result.parts] == [text]
    assert result.notes == ()


def test_all_attachments_go_in_the_same_mail() -> None:
    result = shaped(Text("See below"), PDF, PICTURE, adapt=False)

    (part,) = result.parts
    assert part.content == Letter(Text("See below"), (PDF, PICTURE))
    assert part.media_ids == ("med_pdf", "med_png")
    assert part.form == "text"


def test_a_question_is_numbered_and_stays_open_beside_files() -> None:
    result = shaped(YES_NO, PDF)

    (part,) = result.parts
    assert isinstance(part.content, Letter)
    assert result.numbered
    assert [(option.id, option.title) for option in result.options] == [
        ("y", "Yes"),
        ("n", "No way"),
    ]


def test_the_answers_of_cards_are_numbered_throughout() -> None:
    cards = (
        Card("Boots", actions=(Action("Buy", id="boots"),)),
        Card("Socks", actions=(Action("Buy", id="socks"), Action("See", url="https://s.example"))),
    )

    result = shaped(Carousel(cards))

    assert [option.id for option in result.options] == ["boots", "socks"]
    assert result.numbered
    assert len(result.parts) == 1


def test_a_file_by_link_stays_a_link_and_is_told() -> None:
    result = shaped(Text("See"), Media(MediaKind.DOCUMENT, url="https://files.example/a.pdf"))

    assert [(note.path, note.level, note.to) for note in result.notes] == [
        ("/attachments/0", Level.FLATTENED, "link")
    ]


def test_files_that_are_too_much_together_are_refused() -> None:
    facts = {"a": MediumFacts("a/b", FILES_BYTES_MAX), "b": MediumFacts("a/b", 1)}
    files = [Media(MediaKind.DOCUMENT, media_id=name) for name in facts]

    with pytest.raises(Unshapable, match=f"{FILES_BYTES_MAX + 1} bytes of files"):
        shape(Text("x"), files, CAPABILITIES, facts)


CARRIED = [
    Location(1.0, 2.0, "Shop"),
    Request(RequestKind.LOCATION, "Where are you?"),
    Media(MediaKind.VOICE, media_id="med_pdf"),
    Email("Hello", "text", "<p>html</p>", cc=("eve@example.com",), headers={"X-Order": "42"}),
    Text("", "plain"),
    Email("Hello", "", "<p>html</p>"),
    Email("Hello", ""),
]


@pytest.mark.parametrize("content", CARRIED, ids=lambda content: type(content).__name__)
def test_everything_becomes_one_part(content: Content) -> None:
    assert len(shaped(content, PICTURE).parts) == 1


REFUSED = {
    "empty": (Text(" \n"), "/content/text"),
    "a reaction": (Reaction("👍"), "/content"),
    "a form": (FormRequest("Fill in", form_id="1"), "/content"),
    "no options": (Choices("Which?", ()), "/content/options"),
    "a log out": (Card("Bye", actions=(Action("Log out", does="log_out"),)), "/content"),
    "no contacts": (Contacts(()), "/content/contacts"),
    "a subject of two lines": (Email("a\nBcc: eve@example.com", "x"), "/content/subject"),
    "a mail that says nothing": (Email("a", " \n"), "/content/text"),
    "more copies than a server takes": (
        Email("a", "x", cc=tuple(f"u{n}@example.com" for n in range(100))),
        "/content/cc",
    ),
    "a bad copy": (Email("a", "x", cc=("eve@example.com>, <b@c",)), "/content/cc/0"),
    "a header of ours": (
        Email("a", "x", headers={"Bcc": "eve@example.com"}),
        "/content/headers/Bcc",
    ),
    "a header that lies": (
        Email("a", "x", headers={"x-auto-response-suppress": "All"}),
        "/content/headers/x-auto-response-suppress",
    ),
    "a header of two lines": (
        Email("a", "x", headers={"X-A": "1\r\nBcc: b"}),
        "/content/headers/X-A",
    ),
    "a header with a colon": (Email("a", "x", headers={"X-A: b": "1"}), "/content/headers/X-A: b"),
    "a medium of a platform": (Media(MediaKind.STICKER, external_id="1"), "/content"),
}


@pytest.mark.parametrize(("content", "pointer"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_mail_can_be_is_refused_by_its_place(content: Content, pointer: str) -> None:
    with pytest.raises(Unshapable) as refused:
        shaped(content)

    assert refused.value.pointer == pointer
