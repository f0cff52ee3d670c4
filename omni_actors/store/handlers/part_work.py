"""A part and its message while a batch of changes works on them, and what their states mean."""

from collections.abc import Sequence

from attrs import define, field

from omni_actors.model.states import PartStatus
from omni_actors.store.verbs import Resend

RANK_SENT = 1
RANK_FAILED = 2
OF_STATUS = {status.value: status for status in PartStatus}
ON_ITS_WAY = (PartStatus.SENDING, PartStatus.UNKNOWN, PartStatus.SENT)
DEAD = frozenset({PartStatus.FAILED, PartStatus.EXPIRED})
ENDS = (PartStatus.FAILED, PartStatus.EXPIRED, PartStatus.CANCELLED)
ASCENT = (
    PartStatus.UNKNOWN,
    PartStatus.HELD,
    PartStatus.QUEUED,
    PartStatus.SENDING,
    PartStatus.SENT,
    PartStatus.DELIVERED,
    PartStatus.READ,
    PartStatus.PLAYED,
)
STEP = {status: step for step, status in enumerate(ASCENT)}


@define(eq=False)
class MessageWork:
    """An outbound message while a batch works on its parts."""

    id: str
    tenant: str
    conversation_id: str
    leg_id: str
    channel_id: str
    told: str
    count: int
    on_unknown: str
    sent_at: float | None
    parts: list["PartWork"] = field(factory=list)
    dirty: bool = False


@define(eq=False)
class PartWork:
    """A part while a batch works on it.

    Its external ids begin with those of its newest try; the last `past_ids` are of tries before
    it came back to the queue.
    """

    pos: int
    id: str
    n: int
    lane: str
    status: PartStatus
    rank: int
    attempts: int
    attempt_id: str | None
    due_at: float | None
    until_at: float | None
    wire_at: float | None
    first_failed_at: float | None
    external_ids: list[str]
    past_ids: int
    failure: str | None
    maybe_duplicate: bool
    status_at: float
    windowed: bool
    held_for: str | None
    message: MessageWork
    marks: str
    dirty: bool = False

    @property
    def tried_before(self) -> bool:
        """Whether an earlier try may have reached the platform."""
        return self.maybe_duplicate or self.past_ids > 0

    def has_failed(self, external_ids: Sequence[str]) -> bool:
        """Whether a report that was faster than the answer has told of the end of this try."""
        told = bool(external_ids) and all(self.of_past(id) for id in external_ids)
        return told and self.status is PartStatus.QUEUED

    @property
    def may_come_back(self) -> bool:
        """Whether it is with the platform, as far as we know, and not yet with its recipient."""
        return self.status in (PartStatus.SENDING, PartStatus.UNKNOWN, PartStatus.SENT)

    def of_past(self, external_id: str) -> bool:
        """Whether this is the platform's id of an earlier try."""
        return external_id in self.external_ids[self.present_ids :]

    @property
    def present_ids(self) -> int:
        """How many external ids are of the newest try."""
        return len(self.external_ids) - self.past_ids


def goes_again(part: PartWork, resend: Resend | None) -> bool:
    """Whether a part that the platform has, or may have, is sent again for all that it failed."""
    on_its_way = part.rank <= RANK_SENT and part.status in ON_ITS_WAY
    return on_its_way and resend is not None and part.attempts < resend.tries


def status_of(statuses: Sequence[PartStatus]) -> tuple[PartStatus, bool]:
    """A message's status by its parts', and whether only some of them ended like that."""
    for end in ENDS:
        if end in statuses:
            return end, any(status is not end for status in statuses)
    return min(statuses, key=STEP.__getitem__), False
