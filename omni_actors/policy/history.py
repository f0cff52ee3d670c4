"""When old conversations are read again, how far back, and when a reading that failed goes on."""

from typing import Final

from omni_actors.model.failure import Failure, Kind, Reason

OUTAGE_S: Final = 300.0
"""A shorter absence is bridged by the platforms, which send again what was not taken."""
OVERLAP_S: Final = 600.0
"""What came last may have come before what is missing."""
SETTLE_S: Final = 10.0
"""After a connecting its webhooks are ordered first; what is said until then is read."""
BASE_S: Final = 30.0
CAP_S: Final = 3600.0
STRIKES_TOLD: Final = 3


def was_away(last_event_at: float | None, now: float) -> bool:
    """Whether a start comes so long after the last word of a platform that some may be missing."""
    return last_event_at is not None and now - last_event_at > OUTAGE_S


def since(last_event_at: float | None) -> float | None:
    """How far back to read when words are missing; None for all the way. Unix seconds."""
    return None if last_event_at is None else last_event_at - OVERLAP_S


def is_older(updated_at: float | None, since: float | None) -> bool:
    """Whether nothing is missing of a conversation in which something happened last then."""
    return since is not None and updated_at is not None and updated_at < since


def is_final(failure: Failure) -> bool:
    """Whether a reading ends with this: asking again would be answered the same.

    One that lacks a token or a right goes on once the account has them again.
    """
    return failure.kind is Kind.REJECTED


def goes_one_by_one(failure: Failure, strikes: int) -> bool:
    """Whether a platform that fails to list conversations is asked about people one by one.

    It either refuses the list, or fails on it again and again without a reason.
    """
    unclear = failure.reason in (Reason.UNKNOWN, Reason.TIMED_OUT)
    return is_final(failure) or (unclear and strikes >= STRIKES_TOLD)


def may_pass(failure: Failure, strikes: int) -> bool:
    """Whether a failure is none of the operator's business yet: it may well pass by itself."""
    return not is_final(failure) and strikes < STRIKES_TOLD


def goes_on_at(failure: Failure, strikes: int, now: float, jitter: float) -> float:
    """When to go on after a failure; `strikes` in a row came before this one. Unix seconds."""
    known = CAP_S if failure.kind is Kind.BROKEN else BASE_S * 2.0 ** min(strikes, 16)
    backoff_s = min(CAP_S, known)
    return now + max(failure.retry_after_s or 0.0, backoff_s) * (1.0 + 0.1 * jitter)
