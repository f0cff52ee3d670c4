"""A bounded mailbox: four lanes, made when first used, and a slot for the message in hand."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, IntEnum, unique
from typing import Final, TypeAlias

from attrs import define, field, frozen

from omni_actors.actors.question import Question


class Lane(IntEnum):
    """How urgent: SYSTEM goes first and is coalesced; the others share by weight 16 : 4 : 1."""

    SYSTEM = 0
    HIGH = 1
    NORMAL = 2
    BULK = 3


@unique
class Told(Enum):
    """What became of a message that was told."""

    ACCEPTED = "accepted"
    FULL = "full"
    STOPPED = "stopped"
    TOO_LARGE = "too large"


Envelope: TypeAlias = tuple[object, int, float, Question | None]
"""A message, its size in bytes, when it was queued (monotonic), and who waits for the answer.

A plain tuple: making one costs a fifth of what a slotted object does, and that is a tenth of all
that a message costs. What changes while it is in hand, its crashes, belongs to the slot.
"""

SYSTEM_KINDS_MAX: Final = 256
_WEIGHTS: Final = (0, 16, 4, 1)
_NEXT: Final = (1, 2, 3, 1)
_USER_LANES: Final = (Lane.HIGH, Lane.NORMAL, Lane.BULK)
# Looking a member up in its enum costs as much as queueing a message.
_BULK: Final = Lane.BULK
_ACCEPTED: Final = Told.ACCEPTED
_NOTHING: Final[deque[Envelope]] = deque(maxlen=0)


@frozen
class MailboxStatistics:
    """What waits, lane by lane, at one moment; only lanes that hold something appear."""

    depth: Mapping[str, int]
    oldest_s: Mapping[str, float]
    bytes: int
    in_hand: bool


@define(eq=False)
class Mailbox:
    """First in, first out within a lane; bounded by count and by bytes over HIGH, NORMAL and BULK.

    Pure bookkeeping: it knows no task and reads no clock. Taking moves an envelope into `in_hand`,
    where it stays until the next is taken or `settle`; a handler that failed finds it there again.
    `crashes` counts how often that happened to it. `on_room` is called whenever room has arisen.
    """

    count_max: int
    bytes_max: int
    in_hand: Envelope | None = field(default=None, init=False)
    crashes: int = field(default=0, init=False)
    overflowed: bool = field(default=False, init=False)
    depth: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
    closed: bool = field(default=False, init=False)
    halted: bool = field(default=False, init=False)
    on_room: Callable[[], None] | None = field(default=None, init=False)
    _ceiling: int = field(init=False)
    _lanes: list[deque[Envelope] | None] = field(init=False)
    _system: dict[object, Envelope] | None = field(default=None, init=False)
    _lane: int = field(default=_BULK, init=False)
    _queue: deque[Envelope] = field(default=_NOTHING, init=False)
    _credit: int = field(default=0, init=False)
    _alert: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        if self.count_max < 1 or self.bytes_max < 1:
            raise ValueError("a mailbox needs room for at least one message")
        self._ceiling = self.count_max
        self._lanes = [None, None, None, None]

    def put(self, envelope: Envelope, lane: int) -> Told:
        """Queue in HIGH, NORMAL or BULK if it fits."""
        if self.depth >= self._ceiling:
            return self._refuse(envelope)
        if size := envelope[1]:
            if self.bytes + size > self.bytes_max:
                return self._refuse(envelope)
            self.bytes += size
        queue = self._lanes[lane]
        if queue is None:
            queue = self._lanes[lane] = deque()
        queue.append(envelope)
        self.depth += 1
        return _ACCEPTED

    def push(self, envelope: Envelope, lane: int) -> None:
        """Queue regardless of the bounds: for what the actor itself set going."""
        queue = self._lanes[lane]
        if queue is None:
            queue = self._lanes[lane] = deque()
        queue.append(envelope)
        self.depth += 1
        self.bytes += envelope[1]

    def put_system(self, envelope: Envelope, kind: object) -> Told:
        """Queue in SYSTEM; a waiting message of the same kind is replaced and keeps its place."""
        if self.closed:
            return Told.STOPPED
        waiting = self._system or {}
        if len(waiting) >= SYSTEM_KINDS_MAX and kind not in waiting:
            return Told.FULL
        self.push_system(envelope, kind)
        return _ACCEPTED

    def push_system(self, envelope: Envelope, kind: object) -> None:
        """As `put_system`, beyond its bound: for what the runtime itself has to say."""
        message, size, at, question = envelope
        if self._system is None:
            self._system = {}
        if question is not None:
            kind = question  # each asker waits for an answer of its own
        elif (waiting := self._system.get(kind)) is not None:
            at = waiting[2]
        self._system[kind] = (message, size, at, question)
        self._alert = True

    def run(self) -> Iterator[Envelope]:
        """Take one envelope after the other, in the order of the lanes, until none is left.

        Whatever is put meanwhile comes in its turn; `halt` ends it after the envelope in hand.
        """
        while not self.halted:
            if self._system:
                self.in_hand = self._system.pop(next(iter(self._system)))
                yield self.in_hand
                continue
            self._alert = False
            if not self.depth:
                self._lane, self._credit = _BULK, 0  # the next round starts at HIGH
                return
            if not self._credit or not self._queue:
                self._rotate()
            queue, credit = self._queue, self._credit
            while queue and credit and not self._alert:
                credit -= 1
                self._credit = credit
                self.depth -= 1
                envelope = self.in_hand = queue.popleft()
                if envelope[1]:
                    self.bytes -= envelope[1]
                if self.on_room is not None:
                    self.on_room()
                yield envelope

    def take(self) -> Envelope | None:
        """Move the next envelope into the slot in hand; None when nothing waits."""
        return next(self.run(), None)

    def settle(self) -> None:
        """Empty the slot: what was in hand is done."""
        self.in_hand = None
        self.crashes = 0

    def halt(self) -> None:
        """Have `run` end, until `go_on`."""
        self.halted = self._alert = True

    def go_on(self) -> None:
        """Take back a `halt`."""
        self.halted = False

    def waits(self) -> bool:
        """Whether anything is queued or in hand."""
        return bool(self.depth or self._system or self.in_hand is not None)

    def queued(self) -> int:
        """How many envelopes wait, all lanes together, the one in hand not counted."""
        return self.depth + len(self._system or ())

    def fits(self, size: int) -> bool:
        """Whether there is room now, offers already waiting left aside."""
        return self.depth < self.count_max and self.bytes + size <= self.bytes_max

    def reserve(self, on_room: Callable[[], None]) -> None:
        """Keep the room that arises for who waits: `put` answers FULL until `release`."""
        self._ceiling = 0
        self.on_room = on_room

    def release(self) -> None:
        """Nobody waits for room any more."""
        self._ceiling = 0 if self.closed else self.count_max
        self.on_room = None

    def close(self) -> None:
        """Refuse everything but `push` from now on."""
        self.closed = True
        self.release()

    def take_overflowed(self) -> bool:
        """True once after a FULL, when count and bytes are below half again."""
        if self.depth * 2 >= self.count_max or self.bytes * 2 >= self.bytes_max:
            return False
        overflowed, self.overflowed = self.overflowed, False
        return overflowed

    def clear(self) -> list[Envelope]:
        """Take everything out, the envelope in hand first, then in the order of the lanes."""
        left = [self.in_hand] if self.in_hand is not None else []
        left += (self._system or {}).values()
        for lane in _USER_LANES:
            left += self._lanes[lane] or ()
        self.settle()
        self._system = None
        self._lanes = [None, None, None, None]
        self._queue, self._credit = _NOTHING, 0
        self._alert = True  # a `run` under way still holds a queue that is out now
        self.depth = self.bytes = 0
        return left

    def statistics(self, now: float) -> MailboxStatistics:
        """Depth and age of the oldest for each lane that holds something."""
        depth, oldest = {}, {}
        if self._system:
            depth["system"] = len(self._system)
            oldest["system"] = now - next(iter(self._system.values()))[2]
        for lane in _USER_LANES:
            if queue := self._lanes[lane]:
                depth[lane.name.lower()] = len(queue)
                oldest[lane.name.lower()] = now - queue[0][2]
        return MailboxStatistics(depth, oldest, self.bytes, self.in_hand is not None)

    def _rotate(self) -> None:
        """Move on to the next lane that holds something; often that is the same one again."""
        if self._queue and len(self._queue) == self.depth:
            self._credit = _WEIGHTS[self._lane]
            return
        lane, queue = self._lane, None
        while not queue:
            lane = _NEXT[lane]
            queue = self._lanes[lane]
        self._lane, self._queue, self._credit = lane, queue, _WEIGHTS[lane]

    def _refuse(self, envelope: Envelope) -> Told:
        if self.closed:
            return Told.STOPPED
        if envelope[1] > self.bytes_max:
            return Told.TOO_LARGE
        self.overflowed = True
        return Told.FULL
