"""The live feed: every event once, in order, at the reader's own speed."""

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, Feed, RequestError
from omni_actors.model.events import EventType
from omni_actors.store.rows import Event
from omni_actors.store.verbs import Retention, Sweep
from tests.gateway.kit import OPERATOR, Rig, caller, open_window


async def take(feed: Feed, count: int) -> list[Event]:
    """So many events of a feed."""
    found: list[Event] = []
    with trio.fail_after(600):
        while len(found) < count:
            found += await feed.next()
    return found


async def test_a_reader_sees_every_event_once_in_the_order_of_commits(
    rig: Rig, autojump_clock: MockClock
) -> None:
    feed = await rig.gateway.live(OPERATOR, after=0)

    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(rig.platform.greet, [f"44770090{n:04d}"])
    await rig.quiet()
    every = await rig.events()

    assert [event.cursor for event in await take(feed, len(every))] == [e.cursor for e in every]


async def test_a_reader_waits_for_what_is_still_to_come(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    feed = await rig.gateway.live(OPERATOR, after=None, types=["message.sent"])

    with trio.move_on_after(30) as waited:
        await feed.next()
    await rig.submit()
    events = await take(feed, 1)

    assert waited.cancelled_caught
    assert [event.type for event in events] == [EventType.MESSAGE_SENT]


@pytest.mark.slow
async def test_a_slow_reader_misses_nothing_and_costs_no_memory(
    rig: Rig, autojump_clock: MockClock
) -> None:
    feed = await rig.gateway.live(OPERATOR, after=0, types=["message.received"])
    await rig.platform.greet([f"44770090{n:04d}" for n in range(250)])
    await trio.sleep(3_600)

    pages = [len(await feed.next()) for _ in range(3)]

    assert pages == [100, 100, 50]


async def test_a_reader_that_is_cancelled_goes_on_where_it_was(
    rig: Rig, autojump_clock: MockClock
) -> None:
    feed = await rig.gateway.live(OPERATOR, after=0, types=["message.received"])
    with trio.move_on_after(1):
        await feed.next()

    await open_window(rig)

    assert len(await take(feed, 1)) == 1


@pytest.mark.slow
async def test_a_cursor_whose_events_are_gone_is_refused(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    feed = await rig.gateway.live(OPERATOR, after=0)
    await trio.sleep(86_400)
    await rig.store.do(Sweep(rig.clock.now(), Retention(events_s=10.0)))

    with pytest.raises(RequestError) as refused:
        await rig.gateway.live(OPERATOR, after=0)
    with pytest.raises(RequestError, match="no longer kept"):
        await feed.next()

    assert refused.value.code is Code.CURSOR_TOO_OLD


async def test_a_tenant_sees_its_own_events_only(rig: Rig, autojump_clock: MockClock) -> None:
    feed = await rig.gateway.live(caller("acme"), after=0)
    await open_window(rig)

    with trio.move_on_after(60) as waited:
        await feed.next()

    assert waited.cancelled_caught
    assert await rig.gateway.events(caller("acme"), after=0, limit=9) == (
        (),
        rig.house.bell.cursor,
    )


async def test_pulling_from_now_on_starts_at_the_end(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)

    events, cursor = await rig.gateway.events(OPERATOR, after=None, limit=9)
    await rig.platform.write("later")
    later, _ = await rig.gateway.events(OPERATOR, after=cursor, limit=9)

    assert events == ()
    assert [event.type for event in later] == ["message.received"]


async def test_an_event_type_that_is_none_is_a_mistake(rig: Rig, autojump_clock: MockClock) -> None:
    with pytest.raises(RequestError) as refused:
        await rig.gateway.events(OPERATOR, after=0, limit=9, types=["message.exploded"])

    assert refused.value.code is Code.INVALID
