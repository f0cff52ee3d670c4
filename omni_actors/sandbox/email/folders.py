"""What a client does with folders. https://www.rfc-editor.org/rfc/rfc3501#section-6.3"""

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import define, field

from omni_actors.sandbox.email.mailbox import SPECIAL, Folder, FullError, Mailbox
from omni_actors.sandbox.email.post import PostOffice
from omni_actors.sandbox.email.syntax import (
    Quoted,
    SyntaxProblem,
    Word,
    bytes_of,
    moment,
    nstring,
    text_of,
)
from omni_actors.sandbox.email.view import flags_in
from omni_actors.wire.imap_names import decoded, encoded

Say: TypeAlias = Callable[[bytes], Awaitable[None]]

FLAGS = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft"


class NoError(Exception):
    """The server will not do it; the text is what follows NO."""


def name_of(word: Word) -> str:
    """A folder's name."""
    return decoded(bytes_of(word))


def folder_of(mailbox: Mailbox, word: Word, *, create: bool = False) -> Folder:
    """A folder by its name. Raises NoError; with a hint where making it would help."""
    found = mailbox.folder(name_of(word))
    if found is None:
        raise NoError(f"{'[TRYCREATE]' if create else '[NONEXISTENT]'} There is no such folder")
    return found


@define(eq=False)
class Folders:
    """The commands about folders, in one mailbox."""

    mailbox: Mailbox
    post: PostOffice
    say: Say
    verbs: dict[str, Callable[[list[Word]], Awaitable[str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.verbs = {
            "LIST": self.listed, "LSUB": self.lsub, "STATUS": self.status, "CREATE": self.create,
            "DELETE": self.delete, "SUBSCRIBE": self.subscribe, "UNSUBSCRIBE": self.unsubscribe,
            "APPEND": self.append, "NAMESPACE": self.namespace,
        }  # fmt: skip

    async def namespace(self, _words: list[Word]) -> str:
        await self.say(b'* NAMESPACE (("" "/")) NIL NIL')
        return "OK done"

    async def listed(self, given: list[Word]) -> str:
        special = bool(given) and isinstance(given[0], list) and "SPECIAL-USE" in given[0]
        rest = given[1:] if given and isinstance(given[0], list) else given
        await self._list(rest, b"LIST", lambda each: not special or each.name in SPECIAL)
        return "OK listed"

    async def lsub(self, given: list[Word]) -> str:
        await self._list(given, b"LSUB", lambda each: each.subscribed)
        return "OK listed"

    async def _list(self, given: list[Word], verb: bytes, wanted: Callable[[Folder], bool]) -> None:
        if len(given) < 2:
            raise SyntaxProblem(f"{verb.decode()} takes a reference and a pattern")
        reference, patterns = name_of(given[0]), given[1]
        every = patterns if isinstance(patterns, list) else [patterns]
        if every == [Quoted(b"")]:
            await self.say(b"* " + verb + b' (\\Noselect) "/" ""')
            return
        tests = [_pattern(reference + name_of(each)) for each in every]
        for folder in self.mailbox.folders.values():
            if wanted(folder) and any(test.fullmatch(folder.name) for test in tests):
                marks = [
                    "\\HasNoChildren",
                    *([SPECIAL[folder.name]] if folder.name in SPECIAL else []),
                ]
                shown = nstring(encoded(folder.name))
                await self.say(b'* %b (%b) "/" %b' % (verb, " ".join(marks).encode(), shown))

    async def status(self, given: list[Word]) -> str:
        if len(given) != 2 or not isinstance(given[1], list):
            raise SyntaxProblem("STATUS takes a folder and a list")
        folder = folder_of(self.mailbox, given[0])
        figures = {
            "MESSAGES": len(folder.mails),
            "RECENT": 0,
            "UIDNEXT": folder.uidnext,
            "UIDVALIDITY": folder.uidvalidity,
            "UNSEEN": sum("\\Seen" not in mail.flags for mail in folder.mails),
            "SIZE": sum(len(mail.raw) for mail in folder.mails),
        }
        names = [text_of(each).upper() for each in given[1]]
        unknown = set(names) - figures.keys()
        if unknown:
            raise SyntaxProblem(f"STATUS has no item {min(unknown)[:30]}")
        told = " ".join(f"{name} {figures[name]}" for name in names).encode()
        await self.say(b"* STATUS %b (%b)" % (nstring(encoded(folder.name)), told))
        return "OK done"

    async def create(self, given: list[Word]) -> str:
        name = name_of(_only(given)).rstrip("/")
        if not name:
            raise NoError("[CANNOT] A folder has a name")
        try:
            self.mailbox.create(name)
        except ValueError as problem:
            raise NoError(f"[ALREADYEXISTS] {problem}") from None
        return "OK created"

    async def delete(self, given: list[Word]) -> str:
        try:
            self.mailbox.delete(name_of(_only(given)))
        except ValueError as problem:
            raise NoError(f"[CANNOT] {problem}") from None
        return "OK deleted"

    async def subscribe(self, given: list[Word]) -> str:
        folder_of(self.mailbox, _only(given)).subscribed = True
        return "OK subscribed"

    async def unsubscribe(self, given: list[Word]) -> str:
        folder_of(self.mailbox, _only(given)).subscribed = False
        return "OK no longer subscribed"

    async def append(self, given: list[Word]) -> str:
        if not 2 <= len(given) <= 4:
            raise SyntaxProblem("APPEND takes a folder, flags, a date, and a mail")
        folder = folder_of(self.mailbox, given[0], create=True)
        flags: set[str] = set()
        at = self.post.stage.clock.now()
        for each in given[1:-1]:
            if isinstance(each, list):
                flags = flags_in(each)
            else:
                at = moment(text_of(each))
        try:
            mail = folder.add(bytes_of(given[-1]), at, flags)
        except FullError:
            raise NoError("[OVERQUOTA] The sandbox is full: POST /sandbox/reset") from None
        return f"OK [APPENDUID {folder.uidvalidity} {mail.uid}] Kept"


def _only(given: list[Word]) -> Word:
    if len(given) != 1:
        raise SyntaxProblem("the command takes one folder")
    return given[0]


def _pattern(text: str) -> re.Pattern[str]:
    pieces = (
        {"*": ".*", "%": "[^/]*"}.get(piece, re.escape(piece))
        for piece in re.split(r"([*%])", text[:1000])
    )
    return re.compile("".join(pieces), re.IGNORECASE if text.upper() == "INBOX" else 0)
