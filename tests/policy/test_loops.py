"""Two machines that answer each other come to an end."""

import hypothesis.strategies as st
from hypothesis import given

from omni_actors.policy.loops import ANSWERS_MAX, LEGS_MAX, SAME_MAX, WITHIN_S, AnswersGiven


def test_the_same_answer_is_given_a_few_times_only() -> None:
    answers = AnswersGiven()

    given = [answers.may_answer("leg", "I am away", float(n)) for n in range(10)]

    assert given == [True] * SAME_MAX + [False] * (10 - SAME_MAX)


def test_different_answers_are_given_some_more_times() -> None:
    answers = AnswersGiven()

    given = [answers.may_answer("leg", f"Re: {n}", float(n)) for n in range(ANSWERS_MAX + 5)]

    assert sum(given) == ANSWERS_MAX


def test_an_hour_later_all_is_forgotten() -> None:
    answers = AnswersGiven()
    for n in range(ANSWERS_MAX):
        assert answers.may_answer("leg", str(n), 0.0)
    assert not answers.may_answer("leg", "more", WITHIN_S - 1)

    assert answers.may_answer("leg", "more", WITHIN_S)


def test_legs_do_not_count_for_each_other() -> None:
    answers = AnswersGiven()

    assert all(answers.may_answer(f"leg {n}", "I am away", 0.0) for n in range(LEGS_MAX + 10))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=2), st.floats(0, 1e5))))
def test_no_hour_has_more_answers_than_it_may(said: list[tuple[str, str, float]]) -> None:
    answers = AnswersGiven()
    said.sort(key=lambda each: each[2])
    given = [(leg, at) for leg, text, at in said if answers.may_answer(leg, text, at)]

    for leg, at in given:
        within = [t for other, t in given if other == leg and at - WITHIN_S < t <= at]
        assert len(within) <= ANSWERS_MAX
