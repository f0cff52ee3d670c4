"""One live conversation: handles what happened in it, in order, each thing once.

Its mailbox carries wake-ups. The log of the conversation in the store is the truth, and its cursor
moves in the same transaction as what the handling brought about; what a wake-up brings along of it
only saves reading it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter
from omni_actors.model.events import EventType
from omni_actors.policy import answers, window
from omni_actors.store.contract import Store, StoreFailed
from omni_actors.store.queries import Unhandled
from omni_actors.store.rows import Backlog, Choice, Entry, LegWake, NewEvent
from omni_actors.store.verbs import ChoiceMade, Handle, Timer

WINDOW_TIMER = "window"
PAGE = 64


@frozen
class Wake:
    """There is something new after the cursor; `backlog` is all of it, if that is known."""

    backlog: Backlog | None = None


WAKE = Wake()


@define
class ConversationActor:
    """Handles the backlog of one conversation and sleeps again."""

    conversation_id: str
    store: Store
    adapters: Mapping[str, Adapter[Any, Any]]
    wake_legs: Callable[[Sequence[LegWake]], None]
    closing_s: float = window.CLOSING_BEFORE_S
    met: Callable[[Sequence[Entry]], None] = field(default=lambda _entries: None)

    async def handle(self, message: Wake) -> None:
        """Take the backlog page by page. A crash or cancellation leaves whole pages behind."""
        if message.backlog is not None:  # at its beginning only: all later ones read what is there
            await self.take(message.backlog)
            return
        while True:
            backlog = self.store.peek(Unhandled(self.conversation_id, PAGE))
            if backlog.entries:
                await self.take(backlog)
            if not backlog.more:
                return
            await trio.lowlevel.checkpoint_if_cancelled()

    async def pass_over(self, attempts: int) -> None:
        """Handle the next page entry by entry; those that fail are left out, which is logged.

        Raises StoreFailed: then nothing is wrong with an entry.
        """
        for _ in range(PAGE):
            backlog = self.store.peek(Unhandled(self.conversation_id, 1))
            if not backlog.entries:
                break
            entry = backlog.entries[0]
            try:
                await self.take(backlog)
            except StoreFailed:
                raise
            except Exception as bug:  # noqa: BLE001 - one message must not stop its conversation
                await self.store.do(Handle(self.conversation_id, entry.seq))
                telemetry.error(
                    "house.poison",
                    conversation_id=self.conversation_id,
                    message_id=entry.message_id,
                    seq=entry.seq,
                    attempts=attempts,
                    error=telemetry.place_of(bug),
                )

    async def take(self, backlog: Backlog) -> None:
        """Handle one page, with all that it brings about."""
        self.wake_legs(await self.store.do(effects(backlog, self.closing_s)))
        telemetry.HANDLED.inc(len(backlog.entries))
        self.met(backlog.entries)


def effects(backlog: Backlog, closing_s: float = window.CLOSING_BEFORE_S) -> Handle:
    """What a page of entries brings about: windows, picked options, timers."""
    open_questions = {leg: list(map(question_of, q)) for leg, q in backlog.questions.items()}
    opened: dict[str, float] = {}
    choices: list[ChoiceMade] = []
    events: list[NewEvent] = []
    for entry in backlog.entries:
        answer = answer_in(entry, open_questions.get(entry.leg_id, ()))
        if answer:
            choices.append(choice_made(entry, answer))
            events.append(selected(backlog, entry, answer))
            questions = open_questions[entry.leg_id]
            questions[:] = [q for q in questions if q.message_id != answer.question_id]
        if window.has_opened(entry.window_before, entry.window_until, entry.at):
            opened[entry.leg_id] = entry.at
            events.append(window_opened(backlog, entry))
    return Handle(
        conversation_id=backlog.conversation_id,
        upto=backlog.entries[-1].seq,
        opened=tuple(opened.items()),
        choices=tuple(choices),
        events=tuple(events),
        timers=window_timers(backlog.entries, closing_s),
    )


def question_of(question: Any) -> answers.OpenQuestion:
    """A stored question in the words of the policy."""
    return answers.OpenQuestion(
        question.message_id, question.options, question.numbered, question.external_ids
    )


def answer_in(entry: Entry, questions: Sequence[answers.OpenQuestion]) -> answers.Answer | None:
    """The option that an inbound message picks, if it picks one."""
    if entry.kind != "message" or entry.content is None or not questions:
        return None
    return answers.match(entry.content, entry.reply_to_external, questions)


def choice_made(entry: Entry, answer: answers.Answer) -> ChoiceMade:
    choice = Choice(answer.question_id, answer.option.id, answer.option.title, answer.via.value)
    return ChoiceMade(entry.leg_id, entry.message_id or "", choice)


def selected(backlog: Backlog, entry: Entry, answer: answers.Answer) -> NewEvent:
    return NewEvent(
        EventType.CHOICE_SELECTED,
        entry.at,
        conversation_id=backlog.conversation_id,
        leg_id=entry.leg_id,
        channel_id=entry.channel_id,
        message_id=entry.message_id,
        detail={
            "question_id": answer.question_id,
            "option_id": answer.option.id,
            "title": answer.option.title,
            "via": answer.via.value,
        },
    )


def window_opened(backlog: Backlog, entry: Entry) -> NewEvent:
    return NewEvent(
        EventType.WINDOW_OPENED,
        entry.at,
        conversation_id=backlog.conversation_id,
        leg_id=entry.leg_id,
        channel_id=entry.channel_id,
        detail={"until": entry.window_until},
    )


def window_timers(entries: Sequence[Entry], closing_s: float) -> tuple[Timer, ...]:
    """One timer a leg: when to warn that the window which these entries hold open will close."""
    until = {entry.leg_id: entry.window_until for entry in entries if entry.window_until}
    return tuple(
        [
            Timer(WINDOW_TIMER, leg_id, window.closing_at(end, closing_s))
            for leg_id, end in until.items()
        ]
    )
