"""Runs a flow: makes the calls that it describes and hands it the replies."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from omni_actors.model.failure import SendFailure
from omni_actors.wire.calls import Call, Flow, Reply

T = TypeVar("T")


async def run(flow: Flow[T], make: Callable[[Call], Awaitable[Reply]]) -> T:
    """Drive `flow` to its result, answering each call it yields with `make`.

    A SendFailure of a call is thrown into the flow, which may handle it or let it out.
    Cancellation closes the flow.
    """
    try:
        call = next(flow)
        while True:
            try:
                reply = await make(call)
            except SendFailure as failure:
                call = flow.throw(failure)
            else:
                call = flow.send(reply)
    except StopIteration as finished:
        result: T = finished.value
        return result
    finally:
        flow.close()
