"""What was said before we were there, or while we were not: read from platforms that keep it.

A channel's conversations are read page by page, within the platform's rate. How far that is stands
in the store with every page, so that whoever starts anew goes on from there; what is read twice is
here once.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import HistoryDesk, Thread, ThreadPage
from omni_actors.gateway.called import called
from omni_actors.gateway.errors import Code, RequestError
from omni_actors.gateway.intake import Receiver
from omni_actors.gateway.keys import Caller, channel_of
from omni_actors.gateway.sender import Hands, Route
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.history import Cause, SyncState
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState
from omni_actors.policy import history as policy
from omni_actors.policy.rate import Granted, Limit, Pace, reserve_all
from omni_actors.store.connecting import TellStanding
from omni_actors.store.contract import Store
from omni_actors.store.history import (
    AskHistory,
    Histories,
    HistoryOf,
    HistorySync,
    KnownPerson,
    NoteHistory,
    PeopleOf,
)
from omni_actors.store.queries import Channels
from omni_actors.store.rows import ANY_TENANT, Channel
from omni_actors.wire.calls import Flow

T = TypeVar("T")

TOPIC = "history"
RESTARTS_MAX = 3
ONE_BY_ONE = "people:"
"""How a cursor begins where people are asked about; behind it the last one's ids."""
FIRST = "~"  # is behind every id
PEOPLE_PAGE = 25
PEOPLE_ONLY = (
    "The platform does not list the conversations; those with people who are known here were read."
)
CONNECTED = "connect"  # the source of a channel that was connected over OAuth
DISCONNECTED = Failure(
    Kind.BROKEN, Reason.CREDENTIALS_EXPIRED, text="the channel was disconnected meanwhile"
)
OPEN = (SyncState.WAITING, SyncState.RUNNING)


@frozen
class Able:
    """A channel whose old conversations can be read."""

    channel: Channel
    route: Route
    desk: HistoryDesk[Any]


@define
class HistoryBook:
    """Reads the old conversations of channels; `look` is called when there is something to read."""

    store: Store
    hands: Hands
    receiver: Receiver
    now: Callable[[], float]
    chance: Random
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    look: Callable[[], None]
    paces: dict[str, Pace] = field(factory=dict)
    live: dict[str, HistorySync] = field(factory=dict)
    """How far the readings are between two pages."""

    def able(self, channel_id: str) -> Able | None:
        """The channel with what its platform can do; None where there is nothing to read."""
        channel, route = self.channels().get(channel_id), self.routes().get(channel_id)
        if channel is None or route is None or channel.state is ChannelState.REMOVED:
            return None
        desk = route.adapter.history
        return None if desk is None else Able(channel, route, desk)

    # ------------------------------------------------------------ why

    async def asked(self, caller: Caller, channel_id: str) -> HistorySync:
        """Somebody wants all of it. Raises RequestError."""
        channel = channel_of(caller, self.channels(), channel_id)
        if self.able(channel_id) is None:
            sentence = f"old conversations of this {channel.platform} channel cannot be read"
            if not channel.connected:
                sentence = "the channel is disconnected: connect its account again first"
            raise RequestError(Code.HISTORY_UNREACHABLE, sentence)
        return await self.ask(channel_id, Cause.ASKED, None, 0.0)

    async def ask(
        self, channel_id: str, cause: Cause, since: float | None, wait_s: float
    ) -> HistorySync:
        """Have a channel's conversations read, `wait_s` from now."""
        now = self.now()
        sync = await self.store.do(AskHistory(channel_id, cause, since, now, now + wait_s))
        telemetry.info("history.asked", channel_id=channel_id, cause=cause.value, since=since)
        self.look()
        return sync

    async def connected(self, channel: Channel) -> None:
        """An account was connected, anew or again; one that was disconnected is left alone."""
        if self.able(channel.id) is None:
            return
        known = await self.store.ask(HistoryOf(channel.id))
        told = known_until(await self.last_heard(channel.id), known)
        since = None if known is None else policy.since(told)
        await self.ask(channel.id, Cause.CONNECTED, since, policy.SETTLE_S)

    async def restored(self, channel_id: str) -> None:
        """The platform had ceased to send webhooks, and does again."""
        if self.able(channel_id) is None:
            return
        known = await self.store.ask(HistoryOf(channel_id))
        since = policy.since(known_until(await self.last_heard(channel_id), known))
        await self.ask(channel_id, Cause.SUBSCRIPTION, since, 0.0)

    async def hurry(self, channel_id: str) -> None:
        """A channel changed: what its token or its rights were lacking for may go on."""
        known = await self.store.ask(HistoryOf(channel_id))
        if known is None or known.state is not SyncState.WAITING or known.failure is None:
            return
        if known.failure.kind is Kind.BROKEN:
            await self.store.do(NoteHistory(evolve(known, due_at=self.now())))
            self.look()

    async def back(self, channels: Sequence[Channel]) -> None:
        """The house starts: see on which channels something may have been said meanwhile."""
        for channel in channels:
            if self.able(channel.id) is None:
                continue
            known = await self.store.ask(HistoryOf(channel.id))
            told = known_until(channel.last_event_at, known)
            if known is None and channel.source == CONNECTED:
                await self.ask(channel.id, Cause.CONNECTED, None, policy.SETTLE_S)
            elif policy.was_away(told, self.now()):
                await self.ask(channel.id, Cause.OUTAGE, policy.since(told), 0.0)

    async def last_heard(self, channel_id: str) -> float | None:
        """When the platform last told anything of a channel."""
        found = await self.store.ask(Channels(ANY_TENANT))
        return next((each.last_event_at for each in found if each.id == channel_id), None)

    # ------------------------------------------------------------ how far

    async def syncs(self, tenant: str) -> dict[str, HistorySync]:
        """How far the channels of a tenant are, by channel."""
        kept = await self.store.ask(Histories(tenant))
        return {sync.channel_id: self.live.get(sync.channel_id, sync) for sync in kept}

    async def due(self) -> dict[str, HistorySync]:
        """The readings that are to begin or to go on some time, by channel."""
        kept = await self.store.ask(Histories(ANY_TENANT))
        return {sync.channel_id: sync for sync in kept if sync.state in OPEN and self.can(sync)}

    def can(self, sync: HistorySync) -> bool:
        return self.able(sync.channel_id) is not None

    # ------------------------------------------------------------ reading

    async def run(self, sync: HistorySync) -> None:
        """Read until there is nothing more, or something is in the way; a few words about that."""
        able = self.able(sync.channel_id)
        if able is None:
            return
        now = self.now()
        begun = evolve(sync, state=SyncState.RUNNING, began_at=sync.began_at or now, due_at=now)
        sync = await self.store.do(NoteHistory(begun))
        try:
            ended = await self.read_all(able, sync)
        finally:
            self.live.pop(sync.channel_id, None)
        await self.tell(ended)
        await self.store.do(NoteHistory(ended))

    async def read_all(self, able: Able, sync: HistorySync) -> HistorySync:
        """Every page from the cursor on; the sync as it is then."""
        restarts = 0
        while True:
            if sync.cursor.startswith(ONE_BY_ONE):
                return await self.read_people(able, sync)
            page = await self.call(able, able.desk.page(sync.cursor, able.route.settings))
            if isinstance(page, Failure):
                if not await self.knows_whom_to_ask(able, sync, page):
                    return self.stopped(sync, page)
                telemetry.warning("history.not_listed", channel_id=sync.channel_id, code=page.code)
                begun = evolve(sync, cursor=ONE_BY_ONE + FIRST, strikes=0, failure=None)
                sync = await self.store.do(NoteHistory(begun))
                continue
            if page is None:
                restarts += 1
                if restarts > RESTARTS_MAX:
                    return self.stopped(sync, stumbled("the platform's cursors go bad"))
                sync = evolve(sync, cursor="")
                continue
            read = await self.read_page(able, sync, page)
            if isinstance(read, Failure):
                return self.stopped(sync, read)
            sync = read
            if page.next is None or is_over(page, sync.since):
                return evolve(sync, state=SyncState.DONE, ended_at=self.now(), due_at=None)
            sync = await self.store.do(NoteHistory(evolve(sync, cursor=page.next)))

    async def knows_whom_to_ask(self, able: Able, sync: HistorySync, failure: Failure) -> bool:
        """Whether people can be asked about, where their conversations are not listed."""
        if able.desk.of is None or not policy.goes_one_by_one(failure, sync.strikes):
            return False
        return bool(await self.store.ask(PeopleOf(sync.channel_id, (FIRST, FIRST), 1)))

    async def read_people(self, able: Able, sync: HistorySync) -> HistorySync:
        """The conversations of all who are known here, person by person."""
        while True:
            place = sync.cursor.removeprefix(ONE_BY_ONE).partition("/")
            query = PeopleOf(sync.channel_id, (place[0], place[2] or FIRST), PEOPLE_PAGE)
            people = await self.store.ask(query)
            for person in people:
                read = await self.read_person(able, sync, person)
                if isinstance(read, Failure):
                    return self.stopped(sync, read)
                cursor = f"{ONE_BY_ONE}{person.conversation_id}/{person.leg_id}"
                sync = self.live[sync.channel_id] = evolve(read, cursor=cursor)
            if len(people) < PEOPLE_PAGE:
                return evolve(sync, state=SyncState.DONE, ended_at=self.now(), due_at=None)
            sync = await self.store.do(NoteHistory(sync))

    async def read_person(
        self, able: Able, sync: HistorySync, person: KnownPerson
    ) -> HistorySync | Failure:
        """Read what was said with one person. One whom the platform refuses is counted."""
        assert able.desk.of is not None
        page = await self.call(able, able.desk.of(person.keys, able.route.settings))
        if not isinstance(page, Failure):
            return await self.read_page(able, sync, page)
        if page.kind is not Kind.REJECTED:
            return page
        telemetry.warning("history.unread", channel_id=sync.channel_id, code=page.code)
        return evolve(sync, unread=sync.unread + 1)

    async def read_page(
        self, able: Able, sync: HistorySync, page: ThreadPage
    ) -> HistorySync | Failure:
        """Read each conversation of a page in which something may be missing."""
        for thread in page.threads:
            if policy.is_older(thread.updated_at, sync.since):
                continue
            read = await self.read_thread(able, sync, thread)
            if isinstance(read, Failure):
                return read
            sync = self.live[sync.channel_id] = evolve(
                read,
                conversations=read.conversations + 1,
                reached_at=thread.updated_at or read.reached_at,
                strikes=0,
                failure=None,
            )
        return sync

    async def read_thread(
        self, able: Able, sync: HistorySync, thread: Thread
    ) -> HistorySync | Failure:
        """Read one conversation and keep what it tells. One that is refused is counted."""
        read = await self.call(able, able.desk.read(thread, able.route.settings))
        if isinstance(read, Failure):
            if read.kind is not Kind.REJECTED:
                return read
            telemetry.warning("history.unread", channel_id=sync.channel_id, code=read.code)
            return evolve(sync, unread=sync.unread + (thread.messages or 1))
        if self.receiver.low_on_disk():
            return stumbled("the disk is almost full")
        added = await self.receiver.keep_history(able.route.adapter, sync.channel_id, read)
        return evolve(
            sync,
            messages=sync.messages + len(read.reports),
            added=sync.added + added,
            beyond=sync.beyond + read.beyond,
            unread=sync.unread + read.unread,
        )

    async def call(self, able: Able, wanted: Flow[T]) -> T | Failure:
        """Make a call when the platform takes one more, with the token that is good then."""
        await self.turn(able)
        now = self.able(able.channel.id)
        if now is None:
            return DISCONNECTED
        route = now.route
        return await called(self.hands, wanted, route.account, route.adapter.masked_keys)

    async def turn(self, able: Able) -> None:
        """Wait until one more call is within the rate."""
        rate, channel_id = able.desk.rate, able.channel.id
        limit = Limit(rate.per_second, rate.burst)
        while True:
            pace = self.paces.get(channel_id, Pace())
            granted = reserve_all(self.now(), [(pace, limit, 1.0)])
            if isinstance(granted, Granted):
                self.paces[channel_id] = granted.paces[0]
                return
            await trio.sleep(granted.seconds)

    # ------------------------------------------------------------ the end

    def stopped(self, sync: HistorySync, failure: Failure) -> HistorySync:
        """It goes on later, or never."""
        now = self.now()
        if policy.is_final(failure):
            return evolve(sync, state=SyncState.FAILED, ended_at=now, due_at=None, failure=failure)
        due_at = policy.goes_on_at(failure, sync.strikes, now, self.chance.random())
        strikes = sync.strikes + 1
        return evolve(
            sync, state=SyncState.WAITING, due_at=due_at, strikes=strikes, failure=failure
        )

    async def tell(self, sync: HistorySync) -> None:
        """Say how it went, in the log and in the channel's health."""
        failure = sync.failure
        telemetry.info(
            f"history.{sync.state.value}",
            channel_id=sync.channel_id,
            cause=sync.cause.value,
            conversations=sync.conversations,
            messages=sync.messages,
            added=sync.added,
            beyond=sync.beyond,
            unread=sync.unread,
            reason=None if failure is None else failure.reason.value,
            code=None if failure is None else failure.code,
        )
        if failure is not None and policy.may_pass(failure, sync.strikes):
            return
        ok = failure is None and not sync.cursor.startswith(ONE_BY_ONE)
        standing = Standing(TOPIC, ok, sentence_of(sync), self.now())
        severity = "info" if ok else "warning"
        await self.store.do(TellStanding(sync.channel_id, TOPIC, severity, standing))


def known_until(heard_at: float | None, sync: HistorySync | None) -> float | None:
    """Until when nothing is missing: the platform told of it, or it was read."""
    read_at = sync.began_at if sync is not None and sync.state is SyncState.DONE else None
    return max((at for at in (heard_at, read_at) if at is not None), default=None)


def is_over(page: ThreadPage, since: float | None) -> bool:
    """Whether all that follows is older than what may be missing: the newest come first."""
    older = [policy.is_older(thread.updated_at, since) for thread in page.threads]
    return bool(older) and all(older)


def sentence_of(sync: HistorySync) -> str:
    """How a reading ended, for the channel's operator."""
    if sync.failure is not None:
        why = sync.failure.text or sync.failure.reason.value
        later = "" if sync.state is SyncState.FAILED else "; that is tried again"
        return f"Old conversations could not be read so far: {why}{later}."
    if sync.cursor.startswith(ONE_BY_ONE):
        return PEOPLE_ONLY
    return "Old conversations were read."


def stumbled(text: str) -> Failure:
    """A reading that may go better another time."""
    return Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, text=text)
