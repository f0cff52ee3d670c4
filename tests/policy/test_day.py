"""What an account may send in a rolling day."""

from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.content import Email, Letter, Text
from omni_actors.model.limits import DayLimit
from omni_actors.policy.day import Day, recipients_of
from omni_actors.policy.outreach import DAY_S


def test_without_a_limit_nothing_is_remembered() -> None:
    day = Day()
    day.count(1.0, 1, 1)

    assert not day.uses
    assert day.free_at(1.0) == 1.0


def test_what_is_full_is_free_when_the_oldest_is_a_day_old() -> None:
    day = Day(DayLimit(messages=2))
    day.count(10.0, 1, 1)
    day.count(20.0, 1, 1)

    assert day.free_at(30.0) == 10.0 + DAY_S
    assert day.free_at(10.0 + DAY_S) == 10.0 + DAY_S
    assert day.messages == 1


def test_recipients_count_each_and_are_waited_for_until_there_is_room_for_one() -> None:
    day = Day(DayLimit(recipients=10))
    for at, recipients in ((10.0, 1), (20.0, 3), (30.0, 9)):
        day.count(at, 1, 1)
        day.count(at, 0, recipients - 1)

    assert (day.messages, day.recipients) == (3, 13)
    assert day.free_at(40.0) == 20.0 + DAY_S


def test_what_was_not_sent_is_given_back() -> None:
    day = Day(DayLimit(messages=1))
    day.count(10.0, 1, 1)
    day.give_back()

    assert day.free_at(11.0) == 11.0
    assert (day.messages, day.recipients) == (0, 0)


def test_another_limit_counts_from_what_is_known() -> None:
    day = Day(DayLimit(messages=5))
    day.limit(DayLimit(messages=2), [(1.0, 1, 1), (2.0, 1, 4)])

    assert day.free_at(3.0) == 1.0 + DAY_S
    assert day.recipients == 5


@given(
    most=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0.0, DAY_S / 2), st.integers(1, 4), st.booleans())),
)
def test_in_any_day_there_are_never_more_than_may_be(
    most: int, steps: list[tuple[float, int, bool]]
) -> None:
    day, now, sent = Day(DayLimit(most, 3 * most)), 0.0, list[tuple[float, int]]()
    for pause, recipients, arrives in steps:
        now += pause
        if day.free_at(now) > now:
            continue
        day.count(now, 1, 1)
        if not arrives:
            day.give_back()
            continue
        day.count(now, 0, recipients - 1)
        sent.append((now, recipients))
    for end, last in sent:
        lately = [each for at, each in sent if end - DAY_S < at <= end]
        assert len(lately) <= most
        assert sum(lately) - last < 3 * most


def test_copies_are_recipients() -> None:
    mail = Email("Hello", "Hi", cc=("a@example.com", "b@example.com"))

    assert [recipients_of(each) for each in (mail, Letter(mail), Text("Hi"))] == [3, 3, 1]


def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_a_day() -> None:
    day = Day(DayLimit(messages=2))
    day.limit(day.most, [(50.0, 1, 1), (30 * DAY_S, 1, 1)])

    assert day.free_at(100.0) == 50.0 + DAY_S
    assert day.free_at(100.0 + DAY_S) == 100.0 + DAY_S
    assert day.messages == 0
