"""Channels, keys, contexts, media, consumers; and the walls between tenants."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.content import Media, MediaKind
from omni_actors.model.events import EventType
from omni_actors.model.history import Cause
from omni_actors.model.reports import ChannelReported, IdentityKey, MediaRef, Severity
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState, MediaState, Priority
from omni_actors.model.templates import TemplateDefinition, TemplateStatus
from omni_actors.store.connecting import BeginConnection, Connection, ConnectionById
from omni_actors.store.contract import News, Query, Refused
from omni_actors.store.dialect import READERS
from omni_actors.store.history import AskHistory, Histories
from omni_actors.store.media_verbs import (
    AddMedium,
    ClaimMedium,
    MediumAgain,
    MediumFailed,
    MediumReady,
)
from omni_actors.store.queries import (
    Attempts,
    BlobsInUse,
    Channels,
    ContactById,
    ContactList,
    ContextOf,
    ConversationById,
    Conversations,
    Credentials,
    DeadLetterById,
    DeadLetters,
    DueMedia,
    Events,
    Figures,
    KeyByHash,
    Keys,
    LastCursor,
    LegAt,
    LegById,
    MediumById,
    MessageById,
    Messages,
    QueueDepths,
    Standings,
)
from omni_actors.store.rows import ApiKey, Context, Medium, Page
from omni_actors.store.templates import KeepTemplates, Templates, TemplatesNamed
from omni_actors.store.verbs import (
    Accept,
    Advance,
    Cancel,
    ChannelSpec,
    CloseConversation,
    CreateKey,
    EnsureConsumer,
    GivenUp,
    Idempotency,
    Intake,
    Item,
    PutContext,
    Redrive,
    RevokeKey,
    SetChannelState,
    SyncChannels,
    Tick,
    TouchKeys,
)
from tests.store.conftest import (
    ADA,
    BOB,
    CHANNELS,
    REJECTED,
    STUMBLED,
    Desk,
    Opened,
    item,
    received,
)

WA, *REST = CHANNELS
PHONE = ADA[1]
HELLO = TemplateDefinition("hello", "en", TemplateStatus.APPROVED)


def channel(desk: Desk, channel_id: str = "wa") -> Any:
    return next(row for row in desk.ask(Channels()) if row.id == channel_id)


async def test_credentials_do_not_lie_open_in_the_database(desk: Desk) -> None:
    path = desk.store.path

    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))

    assert b"s3cret" not in raw
    assert desk.ask(Credentials("wa")) == {"access_token": "s3cret"}


async def test_a_channel_that_left_the_config_is_removed_and_comes_back(desk: Desk) -> None:
    await desk.do(SyncChannels(tuple(REST), 2.0))
    gone = channel(desk)

    await desk.do(SyncChannels(CHANNELS, 3.0))

    assert (gone.state, gone.since) == (ChannelState.REMOVED, 2.0)
    assert channel(desk).state is ChannelState.ACTIVE
    assert [e.detail["state"] for e in desk.events()] == ["removed", "active"]


async def test_two_channels_with_one_key_are_refused(desk: Desk) -> None:
    twin = ChannelSpec("twin", "default", WA.platform, WA.channel_key, {}, {})

    with pytest.raises(Refused) as refused:
        await desk.do(SyncChannels((*CHANNELS, twin), 2.0))

    assert refused.value.code == "channel_taken"
    assert len(desk.ask(Channels())) == len(CHANNELS)


async def test_a_renamed_channel_takes_over_its_key(desk: Desk) -> None:
    renamed = ChannelSpec("wa-new", "default", WA.platform, WA.channel_key, {}, {})
    await desk.do(SyncChannels((renamed, *REST), 2.0))

    await desk.receive()

    assert desk.events()[-1].channel_id == "wa-new"


async def test_two_channels_can_swap_their_keys(desk: Desk) -> None:
    second, *others = REST
    swapped = (
        evolve(WA, channel_key=second.channel_key),
        evolve(second, channel_key=WA.channel_key),
    )

    await desk.do(SyncChannels((*swapped, *others), 2.0))
    await desk.receive(channel_key=WA.channel_key)

    assert channel(desk, "wa").state is channel(desk, "wa-2").state is ChannelState.ACTIVE
    assert desk.events()[-1].channel_id == "wa-2"
    assert EventType.CHANNEL_STATE not in [event.type for event in desk.events()]


async def test_a_channel_with_another_account_begins_with_a_clean_sheet(desk: Desk) -> None:
    """What the platform said of the number before says nothing of the one that is there now."""
    banned = Standing("ban", ok=False, sentence="Banned.", at=10.0, blocks=True)
    detail = {"users_per_day": 250, "first_at": None}
    news = ChannelReported("770", "ban:1", 10.0, (), "ban", Severity.CRITICAL, detail)
    await desk.accept(Item("whatsapp", news, standings=(banned,)), at=10.0)
    await desk.do(KeepTemplates("wa", (HELLO,), 11.0))
    assert channel(desk).state is ChannelState.RESTRICTED

    await desk.do(SyncChannels((evolve(WA, channel_key="999"), *REST), 20.0))

    assert (channel(desk).state, channel(desk).limits) == (ChannelState.ACTIVE, {})
    assert desk.ask(Standings("default", 21.0)) == ()
    assert desk.ask(TemplatesNamed("default", "wa", "hello")) == ()
    assert [e.detail["state"] for e in desk.events() if "state" in e.detail][-1] == "active"


def test_nothing_secret_is_spelled_in_a_request() -> None:
    said: list[object] = [
        SyncChannels(CHANNELS, 1.0),
        CHANNELS[0],
        CreateKey(ApiKey("key_1", "default", "ci", (), "s3cret", 1.0), "s3cret"),
        KeyByHash("s3cret"),
        Accept(Intake("itk_1", "meta", 1.0, 6, body=b"s3cret")),
    ]

    assert [one for one in said if "s3cret" in repr(one)] == []


async def test_conversations_are_listed_by_whatever_is_asked(desk: Desk) -> None:
    await desk.receive("wamid.1", who=(PHONE,))
    await desk.receive("wamid.2", who=(PHONE,), channel_key="771")
    await desk.receive("wamid.3", who=BOB)
    await desk.receive("wamid.4", who=BOB, channel_key="779")
    ada, bob = desk.ask(Conversations("default")).rows
    [foreign] = desk.ask(Conversations("other")).rows

    def listed(tenant: str, **asked: Any) -> list[str]:
        return [row.id for row in desk.ask(Conversations(tenant, **asked)).rows]

    assert listed("*") == [ada.id, bob.id, foreign.id]
    assert listed("default", channel_id="wa") == [ada.id, bob.id]
    assert listed("default", channel_id="wa", after=ada.id) == [bob.id]
    assert listed("default", channel_id="wa-2") == [ada.id]
    assert listed("default", contact_id=bob.contact_id) == [bob.id]
    assert listed("default", contact_id=bob.contact_id, channel_id="wa-2") == []
    assert listed("default", contact_id=bob.contact_id, after=bob.id) == []
    assert listed("other", contact_id=bob.contact_id) == listed("other", channel_id="wa") == []


async def test_dead_letters_are_listed_by_whatever_is_asked(desk: Desk) -> None:
    leg_id = await desk.leg()
    away = await desk.leg(who=BOB, channel_key="771")
    expired = await desk.submit(leg_id, expires_at=1_100.0)
    refused, foreign = await desk.submit(leg_id), await desk.submit(away)
    late, nobody, abroad = [
        desk.find(message.message_id).parts[0].id for message in (expired, refused, foreign)
    ]
    await desk.do(Tick(1_100.0))
    for part_id in (nobody, abroad):
        [claimed] = await desk.claim(part_id, at=1_101.0)
        await desk.settle(claimed, GivenUp(REJECTED))
    unread = desk.intake(problem="not JSON")
    await desk.do(Accept(unread))

    def listed(tenant: str, **asked: Any) -> list[str]:
        return [row.ref for row in desk.ask(DeadLetters(tenant, **asked)).rows]

    assert listed("*") == [late, nobody, abroad, unread.id]
    assert listed("*", kind="intake") == [unread.id]
    assert listed("default", reason="expired") == [late]
    assert listed("default", kind="part", reason="recipient_invalid") == [nobody, abroad]
    assert listed("default", channel_id="wa-2", redriven=True) == [abroad]
    assert listed("other") == []


async def test_only_new_credentials_end_the_need_for_them(desk: Desk) -> None:
    reauth = ChannelState.NEEDS_REAUTH
    await desk.do(SetChannelState("default", "wa", reauth, "190", 2.0))

    same = await desk.do(SyncChannels(CHANNELS, 3.0))
    fresh = ChannelSpec(WA.id, WA.tenant, WA.platform, WA.channel_key, {}, {"access_token": "new"})
    renewed = await desk.do(SyncChannels((fresh, *REST), 4.0))

    assert {row.id: row.state for row in same}["wa"] is reauth
    assert {row.id: row.state for row in renewed}["wa"] is ChannelState.ACTIVE


async def test_a_state_is_left_alone_where_the_caller_says_so(desk: Desk) -> None:
    await desk.do(SetChannelState("default", "wa", ChannelState.PAUSED, "operator", 2.0))

    kept = await desk.do(
        SetChannelState(
            "default", "wa", ChannelState.BROKEN, "x", 3.0, unless=(ChannelState.PAUSED,)
        )
    )

    assert kept.state is ChannelState.PAUSED
    with pytest.raises(Refused) as refused:
        await desk.do(SetChannelState("other", "wa", ChannelState.PAUSED, None, 3.0))
    assert refused.value.code == "unknown_channel"


@pytest.mark.slow
async def test_a_key_is_found_by_its_hash_until_it_is_revoked(desk: Desk) -> None:
    key = ApiKey("key_1", "default", "ci", ("messages:write",), "ab" * 32, 1.0)
    await desk.do(CreateKey(key, "s3cret"))

    await desk.do(TouchKeys((("key_1", 5.0), ("key_none", 6.0))))
    await desk.do(TouchKeys((("key_1", 4.0),)))
    revoked = await desk.do(RevokeKey("key_1", 7.0))

    assert desk.ask(KeyByHash("ab" * 32)) == revoked
    assert (revoked.last_used_at, revoked.revoked_at) == (5.0, 7.0)
    with pytest.raises(Refused):
        await desk.do(RevokeKey("key_none", 8.0))


def lies_open(folder: Path, secret: bytes) -> bool:
    """Whether a secret can be read in any file of a store."""
    files = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    assert files
    return any(secret in data for data in files)


ASKED = Idempotency("key_0", "make-it", "a" * 64)


async def test_a_key_that_is_asked_for_again_is_the_first_one(
    open_engine: Opened, tmp_path: Path
) -> None:
    async with open_engine(tmp_path) as store:
        desk = Desk(store)
        keys = [ApiKey(f"key_{n}", "default", "ci", (), str(n) * 64, 1.0) for n in (1, 2)]
        first = await desk.do(CreateKey(keys[0], "tops3cret-1", ASKED))
        again = await desk.do(CreateKey(keys[1], "tops3cret-2", ASKED))
        with pytest.raises(Refused) as refused:
            await desk.do(CreateKey(keys[1], "tops3cret-2", evolve(ASKED, fingerprint="b" * 64)))
        assert desk.ask(Keys()) == (keys[0],)

    assert (first.replayed, again.replayed) == (False, True)
    assert (again.key, again.secret) == (first.key, "tops3cret-1")
    assert refused.value.code == "idempotency_mismatch"
    assert not lies_open(tmp_path, b"tops3cret")


async def test_a_medium_that_is_added_again_is_the_first_one(desk: Desk) -> None:
    media = [
        Medium(f"med_{n}", "default", MediaState.READY, None, None, None, "b1", "image/png", 7,
               None, None, 0, None, 1.0)
        for n in (1, 2)
    ]  # fmt: skip

    first = await desk.do(AddMedium(media[0], ASKED))
    again = await desk.do(AddMedium(media[1], ASKED))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.medium == media[0]
    assert desk.ask(MediumById("default", "med_2")) is None


async def test_a_context_changes_only_from_the_version_that_was_read(desk: Desk) -> None:
    accepted = await desk.receive()
    [id] = accepted.conversations

    first = await desk.do(PutContext("default", id, {"step": 1}, 0))

    assert first == desk.ask(ContextOf("default", id)) == Context({"step": 1}, 1)
    with pytest.raises(Refused) as refused:
        await desk.do(PutContext("default", id, {"step": 2}, 0))
    assert refused.value.code == "version_conflict"


async def _image(desk: Desk) -> None:
    report = received("wamid.IMG", Media(MediaKind.IMAGE, "med_1"), media=(MediaRef({"id": "9"}),))
    await desk.accept(item(report, media_ids=("med_1",)))


async def test_a_medium_is_fetched_under_a_lease(desk: Desk) -> None:
    await _image(desk)

    medium = await desk.do(ClaimMedium("med_1", 1_000.0, 1_060.0))
    taken = await desk.do(ClaimMedium("med_1", 1_001.0, 1_061.0))
    await desk.do(MediumAgain("med_1", 1_005.0, STUMBLED))

    assert (medium.attempts, taken) == (1, None)
    assert desk.ask(DueMedia(1_004.0)) == ()
    assert desk.ask(DueMedia(1_005.0))[0].failure == STUMBLED


async def test_a_fetched_medium_is_told_once(desk: Desk) -> None:
    await _image(desk)
    ready = MediumReady("med_1", "blob-1", 7, "image/png", "a.png", 1_002.0)

    await desk.do(ready)
    await desk.do(ready)

    medium = desk.ask(MediumById("default", "med_1"))
    told = [e for e in desk.events() if e.type is EventType.MEDIA_READY]
    assert (medium.state, medium.blob, medium.due_at) == (MediaState.READY, "blob-1", None)
    assert [e.detail["media_id"] for e in told] == ["med_1"]
    assert desk.ask(BlobsInUse(("blob-1", "blob-2"))) == {"blob-1"}


async def test_a_medium_that_cannot_be_had_says_why(desk: Desk) -> None:
    await _image(desk)

    await desk.do(MediumFailed("med_1", REJECTED, 1_002.0))

    assert desk.ask(MediumById("default", "med_1")).failure == REJECTED
    assert desk.events()[-1].type is EventType.MEDIA_FAILED


async def test_a_consumer_starts_at_the_end_and_never_goes_back(desk: Desk) -> None:
    await desk.receive("wamid.1")
    start = await desk.do(EnsureConsumer("echo", "default", 1.0))

    await desk.do(Advance("echo", start + 5))
    await desk.do(Advance("echo", start + 2))

    assert start == desk.ask(LastCursor()) == 2
    assert await desk.do(EnsureConsumer("echo", "default", 2.0)) == start + 5


async def test_events_are_rung_after_their_commit(desk: Desk) -> None:
    rung: list[News] = []
    stop = desk.store.on_events(rung.append)

    await desk.receive("wamid.1")
    stop()
    await desk.receive("wamid.2")

    told = frozenset({"conversation.started", "message.received"})
    assert rung == [News(2, told)]


async def test_events_can_be_asked_by_type_and_bring_their_message(desk: Desk) -> None:
    await desk.receive("wamid.1")
    await desk.receive("wamid.2")

    found = desk.ask(Events("default", 0, types=(EventType.MESSAGE_RECEIVED,)))

    assert [event.message.external_id for event in found] == ["wamid.1", "wamid.2"]
    assert len({event.id for event in found}) == 2


async def test_figures_count_rows(desk: Desk) -> None:
    await _image(desk)
    await desk.submit(await desk.leg())

    figures = desk.ask(Figures())

    assert (figures["parts_unfinished"], figures["media_pending"]) == (1, 1)
    assert figures["events"] == desk.ask(LastCursor())


# Those that need no tenant: they are asked with an id that only its owner has, or by the house.
HOUSE_ONLY = {
    "AskedBy", "BlobsInUse", "Closures", "CopyLines", "Credentials", "DeletionByCode",
    "DerivativeOf",
    "DueMedia", "EventFloor", "Figures", "Grants", "Heads", "HistoryOf", "InLine", "IntakeBody",
    "KeyByHash", "LegHeads", "LegsOf", "PeopleOf", "SitterOf",
    "Outreached", "Replay", "SentSince", "SpentSince", "TemplateSyncOf", "TreasureOf", "Unclaimed",
    "Unhandled",
    "UnhandledConversations", "UploadOf", "WindowOf",
}  # fmt: skip


async def _everything(desk: Desk) -> dict[str, Query[Any]]:
    """One query of each kind about what belongs to `default`, as `other` would ask it."""
    await _image(desk)
    leg_id = await desk.leg()
    await desk.do(CreateKey(ApiKey("key_1", "default", "ci", (), "ab" * 32, 1.0), "s3cret"))
    alert = ChannelReported("770", "alert", 1.0, (), "alert", Severity.WARNING, {})
    news = Standing("alert", ok=False, sentence="Alert.", at=1.0)
    await desk.accept(Item("whatsapp", alert, standings=(news,)))
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, GivenUp(REJECTED))
    await desk.submit(leg_id)
    ready = TemplateDefinition("order_ready", "en_GB", TemplateStatus.APPROVED)
    await desk.do(KeepTemplates("wa", (ready,), 1.0))
    await desk.do(AskHistory("wa", Cause.ASKED, None, 1.0, 1.0))
    await desk.do(
        BeginConnection(Connection("con_1", "default", "key_1", "messenger", "a", "b", None, 1, 2))
    )
    [conversation] = desk.ask(Conversations("default")).rows
    [letter] = desk.ask(DeadLetters("default")).rows
    conversation_id, contact_id = conversation.id, conversation.contact_id
    asked: list[Query[Any]] = [
        Attempts("other", queued.message_id), Channels("other"), ContactById("other", contact_id),
        ContactList("other"), ContactList("other", key=ADA[1]), ContextOf("other", conversation_id),
        ConnectionById("other", "con_1"),
        ConversationById("other", conversation_id), Conversations("other"),
        DeadLetterById("other", letter.id), DeadLetters("other"), Events("other", 0),
        Histories("other"),
        Keys("other"), LastCursor("other"), LegById("other", leg_id),
        LegAt("other", "whatsapp", "wa", ADA), MediumById("other", "med_1"),
        MessageById("other", queued.message_id),
        Messages("other", conversation_id), QueueDepths("other"), Standings("other", 0.0),
        Templates("other", "wa"), TemplatesNamed("other", "wa", "order_ready"),
    ]  # fmt: skip
    return {type(query).__name__ + str(n): query for n, query in enumerate(asked)}


async def test_no_tenant_sees_what_belongs_to_another(desk: Desk) -> None:
    asked = await _everything(desk)

    seen = {name: desk.ask(query) for name, query in asked.items()}

    for name, found in seen.items():
        rows = found.rows if isinstance(found, Page) else found
        if name.startswith("Channels"):
            assert [row.id for row in rows] == ["wa-other"]
        else:
            assert rows in (None, (), 0), name
    kinds = {type(query).__name__ for query in asked.values()}
    assert kinds | HOUSE_ONLY == {
        query.__name__ for query in READERS if query.__module__.startswith("omni_actors.")
    }


async def test_no_tenant_changes_what_belongs_to_another(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [conversation] = desk.ask(Conversations("default")).rows
    verbs = [
        Cancel("other", queued.message_id, 1.0),
        PutContext("other", conversation.id, {}, 0),
        CloseConversation("other", conversation.id, 1.0),
        desk.message(leg_id, tenant="other"),
    ]

    codes = []
    for verb in verbs:
        with pytest.raises(Refused) as refused:
            await desk.do(verb)
        codes.append(refused.value.code)

    assert codes == [
        "unknown_message",
        "unknown_conversation",
        "unknown_conversation",
        "unknown_leg",
    ]
    assert (await desk.do(Redrive("other", ("ddl_1",), 1.0))).skipped == ("ddl_1",)


async def test_one_number_is_two_people_for_two_tenants(desk: Desk) -> None:
    phone = (IdentityKey("phone", "4477"),)

    await desk.receive("wamid.1", who=phone)
    await desk.receive("wamid.2", who=phone, channel_key="779")

    [ours] = desk.ask(ContactList("default", key=phone[0])).rows
    [theirs] = desk.ask(ContactList("other", key=phone[0])).rows
    assert ours.id != theirs.id
    assert len(desk.ask(ContactList("*", key=phone[0])).rows) == 2
    assert desk.heads(lane=Priority.BULK) == []
