"""Submitting: routing, windows, shaping and idempotency, as a caller sees them."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.model.content import Choices, Media, MediaKind, Option, Reaction, Template
from omni_actors.model.requests import ClosedWindow, Delivery, To, WindowTemplate
from tests.gateway.kit import (
    BOB,
    OPERATOR,
    Platform,
    Rig,
    caller,
    open_rig,
    open_window,
    plan,
    request,
    spec,
    to,
)

HOLD = Delivery(on_closed_window=ClosedWindow("hold"))
TEMPLATE = Delivery(
    on_closed_window=ClosedWindow("template", WindowTemplate("hello", "en", {"body": ["Ada"]}))
)
DAY_S = 86_400.0


async def refusal(rig: Rig, **beside: Any) -> RequestError:
    with pytest.raises(RequestError) as refused:
        await rig.submit(**beside)
    return refused.value


async def test_a_closed_window_refuses_unless_told_otherwise(
    rig: Rig, autojump_clock: MockClock
) -> None:
    problem = await refusal(rig)

    assert problem.code is Code.OUTSIDE_WINDOW
    assert await rig.events("message.queued") == []


@pytest.mark.slow
async def test_what_is_held_goes_when_the_customer_writes(
    rig: Rig, autojump_clock: MockClock
) -> None:
    answer = await rig.submit(delivery=HOLD)
    await trio.sleep(3_600)
    assert (await rig.message(answer.message_id)).status == "held"

    await open_window(rig)

    await rig.reached(answer.message_id, "sent", within_s=5)
    assert answer.body["status"] == "held"


@pytest.mark.slow
async def test_what_is_held_while_the_customer_writes_goes_too(
    rig: Rig, autojump_clock: MockClock
) -> None:
    for n in range(30):
        person = f"44770090{n:04d}"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.platform.greet, [person])
            nursery.start_soon(
                lambda who: rig.submit(to=to(who), delivery=HOLD), person, name=person
            )
    await rig.quiet(for_s=5)

    assert len(rig.platform.arrivals) == 30


async def test_a_template_takes_the_place_of_what_the_window_forbids(
    rig: Rig, autojump_clock: MockClock
) -> None:
    answer = await rig.submit(delivery=TEMPLATE)
    message = await rig.reached(answer.message_id, "sent")

    assert isinstance(message.content, Template)
    assert rig.platform.accepted()[0].body["template"]["name"] == "hello"


@pytest.mark.slow
async def test_a_window_closes_after_a_day(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    await rig.submit()

    await trio.sleep(DAY_S)

    assert (await refusal(rig)).code is Code.OUTSIDE_WINDOW


async def test_the_same_key_answers_the_same_and_sends_once(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)

    first = await rig.submit(key="k1")
    again = await rig.submit(key="k1")
    await rig.quiet()

    assert (again.replayed, again.body) == (True, first.body)
    assert rig.platform.texts() == ["hello"]


async def test_the_same_key_with_another_request_is_a_mistake(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.submit("one", key="k1")

    with pytest.raises(RequestError) as refused:
        await rig.submit("other", key="k1")

    assert refused.value.code is Code.IDEMPOTENCY_MISMATCH


async def test_a_key_that_is_still_running_is_told_so(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    told: list[object] = []

    async def once() -> None:
        try:
            told.append((await rig.submit(key="k1")).message_id)
        except RequestError as problem:
            told.append(problem.code)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(once)
        nursery.start_soon(once)

    assert told.count(Code.IDEMPOTENCY_RUNNING) == 1
    assert len(await rig.events("message.queued")) == 1


async def test_two_callers_may_use_the_same_key(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)

    first = await rig.submit(key="k1")
    other = await rig.submit(key="k1", caller=OPERATOR)

    assert first.message_id != other.message_id


async def test_a_preview_shows_what_a_submit_makes_and_sends_nothing(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    many = Choices("Which?", tuple([Option(str(n), f"Option {n}") for n in range(12)]))

    shown = await rig.gateway.preview(caller(), request(many))
    answer = await rig.submit(many)
    message = await rig.message(answer.message_id)

    assert list(shown.rendering) == answer.body["rendering"]
    assert [part.form for part in shown.parts] == [part.form for part in message.parts]
    assert shown.leg_id == answer.body["leg_id"]
    assert len(await rig.events("message.queued")) == 1


async def test_an_address_that_is_none_says_what_one_looks_like(
    rig: Rig, autojump_clock: MockClock
) -> None:
    problem = await refusal(rig, to=To("wa", "not a number"))

    assert problem.code is Code.BAD_ADDRESS
    assert problem.mistakes[0].pointer == "/to/address"


async def test_a_channel_of_another_tenant_does_not_exist(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    other = spec("theirs", number="770011223344557", tenant="acme")
    async with open_rig(tmp_path, platform, plan(spec(), other)) as rig:
        problem = await refusal(rig, to=to(channel="theirs"))

    assert problem.code is Code.UNKNOWN_CHANNEL


@pytest.mark.slow
async def test_a_conversation_is_answered_where_the_customer_wrote_last(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    second = "770011223344557"
    async with open_rig(tmp_path, platform, plan(spec(), spec("wa2", number=second))) as rig:
        await open_window(rig)
        await trio.sleep(10)
        await open_window(rig, number=second)
        conversation = (await rig.events("message.received"))[-1].conversation_id

        await rig.submit("there", to=None, conversation_id=conversation)
        await rig.submit(
            "here", to=None, conversation_id=conversation, delivery=Delivery(route=("wa",))
        )
        await rig.until(lambda: len(platform.arrivals) == 2)

    assert platform.texts(number=second) == ["there"]
    assert platform.texts() == ["here"]


async def test_a_quoted_message_must_be_of_the_same_leg(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    bobs = (await rig.events("message.received"))[-1].message_id

    problem = await refusal(rig, reply_to=bobs)

    assert problem.code is Code.NOT_FOUND


async def test_a_quote_and_a_reaction_name_the_platforms_id(
    rig: Rig, autojump_clock: MockClock
) -> None:
    written = await rig.platform.write("hi")
    await rig.quiet()
    mine = (await rig.events("message.received"))[0].message_id

    await rig.submit("yes?", reply_to=mine)
    await rig.submit(Reaction("👍", mine))
    await rig.until(lambda: len(rig.platform.accepted()) == 2)

    quote, reaction = rig.platform.accepted()
    assert quote.body["context"]["message_id"] == written
    assert reaction.body["reaction"]["message_id"] == written


async def test_a_medium_that_nobody_has_is_a_mistake(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)

    with pytest.raises(RequestError) as refused:
        await rig.submit(Media(MediaKind.IMAGE, media_id="med_nobody"))

    assert refused.value.code is Code.MEDIA_UNKNOWN


async def test_a_house_that_drains_takes_nothing_new(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.house.drain_begun.set()

    problem = await refusal(rig)

    assert problem.code is Code.DRAINING
