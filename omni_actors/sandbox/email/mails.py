"""What a client does with the mails of a folder. https://www.rfc-editor.org/rfc/rfc3501#section-6.4"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from attrs import define, field

from omni_actors.sandbox.email import items
from omni_actors.sandbox.email.folders import FLAGS, NoError, Say, folder_of
from omni_actors.sandbox.email.mailbox import Folder, FullError, Mailbox, Stored
from omni_actors.sandbox.email.searching import Candidate, criteria
from omni_actors.sandbox.email.syntax import SyntaxProblem, Word, text_of
from omni_actors.sandbox.email.view import View, flags_in, flags_of


@define(eq=False)
class Mails:
    """The commands about mails, in one mailbox; `view` is the folder that is selected."""

    mailbox: Mailbox
    say: Say
    view: View | None = None
    verbs: dict[str, Callable[[list[Word]], Awaitable[str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.verbs = {
            "SELECT": partial(self.select, writable=True),
            "EXAMINE": partial(self.select, writable=False),
            "CLOSE": self.close,
            "UNSELECT": self.unselect,
            "CHECK": self.check,
            "EXPUNGE": self.expunge,
            "UID EXPUNGE": self.uid_expunge,
        }
        for name in ("search", "fetch", "store", "copy", "move"):
            handle = getattr(self, name)
            self.verbs[name.upper()] = partial(handle, by_uid=False)
            self.verbs[f"UID {name.upper()}"] = partial(handle, by_uid=True)

    @property
    def open(self) -> View:
        """The folder that is selected. Raises SyntaxProblem."""
        if self.view is None:
            raise SyntaxProblem("select a folder first")
        return self.view

    @property
    def writable(self) -> View:
        """The folder that is selected, to be changed. Raises SyntaxProblem, NoError."""
        if not self.open.writable:
            raise NoError("[READ-ONLY] The folder was opened to be read")
        return self.open

    async def select(self, given: list[Word], *, writable: bool) -> str:
        self.view = None
        if not given:
            raise SyntaxProblem("name a folder")
        folder = folder_of(self.mailbox, given[0])
        self.view = View(folder, writable)
        unseen = [n for n, mail in enumerate(folder.mails, 1) if "\\Seen" not in mail.flags]
        lines = [
            b"* FLAGS (" + FLAGS + b")",
            b"* OK [PERMANENTFLAGS (%b)] Limited" % (FLAGS + b" \\*" if writable else b""),
            b"* %d EXISTS" % len(folder.mails),
            b"* 0 RECENT",
            *([b"* OK [UNSEEN %d] First unseen" % unseen[0]] if unseen else []),
            b"* OK [UIDVALIDITY %d] UIDs valid" % folder.uidvalidity,
            b"* OK [UIDNEXT %d] Predicted next UID" % folder.uidnext,
        ]
        await self.say(b"\r\n".join(lines))
        return f"OK [{'READ-WRITE' if writable else 'READ-ONLY'}] Selected"

    async def close(self, _given: list[Word]) -> str:
        if self.open.writable:
            self.open.folder.remove(_deleted(self.open.folder))
        self.view = None
        return "OK closed"

    async def unselect(self, _given: list[Word]) -> str:
        self.view = None
        return "OK unselected"

    async def check(self, _given: list[Word]) -> str:
        return "OK checked"

    async def expunge(self, _given: list[Word]) -> str:
        folder = self.writable.folder
        folder.remove(_deleted(folder))
        return "OK removed"

    async def uid_expunge(self, given: list[Word]) -> str:
        chosen = self._chosen(given, by_uid=True)
        folder = self.writable.folder
        named = {each.mail.uid for each in chosen}
        folder.remove([mail for mail in _deleted(folder) if mail.uid in named])
        return "OK removed"

    def _chosen(self, given: Sequence[Word], *, by_uid: bool) -> list[Candidate]:
        if not given:
            raise SyntaxProblem("name some mails")
        return self.open.chosen(text_of(given[0]), by_uid=by_uid)

    async def search(self, given: list[Word], *, by_uid: bool) -> str:
        view = self.open
        for _ in range(2):
            if given and isinstance(given[0], str) and given[0].upper() == "CHARSET":
                if len(given) < 2 or text_of(given[1]).upper() not in ("US-ASCII", "UTF-8"):
                    raise NoError("[BADCHARSET (US-ASCII UTF-8)] That charset is not known here")
                given = given[2:]
        last = view.mails[-1].uid if view.mails else 0
        test = criteria(given, len(view.mails), last)
        found = [each.mail.uid if by_uid else each.number for each in view.all() if test(each)]
        await self.say(b" ".join([b"* SEARCH", *(b"%d" % each for each in found)]))
        return "OK searched"

    async def fetch(self, given: list[Word], *, by_uid: bool) -> str:
        if len(given) != 2:
            raise SyntaxProblem("FETCH takes some mails and what is wanted of them")
        wanted = _items(given[1])
        if by_uid and "UID" not in [each.upper() for each in wanted]:
            wanted = ["UID", *wanted]
        reads = any(items.marks_seen(each) for each in wanted)
        view = self.open
        for each in self._chosen(given, by_uid=by_uid):
            asked = wanted
            if reads and view.writable and "\\Seen" not in each.mail.flags:
                view.flag(each.mail, {"\\Seen"}, "+")
                view.known(each.mail)
                asked = wanted if "FLAGS" in wanted else [*wanted, "FLAGS"]
            told = b" ".join(items.told(each.mail, item) for item in asked)
            await self.say(b"* %d FETCH (%b)" % (each.number, told))
        return "OK fetched"

    async def store(self, given: list[Word], *, by_uid: bool) -> str:
        if len(given) < 3:
            raise SyntaxProblem("STORE takes some mails, what to do, and flags")
        how = text_of(given[1]).upper()
        silent = how.endswith(".SILENT")
        if how.removesuffix(".SILENT").lstrip("+-") != "FLAGS":
            raise SyntaxProblem("STORE takes FLAGS, +FLAGS or -FLAGS")
        listed = given[2] if isinstance(given[2], list) else given[2:]
        flags = flags_in(listed)
        view = self.writable
        for each in self._chosen(given, by_uid=by_uid):
            view.flag(each.mail, flags, how[0])
            view.known(each.mail)
            if not silent:
                uid = b"UID %d " % each.mail.uid if by_uid else b""
                await self.say(b"* %d FETCH (%b%b)" % (each.number, uid, flags_of(each.mail)))
        return "OK stored"

    async def copy(self, given: list[Word], *, by_uid: bool) -> str:
        copied = self._copied(given, by_uid=by_uid)
        return f"OK [{copied[1]}] Copied" if copied else "OK nothing to copy"

    async def move(self, given: list[Word], *, by_uid: bool) -> str:
        folder = self.writable.folder
        copied = self._copied(given, by_uid=by_uid)
        if not copied:
            return "OK nothing to move"
        await self.say(f"* OK [{copied[1]}] Moved".encode())
        folder.remove(copied[0])
        return "OK moved"

    def _copied(self, given: list[Word], *, by_uid: bool) -> tuple[list[Stored], str] | None:
        if len(given) != 2:
            raise SyntaxProblem("name some mails and a folder")
        chosen = [each.mail for each in self._chosen(given, by_uid=by_uid)]
        target = folder_of(self.mailbox, given[1], create=True)
        if not chosen:
            return None
        try:
            self.mailbox.room.check(sum(len(mail.raw) for mail in chosen))
            made = [target.add(mail.raw, mail.at, mail.flags) for mail in chosen]
        except FullError:
            raise NoError("[OVERQUOTA] The sandbox is full: POST /sandbox/reset") from None
        uids = (",".join(str(mail.uid) for mail in each) for each in (chosen, made))
        return chosen, f"COPYUID {target.uidvalidity} {' '.join(uids)}"


def _deleted(folder: Folder) -> list[Stored]:
    return [mail for mail in folder.mails if "\\Deleted" in mail.flags]


def _items(word: Word) -> list[str]:
    if isinstance(word, list):
        return [text_of(each) for each in word]
    name = text_of(word)
    return list(items.MACROS.get(name.upper(), (name,)))
