"""Options picked by a link: the links of a part, the page behind one, and the answer that it makes.

Only `pick` changes anything. Programs that look at mails on their way follow each link in them.
"""

import secrets
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from attrs import define, frozen

from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.intake import Receiver
from omni_actors.model.content import ChoiceResponse, Content, Option, Via
from omni_actors.model.reports import Received
from omni_actors.policy import choice_links as policy
from omni_actors.store.choices import AskedBy, AskedPart
from omni_actors.store.connecting import EnsureKey
from omni_actors.store.contract import Store
from omni_actors.store.rows import Choice

KEY = "choices"
KEY_BYTES = 32


class PageState(StrEnum):
    """What a link is good for now."""

    OPEN = "open"
    ANSWERED = "answered"  # with this option
    OTHERWISE = "otherwise"  # with another option
    ENDED = "ended"
    UNKNOWN = "unknown"


@frozen
class ChoicePage:
    """What a person sees who follows a link: the question, and the option's label and what is said
    below it."""

    state: PageState
    question: str = ""
    title: str = ""
    description: str = ""


@frozen
class Asked:
    """An option of a part that was sent to somebody."""

    part_id: str
    part: AskedPart
    option: Option

    @property
    def answer_id(self) -> str:
        """Under which id an answer by link comes in: one for each question."""
        return answer_id_of(self.part_id)

    @property
    def answer(self) -> Choice | ChoiceResponse | None:
        """What counts as the answer; one by link is known before it has been told."""
        by_link = self.part.answer
        return self.part.picked or (by_link if isinstance(by_link, ChoiceResponse) else None)

    @property
    def page(self) -> ChoicePage:
        """What is shown now."""
        question, answer = policy.question_in(self.part.content), self.answer
        if answer is None:
            about = self.option.description or ""
            return ChoicePage(PageState.OPEN, question, self.option.title, about)
        same = answer.option_id == self.option.id
        state = PageState.ANSWERED if same else PageState.OTHERWISE
        return ChoicePage(state, question, answer.title or "", self.described(answer.option_id))

    def described(self, option_id: str) -> str:
        """What is said below the label of an option of this question."""
        options = policy.options_in(self.part.content)
        told = [each.description for each in options if each.id == option_id]
        return (told[0] if told else None) or ""


@define
class ChoiceDesk:
    """Makes links of options, and answers of links."""

    store: Store
    receiver: Receiver
    adapters: Mapping[str, Adapter[Any, Any]]
    now: Callable[[], float]
    base: Callable[[], str]  # how browsers reach us; empty where nobody has said
    key: bytes = b""

    async def load(self) -> None:
        """Learn what signs links; made once, and kept sealed."""
        self.key = await self.store.do(EnsureKey(KEY, secrets.token_bytes(KEY_BYTES)))

    def links(self, part_id: str, content: Content) -> Mapping[str, str]:
        """The pages of a part's options, by the options' ids; always the same."""
        base = self.base()
        return policy.links(self.key, base, part_id, content) if base else {}

    def page(self, token: str) -> ChoicePage:
        """What is behind a link; nothing comes of looking."""
        asked = self.asked(token)
        return asked if isinstance(asked, ChoicePage) else asked.page

    async def pick(self, token: str) -> ChoicePage:
        """Pick the option of a link; the first of a question counts, and again changes nothing."""
        asked = self.asked(token)
        if isinstance(asked, ChoicePage):
            return asked
        if asked.answer is None:
            await self.receiver.keep_told(
                self.adapters[asked.part.platform],
                f"choice:{asked.part.channel_id}",
                {"part_id": asked.part_id, "option_id": asked.option.id},
                (self.report(asked),),
            )
        again = self.asked(token)
        return again if isinstance(again, ChoicePage) else again.page

    def asked(self, token: str) -> Asked | ChoicePage:
        """The option of a link, or what there is to say of one that is good for nothing."""
        named = policy.named(self.key, token) if self.key else None
        if named is None:
            return ChoicePage(PageState.UNKNOWN)
        part = self.store.peek(AskedBy(named.part_id, answer_id_of(named.part_id)))
        options = policy.options_in(part.content) if part else ()
        if part is None or named.n >= len(options):
            return ChoicePage(PageState.UNKNOWN)
        asked = Asked(named.part_id, part, options[named.n])
        if self.now() >= policy.ends_at(named.part_id) and asked.answer is None:
            return ChoicePage(PageState.ENDED)
        return asked

    def report(self, asked: Asked) -> Received:
        """The answer, as a platform would tell it."""
        part, option = asked.part, asked.option
        return Received(
            channel_key=part.channel_key,
            event_key=asked.answer_id,
            at=self.now(),
            identities=part.keys,
            external_id=asked.answer_id,
            content=ChoiceResponse(option.id, Via.LINK, option.title, option.description),
            reply_to=part.external_ids[0] if part.external_ids else None,
        )


def answer_id_of(part_id: str) -> str:
    """Under which id the answer to a part comes in."""
    return f"choice:{part_id}"
