"""Which option people mean, however they write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.content import ChoiceResponse, Content, Email, Location, Option, Text, Via
from omni_actors.policy.answers import TEXT_MAX, OpenQuestion, match
from omni_actors.policy.marks import line_in, mark_in, marks_of
from tests.policy.platforms import options

DAYS = (Option("mon", "Monday"), Option("tue", "Tuesday", "only mornings"), Option("wed", "Wed."))
ASKED = OpenQuestion("msg_1", DAYS, numbered=True, external_ids=("wamid.1", "wamid.2"))
TAPPED = OpenQuestion("msg_2", DAYS, numbered=False, external_ids=("wamid.3",))


def picked(
    content: Content | str, *questions: OpenQuestion, reply_to: str | None = None
) -> tuple[str, str, Via] | None:
    """The question, the option's id and how it was picked."""
    content = Text(content) if isinstance(content, str) else content
    answer = match(content, reply_to, questions)
    return (answer.question_id, answer.option.id, answer.via) if answer else None


@pytest.mark.parametrize(
    "text",
    [
        "2", " 2 ", "2.", "2)", "(2)", "#2", "２", "2️⃣", "②", "٢", "\u200f2\u200f", "02",
        "option 2", "Option: 2", "opción 2", "nr. 2", "No.2", "№ 2", "2!", "2 .",
        "2. Tuesday", "2 tuesday", "2) Tuesday – only mornings", "2️⃣ Tuesday",
    ],
)  # fmt: skip
def test_a_number_picks_however_it_is_written(text: str) -> None:
    assert picked(text, ASKED) == ("msg_1", "tue", Via.NUMBER)


@pytest.mark.parametrize(
    "text",
    ["Tuesday", " tuesday!", "TUESDAY", "Ｔuesday", "\u2067Tuesday\u2069", "“Tuesday”",
     "Tuesday – only mornings"],
)  # fmt: skip
@pytest.mark.parametrize("question", [ASKED, TAPPED])
def test_a_label_picks_whether_or_not_numbers_were_shown(text: str, question: OpenQuestion) -> None:
    assert picked(text, question) == (question.message_id, "tue", Via.LABEL)


@pytest.mark.parametrize(
    "text",
    ["0", "4", "22", "-1", "+1", "2 or 3", "1.5", "2 tickets", "option", "2. Monday", "two", "€2",
     "", "!!", "99999", "\u200b", "Tues", "options 2"],
)  # fmt: skip
def test_other_words_pick_nothing(text: str) -> None:
    assert picked(text, ASKED) is None


def test_a_bare_number_is_no_answer_to_buttons_unless_they_are_quoted() -> None:
    assert picked("2", TAPPED) is None
    assert picked("2", TAPPED, reply_to="wamid.3") == ("msg_2", "tue", Via.QUOTE)


def test_a_label_that_is_a_number_counts_before_the_place_of_a_quoted_button() -> None:
    numbers = OpenQuestion("msg_1", options("3", "2", "1"), numbered=False, external_ids=("w",))

    assert picked("3", numbers, reply_to="w") == ("msg_1", "a", Via.LABEL)
    assert picked("3", numbers) == ("msg_1", "a", Via.LABEL)


def test_a_number_in_a_label_does_not_hide_the_number_of_an_option() -> None:
    tickets = OpenQuestion("msg_1", options("4 tickets", "2 tickets"), numbered=True)

    assert picked("2", tickets) == ("msg_1", "b", Via.NUMBER)
    assert picked("2 tickets", tickets) == ("msg_1", "b", Via.LABEL)
    assert picked("4 tickets", tickets) == ("msg_1", "a", Via.LABEL)


def test_letters_answer_where_letters_were_shown() -> None:
    sizes = OpenQuestion("msg_1", options("5", "10", "2"), numbered=True)

    assert picked("C)", sizes) == ("msg_1", "c", Via.NUMBER)
    assert picked("option b", sizes) == ("msg_1", "b", Via.NUMBER)
    assert picked("2", sizes) == ("msg_1", "c", Via.LABEL)


def test_a_native_reply_picks_by_its_id() -> None:
    assert picked(ChoiceResponse("wed", Via.NATIVE), ASKED) == ("msg_1", "wed", Via.NATIVE)
    assert picked(ChoiceResponse("sun", Via.NATIVE), ASKED) is None


def test_labels_that_differ_in_case_only_are_told_apart_by_the_letter() -> None:
    question = OpenQuestion("msg_1", options("Yes", "yes!", "yes"), numbered=False)

    assert picked("yes", question) == ("msg_1", "c", Via.LABEL)
    assert picked("YES", question) is None


def test_the_same_answer_on_two_cards_picks_the_same_id() -> None:
    question = OpenQuestion("msg_1", (Option("more", "More"), Option("more", "More")), True)

    assert picked("more", question) == ("msg_1", "more", Via.LABEL)


def test_the_newest_question_is_answered_first() -> None:
    newer = OpenQuestion("msg_9", options("Yes", "No"), numbered=True, external_ids=("wamid.9",))

    assert picked("2", ASKED, newer) == ("msg_9", "b", Via.NUMBER)
    assert picked("3", ASKED, newer) == ("msg_1", "wed", Via.NUMBER)


@pytest.mark.parametrize("part", ["wamid.1", "wamid.2"])
def test_any_part_of_a_question_can_be_quoted(part: str) -> None:
    newer = OpenQuestion("msg_9", options("Yes", "No"), numbered=True, external_ids=("wamid.9",))

    assert picked("2", ASKED, newer, reply_to=part) == ("msg_1", "tue", Via.NUMBER)


@pytest.mark.parametrize("content", [Text("1"), Text("Yes"), ChoiceResponse("a", Via.NATIVE)])
def test_an_answer_to_something_else_is_not_given_to_the_open_question(content: Content) -> None:
    open_now = OpenQuestion("msg_9", options("Yes", "No"), numbered=True, external_ids=("wamid.9",))

    assert picked(content, open_now, reply_to="wamid.older") is None


def test_a_question_whose_ids_are_not_known_yet_may_be_the_quoted_one() -> None:
    unsettled = OpenQuestion("msg_9", options("Yes", "No"), numbered=True)

    tap = ChoiceResponse("b", Via.NATIVE)
    assert picked(tap, ASKED, unsettled, reply_to="wamid.9") == ("msg_9", "b", Via.NATIVE)


@pytest.mark.parametrize(
    "content", [Location(1.0, 2.0), Text("2" + " " * TEXT_MAX), Text("x" * (TEXT_MAX + 1))]
)
def test_what_is_no_answer_picks_nothing(content: Content) -> None:
    assert picked(content, ASKED) is None


@pytest.mark.parametrize(
    ("titles", "marks"),
    [
        (("Yes", "No"), "1 2"),
        (("1", "2", "many"), "1 2 3"),
        (("2", "1"), "a b"),
        (("2", "a", "b"), "1 2 3"),
        (("2", "b", "x"), "a b c"),
        (tuple("many" if n else "7" for n in range(27)), " ".join(map(str, range(1, 28)))),
        ((), ""),
    ],
)
def test_marks_do_not_mislead_if_that_can_be_helped(titles: tuple[str, ...], marks: str) -> None:
    asked = tuple([Option(str(n), title) for n, title in enumerate(titles)])

    assert marks_of(asked) == tuple(marks.split())


def test_a_mark_that_must_mislead_still_picks_what_it_stands_before() -> None:
    question = OpenQuestion("msg_1", options("2", "a", "b"), numbered=True)

    assert picked("2", question) == ("msg_1", "b", Via.NUMBER)


@given(st.text())
def test_reading_a_mark_never_fails(text: str) -> None:
    mark, (of_line, rest) = mark_in(text), line_in(text)

    assert mark == "" or mark.isdecimal() or len(mark) == 1
    assert bool(of_line) == bool(rest)


@pytest.mark.slow
@given(st.lists(st.text(max_size=8), max_size=40))
def test_marks_are_as_many_as_options_and_all_different(titles: list[str]) -> None:
    asked = tuple([Option(str(n), title) for n, title in enumerate(titles)])

    marks = marks_of(asked)

    assert len(set(marks)) == len(asked)
    assert [mark_in(mark) for mark in marks] == list(marks)


@pytest.mark.parametrize(
    ("text", "option_id"),
    [
        ("2", "b"),
        ("2\n\nBest wishes\nAda", "b"),
        ("  1.\r\n\r\n-- \r\nAda", "a"),
        ("Thank you!\n\n2", None),
        ("2 of them\nplease\n\nAda", None),
        ("", None),
    ],
)
def test_a_mail_answers_alone_or_before_its_first_empty_line(
    text: str, option_id: str | None
) -> None:
    question = OpenQuestion("msg_1", (Option("a", "Tea"), Option("b", "Coffee")), numbered=True)

    answer = match(Email("Re: tea", text), None, [question])

    assert (answer and answer.option.id) == option_id


def test_an_option_that_was_picked_by_a_link_says_so() -> None:
    question = OpenQuestion("msg_1", (Option("a", "Tea"),), numbered=True)

    answer = match(ChoiceResponse("a", Via.LINK), None, [question])

    assert answer is not None
    assert answer.via is Via.LINK
