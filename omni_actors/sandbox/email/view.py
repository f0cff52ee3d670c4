"""A folder as one client knows it: by numbers that only change when the client is told.

https://www.rfc-editor.org/rfc/rfc3501#section-7.4.1
"""

import re
from collections.abc import Iterable, Iterator

from attrs import define, field

from omni_actors.sandbox.email.mailbox import Folder, Stored
from omni_actors.sandbox.email.searching import Candidate
from omni_actors.sandbox.email.syntax import SyntaxProblem, Word, numbers, text_of

SYSTEM = {
    name.lower(): name for name in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}

_FLAG = re.compile(r"\\?[A-Za-z0-9$_.:-]{1,100}")


def flags_in(listed: Iterable[Word]) -> set[str]:
    """Flags that a client names, the system's in their usual spelling. Raises SyntaxProblem."""
    named = [text_of(each) for each in listed]
    for each in named:
        if not _FLAG.fullmatch(each):
            raise SyntaxProblem(f"{each[:30]!r} is no flag")
    return {SYSTEM.get(each.lower(), each) for each in named} - {"\\Recent"}


@define(eq=False)
class View:
    """The folder that a client has selected."""

    folder: Folder
    writable: bool
    mails: list[Stored] = field(init=False)
    _changes: dict[int, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.mails = list(self.folder.mails)
        self._changes = {mail.uid: mail.changes for mail in self.mails}

    def news(self, *, removals: bool) -> Iterator[bytes]:
        """What has happened since the client was told last; removals where they may be told."""
        if removals:
            yield from self._removed()
        known = self.mails[-1].uid if self.mails else 0
        fresh = [mail for mail in self.folder.mails if mail.uid > known]
        if fresh:
            self.mails.extend(fresh)
            yield b"* %d EXISTS" % len(self.mails)
        for number, mail in enumerate(self.mails, start=1):
            if self._changes.get(mail.uid, 0) != mail.changes:
                yield b"* %d FETCH (UID %d %b)" % (number, mail.uid, flags_of(mail))
            self._changes[mail.uid] = mail.changes

    def _removed(self) -> Iterator[bytes]:
        there = {mail.uid for mail in self.folder.mails}
        kept: list[Stored] = []
        for mail in self.mails:
            if mail.uid in there:
                kept.append(mail)
            else:
                yield b"* %d EXPUNGE" % (len(kept) + 1)
        self.mails = kept

    def chosen(self, given: str, *, by_uid: bool) -> list[Candidate]:
        """The mails of a set, which are still there. Raises SyntaxProblem."""
        last = self.mails[-1].uid if self.mails else 0
        ranges = numbers(given, last if by_uid else len(self.mails))
        there = {mail.uid for mail in self.folder.mails}
        return [
            each
            for each in self.all()
            if each.mail.uid in there
            and any((each.mail.uid if by_uid else each.number) in some for some in ranges)
        ]

    def all(self) -> list[Candidate]:
        """Every mail with its number."""
        return [Candidate(number, mail) for number, mail in enumerate(self.mails, start=1)]

    def flag(self, mail: Stored, flags: set[str], how: str) -> None:
        """Change a mail's flags: `+` adds, `-` removes, anything else sets them."""
        before = set(mail.flags)
        match how:
            case "+":
                mail.flags |= flags
            case "-":
                mail.flags -= flags
            case _:
                mail.flags = set(flags)
        if mail.flags != before:
            mail.changes += 1
            self.folder.tell()

    def known(self, mail: Stored) -> None:
        """The client knows these flags already."""
        self._changes[mail.uid] = mail.changes


def flags_of(mail: Stored) -> bytes:
    """A mail's flags, as they are told."""
    return b"FLAGS (" + " ".join(sorted(mail.flags)).encode() + b")"
