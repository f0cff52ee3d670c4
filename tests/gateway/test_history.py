"""Old conversations through the whole house: read within the rate, once, and by nobody answered."""

import itertools
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, HistorySync, Message, RequestError
from omni_actors.model.content import Text
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.store.queries import LegById
from omni_actors.store.rows import ANY_TENANT
from omni_actors.wire.calls import Call, HttpCall, Reply
from tests.gateway.kit import OPERATOR, START, Rig, caller, open_rig, plan, reply
from tests.gateway.test_messaging import (
    CHANNELS,
    PAGE,
    PSID,
    Graph,
    knock,
    lost,
    message,
    said,
)

NEWEST = 20


def at(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


class Inbox(Graph):
    """A page whose conversations can be read: of each the newest 20 messages, the ids of others."""

    def __init__(self, page_size: int = 2) -> None:
        super().__init__()
        self.page_size = page_size
        self.threads: dict[str, list[dict[str, Any]]] = {}
        self.read_at: list[tuple[float, str]] = []
        self.refusals: deque[int | None] = deque()
        self.unlisted: int | None = None
        self.stuck = trio.Event()
        self.sticks_at: str | None = None

    def holds(
        self, person: str, *texts: str, when: float = START - 86_400, ours: bool = False
    ) -> None:
        """A person, or the page to them, wrote these, a minute apart."""
        them, us = {"id": person, "name": f"Person {person[-3:]}"}, {"id": PAGE}
        told = self.threads.setdefault(f"t_{person}", [])
        for text in texts:
            told.append(
                {
                    "id": f"m_{person[-3:]}_{len(told)}",
                    "created_time": at(when + 60 * len(told)),
                    "from": us if ours else them,
                    "to": {"data": [them if ours else us]},
                    "message": text,
                }
            )

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        assert isinstance(call, HttpCall)
        if call.method != "GET":
            return await super().make(call, account, trace)
        what = call.url.rpartition("/")[2]
        if what != "conversations" and not what.startswith("t_"):
            return reply(200, {"data": []})
        self.read_at.append((self.now(), what))
        if what == self.sticks_at:
            self.stuck.set()
            await trio.sleep_forever()
        await trio.sleep(0.05)
        if what == "conversations" and "user_id" in call.query:
            return self.of_person(call.query["user_id"])
        if what == "conversations" and self.unlisted is not None:
            return reply(400, {"error": {"code": self.unlisted, "message": "too many"}})
        if self.refusals and (code := self.refusals.popleft()) is not None:
            return reply(400, {"error": {"code": code, "message": "no"}})
        return self.listing(call.query) if what == "conversations" else self.thread(what)

    def listing(self, query: Mapping[str, str]) -> Reply:
        newest = sorted(self.threads, key=lambda id: self.threads[id][-1]["created_time"])[::-1]
        start = int(query.get("after", "0"))
        end = start + self.page_size
        data = [
            {
                "id": id,
                "updated_time": self.threads[id][-1]["created_time"],
                "message_count": len(self.threads[id]),
            }
            for id in newest[start:end]
        ]
        paging: dict[str, Any] = {"cursors": {"after": str(end)}}
        if end < len(newest):
            paging["next"] = "https://graph.facebook.com/more"
        return reply(200, {"data": data, "paging": paging})

    def of_person(self, person: str) -> Reply:
        """A page whose list is too long tells of each person all the same."""
        id = f"t_{person}"
        there = [{"id": id, "message_count": len(self.threads[id])}] if id in self.threads else []
        return reply(200, {"data": there})

    def thread(self, id: str) -> Reply:
        return reply(200, {"id": id, "messages": {"data": self.threads[id][::-1][:NEWEST]}})

    def read(self) -> list[str]:
        """The conversations that were read, in their order."""
        return [what for _, what in self.read_at if what != "conversations"]


def opened(inbox: Inbox, folder: Path, bot: str = "none") -> AbstractAsyncContextManager[Rig]:
    return open_rig(folder, inbox, plan(*CHANNELS, bot=bot))


async def history(rig: Rig, channel: str = "fb") -> HistorySync:
    found = (await rig.gateway.channel(OPERATOR, channel)).history
    assert found is not None
    return found


async def done(rig: Rig) -> HistorySync:
    async def over() -> bool:
        return (await history(rig)).state in ("done", "failed")

    await rig.until(over)
    return await history(rig)


async def synced(rig: Rig) -> HistorySync:
    """Ask for all of it, and wait until it is there."""
    await rig.gateway.sync_history(caller(), "fb")
    return await done(rig)


async def messages(rig: Rig) -> list[Message]:
    """All messages of all conversations, each conversation from its oldest on."""
    found: list[Message] = []
    for one in (await rig.gateway.conversations(OPERATOR, after="", limit=100)).rows:
        page = await rig.gateway.messages(OPERATOR, one.id, after="", limit=100)
        found += page.rows
    return found


def texts(found: list[Message]) -> list[str]:
    return [each.content.text for each in found if isinstance(each.content, Text)]


async def test_old_conversations_take_their_place_and_nobody_answers_them(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "Which size?")
    inbox.holds(PSID, "Medium", ours=True)
    inbox.holds("7300000000000002", "Hello?")
    inbox.holds("7300000000000003", "Anyone?")
    async with opened(inbox, tmp_path, bot="echo") as rig:
        found = await synced(rig)
        await rig.quiet(for_s=30)

        assert (found.state, found.cause) == ("done", "asked")
        assert (found.conversations, found.messages, found.added) == (3, 4, 4)
        assert inbox.sent == []
        assert len(await rig.events("message.synced")) == 4
        assert await rig.events("message.received", "message.echoed") == []
        there = await messages(rig)
        assert {each.source for each in there} == {"history"}
        mine = [each for each in there if each.external_id and each.external_id.startswith("m_001")]
        assert [(each.direction, texts([each])) for each in mine] == [
            ("inbound", ["Which size?"]),
            ("outbound", ["Medium"]),
        ]
        rig.check_calm()


@pytest.mark.slow
async def test_reading_keeps_to_the_rate_of_the_platform(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    for n in range(6):
        inbox.holds(f"73000000000001{n:02}", "hi")
    async with opened(inbox, tmp_path) as rig:
        await synced(rig)

    times = [when for when, _ in inbox.read_at]
    assert len(times) == 3 + 6
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.5


async def test_what_the_platform_does_not_hand_over_is_told(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, *[f"text {n}" for n in range(33)])
    inbox.threads[f"t_{PSID}"][-1].pop("from")
    async with opened(inbox, tmp_path) as rig:
        found = await synced(rig)

        assert (found.messages, found.beyond, found.unread) == (19, 13, 1)
        [event] = await rig.events("channel.reported")
        assert event.detail["kind"] == "history"
        assert event.detail["detail"] == {
            "cause": "asked",
            "conversations": 1,
            "messages": 19,
            "added": 19,
            "beyond": 13,
            "unread": 1,
        }


async def test_reading_twice_brings_nothing_twice(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "one", "two")
    async with opened(inbox, tmp_path) as rig:
        await synced(rig)
        again = await synced(rig)

        assert (again.messages, again.added) == (2, 0)
        assert len(await messages(rig)) == 2


async def test_what_a_webhook_brought_is_there_once_whichever_comes_first(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "first by webhook", "first by reading")
    async with opened(inbox, tmp_path, bot="echo") as rig:
        await said(rig, message("m_001_0", "first by webhook"))
        found = await synced(rig)
        assert (found.messages, found.added) == (2, 1)

        await said(rig, message("m_001_1", "first by reading"))
        await rig.quiet(for_s=5)

        there = [each for each in await messages(rig) if each.direction == "inbound"]
        assert sorted(texts(there)) == ["first by reading", "first by webhook"]
        assert {each.source for each in there} == {"platform"}
        assert len(await rig.events("message.received")) == 2
        assert inbox.texts() == ["first by webhook", "first by reading"]


async def test_a_customer_whose_word_was_missed_can_be_answered_while_the_window_is_open(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "Is it open?", when=START - 3600)
    async with opened(inbox, tmp_path) as rig:
        await synced(rig)
        [event] = await rig.events("message.synced")
        leg = rig.store.peek(LegById(ANY_TENANT, event.leg_id or ""))
        assert leg is not None
        assert leg.window_until == START - 3600 + 86_400


async def test_reading_tells_what_became_of_a_message_whose_answer_was_lost(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    async with opened(inbox, tmp_path) as rig:
        inbox.rig = rig
        message_id = await lost(rig, inbox, "fb")
        inbox.holds(PSID, "Which size?", when=rig.clock.now(), ours=True)
        inbox.holds(PSID, "an older one", when=START - 9000, ours=True)
        await rig.gateway.sync_history(caller(), "fb")

        await rig.reached(message_id, "sent", within_s=20)
        assert len(inbox.sent) == 1
        assert texts(await messages(rig)).count("Which size?") == 1


@pytest.mark.slow
async def test_a_platform_that_is_asked_too_often_is_asked_later_from_where_it_was(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox(page_size=1)
    inbox.holds(PSID, "hi")
    inbox.holds("7300000000000002", "hi", when=START - 90_000)
    inbox.refusals.extend([None, None, None, 613])
    async with opened(inbox, tmp_path) as rig:
        found = await synced(rig)

        assert (found.state, found.conversations) == ("done", 2)
        assert inbox.read() == [f"t_{PSID}", "t_7300000000000002", "t_7300000000000002"]
        assert inbox.read_at[4][0] - inbox.read_at[3][0] >= 30


async def test_what_the_platform_refuses_ends_the_reading_and_stands_in_the_health(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.refusals.append(100)
    async with opened(inbox, tmp_path) as rig:
        found = await synced(rig)

        assert found.state == "failed"
        view = await rig.gateway.channel(OPERATOR, "fb")
        assert "could not be read" in str(view.health["reason"])
        assert (await synced(rig)).state == "done"
        assert (await rig.gateway.channel(OPERATOR, "fb")).health["status"] == "ok"


async def test_a_reading_goes_on_as_soon_as_there_is_a_new_token(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "hi")
    inbox.refusals.append(190)
    async with opened(inbox, tmp_path) as rig:
        await rig.gateway.sync_history(caller(), "fb")
        await rig.quiet(for_s=60)
        waiting = await history(rig)
        assert (waiting.state, waiting.messages) == ("waiting", 0)

        await rig.gateway.put_credentials(OPERATOR, "fb", {"access_token": "token-2"})

        await rig.until(lambda: inbox.read(), within_s=30)
        assert (await done(rig)).messages == 1


async def test_a_conversation_that_is_refused_is_counted_and_costs_no_other(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    inbox.holds(PSID, "hi")
    inbox.holds("7300000000000002", "hi", "there", when=START - 90_000)
    inbox.refusals.extend([None, 9000001])
    async with opened(inbox, tmp_path) as rig:
        found = await synced(rig)
        assert (found.state, found.messages, found.unread) == ("done", 2, 1)


async def test_a_crash_in_the_middle_goes_on_with_the_page_where_it_was(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox(page_size=1)
    for n in range(3):
        inbox.holds(f"730000000000000{n}", "hi", when=START - 90_000 - n)
    inbox.sticks_at = "t_7300000000000001"
    with trio.CancelScope() as crash:
        async with opened(inbox, tmp_path) as rig:
            await rig.gateway.sync_history(caller(), "fb")
            await inbox.stuck.wait()
            crash.cancel()
    inbox.sticks_at = None

    async with opened(inbox, tmp_path) as rig:
        found = await done(rig)

        assert (found.cause, found.conversations, found.added) == ("asked", 3, 3)
        assert inbox.read().count("t_7300000000000000") == 1
        assert len(await messages(rig)) == 3


@pytest.mark.slow
async def test_a_start_after_a_silence_reads_what_is_newer_than_what_was_heard(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox(page_size=1)
    inbox.holds("7300000000000002", "long ago", when=START - 90_000)
    inbox.holds("7300000000000003", "longer ago", when=START - 99_000)
    async with opened(inbox, tmp_path) as rig:
        await said(rig, message("m_heard"))
    await trio.sleep(3600)
    inbox.holds(PSID, "while you were away", when=START + 1800)

    async with opened(inbox, tmp_path) as rig:
        found = await done(rig)

        assert (found.cause, found.added) == ("outage", 1)
        assert inbox.read() == [f"t_{PSID}"]
        assert "while you were away" in texts(await messages(rig))
    inbox.read_at.clear()

    async with opened(inbox, tmp_path) as rig:  # a short absence is none
        await rig.quiet(for_s=60)
        assert inbox.read_at == []


@pytest.mark.slow
async def test_what_is_asked_meanwhile_is_read_after_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox(page_size=1)
    for n in range(4):
        inbox.holds(f"730000000000000{n}", "hi", when=START - 90_000 - n)
    async with opened(inbox, tmp_path) as rig:
        await rig.gateway.sync_history(caller(), "fb")
        await rig.until(lambda: len(inbox.read()) == 2)
        await rig.house.histories.restored("fb")
        assert (await history(rig)).cause == "asked"

        async def second() -> bool:
            return (await history(rig)).cause == "subscription"

        await rig.until(second)
        assert (await done(rig)).cause == "subscription"


async def meets(rig: Rig, people: range) -> None:
    """All these people write to the page."""
    at = int(rig.clock.now() * 1000)
    for n in people:
        both = {"sender": {"id": f"73000000000010{n:02}"}, "recipient": {"id": PAGE}}
        await knock(rig, [{**both, "timestamp": at, **message(f"m_met_{n}")}])


@pytest.mark.slow
@pytest.mark.parametrize(("code", "failures"), [(100, 1), (1, 4)])
async def test_where_no_list_is_to_be_had_people_are_asked_about_one_by_one(
    tmp_path: Path, autojump_clock: MockClock, code: int, failures: int
) -> None:
    inbox = Inbox()
    for n in range(30, 70):
        inbox.holds(f"73000000000010{n}", "while you were away")
    async with opened(inbox, tmp_path) as rig:
        await meets(rig, range(30, 60))
        inbox.unlisted = code

        found = await synced(rig)

        assert (found.state, found.conversations, found.added) == ("done", 30, 30)
        lists = [what for _, what in inbox.read_at if what == "conversations"]
        assert len(lists) == 30 + failures
        view = await rig.gateway.channel(OPERATOR, "fb")
        assert "does not list the conversations" in str(view.health)
        inbox.unlisted = None
        assert (await synced(rig)).added == 10
        view = await rig.gateway.channel(OPERATOR, "fb")
        assert "does not list" not in str(view.health)


@pytest.mark.slow
async def test_reading_one_by_one_goes_on_with_the_person_where_it_was(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    inbox = Inbox()
    for n in range(30, 34):
        inbox.holds(f"73000000000010{n}", "hi")
    inbox.unlisted = 100
    async with opened(inbox, tmp_path) as rig:
        await meets(rig, range(30, 34))
        inbox.refusals.extend([None, None, 613])

        found = await synced(rig)

        assert (found.state, found.conversations) == ("done", 4)
        assert sorted(inbox.read()) == sorted([*inbox.threads, inbox.read()[2]])


@pytest.mark.parametrize(
    ("who", "channel", "code"),
    [
        ("other", "fb", Code.NOT_FOUND),
        ("default", "nobody", Code.NOT_FOUND),
        ("default", "wa", Code.HISTORY_UNREACHABLE),
    ],
)
async def test_who_may_not_or_cannot_read_is_told(
    tmp_path: Path, autojump_clock: MockClock, who: str, channel: str, code: Code
) -> None:
    wanted = plan(*CHANNELS, *plan().channels)
    async with open_rig(tmp_path, Inbox(), wanted) as rig:
        with pytest.raises(RequestError) as refused:
            await rig.gateway.sync_history(caller(who), channel)
        assert refused.value.code == code
