"""Messages on their way out: queued once, taken in order, settled by whoever knows."""

import pytest
import trio
from attrs import evolve

from omni_actors.model.content import Option, Text
from omni_actors.model.events import EventType
from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import MediaState, OnUnknown, PartStatus, Priority
from omni_actors.store.contract import Refused
from omni_actors.store.limits import OpenWindow, Release
from omni_actors.store.media_verbs import AddMedium, KeepUpload
from omni_actors.store.queries import (
    Attempts,
    DeadLetters,
    LegById,
    LegHeads,
    QueueDepths,
    Replay,
    UploadOf,
)
from omni_actors.store.rows import Choice, Medium, Question
from omni_actors.store.verbs import (
    Again,
    Annotate,
    Cancel,
    ChoiceMade,
    GivenUp,
    Handle,
    Idempotency,
    InDoubt,
    NewPart,
    OpenLeg,
    Settle,
    TakenUp,
    Tick,
    Trace,
)
from tests.store.conftest import ADA, BOB, LOST, REJECTED, STUMBLED, Desk

KEY = Idempotency("key_1", "order-7", "a" * 64)


async def test_a_leg_is_opened_for_an_address_once(desk: Desk) -> None:
    first = await desk.do(OpenLeg("default", "wa", (ADA[1],), 1_000.0))

    second = await desk.do(OpenLeg("default", "wa", ADA, 1_001.0))

    assert first.id == second.id
    assert second.keys == ADA
    with pytest.raises(Refused) as refused:
        await desk.do(OpenLeg("default", "wa-other", ADA, 1_001.0))
    assert refused.value.code == "unknown_channel"


async def test_a_submitted_message_is_queued_and_its_first_part_is_the_head(desk: Desk) -> None:
    leg_id = await desk.leg()

    submitted = await desk.submit(leg_id, parts=3)

    message = desk.find(submitted.message_id)
    first = message.parts[0].id
    assert [part.status for part in message.parts] == [PartStatus.QUEUED] * 3
    assert [wake.part_id for wake in submitted.wakes] == [first]
    assert desk.heads() == [first]
    assert desk.told(message.id) == [EventType.MESSAGE_QUEUED]


async def test_a_repeated_submit_answers_what_the_first_did(desk: Desk) -> None:
    leg_id = await desk.leg()
    first = await desk.submit(leg_id, idempotency=KEY)

    again = await desk.submit(leg_id, idempotency=KEY)

    assert again.replayed
    assert (again.message_id, again.response) == (first.message_id, first.response)
    assert desk.ask(Replay(KEY)).ref == first.message_id
    assert len(desk.heads()) == 1


async def test_repetitions_in_one_batch_queue_one_message(desk: Desk) -> None:
    leg_id = await desk.leg()
    answers = []

    async def submit() -> None:
        answers.append(await desk.submit(leg_id, idempotency=KEY))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(submit)

    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert len({answer.message_id for answer in answers}) == 1


async def test_one_key_for_two_requests_is_refused(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id, idempotency=KEY)
    other = Idempotency(KEY.owner, KEY.key, "b" * 64)

    with pytest.raises(Refused) as refused:
        await desk.submit(leg_id, idempotency=other)

    assert refused.value.code == "idempotency_mismatch"
    with pytest.raises(Refused):
        desk.ask(Replay(other))


async def test_a_leg_has_one_part_on_the_wire_over_all_lanes(desk: Desk) -> None:
    leg_id = await desk.leg()
    normal = await desk.submit(leg_id)
    urgent = await desk.submit(leg_id, priority=Priority.HIGH)
    parts = [desk.find(m.message_id).parts[0].id for m in (normal, urgent)]

    claimed = await desk.claim(*parts)

    assert [part.part_id for part in claimed] == parts[:1]
    assert desk.heads() == desk.heads(lane=Priority.HIGH) == []
    wakes = await desk.settle(claimed[0], TakenUp(("wamid.O1",)))
    assert [wake.part_id for wake in wakes] == parts[1:]
    assert desk.ask(LegHeads(leg_id)) == wakes


async def test_parts_of_a_leg_go_in_their_order(desk: Desk) -> None:
    leg_id = await desk.leg()
    first = await desk.submit(leg_id, parts=2)
    second = await desk.submit(leg_id)
    order = [p.id for m in (first, second) for p in desk.find(m.message_id).parts]

    gone: list[str] = []
    while heads := desk.heads():
        assert await desk.claim(*order[len(gone) + 1 :]) == ()
        [claimed] = await desk.claim(*heads)
        await desk.settle(claimed, TakenUp((f"wamid.{claimed.part_id}",)))
        gone.append(claimed.part_id)

    assert gone == order


async def test_a_claim_carries_what_the_sender_needs(desk: Desk) -> None:
    leg_id = await desk.leg()
    inbound = await desk.receive("wamid.IN9")
    quoted = desk.known("wamid.IN9")
    medium = Medium(
        "med_1", "default", MediaState.READY, None, None, None, "b1", "image/png", 7, "a.png", None,
        0, None, 1.0,
    )  # fmt: skip
    await desk.do(AddMedium(medium))
    verb = desk.message(leg_id, reply_to=quoted.id, override={"ttl": 5})
    part = NewPart("prt_x", 1, "image", Text("x"), ("med_1",))
    submitted = await desk.do(evolve(verb, parts=(part,)))

    [claimed] = await desk.claim("prt_x", at=1_005.0)

    assert inbound.new == 1
    assert (claimed.message_id, claimed.attempt, claimed.keys) == (submitted.message_id, 1, ADA)
    assert (claimed.reply_to, claimed.override) == ("wamid.IN9", {"ttl": 5})
    assert [(m.media_id, m.blob, m.uploaded) for m in claimed.media] == [("med_1", "b1", None)]
    await desk.settle(claimed, TakenUp(("wamid.O",)))
    await desk.do(KeepUpload("med_1", "wa", "up-8", 8_000.0))
    await desk.do(KeepUpload("med_1", "wa", "up-9", 9_000.0))
    await desk.do(evolve(verb, id="msg_y", parts=(evolve(part, id="prt_y"),)))
    [again] = await desk.claim("prt_y", at=1_006.0)
    assert again.media[0].uploaded == "up-9"
    assert desk.ask(UploadOf("med_1", "wa", 8_999.0)) == "up-9"
    assert desk.ask(UploadOf("med_1", "wa", 9_000.0)) is None
    assert desk.ask(UploadOf("med_1", "wa-2", 1_000.0)) is None


async def test_an_accepted_part_is_sent_and_its_answer_teaches(desk: Desk) -> None:
    leg_id = await desk.leg(who=(ADA[1],))
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    trace = Trace(1_001.0, 1_002.0, [{"status": 200}])
    outcome = TakenUp(("wamid.OUT1",), aliases=ADA)

    await desk.do(Settle(claimed.part_id, claimed.attempt_id, 1_002.0, outcome, trace))

    message = desk.find(queued.message_id)
    [attempt] = desk.ask(Attempts("default", message.id))
    leg = desk.ask(LegById("default", leg_id))
    assert (message.status, message.external_id, message.sent_at) == ("sent", "wamid.OUT1", 1_002.0)
    assert (attempt.n, attempt.outcome, attempt.exchanges) == (1, "taken_up", [{"status": 200}])
    assert (leg.keys, leg.last_outbound_at) == (ADA, 1_002.0)
    assert desk.told(message.id) == [EventType.MESSAGE_QUEUED, EventType.MESSAGE_SENT]


async def test_what_is_done_after_a_part_was_sent_is_told_with_its_attempt(desk: Desk) -> None:
    queued = await desk.submit(await desk.leg())
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, TakenUp(("wamid.OUT1",), note="well"))
    trace = Trace(1_001.0, 1_002.0, [{"status": 200}, {"status": 201}])

    await desk.do(Annotate(claimed.part_id, claimed.attempt_id, "well; kept", trace))

    [attempt] = desk.ask(Attempts("default", queued.message_id))
    assert (attempt.outcome, attempt.note) == ("taken_up", "well; kept")
    assert attempt.exchanges == [{"status": 200}, {"status": 201}]


async def test_a_part_that_failed_for_now_holds_its_leg_until_it_is_due(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id)
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    [wake] = await desk.settle(claimed, Again(1_010.0, STUMBLED))

    assert (wake.part_id, wake.due_at) == (claimed.part_id, 1_010.0)
    assert await desk.claim(claimed.part_id, at=1_009.0) == ()
    [again] = await desk.claim(claimed.part_id, at=1_010.0)
    assert (again.attempt, again.first_failed_at) == (2, 1_002.0)


async def test_a_refunded_attempt_does_not_count(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    await desk.settle(claimed, Again(1_003.0, STUMBLED, refund=True))

    [again] = await desk.claim(claimed.part_id, at=1_003.0)
    assert again.attempt == 1


async def test_what_is_given_up_fails_and_becomes_a_dead_letter(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    await desk.settle(claimed, GivenUp(REJECTED, gap=True))

    message = desk.find(queued.message_id)
    [letter] = desk.ask(DeadLetters("default")).rows
    dead = desk.events()[-1]
    assert (message.status, message.partial) == ("failed", False)
    assert message.parts[0].failure == REJECTED
    assert (letter.ref, letter.reason) == (claimed.part_id, "recipient_invalid")
    assert desk.told(message.id)[1:] == [EventType.MESSAGE_FAILED, EventType.DELIVERY_DEAD]
    assert (dead.detail["gap"], dead.detail["dead_letter_id"]) == (True, letter.id)


async def test_one_failed_part_fails_its_message_in_part(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, parts=2)
    [first] = await desk.claim(*desk.heads())
    await desk.settle(first, TakenUp(("wamid.1",)))
    [second] = await desk.claim(*desk.heads())

    await desk.settle(second, GivenUp(REJECTED))

    message = desk.find(queued.message_id)
    assert (message.status, message.partial) == ("failed", True)


@pytest.mark.slow
async def test_a_message_is_where_its_last_part_is(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, parts=2)
    for n in range(2):
        [claimed] = await desk.claim(*desk.heads())
        await desk.settle(claimed, TakenUp((f"wamid.{n}",)))

    await desk.status("wamid.0", "delivered")
    halfway = desk.find(queued.message_id).status
    await desk.status("wamid.1", "delivered")

    assert halfway == "sent"
    assert desk.find(queued.message_id).status == "delivered"
    assert desk.told(queued.message_id) == [
        EventType.MESSAGE_QUEUED,
        EventType.MESSAGE_SENT,
        EventType.MESSAGE_DELIVERED,
    ]


async def test_only_what_was_not_taken_can_be_cancelled(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, parts=2)
    [claimed] = await desk.claim(*desk.heads())

    message = await desk.do(Cancel("default", queued.message_id, 1_002.0))

    assert [part.status for part in message.parts] == [PartStatus.SENDING, PartStatus.CANCELLED]
    await desk.settle(claimed, TakenUp(("wamid.1",)))
    with pytest.raises(Refused) as refused:
        await desk.do(Cancel("default", queued.message_id, 1_003.0))
    assert refused.value.code == "too_late"


async def test_held_parts_wait_for_the_window_and_nothing_waits_for_them(desk: Desk) -> None:
    leg_id = await desk.leg()
    held = await desk.submit(leg_id, held=True)
    template = await desk.submit(leg_id)

    heads = desk.heads()
    [claimed] = await desk.claim(*heads)
    await desk.settle(claimed, TakenUp(("wamid.T",)))

    assert held.wakes == ()
    assert [wake.part_id for wake in template.wakes] == heads == [claimed.part_id]
    assert desk.find(template.message_id).status == "sent"
    assert desk.find(held.message_id).status == "held"


async def test_an_open_window_queues_what_was_held_in_its_order_at_the_tail(desk: Desk) -> None:
    leg_id = await desk.leg()
    held = [await desk.submit(leg_id, parts=2, held=True) for _ in range(2)]
    waiting = await desk.submit(leg_id)

    [wake] = await desk.do(OpenWindow(leg_id, 1_002.0))

    order = [p.id for m in (waiting, *held) for p in desk.find(m.message_id).parts]
    gone: list[str] = []
    while heads := desk.heads():
        [claimed] = await desk.claim(*heads, at=1_003.0)
        await desk.settle(claimed, TakenUp((f"wamid.{claimed.part_id}",)), at=1_003.0)
        gone.append(claimed.part_id)
    assert wake.part_id == order[0]
    assert gone == order
    first = held[0].message_id
    assert desk.told(first)[:2] == [EventType.MESSAGE_HELD, EventType.MESSAGE_QUEUED]


async def test_a_window_that_opens_leaves_one_part_of_the_leg_on_the_wire(desk: Desk) -> None:
    leg_id = await desk.leg()
    held = await desk.submit(leg_id, held=True)
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    wakes = await desk.do(OpenWindow(leg_id, 1_002.0))
    second = await desk.claim(desk.find(held.message_id).parts[0].id, at=1_003.0)

    assert (wakes, second, desk.heads()) == ((), (), [])
    [wake] = await desk.settle(claimed, TakenUp(("wamid.1",)))
    assert wake.part_id == desk.find(held.message_id).parts[0].id


async def test_a_part_that_is_held_in_doubt_lets_its_leg_go_on(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id, on_unknown=OnUnknown.HOLD)
    following = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    ticked = await desk.do(Tick(1_060.0))

    [wake] = ticked.wakes
    assert wake.part_id == desk.find(following.message_id).parts[0].id


async def test_what_the_platform_said_when_it_accepted_is_kept_with_the_attempt(
    desk: Desk,
) -> None:
    queued = await desk.submit(await desk.leg())
    [claimed] = await desk.claim(*desk.heads())

    await desk.settle(claimed, TakenUp(("wamid.1",), note="held_for_quality_assessment"))

    [attempt] = desk.ask(Attempts("default", queued.message_id))
    assert attempt.note == "held_for_quality_assessment"


async def test_a_question_is_open_until_it_is_answered(desk: Desk) -> None:
    leg_id = await desk.leg()
    options = (Option("yes", "Yes"), Option("no", "No"))
    verb = desk.message(leg_id, question=Question("", options, True, 1_000.0))
    await desk.do(verb)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, TakenUp(("wamid.Q",)))
    accepted = await desk.receive("wamid.A", Text("1"))
    answer = desk.known("wamid.A")

    [question] = desk.ask(LegById("default", leg_id)).questions
    choice = Choice(verb.id, "yes", "Yes", "number")
    made = ChoiceMade(leg_id, answer.id, choice)
    await desk.do(Handle(accepted.conversations[0], 2, choices=(made,)))

    assert question == Question(verb.id, options, True, 1_000.0, ("wamid.Q",))
    assert desk.ask(LegById("default", leg_id)).questions == ()
    assert desk.find(answer.id).choice == choice


async def test_an_unknown_outcome_is_sent_once_more_and_says_so(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    early = await desk.do(Tick(1_059.0))
    late = await desk.do(Tick(1_060.0))

    assert (early.wakes, early.next_at) == ((), 1_060.0)
    assert [wake.part_id for wake in late.wakes] == [claimed.part_id]
    [again] = await desk.claim(claimed.part_id, at=1_061.0)
    assert again.resent


async def test_an_unknown_outcome_is_held_for_who_wants_no_doubles(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, on_unknown=OnUnknown.HOLD)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    ticked = await desk.do(Tick(1_060.0))

    assert ticked.wakes == ()
    assert desk.find(queued.message_id).status == "held"
    assert await desk.do(OpenWindow(leg_id, 1_061.0)) == ()


async def _held_in_doubt(desk: Desk, leg_id: str, parts: int = 1) -> str:
    """The id of a message whose first part is held because its answer was lost."""
    queued = await desk.submit(leg_id, parts, on_unknown=OnUnknown.HOLD)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))
    return queued.message_id


async def test_what_is_released_goes_once_more_behind_what_waits(desk: Desk) -> None:
    leg_id = await desk.leg()
    message_id = await _held_in_doubt(desk, leg_id)
    behind = await desk.submit(leg_id)

    released = await desk.do(Release("default", message_id, 1_100.0))

    [part], [next_] = released.parts, desk.find(behind.message_id).parts
    assert (part.status, part.maybe_duplicate) == (PartStatus.QUEUED, True)
    [first] = await desk.claim(*desk.heads(), at=1_101.0)
    await desk.settle(first, TakenUp(("wamid.B",)))
    [again] = await desk.claim(*desk.heads(), at=1_102.0)
    assert [first.part_id, again.part_id] == [next_.id, part.id]
    assert (again.resent, again.attempt) == (True, 1)


async def test_only_what_is_held_in_doubt_is_released(desk: Desk) -> None:
    leg_id = await desk.leg()
    closed = await desk.submit(leg_id, held=True)
    message_id = await _held_in_doubt(desk, leg_id, parts=2)

    for tenant, of in (("default", closed.message_id), ("other", message_id)):
        with pytest.raises(Refused):
            await desk.do(Release(tenant, of, 1_100.0))
    await desk.do(Release("default", message_id, 1_100.0))

    assert [part.status.value for part in desk.find(message_id).parts] == ["queued", "queued"]
    assert desk.find(closed.message_id).status == "held"
    with pytest.raises(Refused) as refused:
        await desk.do(Release("default", message_id, 1_101.0))
    assert refused.value.code == "not_held"


async def test_who_is_told_of_a_hold_is_told_that_it_is_for_doubt(desk: Desk) -> None:
    await _held_in_doubt(desk, await desk.leg())

    [held] = [event for event in desk.events() if event.type is EventType.MESSAGE_HELD]

    failure = held.detail["failure"]
    assert isinstance(failure, dict)
    assert failure["kind"] == "unknown"


async def test_heads_come_in_pages_and_depths_count_what_waits(desk: Desk) -> None:
    for n in range(5):
        leg_id = await desk.leg(who=(IdentityKey("phone", f"4{n}"),))
        await desk.submit(leg_id, parts=2)
    held = await desk.leg(who=BOB)
    await desk.submit(held, held=True)

    pages = [desk.heads(limit=3)]
    last = desk.find("msg_" + pages[0][-1].split("_")[1]).leg_id
    pages.append(desk.heads(limit=3, after=last))

    [depth] = desk.ask(QueueDepths("default"))
    assert [len(page) for page in pages] == [3, 2]
    assert (depth.queued, depth.held, depth.unknown, depth.oldest_at) == (10, 1, 0, 1_000.0)


@pytest.mark.slow
async def test_a_window_opens_for_any_number_of_held_parts(desk: Desk) -> None:
    leg_id = await desk.leg()
    held = [await desk.submit(leg_id, parts=200, held=True) for _ in range(13)]

    [wake] = await desk.do(OpenWindow(leg_id, 1_002.0))

    [depth] = desk.ask(QueueDepths("default"))
    assert (depth.queued, depth.held) == (2_600, 0)
    assert wake.part_id == desk.find(held[0].message_id).parts[0].id


async def test_the_oldest_that_waits_is_neither_on_its_way_nor_in_doubt(desk: Desk) -> None:
    doubted = await desk.submit(await desk.leg(), at=1_000.0)
    sending = await desk.submit(await desk.leg(who=BOB), at=1_001.0)
    [claimed] = await desk.claim(desk.find(doubted.message_id).parts[0].id)
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.claim(desk.find(sending.message_id).parts[0].id)

    [depth] = desk.ask(QueueDepths("default"))
    assert (depth.queued, depth.unknown, depth.oldest_at) == (0, 1, None)

    await desk.submit(await desk.leg(who=(IdentityKey("phone", "49"),)), at=1_005.0)

    [depth] = desk.ask(QueueDepths("default"))
    assert (depth.queued, depth.unknown, depth.oldest_at) == (1, 1, 1_005.0)
