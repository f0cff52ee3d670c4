"""When a channel's token is renewed, when it is looked at, and when its operator is warned."""

from typing import Final

from attrs import evolve

from omni_actors.model.failure import Failure, Kind, Reason, Scope

LIFE_PART: Final = 0.8
LIFE_JITTER: Final = 0.05
AGE_JITTER_S: Final = 3600.0
"""Channels that were connected together must not be renewed together."""
ASK_AGAIN_S: Final = 3600.0
"""So long the platform is not asked again with a refresh token that it has refused for good."""
RETRY_BASE_S: Final = 60.0
RETRY_CAP_S: Final = 3600.0
WARN_S: Final = 10 * 86400.0
INSPECT_EVERY_S: Final = 86400.0
WATCH_EVERY_S: Final = 3600.0
"""A platform that could not deliver for an hour takes the app off the account, and tells nobody."""


def renew_at(issued_at: float, expires_at: float | None, age_min_s: float, jitter: float) -> float:
    """When to renew a token: at four fifths of its life, and not before it may be.

    Of one whose end nobody knows a renewal tells the end, so it is renewed as soon as it may be.
    `jitter` in [0, 1) brings forward the one and puts off the other. Unix seconds.
    """
    soonest = issued_at + age_min_s + AGE_JITTER_S * jitter
    if expires_at is None:
        return soonest
    wanted = issued_at + (expires_at - issued_at) * (LIFE_PART - LIFE_JITTER * jitter)
    return max(wanted, issued_at + age_min_s)


def retry_s(failure: Failure, strikes: int, jitter: float) -> float:
    """Seconds until a call of upkeep is made again, after `strikes` failures before this one."""
    ceiling = min(RETRY_CAP_S, RETRY_BASE_S * 2.0 ** min(strikes, 16))
    return max(ceiling * (0.5 + jitter / 2), failure.retry_after_s or 0.0)


def must_connect_again(failure: Failure) -> bool:
    """Whether only a person can mend this, by connecting the account once more."""
    broken = failure.kind is Kind.BROKEN
    return broken and failure.reason in (Reason.CREDENTIALS_EXPIRED, Reason.PERMISSION_DENIED)


def has_ended(failure: Failure) -> bool:
    """Whether the token is good for nothing any more.

    One that may not look after the account may well be allowed to send, which shows in sending.
    """
    return failure.kind is Kind.BROKEN and failure.reason is Reason.CREDENTIALS_EXPIRED


def reason_of(failure: Failure) -> str:
    """Why a channel must be connected again, for its operator."""
    said = failure.text or failure.code or ""
    why = failure.advice or said
    beside = f" ({said})" if failure.advice and said else ""
    return f"{failure.reason}: {why}{beside}"


def of_channel(failure: Failure) -> Failure:
    """Why a refresh token got nothing, as the channel's trouble: no part is to blame for it, and
    nothing of a part is in doubt over it."""
    kinds = {Kind.REJECTED: Kind.BROKEN, Kind.UNKNOWN: Kind.TRANSIENT}
    return evolve(failure, kind=kinds.get(failure.kind, failure.kind), scope=Scope.CHANNEL)


def worded(failure: Failure) -> Failure:
    """A failure whose text says what its advice does, for whom reads only that."""
    text = reason_of(failure).removeprefix(f"{failure.reason}: ")
    return evolve(failure, text=text, advice=None)


def ends_at(expires_at: float | None, access_until: float | None) -> float | None:
    """When a token opens nothing more unless something is done; None: nobody knows of an end."""
    known = [at for at in (expires_at, access_until) if at is not None]
    return min(known, default=None)
