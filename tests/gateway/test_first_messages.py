"""Whether and to how many a channel may write first, as its platform's news tell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.model.content import Template
from tests.gateway.kit import BOB, OPERATOR, Platform, Rig, open_rig, open_window, plan, to
from tests.gateway.test_platform_news import LATER, OWN, health, news, standing, told

HELLO = Template("hello", "en")


async def limiter(rig: Rig) -> Mapping[str, Any]:
    return (await rig.gateway.channel(OPERATOR, "wa")).limiter


async def restrict_first(rig: Rig, until: float | None, *, at: float) -> None:
    """The platform lets the number answer only; without an end, where it tells none."""
    info: dict[str, Any] = {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}
    if until is not None:
        info["expiration"] = until
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": [info]}
    await news(rig, told("account_update", value, at=at))


@pytest.mark.slow
async def test_what_is_written_first_is_held_while_only_answers_are_allowed(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    until = rig.clock.now() + 7_200
    await restrict_first(rig, until, at=LATER)

    first = (await rig.submit(HELLO, to=to(BOB))).message_id
    answer = (await rig.submit("an answer")).message_id
    await rig.reached(answer, "sent", within_s=5)
    await rig.reached(first, "held", within_s=5)
    shown = await limiter(rig)
    assert shown["outreach"]["closed_until_at"] == until
    assert "the platform has stopped what this channel writes first" in shown["why"]
    assert "not write first" in (await health(rig))["reason"]

    message = await rig.reached(first, "sent", within_s=7_400)
    assert message.parts[0].status_at >= until
    assert await rig.events("delivery.dead") == []


@pytest.mark.slow
async def test_a_restriction_of_what_is_written_first_outlives_a_restart_until_newer_word(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await open_window(rig)
        await restrict_first(rig, None, at=LATER)

    async with open_rig(tmp_path, platform, plan()) as rig:
        first = (await rig.submit(HELLO, to=to(BOB))).message_id
        await rig.reached(first, "held", within_s=5)
        await trio.sleep(86_400)
        assert (await rig.message(first)).status == "held"
        assert (await limiter(rig))["outreach"]["closed_until_at"] is None
        assert (await limiter(rig))["why"] != []

        ended = {"event": "ACCOUNT_RESTRICTION", "restriction_info": []}
        await news(rig, told("account_update", ended, at=LATER + 86_400))
        await rig.reached(first, "sent", within_s=5)


async def test_an_operator_may_overrule_that_nothing_may_be_written_first(
    rig: Rig, autojump_clock: MockClock
) -> None:
    """The platform may have lifted it without a word."""
    await open_window(rig)
    await restrict_first(rig, None, at=LATER)
    first = (await rig.submit(HELLO, to=to(BOB))).message_id
    await rig.reached(first, "held", within_s=5)

    await rig.gateway.resume(OPERATOR, "wa")

    await rig.reached(first, "sent", within_s=5)


@pytest.mark.slow
async def test_answers_go_on_when_they_may_again_and_the_rest_when_that_may(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    now = rig.clock.now()
    info = [
        {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": now + 14_400},
        {"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": now + 7_200},
    ]
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": info}
    await news(rig, told("account_update", value, at=LATER))
    first = (await rig.submit(HELLO, to=to(BOB))).message_id
    answer = (await rig.submit("an answer")).message_id

    answered = await rig.reached(answer, "sent", within_s=7_600)
    began = await rig.reached(first, "sent", within_s=7_600)

    assert now + 7_200 <= answered.parts[0].status_at < now + 7_300
    assert now + 14_400 <= began.parts[0].status_at < now + 14_500


@pytest.mark.slow
async def test_health_and_limiter_tell_the_same_limit_whatever_news_brought_it(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    capability = {"max_daily_conversations_per_business": "TIER_UNLIMITED"}
    await news(rig, told("business_capability_update", capability, at=LATER))
    flagged = {"display_phone_number": OWN, "event": "FLAGGED", "current_limit": "TIER_10K"}
    await news(rig, told("phone_number_quality_update", flagged, at=LATER + 60))

    limit = await standing(rig, "messaging_limit")
    assert limit["sentence"] == "The business may write first to 10000 people a day."
    assert (await standing(rig, "quality"))["status"] == "attention"
    assert (await limiter(rig))["outreach"]["limit"] == 10_000


async def test_health_follows_the_limit_that_the_number_tells_when_it_is_asked(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.profile = {"whatsapp_business_manager_messaging_limit": "TIER_2K"}
    await rig.gateway.sync_limits(OPERATOR, "wa")
    quiet = (await health(rig))["standing"]

    capability = {"max_daily_conversations_per_business": "TIER_UNLIMITED"}
    await news(rig, told("business_capability_update", capability))
    await trio.sleep(60)
    await rig.gateway.sync_limits(OPERATOR, "wa")

    limit = await standing(rig, "messaging_limit")
    assert quiet == []
    assert limit["sentence"] == "The business may write first to 2000 people a day."
    assert (await limiter(rig))["outreach"]["limit"] == 2_000
