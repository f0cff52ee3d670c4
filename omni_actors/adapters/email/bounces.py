"""What became of a mail of ours, as the servers and programs on its way report it.

Whoever reports proves nothing, so every report brings clues to the mail that it is about; without
one that holds it changes nothing.
https://www.rfc-editor.org/rfc/rfc3464 https://www.rfc-editor.org/rfc/rfc5965
https://www.rfc-editor.org/rfc/rfc8098
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

from attrs import evolve, frozen

from omni_actors.adapters.email import bounce_texts, transfer
from omni_actors.adapters.email.addresses import identity, mailboxes, normalised
from omni_actors.adapters.email.bounce_codes import failure, meaning, status_in
from omni_actors.adapters.email.headers import Headers, read_section, shown
from omni_actors.adapters.email.machines import is_daemon, is_from_nobody
from omni_actors.adapters.email.mime import Parsed
from omni_actors.adapters.email.structure import Part
from omni_actors.adapters.email.threads import TOKEN, tags, token_in
from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Clue, StatusReported
from omni_actors.model.states import PartStatus

RECIPIENTS_MAX: Final = 50
IDS_MAX: Final = 5
DECODED_MAX: Final = 1_000_000
DIAGNOSTIC_MAX: Final = 2000

_REPORTS: Final = {
    "message/delivery-status": "delivery",
    "message/global-delivery-status": "delivery",
    "message/disposition-notification": "reading",
    "message/global-disposition-notification": "reading",
    "message/feedback-report": "complaint",
}
_ORIGINALS: Final = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
)
_ID = re.compile(rb"c\." + TOKEN.encode() + rb"@[A-Za-z0-9.\[\]:_-]{1,255}", re.IGNORECASE)
_ID_LINE = re.compile(
    rb"(?:^|\n)[> \t]*Message-I[dD]:[ \t]*(?:\r?\n[ \t]+)?<?(" + _ID.pattern + rb")", re.I
)
_COMPLAINTS: Final = (
    "abuse",
    "fraud",
    "virus",
    "other",
    "opt-out",
    "opt-out-list",
    "miscategorized",
)


@frozen
class Fate:
    """What became of a mail for one address. `action` is as in RFC 3464, or `displayed`,
    `complained`; `copy`: it was not the one whom the mail was for."""

    address: str
    action: str
    status: str = ""
    text: str = ""
    copy: bool = False


@frozen
class Bounce:
    """A report on a mail: of what kind, by what it is seen, the clues to the mail, and what became
    of it."""

    kind: Literal["delivery", "reading", "complaint"]
    form: str
    clues: tuple[Clue, ...] = ()
    fates: tuple[Fate, ...] = ()


def bounce_of(parsed: Parsed, sender: str) -> Bounce | None:
    """The report that a mail is; None when it is something else."""
    found = _structured(parsed, sender) or _spoken(parsed, sender)
    if found is None:
        return None
    to, copies = _originally_for(parsed)
    fates = [evolve(fate, copy=fate.address in copies - to) for fate in found.fates]
    return evolve(found, fates=tuple(fates[:RECIPIENTS_MAX]), clues=_clues(parsed))


# ---- reports with a form


def _structured(parsed: Parsed, sender: str) -> Bounce | None:
    is_report = parsed.root.mime == "multipart/report"
    if not (is_report or is_daemon(sender) or is_from_nobody(parsed.headers)):
        return None
    for part in parsed.root.walk():
        match _REPORTS.get(part.mime):
            case "delivery":
                return Bounce("delivery", "dsn", fates=tuple(_deliveries(parsed, part)))
            case "reading":
                return Bounce("reading", "mdn", fates=tuple(_reading(parsed, part)))
            case "complaint":
                return Bounce("complaint", "arf", fates=tuple(_complaint(parsed, part)))
    return None


def _groups(parsed: Parsed, part: Part) -> Iterator[Headers]:
    """The groups of fields in a report, which empty lines divide."""
    data = transfer_decoded(parsed, part)
    at = 0
    for _ in range(2 * RECIPIENTS_MAX):
        while data[at : at + 1] in (b"\r", b"\n"):
            at += 1
        if at >= len(data):
            return
        section = read_section(data, at, len(data))
        yield section.headers
        if section.body <= at:
            return
        at = section.body


def _deliveries(parsed: Parsed, part: Part) -> Iterator[Fate]:
    for group in _groups(parsed, part):
        action = group.text("action").partition(" ")[0].lower()
        address = _typed(group, "original-recipient") or _typed(group, "final-recipient")
        if not (address or action):
            continue
        text = _diagnosis(group)
        status = status_in(group.text("status"))
        if not action:
            action = {"2": "delivered", "4": "delayed"}.get(status[:1], "failed")
        yield Fate(address, action, _sharper(status, text), text)


def _sharper(status: str, text: str) -> str:
    """A status that says something, where the server's words have one."""
    return status_in(text) or status if status.endswith(".0.0") or not status else status


def _diagnosis(group: Headers) -> str:
    written = group.text("diagnostic-code")[:DIAGNOSTIC_MAX]
    kind, semicolon, text = written.partition(";")
    return text.strip() if semicolon and len(kind) < 30 else written


def _typed(group: Headers, name: str) -> str:
    """An address behind its type, such as `rfc822;jane@example.com`; empty where there is none."""
    written = group.text(name)
    return _address(written.partition(";")[2] or written)


def _address(written: str) -> str:
    found = [person for person in mailboxes(shown(written)[:500]) if person.address]
    return found[0].key if found else ""


def _reading(parsed: Parsed, part: Part) -> Iterator[Fate]:
    for group in _groups(parsed, part):
        disposition = group.text("disposition").partition(";")[2].partition("/")[0].strip().lower()
        if disposition:
            address = _typed(group, "original-recipient") or _typed(group, "final-recipient")
            # A mail that was thrown away unread has arrived all the same.
            yield Fate(address, "displayed" if disposition == "displayed" else "delivered")


def _complaint(parsed: Parsed, part: Part) -> Iterator[Fate]:
    for group in _groups(parsed, part):
        kind = group.text("feedback-type").lower()
        if kind in _COMPLAINTS:
            yield Fate(_typed(group, "original-rcpt-to"), "complained", text=kind)


# ---- reports in words


def _spoken(parsed: Parsed, sender: str) -> Bounce | None:
    if not (is_daemon(sender) or is_from_nobody(parsed.headers)):
        return None
    failed = [p.key for p in mailboxes(parsed.headers.written("x-failed-recipients")) if p.address]
    found = bounce_texts.read(parsed.text, parsed.headers.text("subject"), failed)
    if found is None or (found.form == bounce_texts.OTHER and not is_daemon(sender)):
        return None
    addresses = [normalised(each) for each in found.addresses] or [""]
    action = "delayed" if found.delayed else "failed"
    fates = [Fate(each, action, found.status, found.text) for each in addresses]
    return Bounce("delivery", found.form, fates=tuple(fates))


# ---- which mail it is about


def _clues(parsed: Parsed) -> tuple[Clue, ...]:
    """The clues to the mail, the surest first."""
    found = [evolve(clue, rule="bounce_token") for clue in tags(parsed.headers)]
    for part in parsed.root.walk():
        if part.mime in _REPORTS:
            envelope = next(iter(_groups(parsed, part)), Headers()).text("original-envelope-id")
            if token_in(f"c.{envelope}@x"):
                found.append(Clue("envelope_id", token=envelope.lower()))
    for message_id in _original_ids(parsed):
        found.append(Clue("original_id", message_id, token_in(message_id)))
    return tuple(dict.fromkeys(found))


def _original_ids(parsed: Parsed) -> list[str]:
    """Our ids in a report: those that stand as a Message-ID, else any. What is returned names the
    mails before it, too, in its References."""
    texts = [parsed.raw[parsed.root.start :], *_encoded(parsed)]
    own = [found for text in texts for found in _ID_LINE.findall(text)]
    own = own or [found for text in texts for found in _ID.findall(text)]
    for name in ("in-reply-to", "references"):
        own += [each.encode() for each in parsed.headers.ids(name) if token_in(each)]
    ids = dict.fromkeys(each.decode("ascii", "ignore").rstrip(".") for each in own)
    return [each for each in ids if token_in(each)][:IDS_MAX]


def _encoded(parsed: Parsed) -> Iterator[bytes]:
    """What cannot be read in the raw mail, decoded."""
    for part in parsed.root.walk():
        if part.encoding in ("base64", "quoted-printable") and not part.parts:
            yield transfer_decoded(parsed, part)


def transfer_decoded(parsed: Parsed, part: Part) -> bytes:
    """The first megabyte of a part."""
    found: list[bytes] = []
    size = 0
    for piece in transfer.pieces(parsed.raw, part.start, part.end, part.encoding):
        found.append(piece)
        size += len(piece)
        if size > DECODED_MAX:
            break
    return b"".join(found)[:DECODED_MAX]


def _originally_for(parsed: Parsed) -> tuple[frozenset[str], frozenset[str]]:
    """Whom the mail was for, and who was to get a copy, as far as its headers were returned."""
    for part in parsed.root.walk():
        if part.mime in _ORIGINALS:
            data = transfer_decoded(parsed, part)
            headers = read_section(data, 0, len(data)).headers
            return _people(headers, "to"), _people(headers, "cc")
    return frozenset(), frozenset()


def _people(headers: Headers, name: str) -> frozenset[str]:
    return frozenset(p.key for p in mailboxes(headers.written(name)) if p.address)


# ---- as reports


@frozen
class Told:
    """What a fate says of a part."""

    status: PartStatus
    failure: Failure | None = None
    aside: bool = False  # it is told, and changes nothing


def statuses(
    bounce: Bounce, channel_key: str, event_key: str, at: float
) -> Iterator[StatusReported]:
    """What a report says of the part that it is about; nothing without a clue to it."""
    if not bounce.clues:
        return
    external_id = next((clue.external_id for clue in bounce.clues if clue.external_id), "")
    for number, fate in enumerate(dict.fromkeys(bounce.fates)):
        told = _told(fate)
        if told is None:
            continue
        address = fate.address or None
        yield StatusReported(
            channel_key=channel_key,
            event_key=f"{event_key}:{number}" if number else event_key,
            at=at,
            identities=(identity(fate.address),) if fate.address else (),
            external_id=external_id or "",
            status=told.status,
            failure=told.failure,
            participant=(address or "?") if told.aside else None,
            detail=_detail(bounce, fate),
            clues=bounce.clues,
        )


def _told(fate: Fate) -> Told | None:
    match fate.action:
        case "failed":
            return Told(PartStatus.FAILED, failure(fate.status, fate.text), aside=fate.copy)
        case "delayed":
            waits = Failure(
                Kind.TRANSIENT,
                Reason.RECIPIENT_UNREACHABLE,
                code=fate.status or None,
                text=fate.text[:DIAGNOSTIC_MAX] or None,
                advice="The servers on the way keep trying; nothing is to be done.",
            )
            return Told(PartStatus.SENT, waits, aside=True)
        case "relayed":
            return Told(PartStatus.SENT, aside=True)
        case "delivered" | "expanded":
            return Told(PartStatus.DELIVERED, aside=fate.copy)
        case "displayed":
            return Told(PartStatus.READ, aside=fate.copy)
        case "complained":
            unwanted = Failure(
                Kind.REJECTED,
                Reason.RECIPIENT_NOT_OPTED_IN,
                code=fate.text or None,
                advice="The person has marked the mail as unwanted; send them nothing that they do "
                "not ask for.",
            )
            return Told(PartStatus.DELIVERED, unwanted)
        case _:
            return None


def _detail(bounce: Bounce, fate: Fate) -> JsonObject:
    told: dict[str, Json] = {
        "form": bounce.form,
        "action": fate.action,
        "recipient": fate.address or None,
        "status": fate.status or None,
        "text": fate.text[:DIAGNOSTIC_MAX] or None,
    }
    if fate.action == "failed":
        told["suppress"] = meaning(fate.status, fate.text).suppress
    if fate.action == "complained":
        told["suppress"] = "address"
    return {name: value for name, value in told.items() if value}
