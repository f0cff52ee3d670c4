"""What a mail answers, as far as it says, and what continues its thread.

Nothing here is believed: these are clues, which the house verifies.
https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from omni_actors.adapters.email.headers import Headers
from omni_actors.adapters.email.subjects import bare, folded, is_reply
from omni_actors.model.ids import ALPHABET, LENGTH
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Clue
from omni_actors.policy.tokens import CHECK_LENGTH

TOKEN: Final = f"[{ALPHABET}]{{{LENGTH}}}[a-z2-7]{{{CHECK_LENGTH}}}"
ANSWERED_MAX: Final = 5
REFERENCES_MAX: Final = 20
REFERENCES_CHARS_MAX: Final = 4096
TOKENS_MAX: Final = 10

# Whom a mail was for, in the words of whoever had it in hand.
RECIPIENT_FIELDS: Final = (
    "to",
    "cc",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "received",
)
# The plus ahead of it is lost on some ways, and the @ is written otherwise on others.
_TAG = re.compile(rf"([cb])\.({TOKEN})(?=[@=])", re.IGNORECASE)
_OWN_ID = re.compile(rf"c\.({TOKEN})@[^@\s]+", re.IGNORECASE)
_RULES: Final = {"c": "reply_token", "b": "bounce_token"}


def token_in(message_id: str) -> str | None:
    """The token of a mail's id that looks like one of ours."""
    found = _OWN_ID.fullmatch(message_id)
    return found[1].lower() if found else None


def clues(headers: Headers, *, by_subject: bool = False) -> tuple[Clue, ...]:
    """What a mail may answer, the surest first: the address that it went to, then the ids that it
    names, the nearest first. `by_subject`: if it names nothing, then the mail of its subject."""
    found = list(tags(headers))
    seen: set[str] = set()
    for rule, message_id in _named(headers):
        if message_id not in seen:
            seen.add(message_id)
            found.append(Clue(rule, message_id, token_in(message_id)))
    subject = headers.text("subject")
    if by_subject and not found and is_reply(subject) and folded(subject):
        found.append(Clue("subject", subject=folded(subject)))
    return tuple(found)


def tags(headers: Headers) -> Iterator[Clue]:
    """The tokens in the addresses that a mail went to."""
    found = dict.fromkeys(_tags(headers))
    for kind, token in [*found][:TOKENS_MAX]:
        yield Clue(_RULES[kind], token=token)


def _tags(headers: Headers) -> Iterator[tuple[str, str]]:
    for name in RECIPIENT_FIELDS:
        for written in headers.every(name):
            for kind, token in _TAG.findall(written):
                yield kind.lower(), token.lower()


def _named(headers: Headers) -> Iterator[tuple[str, str]]:
    for message_id in headers.ids("in-reply-to")[:ANSWERED_MAX]:
        yield "in_reply_to", message_id
    size = 0
    for message_id in reversed(headers.ids("references")[-REFERENCES_MAX:]):
        size += len(message_id)
        if size > REFERENCES_CHARS_MAX:
            break
        yield "references", message_id


def thread_of(headers: Headers) -> JsonObject:
    """What a mail that answers this one needs to stay in its thread."""
    own = headers.ids("message-id")[:1]
    before = headers.ids("references") or headers.ids("in-reply-to")[:1]
    return {
        "subject": bare(headers.text("subject")),
        "topic": folded(headers.text("subject")),
        "message_id": own[0] if own else None,
        "references": _first_and_last(before),
    }


def _first_and_last(ids: Iterable[str]) -> list[str]:
    """A thread hangs on its first id, and each program looks for its answers at the end."""
    each = [*dict.fromkeys(ids)]
    return each if len(each) <= REFERENCES_MAX else [each[0], *each[1 - REFERENCES_MAX :]]
