"""The post office of the sandbox: whose mailbox is where, and what becomes of each mail."""

import re
from collections import deque
from email import message_from_bytes
from email.utils import getaddresses
from typing import Any

from attrs import define, field, frozen

from omni_actors.sandbox.contract import ControlError, Figures, Outbox, Stage
from omni_actors.sandbox.email import dsn, showing
from omni_actors.sandbox.email.heads import Journey, delivered
from omni_actors.sandbox.email.letters import ADDRESS, Earlier, Letter
from omni_actors.sandbox.email.mailbox import FullError, Mailbox, Room
from omni_actors.sandbox.email.settings import EmailAccount
from omni_actors.sandbox.faults import Target

MAILBOXES_MAX = 100_000
DAY_S = 86_400.0
SENT_MAX = 20_000
FATES = {
    "nobody": "5.1.1 Mailbox does not exist",
    "full": "5.2.2 Mailbox full",
    "blocked": "5.7.1 Message refused by policy",
}
_FATE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}( [ -~]{1,400})?")


@frozen
class Wanted:
    """One whom a mail is for, and of what the sender wants to hear (RFC 3461)."""

    address: str
    notify: frozenset[str]


@define(eq=False)
class Envelope:
    """What an SMTP client said of a mail. `login` is who it is."""

    login: str
    sender: str
    envelope_id: str = ""
    full: bool = False
    eight_bit: bool = False
    utf8: bool = False
    size: int = 0
    wanted: list[Wanted] = field(factory=list)


def plain(address: str) -> str:
    """The mailbox behind an address: in lower case, without what follows a plus."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


@define(eq=False)
class PostOffice:
    """All mailboxes of one sandbox, those of the business and those of customers."""

    stage: Stage
    accounts: dict[str, EmailAccount] = field(factory=dict)
    mailboxes: dict[str, Mailbox] = field(factory=dict)
    outboxes: dict[str, Outbox] = field(factory=dict)
    figures: dict[str, Figures] = field(factory=dict)
    sent_at: dict[str, deque[float]] = field(factory=dict)
    """When accounts sent their newest mails."""
    names: dict[str, str] = field(factory=dict)
    """What customers are called, by address."""
    fates: dict[str, str] = field(factory=dict)
    """Whose mails come back, with the status and the words."""
    room: Room = field(init=False)
    _numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.room = Room(self.stage.settings.media_bytes_max)

    # ------------------------------------------------------------ who is who

    def begin(self, account: EmailAccount) -> None:
        """Give an account an empty mailbox, with nothing sent and nothing counted."""
        self.accounts[account.address] = account
        self.outboxes[account.address] = Outbox(self.stage.settings.outbox_max)
        self.figures[account.address] = Figures()
        self.sent_at[account.address] = deque(maxlen=SENT_MAX)
        self.mailbox(account.address)

    def clear(self) -> None:
        """Forget all mails and customers; who has a mailbox open is logged out."""
        for mailbox in self.mailboxes.values():
            mailbox.end_sessions()
        self.mailboxes.clear()
        self.names.clear()
        self.fates.clear()
        self.room = Room(self.stage.settings.media_bytes_max)
        for account in list(self.accounts.values()):
            self.begin(account)

    def admitted(self, username: str, secret: str, *, by_token: bool = False) -> str | None:
        """Whose mailbox opens; None where none does. A customer's does with any password."""
        address = username.lower()
        account = self.accounts.get(address)
        if by_token and self.stage.token_owner(secret) == address:
            return address
        if account is not None:
            wanted = account.access_token if by_token else account.password
            return address if secret == wanted else None
        business = {each.domain for each in self.accounts.values()}
        fits = ADDRESS.fullmatch(address) and address.rpartition("@")[2] not in business
        return address if fits and secret and not by_token else None

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of an address, made when it is first needed. Raises FullError."""
        found = self.mailboxes.get(key := plain(address))
        if found is None:
            if len(self.mailboxes) >= MAILBOXES_MAX:
                raise FullError
            found = self.mailboxes[key] = Mailbox(key, self.room, self._number)
        return found

    def _number(self) -> int:
        self._numbers += 1
        return int(self.stage.clock.now()) % 1_000_000_000 * 2 + self._numbers

    def mark(self) -> str:
        """A name that nothing else has."""
        return f"{self.stage.chance.getrandbits(64):016x}"

    # ------------------------------------------------------------ what arrives

    def deliver(
        self, raw: bytes, sender: str, recipient: str, checked: str, helo: str = "ESMTPSA"
    ) -> None:
        """Put a mail into a mailbox, as the server of the mailbox does. Raises FullError."""
        address = plain(recipient)
        account = self.accounts.get(address)
        domain = address.rpartition("@")[2]
        now = self.stage.clock.now()
        way = Journey(
            sender=sender,
            recipient=recipient,
            host=account.host if account else f"mx.{domain}",
            checked=checked,
            domain=(sender.rpartition("@")[2] or domain),
            at=now,
            id=self.mark(),
            protocol=helo,
        )
        self.mailbox(address).inbox.add(delivered(raw, way), now)
        if account is not None:
            self.figures[address].inbound += 1

    def written(self, letter: Letter) -> None:
        """A customer's program hands a letter over and keeps a copy. Raises ControlError."""
        try:
            for _ in range(letter.copies):
                self.deliver(letter.raw, letter.sender, letter.recipient, letter.checked)
            self.keep(letter.sender, letter.raw)
        except FullError:
            raise ControlError("the mailboxes are full: POST /sandbox/reset empties them") from None

    def keep(self, address: str, raw: bytes) -> None:
        """Put what somebody sent into their Sent folder. Raises FullError."""
        self.mailbox(address).folders["Sent"].add(raw, self.stage.clock.now(), {"\\Seen"})

    def earlier(self, channel_key: str, customer: str, message_id: str | None) -> Earlier:
        """A mail that a customer got: by its id, or the newest. Raises ControlError."""
        mine = [each for each in self.outboxes[channel_key].after(0) if each.to == customer]
        for shown in reversed(mine):
            if message_id is None or shown.message_id == message_id.strip("<>"):
                return Earlier(shown.message_id, shown.request)
        which = "no mail yet" if message_id is None else f"no mail with the id {message_id}"
        raise ControlError(f"{customer} has {which} from {channel_key}, so it cannot be answered")

    # ------------------------------------------------------------ what is sent

    def submit(self, envelope: Envelope, raw: bytes, message_id: str) -> None:
        """Deliver a mail to everybody it is for, or report why not. Raises FullError."""
        self.room.check(2 * len(raw) * len(envelope.wanted))
        if envelope.login in self.sent_at:
            self.sent_at[envelope.login].append(self.stage.clock.now())
        checked = "pass" if _from(raw) == plain(envelope.login) else "fail"
        for person in envelope.wanted:
            fate = self.fate(envelope, person.address)
            if envelope.login in self.accounts:
                self._show(envelope, person, raw, message_id, fate)
            if fate is None:
                self.deliver(raw, envelope.sender, person.address, checked)
            self._report(envelope, person, raw, fate)

    def has_sent_enough(self, address: str) -> bool:
        """Whether an account has sent as many mails as it may in a day."""
        account = self.accounts.get(address)
        if account is None or account.mails_per_day is None:
            return False
        lately = self.sent_at[address]
        while lately and lately[0] <= self.stage.clock.now() - DAY_S:
            lately.popleft()
        return len(lately) >= account.mails_per_day

    def fate(self, envelope: Envelope, address: str) -> str | None:
        """Why a mail does not arrive: status and words; None where it does."""
        target = Target(envelope.login, "smtp", "end", address)
        if (fault := self.stage.take_fault(target, frozenset({"bounce"}))) is not None:
            return fault.text or FATES["nobody"]
        key = plain(address)
        if key in self.fates:
            return self.fates[key]
        local, _, domain = key.rpartition("@")
        if key not in self.accounts and domain in {a.domain for a in self.accounts.values()}:
            return FATES["nobody"]
        return "5.1.2 Domain does not exist" if domain.endswith(".invalid") else FATES.get(local)

    def _show(
        self, envelope: Envelope, person: Wanted, raw: bytes, message_id: str, fate: str | None
    ) -> None:
        figures = self.figures[envelope.login]
        figures.accept(person.address, f"{message_id} {person.address}")
        if fate is not None:
            return
        request: dict[str, Any] = showing.read(raw)
        request["envelope"] = {
            "from": envelope.sender,
            "to": person.address,
            "envelope_id": envelope.envelope_id or None,
            "notify": sorted(person.notify),
        }
        now = self.stage.clock.now()
        self.outboxes[envelope.login].add(now, plain(person.address), message_id, request)
        self.stage.show()

    def _report(self, envelope: Envelope, person: Wanted, raw: bytes, fate: str | None) -> None:
        wanted = "FAILURE" if fate is not None else "SUCCESS"
        if wanted not in person.notify or not envelope.sender:
            return
        status, _, text = (fate or "2.0.0 Delivered").partition(" ")
        host = self.accounts[envelope.login].host if envelope.login in self.accounts else "mx.test"
        told = dsn.Report(
            host=host,
            sender=envelope.sender,
            recipient=person.address,
            action="delivered" if fate is None else "failed",
            status=status,
            text=text or "Undeliverable",
            envelope_id=envelope.envelope_id,
            full=envelope.full,
            at=self.stage.clock.now(),
        )
        self.deliver(dsn.report(told, raw), "", envelope.sender, "pass", "ESMTP")


def fate_of(text: str) -> str:
    """A status with words, such as `5.2.2 Mailbox full`. Raises ControlError."""
    if not _FATE.fullmatch(text):
        raise ControlError("`bounces` must be a status and words, such as 5.2.2 Mailbox full")
    return text


def _from(raw: bytes) -> str:
    people = getaddresses([str(message_from_bytes(raw)["from"])])
    return plain(people[0][1]) if people else ""
