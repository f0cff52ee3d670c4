"""A session with a mailbox over IMAP: open a folder, list, fetch, move, put, wait for news."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

from omni_actors.net.account import Account
from omni_actors.net.imap_failures import ImapFailure, ImapKind, refused
from omni_actors.net.imap_link import Answer, Link, Outgoing, Patience, Write
from omni_actors.net.imap_login import Dial, connect, log_in
from omni_actors.net.imap_watch import Watch
from omni_actors.net.mail_place import dial_tcp
from omni_actors.net.tls import mail_context
from omni_actors.wire import imap_commands as commands
from omni_actors.wire.calls import MailServer
from omni_actors.wire.imap_commands import Command
from omni_actors.wire.imap_framing import Malformed, Streamed
from omni_actors.wire.imap_replies import (
    Fetched,
    Folder,
    Found,
    Reply,
    Told,
    ranges_of,
    unix_time,
)
from omni_actors.wire.imap_spaces import Spaces
from omni_actors.wire.imap_values import Atom, Value

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
    "logged_in",
    "open_mailbox",
]

OUTLINES_MAX: Final = 500
HEADER_BYTES_MAX: Final = 256 * 1024
_SIZE: Final = "RFC822.SIZE"


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
    LEFT = "left"  # copied, and still where it was: the server lets nobody mark it


@asynccontextmanager
async def open_mailbox(
    server: MailServer,
    account: Account,
    *,
    ssl_context: ssl.SSLContext | None = None,
    patience: Patience | None = None,
    dial: Dial = dial_tcp,
) -> AsyncIterator["Mailbox"]:
    """A session that is logged in; no folder is open yet. Leaving it closes the connection.

    The credential is `account.token`: a password or an access token, as `server.login` says. It
    goes only to a host that `account.hosts` names (`host`, or `host:port` where the port is not
    the usual one), and into no text. Raises ImapFailure: UNREACHABLE, AUTH (its owner must act:
    do not try again with the same credential), REFUSED (too many connections: later), GONE,
    PROTOCOL, TIMED_OUT.
    """
    context = mail_context() if ssl_context is None else ssl_context
    mailbox = await logged_in(server, account, context, patience or Patience(), dial)
    try:
        yield mailbox
        await mailbox.log_out()
    finally:
        await mailbox.aclose()


async def logged_in(
    server: MailServer,
    account: Account,
    context: ssl.SSLContext,
    patience: Patience,
    dial: Dial = dial_tcp,
) -> "Mailbox":
    """A session as of `open_mailbox`, which is the caller's to close."""
    link = await connect(server, context, patience, dial)
    try:
        await log_in(link, server, account)
    except BaseException:
        await link.aclose()
        raise
    return Mailbox(link)


@define(eq=False)
class Mailbox:
    """A session. One task at a time works with it; only `wake` may be called by another.

    Every method raises ImapFailure. After REFUSED the session goes on; after any other kind, a
    cancellation, or an exception out of a callback, the connection is closed and `usable` is
    False: leave the context and open another.
    """

    _link: Link
    selected: Selected | None = field(default=None, init=False)
    _spaces: Spaces | None = field(default=None, init=False)
    _watch: Watch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watch = Watch(self._link)

    @property
    def usable(self) -> bool:
        """Whether the connection is still good for another command."""
        return self._link.usable

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server can do, upper case."""
        return self._link.imap.capabilities

    async def place(self, folder: str) -> str:
        """The whole name of a folder on this server, which may have all of them in a tree of its
        own: `INBOX.Processed` for `Processed`. Every method that takes a folder asks for it."""
        if self._spaces is None and folder.upper() != "INBOX":
            self._spaces = Spaces()
            if "NAMESPACE" in self.capabilities:
                answer = await self._link.ask(commands.NAMESPACE, Spaces)
                told = [each for each in answer.replies if isinstance(each, Spaces)]
                self._spaces = told[0] if told else Spaces()
        return folder if self._spaces is None else self._spaces.full(folder)

    async def select(self, folder: str, *, writable: bool = True) -> Selected:
        """Open a folder, and close the one that was open. REFUSED when it is not there."""
        there = await self.place(folder)
        self.selected = None
        self._link.imap.selected()
        answer = await self._ask(commands.select(there, writable=writable), Told)
        codes = {told.code: told.argument for told in answer.replies if isinstance(told, Told)}
        validity, following = (_number(codes.get(name)) for name in ("UIDVALIDITY", "UIDNEXT"))
        if not validity:
            text = f"the server keeps no UIDs in {folder}, so its mails cannot be told apart"
            raise ImapFailure(ImapKind.REFUSED, text)
        may_write = writable and answer.told.code != "READ-ONLY"
        exists = self._link.imap.exists
        self.selected = Selected(folder, validity, following, exists, may_write)
        return self.selected

    async def refresh(self, within_s: float) -> None:
        """See whether the server is still there, which is to say so in time, and learn what has
        come into the open folder."""
        (await self._link.ask(commands.NOOP, within_s=within_s)).require()

    async def uids_from(self, first: int) -> tuple[range, ...]:
        """The UIDs in the open folder that are not below `first`, as ascending ranges that do not
        touch; each of them is there. Mails announced after this call began are news again."""
        self._link.imap.looked()
        extended = "ESEARCH" in self.capabilities
        answer = await self._ask(commands.search_from(first, extended=extended), Found)
        return _at_least(first, answer)

    async def outlines(self, uids: Sequence[int]) -> list[Outline]:
        """The outlines of at most 500 mails, by UID; those that are gone are left out."""
        if not uids:
            return []
        command = commands.fetch(_few(uids), b"RFC822.SIZE", b"INTERNALDATE", b"FLAGS")
        told: dict[int, dict[str, Value]] = {uid: {} for uid in uids}
        for each in (await self._ask(command, Fetched)).replies:
            if isinstance(each, Fetched) and each.uid in told:
                told[each.uid] |= each.items
        return [_outline(uid, items) for uid, items in sorted(told.items()) if _SIZE in items]

    async def header(self, uid: int) -> bytes | None:
        """The header section of a mail, at most 256 KiB of it; None when the mail is gone."""
        key = f"BODY[HEADER]<0.{HEADER_BYTES_MAX}>"
        answer = await self._ask_of_mail(commands.fetch([uid], f"BODY.PEEK{key[4:]}".encode()))
        for each in answer.replies:
            if isinstance(each, Fetched) and each.uid == uid:
                for name, value in each.items.items():
                    if name.startswith("BODY[HEADER]"):
                        return value if isinstance(value, bytes) else None
        return None

    async def fetch(self, uid: int, write: Write, bytes_max: int) -> Fetch:
        """Write a whole mail, piece by piece as it comes; its flags stay as they are.

        What was written is the mail only when WHOLE is returned. Of a mail that turns out to be
        longer than `bytes_max`, at most so many bytes are written, the rest is read and dropped,
        and the session goes on. What `write` raises goes through, and closes the connection.
        """
        tap = _Tap(write, bytes_max)
        command = commands.fetch([uid], b"BODY.PEEK[]")
        within_s = self._link.patience.body_s
        answer = await self._ask_of_mail(command, body=tap.take, within_s=within_s)
        async with self._link.talking(within_s, command.verb):
            return await _fetched(uid, answer, tap)

    async def move(self, uids: Sequence[int], folder: str) -> Moved:
        """Move at most 500 mails to a folder, which is made when it is not there.

        Those that are gone are no error, so it may be repeated. Where the server has neither MOVE
        nor UIDPLUS the mails are copied and stay behind, marked as deleted: nothing may be
        expunged then, because that would remove what other people marked; see `Outline.flags`.
        Where they may not even be marked, only the copy is made, and it must not be repeated.
        Broken off in the middle without MOVE, a repetition copies twice.
        """
        if not uids:
            return Moved.MOVED
        folder = await self.place(folder)
        if "MOVE" in self.capabilities:
            await self._making(folder, commands.move(_few(uids), folder))
            return Moved.MOVED
        await self._making(folder, commands.copy(_few(uids), folder))
        if not (await self._link.ask(commands.mark_deleted(uids))).told.ok:
            return Moved.LEFT
        if "UIDPLUS" not in self.capabilities:
            return Moved.FLAGGED
        gone = (await self._link.ask(commands.expunge(uids))).told.ok
        return Moved.MOVED if gone else Moved.FLAGGED

    async def append(
        self, folder: str, mail: Outgoing, *, seen: bool = True, at: int | None = None
    ) -> int | None:
        """Put a mail into a folder, which is made when it is not there; the UID where the server
        tells it. The bytes are read when the server wants them. `at`: unix seconds."""
        folder = await self.place(folder)
        flags = ("\\Seen",) if seen else ()
        command = commands.append(folder, mail.size, flags, at)
        told = await self._making(folder, command, mail)
        words = told.argument.split() if told.code == "APPENDUID" else []
        return _number(words[-1]) or None if words else None

    async def find(self, message_id: str, first: int = 1) -> tuple[int, ...]:
        """UIDs in the open folder of mails with this Message-ID, written with or without `<>`.

        Servers read every mail's for that; with `first`, only where the UID is not below it.
        """
        whole = f"<{message_id.strip('<>')}>"
        answer = await self._ask(commands.search_message_id(whole, first), Found)
        return tuple(uid for found in _at_least(1, answer) for uid in found)

    async def folders(self) -> list[Folder]:
        """All folders of the account."""
        uses = {"SPECIAL-USE", "LIST-EXTENDED"} <= self.capabilities
        answer = await self._ask(commands.list_folders(uses=uses), Folder)
        return [each for each in answer.replies if isinstance(each, Folder)]

    async def folder_for(self, use: str) -> str | None:
        """The name of the folder that serves a use, such as `\\Sent` (RFC 6154); None if none."""
        return folder_for(await self.folders(), use)

    async def create(self, folder: str) -> None:
        """Make a folder and subscribe to it; one that is there already is fine."""
        folder = await self.place(folder)
        answer = await self._link.ask(commands.create(folder))
        if not answer.told.ok and answer.told.code != "ALREADYEXISTS":
            raise refused(answer.verb, answer.told)
        # Without it most programs would not show the folder; that is no reason to fail.
        await self._link.ask(commands.subscribe(folder))

    async def wait_news(self, within_s: float) -> bool:
        """Wait until the open folder gets mail; False when none came `within_s` or `wake` was
        called. True at once when some came since `uids_from` was last called.

        True says no more than that a look is worth while: a burst of mails is one piece of news.
        IDLE is said anew whenever the server has said nothing for 9 minutes, so a connection that
        has died silently is noticed within 10 (TIMED_OUT). Without IDLE the server is asked once
        a minute. Cancelled, the connection is closed.
        """
        return await self._watch.news(within_s)

    def wake(self) -> None:
        """Make `wait_news` return soon: the call that waits now, or else the next one."""
        self._watch.wake()

    async def log_out(self) -> None:
        """Say good-bye, for a moment only; leaving the context does it."""
        # Nothing can be lost any more, so it does not matter how the server takes it.
        if self.usable:
            with suppress(ImapFailure):
                await self._link.ask(commands.LOGOUT, within_s=self._link.patience.goodbye_s)

    async def aclose(self) -> None:
        """Hang up at once."""
        await self._link.aclose()

    async def _ask(self, command: Command, *kinds: type[Reply]) -> Answer:
        return (await self._link.ask(command, *kinds)).require()

    async def _ask_of_mail(
        self, command: Command, *, body: Write | None = None, within_s: float | None = None
    ) -> Answer:
        """Ask for something of a mail; that it is gone is an answer too."""
        answer = await self._link.ask(command, Fetched, body=body, within_s=within_s)
        return answer if answer.told.code == "EXPUNGEISSUED" else answer.require()

    async def _making(self, folder: str, command: Command, mail: Outgoing | None = None) -> Told:
        """Say a command that puts mails into a folder, and make the folder if it is not there."""
        within_s = None if mail is None else self._link.patience.body_s
        answer = await self._link.ask(command, source=mail, within_s=within_s)
        if answer.told.code == "TRYCREATE" and not answer.told.ok:
            await self.create(folder)
            answer = await self._link.ask(command, source=mail, within_s=within_s)
        return answer.require().told


def folder_for(folders: Sequence[Folder], use: str) -> str | None:
    """The name of the folder that serves a use; None if none does."""
    return next((each.name for each in folders if use.lower() in each.attributes), None)


@define
class _Tap:
    """Lets so many bytes of a mail through, and counts all."""

    write: Write
    bytes_max: int
    size: int = 0

    async def take(self, piece: bytes) -> None:
        """Take a piece."""
        if wanted := piece[: max(0, self.bytes_max - self.size)]:
            await self.write(wanted)
        self.size += len(piece)


async def _fetched(uid: int, answer: Answer, tap: _Tap) -> Fetch:
    """How a fetch ended. Raises Malformed when the server sent another mail, or more than one."""
    bodies = [
        (each.uid, each.items["BODY[]"])
        for each in answer.replies
        if isinstance(each, Fetched) and each.items.get("BODY[]") is not None
    ]
    if not bodies and not tap.size:
        return Fetch(Body.GONE)
    if len(bodies) != 1 or bodies[0][0] != uid:
        raise Malformed("another mail than was asked for")
    body = bodies[0][1]
    if isinstance(body, bytes) and not tap.size:
        await tap.take(body)  # it was so short that it came as a string
    elif not isinstance(body, Streamed) or body.size != tap.size:
        raise Malformed("a mail that cannot be read")
    return Fetch(Body.TOO_LARGE if tap.size > tap.bytes_max else Body.WHOLE, tap.size)


def _outline(uid: int, items: Mapping[str, Value]) -> Outline:
    flags = items.get("FLAGS")
    words = flags if isinstance(flags, tuple) else ()
    named = (word.decode("utf-8", "replace") for word in words if isinstance(word, bytes))
    size = items[_SIZE]
    bytes_said = _number(size.decode("ascii", "replace")) if isinstance(size, Atom) else 0
    return Outline(uid, bytes_said, unix_time(items.get("INTERNALDATE")), frozenset(named))


def _number(text: str | None) -> int:
    """A number as servers give it within a code; 0 where there is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _few(uids: Sequence[int]) -> Sequence[int]:
    """Some servers take no longer lines."""
    if len(uids) > OUTLINES_MAX:
        raise ValueError(f"{len(uids)} mails at once; at most {OUTLINES_MAX}")
    return uids


def _at_least(first: int, answer: Answer) -> tuple[range, ...]:
    """What was found; `n:*` finds the last mail even where that is below n (RFC 3501)."""
    ranges = (
        range(max(first, each.start), each.stop)
        for reply in answer.replies
        if isinstance(reply, Found)
        for each in reply.uids
        if each.stop > first
    )
    return ranges_of(ranges)
