"""Sending: order on a leg, independence between legs, every way in which an attempt can end."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.house import address_of
from omni_actors.gateway.pacing import Pacing
from omni_actors.model.requests import Delivery
from omni_actors.model.states import OnUnknown, Priority
from omni_actors.policy.rate import Limit
from tests.gateway.faults import (
    Explode,
    Lose,
    Refuse,
    Unreachable,
    Wordless,
)
from tests.gateway.kit import (
    ADA,
    BOB,
    OPERATOR,
    Platform,
    Rig,
    open_rig,
    open_window,
    plan,
    request,
    to,
)

SLOW_S = 2.0


@pytest.mark.slow
async def test_a_leg_keeps_its_order_however_slow_the_platform_is(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.latency_s = lambda _to: SLOW_S

    for n in range(12):
        await rig.submit(str(n))
    await rig.until(lambda: len(rig.platform.texts()) == 12)

    assert rig.platform.texts() == [str(n) for n in range(12)]
    assert rig.platform.overlaps == 0


@pytest.mark.slow
async def test_sixteen_legs_are_served_at_once_and_no_more(
    rig: Rig, autojump_clock: MockClock
) -> None:
    people = [f"4477009100{n:02d}" for n in range(40)]
    for person in people:
        await open_window(rig, person)
    rig.platform.latency_s = lambda _to: SLOW_S
    began = trio.current_time()

    for person in people:
        await rig.submit("news", to=to(person))
    await rig.until(lambda: len(rig.platform.arrivals) == 40)

    assert rig.platform.on_the_wire_max == 16
    assert trio.current_time() - began < 3 * SLOW_S


async def test_a_leg_in_back_off_holds_no_other(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.strike(Refuse(131016, 500), times=3, to=ADA)

    await rig.submit("to ada")
    await rig.submit("to bob", to=to(BOB))
    await rig.until(lambda: rig.platform.texts(BOB), within_s=1)

    assert rig.platform.texts(ADA) == []
    await rig.until(lambda: rig.platform.texts(ADA) == ["to ada"])


@pytest.mark.slow
async def test_many_legs_that_must_wait_hold_no_other(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    slow = Pacing(Limit(10_000, 1_000), Limit(1 / 600, 1))
    people = [f"4477009100{n:02d}" for n in range(30)]
    async with open_rig(tmp_path, platform, plan(pacing=slow)) as rig:
        for person in [*people, BOB]:
            await open_window(rig, person)
        for person in people:
            await rig.submit("first", to=to(person))
        await rig.until(lambda: len(platform.arrivals) == 30)

        for person in people:
            await rig.submit("second", to=to(person))
        await rig.submit("at once", to=to(BOB))
        await rig.until(lambda: platform.texts(BOB), within_s=1)

        assert len(platform.arrivals) == 31


async def test_the_pair_limit_of_the_platform_stalls_its_leg_only(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.strike(Refuse(131056), times=2, to=ADA)

    first = await rig.submit("to ada")
    for n in range(5):
        await rig.submit(f"bob {n}", to=to(BOB))
    await rig.until(lambda: len(rig.platform.texts(BOB)) == 5, within_s=2)
    message = await rig.reached(first.message_id, "sent")

    assert message.parts[0].attempts == 1
    assert rig.channel_state() == "active"


@pytest.mark.slow
async def test_a_part_that_held_its_leg_too_long_is_given_up_with_a_gap(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.judge = lambda _number, _to: Refuse(134101)  # asks for 120 s each time

    first = await rig.submit("never")
    second = await rig.submit("after it")
    failed = await rig.reached(first.message_id, "failed")
    rig.platform.judge = lambda _number, _to: None
    await rig.reached(second.message_id, "sent")

    dead = (await rig.events("delivery.dead"))[0]
    assert dead.message_id == failed.id
    assert dead.detail["gap"] is True
    assert failed.parts[0].status_at - failed.received_at < 601


async def test_what_is_refused_for_good_is_a_dead_letter_at_once(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131047))

    answer = await rig.submit("too late")
    message = await rig.reached(answer.message_id, "failed")

    failure = message.parts[0].failure
    assert failure is not None
    assert (failure.reason, failure.code) == ("outside_window", "131047")
    assert len((await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows) == 1


async def test_an_unreachable_platform_is_tried_again(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.platform.strike(Unreachable(), times=3)

    answer = await rig.submit()
    message = await rig.reached(answer.message_id, "sent")

    assert message.parts[0].attempts == 4
    assert not message.parts[0].maybe_duplicate


async def test_a_lost_answer_is_settled_by_the_platforms_word(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.reports = ("sent", "delivered")
    rig.platform.report_after_s = 20
    rig.platform.strike(Lose(accepted=True))

    answer = await rig.submit()
    doubtful = await rig.reached(answer.message_id, "unknown")
    await rig.reached(answer.message_id, "delivered", within_s=60)

    assert doubtful.parts[0].failure is not None
    assert rig.platform.texts() == ["hello"]
    assert not (await rig.part(answer.message_id)).maybe_duplicate


async def test_without_a_word_it_is_sent_once_more_and_says_so(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Lose(accepted=False))
    began = rig.clock.now()

    answer = await rig.submit()
    behind = await rig.submit("behind it")
    await rig.reached(behind.message_id, "sent")

    assert rig.platform.texts() == ["hello", "behind it"]
    assert (await rig.part(answer.message_id)).maybe_duplicate
    assert 60 <= rig.platform.accepted()[0].at - began < 62


async def test_an_answer_without_a_word_of_the_graph_leaves_the_outcome_open(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Wordless(502))

    answer = await rig.submit()

    await rig.reached(answer.message_id, "unknown")


@pytest.mark.slow
async def test_who_would_rather_not_send_twice_has_it_held(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Lose(accepted=True))

    answer = await rig.submit(delivery=Delivery(on_unknown=OnUnknown.HOLD))
    await rig.reached(answer.message_id, "held")
    await trio.sleep(3_600)

    assert len(rig.platform.arrivals) == 1


async def test_what_is_held_in_doubt_is_sent_again_when_its_sender_says_so(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Lose(accepted=False))
    answer = await rig.submit(delivery=Delivery(on_unknown=OnUnknown.HOLD))
    await rig.reached(answer.message_id, "held")

    released = await rig.gateway.release(OPERATOR, answer.message_id)

    assert released.parts[0].maybe_duplicate
    await rig.reached(answer.message_id, "sent", within_s=1)


async def test_cancelling_what_is_held_lets_its_leg_go_on(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Lose(accepted=False))
    answer = await rig.submit(delivery=Delivery(on_unknown=OnUnknown.HOLD))
    behind = await rig.submit("behind it")
    await rig.reached(answer.message_id, "held")

    await rig.gateway.cancel(OPERATOR, answer.message_id)

    await rig.reached(behind.message_id, "sent", within_s=1)


async def test_a_status_that_comes_before_the_answer_counts(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.reports = ("sent", "delivered")
    rig.platform.latency_s = lambda _to: 5.0

    answer = await rig.submit()
    await rig.submit("next")
    await rig.until(lambda: len(rig.platform.arrivals) == 2)

    first, second = rig.platform.arrivals
    assert second.at - first.at >= 5.0
    assert (await rig.message(answer.message_id)).status == "delivered"


@pytest.mark.slow
async def test_bulk_moves_while_high_floods(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    ten = Pacing(Limit(10, 1), None)
    people = [f"4477009{n:05d}" for n in range(200)]
    async with open_rig(tmp_path, platform, plan(pacing=ten)) as rig:
        await platform.greet([*people, BOB])
        await rig.gateway.pause(OPERATOR, "wa")
        flood = [request("flood", to=to(p), priority=Priority.HIGH) for p in people]
        await rig.submit_all(flood)
        for n in range(8):
            await rig.submit(f"bulk {n}", to=to(BOB), priority=Priority.BULK)

        await rig.gateway.resume(OPERATOR, "wa")
        await rig.until(lambda: len(platform.texts(BOB)) == 8)

        before = [a.to for a in platform.arrivals].count(BOB)
        assert before == 8
        assert 7 * 16 <= len(platform.arrivals) <= 8 * 17 + 16


@pytest.mark.slow
async def test_high_overtakes_a_backlog_that_does_not_fit_in_memory(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    ten = Pacing(Limit(10, 1), None)
    async with open_rig(tmp_path, platform, plan(pacing=ten)) as rig:
        await rig.gateway.pause(OPERATOR, "wa")
        people = [f"4477009{n:05d}" for n in range(700)]
        await platform.greet([*people, BOB])
        await rig.submit_all([request("bulk", to=to(p), priority=Priority.BULK) for p in people])
        await rig.submit("urgent", to=to(BOB), priority=Priority.HIGH)

        await rig.gateway.resume(OPERATOR, "wa")
        await rig.until(lambda: platform.texts(BOB), within_s=5)
        await rig.until(lambda: len(platform.arrivals) == 701)


async def test_an_adapter_that_fails_costs_its_part_only(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Explode())

    first = await rig.submit("one")
    second = await rig.submit("two")
    failed = await rig.reached(first.message_id, "failed")
    await rig.reached(second.message_id, "sent")

    failure = failed.parts[0].failure
    assert failure is not None
    assert failure.reason == "internal"
    assert rig.crashes() == []


async def test_a_crash_of_the_actor_leaves_what_was_on_the_wire_in_doubt(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.reports = ("sent",)
    rig.platform.report_after_s = 10
    rig.platform.latency_s = lambda _to: 30.0
    first = await rig.submit("to ada")
    second = await rig.submit("to bob", to=to(BOB))
    await rig.until(lambda: len(rig.platform.arrivals) == 2)

    rig.crash_channel()
    await rig.reached(first.message_id, "unknown", within_s=20)
    rig.platform.latency_s = lambda _to: 0.1
    await rig.reached(first.message_id, "sent", within_s=60)
    await rig.reached(second.message_id, "sent", within_s=60)
    third = await rig.submit("goes on")
    await rig.reached(third.message_id, "sent", within_s=5)

    assert rig.platform.texts() == ["to ada", "goes on"]
    assert rig.house.desks["wa"].in_flight == 0
    rig.observed.clear()


@pytest.mark.slow
async def test_ends_of_attempts_from_before_a_crash_do_not_upset_the_count(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    for _ in range(3):
        await rig.submit("to ada")
        await rig.submit("to bob", to=to(BOB))
        rig.crash_channel()
        await rig.until(lambda: rig.crashes())
        await trio.sleep(0.2)
    await rig.quiet(for_s=90)

    assert rig.house.desks["wa"].in_flight == 0
    assert len({a.part_id for a in rig.platform.arrivals}) == 6
    rig.observed.clear()


async def test_a_crash_forgets_no_limit(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    slow = Pacing(Limit(10_000, 1_000), Limit(1 / 60, 2))
    async with open_rig(tmp_path, platform, plan(pacing=slow)) as rig:
        await open_window(rig)
        for n in range(4):
            await rig.submit(str(n))
        await rig.until(lambda: len(platform.arrivals) == 2)

        rig.crash_channel()
        await rig.until(lambda: len(platform.arrivals) == 4)

        at = [arrival.at for arrival in platform.arrivals]
        assert at[2] - at[0] >= 59
        assert at[3] - at[2] >= 59


@pytest.mark.slow
async def test_more_wakes_than_the_mailbox_holds_are_found_in_the_store(
    rig: Rig, autojump_clock: MockClock
) -> None:
    people = [f"4477009{n:05d}" for n in range(700)]
    await rig.platform.greet(people)
    await rig.quiet(for_s=0.2)
    rig.system.pause(address_of("wa"))

    await rig.submit_all([request("news", to=to(person)) for person in people])
    full = next(c for c in rig.system.snapshot() if c.address == address_of("wa"))
    rig.system.resume(address_of("wa"))
    await rig.until(lambda: len(rig.platform.arrivals) == 700, within_s=60)

    assert sum(full.depth.values()) <= 512 + 1


async def test_expiry_is_to_the_second_and_frees_the_leg(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131056, retry_after_s=100), to=ADA)
    await rig.submit("throttles the leg")
    await rig.until(lambda: rig.platform.arrivals)

    answer = await rig.submit("soon worthless", expires_in_s=7.0)
    message = await rig.reached(answer.message_id, "expired", within_s=8.5)

    assert message.parts[0].status_at - message.received_at < 8
    letters = (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows
    assert [letter.reason for letter in letters] == ["expired"]


async def test_an_expired_head_is_not_asked_for_again_and_again(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    answer = await rig.submit("late", expires_in_s=1.0)
    rig.system.pause("desk/time")
    await trio.sleep(2)
    await rig.gateway.resume(OPERATOR, "wa")
    before = rig.handled()

    await trio.sleep(30)
    asked = rig.handled() - before
    rig.system.resume("desk/time")
    await rig.reached(answer.message_id, "expired")

    assert asked < 150
    assert rig.platform.arrivals == []


async def test_cancelling_the_head_in_back_off_lets_the_next_go_at_once(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(134101))
    first = await rig.submit("one")
    second = await rig.submit("two")
    await rig.until(lambda: rig.platform.arrivals)
    await trio.sleep(1)

    await rig.gateway.cancel(OPERATOR, first.message_id)

    await rig.reached(second.message_id, "sent", within_s=2)
    assert rig.platform.texts() == ["two"]
