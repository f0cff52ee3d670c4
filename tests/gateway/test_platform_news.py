"""What a platform tells beside its customers' messages, and what that does to the whole house."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.content import Call, Media, Text
from omni_actors.model.reports import ChannelName
from tests.gateway.kit import (
    ADA,
    BOB,
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
    to,
)
from tests.gateway.test_media_desk import PNG

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


# ---------------------------------------------------------------- history


def old(id: str, at: int, text: str = "", **beside: Any) -> dict[str, Any]:
    said = {"type": "text", "text": {"body": text}} if text else {"type": "media_placeholder"}
    who = {"from": OWN, "to": ADA} if beside.pop("ours", False) else {"from": ADA}
    return {**who, "id": id, "timestamp": str(at), **said, **beside}


def chunk(*messages: Mapping[str, Any], order: int = 1) -> bytes:
    thread = {"id": ADA, "context": {"wa_id": ADA}, "messages": list(messages)}
    metadata = {"phase": 0, "chunk_order": order, "progress": 50 * order}
    return of_number("history", history=[{"metadata": metadata, "threads": [thread]}])


@pytest.fixture
async def with_media(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> AsyncIterator[Rig]:
    platform.media["m1"] = (PNG, "image/png")
    async with open_rig(tmp_path, platform, plan(bot="echo"), media=True) as rig:
        yield rig
        rig.check_calm()


async def thread_of(rig: Rig) -> list[Any]:
    contact = await contact_of(rig)
    page = await rig.gateway.messages(caller(), contact.conversation_id, after="", limit=50)
    return list(page.rows)


async def test_a_history_takes_its_place_before_what_is_new_and_is_not_answered(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    past = int(START) - 86_400
    await echoing.platform.write("something new")
    await echoing.until(lambda: echoing.platform.texts())
    later = old("wamid.H2", past + 60, "answer", ours=True, history_context={"status": "READ"})

    await news(echoing, chunk(later, order=2))
    await news(echoing, chunk(old("wamid.H1", past, "question"), order=1))
    await news(echoing, chunk(old("wamid.H1", past, "question"), order=1))  # told again

    thread = await thread_of(echoing)
    assert [m.content.text for m in thread] == [
        "question", "answer", "something new", "something new",
    ]  # fmt: skip
    question, answer = thread[:2]
    assert (question.source, question.direction, question.status) == (
        "history", "inbound", "received",
    )  # fmt: skip
    assert (answer.author, answer.status, answer.sent_at) == ("human", "read", past + 60.0)
    assert len(await echoing.events("message.synced")) == 2
    assert len(await echoing.events("message.received")) == 1
    assert len(echoing.platform.arrivals) == 1
    reported: list[Any] = [e.detail["detail"] for e in await echoing.events("channel.reported")]
    assert [detail["progress"] for detail in reported] == [100, 50]


@pytest.mark.parametrize("medium_first", [False, True], ids=["after", "before"])
async def test_the_media_of_a_history_find_their_messages(
    with_media: Rig, autojump_clock: MockClock, *, medium_first: bool
) -> None:
    past = int(START) - 86_400
    picture = {"id": "m1", "mime_type": "image/png", "sha256": "x"}
    full = old("wamid.H1", past, type="image", image=picture)
    bodies = [chunk(old("wamid.H1", past)), of_number("history", messages=[full])]

    for body in reversed(bodies) if medium_first else bodies:
        assert await with_media.knock(body) == 200

    feed = await with_media.gateway.live(OPERATOR, after=0, types=["media.ready"])
    ready = (await feed.next())[0].message
    [message] = await thread_of(with_media)
    assert ready is not None
    assert ready.id == message.id
    assert isinstance(message.content, Media)
    await with_media.quiet()
    assert with_media.platform.arrivals == []


async def test_a_history_alone_opens_no_window(rig: Rig, autojump_clock: MockClock) -> None:
    await news(rig, chunk(old("wamid.H1", int(rig.clock.now()) - 60, "just now")))

    assert await rig.events("window.opened", "conversation.started") != []
    assert await rig.events("window.opened") == []


async def test_a_long_history_is_taken_whole(with_media: Rig, autojump_clock: MockClock) -> None:
    past = int(START) - 86_400
    messages = [old(f"wamid.H{n}", past + n, f"{n}") for n in range(600)]

    await news(with_media, chunk(*messages))
    await news(with_media, chunk(*messages))

    assert len(await with_media.events("message.synced")) == 600


async def test_what_is_said_in_a_group_is_recorded_and_not_answered(
    echoing: Rig, autojump_clock: MockClock
) -> None:
    await echoing.platform.write("to all of you", group_id="Y2Fw")
    await echoing.quiet()

    [received] = await echoing.events("message.received")
    notes = (await echoing.message(received.message_id or "")).notes or {}
    assert notes["group_id"] == "Y2Fw"
    assert echoing.platform.arrivals == []


# ---------------------------------------------------------------- statuses


@pytest.mark.slow
async def test_whatever_the_order_of_the_statuses_the_end_is_the_same(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    chance = Random(3)
    answers = [await rig.submit(f"{n}", to=to(BOB if n % 2 else ADA)) for n in range(12)]
    await rig.until(lambda: len(rig.platform.arrivals) == 12)

    for arrival in rig.platform.arrivals:
        statuses = ["sent", "delivered", "read", "played", "failed"] * 2
        chance.shuffle(statuses)
        for status in statuses:
            assert await rig.platform.tell(arrival, status) == 200

    for answer in answers:
        await rig.reached(answer.message_id, "played", within_s=5)


async def test_the_price_and_the_free_entry_of_a_message_are_in_its_event(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.submit("hello")
    await rig.until(lambda: rig.platform.arrivals)
    [arrival] = rig.platform.arrivals
    origin = {"type": "referral_conversion"}
    entry = {"id": "c1", "expiration_timestamp": "1790259900", "origin": origin}
    pricing = {"billable": False, "pricing_model": "PMP", "type": "free_entry_point"}

    await rig.platform.tell(arrival, "delivered", pricing=pricing, conversation=entry)

    [event] = await rig.events("message.delivered")
    assert event.detail["pricing"] == pricing
    assert event.detail["entry"] == {
        "kind": "referral_conversion", "id": "c1", "until": 1790259900.0,
    }  # fmt: skip


async def test_who_came_from_an_ad_is_told_with_the_ad(rig: Rig, autojump_clock: MockClock) -> None:
    ad = {"source_type": "ad", "source_id": "12", "ctwa_clid": "Af"}

    await rig.platform.write("hi", referral=ad)

    [event] = await rig.events("conversation.referral")
    message = await rig.message(event.message_id or "")
    assert event.detail["referral"] == ad
    assert message.notes == {"referral": ad}
