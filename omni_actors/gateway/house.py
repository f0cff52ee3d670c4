"""The house: who lives here, who wakes whom, and in what order it all starts and stops.

Start order is dependency order: what the store holds is put right first, then the channels, the
conversations, the media desk and the bot. The front door opens last and closes first.
"""

import math
from collections.abc import Mapping, Sequence

import trio
from attrs import define, evolve, field

from omni_actors import telemetry
from omni_actors.actors.cell import Quarantined
from omni_actors.actors.ending import DrainReport
from omni_actors.actors.mailbox import Lane, Told
from omni_actors.actors.roster import Roster
from omni_actors.gateway import (
    channel_actor,
    copy_desk,
    echo_bot,
    grant_desk,
    history_desk,
    limit_desk,
    media_desk,
    outreach_desk,
    people_desk,
    staff,
    template_desk,
    timekeeper,
)
from omni_actors.gateway.bell import Bell
from omni_actors.gateway.channel_actor import ChannelActor
from omni_actors.gateway.choices import ChoiceDesk
from omni_actors.gateway.connecting import Connector
from omni_actors.gateway.conversation_actor import WAKE, ConversationActor, Wake
from omni_actors.gateway.derivatives import Derivatives
from omni_actors.gateway.grants import GrantBook
from omni_actors.gateway.ground import Ground, Plan
from omni_actors.gateway.groups import GroupBook
from omni_actors.gateway.history import HistoryBook
from omni_actors.gateway.hooks import addresses
from omni_actors.gateway.intake import Receiver
from omni_actors.gateway.limit_desk import LimitReader
from omni_actors.gateway.limits import Limits
from omni_actors.gateway.links import Links
from omni_actors.gateway.mail_room import MailRoom, open_mail_room
from omni_actors.gateway.mail_templates import MailTemplateBook
from omni_actors.gateway.pacing import Pacer, default_pacing
from omni_actors.gateway.profiles import ProfileBook
from omni_actors.gateway.rereading import Rereader
from omni_actors.gateway.sender import Route, Sender
from omni_actors.gateway.submit import Submitter
from omni_actors.gateway.templates import TemplateBook
from omni_actors.gateway.tokens import Tokens
from omni_actors.gateway.uploads import Uploads
from omni_actors.mail_templates.rendering import Renderer
from omni_actors.media.pictures import Pictures
from omni_actors.model.ids import Ids
from omni_actors.model.states import ChannelState
from omni_actors.store.connecting import LoseConnections
from omni_actors.store.contract import News
from omni_actors.store.media_verbs import HurryMedia
from omni_actors.store.queries import Channels, LastCursor, UnhandledConversations
from omni_actors.store.rows import ANY_TENANT, Channel, Complaint, LegWake
from omni_actors.store.verbs import Accepted, EnsureConsumer, Recover, SyncChannels

CHANNELS = "channel"
CONVERSATIONS = "conversation"
WAKE_PAGE = 500
LOST = "the gateway was restarted meanwhile; begin again"


@define
class House:
    """Everything that is alive."""

    ground: Ground
    plan: Plan
    ids: Ids = field(init=False)
    bell: Bell = field(init=False)
    channels: dict[str, Channel] = field(factory=dict)
    routes: dict[str, Route] = field(factory=dict)
    pacer: Pacer = field(init=False)
    desks: dict[str, ChannelActor] = field(factory=dict)
    spawned: set[str] = field(factory=set)
    keys_used: dict[str, float] = field(factory=dict)
    uploads: Uploads = field(init=False)
    conversations: Roster = field(init=False)
    receiver: Receiver = field(init=False)
    rereader: Rereader = field(init=False)
    choices: ChoiceDesk = field(init=False)
    templates: TemplateBook = field(init=False)
    mail_templates: MailTemplateBook = field(init=False)
    groups: GroupBook = field(init=False)
    pictures: Pictures = field(init=False)
    grants: GrantBook = field(init=False)
    connector: Connector = field(init=False)
    profiles: ProfileBook = field(init=False)
    limit_reader: LimitReader = field(init=False)
    histories: HistoryBook = field(init=False)
    tokens: Tokens = field(factory=Tokens)
    mail: MailRoom = field(init=False)
    submitter: Submitter = field(init=False)
    soonest: float = math.inf
    drain_begun: trio.Event = field(factory=trio.Event)
    nursery: trio.Nursery = field(init=False)
    started: bool = False

    def __attrs_post_init__(self) -> None:
        ground = self.ground
        now = ground.clock.now
        self.ids = Ids(now, ground.chance.getrandbits)
        self.bell = Bell()
        self.uploads = Uploads(ground.store, now)
        self.pacer = Pacer(
            ground.store,
            ground.adapters,
            now,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            pacings=lambda: self.plan.pacing,
        )
        self.conversations = Roster(
            ground.system,
            CONVERSATIONS,
            self.conversation_actor,
            idle_s=self.plan.idle_s,
            on_poison=self.quarantined,
        )
        self.receiver = Receiver(
            hooks=lambda: self.plan.hooks,
            adapters=ground.adapters,
            store=ground.store,
            blobs=ground.blobs,
            ids=self.ids,
            now=now,
            low_on_disk=ground.low_on_disk,
            wake=self.wake,
            tokens=self.tokens,
        )
        self.mail = open_mail_room(
            ground,
            self.receiver,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            changed=self.changed,
            refresher=lambda: self.grants,
            ending=self.drain_begun,
        )
        self.rereader = Rereader(
            ground.store,
            ground.blobs,
            self.receiver,
            self.mail.intake,
            hooks=lambda: self.plan.hooks,
            draining=lambda: self.draining,
        )
        self.choices = ChoiceDesk(
            ground.store,
            self.receiver,
            ground.adapters,
            now,
            base=lambda: self.plan.links_url,
        )
        self.pictures = Pictures(ground.blobs)
        self._open_books()
        self.submitter = Submitter(
            store=ground.store,
            adapters=ground.adapters,
            channels=lambda: self.channels,
            ids=self.ids,
            now=now,
            wake=self.wake_legs,
            due=self.due_at,
            judge_template=self.templates.judge,
            derivatives=self.templates.derivatives,
            mail_templates=self.mail_templates,
        )

    def _open_books(self) -> None:
        """What the platforms keep for our channels: templates, groups, profiles, grants."""
        ground, now = self.ground, self.ground.clock.now
        self.mail_templates = MailTemplateBook(lambda: self.plan.mail_templates, Renderer())
        self.templates = TemplateBook(
            store=ground.store,
            hands=ground.hands,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            now=now,
            derivatives=Derivatives(ground.store, self.pictures, self.ids, now),
            changed=self.templates_changed,
            of_mails=self.mail_templates,
        )
        self.groups = GroupBook(
            store=ground.store,
            hands=ground.hands,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
        )
        self.profiles = ProfileBook(
            hands=ground.hands,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            now=now,
        )
        self.limit_reader = LimitReader(
            ground.store,
            ground.hands,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            now=now,
            changed=self.changed,
        )
        self.histories = HistoryBook(
            store=ground.store,
            hands=ground.hands,
            receiver=self.receiver,
            now=now,
            chance=ground.chance,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            look=lambda: self.nudge(staff.HISTORY, history_desk.Look()),
        )
        self.grants = GrantBook(
            store=ground.store,
            hands=ground.hands,
            channels=lambda: self.channels,
            routes=lambda: self.routes,
            now=now,
            changed=self.changed,
            restored=self.histories.restored,
            hooks=lambda: addresses(self.plan.hooks, self.plan.links_url),
        )
        self.connector = Connector(
            store=ground.store,
            hands=ground.hands,
            ids=self.ids,
            now=now,
            adapters=ground.adapters,
            apps=lambda: self.plan.apps,
            channels=lambda: self.channels,
            public_url=lambda: self.plan.public_url,
            adopt=self.adopt,
            grants=self.grants,
        )

    @property
    def draining(self) -> bool:
        """Whether the house has begun to end."""
        return self.drain_begun.is_set()

    # ------------------------------------------------------------ start

    async def start(self, nursery: trio.Nursery) -> None:
        """Put the store right, then wake everybody. Raises Refused when the config cannot be."""
        self.nursery = nursery
        store, now = self.ground.store, self.ground.clock.now
        await store.do(SyncChannels(self.plan.channels, now()))
        await store.do(LoseConnections(LOST))
        await self.choices.load()
        recovered = await store.do(Recover(now(), self.waits()))
        telemetry.info("house.recovered", in_doubt=recovered.in_doubt, given_up=recovered.given_up)
        if self.plan.bot == echo_bot.CONSUMER:  # before the door opens, or it misses the first
            await store.do(EnsureConsumer(echo_bot.CONSUMER, ANY_TENANT, now()))
        await self.tokens.load(store)
        self.bell.ring(await store.ask(LastCursor()))
        store.on_events(self.rung)
        self.take_channels(await store.ask(Channels()))
        await self.pacer.recall()
        for channel in self.channels.values():
            self.spawn_channel(channel)
        staff.spawn_desks(self)
        await self.histories.back(tuple(self.channels.values()))
        nursery.start_soon(self.wake_unhandled)
        nursery.start_soon(self.rereader.take_up_unclaimed, tuple(self.channels.values()))
        self.started = True

    def waits(self) -> dict[str, float]:
        """How long each platform may take to tell what became of a part in doubt."""
        return {
            name: self.plan.unknown_wait_s.get(name, adapter.capabilities.unknown_wait_s)
            for name, adapter in self.ground.adapters.items()
        }

    def take_channels(self, channels: Sequence[Channel]) -> None:
        """Know these channels, and how to send on them."""
        self.channels = {channel.id: channel for channel in channels}
        for channel in channels:
            self.take_route(channel)
            self.tell_state(channel)

    def take_route(self, channel: Channel) -> bool:
        """Know how to send on a channel; answers whether there is a way.

        One that was connected through an app of the config has the secret of that app.
        """
        if channel.platform not in self.ground.adapters or not channel.connected:
            self.routes.pop(channel.id, None)
            return False
        route = self.ground.route_of(channel)
        app = self.plan.apps.get(channel.app or "")
        if app is not None:
            route = evolve(route, app=app)
        if app is not None and route.account.app_secret is None:
            secret = app.kind.secret(app.secrets)
            route = evolve(route, account=evolve(route.account, app_secret=secret))
        self.routes[channel.id] = route
        return True

    def spawn_channel(self, channel: Channel) -> None:
        """Give a channel its actor. What a crash of it leaves on the wire is in doubt."""
        if channel.id not in self.routes or channel.id in self.spawned:
            return
        self.spawned.add(channel.id)
        restarted = False

        def factory() -> ChannelActor:
            nonlocal restarted
            actor = self.channel_actor(channel.id, recover=restarted)
            restarted = True
            self.desks[channel.id] = actor
            return actor

        self.ground.system.spawn(address_of(channel.id), factory, group=CHANNELS)
        self.mail.attend(channel)

    def channel_actor(self, channel_id: str, *, recover: bool) -> ChannelActor:
        channel, route = self.channels[channel_id], self.routes[channel_id]
        ground = self.ground
        return ChannelActor(
            channel=channel,
            route=route,
            store=ground.store,
            sender=self.sender(),
            limits=self.pacer.limits(channel),
            chance=ground.chance,
            now=ground.clock.now,
            told=self.tell_state,
            doubt=self.due_at,
            in_line=lambda: self.nudge(staff.OUTREACH, outreach_desk.Look()),
            unknown_wait_s=self.waits()[channel.platform],
            recover=self.waits() if recover else None,
            doubt_templates=self.templates_changed,
            copies_wait=lambda: self.nudge(staff.COPIES, copy_desk.Look()),
            ending=self.drain_begun,
        )

    def sender(self) -> Sender:
        """Somebody who sends parts."""
        ground = self.ground
        return Sender(
            ground.hands,
            self.uploads,
            Links(ground.blobs, self.pictures),
            ground.clock.now,
            self.tokens.of,
            choice_links=self.choices.links,
            refresher=self.grants,
        )

    @property
    def limiters(self) -> Mapping[str, Limits]:
        """The limiters of the channels, by id."""
        return self.pacer.limiters

    def conversation_actor(self, conversation_id: str) -> ConversationActor:
        return ConversationActor(
            conversation_id,
            self.ground.store,
            self.ground.adapters,
            self.wake_legs,
            self.plan.window_closing_s,
            lambda people: people_desk.tell(self.ground.system, staff.PEOPLE, people, self.routes),
        )

    async def wake_unhandled(self) -> None:
        """Wake the conversations that an earlier run left with something to handle."""
        after = ""
        while page := await self.ground.store.ask(UnhandledConversations(after, WAKE_PAGE)):
            for conversation_id in page:
                await self.conversations.offer(conversation_id, WAKE)
            after = page[-1]

    # ------------------------------------------------------------ waking

    def wake(self, accepted: Accepted) -> None:
        """Wake whom an intake concerns."""
        for conversation_id in accepted.conversations:
            backlog = accepted.begun.get(conversation_id)
            self.conversations.tell(conversation_id, Wake(backlog) if backlog else WAKE)
        for complaint in accepted.complaints:  # before the part that it is about is sent again
            self.complain(complaint)
        if accepted.wakes:
            self.wake_legs(accepted.wakes)
        if accepted.media:
            self.nudge(staff.MEDIA, media_desk.Look())
        for channel in accepted.channels:
            self.changed(channel)
        if accepted.named:
            self.nursery.start_soon(self.rereader.take_up_unclaimed, tuple(self.channels.values()))
        for channel_id in accepted.templates:
            self.templates_changed(channel_id)

    def complain(self, complaint: Complaint) -> None:
        """Tell a channel what its platform reports; one that cannot listen learns it by sending."""
        told = self.ground.system.tell(
            address_of(complaint.channel_id), channel_actor.Complained(complaint)
        )
        if told is not Told.ACCEPTED:
            telemetry.warning(
                "house.complaint_unheard", channel_id=complaint.channel_id, told=told.name
            )

    def wake_legs(self, wakes: Sequence[LegWake]) -> None:
        """Tell each channel which of its legs may have something to send.

        A channel whose mailbox is full notices by itself and looks in the store.
        """
        by_channel: dict[str, list[LegWake]] = {}
        for wake in wakes:
            by_channel.setdefault(wake.channel_id, []).append(wake)
        for channel_id, some in by_channel.items():
            told = self.ground.system.tell(address_of(channel_id), channel_actor.Wake(tuple(some)))
            if told is Told.STOPPED:
                telemetry.debug("house.channel_asleep", channel_id=channel_id, legs=len(some))

    def rung(self, news: News) -> None:
        """The event log has grown."""
        self.bell.ring(news.cursor)
        if self.plan.bot == echo_bot.CONSUMER and not news.types.isdisjoint(echo_bot.TYPES):
            self.nudge(staff.BOT, echo_bot.Ring(news.cursor))

    def look(self, channel_id: str) -> None:
        """Let a channel read its queue again."""
        self.nudge(address_of(channel_id), channel_actor.Look())

    def due_at(self, at: float) -> None:
        """Something will be due then.

        Only the newest word reaches the timekeeper, so it is only given sooner ones.
        """
        if at < self.soonest or self.soonest <= self.ground.clock.now():
            self.soonest = at
            self.nudge(staff.TIME, timekeeper.At(at))

    def templates_changed(self, channel_id: str) -> None:
        """The templates of a channel are not what we thought: read them again soon."""
        self.nudge(staff.TEMPLATES, template_desk.News(channel_id), Lane.NORMAL)

    def nudge(self, address: str, message: object, lane: Lane = Lane.SYSTEM) -> None:
        """Leave a message; of those in the lane SYSTEM the newest is enough."""
        told = self.ground.system.tell(address, message, lane=lane)
        if told is not Told.ACCEPTED:
            telemetry.debug("house.not_nudged", address=address, told=told.name)

    def take_keys_used(self) -> Mapping[str, float]:
        """When keys were used since this was last asked."""
        used = dict(self.keys_used)
        self.keys_used.clear()
        return used

    # ------------------------------------------------------------ change and end

    def tell_state(self, channel: Channel) -> None:
        """A channel's state as it is now."""
        self.channels[channel.id] = channel
        active = channel.state is ChannelState.ACTIVE
        telemetry.of(telemetry.CHANNEL_STATE, channel.id).set(1 if active else 0)
        if active and self.started:  # what waits for room may be let out on it
            self.nudge(staff.OUTREACH, outreach_desk.Look())

    def changed(self, channel: Channel) -> None:
        """An operator or a reload changed a channel, or its platform's word did."""
        self.tell_state(channel)
        before = self.routes.get(channel.id)
        if self.take_route(channel):
            if channel.id in self.limiters:
                self.pacer.renew(channel, self.limiters[channel.id])
                self.nudge(
                    staff.OUTREACH, outreach_desk.Look()
                )  # there may be room for more people
            self.tell_actor(channel, self.routes[channel.id])
            self.nursery.start_soon(self.fetch_at_once, channel.id)
        elif before is not None:  # it was disconnected
            self.tell_actor(channel, evolve(before, account=evolve(before.account, token="")))
        self.mail.attend(channel)

    def tell_actor(self, channel: Channel, route: Route) -> None:
        if channel.id not in self.spawned:  # it begins with what the channel is then
            return
        able = channel.id in self.routes
        pacing = self.pacer.pacing(channel) if able else default_pacing(route)
        message = channel_actor.Changed(channel, route, pacing.channel, pacing.pair)
        self.nudge(address_of(channel.id), message)

    def adopt(self, channel: Channel) -> None:
        """A channel was connected, anew or again, or disconnected: it lives by that at once."""
        self.changed(channel)
        self.spawn_channel(channel)
        self.receiver.heard.clear()  # what was told of a channel that was not known then
        self.nursery.start_soon(self.rereader.take_up_unclaimed, (channel,))
        self.nudge(staff.GRANTS, grant_desk.News(channel.id))
        self.nudge(staff.LIMITS, limit_desk.Look())
        self.nursery.start_soon(self.histories.connected, channel)

    async def fetch_at_once(self, channel_id: str) -> None:
        """Try again to get what this channel could not get so far."""
        await self.ground.store.do(HurryMedia(channel_id, self.ground.clock.now()))
        self.nudge(staff.MEDIA, media_desk.Look())
        await self.histories.hurry(channel_id)

    async def reload(self, plan: Plan) -> None:
        """Live by another plan from now on. Raises Refused; then nothing has changed."""
        channels = await self.ground.store.do(SyncChannels(plan.channels, self.ground.clock.now()))
        self.receiver.heard.clear()  # what was told of a channel that was not known then
        bot, self.plan = self.plan.bot, plan
        self.conversations.idle_s = plan.idle_s
        known = self.channels
        self.take_channels(channels)
        for channel in channels:
            if channel.id in known:
                self.changed(channel)
                self.renewed(known[channel.id], channel)
            else:
                self.spawn_channel(channel)
        self.nudge(staff.LIMITS, limit_desk.Look())
        await self.exchange_bot(bot)
        self.nursery.start_soon(self.rereader.take_up_unclaimed, channels)
        telemetry.info("house.reloaded", channels=len(plan.channels))

    def renewed(self, before: Channel, channel: Channel) -> None:
        """A channel that is another account, or of another, has other templates and limits."""
        if (before.channel_key, before.settings) != (channel.channel_key, channel.settings):
            self.templates_changed(channel.id)
            self.nudge(staff.LIMITS, limit_desk.News(channel.id), Lane.NORMAL)

    async def exchange_bot(self, before: str) -> None:
        """Start or stop the bot, when the plan says otherwise than before."""
        if self.plan.bot == before:
            return
        if self.plan.bot == echo_bot.CONSUMER:
            now = self.ground.clock.now()
            await self.ground.store.do(EnsureConsumer(echo_bot.CONSUMER, ANY_TENANT, now))
            staff.spawn_bot(self)
        else:
            await self.ground.system.stop(staff.BOT)

    async def quarantined(self, poison: Quarantined) -> None:
        """A conversation crashed its actor again and again: leave out what it cannot handle.

        The message itself stays readable; only what would have followed from it (a timer) is not.
        """
        conversation_id = poison.address.partition("/")[2]
        await self.conversation_actor(conversation_id).pass_over(poison.attempts)
        self.conversations.tell(conversation_id, WAKE)

    async def drain(self, deadline_s: float) -> DrainReport:
        """End in good order: no new work is claimed, what runs may finish, the rest is kept."""
        self.drain_begun.set()
        return await self.ground.system.drain(
            deadline_s, groups=["bots", "desks", CONVERSATIONS, CHANNELS]
        )


def address_of(channel_id: str) -> str:
    """Where a channel's actor lives."""
    return f"{CHANNELS}/{channel_id}"
