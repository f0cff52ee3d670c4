"""The shell around one behaviour: its mailbox, state and counters survive every restart."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from enum import Enum, unique
from typing import TYPE_CHECKING, Any, Protocol

import trio
from attrs import define, field, frozen

from omni_actors.actors.mailbox import Envelope, Lane, Mailbox, Told
from omni_actors.actors.service_times import ServiceTimes
from omni_actors.actors.supervisor import Record

if TYPE_CHECKING:
    from omni_actors.actors.house import House
    from omni_actors.actors.roster import Roster
    from omni_actors.actors.runners import Runner
    from omni_actors.actors.timers import Timer


class Behaviour(Protocol):
    """What an actor does. May also have `started(context)` and `stopping()`, both async."""

    async def handle(self, message: Any, /) -> object:
        """Handle one message; what it returns answers an ask."""


@unique
class State(Enum):
    """Where a cell stands. Only a running one has a task."""

    IDLE = "idle"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    BACKING_OFF = "backing_off"
    PARKED = "parked"
    STOPPING = "stopping"
    STOPPED = "stopped"


@unique
class Policy(Enum):
    """What happens when an actor crashes more often than its budget allows."""

    PARK = "park"
    ESCALATE = "escalate"


@frozen
class Down:
    """Told to a watcher, once, when the watched address has stopped or is unknown."""

    address: str
    reason: str


@frozen
class Quarantined:
    """A message that crashed its actor too often, for the owner to record."""

    address: str
    message: object
    attempts: int
    error: str


@frozen
class CellState:
    """One cell as an operator sees it; names and figures, no content. Ages in seconds."""

    address: str
    state: str
    group: str
    depth: Mapping[str, int]
    oldest_s: Mapping[str, float]
    in_hand: str | None
    in_hand_s: float | None
    attempt: int
    children: int
    handled: int
    failed: int
    restarts: int
    last_error: str | None
    p50_s: float
    p99_s: float


@define(eq=False)
class Waiter:
    """A task parked in `offer`, with the envelope that it wants to get in."""

    envelope: Envelope
    lane: Lane
    task: trio.lowlevel.Task
    told: Told = Told.STOPPED


@define(eq=False)
class Cell:
    """Bookkeeping of one address. The house moves it between states; a runner gives it turns."""

    address: str
    group: str
    factory: Callable[[], Behaviour]
    mailbox: Mailbox
    policy: Policy = Policy.PARK
    on_poison: Callable[[Quarantined], Awaitable[None]] | None = None
    roster: Roster | None = None
    state: State = State.IDLE
    behaviour: Behaviour | None = None
    runner: Runner | None = None
    since: float | None = None
    quiet_at: float = 0.0
    drowsy: bool = False
    probing: bool = False
    draining: bool = False
    handled: int = 0
    failed: int = 0
    left: int = 0
    last_error: str | None = None
    child_error: BaseException | None = None
    children: set[trio.CancelScope] | None = None
    offers: deque[Waiter] | None = None
    revival: Timer | None = None
    record: Record | None = None
    times: ServiceTimes = field(factory=ServiceTimes)
    changed: trio.Event | None = field(default=None, init=False)

    def notify(self) -> None:
        """Wake whoever waits for this cell to change."""
        if self.changed is not None:
            self.changed.set()
            self.changed = None

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`, looked at whenever the cell has changed."""
        while not holds():
            if self.changed is None:
                self.changed = trio.Event()
            await self.changed.wait()

    def line_up(self, waiter: Waiter) -> None:
        """Park an offer; until it is let in nobody may overtake it."""
        if self.offers is None:
            self.offers = deque()
        self.offers.append(waiter)
        self.mailbox.reserve(self.admit)

    def admit(self) -> None:
        """Let parked offers in, first come first served, as far as there is room."""
        while self.offers and self.mailbox.fits(self.offers[0].envelope[1]):
            waiter = self.offers.popleft()
            self.mailbox.push(waiter.envelope, waiter.lane)
            waiter.told = Told.ACCEPTED
            trio.lowlevel.reschedule(waiter.task)
        if not self.offers:
            self.offers = None
            self.mailbox.release()

    def close(self) -> None:
        """Take nothing more from outside; parked offers learn that it stopped."""
        self.mailbox.close()
        for waiter in self.offers or ():
            trio.lowlevel.reschedule(waiter.task)
        self.offers = None

    def drop(self) -> None:
        """Let go of the behaviour and cancel its children."""
        self.behaviour = None
        for scope in self.children or ():
            scope.cancel()

    def alone(self) -> bool:
        """No turn and no child is running."""
        return self.runner is None and not self.children

    def quiet(self) -> bool:
        """Nothing runs, and nothing that waits would run by itself."""
        return self.alone() and self.state not in (State.READY, State.RUNNING, State.BACKING_OFF)

    def asleep_ready(self) -> bool:
        """Healthy, with nothing in hand, queued or running: may be put to sleep."""
        return self.state is State.IDLE and self.alone() and not self.mailbox.waits()

    def describe(self, now: float) -> CellState:
        """A frozen picture at `now` (monotonic)."""
        mail = self.mailbox.statistics(now)
        envelope = self.mailbox.in_hand
        return CellState(
            address=self.address,
            state=self.state.value,
            group=self.group,
            depth=mail.depth,
            oldest_s=mail.oldest_s,
            in_hand=type(envelope[0]).__name__ if envelope else None,
            in_hand_s=now - self.since if self.since is not None else None,
            attempt=self.mailbox.crashes + 1 if envelope else 0,
            children=len(self.children or ()),
            handled=self.handled,
            failed=self.failed,
            restarts=self.record.restarts if self.record else 0,
            last_error=self.last_error,
            p50_s=self.times.quantile(0.50, self.handled),
            p99_s=self.times.quantile(0.99, self.handled),
        )


@define(eq=False)
class Context:
    """What a behaviour may ask of its cell, on the trio thread; one for each activation."""

    _cell: Cell
    _house: House

    @property
    def address(self) -> str:
        """The address of this actor."""
        return self._cell.address

    @property
    def attempt(self) -> int:
        """Of the message in hand: 1 at first, one more after each crash; 0 with none in hand."""
        mailbox = self._cell.mailbox
        return 0 if mailbox.in_hand is None else mailbox.crashes + 1

    @property
    def draining(self) -> bool:
        """The house is closing: finish what is under way, claim nothing new."""
        return self._cell.draining

    @property
    def children(self) -> int:
        """How many child tasks run."""
        return len(self._cell.children or ())

    @property
    def depth(self) -> int:
        """How many envelopes wait."""
        return self._cell.mailbox.queued()

    def take_overflowed(self) -> bool:
        """True once after something was refused as FULL and the mailbox is below half again.

        What was refused is not lost if it is a row: this is the moment to read the next page.
        """
        return self._cell.mailbox.take_overflowed()

    def tell_self(self, message: object, *, lane: Lane = Lane.NORMAL) -> Told:
        """Queue a message for this actor beyond the bounds, so that a completion always arrives."""
        return self._house.push(self._cell, message, lane)

    def start_soon(self, fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Run `fn(*args)` as a child task; how many run at once is the caller's to bound.

        A crash or the stop of this actor cancels it and waits for its end; an exception that it
        raises is a crash of this actor.
        """
        self._house.start_child(self._cell, fn, args)

    def wake_at(self, when: float, message: object, *, key: Hashable | None = None) -> None:
        """Tell this address `message` at `when` (unix seconds), on the SYSTEM lane.

        One a key (the message's type if none is given), the earliest wins. Survives a restart and
        sleep, dies with the address.
        """
        self._house.wakes.arm(self._cell.address, when, message, key)

    def stop_soon(self, reason: str = "stopped") -> None:
        """Have this actor stopped, as by `System.stop`, once what it is doing is done."""
        self._house.stop_soon(self._cell, reason)
