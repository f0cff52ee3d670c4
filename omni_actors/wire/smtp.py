"""The client's side of SMTP as dialogues: what is said and what is waited for, without a socket.

A dialogue yields steps; `net` takes each of them, and sends in the reply that a Listen waits for.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from omni_actors.wire.calls import MailReply, MailServer, SmtpReply, Stage, Tls
from omni_actors.wire.sasl import Sasl, sasl_of
from omni_actors.wire.smtp_body import END
from omni_actors.wire.smtp_lines import Unspeakable, hello, line, mail_from, needs_utf8, rcpt_to
from omni_actors.wire.smtp_offers import Offers, offers_in
from omni_actors.wire.smtp_replies import Garbled, said

T = TypeVar("T")

# How long a server may take, in seconds (RFC 5321, 4.5.3.2; it names none for the first four).
REPLY_S: Final[Mapping[Stage, float]] = {
    Stage.GREETING: 300.0,
    Stage.HELLO: 300.0,
    Stage.STARTTLS: 120.0,
    Stage.AUTH: 120.0,
    Stage.MAIL: 300.0,
    Stage.RCPT: 300.0,
    Stage.DATA: 120.0,
    Stage.END: 600.0,
}
BLOCK_S: Final = 180.0  # for each piece of the mail
QUIT: Final = b"QUIT\r\n"
RECIPIENTS_AT_ONCE: Final = 100
FIRST_BYTES_MAX: Final = 480  # of an answer beside AUTH; a longer one waits to be asked (RFC 4954)
HIDDEN: Final = "***"
CLOSING: Final = 421  # whatever was asked, the server hangs up
TOO_MANY: Final = 432  # connections of ours, to Microsoft 365
SEND_IT: Final = 354
GO_ON: Final = 334
UNKNOWN_PARAMETER: Final = 555


@frozen
class Say:
    """Send these bytes. `shown` are the lines that an operator may see of it."""

    data: bytes = field(repr=False)
    shown: tuple[str, ...]


@frozen
class Listen:
    """Wait for one reply."""

    stage: Stage
    within_s: float


@frozen
class Secure:
    """Forget what came, and go on in TLS."""


@frozen
class Pour:
    """Send the mail, to its final dot."""


Step: TypeAlias = Say | Listen | Secure | Pour
Dialogue: TypeAlias = Generator[Step, Any, T]


class Refusal(Exception):
    """The server said no, and the dialogue is over."""

    def __init__(self, stage: Stage, reply: SmtpReply) -> None:
        super().__init__(f"{stage}: {reply.code} {reply.enhanced} {reply.text}")
        self.reply = MailReply(stage, reply)


class Lacking(Exception):
    """The server does not offer what we will not go without. The text says what, and what to do."""


@frozen
class Envelope:
    """What a server is told of a mail. `size` counts its bytes before dots are doubled.

    `utf8`: its headers hold addresses that are not ASCII. Unless all of the `required` may have the
    mail, nobody gets it.
    """

    sender: str
    recipients: tuple[str, ...]
    size: int
    envelope_id: str = ""
    utf8: bool = False
    required: frozenset[str] = frozenset()

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server that takes UTF-8 can have it."""
        return self.utf8 or any(map(needs_utf8, (self.sender, *self.recipients)))

    @property
    def depends(self) -> bool:
        """Whether the answers decide if there is a mail at all, so that DATA must wait for them."""
        return bool(self.required) and len(self.recipients) > 1

    @property
    def notify(self) -> str:
        """Of what the sender is told, where the server knows how (RFC 3461)."""
        return "FAILURE,DELAY" if self.sender else "NEVER"


def opening(server: MailServer, name: str, secret: str) -> Dialogue[Offers]:
    """From the greeting to where mail may be handed over. `name` is how we greet.

    Without a secret or a username nobody is authenticated. Raises Refusal, Lacking, Unspeakable,
    Garbled.
    """
    yield from _expect(Stage.GREETING)
    offers = yield from _hello(name)
    if server.tls is Tls.STARTTLS:
        offers = yield from _secured(name, offers)
    if secret and server.username:
        yield from _authenticated(server, secret, offers)
    return offers


def mailing(envelope: Envelope, offers: Offers, *, again: bool) -> Dialogue[MailReply]:
    """Hand one mail over. `again`: another was handed over before on this connection.

    Raises Refusal when the server hangs up, Unspeakable, Garbled.
    """
    if envelope.needs_utf8 and not (offers.utf8 and offers.eight_bit):
        raise Unspeakable("an address is not ASCII, and the server takes none but ASCII ones")
    answers = yield from _asked(envelope, offers, again=again)
    bare = evolve(offers, sizes=False, dsn=False)
    if answers.mail.code == UNKNOWN_PARAMETER and bare != offers:
        yield from _called_off(answers)
        answers = yield from _asked(envelope, bare, again=True)
    stage, refused = answers.refused(envelope.required)
    if refused is not None:
        yield from _called_off(answers)
        return MailReply(stage, refused, answers.recipients)
    if answers.data is None:
        answers = evolve(answers, data=(yield from _told(Stage.DATA, line("DATA"))))
        assert answers.data is not None
    if answers.data.code != SEND_IT:
        _require_no(answers.data)
        return MailReply(Stage.DATA, answers.data, answers.recipients)
    yield Pour()
    end = yield from heard(Stage.END)
    return MailReply(Stage.END, end, answers.recipients)


@frozen
class Answers:
    """What the server said of an envelope. `data` is None where it was not asked yet."""

    mail: SmtpReply
    recipients: Mapping[str, SmtpReply]
    data: SmtpReply | None = None

    def refused(self, required: frozenset[str]) -> tuple[Stage, SmtpReply | None]:
        """Why there is nobody to send to, or not those who are required, and at which stage; None:
        there are.

        Of several refusals the one that may pass decides: then it is worth another try.
        """
        if not _good(self.mail):
            return Stage.MAIL, self.mail
        for each in required & self.recipients.keys():
            if not _good(self.recipients[each]):
                return Stage.RCPT, self.recipients[each]
        said_no = sorted(self.recipients.values(), key=lambda reply: reply.code)
        if any(map(_good, said_no)):
            return Stage.RCPT, None
        return Stage.RCPT, said_no[0]


def _asked(envelope: Envelope, offers: Offers, *, again: bool) -> Dialogue[Answers]:
    """Say the envelope; in one breath, where the server allows it (RFC 2920)."""
    mail = mail_from(
        envelope.sender,
        offers,
        size=envelope.size,
        envelope_id=envelope.envelope_id,
        utf8=envelope.needs_utf8,
    )
    rcpts = {each: rcpt_to(each, offers, envelope.notify) for each in envelope.recipients}
    if again and not offers.pipelining:
        yield from _told(Stage.MAIL, line("RSET"))
    if offers.pipelining:
        whole = not envelope.depends
        return (yield from _in_one_breath(mail, rcpts, again=again, whole=whole))
    answer = yield from _told(Stage.MAIL, mail)
    told = {}
    if _good(answer):
        for each, rcpt in rcpts.items():
            told[each] = yield from _told(Stage.RCPT, rcpt)
    return Answers(answer, told)


def _in_one_breath(
    mail: bytes, rcpts: Mapping[str, bytes], *, again: bool, whole: bool
) -> Dialogue[Answers]:
    """MAIL, every RCPT and, if `whole`, DATA; and only then what the server says to them.

    After DATA nothing can be taken back: a dot alone would be an empty mail to those who may have
    it.
    """
    groups = _groups(list(rcpts))
    told: dict[str, SmtpReply] = {}
    answer = SmtpReply(0)
    for number, group in enumerate(groups):
        lines = [rcpts[each] for each in group]
        if number == 0:
            lines = [*([line("RSET")] if again else []), mail, *lines]
        if whole and group is groups[-1]:
            lines.append(line("DATA"))
        yield _say(*lines)
        if number == 0:
            if again:
                yield from heard(Stage.MAIL)
            answer = yield from heard(Stage.MAIL)
        for each in group:
            told[each] = yield from heard(Stage.RCPT)
    return Answers(answer, told, (yield from heard(Stage.DATA)) if whole else None)


def _groups(recipients: list[str]) -> list[list[str]]:
    """As many recipients at once as a server's and our own buffers surely hold."""
    most = RECIPIENTS_AT_ONCE
    return [recipients[at : at + most] for at in range(0, len(recipients), most)]


def _called_off(answers: Answers) -> Dialogue[None]:
    """A server that takes DATA without a recipient must get its dot."""
    if answers.data is not None and answers.data.code == SEND_IT:
        yield Say(END, (".",))
        yield from heard(Stage.DATA)


def _hello(name: str) -> Dialogue[Offers]:
    """Greet; a server too old for EHLO offers nothing."""
    reply = yield from _told(Stage.HELLO, hello("EHLO", name))
    if _good(reply):
        return offers_in(reply)
    if reply.code < 500:
        raise Refusal(Stage.HELLO, reply)
    yield _say(hello("HELO", name))
    yield from _expect(Stage.HELLO)
    return Offers()


def _secured(name: str, offers: Offers) -> Dialogue[Offers]:
    """STARTTLS, after which nothing counts that was said before (RFC 3207, 4.2)."""
    if not offers.starttls:
        text = "the server does not offer STARTTLS, and mail is not handed over in the clear"
        raise Lacking(text)
    yield _say(line("STARTTLS"))
    yield from _expect(Stage.STARTTLS)
    yield Secure()
    return (yield from _hello(name))


def _authenticated(server: MailServer, secret: str, offers: Offers) -> Dialogue[None]:
    """Prove who we are. Raises Refusal."""
    way = _way(server, secret, offers)
    if way is None:
        offered = ", ".join(offers.auth) or "none"
        kind = "a password" if server.login.value == "password" else "an access token"
        raise Lacking(f"the server offers no way to log in with {kind} (it offers: {offered})")
    reply = yield from _proven(way)
    if not _good(reply):
        raise Refusal(Stage.AUTH, reply)


def _way(server: MailServer, secret: str, offers: Offers) -> Sasl | None:
    """The mechanism to prove it by, if there is one. Raises Unspeakable, quoting nothing."""
    try:
        way = sasl_of(server, secret, offers.auth)
    except UnicodeEncodeError:
        raise Unspeakable("the credential holds half a character") from None
    if way is not None and not {"\0", "\x01"}.isdisjoint(server.username + secret):
        raise Unspeakable("the username or the credential holds a control character")
    return way


def _proven(way: Sasl) -> Dialogue[SmtpReply]:
    """One mechanism, to the reply that decides."""
    command = line("AUTH", way.name).removesuffix(b"\r\n")
    explains = way.farewell is not None
    answers = [b64encode(reply) for reply in way.replies]
    answers += [b64encode(way.farewell)] if way.farewell is not None else []
    if way.initial and len(answers[0]) <= FIRST_BYTES_MAX:
        yield Say(b"%b %b\r\n" % (command, answers.pop(0)), (f"AUTH {way.name} {HIDDEN}",))
    else:
        yield Say(command + b"\r\n", (f"AUTH {way.name}",))
    reply = yield from heard(Stage.AUTH)
    why = ""
    while reply.code == GO_ON and answers:
        why = _explained(reply) if explains and len(answers) == 1 else ""
        yield Say(answers.pop(0) + b"\r\n", (HIDDEN,))
        reply = yield from heard(Stage.AUTH)
    if reply.code == GO_ON:
        return (yield from _broken_off())
    return evolve(reply, text=f"{reply.text} {why}") if why else reply


def _explained(question: SmtpReply) -> str:
    """Why an access token is refused, as JSON in what looks like a question."""
    try:
        return said(b64decode(question.text, validate=True))
    except (NotBase64, ValueError):
        return ""


def _broken_off() -> Dialogue[SmtpReply]:
    """The server asks for more than the mechanism has (RFC 4954, 4)."""
    yield Say(b"*\r\n", ("*",))
    reply = yield from heard(Stage.AUTH)
    if reply.code < 400:
        raise Garbled("the server asks on and on in AUTH")
    return reply


def _expect(stage: Stage) -> Dialogue[SmtpReply]:
    """A good reply. Raises Refusal for another."""
    reply = yield from heard(stage)
    if not _good(reply):
        raise Refusal(stage, reply)
    return reply


def _told(stage: Stage, command: bytes) -> Dialogue[SmtpReply]:
    """Say one command and hear the reply to it."""
    yield _say(command)
    return (yield from heard(stage))


def heard(stage: Stage) -> Dialogue[SmtpReply]:
    """One reply. Raises Refusal when with it the server hangs up."""
    reply: SmtpReply = yield Listen(stage, REPLY_S[stage])
    if reply.code == CLOSING:
        raise Refusal(stage, reply)
    return reply


def _say(*commands: bytes) -> Say:
    data = b"".join(commands)
    return Say(data, tuple(said(each.removesuffix(b"\r\n")) for each in commands))


def _good(reply: SmtpReply) -> bool:
    return 200 <= reply.code < 300


def _require_no(reply: SmtpReply) -> None:
    """DATA is answered by 354 or by a refusal."""
    if reply.code < 400:
        raise Garbled(f"the server answers DATA with {reply.code}")
