"""The fields above a mail as bytes: what servers on the way put there, and take away.

https://www.rfc-editor.org/rfc/rfc5321#section-4.4, https://www.rfc-editor.org/rfc/rfc8601
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

from attrs import frozen

_SERVER = re.compile(rb"\s*([^\s;]+)")
CHECKS = ("pass", "fail", "none")


@frozen
class Journey:
    """How a mail came: from whom to whom, by which server, how it was checked (`pass`, `fail`,
    `none`), at which unix second."""

    sender: str
    recipient: str
    host: str
    checked: str
    domain: str
    at: float
    id: str
    protocol: str = "ESMTPSA"


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The fields with their line ends, and all that follows them."""
    if raw.startswith(b"\r\n"):
        return b"", raw
    head, gap, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n", (b"\r\n" + body if gap else b"")


def fields(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Each field with its name in lower case, as it is written, folded lines and all."""
    for found in re.finditer(rb"[^\r\n][^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", head):
        name, _, _ = found[0].partition(b":")
        yield name.decode("ascii", "replace").strip().lower(), found[0]


def delivered(raw: bytes, journey: Journey) -> bytes:
    """A mail as it lies in a mailbox: with the trace of its journey, and with nothing in it that
    pretends to be of the server that puts it there."""
    head, rest = split(raw)
    host = journey.host.encode().lower()
    kept = [
        written
        for name, written in fields(head)
        if not (name == "return-path" or _pretends(name, written, host))
    ]
    return _trace(journey) + b"".join(kept) + rest


def _pretends(name: str, written: bytes, host: bytes) -> bool:
    if name != "authentication-results":
        return False
    server = _SERVER.match(written.partition(b":")[2])
    return server is not None and server[1].lower() == host


def _trace(way: Journey) -> bytes:
    mailed, signed, aligned = {
        "pass": ("pass", "pass", "pass"),
        "fail": ("softfail", "fail", "fail"),
        "none": ("none", "none", "none"),
    }[way.checked]
    lines = [
        f"Return-Path: <{way.sender}>",
        f"Delivered-To: {way.recipient}",
        f"Received: from client (localhost [127.0.0.1])\r\n\tby {way.host} with {way.protocol} "
        f"id {way.id}\r\n\tfor <{way.recipient}>; {stamp(way.at)}",
        f"Authentication-Results: {way.host};\r\n\tspf={mailed} smtp.mailfrom="
        f"{way.sender or way.host};\r\n\tdkim={signed} header.d={way.domain};\r\n\t"
        f"dmarc={aligned} header.from={way.domain}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def stamp(at: float) -> str:
    """A moment as mails write it."""
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
