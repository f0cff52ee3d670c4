"""Reply windows as clocks: what they let through, what becomes of the rest, what is told."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.content import Choices, Media, MediaKind, Option, Template, Text
from omni_actors.model.requests import ClosedWindow, Delivery, WindowTemplate
from omni_actors.store.queries import LegById
from omni_actors.store.rows import ANY_TENANT, Leg
from tests.gateway.faults import (
    Refuse,
)
from tests.gateway.kit import (
    ADA,
    BOB,
    OPERATOR,
    Platform,
    Rig,
    open_rig,
    open_window,
    plan,
    to,
)

DAY_S = 86_400.0
FAIL = Delivery()
HOLD = Delivery(on_closed_window=ClosedWindow("hold"))
TEMPLATE = Delivery(
    on_closed_window=ClosedWindow("template", WindowTemplate("hello", "en", {"body": ["Ada"]}))
)
AD: dict[str, Any] = {
    "referral": {"source_type": "ad", "source_id": "1", "source_url": "https://fb.me/x"}
}
SHUT: dict[str, Any] = {"errors": [{"code": 131047, "title": "Re-engagement message"}]}


async def late(rig: Rig, delivery: Delivery, **beside: Any) -> str:
    """Queue a message while the channel is paused, and let its window close meanwhile."""
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    answer = await rig.submit(delivery=delivery, **beside)
    await trio.sleep(DAY_S + 60)
    await rig.gateway.resume(OPERATOR, "wa")
    await rig.quiet(for_s=5)
    return answer.message_id


async def leg_of(rig: Rig, person: str = ADA) -> Leg:
    """The leg of the person who has written."""
    received = await rig.events("message.received")
    for event in received:
        leg = rig.store.peek(LegById(ANY_TENANT, event.leg_id or ""))
        if leg is not None and any(key.value == person for key in leg.keys):
            return leg
    raise AssertionError(person)


async def windows_told(rig: Rig) -> list[str]:
    told = await rig.events("window.opened", "window.closing", "window.closed")
    return [event.type.removeprefix("window.") for event in told]


# ---------------------------------------------------------------- at the claim


@pytest.mark.slow
async def test_what_waited_until_its_window_closed_fails_unsent(
    rig: Rig, autojump_clock: MockClock
) -> None:
    message = await rig.message(await late(rig, FAIL))

    assert message.status == "failed"
    failure = message.parts[0].failure
    assert failure is not None
    assert failure.reason == "outside_window"
    assert failure.advice is not None
    assert rig.platform.arrivals == []
    assert len(await rig.events("delivery.dead")) == 1


@pytest.mark.slow
async def test_a_queue_whose_window_closed_costs_the_leg_none_of_its_pace(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    waiting = [await rig.submit(Text(str(n))) for n in range(40)]
    await trio.sleep(DAY_S + 60)

    await rig.gateway.resume(OPERATOR, "wa")
    await rig.quiet(for_s=5)

    states = {(await rig.message(answer.message_id)).status for answer in waiting}
    assert states == {"failed"}
    await open_window(rig)
    answer = await rig.submit(Text("good morning"))
    await rig.reached(answer.message_id, "sent", within_s=2)
    assert rig.platform.texts() == ["good morning"]


@pytest.mark.slow
async def test_what_waited_until_its_window_closed_is_held_until_the_customer_writes(
    rig: Rig, autojump_clock: MockClock
) -> None:
    message_id = await late(rig, HOLD)
    assert (await rig.message(message_id)).status == "held"

    await open_window(rig)

    await rig.reached(message_id, "sent", within_s=5)
    assert rig.platform.texts() == ["hello"]


@pytest.mark.slow
async def test_what_is_held_for_its_window_expires_in_its_time(
    rig: Rig, autojump_clock: MockClock
) -> None:
    message_id = await late(rig, HOLD, expires_in_s=2 * DAY_S)

    await trio.sleep(DAY_S)

    assert (await rig.message(message_id)).status == "expired"
    assert rig.platform.arrivals == []


@pytest.mark.slow
async def test_the_named_template_takes_the_place_of_all_that_is_left(
    rig: Rig, autojump_clock: MockClock
) -> None:
    question = Choices("x" * 900, tuple([Option(str(n), f"Option {n}") for n in range(3)]))
    shown = Media(MediaKind.IMAGE, url="https://shop.example/tea.png")

    message = await rig.message(
        await late(rig, TEMPLATE, text=question, attachments=(shown, shown))
    )

    assert [arrival.body["type"] for arrival in rig.platform.accepted()] == ["template"]
    assert isinstance(message.content, Template)
    assert message.status == "sent"
    assert len(message.parts) == 1
    assert "reply window is closed" in str(message.rendering)
    assert (await leg_of(rig)).questions == ()


@pytest.mark.slow
async def test_an_open_window_sends_the_message_itself_whatever_was_wanted(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    for delivery in (FAIL, HOLD, TEMPLATE):
        await rig.submit(delivery=delivery)
    await rig.until(lambda: len(rig.platform.accepted()) == 3)

    assert rig.platform.texts() == ["hello"] * 3


async def test_a_template_in_a_closed_window_is_told_in_the_rendering(
    rig: Rig, autojump_clock: MockClock
) -> None:
    answer = await rig.submit(delivery=TEMPLATE)
    await rig.reached(answer.message_id, "sent")

    assert "the reply window is closed" in str(answer.body["rendering"])
    assert answer.body["window"] == {
        "open": False,
        "closes_at": None,
        "human_closes_at": None,
        "free_until": None,
    }


# ---------------------------------------------------------------- the platform's word


@pytest.mark.slow
async def test_the_platforms_word_closes_the_window(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131047))

    answer = await rig.submit()
    await rig.reached(answer.message_id, "failed")

    assert (await leg_of(rig)).window_until is None
    assert await windows_told(rig) == ["opened", "closed"]
    await trio.sleep(DAY_S)
    assert await windows_told(rig) == ["opened", "closed"]


async def test_what_the_platform_shuts_out_is_held_until_the_customer_writes(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131047))

    answer = await rig.submit(delivery=HOLD)
    held = await rig.reached(answer.message_id, "held")
    await trio.sleep(3)
    await open_window(rig)
    await rig.reached(answer.message_id, "sent", within_s=5)

    assert held.parts[0].failure is not None
    assert await windows_told(rig) == ["opened", "closed", "opened"]
    assert rig.platform.texts() == ["hello"]


async def test_what_the_platform_shuts_out_gives_way_to_its_template(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131047), times=1)

    answer = await rig.submit(delivery=TEMPLATE)
    message = await rig.reached(answer.message_id, "sent")

    assert [a.body["type"] for a in rig.platform.accepted()] == ["template"]
    assert isinstance(message.content, Template)


async def test_a_template_that_is_shut_out_too_fails(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    rig.platform.strike(Refuse(131047), times=2)

    answer = await rig.submit(delivery=TEMPLATE)
    await rig.reached(answer.message_id, "failed", within_s=60)

    assert len(rig.platform.arrivals) == 2


@pytest.mark.parametrize(
    ("delivery", "status", "sent"),
    [(FAIL, "failed", []), (HOLD, "held", []), (TEMPLATE, "sent", ["template"])],
)
async def test_a_message_that_comes_back_for_its_window_meets_the_same_wish(
    rig: Rig, autojump_clock: MockClock, delivery: Delivery, status: str, sent: list[str]
) -> None:
    await open_window(rig)
    answer = await rig.submit(delivery=delivery)
    await rig.reached(answer.message_id, "sent")
    (arrival,) = rig.platform.arrivals
    await trio.sleep(2)

    for _ in range(2):
        await rig.platform.tell(arrival, "failed", **SHUT)
    await rig.quiet()

    assert (await rig.message(answer.message_id)).status == status
    assert [a.body["type"] for a in rig.platform.arrivals[1:]] == sent
    assert (await leg_of(rig)).window_until is None


async def test_a_message_that_comes_back_before_its_answer_is_held_all_the_same(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    rig.platform.latency_s = lambda _to: 5.0
    answer = await rig.submit(delivery=HOLD)
    await rig.until(lambda: rig.platform.arrivals)
    await trio.sleep(2)

    await rig.platform.tell(rig.platform.arrivals[0], "failed", **SHUT)
    await trio.sleep(30)

    assert (await rig.message(answer.message_id)).status == "held"
    assert len(rig.platform.arrivals) == 1


async def test_who_wrote_after_the_refused_message_keeps_the_window(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    answer = await rig.submit(delivery=HOLD)
    await rig.reached(answer.message_id, "sent")
    await trio.sleep(3)
    await rig.platform.write("are you there?")

    await rig.platform.tell(rig.platform.arrivals[0], "failed", **SHUT)
    await rig.until(lambda: len(rig.platform.accepted()) == 2)

    assert (await leg_of(rig)).window_until is not None
    assert "closed" not in await windows_told(rig)


async def test_a_refusal_for_stopped_marketing_is_kept_of_the_person(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await open_window(rig, BOB)
    rig.platform.strike(Refuse(131050), to=ADA)
    at_once = await rig.submit(Template("sale", "en"))
    later = await rig.submit(Template("sale", "en"), to=to(BOB))
    await rig.reached(later.message_id, "sent")

    stopped: dict[str, Any] = {"errors": [{"code": 131050, "title": "stopped"}]}
    await rig.platform.tell(rig.platform.accepted(BOB)[0], "failed", **stopped)
    await rig.reached(at_once.message_id, "failed")
    await rig.reached(later.message_id, "failed")

    for person in (ADA, BOB):
        contact = await rig.gateway.contact(OPERATOR, (await leg_of(rig, person)).contact_id)
        assert contact.identities[0].preferences == {"marketing_messages": "stop"}
    assert len(await rig.events("identity.preference")) == 2


# ---------------------------------------------------------------- clocks


@pytest.mark.slow
async def test_a_window_is_told_of_when_it_opens_when_it_is_about_to_close_and_when_it_has(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, evolve(plan(), window_closing_s=600.0)) as rig:
        await open_window(rig)
        began = rig.clock.now()
        await trio.sleep(DAY_S + 60)
        told = await rig.events("window.opened", "window.closing", "window.closed")

    assert [event.type for event in told] == ["window.opened", "window.closing", "window.closed"]
    assert told[1].at == pytest.approx(began + DAY_S - 600, abs=2)
    assert told[2].at == pytest.approx(began + DAY_S, abs=2)


@pytest.mark.slow
async def test_a_customer_who_writes_again_puts_the_warning_off(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await trio.sleep(DAY_S - 7_200)
    await open_window(rig)

    await trio.sleep(7_200)

    assert await windows_told(rig) == ["opened"]


@pytest.mark.slow
@pytest.mark.parametrize("closing_s", [600.0, 7_200.0])
async def test_a_windows_clock_goes_on_in_a_house_that_was_restarted(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock, closing_s: float
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await open_window(rig)
    await trio.sleep(3_600)

    async with open_rig(tmp_path, platform, evolve(plan(), window_closing_s=closing_s)) as rig:
        await trio.sleep(DAY_S)
        assert await windows_told(rig) == ["opened", "closing", "closed"]


@pytest.mark.slow
async def test_an_answer_to_somebody_from_an_ad_is_free_for_three_days_and_opens_no_window(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("saw your ad", **AD)
    await rig.quiet(for_s=0.1)
    assert (await leg_of(rig)).entry_until is None
    closes_at = (await leg_of(rig)).window_until
    await trio.sleep(3_600)

    answer = await rig.submit()
    await rig.reached(answer.message_id, "sent")
    answered_at = rig.platform.accepted()[0].at
    again = await rig.submit()

    leg = await leg_of(rig)
    assert leg.entry_until == pytest.approx(answered_at + 3 * DAY_S, abs=1)
    assert leg.window_until == closes_at
    assert again.body["window"] == {
        "open": True,
        "closes_at": closes_at,
        "human_closes_at": None,
        "free_until": leg.entry_until,
    }


@pytest.mark.slow
async def test_who_is_answered_too_late_or_came_by_themselves_costs(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("saw your ad", **AD)
    await trio.sleep(DAY_S + 60)
    await rig.submit(Template("hello", "en"))
    await rig.quiet()
    assert (await leg_of(rig)).entry_until is None

    await open_window(rig, BOB)
    await rig.submit(to=to(BOB))
    await rig.quiet()
    assert (await leg_of(rig, BOB)).entry_until is None


def under_entry(until: float) -> dict[str, Any]:
    """What a status says of a message under a free entry that ends then."""
    origin = {"type": "referral_conversion"}
    entry = {"id": "c1", "expiration_timestamp": str(int(until)), "origin": origin}
    return {"conversation": entry, "pricing": {"type": "free_entry_point", "billable": False}}


@pytest.mark.parametrize("days", [2.5, 3.5])
async def test_when_a_free_entry_ends_is_for_the_platform_to_say(
    rig: Rig, autojump_clock: MockClock, days: float
) -> None:
    await rig.platform.write("saw your ad", **AD)
    answer = await rig.submit()
    await rig.reached(answer.message_id, "sent")
    until = rig.clock.now() + days * DAY_S

    await rig.platform.tell(rig.platform.accepted()[0], "delivered")
    await rig.platform.tell(rig.platform.accepted()[0], "sent", **under_entry(until))

    assert (await leg_of(rig)).entry_until == int(until)


async def test_a_free_entry_that_came_with_no_ad_is_known_by_its_statuses(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.submit()
    await rig.until(lambda: rig.platform.accepted())
    until = rig.clock.now() + 3 * DAY_S

    await rig.platform.tell(rig.platform.accepted()[0], "sent", **under_entry(until))
    again = await rig.submit()

    window: Any = again.body["window"]
    assert window["free_until"] == int(until)


async def test_a_status_that_is_faster_than_the_answer_tells_of_the_free_entry_too(
    rig: Rig, autojump_clock: MockClock
) -> None:
    rig.platform.latency_s = lambda _to: 2.0
    await rig.platform.write("saw your ad", **AD)
    answer = await rig.submit()
    await rig.until(lambda: rig.platform.arrivals)
    until = rig.clock.now() + 3 * DAY_S - 900

    await rig.platform.tell(rig.platform.arrivals[0], "sent", **under_entry(until))
    await rig.quiet(for_s=5)

    assert (await rig.message(answer.message_id)).status == "sent"
    assert (await leg_of(rig)).entry_until == int(until)


@pytest.mark.slow
async def test_late_word_of_an_earlier_free_entry_changes_no_later_one(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("saw your ad", **AD)
    await rig.submit()
    await rig.until(lambda: rig.platform.accepted())
    earlier = rig.clock.now() + 3 * DAY_S
    await trio.sleep(2 * 3_600)
    await rig.platform.write("saw another", **AD)
    await rig.submit()
    await rig.quiet()
    later = (await leg_of(rig)).entry_until

    await rig.platform.tell(rig.platform.accepted()[0], "sent", **under_entry(earlier))

    assert later is not None
    assert later > earlier + 3_600
    assert (await leg_of(rig)).entry_until == later
