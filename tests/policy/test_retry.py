"""What every failure leads to, and that waiting is never nothing and never for ever."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.states import ChannelState
from omni_actors.policy.retry import (
    ASKED_CAP_S,
    ATTEMPTS_MAX,
    CAP_S,
    MAX_HOLD_S,
    PAIR_CAP_S,
    PART_WAIT_S,
    PROBE_CAP_S,
    RESEND_AFTER_S,
    THROTTLE_CAP_S,
    THROTTLE_MIN_S,
    Case,
    CloseScope,
    Fetching,
    GiveUp,
    PauseChannel,
    RetryAt,
    Verdict,
    WaitForWord,
    WindowShut,
    backoff_s,
    decide,
    fetch_again,
    resend_at,
    tries_when_reported,
    when_reported,
)

NOW = 1_000_000.0
JUST_BELOW_1 = 1 - 2**-53
ATTEMPTS = (1, ATTEMPTS_MAX - 1, ATTEMPTS_MAX, ATTEMPTS_MAX + 5)
WIDE = (Scope.OUTREACH, Scope.CHANNEL, Scope.ACCOUNT, Scope.APP)
JITTER = st.floats(0, JUST_BELOW_1)


def judged(
    kind: Kind, scope: Scope = Scope.PART, attempt: int = 1, *, jitter: float = 0.0,
    first_failed_at: float | None = None, throttled: int = 0, probes: int = 0,
    reason: Reason = Reason.UNKNOWN, asked: float | None = None, most: int | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on one failure."""
    failure = Failure(kind, reason, scope, retry_after_s=asked, attempts_max=most)
    return decide(Case(failure, attempt, NOW, jitter, first_failed_at, throttled, probes))


def expected(kind: Kind, scope: Scope, attempt: int) -> type:
    """The table: what a failure of this kind and scope leads to at this attempt."""
    last = attempt >= ATTEMPTS_MAX
    match kind:
        case Kind.TRANSIENT:
            return GiveUp if last and scope not in WIDE else RetryAt
        case Kind.UNREACHABLE:
            return RetryAt
        case Kind.THROTTLED:
            return RetryAt if scope is Scope.PART else CloseScope
        case Kind.REJECTED:
            return GiveUp
        case Kind.BROKEN:
            return PauseChannel
        case Kind.UNKNOWN:
            return GiveUp if last else WaitForWord


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_failure_has_its_verdict(kind: Kind, scope: Scope, attempt: int) -> None:
    verdict = judged(kind, scope, attempt)

    assert type(verdict) is expected(kind, scope, attempt)
    match verdict:
        case CloseScope(scope=closed, until=until):
            assert closed is scope
            assert until > NOW
        case RetryAt(at=at):
            assert at > NOW
        case PauseChannel(state=state, probe_at=probe_at):
            assert (state, probe_at) == (ChannelState.BROKEN, NOW + 60)
        case WaitForWord(until=until):
            assert until == NOW + 60
        case GiveUp(gap=gap):
            assert not gap


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.UNREACHABLE, Kind.UNKNOWN])
@pytest.mark.parametrize("scope", Scope)
def test_a_failure_may_allow_fewer_attempts(kind: Kind, scope: Scope) -> None:
    assert not isinstance(judged(kind, scope, 2, most=3), GiveUp)
    assert judged(kind, scope, 3, most=3) == GiveUp()
    assert judged(kind, scope, 1, most=0) == GiveUp()


def test_no_failure_allows_the_part_more_attempts_than_the_house() -> None:
    assert judged(Kind.TRANSIENT, attempt=ATTEMPTS_MAX, most=50) == GiveUp()


@given(st.integers(1, 10_000), JITTER)
def test_back_off_doubles_within_bounds_and_is_never_nothing(attempt: int, jitter: float) -> None:
    wait_s = backoff_s(attempt, jitter)

    ceiling = min(CAP_S, 2.0 ** min(attempt - 1, 60))
    assert ceiling / 2 <= wait_s <= ceiling
    assert wait_s >= 0.5


@given(st.floats(0, MAX_HOLD_S), JITTER, st.none() | st.floats(0, 2 * MAX_HOLD_S))
def test_a_leg_is_held_for_ten_minutes_at_most(
    held_s: float, jitter: float, asked: float | None
) -> None:
    since = NOW - held_s

    verdict = judged(
        Kind.UNREACHABLE, attempt=3, jitter=jitter, first_failed_at=since, asked=asked
    )  # fmt: skip

    match verdict:
        case RetryAt(at=at):
            assert NOW + max(2.0, asked or 0.0) <= at <= since + MAX_HOLD_S
        case _:
            assert verdict == GiveUp(gap=True)
            assert held_s + max(4.0, asked or 0.0) > MAX_HOLD_S


@pytest.mark.parametrize("scope", Scope)
def test_a_long_wait_that_the_platform_asks_for_closes_what_it_concerns(scope: Scope) -> None:
    verdict = judged(Kind.TRANSIENT, scope, asked=900.0)

    if scope in (Scope.PART, Scope.LEG):
        assert verdict == GiveUp(gap=True)
    else:
        assert verdict == CloseScope(scope, NOW + 900)


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.UNREACHABLE])
def test_an_outage_of_five_minutes_costs_no_message(kind: Kind) -> None:
    at, attempt = NOW, 0
    while at < NOW + 300:
        attempt += 1
        failure = Failure(kind, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL)
        verdict = decide(Case(failure, attempt, at, 0.0, first_failed_at=NOW))
        assert isinstance(verdict, RetryAt)
        at = verdict.at

    assert attempt > ATTEMPTS_MAX


def test_one_person_is_left_alone_four_times_longer_each_time() -> None:
    waits = [until(Kind.THROTTLED, Scope.LEG, throttled=n) - NOW for n in range(8)]

    assert waits == [1, 4, 16, 64, 256, PAIR_CAP_S, PAIR_CAP_S, PAIR_CAP_S]


@pytest.mark.parametrize(("asked", "wait_s"), [(None, PART_WAIT_S), (0.0, PART_WAIT_S), (360, 360)])
def test_a_part_that_is_throttled_alone_waits_alone(asked: float | None, wait_s: float) -> None:
    verdict = judged(Kind.THROTTLED, Scope.PART, throttled=5, asked=asked)

    assert verdict == RetryAt(NOW + wait_s, refund=True)


@pytest.mark.parametrize(("first", "part_at"), [(True, 0.0), (False, NOW + PART_WAIT_S)])
def test_an_answer_does_not_wait_as_long_as_what_the_business_starts(
    first: bool, part_at: float
) -> None:
    failure = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH, retry_after_s=3600.0)

    verdict = decide(Case(failure, 1, NOW, 0.0, first=first))

    assert verdict == CloseScope(Scope.OUTREACH, NOW + 3600, part_at=part_at)


@pytest.mark.parametrize("scope", WIDE)
def test_a_throttled_channel_waits_twice_as_long_each_time(scope: Scope) -> None:
    waits = [until(Kind.THROTTLED, scope, throttled=n) - NOW for n in range(9)]

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def until(kind: Kind, scope: Scope, **known: Any) -> float:
    """Until when a scope is closed."""
    verdict = judged(kind, scope, **known)
    assert isinstance(verdict, CloseScope)
    return verdict.until


@given(
    st.sampled_from([scope for scope in Scope if scope is not Scope.PART]),
    st.integers(0, 10_000),
    JITTER,
    st.none() | st.floats(-10, 1e9) | st.just(float("inf")),
)
def test_a_throttle_is_never_nothing_and_never_for_ever(
    scope: Scope, throttled: int, jitter: float, asked: float | None
) -> None:
    wait_s = until(Kind.THROTTLED, scope, throttled=throttled, jitter=jitter, asked=asked) - NOW

    if asked is None:
        most = THROTTLE_CAP_S if scope in WIDE else PAIR_CAP_S * 1.25
        assert THROTTLE_MIN_S - 1e-6 <= wait_s <= most + 1e-6
    else:
        least = max(THROTTLE_MIN_S, min(asked, ASKED_CAP_S))
        assert least - 1e-6 <= wait_s <= 1.1 * least + 1e-6


def test_what_the_platform_asks_is_kept() -> None:
    assert judged(Kind.TRANSIENT, asked=60.0) == RetryAt(NOW + 60)
    assert until(Kind.THROTTLED, Scope.CHANNEL, asked=3600.0) == NOW + 3600
    assert judged(Kind.TRANSIENT, asked=0.0) == RetryAt(NOW + 0.5)


def test_a_channel_is_probed_more_and_more_rarely() -> None:
    verdicts = [judged(Kind.BROKEN, Scope.CHANNEL, probes=n) for n in (0, 1, 2, 3, 4, 1000)]

    waits = [v.probe_at - NOW for v in verdicts if isinstance(v, PauseChannel) and v.probe_at]
    assert waits == [60, 120, 240, 480, PROBE_CAP_S, PROBE_CAP_S]


def test_a_channel_without_token_waits_for_a_new_one() -> None:
    verdict = judged(Kind.BROKEN, Scope.CHANNEL, reason=Reason.CREDENTIALS_EXPIRED, probes=3)

    assert verdict == PauseChannel(ChannelState.NEEDS_REAUTH, None)


def test_a_channel_that_lacks_a_right_is_probed_because_it_may_be_given_it() -> None:
    verdict = judged(Kind.BROKEN, Scope.CHANNEL, reason=Reason.PERMISSION_DENIED)

    assert verdict == PauseChannel(ChannelState.NEEDS_REAUTH, NOW + 60)


def test_a_closed_window_is_no_end_of_the_part() -> None:
    verdict = judged(Kind.REJECTED, Scope.PART, reason=Reason.OUTSIDE_WINDOW)

    assert verdict == WindowShut()


def fetched_again(
    failure: Failure, attempt: int = 1, *, left_s: float = 7 * 86400.0
) -> float | None:
    return fetch_again(Fetching(failure, attempt, NOW, NOW + left_s, 0.0))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("attempt", [1, 5, 50, 500])
def test_a_medium_is_fetched_again_unless_it_was_refused(kind: Kind, attempt: int) -> None:
    at = fetched_again(Failure(kind, Reason.UNKNOWN), attempt)

    if kind is Kind.REJECTED:
        assert at is None
    else:
        assert at == NOW + min(3600.0, 5 * 2.0 ** (attempt - 1)) / 2


def test_a_medium_is_fetched_again_as_long_as_the_platform_keeps_it() -> None:
    stumbled = Failure(Kind.TRANSIENT, Reason.UNKNOWN)

    assert fetched_again(stumbled, 200, left_s=1801.0) == NOW + 1800
    assert fetched_again(stumbled, 200, left_s=1799.0) is None


def test_a_medium_is_fetched_when_and_as_often_as_the_platform_says() -> None:
    failure = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, retry_after_s=90.0, attempts_max=2)

    assert fetched_again(failure, 1) == NOW + 90
    assert fetched_again(failure, 2) is None


UNREACHABLE = Failure(Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE, attempts_max=3)
REPORTED = {
    "nothing": (None, 0),
    "a medium that the platform could not get": (UNREACHABLE, 3),
    "that, without a number": (Failure(Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE), ATTEMPTS_MAX),
    "a medium that is no good": (Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE), 0),
    "a stumble, which may have been seen": (Failure(Kind.TRANSIENT, Reason.UNKNOWN), 0),
    "a platform that is down": (
        Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL),
        ATTEMPTS_MAX,
    ),
    "too many to one person": (
        Failure(Kind.THROTTLED, Reason.PAIR_RATE_LIMITED, Scope.LEG),
        ATTEMPTS_MAX,
    ),
    "a channel that must be mended": (
        Failure(Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, Scope.CHANNEL),
        ATTEMPTS_MAX,
    ),
    "a refusal": (Failure(Kind.REJECTED, Reason.POLICY_REJECTED), 0),
}


@pytest.mark.parametrize(("failure", "tries"), REPORTED.values(), ids=REPORTED.keys())
def test_what_is_reported_later_is_the_end_unless_another_way_is_left(
    failure: Failure | None, tries: int
) -> None:
    assert tries_when_reported(failure) == tries


@pytest.mark.parametrize(
    ("scope", "asked", "wait_s"),
    [
        (Scope.CHANNEL, 900.0, RESEND_AFTER_S),
        (Scope.LEG, None, RESEND_AFTER_S),
        (Scope.OUTREACH, 3600.0, PART_WAIT_S),
        (Scope.PART, 360.0, 360.0),
        (Scope.PART, None, RESEND_AFTER_S),
    ],
)
def test_what_comes_back_waits_with_its_scope_or_alone(
    scope: Scope, asked: float | None, wait_s: float
) -> None:
    failure = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, scope, retry_after_s=asked)

    assert resend_at(failure, NOW) == NOW + wait_s


HOUR = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH, retry_after_s=3600.0)
SECOND = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL, retry_after_s=1.0)
LOCKED = Failure(Kind.BROKEN, Reason.POLICY_REJECTED, Scope.CHANNEL)


@pytest.mark.parametrize(
    ("failure", "age_s", "expected"),
    [
        (HOUR, 1.0, CloseScope(Scope.OUTREACH, NOW + 3600)),
        (HOUR, 1800.0, CloseScope(Scope.OUTREACH, NOW + 1800)),
        (HOUR, 3600.0, None),
        (SECOND, 1.9, CloseScope(Scope.CHANNEL, NOW + 1)),
        (SECOND, 3600.0, None),
        (LOCKED, 1.0, PauseChannel(ChannelState.BROKEN, NOW + 60)),
        (LOCKED, 3600.0, None),
        (UNREACHABLE, 1.0, None),
    ],
)
def test_a_report_closes_as_an_answer_does_unless_it_is_old(
    failure: Failure, age_s: float, expected: Verdict | None
) -> None:
    case = Case(failure, 1, NOW, 0.0, first=True)

    assert when_reported(case, NOW - age_s) == expected


def test_what_is_put_off_is_tried_ever_more_rarely_for_as_long_as_it_is_worth() -> None:
    put_off = Failure(Kind.TRANSIENT, Reason.UNKNOWN, Scope.LEG, patience_s=86_400.0)
    began, now, waits = 1000.0, 1000.0, []
    for attempt in range(1, 100):
        verdict = decide(Case(put_off, attempt, now, jitter=0.0, first_failed_at=began))
        if verdict == GiveUp(gap=True):
            break
        assert isinstance(verdict, RetryAt)
        waits.append(verdict.at - now)
        now = verdict.at

    assert waits[:6] == [60, 300, 900, 1800, 3600, 7200]
    assert waits[6:] == [7200] * len(waits[6:])
    assert 80_000 < now - began <= 86_400


def test_what_is_nobodys_fault_is_tried_often_for_as_long_as_it_is_worth() -> None:
    away = Failure(Kind.UNREACHABLE, Reason.UNKNOWN, Scope.CHANNEL, patience_s=86_400.0)

    verdicts = [decide(Case(away, 40, now, 0.0, first_failed_at=0.0)) for now in (50_000, 86_390)]

    assert verdicts == [RetryAt(50_060.0), GiveUp(gap=True)]


def test_what_is_put_off_waits_at_least_as_long_as_it_asks_for() -> None:
    grey = Failure(
        Kind.TRANSIENT, Reason.UNKNOWN, Scope.LEG, retry_after_s=300.0, patience_s=86_400.0
    )

    verdict = decide(Case(grey, attempt=1, now=50.0, jitter=0.5))

    assert verdict == RetryAt(350.0)
