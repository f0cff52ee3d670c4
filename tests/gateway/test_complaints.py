"""What WhatsApp says of its limits and troubles in a status counts as if it had answered so."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.gateway.faults import Arrival
from tests.gateway.kit import (
    ADA,
    BOB,
    Platform,
    Rig,
    open_rig,
    open_window,
    plan,
    to,
)
from tests.gateway.test_shared_limits import HELLO, PEOPLE, limiter, number

DAY_S = 86_400.0


async def fails(rig: Rig, arrival: Arrival, code: int) -> None:
    """The platform reports that it did not deliver what it had accepted."""
    assert await rig.platform.tell(arrival, "failed", errors=[{"code": code, "title": "no"}]) == 200


async def accepted(rig: Rig, who: str = ADA, text: Any = "hello") -> tuple[str, Arrival]:
    """A message that the platform has accepted: its id, and how it arrived there."""
    answer = await rig.submit(text, to=to(who))
    await rig.reached(answer.message_id, "sent", within_s=5)
    return answer.message_id, rig.platform.accepted(who)[-1]


async def accepted_anew(rig: Rig, before: int, who: str = ADA) -> Arrival:
    """The next message that arrives for somebody who has had so many before."""
    await rig.until(lambda: len(rig.platform.accepted(who)) > before)
    return rig.platform.accepted(who)[-1]


async def test_a_number_that_is_too_fast_slows_down_and_loses_nothing(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    message_id, arrival = await accepted(rig)

    await fails(rig, arrival, 130429)
    await trio.sleep(0.01)

    assert rig.house.limiters["wa"].adaptive.rate < 10_000
    assert rig.house.limiters["wa"].throttled == 1
    message = await rig.reached(message_id, "sent", within_s=10)
    assert message.parts[0].attempts == 2
    assert len(rig.platform.accepted()) == 2
    taken, given_back = await rig.events("message.queued")
    assert "failure" not in taken.detail
    failure: Any = given_back.detail["failure"]
    assert (failure["reason"], failure["code"]) == ("rate_limited", "130429")


@pytest.mark.slow
async def test_one_person_too_often_holds_only_them(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    _, arrival = await accepted(rig)

    for strikes in (1, 2, 3):
        await fails(rig, arrival, 131056)
        failed_at = rig.clock.now()
        await accepted(rig, BOB)
        arrival = await accepted_anew(rig, strikes)
        assert arrival.at >= failed_at + max(2, 4 ** (strikes - 1))
        assert rig.platform.accepted(BOB)[-1].at < failed_at + 2


@pytest.mark.slow
@pytest.mark.parametrize("code", [131048, 131064])
async def test_what_is_written_first_is_held_and_answers_go(
    rig: Rig, autojump_clock: MockClock, code: int
) -> None:
    first, arrival = await accepted(rig, ADA, HELLO)

    await fails(rig, arrival, code)
    await rig.reached(first, "held", within_s=90)
    other = await rig.submit(HELLO, to=to(BOB))
    await rig.reached(other.message_id, "held", within_s=5)
    await open_window(rig)
    await rig.reached(first, "sent", within_s=5)

    seen = await limiter(rig)
    assert seen["outreach"]["closed_until_at"] is not None
    assert seen["why"] == ["the platform has stopped what this channel writes first"]
    await rig.reached(other.message_id, "sent", within_s=1.2 * 3_600)


async def test_an_account_that_used_up_its_calls_stops_all_its_numbers(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(waba_id="90011"))) as rig:
        await open_window(rig)
        _, arrival = await accepted(rig)
        await fails(rig, arrival, 80007)
        await trio.sleep(0.01)
        assert rig.house.limiters["wa"].channel_wait(rig.clock.now()) is not None


@pytest.mark.slow
async def test_complaints_of_what_was_sent_before_are_one_strike(
    rig: Rig, autojump_clock: MockClock
) -> None:
    arrivals = []
    for person in PEOPLE[:8]:
        await open_window(rig, person)
        arrivals.append((await accepted(rig, person))[1])

    for arrival in arrivals:
        await fails(rig, arrival, 130429)
        await trio.sleep(1.5)

    assert rig.house.limiters["wa"].throttled == 1
    for person in PEOPLE[:8]:
        await accepted_anew(rig, 1, person)


@pytest.mark.slow
async def test_an_account_that_is_locked_parks_the_channel_until_a_message_is_not_complained_of(
    rig: Rig, autojump_clock: MockClock
) -> None:
    people = PEOPLE[:6]
    ids, locked = [], True
    for person in people:
        await open_window(rig, person)
        message_id, arrival = await accepted(rig, person)
        ids.append((message_id, arrival))

    async def complain() -> None:
        """The platform accepts everything and reports a moment later that it did not deliver it."""
        done = 0
        while locked:
            for arrival in [a for a in rig.platform.arrivals if a.external_id][done:]:
                await fails(rig, arrival, 131042)
                done += 1
            await trio.sleep(3)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(complain)
        await rig.until(lambda: rig.channel_state() == "broken")
        await trio.sleep(20 * 60)
        probes = len(rig.platform.arrivals) - len(people)
        assert rig.channel_state() == "broken"
        locked = False
        nursery.cancel_scope.cancel()
    for message_id, _ in ids:
        await rig.reached(message_id, "sent", within_s=3_600)

    assert 1 <= probes <= 6
    await trio.sleep(60)
    assert rig.channel_state() == "active"
    assert (await rig.events("message.failed")) == []


async def test_a_token_that_a_report_names_waits_for_a_new_one(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    message_id, arrival = await accepted(rig)

    await fails(rig, arrival, 190)
    await trio.sleep(1_000)

    assert rig.channel_state() == "needs_reauth"
    assert (await rig.message(message_id)).status == "queued"


@pytest.mark.slow
async def test_what_is_reported_again_and_again_fails_in_the_end(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    message_id, _ = await accepted(rig)

    async def complain() -> None:
        done = 0
        while True:
            for arrival in rig.platform.accepted()[done:]:
                await fails(rig, arrival, 130429)
                done += 1
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(complain)
        message = await rig.reached(message_id, "failed", within_s=3_600)
        nursery.cancel_scope.cancel()

    assert len(rig.platform.accepted()) == 8
    assert message.parts[0].failure is not None
    assert message.parts[0].failure.code == "130429"


@pytest.mark.slow
async def test_an_old_or_repeated_report_closes_nothing_anew(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    _, arrival = await accepted(rig)
    told = {"errors": [{"code": 130429, "title": "no"}], "timestamp": str(int(rig.clock.now()))}
    await trio.sleep(DAY_S / 2)

    await rig.platform.tell(arrival, "failed", **told)
    await rig.platform.tell(arrival, "failed", **told)
    await trio.sleep(0.01)

    assert rig.house.limiters["wa"].throttled == 0


async def test_a_flow_that_is_throttled_waits_alone(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    message_id, arrival = await accepted(rig)

    await fails(rig, arrival, 132069)
    await trio.sleep(300)

    assert (await rig.message(message_id)).status == "queued"
    assert rig.house.limiters["wa"].throttled_legs == {}
    await rig.reached(message_id, "sent", within_s=120)


async def test_a_refusal_that_is_reported_is_the_end(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    message_id, arrival = await accepted(rig)

    await fails(rig, arrival, 131049)

    assert (await rig.message(message_id)).status == "failed"
    assert len(rig.platform.arrivals) == 1
