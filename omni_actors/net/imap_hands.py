"""Makes the calls on folders that adapters describe: look for a mail of ours, keep one."""

import ssl
from collections.abc import Awaitable, Callable, Sequence

import trio
from attrs import field, frozen

from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.imap import Folder, ImapFailure, ImapKind, Mailbox, folder_for, open_mailbox
from omni_actors.net.imap_link import Outgoing, Patience
from omni_actors.net.streams import SourceBroken
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


# Many servers take ten sessions of an account at once, and people's programs want theirs.
SESSIONS_PER_CHANNEL = 2


@frozen(eq=False)
class FolderHands:
    """Makes calls on folders, each in a session of its own, few of a channel at once. `compose`
    makes the bytes of a mail; what it raises when a blob cannot be read is among the
    `disk_errors`."""

    compose: Callable[[Mail], Awaitable[Outgoing]]
    now: Callable[[], float]
    disk_errors: tuple[type[Exception], ...] = (OSError,)
    patience: Patience = field(factory=Patience)
    ssl_context: ssl.SSLContext | None = None
    _rooms: dict[str, trio.CapacityLimiter] = field(factory=dict, init=False)

    async def make(self, call: FindCall | KeepCall, account: Account, trace: Trace) -> FolderReply:
        """Make one call and note it in `trace`. A folder that is written `\\Sent` or so is the
        one that serves this use (RFC 6154), whatever its name, or else `Sent`.

        Both may be repeated: a mail that the folder has already is not put there again. Raises
        SendFailure; cancelled, the mail may have been put.
        """
        started_at = self.now()
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
                async with self._room(account.channel_id):
                    return await self._in_session(call, account)
            except ImapFailure as failure:
                raise SendFailure(_failure(failure)) from failure
            except SourceBroken as error:
                raise _unreadable(error) from error
            except self.disk_errors as error:
                raise _unreadable(error) from error
        text = f"no answer from {_place(call)} within {call.deadline_s:g} s"
        raise SendFailure(Failure(Kind.TRANSIENT, Reason.TIMED_OUT, text=text))

    def _room(self, channel_id: str) -> trio.CapacityLimiter:
        if channel_id not in self._rooms:
            self._rooms[channel_id] = trio.CapacityLimiter(SESSIONS_PER_CHANNEL)
        return self._rooms[channel_id]

    async def _in_session(self, call: FindCall | KeepCall, account: Account) -> FolderReply:
        async with open_mailbox(
            call.server, account, ssl_context=self.ssl_context, patience=self.patience
        ) as mailbox:
            folders = await mailbox.folders()
            folder = await _named(mailbox, folders, call.folder)
            there = any(_same(each.name, folder) for each in folders)
            if isinstance(call, FindCall):
                return FolderReply(there and await _has(mailbox, folder, call.message_id))
            message_id = _message_id(call.mail)
            if not there or not message_id or not await _has(mailbox, folder, message_id):
                await mailbox.append(folder, await self.compose(call.mail))
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
            ended_at=self.now(),
            request={"folder": call.folder},
            status=None,
            reply=None if reply is None else {"found": reply.found},
            error=error,
        )


async def _named(mailbox: Mailbox, folders: Sequence[Folder], folder: str) -> str:
    """The whole name of a folder. One that is asked for by its use, where the server names none for
    that, is the one that is called so: `Sent` for `\\Sent`."""
    if folder.startswith("\\") and (name := folder_for(folders, folder)) is not None:
        return name
    return await mailbox.place(folder.removeprefix("\\"))


def _same(name: str, other: str) -> bool:
    return name == other or name.upper() == other.upper() == "INBOX"


async def _has(mailbox: Mailbox, folder: str, message_id: str) -> bool:
    await mailbox.select(folder, writable=False)
    return bool(await mailbox.find(message_id))


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
