"""The gateway as its door sees it: one object, plain answers, one kind of error."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from attrs import define, field

from omni_actors import telemetry
from omni_actors.gateway import credentials, keys
from omni_actors.gateway.answers import Answer as Answer
from omni_actors.gateway.answers import Readiness as Readiness
from omni_actors.gateway.answers import Rendered as Rendered
from omni_actors.gateway.choices import ChoiceDesk
from omni_actors.gateway.choices import ChoicePage as ChoicePage
from omni_actors.gateway.choices import PageState as PageState
from omni_actors.gateway.connecting import Begun as Begun
from omni_actors.gateway.connecting import Connector
from omni_actors.gateway.connecting import Landing as Landing
from omni_actors.gateway.contexts import merged, within
from omni_actors.gateway.control import ControlBook
from omni_actors.gateway.dead_letters import DeadLetterDesk
from omni_actors.gateway.errors import Code as Code
from omni_actors.gateway.errors import Mistake as Mistake
from omni_actors.gateway.errors import RequestError as RequestError
from omni_actors.gateway.feed import Feed as Feed
from omni_actors.gateway.feed import event_types
from omni_actors.gateway.groups import GroupBook
from omni_actors.gateway.house import House
from omni_actors.gateway.keys import SCOPES as SCOPES
from omni_actors.gateway.keys import Caller as Caller
from omni_actors.gateway.keys import Keyring, Paces
from omni_actors.gateway.mail_session import MailboxHealth as MailboxHealth
from omni_actors.gateway.mail_templates import MailTemplateBook
from omni_actors.gateway.media_files import MediaFiles
from omni_actors.gateway.once import Once
from omni_actors.gateway.profiles import ProfileBook
from omni_actors.gateway.receipts import Receipts
from omni_actors.gateway.receipts import Sign as Sign
from omni_actors.gateway.submit import Sender, refused, window_of
from omni_actors.gateway.templates import TemplateBook
from omni_actors.gateway.templates import TemplatesPage as TemplatesPage
from omni_actors.gateway.templates import refused as refused_by_platform
from omni_actors.gateway.views import (
    ChannelView as ChannelView,
)
from omni_actors.gateway.views import (
    actor_view,
    capabilities_view,
    channel_views,
)
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import IdentityKey
from omni_actors.model.requests import SendRequest
from omni_actors.model.states import ChannelState
from omni_actors.policy.rate import Limit
from omni_actors.store.connecting import Connection as Connection
from omni_actors.store.connecting import ConnectionStatus as ConnectionStatus
from omni_actors.store.connecting import Deletion as Deletion
from omni_actors.store.contract import Query, Refused, Verb
from omni_actors.store.history import HistorySync as HistorySync
from omni_actors.store.limits import Release
from omni_actors.store.queries import (
    Attempts,
    ContactById,
    ContactList,
    ContextOf,
    ConversationById,
    Conversations,
    Events,
    Figures,
    Keys,
    LegById,
    MediumById,
    MessageById,
    Messages,
    Replay,
)
from omni_actors.store.rows import ANY_TENANT as ANY_TENANT
from omni_actors.store.rows import ApiKey as ApiKey
from omni_actors.store.rows import Attempt as Attempt
from omni_actors.store.rows import Channel as Channel
from omni_actors.store.rows import Contact as Contact
from omni_actors.store.rows import Context as Context
from omni_actors.store.rows import Conversation as Conversation
from omni_actors.store.rows import DeadLetter as DeadLetter
from omni_actors.store.rows import Event as Event
from omni_actors.store.rows import Identity as Identity
from omni_actors.store.rows import Leg as Leg
from omni_actors.store.rows import Medium as Medium
from omni_actors.store.rows import Message as Message
from omni_actors.store.rows import NewKey as NewKey
from omni_actors.store.rows import NewMedium as NewMedium
from omni_actors.store.rows import Page as Page
from omni_actors.store.rows import Part as Part
from omni_actors.store.rows import QueueDepth as QueueDepth
from omni_actors.store.templates import Template as Template
from omni_actors.store.templates import TemplateSync as TemplateSync
from omni_actors.store.verbs import (
    Cancel,
    CloseConversation,
    Idempotency,
    PutContext,
    RevokeKey,
    SetChannelState,
)

R = TypeVar("R")
PATCH_TRIES = 5
EVENT_PAGE_MAX = 500


@define
class Gateway:
    """Everything that the door may ask for."""

    house: House
    media: MediaFiles
    letters: DeadLetterDesk
    store_failed: Callable[[], bool]
    key_limit: Limit
    once: Once = field(factory=Once)
    paces: Paces = field(init=False)
    keyring: Keyring = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.paces = Paces(self.key_limit, self.now)
        self.keyring = Keyring(self.house.ground.store, self.now, self.house.keys_used.__setitem__)

    @property
    def now(self) -> Callable[[], float]:
        """Wall time in unix seconds."""
        return self.house.ground.clock.now

    async def ask(self, query: Query[R]) -> R:
        try:
            return await self.house.ground.store.ask(query)
        except Refused as problem:
            raise refused(problem) from None

    async def do(self, verb: Verb[R]) -> R:
        try:
            return await self.house.ground.store.do(verb)
        except Refused as problem:
            raise refused(problem) from None

    @property
    def profiles(self) -> ProfileBook:
        """What channels say of themselves."""
        return self.house.profiles

    @property
    def templates(self) -> TemplateBook:
        """The templates of channels."""
        return self.house.templates

    @property
    def choices(self) -> ChoiceDesk:
        """Options picked by links."""
        return self.house.choices

    @property
    def mail_templates(self) -> MailTemplateBook:
        """The house's own templates of mails."""
        return self.house.mail_templates

    @property
    def groups(self) -> GroupBook:
        """The groups of channels."""
        return self.house.groups

    @property
    def control(self) -> ControlBook:
        """Who controls conversations at their platforms."""
        house = self.house
        return ControlBook(house.ground.store, house.ground.hands, lambda: house.routes, self.now)

    @property
    def connector(self) -> Connector:
        """Connecting accounts over OAuth."""
        return self.house.connector

    # ------------------------------------------------------------ hooks

    async def receive(self, hook_id: str, headers: Mapping[str, str], raw: bytes) -> int:
        """Take one request of a platform; the HTTP status to answer it with."""
        return await self.house.receiver.receive(hook_id, headers, raw)

    def hook_body_max(self, hook_id: str) -> int:
        """How many bytes a hook takes at most."""
        return self.house.receiver.body_max(hook_id)

    def handshake(self, hook_id: str, query: Mapping[str, str]) -> tuple[int, str]:
        """Prove to a platform that a hook's URL is ours: status and body."""
        hook = self.house.plan.hooks.get(hook_id)
        if hook is None:
            return 404, ""
        challenge = hook.handshake(query)
        return (403, "") if challenge is None else (200, challenge)

    # ------------------------------------------------------------ who calls, and how much

    def authenticate(self, token: str) -> Caller | None:
        """Whose key this is."""
        return self.keyring.caller(token)

    def allow(self, key_id: str) -> float | None:
        """Charge one request to a key; seconds to wait when it calls too fast, else None."""
        return self.paces.charge(key_id)

    def accepting(self) -> None:
        """Raise RequestError while the house takes nothing new from callers."""
        if self.house.draining:
            raise RequestError(
                Code.DRAINING, "the gateway is shutting down; try again shortly", retry_after_s=5
            )
        if self.house.ground.low_on_disk():
            raise RequestError(
                Code.DISK_FULL, "the gateway's disk is almost full", retry_after_s=60
            )

    def readiness(self) -> Readiness:
        """Whether a load balancer should send work here."""
        reasons = []
        if not self.house.started:
            reasons.append("starting")
        if self.house.draining:
            reasons.append("draining")
        if self.store_failed():
            reasons.append("the store has failed")
        if self.house.ground.low_on_disk():
            reasons.append("the disk is almost full")
        return Readiness(not reasons, tuple(reasons))

    # ------------------------------------------------------------ messages

    async def submit(
        self, caller: Caller, request: SendRequest, idempotency_key: str | None, fingerprint: str
    ) -> Answer:
        """Queue a message. A repeated key answers as the first time."""
        self.accepting()
        with self.once.run(caller.key_id, idempotency_key, fingerprint) as idempotency:
            if idempotency is not None:
                earlier = await self.ask(Replay(idempotency))
                if earlier is not None:
                    return Answer(earlier.response, True, earlier.ref)
            return await self.queue(caller, request, idempotency)

    async def queue(
        self, caller: Caller, request: SendRequest, idempotency: Idempotency | None
    ) -> Answer:
        sender = Sender(await self.tenant_of(caller, request), caller.key_id)
        try:
            submitted = await self.house.submitter.submit(sender, request, idempotency)
        except Refused as problem:
            raise refused(problem) from None
        return Answer(submitted.response, submitted.replayed, submitted.message_id)

    async def tenant_of(self, caller: Caller, request: SendRequest) -> str:
        """Whose message it is: the caller's, or for an operator that of what the request names."""
        if not caller.is_operator:
            return caller.tenant
        if request.to is not None:
            channel = self.house.channels.get(request.to.channel_id)
            return channel.tenant if channel else ANY_TENANT
        if request.conversation_id is not None:
            found = await self.ask(ConversationById(ANY_TENANT, request.conversation_id))
            return found.tenant if found else ANY_TENANT
        contact = await self.ask(ContactById(ANY_TENANT, request.contact_id or ""))
        return contact.tenant if contact else ANY_TENANT

    async def preview(self, caller: Caller, request: SendRequest) -> Rendered:
        """What a message would become, without sending it."""
        try:
            tenant = await self.tenant_of(caller, request)
            plan = await self.house.submitter.plan(tenant, request)
        except Refused as problem:
            raise refused(problem) from None
        return Rendered(
            parts=plan.shaped.parts,
            rendering=tuple([note.as_json() for note in plan.shaped.notes]),
            channel_id=plan.channel.id,
            leg_id=plan.leg.id or None,
            window=window_of(plan),
        )

    async def message(self, caller: Caller, message_id: str) -> Message:
        return found(await self.ask(MessageById(caller.tenant, message_id)), "message")

    async def attempts(self, caller: Caller, message_id: str) -> Sequence[Attempt]:
        await self.message(caller, message_id)
        return await self.ask(Attempts(caller.tenant, message_id))

    async def cancel(self, caller: Caller, message_id: str) -> Message:
        """Cancel what has not been claimed yet."""
        message = await self.do(Cancel(caller.tenant, message_id, self.now()))
        self.house.look(message.channel_id)
        return message

    async def release(self, caller: Caller, message_id: str) -> Message:
        """Send once more what is held because nobody knows whether it arrived."""
        self.accepting()
        message = await self.do(Release(caller.tenant, message_id, self.now()))
        self.house.look(message.channel_id)
        return message

    async def show_sign(self, caller: Caller, message_id: str, sign: Sign) -> Message:
        """Tell the customer that a message was read, or that an answer is being typed."""
        self.accepting()
        message = await self.message(caller, message_id)
        ground = self.house.ground
        leg = ground.store.peek(LegById(caller.tenant, message.leg_id))
        receipts = Receipts(ground.hands, lambda: self.house.routes)
        await receipts.show(message, leg.keys if leg else (), sign)
        return message

    # ------------------------------------------------------------ conversations and contacts

    async def conversations(
        self,
        caller: Caller,
        *,
        after: str,
        limit: int,
        contact_id: str | None = None,
        channel_id: str | None = None,
    ) -> Page[Conversation]:
        query = Conversations(caller.tenant, after, limit, contact_id, channel_id)
        return await self.ask(query)

    async def conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        one = await self.ask(ConversationById(caller.tenant, conversation_id))
        return found(one, "conversation")

    async def messages(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        after: str,
        limit: int,
        newest_first: bool = False,
    ) -> Page[Message]:
        await self.conversation(caller, conversation_id)
        query = Messages(caller.tenant, conversation_id, after, limit, newest_first)
        return await self.ask(query)

    async def context(self, caller: Caller, conversation_id: str) -> Context:
        return found(await self.ask(ContextOf(caller.tenant, conversation_id)), "conversation")

    async def patch_context(
        self, caller: Caller, conversation_id: str, patch: JsonObject, if_match: int | None
    ) -> Context:
        """Apply a JSON merge patch (RFC 7396). Without `if_match` a lost race is run again."""
        for _ in range(PATCH_TRIES):
            before = await self.context(caller, conversation_id)
            if if_match is not None and if_match != before.version:
                raise RequestError(
                    Code.VERSION_CONFLICT, f"the context is at version {before.version}"
                )
            value = merged(before.value, patch)
            put = PutContext(caller.tenant, conversation_id, value, before.version)
            try:
                return await self.do(within(put))
            except RequestError as problem:
                if problem.code is not Code.VERSION_CONFLICT or if_match is not None:
                    raise
        raise RequestError(Code.VERSION_CONFLICT, "the context keeps changing; try again")

    async def close_conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        return await self.do(CloseConversation(caller.tenant, conversation_id, self.now()))

    async def contacts(
        self, caller: Caller, *, after: str, limit: int, identity: tuple[str, str] | None = None
    ) -> Page[Contact]:
        # In a query a plus that nobody escaped arrives as a space.
        key = IdentityKey(identity[0], identity[1].lstrip("+ ")) if identity else None
        return await self.ask(ContactList(caller.tenant, after, limit, key))

    async def contact(self, caller: Caller, contact_id: str) -> Contact:
        return found(await self.ask(ContactById(caller.tenant, contact_id)), "contact")

    # ------------------------------------------------------------ channels

    async def channels(self, caller: Caller) -> Sequence[ChannelView]:
        return await channel_views(self.house, caller)

    async def channel(self, caller: Caller, channel_id: str) -> ChannelView:
        views = [view for view in await self.channels(caller) if view.channel.id == channel_id]
        return found(views[0] if views else None, "channel")

    def capabilities(self, platform: str) -> JsonObject:
        """What a platform can carry, by content type."""
        adapter = self.house.ground.adapters.get(platform)
        return capabilities_view(found(adapter, "platform").capabilities)

    async def pause(self, caller: Caller, channel_id: str) -> ChannelView:
        """Stop sending on a channel; receiving goes on and the queue is kept."""
        return await self.set_state(
            caller, channel_id, ChannelState.PAUSED, "paused by an operator"
        )

    async def resume(self, caller: Caller, channel_id: str) -> ChannelView:
        """Send again on a channel."""
        return await self.set_state(caller, channel_id, ChannelState.ACTIVE, None)

    async def put_credentials(
        self, caller: Caller, channel_id: str, document: JsonObject
    ) -> ChannelView:
        """Give a channel new credentials; its queue goes on by itself."""
        view = await self.channel(caller, channel_id)
        await credentials.replace(self.house, view.channel, document, self.now())
        return await self.channel(caller, channel_id)

    async def sync_limits(self, caller: Caller, channel_id: str) -> ChannelView:
        """Ask the platform what it allows a channel, and keep to it. Raises RequestError."""
        await self.channel(caller, channel_id)
        reader = self.house.limit_reader
        if channel_id not in reader.able():
            raise RequestError(Code.LIMITS_UNREACHABLE, "this channel's platform cannot be asked")
        failure = await reader.read(channel_id)
        if failure is not None:
            raise refused_by_platform(failure)
        return await self.channel(caller, channel_id)

    async def sync_history(self, caller: Caller, channel_id: str) -> ChannelView:
        """Have the old conversations of a channel read. Raises RequestError."""
        await self.house.histories.asked(caller, channel_id)
        return await self.channel(caller, channel_id)

    async def set_state(
        self, caller: Caller, channel_id: str, state: ChannelState, reason: str | None
    ) -> ChannelView:
        unless = (ChannelState.REMOVED,)
        verb = SetChannelState(caller.tenant, channel_id, state, reason, self.now(), unless)
        self.house.changed(await self.do(verb))
        return await self.channel(caller, channel_id)

    # ------------------------------------------------------------ events

    async def events(
        self, caller: Caller, *, after: int | None, limit: int, types: Sequence[str] = ()
    ) -> tuple[Sequence[Event], int]:
        """Events after a cursor (None: from now on), and the cursor to go on from."""
        if after is None:
            return (), self.house.bell.cursor
        reached = self.reached(after)
        query = Events(caller.tenant, after, min(limit, EVENT_PAGE_MAX), event_types(types))
        page = await self.ask(query)
        if len(page) == query.limit:
            return page, page[-1].cursor
        return page, max(after, reached, page[-1].cursor if page else 0)

    async def live(self, caller: Caller, *, after: int | None, types: Sequence[str] = ()) -> Feed:
        """A stream of events from a cursor on. Raises RequestError when it is too old."""
        house = self.house
        cursor = house.bell.cursor if after is None else after
        self.reached(cursor)
        feed = Feed(house.ground.store, house.bell, caller.tenant, cursor, event_types(types))
        if after is not None:
            await self.ask(Events(caller.tenant, after, 1))
        return feed

    def reached(self, after: int) -> int:
        """The newest cursor. Raises RequestError for one from the future: it is not of this log."""
        newest = self.house.bell.cursor
        if after > newest:
            raise RequestError(
                Code.CURSOR_UNKNOWN,
                f"the cursor lies after the newest event, {newest}",
                mistakes=(Mistake("?after", "is of another gateway, or of before a restore"),),
            )
        return newest

    async def wait_drain(self) -> None:
        """Return when the house begins to drain."""
        await self.house.drain_begun.wait()

    # ------------------------------------------------------------ dead letters

    async def dead_letters(
        self,
        caller: Caller,
        *,
        after: str,
        limit: int,
        kind: str | None = None,
        channel_id: str | None = None,
        reason: str | None = None,
        redriven: bool = False,
    ) -> Page[DeadLetter]:
        return await self.letters.page(
            caller.tenant, after, limit, kind, channel_id, reason, redriven
        )

    async def dead_letter(
        self, caller: Caller, dead_letter_id: str
    ) -> tuple[DeadLetter, JsonObject]:
        """A dead letter with what it was about."""
        return await self.letters.one(caller.tenant, dead_letter_id)

    async def redrive(
        self,
        caller: Caller,
        *,
        ids: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        per_second: float | None = None,
    ) -> JsonObject:
        """Give dead letters another chance, by id or by filter."""
        self.accepting()
        return await self.letters.redrive(caller.tenant, ids, where, per_second)

    # ------------------------------------------------------------ media

    async def upload(
        self,
        caller: Caller,
        chunks: AsyncIterator[bytes],
        *,
        mime: str | None,
        filename: str | None,
        tenant: str | None = None,
        idempotency_key: str | None = None,
        fingerprint: str = "",
    ) -> NewMedium:
        """Keep a medium for sending. Raises RequestError TOO_LARGE."""
        self.accepting()
        owner = (tenant or "default") if caller.is_operator else caller.tenant
        with self.once.run(caller.key_id, idempotency_key, fingerprint) as idempotency:
            return await self.media.upload(owner, chunks, mime, filename, idempotency)

    async def medium(self, caller: Caller, media_id: str) -> Medium:
        return found(await self.ask(MediumById(caller.tenant, media_id)), "medium")

    def open_medium(self, medium: Medium) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of a medium that is READY."""
        return self.media.open(medium)

    # ------------------------------------------------------------ operators

    async def keys(self, caller: Caller) -> Sequence[ApiKey]:
        return await self.ask(Keys(caller.tenant))

    async def create_key(
        self,
        caller: Caller,
        *,
        name: str,
        tenant: str,
        scopes: Sequence[str],
        idempotency_key: str | None = None,
        fingerprint: str = "",
    ) -> NewKey:
        """Make a key; its secret is shown this once, or again to the same request."""
        with self.once.run(caller.key_id, idempotency_key, fingerprint) as idempotency:
            return await keys.create(
                self.house.ground.store,
                self.house.ids,
                secrets.randbits,
                self.now(),
                name=name,
                tenant=tenant,
                scopes=tuple(scopes),
                idempotency=idempotency,
            )

    async def revoke_key(self, caller: Caller, key_id: str) -> ApiKey:
        """Make a key worthless at once."""
        del caller
        revoked = await self.do(RevokeKey(key_id, self.now()))
        self.keyring.forget()
        return revoked

    async def metrics(self) -> bytes:
        """All metrics in the Prometheus text format, with what the store holds now."""
        for kind, rows in (await self.ask(Figures())).items():
            telemetry.of(telemetry.STORE_ROWS, kind).set(rows)
        for channel_id, limits in self.house.limiters.items():
            limits.measure(channel_id, self.now())
        self.house.mail.measure()
        return telemetry.exposition()

    def actors(self) -> Sequence[JsonObject]:
        """The live tree: names, figures and states, no content."""
        return [actor_view(cell) for cell in self.house.ground.system.snapshot()]


def found(thing: R | None, noun: str) -> R:
    """The thing, or RequestError NOT_FOUND."""
    if thing is None:
        raise RequestError(Code.NOT_FOUND, f"there is no such {noun}")
    return thing
