"""Work of the desks that is left when the house is to end, because it can go on another time."""

from collections.abc import Awaitable, Callable

import trio


async def left_at(
    ending: trio.Event, work: Callable[[], Awaitable[None]], after_s: float = 0.0
) -> None:
    """Do the work, to its end or to that of the house, or for so long after that began."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_at, ending, nursery.cancel_scope, after_s)
        await work()
        nursery.cancel_scope.cancel()


async def _cancel_at(ending: trio.Event, working: trio.CancelScope, after_s: float) -> None:
    await ending.wait()
    await trio.sleep(after_s)
    working.cancel()
