"""Credentials over the API, what platforms tell of limits, and who is written to first."""

from typing import Any

import pytest

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.reports import ChannelReported, Severity
from omni_actors.model.states import ChannelState
from omni_actors.store.contract import Refused
from omni_actors.store.limits import HoldPart, PutCredentials
from omni_actors.store.queries import Channels, Credentials, Outreached
from omni_actors.store.verbs import (
    ChannelSpec,
    Claim,
    Item,
    SetChannelState,
    SyncChannels,
    TakenUp,
    Tick,
)
from tests.store.conftest import BOB, CHANNELS, Desk

WA, *REST = CHANNELS


def _token(desk: Desk) -> Any:
    return desk.ask(Credentials("wa"))["access_token"]


async def test_credentials_that_are_put_count_until_the_config_says_something_new(
    desk: Desk,
) -> None:
    await desk.do(SetChannelState("default", "wa", ChannelState.NEEDS_REAUTH, "190", 2.0))

    put = await desk.do(PutCredentials("default", "wa", {"access_token": "fresh"}, 3.0))
    assert (put.state, put.reason, _token(desk)) == (ChannelState.ACTIVE, None, "fresh")

    await desk.do(SyncChannels(CHANNELS, 4.0))
    assert _token(desk) == "fresh"

    await desk.do(PutCredentials("default", "wa", {"access_token": "fresher"}, 5.0))
    await desk.do(SyncChannels(CHANNELS, 6.0))
    assert _token(desk) == "fresher"

    news = ChannelSpec(WA.id, WA.tenant, WA.platform, WA.channel_key, {}, {"access_token": "new"})
    await desk.do(SyncChannels((news, *REST), 7.0))
    assert _token(desk) == "new"
    await desk.do(SyncChannels(CHANNELS, 8.0))
    assert _token(desk) == WA.credentials["access_token"]


async def test_credentials_of_another_tenants_channel_cannot_be_put(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        await desk.do(PutCredentials("other", "wa", {"access_token": "mine"}, 3.0))

    assert refused.value.code == "unknown_channel"
    assert _token(desk) == WA.credentials["access_token"]


async def test_the_newest_word_on_each_limit_is_kept(desk: Desk) -> None:
    def told(at: float, **detail: Any) -> Item:
        report = ChannelReported("770", f"k{at}", at, (), "throughput", Severity.INFO, detail)
        return Item("whatsapp", report)

    accepted = await desk.accept(told(10.0, per_second=1000, users_per_day=250))
    late = await desk.accept(told(5.0, per_second=80), told(11.0, users_per_day=None))
    other = await desk.accept(told(12.0, decision="approved"))

    assert [channel.id for channel in accepted.channels] == ["wa"]
    assert late.channels[0].limits == {"per_second": (1000, 10.0), "users_per_day": (None, 11.0)}
    assert other.channels == ()
    await desk.do(SyncChannels(CHANNELS, 20.0))
    kept = {channel.id: channel.limits for channel in desk.ask(Channels())}
    assert kept["wa"] == late.channels[0].limits


async def test_a_part_is_not_held_for_outreach_once_its_window_is_open(desk: Desk) -> None:
    leg_id = await desk.leg(window_until=5_000.0)
    queued = await desk.submit(leg_id)
    part = desk.find(queued.message_id).parts[0]
    full = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH)

    wakes = await desk.do(HoldPart(part.id, 1_500.0, full))
    assert [wake.part_id for wake in wakes] == [part.id]

    await desk.do(HoldPart(part.id, 6_000.0, full))
    held = desk.find(queued.message_id)
    assert (held.status, held.parts[0].failure) == ("held", full)
    assert desk.heads() == []
    ticked = await desk.do(Tick(9_000_000.0))
    assert (ticked.wakes, ticked.next_at) == ((), None)


async def test_whom_a_portfolio_wrote_to_first_is_counted_with_the_claim(desk: Desk) -> None:
    answered = await desk.leg(window_until=5_000.0)
    written_first = await desk.leg(who=BOB)
    for leg_id in (answered, written_first, written_first):
        await desk.submit(leg_id)

    for at in (2_000.0, 3_000.0):
        for claimed in await desk.do(Claim(tuple(desk.heads()), at, "whatsapp:66007")):
            await desk.settle(claimed, TakenUp((f"wamid.{claimed.part_id}",)))

    assert desk.ask(Outreached("whatsapp:66007", 0.0)) == (("phone:44772", 3_000.0),)
    assert desk.ask(Outreached("whatsapp:66007", 3_000.0)) == ()
    assert desk.ask(Outreached("whatsapp:1", 0.0)) == ()
