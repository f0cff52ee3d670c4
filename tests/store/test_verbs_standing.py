"""How channels stand with their platforms, and whom news concern."""

from attrs import evolve

from omni_actors.model.content import Media, MediaKind, Text, UnsupportedContent
from omni_actors.model.events import EventType
from omni_actors.model.reports import (
    ChannelName,
    ChannelReported,
    Echoed,
    Edited,
    IdentityChanged,
    IdentityKey,
    MediaRef,
    PreferenceChanged,
    Received,
    Severity,
)
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState, PartStatus
from omni_actors.store.queries import Channels, ContactList, Messages, Standings, Unclaimed
from omni_actors.store.rows import ANY_TENANT
from omni_actors.store.verbs import Accept, Accepted, Item, SetChannelState, SyncChannels, Tick
from tests.store.conftest import ADA, BOB, CHANNELS, Desk

SHARED = ChannelName("770", "account", "900"), ChannelName("771", "account", "900")


async def told(
    desk: Desk, at: float, *, blocks: bool, topic: str = "ban", until: float | None = None,
    key: str = "770",
) -> Accepted:  # fmt: skip
    """News that a channel may not send, or may again."""
    report = ChannelReported(key, f"{topic}:{at}", at, (), topic, Severity.CRITICAL, {})
    news = Standing(topic, not blocks, f"{topic} at {at:.0f}.", at, blocks, until)
    return await desk.accept(Item("whatsapp", report, standings=(news,) if news else ()), at=at)


def state(desk: Desk, channel_id: str = "wa") -> tuple[str, str | None]:
    found = next(c for c in desk.ask(Channels()) if c.id == channel_id)
    return found.state.value, found.reason


async def test_a_channel_is_restricted_while_anything_blocks_it(desk: Desk) -> None:
    first = await told(desk, 10.0, blocks=True)
    await told(desk, 11.0, blocks=True, topic="deletion")
    await told(desk, 12.0, blocks=False)
    still = state(desk)
    last = await told(desk, 13.0, blocks=False, topic="deletion")

    assert [c.state for c in first.channels] == [ChannelState.RESTRICTED]
    assert still == ("restricted", "deletion at 11.")
    assert [c.state for c in last.channels] == [ChannelState.ACTIVE]
    assert state(desk) == ("active", None)


async def test_older_word_changes_nothing(desk: Desk) -> None:
    await told(desk, 20.0, blocks=False)

    late = await told(desk, 10.0, blocks=True)

    assert late.channels == ()
    assert [found.standing.at for found in desk.ask(Standings("default", 21.0))] == [20.0]


async def test_what_has_an_end_ends(desk: Desk) -> None:
    await told(desk, 10.0, blocks=True, until=50.0)

    early, late = await desk.do(Tick(40.0)), await desk.do(Tick(50.0))

    assert (early.channels, early.next_at) == ((), 50.0)
    assert [c.state for c in late.channels] == [ChannelState.ACTIVE]
    assert desk.ask(Standings("default", 50.0)) == ()


async def test_a_pause_stands_above_the_platforms_word(desk: Desk) -> None:
    await desk.do(SetChannelState(ANY_TENANT, "wa", ChannelState.PAUSED, "by me", 5.0))

    await told(desk, 10.0, blocks=True)
    paused = state(desk)
    await desk.do(SetChannelState(ANY_TENANT, "wa", ChannelState.ACTIVE, None, 20.0))

    assert paused == ("paused", "by me")
    assert state(desk) == ("restricted", "ban at 10.")


async def test_news_of_an_account_concern_each_of_its_channels(desk: Desk) -> None:
    await desk.do(Accept(desk.intake(), (), platform="whatsapp", names=SHARED))

    accepted = await told(desk, 10.0, blocks=True, key="900")

    assert [channel.id for channel in accepted.channels] == ["wa", "wa-2"]
    assert accepted.new == 1
    assert len(desk.ask(Standings("default", 11.0))) == 2


async def test_the_platforms_name_for_a_channel_goes_before_the_configs(desk: Desk) -> None:
    said = evolve(CHANNELS[0], names=(ChannelName("770", "account", "111"),))
    await desk.do(SyncChannels((said, *CHANNELS[1:]), 1.0))
    by_config = await told(desk, 10.0, blocks=True, key="111")
    again = [
        await desk.do(Accept(desk.intake(), (), platform="whatsapp", names=SHARED[:1]))
        for _ in range(2)
    ]
    await desk.do(SyncChannels((said, *CHANNELS[1:]), 2.0))

    assert by_config.new == 1
    assert [one.named for one in again] == [True, False]
    assert (await told(desk, 11.0, blocks=True, key="111")).unclaimed == 1
    assert (await told(desk, 12.0, blocks=False, key="900")).new == 1


async def test_what_nobody_claimed_is_found_by_the_name_of_a_channel(desk: Desk) -> None:
    early = await told(desk, 10.0, blocks=True, key="900")

    await desk.do(Accept(desk.intake(), (), platform="whatsapp", names=SHARED[:1]))

    assert early.unclaimed == 1
    assert len(desk.ask(Unclaimed("whatsapp", "770"))) == 1
    assert desk.ask(Unclaimed("whatsapp", "771")) == ()


async def test_news_of_a_person_take_effect_where_they_are_known(desk: Desk) -> None:
    await desk.do(Accept(desk.intake(), (), platform="whatsapp", names=SHARED))
    await desk.receive("wamid.1", who=ADA, channel_key="771")
    now = (IdentityKey("bsuid", "GB.9"),)
    report = IdentityChanged("900", "user_id:1", 20.0, ADA[:1], now)

    await desk.accept(Item("whatsapp", report))

    [contact] = desk.ask(ContactList("default")).rows
    assert {key.value for key in contact.identities[0].keys} == {"GB.9", ADA[1].value}
    changed = [e for e in desk.events() if e.type is EventType.IDENTITY_CHANGED]
    assert [event.channel_id for event in changed] == ["wa-2"]


async def test_the_newest_wish_of_a_person_counts(desk: Desk) -> None:
    for at, value in ((10.0, "stop"), (30.0, "resume"), (20.0, "stop")):
        wish = PreferenceChanged("770", f"p:{at}", at, ADA, "marketing_messages", value)
        await desk.accept(Item("whatsapp", wish))

    [contact] = desk.ask(ContactList("default")).rows
    assert contact.identities[0].preferences == {"marketing_messages": "resume"}


def history(id: str, at: float, text: str, key: str = "h") -> Item:
    report = Received(
        "770", f"{key}:{id}", at, ADA, id, Text(text), opens_window=False, synced=True
    )
    return Item("whatsapp", report)


async def test_a_history_stands_in_the_order_of_its_times(desk: Desk) -> None:
    await desk.receive("wamid.NEW", at=1_000.0)
    ours = Echoed(
        "770", "h:E", 50.0, ADA, "wamid.E", Text("ours"), synced=True, status=PartStatus.READ
    )

    await desk.accept(history("wamid.B", 60.0, "second"), Item("whatsapp", ours))
    accepted = await desk.accept(history("wamid.A", 40.0, "first"))

    [contact] = desk.ask(ContactList("default")).rows
    thread = desk.ask(Messages("default", contact.conversation_id or "")).rows
    assert [(m.content.text, m.source, m.status) for m in thread] == [
        ("first", "history", "received"),
        ("ours", "history", "read"),
        ("second", "history", "received"),
        ("Hello", "platform", "received"),
    ]
    assert accepted.conversations == ()


async def test_a_message_of_the_history_gets_its_medium_once(desk: Desk) -> None:
    hidden = UnsupportedContent("media_placeholder", "later")
    bare = Received("770", "h:1", 40.0, ADA, "wamid.1", hidden, synced=True)
    await desk.accept(Item("whatsapp", bare))
    picture = evolve(
        bare, event_key="m:1", content=Media(MediaKind.IMAGE, "med_1"), media=(MediaRef({}),)
    )

    first = await desk.accept(Item("whatsapp", picture, media_ids=("med_1",)))
    other = evolve(picture, event_key="m:2", content=Media(MediaKind.IMAGE, "med_2"))
    again = await desk.accept(Item("whatsapp", other, media_ids=("med_2",)))

    assert (first.media, again.media) == (True, False)


async def test_a_known_message_is_not_taken_from_the_history(desk: Desk) -> None:
    await desk.receive("wamid.1", who=BOB)

    await desk.accept(history("wamid.1", 40.0, "the same"))

    assert EventType.MESSAGE_SYNCED not in [event.type for event in desk.events()]


async def test_an_edited_caption_leaves_the_medium(desk: Desk) -> None:
    image = Media(MediaKind.IMAGE, "med_1", caption="before", mime="image/png")
    report = Received("770", "1", 40.0, ADA, "wamid.1", image, media=(MediaRef({}),))
    now = Media(MediaKind.IMAGE, caption="after")
    edited = Edited("770", "2", 41.0, ADA, "wamid.1", now)

    await desk.accept(Item("whatsapp", report, media_ids=("med_1",)), Item("whatsapp", edited))

    [contact] = desk.ask(ContactList("default")).rows
    [message] = desk.ask(Messages("default", contact.conversation_id or "")).rows
    assert message.content == evolve(image, caption="after")
