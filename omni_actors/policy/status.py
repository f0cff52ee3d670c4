"""The rank of what platforms report about a part: the maximum wins, whatever the order."""

from collections.abc import Iterable

from omni_actors.model.states import PartStatus

RANKS: dict[PartStatus, int] = {
    PartStatus.SENT: 1,
    PartStatus.FAILED: 2,
    PartStatus.DELIVERED: 3,
    PartStatus.READ: 4,
    PartStatus.PLAYED: 5,
}


def rank(status: PartStatus) -> int:
    """The rank of a reported status; 0 for the states that are only ours."""
    return RANKS.get(status, 0)


def final(statuses: Iterable[PartStatus]) -> PartStatus | None:
    """What remains of reported statuses in any order and repetition; None when there are none.

    States that are only ours have no rank and are passed over.
    """
    return max(filter(rank, statuses), key=rank, default=None)
