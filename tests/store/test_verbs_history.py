"""How far old conversations were read; old messages that turn out to be news."""

from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.content import ChoiceResponse, Content, Text, UnsupportedContent, Via
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.history import Cause, SyncState
from omni_actors.model.reports import Deleted, IdentityKey, MediaRef, Received
from omni_actors.store.contract import Refused
from omni_actors.store.history import (
    AskHistory,
    Histories,
    HistoryOf,
    HistorySync,
    KnownPerson,
    NoteHistory,
    PeopleOf,
)
from omni_actors.store.queries import Channels, IntakeBody, MediumById, MessageById
from omni_actors.store.verbs import Accept, Item
from tests.store.conftest import ADA, Desk

ELSEWHERE: dict[str, Any] = {"platform": "instagram", "channel_key": "990"}


def ask(cause: Cause = Cause.ASKED, since: float | None = None, at: float = 10.0) -> AskHistory:
    return AskHistory("wa", cause, since, at, at)


async def running(desk: Desk, since: float | None = None) -> HistorySync:
    """A reading that has read a page."""
    asked = await desk.do(ask(since=since))
    begun = evolve(asked, state=SyncState.RUNNING, began_at=11.0, cursor="c2", messages=7)
    noted: HistorySync = await desk.do(NoteHistory(begun))
    return noted


async def test_a_reading_begins_anew_and_is_kept_with_its_progress(desk: Desk) -> None:
    assert desk.ask(HistoryOf("wa")) is None
    asked = await desk.do(ask(since=3.0))
    assert (asked.state, asked.cursor, asked.since, asked.due_at) == ("waiting", "", 3.0, 10.0)

    failure = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, code="613")
    later = evolve(asked, state=SyncState.WAITING, began_at=11.0, cursor="c2", failure=failure)
    await desk.do(NoteHistory(later))

    assert desk.ask(HistoryOf("wa")) == later
    assert desk.ask(Histories("*")) == desk.ask(Histories("default")) == (later,)


async def test_before_it_has_begun_it_goes_as_far_back_as_anybody_wants(desk: Desk) -> None:
    await desk.do(ask(Cause.OUTAGE, since=5.0))
    assert (await desk.do(ask(Cause.OUTAGE, since=3.0))).since == 3.0
    widest = await desk.do(ask(Cause.ASKED, since=None))
    assert (widest.since, widest.next_cause) == (None, None)


async def test_what_is_missing_meanwhile_is_read_after_it(desk: Desk) -> None:
    first = await running(desk)
    noted = await desk.do(ask(Cause.OUTAGE, since=9.0, at=20.0))
    assert (noted.cursor, noted.next_cause, noted.next_since) == ("c2", "outage", 9.0)
    await desk.do(ask(Cause.SUBSCRIPTION, since=7.0, at=21.0))

    on = await desk.do(NoteHistory(evolve(first, cursor="c3")))
    assert on.next_since == 7.0
    after = await desk.do(NoteHistory(evolve(first, state=SyncState.DONE, ended_at=30.0)))

    assert (after.state, after.cause, after.since) == ("waiting", "outage", 7.0)
    assert (after.cursor, after.messages, after.due_at) == ("", 0, 30.0)


async def test_who_only_wants_all_is_content_with_a_reading_that_goes_all_the_way(
    desk: Desk,
) -> None:
    await running(desk)
    assert (await desk.do(ask(at=20.0))).next_cause is None


async def test_one_that_failed_is_made_good_by_the_next(desk: Desk) -> None:
    first = await running(desk, since=2.0)
    await desk.do(NoteHistory(evolve(first, state=SyncState.FAILED, ended_at=12.0)))
    again = await desk.do(ask(Cause.CONNECTED, since=8.0, at=20.0))
    assert (again.state, again.since, again.cursor) == ("waiting", 2.0, "")


async def test_a_channel_that_is_not_there_has_no_history(desk: Desk) -> None:
    with pytest.raises(Refused):
        await desk.do(AskHistory("nobody", Cause.ASKED, None, 1.0, 1.0))


def old(key: str, content: Content | None = None, media: tuple[MediaRef, ...] = ()) -> Received:
    said = content or Text("hi")
    return Received("770", f"history:{key}", 50.0, ADA, key, said, media, synced=True)


def news(key: str, content: Content | None = None, media: tuple[MediaRef, ...] = ()) -> Received:
    said = content or Text("hi")
    return Received("770", key, 50.0, ADA, key, said, media)


async def test_an_old_message_that_is_told_as_news_is_news_then_and_stays_one(desk: Desk) -> None:
    accepted = await desk.accept(Item("whatsapp", old("m_1", Text("Medium"))))
    assert accepted.synced == 1
    assert accepted.conversations == ()
    [before] = [event for event in desk.events() if event.type == "message.synced"]

    tapped = ChoiceResponse("m", Via.NATIVE, "Medium")
    accepted = await desk.accept(Item("whatsapp", news("m_1", tapped), window_until=150.0))

    assert accepted.conversations != ()
    [event] = [event for event in desk.events() if event.type == "message.received"]
    assert event.message_id == before.message_id
    message = desk.ask(MessageById("default", event.message_id or ""))
    assert message is not None
    assert (message.source, message.content) == ("platform", tapped)


async def test_both_in_one_batch_are_one_message_too(desk: Desk) -> None:
    await desk.accept(Item("whatsapp", old("m_1")), Item("whatsapp", news("m_1")))
    types = [event.type for event in desk.events() if event.type.startswith("message.")]
    assert types == ["message.synced", "message.received"]
    assert len({event.message_id for event in desk.events() if event.message_id}) == 1


async def test_its_media_are_fetched_once(desk: Desk) -> None:
    ref = MediaRef({"url": "https://x"})
    hidden = UnsupportedContent("media", "not here")
    item = Item("whatsapp", old("m_1", Text("look"), (ref,)), media_ids=("med_1",))
    await desk.accept(item)
    accepted = await desk.accept(
        Item("whatsapp", news("m_1", hidden, (ref,)), media_ids=("med_2",))
    )

    assert accepted.media is False
    [event] = [event for event in desk.events() if event.type == "message.received"]
    message = desk.ask(MessageById("default", event.message_id or ""))
    assert message is not None
    assert message.content == Text("look")


async def test_a_message_that_was_taken_back_before_it_is_read_is_empty(desk: Desk) -> None:
    await desk.accept(Item("whatsapp", Deleted("770", "del:m_1", 60.0, ADA, "m_1")))
    await desk.accept(Item("whatsapp", old("m_1", Text("a secret"))))
    await desk.accept(Item("whatsapp", news("m_1", Text("a secret"))))

    ids = {event.message_id for event in desk.events() if event.message_id}
    [message] = [desk.ask(MessageById("default", id)) for id in ids]
    assert message is not None
    assert isinstance(message.content, UnsupportedContent)


async def test_a_message_taken_back_while_it_is_read_gets_no_media(desk: Desk) -> None:
    ref = MediaRef({"url": "https://x"})
    await desk.accept(Item("whatsapp", news("m_1", Text("a secret"))))
    await desk.accept(Item("whatsapp", Deleted("770", "del:m_1", 60.0, ADA, "m_1")))

    read = Item("whatsapp", old("m_1", Text("a secret"), (ref,)), media_ids=("med_1",))
    accepted = await desk.accept(read)

    assert accepted.media is False
    assert desk.ask(MediumById("default", "med_1")) is None
    assert "message.synced" not in [event.type for event in desk.events()]


async def test_what_is_told_as_news_after_it_was_taken_back_leaves_no_words(desk: Desk) -> None:
    await desk.accept(Item("whatsapp", old("m_1", Text("a secret"))))
    await desk.accept(Item("whatsapp", Deleted("770", "del:m_1", 60.0, ADA, "m_1")))
    intake = desk.intake()

    await desk.do(Accept(intake, (Item("whatsapp", news("m_1", Text("a secret"))),)))

    assert desk.ask(IntakeBody(intake.id)).body is None


async def test_people_are_told_in_pages_those_met_last_first(desk: Desk) -> None:
    people = [(IdentityKey("phone", f"49151{n}"),) for n in range(5)]
    for n, who in enumerate(people):
        await desk.receive(f"wamid.{n}", who=who, at=1_000.0 + n)
    await desk.receive("elsewhere", who=(IdentityKey("igsid", "555", "990"),), **ELSEWHERE)

    found: list[KnownPerson] = []
    after = ("~", "~")
    while page := desk.ask(PeopleOf("wa", after, 2)):
        found += page
        after = (page[-1].conversation_id, page[-1].leg_id)

    assert [person.keys for person in found] == people[::-1]


async def test_reading_is_no_word_of_the_platform(desk: Desk) -> None:
    await desk.accept(Item("whatsapp", old("m_1")))
    [channel, *_] = [each for each in desk.ask(Channels("default")) if each.id == "wa"]
    assert channel.last_event_at is None


async def test_what_a_webhook_brought_is_no_old_message(desk: Desk) -> None:
    await desk.accept(Item("whatsapp", news("m_1")))
    accepted = await desk.accept(Item("whatsapp", old("m_1")))
    assert accepted.synced == 0
    assert "message.synced" not in [event.type for event in desk.events()]
