"""Messenger and Instagram through the whole house: what goes out, to whom, and until when."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.gateway.facade import Sign
from omni_actors.model.content import (
    ChoiceResponse,
    Choices,
    Media,
    MediaKind,
    Option,
    Reaction,
    Via,
)
from omni_actors.model.failure import Reason
from omni_actors.model.requests import Author, AuthorType, ClosedWindow, Delivery, To
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Call, HttpCall, Reply
from tests.gateway.kit import Rig, caller, open_rig, plan, reply
from tests.gateway.test_messaging import CHANNELS, PSID, Graph, leg_of, message, said, to_them

DAY_S = 86_400.0
HUMAN = Author(AuthorType.HUMAN)
SIZES = Choices("Which size?", (Option("SIZE:S", "Small"), Option("SIZE:M", "Medium")))


class SendApi(Graph):
    """The same, with actions, private replies, and refusals that are planned."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[HttpCall] = []
        self.refusals: list[Mapping[str, Any]] = []
        self.before_refusing: Callable[[], Awaitable[None]] | None = None

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        assert isinstance(call, HttpCall)
        self.calls.append(call)
        if not call.url.endswith("/messages"):
            return reply(200, {"data": [{"greeting": [{"locale": "default", "text": "Hi"}]}]})
        if self.refusals:
            if self.before_refusing is not None:
                await self.before_refusing()
            return reply(400, {"error": self.refusals.pop(0)})
        self.sent.append(call.json)
        if "sender_action" in call.json:
            return reply(200, {"recipient_id": PSID})
        return reply(200, {"recipient_id": PSID, "message_id": self.mid()})


@pytest.fixture
def graph() -> SendApi:
    return SendApi()


@pytest.fixture
async def house(graph: SendApi, tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, graph, plan(*CHANNELS)) as rig:
        graph.rig = rig
        yield rig


async def wrote(rig: Rig, ago_s: float, mid: str = "m_IN1") -> None:
    """The customer wrote so long ago, as the platform tells now."""
    at_ms = int((rig.clock.now() - ago_s) * 1000)
    await said(rig, {**message(mid), "timestamp": at_ms})


async def refusal(rig: Rig, **beside: Any) -> RequestError:
    with pytest.raises(RequestError) as refused:
        await rig.submit(to=to_them(), **beside)
    return refused.value


async def test_a_person_may_write_for_a_week_and_a_bot_for_a_day(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await wrote(house, 8 * DAY_S, "m_IN0")
    late = await refusal(house, author=HUMAN)
    await wrote(house, 2 * DAY_S)

    problem = await refusal(house)
    answer = await house.submit(to=to_them(), author=HUMAN)
    await house.reached(answer.message_id, "sent")

    assert problem.code is late.code is Code.OUTSIDE_WINDOW
    assert "author.type = human" in str(problem)
    assert [body.get("tag") for body in graph.sent] == ["HUMAN_AGENT"]


async def test_within_the_day_a_person_needs_no_tag(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))

    answer = await house.submit(to=to_them(), author=HUMAN)
    await house.reached(answer.message_id, "sent")

    assert graph.sent[0]["messaging_type"] == "RESPONSE"


async def test_what_a_person_wrote_in_time_is_not_sent_after_a_week(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await wrote(house, 7 * DAY_S - 60)
    await house.gateway.pause(caller(), "fb")
    answer = await house.submit(to=to_them(), author=HUMAN)
    await trio.sleep(120)

    await house.gateway.resume(caller(), "fb")
    found = await house.reached(answer.message_id, "failed")

    assert graph.sent == []
    assert "window" in str(found.parts[0].failure)


async def test_a_comment_is_answered_once_whatever_the_window(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    comment = To("fb", "comment:88_901")
    answer = await house.submit("Sent you the price list!", to=comment)
    await house.reached(answer.message_id, "sent")

    with pytest.raises(RequestError) as refused:
        await house.submit("And more", to=comment)
    await said(house, message("m_IN1", "thanks"))
    more = await house.submit("And more", to=comment)
    await house.reached(more.message_id, "sent")

    assert refused.value.code is Code.OUTSIDE_WINDOW
    assert [body["recipient"] for body in graph.sent] == [{"comment_id": "88_901"}, {"id": PSID}]


async def test_a_tap_answers_the_question_that_was_asked(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    answer = await house.submit(SIZES, to=to_them())
    await house.reached(answer.message_id, "sent")
    button = graph.sent[0]["message"]["attachment"]["payload"]["buttons"][1]

    tapped = {"mid": "m_PB1", "title": button["title"], "payload": button["payload"]}
    await said(house, {"postback": tapped})

    received = await house.events("message.received")
    heard = await house.message(received[-1].message_id or "")
    assert heard.content == ChoiceResponse("SIZE:M", Via.NATIVE, "Medium")


async def test_a_reaction_goes_out_without_an_id_of_its_own(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    received = await house.events("message.received")

    answer = await house.submit(Reaction("👋", received[0].message_id), to=to_them())
    await house.reached(answer.message_id, "sent")

    assert graph.sent[0]["payload"] == {"message_id": "m_IN1", "reaction": "👋"}


async def test_a_customer_sees_that_they_were_read_and_that_somebody_types_or_no_longer(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    received = await house.events("message.received")

    for sign in (Sign.READ, Sign.TYPING, Sign.STOPPED):
        await house.gateway.show_sign(caller(), received[0].message_id or "", sign)

    actions = [body["sender_action"] for body in graph.sent]
    assert actions == ["mark_seen", "typing_on", "typing_off"]
    assert {body["recipient"]["id"] for body in graph.sent} == {PSID}


async def test_a_persona_speaks_where_there_are_personas(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    await said(house, message("m_IN2"), channel="ig")
    rita = Author(AuthorType.BOT, "9900")

    here = await house.submit(to=to_them(), author=rita)
    there = await house.submit(to=to_them("ig"), author=rita)
    await house.reached(here.message_id, "sent")
    await house.reached(there.message_id, "sent")

    assert [body.get("persona_id") for body in graph.sent] == ["9900", None]
    dropped: Any = there.body["rendering"]
    assert [note["path"] for note in dropped] == ["/author/persona"]


async def test_the_platforms_word_closes_the_window_for_the_bot(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    graph.refusals.append({"code": 10, "error_subcode": 2018278, "message": "closed"})

    answer = await house.submit(to=to_them())
    await house.reached(answer.message_id, "failed")
    again = await refusal(house)
    by_hand = await house.submit(to=to_them(), author=HUMAN)
    await house.reached(by_hand.message_id, "sent")

    assert again.code is Code.OUTSIDE_WINDOW
    assert graph.sent[0]["tag"] == "HUMAN_AGENT"


@pytest.mark.slow
async def test_films_go_out_more_slowly_than_words(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    film = Media(MediaKind.VIDEO, url="https://cdn.example/f.mp4")
    began = trio.current_time()

    answers = [await house.submit(film, to=to_them()) for _ in range(6)]
    for answer in answers:
        await house.reached(answer.message_id, "sent")

    assert trio.current_time() - began >= 4 / 8
    assert len(graph.sent) == 6


@pytest.mark.slow
async def test_held_words_wait_for_the_customer(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await wrote(house, 2 * DAY_S)
    held = Delivery(on_closed_window=ClosedWindow("hold"))

    answer = await house.submit(to=to_them(), delivery=held)
    await trio.sleep(60)
    assert graph.sent == []
    await said(house, message("m_IN2"))

    await house.reached(answer.message_id, "sent", within_s=5)


async def test_the_profile_is_read_at_once_and_not_too_often(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    for _ in range(5):
        found = await house.gateway.profiles.read(caller(), "fb")
    with pytest.raises(RequestError) as refused:
        await house.gateway.profiles.read(caller(), "fb")
    await house.gateway.profiles.read(caller(), "ig")

    assert found.greeting is not None
    assert found.greeting[0].text == "Hi"
    assert refused.value.code is Code.RATE_LIMITED
    assert refused.value.retry_after_s == pytest.approx(120)
    assert len(graph.calls) == 6


async def test_a_refusal_tells_that_another_app_has_the_conversation(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    await trio.sleep(5)
    graph.refusals.append({"code": 2018300, "message": "Another app is controlling this thread"})
    answer = await house.submit(to=to_them())
    failed = await house.reached(answer.message_id, "failed")

    meanwhile = await refusal(house)
    [event] = await house.events("conversation.control")
    await said(house, message("m_IN2", "to us again"))
    later = await house.submit(to=to_them())
    await house.reached(later.message_id, "sent")

    failure = failed.parts[0].failure
    assert failure is not None
    assert failure.reason is Reason.CONTROLLED_ELSEWHERE
    assert meanwhile.code is Code.CONTROLLED_ELSEWHERE
    assert event.detail == {"owner": None, "via": "refusal", "ours": False}


async def test_a_refusal_is_older_than_what_the_customer_wrote_after_it(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    graph.refusals.append({"code": 2018300, "message": "Another app is controlling this thread"})

    async def meanwhile() -> None:
        await trio.sleep(1)
        await said(house, message("m_IN2", "to us"))

    graph.before_refusing = meanwhile

    answer = await house.submit(to=to_them())
    await house.reached(answer.message_id, "failed")

    assert (await leg_of(house)).controlled_by is None


async def test_a_private_reply_of_two_parts_is_refused_before_the_first(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    comment = To("fb", "comment:88_901")
    captioned = Media(MediaKind.IMAGE, url="https://cdn.example/9.jpg", caption="The price list")

    for content in ("long " * 500, captioned):
        with pytest.raises(RequestError, match="takes one message") as refused:
            await house.submit(content, to=comment)
        assert refused.value.code is Code.CONTENT_UNSUPPORTED
    assert graph.sent == []


AD = {"ref": "camp-12", "source": "ADS", "type": "OPEN_THREAD"}


async def from_an_ad(rig: Rig, ago_s: float) -> None:
    at_ms = int((rig.clock.now() - ago_s) * 1000)
    await said(rig, {**message("m_IN1", "Price?", referral=AD), "timestamp": at_ms})


@pytest.mark.slow
async def test_who_came_from_an_ad_may_be_answered_for_a_week(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await from_an_ad(house, 6 * DAY_S)

    answer = await house.submit(to=to_them())
    await house.reached(answer.message_id, "sent")
    await trio.sleep(DAY_S)

    assert (await refusal(house)).code is Code.OUTSIDE_WINDOW


async def test_the_platform_says_when_an_ad_holds_no_window_open(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await from_an_ad(house, 2 * DAY_S)
    closed = {"code": 10, "error_subcode": 2018278, "message": "closed"}
    graph.refusals.append(closed)
    by_hand = await house.submit(to=to_them(), author=HUMAN)
    await house.reached(by_hand.message_id, "sent")
    graph.refusals.append(closed)
    held = Delivery(on_closed_window=ClosedWindow("hold"))

    answer = await house.submit(to=to_them(), delivery=held)
    await house.reached(answer.message_id, "held")

    assert [body.get("tag") for body in graph.sent] == ["HUMAN_AGENT"]
    assert (await refusal(house)).code is Code.OUTSIDE_WINDOW


async def test_a_tag_that_must_not_be_sent_is_refused_before_it_is_queued(
    house: Rig, graph: SendApi, autojump_clock: MockClock
) -> None:
    await said(house, message("m_IN1"))
    tagged = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    removed = {**tagged, "tag": "ACCOUNT_UPDATE"}

    problem = await refusal(house, override={"messenger": removed}, author=HUMAN)
    lie = await refusal(house, override={"messenger": tagged})
    answer = await house.submit(to=to_them(), override={"messenger": tagged}, author=HUMAN)
    await house.reached(answer.message_id, "sent")

    assert problem.code is lie.code is Code.INVALID
    assert problem.mistakes[0].pointer == "/override/messenger/tag"
    assert "removed the message tag ACCOUNT_UPDATE" in problem.sentence
    assert [body["tag"] for body in graph.sent] == ["HUMAN_AGENT"]
