"""Knocking at the gateway: signed webhooks, again and again until they get a 200."""

import hmac
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import trio
from attrs import define, field, frozen

from omni_actors.sandbox.faults import WEBHOOK_KINDS, Faults, Target
from omni_actors.sandbox.line import ExchangeError, Line, Reply

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0


@define(eq=False)
class Knock:
    """Told what the first delivery of an update was answered: a status, or 0 for no answer."""

    status: int | None = None
    error: str = ""
    _told: trio.Event = field(factory=trio.Event)

    def tell(self, status: int, error: str = "") -> None:
        """Note the first answer and wake who waits."""
        if self.status is None:
            self.status, self.error = status, error
            self._told.set()

    async def wait(self) -> int:
        """The status, once there is one."""
        await self._told.wait()
        return self.status or 0


@frozen(eq=False)
class Update:
    """One thing that happened, on its way to the hook of its channel."""

    channel_key: str
    type: str
    value: dict[str, Any]
    after_s: float = 0.0
    repeats: int = 0
    knock: Knock | None = None
    field: str = "messages"
    """What the change is of, where a platform tells that."""
    at: float | None = None
    """When it happened, where it does not say so itself."""


Envelope = Callable[[Sequence[Update]], bytes]
"""Writes updates as the body of one webhook."""

NOBODY_ASKED = "no app is subscribed to this, so the platform tells nobody"


def _always(_update: Update) -> bool:
    return True


def _unnoticed(_update: Update, _status: int) -> None:
    return


@define(eq=False)
class HookFigures:
    """What a hook has seen so far."""

    delivered: int = 0
    retried: int = 0
    updates: int = 0
    given_up: int = 0
    """Updates that nobody is subscribed to any more."""
    last_status: int = 0


@define(eq=False)
class Hook:
    """One URL and secret, with a bounded queue and a fixed number of connections.

    Nothing is lost: an update stays with its worker until the hook says exactly 200 or the platform
    unsubscribes it, and a full queue makes `offer` wait. Updates may overtake each other, as they
    do on the platforms.
    """

    url: str | None
    secret: str
    envelope: Envelope
    faults: Faults
    heard: Callable[[Update], bool] = _always
    """Whether an update goes out at all."""
    answered: Callable[[Update, int], None] = _unnoticed
    """Told what each knock came to; 0 is no answer. It may end the platform's patience."""
    concurrency: int = 4
    batch_max: int = 1
    pending_max: int = 10_000
    figures: HookFigures = field(factory=HookFigures)
    in_hand: int = 0
    _ready: deque[Update] = field(factory=deque)
    _later: list[tuple[float, int, Update]] = field(factory=list)
    _count: int = 0
    _takers: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)
    _givers: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)
    _changed: trio.Event = field(factory=trio.Event)
    _sooner: trio.Event = field(factory=trio.Event)

    @property
    def pending(self) -> int:
        """Updates that wait for their first or next delivery."""
        return len(self._ready) + len(self._later) + self.in_hand

    def move_to(self, url: str | None) -> None:
        """Knock at `url` from now on; deliveries in back-off are tried again at once."""
        self.url = url
        self._changed.set()
        self._changed = trio.Event()

    async def offer(self, update: Update) -> None:
        """Queue one update, unless nobody asked for it; waits while the queue is full."""
        if not self.heard(update):
            if update.knock is not None:
                update.knock.tell(0, NOBODY_ASKED)
            return
        while len(self._ready) + len(self._later) >= self.pending_max:
            await self._givers.park()
        fault = self.faults.take(_target(update), WEBHOOK_KINDS) if self.faults.rules else None
        delay_s = update.after_s
        if fault is not None and fault.kind == "reorder_webhooks":
            delay_s += fault.delay_s
        if delay_s > 0:
            self._put_off(update, delay_s)
        else:
            self._put(update)
        if fault is not None and fault.kind == "duplicate_webhook":
            self._put_off(update, delay_s + 0.01)

    def _put(self, update: Update) -> None:
        self._ready.append(update)
        self._takers.unpark()

    def _put_off(self, update: Update, delay_s: float) -> None:
        self._count += 1
        heappush(self._later, (trio.current_time() + delay_s, self._count, update))
        self._sooner.set()

    def take_over(self, other: "Hook", channel_key: str) -> None:
        """Take what `other` has queued for one account; deliveries in its hands stay there."""
        mine = [update for update in other._ready if update.channel_key == channel_key]
        later = [entry for entry in other._later if entry[2].channel_key == channel_key]
        for update in mine:
            other._ready.remove(update)
            self._put(update)
        for entry in later:
            other._later.remove(entry)
            self._put_off(entry[2], max(0.0, entry[0] - trio.current_time()))
        heapify(other._later)

    def drop_all(self) -> None:
        """Forget what is queued; deliveries in hand go on."""
        self._ready.clear()
        self._later.clear()
        self._givers.unpark_all()

    async def run(self) -> None:
        """Deliver for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._release)
            for _ in range(self.concurrency):
                nursery.start_soon(self._work)

    async def _release(self) -> None:
        while True:
            self._sooner = trio.Event()
            due = self._later[0][0] if self._later else trio.current_time() + 3_600.0
            with trio.move_on_at(due):
                await self._sooner.wait()
            while self._later and self._later[0][0] <= trio.current_time():
                self._put(heappop(self._later)[2])

    async def _work(self) -> None:
        line = Line()
        try:
            while True:
                updates = await self._take()
                self.in_hand += len(updates)
                try:
                    await self._deliver(line, updates)
                finally:
                    self.in_hand -= len(updates)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1.0):
                await line.aclose()

    async def _take(self) -> list[Update]:
        while not self._ready:
            await self._takers.park()
        count = min(len(self._ready), self.batch_max)
        updates = [self._ready.popleft() for _ in range(count)]
        self._givers.unpark(count=count)
        return updates

    async def _deliver(self, line: Line, updates: list[Update]) -> None:
        body = self.envelope(updates)
        repeats = max(update.repeats for update in updates)
        for _ in range(1 + repeats):
            await self._until_taken(line, body, updates)
        self.figures.updates += len(updates)

    async def _until_taken(self, line: Line, body: bytes, updates: list[Update]) -> None:
        backoff_s = BACKOFF_FIRST_S
        while True:
            status, error = await self._knock(line, body)
            for update in updates:
                self.answered(update, status)
                if update.knock is not None:
                    update.knock.tell(status, error)
            if status == 200:
                self.figures.delivered += 1
                return
            self.figures.retried += 1
            if not any(self.heard(update) for update in updates):
                self.figures.given_up += len(updates)
                return
            with trio.move_on_after(backoff_s):
                await self._changed.wait()
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)

    async def _knock(self, line: Line, body: bytes) -> tuple[int, str]:
        while self.url is None:
            await self._changed.wait()
        try:
            reply = await line.call("POST", self.url, signed_headers(self.secret, body), body)
        except ExchangeError as error:
            self.figures.last_status = 0
            return 0, str(error)
        self.figures.last_status = reply.status
        return reply.status, ""


def signed_headers(secret: str, body: bytes) -> list[tuple[str, str]]:
    """The headers of an event, signed over the raw bytes as Meta signs them."""
    return [
        ("User-Agent", "omni-actors-sandbox"),
        ("Content-Type", "application/json"),
        ("X-Hub-Signature-256", f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"),
    ]


async def handshake(url: str, verify_token: str, challenge: str) -> Reply:
    """Ask the hook to prove itself. Raises ExchangeError when it does not answer."""
    line = Line(timeout_s=10.0)
    query = f"hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={verify_token}"
    try:
        return await line.call("GET", f"{url}{'&' if '?' in url else '?'}{query}", [])
    finally:
        await line.aclose()


def _target(update: Update) -> Target:
    return Target(update.channel_key, "webhook", update.type)
