"""To how many people a portfolio writes first in a rolling day."""

from hypothesis import given
from hypothesis import strategies as st

from omni_actors.policy.outreach import DAY_S, Outreach

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


def test_those_who_wait_are_told_of_places_one_after_the_other() -> None:
    outreach = Outreach(2)
    outreach.count("ada", NOW)
    outreach.count("bob", NOW + 100)

    promised = [outreach.promise(NOW + 200) for _ in range(4)]

    assert promised[0] == NOW + DAY_S
    assert promised == sorted(promised)
    assert promised[2] >= NOW + 2 * DAY_S


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
