"""Parts and what becomes of them: every change of a part's status goes through here."""

from collections.abc import Iterable
from typing import Any

from omni_actors.model import ids
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure, Kind
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.states import UNFINISHED, PartStatus
from omni_actors.store.codec import (
    decode_failure,
    decode_object,
    dumps,
    encode_failure,
    failure_json,
    loads,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Writing
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.free_entries import FreeEntries
from omni_actors.store.handlers.heads import wakes_by_leg
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.part_work import (
    DEAD,
    OF_STATUS,
    RANK_FAILED,
    RANK_SENT,
    STEP,
    MessageWork,
    PartWork,
    status_of,
)
from omni_actors.store.rows import ANY_TENANT, LegWake

COLUMNS = """
    SELECT p.pos, p.id, p.message_id, p.n, p.channel_id, p.lane, p.leg_id, p.status, p.rank,
           p.attempts, p.attempt_id, p.due_at, p.until_at, p.wire_at, p.first_failed_at,
           p.external_ids, p.past_ids, p.failure, p.maybe_duplicate, p.status_at, p.windowed,
           p.held_for,
           m.tenant, m.conversation_id, m.told, m.parts, m.on_unknown, m.sent_at, g.marks
"""
OF_PARTS = (
    COLUMNS
    + """
    FROM rows(:batch, id text) w
    JOIN part p ON p.id = w.id
    JOIN message m ON m.id = p.message_id
    JOIN leg g ON g.id = p.leg_id
"""
)
OF_MESSAGES = (
    COLUMNS
    + """
    FROM rows(:batch, id text) w
    JOIN message m ON m.id = w.id
    JOIN part p ON p.message_id = m.id
    JOIN leg g ON g.id = p.leg_id
    ORDER BY p.message_id, p.n
"""
)
CHANGE = """
    UPDATE part SET status = new.status, open = new.open, rank = new.rank,
        attempts = new.attempts, due_at = new.due_at, until_at = new.until_at,
        first_failed_at = new.first_failed_at, external_ids = new.external_ids,
        past_ids = new.past_ids, failure = new.failure, maybe_duplicate = new.maybe_duplicate,
        status_at = new.status_at, windowed = new.windowed, held_for = new.held_for
    FROM rows(:batch, id text, status text, open bigint, rank bigint, attempts bigint,
              due_at real, until_at real, first_failed_at real, external_ids text,
              past_ids bigint, failure text, maybe_duplicate bigint, status_at real,
              windowed bigint, held_for text) new
    WHERE part.id = new.id
"""
TELL = """
    UPDATE message SET told = new.told, sent_at = new.sent_at
    FROM rows(:batch, id text, told text, sent_at real) new WHERE message.id = new.id
"""
DROP = "DELETE FROM part WHERE id IN (SELECT id FROM rows(:batch, id text) gone)"
LEARN = """
    INSERT INTO external (channel_id, external_id, message_id, part_id)
    SELECT channel_id, external_id, message_id, part_id
    FROM rows(:batch, channel_id text, external_id text, message_id text, part_id text) new
    WHERE true ON CONFLICT DO NOTHING
"""
REMEMBER = """
    INSERT INTO part_history (part_id, at, status, failure)
    SELECT part_id, at, status, failure
    FROM rows(:batch, part_id text, at real, status text, failure text) new WHERE true
"""
BURY = """
    INSERT INTO dead_letter (id, tenant, kind, ref, message_id, channel_id, leg_id, reason, failure,
                             at)
    SELECT id, tenant, kind, ref, message_id, channel_id, leg_id, reason, failure, at
    FROM rows(:batch, id text, tenant text, kind text, ref text, message_id text,
              channel_id text, leg_id text, reason text, failure text, at real) new
    WHERE true
"""
SETTLE_LETTERS = """
    UPDATE dead_letter SET redriven_at = new.at
    FROM rows(:batch, ref text, at real) new
    WHERE dead_letter.ref = new.ref AND dead_letter.kind = 'part'
      AND dead_letter.redriven_at IS NULL
"""

FOR_WINDOW = "window"
FOR_OUTREACH = "outreach"
FOR_DOUBT = "doubt"
TOLD_WHY = (PartStatus.FAILED, PartStatus.UNKNOWN, PartStatus.HELD, PartStatus.QUEUED)
TOLD_BY: dict[PartStatus, EventType] = {
    status: EventType("message." + status.value)
    for status in PartStatus
    if status is not PartStatus.SENDING
}


class Parts:
    """The parts that a batch is about; loaded at once, written at once."""

    def __init__(self, db: Writing, journal: Journal) -> None:
        self._db = db
        self._journal = journal
        self._messages: dict[str, MessageWork] = {}
        self._by_id: dict[str, PartWork] = {}
        self._learned: list[tuple[str, str, str, str]] = []
        self._history: list[tuple[Any, ...]] = []
        self._dead: list[tuple[Any, ...]] = []
        self._alive: dict[str, float] = {}
        self._dropped: list[tuple[str]] = []
        self._free = FreeEntries()
        self._freed: set[tuple[str, str]] = set()

    def load(self, part_ids: Iterable[str]) -> None:
        """Read these parts with all parts of their messages."""
        wanted = [(part_id,) for part_id in dict.fromkeys(part_ids) if part_id not in self._by_id]
        if not wanted:
            return
        rows = look(self._db, OF_PARTS, wanted)
        several = {row[2] for row in rows if row[25] > 1}
        for row in rows:
            if row[2] not in several:
                self._add(row)
        if several:
            self.load_messages(several)

    def load_messages(self, message_ids: Iterable[str]) -> None:
        """Read all parts of these messages."""
        wanted = [(id,) for id in dict.fromkeys(message_ids) if id not in self._messages]
        if wanted:
            for row in look(self._db, OF_MESSAGES, wanted):
                self._add(row)

    def _add(self, row: tuple[Any, ...]) -> None:
        (
            pos, part_id, message_id, n, channel_id, lane, leg_id, status, rank, attempts,
            attempt_id, due_at, until_at, wire_at, first_failed_at, external_ids, past_ids,
            failure, maybe_duplicate, status_at, windowed, held_for, tenant, conversation_id, told,
            count,
            on_unknown, sent_at, marks,
        ) = row  # fmt: skip
        message = self._messages.get(message_id)
        if message is None:
            message = MessageWork(
                message_id, tenant, conversation_id, leg_id, channel_id, told, count, on_unknown,
                sent_at,
            )  # fmt: skip
            self._messages[message_id] = message
        part = PartWork(
            pos, part_id, n, lane, OF_STATUS[status], rank, attempts, attempt_id, due_at,
            until_at, wire_at, first_failed_at,
            [] if external_ids == "[]" else loads(external_ids), past_ids, failure,
            bool(maybe_duplicate), status_at, bool(windowed), held_for, message, marks,
        )  # fmt: skip
        message.parts.append(part)
        self._by_id[part_id] = part

    def get(self, part_id: str | None) -> PartWork | None:
        return self._by_id.get(part_id) if part_id is not None else None

    def message(self, message_id: str) -> MessageWork | None:
        return self._messages.get(message_id)

    def message_for(self, tenant: str, message_id: str) -> MessageWork:
        """A message of the tenant with all its parts, read now. Refused `unknown_message`."""
        self.load_messages([message_id])
        message = self.message(message_id)
        if message is None or tenant not in (ANY_TENANT, message.tenant):
            raise Refused("unknown_message", "There is no such message.")
        return message

    def sent_by(self, leg_id: str, until: float) -> list[PartWork]:
        """Of what is loaded: a leg's parts that the platform had by `until`."""
        return [
            part
            for part in self._by_id.values()
            if part.message.leg_id == leg_id
            and part.status in (PartStatus.SENT, PartStatus.DELIVERED)
            and part.wire_at is not None
            and part.wire_at <= until
        ]

    def learn(self, part: PartWork, external_ids: Iterable[str]) -> None:
        """The platform's ids of a part."""
        message = part.message
        for external_id in external_ids:
            if external_id not in part.external_ids:
                part.external_ids.insert(part.present_ids, external_id)
                part.dirty = True
                self._learned.append((message.channel_id, external_id, message.id, part.id))

    def report(
        self,
        part: PartWork,
        status: PartStatus,
        rank: int,
        at: float,
        failure: Failure | None = None,
        facts: JsonObject | None = None,
    ) -> None:
        """What the platform says of a part: the highest rank wins, contradictions are kept.

        `facts` go into the event that this leads to.
        """
        if facts is not None and "entry" in facts:
            sent_at = at if part.wire_at is None else part.wire_at
            self._free.learn(part.message.leg_id, facts["entry"], sent_at)
        contradicts = status is not part.status and PartStatus.FAILED in (status, part.status)
        if rank <= part.rank:
            if contradicts and rank > 0:
                self._history.append((part.id, at, status.value, encode_failure(failure)))
            return
        if contradicts and part.status is PartStatus.FAILED:
            told = (part.id, part.status_at, part.status.value, part.failure)
            self._history.append(told)
        dead = part.status in DEAD
        self._set(part, status, at, encode_failure(failure))
        part.rank = rank
        self.announce(part.message, at, failure, facts)
        if status is PartStatus.FAILED and not dead:
            self._bury(part, at, failure.reason.value if failure else "unknown", failure)

    def told_of_member(
        self,
        part: PartWork,
        status: PartStatus,
        rank: int,
        at: float,
        failure: Failure | None,
        facts: JsonObject,
    ) -> None:
        """What became of a part for one member of a group.

        The furthest that it came with any of them counts for the part. That one did not get it is
        told, and no failure of the part: the platform took it for the others.
        """
        self.told_of_copy(part, status, at, failure, facts)
        if failure is None:
            self.report(part, status, rank, at, facts=facts)
        else:
            self.take_up(part, at)

    def told_of_copy(
        self,
        part: PartWork,
        status: PartStatus,
        at: float,
        failure: Failure | None,
        facts: JsonObject,
    ) -> None:
        """What became of a copy of a part. It says nothing of the part, which may be on its way to
        its reader anew."""
        detail: dict[str, Json] = {**facts, "part_id": part.id, "status": status.value}
        if failure is not None:
            detail["failure"] = failure_json(failure)
            self._history.append((part.id, at, status.value, encode_failure(failure)))
        self._note(EventType.MESSAGE_MEMBER, part.message, at, detail)

    def answered(self, part: PartWork, external_ids: Iterable[str], *, past: bool) -> None:
        """The platform's answer names a try's ids: those of another try are told from them."""
        named = list(external_ids)
        self.learn(part, named)
        if past:
            self.learn_past(part, named)
        elif part.tried_before:
            self.learn_past(part, [id for id in part.external_ids if id not in named])

    def learn_past(self, part: PartWork, external_ids: Iterable[str]) -> None:
        """These are the platform's ids of earlier tries."""
        for external_id in external_ids:
            self.learn(part, [external_id])
            if not part.of_past(external_id):
                part.external_ids.remove(external_id)
                part.external_ids.append(external_id)
                part.past_ids += 1
                part.dirty = True

    def overtaken(
        self, part: PartWork, status: PartStatus, at: float, failure: Failure | None
    ) -> None:
        """What the platform says of an earlier try of a part that was sent, or is to be, anew."""
        self._history.append((part.id, at, status.value, encode_failure(failure)))

    def take_up(self, part: PartWork, at: float) -> None:
        """The platform accepted it; what was reported meanwhile stays."""
        if part.rank >= RANK_SENT:
            return
        self._set(part, PartStatus.SENT, at, None)
        part.rank = RANK_SENT
        self.announce(part.message, at)

    def again(
        self, part: PartWork, due_at: float, failure: Failure, refund: bool, at: float
    ) -> None:
        """Back to the queue, at its old place."""
        if part.first_failed_at is None and not refund:
            part.first_failed_at = at
        self._set(part, PartStatus.QUEUED, at, encode_failure(failure))
        part.due_at = due_at
        if refund:
            part.attempts -= 1
        self.announce(part.message, at, failure)

    def send_again(self, part: PartWork, due_at: float, failure: Failure, at: float) -> None:
        """Back to the queue, at its old place, though the platform had taken it: it says that it
        failed, and why another try may not."""
        self._history.append((part.id, at, PartStatus.FAILED.value, encode_failure(failure)))
        self.again(part, due_at, failure, refund=False, at=at)
        part.rank = 0
        self._freed.add((part.message.channel_id, part.message.leg_id))

    def give_up(
        self,
        part: PartWork,
        failure: Failure,
        at: float,
        *,
        gap: bool = False,
        reason: str | None = None,
    ) -> None:
        """Failed for good: a dead letter, for the failure's reason when no other is given.

        Where nobody knows what became of it, any word of the platform counts for more.
        """
        self._set(part, PartStatus.FAILED, at, encode_failure(failure))
        if failure.kind is not Kind.UNKNOWN:
            part.rank = RANK_FAILED
        self.announce(part.message, at, failure)
        self._bury(part, at, reason or failure.reason.value, failure, gap)

    def doubt(self, part: PartWork, failure: Failure | None, until: float, at: float) -> None:
        """Nobody knows; it holds its leg until `until`."""
        self._set(part, PartStatus.UNKNOWN, at, encode_failure(failure))
        part.until_at = until
        self.announce(part.message, at, failure)

    def expire(self, part: PartWork, at: float) -> None:
        self._set(part, PartStatus.EXPIRED, at, None)
        self.announce(part.message, at)
        self._bury(part, at, "expired", None)

    def cancel(self, part: PartWork, at: float) -> None:
        self._set(part, PartStatus.CANCELLED, at, None)
        self.announce(part.message, at)

    def queue(self, part: PartWork, at: float, *, maybe_duplicate: bool = False) -> None:
        """Put it in the queue, due at once; `maybe_duplicate` once true stays true."""
        self._set(part, PartStatus.QUEUED, at, part.failure)
        self._freed.add((part.message.channel_id, part.message.leg_id))
        part.due_at = at
        part.maybe_duplicate = part.maybe_duplicate or maybe_duplicate
        self.announce(part.message, at)

    def hold(
        self,
        part: PartWork,
        at: float,
        wanting: str,
        failure: Failure | None = None,
    ) -> None:
        """Set it aside for what it waits for; it is in nobody's way.

        What waits for a window or for room is to be sent anew; of what is in doubt its sender would
        rather decide.
        """
        why = failure or decode_failure(part.failure)
        self._set(part, PartStatus.HELD, at, encode_failure(why))
        part.held_for = wanting
        if wanting != FOR_DOUBT:
            part.past_ids = len(part.external_ids)
        self.announce(part.message, at, why)

    def drop(self, part: PartWork) -> None:
        """Forget a part that was never on the wire: something else took its place."""
        part.message.parts.remove(part)
        del self._by_id[part.id]
        self._dropped.append((part.id,))

    def _set(self, part: PartWork, status: PartStatus, at: float, failure: str | None) -> None:
        if part.status in UNFINISHED:
            self._freed.add((part.message.channel_id, part.message.leg_id))
        elif part.status in DEAD and status not in DEAD:
            self._alive[part.id] = at
        if status is PartStatus.QUEUED:
            part.past_ids = len(part.external_ids)
        part.status = status
        part.status_at = at
        part.failure = failure
        part.until_at = None
        part.held_for = None
        part.dirty = True

    def announce(
        self,
        message: MessageWork,
        at: float,
        failure: Failure | None = None,
        facts: JsonObject | None = None,
    ) -> None:
        """Write an event when this changed the message's status."""
        parts = message.parts
        if len(parts) == 1:
            status, partial = parts[0].status, False
        else:
            status, partial = status_of([part.status for part in parts])
        if status is PartStatus.SENDING:
            status = PartStatus.QUEUED
        if message.told == status.value:
            return
        message.told = status.value
        message.dirty = True
        if message.sent_at is None and status in STEP and STEP[status] >= STEP[PartStatus.SENT]:
            message.sent_at = at
        detail: dict[str, Json] = dict(facts) if facts else {}
        if partial:
            detail["partial"] = True
        if failure is not None and status in TOLD_WHY:
            detail["failure"] = failure_json(failure)
        self._note(TOLD_BY[status], message, at, detail)

    def _note(
        self, type: EventType, message: MessageWork, at: float, detail: dict[str, Json]
    ) -> None:
        self._journal.note(
            type, message.tenant, at, message.conversation_id, message.leg_id, message.channel_id,
            message.id, detail,
        )  # fmt: skip

    def _bury(
        self, part: PartWork, at: float, reason: str, failure: Failure | None, gap: bool = False
    ) -> None:
        message = part.message
        dead_letter_id = self._db.ids(ids.DEAD_LETTER)
        self._dead.append(
            (
                dead_letter_id, message.tenant, "part", part.id, message.id, message.channel_id,
                message.leg_id, reason, encode_failure(failure), at,
            )
        )  # fmt: skip
        detail: dict[str, Json] = {
            "dead_letter_id": dead_letter_id, "part_id": part.id, "reason": reason,
        }  # fmt: skip
        if gap:
            detail["gap"] = True
        self._note(EventType.DELIVERY_DEAD, message, at, detail)

    def marks_of(self, part: PartWork) -> list[tuple[PartStatus, float, int]]:
        """The leg's watermarks: a status, until when all has reached it, its rank."""
        if part.marks == "{}":
            return []
        marks = decode_object(part.marks).items()
        return [(OF_STATUS[status], until, rank) for status, (until, rank) in marks]

    def keep(self) -> None:
        """Write all that changed. Events are the journal's to keep."""
        db = self._db
        changed = [part for part in self._by_id.values() if part.dirty]
        if changed:
            put(db, CHANGE, [_row(part) for part in changed])
        told = [(m.id, m.told, m.sent_at) for m in self._messages.values() if m.dirty]
        put(db, TELL, told)
        put(db, DROP, self._dropped)
        self._free.keep(db)
        put(db, LEARN, self._learned)
        put(db, REMEMBER, self._history)
        put(db, SETTLE_LETTERS, list(self._alive.items()))
        put(db, BURY, self._dead)
        if self._dead and self._alive:  # buried and alive again in this very batch
            alive = [one for one in self._alive.items() if self._by_id[one[0]].status not in DEAD]
            put(db, SETTLE_LETTERS, alive)

    def wakes(self, also: Iterable[tuple[str, str]] = ()) -> dict[str, tuple[LegWake, ...]]:
        """By leg, what may be sent now of the legs whose parts changed; after `keep`.

        `also` names more legs, as (channel id, leg id).
        """
        return wakes_by_leg(self._db, self._freed.union(also))


def _row(part: PartWork) -> tuple[Any, ...]:
    unfinished = part.status in UNFINISHED
    return (
        part.id, part.status.value, 1 if unfinished else 0, part.rank, part.attempts,
        part.due_at, part.until_at, part.first_failed_at,
        dumps(part.external_ids) if part.external_ids else "[]", part.past_ids, part.failure,
        1 if part.maybe_duplicate else 0, part.status_at, 1 if part.windowed else 0,
        part.held_for,
    )  # fmt: skip
