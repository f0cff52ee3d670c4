"""Lets time pass: what expires, what stayed unknown, windows that close, what may be forgotten."""

from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.gateway.conversation_actor import WINDOW_TIMER
from omni_actors.media.blobs import Blob, Blobs
from omni_actors.model.events import EventType
from omni_actors.policy import window
from omni_actors.store.contract import Store
from omni_actors.store.queries import BlobsInUse, LegById
from omni_actors.store.rows import ANY_TENANT, Channel, Leg, LegWake, NewEvent
from omni_actors.store.verbs import Handle, Retention, Sweep, Tick, Timer, TouchKeys

LOOK_EVERY_S = 60.0
SWEEP_EVERY_S = 600.0
SWEEP_LIMIT = 500
BLOBS_EVERY_S = 3600.0
BLOB_AGE_S = 3600.0
"""Further back than the longest time between the last byte of a blob and the row that names it."""
TICK_LIMIT = 200
OVERDUE_S = 1.0
GRAIN_S = 0.001
"""Nobody is woken sooner than this: a moment in unix seconds is not exact to the last bit, so what
is woken to the instant may find its due still a hair ahead, again and again."""


@frozen
class Look:
    """Look at the clock."""


@frozen
class At:
    """Something will be due at this moment."""

    at: float


@define
class Timekeeper:
    """Carries out what is due, a page at a time, and sleeps until the next moment."""

    store: Store
    blobs: Blobs
    now: Callable[[], float]
    wake_legs: Callable[[Sequence[LegWake]], None]
    keep: Callable[[], Retention]
    keys_used: Callable[[], Mapping[str, float]]
    changed: Callable[[Channel], None]
    closing_s: Callable[[], float] = field(default=lambda: window.CLOSING_BEFORE_S)
    swept_at: float = 0.0
    blobs_swept_at: float = 0.0
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        self.swept_at = self.blobs_swept_at = self.now()
        context.tell_self(Look())

    async def handle(self, message: Look | At) -> None:
        """Do what is due now, and ask to be woken for the rest."""
        if isinstance(message, At):
            self.context.wake_at(message.at, Look(), key="due")
            return
        next_at = await self.tick()
        await self.housekeeping()
        soonest, latest = self.now() + GRAIN_S, self.now() + LOOK_EVERY_S
        wanted = latest if next_at is None else max(soonest, min(next_at, latest))
        self.context.wake_at(wanted, Look(), key="due")

    async def tick(self) -> float | None:
        """Let the store carry out its dues until none is left; answers when the next will be.

        What stays due is for somebody else to do, and is looked at again a little later.
        """
        before: float | None = None
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            ticked = await self.store.do(Tick(self.now(), TICK_LIMIT))
            self.wake_legs(ticked.wakes)
            for channel in ticked.channels:
                self.changed(channel)
            await self.close_windows(ticked.timers)
            done = ticked.next_at is None or ticked.next_at > self.now()
            if done or self.context.draining:
                return ticked.next_at
            if ticked.next_at == before and not ticked.wakes and not ticked.timers:
                return self.now() + OVERDUE_S
            before = ticked.next_at

    async def close_windows(self, timers: Sequence[Timer]) -> None:
        """Tell of windows that close or have closed; each timer goes with its event."""
        tickets = [self.store.post(self.news_of(timer)) for timer in timers]
        for ticket in tickets:
            await ticket.wait()

    def news_of(self, timer: Timer) -> Handle:
        """What a window's timer brings about."""
        leg = self.store.peek(LegById(ANY_TENANT, timer.ref))
        now = self.now()
        if leg is None or leg.window_until is None:
            return Handle("", 0, done=(timer,))
        if leg.window_until <= now:
            return told(leg, EventType.WINDOW_CLOSED, now, timer)
        closing_at = window.closing_at(leg.window_until, self.closing_s())
        if closing_at > now:  # the customer has written since, or the config has changed
            later = Timer(WINDOW_TIMER, leg.id, closing_at)
            return Handle("", 0, timers=(later,), done=(timer,))
        closed = Timer(WINDOW_TIMER, leg.id, leg.window_until)
        return told(leg, EventType.WINDOW_CLOSING, now, timer, (closed,))

    async def housekeeping(self) -> None:
        """Forget what is old, in small bites; note which keys were used."""
        used = self.keys_used()
        if used:
            await self.store.do(TouchKeys(tuple(used.items())))
        if self.now() < self.swept_at + SWEEP_EVERY_S:
            return
        self.swept_at = self.now()
        while not self.context.draining:
            await trio.lowlevel.checkpoint_if_cancelled()
            if await self.store.do(Sweep(self.now(), self.keep(), SWEEP_LIMIT)) < SWEEP_LIMIT:
                break
        if self.now() >= self.blobs_swept_at + BLOBS_EVERY_S and not self.context.children:
            self.blobs_swept_at = self.now()
            self.context.start_soon(self.sweep_blobs)

    async def sweep_blobs(self) -> None:
        """Remove the bytes that nothing names any more; beside all that is due meanwhile."""
        try:
            swept = await self.blobs.sweep(self.in_use, before=self.now() - BLOB_AGE_S)
        except OSError as problem:
            telemetry.error("blobs.not_swept", error=type(problem).__name__, errno=problem.errno)
            return
        telemetry.info("blobs.swept", blobs=swept.blobs, bytes=swept.size)

    async def in_use(self, page: Sequence[Blob]) -> frozenset[str]:
        """Which of these blobs somebody names; all of them once the house wants to end."""
        hashes = tuple([blob.sha256 for blob in page])
        if self.context.draining:
            return frozenset(hashes)
        return await self.store.ask(BlobsInUse(hashes))


def told(
    leg: Leg, kind: EventType, at: float, timer: Timer, timers: tuple[Timer, ...] = ()
) -> Handle:
    """An event about a leg's window, in the place of the timer that brought it."""
    event = NewEvent(
        kind,
        at,
        conversation_id=leg.conversation_id,
        leg_id=leg.id,
        channel_id=leg.channel_id,
        detail={"until": leg.window_until},
    )
    return Handle(leg.conversation_id, 0, events=(event,), timers=timers, done=(timer,))
