"""What stops a channel from sending, and what lets it send again."""

from itertools import pairwise

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.pacing import Pacing
from omni_actors.policy.rate import Limit
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    ADA,
    BOB,
    OPERATOR,
    Rig,
    open_window,
    plan,
    spec,
    to,
)


async def test_the_channels_limit_closes_the_channel_and_slows_it_down(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.strike(Refuse(130429, 429, retry_after_s=30), to=ADA)
    began = rig.clock.now()

    await rig.submit("to ada")
    await rig.until(lambda: rig.platform.arrivals)
    await trio.sleep(1)
    await rig.submit("to bob", to=to(BOB))
    await rig.until(lambda: rig.platform.texts(BOB))

    assert rig.platform.accepted(BOB)[0].at >= began + 30
    assert rig.house.limiters["wa"].adaptive.rate < 10_000


@pytest.mark.slow
async def test_a_storm_of_complaints_counts_as_one_strike(
    rig: Rig, autojump_clock: MockClock
) -> None:
    people = [f"4477009100{n:02d}" for n in range(16)]
    for person in people:
        await open_window(rig, person)
    rig.platform.strike(Refuse(130429, 429), times=16)

    for person in people:
        await rig.submit("news", to=to(person))
    await rig.until(lambda: len([a for a in rig.platform.arrivals if a.external_id]) == 16)

    assert rig.clock.now() - rig.platform.arrivals[0].at < 5


@pytest.mark.slow
async def test_a_lost_token_parks_the_sending_and_not_the_receiving(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.tokens = {"token-2"}

    answer = await rig.submit("waits")
    await rig.until(lambda: rig.channel_state() == "needs_reauth")
    await rig.platform.write("still there?")
    await trio.sleep(3_600)

    assert (await rig.message(answer.message_id)).status == "queued"
    assert len(await rig.events("message.received")) == 2
    assert len(rig.platform.arrivals) == 1


async def test_a_new_token_brings_the_sending_back(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.platform.tokens = {"token-2"}
    answer = await rig.submit("waits")
    await rig.until(lambda: rig.channel_state() == "needs_reauth")

    await rig.house.reload(plan(spec(token="token-2")))

    message = await rig.reached(answer.message_id, "sent", within_s=5)
    assert rig.channel_state() == "active"
    assert message.parts[0].attempts == 1


async def test_a_late_complaint_about_the_old_token_does_not_undo_the_new_one(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.tokens = {"token-2"}
    rig.platform.latency_s = lambda person: 20.0 if person == BOB else 0.1
    slow = await rig.submit("slow", to=to(BOB))
    await rig.submit("quick")
    await rig.until(lambda: rig.channel_state() == "needs_reauth")

    await rig.house.reload(plan(spec(token="token-2")))
    await rig.reached(slow.message_id, "sent", within_s=60)

    assert rig.channel_state() == "active"


@pytest.mark.slow
async def test_a_broken_channel_is_probed_with_one_part_until_it_works(
    rig: Rig, autojump_clock: MockClock
) -> None:
    people = [f"4477009100{n:02d}" for n in range(20)]
    for person in people:
        await open_window(rig, person)
    rig.platform.judge = lambda _number, _to: Refuse(131042)

    for person in people:
        await rig.submit("news", to=to(person))
    await rig.until(lambda: rig.channel_state() == "broken")
    await trio.sleep(1)
    first_wave = len(rig.platform.arrivals)
    await trio.sleep(65)
    probed = len(rig.platform.arrivals)
    rig.platform.judge = lambda _number, _to: None
    await rig.until(lambda: len([a for a in rig.platform.arrivals if a.external_id]) == 20)

    assert first_wave <= 16
    assert probed == first_wave + 1
    assert rig.channel_state() == "active"
    assert rig.clock.now() - rig.platform.arrivals[first_wave].at < 130


async def test_a_reload_makes_a_broken_channel_try_at_once(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131042))
    answer = await rig.submit()
    await rig.until(lambda: rig.channel_state() == "broken")

    await rig.house.reload(plan())

    await rig.reached(answer.message_id, "sent", within_s=5)
    await rig.until(lambda: rig.channel_state() == "active")


@pytest.mark.slow
async def test_probes_of_a_broken_channel_become_rarer(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.platform.judge = lambda _number, _to: Refuse(131042)

    await rig.submit("news")
    await rig.until(lambda: len(rig.platform.arrivals) == 6)

    at = [arrival.at for arrival in rig.platform.arrivals]
    waits = [round(later - sooner) for sooner, later in pairwise(at)]
    assert waits == [60, 120, 240, 480, 900]


@pytest.mark.slow
async def test_a_broken_channel_with_nothing_to_send_is_left_in_peace(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131042))
    answer = await rig.submit("news")
    await rig.until(lambda: rig.channel_state() == "broken")
    await rig.gateway.cancel(OPERATOR, answer.message_id)
    before = rig.handled()

    await trio.sleep(3_600)

    assert rig.handled() - before < 100


@pytest.mark.slow
async def test_a_paused_channel_keeps_its_queue_until_it_is_resumed(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")

    answer = await rig.submit()
    await trio.sleep(7_200)
    view = await rig.gateway.channel(OPERATOR, "wa")
    await rig.gateway.resume(OPERATOR, "wa")
    await rig.reached(answer.message_id, "sent", within_s=1)

    assert view.depth is not None
    assert (view.channel.state, view.depth.queued) == ("paused", 1)


async def test_the_operators_pause_outlives_the_platforms_complaint(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.latency_s = lambda _to: 5.0
    rig.platform.strike(Refuse(131042))
    await rig.submit()
    await rig.until(lambda: rig.platform.arrivals)

    await rig.gateway.pause(OPERATOR, "wa")
    await trio.sleep(30)

    assert rig.channel_state() == "paused"


async def test_other_limits_take_effect_with_a_reload(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    slow = Pacing(Limit(1, 1), None)

    await rig.house.reload(evolve(plan(), pacing={"wa": slow}))
    await trio.sleep(5)
    for n in range(5):
        await rig.submit(str(n))
    await rig.until(lambda: len(rig.platform.arrivals) == 5)

    at = [arrival.at for arrival in rig.platform.arrivals]
    assert at[-1] - at[0] >= 3.9
