"""The law of the limiter, and how it gives way to the platform."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.policy.rate import (
    Adaptive,
    Granted,
    Limit,
    Pace,
    Wait,
    close,
    drained,
    high_only,
    reserve_all,
    usage_scale,
)

RATES = st.floats(0.05, 1000)
BURSTS = st.integers(1, 50)


def sends(
    limit: Limit, gaps: list[float], costs: list[int], start: float
) -> list[tuple[float, int]]:
    """Play a sender who waits as told; the moments and costs of what passed."""
    now, pace, passed = start, Pace(), []
    for gap, cost in zip(gaps, costs, strict=True):
        now += gap
        while isinstance(answer := reserve_all(now, [(pace, limit, cost)]), Wait):
            now += answer.seconds
        (pace,) = answer.paces
        passed.append((now, cost))
    return passed


@pytest.mark.slow
@given(RATES, BURSTS, st.lists(st.tuples(st.floats(0, 5), st.integers(1, 3)), max_size=60))
def test_no_span_of_time_sees_more_than_burst_and_rate(
    rate: float, burst: int, asks: list[tuple[float, int]]
) -> None:
    limit = Limit(rate, burst)

    passed = sends(limit, [gap for gap, _ in asks], [cost for _, cost in asks], start=1e6)

    for first in range(len(passed)):
        total = 0
        for at, cost in passed[first:]:
            total += cost
            span = at - passed[first][0]
            assert total <= max(burst, 3) + rate * (span + 1e-4)


@pytest.mark.slow
@given(RATES, BURSTS)
def test_a_saturated_limiter_uses_what_is_allowed(rate: float, burst: int) -> None:
    passed = sends(Limit(rate, burst), [0.0] * 200, [1] * 200, start=1e6)

    span = passed[-1][0] - passed[0][0]
    assert span <= max(0, 200 - burst) / rate / 0.97 + 1e-6


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(-5, 5), RATES, BURSTS, st.floats(0, 5)), max_size=5))
def test_all_limiters_are_charged_or_none(asked: list[tuple[float, float, int, float]]) -> None:
    asks = [(Pace(100 + ahead), Limit(rate, burst), cost) for ahead, rate, burst, cost in asked]

    answer = reserve_all(100.0, asks)

    waits = [pace.wait_s(limit, cost, 100.0) for pace, limit, cost in asks]
    if isinstance(answer, Granted):
        assert len(answer.paces) == len(asks)
        assert all(wait <= 1e-6 for wait in waits)
    else:
        assert answer == Wait(max(waits), waits.index(max(waits)))


def test_a_refusal_charges_nothing() -> None:
    full, empty, limit = Pace(), Pace(full_at=10.0), Limit(1.0, 1)

    refused = reserve_all(5.0, [(full, limit, 1), (empty, limit, 1)])
    later = reserve_all(5.0, [(full, limit, 1)])

    assert refused == Wait(5.0, 1)
    assert later == Granted((Pace(6.0),))


def test_a_cost_above_the_burst_passes_and_leaves_a_debt() -> None:
    limit = Limit(1.0, 2)

    answer = reserve_all(10.0, [(Pace(), limit, 5)])

    assert answer == Granted((Pace(15.0),))
    assert reserve_all(10.0, [(Pace(15.0), limit, 1)]) == Wait(4.0, 0)


def test_a_negative_cost_is_refused_as_a_mistake() -> None:
    with pytest.raises(ValueError, match="negative"):
        reserve_all(0.0, [(Pace(), Limit(1.0, 1), -1)])


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (math.inf, 1), (math.nan, 1), (1, 0)])
def test_a_limit_that_means_nothing_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="no limit"):
        Limit(rate, burst)


@given(RATES, BURSTS, RATES)
def test_a_closed_pace_opens_at_its_time_without_a_burst(
    rate: float, burst: int, later_rate: float
) -> None:
    limit = Limit(rate, burst)

    closed = close(Pace(), 50.0, limit)

    assert closed.wait_s(Limit(later_rate, burst), 1, 10.0) >= 40.0
    opened = reserve_all(50.0, [(closed, limit, 1)])
    assert isinstance(opened, Granted)
    assert isinstance(reserve_all(50.0, [(opened.paces[0], limit, 1)]), Wait)


def test_a_shorter_closure_does_not_shorten_a_longer_one() -> None:
    limit = Limit(1.0, 4)

    closed = close(close(Pace(), 50.0, limit), 20.0, limit)

    assert closed == close(Pace(), 50.0, limit)


def test_a_start_after_a_crash_has_no_burst_and_half_the_rate_for_a_window() -> None:
    rate = Adaptive.after_crash(80.0, now=100.0, window_s=30.0)

    pace = drained(rate.limit(8, 100.0), 100.0)

    assert rate.limit(8, 100.0) == Limit(40.0, 8)
    assert pace.wait_s(Limit(40.0, 8), 1, 100.0) == pytest.approx(0.0, abs=1e-9)
    assert pace.wait_s(Limit(40.0, 8), 2, 100.0) == pytest.approx(1 / 40)
    assert rate.per_second(130.0) == 80.0


def test_a_throttled_rate_drops_at_once_and_regains_a_fiftieth_of_the_ceiling_a_second() -> None:
    rate = Adaptive.full(100.0).throttled(10.0)

    assert rate.per_second(10.0) == pytest.approx(70.0)
    assert rate.per_second(15.0) == pytest.approx(80.0)
    assert rate.per_second(60.0) == 100.0


def test_complaints_about_calls_already_on_the_wire_cut_only_once() -> None:
    rate = Adaptive.full(100.0).throttled(10.0)

    assert rate.throttled(10.5) is rate
    assert rate.throttled(11.0).per_second(11.0) == pytest.approx(72.0 * 0.7)


def test_a_rate_never_falls_to_nothing() -> None:
    rate = Adaptive.full(1.0)
    for second in range(1000):
        rate = rate.throttled(second * 1.0)

    assert rate.per_second(999.0) >= 0.01


@pytest.mark.parametrize(
    ("percent", "scale", "high"),
    [
        (0, 1.0, False),
        (80, 1.0, False),
        (90, 0.5, False),
        (94.9, 0.255, False),
        (95, 0.25, True),
        (96, 0.2, True),
        (100, 0.05, True),
        (400, 0.05, True),
        (math.nan, 1.0, False),
    ],
)
def test_usage_scales_the_rate_down(percent: float, scale: float, high: bool) -> None:
    assert usage_scale(percent) == pytest.approx(scale)
    assert high_only(percent) is high
    assert Limit(10.0, 3).scaled(usage_scale(percent)).burst == 3


LOAN = Limit(0.16, 10, loan_s=5.0)
"""What keeps clear of WhatsApp's rule for one person: 6.25 s a message, ten at once."""


class Debt:
    """The platform's rule for one person: a burst within 6 s of its first message, at most 45,
    then nothing before all of it is paid off at 6 s a message."""

    def __init__(self) -> None:
        self.burst_from = self.paid_at = -math.inf

    def takes(self, at: float) -> bool:
        """Whether a message that arrives at `at` is let through; it is counted then."""
        if self.paid_at <= at:
            self.burst_from = self.paid_at = at
        elif at >= self.burst_from + 6 or self.paid_at >= self.burst_from + 45 * 6:
            return False
        self.paid_at += 6
        return True


def arrivals(limit: Limit, gaps: list[float], ways: list[float]) -> list[float]:
    """When messages reach the platform, each `ways` after the limiter let it go."""
    passed = sends(limit, gaps, [1] * len(gaps), start=1e6)
    return [at + way for (at, _), way in zip(passed, ways, strict=True)]


GAPS_AND_WAYS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.1, 4.9, 5.0, 5.1, 6.0, 6.3, 30.0]), st.floats(0, 0.2)),
    max_size=80,
)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [LOAN, Limit(0.16, 1)])
@given(asks=GAPS_AND_WAYS)
def test_a_person_never_gets_more_than_whatsapp_lends(
    limit: Limit, asks: list[tuple[float, float]]
) -> None:
    debt = Debt()

    assert all(map(debt.takes, arrivals(limit, [g for g, _ in asks], [w for _, w in asks])))


@pytest.mark.parametrize("burst", [2, 10, 45])
def test_a_saved_up_burst_breaks_the_rule_of_loans(burst: int) -> None:
    debt, still = Debt(), [0.0] * (burst + 1)

    taken = [debt.takes(at) for at in arrivals(Limit(1 / 6, burst), still, still)]

    assert taken == [True] * burst + [False]


def test_a_loan_is_taken_up_at_once_and_paid_off_whole() -> None:
    passed = [at - 1e6 for at, _ in sends(LOAN, [0.0] * 21, [1] * 21, start=1e6)]

    assert passed == pytest.approx([0.0] * 10 + [62.5] * 10 + [125.0])


def test_a_small_loan_is_paid_off_sooner() -> None:
    passed = [at - 1e6 for at, _ in sends(LOAN, [0.0, 2.0, 4.0], [1, 1, 1], start=1e6)]

    assert passed == pytest.approx([0.0, 2.0, 12.5])


@pytest.mark.slow
@given(GAPS_AND_WAYS)
def test_a_loan_never_holds_back_for_longer_than_it_takes_to_pay(
    asks: list[tuple[float, float]],
) -> None:
    now, pace = 1e6, Pace()
    for gap, _ in asks:
        now += gap
        while isinstance(answer := reserve_all(now, [(pace, LOAN, 1)]), Wait):
            assert answer.seconds <= LOAN.burst / LOAN.per_second + 1e-3
            now += answer.seconds
        (pace,) = answer.paces


def test_after_a_closure_a_whole_loan_is_granted() -> None:
    pace = Pace(1000.0, 0.0, 990.0)

    shut = close(pace, 1100.0, LOAN)

    assert shut == Pace(1100.0, 1100.0, 990.0)
    assert reserve_all(1099.0, [(shut, LOAN, 1)]) == Wait(1.0, 0)
    assert reserve_all(1100.0, [(shut, LOAN, 1)]) == Granted((Pace(1106.25, 1100.0, 1100.0),))


def test_a_scaled_loan_stays_a_loan() -> None:
    assert LOAN.scaled(0.5) == Limit(0.08, 10, 5.0)


@pytest.mark.parametrize("loan_s", [-1.0, math.inf, math.nan])
def test_a_loan_needs_a_real_time_to_take_it_up(loan_s: float) -> None:
    with pytest.raises(ValueError, match="no loan"):
        Limit(1.0, 1, loan_s)
