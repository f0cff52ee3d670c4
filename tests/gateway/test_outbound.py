"""The window on what waits: whatever happens in whatever order, no head is forgotten."""

from collections import deque

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.gateway.outbound import Outbound
from omni_actors.model.states import Priority
from omni_actors.store.rows import LegWake

LEGS = tuple(f"leg{n}" for n in range(7))
LANES = tuple(Priority)


@define
class StoredPart:
    """A part as the store knows it."""

    id: str
    leg: str
    lane: Priority
    due_at: float = 0.0


@define
class Told:
    """What waits in the actor's mailbox."""

    wakes: tuple[LegWake, ...]
    off: str | None = None


@define
class World:
    """A store, a mailbox of three places, and calls on the wire, around an Outbound."""

    outbound: Outbound = field(factory=lambda: Outbound(ready_max=2, later_max=2))
    now: float = 1_000.0
    parts: dict[str, StoredPart] = field(factory=dict)
    sending: dict[str, str] = field(factory=dict)
    picked: deque[LegWake] = field(factory=deque)
    mailbox: deque[Told] = field(factory=deque)
    overflowed: bool = False
    sent: list[str] = field(factory=list)
    refused: int = 0
    serial: int = 0

    # what the store does

    def heads(self, leg: str) -> tuple[LegWake, ...]:
        if leg in self.sending:
            return ()
        found = []
        for lane in LANES:
            mine = [p for p in self.parts.values() if (p.leg, p.lane) == (leg, lane)]
            found += [LegWake("c", leg, lane, p.id, p.due_at) for p in mine[:1]]
        return tuple(found)

    def page(self, lane: Priority, after: str, limit: int) -> list[LegWake]:
        legs = sorted({p.leg for p in self.parts.values() if p.leg > after})
        found = [wake for leg in legs for wake in self.heads(leg) if wake.lane is lane]
        return found[:limit]

    # what can happen

    def submit(self, leg: str, lane: Priority) -> None:
        self.serial += 1
        part = StoredPart(f"p{self.serial:03d}", leg, lane)
        self.parts[part.id] = part
        self.tell(tuple([wake for wake in self.heads(leg) if wake.part_id == part.id]))

    def tell(self, wakes: tuple[LegWake, ...]) -> None:
        if not wakes:
            return
        if len(self.mailbox) >= 3:
            self.overflowed = True
        else:
            self.mailbox.append(Told(wakes))

    def claim(self) -> None:
        """An attempt that was begun claims its part; what is not its leg's head is refused."""
        if not self.picked:
            return
        wake = self.picked.popleft()
        head = next((h for h in self.heads(wake.leg_id) if h.part_id == wake.part_id), None)
        if head is None or head.due_at > self.now:
            self.refused += 1
            self.mailbox.append(Told(self.heads(wake.leg_id), off=wake.leg_id))
        else:
            self.sending[wake.leg_id] = wake.part_id

    def settle(self, leg: str, *, well: bool, wait_s: float) -> None:
        part_id = self.sending.pop(leg, None)
        if part_id is None:
            return
        if well:
            self.sent.append(part_id)
            del self.parts[part_id]
        else:
            self.parts[part_id].due_at = self.now + wait_s
        self.mailbox.append(Told(self.heads(leg), off=leg))

    def cancel(self, leg: str) -> None:
        mine = [p for p in self.parts.values() if p.leg == leg and p.id != self.sending.get(leg)]
        if mine:
            del self.parts[mine[0].id]
            self.overflowed = True  # a look at the store, as after a cancel

    def turn(self, limited: str | None = None) -> None:
        """The actor handles one message and starts what may go."""
        if self.mailbox:
            told = self.mailbox.popleft()
            if told.off is None:
                self.outbound.add(told.wakes, self.now)
            else:
                self.outbound.off_the_wire(told.off, told.wakes, self.now)
        if self.overflowed:
            self.overflowed = False
            self.outbound.look_again()
        self.pump(limited)

    def pump(self, limited: str | None) -> None:
        for _ in range(1_000):
            self.outbound.ripen(self.now)
            while picked := self.outbound.pick():
                leg = picked.item.leg_id
                assert leg not in self.sending, "a second part of a leg that is on the wire"
                assert leg not in [wake.leg_id for wake in self.picked], "a leg twice"
                if leg == limited:
                    self.outbound.put_back(picked, self.now + 5)
                else:
                    self.picked.append(picked.item)
            lane = self.outbound.wants()
            if lane is None:
                return
            page = self.page(lane, self.outbound.after(lane), self.outbound.page)
            self.outbound.read(lane, page, self.now)
        raise AssertionError("the actor reads the store without end")

    def bounded(self) -> bool:
        out = self.outbound
        return len(out.ready) <= 6 and len(out.known) <= 12 and len(out._later) <= 24

    def finish(self) -> None:
        """Nothing more comes in; the actor is woken only when it asked to be."""
        for _ in range(2_000):
            if not self.parts:
                return
            self.turn()
            self.claim()
            for leg in LEGS:
                self.settle(leg, well=True, wait_s=0)
            if not self.mailbox and not self.picked and not self.sending:
                next_at = self.outbound.ripen(self.now)
                if next_at is None and not self.outbound.known:
                    break
                self.now = max(self.now, next_at or self.now)
        assert not self.parts, f"forgotten: {sorted(self.parts)}"


legs = st.sampled_from(LEGS)
steps = st.one_of(
    st.tuples(st.just("submit"), legs, st.sampled_from(LANES)),
    st.tuples(st.just("submit"), legs, st.sampled_from(LANES)),
    st.tuples(st.just("turn"), st.one_of(st.none(), legs)),
    st.tuples(st.just("turn"), st.none()),
    st.tuples(st.just("claim")),
    st.tuples(st.just("settle"), legs, st.booleans(), st.sampled_from((0.0, 3.0, 60.0))),
    st.tuples(st.just("cancel"), legs),
    st.tuples(st.just("wait"), st.sampled_from((1.0, 10.0))),
)


def play(world: World, step: tuple[object, ...]) -> None:
    match step:
        case ("submit", str(leg), Priority() as lane):
            world.submit(leg, lane)
        case ("turn", str() | None as limited):
            world.turn(limited)
        case ("claim",):
            world.claim()
        case ("settle", str(leg), bool(well), float(wait_s)):
            world.settle(leg, well=well, wait_s=wait_s)
        case ("cancel", str(leg)):
            world.cancel(leg)
        case ("wait", float(seconds)):
            world.now += seconds


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(steps, max_size=60))
def test_no_head_is_forgotten_and_no_leg_is_twice_on_the_wire(
    script: list[tuple[object, ...]],
) -> None:
    world = World()

    for step in script:
        play(world, step)
        assert world.bounded()
    world.finish()

    assert len(world.sent) == len(set(world.sent))


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(st.tuples(legs, st.sampled_from(LANES)), max_size=40))
def test_one_lane_of_one_leg_keeps_its_order(queued: list[tuple[str, Priority]]) -> None:
    world = World()
    of: dict[tuple[str, Priority], list[str]] = {}
    for leg, lane in queued:
        world.submit(leg, lane)
        of.setdefault((leg, lane), []).append(f"p{world.serial:03d}")

    world.finish()

    for ids in of.values():
        assert [id for id in world.sent if id in ids] == ids


def wake(
    leg: str, part: str = "p", *, due_at: float = 0.0, lane: Priority = Priority.NORMAL
) -> LegWake:
    return LegWake("c", leg, lane, part, due_at)


def taken(outbound: Outbound) -> list[str]:
    found = []
    while picked := outbound.pick():
        found.append(picked.item.part_id)
    return found


def test_a_new_head_of_a_leg_in_back_off_takes_the_place_of_the_old_one() -> None:
    outbound = Outbound()
    outbound.add([wake("a", "old", due_at=100.0)], 1.0)

    outbound.add([wake("a", "new", due_at=1.0)], 1.0)

    assert taken(outbound) == ["new"]
    assert outbound.ripen(200.0) is None


def test_a_repeated_wake_does_not_cut_a_back_off_short() -> None:
    outbound = Outbound()
    outbound.add([wake("a", "p", due_at=100.0)], 1.0)

    outbound.add([wake("a", "p", due_at=1.0)], 1.0)

    assert taken(outbound) == []
    assert outbound.ripen(50.0) == 100.0


def test_a_head_that_found_no_room_behind_the_reading_place_is_read_again() -> None:
    outbound = Outbound(ready_max=2, later_max=2)
    for lane in (Priority.HIGH, Priority.BULK):
        outbound.read(lane, [], 1.0)
    outbound.read(Priority.NORMAL, [wake("m")], 1.0)
    outbound.add([wake("n"), wake("a", "left out")], 1.0)
    assert taken(outbound) == ["p", "p"]

    assert outbound.after(Priority.NORMAL) == "m"
    outbound.read(Priority.NORMAL, [], 1.0)

    assert outbound.wants() is Priority.NORMAL
    assert outbound.after(Priority.NORMAL) == ""


def test_a_full_lane_keeps_no_other_lane_from_being_read() -> None:
    outbound = Outbound(ready_max=2, later_max=2)
    outbound.add([wake("a", lane=Priority.BULK), wake("b", lane=Priority.BULK)], 1.0)

    assert outbound.wants() is Priority.HIGH


def test_a_lane_full_of_back_offs_is_not_read_until_one_ripens() -> None:
    outbound = Outbound(ready_max=2, later_max=1)
    for lane in (Priority.HIGH, Priority.BULK):
        outbound.read(lane, [], 1.0)
    outbound.add([wake("a", due_at=50.0), wake("b", due_at=60.0)], 1.0)
    assert outbound.wants() is None

    outbound.ripen(50.0)

    assert outbound.wants() is Priority.NORMAL
