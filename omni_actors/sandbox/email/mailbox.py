"""A mailbox: folders of mails with their numbers and flags, as IMAP sees them.

https://www.rfc-editor.org/rfc/rfc3501
"""

from collections.abc import Callable, Iterable

import trio
from attrs import define, field

INBOX = "INBOX"
SPECIAL = {
    "Drafts": "\\Drafts",
    "Sent": "\\Sent",
    "Junk": "\\Junk",
    "Trash": "\\Trash",
}
FOLDERS_MAX = 500


class FullError(Exception):
    """There is no room for another mail."""


@define(eq=False)
class Stored:
    """One mail in a folder. `at` is when it was put there, in unix seconds."""

    uid: int
    raw: bytes
    at: float
    flags: set[str] = field(factory=set)
    changes: int = 0
    """How often its flags were changed."""


@define(eq=False)
class Room:
    """How many bytes all mailboxes together may hold."""

    bytes_max: int
    taken: int = 0

    def check(self, size: int) -> None:
        """Raises FullError where so much does not fit in."""
        if self.taken + size > self.bytes_max:
            raise FullError

    def take(self, size: int) -> None:
        """Raises FullError."""
        self.check(size)
        self.taken += size


@define(eq=False)
class Folder:
    """One folder, in the order of its UIDs."""

    name: str
    uidvalidity: int
    room: Room
    uidnext: int = 1
    mails: list[Stored] = field(factory=list)
    subscribed: bool = True
    gone: bool = False
    """It was deleted, or numbered anew: who looks into it must look again."""
    changed: trio.Event = field(factory=trio.Event)

    def tell(self) -> None:
        """Wake who watches."""
        before, self.changed = self.changed, trio.Event()
        before.set()

    def add(self, raw: bytes, at: float, flags: Iterable[str] = ()) -> Stored:
        """Put a mail in. Raises FullError."""
        self.room.take(len(raw))
        mail = Stored(self.uidnext, raw, at, set(flags))
        self.uidnext += 1
        self.mails.append(mail)
        self.tell()
        return mail

    def remove(self, mails: Iterable[Stored]) -> None:
        """Take mails out."""
        doomed = {mail.uid for mail in mails}
        self.room.taken -= sum(len(mail.raw) for mail in self.mails if mail.uid in doomed)
        self.mails = [mail for mail in self.mails if mail.uid not in doomed]
        self.tell()

    def renumber(self, uidvalidity: int) -> None:
        """Number everything anew, as a server does that lost its index."""
        self.uidvalidity = uidvalidity
        for uid, mail in enumerate(self.mails, start=1):
            mail.uid = uid
        self.uidnext = len(self.mails) + 1


@define(eq=False)
class Mailbox:
    """All folders of one address."""

    address: str
    room: Room
    number: Callable[[], int]
    """A number for a new folder, other than that of any before it."""
    folders: dict[str, Folder] = field(factory=dict)
    ended: trio.Event = field(factory=trio.Event)
    """Set when who has it open must log in again."""

    def __attrs_post_init__(self) -> None:
        for name in (INBOX, *SPECIAL):
            self.create(name)

    @property
    def inbox(self) -> Folder:
        """Where new mails are."""
        return self.folders[INBOX]

    def folder(self, name: str) -> Folder | None:
        """A folder by its name; INBOX is the same in any case."""
        return self.folders.get(INBOX if name.upper() == INBOX else name)

    def create(self, name: str) -> Folder:
        """Make a folder. Raises ValueError when it cannot be made."""
        if self.folder(name) is not None:
            raise ValueError("the folder is there already")
        if len(self.folders) >= FOLDERS_MAX:
            raise ValueError(f"there are {FOLDERS_MAX} folders, which is all that one may have")
        self.folders[name] = Folder(name, self.number(), self.room)
        return self.folders[name]

    def delete(self, name: str) -> None:
        """Take a folder away with all that is in it. Raises ValueError."""
        folder = self.folder(name)
        if folder is None or folder.name == INBOX:
            raise ValueError("there is no such folder" if folder is None else "INBOX stays")
        folder.remove(list(folder.mails))
        del self.folders[folder.name]
        folder.gone = True
        folder.tell()

    def end_sessions(self) -> None:
        """Log out everybody who has it open."""
        before, self.ended = self.ended, trio.Event()
        before.set()

    def renumber(self) -> None:
        """Number the mails of all folders anew; who has it open is logged out."""
        for folder in self.folders.values():
            folder.renumber(self.number())
        self.end_sessions()
