"""What reading a mail costs: ordinary ones beside the standard library's parser, and the worst that
somebody could make of a megabyte.

The ordinary mails are of a kind that customers write: text and HTML with the conversation quoted,
one in five with a picture and a file of 60 KB. The standard library only decodes their parts.
"""

import email
import gc
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from time import process_time
from typing import Final

from bench.report import Row, Yardstick, median, rate_at_least, time_at_most
from omni_actors.adapters.email.inbound import document, parse
from omni_actors.model.reports import Received

ORDINARY_PER_S_MIN: Final = 300.0
WORST_US_MAX: Final = 1e6
MEGABYTE: Final = 1_000_000

_FROM = b"From: a@mail.example\nMessage-ID: <a@mail.example>\n"
_HTML = _FROM + b"Content-Type: text/html\n\n"
_TYPED = _FROM + b"Content-Type: "
_MIXED = _TYPED + b"multipart/mixed; boundary=x\n\n"
# What takes the usual libraries longest: a head, and what is repeated after it.
HOSTILE: Final[Sequence[tuple[str, bytes, bytes]]] = (
    ("escapes in From", b"From: ", b'"\\'),
    ("comments in From", b"From: ", b"("),
    ("recipients", _FROM + b"Cc: ", b"a@b.example, "),
    ("encoded words", _FROM + b"Subject: ", b"=?utf-8?q?a?= "),
    ("header fields", _FROM, b"A: b\n"),
    ("folded lines", _FROM + b"A: b\n", b" x\n"),
    ("parameters", _TYPED + b"multipart/mixed; boundary=x", b"; a=b"),
    ("delimiters", _MIXED, b"--x\n"),
    ("delimiters of nothing", _MIXED, b"--y\n"),
    ("parts of HTML", _MIXED, b"--x\nContent-Type: text/html\n\n<b>x\n"),
    ("nested parts", _FROM, b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"),
    ("padding", _FROM + b"Content-Transfer-Encoding: base64\n\n", b"A="),
    ("shifts of a charset", _TYPED + b"text/plain; charset=iso-2022-jp\n\n", b"\x1b$B"),
    ("flowed quotes", _TYPED + b"text/plain; format=flowed\n\n", b">\n>>"),
    ("nested div", _HTML, b"<div>"),
    ("nested tables", _HTML, b"<table><tr><td>"),
    ("formatting across paragraphs", _HTML, b"<b><p>x</b>"),
    ("links", _HTML, b"<a href=x>y"),
    ("tags without an end", _HTML, b"<a "),
    ("entities", _HTML, b"&amp"),
    ("as many tags as are gone through", _HTML, b'<p style="color:red">' + b"x" * 30),
    (
        "as many links as are gone through",
        _HTML,
        b'<a href="https://x.example/">y</a> ' + b"x" * 75,
    ),
)


def run(*, quick: bool) -> list[Row]:
    """Measure; `quick` is too short to be quoted."""
    yard = Yardstick()
    yard.look(3)
    mails = [ordinary(number) for number in range(20 if quick else 200)]
    rounds = 1 if quick else 5
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(len(mails) / spent(read, mails))
        theirs.append(len(mails) / spent(decode, mails))
    worst = [(spent(read, [raw]), name) for name, raw in hostile(quick=quick)]
    yard.look(3)
    return [
        yard.row(),
        Row("ordinary mails, decoded by the standard library", median(theirs), "/s"),
        rate_at_least(
            "ordinary mails, read whole",
            median(ours),
            there=median(ours) * yard.slowness,
            least=ORDINARY_PER_S_MIN,
            ratio=median(ours) / median(theirs),
            against="standard library",
            void=yard.void,
        ),
        *[
            time_at_most(
                f"1 MB of {name}",
                1e6 * s,
                most=WORST_US_MAX,
                slowness=yard.slowness,
                void=yard.void,
            )
            for s, name in sorted(worst, reverse=True)[:5]
        ],
    ]


def ordinary(number: int) -> bytes:
    """A customer's mail."""
    mail = EmailMessage()
    mail["From"] = f'"Customer {number}" <customer{number}@mail.example>'
    mail["To"] = "Support <support@example.com>"
    mail["Subject"] = f"Re: Bestellung {number} – Rückfrage"
    mail["Date"] = "Thu, 26 Nov 2026 10:00:00 +0100"
    mail["Message-ID"] = f"<{number}@mail.example>"
    mail["In-Reply-To"] = "<c.first@example.com>"
    said = "Guten Tag, die Tasse ist leider zerbrochen. Können Sie mir helfen? " * 5
    quoted = "Am Donnerstag schrieb Support:\n" + "> Wie können wir Ihnen weiterhelfen?\n" * 20
    mail.set_content(f"{said}\n\n{quoted}")
    lines = "".join(
        f'<p style="margin:0"><span style="color:#222">{said}</span></p>' for _ in range(10)
    )
    mail.add_alternative(
        f"<html><head><style>p {{ margin: 0 }}</style></head><body><div>{lines}</div>"
        f"<blockquote type=cite>{lines}<table><tr><td>Support<td>example.com</table></blockquote>"
        f"</body></html>",
        subtype="html",
    )
    if number % 5 == 0:
        mail.add_attachment(bytes(range(256)) * 240, "image", "jpeg", filename="Tasse.jpg")
        mail.add_attachment(b"%PDF-1.7" * 7500, "application", "pdf", filename="Rechnung.pdf")
    return mail.as_bytes()


def hostile(*, quick: bool) -> list[tuple[str, bytes]]:
    """Mails made to take long."""
    size = MEGABYTE // 100 if quick else MEGABYTE
    return [(name, head + unit * (size // len(unit))) for name, head, unit in HOSTILE]


def read(raw: bytes) -> None:
    """Everything that is done with a mail before it is stored."""
    reports = parse(document(raw, "support@example.com", None, 0.0, "0" * 64))
    assert len(reports) == 1


def decode(raw: bytes) -> None:
    """What the standard library does for the same mail."""
    for part in email.message_from_bytes(raw).walk():
        part.get_payload(decode=True)


def spent(work: Callable[[bytes], None], mails: Sequence[bytes]) -> float:
    """The seconds of this process's own that mails take, one after the other."""
    gc.collect()
    began = process_time()
    for mail in mails:
        work(mail)
    return process_time() - began


def is_read(raw: bytes) -> bool:
    """Whether a mail becomes a message."""
    [report] = parse(document(raw, "support@example.com", None, 0.0, "0" * 64))
    return isinstance(report, Received)
