"""The hands of the house: every call that an adapter describes goes to those that can make it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from attrs import frozen

from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.guard import GuardPolicy
from omni_actors.net.http import open_hands
from omni_actors.net.imap_hands import open_folder_hands
from omni_actors.net.imap_link import Outgoing
from omni_actors.net.letter import letter_of
from omni_actors.net.smtp import open_mail_hands
from omni_actors.net.smtp_failures import unspeakable
from omni_actors.net.streams import OpenSink, OpenSource
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Call, FindCall, GreetCall, HttpCall, KeepCall, MailCall, Reply
from omni_actors.wire.mail import Mail
from omni_actors.wire.smtp_lines import Unspeakable

# Makes calls of one kind. Raises SendFailure where there is no reply.
Make: TypeAlias = Callable[[Any, Account, Trace], Awaitable[Reply]]


@asynccontextmanager
async def all_hands(
    *,
    open_source: OpenSource,
    open_sink: OpenSink,
    guard_policy: GuardPolicy,
    now: Callable[[], float],
    disk_errors: tuple[type[Exception], ...] = (OSError,),
) -> AsyncIterator["Hands"]:
    """Hands for every kind of call, each with its own connections. Leaving closes all of them.

    `disk_errors` is what the blobs' doors raise when a disk is full or a blob is not there.
    """

    async def to_keep(mail: Mail) -> Outgoing:
        try:
            letter = await letter_of(mail, open_source, disk_errors)
        except Unspeakable as error:
            raise unspeakable(error) from None
        return Outgoing(letter.mail.size, letter.opened)

    async with (
        open_hands(
            open_source=open_source,
            open_sink=open_sink,
            guard_policy=guard_policy,
            now=now,
            disk_errors=disk_errors,
        ) as http,
        open_mail_hands(open_source=open_source, now=now, disk_errors=disk_errors) as mail,
        open_folder_hands(compose=to_keep, now=now, disk_errors=disk_errors) as folders,
    ):
        makers: dict[type[Call], Make] = {
            HttpCall: http.make,
            MailCall: mail.make,
            GreetCall: mail.greet,
            FindCall: folders.make,
            KeepCall: folders.make,
        }
        yield Hands(makers)


@frozen(eq=False)
class Hands:
    """Makes calls of every kind that somebody here can make."""

    makers: Mapping[type[Call], Make]

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        """Make one call and note it in `trace`. Raises SendFailure as those do who make it."""
        maker = self.makers.get(type(call))
        if maker is None:
            text = f"nobody here makes a {type(call).__name__}"
            raise SendFailure(Failure(Kind.REJECTED, Reason.INTERNAL, text=text))
        return await maker(call, account, trace)
