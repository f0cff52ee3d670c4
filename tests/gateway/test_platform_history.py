"""History that a platform hands over, groups, statuses: what they do to the whole house."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from trio.testing import MockClock

from omni_actors.model.content import Media
from tests.gateway.kit import (
    ADA,
    BOB,
    OPERATOR,
    START,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    to,
)
from tests.gateway.test_media_desk import PNG
from tests.gateway.test_platform_news import OWN, contact_of, news, of_number

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


@pytest.mark.slow
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
