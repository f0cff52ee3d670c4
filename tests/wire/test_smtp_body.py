"""A mail on its way into DATA: whole, and with one end only, however it is cut."""

import smtplib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.smtp_body import Dots

SENT = {
    "nothing": (b"", b".\r\n"),
    "a line": (b"a\r\n", b"a\r\n.\r\n"),
    "no end of the last line": (b"a", b"a\r\n.\r\n"),
    "a dot alone": (b".", b"..\r\n.\r\n"),
    "dots at the beginning of lines": (b".a\r\n..b\r\nc.\r\n", b"..a\r\n...b\r\nc.\r\n.\r\n"),
    "a bare LF": (b"a\nb\n", b"a\r\nb\r\n.\r\n"),
    "a bare CR": (b"a\rb\r", b"a\r\nb\r\n.\r\n"),
    "an end smuggled with LF": (b"a\n.\nMAIL FROM:<x>\n", b"a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"),
    "an end smuggled with CR": (b"a\r.\rQUIT", b"a\r\n..\r\nQUIT\r\n.\r\n"),
    "an end smuggled with both": (b"a\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
}


@pytest.mark.parametrize(("mail", "sent"), SENT.values(), ids=SENT.keys())
def test_a_mail_is_sent_with_one_end(mail: bytes, sent: bytes) -> None:
    dots = Dots()

    assert dots.feed(mail) + dots.end() == sent


MAILS = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"bc."]), max_size=30)


@given(MAILS.map(b"".join), st.data())
def test_a_mail_is_sent_as_the_standard_library_does_however_it_is_cut(
    mail: bytes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(mail)), max_size=8).map(sorted))
    dots, sent = Dots(), b""

    for start, end in zip([0, *cuts], [*cuts, len(mail)], strict=True):
        sent += dots.feed(mail[start:end])
    sent += dots.end()

    assert sent == expected(mail)
    assert sent.count(b"\r\n.\r\n") == (0 if sent == b".\r\n" else 1)


def expected(mail: bytes) -> bytes:
    library: Any = smtplib  # its own pieces, which its types leave out
    text = library._fix_eols(mail.decode("latin-1")).encode("latin-1")
    quoted: bytes = library._quote_periods(text)
    return quoted + (b"" if not quoted or quoted.endswith(b"\r\n") else b"\r\n") + b".\r\n"
