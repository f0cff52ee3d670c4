"""A session with a mailbox over IMAP: open a folder, list, fetch, move, put, wait for news."""

import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from enum import StrEnum
from typing import Final, Protocol

import trio
from attrs import define, field, frozen

from omni_actors.net.account import Account
from omni_actors.net.imap_failures import ImapFailure, ImapKind, refused
from omni_actors.net.imap_link import Answer, Link, Patience, Write
from omni_actors.net.imap_login import connect, log_in
from omni_actors.net.tls import mail_context
from omni_actors.wire import imap_commands as commands
from omni_actors.wire.calls import MailServer
from omni_actors.wire.imap_framing import Malformed, Streamed
from omni_actors.wire.imap_replies import (
    Asked,
    Event,
    Fetched,
    Folder,
    Found,
    Told,
    ranges_of,
    unix_time,
)

__all__ = [
    "Body",
    "Fetch",
    "Folder",
    "ImapFailure",
    "ImapKind",
    "Mailbox",
    "Moved",
    "Outgoing",
    "Outline",
    "Patience",
    "Selected",
    "open_mailbox",
]

OUTLINES_MAX: Final = 500
HEADER_BYTES_MAX: Final = 256 * 1024
FOLDER_UID_MAX: Final = 2**32 - 1


@frozen
class Selected:
    """A folder that was opened. UIDs mean something only together with the `uid_validity`.

    `uid_next` is a guess of the next mail's UID, 0 where the server makes none.
    """

    folder: str
    uid_validity: int
    uid_next: int
    exists: int
    writable: bool


@frozen
class Outline:
    """A mail before it is fetched. `size` is what the server says, which some only estimate; `at`
    is when it came, in unix seconds, 0 where that is not known; `flags` are as the server has
    them: `\\Seen`."""

    uid: int
    size: int
    at: int
    flags: frozenset[str]


class Body(StrEnum):
    """What became of a fetch."""

    WHOLE = "whole"
    GONE = "gone"  # the mail is not there any more
    TOO_LARGE = "too_large"  # more bytes than were wanted; those were written, the rest was not


@frozen
class Fetch:
    """How a fetch ended, and how many bytes the mail has (0 when it is gone)."""

    body: Body
    size: int = 0


class Moved(StrEnum):
    """What became of a move."""

    MOVED = "moved"
    FLAGGED = "flagged"  # copied, and marked as deleted where it was: the server can do no more


@frozen
class Outgoing:
    """A mail to be put: how many bytes, and the way to them, which may be asked for twice."""

    size: int
    open: "OpenPieces"


class OpenPieces(Protocol):
    """Opens the bytes of a mail from the beginning."""

    def __call__(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes in bounded pieces."""
        ...


@asynccontextmanager
async def open_mailbox(
    server: MailServer,
    account: Account,
    *,
    ssl_context: ssl.SSLContext | None = None,
    patience: Patience | None = None,
) -> AsyncIterator["Mailbox"]:
    """A session that is logged in; no folder is open yet. Leaving it closes the connection.

    The credential is `account.token`: a password or an access token, as `server.login` says. It
    goes only to a host that `account.hosts` names (`host`, or `host:port` where the port is not
    the usual one), and into no text. Raises ImapFailure: UNREACHABLE, AUTH (its owner must act:
    do not try again with the same credential), REFUSED (too many connections: later), GONE,
    PROTOCOL, TIMED_OUT.
    """
    context = mail_context() if ssl_context is None else ssl_context
    link = await connect(server, context, patience or Patience())
    try:
        await log_in(link, server, account)
        mailbox = Mailbox(link)
        yield mailbox
        await mailbox.log_out()
    finally:
        await link.aclose()


@define(eq=False)
class Mailbox:
    """A session. One task at a time works with it; only `wake` may be called by another.

    Every method raises ImapFailure. After REFUSED the session goes on; after any other kind, a
    cancellation, or an exception out of a callback, the connection is closed and `usable` is
    False: leave the context and open another.
    """

    _link: Link
    selected: Selected | None = None
    _woken: bool = False
    _waiting: trio.CancelScope | None = None

    @property
    def usable(self) -> bool:
        """Whether the connection is still good for another command."""
        return self._link.usable

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server can do, upper case."""
        return self._link.imap.capabilities

    async def select(self, folder: str, *, writable: bool = True) -> Selected:
        """Open a folder, and close the one that was open. REFUSED when it is not there."""
        raise NotImplementedError

    async def uids_from(self, first: int) -> tuple[range, ...]:
        """The UIDs in the open folder that are not below `first`, as ascending ranges that do not
        touch; each of them is there. Mails announced after this call began are news again."""
        raise NotImplementedError

    async def outlines(self, uids: Sequence[int]) -> list[Outline]:
        """The outlines of at most 500 mails, by UID; those that are gone are left out."""
        raise NotImplementedError

    async def header(self, uid: int) -> bytes | None:
        """The header section of a mail, at most 256 KiB of it; None when the mail is gone."""
        raise NotImplementedError

    async def fetch(self, uid: int, write: Write, bytes_max: int) -> Fetch:
        """Write a whole mail, piece by piece as it comes; its flags stay as they are.

        What was written is the mail only when WHOLE is returned. Of a mail that turns out to be
        longer than `bytes_max`, at most so many bytes are written, the rest is read and dropped,
        and the session goes on. What `write` raises goes through, and closes the connection.
        """
        raise NotImplementedError

    async def move(self, uids: Sequence[int], folder: str) -> Moved:
        """Move at most 500 mails to a folder, which is made when it is not there.

        Those that are gone are no error, so it may be repeated. Where the server has neither MOVE
        nor UIDPLUS the mails are copied and stay behind, marked as deleted: nothing may be
        expunged then, because that would remove what other people marked; see `Outline.flags`.
        Broken off in the middle without MOVE, a repetition copies twice.
        """
        raise NotImplementedError

    async def append(
        self, folder: str, mail: Outgoing, *, seen: bool = True, at: int | None = None
    ) -> int | None:
        """Put a mail into a folder, which is made when it is not there; the UID where the server
        tells it. The bytes are read when the server wants them. `at`: unix seconds."""
        raise NotImplementedError

    async def find(self, message_id: str) -> tuple[int, ...]:
        """UIDs in the open folder of mails with this Message-ID, written with or without `<>`."""
        raise NotImplementedError

    async def folders(self) -> list[Folder]:
        """All folders of the account."""
        raise NotImplementedError

    async def folder_for(self, use: str) -> str | None:
        """The name of the folder that serves a use, such as `\\Sent` (RFC 6154); None if none."""
        raise NotImplementedError

    async def create(self, folder: str) -> None:
        """Make a folder and subscribe to it; one that is there already is fine."""
        raise NotImplementedError

    async def wait_news(self, within_s: float) -> bool:
        """Wait until the open folder gets mail; False when none came `within_s` or `wake` was
        called. True at once when some came since `uids_from` was last called.

        True says no more than that a look is worth while: a burst of mails is one piece of news.
        IDLE is said anew whenever the server has said nothing for 9 minutes, so a connection that
        has died silently is noticed within 10 (TIMED_OUT). Without IDLE the server is asked once
        a minute. Cancelled, the connection is closed.
        """
        raise NotImplementedError

    def wake(self) -> None:
        """Make `wait_news` return soon: the call that waits now, or else the next one."""
        self._woken = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def log_out(self) -> None:
        """Say good-bye, for a moment only; leaving the context does it."""
        raise NotImplementedError
