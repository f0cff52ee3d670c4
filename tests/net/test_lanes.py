"""Lanes: who gets a connection, who waits, and which are closed."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import httpcore
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.media.blobs import Blobs
from omni_actors.net.connection import Connection
from omni_actors.net.lanes import Lane, LaneKey, Lanes, LaneStatistics
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Auth, HttpCall
from tests.net.kit import (
    LOOPBACK_OPEN,
    Peer,
    account,
    blobs_in,
    friendly,
    hands_of,
    serving,
    until,
)

TLS = ssl.create_default_context()
OurLane: TypeAlias = Lane[LaneKey, Connection]
OurLanes: TypeAlias = Lanes[LaneKey, Connection]


class Peerless(Connection):
    """A connection that has made its first call; the test says how it stands."""

    clean = True  # the last call ended well
    gone = False  # the other side has closed it

    @property
    def available(self) -> bool:
        return self.clean and not self.closed

    @property
    def hung_up(self) -> bool:
        return self.gone


def key(channel_id: str, host: str = "graph") -> LaneKey:
    return LaneKey(channel_id, httpcore.Origin(b"https", host.encode(), 443))


def connection(lane: OurLane) -> Peerless:
    assert isinstance(lane.connection, Peerless)
    return lane.connection


def peerless(wanted: LaneKey) -> Connection:
    return Peerless(wanted.origin, TLS, httpcore.AsyncMockBackend([]))


@asynccontextmanager
async def open_lanes(**limits: Any) -> AsyncIterator[OurLanes]:
    async with trio.open_nursery() as nursery:
        lanes: OurLanes = Lanes(peerless, nursery, **limits)
        nursery.start_soon(lanes.sweep)
        yield lanes
        nursery.cancel_scope.cancel()


async def borrow(lanes: OurLanes, *wanted: LaneKey) -> list[OurLane]:
    return [await lanes.borrow(one) for one in wanted]


class Queue:
    """Calls that wait; `served` tells who got a lane, in order."""

    def __init__(self, lanes: OurLanes, nursery: trio.Nursery) -> None:
        self.lanes = lanes
        self.nursery = nursery
        self.served: list[str] = []
        self.held: dict[str, OurLane] = {}

    async def add(self, name: str, wanted: LaneKey) -> trio.CancelScope:
        """Let one more call want a lane, and return when it has it or waits."""
        scope = trio.CancelScope()

        async def call() -> None:
            with scope:
                self.held[name] = await self.lanes.borrow(wanted)
                self.served.append(name)

        self.nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        return scope


@asynccontextmanager
async def queueing(lanes: OurLanes) -> AsyncIterator[Queue]:
    """A queue of calls; those that still wait at the end are cancelled."""
    async with trio.open_nursery() as nursery:
        yield Queue(lanes, nursery)
        nursery.cancel_scope.cancel()


async def test_the_lane_used_last_is_used_next() -> None:
    async with open_lanes() as lanes:
        first, second = await borrow(lanes, key("wa"), key("wa"))
        lanes.give_back(first)
        lanes.give_back(second)

        [again] = await borrow(lanes, key("wa"))

        assert again is second


async def test_a_lane_serves_its_own_channel_and_origin_only() -> None:
    async with open_lanes() as lanes:
        [lane] = await borrow(lanes, key("wa", "graph"))
        lanes.give_back(lane)

        others = await borrow(lanes, key("ig", "graph"), key("wa", "media"))

        assert lane not in others


async def test_a_guarded_call_shares_no_lane_with_an_unguarded_one() -> None:
    async with open_lanes() as lanes:
        origin = key("wa").origin
        [lane] = await borrow(lanes, LaneKey("wa", origin))
        lanes.give_back(lane)

        [guarded] = await borrow(lanes, LaneKey("wa", origin, guarded=True))

        assert guarded is not lane


async def test_a_lane_whose_call_did_not_end_well_is_closed() -> None:
    async with open_lanes() as lanes:
        [lane] = await borrow(lanes, key("wa"))
        connection(lane).clean = False

        lanes.give_back(lane)
        await trio.testing.wait_all_tasks_blocked()

        assert connection(lane).closed
        assert lanes.statistics() == LaneStatistics(open=0, idle=0, waiting=0)


async def test_a_lane_that_was_hung_up_is_not_used_again() -> None:
    async with open_lanes() as lanes:
        first, second = await borrow(lanes, key("wa"), key("wa"))
        lanes.give_back(first)
        lanes.give_back(second)
        connection(second).gone = True

        [again] = await borrow(lanes, key("wa"))

        assert again is first
        assert lanes.statistics().open == 1


async def test_an_idle_lane_is_closed_after_its_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_lanes(idle_s=30) as lanes:
        first, second = await borrow(lanes, key("wa"), key("wa"))
        lanes.give_back(first)
        await trio.sleep(20)
        lanes.give_back(second)

        await trio.sleep(11)
        after_31_s = (connection(first).closed, connection(second).closed)
        await trio.sleep(20)
        after_51_s = (connection(first).closed, connection(second).closed)

        assert after_31_s == (True, False)
        assert after_51_s == (True, True)


async def test_a_busy_lane_is_never_swept(autojump_clock: trio.testing.MockClock) -> None:
    async with open_lanes(idle_s=30) as lanes:
        [lane] = await borrow(lanes, key("wa"))

        await trio.sleep(1000)

        assert not connection(lane).closed


async def test_a_channel_at_its_limit_waits_and_others_do_not() -> None:
    async with open_lanes(per_channel_max=2) as lanes, queueing(lanes) as queue:
        mine = await borrow(lanes, key("wa"), key("wa"))

        await queue.add("third", key("wa"))
        await queue.add("other", key("ig"))
        before = list(queue.served)
        lanes.give_back(mine[0])
        await trio.testing.wait_all_tasks_blocked()

        assert before == ["other"]
        assert queue.served == ["other", "third"]
        assert queue.held["third"] is mine[0]


async def test_those_who_wait_are_served_in_order() -> None:
    async with open_lanes(total_max=1) as lanes, queueing(lanes) as queue:
        [lane] = await borrow(lanes, key("wa"))
        for name, channel_id in [("1", "ig"), ("2", "wa"), ("3", "fb")]:
            await queue.add(name, key(channel_id))

        lanes.give_back(lane)
        await trio.testing.wait_all_tasks_blocked()
        lanes.give_back(queue.held["1"])
        await trio.testing.wait_all_tasks_blocked()

        assert queue.served == ["1", "2"]
        assert lanes.statistics() == LaneStatistics(open=1, idle=0, waiting=1)


async def test_one_who_cannot_be_served_does_not_hold_up_the_next() -> None:
    async with (
        open_lanes(per_channel_max=1, total_max=2) as lanes,
        queueing(lanes) as queue,
    ):
        wa, ig = await borrow(lanes, key("wa"), key("ig"))
        await queue.add("same channel", key("wa"))
        await queue.add("third channel", key("fb"))

        lanes.give_back(ig)
        await trio.testing.wait_all_tasks_blocked()

        assert queue.served == ["third channel"]
        assert wa.key.channel_id == "wa"


async def test_one_who_is_cancelled_leaves_the_queue() -> None:
    async with open_lanes(total_max=1) as lanes, queueing(lanes) as queue:
        [lane] = await borrow(lanes, key("wa"))
        scope = await queue.add("first", key("wa"))
        await queue.add("second", key("wa"))

        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        lanes.give_back(lane)
        await trio.testing.wait_all_tasks_blocked()

        assert queue.served == ["second"]


async def test_a_lane_is_not_lost_when_its_taker_is_cancelled_as_it_comes() -> None:
    async with open_lanes(total_max=1) as lanes, queueing(lanes) as queue:
        [lane] = await borrow(lanes, key("wa"))
        scope = await queue.add("first", key("wa"))
        await queue.add("second", key("wa"))

        scope.cancel()
        lanes.give_back(lane)
        await trio.testing.wait_all_tasks_blocked()

        assert queue.served == ["second"]


async def test_an_idle_lane_makes_room_for_a_call_that_leads_elsewhere() -> None:
    async with open_lanes(total_max=2) as lanes:
        oldest, younger = await borrow(lanes, key("wa"), key("ig"))
        lanes.give_back(oldest)
        lanes.give_back(younger)

        await borrow(lanes, key("fb"))
        await trio.testing.wait_all_tasks_blocked()

        assert (connection(oldest).closed, connection(younger).closed) == (True, False)
        assert lanes.statistics().open == 2


async def test_within_a_channel_its_own_idle_lane_makes_room() -> None:
    async with open_lanes(per_channel_max=1) as lanes:
        mine, other = await borrow(lanes, key("wa", "graph"), key("ig", "graph"))
        lanes.give_back(other)
        lanes.give_back(mine)

        await borrow(lanes, key("wa", "media"))
        await trio.testing.wait_all_tasks_blocked()

        assert (connection(mine).closed, connection(other).closed) == (True, False)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 3), st.integers(0, 1)),
        st.tuples(st.just("end"), st.integers(0, 20), st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.booleans()),
    ),
    max_size=40,
)


@pytest.mark.slow
@given(STEPS)
def test_the_limits_hold_and_nobody_waits_without_need(
    steps: list[tuple[str, int, int]],
) -> None:
    async def play() -> None:
        async with (
            open_lanes(per_channel_max=2, total_max=4) as lanes,
            queueing(lanes) as queue,
        ):
            wanted: dict[str, tuple[trio.CancelScope, LaneKey]] = {}
            for number, (what, which, how) in enumerate(steps):
                if what == "call":
                    one = key(f"channel {which}", f"host {how}")
                    wanted[str(number)] = (await queue.add(str(number), one), one)
                elif what == "end" and queue.held:
                    lane = queue.held.pop(list(queue.held)[which % len(queue.held)])
                    connection(lane).clean = bool(how)
                    lanes.give_back(lane)
                elif what == "cancel" and wanted:
                    wanted[list(wanted)[which % len(wanted)]][0].cancel()
                await trio.testing.wait_all_tasks_blocked()
                _check(lanes, queue, wanted)

    trio.run(play)


def _check(
    lanes: OurLanes, queue: Queue, wanted: dict[str, tuple[trio.CancelScope, LaneKey]]
) -> None:
    busy = [lane.key.channel_id for lane in queue.held.values()]
    waiting = [
        one.channel_id
        for name, (scope, one) in wanted.items()
        if name not in queue.served and not scope.cancel_called
    ]
    now = lanes.statistics()
    assert now.open == len(busy) + now.idle <= 4
    assert now.waiting == len(waiting)
    assert all(busy.count(channel_id) <= 2 for channel_id in busy)
    assert len(busy) == 4 or all(busy.count(channel_id) == 2 for channel_id in waiting)
    assert len(set(map(id, queue.held.values()))) == len(queue.held)


# With real connections


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    return blobs_in(tmp_path_factory.mktemp("blobs"))


async def at_once(count: int, act: Callable[[], Awaitable[object]]) -> None:
    """Do the same several times at once."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(act)


def call_of(url: str, **options: Any) -> HttpCall:
    return HttpCall("POST", url, json={}, **options)


async def test_calls_one_after_the_other_share_a_connection(blobs: Blobs) -> None:
    async with hands_of(blobs) as hands, serving(friendly) as served:
        for _ in range(3):
            await hands.make(call_of(served.url()), account(served), Trace())

    assert (served.connections, len(served.seen)) == (1, 3)


async def test_calls_at_once_have_a_connection_each(blobs: Blobs) -> None:
    async def all_at_once(peer: Peer) -> None:
        await peer.request()
        await until(lambda: len(peer.served.seen) == 3)
        await peer.answer()

    async with hands_of(blobs) as hands, serving(all_at_once) as served:
        call, by = call_of(served.url()), account(served)
        await at_once(3, lambda: hands.make(call, by, Trace()))

    assert served.connections == 3


async def test_an_idle_connection_is_hung_up(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    async with hands_of(blobs, idle_s=30) as hands, serving(friendly) as served:
        await hands.make(call_of(served.url()), account(served), Trace())
        await trio.sleep(29)
        before = served.open
        await trio.sleep(2)

        assert (before, served.open) == (1, 0)


async def test_a_connection_is_left_before_the_server_says_it_hangs_up(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    async def brief(peer: Peer) -> None:
        while await peer.request():
            await peer.answer(Keep_Alive="timeout=5, max=100")

    async with hands_of(blobs) as hands, serving(brief) as served:
        for pause_s in (0, 3.9, 4.1):
            await trio.sleep(pause_s)
            await hands.make(call_of(served.url()), account(served), Trace())

    assert served.connections == 2


async def test_a_guarded_connection_is_used_for_a_minute_at_most(
    blobs: Blobs, autojump_clock: trio.testing.MockClock
) -> None:
    async with hands_of(blobs, policy=LOOPBACK_OPEN) as hands, serving(friendly) as served:
        for _ in range(4):
            call = call_of(served.url(), auth=Auth.NONE, guarded=True)
            await hands.make(call, account(served), Trace())
            await trio.sleep(25)

    assert (served.connections, len(served.seen)) == (2, 4)


async def test_leaving_the_hands_closes_every_connection(blobs: Blobs) -> None:
    async with serving(friendly) as served:
        async with hands_of(blobs) as hands:
            for channel_id in ("a", "b"):
                await hands.make(call_of(served.url()), account(served, channel_id), Trace())
        await until(lambda: served.open == 0)

    assert served.connections == 2


async def test_channels_share_no_connection(blobs: Blobs) -> None:
    async with hands_of(blobs) as hands, serving(friendly) as served:
        for channel_id in ("a", "b", "a", "b"):
            await hands.make(call_of(served.url()), account(served, channel_id), Trace())

    assert served.connections == 2
