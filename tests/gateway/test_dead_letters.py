"""Dead letters: looked at, and given another chance."""

import pytest
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.store.rows import DeadLetter
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    OPERATOR,
    Rig,
    caller,
    open_window,
)


async def letters(rig: Rig) -> tuple[DeadLetter, ...]:
    return (await rig.gateway.dead_letters(OPERATOR, after="", limit=99)).rows


async def fail(rig: Rig, count: int = 1) -> list[str]:
    """So many messages that the platform refuses."""
    await open_window(rig)
    rig.platform.strike(Refuse(131051), times=count)
    answers = [await rig.submit(f"m{n}") for n in range(count)]
    for answer in answers:
        await rig.reached(answer.message_id, "failed")
    return [answer.message_id for answer in answers]


async def test_a_redriven_part_is_sent_behind_what_waits(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await fail(rig)
    (letter,) = await letters(rig)

    told = await rig.gateway.redrive(OPERATOR, ids=[letter.id])
    await rig.until(lambda: rig.platform.texts() == ["m0"], within_s=5)

    assert told == {"redriven": [letter.id], "skipped": [], "unread": []}
    assert await letters(rig) == ()


async def test_what_was_redriven_is_not_redriven_again(rig: Rig, autojump_clock: MockClock) -> None:
    await fail(rig)
    (letter,) = await letters(rig)
    await rig.gateway.redrive(OPERATOR, ids=[letter.id])

    told = await rig.gateway.redrive(OPERATOR, ids=[letter.id, "ddl_nobody"])

    assert told == {"redriven": [], "skipped": [letter.id, "ddl_nobody"], "unread": []}


async def test_a_filter_redrives_at_a_rate(rig: Rig, autojump_clock: MockClock) -> None:
    await fail(rig, 6)
    refused = len(rig.platform.arrivals)

    told = await rig.gateway.redrive(
        OPERATOR, where={"reason": "content_unsupported"}, per_second=2
    )

    redriven = told["redriven"]
    assert isinstance(redriven, list)
    assert len(redriven) == 6
    await rig.until(lambda: len(rig.platform.texts()) == 6)
    at = [arrival.at for arrival in rig.platform.arrivals[refused:]]
    assert at[-1] - at[0] == pytest.approx(2.5, abs=0.2)


async def test_no_filter_and_an_unknown_criterion_are_mistakes(
    rig: Rig, autojump_clock: MockClock
) -> None:
    for where in (None, {"colour": "red"}):
        with pytest.raises(RequestError) as refused:
            await rig.gateway.redrive(OPERATOR, where=where)
        assert refused.value.code is Code.INVALID


async def test_another_tenant_can_neither_see_nor_redrive(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await fail(rig)
    (letter,) = await letters(rig)

    told = await rig.gateway.redrive(caller("acme"), ids=[letter.id])
    with pytest.raises(RequestError) as refused:
        await rig.gateway.dead_letter(caller("acme"), letter.id)

    assert told == {"redriven": [], "skipped": [letter.id], "unread": []}
    assert refused.value.code is Code.NOT_FOUND


async def test_an_intake_shows_how_it_begins(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.knock(b"not json at all")
    (letter,) = await letters(rig)

    _, shown = await rig.gateway.dead_letter(OPERATOR, letter.id)

    assert shown["begins"] == "not json at all"
    assert shown["hook"] == "meta"
