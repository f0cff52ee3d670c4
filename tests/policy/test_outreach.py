"""To how many people a portfolio writes first in a rolling day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.policy.outreach import (
    DAY_S,
    INVITED_LOOK_S,
    INVITED_MAX,
    INVITED_S,
    LOOK_EVERY_S,
    Outreach,
)

NOW = 1_790_000_000.0


def test_who_was_written_to_already_costs_nothing_more() -> None:
    outreach = Outreach(2)
    for person in ("ada", "bob", "ada"):
        assert outreach.admits(person, NOW)
        outreach.count(person, NOW)

    assert outreach.admits("bob", NOW)
    assert not outreach.admits("eve", NOW)
    assert outreach.used(NOW) == 2


def test_a_place_is_free_a_day_after_the_last_message_to_its_person() -> None:
    outreach = Outreach(2)
    outreach.count("ada", NOW)
    outreach.count("bob", NOW + 100)
    outreach.count("ada", NOW + 200)

    assert not outreach.admits("eve", NOW + DAY_S + 99)
    assert outreach.admits("eve", NOW + DAY_S + 100)


def test_as_many_are_let_out_of_the_line_as_there_are_places() -> None:
    outreach = Outreach(3)
    outreach.count("ada", NOW)
    assert outreach.room(NOW) == 2

    outreach.invite(["bob", "eve"], NOW)

    assert outreach.room(NOW) == 0
    assert outreach.admits("bob", NOW)
    assert not outreach.admits("new", NOW)
    outreach.count("bob", NOW + 1)
    assert (outreach.room(NOW + 1), outreach.used(NOW + 1)) == (0, 2)


def test_a_place_that_was_kept_in_vain_is_free_again() -> None:
    outreach = Outreach(2)
    outreach.count("ada", NOW)
    outreach.invite(["bob"], NOW)

    assert outreach.room(NOW + INVITED_S - 1) == 0
    assert outreach.room(NOW + INVITED_S) == 1


def test_without_a_limit_a_line_is_let_out_in_pieces() -> None:
    outreach = Outreach()
    assert outreach.room(NOW) == INVITED_MAX

    outreach.invite([str(n) for n in range(INVITED_MAX)], NOW)

    assert outreach.room(NOW) == 0
    assert outreach.next_at(NOW) == NOW + INVITED_LOOK_S


@pytest.mark.slow
@given(
    st.integers(1, 3),
    st.lists(st.floats(0, 30_000), max_size=20),
    st.floats(0, DAY_S),
    st.integers(0, 3),
)
def test_the_line_is_looked_at_when_a_place_is_free_and_at_least_hourly(
    most: int, pauses: list[float], later_s: float, invited: int
) -> None:
    outreach, now = Outreach(most), NOW
    for n, pause_s in enumerate(pauses):
        now += pause_s
        if outreach.admits(str(n), now):
            outreach.count(str(n), now)

    now += later_s
    outreach.invite([f"invited {n}" for n in range(min(invited, outreach.room(now)))], now)
    at = outreach.next_at(now)

    assert now <= at <= now + LOOK_EVERY_S
    if not outreach.room(now) and at < now + LOOK_EVERY_S:
        assert outreach.room(at + 0.01) > 0


def test_without_a_limit_nobody_is_remembered() -> None:
    outreach = Outreach()
    outreach.count("ada", NOW)

    assert outreach.admits("bob", NOW)
    assert outreach.used(NOW) == 0


def test_a_limit_that_comes_later_counts_whom_the_day_before_it_saw() -> None:
    outreach = Outreach()
    outreach.limit(2, [("ada", NOW - DAY_S / 2), ("bob", NOW - 60)])

    assert not outreach.admits("eve", NOW)
    assert outreach.admits("eve", NOW + DAY_S / 2)


@pytest.mark.slow
@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, DAY_S / 2), st.integers(0, 12)), max_size=60),
)
def test_no_day_sees_more_people_than_there_may_be(
    most: int, asked: list[tuple[float, int]]
) -> None:
    outreach, now = Outreach(most), NOW
    went: list[tuple[float, str]] = []
    for pause_s, n in asked:
        now += pause_s
        if outreach.admits(str(n), now):
            outreach.count(str(n), now)
            went.append((now, str(n)))

    for start, _ in went:
        within = {person for at, person in went if start <= at < start + DAY_S}
        assert len(within) <= most
