"""Commands of SMTP: nothing that is given can end a line, or become another command."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.wire.smtp_lines import (
    Unspeakable,
    address,
    hello,
    mail_from,
    rcpt_to,
    xtext,
)
from omni_actors.wire.smtp_offers import Offers

EVERYTHING = Offers(True, True, True, 1000, True, True, True)


def test_what_is_offered_is_said() -> None:
    said = mail_from("a@b.c", EVERYTHING, size=9, envelope_id="t=1+2", utf8=True)
    asked = rcpt_to("x@y.z", EVERYTHING, "FAILURE")

    assert said == (b"MAIL FROM:<a@b.c> SIZE=9 SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=t+3D1+2B2\r\n")
    assert asked == b"RCPT TO:<x@y.z> NOTIFY=FAILURE\r\n"


def test_nothing_is_said_that_is_not_offered() -> None:
    said = mail_from("", Offers(), size=9, envelope_id="t", utf8=False)

    assert said == b"MAIL FROM:<>\r\n"
    assert rcpt_to("x@y.z", Offers(), "FAILURE") == b"RCPT TO:<x@y.z>\r\n"


ADDRESSES = {
    "a usual one": ("a+b.c@example.org", "a+b.c@example.org"),
    "a quoted local part": ('"a b@>"@example.org', '"a b@>"@example.org'),
    "a domain that is not ASCII": ("a@müller.de", "a@xn--mller-kva.de"),
    "a domain that is not the one with ss": ("a@STRAẞE.ü.de", "a@xn--strae-oqa.xn--tda.de"),
    "a local part that is not ASCII": ("jürgen@example.org", "jürgen@example.org"),
}


@pytest.mark.parametrize(("given_", "said"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_an_address_is_said(given_: str, said: str) -> None:
    assert address(given_) == said


REFUSED: dict[str, Callable[[], object]] = {
    "a line end in an address": lambda: address("a@b.c>\r\nRCPT TO:<x@y.z"),
    "a line end in a quoted local part": lambda: address('"a\r\nb"@c.d'),
    "a NUL in an address": lambda: address("a\0@b.c"),
    "no domain": lambda: address("postmaster"),
    "no local part": lambda: address("@b.c"),
    "a bracket": lambda: address("a@b.c> SIZE=1"),
    "a blank in the domain": lambda: address("a@b c"),
    "two at signs": lambda: address("a@b@c.d"),
    "a domain that hides a letter": lambda: address("a@ex\u200dample.de"),
    "a label that is too long": lambda: address(f"a@ß{'a' * 63}.de"),
    "a domain that is none": lambda: address("a@ü..de"),
    "half a character": lambda: rcpt_to("a\ud800@b.c", Offers(), "NEVER"),
    "a line end in the greeting": lambda: hello("EHLO", "a\r\nQUIT"),
    "a blank in the greeting": lambda: hello("EHLO", "a b"),
    "a line end in the envelope id": lambda: xtext("a\nb"),
    "an envelope id that is too long": lambda: xtext("x" * 101),
    "an address that is too long": lambda: rcpt_to("x" * 2100 + "@b.c", Offers(), "NEVER"),
}


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_said_is_refused(said: Callable[[], object]) -> None:
    with pytest.raises(Unspeakable):
        said()


@given(st.text(max_size=60))
def test_whatever_an_address_is_it_stays_in_its_line(text: str) -> None:
    try:
        said = rcpt_to(text, EVERYTHING, "NEVER")
    except Unspeakable:
        return
    assert said.startswith(b"RCPT TO:<")
    assert said.endswith(b"> NOTIFY=NEVER\r\n")
    assert said.count(b"\r") == said.count(b"\n") == 1
    assert b"\0" not in said
