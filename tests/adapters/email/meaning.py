"""Mails as a test writes them: headers by name, and a body."""

from omni_actors.adapters.email.headers import Headers
from omni_actors.adapters.email.inbound import document, parse
from omni_actors.adapters.email.mime import read
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.model.ids import LENGTH
from omni_actors.model.reports import Received, Report
from omni_actors.policy.tokens import token_of

ADDRESS = "support@example.com"
JANE = "jane@mail.example"
TOKEN = token_of(b"k" * 32, "prt_" + "0" * LENGTH)
OWN_ID = f"c.{TOKEN}@example.com"
AT = 1795690000.0


def mail(*headers: str, body: str = "Hello", sender: str | None = JANE) -> bytes:
    """A mail to us."""
    given = [*headers, *([f"From: {sender}"] if sender else [])]
    return ("\n".join(given) + "\n\n" + body).encode()


def headers_of(*headers: str) -> Headers:
    return read(mail(*headers)).headers


def reports(raw: bytes, settings: EmailSettings | None = None) -> list[Report]:
    """What a mail becomes."""
    return list(parse(document(raw, ADDRESS, settings, AT, "b")))


def received(raw: bytes, settings: EmailSettings | None = None) -> Received:
    """The message that a mail becomes."""
    [report] = reports(raw, settings)
    assert isinstance(report, Received)
    return report
