"""What channels say of themselves, and the faces that they speak with: read and written at once.

Nothing of it is queued or kept: the platform is the only place where it lives.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import define, field

from omni_actors.adapters.contract import PersonaDesk, ProfileDesk
from omni_actors.gateway.called import called
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.keys import Caller, channel_of
from omni_actors.gateway.management import refused
from omni_actors.gateway.sender import Hands, Route
from omni_actors.model.failure import Failure
from omni_actors.model.profile import NewPersona, Persona, Profile
from omni_actors.model.states import ChannelState
from omni_actors.policy.rate import Granted, Limit, Pace, reserve_all
from omni_actors.store.rows import Channel
from omni_actors.wire.calls import Flow

T = TypeVar("T")

CALL_DEADLINE_S = 30.0


@define
class ProfileBook:
    """The profiles and personas of all channels."""

    hands: Hands
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    now: Callable[[], float]
    paces: dict[str, Pace] = field(factory=dict)

    async def read(self, caller: Caller, channel_id: str) -> Profile:
        """The profile of a channel as the platform has it. Raises RequestError."""
        route, desk = self.profile_of(caller, channel_id)
        self.admit(channel_id, desk)
        return await self.call(route, desk.read(route.settings))

    async def put(self, caller: Caller, channel_id: str, profile: Profile) -> None:
        """Replace the pieces that are given. Raises RequestError with what does not fit."""
        route, desk = self.profile_of(caller, channel_id)
        if wrong := desk.unfit(profile):
            mistakes = tuple([Mistake(pointer, why) for pointer, why in wrong])
            raise RequestError(Code.INVALID, "the profile does not fit", mistakes=mistakes)
        if profile == Profile():
            raise RequestError(Code.INVALID, "the profile names no piece to set")
        self.admit(channel_id, desk)
        await self.call(route, desk.put(profile, route.settings))

    async def clear(
        self, caller: Caller, channel_id: str, pieces: Sequence[str]
    ) -> tuple[str, ...]:
        """Take pieces away, or all that there can be. Raises RequestError."""
        route, desk = self.profile_of(caller, channel_id)
        wanted = tuple(pieces) or desk.pieces
        if strange := [piece for piece in wanted if piece not in desk.pieces]:
            why = f"this channel has {', '.join(desk.pieces)}"
            mistakes = (Mistake("?pieces", why),)
            told = f"there is no {', '.join(strange)} to take away"
            raise RequestError(Code.INVALID, told, mistakes=mistakes)
        self.admit(channel_id, desk)
        await self.call(route, desk.clear(wanted, route.settings))
        return wanted

    async def personas(self, caller: Caller, channel_id: str) -> Sequence[Persona]:
        """The faces of a channel. Raises RequestError."""
        route, desk = self.personas_of(caller, channel_id)
        return await self.call(route, desk.all(route.settings))

    async def add_persona(self, caller: Caller, channel_id: str, new: NewPersona) -> Persona:
        """Make a face. Raises RequestError."""
        route, desk = self.personas_of(caller, channel_id)
        return await self.call(route, desk.create(new, route.settings))

    async def drop_persona(self, caller: Caller, channel_id: str, persona_id: str) -> None:
        """Take a face away. Raises RequestError."""
        route, desk = self.personas_of(caller, channel_id)
        await self.call(route, desk.delete(persona_id, route.settings))

    def profile_of(self, caller: Caller, channel_id: str) -> tuple[Route, ProfileDesk[Any]]:
        """What the channel's platform can do. Raises RequestError."""
        route = self.route(caller, channel_id)
        if route.adapter.profile is None:
            platform = route.adapter.platform
            raise RequestError(Code.NOT_FOUND, f"{platform} has no such profile")
        return route, route.adapter.profile

    def personas_of(self, caller: Caller, channel_id: str) -> tuple[Route, PersonaDesk[Any]]:
        """The same for personas."""
        route = self.route(caller, channel_id)
        if route.adapter.personas is None:
            platform = route.adapter.platform
            raise RequestError(Code.NOT_FOUND, f"{platform} has no personas")
        return route, route.adapter.personas

    def route(self, caller: Caller, channel_id: str) -> Route:
        """The way to a channel that the caller may see. Raises RequestError."""
        channel = channel_of(caller, self.channels(), channel_id)
        route = self.routes().get(channel_id)
        if route is None or channel.state is ChannelState.REMOVED:
            raise RequestError(Code.NOT_FOUND, "there is no such channel")
        return route

    def admit(self, channel_id: str, desk: ProfileDesk[Any]) -> None:
        """Count a call. Raises RequestError when there were too many."""
        limit, pace = Limit(desk.rate.per_second, desk.rate.burst), self.paces.get(channel_id)
        granted = reserve_all(self.now(), [(pace or Pace(), limit, 1.0)])
        if not isinstance(granted, Granted):
            raise RequestError(
                Code.RATE_LIMITED,
                "the platform takes few calls about a profile; ask again later",
                retry_after_s=granted.seconds,
            )
        self.paces[channel_id] = granted.paces[0]

    async def call(self, route: Route, wanted: Flow[T]) -> T:
        """Run one flow. Raises RequestError with the platform's reason."""
        keys = route.adapter.masked_keys
        found = await called(self.hands, wanted, route.account, keys, CALL_DEADLINE_S)
        if isinstance(found, Failure):
            raise refused(found, Code.PLATFORM_REFUSED, "look before asking again")
        return found
