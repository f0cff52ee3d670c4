"""Sends one claimed part: the adapter's flow, made by the network, its end put in words."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import trio
from attrs import evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Medium, PartToSend, Sent
from omni_actors.gateway.links import Links, to_be_fetched
from omni_actors.gateway.meters import Meters
from omni_actors.gateway.refreshing import Refresher
from omni_actors.gateway.uploads import Hands, Make, Route, Uploads
from omni_actors.model.content import Content
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.limits import Usage
from omni_actors.model.requests import AuthorType
from omni_actors.model.states import MediaState
from omni_actors.net import flow
from omni_actors.net.trace import Trace
from omni_actors.policy.grants import has_ended, worded
from omni_actors.store.verbs import Claimed, StoredMedium
from omni_actors.wire.calls import Call, Flow, HttpReply, Reply

__all__ = ["Done", "Hands", "Route", "Sender"]


@frozen
class Done:
    """How one attempt ended."""

    result: "Sent | Failure"
    trace: Trace
    started_at: float
    ended_at: float
    usage: tuple[Usage, ...] = ()


Result: TypeAlias = Sent | Failure


@frozen
class Sender:
    """Sends parts through the hands of this house."""

    hands: Hands
    uploads: Uploads
    links: Links
    now: Callable[[], float]
    token_of: Callable[[str], str]
    meters: Meters = field(factory=Meters)
    choice_links: Callable[[str, Content], Mapping[str, str]] = field(default=lambda _id, _c: {})
    refresher: Refresher | None = None

    async def send(self, claimed: Claimed, route: Route) -> Done:
        """One attempt. Cancellation leaves the outcome unknown; the store knows that it began."""
        trace = Trace(frozenset(route.adapter.masked_keys))
        started_at = self.now()
        usage: list[Usage] = []
        result = await self.result(claimed, route, trace, usage)
        return Done(result, trace, started_at, self.now(), tuple(usage))

    async def finish(self, rest: Flow[str | None], route: Route, trace: Trace) -> str | None:
        """Do what remains of a part that was taken up; what came of it, where there is to tell."""

        async def make(call: Call) -> Reply:
            return await self.hands.make(call, route.account, trace)

        try:
            return await flow.run(rest, make)
        except Exception as bug:  # noqa: BLE001 - the part was sent, whatever comes of the rest
            telemetry.error("sender.bug", error=telemetry.place_of(bug))
            return f"sent, but what follows has failed: {telemetry.place_of(bug)}"

    async def result(
        self, claimed: Claimed, route: Route, trace: Trace, usage: list[Usage]
    ) -> Result:
        """What the platform made of the part."""
        missing = missing_medium(claimed)
        if missing is not None:
            return missing
        part = part_to_send(claimed, self.token_of(claimed.part_id))
        if route.adapter.capabilities.letters:
            part = evolve(part, links=self.choice_links(part.part_id, part.content))
        channel_id = route.account.channel_id
        if waits := self.meters.admit(part, channel_id, route.adapter, self.now()):
            return waits
        result = await self.tried(part, claimed.failure, route, trace, usage)
        if self.refresher is None or isinstance(result, Sent) or not has_ended(result):
            return result
        match await self.refresher.refreshed(route.account):
            case Failure() as failure:
                return worded(failure)  # of the channel, and never in doubt
            case Route() as fresh:  # nothing was sent so far: nobody was let in
                return await self.tried(part, claimed.failure, fresh, trace, usage)
            case None:
                return result

    async def tried(
        self,
        part: PartToSend,
        before: Failure | None,
        route: Route,
        trace: Trace,
        usage: list[Usage],
    ) -> Result:
        """What becomes of a part that is sent by this route."""

        async def make(call: Call) -> Reply:
            reply = await self.hands.make(call, route.account, trace)
            if isinstance(reply, HttpReply):
                usage.extend(route.adapter.usage(reply))
            return reply

        try:
            sent = await self.sent(part, before, route, make)
            if self.refresher is not None:
                self.refresher.proved(route.account)
            return sent
        except SendFailure as failed:
            return failed.failure
        except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its part, not the channel
            telemetry.error("sender.bug", part_id=part.part_id, error=telemetry.place_of(bug))
            return Failure(
                Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {telemetry.place_of(bug)}"
            )

    async def sent(
        self, part: PartToSend, before: Failure | None, route: Route, make: Make
    ) -> Sent:
        """Bring the part's media to the platform, then the part.

        Ids that the platform has forgotten, as it says now or said `before` of the last attempt,
        are exchanged for new ones, once. Raises SendFailure.
        """
        gone = route.adapter.upload_gone
        note = None
        capabilities = route.adapter.capabilities.toward(part.to)
        if to_be_fetched(part, before, capabilities):
            part, note = await self.links.fetched(part, capabilities, make)
        old = {m.media_id: m.uploaded for m in part.media.values() if m.uploaded is not None}
        doubted = before is not None and gone(before)
        part = await self.with_media(part, route, make, old if doubted else {})
        try:
            sent = await self.posted(part, route, make)
        except SendFailure as refused:
            if doubted or not old or not gone(refused.failure):
                raise
            part = await self.with_media(part, route, make, old)
            sent = await self.posted(part, route, make)
        return evolve(sent, note="; ".join(filter(None, (note, sent.note)))) if note else sent

    async def with_media(
        self, part: PartToSend, route: Route, make: Make, gone: Mapping[str, str]
    ) -> PartToSend:
        """The part with all its media uploaded, by other ids than those that are `gone`."""
        if not part.media:
            return part
        return evolve(part, media=await self.uploads.ready(part.media, route, make, gone))

    async def posted(self, part: PartToSend, route: Route, make: Make) -> Sent:
        """The platform's acceptance of a part. Raises SendFailure."""
        within_s = route.adapter.attempt_s
        with trio.move_on_after(within_s):
            return await flow.run(route.adapter.send(part, route.settings), make)
        text = f"no end within {within_s:.0f} s"
        raise SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text=text))


def part_to_send(claimed: Claimed, token: str) -> PartToSend:
    """A claimed part in the words of the adapters."""
    return PartToSend(
        part_id=claimed.part_id,
        form=claimed.form,
        content=claimed.content,
        to=claimed.keys,
        attempt=claimed.attempt,
        reply_to=claimed.reply_to,
        media={medium.media_id: ready(medium) for medium in claimed.media},
        human=claimed.author == AuthorType.HUMAN,
        late=claimed.first,
        resent=claimed.resent,
        override=claimed.override,
        token=token,
        asked_at=claimed.asked_at,
        thread=claimed.thread,
        only=claimed.only,
    )


def ready(medium: StoredMedium) -> Medium:
    """A medium whose bytes are here, in the words of the adapters."""
    return Medium(
        media_id=medium.media_id,
        blob=medium.blob or "",
        mime=medium.mime or "application/octet-stream",
        size=medium.size or 0,
        filename=medium.filename,
        uploaded=medium.uploaded,
    )


def missing_medium(claimed: Claimed) -> Failure | None:
    """Why the part cannot be sent for want of a medium: still coming, or never."""
    for medium in claimed.media:
        if medium.state is MediaState.PENDING:
            text = f"medium {medium.media_id} is not here yet"
            return Failure(Kind.TRANSIENT, Reason.MEDIA_UNREACHABLE, text=text)
        if medium.state is MediaState.FAILED or medium.blob is None:
            text = f"medium {medium.media_id} could not be fetched"
            return Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=text)
    return None
