"""Media on their way to a platform: each goes to a channel once, however many parts need it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import trio
from attrs import define, evolve, field, frozen

from omni_actors.adapters.connecting import App
from omni_actors.adapters.contract import Adapter, Medium
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net import flow
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.store.contract import Store
from omni_actors.store.media_verbs import KeepUpload
from omni_actors.store.queries import UploadOf
from omni_actors.wire.calls import Call, Reply

UPLOAD_DEADLINE_S = 600.0

Make: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Hands(Protocol):
    """What makes calls."""

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        """Make one call. Raises SendFailure when there is no reply."""
        ...


@frozen
class Route:
    """A channel as sending needs it: its adapter, settings and credential, and the app of the
    config that the credential is of, if it is of one."""

    adapter: Adapter[Any, Any]
    settings: Any
    account: Account
    app: App | None = None


@define
class Flight:
    """An upload under way; how it failed is for all who wait for it."""

    ended: trio.Event = field(factory=trio.Event)
    failure: Failure | None = None


@define
class Uploads:
    """Who uploads what. The platform's ids are the store's to remember, also of parts that fail."""

    store: Store
    now: Callable[[], float]
    under_way: dict[tuple[str, str], Flight] = field(factory=dict)

    async def ready(
        self,
        media: Mapping[str, Medium],
        route: Route,
        make: Make,
        gone: Mapping[str, str] | None = None,
    ) -> dict[str, Medium]:
        """The media with the platform's ids of them, uploaded where there is none.

        `gone` are ids, by medium, that the platform no longer knows. Raises SendFailure.
        """
        if route.adapter.upload is None:
            return dict(media)
        known = gone or {}
        return {
            key: await self.once(medium, route, make, known.get(medium.media_id))
            for key, medium in media.items()
        }

    async def once(self, medium: Medium, route: Route, make: Make, gone: str | None) -> Medium:
        """One medium, uploaded by us or by whoever is at it already."""
        if medium.uploaded is not None and medium.uploaded != gone:
            return medium
        channel_id = route.account.channel_id
        key = (channel_id, medium.media_id)
        while True:
            external_id = self.store.peek(UploadOf(medium.media_id, channel_id, self.now()))
            if external_id is not None and external_id != gone:
                return evolve(medium, uploaded=external_id)
            flight = self.under_way.get(key)
            if flight is None:
                return evolve(medium, uploaded=await self.fly(key, medium, route, make))
            await flight.ended.wait()
            if flight.failure is not None:
                raise SendFailure(flight.failure)

    async def fly(self, key: tuple[str, str], medium: Medium, route: Route, make: Make) -> str:
        """Upload a medium and remember its id. Cancelled, somebody who waits takes it over."""
        flight = self.under_way[key] = Flight()
        try:
            external_id, until = await self.uploaded(medium, route, make)
            await self.store.do(KeepUpload(medium.media_id, key[0], external_id, until))
        except SendFailure as failed:
            flight.failure = failed.failure
            raise
        finally:
            del self.under_way[key]
            flight.ended.set()
        return external_id

    async def uploaded(self, medium: Medium, route: Route, make: Make) -> tuple[str, float]:
        """Hand a medium to the platform: its id there, and until when that is good."""
        assert route.adapter.upload is not None
        try:
            with trio.fail_after(UPLOAD_DEADLINE_S):
                done = await flow.run(route.adapter.upload(medium, route.settings), make)
        except trio.TooSlowError:
            text = f"the upload had no end within {UPLOAD_DEADLINE_S:.0f} s"
            raise SendFailure(Failure(Kind.TRANSIENT, Reason.TIMED_OUT, text=text)) from None
        return done.external_id, self.now() + done.valid_s
