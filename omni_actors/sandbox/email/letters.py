"""The mails of customers, as their programs write them."""

import base64
import binascii
import html as markup
import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import Any

from attrs import frozen

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.email.heads import CHECKS, stamp
from omni_actors.sandbox.shapes import (
    Anything,
    Flag,
    Items,
    Number,
    Object,
    OneOf,
    ShapeError,
    Text,
)

ADDRESS = re.compile(r"[^\s@<>\"(),:;\\]{1,64}@[^\s@<>\"(),:;\\]{1,255}")
FILES_MAX = 100
COPIES_MAX = 100

_FILE = Object(
    {"content_base64": Text(most=150_000_000)},
    {
        "filename": Text(most=255),
        "mime_type": Text(most=127),
        "content_id": Text(most=200),
    },
)
KEYS: dict[str, Any] = {
    "name": Text(most=200),
    "to": Text(most=320),
    "cc": Items(Text(most=320)),
    "subject": Text(least=0, most=900),
    "text": Text(least=0, most=5_000_000),
    "html": Text(least=0, most=5_000_000),
    "attachments": Items(_FILE, most=FILES_MAX),
    "reply": Flag(),
    "in_reply_to": Text(most=900),
    "reply_to": Text(most=320),
    "quote": Flag(),
    "thread": Flag(),
    "message_id": Text(most=900),
    "timestamp": Number(least=0),
    "headers": Anything(),
    "checked": OneOf(CHECKS),
    "copies": Number(least=1, most=COPIES_MAX, whole=True),
}
SHAPE = Object({"from": Text(most=320)}, KEYS)
RAW_SHAPE = Object(
    {"from": Text(most=320)},
    {
        "raw": Text(most=50_000_000),
        "raw_base64": Text(most=70_000_000),
        "to": KEYS["to"],
        "checked": KEYS["checked"],
        "copies": KEYS["copies"],
    },
)


@frozen
class Earlier:
    """A mail that is answered: what its reader sees of it, and its id."""

    message_id: str
    seen: Mapping[str, Any]


@frozen
class Letter:
    """A mail on its way: its bytes and id, from whom to whom, how it will be checked, how often it
    arrives."""

    raw: bytes
    message_id: str
    sender: str
    recipient: str
    checked: str
    copies: int


def check(document: Mapping[str, Any]) -> str:
    """Who writes. Raises ControlError."""
    whole = "raw" in document or "raw_base64" in document
    try:
        (RAW_SHAPE if whole else SHAPE).check(document, "")
    except ShapeError as error:
        raise ControlError(f"{error.details} See docs/sandbox.md, Mail.") from None
    return address(document["from"], "from")


def address(text: str, key: str) -> str:
    """A mail address in lower case. Raises ControlError."""
    if not ADDRESS.fullmatch(text):
        raise ControlError(f"`{key}` must be a mail address, such as ada@example.org")
    return text.lower()


def as_it_is(document: Mapping[str, Any], sender: str, to: str) -> Letter:
    """A mail whose every byte was given. Raises ControlError."""
    if "raw" in document:
        raw = document["raw"].encode("utf-8", "surrogateescape")
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    else:
        raw = decoded(document["raw_base64"], "raw_base64")
    found = re.search(rb"^message-id:\s*<([^<>\s]+)>", raw, re.IGNORECASE | re.MULTILINE)
    message_id = found[1].decode("utf-8", "replace") if found else ""
    return _letter(document, raw, message_id, sender, to)


def written(
    document: Mapping[str, Any], sender: str, to: str, earlier: Earlier | None, at: float, mark: str
) -> Letter:
    """A mail of a customer's program. Raises ControlError."""
    message_id = document.get("message_id") or f"{mark}@mail.{sender.rpartition('@')[2]}"
    to = address(document["to"], "to") if "to" in document else _answer_to(earlier) or to
    mail = EmailMessage(policy=SMTP)
    try:
        _address(mail, document, sender, to, at)
        mail["Message-ID"] = f"<{message_id.strip('<>')}>"
        _thread(mail, document, earlier)
        for name, value in _headers(document):
            mail[name] = value
        _content(mail, document, earlier)
        raw = mail.as_bytes()
    except (ValueError, LookupError, TypeError) as error:
        raise ControlError(f"this makes no mail: {error}") from None
    return _letter(document, raw, message_id.strip("<>"), sender, to)


def _letter(
    document: Mapping[str, Any], raw: bytes, message_id: str, sender: str, to: str
) -> Letter:
    checked = document.get("checked", "pass")
    return Letter(raw, message_id, sender, to, checked, document.get("copies", 1))


def _answer_to(earlier: Earlier | None) -> str | None:
    """Where a program sends an answer: to the mail's Reply-To, else to whom it is from."""
    if earlier is None:
        return None
    asked = earlier.seen.get("reply_to") or earlier.seen["from"]
    return getaddresses([str(asked)])[0][1]


def _address(
    mail: EmailMessage, document: Mapping[str, Any], sender: str, to: str, at: float
) -> None:
    mail["Date"] = stamp(document.get("timestamp", at))
    mail["From"] = Address(document.get("name", ""), addr_spec=sender)
    mail["To"] = to
    if "cc" in document:
        mail["Cc"] = ", ".join(address(each, "cc") for each in document["cc"])
    if "reply_to" in document:
        mail["Reply-To"] = address(document["reply_to"], "reply_to")


def _thread(mail: EmailMessage, document: Mapping[str, Any], earlier: Earlier | None) -> None:
    if earlier is None:
        mail["Subject"] = document.get("subject", "")
        return
    first = str(earlier.seen.get("subject", ""))
    usual = first if first.lower().startswith("re:") else f"Re: {first}"
    mail["Subject"] = document.get("subject", usual)
    if document.get("thread", True):
        mail["In-Reply-To"] = f"<{earlier.message_id}>"
        chain = [*str(earlier.seen.get("references", "")).split(), f"<{earlier.message_id}>"]
        mail["References"] = " ".join(dict.fromkeys(chain))


def _headers(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = document.get("headers", {})
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise ControlError("`headers` must be a JSON object of texts")
    return list(given.items())


def _content(mail: EmailMessage, document: Mapping[str, Any], earlier: Earlier | None) -> None:
    text, html = document.get("text"), document.get("html")
    if earlier is not None and document.get("quote", True):
        text = None if text is None else _quoted(text, earlier)
        html = None if html is None else _quoted_html(html, earlier)
    if text is not None or html is None:
        mail.set_content(text or "", cte=None if (text or "").isascii() else "quoted-printable")
    if html is not None and text is not None:
        mail.add_alternative(html, subtype="html")
    elif html is not None:
        mail.set_content(html, subtype="html")
    for file in _files(document):
        _attach(mail, file)


def _quoted(text: str, earlier: Earlier) -> str:
    seen = earlier.seen
    lines = [f"> {line}".rstrip() for line in str(seen.get("text") or "").splitlines()]
    return f"{text}\n\nOn {seen['date']}, {seen['from']} wrote:\n\n" + "\n".join(lines) + "\n"


def _quoted_html(html: str, earlier: Earlier) -> str:
    seen = earlier.seen
    inner = seen.get("html") or f"<pre>{markup.escape(str(seen.get('text') or ''))}</pre>"
    who = markup.escape(f"On {seen['date']}, {seen['from']} wrote:")
    style = "margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex"
    return (
        f'<div dir="ltr">{html}</div><br><div class="gmail_quote"><div dir="ltr" '
        f'class="gmail_attr">{who}<br></div><blockquote class="gmail_quote" style="{style}">'
        f"{inner}</blockquote></div>"
    )


def _files(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed: list[Mapping[str, Any]] = document.get("attachments", [])
    return listed


def _attach(mail: EmailMessage, file: Mapping[str, Any]) -> None:
    content = decoded(file["content_base64"], "content_base64")
    kind, _, subtype = file.get("mime_type", "application/octet-stream").partition("/")
    if not subtype:
        raise ControlError("`mime_type` must be a type such as application/pdf")
    cid = file.get("content_id")
    more: dict[str, Any] = {"cid": f"<{cid}>", "disposition": "inline"} if cid else {}
    filename = file.get("filename")
    if kind == "message":  # the library would want the mail taken apart
        kind, subtype = "application", "octet-stream"
    mail.add_attachment(content, maintype=kind, subtype=subtype, filename=filename, **more)


def decoded(text: str, key: str) -> bytes:
    """Bytes in base64. Raises ControlError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ControlError(f"`{key}` must be base64") from None
