"""Calls beside the queue: their failures shut no limiter and pause no channel."""

from typing import TypeVar

import trio

from omni_actors import telemetry
from omni_actors.gateway.sender import Hands
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net import flow
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Call, Flow, Reply

T = TypeVar("T")

CALL_DEADLINE_S = 60.0


async def called(
    hands: Hands,
    wanted: Flow[T],
    account: Account,
    masked_keys: tuple[str, ...] = (),
    within_s: float = CALL_DEADLINE_S,
) -> T | Failure:
    """Run one flow with this credential; its result, or why there is none."""
    trace = Trace(frozenset(masked_keys))

    async def make(call: Call) -> Reply:
        return await hands.make(call, account, trace)

    try:
        with trio.fail_after(within_s):
            return await flow.run(wanted, make)
    except SendFailure as failed:
        return failed.failure
    except trio.TooSlowError:
        text = f"no answer within {within_s:.0f} s"
        return Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text=text)
    except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its call, not the house
        telemetry.error("called.bug", channel_id=account.channel_id, error=telemetry.place_of(bug))
        return Failure(
            Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {telemetry.place_of(bug)}"
        )
