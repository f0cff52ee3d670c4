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


@given(RATES, BURSTS)
def test_a_saturated_limiter_uses_what_is_allowed(rate: float, burst: int) -> None:
    passed = sends(Limit(rate, burst), [0.0] * 200, [1] * 200, start=1e6)

    span = passed[-1][0] - passed[0][0]
    assert span <= max(0, 200 - burst) / rate / 0.97 + 1e-6


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
        (95, 0.25, False),
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
