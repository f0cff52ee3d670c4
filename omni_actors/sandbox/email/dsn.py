"""Reports about mails that did or did not arrive.

https://www.rfc-editor.org/rfc/rfc3464, https://www.rfc-editor.org/rfc/rfc3461
"""

from hashlib import sha256

from attrs import frozen

from omni_actors.sandbox.email.heads import split, stamp


@frozen
class Report:
    """What became of a mail for one of those it was for.

    `action` is `failed` or `delivered`; `status` such as `5.1.1`, with `text` in words. `full`:
    the whole mail comes back, and not its headers alone.
    """

    host: str
    sender: str
    recipient: str
    action: str
    status: str
    text: str
    envelope_id: str
    full: bool
    at: float


WORDS = {
    "failed": ("Undelivered Mail Returned to Sender", "could not be delivered"),
    "delivered": ("Successful Mail Delivery Report", "was delivered"),
}


def report(of: Report, raw: bytes) -> bytes:
    """The mail that tells the sender."""
    subject, fate = WORDS[of.action]
    seed = f"{of.envelope_id} {of.recipient} {of.action} {of.at}".encode() + raw[:4096]
    mark = sha256(seed).hexdigest()[:24]
    boundary = f"report-{mark}"
    code = "550" if of.action == "failed" else "250"
    message = [f"Reporting-MTA: dns; {of.host}"]
    if of.envelope_id:
        message.append(f"Original-Envelope-Id: {of.envelope_id}")
    message.append(f"Arrival-Date: {stamp(of.at)}")
    person = [
        f"Final-Recipient: rfc822; {of.recipient}",
        f"Original-Recipient: rfc822; {of.recipient}",
        f"Action: {of.action}",
        f"Status: {of.status}",
        f"Remote-MTA: dns; mx.{of.recipient.rpartition('@')[2]}",
        f"Diagnostic-Code: smtp; {code} {of.status} {of.text}",
    ]
    head = [
        f"From: Mail Delivery System <MAILER-DAEMON@{of.host}>",
        f"To: {of.sender}",
        f"Subject: {subject}",
        f"Date: {stamp(of.at)}",
        f"Message-ID: <{mark}@{of.host}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
    ]
    words = f"Your message {fate}.\r\n\r\n<{of.recipient}>: {of.status} {of.text}\r\n"
    kind = "message/rfc822" if of.full else "text/rfc822-headers"
    original = raw if of.full else split(raw)[0]
    parts = [
        ("text/plain; charset=us-ascii", words.encode("ascii", "replace")),
        ("message/delivery-status", _block(message) + b"\r\n" + _block(person)),
        (kind, original),
    ]
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"
        for kind, content in parts
    )
    return _block(head) + b"\r\n" + body + f"--{boundary}--\r\n".encode()


def _block(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
