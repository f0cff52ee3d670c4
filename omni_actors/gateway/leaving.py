"""Work of the desks that is left when the house is to end, because it can go on another time."""

from collections.abc import Awaitable, Callable

import trio


async def left_at(ending: trio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, to its end or to that of the house."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_at, ending, nursery.cancel_scope)
        await work()
        nursery.cancel_scope.cancel()


async def _cancel_at(ending: trio.Event, working: trio.CancelScope) -> None:
    await ending.wait()
    working.cancel()
