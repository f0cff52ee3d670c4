"""Telling a customer that the business has read, or is writing: said at once, or not at all.

Nothing of it is queued: a receipt that comes late says something untrue.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, assert_never

import trio
from attrs import frozen

from omni_actors.adapters.contract import Person
from omni_actors.gateway.errors import Code, RequestError
from omni_actors.gateway.sender import Hands, Route
from omni_actors.model.failure import SendFailure
from omni_actors.model.states import Direction
from omni_actors.net import flow
from omni_actors.net.trace import Trace
from omni_actors.store.rows import Message
from omni_actors.wire.calls import Call, Flow, Reply

DEADLINE_S = 15.0

Ability = Callable[[str, Person, Any], Flow[None]]


class Sign(Enum):
    """What a customer is shown, in the words for a platform that has no such thing."""

    READ = "read receipts"
    TYPING = "typing indicators"
    STOPPED = "way to take a typing indicator back"


@frozen
class Receipts:
    """Shows customers what their messages met with, on their platform."""

    hands: Hands
    routes: Callable[[], Mapping[str, Route]]

    async def show(self, message: Message, person: Person, sign: Sign) -> None:
        """Tell the platform that an inbound message was read, or that an answer is being typed.

        `person` are the keys of whoever wrote it.

        Raises RequestError: CONTENT_UNSUPPORTED where the platform has no such thing,
        PLATFORM_REFUSED with its reason.
        """
        route, external_id = self.routes().get(message.channel_id), message.external_id
        if message.direction is not Direction.INBOUND or external_id is None:
            sentence = "only what a customer wrote can be marked as read"
            raise RequestError(Code.CONTENT_UNSUPPORTED, sentence)
        ability = None if route is None else able(route, sign)
        if route is None or ability is None:
            raise RequestError(Code.CONTENT_UNSUPPORTED, f"{message.platform} has no {sign.value}")
        await self.tell(route, lambda settings: ability(external_id, person, settings))

    async def tell(self, route: Route, said: Callable[[Any], Flow[None]]) -> None:
        """Make the call."""
        trace = Trace(frozenset(route.adapter.masked_keys))

        async def make(call: Call) -> Reply:
            return await self.hands.make(call, route.account, trace)

        try:
            with trio.fail_after(DEADLINE_S):
                await flow.run(said(route.settings), make)
        except SendFailure as failed:
            why = failed.failure.text or failed.failure.reason
            raise RequestError(Code.PLATFORM_REFUSED, f"the platform refused: {why}") from None
        except trio.TooSlowError:
            raise RequestError(
                Code.PLATFORM_REFUSED, f"the platform did not answer within {DEADLINE_S:.0f} s"
            ) from None


def able(route: Route, sign: Sign) -> Ability | None:
    """The adapter's way to say it."""
    match sign:
        case Sign.READ:
            return route.adapter.mark_read
        case Sign.TYPING:
            return route.adapter.typing
        case Sign.STOPPED:
            return route.adapter.stop_typing
        case _:
            assert_never(sign)
