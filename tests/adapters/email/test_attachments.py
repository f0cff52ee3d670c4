"""The files that come with a mail: what they are called, and how they are taken out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.email.attachments import fetch, media_kind, safe_name
from omni_actors.adapters.email.mime import read
from omni_actors.model.content import MediaKind
from omni_actors.model.failure import Reason, SendFailure
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import ExtractCall, ExtractReply


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("scan.pdf", "scan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\jane\\Tasse – blau.jpg", "Tasse – blau.jpg"),
        ("a\r\nb\x00\u202egpj.exe", "a b gpj.exe"),
        ("NUL", "_NUL"),
        ("com1.txt", "_com1.txt"),
        ("console.txt", "console.txt"),
        ('a<b>:"|?*.txt', "a_b______.txt"),
        (" . ", "part-2.1.png"),
        ("", "part-2.1.png"),
        ("dir/", "part-2.1.png"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("ä" * 200 + ".pdf", "ä" * 125 + ".pdf"),
    ],
)
def test_a_name_is_one_on_every_system(name: str, safe: str) -> None:
    assert safe_name(name, "2.1", "image/png") == safe


@pytest.mark.slow
@given(st.text(max_size=400))
def test_any_name_becomes_one(name: str) -> None:
    safe = safe_name(name, "1", "text/plain")

    assert 0 < len(safe.encode()) <= 255
    assert not set(safe) & set('/\\<>:"|?*\r\n\0\u202e')


def test_a_part_is_taken_out_of_the_mail_that_is_here() -> None:
    ref = MediaRef({"blob": "b" * 64, "part": "2.1"}, mime="image/png", filename="a.png")
    flow = fetch(ref, None, 0.0)

    assert next(flow) == ExtractCall("b" * 64, "2.1")
    with pytest.raises(StopIteration) as done:
        flow.send(ExtractReply("c" * 64, 5))
    assert done.value.value == Fetched("c" * 64, 5, "image/png", "a.png")


def test_a_medium_that_names_no_part_cannot_be_had() -> None:
    with pytest.raises(SendFailure) as failed:
        next(fetch(MediaRef({"blob": "b"}), None, 0.0))

    assert failed.value.failure.reason is Reason.MEDIA_UNREACHABLE


def test_media_are_shown_as_what_they_are() -> None:
    kinds = [media_kind(mime) for mime in ("image/png", "video/mp4", "audio/ogg", "text/csv")]

    assert kinds == [MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.DOCUMENT]


def test_a_text_that_is_too_long_to_be_shown_is_a_file_too() -> None:
    parsed = read(b"From: a@mail.example\n\n" + b"long line\n" * 150_000)

    assert len(parsed.text) == 999_999  # without the last line end
    assert parsed.problems == ("body_too_long",)
    [file] = parsed.attachments
    assert (file.kind, file.size, file.filename) == ("body", 1_500_000, "part-1.txt")
    assert len(parsed.part(file.part)) == 1_500_000


@pytest.mark.slow
def test_html_with_more_tags_than_can_be_gone_through_is_a_file() -> None:
    raw = b"Content-Type: text/html\n\n" + b"<b>x</b> " * 15_000 + b"end"
    parsed = read(raw)

    assert parsed.html is None
    assert parsed.problems == ("html_too_complex",)
    assert parsed.text.endswith("x end")
    assert [(file.kind, file.mime) for file in parsed.attachments] == [("body", "text/html")]


def test_a_mail_that_is_one_file_has_no_text() -> None:
    parsed = read(b"Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nx")

    assert parsed.text == ""
    assert [file.filename for file in parsed.attachments] == ["a.txt"]


def test_a_text_that_has_a_name_is_still_read_when_it_is_the_only_one() -> None:
    parsed = read(b'Content-Type: text/html; name="body.html"\n\n<p>Hello</p>')

    assert (parsed.text, parsed.attachments) == ("Hello", ())


def test_what_is_more_than_two_hundred_files_is_told() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\nContent-Type: a/b\n\n1\n" * 300

    assert len(read(raw).attachments) == 200
    assert "too_many_attachments" in read(raw).problems
