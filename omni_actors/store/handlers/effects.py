"""The working set of a batch of reports: what they touch, loaded at once and written at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, frozen

from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    Deleted,
    Echoed,
    Edited,
    IdentityChanged,
    Reacted,
    Received,
    StatusReported,
    WatermarkReported,
)
from omni_actors.store.codec import decode_object, dumps, encode_failure, encode_ref
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.closed import CLOSED, Refusal, opt_out, shut_out, shut_windows
from omni_actors.store.handlers.early import EarlyChanges
from omni_actors.store.handlers.heads import BUSY, heads_by_leg
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import RANK_FAILED, PartWork
from omni_actors.store.handlers.parts import LEARN, Parts
from omni_actors.store.handlers.people import People, Person, Reach
from omni_actors.store.rows import Backlog, Channel, Complaint, Entry, EntryKind, LegWake
from omni_actors.store.verbs import Intake, Item

EXTERNALS = """
    SELECT e.channel_id, e.external_id, e.message_id, e.part_id
    FROM rows(:batch, channel_id text, external_id text) w
    JOIN external e ON e.channel_id = w.channel_id AND e.external_id = w.external_id
"""
ADD_MESSAGES = """
    INSERT INTO message (id, tenant, direction, conversation_id, leg_id, channel_id, author,
        source, content, told, received_at, sent_at, reply_to, reply_to_external, external_id,
        notes, intake_id)
    SELECT id, tenant, direction, conversation_id, leg_id, channel_id, author, source, content,
        told, received_at, sent_at, reply_to, reply_to_external, external_id, notes, intake_id
    FROM rows(:batch, id text, tenant text, direction text, conversation_id text, leg_id text,
              channel_id text, author text, source text, content text, told text,
              received_at real, sent_at real, reply_to text, reply_to_external text,
              external_id text, notes text, intake_id text) new
    WHERE true
"""
ADD_ENTRIES = """
    INSERT INTO entry (conversation_id, seq, kind, at, leg_id, message_id, reply_to_external,
                       window_before, window_until, detail)
    SELECT conversation_id, seq, kind, at, leg_id, message_id, reply_to_external, window_before,
           window_until, detail
    FROM rows(:batch, conversation_id text, seq bigint, kind text, at real, leg_id text,
              message_id text, reply_to_external text, window_before real, window_until real,
              detail text) new
    WHERE true
"""
ADD_MEDIA = """
    INSERT INTO media (id, tenant, state, channel_id, message_id, ref, mime, size, filename,
                       due_at, created_at, until_at)
    SELECT id, tenant, 'pending', channel_id, message_id, ref, mime, size, filename, due_at, due_at,
           until_at
    FROM rows(:batch, id text, tenant text, channel_id text, message_id text, ref text, mime text,
              size bigint, filename text, due_at real, until_at real) new
    WHERE true
"""
EDIT = """
    UPDATE message SET content = :content, edited_at = :at
    WHERE id = :id AND deleted = 0 AND (edited_at IS NULL OR edited_at <= :at)
"""
DELETE = """
    UPDATE message SET content = :content, notes = NULL, thread = NULL, deleted = 1 WHERE id = :id
"""
DROP_MEDIA = """
    UPDATE media SET state = 'failed', blob = NULL, ref = NULL, due_at = NULL, until_at = NULL,
        filename = NULL
    WHERE message_id = :id
"""
# The raw bytes say it too; they stay only while something else in them waits to be read again.
DROP_RAW = """
    UPDATE intake SET body = NULL, blob = NULL
    WHERE id = (SELECT intake_id FROM message WHERE id = :id) AND problem IS NULL
      AND NOT EXISTS (SELECT 1 FROM unclaimed u WHERE u.intake_id = intake.id)
"""
TELLS_EDIT = """
    INSERT INTO edit_intake (channel_id, external_id, intake_id)
    VALUES (:channel_id, :external_id, :intake_id) ON CONFLICT DO NOTHING
"""
DROP_EDITS = """
    UPDATE intake SET body = NULL, blob = NULL
    WHERE id IN (SELECT t.intake_id FROM edit_intake t
                 WHERE t.channel_id = :channel_id AND t.external_id = :external_id)
      AND problem IS NULL
      AND NOT EXISTS (SELECT 1 FROM unclaimed u WHERE u.intake_id = intake.id)
"""
DROP_INTAKE = """
    UPDATE intake SET body = NULL, blob = NULL
    WHERE id = :id AND problem IS NULL
      AND NOT EXISTS (SELECT 1 FROM unclaimed u WHERE u.intake_id = intake.id)
"""
COMPLETE = "UPDATE message SET content = :content WHERE id = :id AND deleted = 0"
TAKE_UP = """
    UPDATE message SET source = 'platform', content = :content, notes = :notes,
        intake_id = :intake_id
    WHERE id = :id AND deleted = 0
"""
SOURCE = "SELECT source FROM message WHERE id = :id"
SOURCE_AT = 7
PLACE = "SELECT leg_id, conversation_id FROM message WHERE id = :id"
CONVERSATION_AT = 3
LEG_AT = 4
CONTENT = "SELECT content FROM message WHERE id = :id"
CONTENT_OF_PART = "SELECT content FROM part WHERE id = :id"
TRIED_TWICE = """
    SELECT p.id
    FROM (SELECT id FROM message WHERE conversation_id = :conversation_id
          ORDER BY id DESC LIMIT 100) m
    JOIN part p ON p.message_id = m.id
    WHERE p.leg_id = :leg_id AND (p.maybe_duplicate = 1 OR p.held_for = 'doubt')
    ORDER BY p.pos DESC
"""
CONTENT_AT = 8
LAST_SAID = """
    SELECT author FROM message
    WHERE conversation_id = :conversation_id AND direction = 'outbound'
    ORDER BY id DESC LIMIT 1
"""
PREFERRED = "SELECT preferred_at FROM identity WHERE id = :id"
PREFER = "UPDATE identity SET preferred_at = :preferred_at WHERE id = :id"
PARK = """
    INSERT INTO parked (channel_id, external_id, callback, status, rank, at, failure, facts,
                        parked_at, tries, resend_at)
    SELECT channel_id, external_id, callback, status, rank, at, failure, facts, parked_at, tries,
           resend_at
    FROM rows(:batch, channel_id text, external_id text, callback text, status text, rank bigint,
              at real, failure text, facts text, parked_at real, tries bigint, resend_at real) new
    WHERE true
"""
UNREAD = """
    SELECT p.id FROM part p
    WHERE p.leg_id = :leg_id AND p.status IN ('sent', 'delivered') AND p.rank < :rank
      AND p.wire_at <= :until
    ORDER BY p.pos
"""
MARKS = "SELECT marks FROM leg WHERE id = :leg_id"
MARK = "UPDATE leg SET marks = :marks WHERE id = :leg_id"

ENTER = "UPDATE leg SET entry_answer_by = :answer_by, entry_for_s = :for_s WHERE id = :leg_id"

BEGUN_MAX = 16  # entries; more of them are read in pages by who handles them
LINKED_MIN = 2  # a status is about a part; its person matters when it names new keys of theirs


@define(eq=False)
class Home:
    """A channel that reports name."""

    id: str
    tenant: str
    platform: str
    last_event_at: float
    settings: str


@frozen
class Place:
    """Where a message is."""

    message_id: str
    leg_id: str
    conversation_id: str


@frozen
class Outcome:
    """What one report led to."""

    conversation_id: str | None = None
    leg_id: str | None = None
    media: bool = False
    parked: bool = False
    synced: bool = False  # an old message found its place
    channel: Channel | None = None
    templates_of: str | None = None  # the channel whose templates are not what we thought
    complaint: Complaint | None = None


class Effects:
    """What a batch of reports touches: people, parts, messages, the conversations' logs."""

    def __init__(self, db: Writing, journal: Journal) -> None:
        self.db = db
        self.journal = journal
        self.people = People(db, journal)
        self.parts = Parts(db, journal)
        self.early = EarlyChanges(db)
        self._targets: dict[tuple[str, str], tuple[str, str | None]] = {}
        self._externals: list[tuple[str, str, str, None]] = []
        self._messages: list[tuple[Any, ...]] = []
        self._entries: list[tuple[Any, ...]] = []
        self._begun: dict[str, list[Entry]] = defaultdict(list)
        self._media: list[tuple[Any, ...]] = []
        self._changes: list[tuple[str, dict[str, Any]]] = []
        self._parked: list[tuple[Any, ...]] = []
        self._marks: dict[str, dict[str, Any]] = {}
        self._returned: list[tuple[PartWork, StatusReported]] = []
        self._opted_out: list[tuple[str, float]] = []
        self._human: set[str] = set()
        self._preferred: dict[str, dict[str, Any]] = {}

    def load(self, items: Sequence[tuple[Item, Home]]) -> None:
        """Read what these reports are about."""
        self.people.load(_named(items))
        wanted = {pair for item, home in items for pair in _external_ids(item, home)}
        if wanted:
            for channel_id, external_id, message_id, part_id in look(
                self.db, EXTERNALS, list(wanted)
            ):
                self._targets[channel_id, external_id] = (message_id, part_id)
        self.early.load(
            (home.id, item.report.external_id)
            for item, home in items
            if isinstance(item.report, Received | Echoed)
        )
        callbacks = [
            item.report.callback
            for item, _ in items
            if isinstance(item.report, StatusReported | Echoed) and item.report.callback
        ]
        proved = [lead.part_id for item, _ in items for lead in item.leads if lead.part_id]
        known = [part_id for _, part_id in self._targets.values() if part_id]
        self.parts.load(callbacks + proved + known)

    def target(self, channel_id: str, external_id: str) -> tuple[str, str | None] | None:
        """(message id, part id) of what has this external id on a channel."""
        return self._targets.get((channel_id, external_id))

    def add_target(self, channel_id: str, external_id: str, message_id: str) -> None:
        key = (channel_id, external_id)
        if key not in self._targets:
            self._targets[key] = (message_id, None)
            self._externals.append((channel_id, external_id, message_id, None))

    def learn_target(self, channel_id: str, external_id: str, message_id: str, part: str) -> None:
        """A part has this external id, as its report says."""
        self._targets[channel_id, external_id] = (message_id, part)

    def add_message(self, *row: Any) -> None:
        self._messages.append(row)

    def add_entry(
        self,
        reach: Reach,
        kind: EntryKind,
        at: float,
        message_id: str | None,
        window_before: float | None,
        reply_to_external: str | None = None,
        detail: JsonObject | None = None,
    ) -> None:
        """The next entry of the conversation's log."""
        thread = reach.thread
        thread.last_seq += 1
        thread.dirty = True
        self._entries.append(
            (
                thread.id, thread.last_seq, kind, at, reach.id, message_id, reply_to_external,
                window_before, reach.window_until, dumps(detail) if detail else "{}",
            )
        )  # fmt: skip
        if thread.new:
            entry = Entry(
                thread.last_seq, kind, at, reach.id, reach.channel_id, message_id, None,
                reply_to_external, window_before, reach.window_until, detail or {},
            )  # fmt: skip
            self._begun[thread.id].append(entry)

    def begun(self) -> dict[str, Backlog]:
        """All that there is to handle in the conversations that these reports began, but for long
        ones.

        Nobody has asked anything there yet, so what was said can answer no question.
        """
        return {
            id: Backlog(id, tuple(found), {}, more=False)
            for id, found in self._begun.items()
            if len(found) <= BEGUN_MAX
        }

    def add_media(
        self, report: Received | Echoed, item: Item, home: Home, message_id: str, intake: Intake
    ) -> bool:
        """The media of a message, to be fetched now; answers whether there are any."""
        for media_id, ref in zip(item.media_ids, report.media, strict=True):
            self._media.append(
                (
                    media_id, home.tenant, home.id, message_id, encode_ref(ref), ref.mime,
                    ref.size, ref.filename, intake.received_at, ref.until,
                )
            )  # fmt: skip
        return bool(item.media_ids)

    def edit(self, message_id: str, content: str, at: float) -> None:
        self._changes.append((EDIT, {"id": message_id, "content": content, "at": at}))

    def complete(self, message_id: str, content: str) -> None:
        """A message that was without its medium gets it."""
        self._changes.append((COMPLETE, {"id": message_id, "content": content}))

    def content_of(self, message_id: str) -> str | None:
        """The content of a message, as it is stored or is about to be."""
        return self._field(message_id, CONTENT_AT, CONTENT)

    def place_of(self, message_id: str) -> Place | None:
        """Where a message is, as it is stored or is about to be."""
        for row in self._messages:
            if row[0] == message_id:
                return Place(message_id, row[LEG_AT], row[CONVERSATION_AT])
        found = self.db.row(PLACE, id=message_id)
        return None if found is None else Place(message_id, *found)

    def source_of(self, message_id: str) -> str | None:
        """Where a message came from."""
        return self._field(message_id, SOURCE_AT, SOURCE)

    def _field(self, message_id: str, place: int, query: str) -> str | None:
        for row in self._messages:
            if row[0] == message_id:
                return str(row[place])
        found = self.db.row(query, id=message_id)
        return None if found is None else str(found[0])

    def take_up(self, message_id: str, content: str, notes: str | None, intake_id: str) -> None:
        """The platform tells a message as news that stood there as an old one."""
        named = {"id": message_id, "content": content, "notes": notes, "intake_id": intake_id}
        self._changes.append((TAKE_UP, named))

    def taken_over(self, reach: Reach) -> bool:
        """Whether a person of the business speaks now where last something else did, or nobody."""
        if reach.id in self._human:
            return False
        self._human.add(reach.id)
        found = self.db.row(LAST_SAID, conversation_id=reach.thread.id)
        return found is None or found[0] != "human"

    def prefer(self, person: Person, category: str, value: str, at: float) -> bool:
        """Note what a person wants, unless newer word on it is known; answers whether it counts."""
        known = self._preferred.get(person.id)
        if known is None:
            found = None if person.new else self.db.row(PREFERRED, id=person.id)
            known = {} if found is None else decode_object(found[0])
        if known.get(category, at) > at:
            return False
        self._preferred[person.id] = {**known, category: at}
        person.preferences[category] = value
        person.dirty = True
        return True

    def delete(self, home: Home, external_id: str, message_id: str, content: str) -> None:
        """A message is taken back, with all raw bytes that told of it by this id of its."""
        self._changes.append((DELETE, {"id": message_id, "content": content}))
        self._changes.append((DROP_MEDIA, {"id": message_id}))
        self._changes.append((DROP_RAW, {"id": message_id}))
        self.change(DROP_EDITS, channel_id=home.id, external_id=external_id)

    def told_edit(self, home: Home, external_id: str, intake: Intake) -> None:
        """These raw bytes tell words that can be taken back: a message's new ones, or a remark."""
        self.change(TELLS_EDIT, channel_id=home.id, external_id=external_id, intake_id=intake.id)

    def drop_intake(self, intake: Intake) -> None:
        """These raw bytes tell what was taken back before."""
        self.change(DROP_INTAKE, id=intake.id)

    def change(self, sql: str, **named: Any) -> None:
        """Something small to be written after the people and the messages."""
        self._changes.append((sql, named))

    def park(self, home: Home, item: Item, report: StatusReported, parked_at: float) -> None:
        """Keep a status until we know what it is about."""
        facts = status_facts(report)
        self._parked.append(
            (
                home.id, report.external_id, report.callback, report.status.value, item.rank,
                report.at, encode_failure(report.failure), dumps(facts) if facts else None,
                parked_at, item.resend.tries if item.resend else 0,
                item.resend.due_at if item.resend else None,
            )
        )  # fmt: skip

    def enter(self, reach: Reach, answer_by: float, for_s: float) -> None:
        """They came from an ad: an answer in time makes what follows free of charge."""
        named = {"leg_id": reach.id, "answer_by": answer_by, "for_s": for_s}
        self._changes.append((ENTER, named))

    def came_back(self, part: PartWork, report: StatusReported) -> None:
        """The platform took a part, and found its window closed."""
        self._returned.append((part, report))

    def opted_out(self, leg_id: str, at: float) -> None:
        """A refused message tells that the person has stopped marketing."""
        self._opted_out.append((leg_id, at))

    def on_wire(self, reach: Reach) -> str | None:
        """The one part of a leg whose outcome is not known."""
        if reach.new:
            return None
        heads = heads_by_leg(self.db, [(reach.channel_id, reach.id)]).get(reach.id, ())
        return next((head[3] for head in heads if head[4] in BUSY), None)

    def tried_twice(self, reach: Reach) -> list[str]:
        """The leg's newest parts of which an answer was lost, and that was given up."""
        if reach.new:
            return []
        rows = self.db.rows(TRIED_TWICE, conversation_id=reach.thread.id, leg_id=reach.id)
        return [row[0] for row in rows]

    def content_of_part(self, part_id: str) -> str | None:
        """What a part says, as it is stored."""
        found = self.db.row(CONTENT_OF_PART, id=part_id)
        return None if found is None else str(found[0])

    def unread(self, leg_id: str, rank: int, until: float) -> list[str]:
        """The leg's parts that were on the wire by `until` and are below this rank."""
        rows = self.db.rows(UNREAD, leg_id=leg_id, rank=rank, until=until)
        return [row[0] for row in rows]

    def mark(self, reach: Reach, status: str, until: float, rank: int) -> None:
        """Remember a watermark for parts whose answer is still on its way."""
        marks = self._marks.get(reach.id)
        if marks is None:
            found = None if reach.new else self.db.row(MARKS, leg_id=reach.id)
            marks = self._marks[reach.id] = {} if found is None else decode_object(found[0])
        if status not in marks or marks[status][0] < until:
            marks[status] = [until, rank]

    def keep(self) -> dict[str, tuple[LegWake, ...]]:
        """Write everything; answers with what may be sent now, by leg."""
        db = self.db
        self.people.keep()
        for sql, batch in (
            (ADD_MESSAGES, self._messages),
            (LEARN, self._externals),
            (ADD_ENTRIES, self._entries),
            (ADD_MEDIA, self._media),
            (PARK, self._parked),
        ):
            put(db, sql, batch)
        self.early.keep()
        for sql, named in self._changes:
            db.run(sql, **named)
        for identity_id, preferred in self._preferred.items():
            db.run(PREFER, id=identity_id, preferred_at=dumps(preferred))
        for leg_id, marks in self._marks.items():
            db.run(MARK, leg_id=leg_id, marks=dumps(marks))
        self._keep_returned()
        if self._opted_out:
            opt_out(db, self.journal, [leg for leg, _ in self._opted_out], self._opted_out[-1][1])
        self.parts.keep()
        self.journal.keep(db)
        return self.parts.wakes()

    def _keep_returned(self) -> None:
        """What came back for its window: after the people, whose words open windows."""
        if not self._returned:
            return
        at = self._returned[-1][1].at
        came = [(p, report) for p, report in self._returned if p.rank <= RANK_FAILED]
        for part, report in came:
            self.parts.overtaken(part, report.status, report.at, report.failure)
        legs = [(part.message.leg_id, part.wire_at) for part, _ in came]
        shut_windows(self.db, self.journal, legs, at)
        refusals = [Refusal(part, report.failure or CLOSED) for part, report in came]
        shut_out(self.db, self.parts, refusals, at)


def status_facts(report: StatusReported) -> JsonObject:
    """What a status tells besides: its price, whose it is of several, the platform's own words."""
    facts: dict[str, Json] = {}
    if report.pricing is not None:
        facts["pricing"] = report.pricing
    if report.participant is not None:
        facts["participant"] = report.participant
    if report.entry is not None:
        facts["entry"] = report.entry
    if report.detail is not None:
        facts["detail"] = report.detail
    return facts


def _named(
    items: Sequence[tuple[Item, Home]],
) -> Iterable[tuple[str, str, str, Sequence[Any]]]:
    """Who these reports are about: (tenant, platform, channel id, keys)."""
    for item, home in items:
        report = item.report
        keys = report.identities
        if isinstance(report, IdentityChanged):
            keys += report.now
        if isinstance(report, StatusReported) and len(keys) < LINKED_MIN:
            continue
        if keys:
            yield home.tenant, home.platform, home.id, keys


def _external_ids(item: Item, home: Home) -> Iterable[tuple[str, str]]:
    """What these reports refer to: (channel id, external id)."""
    for lead in item.leads:
        if lead.external_id is not None:
            yield home.id, lead.external_id
    report = item.report
    match report:
        case Received():
            if report.reply_to is not None:
                yield home.id, report.reply_to
            yield home.id, report.external_id
        case Edited() | Deleted() | Reacted():
            yield home.id, report.target
        case Echoed() | StatusReported():
            yield home.id, report.external_id
            if isinstance(report, Echoed) and report.reply_to is not None:
                yield home.id, report.reply_to
        case WatermarkReported():
            pass
