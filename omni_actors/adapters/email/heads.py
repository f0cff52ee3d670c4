"""The headers of the mails that we send, and the thread that they make in people's programs.

Our ids are the part's token, so that whatever comes back proves what it answers.
https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from attrs import frozen

from omni_actors.adapters.contract import PartToSend
from omni_actors.adapters.email.letter import subject_of
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.adapters.email.subjects import bare, folded
from omni_actors.model.content import Content, Email
from omni_actors.model.json import JsonObject
from omni_actors.policy.fitting import one_line

REFERENCES_MAX: Final = 20
REFERENCES_CHARS_MAX: Final = 3000
ID_MAX: Final = 250
LOCAL_BYTES_MAX: Final = 64
AUTO_REPLIED: Final = "auto-replied"
AUTO_GENERATED: Final = "auto-generated"
# All but NDR: we want to hear of mails that do not arrive.
# https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxcmail/ced68690-498a-4567-9d14-5c01f974d8b1
NO_MACHINES: Final = "DR, RN, NRN, OOF, AutoReply"

_ID: Final = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@frozen
class Thread:
    """The thread that a mail continues, or begins: what it answers, oldest of its ids first.

    `kept`: the subject that was asked for stays unused, because it would leave the thread.
    """

    subject: str
    answers: str | None = None
    ids: tuple[str, ...] = ()
    kept: bool = False

    @property
    def shown(self) -> str:
        """The subject as it is sent."""
        return f"Re: {self.subject}".rstrip() if self.answers else self.subject

    def then(self, message_id: str) -> JsonObject:
        """What is to be told when the leg is written to again."""
        return {
            "subject": self.subject,
            "topic": folded(self.subject),
            "message_id": message_id,
            "references": [each for each in self.ids if each != message_id],
        }


def message_id_of(part: PartToSend, settings: EmailSettings) -> str:
    """The id of the mail, without its angle brackets."""
    return f"c.{part.token}@{settings.domain}"


def tagged(address: str, tag: str) -> str | None:
    """An address of ours with something behind its plus, which arrives all the same; None where
    that is longer than the part before the @ may be, so that servers refuse it (RFC 5321, 4.5.3).
    """
    local, _, domain = address.rpartition("@")
    named = f"{local}+{tag}"
    return f"{named}@{domain}" if len(named.encode()) <= LOCAL_BYTES_MAX else None


def thread_of(part: PartToSend, content: Content) -> Thread:
    """The thread that a part belongs to.

    A mail with a subject of its own begins a new one, unless it is sent as an answer: programs
    split a thread whose subject changes, so the first one stays.
    """
    known = part.thread or {}
    first = clean(_text(known.get("subject")))
    quoted = part.reply_to if part.reply_to and is_id(part.reply_to) else None
    last = quoted or next(iter(ids_in([known.get("message_id")])), None)
    asked = clean(content.subject) if isinstance(content, Email) else None
    differs = asked is not None and folded(asked) != folded(first)
    if last is None or (differs and quoted is None):
        return Thread(asked or subject_of(content, part.media) or "…")
    ids = (*ids_in(known.get("references")), *ids_in([known.get("message_id")]), last)
    subject = bare(first) if known else bare(asked or "")
    return Thread(subject, last, trimmed(ids), kept=differs and bool(known))


def clean(text: str) -> str:
    """Text on one line, without what no header may hold."""
    return one_line(_CONTROLS.sub(" ", text))


def is_id(text: str) -> bool:
    """Whether a text can stand as an id in a header."""
    return len(text) <= ID_MAX and bool(_ID.fullmatch(text))


def ids_in(value: object) -> tuple[str, ...]:
    """The ids of a list that can be written, each without its angle brackets."""
    listed = value if isinstance(value, list | tuple) else ()
    named = [each.strip().removeprefix("<").removesuffix(">") for each in listed if _text(each)]
    return tuple([each for each in named if is_id(each)])


def trimmed(ids: Iterable[str]) -> tuple[str, ...]:
    """Ids each once, the last place counting; of too many the first and the newest."""
    # A thread hangs on its first id, and each program looks for its answers at the end.
    first, *rest = reversed(dict.fromkeys(reversed([*ids])))
    room = REFERENCES_CHARS_MAX - len(first)
    kept: list[str] = []
    for each in reversed(rest[-(REFERENCES_MAX - 1) :]):
        room -= len(each) + 3
        if room < 0:
            break
        kept.insert(0, each)
    return (first, *kept)


def headers(
    part: PartToSend, content: Content, thread: Thread, to: str, settings: EmailSettings
) -> tuple[tuple[str, str], ...]:
    """The headers in the order in which they stand."""
    message_id = message_id_of(part, settings)
    references = thread.ids or (message_id,)
    made = [
        ("Date", format_datetime(datetime.fromtimestamp(int(part.asked_at), UTC))),
        ("From", mailbox(settings.name, settings.address)),
        ("To", to),
    ]
    if isinstance(content, Email) and content.cc:
        made.append(("Cc", ", ".join(content.cc)))
    answer = tagged(settings.address, f"c.{part.token}") if settings.plus_addresses else None
    if answer is not None:
        made.append(("Reply-To", mailbox(settings.name, answer)))
    made += [("Subject", thread.shown), ("Message-ID", f"<{message_id}>")]
    if thread.answers:
        made.append(("In-Reply-To", f"<{thread.answers}>"))
    # With our own id in it, an answer finds its way though a server on the way gave us another id.
    made.append(("References", " ".join([f"<{each}>" for each in references])))
    made += [] if part.human else machine(answers=thread.answers is not None)
    own = content.headers if isinstance(content, Email) else {}
    return (*made, *[(name, clean(_text(value))) for name, value in own.items()])


def machine(*, answers: bool) -> list[tuple[str, str]]:
    """What a mail carries that no person wrote, so that no machine answers it.

    What people write carries none of this, or their colleagues' programs take them for machines.
    https://www.rfc-editor.org/rfc/rfc3834#section-5
    """
    return [
        ("Auto-Submitted", AUTO_REPLIED if answers else AUTO_GENERATED),
        ("X-Auto-Response-Suppress", NO_MACHINES),
        ("Precedence", "bulk"),
    ]


def mailbox(name: str, address: str) -> str:
    """An address with the name that people see."""
    shown = clean(name)
    if not shown:
        return address
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
