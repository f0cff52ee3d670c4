"""What waits to be sent on one channel, as far as memory holds it: heads of legs, lane by lane.

The store is the truth. This is a bounded window on it: what does not fit is remembered as one flag
a lane, and read again in pages when there is room.
"""

import heapq
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from typing import TypeAlias

from attrs import define, evolve, field

from omni_actors.model.states import Priority
from omni_actors.policy.fairness import FairQueue, Picked
from omni_actors.store.rows import LegWake

READY_MAX = 512
LATER_MAX = 2_048

Key: TypeAlias = tuple[str, Priority]


@define
class LaneWindow:
    """What is held of one lane, and how far it was read: `after` is None at its end.

    `missed` tells that a head before `after` was left out for want of room.
    """

    ready: int = 0
    later: int = 0
    after: str | None = ""
    missed: bool = False


@define
class Outbound:
    """Heads that may go now, heads that are due later, and legs that have a part on the wire.

    `known` holds the newest head of every leg and lane that is ready or due later. The bounds are
    those of each lane.
    """

    ready_max: int = READY_MAX
    later_max: int = LATER_MAX
    ready: FairQueue[str, Key] = field(init=False)
    known: dict[Key, LegWake] = field(factory=dict)
    busy: dict[str, list[LegWake]] = field(factory=dict)
    lanes: dict[Priority, LaneWindow] = field(
        factory=lambda: {lane: LaneWindow() for lane in Priority}
    )
    _alarms: dict[Key, int] = field(factory=dict)
    _later: list[tuple[float, int, Key]] = field(factory=list)
    _serial: "count[int]" = field(factory=count)

    def __attrs_post_init__(self) -> None:
        self.ready = FairQueue(self.ready_max * len(Priority))

    @property
    def page(self) -> int:
        """How many heads to read at once: there is room for them in a lane that is half empty."""
        return max(1, self.ready_max // 2)

    def add(self, wakes: Iterable[LegWake], now: float) -> None:
        """Take heads in; what there is no room for is looked up again later."""
        for wake in wakes:
            self.add_one(wake, now)

    def add_one(self, wake: LegWake, now: float) -> None:
        key = (wake.leg_id, wake.lane)
        if wake.leg_id in self.busy:
            self.remember_for(wake)
        elif key in self.known:
            self.renew(key, wake, now)
        elif wake.due_at > now:
            self.put_later(wake, wake.due_at)
        else:
            self.put_ready(key, wake)

    def renew(self, key: Key, wake: LegWake, now: float) -> None:
        """Another part is the head now: the one before was cancelled or has expired."""
        if self.known[key].part_id == wake.part_id:
            return
        if key in self._alarms:
            self.take_alarm(key)
            self.add_one(wake, now)
        else:
            self.known[key] = wake

    def remember_for(self, wake: LegWake) -> None:
        """Keep the newest head of each lane until the leg's part is off the wire."""
        waiting = self.busy[wake.leg_id]
        waiting[:] = [other for other in waiting if other.lane is not wake.lane]
        waiting.append(wake)

    def put_ready(self, key: Key, wake: LegWake) -> None:
        """Let a head wait for its turn."""
        lane = self.lanes[wake.lane]
        if lane.ready >= self.ready_max or not self.ready.push(wake.lane.value, wake.leg_id, key):
            lane.missed = True
            return
        lane.ready += 1
        self.known[key] = wake

    def put_later(self, wake: LegWake, due_at: float) -> None:
        """Wait with a head until `due_at`."""
        key, lane = (wake.leg_id, wake.lane), self.lanes[wake.lane]
        if lane.later >= self.later_max:
            lane.missed = True
            return
        lane.later += 1
        self.known[key] = wake
        self._alarms[key] = serial = next(self._serial)
        heapq.heappush(self._later, (due_at, serial, key))
        if len(self._later) > 2 * self.later_max * len(Priority):
            self._later = [late for late in self._later if self._alarms.get(late[2]) == late[1]]
            heapq.heapify(self._later)

    def take_alarm(self, key: Key) -> LegWake:
        """Wait for a head no longer; its place in the heap means nothing from now on."""
        del self._alarms[key]
        self.lanes[key[1]].later -= 1
        return self.known.pop(key)

    def ripen(self, now: float) -> float | None:
        """Make ready what is due; answers when the next one will be."""
        while self._later:
            due_at, serial, key = self._later[0]
            valid = self._alarms.get(key) == serial
            if valid and due_at > now:
                return due_at
            heapq.heappop(self._later)
            if valid:
                self.add_one(evolve(self.take_alarm(key), due_at=now), now)
        return None

    def pick(self, lanes: Collection[str] | None = None) -> Picked[str, LegWake] | None:
        """The head whose turn it is, of `lanes` only if given; its leg is busy from now on.

        A busy leg's turn waits.
        """
        while picked := self.ready.pick(lanes):
            self.lanes[picked.item[1]].ready -= 1
            wake = self.known.pop(picked.item)
            if wake.leg_id not in self.busy:
                self.busy[wake.leg_id] = []
                return Picked(picked.lane, picked.key, wake, picked.cost)
            self.remember_for(wake)
            self.ready.refund(picked)
        return None

    def put_back(self, picked: Picked[str, LegWake], until: float) -> None:
        """The head may not go before `until` after all."""
        self.ready.refund(Picked(picked.lane, picked.key, (picked.key, picked.item.lane), 1))
        waiting = self.busy.pop(picked.item.leg_id)
        self.put_later(picked.item, until)
        self.add(waiting, until)

    def off_the_wire(self, leg_id: str, wakes: Sequence[LegWake], now: float) -> None:
        """A leg's part is settled: its next heads may go, and what arrived meanwhile."""
        waiting = self.busy.pop(leg_id, [])
        self.add(wakes, now)
        self.add([wake for wake in waiting if (leg_id, wake.lane) not in self.known], now)

    def wants(self) -> Priority | None:
        """The lane to read from the store next, when there is room and something is left there."""
        for name, lane in self.lanes.items():
            if lane.after is None and lane.missed:
                lane.after, lane.missed = "", False
            if lane.after is None or lane.later >= self.later_max:
                continue
            if lane.ready <= self.ready_max - self.page:
                return name
        return None

    def after(self, lane: Priority) -> str:
        """Where to read on in a lane that `wants` named."""
        return self.lanes[lane].after or ""

    def read(self, lane: Priority, page: Sequence[LegWake], now: float) -> None:
        """Take in a page that was read from the store; a short one was the last."""
        self.lanes[lane].after = page[-1].leg_id if len(page) >= self.page else None
        self.add(page, now)

    def look_again(self) -> None:
        """Forget nothing, but read every lane from the start."""
        for lane in self.lanes.values():
            lane.after, lane.missed = "", False

    def reading(self) -> list[str]:
        """The lanes of which the store holds more than was read."""
        return [n.value for n, lane in self.lanes.items() if lane.after is not None or lane.missed]
