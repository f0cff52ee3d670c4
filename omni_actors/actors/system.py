"""The actor system: spawn, tell, offer, ask, watch, stop, drain, and look inside."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from omni_actors.actors.cell import Behaviour, Cell, CellState, Policy, Quarantined, State, Waiter
from omni_actors.actors.clock import Clock
from omni_actors.actors.dead_letters import DeadLetters
from omni_actors.actors.ending import DrainReport, drain, retire
from omni_actors.actors.errors import Undelivered, WouldDeadlock
from omni_actors.actors.house import House, Pulse
from omni_actors.actors.mailbox import Envelope, Lane, Mailbox, Told
from omni_actors.actors.question import Question
from omni_actors.actors.runners import in_child, in_turn

_IDLE: Final = State.IDLE
_ACCEPTED: Final = Told.ACCEPTED


class System:
    """Actors by address. Everything here belongs to the trio thread that opened it."""

    __slots__ = ("_cells", "_monotonic", "house")

    def __init__(self, house: House) -> None:
        self.house = house
        self._cells = house.cells
        self._monotonic = house.monotonic

    @property
    def clock(self) -> Clock:
        """The clock of this system."""
        return self.house.clock

    @property
    def dead_letters(self) -> DeadLetters:
        """Envelopes that found nobody."""
        return self.house.dead_letters

    def spawn(
        self,
        address: str,
        factory: Callable[[], Behaviour],
        *,
        policy: Policy = Policy.PARK,
        group: str = "default",
        count_max: int = 512,
        bytes_max: int = 8 * 2**20,
        on_poison: Callable[[Quarantined], Awaitable[None]] | None = None,
    ) -> None:
        """Give `address` an actor; it is built and started at once, in the background.

        Raises ValueError if the address is taken, RuntimeError once the system drains.
        """
        if self.house.closed:
            raise RuntimeError(f"{address} comes too late, the system is draining")
        if address in self._cells or address.partition("/")[0] in self.house.rosters:
            raise ValueError(f"the address {address} is taken")
        mailbox = Mailbox(count_max, bytes_max)
        cell = Cell(address, group, factory, mailbox, policy, on_poison)
        self._cells[address] = cell
        self.house.make_ready(cell)

    async def wait_started(self, address: str, *, timeout_s: float) -> None:
        """Wait until the actor runs; raises TooSlowError, or Undelivered if it is not there."""
        cell = self._cells.get(address)
        if cell is not None:
            with trio.fail_after(timeout_s):
                await cell.until(lambda: cell.behaviour is not None or cell.state is State.STOPPED)
        if cell is None or cell.state is State.STOPPED:
            raise Undelivered(address, Told.STOPPED)

    def tell(
        self,
        address: str,
        message: object,
        *,
        lane: Lane = Lane.NORMAL,
        size: int = 0,
        key: Hashable = None,
    ) -> Told:
        """Leave a message. Never waits, never raises for want of room: look at the answer.

        `size` in bytes counts against the mailbox's bound. On the SYSTEM lane a waiting message of
        the same `key` (its type if none is given) is replaced.
        """
        cell = self._cells.get(address) or self.house.find(address)
        if cell is None:
            self.dead_letters.bury(address, message, "unknown")
            return Told.STOPPED
        envelope = (message, size, self.house.now, None)
        if lane:
            told = cell.mailbox.put(envelope, lane)
        else:
            told = cell.mailbox.put_system(envelope, type(message) if key is None else key)
        if cell.state is _IDLE:
            self.house.make_ready(cell)
        if told is not _ACCEPTED:
            self._refused(address, message, told)
        return told

    async def offer(
        self, address: str, message: object, *, lane: Lane = Lane.NORMAL, size: int = 0
    ) -> Told:
        """Leave a message, waiting for room; never answers FULL, but STOPPED or TOO_LARGE.

        First come, first served. Cancelled while waiting, it leaves nothing behind. With room at
        once it does not yield.
        """
        cell = self._cells.get(address) or self.house.find(address)
        if cell is None or lane is Lane.SYSTEM or size > cell.mailbox.bytes_max:
            return self.tell(address, message, lane=lane, size=size)
        if cell.mailbox.closed or (cell.offers is None and cell.mailbox.fits(size)):
            return self.tell(address, message, lane=lane, size=size)
        return await _wait_for_room(cell, (message, size, self.house.now, None), lane)

    async def ask(
        self,
        address: str,
        message: object,
        *,
        timeout_s: float,
        lane: Lane = Lane.NORMAL,
        size: int = 0,
    ) -> Any:
        """Leave a question and wait for what `handle` returns.

        The deadline is the earliest of `timeout_s`, the caller's scopes, and the question that the
        caller itself is answering. Raises trio.TooSlowError when it passes, WouldDeadlock when the
        address waits for this very answer, Undelivered when the question was not taken, AskFailed
        when it was given up. The other side's errors stay on the other side.
        """
        deadline, chain = self._asker(timeout_s)
        if address in chain:
            raise WouldDeadlock(address, chain)
        cell = self._cells.get(address) or self.house.find(address)
        if cell is None:
            raise Undelivered(address, Told.STOPPED)
        question = Question(min(deadline, trio.current_effective_deadline()), chain)
        envelope = (message, size, self.house.now, question)
        told = cell.mailbox.put(envelope, lane) if lane else cell.mailbox.put_system(envelope, None)
        if told is not Told.ACCEPTED:
            raise Undelivered(address, told)
        self.house.nudge(cell)
        timer = self.house.timers.at(deadline, question.expire)
        try:
            return await question.wait()
        finally:
            self.house.timers.cancel(timer)

    def watch(self, watcher: str, address: str) -> None:
        """Have `watcher` told one Down when `address` stops; at once if nobody is there.

        Sleep is not a stop: a key of a roster may be watched while it sleeps.
        """
        if address in self._cells or address.partition("/")[0] in self.house.rosters:
            self.house.watchers.setdefault(address, {})[watcher] = None
        else:
            self.house.tell_down(watcher, address, "unknown")

    async def stop(self, address: str, *, deadline_s: float = 5.0, reason: str = "stopped") -> int:
        """Stop an actor: nothing more from outside, what is there may finish, then it is cut.

        Returns how many messages were left; they are runtime dead letters now. An actor cannot
        wait for its own end (WouldDeadlock): it uses `context.stop_soon`.
        """
        cell = self._cells.get(address)
        if cell is not None and cell in (in_turn.get(), in_child.get()):
            raise WouldDeadlock(address, (address,))
        if cell is None:
            self.house.wakes.forget(address)
            for watcher in self.house.watchers.pop(address, ()):
                self.house.tell_down(watcher, address, reason)
            return 0
        return await retire(self.house, cell, self._monotonic() + deadline_s, reason)

    async def drain(self, deadline_s: float, *, groups: Sequence[str] = ()) -> DrainReport:
        """End all actors within `deadline_s`: `groups` in order, then everybody else.

        A group takes nothing more from outside but its own completions; what waits and runs may
        finish; what has not finished in time is cancelled, told `stopping`, and reported. Not to be
        called by an actor: raises RuntimeError there.
        """
        if in_turn.get() is not None or in_child.get() is not None:
            raise RuntimeError("an actor cannot wait for the end of all actors")
        return await drain(self.house, deadline_s, groups)

    def hurry(self) -> None:
        """Cut the waiting of a drain that is under way."""
        if self.house.draining is not None:
            self.house.draining.cancel()

    def snapshot(self) -> list[CellState]:
        """Every cell that is awake, by address."""
        now = self._monotonic()
        return [self._cells[address].describe(now) for address in sorted(self._cells)]

    def pause(self, address: str) -> None:
        """Give an actor no turns; its mailbox fills, what it has in hand is finished first."""
        cell = self._cells[address]
        if cell.state not in (State.STOPPING, State.STOPPED):
            self.house.cancel_revival(cell)
            cell.state = State.PAUSED
            cell.mailbox.halt()
            cell.notify()

    def resume(self, address: str) -> None:
        """End a pause; one that was backing off or parked is tried at once."""
        cell = self._cells[address]
        if cell.state is not State.PAUSED:
            return
        cell.mailbox.go_on()
        if cell.runner is not None:
            cell.state = State.RUNNING
        else:
            self.house.make_ready(cell)

    def passivate(self, address: str) -> bool:
        """Put an idle key of a roster to sleep now; False when it is busy or of no roster."""
        cell = self._cells[address]
        if cell.roster is None:
            return False
        return cell.roster.passivate(address.partition("/")[2])

    def stack(self, address: str) -> list[str]:
        """Where the actor's handler stands, outermost first; empty when it is not in a turn."""
        runner = self._cells[address].runner
        if runner is None or runner.task is None:
            return []
        frames = runner.task.iter_await_frames()
        return [f"{f.f_code.co_filename}:{line} {f.f_code.co_name}" for f, line in frames]

    def _asker(self, timeout_s: float) -> tuple[float, tuple[str, ...]]:
        deadline = self._monotonic() + timeout_s
        asker = in_turn.get()
        if asker is None:
            return deadline, ()
        envelope = asker.mailbox.in_hand
        if envelope is None or envelope[3] is None:
            return deadline, (asker.address,)
        question = envelope[3]
        return min(deadline, question.deadline), (*question.chain, asker.address)

    def _refused(self, address: str, message: object, told: Told) -> None:
        if told is Told.STOPPED:
            self.dead_letters.bury(address, message, "stopped")
        elif told is Told.TOO_LARGE:
            self.dead_letters.bury(address, message, "too_large")


@asynccontextmanager
async def open_system(
    *,
    clock: Clock | None = None,
    chance: random.Random | None = None,
    observe: Callable[[str, Mapping[str, object]], None] | None = None,
    close_s: float = 5.0,
) -> AsyncIterator[System]:
    """A running actor system. Leaving the block drains it for at most `close_s`.

    An error in the block ends everything at once and passes unchanged. Raises Escalated when an
    actor that must live has used up its restarts.
    """
    house: House | None = None
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        house = House(
            nursery=nursery,
            clock=clock or Clock(),
            chance=chance or random.Random(),
            observe=observe or _ignore,
            close_s=close_s,
        )
        nursery.start_soon(house.timers.run)
        pulse = Pulse(house)
        trio.lowlevel.add_instrument(pulse)
        try:
            yield System(house)
            await drain(house, close_s, ())
        except Exception as error:  # noqa: BLE001  passes on below, without the nursery's wrapping
            failure = error
        finally:
            house.abandon()
            trio.lowlevel.remove_instrument(pulse)
        nursery.cancel_scope.cancel()
    if house.escalated is not None:
        raise house.escalated
    if failure is not None:
        raise failure


async def _wait_for_room(cell: Cell, envelope: Envelope, lane: Lane) -> Told:
    waiter = Waiter(envelope, lane, trio.lowlevel.current_task())

    def leave(_raise_cancel: object) -> trio.lowlevel.Abort:
        assert cell.offers is not None
        cell.offers.remove(waiter)
        cell.admit()
        return trio.lowlevel.Abort.SUCCEEDED

    cell.line_up(waiter)
    await trio.lowlevel.wait_task_rescheduled(leave)
    return waiter.told


def _ignore(_name: str, _fields: Mapping[str, object]) -> None:
    """Observed by nobody."""
