"""What a client asks of a mail: its parts, its build, its addresses.

https://www.rfc-editor.org/rfc/rfc3501#section-7.4.2
"""

import re
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from itertools import pairwise
from typing import Final, TypeAlias

from attrs import frozen

from omni_actors.sandbox.email.heads import fields, split
from omni_actors.sandbox.email.mailbox import Stored
from omni_actors.sandbox.email.syntax import (
    SyntaxProblem,
    internal_date,
    literal,
    nstring,
)

Mime: TypeAlias = "Message[str, str]"

MACROS: Final = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
OLD: Final = {
    "RFC822": ("BODY[]", False),
    "RFC822.HEADER": ("BODY.PEEK[HEADER]", True),
    "RFC822.TEXT": ("BODY[TEXT]", False),
}
_SECTION = re.compile(
    r"BODY(?P<peek>\.PEEK)?\[(?P<part>(?:\d{1,4}\.)*\d{1,4})?\.?"
    r"(?P<what>HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)?"
    r"(?:\s*\((?P<names>[^)]*)\))?\](?:<(?P<from>\d{1,10})\.(?P<most>\d{1,10})>)?",
    re.IGNORECASE,
)


@frozen
class Section:
    """A piece of a mail: which part, what of it, which bytes of that."""

    peeks: bool
    part: str
    what: str
    names: tuple[str, ...]
    begins: int | None
    most: int

    @property
    def label(self) -> str:
        """How the answer names it."""
        inner = ".".join(each for each in (self.part, self.what) if each)
        names = f" ({' '.join(self.names)})" if self.what.startswith("HEADER.FIELDS") else ""
        return f"BODY[{inner}{names}]" + ("" if self.begins is None else f"<{self.begins}>")


def section(item: str) -> Section | None:
    """The piece that an item names; None when it is something else."""
    found = _SECTION.fullmatch(item)
    if found is None:
        return None
    what, part = (found["what"] or "").upper(), found["part"] or ""
    if what == "MIME" and not part:
        raise SyntaxProblem("MIME is of a part")
    names = tuple((found["names"] or "").replace('"', "").split())
    begins = None if found["from"] is None else int(found["from"])
    return Section(bool(found["peek"]), part, what, names, begins, int(found["most"] or 0))


def told(mail: Stored, item: str) -> bytes:
    """One item of a mail as an answer to FETCH. Raises SyntaxProblem for one that is none."""
    match item.upper():
        case "UID":
            return b"UID %d" % mail.uid
        case "FLAGS":
            return b"FLAGS (" + " ".join(sorted(mail.flags)).encode() + b")"
        case "INTERNALDATE":
            return f'INTERNALDATE "{internal_date(mail.at)}"'.encode()
        case "RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.raw)
        case "ENVELOPE":
            return b"ENVELOPE " + envelope(message_from_bytes(mail.raw))
        case "BODY" | "BODYSTRUCTURE" as name:
            built = structure(message_from_bytes(mail.raw), extended=name != "BODY")
            return name.encode() + b" " + built
        case old if old in OLD:
            wanted = section(OLD[old][0])
            assert wanted is not None
            return old.encode() + b" " + literal(_piece(mail.raw, wanted) or b"")
    wanted = section(item)
    if wanted is None:
        raise SyntaxProblem(f"FETCH has no item {item[:40]}")
    piece = _piece(mail.raw, wanted)
    if piece is not None and wanted.begins is not None:
        piece = piece[wanted.begins : wanted.begins + wanted.most]
    return wanted.label.encode() + b" " + (b"NIL" if piece is None else literal(piece))


def marks_seen(item: str) -> bool:
    """Whether asking for an item reads the mail."""
    if item.upper() in OLD:
        return not OLD[item.upper()][1]
    wanted = section(item)
    return wanted is not None and not wanted.peeks


def _piece(raw: bytes, wanted: Section) -> bytes | None:
    part = raw
    numbers = [int(each) for each in wanted.part.split(".") if each]
    for number in numbers:
        child = _child(part, number)
        if child is None:
            return None
        part = child
    head, body = _halves(part)
    if not wanted.what:
        return body if numbers else part
    if wanted.what == "MIME":
        return head + b"\r\n"
    if numbers:  # of the mail that the part holds
        head, body = _halves(body)
    if wanted.what == "TEXT":
        return body
    if wanted.what == "HEADER":
        return head + b"\r\n"
    names = {name.lower() for name in wanted.names}
    keeps = wanted.what == "HEADER.FIELDS"
    chosen = [written for name, written in fields(head) if (name in names) is keeps]
    return b"".join(chosen) + b"\r\n"


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    head, rest = split(raw)
    return head, rest.removeprefix(b"\r\n")


def _child(raw: bytes, number: int) -> bytes | None:
    """The part of this number with its own fields above it; a mail within a part is looked into."""
    mail = message_from_bytes(raw)
    if mail.get_content_type() == "message/rfc822":
        raw = split(raw)[1].removeprefix(b"\r\n")
        mail = message_from_bytes(raw)
    if not mail.is_multipart() or mail.get_content_type() == "message/rfc822":
        return raw if number == 1 else None
    parts = pieces(raw, mail.get_boundary() or "")
    return parts[number - 1] if 1 <= number <= len(parts) else None


def pieces(raw: bytes, boundary: str) -> list[bytes]:
    """The parts between the boundaries, byte for byte."""
    _, rest = split(raw)
    mark = re.escape(b"--" + boundary.encode("utf-8", "replace"))
    lines = [*re.finditer(rb"(?:\A|\r\n)" + mark + rb"(--)?[ \t]*(?=\r\n|\Z)", rest)]
    found = []
    for this, following in pairwise(lines):
        if this[1]:
            break
        found.append(rest[this.end() + 2 : following.start()])
    return found


def envelope(mail: Mime) -> bytes:
    """What stands on the outside of a mail."""
    sender = _people(mail, "from")
    listed = [
        nstring(_field(mail, "date")),
        nstring(_field(mail, "subject")),
        sender,
        sender if mail["sender"] is None else _people(mail, "sender"),
        sender if mail["reply-to"] is None else _people(mail, "reply-to"),
        *(_people(mail, name) for name in ("to", "cc", "bcc")),
        nstring(_field(mail, "in-reply-to")),
        nstring(_field(mail, "message-id")),
    ]
    return b"(" + b" ".join(listed) + b")"


def _field(mail: Mime, name: str) -> str | None:
    value = mail[name]
    return None if value is None else re.sub(r"\r?\n[ \t]*", " ", str(value)).strip()


def _people(mail: Mime, name: str) -> bytes:
    people = getaddresses([re.sub(r"\r?\n", "", str(each)) for each in mail.get_all(name, [])])
    told = []
    for shown, address in people:
        local, _, domain = address.rpartition("@")
        words = (shown or None, None, local or address, domain or None)
        told.append(b"(" + b" ".join(map(nstring, words)) + b")")
    return b"(" + b"".join(told) + b")" if told else b"NIL"


def structure(part: Mime, *, extended: bool) -> bytes:
    """How a mail is built."""
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        inner = b"".join(structure(each, extended=extended) for each in _parts(part))
        built = inner + b" " + nstring(part.get_content_subtype().upper())
        if extended:
            built += (
                b" " + _parameters(part, "content-type") + b" " + _disposition(part) + b" NIL NIL"
            )
        return b"(" + built + b")"
    return _leaf(part, extended=extended)


def _parts(part: Mime) -> list[Mime]:
    payload = part.get_payload()
    return (
        [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    )


def _leaf(part: Mime, *, extended: bool) -> bytes:
    content = _content(part)
    lines = b" %d" % content.count(b"\n")
    built = [
        nstring(part.get_content_maintype().upper()),
        nstring(part.get_content_subtype().upper()),
        _parameters(part, "content-type"),
        nstring(_field(part, "content-id")),
        nstring(_field(part, "content-description")),
        nstring((_field(part, "content-transfer-encoding") or "7bit").upper()),
        b"%d" % len(content),
    ]
    told = b" ".join(built)
    if part.get_content_type() == "message/rfc822" and _parts(part):
        inner = _parts(part)[0]
        told += b" " + envelope(inner) + b" " + structure(inner, extended=extended) + lines
    elif part.get_content_maintype() == "text":
        told += lines
    if extended:
        told += b" NIL " + _disposition(part) + b" NIL NIL"
    return b"(" + told + b")"


def _content(part: Mime) -> bytes:
    payload = part.get_payload()
    if isinstance(payload, list):
        return b"\r\n".join(each.as_bytes() for each in _parts(part))
    return str(payload or "").encode("utf-8", "surrogateescape")


def _parameters(part: Mime, header: str) -> bytes:
    pairs = (part.get_params(header=header) or [])[1:]
    if not pairs:
        return b"NIL"
    words = [nstring(_plain(each)) for name, value in pairs for each in (name.upper(), value)]
    return b"(" + b" ".join(words) + b")"


def _plain(value: str | tuple[str | None, str | None, str]) -> str:
    return value if isinstance(value, str) else value[2]


def _disposition(part: Mime) -> bytes:
    kind = part.get_content_disposition()
    if kind is None:
        return b"NIL"
    return b"(" + nstring(kind.upper()) + b" " + _parameters(part, "content-disposition") + b")"
