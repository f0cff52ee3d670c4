"""Limits that several channels share, that the platform changes, and that a restart remembers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.pacing import Pacing
from omni_actors.model.content import Template
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import ChannelReported, Severity
from omni_actors.model.states import Priority
from omni_actors.policy.rate import Limit
from omni_actors.store.verbs import Accept, ChannelSpec, Intake, Item
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    ADA,
    BOB,
    NUMBER,
    OPERATOR,
    Platform,
    Rig,
    open_rig,
    open_window,
    plan,
    request,
    spec,
    to,
)

DAY_S = 86_400.0
OTHER = "770011223344557"
THIRD = "770011223344558"
PEOPLE = [f"4477009{n:05d}" for n in range(60)]
HELLO = Template("hello", "en")


def number(id: str = "wa", key: str = NUMBER, **settings: Any) -> ChannelSpec:
    made = spec(id, number=key)
    return evolve(made, settings={**made.settings, **settings})


async def tell_limits(rig: Rig, detail: JsonObject, *, at: float = 0.0, key: str = NUMBER) -> None:
    """The platform tells of a number's limits."""
    told = at or rig.clock.now()
    report = ChannelReported(key, f"limit:{told}", told, (), "throughput", Severity.INFO, detail)
    intake = Intake(f"itk_{told}_{key}", "meta", told, 2, body=b"{}")
    rig.house.wake(await rig.store.do(Accept(intake, (Item("whatsapp", report),))))
    await trio.sleep(0.01)


async def write_first(rig: Rig, people: Sequence[str], channel: str = "wa") -> list[str]:
    return [(await rig.submit(HELLO, to=to(person, channel))).message_id for person in people]


async def limiter(rig: Rig, id: str = "wa") -> Any:
    await trio.sleep(0.01)
    return (await rig.gateway.channel(OPERATOR, id)).limiter


# ---------------------------------------------------------------- throughput


@pytest.mark.parametrize(
    ("pacing", "settings", "told", "per_second", "burst"),
    [
        (None, {}, None, 72, 8),
        (None, {}, 1000, 900, 100),
        (None, {}, 20, 18, 2),
        (None, {"coexistence": True}, None, 18, 2),
        (None, {"coexistence": True}, 1000, 18, 2),
        (Pacing(Limit(50, 5), None), {}, 1000, 50, 5),
        (Pacing(Limit(50, 5), None), {}, 20, 18, 2),
    ],
)
async def test_the_rate_follows_the_platforms_word_unless_the_operator_wants_less(
    tmp_path: Path,
    platform: Platform,
    autojump_clock: MockClock,
    pacing: Pacing | None,
    settings: dict[str, Any],
    told: int | None,
    per_second: float,
    burst: int,
) -> None:
    wanted = evolve(plan(number(**settings)), pacing={"wa": pacing} if pacing else {})
    async with open_rig(tmp_path, platform, wanted) as rig:
        if told is not None:
            await tell_limits(rig, {"per_second": told})
        seen = await limiter(rig)
    assert (seen["configured_per_second"], seen["burst"]) == (per_second, burst)

    async with open_rig(tmp_path, platform, wanted) as rig:
        seen = await limiter(rig)
    assert (seen["configured_per_second"], seen["burst"]) == (per_second, burst)


async def test_older_word_does_not_undo_newer(rig: Rig, autojump_clock: MockClock) -> None:
    now = rig.clock.now()
    await tell_limits(rig, {"users_per_day": 2000}, at=now)
    await tell_limits(rig, {"users_per_day": 250}, at=now - 60)

    assert (await limiter(rig))["outreach"]["limit"] == 2000


# ---------------------------------------------------------------- scopes


@pytest.mark.slow
async def test_a_used_up_account_stops_its_numbers_and_no_others(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    mine = [number("wa", waba_id="90011"), number("wa2", OTHER, waba_id="90011")]
    stranger = number("wa3", THIRD, waba_id="90022")
    async with open_rig(tmp_path, platform, plan(*mine, stranger)) as rig:
        for key in (NUMBER, OTHER, THIRD):
            await open_window(rig, number=key)
        platform.strike(Refuse(80007, 400, retry_after_s=300))
        began = rig.clock.now()
        await rig.submit("one")
        await trio.sleep(1)
        await rig.submit("two", to=to(channel="wa2"))
        await rig.submit("three", to=to(channel="wa3"))
        await rig.until(lambda: len([a for a in platform.arrivals if a.external_id]) == 3)

    at = {arrival.number: arrival.at for arrival in platform.arrivals if arrival.external_id}
    assert at[THIRD] < began + 5
    assert min(at[NUMBER], at[OTHER]) >= began + 300


@pytest.mark.slow
async def test_a_restricted_number_answers_and_starts_nothing(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131048), to=BOB)

    first = await rig.submit(HELLO, to=to(BOB))
    await rig.until(lambda: rig.platform.arrivals)
    await trio.sleep(1)
    second = await rig.submit(HELLO, to=to(PEOPLE[0]))
    answer = await rig.submit("an answer")
    await rig.reached(answer.message_id, "sent", within_s=5)
    held = await rig.reached(second.message_id, "held", within_s=5)

    assert held.parts[0].failure is not None
    assert held.parts[0].failure.scope == "outreach"
    assert (await limiter(rig))["outreach"]["closed_until_at"] is not None
    await rig.reached(first.message_id, "sent", within_s=2 * 3_600)
    await rig.reached(second.message_id, "sent", within_s=60)


@pytest.mark.slow
async def test_usage_headers_slow_the_channel_down_and_stop_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)

    rig.platform.headers = usage_of(97, 0)
    await rig.submit("told of it")
    await rig.until(lambda: rig.platform.texts())
    await trio.sleep(1)
    normal = await rig.submit("can wait", to=to(BOB))
    high = await rig.submit("cannot", priority=Priority.HIGH)
    await rig.reached(high.message_id, "sent", within_s=5)
    assert (await rig.message(normal.message_id)).status == "queued"
    assert "97 % of the account's budget of calls is used" in (await limiter(rig))["why"]

    rig.platform.headers = usage_of(100, 15)
    last = await rig.submit("told of the end", priority=Priority.HIGH)
    await rig.reached(last.message_id, "sent", within_s=5)
    stopped_at = rig.clock.now()
    rig.platform.headers = usage_of(1, 0)
    await rig.reached(normal.message_id, "sent", within_s=3_600)

    assert rig.platform.accepted(BOB)[0].at >= stopped_at + 14 * 60


def usage_of(percent: int, minutes: int) -> dict[str, str]:
    fields = f'"call_count":{percent},"total_cputime":1,"total_time":1'
    regain = f'"estimated_time_to_regain_access":{minutes}'
    told = f'{{"900":[{{"type":"whatsapp",{fields},{regain}}}]}}'
    return {"x-business-use-case-usage": told}


@pytest.mark.slow
async def test_a_platform_that_is_down_is_left_alone_and_nothing_is_lost(
    rig: Rig, autojump_clock: MockClock
) -> None:
    for person in PEOPLE[:40]:
        await open_window(rig, person)
    rig.platform.judge = lambda _number, _to: Refuse(131016, 500)
    for person in PEOPLE[:40]:
        await rig.submit(to=to(person))
    await trio.sleep(120)
    knocks = len(rig.platform.arrivals)

    rig.platform.judge = lambda _number, _to: None
    await rig.until(lambda: len([a for a in rig.platform.arrivals if a.external_id]) == 40)

    assert knocks < 60
    assert (await rig.events("message.failed")) == []


# ---------------------------------------------------------------- people a day


@pytest.mark.slow
async def test_one_person_too_many_is_held_with_the_reason_until_there_is_room(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=5))) as rig:
        ids = await write_first(rig, PEOPLE[:8])
        await rig.quiet(for_s=5)
        again = await rig.submit(HELLO, to=to(PEOPLE[0]))
        await rig.reached(again.message_id, "sent", within_s=5)
        states = [(await rig.message(id)).status for id in ids]
        held = await rig.part(ids[-1])
        seen = (await limiter(rig))["outreach"]

    assert sorted(states) == ["held"] * 3 + ["sent"] * 5
    assert held.failure is not None
    assert held.failure.reason == "rate_limited"
    assert "5 people" in (held.failure.text or "")
    assert (seen["used"], seen["limit"]) == (5, 5)

    async with open_rig(tmp_path, platform, plan(number(users_per_day=5))) as rig:
        assert (await limiter(rig))["outreach"]["used"] == 5
        await trio.sleep(DAY_S + 120)
        states = [(await rig.message(id)).status for id in ids]
    assert states == ["sent"] * 8


async def test_answers_are_never_held_for_the_number_of_people(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        ids = await write_first(rig, PEOPLE[:2])
        await open_window(rig)
        await rig.submit("an answer")
        await rig.until(lambda: rig.platform.texts())
        await rig.quiet(for_s=5)
        held = [id for id in ids if (await rig.message(id)).status == "held"]
        who = PEOPLE[ids.index(held[0])]

        await open_window(rig, who)

        await rig.reached(held[0], "sent", within_s=5)


async def test_the_numbers_of_a_portfolio_share_the_people_of_a_day(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    shared: dict[str, Any] = {"portfolio_id": "66007", "users_per_day": 3}
    numbers = [number("wa", **shared), number("wa2", OTHER, **shared), number("wa3", THIRD)]
    async with open_rig(tmp_path, platform, plan(*numbers)) as rig:
        await write_first(rig, PEOPLE[:3])
        await rig.until(lambda: len(platform.arrivals) == 3)
        (fourth,) = await write_first(rig, [PEOPLE[3]], "wa2")
        (known,) = await write_first(rig, [PEOPLE[0]], "wa2")
        (free,) = await write_first(rig, [PEOPLE[4]], "wa3")
        await rig.reached(fourth, "held", within_s=5)
        await rig.reached(known, "sent", within_s=5)
        await rig.reached(free, "sent", within_s=5)


async def test_a_limit_that_is_told_later_counts_the_people_of_the_day(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await write_first(rig, PEOPLE[:3])
    await rig.until(lambda: len(rig.platform.arrivals) == 3)

    await tell_limits(rig, {"users_per_day": 3})
    (fourth,) = await write_first(rig, [PEOPLE[3]])
    await rig.reached(fourth, "held", within_s=5)
    assert (await limiter(rig))["outreach"] == {"used": 3, "limit": 3, "closed_until_at": None}

    await tell_limits(rig, {"users_per_day": None})
    assert (await limiter(rig))["outreach"]["limit"] is None


async def test_a_reload_may_put_numbers_into_one_portfolio(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    alone = plan(number("wa", users_per_day=2), number("wa2", OTHER, users_per_day=2))
    shared: dict[str, Any] = {"portfolio_id": "66007", "users_per_day": 2}
    together = plan(number("wa", **shared), number("wa2", OTHER, **shared))
    async with open_rig(tmp_path, platform, alone) as rig:
        await rig.house.reload(together)
        await write_first(rig, PEOPLE[:2])
        await rig.until(lambda: len(platform.arrivals) == 2)
        (third,) = await write_first(rig, [PEOPLE[2]], "wa2")

        await rig.reached(third, "held", within_s=5)


@pytest.mark.slow
async def test_a_campaign_is_sent_over_days_without_going_beyond_the_limit(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=20))) as rig:
        await rig.submit_all([request(HELLO, to=to(person)) for person in PEOPLE])
        await rig.until(lambda: len(platform.arrivals) == 60, within_s=4 * DAY_S)

    at = sorted(arrival.at for arrival in platform.arrivals)
    assert all(later - sooner >= DAY_S - 1 for sooner, later in zip(at, at[20:], strict=False))
    assert len({arrival.to for arrival in platform.arrivals}) == 60


async def test_metrics_tell_of_the_limits(rig: Rig, autojump_clock: MockClock) -> None:
    await tell_limits(rig, {"users_per_day": 250})
    await open_window(rig, ADA)

    told = (await rig.gateway.metrics()).decode()

    assert 'omni_channel_rate{channel="wa",what="now"}' in told
    assert 'omni_outreach_people{channel="wa",what="limit"} 250.0' in told
    assert 'omni_channel_closed_seconds{channel="wa"}' in told
