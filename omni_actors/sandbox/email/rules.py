"""What a mail of the business must be like; a careful server refuses any other.

https://www.rfc-editor.org/rfc/rfc5322, https://www.rfc-editor.org/rfc/rfc2045
"""

import re
from collections import Counter
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from omni_actors.sandbox.email.heads import fields, split

LINE_BYTES_MAX = 998
NEEDED = ("date", "from", "to", "message-id", "subject")
ONCE = (
    *NEEDED, "sender", "reply-to", "cc", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding",
)  # fmt: skip
PARTS_MAX = 500

_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>")


class UnfitError(Exception):
    """The mail breaks a rule; the text says which."""


def check(raw: bytes, address: str, *, eight_bit: bool, utf8: bool) -> str:
    """Hold a mail against the rules; answers its Message-ID without brackets. Raises UnfitError."""
    _check_lines(raw, eight_bit=eight_bit or utf8)
    head, _ = split(raw)
    found = [name for name, _ in fields(head)]
    for name in NEEDED:
        _require(name in found, f"the header {name} is missing")
    for name, times in Counter(found).items():
        _require(times == 1 or name not in ONCE, f"the header {name} is there {times} times")
        _require(name not in ("bcc", "return-path"), f"the header {name} must not be sent")
    _require(utf8 or head.isascii(), "a header is not ASCII, and SMTPUTF8 was not asked for")
    mail = message_from_bytes(raw)
    _check_headers(mail, address)
    _check_parts(mail)
    return str(mail["message-id"]).strip()[1:-1]


def _require(truth: bool, sentence: str) -> None:
    if not truth:
        raise UnfitError(sentence)


def _check_lines(raw: bytes, *, eight_bit: bool) -> None:
    bare = raw.replace(b"\r\n", b"")
    _require(b"\r" not in bare and b"\n" not in bare, "a line ends with a CR or LF alone")
    _require(b"\0" not in bare, "it holds a NUL")
    longest = max((len(line) for line in raw.split(b"\r\n")), default=0)
    _require(longest <= LINE_BYTES_MAX, f"a line has {longest} bytes, over {LINE_BYTES_MAX}")
    _require(eight_bit or raw.isascii(), "it has 8-bit bytes without BODY=8BITMIME")


def _check_headers(mail: "Message[str, str]", address: str) -> None:
    people = getaddresses([str(mail["from"])])
    _require(len(people) == 1, "From must be one address")
    _require(people[0][1].lower() == address, f"From must be {address}, the account's address")
    _require(_is_date(str(mail["date"])), "Date is no date")
    message_id = str(mail["message-id"]).strip()
    _require(_ID.fullmatch(message_id) is not None, "Message-ID must be <left@right>")
    answered = str(mail["in-reply-to"] or "").strip()
    _require(not answered or _ID.fullmatch(answered) is not None, "In-Reply-To must be one id")
    references = str(mail["references"] or "").split()
    _require(all(map(_ID.fullmatch, references)), "References must be ids")
    _require(not answered or answered in references, "References lacks the id in In-Reply-To")


def _is_date(text: str) -> bool:
    try:
        return parsedate_to_datetime(text).tzinfo is not None
    except (ValueError, TypeError):
        return False


def _check_parts(mail: "Message[str, str]") -> None:
    _require(mail["mime-version"] is not None, "MIME-Version is missing")
    for count, part in enumerate(mail.walk(), start=1):
        _require(count <= PARTS_MAX, f"it has more than {PARTS_MAX} parts")
        if not part.is_multipart():
            part.get_payload(decode=True)  # which finds the defects of its encoding
        defects = [type(each).__name__ for each in part.defects]
        _require(not defects, f"a part of type {part.get_content_type()} has {defects}")
