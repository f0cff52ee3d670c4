"""Keeps one mailbox read: a session while there is something to read, and another when it breaks.

Sending has its own states; that a channel is paused or restricted never stops it from receiving.
A credential that the mail server refuses is not tried again: providers lock accounts over that. An
access token is changed for a fresh one first, where that can be done.
"""

from collections.abc import Callable
from random import Random
from typing import Final

import trio
from attrs import define, evolve, field, frozen

from omni_actors import telemetry
from omni_actors.actors.cell import Context
from omni_actors.adapters.contract import Folders
from omni_actors.gateway.leaving import left_at
from omni_actors.gateway.mail_session import (
    DISK_TROUBLE,
    Doing,
    Footing,
    MailboxHealth,
    Memory,
    Session,
)
from omni_actors.gateway.refreshing import Refresher
from omni_actors.gateway.sender import Route
from omni_actors.model.failure import Failure
from omni_actors.model.states import ChannelState
from omni_actors.net.account import Account
from omni_actors.net.imap import ImapFailure, ImapKind
from omni_actors.policy import mailboxes
from omni_actors.policy.grants import has_ended, worded
from omni_actors.store.mail import SpareMail
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import SetChannelState
from omni_actors.wire.calls import MailServer

OURS: Final = "mailbox: "
PUT_DOWN_S: Final = 2.0
NO_CREDENTIAL: Final = "there is no credential to log in with"


@frozen
class Changed:
    """The channel, or how it is reached, may be another than before."""


@frozen
class Ended:
    """The session has ended."""


@frozen
class Reading:
    """What is to be read, and as whom."""

    server: MailServer
    folders: Folders
    account: Account

    def goes_on_as(self, other: "Reading") -> bool:
        """Whether a session may go on, as only its access token was changed for a fresh one."""
        tokens = self.account.refresh_token and other.account.refresh_token
        return bool(tokens) and self.unproven == other.unproven

    @property
    def unproven(self) -> "Reading":
        """The same without what proves it."""
        return evolve(self, account=evolve(self.account, token="", refresh_token=None))


@define
class MailDesk:
    """Reads the mailbox of one channel. A crash forgets nothing: the store tells how far it was."""

    footing: Footing
    channel: Callable[[], Channel]
    route: Callable[[], Route | None]
    told: Callable[[Channel], None]
    refresher: Refresher
    chance: Random
    ending: trio.Event
    health: MailboxHealth
    reading: Reading | None = None
    running: trio.CancelScope | None = None
    memory: Memory = field(factory=Memory)
    context: Context = field(init=False)

    async def started(self, context: Context) -> None:
        self.context = context
        context.tell_self(Changed())

    async def handle(self, message: Changed | Ended) -> None:
        """See to it that what is to be read is read, by one session at a time."""
        if isinstance(message, Ended):
            self.running = None
        wanted, ended = self.wanted(), isinstance(message, Ended)
        if self.running is not None:
            if wanted is not None and self.reading is not None and self.reading.goes_on_as(wanted):
                self.reading = wanted
            elif wanted != self.reading:
                self.running.cancel()  # its end comes back here
            return
        refused = wanted == self.reading and self.health.doing is Doing.REFUSED
        if refused and (ended or self.channel().state is not ChannelState.ACTIVE):
            return  # until there is another credential, or its operator says so
        self.reading = wanted
        self.begin()

    def wanted(self) -> Reading | None:
        """What is to be read now, if anything is."""
        route, channel = self.route(), self.channel()
        desk = route.adapter.mailbox if route else None
        if route is None or desk is None or channel.state is ChannelState.REMOVED:
            return None
        server = desk.server(route.settings)
        if server is None:
            return None
        return Reading(server, desk.folders(route.settings), route.account)

    def begin(self) -> None:
        """Read what is to be read, in a task of its own."""
        if self.reading is None or self.context.draining or self.ending.is_set():
            self.health.problem = None
            self.health.now(Doing.OFF, self.footing.now())
            return
        self.running = trio.CancelScope()
        self.context.start_soon(self.read, self.running)

    async def read(self, running: trio.CancelScope) -> None:
        """Read until there is something else to read, or the house ends."""
        with running:
            await left_at(self.ending, self.keep_reading)
        await self.put_down()
        self.context.tell_self(Ended())

    async def put_down(self) -> None:
        """The mail in hand when the reading was ended is not to blame for that."""
        place, self.memory.in_hand = self.memory.in_hand, None
        if place is not None:
            with trio.move_on_after(PUT_DOWN_S, shield=True):
                await self.footing.store.do(SpareMail(place))

    async def keep_reading(self) -> None:
        """Read over one connection after the other, until the credential is refused."""
        health, now = self.health, self.footing.now
        while (reading := self.reading) is not None:
            health.now(Doing.CONNECTING, now())
            began_at, why = trio.current_time(), "disk"
            try:
                await self.read_once(reading)
            except ImapFailure as failure:
                health.problem, why = failure.text, failure.kind.value
                auth = failure.kind is ImapKind.AUTH
                if auth and not await self.is_renewed(reading, failure.text):
                    return
            except DISK_TROUBLE as failure:
                health.problem = f"the disk: {type(failure).__name__}"
            if mailboxes.was_steady(trio.current_time() - began_at):
                health.strikes = 0
            health.strikes += 1
            pause_s = mailboxes.again_s(health.strikes, self.chance.random())
            telemetry.warning(
                "mailbox.lost",
                channel_id=self.channel().id,
                why=why,
                strikes=health.strikes,
                again_s=round(pause_s, 1),
            )
            health.now(Doing.BACKING_OFF, now())
            health.again_at = now() + pause_s
            await trio.sleep(pause_s)

    async def read_once(self, reading: Reading) -> None:
        """One session. Raises ImapFailure, DISK_TROUBLE."""
        if not reading.account.token:
            raise ImapFailure(ImapKind.AUTH, NO_CREDENTIAL)
        async with self.footing.open(reading.server, reading.account) as mailbox:
            self.refresher.proved(reading.account)
            await self.let_in()
            session = Session(
                self.footing, self.channel, mailbox, reading.folders, self.health, self.memory
            )
            await session.run()

    async def is_renewed(self, reading: Reading, text: str) -> bool:
        """The server does not take the credential; whether another is to be tried, now or later."""
        match await self.refresher.refreshed(reading.account):
            case Route():
                self.reading, self.health.strikes = self.wanted(), 0
                return True
            case Failure() as failure:
                self.health.problem = worded(failure).text
                if has_ended(failure):  # which the channel's state tells already
                    self.health.now(Doing.REFUSED, self.footing.now())
                return not has_ended(failure)
            case None:
                await self.refused(text)
                return False

    async def refused(self, text: str) -> None:
        """The mail server does not take the credential: its owner must act."""
        self.health.now(Doing.REFUSED, self.footing.now())
        telemetry.warning("mailbox.refused", channel_id=self.channel().id)
        await self.set_state(ChannelState.NEEDS_REAUTH, OURS + text)

    async def let_in(self) -> None:
        """The credential is good; a channel that was parked over the mailbox may send again."""
        channel = self.channel()
        ours = (channel.reason or "").startswith(OURS)
        if channel.state is ChannelState.NEEDS_REAUTH and ours:
            await self.set_state(ChannelState.ACTIVE, None)

    async def set_state(self, state: ChannelState, reason: str | None) -> None:
        """Write the channel's state, unless its operator's or its platform's word is against it."""
        channel = self.channel()
        unless = (ChannelState.PAUSED, ChannelState.RESTRICTED, ChannelState.REMOVED)
        verb = SetChannelState(
            channel.tenant, channel.id, state, reason, self.footing.now(), unless
        )
        self.told(await self.footing.store.do(verb))
