"""What waits to be sent on one channel, as far as memory holds it: heads of legs, lane by lane.

The store is the truth. This is a bounded window on it: what does not fit is remembered as one flag
a lane, and read again in pages when there is room.
"""

import heapq
from collections.abc import Iterable, Sequence
from itertools import count

from attrs import define, field

from omni_actors.model.states import Priority
from omni_actors.policy.fairness import FairQueue, Picked
from omni_actors.store.rows import LegWake

READY_MAX = 512
LATER_MAX = 4_096


@define
class Outbound:
    """Heads that may go now, heads that are due later, and legs that have a part on the wire."""

    ready: FairQueue[str, LegWake] = field(factory=lambda: FairQueue(READY_MAX))
    known: set[tuple[str, Priority]] = field(factory=set)
    busy: dict[str, list[LegWake]] = field(factory=dict)
    more: dict[Priority, str] = field(factory=lambda: dict.fromkeys(Priority, ""))
    _later: list[tuple[float, int, LegWake]] = field(factory=list)
    _serial: count[int] = field(factory=count)

    def add(self, wakes: Iterable[LegWake], now: float) -> None:
        """Take heads in; what there is no room for is looked up again later."""
        for wake in wakes:
            self.add_one(wake, now)

    def add_one(self, wake: LegWake, now: float) -> None:
        key = (wake.leg_id, wake.lane)
        if wake.leg_id in self.busy:
            self.remember_for(wake)
        elif key in self.known:
            return
        elif wake.due_at > now:
            self.put_later(wake, wake.due_at)
        elif self.ready.push(wake.lane.value, wake.leg_id, wake):
            self.known.add(key)
        else:
            self.more.setdefault(wake.lane, "")

    def remember_for(self, wake: LegWake) -> None:
        """Keep the newest head of each lane until the leg's part is off the wire."""
        waiting = self.busy[wake.leg_id]
        waiting[:] = [other for other in waiting if other.lane is not wake.lane]
        waiting.append(wake)

    def put_later(self, wake: LegWake, due_at: float) -> None:
        """Wait with a head until `due_at`."""
        if len(self._later) >= LATER_MAX:
            self.more.setdefault(wake.lane, "")
            return
        self.known.add((wake.leg_id, wake.lane))
        heapq.heappush(self._later, (due_at, next(self._serial), wake))

    def ripen(self, now: float) -> float | None:
        """Make ready what is due; answers when the next one will be."""
        while self._later and self._later[0][0] <= now:
            wake = heapq.heappop(self._later)[2]
            self.known.discard((wake.leg_id, wake.lane))
            self.add_one(LegWake(wake.channel_id, wake.leg_id, wake.lane, wake.part_id, now), now)
        return self._later[0][0] if self._later else None

    def pick(self) -> Picked[str, LegWake] | None:
        """The head whose turn it is; its leg is busy from now on. A busy leg's turn waits."""
        while picked := self.ready.pick():
            wake = picked.item
            self.known.discard((wake.leg_id, wake.lane))
            if wake.leg_id not in self.busy:
                self.busy[wake.leg_id] = []
                return picked
            self.remember_for(wake)
            self.ready.refund(picked)
        return None

    def put_back(self, picked: Picked[str, LegWake], until: float) -> None:
        """The head may not go before `until` after all."""
        self.ready.refund(picked)
        waiting = self.busy.pop(picked.item.leg_id)
        self.put_later(picked.item, until)
        self.add(waiting, until)

    def off_the_wire(self, leg_id: str, wakes: Sequence[LegWake], now: float) -> None:
        """A leg's part is settled: its next heads may go, and what arrived meanwhile."""
        waiting = self.busy.pop(leg_id, [])
        self.add(wakes, now)
        self.add(waiting, now)

    def wants(self) -> Priority | None:
        """The lane to read from the store next, when there is room and something is left there."""
        if not self.more or len(self.ready) > READY_MAX // 2:
            return None
        return next(iter(self.more))

    def read(self, lane: Priority, page: Sequence[LegWake], limit: int, now: float) -> None:
        """Take in a page that was read from the store; a short one was the last."""
        self.more.pop(lane, None)
        fitting = READY_MAX - len(self.ready)
        self.add(page[:fitting], now)
        if len(page) > fitting:
            self.more[lane] = page[fitting - 1].leg_id if fitting else ""
        elif len(page) == limit:
            self.more[lane] = page[-1].leg_id

    def look_again(self) -> None:
        """Forget nothing, but read every lane from the start."""
        self.more.update(dict.fromkeys(Priority, ""))
