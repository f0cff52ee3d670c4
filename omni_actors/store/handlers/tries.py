"""Which try of a part a status tells of: one that was sent anew has several."""

from enum import Enum, auto

from omni_actors.model.states import PartStatus
from omni_actors.store.handlers.part_work import RANK_FAILED, PartWork


class Try(Enum):
    """Whose status it is."""

    NEWEST = auto()
    EARLIER = auto()
    UNCLEAR = auto()  # until the newest try's answer names its ids


def try_of(part: PartWork, external_id: str, rank: int) -> Try:
    """Which try a status with this external id counts for.

    That an earlier try was sent or failed does not settle the part; that it arrived does, so it
    counts as the newest one's.
    """
    if rank > RANK_FAILED:
        return Try.NEWEST
    if external_id in part.external_ids:
        return Try.EARLIER if part.of_past(external_id) else Try.NEWEST
    if not part.tried_before:
        return Try.NEWEST
    if part.status is PartStatus.SENDING:
        return Try.UNCLEAR if rank == RANK_FAILED else Try.NEWEST
    return Try.EARLIER if part.present_ids else Try.NEWEST
