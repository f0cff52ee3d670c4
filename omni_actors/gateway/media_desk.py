"""Fetches what came in: a pending medium becomes bytes in a blob, or a failure with a reason."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.adapters.contract import Fetched
from omni_actors.gateway.sender import Hands, Route, where
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net import flow
from omni_actors.net.trace import Trace
from omni_actors.policy import retry
from omni_actors.store.contract import Store
from omni_actors.store.queries import DueMedia
from omni_actors.store.rows import Medium
from omni_actors.store.verbs import ClaimMedium, MediumAgain, MediumFailed, MediumReady
from omni_actors.wire.calls import Call, Reply

AT_ONCE_MAX = 4
PAGE = 32
FETCH_DEADLINE_S = 600.0
LOOK_EVERY_S = 30.0


@frozen
class Look:
    """There may be media to fetch."""


@frozen
class Fetch:
    """A fetch has ended."""

    media_id: str


@define
class MediaDesk:
    """Fetches a few media at a time. A crash leaves a lease that runs out; it is tried again."""

    store: Store
    hands: Hands
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    chance: Random
    fetching: set[str] = field(factory=set)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Look | Fetch) -> None:
        """Start what is due, as far as there is room."""
        if isinstance(message, Fetch):
            self.fetching.discard(message.media_id)
        if not self.context.draining:
            await self.start_due()
        self.context.wake_at(self.now() + LOOK_EVERY_S, Look(), key="look")

    async def start_due(self) -> None:
        room = AT_ONCE_MAX - len(self.fetching)
        if room <= 0:
            return
        due = await self.store.ask(DueMedia(self.now(), PAGE))
        for medium in [m for m in due if m.id not in self.fetching][:room]:
            self.fetching.add(medium.id)
            self.context.start_soon(self.fetch, medium.id)

    async def fetch(self, media_id: str) -> None:
        """Fetch one medium under a lease, and settle it."""
        now = self.now()
        medium = await self.store.do(ClaimMedium(media_id, now, now + FETCH_DEADLINE_S + 30))
        if medium is not None:
            await self.settle(medium, await self.result(medium))
        self.context.tell_self(Fetch(media_id))

    async def result(self, medium: Medium) -> Fetched | Failure:
        """The bytes, or why there are none."""
        route = self.routes().get(medium.channel_id or "")
        if route is None or medium.ref is None:
            return Failure(Kind.REJECTED, Reason.CHANNEL_UNAVAILABLE, text="its channel is gone")
        trace = Trace(frozenset(route.adapter.masked_keys))

        async def make(call: Call) -> Reply:
            return await self.hands.make(call, route.account, trace)

        try:
            with trio.fail_after(FETCH_DEADLINE_S):
                return await flow.run(route.adapter.fetch(medium.ref, route.settings), make)
        except SendFailure as failed:
            return failed.failure
        except trio.TooSlowError:
            return Failure(Kind.TRANSIENT, Reason.TIMED_OUT)
        except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its medium, not the desk
            telemetry.error("media.bug", media_id=medium.id, error=where(bug))
            return Failure(Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {where(bug)}")

    async def settle(self, medium: Medium, result: Fetched | Failure) -> None:
        """Commit how a fetch ended."""
        now = self.now()
        verb: Any
        if isinstance(result, Fetched):
            mime = medium.mime or result.mime
            name = medium.filename or result.filename
            verb = MediumReady(medium.id, result.blob, result.size, mime, name, now)
        else:
            again = retry.fetch_again(result, medium.attempts, now, self.chance.random())
            if again is None:
                verb = MediumFailed(medium.id, result, now)
            else:
                verb = MediumAgain(medium.id, again, result)
                self.context.wake_at(again + GRAIN_S, Look(), key=("again", medium.id))
        await self.store.do(verb)
        telemetry.MEDIA.labels(type(verb).__name__).inc()
