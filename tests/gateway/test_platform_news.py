"""What a platform tells beside its customers' messages, and what that does to the whole house."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.content import Call, Text
from omni_actors.model.reports import ChannelName
from tests.gateway.kit import (
    ADA,
    NUMBER,
    OPERATOR,
    START,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    spec,
)

ACCOUNT = "900"
OWN = "442079460100"
OTHER = "770011223344557"
LATER = START + 60.0


def told(
    topic: str, value: Mapping[str, Any], *, at: float | None = None, account: str = ACCOUNT
) -> bytes:
    """A body with one change of a field."""
    entry: dict[str, Any] = {"id": account, "changes": [{"field": topic, "value": value}]}
    if at is not None:
        entry["time"] = int(at)
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def of_number(topic: str, number: str = NUMBER, **value: Any) -> bytes:
    """The same, where the value names the number."""
    metadata = {"display_phone_number": OWN, "phone_number_id": number}
    return told(topic, {"messaging_product": "whatsapp", "metadata": metadata, **value})


async def news(rig: Rig, body: bytes) -> None:
    assert await rig.knock(body) == 200
    await rig.quiet(for_s=0.1)


async def ban(rig: Rig, state: str, *, at: float) -> None:
    value = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state}}
    await news(rig, told("account_update", value, at=at))


async def health(rig: Rig, channel_id: str = "wa") -> Mapping[str, Any]:
    return (await rig.gateway.channel(OPERATOR, channel_id)).health


async def standing(rig: Rig, topic: str) -> Mapping[str, Any]:
    found = (await health(rig))["standing"]
    return next(one for one in found if one["topic"] == topic)


# ---------------------------------------------------------------- what forbids to send


@pytest.mark.slow
async def test_a_ban_stops_the_sending_and_a_reinstatement_lets_it_go_on(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await ban(rig, "DISABLE", at=LATER)

    answer = await rig.submit("waits")
    await rig.platform.write("are you there?")
    await trio.sleep(3_600)
    banned = await health(rig)

    assert rig.channel_state() == "restricted"
    assert (await rig.message(answer.message_id)).status == "queued"
    assert len(await rig.events("message.received")) == 2
    assert banned["status"] == "attention"
    assert "banned" in banned["reason"]

    await ban(rig, "REINSTATE", at=LATER + 3_600)

    await rig.reached(answer.message_id, "sent", within_s=5)
    assert rig.channel_state() == "active"
    assert (await health(rig))["status"] == "ok"
    states = [event.detail["state"] for event in await rig.events("channel.state")]
    assert states == ["restricted", "active"]


async def test_an_old_ban_that_comes_late_does_not_undo_the_reinstatement(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)

    await ban(rig, "REINSTATE", at=LATER)
    await ban(rig, "DISABLE", at=LATER - 1_800)

    assert rig.channel_state() == "active"


async def test_a_ban_outlives_a_restart(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await open_window(rig)
        await ban(rig, "DISABLE", at=LATER)

    async with open_rig(tmp_path, platform, plan()) as rig:
        answer = await rig.submit("waits")
        await trio.sleep(60)

        assert rig.channel_state() == "restricted"
        assert (await rig.message(answer.message_id)).status == "queued"


RESTRICTIONS = {
    "of what the business begins": (["RESTRICTED_BIZ_INITIATED_MESSAGING"], "active"),
    "of adding numbers": (["RESTRICTED_ADD_PHONE_NUMBER_ACTION"], "active"),
    "of answers": (["RESTRICTED_CUSTOMER_INITIATED_MESSAGING"], "restricted"),
}


@pytest.mark.parametrize(("types", "state"), RESTRICTIONS.values(), ids=RESTRICTIONS.keys())
async def test_only_a_restriction_that_forbids_answers_stops_the_sending(
    rig: Rig, autojump_clock: MockClock, types: list[str], state: str
) -> None:
    await open_window(rig)
    info = [{"restriction_type": name, "expiration": LATER + 86_400} for name in types]

    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": info}
    await news(rig, told("account_update", value, at=LATER))

    assert rig.channel_state() == state
    assert (await health(rig))["status"] == "attention"


@pytest.mark.slow
async def test_a_restriction_ends_by_itself(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    until = rig.clock.now() + 7_200
    info = [{"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": until}]
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": info}
    await news(rig, told("account_update", value, at=LATER))
    answer = await rig.submit("waits")
    await trio.sleep(7_000)
    before = (await rig.message(answer.message_id)).status

    message = await rig.reached(answer.message_id, "sent", within_s=400)

    assert before == "queued"
    assert message.parts[0].status_at >= until
    assert (await health(rig))["status"] == "ok"


async def test_an_operator_may_overrule_the_platform_but_not_by_ending_a_pause(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    await ban(rig, "DISABLE", at=LATER)
    paused = rig.channel_state()

    await rig.gateway.resume(OPERATOR, "wa")
    after_pause = rig.channel_state()
    await rig.gateway.resume(OPERATOR, "wa")
    await rig.submit("after all")

    assert (paused, after_pause, rig.channel_state()) == ("paused", "restricted", "active")
    await rig.until(lambda: rig.platform.texts())


async def test_what_ends_the_connection_stops_the_sending_until_it_is_back(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    removed = {
        "event": "PARTNER_REMOVED",
        "waba_info": {"waba_id": ACCOUNT},
        "disconnection_info": {"reason": "ACCOUNT_DISCONNECTED", "initiated_by": "USER"},
    }
    await news(rig, told("account_update", removed, at=LATER, account="660077"))
    without = rig.channel_state(), (await health(rig))["reason"]

    await news(rig, told("account_update", {"event": "ACCOUNT_RECONNECTED"}, at=LATER + 60))

    assert without == (
        "restricted",
        "The connection to the account was removed, by user: account disconnected.",
    )
    assert rig.channel_state() == "active"


# ---------------------------------------------------------------- what an operator should know


async def test_news_of_the_account_are_seen_on_the_channel_until_newer_ones_come(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await news(rig, told("account_review_update", {"decision": "REJECTED"}, at=LATER))
    rejected = await health(rig)

    await news(rig, told("account_review_update", {"decision": "APPROVED"}, at=LATER + 60))

    assert rejected["reason"] == "The review of the account is rejected."
    assert (await health(rig))["status"] == "ok"
    assert (await standing(rig, "review"))["detail"]["decision"] == "approved"
    assert rig.channel_state() == "active"


async def test_an_alert_ends_with_the_word_that_it_is_over(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    seen = []
    for n, status in enumerate(("ACTIVE", "RESOLVED")):
        info = {"alert_severity": "CRITICAL", "alert_status": status, "alert_type": "OBA"}
        value = {"entity_type": "WABA", "entity_id": ACCOUNT, "alert_info": info}
        await news(rig, told("account_alerts", value, at=LATER + n))
        seen.append((await health(rig))["status"])

    assert seen == ["attention", "ok"]


@pytest.fixture
async def two(tmp_path: Path, platform: Platform, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    wanted = plan(spec(), spec("wa-2", number=OTHER, tenant="other"))
    async with open_rig(tmp_path, platform, wanted) as rig:
        yield rig


async def test_news_of_an_account_reach_all_its_channels_and_those_of_a_number_only_one(
    two: Rig, autojump_clock: MockClock
) -> None:
    await open_window(two)
    metadata = {"display_phone_number": "+44 20 7946 0199", "phone_number_id": OTHER}
    await news(two, told("messages", {"metadata": metadata, "statuses": []}))

    await ban(two, "DISABLE", at=LATER)
    limit = {"display_phone_number": "442079460199", "event": "FLAGGED"}
    await news(two, told("phone_number_quality_update", limit, at=LATER))

    assert [two.channel_state(id) for id in ("wa", "wa-2")] == ["restricted", "restricted"]
    topics = {
        id: {one["topic"] for one in (await health(two, id))["standing"]} for id in ("wa", "wa-2")
    }
    assert topics == {"wa": {"ban"}, "wa-2": {"ban", "quality"}}
    reported = await two.events("channel.reported")
    assert {(e.tenant, e.channel_id) for e in reported} == {("default", "wa"), ("other", "wa-2")}


async def test_news_that_come_before_anybody_knows_whom_they_concern_are_kept_for_them(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await ban(rig, "DISABLE", at=START)
    before = rig.channel_state()

    await rig.platform.write("hi")  # this names the account of the number

    await rig.until(lambda: rig.channel_state() == "restricted", within_s=5)
    assert before == "active"


async def test_the_config_may_say_whose_news_concern_a_channel(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:

    named = evolve(spec(), names=(ChannelName(NUMBER, "account", ACCOUNT),))
    async with open_rig(tmp_path, platform, plan(named)) as rig:
        await ban(rig, "DISABLE", at=START)

        assert rig.channel_state() == "restricted"


async def test_news_reach_a_channel_that_the_config_names_only_later(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("hi", number=OTHER)
    await ban(rig, "DISABLE", at=LATER)

    await rig.house.reload(plan(spec(), spec("wa-2", number=OTHER)))

    await rig.until(lambda: rig.channel_state("wa-2") == "restricted", within_s=5)


# ---------------------------------------------------------------- people


async def contact_of(rig: Rig) -> Any:
    [contact] = (await rig.gateway.contacts(caller(), after="", limit=10)).rows
    return contact


async def test_who_stops_marketing_is_remembered_until_they_take_it_back(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    wanted = []
    for at, value in ((100, "stop"), (300, "resume"), (200, "stop")):
        told_ = {"wa_id": ADA, "category": "marketing_messages", "value": value, "timestamp": at}
        await news(rig, of_number("user_preferences", user_preferences=[told_]))
        wanted.append((await contact_of(rig)).identities[0].preferences)

    values = [preferences["marketing_messages"] for preferences in wanted]
    assert values == ["stop", "resume", "resume"]  # the last word came late
    events = await rig.events("identity.preference")
    assert [event.detail["value"] for event in events] == ["stop", "resume", "stop"]
    assert [event.detail.get("overtaken", False) for event in events] == [False, False, True]


async def test_a_person_keeps_their_conversation_when_their_user_id_is_exchanged(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("hi", from_user_id="GB.1")
    told_ = {"user_id": {"previous": "GB.1", "current": "GB.2"}, "timestamp": 100}

    await news(rig, of_number("user_id_update", user_id_update=[told_]))
    await rig.platform.write("it is me", from_user_id="GB.2")

    contact = await contact_of(rig)
    assert {key.value for key in contact.identities[0].keys} == {"GB.2", ADA}
    messages = await rig.events("message.received")
    assert len({event.conversation_id for event in messages}) == 1


async def test_a_call_stands_in_the_conversation_and_holds_the_window_open(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    call = {"id": "wacid.1", "from": ADA, "timestamp": str(int(START))}
    await news(echoing, of_number("calls", calls=[{**call, "event": "connect"}]))
    ended = {**call, "event": "terminate", "status": "COMPLETED", "duration": 80}
    await news(echoing, of_number("calls", calls=[ended]))

    [received] = await echoing.events("message.received")
    assert (await echoing.message(received.message_id or "")).content == Call("completed", 80.0)
    assert len(await echoing.events("window.opened")) == 1
    assert echoing.platform.arrivals == []


# ---------------------------------------------------------------- the business's own phone


def echo(id: str, body: str = "from the shop", **beside: Any) -> bytes:
    message = {"from": OWN, "to": ADA, "id": id, "timestamp": str(int(LATER))}
    said = beside or {"type": "text", "text": {"body": body}}
    return of_number("smb_message_echoes", message_echoes=[{**message, **said}])


async def test_an_echo_is_a_message_of_a_person_that_opens_no_window_and_gets_no_answer(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    await news(echoing, echo("wamid.E1"))
    await news(echoing, echo("wamid.E2"))
    await news(echoing, echo("wamid.E1"))  # told again

    echoed = await echoing.events("message.echoed")
    message = await echoing.message(echoed[0].message_id or "")
    assert len(echoed) == 2
    assert (message.author, message.source, message.direction) == ("human", "echo", "outbound")
    assert message.content == Text("from the shop")
    assert await echoing.events("window.opened") == []
    assert echoing.platform.arrivals == []
    [control] = await echoing.events("conversation.control")
    assert (control.detail["owner"], control.conversation_id) == ("human", message.conversation_id)


async def test_control_is_told_again_when_a_person_speaks_after_the_bot(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    await news(echoing, echo("wamid.E1"))
    await echoing.platform.write("thanks")
    await echoing.until(lambda: echoing.platform.texts() == ["thanks"])
    await echoing.quiet()

    await news(echoing, echo("wamid.E2"))

    assert len(await echoing.events("conversation.control")) == 2


async def test_an_echo_may_be_edited_and_taken_back(rig: Rig, autojump_clock: MockClock) -> None:
    await news(rig, echo("wamid.E1", "from teh shop"))
    now = {"type": "text", "text": {"body": "from the shop"}}
    edit = {"original_message_id": "wamid.E1", "message": now}
    await news(rig, echo("wamid.E2", type="edit", edit=edit))
    [event] = await rig.events("message.echoed")
    edited = await rig.message(event.message_id or "")
    gone = {"original_message_id": "wamid.E1"}

    await news(rig, echo("wamid.E3", type="revoke", revoke=gone))

    assert edited.content == Text("from the shop")
    assert (await rig.message(edited.id)).deleted
    assert len(await rig.events("message.edited", "message.deleted")) == 2
