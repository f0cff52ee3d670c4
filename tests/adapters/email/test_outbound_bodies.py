"""What stands in a mail: its texts, and the files and pictures that go along."""

import pytest
from attrs import evolve

from omni_actors.adapters.contract import Medium
from omni_actors.model.content import (
    Choices,
    Content,
    Email,
    Letter,
    Media,
    MediaKind,
    Option,
    Text,
)
from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.wire.calls import (
    FolderReply,
    MailCall,
)
from tests.adapters.email.test_outbound import ADA, TAKEN, heads, mail_of, part, sent

PDF = Medium("med_pdf", "b1", "application/pdf", 1000, "scan.pdf")
PNG = Medium("med_png", "b2", "image/png", 1000, "shop.png")
HEIC = Medium("med_heic", "b3", "image/heic", 1000, "photo.heic")


def held(*media: Medium) -> dict[str, Medium]:
    return {each.media_id: each for each in media}


def test_plain_text_is_a_mail_of_text_alone() -> None:
    mail = mail_of(part(Text("Hello\n\n  there")))

    assert (mail.text, mail.html, mail.attachments) == ("Hello\n\n  there", None, ())


def test_files_go_along_under_the_names_that_the_caller_gave() -> None:
    files = (
        Media(MediaKind.DOCUMENT, media_id="med_pdf", filename="contract.pdf", caption="to sign"),
        Media(MediaKind.IMAGE, media_id="med_png"),
        Media(MediaKind.DOCUMENT, url="https://files.example/a.pdf", filename="terms.pdf"),
    )

    mail = mail_of(part(Letter(Text("See below"), files), media=held(PDF, PNG)))

    assert [(each.filename, each.content_id) for each in mail.attachments] == [
        ("contract.pdf", None),
        ("shop.png", None),
    ]
    expected = "See below\n\ncontract.pdf: to sign\n\nterms.pdf (https://files.example/a.pdf)"
    assert mail.text == expected


def test_a_picture_is_shown_within_the_mail() -> None:
    content = Media(MediaKind.IMAGE, media_id="med_png", caption="Our shop")

    mail = mail_of(part(content, media=held(PNG)))

    assert mail.attachments[0].content_id == "med_png"
    assert mail.html is not None
    assert 'src="cid:med_png"' in mail.html
    assert mail.text == "Our shop"


def test_a_picture_that_not_every_client_shows_goes_along_as_a_file() -> None:
    mail = mail_of(part(Media(MediaKind.IMAGE, media_id="med_heic"), media=held(HEIC)))

    assert (mail.html, mail.text) == (None, "photo.heic")
    assert mail.attachments[0].content_id is None


def test_html_without_a_text_gets_the_text_that_it_says() -> None:
    html = '<p>Your <b>tea</b> is <a href="https://a.example/t">here</a>.</p>'
    files = (Media(MediaKind.DOCUMENT, media_id="med_pdf", caption="to sign"),)

    mail = mail_of(part(Letter(Email("Hi", " \n", html), files), media=held(PDF)))

    assert mail.text == "Your tea is here <https://a.example/t>.\n\nscan.pdf: to sign"


def test_a_mail_of_a_mere_picture_has_its_subject_as_text() -> None:
    mail = mail_of(part(Email("Our spring sale", "", '<img src="https://a.example/1.png">')))

    assert mail.text == "Our spring sale"


def test_nobody_gets_a_mail_twice_because_of_how_they_are_written() -> None:
    copies = ("Ada@EXAMPLE.com", "Bob@b.example", "bob@b.example")
    call = sent(part(Email("Hi", "x", cc=copies)))[0][0]

    assert isinstance(call, MailCall)
    assert call.recipients == (ADA, "Bob@b.example")
    assert dict(call.mail.headers)["Cc"] == ", ".join(copies)


def test_the_html_of_a_caller_stays_and_names_its_pictures() -> None:
    html = '<html><body><img src="cid:med_png"></BODY ></html>'
    files = (
        Media(MediaKind.IMAGE, media_id="med_png"),
        Media(MediaKind.DOCUMENT, media_id="med_pdf", caption="<i>to sign</i>"),
    )

    mail = mail_of(part(Letter(Email("Hi", "text", html), files), media=held(PNG, PDF)))

    assert [each.content_id for each in mail.attachments] == ["med_png", None]
    assert mail.html is not None
    assert mail.html.startswith('<html><body><img src="cid:med_png">')
    assert "scan.pdf: &lt;i&gt;to sign&lt;/i&gt;</p></BODY ></html>" in mail.html


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (Text("**Hello** [there](https://a.example)\nx", "markdown"), "Hello there"),
        (Text("\n \n  One two\nthree"), "One two"),
        (Choices("Which?", (Option("a", "A"),), header="Your size"), "Your size"),
        (Media(MediaKind.DOCUMENT, media_id="med_pdf"), "scan.pdf"),
        (Text("word " * 40), "word " * 14 + "word…"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_first_mail_is_called_by_how_it_begins(content: Content, subject: str) -> None:
    assert heads(part(content, media=held(PDF)))["Subject"] == subject


def test_the_same_part_is_the_same_mail_on_each_attempt() -> None:
    content = Letter(Choices("Which?", (Option("a", "A"),)), (PDF_FILE,))
    one = part(content, media=held(PDF), links={"a": "https://gw.example/c/x"})

    again = evolve(one, attempt=7, resent=True)

    call = sent(again, FolderReply(False), TAKEN, FolderReply(True))[0][1]
    assert isinstance(call, MailCall)
    assert call.mail == mail_of(one)


PDF_FILE = Media(MediaKind.DOCUMENT, media_id="med_pdf")


def test_a_mail_that_is_too_large_is_refused_before_any_call() -> None:
    large = evolve(PDF, size=20_000_000)

    with pytest.raises(SendFailure) as refused:
        sent(part(PDF_FILE, media=held(large)))

    assert refused.value.failure.reason is Reason.MEDIA_TOO_LARGE
    assert refused.value.failure.kind is Kind.REJECTED
