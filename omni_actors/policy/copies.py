"""Copies that were not taken: who is tried again, and when.

The message itself is with the person whom it is for; only those who lack it are in question.
"""

from collections.abc import Set
from typing import Final

from attrs import evolve, frozen

from omni_actors.model.copies import Copies, NoCopy
from omni_actors.model.failure import Failure, Kind
from omni_actors.policy.retry import PATIENT_S, asked_s

PATIENCE_S: Final = 24 * 3600.0
AT_ONCE_MAX: Final = 20
OVER: Final = "it was tried for a day"


@frozen
class Late:
    """Who has got no copy after so many `tries`, since when (unix seconds). `doubted` are those of
    whom nobody knew already after an earlier try; `jitter` is in [0, 1)."""

    refused: tuple[NoCopy, ...]
    tries: int
    since: float
    now: float
    jitter: float
    doubted: Set[str] = frozenset()


def judge(case: Late) -> Copies:
    """Whom to try again. All of them go out at once, when the first of them may.

    Who was only one too many may at once, as long as that goes well: each time fewer are left.
    """
    lost = [each for each in case.refused if not _may_pass(each, case.doubted)]
    again = [each for each in case.refused if each not in lost]
    step_s = PATIENT_S[min(max(case.tries, 1), len(PATIENT_S)) - 1] * (1 + 0.1 * case.jitter)
    asked = min([asked_s(each.failure) or 0.0 for each in again], default=0.0)
    at_once = case.tries <= AT_ONCE_MAX and any(each.crowded for each in again)
    due_at = case.now + (0.0 if at_once else max(step_s, asked))
    if due_at > case.since + PATIENCE_S:
        return Copies(lost=(*lost, *(_over(each) for each in again)))
    return Copies(tuple(again), tuple(lost), due_at)


def all_again(addresses: tuple[str, ...], failure: Failure) -> tuple[NoCopy, ...]:
    """A try that failed as a whole, for each of those whom it was for.

    Trouble of the channel is not theirs: they are tried again, as its queue is.
    """
    if failure.kind is Kind.BROKEN:
        failure = evolve(failure, kind=Kind.TRANSIENT)
    return tuple([NoCopy(address, failure) for address in addresses])


def _may_pass(refused: NoCopy, doubted: Set[str]) -> bool:
    """What nobody knows of is tried once more, and no third time."""
    match refused.failure.kind:
        case Kind.TRANSIENT | Kind.THROTTLED | Kind.UNREACHABLE:
            return True
        case Kind.UNKNOWN:
            return refused.address not in doubted
        case _:
            return False


def _over(refused: NoCopy) -> NoCopy:
    failure = refused.failure
    text = f"{failure.text} ({OVER})" if failure.text else OVER
    return evolve(refused, failure=evolve(failure, text=text))
