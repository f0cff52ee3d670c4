"""Whose turn it is: lanes by weight, and within a lane one leg after the other."""

from collections import OrderedDict, deque
from collections.abc import Collection, Hashable, Mapping
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

WEIGHTS: Final[Mapping[str, int]] = {"high": 16, "normal": 4, "bulk": 1}


@frozen
class Picked(Generic[K, T]):
    """One item whose turn has come."""

    lane: str
    key: K
    item: T
    cost: int


@define
class _Flow(Generic[T]):
    """What one key has waiting, and what it may still spend in its turn."""

    credit: int
    waiting: deque[tuple[T, int]] = field(factory=deque)


@define
class _Lane(Generic[K, T]):
    """A deficit round robin between keys; `used` is the lane's own time, in cost by weight."""

    weight: int
    used: float = 0.0
    flows: OrderedDict[K, _Flow[T]] = field(factory=OrderedDict)

    def push(self, key: K, item: T, cost: int, quantum: int) -> None:
        flow = self.flows.get(key)
        if flow is None:
            flow = self.flows[key] = _Flow(quantum)
        flow.waiting.append((item, cost))

    def pop(self, quantum: int) -> tuple[K, T, int]:
        """Serve the key in front, which always can pay: no item costs more than the quantum."""
        key, flow = next(iter(self.flows.items()))
        item, cost = flow.waiting.popleft()
        flow.credit -= cost
        if not flow.waiting:
            del self.flows[key]
        elif flow.waiting[0][1] > flow.credit:
            flow.credit += quantum
            self.flows.move_to_end(key)
        return key, item, cost


class FairQueue(Generic[K, T]):
    """Waiting items, picked fairly in constant time.

    Each lane with something waiting progresses by its weight, and an idle lane saves up nothing.
    Within a lane each key progresses by cost; a key's own items stay in order. Holds at most
    `items_max` items and remembers nothing about a key that has none.
    """

    def __init__(
        self, items_max: int, *, weights: Mapping[str, int] = WEIGHTS, cost_max: int = 1
    ) -> None:
        if items_max < 1 or cost_max < 1 or not weights or min(weights.values()) < 1:
            raise ValueError("items_max, cost_max and every weight must be at least 1")
        self._items_max = items_max
        self._quantum = cost_max
        self._lanes: dict[str, _Lane[K, T]] = {n: _Lane(w) for n, w in weights.items()}
        self._items = 0
        self._reached = 0.0

    def __len__(self) -> int:
        return self._items

    def push(self, lane: str, key: K, item: T, cost: int = 1) -> bool:
        """Add an item behind the others of its key; False, and nothing kept, when there is no room.

        Raises KeyError for a lane without a weight, ValueError for a cost outside 1..`cost_max`.
        """
        if not 1 <= cost <= self._quantum:
            raise ValueError(f"a cost must be between 1 and {self._quantum}, not {cost}")
        chosen = self._lanes[lane]
        if self._items >= self._items_max:
            return False
        if not chosen.flows:
            chosen.used = max(chosen.used, self._reached)
        chosen.push(key, item, cost, self._quantum)
        self._items += 1
        return True

    def pick(self, lanes: Collection[str] | None = None) -> Picked[K, T] | None:
        """Take the item whose turn it is, of `lanes` only if given; None when none waits."""
        name = min(
            (n for n, lane in self._lanes.items() if lane.flows and (lanes is None or n in lanes)),
            key=lambda n: self._lanes[n].used,
            default=None,
        )
        if name is None:
            return None
        lane = self._lanes[name]
        self._reached = max(self._reached, lane.used)
        key, item, cost = lane.pop(self._quantum)
        lane.used += cost / lane.weight
        self._items -= 1
        return Picked(name, key, item, cost)

    def refund(self, picked: Picked[K, T]) -> None:
        """Give the lane back what a pick cost that did not become a send. Once per pick."""
        lane = self._lanes[picked.lane]
        lane.used -= picked.cost / lane.weight

    def discard(self, lane: str, key: K) -> int:
        """Drop what a key has waiting in a lane, and return how many items that were."""
        flow = self._lanes[lane].flows.pop(key, None)
        dropped = len(flow.waiting) if flow else 0
        self._items -= dropped
        return dropped
