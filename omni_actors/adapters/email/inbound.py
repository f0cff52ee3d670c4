"""A mail as what its sender tells us.

https://www.rfc-editor.org/rfc/rfc5322
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from attrs import field, frozen

from omni_actors.adapters.contract import Undecodable
from omni_actors.adapters.email.addresses import (
    Mailbox,
    address_within,
    identity,
    mailboxes,
)
from omni_actors.adapters.email.attachments import media_kind
from omni_actors.adapters.email.bounces import bounce_of, statuses
from omni_actors.adapters.email.fingerprints import event_key
from omni_actors.adapters.email.headers import (
    Headers,
    date_of,
    read_section,
    shown,
    words_decoded,
)
from omni_actors.adapters.email.html import safe
from omni_actors.adapters.email.machines import Written, is_own_list, own_id, written_by
from omni_actors.adapters.email.markup import Event, events_in
from omni_actors.adapters.email.mime import Attachment, Parsed, read
from omni_actors.adapters.email.quotes import Reply, reply
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.adapters.email.subjects import is_forward
from omni_actors.adapters.email.threads import clues, thread_of, token_in
from omni_actors.adapters.email.trust import (
    Result,
    Witness,
    results,
    told_of,
    trust_of,
    witness,
)
from omni_actors.adapters.reading import seconds
from omni_actors.model.content import Email, Media
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    Clue,
    MediaRef,
    Received,
    Report,
    StatusReported,
    Unsupported,
)
from omni_actors.model.states import PartStatus

NAME_MAX: Final = 200
SUBJECT_MAX: Final = 998
HEADER_MAX: Final = 2000
PEOPLE_MAX: Final = 100

STAND_IN_MAX: Final = 4096
STAND_IN_SUBJECT: Final = "Retrieval using the IMAP4 protocol failed for the following message"
STAND_IN: Final = (
    "the mail server could not convert the mail and handed over a note in its place; the mail can "
    "be read in Outlook, and moved back to be tried again"
)

# What a bot or a desk may want to know of a mail, by its usual name.
TOLD_HEADERS: Final = (
    "From",
    "To",
    "Reply-To",
    "Sender",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "List-Id",
    "Auto-Submitted",
    "Importance",
    "Delivered-To",
)


def document(
    raw: bytes, channel_key: str, settings: EmailSettings | None, at: float, blob: str
) -> Any:
    """A raw mail as what `parse` reads: whose mailbox it is and what that is configured with (if it
    is known), when it arrived (unix seconds; 0 when that is not known), and the blob of it.

    Raises Undecodable where the server has put a note of its own in the mail's place.
    """
    if is_stand_in(raw):
        raise Undecodable(STAND_IN)
    return {
        "raw": raw,
        "channel_key": channel_key,
        "at": at,
        "blob": blob,
        "provider": settings.provider if settings else "plain",
        "authserv_id": settings.trusted_authserv_id if settings else "",
        "subject_fallback": settings.subject_fallback if settings else False,
    }


def is_stand_in(raw: bytes) -> bool:
    """Whether it is what Exchange hands over instead of a mail that it cannot convert."""
    head = read_section(raw, 0, min(len(raw), STAND_IN_MAX)).headers
    return head.text("subject").startswith(STAND_IN_SUBJECT) and not (
        head.raw("received") or head.raw("message-id")
    )


@frozen
class Sender:
    """Who a mail is from. Without a mailbox nobody can be told, and `why` says it.

    `signs` are what makes the name or the address doubtful.
    """

    mailbox: Mailbox | None
    name: str | None = None
    signs: tuple[str, ...] = ()
    why: str = ""


@frozen
class Mail:
    """A mail, and what is known of it besides what it says."""

    parsed: Parsed
    channel_key: str
    arrived_at: float
    blob: str
    witness: Witness = field(factory=Witness)
    by_subject: bool = False

    @property
    def event_key(self) -> str:
        """By what the same mail is known."""
        return event_key(self.parsed)

    @property
    def external_id(self) -> str:
        """The Message-ID without its brackets, or a name that only these bytes have."""
        ids = self.parsed.headers.ids("message-id")
        return ids[0] if ids else f"sha256:{sha256(self.parsed.raw).hexdigest()}"


def parse(document: Json) -> Sequence[Report]:
    """The reports of one mail; anything is one."""
    given: Mapping[str, Any] = document if isinstance(document, dict) else {}
    raw = given.get("raw")
    mail = Mail(
        parsed=read(raw if isinstance(raw, bytes) else b""),
        channel_key=str(given.get("channel_key") or ""),
        arrived_at=seconds(given.get("at")),
        blob=str(given.get("blob") or ""),
        witness=witness(str(given.get("authserv_id") or ""), str(given.get("provider") or "")),
        by_subject=given.get("subject_fallback") is True,
    )
    return told(mail, sender_of(mail.parsed, mail.channel_key))


def told(mail: Mail, sender: Sender) -> Sequence[Report]:
    """What a mail is: what became of one of ours, one of ours that came back, or a message."""
    address = sender.mailbox.key if sender.mailbox else ""
    bounce = bounce_of(mail.parsed, address)
    if bounce is not None:
        found = list(statuses(bounce, mail.channel_key, mail.event_key, mail.arrived_at))
        return found or [unsupported(mail, "the report names no mail of ours", "bounce")]
    own = own_id(mail.parsed.headers, mail.channel_key)
    if own is not None:
        return [came_back(mail, own)]
    if sender.mailbox is None:
        return [unsupported(mail, sender.why)]
    return [received(mail, sender)]


def came_back(mail: Mail, message_id: str) -> StatusReported:
    """A mail of ours that we get ourselves, as a copy or in a loop: all it tells is that it was
    sent."""
    return StatusReported(
        channel_key=mail.channel_key,
        event_key=mail.event_key,
        at=mail.arrived_at,
        identities=(),
        external_id=message_id,
        status=PartStatus.SENT,
        clues=(Clue("own_id", message_id, token_in(message_id)),),
    )


# ---- who wrote


def sender_of(parsed: Parsed, account: str) -> Sender:
    """The one person in From; of several the one whom Sender names among them. Where a list of the
    account's own has put its address there, whoever wrote to the list.

    https://www.rfc-editor.org/rfc/rfc5322#section-3.6.2
    """
    fields = parsed.headers.every("from")
    people = [person for field in fields for person in mailboxes(field)]
    real = [person for person in people if person.address]
    signs = _signs(fields, people)
    if not real:
        why = "From names no address" if fields else "the mail has no From"
        return Sender(None, None, signs, why)
    keys = {person.key for person in real}
    if len(fields) > 1 or len(keys) > 1:
        said = [person.key for person in mailboxes(parsed.headers.written("sender"))]
        real = [person for person in real if said == [person.key] and len(fields) == 1]
    if not real:
        return Sender(None, None, signs, "From names several people, and Sender none of them")
    behind = _behind_list(parsed.headers, real[0], account)
    if behind is not None:
        return Sender(behind, _name(behind), (*signs, "through_list"))
    return Sender(real[0], _name(real[0]), signs)


def _behind_list(headers: Headers, person: Mailbox, account: str) -> Mailbox | None:
    """Who wrote what a list sends under its own address, as it must for people whose domain lets
    nobody else send (RFC 7489)."""
    domain = account.rpartition("@")[2]
    if person.key.rpartition("@")[2] != domain or not is_own_list(headers, account):
        return None
    for name in ("x-original-from", "reply-to"):
        named = [each for each in mailboxes(headers.written(name)) if each.address]
        others = {each.key: each for each in named if each.key.rpartition("@")[2] != domain}
        if len(others) == 1:
            return next(iter(others.values()))
    return None


def _signs(fields: Sequence[str], people: Sequence[Mailbox]) -> tuple[str, ...]:
    signs = {
        "several_from_fields": len(fields) > 1,
        "several_senders": len({person.key for person in people if person.address}) > 1,
        "ambiguous_from": any(person.ambiguous for person in people),
        "name_is_another_address": any(_pretends(person) for person in people),
    }
    return tuple(sign for sign, holds in signs.items() if holds)


def _pretends(person: Mailbox) -> bool:
    said = address_within(shown(words_decoded(person.name)))
    return bool(said) and said != person.key


def _name(person: Mailbox) -> str | None:
    """What somebody is called; not what only looks like somebody's address."""
    name = shown(words_decoded(person.name))[:NAME_MAX]
    return name if name and not address_within(name) else None


# ---- what they said


def received(mail: Mail, sender: Sender) -> Received:
    """The message that a mail is."""
    assert sender.mailbox is not None
    parsed, headers = mail.parsed, mail.parsed.headers
    by = written_by(headers, sender.mailbox.key, mail.channel_key)
    checks = results(headers, mail.witness)
    html = events_in(parsed.html)
    said = said_in(parsed, html, mail.channel_key)
    return Received(
        channel_key=mail.channel_key,
        event_key=mail.event_key,
        at=mail.arrived_at,
        identities=(identity(sender.mailbox.address),),
        external_id=mail.external_id,
        content=content(parsed, html, said),
        media=tuple(_ref(mail.blob, file) for file in parsed.attachments),
        name=sender.name,
        forwarded=said.forwards,
        notes=notes(mail, sender, by, checks),
        opens_window=not by.is_automatic,
        automatic=by.is_automatic,
        clues=clues(headers, by_subject=mail.by_subject),
        thread=thread_of(headers),
        trust=trust_of(checks, sender.mailbox.key, sender.signs),
    )


def said_in(parsed: Parsed, html: Sequence[Event] | None, account: str) -> Reply:
    """What the writer of a mail says, without what they quote."""
    subject, headers = parsed.headers.text("subject"), parsed.headers
    answers = headers.raw("in-reply-to") is not None or headers.raw("references") is not None
    forwards = is_forward(subject, answers=answers)
    return reply(parsed.text, html, account, forwards=forwards)


def content(parsed: Parsed, html: Sequence[Event] | None, said: Reply) -> Email:
    """What a mail holds."""
    ids = frozenset(file.content_id for file in parsed.attachments if file.content_id)
    headers = parsed.headers
    return Email(
        subject=headers.text("subject")[:SUBJECT_MAX],
        text=said.text,
        html=None if html is None else safe(html, ids),
        cc=tuple(p.address for p in mailboxes(headers.written("cc")) if p.address)[:PEOPLE_MAX],
        headers=told_headers(parsed),
        full_text=parsed.text if parsed.text != said.text else None,
        attachments=tuple(_medium(file) for file in parsed.attachments),
    )


def told_headers(parsed: Parsed) -> JsonObject:
    """The headers that tell something, as people read them."""
    told = {name: parsed.headers.text(name.lower())[:HEADER_MAX] for name in TOLD_HEADERS}
    return {name: value for name, value in told.items() if value}


def notes(mail: Mail, sender: Sender, by: Written, checks: Sequence[Result]) -> JsonObject:
    """What is to be known of a mail beside what it says."""
    parsed = mail.parsed
    written_at = date_of(parsed.headers)
    told: dict[str, Json] = {
        "message_id": mail.external_id,
        "kind": by.kind.value,
        "signs": list(by.signs),
        "checks": told_of(checks),
        "written_at": written_at or None,
        "problems": list(parsed.problems),
        "doubts": list(sender.signs),
        "signed": parsed.signed,
        "encrypted": parsed.encrypted,
        "parts": [
            {"part": file.part, "kind": file.kind, "filename": file.filename}
            for file in parsed.attachments
            if file.kind != "file"
        ],
    }
    return {"email": {name: value for name, value in told.items() if value}}


def unsupported(mail: Mail, why: str, kind: str = "mail") -> Unsupported:
    """A mail that is nobody's, or about nothing of ours; the bytes are in its intake."""
    subject = mail.parsed.headers.text("subject")[:SUBJECT_MAX]
    return Unsupported(
        channel_key=mail.channel_key,
        event_key=mail.event_key,
        at=mail.arrived_at,
        identities=(),
        kind=kind,
        reason=why,
        raw={"blob": mail.blob, "message_id": mail.external_id, "subject": subject},
    )


def _ref(blob: str, file: Attachment) -> MediaRef:
    ref: JsonObject = {"blob": blob, "part": file.part}
    return MediaRef(ref, mime=file.mime, size=file.size, filename=file.filename)


def _medium(file: Attachment) -> Media:
    return Media(
        media_kind(file.mime),
        filename=file.filename,
        mime=file.mime,
        size=file.size,
        content_id=file.content_id,
    )
