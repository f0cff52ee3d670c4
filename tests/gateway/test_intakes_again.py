"""An intake that could not be read, read again by a program that can."""

from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.events import EventType
from omni_actors.store.queries import IntakeBody
from omni_actors.store.rows import DeadLetter
from omni_actors.store.verbs import Accept, Intake
from tests.gateway.kit import ADA, HOOK, OPERATOR, Rig, inbound, message_of


async def letters(rig: Rig) -> tuple[DeadLetter, ...]:
    return (await rig.gateway.dead_letters(OPERATOR, after="", limit=9)).rows


async def test_an_intake_that_can_be_read_by_now_takes_effect_under_its_own_id(
    rig: Rig, autojump_clock: MockClock
) -> None:
    said = {"type": "text", "text": {"body": "hi"}}
    body = inbound([message_of("wamid.1", ADA, rig.clock.now(), said)])
    intake = Intake("itk_1", HOOK, rig.clock.now(), len(body), body, problem="a bug of ours")
    await rig.store.do(Accept(intake))
    (letter,) = await letters(rig)

    await rig.gateway.redrive(OPERATOR, ids=[letter.id])

    assert await letters(rig) == ()
    assert rig.store.peek(IntakeBody("itk_1")) == evolve(intake, problem=None)
    assert len(await rig.events(EventType.MESSAGE_RECEIVED)) == 1


async def test_an_intake_that_still_cannot_be_read_stays_the_dead_letter_that_it_was(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.knock(b"not json at all")
    (letter,) = await letters(rig)

    told = await rig.gateway.redrive(OPERATOR, ids=[letter.id])

    assert told == {"redriven": [], "skipped": [], "unread": [letter.id]}
    assert await letters(rig) == (letter,)


async def test_an_intake_whose_bytes_are_gone_costs_no_other_its_chance(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.store.do(Accept(Intake("itk_gone", HOOK, 0.0, 70_000, blob="0" * 64, problem="old")))
    said = {"type": "text", "text": {"body": "hi"}}
    body = inbound([message_of("wamid.1", ADA, rig.clock.now(), said)])
    await rig.store.do(Accept(Intake("itk_kept", HOOK, 1.0, len(body), body, problem="old")))
    gone, kept = await letters(rig)

    told = await rig.gateway.redrive(OPERATOR, where={"kind": "intake"})

    assert told == {"redriven": [kept.id], "skipped": [], "unread": [gone.id]}
    assert await letters(rig) == (gone,)
