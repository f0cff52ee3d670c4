"""The server that shows mailboxes: those of the business, and those of its customers.

https://www.rfc-editor.org/rfc/rfc3501
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import trio
from attrs import define, field

from omni_actors.sandbox.email import sasl
from omni_actors.sandbox.email.folders import Folders, NoError
from omni_actors.sandbox.email.mailbox import Mailbox
from omni_actors.sandbox.email.mails import Mails
from omni_actors.sandbox.email.post import PostOffice
from omni_actors.sandbox.email.settings import SIZE_MAX
from omni_actors.sandbox.email.syntax import LITERAL, SyntaxProblem, Word, text_of, words
from omni_actors.sandbox.email.talk import Gone, Talk, TooLong
from omni_actors.sandbox.email.view import View
from omni_actors.sandbox.faults import Fault, Target

IDLE_S: Final = 1800.0
LINE_BYTES_MAX: Final = 65_536
LITERALS_MAX: Final = 100
STRANGER_BYTES_MAX: Final = 8192
BYE_S: Final = 1.0
KINDS: Final = frozenset({"refuse", "delay", "drop_request"})
CAPABILITIES: Final = " ".join([
    "IMAP4rev1", "LITERAL+", "SASL-IR", *(f"AUTH={name}" for name in sasl.MECHANISMS), "ID", "IDLE",
    "MOVE", "NAMESPACE", "SPECIAL-USE", "UIDPLUS", "UNSELECT",
])  # fmt: skip
DENIED: Final = "[AUTHENTICATIONFAILED] Authentication failed"

_TAG = re.compile(r"[!-~]{1,100}")

Handle: TypeAlias = Callable[[list[Word]], Awaitable[str]]


@define
class Command:
    """What a client said."""

    tag: str
    verb: str
    words: list[Word]


@define(eq=False)
class Session:
    """One connection to the server."""

    post: PostOffice
    talk: Talk
    login: str = ""
    over: bool = False
    _tag: str = "*"
    _may_remove: bool = True
    _mails: Mails | None = None
    _folders: Folders | None = None
    _open: dict[str, Handle] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._open = {
            "CAPABILITY": self.capability, "NOOP": self.noop, "LOGOUT": self.logout,
            "ID": self.introduce, "LOGIN": self.log_in, "AUTHENTICATE": self.authenticate,
        }  # fmt: skip

    async def run(self) -> None:
        """Serve until the client leaves, or is sent away. Raises Gone."""
        await self.say(f"* OK [CAPABILITY {CAPABILITIES}] The sandbox's mailboxes".encode())
        while not self.login and not self.over:
            await self.answer_one()
        if self.login:
            await self._serve_mailbox()

    async def _serve_mailbox(self) -> None:
        """Serve who is logged in, until they leave or the mailbox is taken from them."""
        mailbox = self.post.mailbox(self.login)
        self._folders = Folders(mailbox, self.post, self.say)
        self._mails = Mails(mailbox, self.say)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_ended, mailbox, nursery.cancel_scope)
            await self._answer_all()
            nursery.cancel_scope.cancel()
        if not self.over:
            with trio.move_on_after(BYE_S):
                await self.say(b"* BYE The session is over, log in again")

    async def _answer_all(self) -> None:
        while not self.over:
            await self.answer_one()

    async def say(self, line: bytes) -> None:
        """Send a line."""
        await self.talk.say(line + b"\r\n")

    async def answer_one(self) -> None:
        """Answer one command. Raises Gone."""
        self._tag = "*"
        try:
            command = await self.heard()
            await self.befall(command.verb)
            told = await self.carried_out(command)
        except NoError as refused:
            told = f"NO {refused}"
        except (SyntaxProblem, TooLong) as problem:
            told = f"BAD {problem or 'the line is too long'}"
        if self.view is not None:
            for line in self.view.news(removals=self._may_remove):
                await self.say(line)
        await self.say(f"{self._tag} {told}".encode())

    @property
    def view(self) -> View | None:
        """The folder that is selected."""
        return None if self._mails is None else self._mails.view

    # ------------------------------------------------------------ what is said

    async def heard(self) -> Command:
        """The next command, literals and all. Raises SyntaxProblem, NoError, Gone."""
        text = b""
        literals: list[bytes] = []
        while True:
            piece = await self.talk.line(LINE_BYTES_MAX)
            if self._tag == "*":
                first = piece.partition(b" ")[0].decode("ascii", "replace")
                self._tag = first if _TAG.fullmatch(first) else "*"
            if b"\0" in piece:
                raise SyntaxProblem("a line holds a NUL")
            found = LITERAL.search(piece)
            if found is None:
                break
            if len(literals) >= LITERALS_MAX:
                raise SyntaxProblem("there are too many literals")
            text += piece[: found.start()] + b"\0"
            literals.append(await self._literal(int(found[1]), waits=not found[2]))
        tag, _, rest = (text + piece).partition(b" ")
        given = words(rest, literals)
        if not given or not isinstance(given[0], str) or not _TAG.fullmatch(tag.decode("latin-1")):
            raise SyntaxProblem("a command is a tag, a verb, and what belongs to it")
        verb, arguments = given[0].upper(), given[1:]
        if verb == "UID" and arguments:
            verb, arguments = f"UID {text_of(arguments[0]).upper()}", arguments[1:]
        return Command(self._tag, verb, arguments)

    async def _literal(self, size: int, *, waits: bool) -> bytes:
        most = STRANGER_BYTES_MAX if not self.login else self._size_max
        if size > most:
            if not waits:
                await self.say(b"* BYE A literal is too large")
                raise Gone
            raise NoError(f"[TOOBIG] {most} bytes is the most")
        if waits:
            await self.say(b"+ Go ahead")
        return await self.talk.exactly(size)

    @property
    def _size_max(self) -> int:
        account = self.post.accounts.get(self.login)
        return SIZE_MAX if account is None else account.size_max

    async def befall(self, verb: str) -> None:
        """Let happen what was laid down for this command. Raises NoError, Gone."""
        match self.post.stage.take_fault(Target(self.login, "imap", verb.lower()), KINDS):
            case Fault(kind="delay", delay_s=delay_s):
                await trio.sleep(delay_s)
            case Fault(kind="refuse", text=text):
                raise NoError(text or "[UNAVAILABLE] Try again later")
            case Fault(kind="drop_request"):
                raise Gone

    async def carried_out(self, command: Command) -> str:
        """Do what is asked; the end of the answer."""
        self._may_remove = command.verb not in ("FETCH", "STORE", "SEARCH")
        if (handle := self._open.get(command.verb)) is not None:
            return await handle(command.words)
        if self._mails is None or self._folders is None:
            raise SyntaxProblem("log in first")
        if command.verb == "IDLE":
            return await self.idle()
        for able in (self._folders, self._mails):
            if (handle := able.verbs.get(command.verb)) is not None:
                if command.verb in ("SELECT", "EXAMINE"):
                    self._may_remove = False
                return await handle(command.words)
        raise SyntaxProblem(f"the sandbox has no {command.verb[:30]}")

    # ------------------------------------------------------------ in any state

    async def capability(self, _words: list[Word]) -> str:
        await self.say(f"* CAPABILITY {CAPABILITIES}".encode())
        return "OK that is all"

    async def noop(self, _words: list[Word]) -> str:
        return "OK nothing done"

    async def introduce(self, _words: list[Word]) -> str:
        await self.say(b'* ID ("name" "omni-actors sandbox")')
        return "OK pleased to meet you"

    async def logout(self, _words: list[Word]) -> str:
        await self.say(b"* BYE Goodbye")
        self.over = True
        return "OK done"

    async def log_in(self, given: list[Word]) -> str:
        self._stranger()
        if len(given) != 2:
            raise SyntaxProblem("LOGIN takes a name and a password")
        return self._let_in(self.post.admitted(text_of(given[0]), text_of(given[1])))

    async def authenticate(self, given: list[Word]) -> str:
        self._stranger()
        name = text_of(given[0]).upper() if given else ""
        if name not in sasl.MECHANISMS:
            raise NoError("the mechanism is not known here")
        initial = text_of(given[1]).encode() if len(given) > 1 else None
        try:
            return self._let_in(await sasl.login(self.post, name, initial, self._ask))
        except sasl.BadReplyError:
            raise SyntaxProblem("that is no reply of this mechanism") from None

    async def _ask(self, challenge: bytes) -> bytes:
        await self.say(b"+ " + challenge)
        return await self.talk.line(LINE_BYTES_MAX)

    def _stranger(self) -> None:
        if self.login:
            raise SyntaxProblem("you are logged in already")

    def _let_in(self, found: str | None) -> str:
        target = Target(found or "", "imap", "login")
        expired = self.post.stage.take_fault(target, frozenset({"expire_token"}))
        if found is None or expired is not None:
            raise NoError(DENIED)
        self.login = found
        return f"OK [CAPABILITY {CAPABILITIES}] Logged in"

    # ------------------------------------------------------------ waiting

    async def idle(self) -> str:
        """Tell what happens until the client has enough (RFC 2177)."""
        await self.say(b"+ idling")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_news)
            try:
                line = await self.talk.line(LINE_BYTES_MAX)
            except TooLong:
                line = b""
            nursery.cancel_scope.cancel()
        if line.strip().upper() != b"DONE":
            raise SyntaxProblem("IDLE ends with DONE")
        return "OK done"

    async def _tell_news(self) -> None:
        if self.view is None:
            return
        while True:
            changed = self.view.folder.changed
            lines = list(self.view.news(removals=True))
            if lines:
                # Half a line would be worse than one too many after the end of IDLE.
                with trio.CancelScope(shield=True):
                    await self.say(b"\r\n".join(lines))
            await changed.wait()


async def _ended(mailbox: Mailbox, scope: trio.CancelScope) -> None:
    await mailbox.ended.wait()
    scope.cancel()


async def serve(post: PostOffice, stream: trio.SocketStream) -> None:
    """Serve one client."""
    stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
    await Session(post, Talk(stream, IDLE_S)).run()
