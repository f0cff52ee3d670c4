"""How cells end: one by one on request, or all of them, group by group, before a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import trio
from attrs import frozen

from omni_actors.actors.cell import Cell, State

if TYPE_CHECKING:
    from omni_actors.actors.house import House

_CUT_SHARE: Final = 1 / 6
_CUT_MAX_S: Final = 5.0
_FAREWELLS_MAX: Final = 64
_GRACE_S: Final = 1.0


@frozen
class Left:
    """What one actor had not finished when its time was over; types and counts, no content."""

    address: str
    queued: int
    in_hand: str | None
    children: int


@frozen
class DrainReport:
    """The end of a drain: `clean` when nothing was cut and nothing was left."""

    clean: bool
    left: tuple[Left, ...]
    took_s: float


async def retire(house: House, cell: Cell, cut_at: float, reason: str) -> int:
    """Close a cell, let it finish until `cut_at`, cancel the rest, forget it; what was left.

    A caller that is cancelled does not cut it short.
    """
    shut(house, cell)
    with trio.CancelScope(shield=True):
        with trio.move_on_at(cut_at):
            await cell.until(cell.quiet)
        await _finish(house, cell, reason)
    return cell.left


def shut(house: House, cell: Cell) -> None:
    """Take nothing more from outside; the behaviour sees `context.draining`."""
    cell.draining = True
    cell.close()
    cell.notify()


async def drain(house: House, deadline_s: float, groups: Sequence[str]) -> DrainReport:
    """Shut group after group, each once the one before is quiet; cut what is left in time to end.

    The last sixth of the time, at most 5 s, is kept for cancelling and for `stopping`. What is
    deaf to its cancelling is left behind 1 s after the deadline, and reported.
    """
    began = house.monotonic()
    ends_at = began + deadline_s
    with trio.CancelScope(deadline=ends_at - min(_CUT_MAX_S, deadline_s * _CUT_SHARE)) as waiting:
        house.draining = waiting
        for group in groups:
            await _quieten(house, _shut_group(house, group))
        await _quieten(house, _shut_all(house))
    _shut_all(house)
    left = tuple(_left_of(cell) for cell in house.cells.values() if _unfinished(cell))
    with trio.CancelScope(shield=True, deadline=ends_at + _GRACE_S):
        await _finish_all(house, ends_at)
    return DrainReport(not left, left, house.monotonic() - began)


def _shut_group(house: House, group: str) -> list[Cell]:
    for roster in house.rosters.values():
        if roster.group == group:
            roster.close()
    cells = [cell for cell in house.cells.values() if cell.group == group]
    for cell in cells:
        shut(house, cell)
    return cells


def _shut_all(house: House) -> list[Cell]:
    house.closed = True
    for roster in house.rosters.values():
        roster.close()
    cells = list(house.cells.values())
    for cell in cells:
        shut(house, cell)
    return cells


async def _quieten(house: House, cells: list[Cell]) -> None:
    while busy := [cell for cell in cells if not cell.quiet()]:
        for cell in busy:
            await cell.until(cell.quiet)


async def _finish_all(house: House, ends_at: float) -> None:
    cells = iter(list(house.cells.values()))
    house.close_s = max(0.0, min(house.close_s, ends_at - house.monotonic()))
    async with trio.open_nursery() as nursery:
        for _ in range(min(_FAREWELLS_MAX, len(house.cells))):
            nursery.start_soon(_finish_each, house, cells)


async def _finish_each(house: House, cells: Iterator[Cell]) -> None:
    for cell in cells:
        await _finish(house, cell, "drained")


async def _finish(house: House, cell: Cell, reason: str) -> None:
    """Cut what still runs, let the behaviour say goodbye, and take the cell out of the house."""
    if cell.state in (State.STOPPING, State.STOPPED):
        await cell.until(lambda: cell.state is State.STOPPED)
        return
    cell.state = State.STOPPING
    cell.mailbox.halt()
    house.cancel_revival(cell)
    if cell.runner is not None:
        cell.runner.cut()
    for scope in cell.children or ():
        scope.cancel()
    await cell.until(cell.alone)
    stopping = getattr(cell.behaviour, "stopping", None)
    if stopping is not None:
        try:
            with trio.fail_after(house.close_s):
                await stopping()
        except* Exception as error:  # noqa: BLE001  a farewell that fails ends its actor only
            house.note_error(cell, error)
    house.end(cell, reason)


def _unfinished(cell: Cell) -> bool:
    return cell.mailbox.waits() or not cell.alone()


def _left_of(cell: Cell) -> Left:
    envelope = cell.mailbox.in_hand
    return Left(
        address=cell.address,
        queued=cell.mailbox.queued(),
        in_hand=type(envelope[0]).__name__ if envelope else None,
        children=len(cell.children or ()),
    )
