"""The event log as consumers read it, each with a cursor of its own."""

from collections.abc import Sequence
from typing import Any

from omni_actors.model.events import EventType
from omni_actors.store.codec import decode_object
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.remarks import REMARK, joined, remarks_of
from omni_actors.store.handlers.views import MESSAGE, messages_of
from omni_actors.store.queries import EventFloor, Events, LastCursor
from omni_actors.store.rows import ANY_TENANT, Event, Message
from omni_actors.store.verbs import Advance, EnsureConsumer

EVENT_WIDTH = 9
COLUMNS = f"""
    SELECT e.cursor, e.tenant, e.type, e.at, e.conversation_id, e.leg_id, e.channel_id,
           e.message_id, e.detail, {MESSAGE}
    FROM event e LEFT JOIN message m ON m.id = e.message_id
    LEFT JOIN channel c ON c.id = m.channel_id
"""
OF_ALL = COLUMNS + "WHERE e.cursor > :after ORDER BY e.cursor LIMIT :limit"
OF_TENANT = (
    COLUMNS + "WHERE e.tenant = :tenant AND e.cursor > :after ORDER BY e.cursor LIMIT :limit"
)
SOME_OF_ALL = (
    COLUMNS
    + """
    WHERE e.cursor > :after AND e.type IN (SELECT type FROM rows(:batch, type text) w)
    ORDER BY e.cursor LIMIT :limit
"""
)
SOME_OF_TENANT = (
    COLUMNS
    + """
    WHERE e.tenant = :tenant AND e.cursor > :after
      AND e.type IN (SELECT type FROM rows(:batch, type text) w)
    ORDER BY e.cursor LIMIT :limit
"""
)
FLOOR = "SELECT value FROM counter WHERE name = 'event_floor'"
LAST = "SELECT value FROM counter WHERE name = 'event'"
LAST_OF_TENANT = """
    SELECT cursor FROM event WHERE tenant = :tenant ORDER BY cursor DESC LIMIT 1
"""
CONSUMER = "SELECT cursor FROM consumer WHERE id = :id"
ADD_CONSUMER = """
    INSERT INTO consumer (id, tenant, cursor, created_at) VALUES (:id, :tenant, :cursor, :at)
"""
ADVANCE = """
    UPDATE consumer SET cursor = new.cursor
    FROM rows(:batch, id text, cursor bigint) new
    WHERE consumer.id = new.id AND consumer.cursor < new.cursor
"""
OF_TYPE = {type.value: type for type in EventType}


@reads(Events)
def events(db: Reading, query: Events) -> tuple[Event, ...]:
    floor = event_floor(db, EventFloor())
    if query.after < floor:
        raise Refused("cursor_too_old", f"Events up to {floor} are no longer kept.")
    rows = _rows(db, query)
    found = [row[EVENT_WIDTH:] for row in rows if row[EVENT_WIDTH] is not None]
    joined = {row[0]: row for row in found}
    messages = {message.id: message for message in messages_of(db, list(joined.values()))}
    details = _details(db, rows)
    return tuple(
        [
            _event(row, messages.get(row[7]), detail)
            for row, detail in zip(rows, details, strict=True)
        ]
    )


def _details(db: Reading, rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The details of events, joined with what people said there."""
    details = [{} if row[8] == "{}" else decode_object(row[8]) for row in rows]
    named = [(row[6], d[REMARK]) for row, d in zip(rows, details, strict=True) if REMARK in d]
    if not named:
        return details
    remarks = remarks_of(db, named)
    return [joined(d, row[6], remarks) for row, d in zip(rows, details, strict=True)]


def _rows(db: Reading, query: Events) -> list[tuple[Any, ...]]:
    everyone = query.tenant == ANY_TENANT
    if not query.types:
        sql = OF_ALL if everyone else OF_TENANT
        return db.rows(sql, tenant=query.tenant, after=query.after, limit=query.limit)
    types = [(type.value,) for type in query.types]
    sql = SOME_OF_ALL if everyone else SOME_OF_TENANT
    return look(db, sql, types, tenant=query.tenant, after=query.after, limit=query.limit)


def _event(row: tuple[Any, ...], message: Message | None, detail: dict[str, Any]) -> Event:
    cursor, tenant, type, at, conversation_id, leg_id, channel_id, message_id = row[
        : EVENT_WIDTH - 1
    ]
    return Event(
        cursor, event_id(cursor, at), tenant, OF_TYPE[type], at, conversation_id, leg_id,
        channel_id, message_id, detail, message,
    )  # fmt: skip


def event_id(cursor: int, at: float) -> str:
    """An event's id: made of its time and place, so that it needs no column of its own."""
    return f"evt_{int(at * 1000) & (1 << 48) - 1:012x}{cursor:014x}"


@reads(EventFloor)
def event_floor(db: Reading, _query: EventFloor) -> int:
    found = db.row(FLOOR)
    cursor: int = 0 if found is None else found[0]
    return cursor


@reads(LastCursor)
def last_cursor(db: Reading, query: LastCursor) -> int:
    everyone = query.tenant == ANY_TENANT
    found = db.row(LAST) if everyone else db.row(LAST_OF_TENANT, tenant=query.tenant)
    if found is None:
        return event_floor(db, EventFloor())
    cursor: int = found[0]
    return cursor


@writes(EnsureConsumer)
def ensure_consumer(db: Writing, verb: EnsureConsumer) -> int:
    found = db.row(CONSUMER, id=verb.consumer_id)
    if found is None:
        found = db.row(LAST)
        assert found is not None
        db.run(ADD_CONSUMER, id=verb.consumer_id, tenant=verb.tenant, cursor=found[0], at=verb.at)
    cursor: int = found[0]
    return cursor


@writes_many(Advance)
def advance(db: Writing, verbs: Sequence[Advance]) -> Sequence[None]:
    cursors: dict[str, int] = {}
    for verb in verbs:
        cursors[verb.consumer_id] = max(verb.cursor, cursors.get(verb.consumer_id, 0))
    put(db, ADVANCE, list(cursors.items()))
    return [None] * len(verbs)
