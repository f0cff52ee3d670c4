"""A mail as what its sender tells us.

https://www.rfc-editor.org/rfc/rfc5322
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from omni_actors.adapters.email.addresses import (
    Mailbox,
    address_within,
    identity,
    mailboxes,
)
from omni_actors.adapters.email.attachments import media_kind
from omni_actors.adapters.email.headers import date_of, shown, words_decoded
from omni_actors.adapters.email.html import safe
from omni_actors.adapters.email.mime import Attachment, Parsed, read
from omni_actors.adapters.reading import seconds
from omni_actors.model.content import Email, Media
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import MediaRef, Received, Report, Unsupported

NAME_MAX: Final = 200
SUBJECT_MAX: Final = 998
HEADER_MAX: Final = 2000
PEOPLE_MAX: Final = 100

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


def document(raw: bytes, channel_key: str, at: float, blob: str) -> Any:
    """A raw mail as what `parse` reads: whose mailbox it is, when it arrived (unix seconds; 0 when
    that is not known) and the blob that holds it."""
    return {"raw": raw, "channel_key": channel_key, "at": at, "blob": blob}


def parse(document: Json) -> Sequence[Report]:
    """The reports of one mail; anything is one."""
    given: Mapping[str, Any] = document if isinstance(document, dict) else {}
    raw = given.get("raw")
    mail = Mail(
        parsed=read(raw if isinstance(raw, bytes) else b""),
        channel_key=str(given.get("channel_key") or ""),
        arrived_at=seconds(given.get("at")),
        blob=str(given.get("blob") or ""),
    )
    sender = sender_of(mail.parsed)
    if sender.mailbox is None:
        return [unsupported(mail, sender.why)]
    return [received(mail, sender)]


@frozen
class Mail:
    """A mail, and what is known of it besides what it says."""

    parsed: Parsed
    channel_key: str
    arrived_at: float
    blob: str

    @property
    def at(self) -> float:
        """When it arrived; when it was written, if that is all that is known."""
        return self.arrived_at or date_of(self.parsed.headers)

    @property
    def external_id(self) -> str:
        """The Message-ID without its brackets, or a name that only these bytes have."""
        ids = self.parsed.headers.ids("message-id")
        return ids[0] if ids else f"sha256:{sha256(self.parsed.raw).hexdigest()}"


# ---- who wrote


@frozen
class Sender:
    """Who a mail is from. Without a mailbox nobody can be told, and `why` says it.

    `signs` are what makes the name or the address doubtful.
    """

    mailbox: Mailbox | None
    name: str | None = None
    signs: tuple[str, ...] = ()
    why: str = ""


def sender_of(parsed: Parsed) -> Sender:
    """The one person in From; of several the one whom Sender names among them.

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
    return Sender(real[0], _name(real[0]), signs)


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


def stripped(text: str, _html: str | None) -> str:
    """What the writer of a mail added to what it quotes."""
    return text


def received(mail: Mail, sender: Sender) -> Received:
    """The message that a mail is."""
    assert sender.mailbox is not None
    parsed = mail.parsed
    return Received(
        channel_key=mail.channel_key,
        event_key=f"mail:{fingerprint(parsed)}",
        at=mail.at,
        identities=(identity(sender.mailbox.address),),
        external_id=mail.external_id,
        content=content(parsed),
        media=tuple(_ref(mail.blob, file) for file in parsed.attachments),
        reply_to=answered(parsed),
        name=sender.name,
        notes=notes(mail, sender),
    )


def content(parsed: Parsed) -> Email:
    """What a mail says."""
    ids = frozenset(file.content_id for file in parsed.attachments if file.content_id)
    text = stripped(parsed.text, parsed.html)
    headers = parsed.headers
    return Email(
        subject=headers.text("subject")[:SUBJECT_MAX],
        text=text,
        html=None if parsed.html is None else safe(parsed.html, ids),
        cc=tuple(p.address for p in mailboxes(headers.written("cc")) if p.address)[:PEOPLE_MAX],
        headers=told_headers(parsed),
        full_text=parsed.text if parsed.text != text else None,
        attachments=tuple(_medium(file) for file in parsed.attachments),
    )


def told_headers(parsed: Parsed) -> JsonObject:
    """The headers that tell something, as people read them."""
    told = {name: parsed.headers.text(name.lower())[:HEADER_MAX] for name in TOLD_HEADERS}
    return {name: value for name, value in told.items() if value}


def answered(parsed: Parsed) -> str | None:
    """The external id of the message that a mail says it answers."""
    ids = parsed.headers.ids("in-reply-to")[:1] or parsed.headers.ids("references")[-1:]
    return ids[0] if ids else None


def fingerprint(parsed: Parsed) -> str:
    """What is the same whichever way a mail came: its hash without what servers add on the way."""
    headers = parsed.headers
    told = [headers.raw(name) or b"" for name in ("message-id", "date", "from", "subject")]
    body = parsed.raw[parsed.root.start : parsed.root.end].replace(b"\r\n", b"\n").rstrip(b"\r\n")
    return sha256(b"\0".join([*told, body])).hexdigest()


def notes(mail: Mail, sender: Sender) -> JsonObject:
    """What is to be known of a mail beside what it says."""
    parsed = mail.parsed
    written_at = date_of(parsed.headers)
    told: dict[str, Json] = {
        "message_id": mail.external_id,
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


def unsupported(mail: Mail, why: str) -> Unsupported:
    """A mail that is nobody's; the bytes are in its intake."""
    subject = mail.parsed.headers.text("subject")[:SUBJECT_MAX]
    return Unsupported(
        channel_key=mail.channel_key,
        event_key=f"mail:{fingerprint(mail.parsed)}",
        at=mail.at,
        identities=(),
        kind="mail",
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
