"""What only some platforms tell: who controls a conversation, acts that are no messages, echoes
without a name, receipts that stand for all before, and media that may not be kept."""

from typing import Any

import pytest
from attrs import evolve

from omni_actors.model.content import Card, Choices, Media, MediaKind, Option, Text
from omni_actors.model.events import EventType
from omni_actors.model.reports import (
    Acted,
    ControlChanged,
    Deleted,
    Echoed,
    Edited,
    IdentityKey,
    MediaRef,
    Reacted,
    StatusReported,
)
from omni_actors.model.states import MediaState, OnUnknown, PartStatus
from omni_actors.store.control import ControlMoved
from omni_actors.store.media_verbs import MediumReady
from omni_actors.store.queries import (
    BlobsInUse,
    Conversations,
    IntakeBody,
    LegById,
    MediumById,
    Unhandled,
)
from omni_actors.store.rows import ANY_TENANT, Leg
from omni_actors.store.verbs import (
    Accept,
    Claimed,
    InDoubt,
    Item,
    NewPart,
    Submitted,
    TakenUp,
    Tick,
)
from tests.store.conftest import LOST, Desk, item, received

CARA = (IdentityKey("igsid", "555", "990"),)
PLACE: dict[str, Any] = {"platform": "instagram", "channel_key": "990"}
OURS, OTHERS = "4711", "1234"


def told(report: Any, **more: Any) -> Item:
    return item(report, "instagram", **more)


async def their_leg(desk: Desk) -> str:
    return await desk.leg(who=CARA, **PLACE)


def leg_of(desk: Desk, leg_id: str) -> Leg:
    leg: Leg | None = desk.ask(LegById(ANY_TENANT, leg_id))
    assert leg is not None
    return leg


def control(kind: str, owner: str | None, at: float, *, ours: bool = False) -> Item:
    return told(ControlChanged("990", f"{kind}:{at}", at, CARA, owner, {"kind": kind}, ours))


async def on_the_wire(desk: Desk, leg_id: str, at: float = 1_001.0) -> tuple[str, Claimed]:
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads("ig"), at=at)
    return queued.message_id, claimed


async def test_another_app_takes_the_control_and_gives_it_back(desk: Desk) -> None:
    leg_id = await their_leg(desk)

    await desk.accept(control("take", OTHERS, 1_001.0))
    taken = leg_of(desk, leg_id).controlled_by
    await desk.accept(control("pass", OURS, 1_002.0))

    assert (taken, leg_of(desk, leg_id).controlled_by) == (OTHERS, None)
    assert [event.detail["ours"] for event in desk.events()[-2:]] == [False, True]


async def test_an_older_word_on_the_control_changes_nothing(desk: Desk) -> None:
    leg_id = await their_leg(desk)
    await desk.accept(control("pass", OURS, 1_002.0))

    await desk.accept(control("take", OTHERS, 1_001.0))

    assert leg_of(desk, leg_id).controlled_by is None
    assert desk.events()[-1].detail["overtaken"] is True


@pytest.mark.parametrize(("ours", "owner"), [(True, None), (False, OTHERS)])
async def test_who_does_not_know_its_own_app_goes_by_how_it_was_told(
    desk: Desk, ours: bool, owner: str | None
) -> None:
    who = (IdentityKey("psid", "555", "880"),)
    leg_id = await desk.leg(who=who, platform="messenger", channel_key="880")
    change = ControlChanged("880", "c:1", 1_001.0, who, OTHERS, {}, ours)

    await desk.accept(item(change, "messenger"))

    assert leg_of(desk, leg_id).controlled_by == owner


async def test_whoever_is_let_only_watch_is_told_so_until_a_message_is_for_us(desk: Desk) -> None:
    leg_id = await their_leg(desk)

    await desk.accept(told(received("m.1", who=CARA, at=1_001.0, channel_key="990", standby=True)))
    watching = leg_of(desk, leg_id).controlled_by
    await desk.accept(told(received("m.2", who=CARA, at=1_002.0, channel_key="990")))

    assert (watching, leg_of(desk, leg_id).controlled_by) == ("another", None)
    assert desk.known("m.1").notes == {"standby": True}
    assert desk.known("m.2").notes is None
    control = [e for e in desk.events() if e.type is EventType.CONVERSATION_CONTROL]
    assert [event.detail["via"] for event in control] == ["standby", "message"]


async def test_a_link_that_was_followed_opens_the_window_and_is_told_as_a_referral(
    desk: Desk,
) -> None:
    act = Acted("990", "referral:1", 1_001.0, CARA, "referral", {"ref": "bio"}, opens_window=True)

    accepted = await desk.accept(told(act, window_until=90_000.0))

    [entry] = desk.ask(Unhandled(accepted.conversations[0])).entries
    assert (entry.kind, entry.window_before, entry.window_until) == ("acted", None, 90_000.0)
    assert leg_of(desk, entry.leg_id).window_until == 90_000.0
    assert desk.events()[-1].type is EventType.CONVERSATION_REFERRAL
    assert desk.events()[-1].detail == {"referral": {"ref": "bio"}}


async def test_an_act_that_opens_no_window_is_only_told(desk: Desk) -> None:
    leg_id = await their_leg(desk)
    act = Acted("990", "optin:1", 1_001.0, CARA, "optin", {"token": "7"})

    accepted = await desk.accept(told(act))

    assert accepted.conversations == ()
    assert leg_of(desk, leg_id).window_until is None
    event = desk.events()[-1]
    assert event.type is EventType.CONVERSATION_ACTION
    assert (event.leg_id, event.detail) == (leg_id, {"kind": "optin", "detail": {"token": "7"}})


async def test_a_reaction_may_hold_the_window_open(desk: Desk) -> None:
    leg_id = await their_leg(desk)
    reaction = Reacted("990", "r:1", 1_003.0, CARA, "m.9", "👍", opens_window=True)

    await desk.accept(told(reaction, window_until=90_000.0))

    assert leg_of(desk, leg_id).window_until == 90_000.0


async def test_one_that_was_read_stands_for_all_that_were_sent_before(desk: Desk) -> None:
    leg_id = await their_leg(desk)
    messages = []
    for n in range(3):
        id, claimed = await on_the_wire(desk, leg_id, at=1_010.0 + n)
        await desk.settle(claimed, TakenUp((f"m.{n}",)), at=1_010.5 + n)
        messages.append(id)

    read = StatusReported("990", "read:m.1", 1_020.0, CARA, "m.1", PartStatus.READ, sweeps=True)
    await desk.accept(told(read, rank=4))

    assert [desk.find(id).status for id in messages] == ["read", "read", "sent"]


def echo(words: str = "Good morning", **more: Any) -> Item:
    said = {"anonymous": True, **more}
    return told(Echoed("990", "m.E", 1_003.0, CARA, "m.E", Text(words), **said))


@pytest.mark.parametrize("in_doubt", [True, False], ids=["in doubt", "before the answer"])
async def test_an_echo_without_a_name_settles_the_part_that_says_the_same(
    desk: Desk, in_doubt: bool
) -> None:
    message_id, claimed = await on_the_wire(desk, await their_leg(desk))
    if in_doubt:
        await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    await desk.accept(echo("Good  morning"))
    if not in_doubt:
        await desk.settle(claimed, TakenUp(("m.E",)))

    message = desk.find(message_id)
    assert (message.status, message.external_id) == ("sent", "m.E")
    assert EventType.MESSAGE_ECHOED not in [event.type for event in desk.events()]


async def test_of_a_question_an_echo_repeats_the_words(desk: Desk) -> None:
    asked = Choices("Which size?", (Option("S", "Small"),))
    question = NewPart("prt_q", 1, "quick_replies", asked)
    submit = evolve(desk.message(await their_leg(desk)), parts=(question,), content=asked)
    queued = await desk.store.do(submit)
    [claimed] = await desk.claim(*desk.heads("ig"))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    await desk.accept(echo("Which size?"))

    assert isinstance(queued, Submitted)
    assert desk.find(queued.message_id).status == "sent"


STRANGERS = {
    "our app, of something before": echo("Hello", anonymous=False, app_id=OURS),
    "other words": echo("Rita here"),
    "a picture": told(
        Echoed("990", "m.E", 1_003.0, CARA, "m.E", Media(MediaKind.IMAGE), anonymous=True)
    ),
    "a person": echo(anonymous=False),
    "another app": echo(anonymous=False, app_id=OTHERS),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS.keys())
async def test_any_other_echo_is_a_message_of_somebody_else(desk: Desk, stranger: Item) -> None:
    message_id, claimed = await on_the_wire(desk, await their_leg(desk))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    await desk.accept(stranger)

    assert desk.find(message_id).status == "unknown"
    assert EventType.MESSAGE_ECHOED in [event.type for event in desk.events()]


async def test_an_echo_without_a_name_settles_nothing_when_nothing_is_on_the_wire(
    desk: Desk,
) -> None:
    queued = await desk.submit(await their_leg(desk))

    await desk.accept(echo())

    assert desk.find(queued.message_id).status == "queued"


async def test_new_words_leave_the_media_beside_them(desk: Desk) -> None:
    picture = Media(MediaKind.IMAGE, "med_1", caption="helo")
    post = Card("New mugs", text="helo", media=picture)
    refs = (MediaRef({"url": "https://x"}),)
    for id, content in (("m.1", picture), ("m.2", post)):
        report = received(id, content, who=CARA, channel_key="990", media=refs)
        await desk.accept(told(report, media_ids=(f"med_{id}",)))

    for id in ("m.1", "m.2"):
        await desk.accept(told(Edited("990", f"e:{id}", 1_001.0, CARA, id, Text("hello"))))

    assert desk.known("m.1").content == evolve(picture, caption="hello")
    assert desk.known("m.2").content == evolve(post, text="hello")


async def test_a_message_taken_back_takes_bytes_and_raw_body_along(desk: Desk) -> None:
    picture = received(
        "m.1",
        Media(MediaKind.IMAGE, "med_1"),
        who=CARA,
        channel_key="990",
        media=(MediaRef({"url": "https://x"}, filename="me.jpg"),),
    )
    intake = desk.intake()
    await desk.do(Accept(intake, (told(picture, media_ids=("med_1",)),)))
    await desk.do(MediumReady("med_1", "b10b", 9, "image/jpeg", "me.jpg", 1_001.0, {}))
    kept = desk.ask(BlobsInUse(("b10b",)))

    await desk.accept(told(Deleted("990", "del:m.1", 1_002.0, CARA, "m.1")))

    raw, medium = desk.ask(IntakeBody(intake.id)), desk.ask(MediumById("default", "med_1"))
    assert (kept, desk.ask(BlobsInUse(("b10b",)))) == (frozenset({"b10b"}), frozenset())
    assert (raw.body, raw.blob) == (None, None)
    assert (medium.blob, medium.ref, medium.filename) == (None, None, None)


async def test_edits_and_repetitions_of_it_leave_no_words_behind_either(desk: Desk) -> None:
    secret = told(received("m.1", Text("a secret"), who=CARA, channel_key="990"))
    edit = told(Edited("990", "edit:m.1:1", 1_001.0, CARA, "m.1", Text("another secret")))
    intakes = [desk.intake() for _ in range(3)]
    for intake, each in zip(intakes, (edit, secret, secret), strict=True):
        await desk.do(Accept(intake, (each,)))

    await desk.accept(told(Deleted("990", "del:m.1", 1_002.0, CARA, "m.1")))

    assert [desk.ask(IntakeBody(intake.id)).body for intake in intakes] == [None, None, None]


async def test_a_repetition_beside_news_keeps_its_bytes(desk: Desk) -> None:
    first = told(received("m.1", who=CARA, channel_key="990"))
    await desk.accept(first)
    intake = desk.intake()

    await desk.do(Accept(intake, (first, told(received("m.2", who=CARA, channel_key="990")))))

    assert desk.ask(IntakeBody(intake.id)).body == b"{}"


async def test_a_raw_body_stays_while_something_in_it_has_no_channel_yet(desk: Desk) -> None:
    intake = desk.intake()
    items = (
        told(received("m.1", who=CARA, channel_key="990")),
        told(received("m.2", who=CARA, channel_key="unknown")),
    )
    await desk.do(Accept(intake, items))

    await desk.accept(told(Deleted("990", "del:m.1", 1_002.0, CARA, "m.1")))

    assert desk.ask(IntakeBody(intake.id)).body == b"{}"


@pytest.mark.parametrize("fetched", [True, False])
async def test_a_medium_that_may_not_be_kept_is_gone_in_time(desk: Desk, fetched: bool) -> None:
    ref = MediaRef({"url": "https://x"}, until=5_000.0)
    story = received(
        "m.1", Media(MediaKind.IMAGE, "med_1"), who=CARA, channel_key="990", media=(ref,)
    )
    await desk.accept(told(story, media_ids=("med_1",)))
    if fetched:
        await desk.do(MediumReady("med_1", "b10b", 9, "image/jpeg", None, 1_001.0, {}))

    early = await desk.do(Tick(4_999.0))
    before = desk.ask(MediumById("default", "med_1"))
    await desk.do(Tick(5_000.0))

    after = desk.ask(MediumById("default", "med_1"))
    assert early.next_at == 5_000.0
    assert before.state is (MediaState.READY if fetched else MediaState.PENDING)
    assert (after.state, after.blob, after.ref) == (MediaState.FAILED, None, None)
    assert desk.ask(Conversations(ANY_TENANT, limit=9)).rows


async def test_whoever_hands_the_control_to_themselves_has_it(desk: Desk) -> None:
    leg_id = await their_leg(desk)

    await desk.store.do(ControlMoved(leg_id, OURS, 1_001.0, {"kind": "pass"}))

    assert leg_of(desk, leg_id).controlled_by is None
    assert desk.events()[-1].detail["ours"] is True


ITS_OWN = {"app_id": {"anonymous": False, "app_id": OURS}, "nobody named": {"anonymous": True}}


@pytest.mark.parametrize("named", ITS_OWN.values(), ids=ITS_OWN.keys())
async def test_a_late_echo_of_the_first_try_is_no_message_of_somebody_else(
    desk: Desk, named: dict[str, Any]
) -> None:
    message_id, claimed = await on_the_wire(desk, await their_leg(desk))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))
    [again] = await desk.claim(*desk.heads("ig"), at=1_060.0)
    await desk.settle(again, TakenUp(("m.2",)), at=1_061.0)

    await desk.accept(echo(**named))
    await desk.accept(echo(**named))

    message = desk.find(message_id)
    assert message.parts[0].external_ids == ("m.2", "m.E")
    assert EventType.MESSAGE_ECHOED not in [event.type for event in desk.events()]


async def test_words_that_a_person_repeats_later_are_a_message_of_theirs(desk: Desk) -> None:
    _message_id, claimed = await on_the_wire(desk, await their_leg(desk))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))
    [again] = await desk.claim(*desk.heads("ig"), at=1_060.0)
    await desk.settle(again, TakenUp(("m.2",)), at=1_061.0)
    later = Echoed("990", "m.L", 1_400.0, CARA, "m.L", Text("Good morning"), anonymous=True)

    await desk.accept(told(later))

    assert EventType.MESSAGE_ECHOED in [event.type for event in desk.events()]


async def test_an_echo_from_before_a_part_went_out_does_not_settle_it(desk: Desk) -> None:
    message_id, claimed = await on_the_wire(desk, await their_leg(desk), at=1_100.0)
    await desk.settle(claimed, InDoubt(LOST, 1_160.0), at=1_101.0)

    await desk.accept(echo("Something else", anonymous=False, app_id=OURS))

    assert desk.find(message_id).status == "unknown"


@pytest.mark.parametrize("on_unknown", list(OnUnknown))
async def test_a_late_echo_keeps_what_is_in_doubt_from_being_sent_again(
    desk: Desk, on_unknown: OnUnknown
) -> None:
    queued = await desk.submit(await their_leg(desk), on_unknown=on_unknown)
    [claimed] = await desk.claim(*desk.heads("ig"))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))

    await desk.accept(echo())

    assert desk.find(queued.message_id).status == "sent"
    assert desk.heads("ig") == []


async def test_each_of_two_tries_may_have_an_echo_and_no_answer(desk: Desk) -> None:
    message_id, claimed = await on_the_wire(desk, await their_leg(desk))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))
    await desk.claim(*desk.heads("ig"), at=1_060.0)
    await desk.accept(echo())
    second = Echoed("990", "m.2", 1_061.0, CARA, "m.2", Text("Good morning"), anonymous=True)

    await desk.accept(told(second))

    assert set(desk.find(message_id).parts[0].external_ids) == {"m.E", "m.2"}
    assert EventType.MESSAGE_ECHOED not in [event.type for event in desk.events()]
