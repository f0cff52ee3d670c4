"""The inside of a system: every cell, how it moves between its states, and who watches whom."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

import trio
from attrs import define, field

from omni_actors import telemetry
from omni_actors.actors.cell import Cell, Down, Policy, State
from omni_actors.actors.clock import Clock
from omni_actors.actors.dead_letters import DeadLetters
from omni_actors.actors.ending import retire
from omni_actors.actors.errors import AskFailed, Escalated
from omni_actors.actors.mailbox import Lane, Told
from omni_actors.actors.runners import Runner, Runners, in_child, in_turn
from omni_actors.actors.supervisor import LIMITS, Exhausted, Record, Restart
from omni_actors.actors.timers import Timers
from omni_actors.actors.turn import take_turn
from omni_actors.actors.wakes import Wakes

if TYPE_CHECKING:
    from omni_actors.actors.roster import Roster

# Looking a member up in its enum costs more than all the rest of a state change.
_IDLE: Final = State.IDLE
_READY: Final = State.READY
_RUNNING: Final = State.RUNNING

Observe = Callable[[str, Mapping[str, object]], None]


class Pulse(trio.abc.Instrument):
    """Sets the time of a house at the start of every pass of the run loop."""

    def __init__(self, house: House) -> None:
        self._house = house

    def after_io_wait(self, timeout: float) -> None:
        """A pass begins."""
        self._house.now = self._house.monotonic()


@define(eq=False)
class House:
    """What the public verbs work on. Everything here is synchronous but the turns themselves.

    `now` is monotonic time to within one pass of the run loop: cheap enough for every envelope.
    """

    nursery: trio.Nursery
    clock: Clock
    chance: random.Random
    observe: Observe
    close_s: float
    cells: dict[str, Cell] = field(factory=dict, init=False)
    rosters: dict[str, Roster] = field(factory=dict, init=False)
    watchers: dict[str, dict[str, None]] = field(factory=dict, init=False)
    escalated: Escalated | None = field(default=None, init=False)
    closed: bool = field(default=False, init=False)
    draining: trio.CancelScope | None = field(default=None, init=False)
    monotonic: Callable[[], float] = field(init=False)
    now: float = field(init=False)
    dead_letters: DeadLetters = field(init=False)
    timers: Timers = field(init=False)
    wakes: Wakes = field(init=False)
    runners: Runners = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.monotonic = self.clock.monotonic
        self.now = self.monotonic()
        self.dead_letters = DeadLetters(self.clock.now, self.observe)
        self.timers = Timers(self.monotonic)
        self.wakes = Wakes(self.timers, self.clock, self._wake)
        self.runners = Runners(self.nursery, self.monotonic, self._turn, self._turn_cut)

    # Getting messages in

    def find(self, address: str) -> Cell | None:
        """The cell at an address; a sleeping key of a roster is woken."""
        if (cell := self.cells.get(address)) is not None:
            return cell
        prefix, _, key = address.partition("/")
        roster = self.rosters.get(prefix)
        return roster.wake(key) if roster is not None and key else None

    def push(self, cell: Cell, message: object, lane: Lane, kind: object = None) -> Told:
        """Queue beyond the bounds, for what an actor or the runtime itself set going."""
        if cell.state in (State.STOPPING, State.STOPPED):
            self.dead_letters.bury(cell.address, message, "stopped")
            return Told.STOPPED
        envelope = (message, 0, self.now, None)
        if lane is Lane.SYSTEM:
            cell.mailbox.push_system(envelope, type(message) if kind is None else kind)
        else:
            cell.mailbox.push(envelope, lane)
        self.nudge(cell)
        return Told.ACCEPTED

    def tell_system(self, address: str, message: object, kind: object) -> None:
        """Have the runtime's own word delivered; it cannot be refused for want of room."""
        cell = self.find(address)
        if cell is None:
            self.dead_letters.bury(address, message, "unknown")
        else:
            self.push(cell, message, Lane.SYSTEM, kind)

    def _wake(self, address: str, message: object, kind: object) -> None:
        cell = self.find(address)
        if cell is not None and not cell.draining:
            self.push(cell, message, Lane.SYSTEM, kind)

    def nudge(self, cell: Cell) -> None:
        """Something arrived: an idle cell becomes ready."""
        if cell.state is _IDLE:
            self.make_ready(cell)

    def make_ready(self, cell: Cell) -> None:
        """Give the cell a turn soon, whatever it was doing before."""
        cell.state = _READY
        self.runners.enqueue(cell)

    # Turns

    async def _turn(self, runner: Runner, cell: Cell) -> int:
        cell.state, cell.runner, runner.cell = _RUNNING, runner, cell
        in_turn.set(cell)
        spent = 0
        try:
            spent = await take_turn(self, cell)
        except* Exception as error:  # noqa: BLE001  the supervisor: any bug is a crash
            self.crash(cell, error)
        runner.cell = None
        self._turn_over(cell)
        return spent

    def _turn_over(self, cell: Cell) -> None:
        cell.runner = cell.since = None
        if cell.child_error is not None:
            self.crash(cell, cell.child_error)
        if cell.state is _RUNNING:
            if cell.probing and cell.record is not None:
                cell.record.forgive()
            cell.probing = False
            self._rest(cell)
        cell.notify()

    def _rest(self, cell: Cell) -> None:
        slept, cell.drowsy = cell.drowsy, False
        if cell.mailbox.waits():
            self.make_ready(cell)
            return
        cell.state = _IDLE
        if cell.roster is None:
            return
        if slept and not cell.mailbox.closed:
            self.forget(cell)
        elif not cell.children:
            cell.roster.note_quiet(cell)

    def _turn_cut(self, cell: Cell) -> None:
        cell.runner = cell.since = None
        cell.notify()

    # Children

    def start_child(
        self, cell: Cell, fn: Callable[..., Awaitable[object]], args: tuple[object, ...]
    ) -> None:
        """Start a child task of the cell; one that has stopped starts none."""
        if cell.state is State.STOPPED:
            raise RuntimeError(f"{cell.address} has stopped and starts no child")
        scope = trio.CancelScope()
        if cell.children is None:
            cell.children = set()
        cell.children.add(scope)
        if cell.state is State.STOPPING:
            scope.cancel()
        self.nursery.start_soon(self._run_child, cell, scope, fn, args)

    async def _run_child(
        self,
        cell: Cell,
        scope: trio.CancelScope,
        fn: Callable[..., Awaitable[object]],
        args: tuple[object, ...],
    ) -> None:
        in_child.set(cell)
        in_turn.set(None)  # a child that asks does not keep its actor from answering
        try:
            with scope:
                await fn(*args)
        except* Exception as error:  # noqa: BLE001  the supervisor: any bug is a crash
            if scope.cancel_called:
                self.note_error(cell, error)
            else:
                cell.child_error = error
        finally:
            self._child_over(cell, scope)

    def _child_over(self, cell: Cell, scope: trio.CancelScope) -> None:
        assert cell.children is not None
        cell.children.discard(scope)
        if not cell.children:
            cell.children = None
        if cell.child_error is not None and cell.runner is None:
            self.crash(cell, cell.child_error)
        if cell.children is None and cell.state is _IDLE and cell.roster is not None:
            cell.roster.note_quiet(cell)
        cell.notify()

    # Crashes

    def crash(self, cell: Cell, error: BaseException) -> None:
        """Count a crash against the message in hand and the actor; pause, park or escalate."""
        self.note_error(cell, error)
        cell.failed += 1
        if cell.since is not None and cell.mailbox.in_hand is not None:
            cell.mailbox.crashes += 1
        cell.since, cell.child_error, cell.drowsy = None, None, False
        cell.drop()
        if cell.state in (_IDLE, _READY, _RUNNING):
            self._judge(cell)

    def _judge(self, cell: Cell) -> None:
        cell.record = cell.record or Record()
        now = self.monotonic()
        verdict = cell.record.crash(LIMITS, now, self.chance.random())
        match verdict:
            case Restart() if not cell.probing:
                self._revive_at(cell, State.BACKING_OFF, now + verdict.delay_s)
                fields = {"address": cell.address, "delay_s": verdict.delay_s}
                self.observe("actor.restarting", fields)
            case Restart() | Exhausted():
                self._give_up(cell, now)
            case _:
                assert_never(verdict)

    def _give_up(self, cell: Cell, now: float) -> None:
        error = cell.last_error or ""
        if cell.policy is Policy.ESCALATE:
            self.observe("actor.escalated", {"address": cell.address, "error": error})
            cell.state = State.PARKED
            self.escalated = self.escalated or Escalated(cell.address, error)
            self.nursery.cancel_scope.cancel()
            return
        if not cell.probing:
            self.observe("actor.parked", {"address": cell.address, "error": error})
        cell.probing = True
        self._revive_at(cell, State.PARKED, now + LIMITS.probe_s)

    def _revive_at(self, cell: Cell, state: State, when: float) -> None:
        self.cancel_revival(cell)
        cell.state = state
        cell.revival = self.timers.at(when, partial(self.revive, cell, state))

    def revive(self, cell: Cell, state: State) -> None:
        """The pause is over, unless the cell has moved on meanwhile."""
        if cell.state is state:
            cell.revival = None
            self.make_ready(cell)

    def cancel_revival(self, cell: Cell) -> None:
        """Forget the end of a pause that no longer matters."""
        if cell.revival is not None:
            self.timers.cancel(cell.revival)
            cell.revival = None

    def note_error(self, cell: Cell, error: BaseException) -> None:
        """Keep and tell where it went wrong, not what was said."""
        cell.last_error = telemetry.place_of(error)
        self.observe("actor.crashed", {"address": cell.address, "error": cell.last_error})

    # Endings

    def forget(self, cell: Cell) -> None:
        """Take a cell out of the house; whoever still holds it finds it stopped."""
        cell.state = State.STOPPED
        cell.behaviour = None
        del self.cells[cell.address]
        if cell.roster is not None:
            cell.roster.note_gone(cell)
        cell.notify()

    def stop_soon(self, cell: Cell, reason: str) -> None:
        """Stop a cell in the background; leaving it out of the house tells its watchers."""
        if not cell.draining:
            self.nursery.start_soon(retire, self, cell, self.monotonic() + self.close_s, reason)

    def end(self, cell: Cell, reason: str) -> None:
        """Forget a cell for good: what was left becomes dead letters, watchers learn of it."""
        if cell.state is State.STOPPED:
            return
        self._empty(cell)
        self.wakes.forget(cell.address)
        self.forget(cell)
        for watcher in self.watchers.pop(cell.address, ()):
            self.tell_down(watcher, cell.address, reason)
        self.observe("actor.stopped", {"address": cell.address, "reason": reason})

    def abandon(self) -> None:
        """The house has ended, well or badly: nobody may wait any longer for what is left in it."""
        self.closed = True
        for roster in self.rosters.values():
            roster.close()
        for cell in list(self.cells.values()):
            cell.close()
            self._empty(cell)
            self.forget(cell)

    def _empty(self, cell: Cell) -> None:
        left = cell.mailbox.clear()
        cell.left = len(left)
        for message, _size, _at, question in left:
            self.dead_letters.bury(cell.address, message, "stopped")
            if question is not None:
                question.fail(AskFailed(cell.address, "stopped"))

    def tell_down(self, watcher: str, address: str, reason: str) -> None:
        """Send the one Down that a watch promises."""
        self.tell_system(watcher, Down(address, reason), (Down, address))
