"""What is held because nobody else may be written to first: when it goes, and in what order."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve, field
from trio.testing import MockClock

from omni_actors.gateway.outreach_desk import OutreachDesk
from omni_actors.gateway.staff import OUTREACH, TIME
from omni_actors.model.content import Template
from omni_actors.store.contract import Store, Verb
from tests.gateway.faults import Refuse
from tests.gateway.kit import (
    ADA,
    BOB,
    NUMBER,
    OPERATOR,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    to,
)
from tests.gateway.test_shared_limits import (
    DAY_S,
    HELLO,
    OTHER,
    PEOPLE,
    limiter,
    number,
    tell_limits,
    usage_of,
    write_first,
)


async def held_one(rig: Rig, who: str, channel: str = "wa", **beside: Any) -> str:
    id = (await rig.submit(HELLO, to=to(who, channel), **beside)).message_id
    await rig.reached(id, "held", within_s=5)
    return id


@pytest.mark.slow
@pytest.mark.parametrize("told", [100, None])
async def test_a_raised_limit_lets_out_what_was_held(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock, told: int | None
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=2))) as rig:
        ids = await write_first(rig, PEOPLE[:10])
        await rig.quiet(for_s=5)
        assert len(platform.arrivals) == 2

        await tell_limits(rig, {"users_per_day": told})

        for id in ids:
            await rig.reached(id, "sent", within_s=10)


async def test_a_limit_that_the_config_raises_lets_out_what_was_held(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        ids = await write_first(rig, PEOPLE[:4])
        await rig.quiet(for_s=5)

        await rig.house.reload(plan(number(users_per_day=3)))
        await rig.quiet(for_s=5)

        states = sorted([(await rig.message(id)).status for id in ids])
    assert states == ["held", "sent", "sent", "sent"]


@pytest.mark.slow
async def test_what_a_leg_got_later_stays_behind_what_it_holds(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        names = [f"hello{n}" for n in range(6)]
        for name in names[:3]:
            await rig.submit(Template(name, "en"), to=to(BOB))
        await rig.quiet(for_s=5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell_limits, rig, {"users_per_day": None})
            for name in names[3:]:
                await rig.submit(Template(name, "en"), to=to(BOB))
        await rig.until(lambda: len(platform.accepted(BOB)) == 6)

    assert [arrival.body["template"]["name"] for arrival in platform.accepted(BOB)] == names


@pytest.mark.slow
async def test_whom_nothing_was_sent_to_is_not_counted(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    """A part that expired in the moment in which it was to go out."""
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await rig.system.stop(TIME)
        await rig.gateway.pause(OPERATOR, "wa")
        late = (await rig.submit(HELLO, to=to(BOB), expires_in_s=60)).message_id
        await trio.sleep(120)
        await rig.gateway.resume(OPERATOR, "wa")
        await trio.sleep(5)

        assert (await limiter(rig))["outreach"]["used"] == 0
        await rig.gateway.cancel(caller(), late)
        await rig.submit(HELLO, to=to(ADA))
        await rig.until(lambda: platform.accepted(ADA), within_s=700)


@pytest.mark.slow
async def test_who_comes_while_the_line_is_looked_at_is_not_forgotten(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    """The line was empty when the store was asked; somebody stands in it when the answer comes."""
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        await held_one(rig, PEOPLE[1])
        late = LateAnswers(rig.store)
        await rig.system.stop(OUTREACH)
        rig.system.spawn(OUTREACH, lambda: desk_of(rig, late), group="desks")

        await tell_limits(rig, {"users_per_day": 2})
        await late.asked.wait()
        last = await held_one(rig, BOB)
        late.answered.set()
        await rig.quiet(for_s=5)
        await tell_limits(rig, {"users_per_day": 3})

        await rig.reached(last, "sent", within_s=5)


def desk_of(rig: Rig, store: Any) -> OutreachDesk:
    """The desk of a house, on another store."""
    pacer = rig.house.pacer
    return OutreachDesk(
        store, rig.clock.now, pacer.lines, pacer.limiters.__getitem__, rig.house.wake_legs
    )


@define
class LateAnswers:
    """The store, when its answer about the line is a while on its way."""

    store: Store
    asked: trio.Event = field(factory=trio.Event)
    answered: trio.Event = field(factory=trio.Event)

    async def do(self, verb: Verb[Any]) -> Any:
        told = await self.store.do(verb)
        self.asked.set()
        await self.answered.wait()
        return told


@pytest.mark.slow
async def test_who_waits_goes_before_who_comes_later(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        first, second = [await held_one(rig, who) for who in PEOPLE[1:3]]

        for id in (first, second):
            await trio.sleep(DAY_S - 60)
            assert (await rig.message(second)).status == "held"
            await rig.reached(id, "sent", within_s=120)


@pytest.mark.slow
async def test_what_is_asked_for_again_and_again_waits_no_longer_for_that(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    """Cancelled, expired and answered messages leave the line; the next place is the next one's."""
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        began = platform.arrivals[0].at
        for n in range(30):
            id = await held_one(rig, PEOPLE[1 + n % 5], expires_in_s=60 if n % 2 else None)
            if not n % 2:
                await rig.gateway.cancel(caller(), id)
        await trio.sleep(120)
        last = await held_one(rig, BOB)

        await trio.sleep(began + DAY_S - rig.clock.now() + 60)

        assert (await rig.message(last)).status == "sent"


@pytest.mark.slow
async def test_the_line_is_let_out_in_pieces_that_go_out_before_the_next(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        ids = await write_first(rig, PEOPLE[:30])
        await rig.quiet(for_s=5)
        await rig.house.reload(plan(number(users_per_day=11)))
        await rig.quiet(for_s=5)

        sent = [id for id in ids if (await rig.message(id)).status == "sent"]
        events = await rig.events("message.queued")

    assert len(sent) == 11
    assert len(events) == 30 + 10  # nobody was let out who had to go back


@pytest.mark.slow
async def test_a_line_outlives_a_restart(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        ids = await write_first(rig, PEOPLE[:3])
        await rig.quiet(for_s=5)

    async with open_rig(tmp_path, platform, plan(number())) as rig:
        for id in ids:
            await rig.reached(id, "sent", within_s=10)


@pytest.mark.slow
async def test_a_paused_channel_keeps_its_line_and_takes_no_places(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    shared: dict[str, Any] = {"portfolio_id": "66007"}
    few = plan(*[number(i, k, users_per_day=1, **shared) for i, k in NUMBERS])
    more = plan(*[number(i, k, users_per_day=2, **shared) for i, k in NUMBERS])
    async with open_rig(tmp_path, platform, few) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        here, there = [await held_one(rig, PEOPLE[n + 1], id) for n, (id, _) in enumerate(NUMBERS)]
        await rig.gateway.pause(OPERATOR, "wa")

        await rig.house.reload(more)
        await rig.reached(there, "sent", within_s=10)
        assert (await rig.message(here)).status == "held"

        await rig.gateway.resume(OPERATOR, "wa")
        await rig.house.reload(plan(*[number(i, k, users_per_day=3, **shared) for i, k in NUMBERS]))
        await rig.reached(here, "sent", within_s=10)


NUMBERS = (("wa", NUMBER), ("wa2", OTHER))


# ---------------------------------------------------------------- what the platform stops


@pytest.mark.parametrize("code", [131048, 131064])
async def test_the_same_persons_answers_go_while_what_is_written_first_is_stopped(
    rig: Rig, autojump_clock: MockClock, code: int
) -> None:
    rig.platform.strike(Refuse(code), to=ADA)
    first = await rig.submit(HELLO)
    await rig.reached(first.message_id, "held", within_s=5)

    await open_window(rig)
    answer = await rig.submit("an answer")

    await rig.reached(answer.message_id, "sent", within_s=5)
    await rig.reached(first.message_id, "sent", within_s=5)


@pytest.mark.slow
async def test_an_answer_that_is_refused_with_that_is_tried_again_soon(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131048), to=ADA)

    answer = await rig.submit("an answer")
    await rig.until(lambda: rig.platform.arrivals)

    message = await rig.reached(answer.message_id, "sent", within_s=90)
    assert message.parts[0].attempts == 1
    assert len(rig.platform.arrivals) == 2


@pytest.mark.slow
async def test_a_part_that_is_throttled_alone_is_no_strike_of_its_person(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(132069), times=3)
    began = rig.clock.now()

    answer = await rig.submit("a flow")
    await rig.reached(answer.message_id, "sent", within_s=2_000)

    assert rig.platform.accepted()[0].at >= began + 3 * 360
    assert rig.house.limiters["wa"].throttled_legs == {}
    assert rig.house.limiters["wa"].pairs == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "after", "least_s"),
    [(131048, None, 3_600), (80007, 900, 900), (4, 900, 900), (130429, 900, 900)],
)
async def test_what_the_platform_closed_is_closed_after_a_restart(
    tmp_path: Path,
    platform: Platform,
    autojump_clock: MockClock,
    code: int,
    after: float | None,
    least_s: float,
) -> None:
    wanted = plan(number(waba_id="90011"))
    platform.strike(Refuse(code, retry_after_s=after), to=ADA)
    async with open_rig(tmp_path, platform, wanted) as rig:
        await rig.submit(HELLO)
        await rig.until(lambda: platform.arrivals)
        await trio.sleep(5)
    refused_at = platform.arrivals[0].at

    async with open_rig(tmp_path, platform, wanted) as rig:
        await rig.submit(HELLO, to=to(BOB))
        await rig.until(lambda: len([a for a in platform.arrivals if a.external_id]) == 2)

    assert len(platform.arrivals) == 3
    assert min(a.at for a in platform.arrivals[1:]) >= refused_at + least_s


@pytest.mark.slow
async def test_a_budget_that_is_used_up_is_so_after_a_restart(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    wanted = plan(number(waba_id="90011"))
    platform.headers = usage_of(100, 15)
    async with open_rig(tmp_path, platform, wanted) as rig:
        await rig.submit(HELLO)
        await rig.until(lambda: platform.arrivals)
        await trio.sleep(5)
    told_at = platform.arrivals[0].at

    platform.headers = {}
    async with open_rig(tmp_path, platform, wanted) as rig:
        await rig.submit(HELLO, to=to(BOB))
        await rig.until(lambda: platform.accepted(BOB))

    assert platform.accepted(BOB)[0].at >= told_at + 15 * 60


@pytest.mark.slow
async def test_a_person_who_gets_too_much_is_left_alone_after_a_restart(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.strike(Refuse(131056, retry_after_s=200), to=ADA)
    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.submit(HELLO)
        await rig.until(lambda: platform.arrivals)
        await trio.sleep(5)
    refused_at = platform.arrivals[0].at

    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.submit(HELLO, to=to(BOB))
        await rig.until(lambda: platform.accepted(BOB))
        await rig.until(lambda: platform.accepted(ADA))

    assert platform.accepted(BOB)[0].at < refused_at + 60
    assert platform.accepted(ADA)[0].at >= refused_at + 200


async def test_a_portfolio_counts_a_person_of_two_tenants_once(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    shared: dict[str, Any] = {"portfolio_id": "66007", "users_per_day": 1}
    theirs = evolve(number("wa2", OTHER, **shared), tenant="other")
    async with open_rig(tmp_path, platform, plan(number(**shared), theirs)) as rig:
        await write_first(rig, [ADA])
        await rig.until(lambda: platform.arrivals)
        answer = await rig.submit(HELLO, to=to(ADA, "wa2"), caller=caller("other"))

        await rig.reached(answer.message_id, "sent", within_s=5)
        assert (await limiter(rig))["outreach"]["used"] == 1


async def test_what_waits_for_room_keeps_its_place_when_the_person_writes(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, [PEOPLE[0]])
        await rig.until(lambda: platform.arrivals)
        await rig.submit(Template("first", "en"), to=to(BOB))
        await rig.quiet(for_s=5)
        await rig.gateway.pause(OPERATOR, "wa")
        await rig.submit(Template("second", "en"), to=to(BOB))

        await open_window(rig, BOB)
        await rig.gateway.resume(OPERATOR, "wa")
        await rig.until(lambda: len(platform.accepted(BOB)) == 2)

    assert [each.body["template"]["name"] for each in platform.accepted(BOB)] == ["first", "second"]
