"""Everything at once, seeded: whatever happens to the actors, no accepted message is lost."""

import random
from collections import defaultdict

import pytest
import trio
import trio.testing
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.actors.cell import Context, Quarantined
from omni_actors.actors.errors import AskFailed, Undelivered
from omni_actors.actors.mailbox import Lane, Told
from omni_actors.actors.roster import Roster
from omni_actors.actors.system import System, open_system
from tests.actors.behaviours import Boom

KEYS = "abcdefghij"
MESSAGES = 250


@define(eq=False)
class World:
    """The dice, and what was promised and kept."""

    chance: random.Random
    accepted: defaultdict[str, set[int]] = field(factory=lambda: defaultdict(set))
    handled: defaultdict[str, list[int]] = field(factory=lambda: defaultdict(list))
    quarantined: set[object] = field(factory=set)
    inside: defaultdict[str, int] = field(factory=lambda: defaultdict(int))

    async def record(self, poison: Quarantined) -> None:
        await trio.sleep(self.chance.random())
        self.quarantined.add(poison.message)


@define(eq=False)
class Unreliable:
    """Crashes, dawdles, starts children that crash, and sets wake-ups."""

    world: World
    system: System
    key: str
    context: Context | None = None

    async def started(self, context: Context) -> None:
        self.context = context
        self._perhaps_crash(0.05)
        await trio.sleep(self.world.chance.random() / 5)

    async def handle(self, message: object) -> None:
        assert self.context is not None
        self.world.inside[self.key] += 1
        try:
            assert self.world.inside[self.key] == 1, "one at a time"
            self._perhaps_crash(0.1)
            if self.world.chance.random() < 0.3:
                await trio.sleep(self.world.chance.random())
            if self.world.chance.random() < 0.05:
                self.context.start_soon(self._errand)
            if self.world.chance.random() < 0.05:
                due = self.system.clock.now() + 300 * self.world.chance.random()
                self.context.wake_at(due, "time")
            if isinstance(message, int):
                self.world.handled[self.key].append(message)
        finally:
            self.world.inside[self.key] -= 1

    async def stopping(self) -> None:
        await trio.sleep(self.world.chance.random())
        self._perhaps_crash(0.05)

    async def _errand(self) -> None:
        assert self.context is not None
        await trio.sleep(3 * self.world.chance.random())
        self._perhaps_crash(0.1)
        self.context.tell_self("errand done")

    def _perhaps_crash(self, share: float) -> None:
        if self.world.chance.random() < share:
            raise Boom


async def disturb(world: World, system: System, roster: Roster) -> None:
    """Tell, offer, ask, pause, resume and put to sleep, in an order that the dice choose."""
    chance = world.chance
    async with trio.open_nursery() as nursery:
        for number in range(MESSAGES):
            key, roll = chance.choice(KEYS), chance.random()
            address = roster.address(key)
            awake = any(state.address == address for state in system.snapshot())
            if roll < 0.6:
                lane = chance.choice((Lane.HIGH, Lane.NORMAL, Lane.BULK))
                if roster.tell(key, number, lane=lane) is Told.ACCEPTED:
                    world.accepted[key].add(number)
            elif roll < 0.75:
                nursery.start_soon(offer, world, roster, key, number)
            elif roll < 0.85:
                nursery.start_soon(ask, world, roster, key)
            elif awake and roll < 0.9:
                system.pause(address)
            elif awake:
                system.resume(address)
            if chance.random() < 0.3:
                roster.passivate(chance.choice(KEYS))
            await trio.sleep(chance.random() * 0.3)
    for state in system.snapshot():
        system.resume(state.address)


async def offer(world: World, roster: Roster, key: str, number: int) -> None:
    with trio.move_on_after(5 * world.chance.random()):
        if await roster.offer(key, number) is Told.ACCEPTED:
            world.accepted[key].add(number)


async def ask(world: World, roster: Roster, key: str) -> None:
    try:
        await roster.ask(key, "a question", timeout_s=3 * world.chance.random())
    except (trio.TooSlowError, Undelivered, AskFailed):
        return


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_what_was_accepted_is_handled_once_or_quarantined(seed: int) -> None:
    world = World(random.Random(seed))

    async def live() -> None:
        async with open_system(chance=world.chance) as system:
            roster = Roster(
                system,
                "r",
                lambda key: Unreliable(world, system, key),
                idle_s=2,
                active_max=5,
                count_max=8,
                on_poison=world.record,
            )
            await disturb(world, system, roster)
            await trio.sleep(20_000)
            assert (await system.drain(10)).clean

    trio.run(live, clock=trio.testing.MockClock(autojump_threshold=0))

    for key, accepted in world.accepted.items():
        assert accepted <= set(world.handled[key]) | world.quarantined
        assert len(world.handled[key]) == len(set(world.handled[key]))
