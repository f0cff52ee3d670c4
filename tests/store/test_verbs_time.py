"""What time, a crash and second chances do: expiry, timers, recovery, redriving, forgetting."""

import pytest
from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import OnUnknown, PartStatus
from omni_actors.store.contract import Refused
from omni_actors.store.queries import (
    Attempts,
    DeadLetterById,
    DeadLetters,
    Events,
    IntakeBody,
    LastCursor,
)
from omni_actors.store.verbs import (
    Accept,
    Again,
    GivenUp,
    Handle,
    Idempotency,
    InDoubt,
    Recover,
    Redrive,
    Retention,
    Sweep,
    TakenUp,
    Tick,
    Timer,
)
from tests.store.conftest import LOST, REJECTED, STUMBLED, Desk, item, received

DAY_S = 86_400.0


async def failed(desk: Desk, leg_id: str) -> str:
    """The id of the part of a message that was given up."""
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, GivenUp(REJECTED))
    return claimed.part_id


async def test_a_part_that_waited_too_long_expires(desk: Desk) -> None:
    leg_id = await desk.leg()
    first = await desk.submit(leg_id, expires_at=1_100.0)
    second = await desk.submit(leg_id)

    before = await desk.do(Tick(1_099.0))
    after = await desk.do(Tick(1_100.0))

    [letter] = desk.ask(DeadLetters("default")).rows
    assert before.next_at == 1_100.0
    assert [w.part_id for w in after.wakes] == [desk.find(second.message_id).parts[0].id]
    assert desk.find(first.message_id).status == "expired"
    assert letter.reason == "expired"
    assert EventType.MESSAGE_EXPIRED in desk.told(first.message_id)


async def test_a_part_on_the_wire_does_not_expire(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, expires_at=1_100.0)
    [claimed] = await desk.claim(*desk.heads())

    await desk.do(Tick(1_200.0))
    await desk.settle(claimed, TakenUp(("wamid.1",)))

    assert desk.find(queued.message_id).status == "sent"


async def test_an_expired_part_cannot_be_claimed(desk: Desk) -> None:
    await desk.submit(await desk.leg(), expires_at=1_100.0)

    assert await desk.claim(*desk.heads(), at=1_100.0) == ()


async def test_a_timer_goes_off_until_it_is_done_and_a_later_one_replaces_it(desk: Desk) -> None:
    later = Timer("window", "leg_1", 1_020.0, {"a": 1})
    await desk.do(Handle("cnv_x", 0, timers=(Timer("window", "leg_1", 1_010.0),)))
    await desk.do(Handle("cnv_x", 0, timers=(later,)))

    early = await desk.do(Tick(1_015.0))
    due = await desk.do(Tick(1_020.0))
    again = await desk.do(Tick(1_025.0))
    await desk.do(Handle("cnv_x", 0, done=(later,)))
    done = await desk.do(Tick(1_030.0))

    assert (early.timers, early.next_at) == ((), 1_020.0)
    assert due.timers == again.timers == (later,)
    assert (done.timers, done.next_at) == ((), None)


async def test_a_timer_that_was_moved_is_not_done_with_the_earlier_one(desk: Desk) -> None:
    earlier, later = Timer("window", "leg_1", 1_010.0), Timer("window", "leg_1", 1_020.0)
    await desk.do(Handle("cnv_x", 0, timers=(earlier,)))
    await desk.do(Handle("cnv_x", 0, timers=(later,)))

    await desk.do(Handle("cnv_x", 0, done=(earlier,)))

    assert (await desk.do(Tick(1_030.0))).timers == (later,)


async def test_a_start_puts_what_was_on_the_wire_in_doubt(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())

    recovered = await desk.do(Recover(2_000.0, {"whatsapp": 60.0}))

    assert (recovered.in_doubt, recovered.given_up) == (1, 0)
    assert desk.find(queued.message_id).parts[0].status is PartStatus.UNKNOWN
    assert (await desk.do(Tick(2_059.0))).next_at == 2_060.0
    assert [w.part_id for w in (await desk.do(Tick(2_060.0))).wakes] == [claimed.part_id]


async def test_a_restart_of_one_channel_leaves_the_others_alone(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id)
    await desk.claim(*desk.heads())

    other = await desk.do(Recover(2_000.0, {}, channel_id="fb"))
    own = await desk.do(Recover(2_000.0, {}, channel_id="wa"))

    assert (other.in_doubt, own.in_doubt) == (0, 1)


async def _crash(desk: Desk, part_id: str, at: float) -> None:
    """The process dies with this part in hand, and nothing is heard of it."""
    assert len(await desk.claim(part_id, at=at)) == 1
    await desk.do(Recover(at + 1, {"whatsapp": 60.0}))
    await desk.do(Tick(at + 62))


async def test_a_part_that_ends_the_process_each_time_is_given_up(desk: Desk) -> None:
    leg_id = await desk.leg()
    poison = await desk.submit(leg_id)
    following = await desk.submit(leg_id)
    [part_id] = desk.heads()

    for n in range(3):
        await _crash(desk, part_id, 2_000.0 + 100 * n)

    [letter] = desk.ask(DeadLetters("default")).rows
    assert (letter.ref, letter.reason) == (part_id, "poison")
    assert desk.find(poison.message_id).status == "failed"
    assert desk.heads() == [desk.find(following.message_id).parts[0].id]


async def test_what_the_platform_says_of_a_part_given_up_in_doubt_makes_no_second_dead_letter(
    desk: Desk,
) -> None:
    queued = await desk.submit(await desk.leg())
    [part_id] = desk.heads()
    for n in range(3):
        await _crash(desk, part_id, 2_000.0 + 100 * n)

    await desk.status("wamid.1", "failed", callback=part_id, failure=REJECTED)

    assert len(desk.ask(DeadLetters("default")).rows) == 1
    assert desk.find(queued.message_id).parts[0].failure == REJECTED


async def test_tries_that_ended_well_do_not_make_a_part_poison(desk: Desk) -> None:
    await desk.submit(await desk.leg())
    [part_id] = desk.heads()
    for n in range(3):
        [claimed] = await desk.claim(part_id, at=1_001.0 + n)
        await desk.settle(claimed, Again(1_001.0 + n, STUMBLED), at=1_001.0 + n)

    await _crash(desk, part_id, 2_000.0)

    assert desk.heads() == [part_id]


async def test_a_redriven_part_may_crash_as_often_again(desk: Desk) -> None:
    await desk.submit(await desk.leg())
    [part_id] = desk.heads()
    for n in range(3):
        await _crash(desk, part_id, 2_000.0 + 100 * n)
    [letter] = desk.ask(DeadLetters("default")).rows
    await desk.do(Redrive("default", (letter.id,), 3_000.0))

    await _crash(desk, part_id, 3_001.0)

    assert desk.heads() == [part_id]


@pytest.mark.parametrize("on_unknown", list(OnUnknown))
async def test_what_may_have_arrived_is_not_said_to_have_expired(
    desk: Desk, on_unknown: OnUnknown
) -> None:
    queued = await desk.submit(await desk.leg(), expires_at=1_100.0, on_unknown=on_unknown)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))

    for now in (1_061.0, 1_101.0):
        await desk.do(Tick(now))

    [letter] = desk.ask(DeadLetters("default")).rows
    assert letter.reason == "unknown"
    assert EventType.MESSAGE_EXPIRED not in desk.told(queued.message_id)


async def test_a_doubt_that_ends_after_the_deadline_stays_a_doubt(desk: Desk) -> None:
    queued = await desk.submit(await desk.leg(), expires_at=1_030.0)
    [claimed] = await desk.claim(*desk.heads())
    await desk.settle(claimed, InDoubt(LOST, 1_060.0))
    await desk.do(Tick(1_061.0))
    [letter] = desk.ask(DeadLetters("default")).rows

    await desk.status("wamid.1", "sent", callback=claimed.part_id, at=1_070.0)

    assert letter.reason == "unknown"
    assert desk.find(queued.message_id).status == "sent"
    assert desk.ask(DeadLetters("default")).rows == ()


async def test_redriven_parts_keep_their_order(desk: Desk) -> None:
    leg_id = await desk.leg()
    queued = await desk.submit(leg_id, parts=3, expires_at=1_100.0)
    await desk.do(Tick(1_100.0))
    letters = [letter.id for letter in desk.ask(DeadLetters("default")).rows]

    await desk.do(Redrive("default", tuple(reversed(letters)), 2_000.0, every_s=0.01))

    gone: list[str] = []
    while heads := desk.heads():
        [claimed] = await desk.claim(*heads, at=2_001.0)
        await desk.settle(claimed, TakenUp((f"wamid.{len(gone)}",)), at=2_001.0)
        gone.append(claimed.part_id)
    assert gone == [part.id for part in desk.find(queued.message_id).parts]


async def test_a_redriven_part_goes_to_the_tail_of_its_leg(desk: Desk) -> None:
    leg_id = await desk.leg()
    part_id = await failed(desk, leg_id)
    waiting = await desk.submit(leg_id)
    [letter] = desk.ask(DeadLetters("default")).rows

    redriven = await desk.do(Redrive("default", (letter.id,), 1_010.0))
    again = await desk.do(Redrive("default", (letter.id,), 1_011.0))

    message = desk.find(letter.message_id)
    assert (redriven.redriven, again.skipped) == ((letter.id,), (letter.id,))
    assert (message.status, message.redrive_of) == ("queued", letter.id)
    first = desk.find(waiting.message_id).parts[0].id
    assert desk.heads() == [first]
    [claimed] = await desk.claim(first, at=1_012.0)
    [wake] = await desk.settle(claimed, TakenUp(("wamid.1",)))
    assert wake.part_id == part_id
    [retried] = await desk.claim(part_id, at=1_013.0)
    assert retried.attempt == 1


async def test_a_redriven_part_that_fails_again_is_dead_again(desk: Desk) -> None:
    leg_id = await desk.leg()
    part_id = await failed(desk, leg_id)
    [letter] = desk.ask(DeadLetters("default")).rows
    await desk.do(Redrive("default", (letter.id,), 1_010.0))
    [claimed] = await desk.claim(part_id, at=1_011.0)

    await desk.settle(claimed, GivenUp(REJECTED))

    [fresh] = desk.ask(DeadLetters("default")).rows
    assert fresh.id != letter.id
    assert len(desk.ask(DeadLetters("default", redriven=True)).rows) == 2
    assert desk.ask(DeadLetterById("default", letter.id)).redriven_at == 1_010.0


async def test_a_redriven_intake_is_given_back_to_be_parsed(desk: Desk) -> None:
    intake = desk.intake(problem="not JSON")
    await desk.do(Accept(intake))
    [letter] = desk.ask(DeadLetters("*")).rows

    foreign = await desk.do(Redrive("default", (letter.id,), 1_010.0))
    own = await desk.do(Redrive("*", (letter.id,), 1_010.0))

    assert foreign.skipped == (letter.id,)
    assert own.intakes == ((letter.id, intake.id),)
    assert desk.ask(DeadLetters("*")).rows == (letter,)


async def test_an_intake_that_can_be_read_by_now_is_dead_no_more(desk: Desk) -> None:
    intake = desk.intake(problem="not JSON")
    await desk.do(Accept(intake))

    await desk.do(Accept(evolve(intake, problem=None, received_at=2_000.0)))

    [letter] = desk.ask(DeadLetters("*", redriven=True)).rows
    assert desk.ask(DeadLetters("*")).rows == ()
    assert letter.redriven_at == 2_000.0
    assert desk.ask(IntakeBody(intake.id)) == evolve(intake, problem=None)


async def test_an_intake_that_still_cannot_be_read_is_dead_once(desk: Desk) -> None:
    intake = desk.intake(problem="not JSON")
    await desk.do(Accept(intake))

    await desk.do(Accept(evolve(intake, problem="still not JSON")))

    assert len(desk.ask(DeadLetters("*", redriven=True)).rows) == 1
    assert desk.ask(IntakeBody(intake.id)).problem == "still not JSON"


async def test_an_expired_part_is_redriven_without_its_deadline(desk: Desk) -> None:
    leg_id = await desk.leg()
    await desk.submit(leg_id, expires_at=1_100.0)
    await desk.do(Tick(1_100.0))
    [letter] = desk.ask(DeadLetters("default")).rows

    redriven = await desk.do(Redrive("default", (letter.id,), 1_200.0))

    assert [wake.part_id for wake in redriven.wakes] == [letter.ref]
    assert len(await desk.claim(letter.ref, at=1_201.0)) == 1


async def test_old_rows_are_forgotten_and_unfinished_ones_kept(desk: Desk) -> None:
    intake = desk.intake(at=1_000.0)
    await desk.do(Accept(intake))
    leg_id = await desk.leg()
    message = await desk.sent(leg_id, idempotency=Idempotency("k", "1", "f"))
    waiting = await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    cursor = desk.ask(LastCursor())

    gone = await desk.do(Sweep(1_000.0 + 31 * DAY_S, Retention()))

    assert gone > 0
    assert desk.ask(IntakeBody(intake.id)) is None
    assert desk.ask(Attempts("default", message.id)) == ()
    assert len(desk.ask(Attempts("default", waiting.message_id))) == 1
    assert (await desk.submit(leg_id, idempotency=Idempotency("k", "1", "g"))).replayed is False
    assert desk.find(waiting.message_id).parts[0].id == claimed.part_id
    assert desk.ask(LastCursor()) > cursor


async def test_a_cursor_from_before_the_sweep_is_refused(desk: Desk) -> None:
    await desk.receive("wamid.1")
    last = desk.ask(LastCursor())
    await desk.do(Sweep(1_000.0 + 31 * DAY_S, Retention()))
    await desk.receive("wamid.2", at=1_000.0 + 31 * DAY_S, who=(IdentityKey("phone", "1"),))

    found = desk.events(after=last)

    assert found[0].cursor == last + 1
    with pytest.raises(Refused) as refused:
        desk.ask(Events("default", last - 1))
    assert refused.value.code == "cursor_too_old"


async def test_what_is_told_of_long_ago_takes_no_event_of_today_with_it(desk: Desk) -> None:
    today = 1_000.0 + 400 * DAY_S
    bob = (IdentityKey("phone", "1"),)
    await desk.accept(item(received("wamid.old", who=bob, at=1_000.0, synced=True)), at=today)
    await desk.receive("wamid.new", at=today)
    await desk.accept(item(received("wamid.late", at=1_000.0)), at=today)
    told = [event.cursor for event in desk.events()]

    await desk.do(Sweep(today + DAY_S, Retention()))
    assert [event.cursor for event in desk.events()] == told

    await desk.do(Sweep(today + 31 * DAY_S, Retention()))
    assert desk.events(after=told[-1]) == ()
    with pytest.raises(Refused):
        desk.events()


async def test_an_event_of_a_time_to_come_keeps_no_others(desk: Desk) -> None:
    """As of a clock that was wrong for a while."""
    await desk.receive("wamid.wrong", at=1_000.0 + 400 * DAY_S)
    await desk.receive("wamid.right", at=1_000.0)

    await desk.do(Sweep(1_000.0 + 31 * DAY_S, Retention()))

    with pytest.raises(Refused):
        desk.events()


async def test_a_sweep_takes_small_bites(desk: Desk) -> None:
    for n in range(5):
        await desk.receive(f"wamid.{n}")
    keep = Retention(events_s=1e9, intakes_s=1e9)

    bites = [await desk.do(Sweep(1_000.0 + 20 * DAY_S, keep, limit=2)) for _ in range(4)]

    assert bites == [2, 2, 1, 0]
