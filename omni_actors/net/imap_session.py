"""A session with the folders of an account that is kept for one call after the other."""

import ssl
from typing import Final

import trio
from attrs import define, field

from omni_actors.net.account import Account
from omni_actors.net.imap import Folder, Mailbox, Selected, folder_for, logged_in
from omni_actors.net.imap_link import Outgoing, Patience
from omni_actors.net.imap_login import Dial
from omni_actors.net.smtp_connection import MailKey

PROVE_S: Final = 10.0  # for the first answer on a session that was kept
AGE_MAX_S: Final = 900.0
CALLS_MAX: Final = 1000
NEWEST: Final = 500  # a mail that was put just now, by whomever, is among so many


@define(eq=False)
class FolderSession:
    """Opened by its first call; one call at a time. Cancelled, it is of no more use."""

    key: MailKey
    context: ssl.SSLContext
    patience: Patience
    dial: Dial
    calls: int = field(default=0, init=False)
    _mailbox: Mailbox | None = field(default=None, init=False)
    _worn_at: float = field(default=0.0, init=False)
    _names: dict[str, str] = field(factory=dict, init=False)
    _next_uids: dict[str, int] = field(factory=dict, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def available(self) -> bool:
        """Whether another call may follow; not on a session that is worn out."""
        if self._mailbox is None or not self._mailbox.usable or self._closed:
            return False
        return self.calls < CALLS_MAX and trio.current_time() < self._worn_at

    @property
    def closed(self) -> bool:
        """Whether it was closed by us."""
        return self._closed

    @property
    def hung_up(self) -> bool:
        """Not known before the server is asked, which each call does before it changes anything: a
        server may say at any time that others have put mails into the folder."""
        return False

    async def aclose(self) -> None:
        """Say good-bye, and hang up."""
        self._closed = True
        if self._mailbox is None:
            return
        try:
            await self._mailbox.log_out()
        finally:
            await self._mailbox.aclose()

    async def opened(self, account: Account) -> None:
        """Log in; or, on a session that was kept, see that the server is still there.

        Raises ImapFailure.
        """
        self.calls += 1
        if self._mailbox is not None:
            await self._mailbox.refresh(PROVE_S)
            return
        server = self.key.server
        self._mailbox = await logged_in(server, account, self.context, self.patience, self.dial)
        self._worn_at = trio.current_time() + AGE_MAX_S

    @property
    def kept(self) -> bool:
        """Whether the call that is on it is not its first, so that it may have died in between."""
        return self.calls > 1

    def forget(self) -> None:
        """Take nothing for granted that was learned about folders."""
        self._names.clear()
        if self._mailbox is not None:
            self._mailbox.selected = None

    async def has(self, folder: str, message_id: str) -> bool:
        """Whether a folder has a mail; it has none where it is not there. Raises ImapFailure."""
        _, there = await self._found(folder)
        return there is not None and bool(await self._working.find(message_id))

    async def keep(self, folder: str, mail: Outgoing, message_id: str | None) -> None:
        """Put a mail into a folder, which is made when it is not there; unless it is among the
        newest that are there. Raises ImapFailure."""
        mailbox = self._working
        name, there = await self._found(folder)
        if there is not None and message_id is not None:
            first = max(1, self._next_uids.get(name, 0) - NEWEST)
            if await mailbox.find(message_id, first):
                return
        if uid := await mailbox.append(name, mail):
            self._next_uids[name] = uid + 1

    @property
    def _working(self) -> Mailbox:
        assert self._mailbox is not None
        return self._mailbox

    async def _found(self, folder: str) -> tuple[str, Selected | None]:
        """Open a folder, if it is not open: its whole name, and None where it is not there."""
        mailbox, name = self._working, self._names.get(folder)
        if name is not None and mailbox.selected is not None and mailbox.selected.folder == name:
            return name, mailbox.selected
        if name is None:
            folders = await mailbox.folders()
            name = await _whole(mailbox, folders, folder)
            if not any(_same(each.name, name) for each in folders):
                return name, None
            self._names[folder] = name
        selected = await mailbox.select(name, writable=False)
        self._next_uids[name] = selected.uid_next
        return name, selected


async def _whole(mailbox: Mailbox, folders: list[Folder], folder: str) -> str:
    """The whole name of a folder. One that is asked for by its use, where the server names none for
    that, is the one that is called so: `Sent` for `\\Sent`."""
    if folder.startswith("\\") and (name := folder_for(folders, folder)) is not None:
        return name
    return await mailbox.place(folder.removeprefix("\\"))


def _same(name: str, other: str) -> bool:
    return name == other or name.upper() == other.upper() == "INBOX"
