"""A few tasks that give turns to whichever cells are ready; an idle cell has no task at all."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import trio
from attrs import define, field

from omni_actors.actors.cell import Cell, State

TURN_MESSAGES: Final = 64
TURN_S: Final = 0.005
_SHIFT_MESSAGES: Final = 4 * TURN_MESSAGES
_SPARE_MAX: Final = 64
_READY: Final = State.READY

in_turn: contextvars.ContextVar[Cell | None] = contextvars.ContextVar("in_turn", default=None)
"""The cell whose handler is running here; how an ask knows who is asking."""

in_child: contextvars.ContextVar[Cell | None] = contextvars.ContextVar("in_child", default=None)
"""The cell whose child task this is; it cannot wait for the end of its own actor."""


@define(eq=False)
class Runner:
    """One task of the pool. Its scope is renewed only after it was needed to cut a turn."""

    scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    cell: Cell | None = field(default=None, init=False)
    task: trio.lowlevel.Task | None = field(default=None, init=False)
    is_cut: bool = field(default=False, init=False)

    def usable(self) -> bool:
        """Whether it may give another turn under its present scope."""
        return not self.is_cut

    def cut(self) -> None:
        """Cancel the turn that it is giving."""
        self.is_cut = True
        self.scope.cancel()


@define(eq=False)
class Runners:
    """While cells are ready, one task that is free to look at them has been called.

    A task is called before another starts a turn that might block, so a blocked handler never
    keeps ready cells waiting, and a burst that does not block is worked off by one task.
    """

    _nursery: trio.Nursery
    _monotonic: Callable[[], float]
    _turn: Callable[[Runner, Cell], Coroutine[Any, Any, int]]
    _cut: Callable[[Cell], None]
    _ready: deque[Cell] = field(factory=deque, init=False)
    _spare: list[trio.lowlevel.Task] = field(factory=list, init=False)
    _called: bool = field(default=False, init=False)
    # Tasks must not inherit the context variables of whoever happened to tell first.
    _context: contextvars.Context = field(factory=contextvars.copy_context, init=False)

    def enqueue(self, cell: Cell) -> None:
        """Give `cell` (in state READY) a turn soon."""
        self._ready.append(cell)
        if not self._called:
            self._call()

    def _call(self) -> None:
        self._called = True
        if self._spare:
            trio.lowlevel.reschedule(self._spare.pop())
        else:
            self._context.copy().run(self._nursery.start_soon, self._run)

    async def _run(self) -> None:
        runner = Runner()
        runner.task = trio.lowlevel.current_task()
        self._called = False
        while True:
            with runner.scope:
                await self._serve(runner)
            if runner.usable():
                return
            cell, runner.cell = runner.cell, None
            runner.scope, runner.is_cut = trio.CancelScope(), False
            if cell is not None:
                self._cut(cell)

    async def _serve(self, runner: Runner) -> None:
        """Give turns until this task is one too many, or its scope was used to cut a turn."""
        while runner.usable():
            await self._work(runner)
            if not runner.usable():
                return
            if self._ready and not self._called:
                self._called = True
                await trio.lowlevel.checkpoint()
            elif len(self._spare) < _SPARE_MAX:
                await self._park()
            else:
                return
            self._called = False

    async def _work(self, runner: Runner) -> None:
        """A shift: turns of one cell after another, then the run loop's other tasks.

        A yield to the run loop costs as much as ten messages, so a shift may be four full turns
        long; its time is bounded by that of one.
        """
        spent = 0
        yield_at = self._monotonic() + TURN_S
        while self._ready and spent < _SHIFT_MESSAGES:
            cell = self._ready.popleft()
            if cell.state is not _READY:
                continue
            if self._ready and not self._called:
                self._call()
            spent += 1 + await self._turn(runner, cell)
            if not runner.usable() or self._monotonic() >= yield_at:
                return

    async def _park(self) -> None:
        task = trio.lowlevel.current_task()

        def leave(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._spare.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        self._spare.append(task)
        await trio.lowlevel.wait_task_rescheduled(leave)
