"""What platforms report about what was sent, in any order, and what that settles."""

from itertools import permutations

import pytest

from omni_actors.model.content import Text
from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.reports import Echoed, IdentityKey, StatusReported, WatermarkReported
from omni_actors.model.states import PartStatus
from omni_actors.store.queries import (
    ContactList,
    DeadLetters,
)
from omni_actors.store.verbs import (
    Claimed,
    InDoubt,
    Redrive,
    TakenUp,
    Tick,
)
from tests.store.conftest import ADA, LOST, REJECTED, Desk, item


@pytest.mark.parametrize("order", list(permutations(["sent", "failed", "delivered", "read"])))
async def test_statuses_in_any_order_and_repetition_end_the_same(
    desk: Desk, order: tuple[str, ...]
) -> None:
    message = await desk.sent(await desk.leg(), "wamid.OUT1")

    for n, status in enumerate([*order, *order]):
        failure = REJECTED if status == "failed" else None
        await desk.status("wamid.OUT1", status, key=f"{n}", failure=failure)

    assert desk.find(message.id).status == "read"


async def test_a_report_settles_what_is_on_the_wire_and_wakes_the_leg(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    following = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    accepted = await desk.status("wamid.OUT1", "delivered", callback=claimed.part_id)
    wakes = await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    message = desk.find(queued.message_id)
    assert [wake.part_id for wake in accepted.wakes] == [
        desk.find(following.message_id).parts[0].id
    ]
    assert (message.status, message.external_id) == ("delivered", "wamid.OUT1")
    assert wakes == ()


async def test_a_report_ends_the_doubt(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    await desk.status("wamid.OUT1", "sent", callback=claimed.part_id)

    assert desk.find(queued.message_id).status == "sent"
    assert (await desk.do(Tick(2_000.0))).wakes == ()
    assert desk.told(queued.message_id) == [
        EventType.MESSAGE_QUEUED,
        EventType.MESSAGE_UNKNOWN,
        EventType.MESSAGE_SENT,
    ]


async def test_a_status_that_came_too_early_waits_for_its_part(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    early = await desk.status("wamid.OUT1", "delivered")
    await desk.settle(claimed, TakenUp(("wamid.OUT1",)))

    assert early.parked == 1
    assert desk.find(queued.message_id).status == "delivered"


async def test_parked_statuses_are_dropped_after_a_day(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.status("wamid.OUT1", "delivered", at=1_000.0)

    ticked = await desk.do(Tick(1_000.0 + 86_400.0))
    await desk.settle(claimed, TakenUp(("wamid.OUT1",)))

    assert ticked.next_at is None
    assert desk.find(queued.message_id).status == "sent"


async def test_a_status_of_another_channel_settles_nothing(desk: Desk) -> None:
    message = await desk.sent(await desk.leg(), "wamid.OUT1")
    part_id = message.parts[0].id

    accepted = await desk.status("wamid.OUT1", "read", callback=part_id, channel_key="779")

    assert accepted.parked == 1
    assert desk.find(message.id).status == "sent"


async def test_a_status_teaches_the_names_of_a_person(desk: Desk) -> None:
    message = await desk.sent(await desk.leg(who=(ADA[1],)), "wamid.OUT1")

    await desk.status("wamid.OUT1", "delivered", who=ADA)

    [contact] = desk.ask(ContactList("default")).rows
    assert message.status == "sent"
    assert contact.identities[0].keys == ADA


async def test_a_late_failure_report_is_a_dead_letter_too(desk: Desk) -> None:
    message = await desk.sent(await desk.leg(), "wamid.OUT1")

    await desk.status("wamid.OUT1", "failed", failure=REJECTED)

    [letter] = desk.ask(DeadLetters("default")).rows
    assert desk.find(message.id).parts[0].failure == REJECTED
    assert letter.reason == "recipient_invalid"


async def test_an_echo_of_our_own_part_is_no_new_message(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    await desk.accept(
        item(Echoed("770", "e:1", 1_002.0, ADA, "wamid.E", Text("x"), callback=claimed.part_id))
    )

    message = desk.find(queued.message_id)
    assert (message.status, message.external_id) == ("sent", "wamid.E")
    assert EventType.MESSAGE_ECHOED not in [event.type for event in desk.events()]


async def test_an_echo_of_our_app_settles_the_part_that_is_in_doubt(desk: Desk) -> None:
    who = (IdentityKey("igsid", "555", "990"),)
    leg_id = await desk.leg(who=who, platform="instagram", channel_key="990")
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads("ig"))
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    echo = Echoed("990", "e:1", 1_003.0, who, "mid.1", Text("Good morning"), app_id="4711")

    await desk.accept(item(echo, "instagram"))

    message = desk.find(queued.message_id)
    assert (message.status, message.external_id) == ("sent", "mid.1")


async def test_a_watermark_settles_every_earlier_part_of_the_leg(desk: Desk) -> None:
    who = (IdentityKey("psid", "555", "880"),)
    leg_id = await desk.leg(who=who, platform="messenger", channel_key="880")
    other = await desk.leg(
        who=(IdentityKey("psid", "556", "880"),), platform="messenger", channel_key="880"
    )
    messages = []
    for n, leg in enumerate([leg_id, leg_id, other, leg_id]):
        queued = await desk.submit(leg)
        [claimed] = await desk.claim(*desk.heads("fb"), at=1_010.0 + n)
        await desk.settle(claimed, TakenUp((f"mid.{n}",)), at=1_010.5 + n)
        messages.append(queued.message_id)

    mark = WatermarkReported("880", "read:1", 1_012.0, who, PartStatus.READ, 1_012.5)
    await desk.accept(item(mark, "messenger", rank=4))

    assert [desk.find(id).status for id in messages] == ["read", "read", "sent", "sent"]


async def test_a_watermark_counts_for_an_answer_that_comes_later(desk: Desk) -> None:
    who = (IdentityKey("psid", "555", "880"),)
    leg_id = await desk.leg(who=who, platform="messenger", channel_key="880")
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads("fb"), at=1_010.0)

    mark = WatermarkReported("880", "read:1", 1_012.0, who, PartStatus.READ, 1_012.0)
    await desk.accept(item(mark, "messenger", rank=4))
    await desk.settle(claimed, TakenUp(("mid.1",)), at=1_013.0)

    assert desk.find(queued.message_id).status == "read"


async def _redriven(desk: Desk) -> str:
    """The id of a message that the platform accepted, then failed, and that is queued again."""
    message = await desk.sent(await desk.leg(), "wamid.OLD")
    await desk.status("wamid.OLD", "failed", failure=REJECTED)
    [letter] = desk.ask(DeadLetters("default")).rows
    await desk.do(Redrive("default", (letter.id,), 1_010.0))
    return message.id


@pytest.mark.parametrize("status", ["sent", "failed"])
async def test_a_late_word_of_an_old_try_leaves_a_redriven_part_in_the_queue(
    desk: Desk, status: str
) -> None:
    message_id = await _redriven(desk)

    await desk.status("wamid.OLD", status, key="late", at=1_011.0)

    [part] = desk.find(message_id).parts
    assert desk.heads() == [part.id]
    [claimed] = await desk.claim(part.id, at=1_012.0)
    await desk.status("wamid.OLD", status, key="later", at=1_012.5)
    assert desk.find(message_id).parts[0].status is PartStatus.SENDING
    await desk.settle(claimed, TakenUp(("wamid.NEW",)), at=1_013.0)
    assert desk.find(message_id).status == "sent"


async def test_a_late_failure_of_an_old_try_does_not_fail_the_new_one(desk: Desk) -> None:
    message_id = await _redriven(desk)
    [claimed] = await desk.claim(*desk.heads(), at=1_012.0)
    await desk.settle(claimed, TakenUp(("wamid.NEW",)), at=1_013.0)

    await desk.status("wamid.OLD", "failed", key="late", at=1_014.0, failure=REJECTED)
    [part] = desk.find(message_id).parts
    await desk.status("wamid.NEW", "failed", at=1_015.0, failure=REJECTED)

    assert part.status is PartStatus.SENT
    assert part.external_ids == ("wamid.NEW", "wamid.OLD")
    assert desk.find(message_id).parts[0].status is PartStatus.FAILED


async def _resent(desk: Desk, *, answered: bool) -> tuple[str, Claimed]:
    """A message whose first answer was lost, on the wire again; perhaps with an answer."""
    queued = await desk.submit(await desk.leg())
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_060.0))
    [again] = await desk.claim(claimed.part_id, at=1_061.0)
    if answered:
        await desk.settle(again, TakenUp(("wamid.NEW",)), at=1_062.0)
    return queued.message_id, again


@pytest.mark.parametrize("order", list(permutations(["sent", "failed"])))
async def test_what_has_an_id_that_no_answer_named_is_of_the_lost_try(
    desk: Desk, order: tuple[str, ...]
) -> None:
    message_id, again = await _resent(desk, answered=True)

    for status in order:
        failure = REJECTED if status == "failed" else None
        await desk.status("wamid.OLD", status, callback=again.part_id, failure=failure)

    [part] = desk.find(message_id).parts
    assert part.status is PartStatus.SENT
    assert part.external_ids == ("wamid.NEW", "wamid.OLD")
    assert desk.ask(DeadLetters("default")).rows == ()


@pytest.mark.parametrize(("failed", "status"), [("wamid.OLD", "sent"), ("wamid.NEW", "failed")])
async def test_a_failure_while_a_part_is_sent_anew_waits_for_the_answer(
    desk: Desk, failed: str, status: str
) -> None:
    message_id, again = await _resent(desk, answered=False)

    early = await desk.status(
        failed, "failed", callback=again.part_id, at=1_062.0, failure=REJECTED
    )
    await desk.settle(again, TakenUp(("wamid.NEW",)), at=1_063.0)

    assert early.parked == 1
    assert desk.find(message_id).status == status


async def test_a_sign_of_the_lost_try_is_told_from_the_answer_of_the_new_one(desk: Desk) -> None:
    message_id, again = await _resent(desk, answered=False)
    await desk.status("wamid.OLD", "sent", callback=again.part_id, at=1_062.0)
    await desk.settle(again, TakenUp(("wamid.NEW",)), at=1_063.0)

    await desk.status("wamid.OLD", "failed", at=1_064.0, failure=REJECTED)

    [part] = desk.find(message_id).parts
    assert part.status is PartStatus.SENT
    assert part.external_ids == ("wamid.NEW", "wamid.OLD")


async def test_a_redriven_doubt_says_that_it_may_be_a_double(desk: Desk) -> None:
    queued = await desk.submit(await desk.leg(), expires_at=1_030.0)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_061.0))
    [letter] = desk.ask(DeadLetters("default")).rows

    await desk.do(Redrive("default", (letter.id,), 1_070.0))

    assert desk.find(queued.message_id).parts[0].maybe_duplicate


async def test_an_old_try_that_arrived_after_all_ends_the_redriven_part(desk: Desk) -> None:
    message_id = await _redriven(desk)

    await desk.status("wamid.OLD", "delivered", at=1_011.0)

    assert desk.heads() == []
    assert desk.find(message_id).status == "delivered"


async def test_a_failed_part_that_arrived_after_all_is_dead_no_more(desk: Desk) -> None:
    message = await desk.sent(await desk.leg(), "wamid.OUT1")
    await desk.status("wamid.OUT1", "failed", failure=REJECTED)

    await desk.status("wamid.OUT1", "delivered", at=1_020.0)

    [letter] = desk.ask(DeadLetters("default", redriven=True)).rows
    assert desk.find(message.id).status == "delivered"
    assert desk.ask(DeadLetters("default")).rows == ()
    assert letter.redriven_at == 1_020.0


async def test_a_part_that_failed_and_arrived_in_one_webhook_is_not_dead(desk: Desk) -> None:
    await desk.sent(await desk.leg(), "wamid.OUT1")
    reports = [
        StatusReported("770", f"s:{n}", 1_003.0 + n, (), "wamid.OUT1", status)
        for n, status in enumerate([PartStatus.FAILED, PartStatus.DELIVERED])
    ]

    await desk.accept(item(reports[0], rank=2), item(reports[1], rank=3))

    assert desk.ask(DeadLetters("default")).rows == ()


@pytest.mark.parametrize("early", [True, False])
async def test_what_a_message_cost_stands_in_the_event(desk: Desk, early: bool) -> None:
    await desk.submit(await desk.leg())
    [claimed] = await desk.claim(*desk.heads())
    price: dict[str, Json] = {"category": "service", "billable": False}
    report = StatusReported(
        "770", "s:1", 1_003.0, (), "wamid.OUT1", PartStatus.DELIVERED, pricing=price,
        participant="44123",
    )  # fmt: skip

    if early:
        await desk.accept(item(report, rank=3))
    await desk.settle(claimed, TakenUp(("wamid.OUT1",)))
    if not early:
        await desk.accept(item(report, rank=3))

    [told] = [e for e in desk.events() if e.type is EventType.MESSAGE_DELIVERED]
    assert told.detail == {"pricing": price, "participant": "44123"}
