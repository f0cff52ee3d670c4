"""When the breaker opens, and how it closes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.policy.breaker import Breaker, Closed, Law, Open, Permit, Probing, Refused


def started(breaker: Breaker, now: float, calls: int) -> tuple[Breaker, list[Permit]]:
    """Start some calls that are all let through."""
    permits = []
    for _ in range(calls):
        breaker, permit = breaker.admit(now, 0.0)
        assert isinstance(permit, Permit)
        permits.append(permit)
    return breaker, permits


def opened(now: float = 0.0) -> Breaker:
    """A breaker that opened at `now`."""
    breaker, permits = started(Breaker(), now, 10)
    for permit in permits:
        breaker = breaker.failed(permit, now)
    return breaker


def test_half_of_ten_calls_failing_opens_it_for_thirty_seconds() -> None:
    breaker, permits = started(Breaker(), 0.0, 10)

    for permit in permits[:4]:
        breaker = breaker.failed(permit, 1.0)
    still_closed = breaker.state
    breaker = breaker.failed(permits[4], 1.0)

    assert isinstance(still_closed, Closed)
    assert breaker.state == Open(31.0)
    assert breaker.admit(11.0, 0.0) == (breaker, Refused(20.0))
    assert breaker.share(11.0) == 0.0


def test_nine_failures_of_nine_calls_are_too_few_to_judge() -> None:
    breaker, permits = started(Breaker(), 0.0, 9)

    for permit in permits:
        breaker = breaker.failed(permit, 1.0)

    assert isinstance(breaker.state, Closed)


def test_calls_that_left_the_window_do_not_count() -> None:
    breaker, early = started(Breaker(), 0.0, 8)
    breaker, late = started(breaker, 40.0, 2)

    for permit in [*early, *late]:
        breaker = breaker.failed(permit, 41.0)

    assert isinstance(breaker.state, Closed)


def test_successes_keep_it_closed() -> None:
    breaker, permits = started(Breaker(), 0.0, 100)

    for permit in permits[:49]:
        breaker = breaker.failed(permit, 1.0)
    for permit in permits[49:]:
        breaker = breaker.succeeded(permit, 1.0)

    assert isinstance(breaker.state, Closed)


def test_one_probe_goes_out_and_the_others_wait_for_it() -> None:
    breaker, probe = opened().admit(30.0, 0.9)

    after, refused = breaker.admit(31.0, 0.0)

    assert isinstance(probe, Permit)
    assert refused == Refused(29.0)
    assert after.state == Probing(30.0)
    assert after.share(31.0) == 0.0


def test_a_failed_probe_opens_it_again() -> None:
    breaker, probe = opened().admit(30.0, 0.0)
    assert isinstance(probe, Permit)

    breaker = breaker.failed(probe, 32.0)

    assert breaker.state == Open(62.0)


def test_a_lost_probe_is_replaced_and_its_late_verdict_ignored() -> None:
    breaker, lost = opened().admit(30.0, 0.0)
    assert isinstance(lost, Permit)

    breaker, second = breaker.admit(60.0, 0.0)
    after = breaker.failed(lost, 61.0).succeeded(lost, 61.0)

    assert isinstance(second, Permit)
    assert after is breaker


def test_an_abandoned_probe_frees_its_place() -> None:
    breaker, probe = opened().admit(30.0, 0.0)
    assert isinstance(probe, Permit)

    breaker, second = breaker.abandoned(probe, 31.0).admit(31.0, 0.0)

    assert isinstance(second, Permit)
    assert isinstance(breaker.state, Probing)


def test_an_abandoned_call_of_a_closed_breaker_changes_nothing() -> None:
    breaker, permits = started(Breaker(), 0.0, 1)

    assert breaker.abandoned(permits[0], 1.0) is breaker


def test_a_good_probe_lets_a_growing_share_pass() -> None:
    breaker, probe = opened().admit(30.0, 0.0)
    assert isinstance(probe, Permit)

    breaker = breaker.succeeded(probe, 30.0)

    assert round(breaker.share(30.0), 6) == 0.1
    assert round(breaker.share(45.0), 6) == 0.55
    assert breaker.share(60.0) == 1.0
    assert breaker.admit(30.0, 0.5)[1] == Refused(1.0)
    assert isinstance(breaker.admit(30.0, 0.05)[1], Permit)


def test_failures_of_calls_from_before_it_opened_do_not_open_it_again() -> None:
    breaker, permits = started(Breaker(), 0.0, 20)
    for permit in permits[:10]:
        breaker = breaker.failed(permit, 1.0)
    breaker, probe = breaker.admit(31.0, 0.0)
    assert isinstance(probe, Permit)
    breaker = breaker.succeeded(probe, 32.0)

    for permit in permits[10:]:
        breaker = breaker.failed(permit, 33.0)

    assert isinstance(breaker.state, Closed)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 0.999), st.sampled_from("sfa")), max_size=200)
)
def test_it_always_comes_back_and_never_remembers_more_than_a_window(
    calls: list[tuple[float, float, str]],
) -> None:
    breaker, now = Breaker(Law()), 0.0
    for gap, chance, outcome in calls:
        now += gap
        breaker, permit = breaker.admit(now, chance)
        if isinstance(permit, Permit):
            verdict = {"s": breaker.succeeded, "f": breaker.failed, "a": breaker.abandoned}
            breaker = verdict[outcome](permit, now)
        if isinstance(breaker.state, Closed):
            assert len(breaker.state.tallies) <= 10

    answer = breaker.admit(now + 31.0, 0.0)[1]

    assert isinstance(answer, Permit)
