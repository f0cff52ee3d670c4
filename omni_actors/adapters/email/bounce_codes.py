"""What the status of a report of delivery means for the mail that it is about.

https://www.iana.org/assignments/smtp-enhanced-status-codes
"""

import re
from typing import Final, Literal, TypeAlias

from attrs import frozen

from omni_actors.model.failure import Failure, Kind, Reason

# Whether the address should be written to again: never, not after it has happened a few times, or
# as if nothing had been.
Suppress: TypeAlias = Literal["address", "repeated", "none"]
TEXT_MAX: Final = 1000


@frozen
class Meaning:
    """What a status means, and what to do about it."""

    reason: Reason
    suppress: Suppress
    sentence: str


NO_MAILBOX: Final = Meaning(
    Reason.RECIPIENT_INVALID,
    "address",
    "There is no such mailbox; ask the person for the right address, and do not write to it again.",
)
NO_HOST: Final = Meaning(
    Reason.RECIPIENT_INVALID,
    "address",
    "The address's domain takes no mail; ask the person for the right address.",
)
FULL: Final = Meaning(
    Reason.RECIPIENT_UNREACHABLE,
    "repeated",
    "The mailbox is full; write again in some days, or on another channel.",
)
DISABLED: Final = Meaning(
    Reason.RECIPIENT_UNREACHABLE,
    "repeated",
    "The mailbox takes no mails at present; write on another channel.",
)
POLICY: Final = Meaning(
    Reason.POLICY_REJECTED,
    "none",
    "The recipient's server refuses mails like this one; look at its answer, and at SPF, DKIM and "
    "DMARC of your domain.",
)
TOO_LARGE: Final = Meaning(
    Reason.MEDIA_TOO_LARGE,
    "none",
    "The mail is too large for the recipient's server; send a smaller file or a link.",
)
CONTENT: Final = Meaning(
    Reason.CONTENT_UNSUPPORTED,
    "none",
    "The recipient's server cannot take what the mail holds; send it in another form.",
)
TIRED: Final = Meaning(
    Reason.TIMED_OUT,
    "none",
    "The recipient's server could not be reached for so long that the mail was given up; send it "
    "again later.",
)
UNREACHABLE: Final = Meaning(
    Reason.RECIPIENT_UNREACHABLE,
    "none",
    "The mail did not arrive; the server's answer tells why.",
)

# The last two numbers of a status, or all that begin with the first of them.
_BY_STATUS: Final = {
    **dict.fromkeys(("1.1", "1.3", "1.6", "1.10"), NO_MAILBOX),
    **dict.fromkeys(("1.2", "4.4"), NO_HOST),
    "2.1": DISABLED,
    "2.2": FULL,
    **dict.fromkeys(("2.3", "3.4"), TOO_LARGE),
    "4.7": TIRED,
    "6": CONTENT,
    "7": POLICY,
}
# Of a status that says nothing, the words of the server; the first that it has counts.
_BY_WORDS: Final[tuple[tuple[Meaning, tuple[str, ...]], ...]] = (
    (
        FULL,
        (
            *("over quota", "quota exceeded", "mailbox full", "mailbox is full", "inbox is full"),
            *("over its quota", "exceeded storage", "insufficient storage", "is over the allowed"),
        ),
    ),
    (TOO_LARGE, ("too large", "too big", "size limit", "exceeds size", "message size")),
    (
        NO_MAILBOX,
        (
            *("user unknown", "unknown user", "no such user", "unknown recipient", "unknown local"),
            *("does not exist", "doesn't exist", "no mailbox here", "no such recipient"),
            *("not a valid mailbox", "recipient not found", "address not found"),
            *("no such mailbox", "invalid recipient", "mailbox not found", "user not found"),
            *("mailbox unavailable", "couldn't be found", "could not be found", "unrouteable"),
            *("unroutable", "user doesn't", "no such address", "not our customer"),
        ),
    ),
    (
        DISABLED,
        (
            *("account is disabled", "mailbox disabled", "account disabled", "is inactive"),
            *("account has been disabled", "account is suspended", "not active"),
        ),
    ),
    (
        NO_HOST,
        (
            *("host not found", "domain not found", "name service error", "no such domain"),
            *("couldn't find any host", "host unknown", "domain does not", "no mx"),
        ),
    ),
    (
        POLICY,
        (
            *("spam", "blocked", "blacklist", "blocklist", "policy", "reputation", "dmarc"),
            *("access denied", "not authorized", "rejected due to", "administrative prohibition"),
        ),
    ),
    (
        TIRED,
        (
            *("timed out", "timeout", "retry time", "too long in the queue", "expired"),
            *("in the queue too long", "on the queue too long", "retry limit"),
            *("connection refused", "could not be delivered for"),
        ),
    ),
)
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(r"(?<![\d.])([45]\d\d)(?=[ :-])")
# What says only that it is about the address, the mailbox, the server, and so on.
_VAGUE: Final = frozenset(("0.0", "1.0", "2.0", "3.0", "4.0", "5.0"))


def status_in(text: str) -> str:
    """The first status that a text names, such as `5.1.1`; empty when it names none."""
    found = _STATUS.search(text)
    if found is None:
        return ""
    return ".".join(str(int(each)) for each in found.groups())


def reply_in(text: str) -> str:
    """The first refusal of a server that a text names, such as `550`."""
    found = _REPLY.search(text)
    return found[1] if found else ""


def meaning(status: str, text: str) -> Meaning:
    """What a failure means, by its status, and by the server's words where that is vague.

    https://www.rfc-editor.org/rfc/rfc3463
    """
    subject, detail = _numbers(status)
    exact = f"{subject}.{detail}"
    if (subject or detail) and exact not in _VAGUE:
        tired = TIRED if subject == "4" and status.startswith("4") else None
        known = _BY_STATUS.get(exact) or _BY_STATUS.get(subject) or tired
        if known is not None:
            return known
    lower = text.lower()
    for known, words in _BY_WORDS:
        if any(word in lower for word in words):
            return known
    return UNREACHABLE


def _numbers(status: str) -> tuple[str, str]:
    parts = status.split(".")
    return (parts[1], parts[2]) if len(parts) == 3 else ("", "")


def failure(status: str, text: str) -> Failure:
    """A failure to deliver, for good: the servers have tried again as often as they want to."""
    known = meaning(status, text)
    return Failure(
        Kind.REJECTED,
        known.reason,
        code=status or reply_in(text) or None,
        text=text[:TEXT_MAX] or None,
        advice=known.sentence,
    )
