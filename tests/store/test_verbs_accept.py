"""What arrives takes effect once, on the right person, in the right order."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from omni_actors.model.content import Media, MediaKind, Reaction, Text, UnsupportedContent
from omni_actors.model.events import EventType
from omni_actors.model.reports import (
    ControlChanged,
    Deleted,
    Echoed,
    Edited,
    IdentityChanged,
    IdentityKey,
    MediaRef,
    PreferenceChanged,
    Reacted,
    Unsupported,
)
from omni_actors.model.states import MediaState
from omni_actors.store.queries import (
    ContactById,
    ContactList,
    ConversationById,
    Conversations,
    DeadLetters,
    DueMedia,
    Figures,
    IntakeBody,
    LegById,
    MediumById,
    Messages,
    Unhandled,
    UnhandledConversations,
)
from omni_actors.store.rows import ANY_TENANT, NewEvent
from omni_actors.store.verbs import (
    Accept,
    CloseConversation,
    Handle,
    Item,
    SyncChannels,
    Tick,
    Timer,
)
from tests.store.conftest import ADA, BOB, CHANNELS, Desk, Opened, item, received

BSUID, PHONE = ADA


def types(desk: Desk) -> list[EventType]:
    return [event.type for event in desk.events()]


async def test_a_first_message_makes_everything_that_it_needs(desk: Desk) -> None:
    accepted = await desk.receive(window_until=2_000.0, name="Ada", username="ada")

    [conversation] = desk.ask(Conversations("default", "")).rows
    [leg] = conversation.legs
    contact = desk.ask(ContactById("default", conversation.contact_id))
    [entry] = desk.ask(Unhandled(conversation.id)).entries
    assert accepted.new == 1
    assert accepted.conversations == (conversation.id,)
    assert leg.keys == ADA
    assert (leg.channel_id, leg.window_until, leg.last_external_id) == ("wa", 2_000.0, "wamid.IN1")
    assert (contact.name, contact.conversation_id) == ("Ada", conversation.id)
    assert (entry.seq, entry.kind, entry.content) == (1, "message", Text("Hello"))
    assert (entry.window_before, entry.window_until) == (None, 2_000.0)
    assert types(desk) == [EventType.CONVERSATION_STARTED, EventType.MESSAGE_RECEIVED]


async def test_a_repeated_event_has_no_effect(desk: Desk) -> None:
    await desk.receive()

    again = await desk.receive()

    assert (again.new, again.known, again.conversations) == (0, 1, ())
    assert types(desk).count(EventType.MESSAGE_RECEIVED) == 1


async def test_a_repetition_in_one_batch_is_found_too(desk: Desk) -> None:
    report = item(received("wamid.IN1"))
    answers = []

    async def accept() -> None:
        answers.append(await desk.accept(report, report))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        nursery.start_soon(accept)

    assert sorted((answer.new, answer.known) for answer in answers) == [(0, 2), (1, 1)]
    assert types(desk).count(EventType.MESSAGE_RECEIVED) == 1


async def test_an_event_is_known_after_a_restart(open_engine: Opened, tmp_path: Path) -> None:
    async with open_engine(tmp_path) as store:
        await store.do(SyncChannels(CHANNELS, 1.0))
        await Desk(store).receive()

    async with open_engine(tmp_path) as store:
        desk = Desk(store)
        again = await desk.do(Accept(desk.intake(), (item(received("wamid.IN1")),)))

    assert again.known == 1


async def test_messages_of_one_batch_get_places_one_after_the_other(desk: Desk) -> None:
    async def write(n: int) -> None:
        await desk.receive(f"wamid.{n}", Text(str(n)), at=1_000.0 + n)

    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(write, n)

    [conversation] = desk.ask(Conversations("default", "")).rows
    backlog = desk.ask(Unhandled(conversation.id))
    assert [entry.seq for entry in backlog.entries] == list(range(1, 21))
    assert len(conversation.legs) == 1
    assert types(desk).count(EventType.CONVERSATION_STARTED) == 1


async def test_keys_seen_together_join_the_known_identity_in_order_of_strength(
    desk: Desk,
) -> None:
    await desk.receive("wamid.1", who=(PHONE,))

    await desk.receive("wamid.2", who=(BSUID, PHONE))
    await desk.receive("wamid.3", who=(BSUID,))

    [contact] = desk.ask(ContactList("default")).rows
    assert contact.identities[0].keys == (BSUID, PHONE)
    assert types(desk).count(EventType.IDENTITY_ADDED) == 1


async def test_the_strongest_key_decides_and_the_conflict_is_told_once(desk: Desk) -> None:
    await desk.receive("wamid.1", who=(BSUID,))
    await desk.receive("wamid.2", who=(PHONE,))

    await desk.receive("wamid.3", who=(BSUID, PHONE))
    await desk.receive("wamid.4", who=(BSUID, PHONE))

    of_bsuid, of_phone = desk.ask(ContactList("default")).rows
    changes = [e for e in desk.events() if e.type is EventType.IDENTITY_CHANGED]
    last = desk.known("wamid.4")
    conflict: Any = changes[0].detail["conflict"]
    assert len(changes) == 1
    assert conflict["contact_id"] == of_phone.id
    assert last.conversation_id == of_bsuid.conversation_id
    assert of_bsuid.identities[0].keys == (BSUID,)


async def test_a_new_number_leaves_the_old_one_to_strangers(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA)
    new = IdentityKey("phone", "44999")

    await desk.accept(item(IdentityChanged("770", "sys:1", 1_001.0, (PHONE,), (new,))))
    await desk.receive("wamid.2", who=(PHONE,))

    ada, stranger = desk.ask(ContactList("default")).rows
    [entry] = [e for e in desk.ask(Unhandled(ada.conversation_id)).entries if e.kind == "identity"]
    assert ada.identities[0].keys == (BSUID, new)
    assert stranger.identities[0].keys == (PHONE,)
    assert entry.detail["now"] == [{"kind": "phone", "value": "44999", "scope": ""}]


async def test_two_channels_of_one_identity_share_the_conversation(desk: Desk) -> None:
    first = await desk.receive("wamid.1")

    second = await desk.receive("wamid.2", channel_key="771")

    assert first.conversations == second.conversations
    [conversation] = desk.ask(Conversations("default", "")).rows
    assert {leg.channel_id for leg in conversation.legs} == {"wa", "wa-2"}


async def test_a_window_never_shrinks_and_the_entry_tells_what_it_was(desk: Desk) -> None:
    await desk.receive("wamid.1", window_until=5_000.0)

    accepted = await desk.receive("wamid.2", window_until=4_000.0)

    entries = desk.ask(Unhandled(accepted.conversations[0])).entries
    assert (entries[1].window_before, entries[1].window_until) == (5_000.0, 5_000.0)


async def test_a_medium_is_due_at_once(desk: Desk) -> None:
    report = received(
        "wamid.1",
        Media(MediaKind.IMAGE, "med_1"),
        media=(MediaRef({"id": "9"}, mime="image/png", size=7),),
    )

    accepted = await desk.accept(item(report, media_ids=("med_1",)))

    [medium] = desk.ask(DueMedia(1_000.0))
    content: Any = desk.find(medium.message_id).content
    assert accepted.media
    assert (medium.id, medium.state, medium.ref.ref) == ("med_1", MediaState.PENDING, {"id": "9"})
    assert content.media_id == "med_1"


async def test_a_report_of_an_unknown_channel_is_kept_unclaimed(desk: Desk) -> None:
    accepted = await desk.receive(channel_key="nobody")

    assert (accepted.new, accepted.unclaimed) == (0, 1)
    assert desk.ask(Figures())["unclaimed"] == 1
    assert desk.events() == ()


async def test_a_removed_channel_still_receives(desk: Desk) -> None:
    await desk.do(SyncChannels(CHANNELS[1:], 2.0))

    accepted = await desk.receive()

    assert accepted.new == 1


async def test_the_raw_bytes_are_kept(desk: Desk) -> None:
    intake = desk.intake()

    await desk.do(Accept(intake))

    assert desk.ask(IntakeBody(intake.id)) == intake


async def test_what_cannot_be_read_is_a_dead_letter_of_the_operator(desk: Desk) -> None:
    intake = desk.intake(problem="not JSON")

    await desk.do(Accept(intake))

    [letter] = desk.ask(DeadLetters(ANY_TENANT)).rows
    assert (letter.kind, letter.ref, letter.reason) == ("intake", intake.id, "unparsed")
    assert desk.ask(DeadLetters("default")).rows == ()


async def test_a_quoted_message_is_found(desk: Desk) -> None:
    await desk.receive("wamid.1")

    await desk.receive("wamid.2", reply_to="wamid.1")

    first = desk.known("wamid.1")
    second = desk.known("wamid.2")
    assert (second.reply_to, second.reply_to_external) == (first.id, "wamid.1")


async def test_an_edit_replaces_the_content(desk: Desk) -> None:
    accepted = await desk.receive("wamid.1", Text("helo"))

    await desk.accept(item(Edited("770", "edit:1", 1_001.0, ADA, "wamid.1", Text("hello"))))

    message = desk.known("wamid.1")
    entries = desk.ask(Unhandled(accepted.conversations[0])).entries
    assert (message.content, message.edited_at) == (Text("hello"), 1_001.0)
    assert [entry.kind for entry in entries] == ["message", "edited"]
    assert desk.events()[-1].type is EventType.MESSAGE_EDITED


async def test_an_earlier_edit_that_comes_later_does_not_win(desk: Desk) -> None:
    await desk.receive("wamid.1", Text("a"))

    await desk.accept(item(Edited("770", "edit:2", 1_002.0, ADA, "wamid.1", Text("c"))))
    await desk.accept(item(Edited("770", "edit:1", 1_001.0, ADA, "wamid.1", Text("b"))))

    message = desk.known("wamid.1")
    assert (message.content, message.edited_at) == (Text("c"), 1_002.0)


async def test_the_newest_message_stays_the_one_to_be_marked_as_read(desk: Desk) -> None:
    await desk.receive("wamid.2", at=2_000.0)

    await desk.receive("wamid.1", at=1_500.0)

    [conversation] = desk.ask(Conversations("default")).rows
    [leg] = conversation.legs
    assert (leg.last_external_id, leg.last_inbound_at) == ("wamid.2", 2_000.0)


@pytest.mark.slow
async def test_an_intake_may_tell_of_more_than_a_statement_can_take(desk: Desk) -> None:
    many = 2_100

    accepted = await desk.accept(
        *[item(received(f"wamid.{n}", who=(IdentityKey("phone", f"44{n}"),))) for n in range(many)]
    )

    assert accepted.new == many
    assert len(set(accepted.conversations)) == many


async def test_a_message_taken_back_keeps_its_row_and_loses_its_content(desk: Desk) -> None:
    await desk.accept(
        item(
            received("wamid.1", Media(MediaKind.IMAGE, "med_1"), media=(MediaRef({"id": "9"}),)),
            media_ids=("med_1",),
        )
    )

    await desk.accept(item(Deleted("770", "del:1", 1_001.0, ADA, "wamid.1")))
    await desk.accept(item(Edited("770", "edit:1", 1_002.0, ADA, "wamid.1", Text("late"))))

    message = desk.known("wamid.1")
    assert message.deleted
    assert isinstance(message.content, UnsupportedContent)
    assert message.content.kind == "deleted"
    assert desk.ask(MediumById("default", "med_1")).ref is None


async def test_a_reaction_finds_a_message_of_either_direction(desk: Desk) -> None:
    leg_id = await desk.leg()
    message = await desk.sent(leg_id, "wamid.OUT1")

    accepted = await desk.accept(item(Reacted("770", "r:1", 1_003.0, ADA, "wamid.OUT1", "👍")))

    entry = desk.ask(Unhandled(accepted.conversations[0])).entries[-1]
    assert entry.content == Reaction("👍", message.id)
    assert desk.events()[-1].message_id == message.id


async def test_a_change_of_a_message_that_we_never_had_is_told_all_the_same(desk: Desk) -> None:
    await desk.accept(item(Deleted("770", "del:1", 1_001.0, ADA, "wamid.GONE")))

    event = desk.events()[-1]
    assert (event.type, event.message_id) == (EventType.MESSAGE_DELETED, None)
    assert event.detail["target"] == "wamid.GONE"


CHANGES = {
    "edited": (Edited("770", "edit:1", 1_001.0, ADA, "wamid.1", Text("hello")),),
    "edited twice": (
        Edited("770", "edit:2", 1_002.0, ADA, "wamid.1", Text("hello")),
        Edited("770", "edit:1", 1_001.0, ADA, "wamid.1", Text("hell")),
    ),
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("together", [True, False])
async def test_an_edit_that_comes_before_its_message_waits_for_it(
    desk: Desk, changes: tuple[Edited, ...], together: bool
) -> None:
    items = [item(change) for change in changes]
    items.append(item(received("wamid.1", Text("helo"))))
    for some in [items] if together else [[one] for one in items]:
        await desk.accept(*some)

    message = desk.known("wamid.1")
    assert (message.content, message.edited_at) == (Text("hello"), changes[0].at)
    told = [event.type for event in desk.events() if event.message_id == message.id]
    assert told == [EventType.MESSAGE_RECEIVED] + [EventType.MESSAGE_EDITED] * len(changes)


async def test_what_was_taken_back_before_it_came_is_not_kept(desk: Desk) -> None:
    picture = received("wamid.1", Media(MediaKind.IMAGE, "med_1"), media=(MediaRef({"id": "9"}),))
    await desk.accept(item(Deleted("770", "del:1", 1_001.0, ADA, "wamid.1")))
    await desk.accept(item(Edited("770", "edit:1", 1_002.0, ADA, "wamid.1", Text("late"))))

    await desk.accept(item(picture, media_ids=("med_1",)))

    message = desk.known("wamid.1")
    assert message.deleted
    assert isinstance(message.content, UnsupportedContent)
    assert desk.ask(MediumById("default", "med_1")).ref is None
    assert desk.ask(DueMedia(2_000.0)) == ()


async def test_a_change_waits_a_day_for_its_message_and_for_no_other(desk: Desk) -> None:
    await desk.accept(item(Deleted("770", "del:1", 1_001.0, ADA, "wamid.1")))
    await desk.receive("wamid.2")
    await desk.receive("wamid.1", channel_key="771")

    waiting = await desk.do(Tick(1_000.0))
    await desk.do(Tick(1_000.0 + 86_400.0))
    await desk.receive("wamid.1", Text("still here"))

    assert waiting.next_at == 1_000.0 + 86_400.0
    assert not desk.known("wamid.2").deleted
    texts = [event.message for event in desk.events() if event.type is EventType.MESSAGE_RECEIVED]
    assert [message.deleted for message in texts if message] == [False, False, False]


async def test_an_echo_of_somebody_elses_message_becomes_a_message(desk: Desk) -> None:
    accepted = await desk.accept(
        item(Echoed("770", "echo:1", 1_000.0, ADA, "wamid.E1", Text("from the app")))
    )

    message = desk.known("wamid.E1")
    [entry] = desk.ask(Unhandled(accepted.conversations[0])).entries
    assert (message.direction, message.source, message.status) == ("outbound", "echo", "sent")
    assert entry.kind == "echoed"
    assert desk.events()[-1].type is EventType.MESSAGE_ECHOED


async def test_preferences_and_control_are_kept_and_told(desk: Desk) -> None:
    await desk.receive()

    await desk.accept(
        item(PreferenceChanged("770", "p:1", 1_001.0, ADA, "marketing_messages", "stop")),
        item(ControlChanged("770", "c:1", 1_002.0, ADA, "inbox", {"was": "us"})),
        item(Unsupported("770", "u:1", 1_003.0, (), "poll", "unknown kind", {"text": "secret"})),
    )

    [contact] = desk.ask(ContactList("default")).rows
    told = desk.events()[-3:]
    assert contact.identities[0].preferences == {"marketing_messages": "stop"}
    assert [event.type for event in told] == [
        EventType.IDENTITY_PREFERENCE,
        EventType.CONVERSATION_CONTROL,
        EventType.UNSUPPORTED,
    ]
    assert "secret" not in str(told[-1].detail)


async def test_what_is_handled_is_no_longer_waiting(desk: Desk) -> None:
    accepted = await desk.receive("wamid.1")
    await desk.receive("wamid.2")
    [conversation_id] = accepted.conversations

    await desk.do(Handle(conversation_id, 1))

    assert [e.seq for e in desk.ask(Unhandled(conversation_id)).entries] == [2]
    assert desk.ask(UnhandledConversations()) == (conversation_id,)
    await desk.do(Handle(conversation_id, 2))
    assert desk.ask(UnhandledConversations()) == ()


async def test_what_begins_a_conversation_is_told_once_with_all_that_came_at_once(
    desk: Desk,
) -> None:
    intakes = [
        Accept(desk.intake(1_000.0), (Item("whatsapp", received(f"wamid.{n}")),)) for n in range(3)
    ]
    first, *others = [await t.wait() for t in [desk.store.post(verb) for verb in intakes]]
    known = await desk.receive("wamid.known")

    [conversation_id] = first.conversations
    [backlog] = first.begun.values()
    assert [entry.seq for entry in backlog.entries] == [1, 2, 3]
    assert [other.begun for other in (*others, known)] == [{}, {}, {}]
    read = desk.ask(Unhandled(conversation_id, 3))
    assert [evolve(entry, content=None) for entry in read.entries] == list(backlog.entries)


async def test_what_is_handled_is_not_handled_again(desk: Desk) -> None:
    accepted = await desk.receive("wamid.1")
    [conversation_id] = accepted.conversations
    news = NewEvent(EventType.WINDOW_OPENED, 1_000.0, conversation_id=conversation_id)
    again = Handle(conversation_id, 1, events=(news,), timers=(Timer("window", "leg", 9.0),))

    for _ in range(2):
        await desk.do(again)
        await desk.do(Handle(conversation_id, 0, done=(Timer("window", "leg", 9.0),)))

    assert [event.type for event in desk.events()].count(EventType.WINDOW_OPENED) == 1
    assert desk.ask(Unhandled(conversation_id)).entries == ()


async def test_waiting_conversations_come_in_pages(desk: Desk) -> None:
    for n in range(5):
        await desk.receive(f"wamid.{n}", who=(IdentityKey("phone", str(n)),))

    first = desk.ask(UnhandledConversations(limit=3))
    rest = desk.ask(UnhandledConversations(after=first[-1], limit=3))

    assert (len(first), len(rest)) == (3, 2)
    assert sorted({*first, *rest}) == [*first, *rest]


async def test_a_closed_conversation_opens_when_somebody_writes(desk: Desk) -> None:
    accepted = await desk.receive("wamid.1")
    [conversation_id] = accepted.conversations
    closed = await desk.do(CloseConversation("default", conversation_id, 1_001.0))

    await desk.receive("wamid.2")

    assert closed.closed_at == 1_001.0
    assert desk.ask(ConversationById("default", conversation_id)).closed_at is None


async def test_one_bad_intake_costs_only_itself(desk: Desk) -> None:
    failures = []

    async def write(report_item: Item) -> None:
        try:
            await desk.accept(report_item)
        except UnicodeEncodeError as failure:
            failures.append(failure)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, item(received("wamid.1")))
        nursery.start_soon(write, item(received("wamid.2", Text("\ud800"), who=BOB)))

    [conversation] = desk.ask(Conversations("default", "")).rows
    page = desk.ask(Messages("default", conversation.id))
    assert len(failures) == 1
    assert [message.external_id for message in page.rows] == ["wamid.1"]
    assert desk.ask(LegById("default", conversation.legs[0].id)).keys == ADA
