"""Calls of management: of templates, groups and the like, at once and beside the queue.

Their failures shut no limiter and pause no channel.
"""

from typing import TypeVar

import trio
from attrs import frozen

from omni_actors import telemetry
from omni_actors.gateway.errors import Code, RequestError
from omni_actors.gateway.sender import Hands, Route, where
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net import flow
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Call, Flow, Reply

T = TypeVar("T")

CALL_DEADLINE_S = 60.0
WAIT_S = 60.0


@frozen
class Management:
    """Makes such calls."""

    hands: Hands

    async def run(
        self, route: Route, wanted: Flow[T], deadline_s: float = CALL_DEADLINE_S
    ) -> T | Failure:
        """Run one flow on a channel; answers why it did not work."""
        trace = Trace(frozenset(route.adapter.masked_keys))

        async def make(call: Call) -> Reply:
            return await self.hands.make(call, route.account, trace)

        try:
            with trio.fail_after(deadline_s):
                return await flow.run(wanted, make)
        except SendFailure as failed:
            return failed.failure
        except trio.TooSlowError:
            text = f"no answer within {deadline_s:.0f} s"
            return Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text=text)
        except Exception as bug:  # noqa: BLE001 - an adapter's bug costs its call, not the house
            channel_id = route.account.channel_id
            telemetry.error("management.bug", channel_id=channel_id, error=where(bug))
            return Failure(Kind.REJECTED, Reason.INTERNAL, text=f"a bug of ours: {where(bug)}")


def refused(failure: Failure, rejected: Code, look: str) -> RequestError:
    """What the platform said, in the words of the API.

    `rejected` is the code for what it refuses for what the caller asked, and would refuse again;
    `look` says where to look when the answer was lost.
    """
    why = failure.text or failure.reason.value
    code = f" ({failure.code})" if failure.code and failure.code not in why else ""
    if failure.kind is Kind.UNKNOWN:
        sentence = f"the answer of the platform was lost: {why}{code}; {look}"
        return RequestError(Code.PLATFORM_REFUSED, sentence)
    later = failure.kind in (Kind.THROTTLED, Kind.TRANSIENT, Kind.UNREACHABLE)
    wait_s = (failure.retry_after_s or WAIT_S) if later else None
    sentence = f"the platform refused: {why}{code}"
    callers = failure.kind is Kind.REJECTED and failure.reason is not Reason.INTERNAL
    kind = rejected if callers else Code.PLATFORM_REFUSED
    return RequestError(kind, sentence, retry_after_s=wait_s)
