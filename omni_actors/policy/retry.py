"""Whether and when to try again: every failure of a send or a fetch is judged here."""

from typing import TypeAlias, assert_never

from attrs import evolve, frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.states import ChannelState

BASE_S = 1.0
CAP_S = 120.0
ATTEMPTS_MAX = 8
MAX_HOLD_S = 600.0
PATIENT_S = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0)
THROTTLE_BASE_S = 1.0
THROTTLE_MIN_S = 0.5
THROTTLE_CAP_S = 60.0
PAIR_BASE_S = 4.0
# A whole burst of 45 messages to one person is paid off in 270 s.
PAIR_CAP_S = 300.0
# The longest that a platform asks for; more would be a mistake that parks a channel for good.
ASKED_CAP_S = 72 * 3600.0
# For a part that is throttled alone, or that is an answer where only what the business starts is
# throttled, and no time is named.
PART_WAIT_S = 60.0
# A medium can wait longer than a person who waits for an answer.
FETCH_BASE_S = 5.0
FETCH_CAP_S = 3600.0
RESEND_AFTER_S = 2.0
FRESH_S = 600.0
# A report comes within a few seconds of its message, so that without one the next is well by then.
TRUST_S = 30.0
PROBE_FIRST_S = 60.0
PROBE_CAP_S = 900.0

WIDE = (Scope.OUTREACH, Scope.CHANNEL, Scope.ACCOUNT, Scope.APP)


@frozen
class RetryAt:
    """Try the part again at `at`; a throttled attempt does not count (`refund`)."""

    at: float
    refund: bool = False


@frozen
class CloseScope:
    """Nothing more to `scope` before `until`; the part goes back and its attempt is refunded.

    It is due again with its scope, or at `part_at` where that is later.
    """

    scope: Scope
    until: float
    part_at: float = 0.0


@frozen
class GiveUp:
    """Not again. `gap` tells that its leg was held too long."""

    gap: bool = False


@frozen
class PauseChannel:
    """The channel must be mended; its queue is kept, and one part is tried again at `probe_at`."""

    state: ChannelState
    probe_at: float | None


@frozen
class WindowShut:
    """The leg's reply window is closed; the part meets what its caller wanted for that case."""


@frozen
class WaitForWord:
    """Nobody knows; wait until `until` for the platform to tell, then do as the caller said."""

    until: float


Verdict: TypeAlias = RetryAt | CloseScope | GiveUp | PauseChannel | WindowShut | WaitForWord


@frozen
class Case:
    """What is known when a failure is judged. Times in unix seconds; `jitter` in [0, 1).

    `attempt` counts from 1; `first_failed_at` is when the part first failed by itself, not when its
    scope was first closed; `throttled` and `probes` count how often in a row, before this failure,
    the scope was throttled or the channel probed; `first` tells that the part writes first, to
    somebody whose reply window is closed.
    """

    failure: Failure
    attempt: int
    now: float
    jitter: float
    first_failed_at: float | None = None
    throttled: int = 0
    probes: int = 0
    unknown_wait_s: float = 60.0
    first: bool = False


def decide(case: Case) -> Verdict:
    """Judge one failure of a part."""
    match case.failure.kind:
        case Kind.TRANSIENT | Kind.UNREACHABLE:
            return again(case)
        case Kind.THROTTLED:
            return throttled(case)
        case Kind.REJECTED if case.failure.reason is Reason.OUTSIDE_WINDOW:
            return WindowShut()
        case Kind.REJECTED:
            return GiveUp()
        case Kind.BROKEN:
            return pause(case)
        case Kind.UNKNOWN if used_up(case.failure, case.attempt):
            return GiveUp()
        case Kind.UNKNOWN:
            return WaitForWord(case.now + case.unknown_wait_s)
        case _:
            assert_never(case.failure.kind)


def throttled(case: Case) -> RetryAt | CloseScope:
    """Whoever is too fast waits, and nobody else.

    An answer that is refused where only what the business starts should be is not held with that:
    it is tried again after a while.
    """
    scope, now = case.failure.scope, case.now
    match scope:
        case Scope.PART:
            return RetryAt(now + (asked_s(case.failure) or PART_WAIT_S), refund=True)
        case Scope.OUTREACH if not case.first:
            return CloseScope(scope, now + throttle_s(case), part_at=now + PART_WAIT_S)
        case _:
            return CloseScope(scope, now + throttle_s(case))


def again(case: Case) -> Verdict:
    """Back off, unless the attempts are used up or the leg was held too long.

    What is not the part's own trouble, such as a platform that is down, costs it no attempts: only
    the time counts, so that a short outage does not eat up a whole queue. Where the platform asks
    for a longer wait than a leg may be held, everybody whom the trouble concerns waits for it.
    """
    failure = case.failure
    blameless = failure.kind is Kind.UNREACHABLE or failure.scope in WIDE
    if failure.patience_s is not None and not blameless:
        return patiently(case, failure.patience_s)
    if used_up(failure, case.attempt) and (not blameless or failure.attempts_max is not None):
        return GiveUp()
    asked = asked_s(failure) or 0.0
    if asked > MAX_HOLD_S and failure.scope in WIDE:
        return CloseScope(failure.scope, case.now + asked)
    at = case.now + max(backoff_s(case.attempt, case.jitter), asked)
    since = case.now if case.first_failed_at is None else case.first_failed_at
    hold_s = MAX_HOLD_S if failure.patience_s is None else failure.patience_s
    if at > since + hold_s:
        return GiveUp(gap=True)
    return RetryAt(at)


def patiently(case: Case, patience_s: float) -> RetryAt | GiveUp:
    """Ever more rarely, but for long: what may take hours to pass, as a mail that is put off."""
    step_s = PATIENT_S[min(case.attempt, len(PATIENT_S)) - 1]
    wait_s = max(step_s * (1 + 0.1 * case.jitter), asked_s(case.failure) or 0.0)
    since = case.now if case.first_failed_at is None else case.first_failed_at
    if case.now + wait_s > since + patience_s:
        return GiveUp(gap=True)
    return RetryAt(case.now + wait_s)


def used_up(failure: Failure, attempt: int) -> bool:
    """Whether there is no attempt left: 8, or fewer where the failure says so."""
    most = ATTEMPTS_MAX if failure.attempts_max is None else failure.attempts_max
    return attempt >= min(most, ATTEMPTS_MAX)


def asked_s(failure: Failure) -> float | None:
    """Seconds that the platform asked us to wait; None if it named none."""
    if failure.retry_after_s is None:
        return None
    return min(max(failure.retry_after_s, 0.0), ASKED_CAP_S)


def backoff_s(attempt: int, jitter: float) -> float:
    """Seconds before the next attempt: doubling from 1 s to 2 min, the upper half of it jittered.

    Full jitter could retry at once and burn the attempts within one stumble of the platform.
    """
    ceiling = min(CAP_S, BASE_S * 2.0 ** min(attempt - 1, 16))
    return float(ceiling * (0.5 + jitter / 2))


def throttle_s(case: Case) -> float:
    """Seconds that a throttled scope stays closed: what the platform asked, or growing by four
    for one person (as WhatsApp advises for its pair limit) and by two for the rest.

    Never nothing, whatever was asked: throttled attempts are refunded, so zero would spin.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
    """
    asked = asked_s(case.failure)
    if asked is not None:
        return max(THROTTLE_MIN_S, asked) * (1 + 0.1 * case.jitter)
    if case.failure.scope not in WIDE:
        wait_s = min(PAIR_CAP_S, PAIR_BASE_S ** min(case.throttled, 8))
        return float(wait_s * (1 + 0.25 * case.jitter))
    ceiling = min(THROTTLE_CAP_S, THROTTLE_BASE_S * 2.0 ** min(case.throttled, 16))
    return float(ceiling * (0.5 + case.jitter / 2))


def pause(case: Case) -> PauseChannel:
    """Park the sending; probe after 1 min, then more and more rarely up to every 15 min.

    A channel whose token is gone is not probed: a new token wakes it. One that lacks a right may be
    given it at the platform, with the same token.
    """
    if case.failure.reason is Reason.CREDENTIALS_EXPIRED:
        return PauseChannel(ChannelState.NEEDS_REAUTH, None)
    lacks_right = case.failure.reason is Reason.PERMISSION_DENIED
    state = ChannelState.NEEDS_REAUTH if lacks_right else ChannelState.BROKEN
    wait_s = min(PROBE_CAP_S, PROBE_FIRST_S * 2.0 ** min(case.probes, 8))
    return PauseChannel(state, case.now + wait_s)


def tries_when_reported(failure: Failure | None) -> int:
    """How often a part may be tried in all when the platform took it and reports this later; 0:
    it has failed for good.

    What is worth another try has surely reached nobody, and was not refused for what it is: too
    many were sent, the channel must be mended, the platform was down, or it could not get a medium
    (the next attempt goes another way).
    """
    if failure is None:
        return 0
    match failure.kind:
        case Kind.THROTTLED | Kind.BROKEN:
            undelivered = True
        case Kind.TRANSIENT:
            lacks_medium = failure.reason is Reason.MEDIA_UNREACHABLE
            undelivered = lacks_medium or failure.scope in WIDE
        case _:
            undelivered = False
    return min(failure.attempts_max or ATTEMPTS_MAX, ATTEMPTS_MAX) if undelivered else 0


def resend_at(failure: Failure, now: float) -> float:
    """When a part is tried again of which the platform reports this.

    What waits for its scope need not wait twice, except that an answer does not wait for what the
    business starts.
    """
    match failure:
        case Failure(kind=Kind.THROTTLED, scope=Scope.OUTREACH):
            wait_s = PART_WAIT_S
        case Failure(kind=Kind.THROTTLED, scope=scope) if scope is not Scope.PART:
            wait_s = RESEND_AFTER_S
        case _:
            wait_s = max(RESEND_AFTER_S, asked_s(failure) or 0.0)
    return now + wait_s


def when_reported(case: Case, at: float) -> CloseScope | PauseChannel | None:
    """What a failure means for others than its part, that the platform reported at `at`.

    As in an answer, except that it may be old: then what it asked for is over, wholly or partly.
    """
    fresh = case.now - at <= FRESH_S
    match decide(case if fresh else evolve(case, now=at)):
        case CloseScope(until=until) as shut if until > case.now:
            return shut
        case PauseChannel() as parked if fresh:
            return parked
        case _:
            return None


@frozen
class Fetching:
    """What is known when a fetch has failed. `attempt` counts from 1; `until` is when the platform
    forgets the medium; times in unix seconds, `jitter` in [0, 1)."""

    failure: Failure
    attempt: int
    now: float
    until: float
    jitter: float


def fetch_again(case: Fetching) -> float | None:
    """When to fetch a medium again: soon at first, every hour in the end; None: give up."""
    failure = case.failure
    if failure.kind is Kind.REJECTED:
        return None
    if failure.attempts_max is not None and case.attempt >= failure.attempts_max:
        return None
    wait_s = min(FETCH_CAP_S, FETCH_BASE_S * 2.0 ** min(case.attempt - 1, 16))
    at = case.now + max(wait_s * (0.5 + case.jitter / 2), asked_s(failure) or 0.0)
    return at if at < case.until else None
