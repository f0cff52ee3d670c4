"""The groups of channels: made, changed and ended at once, where the platform has such a thing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import frozen

from omni_actors.adapters.contract import BadAddress, GroupDesk
from omni_actors.gateway import management
from omni_actors.gateway.called import called
from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.gateway.keys import Caller, channel_of
from omni_actors.gateway.sender import Hands, Route
from omni_actors.gateway.submit import external_of
from omni_actors.model.failure import Failure
from omni_actors.model.groups import (
    Decided,
    GroupChange,
    GroupInfo,
    GroupPage,
    JoinRequestPage,
    NewGroup,
)
from omni_actors.model.reports import GROUP
from omni_actors.model.states import ChannelState
from omni_actors.store.contract import Store
from omni_actors.store.queries import LegById
from omni_actors.store.rows import Channel, Message
from omni_actors.wire.calls import Flow

T = TypeVar("T")


@frozen
class Able:
    """A channel whose platform has groups."""

    channel_key: str
    route: Route
    desk: GroupDesk[Any]

    @property
    def settings(self) -> Any:
        """The channel's, as its adapter wants them."""
        return self.route.settings


@frozen
class GroupBook:
    """What this house does with groups. Everything raises RequestError."""

    store: Store
    hands: Hands
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]

    async def page(self, caller: Caller, channel_id: str, after: str) -> GroupPage:
        """A slice of a channel's groups, as the platform has them now."""
        able = self.able(caller, channel_id)
        return known(await self.call(able, able.desk.page(after, able.settings)))

    async def get(self, caller: Caller, channel_id: str, group_id: str) -> GroupInfo:
        """One group with who is in it."""
        able = self.able_with(caller, channel_id, group_id)
        return await self.call(able, able.desk.get(group_id, able.settings))

    async def create(self, caller: Caller, channel_id: str, wanted: NewGroup) -> str | None:
        """Ask for a group; answers with the platform's id of the request."""
        able = self.able(caller, channel_id)
        return await self.call(able, able.desk.create(wanted, able.settings))

    async def change(
        self, caller: Caller, channel_id: str, group_id: str, wanted: GroupChange
    ) -> str | None:
        """Call a group something else."""
        able = self.able_with(caller, channel_id, group_id)
        if wanted == GroupChange():
            raise RequestError(
                Code.INVALID, "nothing is to be changed: give what is to be different"
            )
        return await self.call(able, able.desk.change(group_id, wanted, able.settings))

    async def delete(self, caller: Caller, channel_id: str, group_id: str) -> str | None:
        """Put an end to a group."""
        able = self.able_with(caller, channel_id, group_id)
        return await self.call(able, able.desk.delete(group_id, able.settings))

    async def invite_link(
        self, caller: Caller, channel_id: str, group_id: str, *, fresh: bool
    ) -> str:
        """The link that lets people in, or a fresh one in its place."""
        able = self.able_with(caller, channel_id, group_id)
        return await self.call(able, able.desk.invite_link(group_id, fresh, able.settings))

    async def remove(
        self, caller: Caller, channel_id: str, group_id: str, members: Sequence[str]
    ) -> str | None:
        """Take people out of a group."""
        able = self.able_with(caller, channel_id, group_id)
        for n, member in enumerate(members):
            self.check_address(able, member, f"/members/{n}")
        return await self.call(able, able.desk.remove(group_id, members, able.settings))

    async def requests(
        self, caller: Caller, channel_id: str, group_id: str, after: str
    ) -> JoinRequestPage:
        """A slice of those who ask to be let in."""
        able = self.able_with(caller, channel_id, group_id)
        return known(await self.call(able, able.desk.requests(group_id, after, able.settings)))

    async def decide(
        self, caller: Caller, channel_id: str, group_id: str, ids: Sequence[str], *, approve: bool
    ) -> Decided:
        """Let people in, or turn them down."""
        able = self.able_with(caller, channel_id, group_id)
        return await self.call(able, able.desk.decide(group_id, ids, approve, able.settings))

    async def pin(self, caller: Caller, message: Message, days: int | None) -> None:
        """Pin a message for so many days where everybody in its group sees it; None unpins it."""
        able = self.able(caller, message.channel_id)
        leg = self.store.peek(LegById(caller.tenant, message.leg_id))
        group_id = next((k.value for k in leg.keys if k.kind == GROUP), None) if leg else None
        external_id = external_of(message)
        if group_id is None:
            raise RequestError(Code.CONTENT_UNSUPPORTED, "only messages in a group can be pinned")
        if external_id is None:
            sentence = "the message has not reached the platform yet"
            raise RequestError(Code.INVALID, sentence, retry_after_s=2.0)
        await self.call(able, able.desk.pin(group_id, external_id, days, able.settings))

    def able(self, caller: Caller, channel_id: str) -> Able:
        """A channel that the caller may see and whose platform has groups."""
        channel = channel_of(caller, self.channels(), channel_id)
        route = self.routes().get(channel_id)
        if route is None or channel.state is ChannelState.REMOVED:
            raise RequestError(Code.NOT_FOUND, "the channel is gone")
        if route.adapter.groups is None:
            raise RequestError(Code.CONTENT_UNSUPPORTED, f"{channel.platform} has no groups")
        return Able(channel.channel_key, route, route.adapter.groups)

    def able_with(self, caller: Caller, channel_id: str, group_id: str) -> Able:
        """The same, for calls about something that can be a group of it."""
        able = self.able(caller, channel_id)
        if not able.desk.names(group_id):
            raise RequestError(Code.NOT_FOUND, f"{group_id!r} is not the id of a group")
        return able

    def check_address(self, able: Able, written: str, pointer: str) -> None:
        """Whether this is how a person is written to."""
        try:
            keys = able.route.adapter.address(written, able.channel_key)
            if any(key.kind == GROUP for key in keys):
                raise BadAddress("a group is no member of a group")
        except BadAddress as problem:
            mistakes = (Mistake(pointer, str(problem)),)
            raise RequestError(Code.BAD_ADDRESS, str(problem), mistakes=mistakes) from None

    async def call(self, able: Able, wanted: Flow[T]) -> T:
        """What the platform answers."""
        route = able.route
        found = await called(self.hands, wanted, route.account, route.adapter.masked_keys)
        if isinstance(found, Failure):
            raise management.refused(found, Code.GROUP_REFUSED, "look at the groups again")
        return found


def known(page: T | None) -> T:
    """A slice of a listing, if its cursor was good."""
    if page is None:
        sentence = "the platform does not know this cursor any more; list from the start"
        raise RequestError(Code.INVALID, sentence, mistakes=(Mistake("?after", sentence),))
    return page
