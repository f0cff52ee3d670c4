"""One session with a mailbox: what is new is taken in, one mail at a time, and then filed.

A mail is fetched into a blob, stored with what it says together with the cursor, and moved only
after that. Each step may be the last before a crash: what is not stored is fetched again, what is
stored and not moved is moved by the next session.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import trio
from attrs import define, field, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Folders
from omni_actors.gateway.mail_intake import Letter, MailIntake
from omni_actors.media.blobs import Blobs, DiskFull, Missing
from omni_actors.net.account import Account
from omni_actors.net.imap import (
    Body,
    Fetch,
    ImapFailure,
    ImapKind,
    Moved,
    Outline,
    Selected,
)
from omni_actors.net.imap_link import Write
from omni_actors.policy import mailboxes
from omni_actors.store.contract import Store
from omni_actors.store.mail import (
    FiledMails,
    MailPlace,
    MailState,
    Opened,
    OpenMailbox,
    PassMail,
    RefuseFiling,
    Shut,
    SpareMail,
    TryMail,
    Unfiled,
)
from omni_actors.store.rows import Channel
from omni_actors.wire.calls import MailServer

PAGE: Final = 200
FILED_AT_ONCE: Final = 20
TRY_AGAIN_S: Final = (0.0, 5.0, 15.0)
DISK_WAIT_S: Final = 30.0
NO_ROOM: Final = "the gateway's disk is almost full"
DELETED: Final = "\\deleted"
DISK_TROUBLE: Final = (OSError, DiskFull, Missing)


class Mailbox(Protocol):
    """What reading needs of an open mailbox (net/imap.py)."""

    async def select(self, folder: str, *, writable: bool = True) -> Selected: ...

    async def uids_from(self, first: int) -> tuple[range, ...]: ...

    async def outlines(self, uids: Sequence[int]) -> list[Outline]: ...

    async def header(self, uid: int) -> bytes | None: ...

    async def fetch(self, uid: int, write: Write, bytes_max: int) -> Fetch: ...

    async def move(self, uids: Sequence[int], folder: str) -> Moved: ...

    async def wait_news(self, within_s: float) -> bool: ...


OpenSession: TypeAlias = Callable[[MailServer, Account], AbstractAsyncContextManager[Mailbox]]


class Doing(StrEnum):
    """What goes on with a mailbox."""

    OFF = "off"  # nothing is to be read
    CONNECTING = "connecting"
    READING = "reading"
    WAITING = "waiting"  # for news
    BACKING_OFF = "backing_off"  # until it is tried again
    REFUSED = "refused"  # until there is another credential


@define
class MailboxHealth:
    """How a mailbox is, as an operator sees it. Times are unix seconds."""

    doing: Doing = Doing.OFF
    since: float = 0.0
    problem: str | None = None
    read_at: float | None = None
    behind: int = 0
    again_at: float | None = None
    strikes: int = 0

    def now(self, doing: Doing, at: float) -> None:
        """It does something else from now on."""
        if doing is not self.doing:
            self.doing, self.since = doing, at
        if doing is not Doing.BACKING_OFF:
            self.again_at = None


@frozen
class Footing:
    """What sessions stand on."""

    store: Store
    blobs: Blobs
    intake: MailIntake
    open: OpenSession
    now: Callable[[], float]
    low_on_disk: Callable[[], bool]


@define
class Memory:
    """What is known from one session to the next: how often the connection was lost over a mail,
    and which one is in hand."""

    losses: dict[MailPlace, int] = field(factory=dict)
    in_hand: MailPlace | None = None

    @contextmanager
    def holding(self, place: MailPlace) -> Iterator[None]:
        """This mail is in hand until it is done with or fails; ended in between it stays so."""
        self.in_hand = place
        try:
            yield
        except Exception:
            self.in_hand = None
            raise
        self.in_hand = None


@define
class Session:
    """Reads one folder over one connection, until it breaks: by ImapFailure or DISK_TROUBLE."""

    footing: Footing
    channel: Callable[[], Channel]
    mailbox: Mailbox
    folders: Folders
    health: MailboxHealth
    memory: Memory
    uidvalidity: int = 0
    opened_at: float = 0.0
    done: dict[str, list[int]] = field(factory=dict)
    shut: dict[str, Shut] = field(factory=dict)

    async def run(self) -> None:
        """Take in what is there, then what comes."""
        next_uid = await self.begin()
        while True:
            self.health.now(Doing.READING, self.footing.now())
            next_uid = await self.read_from(next_uid)
            await self.file_again()
            self.health.now(Doing.WAITING, self.footing.now())
            self.health.read_at = self.footing.now()
            await self.mailbox.wait_news(mailboxes.LOOK_EVERY_S)

    async def begin(self) -> int:
        """Open the folder and move what an earlier session left there; where to go on."""
        selected = await self.mailbox.select(self.folders.inbox)
        self.health.problem = None
        self.uidvalidity = selected.uid_validity
        opened = await self.opened()
        self.opened_at = opened.opened_at
        if opened.rebuilt:
            telemetry.warning("mailbox.numbered_anew", channel_id=self.channel().id)
        wanted = (self.folders.processed, self.folders.failed)
        self.shut = {each.folder: each for each in opened.shut if each.folder in wanted}
        self.health.problem = self.shut_why()
        await self.file_left(opened.unfiled)
        return opened.next_uid

    async def opened(self) -> Opened:
        """How far the folder was read, and what still lies there."""
        verb = OpenMailbox(
            self.channel().id, self.folders.inbox, self.uidvalidity, self.footing.now()
        )
        return await self.footing.store.do(verb)

    async def read_from(self, next_uid: int) -> int:
        """Take in all that is there from a UID on, as it is listed now; where to go on."""
        ranges = await self.mailbox.uids_from(next_uid)
        self.health.behind = sum(len(each) for each in ranges)
        for uids in paged(ranges):
            for uid, outline in (await self.outlines(uids)).items():
                await self.read(outline)
                self.health.behind -= 1
                next_uid = uid + 1
            await self.file()
        return next_uid

    async def outlines(self, uids: Sequence[int]) -> dict[int, Outline]:
        """The outlines of mails. Of one that the server tells nothing of, nothing is known: it is
        gone, or its server stumbles over it, which the attempt to fetch it shows."""
        found = {uid: Outline(uid, 0, 0, frozenset()) for uid in uids}
        try:
            told = await self.mailbox.outlines(uids)
        except ImapFailure as failure:
            if failure.kind is not ImapKind.REFUSED:
                raise
            told = [each for uid in uids for each in await self.outline(uid)]
        return found | {each.uid: each for each in told}

    async def outline(self, uid: int) -> list[Outline]:
        """The outline of one mail, if the server tells it."""
        try:
            return await self.mailbox.outlines([uid])
        except ImapFailure as failure:
            if failure.kind is not ImapKind.REFUSED:
                raise
            return []

    async def read(self, outline: Outline) -> None:
        """Take in one mail. What its owner has marked as deleted is left alone."""
        if any(flag.lower() == DELETED for flag in outline.flags):
            return
        place = MailPlace(self.channel().id, self.folders.inbox, self.uidvalidity, outline.uid)
        for pause_s in TRY_AGAIN_S:
            await trio.sleep(pause_s)
            if await self.attempt(place, outline):
                return
        problem = "the server does not hand it over"
        await self.footing.intake.give_up(self.channel(), place, problem)
        await self.lay_aside(outline.uid, MailState.QUARANTINED)

    async def attempt(self, place: MailPlace, outline: Outline) -> bool:
        """Try to take in one mail; whether that is done with. The attempt is counted before.

        It is not where the connection or the disk failed, which raises ImapFailure or DISK_TROUBLE.
        """
        await self.room()
        store, losses = self.footing.store, self.memory.losses.get(place, 0)
        attempts = await store.do(TryMail(place, self.footing.now()))
        if attempts == 0:
            return True
        if mailboxes.is_given_up(attempts, losses):
            problem = "the gateway did not survive reading it, or lost the connection each time"
            await self.footing.intake.give_up(self.channel(), place, problem)
            await self.lay_aside(place.uid, MailState.QUARANTINED)
            return True
        failure: Exception | None = None
        try:
            with self.memory.holding(place):
                await self.take(place, outline)
        except (ImapFailure, *DISK_TROUBLE) as trouble:
            failure = trouble
        if failure is None:
            self.memory.losses.pop(place, None)
            self.health.strikes = 0
            return True
        if isinstance(failure, ImapFailure):
            if failure.kind is ImapKind.REFUSED:
                return False
            self.memory.losses[place] = losses + 1
        await store.do(SpareMail(place))
        raise failure

    async def room(self) -> None:
        """Wait until there is room on the disk."""
        while self.footing.low_on_disk():
            self.health.problem = NO_ROOM
            await trio.sleep(DISK_WAIT_S)
        if self.health.problem == NO_ROOM:
            self.health.problem = self.shut_why()

    async def take(self, place: MailPlace, outline: Outline) -> None:
        """Fetch a mail and store it; one that is gone by now is no error."""
        letter = await self.fetched(place, outline)
        if letter is None:
            await self.footing.store.do(PassMail(place, self.footing.now()))
            return
        state = await self.footing.intake.take(self.channel(), letter)
        await self.lay_aside(place.uid, state)

    async def fetched(self, place: MailPlace, outline: Outline) -> Letter | None:
        """A mail in a blob, or its headers where it is too large; None when it is gone."""
        of_old = mailboxes.is_history(outline.at, self.opened_at)
        size_max = self.folders.size_max
        size = outline.size
        if size <= size_max:
            async with self.footing.blobs.open_sink(size_max) as sink:
                fetch = await self.mailbox.fetch(place.uid, sink.write, size_max)
                if fetch.body is Body.GONE:
                    return None
                if fetch.body is Body.WHOLE:
                    blob = await sink.commit()
                    return Letter(place, blob, outline.at, of_old)
            size = fetch.size
        header = await self.mailbox.header(place.uid)
        if header is None:
            return None
        blob = await self.footing.blobs.put_bytes(header)
        return Letter(place, blob, outline.at, of_old, size, size_max)

    async def lay_aside(self, uid: int, state: MailState) -> None:
        """Remember where a mail goes that is done with, and move some together. While its folder is
        shut it waits where it is, as the store knows."""
        folder = self.folder_of(state)
        if folder in self.shut:
            return
        waiting = self.done.setdefault(folder, [])
        waiting.append(uid)
        if len(waiting) >= FILED_AT_ONCE:
            await self.file()

    def folder_of(self, state: MailState) -> str:
        """Where a mail goes that is done with."""
        return self.folders.processed if state is MailState.TAKEN else self.folders.failed

    def shut_why(self) -> str | None:
        """Why mails stay where they were read, if some do."""
        return next((each.problem for each in self.shut.values()), None)

    async def file(self) -> None:
        """Move what is done with."""
        done, self.done = self.done, {}
        for folder, uids in done.items():
            await self.file_to(folder, uids)

    async def file_to(self, folder: str, uids: Sequence[int]) -> None:
        """Move mails to a folder; a server that refuses is asked ever more rarely."""
        try:
            moved = await self.mailbox.move(uids, folder)
        except ImapFailure as failure:
            if failure.kind is not ImapKind.REFUSED:
                raise
            await self.shut_out(folder, failure.text)
            return
        if self.shut.pop(folder, None) is not None:
            self.health.problem = self.shut_why()
        if moved is Moved.LEFT:
            self.health.problem = f"mails are copied to {folder}, and cannot be removed"
        verb = FiledMails(
            self.channel().id, self.folders.inbox, self.uidvalidity, tuple(uids), folder
        )
        await self.footing.store.do(verb)

    async def shut_out(self, folder: str, text: str) -> None:
        """A server moves no mails to a folder: they stay, and it is told."""
        now, before = self.footing.now(), self.shut.get(folder)
        refusals = 1 if before is None else before.refusals + 1
        again_at = now + mailboxes.file_again_s(refusals)
        problem = f"mails cannot be moved to {folder}: {text}"
        shut = self.shut[folder] = Shut(folder, refusals, again_at, problem)
        self.health.problem = problem
        telemetry.warning("mailbox.not_filed", channel_id=self.channel().id, refusals=refusals)
        verb = RefuseFiling(self.channel().id, self.folders.inbox, shut, now)
        await self.footing.store.do(verb)

    async def file_again(self) -> None:
        """Move what waits for folders that may be open again."""
        if any(each.again_at <= self.footing.now() for each in self.shut.values()):
            await self.file_left((await self.opened()).unfiled)

    async def file_left(self, unfiled: Sequence[Unfiled]) -> None:
        """Move what an earlier session left; to a folder that was shut one mail first."""
        for mail in unfiled:
            shut = self.shut.get(self.folder_of(mail.state))
            if shut is None:
                await self.lay_aside(mail.uid, mail.state)
            elif shut.again_at <= self.footing.now():
                await self.file_to(shut.folder, [mail.uid])
        await self.file()


def paged(ranges: Sequence[range]) -> Iterator[list[int]]:
    """All UIDs of the ranges, a page at a time."""
    page: list[int] = []
    for each in ranges:
        for uid in each:
            page.append(uid)
            if len(page) == PAGE:
                yield page
                page = []
    if page:
        yield page
