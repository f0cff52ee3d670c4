"""Sends a part as one mail, and puts a copy of it where the account keeps what it sent."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from omni_actors.adapters.contract import Afterwards, Forbidden, Medium, PartToSend, Sent
from omni_actors.adapters.email.addresses import normalised
from omni_actors.adapters.email.error_table import PATIENCE_S
from omni_actors.adapters.email.errors import failure_of
from omni_actors.adapters.email.heads import Thread, headers, message_id_of, tagged, thread_of
from omni_actors.adapters.email.html import to_text
from omni_actors.adapters.email.letter import Words, Written, named, opened, read, written
from omni_actors.adapters.email.pages import fragment, page
from omni_actors.adapters.email.plain import plain_text
from omni_actors.adapters.email.settings import EmailSettings
from omni_actors.model.content import Card, Carousel, Choices, Content, Email, Media
from omni_actors.model.copies import NoCopy
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.policy.fitting import blank
from omni_actors.wire.calls import (
    FindCall,
    Flow,
    FolderReply,
    KeepCall,
    MailCall,
    MailReply,
    MailServer,
    SmtpReply,
    Stage,
)
from omni_actors.wire.mail import Attached, Mail

EMAIL: Final = "email"
KEEP_S: Final = 60.0
FIND_S: Final = 30.0
OF_USE: Final = "\\"  # before what a folder is for, in place of its name
ATTEMPT_S: Final = 1020.0
"""For all calls of one mail: looking for it, and handing it over."""
HEADS_BYTES: Final = 8 * 1024

_BODY_END: Final = re.compile(r"</body\s{0,9}>", re.IGNORECASE)
_SES_HOST: Final = re.compile(r"email-smtp\.([a-z0-9-]{1,30})\.amazonaws\.com")
_SES_ID: Final = re.compile(r"Ok ([0-9a-f-]{20,100})", re.IGNORECASE)


def send(part: PartToSend, settings: EmailSettings) -> Flow[Sent]:
    """Send a part. Raises SendFailure.

    What was sent before with an answer that got lost is looked for first, where the account keeps
    what it sent; else the same bytes go out once more, and no third time. Without the person whom
    it is for nobody gets a copy, who would have it again when it is tried again.
    """
    server = settings.smtp_server
    if server is None:
        why = "the channel has no smtp server: set smtp for it in the config"
        raise SendFailure(Failure(Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, advice=why))
    content, _files = opened(part.content)
    thread, to = thread_of(part, content), recipient(part)
    mail = composed(part, thread, to, settings)
    check_size(mail, settings)
    call = MailCall(
        server=server,
        sender=sender_of(part, settings),
        recipients=recipients(to, content),
        mail=mail,
        envelope_id=part.token,
        required=(to,),
    )
    if part.only:
        call = evolve(call, recipients=part.only, required=())
        return (yield from send_copies(call, settings))
    message_id = message_id_of(part, settings)
    after = thread.then(message_id)
    if part.resent and (yield from is_kept(message_id, settings)):
        note = COPIES_UNKNOWN if len(call.recipients) > 1 else None
        return Sent((message_id,), note=note, thread=after, found=True)
    reply = yield from handed_over(call, part)
    if not accepted(reply):
        raise SendFailure(failure_of(reply, settings.provider))
    refused = without_copy(reply, settings)
    notes = [*told(refused), *([KEPT_SUBJECT] if thread.kept else [])]
    ids = (message_id, *renamed(reply, server))
    note = "; ".join(notes) or None
    later = copy(mail, settings)
    return Sent(ids, note=note, thread=after, refused=refused, afterwards=later)


def send_copies(call: MailCall, settings: EmailSettings) -> Flow[Sent]:
    """Send the same mail to those who did not get it with the others. Raises SendFailure."""
    reply = yield call
    assert isinstance(reply, MailReply)
    if not accepted(reply):
        if reply.stage is not Stage.RCPT or not reply.recipients.keys() >= set(call.recipients):
            raise SendFailure(failure_of(reply, settings.provider))
        reply = evolve(reply, recipients={who: reply.recipients[who] for who in call.recipients})
    refused = without_copy(reply, settings)
    return Sent((), note="; ".join(told(refused)) or None, refused=refused)


COPIES_UNKNOWN: Final = "it went out, and nobody knows whether all copies were taken"
KEPT_SUBJECT: Final = "the subject stays that of the mail which is answered"


def forbids(told: Mapping[str, Any], *, human: bool) -> Forbidden | None:
    """A mail is no body with keys; what can be set of one stands in its content."""
    why = "a mail has no raw keys; set the headers of an `email` instead"
    return Forbidden("", why) if told else None


def recipient(part: PartToSend) -> str:
    """The address that a part goes to. Raises SendFailure."""
    for key in part.to:
        if key.kind == EMAIL:
            return key.value
    raise SendFailure(Failure(Kind.REJECTED, Reason.RECIPIENT_INVALID, text="no mail address"))


def recipients(to: str, content: Content) -> tuple[str, ...]:
    """Everybody whom the mail is handed over for, each once however they are written."""
    copies = content.cc if isinstance(content, Email) else ()
    once: dict[str, str] = {}
    for each in (to, *copies):
        once.setdefault(normalised(each), each)
    return tuple(once.values())


def handed_over(call: MailCall, part: PartToSend) -> Flow[MailReply]:
    """What the server says of the mail. Raises SendFailure; the second time that nobody knows what
    became of it is the last. For a server that is not there a mail waits as long as for one that
    puts it off."""
    try:
        reply = yield call
    except SendFailure as failed:
        if failed.failure.kind is Kind.UNREACHABLE:
            raise SendFailure(evolve(failed.failure, patience_s=PATIENCE_S)) from failed
        if part.resent and failed.failure.kind is Kind.UNKNOWN:
            raise SendFailure(evolve(failed.failure, attempts_max=1)) from failed
        raise
    assert isinstance(reply, MailReply)
    return reply


def sender_of(part: PartToSend, settings: EmailSettings) -> str:
    """Where bounces go: to an address that names the part where the account allows that."""
    named = tagged(settings.address, f"b.{part.token}") if settings.verp else None
    return named or settings.address


def accepted(reply: MailReply) -> bool:
    """Whether the server took the mail, which it did for whom it is for."""
    return reply.stage is Stage.END and 200 <= reply.reply.code < 300


def without_copy(reply: MailReply, settings: EmailSettings) -> tuple[NoCopy, ...]:
    """Who of those who should get a copy does not, and why.

    Those who were too many beside the others need not wait for anything.
    """
    refused, some_have_it = not_taken(reply.recipients), accepted(reply)
    return tuple(
        [
            NoCopy(who, refusal(said, settings), crowded=some_have_it and too_many(said))
            for who, said in refused.items()
        ]
    )


def refusal(said: SmtpReply, settings: EmailSettings) -> Failure:
    """What a server's no to one recipient means."""
    return failure_of(MailReply(Stage.RCPT, said), settings.provider)


def not_taken(recipients: Mapping[str, SmtpReply]) -> dict[str, SmtpReply]:
    """Whom the server does not take a mail for."""
    return {who: said for who, said in recipients.items() if not 200 <= said.code < 300}


def too_many(said: SmtpReply) -> bool:
    """Whether somebody was only refused for being one too many (RFC 5321, 4.5.3.1.10)."""
    return said.code == 452 and said.enhanced in ("", "4.5.3")


def told(refused: Iterable[NoCopy]) -> list[str]:
    """Who gets no copy, in words."""
    return [f"no copy to {each.address}: {sentence(each.failure)}" for each in refused]


def sentence(failure: Failure) -> str:
    """A failure in the server's words, as far as there are some."""
    return " ".join([word for word in (failure.code, failure.text) if word]) or failure.reason.value


def renamed(reply: MailReply, server: MailServer) -> tuple[str, ...]:
    """The id that the mail has on the wire, where the server gives it one and says so."""
    host, told = _SES_HOST.fullmatch(server.host), _SES_ID.match(reply.reply.text)
    return (f"{told[1]}@{host[1]}.amazonses.com",) if host and told else ()


def copy(mail: Mail, settings: EmailSettings) -> Afterwards | None:
    """How a copy comes into the folder of sent mails, where the account wants one of us."""
    server, folder = settings.imap_server, settings.keeping_folder
    if server is None or not folder:
        return None
    undone = f"no copy in {folder.removeprefix(OF_USE)}"
    return Afterwards(keep(KeepCall(server, folder, mail, deadline_s=KEEP_S), undone), undone)


def keep(call: KeepCall, undone: str) -> Flow[str | None]:
    """Put a copy into a folder; what goes wrong with that is only told."""
    try:
        yield call
    except SendFailure as failed:
        why = failed.failure.text or failed.failure.reason.value
        return f"sent, but {undone}: {why}"
    return None


def is_kept(message_id: str, settings: EmailSettings) -> Flow[bool]:
    """Whether the account has the mail among those that it sent, as far as can be told."""
    server = settings.imap_server
    if server is None:
        return False
    try:
        reply = yield FindCall(server, settings.kept_folder, message_id, deadline_s=FIND_S)
    except SendFailure:
        return False
    assert isinstance(reply, FolderReply)
    return reply.found


# ------------------------------------------------------------ the mail itself


@frozen
class Bodies:
    """Text and HTML of a mail, and the media that the HTML shows."""

    text: str
    html: str | None
    shown: frozenset[str] = frozenset()


def composed(part: PartToSend, thread: Thread, to: str, settings: EmailSettings) -> Mail:
    """A part as a mail, always the same."""
    content, _files = opened(part.content)
    made = bodies(part, thread)
    return Mail(
        headers=headers(part, content, thread, to, settings),
        text=made.text,
        seed=part.token,
        html=made.html,
        attachments=attached(part, made.shown),
    )


def bodies(part: PartToSend, thread: Thread) -> Bodies:
    """What a mail says."""
    content, _files = opened(part.content)
    said = written(part)
    text = plain_text(said.blocks)
    if isinstance(content, Email):
        return own_bodies(content, part, text, said)
    html = page(said.blocks, thread.subject, f"c.{part.token}") if said.rich else None
    return Bodies(text, html, said.shown if html else frozenset())


def own_bodies(content: Email, part: PartToSend, text: str, said: Written) -> Bodies:
    """The bodies that a caller wrote, with what must be said of the files below them.

    HTML without a text gets the text that it says; one that says nothing, the subject.
    """
    if content.html is None:
        return Bodies(text, None)
    if blank(content.text):
        whole = to_text(content.html)
        first = content.subject if blank(whole) else whole
        text = plain_text((Words(read(first)), *said.blocks[1:]))
    beside, html = fragment(said.blocks[1:]), content.html
    ends = [*_BODY_END.finditer(html)]
    at = ends[-1].start() if ends and beside else len(html)
    shown = frozenset([each for each in part.media if f"cid:{each}" in html])
    return Bodies(text, f"{html[:at]}{beside}{html[at:]}", shown)


def attached(part: PartToSend, shown: frozenset[str]) -> tuple[Attached, ...]:
    """The files that go with a mail; those in `shown` the HTML shows."""
    names = names_of(part.content)
    return tuple([file(each, names, shown) for each in part.media.values()])


def file(medium: Medium, names: Mapping[str, Media], shown: frozenset[str]) -> Attached:
    """A medium as a file of a mail, under the name that the caller gave it."""
    held = names.get(medium.media_id)
    name = named(held, medium) if held else medium.filename
    cid = medium.media_id if medium.media_id in shown else None
    return Attached(medium.blob, name or "file", medium.mime, medium.size, cid)


def names_of(content: Content) -> dict[str, Media]:
    """The media that a part names, by their ids."""
    said, files = opened(content)
    match said:
        case Media():
            found = [said]
        case Choices(media=Media() as above) | Card(media=Media() as above):
            found = [above]
        case Carousel():
            found = [card.media for card in said.cards if card.media]
        case _:
            found = []
    return {each.media_id: each for each in (*found, *files) if each.media_id}


def check_size(mail: Mail, settings: EmailSettings) -> None:
    """Refuse a mail that the server would not take. Raises SendFailure."""
    files = sum([(each.size + 2) // 3 * 4 * 78 // 76 for each in mail.attachments])
    said = len(mail.text.encode("utf-8", "replace"))
    said += len((mail.html or "").encode("utf-8", "replace"))
    size = files + said + HEADS_BYTES
    if size <= settings.size_max:
        return
    advice = (
        f"the mail has about {size} bytes as it is sent, and the account takes {settings.size_max}:"
        " send the files as links, or fewer of them"
    )
    raise SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_TOO_LARGE, advice=advice))
