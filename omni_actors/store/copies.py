"""Of the writes and reads: copies of what a platform has taken, for those who did not get one."""

from attrs import frozen

from omni_actors.model.copies import Copies
from omni_actors.model.limits import Spent
from omni_actors.store.contract import Query, Verb
from omni_actors.store.verbs import Claimed, Trace


@frozen
class CopyLine:
    """The part of a channel whose copies are due first."""

    channel_id: str
    part_id: str
    leg_id: str
    due_at: float


@frozen
class CopyLines(Query[tuple[CopyLine, ...]]):
    """Whose copies are still to be taken: one part of each channel."""


@frozen
class ClaimedCopies:
    """Copies that are ours to send now: to those in `claimed.only`, for the `tries`th time after
    the first, which failed at `since`. Of the `doubted` nobody knows whether they have theirs."""

    claimed: Claimed
    tries: int
    since: float
    doubted: frozenset[str]


@frozen
class ClaimCopies(Verb[ClaimedCopies | None]):
    """Take the copies of a part to send them; None when there are none that are due.

    Whoever takes them and never says how that ended leaves everybody in doubt; whoever was left so
    twice is given up.
    """

    part_id: str
    at: float


@frozen
class SettleCopies(Verb[None]):
    """Record how a try to send copies has ended: for whom they were `taken`, and what is to become
    of the others. Each end is told; who was `doubted` before may have it twice now."""

    part_id: str
    attempt_id: str
    at: float
    taken: tuple[str, ...]
    copies: Copies
    trace: Trace | None = None
    note: str | None = None
    doubted: frozenset[str] = frozenset()
    spent: Spent | None = None


@frozen
class LapseCopies(Verb[None]):
    """Give up the copies of messages that have expired, and those that nobody could try for days;
    each is told."""

    at: float
