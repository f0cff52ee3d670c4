"""Actors by key that exist whenever somebody writes to them: woken on demand, put to sleep idle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from omni_actors.actors.cell import Behaviour, Cell, Quarantined
from omni_actors.actors.mailbox import Lane, Mailbox, Told

if TYPE_CHECKING:
    from omni_actors.actors.system import System
    from omni_actors.actors.timers import Timer

_SWEEP_MAX: Final = 256


@frozen
class RosterStatistics:
    """How many keys are awake, and how often one was woken and put to sleep."""

    active: int
    woken: int
    slept: int


@define(eq=False)
class Roster:
    """Wakes `prefix/key` on its first message and lets it sleep after `idle_s` without any.

    One activation a key: messages that come while it wakes or falls asleep wait for it. A sleeping
    key costs no memory. Beyond `active_max` the longest idle sleeps first; keys that are busy
    never do, so the bound is exceeded rather than work cut.
    """

    _system: System
    prefix: str
    _factory: Callable[[str], Behaviour]
    idle_s: float = field(default=120.0, kw_only=True)
    active_max: int = field(default=50_000, kw_only=True)
    count_max: int = field(default=64, kw_only=True)
    bytes_max: int = field(default=2**20, kw_only=True)
    group: str = field(default="", kw_only=True)
    on_poison: Callable[[Quarantined], Awaitable[None]] | None = field(default=None, kw_only=True)
    _active: int = field(default=0, init=False)
    _woken: int = field(default=0, init=False)
    _slept: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)
    _quiet: dict[str, Cell] = field(factory=dict, init=False)
    _sweep: Timer | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if not self.prefix or "/" in self.prefix:
            raise ValueError(f"a roster's prefix is one word without a slash, not {self.prefix!r}")
        rosters = self._system.house.rosters
        if self.prefix in rosters:
            raise ValueError(f"there is a roster for {self.prefix} already")
        self.group = self.group or self.prefix
        rosters[self.prefix] = self

    def address(self, key: str) -> str:
        """The address of a key, awake or not."""
        return f"{self.prefix}/{key}"

    def tell(self, key: str, message: object, *, lane: Lane = Lane.NORMAL, size: int = 0) -> Told:
        """As `System.tell`."""
        return self._system.tell(f"{self.prefix}/{key}", message, lane=lane, size=size)

    async def offer(
        self, key: str, message: object, *, lane: Lane = Lane.NORMAL, size: int = 0
    ) -> Told:
        """As `System.offer`."""
        return await self._system.offer(self.address(key), message, lane=lane, size=size)

    async def ask(
        self,
        key: str,
        message: object,
        *,
        timeout_s: float,
        lane: Lane = Lane.NORMAL,
        size: int = 0,
    ) -> Any:
        """As `System.ask`."""
        return await self._system.ask(
            self.address(key), message, timeout_s=timeout_s, lane=lane, size=size
        )

    @property
    def active(self) -> int:
        """How many keys are awake."""
        return self._active

    def statistics(self) -> RosterStatistics:
        """Counts since the start."""
        return RosterStatistics(self._active, self._woken, self._slept)

    def passivate(self, key: str) -> bool:
        """Put a key to sleep now; False when it is not awake, or busy."""
        cell = self._system.house.cells.get(self.address(key))
        return cell is not None and self._put_to_sleep(cell)

    # For the house

    def close(self) -> None:
        """Wake nobody any more."""
        self._closed = True

    def wake(self, key: str) -> Cell | None:
        """A fresh cell for a key that sleeps; None once closed."""
        if self._closed:
            return None
        if self._active >= self.active_max:
            self._make_room()
        cell = Cell(
            address=f"{self.prefix}/{key}",
            group=self.group,
            factory=partial(self._factory, key),
            mailbox=Mailbox(self.count_max, self.bytes_max),
            on_poison=self.on_poison,
            roster=self,
        )
        self._system.house.cells[cell.address] = cell
        self._active += 1
        self._woken += 1
        self.note_quiet(cell)
        return cell

    def note_quiet(self, cell: Cell) -> None:
        """The cell has nothing to do; its idle time starts anew."""
        cell.quiet_at = self._system.house.monotonic()
        self._quiet.pop(cell.address, None)
        self._quiet[cell.address] = cell
        if self._sweep is None:
            self._sweep_at(cell.quiet_at + self.idle_s)

    def note_gone(self, cell: Cell) -> None:
        """The cell has left the house."""
        self._active -= 1
        self._slept += 1
        self._quiet.pop(cell.address, None)

    def _sweep_at(self, when: float) -> None:
        self._sweep = self._system.house.timers.at(when, self._sweep_due)

    def _sweep_due(self) -> None:
        self._sweep = None
        now = self._system.house.monotonic()
        for _ in range(_SWEEP_MAX):
            oldest = next(iter(self._quiet.values()), None)
            if oldest is None or oldest.quiet_at + self.idle_s > now:
                break
            del self._quiet[oldest.address]
            self._put_to_sleep(oldest)
        if self._sweep is None and self._quiet:
            oldest = next(iter(self._quiet.values()))
            self._sweep_at(oldest.quiet_at + self.idle_s)

    def _make_room(self) -> None:
        for cell in list(islice(self._quiet.values(), _SWEEP_MAX)):
            del self._quiet[cell.address]
            if self._put_to_sleep(cell):
                return

    def _put_to_sleep(self, cell: Cell) -> bool:
        if not cell.asleep_ready():
            return False
        if hasattr(cell.behaviour, "stopping"):
            cell.drowsy = True
            self._system.house.make_ready(cell)
        else:
            self._system.house.forget(cell)
        return True
