"""Makes the calls on folders that adapters describe: look for a mail of ours, keep one."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from attrs import frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.imap_failures import ImapFailure, ImapKind
from omni_actors.net.imap_link import Outgoing, Patience
from omni_actors.net.imap_login import Dial
from omni_actors.net.imap_session import FolderSession
from omni_actors.net.lanes import Lanes, LaneStatistics, open_lanes
from omni_actors.net.mail_place import dial_tcp
from omni_actors.net.smtp_connection import MailKey
from omni_actors.net.streams import SourceBroken
from omni_actors.net.tls import mail_context
from omni_actors.net.trace import Exchange, Trace
from omni_actors.wire.calls import FindCall, FolderReply, KeepCall
from omni_actors.wire.mail import Mail

_TROUBLE = {
    ImapKind.UNREACHABLE: (Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE),
    ImapKind.AUTH: (Kind.BROKEN, Reason.CREDENTIALS_EXPIRED),
    ImapKind.REFUSED: (Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE),
    ImapKind.GONE: (Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE),
    ImapKind.PROTOCOL: (Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE),
    ImapKind.TIMED_OUT: (Kind.TRANSIENT, Reason.TIMED_OUT),
}
_DIED: Final = frozenset({ImapKind.GONE, ImapKind.PROTOCOL, ImapKind.TIMED_OUT})

# Many servers take ten sessions of an account at once, and people's programs want theirs.
SESSIONS_PER_CHANNEL: Final = 2
SESSIONS_TOTAL: Final = 128
IDLE_S: Final = 60.0


@asynccontextmanager
async def open_folder_hands(
    *,
    compose: Callable[[Mail], Awaitable[Outgoing]],
    now: Callable[[], float],
    disk_errors: tuple[type[Exception], ...] = (OSError,),
    patience: Patience | None = None,
    ssl_context: ssl.SSLContext | None = None,
    dial: Dial = dial_tcp,
) -> AsyncIterator["FolderHands"]:
    """The hands for calls on folders. Leaving closes every session.

    `compose` makes the bytes of a mail; what it raises when a blob cannot be read is among the
    `disk_errors`.
    """
    context = mail_context() if ssl_context is None else ssl_context

    def session(key: MailKey) -> FolderSession:
        return FolderSession(key, context, patience or Patience(), dial)

    async with open_lanes(session, SESSIONS_PER_CHANNEL, SESSIONS_TOTAL, IDLE_S) as lanes:
        yield FolderHands(lanes, compose, now, disk_errors)


@frozen(eq=False)
class FolderHands:
    """Makes calls on folders, in sessions that are kept, few of a channel."""

    _lanes: Lanes[MailKey, FolderSession]
    _compose: Callable[[Mail], Awaitable[Outgoing]]
    _now: Callable[[], float]
    _disk_errors: tuple[type[Exception], ...]

    def statistics(self) -> LaneStatistics:
        """A snapshot of the sessions."""
        return self._lanes.statistics()

    async def make(self, call: FindCall | KeepCall, account: Account, trace: Trace) -> FolderReply:
        """Make one call and note it in `trace`. A folder that is written `\\Sent` or so is the
        one that serves this use (RFC 6154), whatever its name, or else `Sent`.

        Both may be repeated: a mail that is among the newest of the folder is not put there again.
        Raises SendFailure; cancelled, the mail may have been put.
        """
        started_at = self._now()
        try:
            reply = await self._in_time(call, account)
        except SendFailure as failed:
            trace.add(self._exchange(call, started_at, None, failed.failure.text))
            raise
        trace.add(self._exchange(call, started_at, reply, None))
        return reply

    async def _in_time(self, call: FindCall | KeepCall, account: Account) -> FolderReply:
        with trio.move_on_after(call.deadline_s):
            try:
                return await self._made(call, account)
            except ImapFailure as failure:
                raise SendFailure(_failure(failure)) from failure
            except SourceBroken as error:
                raise _unreadable(error) from error
            except self._disk_errors as error:
                raise _unreadable(error) from error
        text = f"no answer from {_place(call)} within {call.deadline_s:g} s"
        raise SendFailure(Failure(Kind.TRANSIENT, Reason.TIMED_OUT, text=text))

    async def _made(self, call: FindCall | KeepCall, account: Account) -> FolderReply:
        """Make it; a kept session that proves dead is exchanged for another, where the mail is
        looked for before it is put there again."""
        key = MailKey(account.channel_id, call.server)
        for again in reversed(range(SESSIONS_PER_CHANNEL + 1)):
            lane = await self._lanes.borrow(key)
            session = lane.connection
            try:
                return await self._in_session(session, call, account)
            except ImapFailure as failure:
                if not (again and session.kept and failure.kind in _DIED and _repeatable(call)):
                    raise
            finally:
                self._lanes.give_back(lane)
        raise AssertionError("unreachable: the last try ends in one way or another")

    async def _in_session(
        self, session: FolderSession, call: FindCall | KeepCall, account: Account
    ) -> FolderReply:
        await session.opened(account)
        try:
            if isinstance(call, FindCall):
                return FolderReply(await session.has(call.folder, call.message_id))
            mail = await self._compose(call.mail)
            await session.keep(call.folder, mail, _message_id(call.mail))
        except ImapFailure:
            session.forget()
            raise
        return FolderReply(found=True)

    def _exchange(
        self,
        call: FindCall | KeepCall,
        started_at: float,
        reply: FolderReply | None,
        error: str | None,
    ) -> Exchange:
        return Exchange(
            method="FIND" if isinstance(call, FindCall) else "KEEP",
            url=f"imap://{_place(call)}",
            started_at=started_at,
            ended_at=self._now(),
            request={"folder": call.folder},
            status=None,
            reply=None if reply is None else {"found": reply.found},
            error=error,
        )


def _repeatable(call: FindCall | KeepCall) -> bool:
    """Whether a second try finds out what became of the first."""
    return isinstance(call, FindCall) or _message_id(call.mail) is not None


def _message_id(mail: Mail) -> str | None:
    named = {name.lower(): value for name, value in mail.headers}
    return named.get("message-id")


def _place(call: FindCall | KeepCall) -> str:
    return f"{call.server.host}:{call.server.port}"


def _failure(failure: ImapFailure) -> Failure:
    kind, reason = _TROUBLE[failure.kind]
    code = failure.code or None
    return Failure(kind, reason, scope=Scope.CHANNEL, code=code, text=failure.text)


def _unreadable(error: Exception) -> SendFailure:
    text = f"the mail to keep cannot be read: {type(error).__name__}"
    return SendFailure(Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text))
