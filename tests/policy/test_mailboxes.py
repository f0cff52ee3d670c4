"""When a mailbox is tried again, and which of its mails are news."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from omni_actors.policy.mailboxes import again_s, file_again_s, is_given_up, is_history

DAY_S = 86400.0


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=0, max_value=1))
def test_a_server_is_tried_again_after_a_second_at_least_and_five_minutes_at_most(
    strikes: int, jitter: float
) -> None:
    assert 1.0 <= again_s(strikes, jitter) <= 300.0


def test_the_waiting_grows_with_each_failure() -> None:
    assert [again_s(strikes, 1.0) for strikes in (1, 2, 3, 9, 20)] == [2.0, 4.0, 8.0, 300.0, 300.0]


@pytest.mark.parametrize(
    ("came_at", "old"),
    [(0.0, False), (10 * DAY_S, False), (8 * DAY_S, False), (6 * DAY_S, True), (1.0, True)],
)
def test_what_was_long_there_is_no_news(came_at: float, old: bool) -> None:
    assert is_history(came_at, 10 * DAY_S) is old


@pytest.mark.parametrize(
    ("attempts", "losses", "left"),
    [(1, 0, False), (3, 9, False), (4, 0, True), (1, 10, True)],
)
def test_a_mail_is_left_when_it_was_tried_often_enough(
    attempts: int, losses: int, left: bool
) -> None:
    assert is_given_up(attempts, losses) is left


def test_a_folder_that_is_refused_is_asked_for_ever_more_rarely() -> None:
    assert [file_again_s(n) for n in (1, 2, 3)] == [300.0, 600.0, 1_200.0]
    assert file_again_s(10_000) == 86_400.0
