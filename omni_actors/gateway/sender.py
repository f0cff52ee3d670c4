"""Sends one claimed part: the adapter's flow, made by the network, its end put in words."""

import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Protocol, TypeAlias

import trio
from attrs import frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, Medium, PartToSend, Sent
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.limits import Usage
from omni_actors.model.states import MediaState
from omni_actors.net import flow
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.store.verbs import Claimed, StoredMedium
from omni_actors.wire.calls import Call, HttpReply, Reply

FLOW_DEADLINE_S = 180.0


class Hands(Protocol):
    """What makes calls."""

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        """Make one call. Raises SendFailure when there is no reply."""
        ...


@frozen
class Route:
    """A channel as sending needs it: its adapter, settings and credential."""

    adapter: Adapter[Any, Any]
    settings: Any
    account: Account


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
    now: Callable[[], float]

    async def send(self, claimed: Claimed, route: Route) -> Done:
        """One attempt. Cancellation leaves the outcome unknown; the store knows that it began."""
        trace = Trace(frozenset(route.adapter.masked_keys))
        started_at = self.now()
        usage: list[Usage] = []
        result = await self.result(claimed, route, trace, usage)
        return Done(result, trace, started_at, self.now(), tuple(usage))

    async def result(
        self, claimed: Claimed, route: Route, trace: Trace, usage: list[Usage]
    ) -> Result:
        """What the platform made of the part."""
        missing = missing_medium(claimed)
        if missing is not None:
            return missing

        async def make(call: Call) -> Reply:
            reply = await self.hands.make(call, route.account, trace)
            if isinstance(reply, HttpReply):
                usage.extend(route.adapter.usage(reply))
            return reply

        try:
            with trio.fail_after(FLOW_DEADLINE_S):
                return await flow.run(
                    route.adapter.send(part_to_send(claimed), route.settings), make
                )
        except SendFailure as failed:
            return failed.failure
        except trio.TooSlowError:
            text = f"no end within {FLOW_DEADLINE_S:.0f} s"
            return Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text=text)
        except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its part, not the channel
            telemetry.error("sender.bug", part_id=claimed.part_id, error=where(bug))
            return Failure(Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {where(bug)}")


def where(bug: Exception) -> str:
    """The kind of an error and the line that raised it; never its text, which may hold content."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__} at {PurePath(frame.filename).name}:{frame.lineno}"


def part_to_send(claimed: Claimed) -> PartToSend:
    """A claimed part in the words of the adapters."""
    return PartToSend(
        part_id=claimed.part_id,
        form=claimed.form,
        content=claimed.content,
        to=claimed.keys,
        attempt=claimed.attempt,
        reply_to=claimed.reply_to,
        media={medium.media_id: ready(medium) for medium in claimed.media},
        override=claimed.override,
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
