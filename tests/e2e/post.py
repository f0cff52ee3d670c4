"""The built program with mail accounts on a real Dovecot, and a real Postfix that delivers there.

Every address of example.test is a mailbox with the password PASSWORD; customers have theirs in the
same house. Nothing can leave the machine.
"""

import os
import signal
import smtplib
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from attrs import define, field, frozen
from imapclient import IMAPClient

from tests.e2e.kit import PATIENCE_S, TLS, command, environment, eventually, log_lines
from tests.support.dovecot import PACKAGES, PASSWORD, Dovecot, program
from tests.support.dovecot import running as dovecot_running
from tests.support.gatekeeper import Gatekeeper, gatekeeper
from tests.support.postfix import Postfix, postfix, why_not

DOMAIN: Final = "example.test"
HOOK_SECRET: Final = "a secret of sixteen"
LISTENING: Final = "listening on "
START_S: Final = 30.0
_NUMBERS = count(1)

CONFIG: Final = """\
[server]
bind = "127.0.0.1:0"

[store]
url = "sqlite:///{data}/omni.db"

[delivery]
unknown_wait_s = {{ email = 1 }}

[[hooks]]
id = "mail"
kind = "mime"
address = "hooked@example.test"
secrets = ["{hook_secret}"]

[bot]
kind = "echo"
"""
CHANNEL: Final = """
[[channels]]
id = "{name}"
platform = "email"
address = "{name}@example.test"
name = "{name} of the tests"
password = '{password}'
rate = {{ per_second = 2000, burst = 2000 }}
pair_rate = {{ per_second = 1000, burst = 1000 }}
imap = {{ host = "localhost", port = {imap}, tls = "implicit" }}
smtp = {{ host = "localhost", port = {smtp}, tls = "{tls}" }}
{more}
[[routes]]
match = {{ channel = "{name}" }}
to = "{to}"
"""


@frozen
class Desk:
    """One mail account of the gateway: `name` is its channel and its local part."""

    name: str
    bot: bool = True
    password: str = PASSWORD
    smtp_port: int = 0  # of a plain door; 0: Postfix' own, with TLS
    more: str = ""


# ---------------------------------------------------------------- the mail servers


@frozen
class Post:
    """The mail servers, and what customers do with them."""

    dovecot: Dovecot
    postfix: Postfix
    keeper: Gatekeeper

    def channel(self, desk: Desk) -> str:
        """The table of a channel."""
        return CHANNEL.format(
            name=desk.name,
            password=desk.password,
            imap=self.dovecot.imaps_port,
            smtp=desk.smtp_port or self.postfix.implicit,
            tls="plain" if desk.smtp_port else "implicit",
            more=desk.more,
            to="echo" if desk.bot else "none",
        )

    def sends(self, mail: EmailMessage | bytes, to: str, sender: str = "") -> None:
        """Hand a mail over as a customer's program does."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=policy.SMTP)
        with smtplib.SMTP("127.0.0.1", self.postfix.plain) as client:
            client.sendmail(sender or f"someone@{DOMAIN}", [to], raw)

    def writes(self, sender: str, to: str, text: str, **headers: str) -> str:
        """A customer writes; the Message-ID without its brackets."""
        mail = letter(sender, to, text, **headers)
        self.sends(mail, to, sender)
        return str(mail["Message-ID"]).strip("<>")

    @contextmanager
    def client(self, address: str) -> Iterator[IMAPClient]:
        """Another client of a mailbox."""
        with IMAPClient("127.0.0.1", self.dovecot.imap_port, ssl=False, timeout=20) as client:
            client.plain_login(address, PASSWORD)
            yield client

    def raws(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """What lies in a mailbox, in the order of its arrival."""
        with self.client(address) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def mails(self, address: str, folder: str = "INBOX") -> list[EmailMessage]:
        """The same, read."""
        return [read(raw) for raw in self.raws(address, folder)]

    def until(self, address: str, number: int = 1, folder: str = "INBOX") -> list[EmailMessage]:
        """The same, once there are so many."""

        def look() -> list[EmailMessage]:
            mails = self.mails(address, folder)
            return mails if len(mails) >= number else []

        found: list[EmailMessage] = eventually(look)
        assert found, f"{address} has {len(self.raws(address, folder))} of {number} in {folder}"
        return found


def letter(sender: str, to: str, text: str, **headers: str) -> EmailMessage:
    """A mail as a person writes one; `headers` by names with underscores."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    asked.setdefault("Date", format_datetime(datetime.now(UTC)))
    asked.setdefault("Subject", "Hello")
    asked.setdefault("Message-ID", f"<{next(_NUMBERS)}.{os.getpid()}@elsewhere.test>")
    for name, value in asked.items():
        mail[name] = value
    mail.set_content(text)
    return mail


def read(raw: bytes) -> EmailMessage:
    """A mail that is ours or a test's, which the standard library can read."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage) -> str:
    """What a mail says."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").strip()


def missing() -> str | None:
    """Why there can be no mail servers here; None: there can."""
    if program("dovecot") is None:
        return f"dovecot is not installed: apt-get install {PACKAGES}"
    return why_not()


@contextmanager
def open_post() -> Iterator[Post]:
    """The mail servers, on free ports, in folders of their own."""
    with ExitStack() as stack:
        dovecot = stack.enter_context(dovecot_running())
        keeper = stack.enter_context(gatekeeper())
        certificate = dovecot.certificate
        both = dovecot.folder / "both.pem"
        both.write_bytes(certificate.certificate.read_bytes() + certificate.key.read_bytes())
        both.chmod(0o600)
        ports = (dovecot.lmtp_port, dovecot.sasl_port, keeper.port)
        yield Post(dovecot, stack.enter_context(postfix(both, *ports)), keeper)


# ---------------------------------------------------------------- the gateway


@define
class Office:
    """The gateway with its mail accounts."""

    folder: Path
    post: Post
    desks: Sequence[Desk]
    process: subprocess.Popen[str] | None = None
    url: str = ""
    kept: httpx.Client | None = field(default=None, init=False)

    def write_config(self) -> None:
        """Write its config."""
        config = CONFIG.format(data=self.folder / "data", hook_secret=HOOK_SECRET)
        config += "".join([self.post.channel(desk) for desk in self.desks])
        self.config.write_text(config)

    def environment(self) -> dict[str, str]:
        """That of a program that trusts the mail servers."""
        trusted = str(self.post.dovecot.certificate.certificate)
        return environment() | {"SSL_CERT_FILE": trusted}

    def start(self) -> None:
        """Start it, again perhaps."""
        self.write_config()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command("serve", "--config", str(self.config)),
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment(),
                text=True,
            )
        assert self.process.stdout is not None
        line = next((each for each in self.process.stdout if LISTENING in each), "")
        assert line, self.log.read_text()[-2000:]
        self.url = line.partition(LISTENING)[2].strip()
        key = (self.folder / "data" / "operator.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        self.kept = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S, verify=TLS)

    @property
    def config(self) -> Path:
        """Its config."""
        return self.folder / "config.toml"

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.folder / "gateway.log"

    def kill(self) -> None:
        """SIGKILL."""
        self.ends(signal.SIGKILL)

    def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        assert self.process is not None
        assert self.kept is not None
        self.kept.close()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request as the operator."""
        assert self.kept is not None
        return self.kept.request(method, path, **options)

    def get(self, path: str, **query: Any) -> Any:
        """What the API answers to a GET that must work."""
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, desk: str, to: str, text: str, **more: Any) -> str:
        """Send a text by mail; the message's id."""
        body = {
            "to": {"channel_id": desk, "address": to},
            "content": {"type": "text", "text": text},
            **more,
        }
        answer = self.call("POST", "/v1/messages", json=body)
        assert answer.status_code == 202, answer.text
        message_id: str = answer.json()["id"]
        return message_id

    def message(self, message_id: str) -> dict[str, Any]:
        """A message as it is now."""
        found: dict[str, Any] = self.get(f"/v1/messages/{message_id}")
        return found

    def until_status(self, message_id: str, *wanted: str, within_s: float = PATIENCE_S) -> Any:
        """A message once it has one of these statuses."""

        def look() -> dict[str, Any]:
            message = self.message(message_id)
            return message if message["status"] in wanted else {}

        found = eventually(look, within_s)
        assert found, self.message(message_id)
        return found

    def events(self, *types: str, desk: str = "") -> list[dict[str, Any]]:
        """The event log, of one channel or of all."""
        found: list[dict[str, Any]] = []
        cursor = "0"
        while True:
            page = self.get("/v1/events", after=cursor, limit=200, types=",".join(types))
            found += page["items"]
            if page["cursor"] == cursor:
                return [each for each in found if desk in ("", each["channel_id"])]
            cursor = page["cursor"]

    def received(self, desk: str, number: int = 1) -> list[dict[str, Any]]:
        """The messages that came in at a desk, once there are so many."""

        def look() -> list[dict[str, Any]]:
            told = self.events("message.received", desk=desk)
            return told if len(told) >= number else []

        found = eventually(look)
        assert found, f"{len(self.events('message.received', desk=desk))} of {number} at {desk}"
        return [each["message"] for each in found]

    def heard(self, desk: str, words: str) -> dict[str, Any]:
        """The message that came in at a desk with these words."""

        def look() -> list[dict[str, Any]]:
            told = self.events("message.received", desk=desk)
            return [each["message"] for each in told if text(each["message"]) == words]

        found = eventually(look)
        assert found, f"nobody said {words!r} at {desk}"
        return dict(found[0])

    def channel(self, desk: str) -> dict[str, Any]:
        """A channel as the operator sees it."""
        found: dict[str, Any] = self.get(f"/v1/channels/{desk}")
        return found

    def until_channel(self, desk: str, **wanted: str) -> dict[str, Any]:
        """A channel once it is as wanted: `state`, or `mailbox` for what its mailbox does."""

        def look() -> dict[str, Any]:
            found = self.channel(desk)
            now = {"state": found["state"], "mailbox": (found["mailbox"] or {}).get("state")}
            return found if wanted.items() <= now.items() else {}

        found = eventually(look)
        assert found, self.channel(desk)
        return dict(found)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log that tell of an event."""
        return [line for line in log_lines(self.log) if line.get("event") == event]


def text(message: dict[str, Any]) -> str:
    """What a message says."""
    said: str = message["content"].get("text", "")
    return said.strip()


@contextmanager
def open_office(folder: Path, post: Post, *desks: Desk) -> Iterator[Office]:
    """The gateway at work; killed at the end."""
    office = Office(folder, post, desks)
    office.start()
    try:
        yield office
    finally:
        assert office.process is not None
        if office.process.poll() is None:
            office.kill()
