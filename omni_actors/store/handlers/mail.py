"""Reading mailboxes: how far each was read, and what became of each mail."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.store.dialect import Writing, writes
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.mail import (
    FiledMails,
    MailPlace,
    MailState,
    MailTaken,
    Opened,
    OpenMailbox,
    PassMail,
    RefuseFiling,
    Shut,
    SpareMail,
    TryMail,
    Unfiled,
)
from omni_actors.store.verbs import Accept

CURSOR = """
    SELECT uidvalidity, next_uid, opened_at FROM mailbox
    WHERE channel_id = :channel_id AND mailbox = :mailbox
"""
BEGIN = """
    INSERT INTO mailbox (channel_id, mailbox, uidvalidity, next_uid, opened_at)
    VALUES (:channel_id, :mailbox, :uidvalidity, 1, :opened_at)
    ON CONFLICT (channel_id, mailbox) DO UPDATE SET uidvalidity = excluded.uidvalidity, next_uid = 1
"""
READ_UP_TO = """
    UPDATE mailbox SET next_uid = new.uid + 1
    FROM rows(:batch, channel_id text, mailbox text, uidvalidity bigint, uid bigint) new
    WHERE mailbox.channel_id = new.channel_id AND mailbox.mailbox = new.mailbox
      AND mailbox.uidvalidity = new.uidvalidity AND mailbox.next_uid <= new.uid
"""
UNFILED = """
    SELECT uid, state FROM mail
    WHERE channel_id = :channel_id AND mailbox = :mailbox AND uidvalidity = :uidvalidity
      AND filed = 0 AND state <> 'trying'
    ORDER BY uid LIMIT :limit
"""
UNFILED_MAX: Final = 10_000
# What lay in a mailbox that was numbered anew can be filed no more.
LET_GO = """
    UPDATE mail SET filed = 1
    WHERE channel_id = :channel_id AND mailbox = :mailbox AND uidvalidity <> :uidvalidity
      AND filed = 0
"""
TRIED = """
    SELECT state, attempts FROM mail
    WHERE channel_id = :channel_id AND mailbox = :mailbox AND uidvalidity = :uidvalidity
      AND uid = :uid
"""
TRY = """
    INSERT INTO mail (channel_id, mailbox, uidvalidity, uid, state, attempts, at)
    VALUES (:channel_id, :mailbox, :uidvalidity, :uid, 'trying', :attempts, :at)
    ON CONFLICT (channel_id, mailbox, uidvalidity, uid) DO UPDATE SET attempts = excluded.attempts
"""
SPARE = """
    UPDATE mail SET attempts = attempts - 1
    WHERE channel_id = :channel_id AND mailbox = :mailbox AND uidvalidity = :uidvalidity
      AND uid = :uid AND state = 'trying' AND attempts > 0
"""
KEEP = """
    INSERT INTO mail (channel_id, mailbox, uidvalidity, uid, state, attempts, at, event_key,
                      intake_id, error, filed)
    SELECT channel_id, mailbox, uidvalidity, uid, state, 1, at, event_key, intake_id, error,
           CASE WHEN state = 'gone' THEN 1 ELSE 0 END
    FROM rows(:batch, channel_id text, mailbox text, uidvalidity bigint, uid bigint, state text,
              at real, event_key text, intake_id text, error text) new
    WHERE true
    ON CONFLICT (channel_id, mailbox, uidvalidity, uid) DO UPDATE SET state = excluded.state,
        event_key = excluded.event_key, intake_id = excluded.intake_id, error = excluded.error,
        filed = excluded.filed
    WHERE mail.state = 'trying'
"""
FILE = """
    UPDATE mail SET filed = 1
    FROM rows(:batch, channel_id text, mailbox text, uidvalidity bigint, uid bigint) new
    WHERE mail.channel_id = new.channel_id AND mail.mailbox = new.mailbox
      AND mail.uidvalidity = new.uidvalidity AND mail.uid = new.uid
"""
SHUT = """
    SELECT folder, refusals, again_at, problem FROM filing
    WHERE channel_id = :channel_id AND mailbox = :mailbox ORDER BY folder
"""
SHUT_BEFORE = """
    SELECT c.tenant, f.refusals FROM channel c
    LEFT JOIN filing f ON f.channel_id = c.id AND f.mailbox = :mailbox AND f.folder = :folder
    WHERE c.id = :channel_id
"""
SHUT_NOW = """
    INSERT INTO filing (channel_id, mailbox, folder, refusals, again_at, problem)
    VALUES (:channel_id, :mailbox, :folder, :refusals, :again_at, :problem)
    ON CONFLICT (channel_id, mailbox, folder) DO UPDATE SET refusals = excluded.refusals,
        again_at = excluded.again_at, problem = excluded.problem
"""
OPEN_NOW = """
    DELETE FROM filing
    WHERE channel_id = :channel_id AND mailbox = :mailbox AND folder = :folder
"""
KNOWN = """
    SELECT w.platform, w.channel_key, w.event_key
    FROM rows(:batch, platform text, channel_key text, event_key text, channel_id text) w
    JOIN mail m ON m.channel_id = w.channel_id AND m.event_key = w.event_key
"""


def _named(place: MailPlace) -> dict[str, Any]:
    return {
        "channel_id": place.channel_id,
        "mailbox": place.mailbox,
        "uidvalidity": place.uidvalidity,
        "uid": place.uid,
    }


@writes(OpenMailbox)
def open_mailbox(db: Writing, verb: OpenMailbox) -> Opened:
    named = {"channel_id": verb.channel_id, "mailbox": verb.mailbox}
    found = db.row(CURSOR, **named)
    if found is not None and found[0] == verb.uidvalidity:
        of_this = {**named, "uidvalidity": verb.uidvalidity, "limit": UNFILED_MAX}
        unfiled = tuple([Unfiled(u, MailState(state)) for u, state in db.rows(UNFILED, **of_this)])
        shut = tuple([Shut(*row) for row in db.rows(SHUT, **named)])
        return Opened(found[1], found[2], unfiled=unfiled, shut=shut)
    db.run(BEGIN, **named, uidvalidity=verb.uidvalidity, opened_at=verb.at)
    if found is None:
        return Opened(1, verb.at, first=True)
    db.run(LET_GO, **named, uidvalidity=verb.uidvalidity)
    return Opened(1, found[2], rebuilt=True)


@writes(TryMail)
def try_mail(db: Writing, verb: TryMail) -> int:
    named = _named(verb.place)
    state, attempts = db.row(TRIED, **named) or (MailState.TRYING.value, 0)
    if state != MailState.TRYING.value:
        return 0
    db.run(TRY, **named, attempts=attempts + 1, at=verb.at)
    return int(attempts) + 1


@writes(SpareMail)
def spare_mail(db: Writing, verb: SpareMail) -> None:
    db.run(SPARE, **_named(verb.place))


@writes(PassMail)
def pass_mail(db: Writing, verb: PassMail) -> None:
    _keep(db, [(MailTaken(verb.place, MailState.GONE), verb.at, None, None)])


@writes(FiledMails)
def filed_mails(db: Writing, verb: FiledMails) -> None:
    put(db, FILE, [(verb.channel_id, verb.mailbox, verb.uidvalidity, uid) for uid in verb.uids])
    db.run(OPEN_NOW, channel_id=verb.channel_id, mailbox=verb.mailbox, folder=verb.folder)


@writes(RefuseFiling)
def refuse_filing(db: Writing, verb: RefuseFiling) -> None:
    named, shut = {"channel_id": verb.channel_id, "mailbox": verb.mailbox}, verb.shut
    found = db.row(SHUT_BEFORE, **named, folder=shut.folder)
    if found is None:
        return
    db.run(
        SHUT_NOW,
        **named,
        folder=shut.folder,
        refusals=shut.refusals,
        again_at=shut.again_at,
        problem=shut.problem,
    )
    if found[1] is None:
        _tell_refusal(db, found[0], verb)


def _tell_refusal(db: Writing, tenant: str, verb: RefuseFiling) -> None:
    """Its operator learns that mails stay where they were read."""
    told: JsonObject = {
        "type": "mail_not_filed",
        "mailbox": verb.mailbox,
        "folder": verb.shut.folder,
        "text": verb.shut.problem,
    }
    detail: JsonObject = {"kind": "mail", "severity": "warning", "detail": told}
    journal = Journal()
    kind = EventType.CHANNEL_REPORTED
    journal.note(kind, tenant, verb.at, channel_id=verb.channel_id, detail=detail)
    journal.keep(db)


def known_mails(db: Writing, verbs: Sequence[Accept]) -> Iterator[tuple[Any, ...]]:
    """The event keys of these that mails of the same mailboxes have told before, however long ago.

    What was seen is forgotten in time; a mailbox may be numbered anew at any.
    """
    wanted = [
        (item.platform, item.report.channel_key, item.report.event_key, verb.mail.place.channel_id)
        for verb in verbs
        if verb.mail is not None
        for item in verb.items
    ]
    yield from look(db, KNOWN, wanted) if wanted else ()


def keep_mails(db: Writing, verbs: Iterable[Accept]) -> None:
    """What became of the mails whose intakes are stored."""
    taken = [
        (
            verb.mail,
            verb.intake.received_at,
            verb.items[0].report.event_key if verb.items else None,
            verb.intake.id,
        )
        for verb in verbs
        if verb.mail is not None
    ]
    if taken:
        _keep(db, taken)


def _keep(db: Writing, taken: Sequence[tuple[MailTaken, float, str | None, str | None]]) -> None:
    places = [tuple(_named(mail.place).values()) for mail, *_ in taken]
    rows = [
        (*place, mail.state.value, at, event_key, intake_id, mail.error)
        for place, (mail, at, event_key, intake_id) in zip(places, taken, strict=True)
    ]
    put(db, KEEP, rows)
    put(db, READ_UP_TO, places)
