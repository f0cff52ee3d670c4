"""The server that takes mails: of the business for its customers, and of customers.

https://www.rfc-editor.org/rfc/rfc5321, https://www.rfc-editor.org/rfc/rfc6409 (submission)
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from attrs import define, field, frozen

from omni_actors.sandbox.email import rules, sasl
from omni_actors.sandbox.email.mailbox import FullError
from omni_actors.sandbox.email.post import Envelope, PostOffice, Wanted, plain
from omni_actors.sandbox.email.settings import SIZE_MAX
from omni_actors.sandbox.email.talk import Gone, Talk, TooLong
from omni_actors.sandbox.faults import Fault, Target

HOST: Final = "smtp.sandbox.test"
IDLE_S: Final = 300.0
LINE_BYTES_MAX: Final = 2048
RECIPIENTS_MAX: Final = 100
ERRORS_MAX: Final = 20
STAGES: Final = ("greeting", "auth", "mail", "rcpt", "data", "end")
KINDS: Final = frozenset({"refuse", "delay", "drop_request", "drop_answer"})

_PATH = re.compile(r"\s*<([^<>\s]*)>((?:\s+\S+)*)\s*", re.IGNORECASE)
_NOTIFY: Final = frozenset({"SUCCESS", "FAILURE", "DELAY"})
# What a code means where a fault gives no words.
WORDS: Final = {
    421: "4.7.0 Try again later, closing connection",
    450: "4.2.1 Mailbox busy, try again later",
    451: "4.7.1 Greylisted, try again in five minutes",
    452: "4.2.2 Mailbox full",
    454: "4.7.0 Temporary authentication failure",
    535: "5.7.8 Authentication credentials invalid",
    550: "5.1.1 Mailbox does not exist",
    552: "5.3.4 Message too big",
    554: "5.7.1 Message refused by policy",
}
DENIED: Final = "535 5.7.8 Authentication credentials invalid"


class _Refused(Exception):
    """The command is answered with this line."""

    def __init__(self, reply: str, *, hang_up: bool = False) -> None:
        super().__init__(reply)
        self.reply = reply
        self.hang_up = hang_up or reply.startswith("421")


@frozen
class _Path:
    address: str
    parameters: dict[str, str]


@define(eq=False)
class Session:
    """One connection to the server."""

    post: PostOffice
    talk: Talk
    login: str = ""
    helo: str = ""
    envelope: Envelope | None = None
    errors: int = 0
    _verbs: dict[str, Callable[[str], Awaitable[str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._verbs = {
            "EHLO": self.ehlo, "HELO": self.hello, "AUTH": self.auth, "MAIL": self.mail,
            "RCPT": self.rcpt, "DATA": self.data, "RSET": self.rset, "NOOP": self.noop,
            "VRFY": self.vrfy,
        }  # fmt: skip

    async def run(self) -> None:
        """Serve until the client leaves, or is sent away. Raises Gone."""
        try:
            await self.befall("greeting")
            await self.say(f"220 {HOST} ESMTP sandbox")
        except _Refused as refused:
            await self.say(refused.reply)
            return
        while await self.command():
            if self.errors >= ERRORS_MAX:
                await self.say("421 4.7.0 Too many errors, closing connection")
                return

    async def command(self) -> bool:
        """Answer one command; whether there may be another."""
        try:
            line = (await self.talk.line(LINE_BYTES_MAX)).decode()
        except (TooLong, UnicodeDecodeError):
            await self.say("500 5.5.2 That is no command: a line is too long, or not UTF-8")
            return False
        verb, _, rest = line.partition(" ")
        if verb.upper() == "QUIT":
            await self.say("221 2.0.0 Bye")
            return False
        try:
            handle = self._verbs.get(verb.upper())
            if handle is None:
                raise _Refused("502 5.5.1 Command not known here")
            await self.say(await handle(rest.strip()))
        except _Refused as refused:
            self.errors += 1
            self._count(refused)
            await self.say(refused.reply)
            return not refused.hang_up
        return True

    async def say(self, reply: str) -> None:
        await self.talk.say(f"{reply}\r\n".encode())

    def _count(self, refused: _Refused) -> None:
        if self.login in self.post.figures:
            self.post.figures[self.login].refuse(int(refused.reply[:3]))

    # ------------------------------------------------------------ faults

    async def befall(self, stage: str, to: str = "") -> Fault | None:
        """Let happen what was laid down for this stage. Raises _Refused, Gone."""
        target = Target(self.login, "smtp", stage, to)
        fault = self.post.stage.take_fault(target, KINDS)
        match fault:
            case Fault(kind="delay"):
                await trio.sleep(fault.delay_s)
            case Fault(kind="refuse"):
                raise _Refused(refusal(fault))
            case Fault(kind="drop_request"):
                raise Gone
            case Fault(kind="drop_answer"):
                return fault
        return None

    # ------------------------------------------------------------ who is there

    async def hello(self, name: str) -> str:
        self.helo, self.envelope = name, None
        return f"250 {HOST}"

    async def ehlo(self, name: str) -> str:
        if not name:
            raise _Refused("501 5.5.4 EHLO needs a name")
        self.helo, self.envelope = name, None
        offers = [
            HOST,
            "PIPELINING",
            f"SIZE {self.size_max}",
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
            f"AUTH {' '.join(sasl.MECHANISMS)}",
        ]
        return "\r\n".join([*(f"250-{each}" for each in offers[:-1]), f"250 {offers[-1]}"])

    @property
    def size_max(self) -> int:
        """How large a mail may be."""
        accounts = self.post.accounts
        if self.login in accounts:
            return accounts[self.login].size_max
        return max((each.size_max for each in accounts.values()), default=SIZE_MAX)

    async def auth(self, rest: str) -> str:
        self._greeted()
        if self.login:
            raise _Refused("503 5.5.1 You are logged in already")
        name, _, initial = rest.partition(" ")
        if name.upper() not in sasl.MECHANISMS:
            raise _Refused("504 5.5.4 Mechanism not known here")
        await self.befall("auth")
        try:
            first = initial.strip().encode() or None
            found = await sasl.login(self.post, name.upper(), first, self._ask)
        except sasl.BadReplyError:
            raise _Refused("501 5.5.2 That is no reply of this mechanism") from None
        target = Target(found or "", "smtp", "auth")
        expired = self.post.stage.take_fault(target, frozenset({"expire_token"}))
        if found is None or expired is not None:
            raise _Refused(DENIED)
        self.login = found
        return "235 2.7.0 Authentication successful"

    async def _ask(self, challenge: bytes) -> bytes:
        await self.talk.say(b"334 " + challenge + b"\r\n")
        try:
            return await self.talk.line(12_288)
        except TooLong:
            raise sasl.BadReplyError from None

    def _greeted(self) -> None:
        if not self.helo:
            raise _Refused("503 5.5.1 Say EHLO first")

    # ------------------------------------------------------------ a mail

    async def mail(self, rest: str) -> str:
        self._greeted()
        if not self.login:
            raise _Refused("530 5.7.0 Authentication required")
        if self.envelope is not None:
            raise _Refused("503 5.5.1 A mail is begun already")
        path = _path(rest, "FROM:", known={"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
        await self.befall("mail")
        if path.address and plain(path.address) != plain(self.login):
            raise _Refused(f"553 5.7.1 You may not send as {path.address}")
        if self.post.has_sent_enough(self.login):
            raise _Refused("550 5.4.5 Daily user sending limit exceeded")
        size = path.parameters.get("SIZE", "0")
        if not size.isdecimal():
            raise _Refused("501 5.5.4 SIZE must be a number")
        if int(size) > self.size_max:
            raise _Refused(f"552 5.3.4 Message too big, {self.size_max} bytes is the most")
        self.envelope = Envelope(
            login=self.login,
            sender=path.address,
            envelope_id=_from_xtext(path.parameters.get("ENVID", "")),
            full=path.parameters.get("RET", "FULL").upper() == "FULL",
            eight_bit=path.parameters.get("BODY", "").upper() == "8BITMIME",
            utf8="SMTPUTF8" in path.parameters,
            size=int(size),
        )
        return "250 2.1.0 Sender ok"

    async def rcpt(self, rest: str) -> str:
        envelope = self._begun()
        path = _path(rest, "TO:", known={"NOTIFY", "ORCPT"})
        local, at, domain = path.address.rpartition("@")
        if not local or not at or not domain:
            raise _Refused("553 5.1.3 That is no mail address")
        if not path.address.isascii() and not envelope.utf8:
            raise _Refused("553 5.6.7 The address needs SMTPUTF8")
        if len(envelope.wanted) >= RECIPIENTS_MAX:
            raise _Refused("452 4.5.3 Too many recipients")
        notify = frozenset(path.parameters.get("NOTIFY", "FAILURE").upper().split(","))
        if notify != {"NEVER"} and not notify <= _NOTIFY:
            raise _Refused("501 5.5.4 NOTIFY must be NEVER, or some of SUCCESS, FAILURE, DELAY")
        await self.befall("rcpt", path.address)
        envelope.wanted.append(Wanted(path.address, notify))
        return "250 2.1.5 Recipient ok"

    async def data(self, rest: str) -> str:
        envelope = self._begun()
        if rest:
            raise _Refused("501 5.5.4 DATA takes nothing beside it")
        if not envelope.wanted:
            raise _Refused("554 5.5.1 No valid recipients")
        await self.befall("data")
        await self.say("354 Go ahead, and end with a dot")
        raw = await self.talk.until_dot(self.size_max)
        self.envelope = None
        dropped = await self.befall("end")
        if raw is None:
            raise _Refused(f"552 5.3.4 Message too big, {self.size_max} bytes is the most")
        self._take(envelope, raw)
        if dropped is not None:
            raise Gone
        return f"250 2.0.0 Ok: queued as {self.post.mark()}"

    def _take(self, envelope: Envelope, raw: bytes) -> None:
        message_id = ""
        try:
            if envelope.login in self.post.accounts:
                message_id = rules.check(
                    raw, envelope.login, eight_bit=envelope.eight_bit, utf8=envelope.utf8
                )
                self.post.figures[envelope.login].call("mail")
                if envelope.size and len(raw) > envelope.size:
                    raise rules.UnfitError("it is larger than the SIZE that was announced")
            self.post.submit(envelope, raw, message_id)
        except rules.UnfitError as unfit:
            raise _Refused(f"554 5.6.0 Not a proper mail: {unfit}") from None
        except FullError:
            raise _Refused("452 4.3.1 The sandbox is full: POST /sandbox/reset") from None

    def _begun(self) -> Envelope:
        if self.envelope is None:
            raise _Refused("503 5.5.1 Say MAIL first")
        return self.envelope

    async def rset(self, _rest: str) -> str:
        self.envelope = None
        return "250 2.0.0 Ok"

    async def noop(self, _rest: str) -> str:
        return "250 2.0.0 Ok"

    async def vrfy(self, _rest: str) -> str:
        return "252 2.1.5 Send it, and see"


def refusal(fault: Fault) -> str:
    """What a server says that was told to refuse."""
    usual = "4.3.0 Try again later" if fault.code < 500 else "5.3.0 Refused"
    return f"{fault.code} {fault.text or WORDS.get(fault.code, usual)}"


def _path(rest: str, word: str, known: set[str]) -> _Path:
    """`FROM:<a@b> SIZE=1` taken apart. Raises _Refused."""
    if rest[: len(word)].upper() != word or not (found := _PATH.fullmatch(rest[len(word) :])):
        raise _Refused(f"501 5.5.4 It must be {word}<address> with parameters behind it")
    pairs = (each.partition("=") for each in found[2].split())
    parameters = {name.upper(): value for name, _, value in pairs}
    unknown = parameters.keys() - known
    if unknown:
        raise _Refused(f"555 5.5.4 Parameter {min(unknown)} not known here")
    return _Path(found[1], parameters)


def _from_xtext(text: str) -> str:
    """A parameter's value as text (RFC 3461, 4)."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)


async def serve(post: PostOffice, stream: trio.SocketStream) -> None:
    """Serve one client."""
    stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
    await Session(post, Talk(stream, IDLE_S)).run()
