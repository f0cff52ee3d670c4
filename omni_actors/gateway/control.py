"""Who controls a conversation at its platform: taken, released, handed over on request."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from omni_actors.adapters.contract import ControlDesk
from omni_actors.gateway.called import called
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.keys import Caller
from omni_actors.gateway.management import refused
from omni_actors.gateway.sender import Hands, Route
from omni_actors.model.failure import Failure
from omni_actors.model.json import JsonObject
from omni_actors.store.contract import Store
from omni_actors.store.control import ControlMoved
from omni_actors.store.queries import ConversationById
from omni_actors.store.rows import Conversation, Leg
from omni_actors.wire.calls import Flow

LOOK = "look at `controlled_by` of the leg before asking again"


@frozen
class ControlBook:
    """What this house does about the control of conversations. Everything raises RequestError."""

    store: Store
    hands: Hands
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]

    async def take(
        self, caller: Caller, conversation_id: str, channel_id: str | None, told: str | None
    ) -> Conversation:
        """Take the control from whoever has it; `told` is for them."""
        leg, route, desk = self.able(caller, conversation_id, channel_id)
        wanted = desk.take(leg.keys, told, route.settings)
        return await self.moved(caller, leg, route, wanted, None, {"kind": "take"})

    async def release(
        self, caller: Caller, conversation_id: str, channel_id: str | None
    ) -> Conversation:
        """Leave the conversation to whoever answers first."""
        leg, route, desk = self.able(caller, conversation_id, channel_id)
        wanted = desk.release(leg.keys, route.settings)
        return await self.moved(caller, leg, route, wanted, None, {"kind": "release"})

    async def give(
        self,
        caller: Caller,
        conversation_id: str,
        channel_id: str | None,
        app_id: str,
        told: str | None,
    ) -> Conversation:
        """Hand the control to another app; `told` is for it."""
        leg, route, desk = self.able(caller, conversation_id, channel_id)
        wanted = desk.give(leg.keys, app_id, told, route.settings)
        return await self.moved(caller, leg, route, wanted, app_id, {"kind": "pass"})

    async def request(
        self, caller: Caller, conversation_id: str, channel_id: str | None, told: str | None
    ) -> Conversation:
        """Ask whoever has the control to pass it to us; that they did so the platform tells."""
        leg, route, desk = self.able(caller, conversation_id, channel_id)
        await self.asked(route, desk.request(leg.keys, told, route.settings))
        return await self.conversation(caller, leg.conversation_id)

    async def moved(
        self,
        caller: Caller,
        leg: Leg,
        route: Route,
        wanted: Flow[None],
        owner: str | None,
        detail: JsonObject,
    ) -> Conversation:
        """Ask the platform, and keep that it did so."""
        await self.asked(route, wanted)
        await self.store.do(ControlMoved(leg.id, owner, self.now(), detail))
        return await self.conversation(caller, leg.conversation_id)

    async def asked(self, route: Route, wanted: Flow[None]) -> None:
        """Have the platform do something."""
        failure = await called(self.hands, wanted, route.account, route.adapter.masked_keys)
        if isinstance(failure, Failure):
            raise refused(failure, Code.CONTROL_REFUSED, LOOK)

    async def conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        found = await self.store.ask(ConversationById(caller.tenant, conversation_id))
        if found is None:
            raise RequestError(Code.NOT_FOUND, "there is no such conversation")
        return found

    def able(
        self, caller: Caller, conversation_id: str, channel_id: str | None
    ) -> tuple[Leg, Route, ControlDesk[Any]]:
        """The one leg that is meant, on a channel where control can be moved."""
        found = self.store.peek(ConversationById(caller.tenant, conversation_id))
        if found is None:
            raise RequestError(Code.NOT_FOUND, "there is no such conversation")
        able = []
        for leg in found.legs:
            route = self.routes().get(leg.channel_id)
            desk = None if route is None else route.adapter.control
            if route is not None and desk is not None and channel_id in (None, leg.channel_id):
                able.append((leg, route, desk))
        if len(able) == 1:
            return able[0]
        if able:
            channels = ", ".join(leg.channel_id for leg, _, _ in able)
            why = f"must be one of {channels}: the conversation goes on on all of them"
        else:
            why = "the conversation has no leg on such a channel where control can be moved"
        raise RequestError(Code.CONTROL_REFUSED, why, mistakes=(Mistake("/channel_id", why),))
