"""What people write, told from what their programs quote, in many languages."""

from pathlib import Path
from time import process_time

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.email.html import to_text
from omni_actors.adapters.email.markup import events_in
from omni_actors.adapters.email.quotes import reply

REPLIES = sorted((Path(__file__).parent / "replies").glob("*.mail"))
ACCOUNT = "support@example.com"
FLOOR = 0.98


@frozen
class Pair:
    """A mail, and what its writer said; None: all of it."""

    text: str
    html: str | None
    said: str | None
    forwards: bool

    @property
    def wanted(self) -> str:
        return self.text if self.said is None else self.said


def pair(path: Path) -> Pair:
    """The sections of a file."""
    found: dict[str, str] = {}
    for section in path.read_text().split("=== ")[1:]:
        name, _, text = section.partition("\n")
        found[name] = text.strip("\n")
    html = found.get("html")
    text = found["text"] if "text" in found else to_text(html or "")
    return Pair(text, html, found.get("reply"), "forwards" in found)


def folded(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def found(mail: Pair) -> str:
    return reply(mail.text, events_in(mail.html), ACCOUNT, forwards=mail.forwards).text


def test_the_corpus_is_large_enough_to_tell_something() -> None:
    assert len(REPLIES) >= 60


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.stem)
def test_what_a_person_wrote_is_never_lost(path: Path) -> None:
    mail = pair(path)
    kept = set(folded(found(mail)))

    assert [line for line in folded(mail.wanted) if line not in kept] == []


def test_nearly_every_reply_is_told_exactly() -> None:
    wrong = [
        path.stem for path in REPLIES if folded(found(pair(path))) != folded(pair(path).wanted)
    ]

    assert 1 - len(wrong) / len(REPLIES) >= FLOOR, wrong


def test_the_marks_of_a_program_go_before_words() -> None:
    html = '<p>Yes.</p><div class="yahoo_quoted"><p>Not mine.</p></div>'

    assert found(Pair("Other text", html, None, False)) == "Yes."


def test_where_nothing_is_quoted_the_text_stays_as_it_was_written() -> None:
    html = '<p>Where is <b>it</b>?</p><div id="appendonsend"></div>'

    assert found(Pair("Where is *it*?", html, None, False)) == "Where is *it*?"


def test_our_own_mark_is_found_whatever_a_program_makes_of_it() -> None:
    token = "01k" + "a" * 33
    html = f'<p>Jah.</p><div><a name="m_-7c.{token}"></a><p>Our words</p></div>'

    assert found(Pair("Jah.", html, None, False)) == "Jah."


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *("\n", "> x\n", "On \n", "On 1, a@b.c\n", "--\n", "_" * 40 + "\nx\n", "From: a@b.c\n"),
        *("x wrote:\n", "-----Original", "On 1.1.2026 ", "a:   ", "\n\n>\n", "Sent from my x\n"),
    ],
)
def test_long_texts_take_no_more_time_than_they_are_long(unit: str) -> None:
    short, long = cost(unit * (30_000 // len(unit))), cost(unit * (240_000 // len(unit)))

    assert long < 0.05 or long / short < 30  # 8 if it is linear, 64 if quadratic


def cost(text: str) -> float:
    def spent() -> float:
        began = process_time()
        reply(text, None, ACCOUNT)
        return process_time() - began

    return min(spent() for _ in range(3))


LINES = st.sampled_from(
    [
        *("Yes.", "", "> quoted", "On Thu, 26 Nov 2026, Support <support@example.com> wrote:"),
        *("-- ", "From: a@b.example", "Sent: today", "To: me", "Subject: x", "_" * 45, "---"),
        *("-----Original Message-----", "Begin forwarded message:", "Sent from my iPhone"),
    ]
)


@given(st.lists(LINES, max_size=30), st.booleans())
def test_what_is_kept_are_lines_of_the_mail_in_their_order(
    lines: list[str], forwards: bool
) -> None:
    text = "\n".join(lines)
    kept = reply(text, None, ACCOUNT, forwards=forwards).text.split("\n")

    rest = iter(text.split("\n"))
    assert all(line in rest for line in kept)
    assert ("Yes." in lines[:1]) <= ("Yes." in kept)


@given(st.text(max_size=300), st.text(max_size=300) | st.none())
def test_any_text_has_a_reply(text: str, html: str | None) -> None:
    assert isinstance(reply(text, events_in(html), ACCOUNT).text, str)
