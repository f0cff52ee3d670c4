"""Messenger and Instagram through the whole house: what comes in, what is answered, what settles
a lost answer."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.feed import Feed
from omni_actors.model.content import ChoiceResponse, Via
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.requests import To
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.store.queries import LegById
from omni_actors.store.rows import ANY_TENANT, Leg, Message
from omni_actors.store.verbs import ChannelSpec
from omni_actors.wire.calls import Call, HttpCall, Reply
from tests.gateway.kit import TOKEN, Platform, Rig, open_rig, plan, reply

PAGE, ACCOUNT, APP = "104500000000001", "17841400000000009", "990011223344"
PSID, IGSID = "7300000000000001", "8900000000000777"
LOST = SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT, text="the answer was lost"))
GRAPH = "http://127.0.0.1:1"
CHANNELS = (
    ChannelSpec(
        "fb", "default", "messenger", PAGE,
        {"page_id": PAGE, "graph_url": GRAPH, "app_id": APP}, {"access_token": TOKEN},
    ),
    ChannelSpec(
        "ig", "default", "instagram", ACCOUNT,
        {"ig_id": ACCOUNT, "graph_url": GRAPH, "app_id": APP}, {"access_token": TOKEN},
    ),
)  # fmt: skip


class Graph(Platform):
    """Takes messages as the Send API does; may lose its answers, and echo before it gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Mapping[str, Any]] = []
        self.losing = False
        self.rig: Rig | None = None
        self.echo_first: Mapping[str, Any] | None = None
        self.asked: list[str] = []
        self.people: dict[str, Reply] = {}

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        assert isinstance(call, HttpCall)
        if call.method == "GET":
            return await self.show(call)
        assert call.url.endswith("/messages")
        self.sent.append(call.json)
        if self.echo_first is not None and self.rig is not None:
            await said(self.rig, self.echo_first, to_them=True)
        if self.losing:
            raise LOST
        body = {"recipient_id": call.json["recipient"]["id"], "message_id": self.mid()}
        return reply(200, body)

    async def show(self, call: HttpCall) -> Reply:
        """A person, or their picture; there is nothing of most of them."""
        await trio.lowlevel.checkpoint()
        if call.download:
            return await self.serve_link(call)
        person = call.url.rpartition("/")[2]
        assert person.isdecimal()
        self.asked.append(person)
        return self.people.get(person, reply(200, {"id": person}))

    def mid(self) -> str:
        """The id of the newest message that was sent."""
        return f"m_OUT{len(self.sent)}"

    def texts(self, *_of: str, **_at: str) -> list[str]:
        return [body["message"]["text"] for body in self.sent]


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
async def house(graph: Graph, tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with opened(graph, tmp_path) as rig:
        graph.rig = rig
        yield rig


def opened(graph: Graph, folder: Path, bot: str = "none") -> AbstractAsyncContextManager[Rig]:
    return open_rig(folder, graph, plan(*CHANNELS, bot=bot))


async def knock(rig: Rig, elements: Sequence[Mapping[str, Any]], where: str = "messaging") -> None:
    """The platform of the first element's account tells these."""
    of_page = PAGE in str(elements[0])
    entry = {"id": PAGE if of_page else ACCOUNT, "time": 1, where: list(elements)}
    told = {"object": "page" if of_page else "instagram", "entry": [entry]}
    assert await rig.knock(json.dumps(told).encode()) == 200
    await rig.quiet(for_s=0.1)


async def said(
    rig: Rig,
    element: Mapping[str, Any],
    *,
    channel: str = "fb",
    to_them: bool = False,
    where: str = "messaging",
) -> None:
    """One element between a customer and the business."""
    us, them = (PAGE, PSID) if channel == "fb" else (ACCOUNT, IGSID)
    sender, recipient = (us, them) if to_them else (them, us)
    both = {"sender": {"id": sender}, "recipient": {"id": recipient}}
    at = {"timestamp": int(rig.clock.now() * 1000)}
    await knock(rig, [{**both, **at, **element}], where)


def message(mid: str, text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"message": {"mid": mid, "text": text, **more}}


def to_them(channel: str = "fb") -> To:
    return To(channel, PSID if channel == "fb" else IGSID)


async def leg_of(rig: Rig) -> Leg:
    [event, *_] = await rig.events("message.received")
    leg = rig.store.peek(LegById(ANY_TENANT, event.leg_id or ""))
    assert leg is not None
    return leg


async def lost(rig: Rig, graph: Graph, channel: str) -> str:
    """A message whose answer was lost; its id."""
    await said(rig, message("m_IN1"), channel=channel)
    graph.losing = True
    answer = await rig.submit("Which size?", to=to_them(channel))
    await rig.reached(answer.message_id, "unknown")
    graph.losing = False
    return answer.message_id


async def test_the_bot_answers_a_customer_of_either_platform_where_they_wrote(
    graph: Graph, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with opened(graph, tmp_path, bot="echo") as rig:
        await said(rig, message("m_IN1", "to the page"))
        await said(rig, message("m_IN2", "to the account"), channel="ig")
        await rig.until(lambda: len(graph.sent) == 2)

    to = [body["recipient"]["id"] for body in graph.sent]
    assert sorted(zip(to, graph.texts(), strict=True)) == [
        (PSID, "to the page"),
        (IGSID, "to the account"),
    ]


async def test_the_bot_holds_its_tongue_while_another_app_has_the_conversation(
    graph: Graph, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with opened(graph, tmp_path, bot="echo") as rig:
        await said(rig, message("m_IN1", "for the agent"), where="standby")
        await trio.sleep(5)
        watching = await leg_of(rig)
        await said(rig, message("m_IN2", "for us"))
        await rig.until(lambda: len(graph.sent) == 1)
        ours = await leg_of(rig)

    assert graph.texts() == ["for us"]
    assert (watching.controlled_by, ours.controlled_by) == ("another", None)
    assert watching.window_until is not None


async def test_an_echo_with_our_callback_settles_a_lost_answer(
    house: Rig, graph: Graph, autojump_clock: MockClock
) -> None:
    message_id = await lost(house, graph, "fb")
    part = (await house.message(message_id)).parts[0]

    ours = message("m_OUT1", "Which size?", is_echo=True, app_id=int(APP), metadata=part.id)
    await said(house, ours, to_them=True)

    sent = await house.reached(message_id, "sent")
    assert (sent.external_id, len(graph.sent)) == ("m_OUT1", 1)
    await trio.sleep(120)
    assert len(graph.sent) == 1


@pytest.mark.slow
async def test_an_echo_that_names_nobody_settles_a_lost_answer_by_its_words(
    house: Rig, graph: Graph, autojump_clock: MockClock
) -> None:
    message_id = await lost(house, graph, "ig")

    await said(house, message("aWdfRita", "Rita here", is_echo=True), channel="ig", to_them=True)
    still = await house.message(message_id)
    await said(house, message("aWdfOut1", "Which size?", is_echo=True), channel="ig", to_them=True)

    sent = await house.reached(message_id, "sent")
    assert (still.status, sent.external_id) == ("unknown", "aWdfOut1")
    await trio.sleep(120)
    assert len(graph.sent) == 1
    assert len(await house.events("message.echoed")) == 1


async def test_a_lost_answer_that_nothing_settles_is_sent_once_more(
    house: Rig, graph: Graph, autojump_clock: MockClock
) -> None:
    message_id = await lost(house, graph, "ig")

    await trio.sleep(70)

    sent = await house.reached(message_id, "sent")
    assert (len(graph.sent), sent.parts[0].maybe_duplicate) == (2, True)


@pytest.mark.slow
async def test_an_echo_that_is_faster_than_the_answer_is_no_second_message(
    house: Rig, graph: Graph, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    graph.echo_first = message("m_OUT1", "Which size?", is_echo=True, app_id=int(APP))

    answer = await house.submit("Which size?", to=to_them())

    sent = await house.reached(answer.message_id, "sent")
    assert sent.external_id == "m_OUT1"
    assert await house.events("message.echoed") == []


async def test_what_another_app_and_a_person_write_stands_in_the_conversation(
    house: Rig, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    await said(house, message("m_CRM", "Hello", is_echo=True, app_id=445566), to_them=True)
    await said(house, message("m_RITA", "Rita here", is_echo=True), to_them=True)

    echoed = [event.message for event in await house.events("message.echoed")]
    assert [(m.author, m.source) for m in echoed if isinstance(m, Message)] == [
        ("bot", "echo"),
        ("human", "echo"),
    ]


async def test_a_watermark_and_a_receipt_move_what_was_sent(
    house: Rig, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    await said(house, message("m_IN2"), channel="ig")
    first = await house.submit("one", to=to_them())
    second = await house.submit("two", to=to_them("ig"))
    await house.reached(first.message_id, "sent")
    sent = await house.reached(second.message_id, "sent")

    until = int(house.clock.now() * 1000) + 1
    await said(house, {"delivery": {"mids": ["m_OUT1"], "watermark": until}})
    delivered = await house.reached(first.message_id, "delivered")
    await said(house, {"read": {"watermark": until}})
    await said(house, {"read": {"mid": sent.external_id}}, channel="ig")

    assert delivered.status == "delivered"
    await house.reached(first.message_id, "read")
    await house.reached(second.message_id, "read")


@pytest.mark.slow
async def test_a_reaction_and_a_link_hold_the_window_open_and_receipts_do_not(
    house: Rig, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    opened = (await leg_of(house)).window_until or 0.0
    await trio.sleep(3600)
    await said(house, {"read": {"watermark": int(house.clock.now() * 1000)}})
    after_receipt = (await leg_of(house)).window_until
    await said(house, {"reaction": {"mid": "m_X", "action": "react", "emoji": "👍"}})
    after_reaction = (await leg_of(house)).window_until or 0.0
    await trio.sleep(3600)
    await said(house, {"referral": {"ref": "bio", "source": "SHORTLINK"}})

    assert after_receipt == opened
    assert after_reaction == pytest.approx(opened + 3600, abs=5)
    assert (await leg_of(house)).window_until == pytest.approx(opened + 7200, abs=5)


async def test_a_tap_on_a_button_is_a_picked_option(house: Rig, autojump_clock: MockClock) -> None:
    await said(house, message("m_IN1"))
    await said(house, {"postback": {"mid": "m_PB", "title": "Order status", "payload": "ORDER"}})

    [_, tapped] = await house.events("message.received")
    assert tapped.message is not None
    assert tapped.message.content == ChoiceResponse("ORDER", Via.NATIVE, "Order status")


async def test_a_blocked_page_is_stopped_with_the_reason_until_it_is_let_go(
    house: Rig, autojump_clock: MockClock
) -> None:
    block = {"action": "block", "reason": "The bot broke messaging policy X."}
    us = {"recipient": {"id": PAGE}}

    await knock(house, [{**us, "timestamp": 1_790_000_000_000, "policy_enforcement": block}])
    blocked = house.channel_state("fb")
    row = house.house.channels["fb"]
    await knock(
        house,
        [{**us, "timestamp": 1_790_000_001_000, "policy_enforcement": {"action": "unblock"}}],
    )

    assert (blocked, house.channel_state("fb")) == ("restricted", "active")
    assert "messaging policy X" in (row.reason or "")


async def test_events_of_several_accounts_go_each_to_its_own(
    house: Rig, autojump_clock: MockClock
) -> None:
    def entry(account: str, mid: str) -> dict[str, Any]:
        both = {"sender": {"id": "73000"}, "recipient": {"id": account}}
        return {"id": account, "messaging": [{**both, "timestamp": 1_790_000_000, **message(mid)}]}

    told = {"object": "page", "entry": [entry(PAGE, "m_1"), entry("104500000000009", "m_2")]}

    assert await house.knock(json.dumps(told).encode()) == 200

    [event] = await house.events("message.received")
    assert event.channel_id == "fb"


async def test_somebody_is_written_to_by_the_id_of_the_page(
    house: Rig, graph: Graph, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))

    prepared = await house.submit(to=to_them())

    assert (await house.message(prepared.message_id)).leg_id == (await leg_of(house)).id


def comment(verb: str, text: str | None = None) -> dict[str, Any]:
    value = {"item": "comment", "verb": verb, "comment_id": "88_901", "from": {"id": PSID}}
    said = {"message": text} if text else {}
    return {"field": "feed", "value": {**value, **said, "post_id": f"{PAGE}_88"}}


@pytest.mark.slow
async def test_a_comment_is_told_with_its_words_until_it_is_removed(house: Rig) -> None:
    feed = Feed(house.store, house.house.bell, "default", 0, (EventType.CHANNEL_REPORTED,))
    await knock(house, [comment("add", "Price please")], "changes")
    [told] = await feed.page()
    await knock(house, [comment("remove")], "changes")
    again = await feed.page()

    before: Any = told.detail["detail"]
    after: list[Any] = [event.detail["detail"] for event in again]
    assert (before["text"], before["platform"]["message"]) == ("Price please", "Price please")
    assert before["address"] == "comment:88_901"
    assert [(one["verb"], one["removed"]) for one in after] == [("add", True), ("remove", True)]
    assert not {"text", "name", "platform"} & after[0].keys()
