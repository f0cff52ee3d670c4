"""What a mail may answer, in the order in which it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.adapters.email.subjects import bare, folded, is_forward, is_reply
from omni_actors.adapters.email.threads import REFERENCES_MAX, clues, thread_of, token_in
from omni_actors.model.reports import Clue
from tests.adapters.email.meaning import ADDRESS, OWN_ID, TOKEN, headers_of, mail, received

REPLY_TO = f"support+c.{TOKEN}@example.com"


@pytest.mark.parametrize(
    "header",
    [
        f"To: {REPLY_TO}",
        f'To: "Support" <{REPLY_TO}>, other@mail.example',
        f"Cc: {REPLY_TO.upper()}",
        f"Delivered-To: {REPLY_TO}",
        f"X-Original-To: {REPLY_TO}",
        f"Envelope-To: {REPLY_TO}",
        f"X-Forwarded-To: {REPLY_TO}",
        f"Received: from a by b for <{REPLY_TO}>; Thu, 26 Nov 2026 10:00:00 +0100",
        f"To: supportc.{TOKEN}@example.com",
        f"Delivered-To: x+support+c.{TOKEN}=example.com@relay.example",
    ],
)
def test_the_address_that_a_mail_went_to_names_what_it_answers(header: str) -> None:
    found = clues(headers_of(header, "In-Reply-To: <a@b.example>"))

    assert found == (Clue("reply_token", token=TOKEN), Clue("in_reply_to", "a@b.example"))


def test_an_answer_to_the_envelope_is_one_too() -> None:
    found = clues(headers_of(f"To: support+b.{TOKEN}@example.com"))

    assert found == (Clue("bounce_token", token=TOKEN),)


@pytest.mark.parametrize("tag", [f"c.{TOKEN[1:]}", f"c.{TOKEN}a", f"d.{TOKEN}", "c." + "u" * 36])
def test_what_looks_otherwise_is_no_token(tag: str) -> None:
    assert clues(headers_of(f"To: support+{tag}@example.com")) == ()


def test_ids_count_from_the_nearest_to_the_first() -> None:
    found = clues(
        headers_of(
            "In-Reply-To: <three@m.example>", f"References: <one@m> <{OWN_ID}> <three@m.example>"
        )
    )

    assert found == (
        Clue("in_reply_to", "three@m.example"),
        Clue("references", OWN_ID, TOKEN),
        Clue("references", "one@m"),
    )


def test_only_so_many_references_are_looked_at() -> None:
    many = " ".join(f"<{n}@m.example>" for n in range(2 * REFERENCES_MAX))
    found = clues(headers_of(f"References: {many}"))

    assert [clue.external_id for clue in found] == [
        f"{n}@m.example" for n in range(2 * REFERENCES_MAX - 1, REFERENCES_MAX - 1, -1)
    ]


def test_the_subject_tells_only_where_that_is_wanted_and_nothing_else_does() -> None:
    plain, wanted = EmailSettings(ADDRESS), EmailSettings(ADDRESS, subject_fallback=True)
    answer = mail("Subject: AW: [Ticket 4] Re: Your  order")

    assert received(answer, plain).clues == ()
    assert received(answer, wanted).clues == (Clue("subject", subject="your order"),)
    assert received(mail("Subject: Your order"), wanted).clues == ()
    named = mail("Subject: Re: Your order", "In-Reply-To: <a@b.example>")
    assert [clue.rule for clue in received(named, wanted).clues] == ["in_reply_to"]


def test_nothing_that_a_mail_says_is_taken_for_proved() -> None:
    report = received(mail(f"To: {REPLY_TO}", f"In-Reply-To: <{OWN_ID}>"))

    assert report.reply_to is None
    assert report.clues == (
        Clue("reply_token", token=TOKEN),
        Clue("in_reply_to", OWN_ID, TOKEN),
    )


def test_the_thread_goes_on_with_the_subject_and_all_ids() -> None:
    headers = headers_of(
        "Subject: =?utf-8?q?RE=3A?= AW: Tasse", "Message-ID: <c@m>", "References: <a@m> <b@m> <a@m>"
    )

    assert thread_of(headers) == {
        "subject": "Tasse",
        "topic": "tasse",
        "message_id": "c@m",
        "references": ["a@m", "b@m"],
    }


def test_a_long_thread_keeps_its_first_id_and_the_newest() -> None:
    many = " ".join(f"<{n}@m>" for n in range(40))
    found = thread_of(headers_of("Message-ID: <c@m>", f"References: {many}"))["references"]

    assert isinstance(found, list)
    assert (len(found), found[0], found[-1]) == (REFERENCES_MAX, "0@m", "39@m")


@pytest.mark.parametrize(
    "prefix",
    [
        *("Re: ", "RE: ", "re:", "Re[2]: ", "Re(3): ", "Re^2: ", "AW: ", "Antw: ", "SV: ", "VS: "),
        *("Odp: ", "Ynt: ", "RES: ", "RV: ", "Ré : ", "R: ", "Rif: ", "Vá: ", "Отв: ", "Ответ: "),
        *(
            "回复: ",
            "回复：",
            "答复: ",
            "返信: ",
            "회신: ",
            "Re: AW: Re: ",
            "ΑΠ: ",
            "תשובה: ",
            "رد: ",
        ),
    ],
)
def test_prefixes_of_answers_are_known_in_many_languages(prefix: str) -> None:
    assert is_reply(f"{prefix}Mug 1042")
    assert bare(f"{prefix}Mug 1042") == "Mug 1042"
    assert folded(f"{prefix}[list] {prefix}MUG  1042") == "mug 1042"


@pytest.mark.parametrize("subject", ["Rechnung: 1042", "Area: 51", "Mug", "", "Regards: x"])
def test_other_words_are_no_prefix(subject: str) -> None:
    assert not is_reply(subject)
    assert bare(subject) == subject


@pytest.mark.parametrize(
    ("subject", "answers", "forward"),
    [
        ("Fwd: Mug", False, True),
        ("WG: Mug", True, True),
        ("转发: Mug", False, True),
        ("VS: Mug", False, True),
        ("VS: Mug", True, False),
        ("Re: Fwd: Mug", False, False),
    ],
)
def test_what_is_passed_on_is_told_from_an_answer(
    subject: str, answers: bool, forward: bool
) -> None:
    assert is_forward(subject, answers=answers) is forward


@given(st.text(max_size=200))
def test_any_text_is_a_subject_and_an_id(text: str) -> None:
    assert bare(bare(text)) == bare(text)
    assert folded(folded(text)) is not None
    assert token_in(text) is None
