"""The clock is carried by trio's, so that a test can drive it."""

import time
from functools import partial

import pytest
import trio
import trio.testing

from omni_actors.actors.clock import Clock
from omni_actors.actors.timers import Timers


async def test_wall_time_follows_the_runs_clock(autojump_clock: trio.testing.MockClock) -> None:
    clock = Clock(wall=1_700_000_000.0)

    await trio.sleep(3600)

    assert clock.now() == pytest.approx(1_700_003_600)


async def test_a_wall_instant_is_found_on_the_monotonic_scale(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clock = Clock(wall=1_700_000_000.0)

    due = clock.monotonic_at(1_700_000_060.0)

    assert due - clock.monotonic() == pytest.approx(60)


def test_outside_a_run_it_follows_the_machine() -> None:
    clock = Clock()

    assert clock.now() == pytest.approx(time.time(), abs=5)


async def test_timers_fire_in_order_and_cancelled_ones_do_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fired: list[int] = []
    timers = Timers(trio.current_time)
    now = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        handles = [timers.at(now + 100 - n, partial(fired.append, n)) for n in range(100)]
        for handle in handles[:80]:
            timers.cancel(handle)

        await trio.sleep(200)
        nursery.cancel_scope.cancel()

    assert fired == list(range(99, 79, -1))
