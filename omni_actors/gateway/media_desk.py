"""Fetches what came in: a pending medium becomes bytes in a blob, or a failure with a reason."""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.adapters.contract import Fetched
from omni_actors.gateway.mail_parts import MailParts
from omni_actors.gateway.sender import Hands, Route
from omni_actors.gateway.timekeeper import GRAIN_S
from omni_actors.media.blobs import Blob, Blobs, DiskFull, Missing
from omni_actors.media.probe import HEAD_BYTES
from omni_actors.media.traits import Traits, traits_of
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net import flow
from omni_actors.net.trace import Trace
from omni_actors.policy import retry
from omni_actors.store.contract import Store
from omni_actors.store.media_verbs import (
    ClaimMedium,
    MediumAgain,
    MediumFailed,
    MediumReady,
)
from omni_actors.store.queries import DueMedia
from omni_actors.store.rows import Medium
from omni_actors.wire.calls import Call, ExtractCall, HttpCall, Reply

AT_ONCE_MAX = 8
AT_ONCE_PER_CHANNEL = 3
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


@frozen
class Ready:
    """A medium whose bytes are here."""

    blob: Blob
    mime: str | None
    filename: str | None
    traits: Traits


@define
class MediaDesk:
    """Fetches a few media at a time, and of one channel not so many that others wait for it.

    A crash leaves a lease that runs out; the medium is tried again.
    """

    store: Store
    blobs: Blobs
    hands: Hands
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    chance: Random
    parts: MailParts
    fetching: dict[str, str] = field(factory=dict)  # channel id by medium
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Look())

    async def handle(self, message: Look | Fetch) -> None:
        """Start what is due, as far as there is room."""
        if isinstance(message, Fetch):
            self.fetching.pop(message.media_id, None)
        if not self.context.draining:
            await self.start_due()
        self.context.wake_at(self.now() + LOOK_EVERY_S, Look(), key="look")

    async def start_due(self) -> None:
        """Start what there is room for; a page of a busy channel does not hide the others'."""
        while len(self.fetching) < AT_ONCE_MAX:
            due = await self.store.ask(DueMedia(self.now(), PAGE, self.busy()))
            if not any([self.start(medium) for medium in due]):
                return

    def busy(self) -> tuple[str, ...]:
        """The channels of which no more are to be fetched now."""
        counts = Counter(self.fetching.values())
        return tuple([id for id, count in counts.items() if count >= AT_ONCE_PER_CHANNEL])

    def start(self, medium: Medium) -> bool:
        """Fetch a medium in a child task, if there is room; whether it was begun."""
        channel_id = medium.channel_id or ""
        if medium.id in self.fetching or len(self.fetching) >= AT_ONCE_MAX:
            return False
        if channel_id in self.busy():
            return False
        self.fetching[medium.id] = channel_id
        self.context.start_soon(self.fetch, medium.id)
        return True

    async def fetch(self, media_id: str) -> None:
        """Fetch one medium under a lease, and settle it."""
        now = self.now()
        medium = await self.store.do(ClaimMedium(media_id, now, now + FETCH_DEADLINE_S + 30))
        if medium is not None:
            await self.settle(medium, await self.result(medium))
        self.context.tell_self(Fetch(media_id))

    async def result(self, medium: Medium) -> Ready | Failure:
        """The bytes, or why there are none."""
        route = self.routes().get(medium.channel_id or "")
        if route is None or medium.ref is None:
            return Failure(Kind.REJECTED, Reason.CHANNEL_UNAVAILABLE, text="its channel is gone")
        trace = Trace(frozenset(route.adapter.masked_keys))

        async def make(call: Call) -> Reply:
            if isinstance(call, HttpCall) and call.download:
                call = evolve(call, resume=medium.id)
            if isinstance(call, ExtractCall):
                return await self.parts.extract(call, route.adapter)
            return await self.hands.make(call, route.account, trace)

        age_s = self.now() - medium.created_at
        try:
            with trio.fail_after(FETCH_DEADLINE_S):
                fetched = await flow.run(
                    route.adapter.fetch(medium.ref, route.settings, age_s), make
                )
                return await self.ready(medium, fetched)
        except SendFailure as failed:
            return failed.failure
        except trio.TooSlowError:
            text = f"the medium was not here within {FETCH_DEADLINE_S:.0f} s"
            return Failure(Kind.TRANSIENT, Reason.TIMED_OUT, text=text)
        except (DiskFull, Missing, OSError) as problem:
            text = f"the bytes cannot be read from the disk: {type(problem).__name__}"
            return Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text)
        except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its medium, not the desk
            telemetry.error("media.bug", media_id=medium.id, error=telemetry.place_of(bug))
            return Failure(
                Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {telemetry.place_of(bug)}"
            )

    async def ready(self, medium: Medium, fetched: Fetched) -> Ready:
        """What is known of bytes that are here: by the platform, and by themselves."""
        blob = Blob(fetched.blob, fetched.size)
        async with self.blobs.open_source(blob, chunk_bytes_max=HEAD_BYTES) as source:
            head = await source.read()
        mime = medium.mime or fetched.mime
        name = medium.filename or fetched.filename
        return Ready(blob, mime, name, traits_of(mime, head))

    def again(self, medium: Medium, failure: Failure, now: float) -> float | None:
        """When to try again, by the policy, as long as the platform keeps the medium."""
        route = self.routes().get(medium.channel_id or "")
        kept_s = route.adapter.capabilities.media_kept_s if route else 0.0
        until = medium.created_at + kept_s
        return retry.fetch_again(
            retry.Fetching(failure, medium.attempts, now, until, self.chance.random())
        )

    async def settle(self, medium: Medium, result: Ready | Failure) -> None:
        """Commit how a fetch ended."""
        now = self.now()
        verb: Any
        if isinstance(result, Ready):
            blob, mime, name = result.blob, result.mime, result.filename
            verb = MediumReady(medium.id, blob.sha256, blob.size, mime, name, now, result.traits)
        else:
            again = self.again(medium, result, now)
            if again is None:
                verb = MediumFailed(medium.id, result, now)
                await self.blobs.forget(medium.id)
            else:
                verb = MediumAgain(medium.id, again, result)
                self.context.wake_at(again + GRAIN_S, Look(), key=("again", medium.id))
        await self.store.do(verb)
        telemetry.of(telemetry.MEDIA, type(verb).__name__).inc()
