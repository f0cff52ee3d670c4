"""A conversation's own life: windows that open, answers to questions, its context."""

import pytest
import trio
from trio.testing import MockClock

from omni_actors.model.content import Choices, Option
from tests.gateway.kit import Rig, open_window

THREE = Choices("Which?", (Option("s", "Small"), Option("m", "Medium"), Option("l", "Large")))
TWELVE = Choices("Which?", tuple([Option(f"o{n}", f"Option {n}") for n in range(1, 13)]))


async def ask(rig: Rig, question: Choices) -> str:
    """Ask Ada; the platform's id of the question."""
    await open_window(rig)
    answer = await rig.submit(question)
    message = await rig.reached(answer.message_id, "sent")
    return message.parts[-1].external_ids[0]


async def picked(rig: Rig) -> list[tuple[object, object]]:
    await rig.quiet()
    chosen = await rig.events("choice.selected")
    return [(event.detail["option_id"], event.detail["via"]) for event in chosen]


async def test_a_number_answers_a_question_with_numbers(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await ask(rig, TWELVE)

    await rig.platform.write("2")

    assert await picked(rig) == [("o2", "number")]
    received = (await rig.events("message.received"))[-1].message
    assert received is not None
    assert received.choice is not None
    assert (received.choice.option_id, received.choice.title) == ("o2", "Option 2")


async def test_a_label_answers_however_it_is_written(rig: Rig, autojump_clock: MockClock) -> None:
    await ask(rig, THREE)

    await rig.platform.write(" medium! ")

    assert await picked(rig) == [("m", "label")]


async def test_a_quoted_number_answers_a_question_without_numbers(
    rig: Rig, autojump_clock: MockClock
) -> None:
    question = await ask(rig, THREE)

    await rig.platform.write("3", context={"id": question})

    assert await picked(rig) == [("l", "quote")]


async def test_a_bare_number_answers_no_question_without_numbers(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await ask(rig, THREE)

    await rig.platform.write("3")

    assert await picked(rig) == []


async def test_a_button_answers(rig: Rig, autojump_clock: MockClock) -> None:
    question = await ask(rig, THREE)
    pressed = {"type": "button_reply", "button_reply": {"id": "s", "title": "Small"}}

    await rig.platform.write("", type="interactive", interactive=pressed, context={"id": question})

    assert await picked(rig) == [("s", "native")]


async def test_a_question_is_answered_once(rig: Rig, autojump_clock: MockClock) -> None:
    await ask(rig, TWELVE)

    await rig.platform.write("2")
    await rig.platform.write("3")

    assert await picked(rig) == [("o2", "number")]


@pytest.mark.slow
async def test_a_window_opens_warns_and_closes(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.platform.write("hi")
    await trio.sleep(25 * 3_600)

    told = await rig.events("window.opened", "window.closing", "window.closed")
    opened, closing, closed = told

    assert [event.type for event in told] == ["window.opened", "window.closing", "window.closed"]
    assert 0 <= closing.at - (opened.at + 23 * 3_600) < 65
    assert 0 <= closed.at - (opened.at + 24 * 3_600) < 5


@pytest.mark.slow
async def test_writing_again_keeps_the_window_open_without_a_word(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.write("hi")
    await trio.sleep(20 * 3_600)
    await rig.platform.write("still here")
    await trio.sleep(20 * 3_600)

    told = await rig.events("window.opened", "window.closing", "window.closed")

    assert [event.type for event in told] == ["window.opened"]


@pytest.mark.slow
async def test_conversations_sleep_when_nothing_happens(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await rig.platform.greet([f"44770090{n:04d}" for n in range(50)])
    await rig.quiet()
    awake = rig.house.conversations.active

    await trio.sleep(600)

    assert awake == 50
    assert rig.house.conversations.active == 0
