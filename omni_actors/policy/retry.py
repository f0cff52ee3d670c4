"""Whether and when to try again: every failure of a send or a fetch is judged here."""

from typing import TypeAlias, assert_never

from attrs import frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.states import ChannelState

BASE_S = 1.0
CAP_S = 120.0
ATTEMPTS_MAX = 8
MAX_HOLD_S = 600.0
THROTTLE_BASE_S = 1.0
THROTTLE_CAP_S = 60.0
PAIR_BASE_S = 4.0
PROBE_FIRST_S = 60.0
PROBE_CAP_S = 900.0

NEEDS_REAUTH = frozenset({Reason.CREDENTIALS_EXPIRED})


@frozen
class RetryAt:
    """Try the part again at `at`; a throttled attempt does not count (`refund`)."""

    at: float
    refund: bool = False


@frozen
class CloseScope:
    """Nothing more to `scope` before `until`; the part goes back and its attempt is refunded."""

    scope: Scope
    until: float


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
class WaitForWord:
    """Nobody knows; wait until `until` for the platform to tell, then do as the caller said."""

    until: float


Verdict: TypeAlias = RetryAt | CloseScope | GiveUp | PauseChannel | WaitForWord


@frozen
class Case:
    """What is known when a failure is judged. Times in unix seconds; `jitter` in [0, 1).

    `attempt` counts from 1; `throttled` and `probes` count how often in a row the scope was
    throttled or the channel probed.
    """

    failure: Failure
    attempt: int
    now: float
    jitter: float
    first_failed_at: float | None = None
    throttled: int = 0
    probes: int = 0
    unknown_wait_s: float = 60.0


def decide(case: Case) -> Verdict:
    """Judge one failure of a part."""
    match case.failure.kind:
        case Kind.TRANSIENT | Kind.UNREACHABLE:
            return again(case)
        case Kind.THROTTLED:
            return CloseScope(case.failure.scope, case.now + throttle_s(case))
        case Kind.REJECTED:
            return GiveUp()
        case Kind.BROKEN:
            return pause(case)
        case Kind.UNKNOWN if case.attempt >= ATTEMPTS_MAX:
            return GiveUp()
        case Kind.UNKNOWN:
            return WaitForWord(case.now + case.unknown_wait_s)
        case _:
            assert_never(case.failure.kind)


def again(case: Case) -> Verdict:
    """Back off, unless the attempts are used up or the leg was held too long."""
    if case.attempt >= min(case.failure.attempts_max or ATTEMPTS_MAX, ATTEMPTS_MAX):
        return GiveUp()
    at = case.now + max(backoff_s(case.attempt, case.jitter), case.failure.retry_after_s or 0.0)
    since = case.now if case.first_failed_at is None else case.first_failed_at
    if at > since + MAX_HOLD_S:
        return GiveUp(gap=True)
    return RetryAt(at)


def backoff_s(attempt: int, jitter: float) -> float:
    """Seconds before the next attempt: doubling from 1 s to 2 min, the upper half of it jittered.

    Full jitter could retry at once and burn the attempts within one stumble of the platform.
    """
    ceiling = min(CAP_S, BASE_S * 2.0 ** (attempt - 1))
    return float(ceiling * (0.5 + jitter / 2))


def throttle_s(case: Case) -> float:
    """Seconds that a throttled scope stays closed: what the platform asked, or growing by four
    for one person (as WhatsApp advises for its pair limit) and by two for the rest."""
    if case.failure.retry_after_s is not None:
        return case.failure.retry_after_s * (1 + 0.1 * case.jitter)
    if case.failure.scope in (Scope.LEG, Scope.PART):
        return float(
            min(MAX_HOLD_S, PAIR_BASE_S ** min(case.throttled, 8)) * (1 + 0.25 * case.jitter)
        )
    ceiling = min(THROTTLE_CAP_S, THROTTLE_BASE_S * 2.0 ** min(case.throttled, 16))
    return float(ceiling * (0.5 + case.jitter / 2))


def pause(case: Case) -> PauseChannel:
    """Park the sending; probe after 1 min, then more and more rarely up to every 15 min.

    A channel whose token is gone is not probed: a new token wakes it.
    """
    if case.failure.reason in NEEDS_REAUTH:
        return PauseChannel(ChannelState.NEEDS_REAUTH, None)
    wait_s = min(PROBE_CAP_S, PROBE_FIRST_S * 2.0 ** min(case.probes, 8))
    return PauseChannel(ChannelState.BROKEN, case.now + wait_s)


def fetch_again(failure: Failure, attempt: int, now: float, jitter: float) -> float | None:
    """When to fetch a medium again; None: give up."""
    if failure.kind in (Kind.REJECTED,) or attempt >= ATTEMPTS_MAX:
        return None
    wait_s = max(backoff_s(attempt, jitter) * 5, failure.retry_after_s or 0.0)
    return now + wait_s
