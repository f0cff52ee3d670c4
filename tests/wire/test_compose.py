"""Mails as bytes: always the same, of a size that is known, and read as they were meant."""

import email
import email.policy
import io
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.compose import Base64, Composed, composed, size_of
from omni_actors.wire.mail import Attached, Mail
from omni_actors.wire.smtp_lines import Unspeakable

GOLDEN = Path(__file__).with_name("golden")
HEADERS = (
    ("From", '"Müller, Zoë" <support@example.com>'),
    ("To", "Ann O'Nym <ann@example.org>, bob@müller.de"),
    ("Subject", "Re: Größe und Farbe"),
    ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
    ("Message-ID", "<c.0123456789abcdefghijklmnopqrstuvwxyz@example.com>"),
    ("References", " ".join(f"<{letter * 60}@example.org>" for letter in "abc")),
    ("List-Unsubscribe", f"<https://example.com/u/{'x' * 90}>, <mailto:u@example.com>"),
)
SIMPLE = Mail(HEADERS, "Hello\n", "seed")
FILES = {"pdf": b"%PDF" * 40, "png": b"\x89PNG" * 5}
FULL = evolve(
    SIMPLE,
    text="Grüße\n.\nFrom here -- \n-- \nZoë\n",
    html='<p>Grüße <img src="cid:logo@example.com"></p>\n',
    attachments=(
        Attached("pdf", "Rechnung über 10 €, zweite Mahnung.pdf", "application/pdf", 160),
        Attached("png", "logo.png", "image/png", 20, "logo@example.com"),
    ),
)


def bytes_of(mail: Composed) -> bytes:
    """The whole mail, its files put in."""
    made = bytearray()
    for piece in mail.pieces:
        if isinstance(piece, bytes):
            made += piece
        else:
            lines = Base64()
            made += lines.feed(FILES[piece.blob]) + lines.end()
    return bytes(made)


def read(mail: Mail) -> EmailMessage:
    """A mail as the standard library reads it."""
    message = email.message_from_bytes(bytes_of(composed(mail)), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not any(part.defects for part in message.walk())
    return message


@pytest.mark.parametrize(("name", "mail"), [("simple", SIMPLE), ("full", FULL)])
def test_a_mail_is_the_same_bytes_for_ever(name: str, mail: Mail) -> None:
    made = bytes_of(composed(mail))

    assert made == (GOLDEN / f"{name}.eml").read_bytes()


def test_a_mail_is_read_as_it_was_meant() -> None:
    message = read(FULL)

    assert message["From"] == '"Müller, Zoë" <support@example.com>'
    assert message["To"] == "Ann O'Nym <ann@example.org>, bob@xn--mller-kva.de"
    assert message["Subject"] == "Re: Größe und Farbe"
    for name, value in HEADERS[4:]:
        assert message[name] == value
    assert message.get_content_type() == "multipart/mixed"
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "image/png", "application/pdf"]
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == FULL.text
    [pdf] = [part for part in message.walk() if part.get_content_type() == "application/pdf"]
    assert pdf.get_filename() == "Rechnung über 10 €, zweite Mahnung.pdf"
    assert pdf.get_payload(decode=True) == FILES["pdf"]


def test_pictures_are_kept_with_the_html_that_shows_them() -> None:
    message = read(FULL)

    [related] = [part for part in message.walk() if part.get_content_type() == "multipart/related"]
    assert isinstance(related, EmailMessage)
    html, logo = related.iter_parts()
    assert html.get_content_type() == "text/html"
    assert logo["Content-ID"] == "<logo@example.com>"
    assert logo.get_content_disposition() == "inline"


def test_without_html_a_picture_is_a_file() -> None:
    message = read(evolve(FULL, html=None))

    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "application/pdf",
        "image/png",
    ]


def test_a_forwarded_mail_goes_as_a_file_of_its_own() -> None:
    attached = (Attached("pdf", "a.eml", "message/rfc822", 160),)

    message = read(evolve(SIMPLE, attachments=attached))

    [file] = message.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == ("application/octet-stream", "a.eml")


UNSPEAKABLE = {
    "a line end in the subject": evolve(SIMPLE, headers=(("Subject", "a\r\nBcc: x@y.z"),)),
    "a line separator in the subject": evolve(SIMPLE, headers=(("Subject", "a\u2028b"),)),
    "a NUL in a name": evolve(SIMPLE, headers=(("From", '"a\0b" <a@b.c>'),)),
    "a line end in a header's name": evolve(SIMPLE, headers=(("X-A\r\nBcc", "x"),)),
    "a header of blind copies": evolve(SIMPLE, headers=(("Bcc", "x@y.z"),)),
    "a header of the content": evolve(SIMPLE, headers=(("content-type", "text/html"),)),
    "an address that is none": evolve(SIMPLE, headers=(("To", "somebody"),)),
    "an id that is not ASCII": evolve(SIMPLE, headers=(("Message-ID", "<ü@b.c>"),)),
    "a word that no line can take": evolve(SIMPLE, headers=(("References", "x" * 999),)),
    "a line end in a file's name": evolve(
        SIMPLE, attachments=(Attached("pdf", 'a"\r\nX: y', "application/pdf", 1),)
    ),
    "a MIME type that is none": evolve(
        SIMPLE, attachments=(Attached("pdf", "a", "text/plain\r\nX: y", 1),)
    ),
    "a content id that is none": evolve(
        SIMPLE, html="", attachments=(Attached("pdf", "a", "image/png", 1, "a> b"),)
    ),
}


@pytest.mark.parametrize("mail", UNSPEAKABLE.values(), ids=UNSPEAKABLE.keys())
def test_what_would_break_out_is_refused(mail: Mail) -> None:
    with pytest.raises(Unspeakable) as refused:
        composed(mail)

    assert str(refused.value).isprintable()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=200)


@given(TEXT)
def test_any_subject_comes_out_as_it_went_in(subject: str) -> None:
    message = email.message_from_bytes(bytes_of(composed(Mail((("Subject", subject),), "", "s"))))

    assert str(make_header(decode_header(message["Subject"]))) == subject


@given(TEXT)
def test_any_name_of_a_person_comes_out_as_it_went_in(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    mail = Mail((("To", f'"{escaped}" <a@b.c>'),), "", "s")

    made = bytes_of(composed(mail))

    head = made.partition(b"\r\nMIME-Version")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    shown, where = parseaddr(email.message_from_bytes(made)["To"])
    assert where == "a@b.c"
    assert str(make_header(decode_header(shown))).split() == name.split()


@given(st.text(max_size=400), st.booleans())
def test_any_text_comes_out_as_it_went_in(text: str, html: bool) -> None:
    mail = Mail((), text, "s", html=text if html else None)

    made = bytes_of(composed(mail))

    assert made.isascii()
    assert made.replace(b"\r\n", b"").find(b"\r") == made.replace(b"\r\n", b"").find(b"\n") == -1
    assert max(map(len, made.split(b"\r\n"))) <= 80
    message = email.message_from_bytes(made)
    parts = [part for part in message.walk() if not part.is_multipart()]
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    for part in parts:
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.decode().replace("\r\n", "\n").removesuffix("\n") == wanted


@pytest.mark.slow
@given(st.text(min_size=1, max_size=120))
def test_any_name_of_a_file_is_read_or_refused(name: str) -> None:
    mail = evolve(SIMPLE, attachments=(Attached("pdf", name, "application/pdf", 160),))
    try:
        message = email.message_from_bytes(bytes_of(composed(mail)))
    except Unspeakable:
        assert not name.isprintable()
        return
    *_, file = message.walk()
    assert (file.get_filename() or "").strip() == name.strip()


@given(st.binary(max_size=700), st.data())
def test_a_file_is_of_the_size_that_was_told_however_it_is_cut(
    content: bytes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6).map(sorted))
    lines, made = Base64(), io.BytesIO()

    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        made.write(lines.feed(content[start:end]))
    made.write(lines.end())

    whole = Base64()
    assert made.getvalue() == whole.feed(content) + whole.end()
    assert len(made.getvalue()) == size_of(Attached("x", "x", "a/b", len(content)))


@pytest.mark.parametrize("mail", [SIMPLE, FULL], ids=["simple", "full"])
def test_the_size_of_a_mail_is_known_before_its_files_are_read(mail: Mail) -> None:
    made = composed(mail)

    assert made.size == len(bytes_of(made))


def test_an_address_that_is_not_ascii_stays_readable_and_says_so() -> None:
    made = composed(evolve(SIMPLE, headers=(("To", "Jürgen <jürgen@müller.de>"),)))

    assert made.utf8
    assert "<jürgen@xn--mller-kva.de>".encode() in bytes_of(made)
    assert not composed(SIMPLE).utf8


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a" * 1_000_000, "ü" * 300_000, "=?" * 200_000, "\n" * 300_000])
def test_composing_takes_time_in_proportion(text: str) -> None:
    made = composed(
        evolve(SIMPLE, text=text, headers=(("Subject", text.replace("\n", " ")[:5000]),))
    )

    assert made.size < 8 * len(text)
