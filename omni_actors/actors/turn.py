"""One turn of one cell: build the behaviour if there is none, then handle what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from omni_actors.actors.cell import Behaviour, Cell, Context, Quarantined, State
from omni_actors.actors.errors import AskFailed
from omni_actors.actors.mailbox import Envelope
from omni_actors.actors.question import Question
from omni_actors.actors.runners import TURN_MESSAGES, TURN_S
from omni_actors.actors.service_times import FAST_S
from omni_actors.actors.supervisor import LIMITS

if TYPE_CHECKING:
    from omni_actors.actors.house import House

START_S: Final = 30.0
_STRIDE: Final = 8


async def take_turn(house: House, cell: Cell) -> int:
    """Handle up to 64 messages or 5 ms; return how many. Cut short, the slot keeps its message."""
    if cell.drowsy and cell.mailbox.waits():
        cell.drowsy = False
    if cell.drowsy:
        await _say_goodbye(house, cell)
        return 1
    behaviour = cell.behaviour or await _activate(house, cell)
    if cell.state is not State.RUNNING:  # paused or stopped while it was starting
        return 1
    if cell.mailbox.in_hand is not None:
        await _retry(house, cell, behaviour, cell.mailbox.in_hand)
        return 1
    return await _work(house, cell, behaviour)


async def _activate(house: House, cell: Cell) -> Behaviour:
    await cell.until(lambda: not cell.children)
    behaviour = cell.factory()
    started = getattr(behaviour, "started", None)
    if started is not None:
        with trio.fail_after(START_S):
            await started(Context(cell, house))
    cell.behaviour = behaviour
    cell.notify()
    return behaviour


async def _work(house: House, cell: Cell, behaviour: Behaviour) -> int:
    # Every line of this loop is paid for by every message; hence the local names, and the clock is
    # read only every few messages as long as they are fast.
    mailbox, handle, monotonic = cell.mailbox, behaviour.handle, house.monotonic
    now = cell.since = monotonic()
    yield_at = now + TURN_S
    done = counted = 0
    look_at = 1
    try:
        for message, _size, _at, question in mailbox.run():
            if question is None:
                await handle(message)
            elif not await _answer(house, cell, behaviour, message, question):
                counted += 1
            done += 1
            if done == look_at:
                after = house.now = monotonic()
                cell.handled += done - counted
                counted = done
                look_at = min(done + _STRIDE, TURN_MESSAGES)
                if after - now > FAST_S:
                    cell.times.add(after - now)
                    look_at = done + 1
                if done >= TURN_MESSAGES or after >= yield_at:
                    break
                now = cell.since = after
    finally:
        cell.handled += done - counted
    mailbox.settle()
    return done


async def _answer(
    house: House, cell: Cell, behaviour: Behaviour, message: object, question: Question
) -> bool:
    """Handle a question; False when nobody waited for it any more and it was dropped."""
    if question.deadline <= house.monotonic():
        house.dead_letters.bury(cell.address, message, "expired")
        return False
    reply = await behaviour.handle(message)
    if not question.answer(reply):
        house.dead_letters.bury(cell.address, reply, "late_reply")
    return True


async def _retry(house: House, cell: Cell, behaviour: Behaviour, envelope: Envelope) -> None:
    if cell.mailbox.crashes >= LIMITS.crashes_max:
        await _quarantine(house, cell, envelope)
        return
    cell.since = house.monotonic()
    message, _size, _at, question = envelope
    if question is None:
        await behaviour.handle(message)
        cell.handled += 1
    else:
        cell.handled += await _answer(house, cell, behaviour, message, question)
    cell.mailbox.settle()


async def _quarantine(house: House, cell: Cell, envelope: Envelope) -> None:
    """The message stays in hand until its owner has recorded it."""
    message, _size, _at, question = envelope
    attempts = cell.mailbox.crashes
    if cell.on_poison is not None:
        error = cell.last_error or ""
        await cell.on_poison(Quarantined(cell.address, message, attempts, error))
    cell.mailbox.settle()
    house.dead_letters.bury(cell.address, message, "poison")
    house.observe("actor.quarantined", {"address": cell.address, "attempts": attempts})
    if question is not None:
        question.fail(AskFailed(cell.address, "poison"))


async def _say_goodbye(house: House, cell: Cell) -> None:
    stopping = getattr(cell.behaviour, "stopping", None)
    cell.behaviour = None
    if stopping is not None:
        try:
            with trio.fail_after(house.close_s):
                await stopping()
        except* Exception as error:  # noqa: BLE001  woken to say it again, it would fail again
            house.note_error(cell, error)
