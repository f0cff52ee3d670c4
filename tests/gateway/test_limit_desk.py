"""What a platform tells of a channel's limits when it is asked."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.gateway.pacing import Pacing
from omni_actors.policy.rate import Limit
from tests.gateway.kit import NUMBER, OPERATOR, Platform, caller, open_rig, plan
from tests.gateway.test_shared_limits import (
    DAY_S,
    HELLO,
    OTHER,
    PEOPLE,
    limiter,
    number,
    tell_limits,
    write_first,
)

HIGH = {"throughput": {"level": "HIGH"}, "whatsapp_business_manager_messaging_limit": "TIER_2K"}


def unpaced(**settings: Any) -> Any:
    return evolve(plan(number(**settings)), pacing={})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "pacing", "per_second"),
    [
        ({}, None, 72),
        (HIGH, None, 900),
        ({**HIGH, "is_on_biz_app": True}, None, 18),
        (HIGH, Pacing(Limit(50, 5), None), 50),
        ({"is_on_biz_app": True}, Pacing(Limit(50, 5), None), 18),
    ],
)
async def test_a_channel_keeps_to_what_its_number_may_from_the_start(
    tmp_path: Path,
    platform: Platform,
    autojump_clock: MockClock,
    profile: dict[str, Any],
    pacing: Pacing | None,
    per_second: float,
) -> None:
    platform.profile = profile
    wanted = evolve(plan(number()), pacing={"wa": pacing} if pacing else {})
    async with open_rig(tmp_path, platform, wanted) as rig:
        await trio.sleep(1)
        assert (await limiter(rig))["configured_per_second"] == per_second


@pytest.mark.slow
async def test_it_is_asked_again_each_day_and_older_word_than_news_does_not_count(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.profile = {"throughput": {"level": "STANDARD"}}
    async with open_rig(tmp_path, platform, unpaced()) as rig:
        await trio.sleep(1)
        await tell_limits(rig, {"per_second": 1000})
        await trio.sleep(DAY_S / 2)
        assert (await limiter(rig))["configured_per_second"] == 900
        assert platform.profiles == [NUMBER]

        await trio.sleep(DAY_S / 2)
        assert platform.profiles == [NUMBER] * 2
        assert (await limiter(rig))["configured_per_second"] == 72


@pytest.mark.slow
async def test_a_platform_that_does_not_tell_is_asked_again_and_stops_nothing(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.profile, platform.profile_refusals = HIGH, [10]
    async with open_rig(tmp_path, platform, unpaced()) as rig:
        await write_first(rig, PEOPLE[:1])
        await rig.until(lambda: platform.arrivals)
        assert rig.channel_state() == "active"
        assert (await limiter(rig))["configured_per_second"] == 72

        await trio.sleep(3_700)
        assert (await limiter(rig))["configured_per_second"] == 900


async def test_another_number_is_asked_at_once_and_inherits_nothing(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.profile = HIGH
    async with open_rig(tmp_path, platform, unpaced()) as rig:
        await trio.sleep(1)
        assert (await limiter(rig))["configured_per_second"] == 900

        platform.profile = {}
        await rig.house.reload(evolve(plan(number(key=OTHER)), pacing={}))
        await trio.sleep(1)

        assert platform.profiles == [NUMBER, OTHER]
        assert (await limiter(rig))["configured_per_second"] == 72
        assert (await limiter(rig))["outreach"]["limit"] is None


async def test_what_it_tells_of_people_lets_out_what_is_held(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(number(users_per_day=1))) as rig:
        await write_first(rig, PEOPLE[:1])
        await rig.until(lambda: platform.arrivals)
        held = (await rig.submit(HELLO)).message_id
        await rig.reached(held, "held", within_s=5)

        platform.profile = HIGH
        view = await rig.gateway.sync_limits(caller(), "wa")

        assert view.channel.limits["users_per_day"][0] == 2000
        await rig.reached(held, "sent", within_s=5)


async def test_a_refusal_is_told_to_who_asked_for_it(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await trio.sleep(1)
        platform.profile_refusals = [10]

        with pytest.raises(RequestError) as refused:
            await rig.gateway.sync_limits(OPERATOR, "wa")
        with pytest.raises(RequestError) as strange:
            await rig.gateway.sync_limits(caller("other"), "wa")

    assert refused.value.code is Code.PLATFORM_REFUSED
    assert strange.value.code is Code.NOT_FOUND


async def test_a_channel_that_a_reload_brings_is_asked_too(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.profile = HIGH
    async with open_rig(tmp_path, platform, unpaced()) as rig:
        await trio.sleep(1)
        await rig.house.reload(evolve(plan(number(), number("wa2", OTHER)), pacing={}))
        await trio.sleep(1)

        assert (await limiter(rig, "wa2"))["configured_per_second"] == 900
        assert platform.profiles == [NUMBER, OTHER]
