"""The parts of a mail, against the standard library where that is to be trusted."""

import email
from email.message import EmailMessage, Message
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.adapters.email.mime import NoSuchPart, extract, read
from omni_actors.adapters.email.structure import DEPTH_MAX, PARTS_MAX, content, structure

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=200)


def leaves(raw: bytes) -> list[tuple[str, bytes]]:
    found = structure(raw)
    return [
        (part.mime, b"".join(content(raw, part))) for part in found.root.walk() if not part.parts
    ]


def expected(raw: bytes) -> list[tuple[str, bytes]]:
    message: Message = email.message_from_bytes(raw)
    parts = [part for part in message.walk() if not part.is_multipart()]
    payloads = [part.get_payload(decode=True) for part in parts]
    return [
        (part.get_content_type(), payload)
        for part, payload in zip(parts, payloads, strict=True)
        if isinstance(payload, bytes)
    ]


@pytest.mark.slow
@given(
    TEXTS,
    st.none() | TEXTS,
    st.lists(st.binary(max_size=300), max_size=3),
    st.booleans(),
)
@settings(max_examples=60)
def test_what_the_standard_library_writes_is_read_as_it_was(
    text: str, html: str | None, files: list[bytes], crlf: bool
) -> None:
    message = EmailMessage(policy=SMTP if crlf else email.policy.default)
    message["From"] = "a@mail.example"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for file in files:
        message.add_attachment(file, "application", "octet-stream", filename="a.bin")
    raw = message.as_bytes()

    assert leaves(raw) == expected(raw)


@given(st.binary(max_size=2000))
def test_the_pieces_of_base64_are_the_whole(data: bytes) -> None:
    message = EmailMessage()
    message.set_content(data, "application", "octet-stream", filename="a")
    raw = message.as_bytes()

    assert b"".join(extract(raw, "1")) == data


def test_large_parts_come_in_pieces() -> None:
    data = bytes(range(256)) * 2000
    message = EmailMessage()
    message.set_content(data, "application", "octet-stream", filename="a")

    pieces = list(extract(message.as_bytes(), "1"))

    assert len(pieces) > 5
    assert b"".join(pieces) == data


def test_quoted_printable_is_not_cut_within_an_escape() -> None:
    head = b"Content-Transfer-Encoding: quoted-printable\n\n"
    body = b"x" * 65535 + b"=C3=A4" * 40000

    assert b"".join(extract(head + body, "1")) == b"x" * 65535 + "ä".encode() * 40000


def test_base64_that_was_padded_line_by_line_is_read_to_its_end() -> None:
    head = b"Content-Transfer-Encoding: base64\n\n"

    assert b"".join(extract(head + b"YQ==\nYmM=\r\n!Z G V m\n", "1")) == b"abcdef"


def test_parts_are_numbered_as_imap_counts() -> None:
    raw = b"""Content-Type: multipart/mixed; boundary=a

--a

one
--a
Content-Type: multipart/mixed; boundary="b c"

--b c
Content-Type: text/html

two
--b c
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=d

--d

inner
--d--
--b c--
--a--
after
"""
    numbers = {part.number: part.mime for part in structure(raw).root.walk()}

    assert numbers == {
        "": "multipart/mixed",
        "1": "text/plain",
        "2": "multipart/mixed",
        "2.1": "text/html",
        "2.2": "message/rfc822",
    }
    assert b"".join(extract(raw, "2.1")) == b"two"
    assert b"".join(extract(raw, "2.2")).endswith(b"inner\n--d--")
    with pytest.raises(NoSuchPart, match="no part 3"):
        extract(raw, "3")


@pytest.mark.parametrize(
    ("raw", "problem", "text"),
    [
        (b"Content-Type: multipart/mixed\n\nx", "no_boundary", "x"),
        (b"Content-Type: multipart/mixed; boundary=a\n\nx", "no_parts", "x"),
        (b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx", "unclosed_multipart", "x"),
        (b"Content-Type: nonsense\n\nx", "bad_content_type", "x"),
        (b"Content-Transfer-Encoding: rot13\n\nx", "unknown_encoding", "x"),
        (b"Content-Type: text/plain; charset=x-none\n\n\xe4", "unknown_charset", "ä"),
        (b"Content-Type: text/plain; charset=utf-8\n\nb\xe4h " * 2, "bad_charset", "bäh"),
        (b"Content-Type: text/plain; charset=us-ascii\n\nb\xe4h", "8bit_in_ascii", "bäh"),
        (b"Subject: x\nnot a header\n\nx", "headers_cut_short", "not a header"),
        (b"A: " + b"x" * 70000 + b"\n\nx", "header_too_long", "x"),
        (b"A: b\n" * 3000 + b"\nx", "headers_too_long", "x"),
    ],
)
def test_what_is_wrong_is_told_and_costs_nothing(raw: bytes, problem: str, text: str) -> None:
    parsed = read(raw)

    assert problem in parsed.problems
    assert text in parsed.text


@pytest.mark.slow
def test_more_parts_or_depth_than_mails_have_are_not_gone_through() -> None:
    many = b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 2 * PARTS_MAX
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(200)
    )

    assert "too_many_parts" in read(many).problems
    assert sum(1 for _ in structure(many).root.walk()) == PARTS_MAX
    assert "too_deep" in read(deep).problems
    assert len(read(deep).attachments[0].part.split(".")) == DEPTH_MAX
    assert list(extract(deep, read(deep).attachments[0].part))


def test_lines_of_very_old_systems_are_lines() -> None:
    parsed = read(b"From: a@mail.example\rSubject: Old\r\rOne\rtwo\r")

    assert (parsed.headers.text("subject"), parsed.text) == ("Old", "One\ntwo")


def test_a_part_ends_where_an_outer_one_goes_on() -> None:
    raw = b"""Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/alternative; boundary=b

--b

inner
--a
Content-Type: text/plain; name=x.txt

outer
--a--
"""
    parsed = read(raw)

    assert parsed.text == "inner"
    assert [(f.part, f.filename) for f in parsed.attachments] == [("2", "x.txt")]
    assert parsed.problems == ("unclosed_multipart",)
