"""Conversations: what waits to be handled, their legs, their context, their listings."""

from collections.abc import Mapping, Sequence
from typing import Any

from omni_actors.model.content import Content, Reaction
from omni_actors.model.events import EventType
from omni_actors.store.codec import (
    decode_content,
    decode_object,
    dumps,
    encode_choice,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes, writes_many
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.due import FORGET_TIMERS, SET_TIMER
from omni_actors.store.handlers.held import let_go
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.people import People
from omni_actors.store.handlers.views import (
    CONVERSATION,
    conversations_of,
    leg_by_id,
    leg_with_key,
    legs_by_conversation,
    questions_by_leg,
)
from omni_actors.store.queries import (
    ContextOf,
    ConversationById,
    Conversations,
    LegAt,
    LegById,
    LegsOf,
    Unhandled,
    UnhandledConversations,
)
from omni_actors.store.rows import (
    ANY_TENANT,
    Backlog,
    Context,
    Conversation,
    Entry,
    Leg,
    LegWake,
    Page,
)
from omni_actors.store.verbs import CloseConversation, Handle, OpenLeg, PutContext

ENTRIES = """
    SELECT e.seq, e.kind, e.at, e.leg_id, g.channel_id, e.message_id, m.content,
           e.reply_to_external, e.window_before, e.window_until, e.detail,
           EXISTS (SELECT 1 FROM question q WHERE q.leg_id = e.leg_id)
    FROM entry e JOIN leg g ON g.id = e.leg_id LEFT JOIN message m ON m.id = e.message_id
    WHERE e.conversation_id = :id ORDER BY e.seq LIMIT :limit
"""
# Leaps from conversation to conversation, however many entries each has.
WAITING = """
    WITH RECURSIVE leap (id) AS (
        SELECT (SELECT e.conversation_id FROM entry e WHERE e.conversation_id > :after
                ORDER BY e.conversation_id LIMIT 1)
        UNION ALL
        SELECT (SELECT e.conversation_id FROM entry e WHERE e.conversation_id > leap.id
                ORDER BY e.conversation_id LIMIT 1)
        FROM leap WHERE leap.id IS NOT NULL
    )
    SELECT id FROM leap WHERE id IS NOT NULL LIMIT :limit
"""
HANDLED = """
    DELETE FROM entry WHERE (conversation_id, seq) IN (
        SELECT e.conversation_id, e.seq FROM rows(:batch, id text, upto bigint) done
        JOIN entry e ON e.conversation_id = done.id AND e.seq <= done.upto)
    RETURNING conversation_id, seq
"""
CHOOSE = """
    UPDATE message SET choice = new.choice
    FROM rows(:batch, id text, choice text) new WHERE message.id = new.id
"""
ANSWERED = """
    DELETE FROM question WHERE (leg_id, message_id) IN (
        SELECT leg_id, message_id FROM rows(:batch, leg_id text, message_id text) done)
"""
TENANT_OF = "SELECT v.id, v.tenant FROM rows(:batch, id text) w JOIN conversation v ON v.id = w.id"
ONE = f"SELECT {CONVERSATION} FROM conversation v WHERE v.id = :id"
# Each listing walks along the index of what was asked for, and nothing else.
PAGE_OF_ALL = f"""
    SELECT {CONVERSATION} FROM conversation v WHERE v.id > :after ORDER BY v.id LIMIT :limit
"""
PAGE_OF_TENANT = f"""
    SELECT {CONVERSATION} FROM conversation v
    WHERE v.tenant = :tenant AND v.id > :after ORDER BY v.id LIMIT :limit
"""
PAGE_OF_CHANNEL = f"""
    SELECT {CONVERSATION}
    FROM (SELECT DISTINCT g.conversation_id AS id FROM leg g
          WHERE g.channel_id = :channel_id AND g.conversation_id > :after
            AND (:tenant = '*' OR g.tenant = :tenant)
          ORDER BY g.conversation_id LIMIT :limit) one
    JOIN conversation v ON v.id = one.id
    ORDER BY one.id
"""
PAGE_OF_CONTACT = f"""
    SELECT {CONVERSATION} FROM conversation v
    WHERE v.contact_id = :contact_id AND v.id > :after AND (:tenant = '*' OR v.tenant = :tenant)
      AND (:channel_id = '' OR EXISTS (
            SELECT 1 FROM leg g
            WHERE g.conversation_id = v.id AND g.channel_id = :channel_id))
    LIMIT :limit
"""
CHANNEL = "SELECT platform FROM channel WHERE id = :id AND tenant = :tenant"
READ_CONTEXT = """
    SELECT v.tenant, x.value, x.version FROM conversation v
    LEFT JOIN context x ON x.conversation_id = v.id WHERE v.id = :id
"""
PUT_CONTEXT = """
    INSERT INTO context (conversation_id, value, version) VALUES (:id, :value, :version)
    ON CONFLICT (conversation_id) DO UPDATE SET value = excluded.value, version = excluded.version
"""
CLOSE = "UPDATE conversation SET closed_at = :at WHERE id = :id"


def owns(asking: str, tenant: str) -> bool:
    """Whether who asks for `asking` may see what belongs to `tenant`."""
    return asking in (ANY_TENANT, tenant)


@reads(Unhandled)
def unhandled(db: Reading, query: Unhandled) -> Backlog:
    rows = db.rows(ENTRIES, id=query.conversation_id, limit=query.limit + 1)
    page = rows[: query.limit]
    asked = {row[3] for row in page if row[-1]}
    return Backlog(
        query.conversation_id,
        tuple([_entry(row) for row in page]),
        questions_by_leg(db, asked) if asked else {},
        len(rows) > query.limit,
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    (
        seq, kind, at, leg_id, channel_id, message_id, content, reply_to, before, until, told, _,
    ) = row  # fmt: skip
    detail = {} if told == "{}" else decode_object(told)
    said: Content | None = None
    if kind == "reacted":
        said = Reaction(detail["emoji"], message_id)
    elif content is not None:
        said = decode_content(content)
    return Entry(
        seq, kind, at, leg_id, channel_id, message_id, said, reply_to, before, until, detail
    )


@reads(UnhandledConversations)
def unhandled_conversations(db: Reading, query: UnhandledConversations) -> tuple[str, ...]:
    return tuple([row[0] for row in db.rows(WAITING, after=query.after, limit=query.limit)])


@writes_many(Handle)
def handle(db: Writing, verbs: Sequence[Handle]) -> Sequence[Refused | tuple[LegWake, ...]]:
    telling = {verb.conversation_id for verb in verbs if verb.events}
    tenants = dict(look(db, TENANT_OF, [(id,) for id in telling]))
    nobody = telling - tenants.keys()
    done = _done_now(db, [verb for verb in verbs if verb.conversation_id not in nobody])
    choices = [made for verb in done for made in verb.choices]
    put(db, CHOOSE, [(c.message_id, encode_choice(c.choice)) for c in choices])
    put(db, ANSWERED, [(c.leg_id, c.choice.question_id) for c in choices])
    gone = [timer for verb in done for timer in verb.done]
    put(db, FORGET_TIMERS, [(t.kind, t.ref, t.due_at) for t in gone])
    timers = {(t.kind, t.ref): t for verb in done for t in verb.timers}
    put(db, SET_TIMER, [(t.kind, t.ref, t.due_at, dumps(t.detail)) for t in timers.values()])
    _write_events(db, done, tenants)
    wakes = let_go(db, {leg_id: at for verb in done for leg_id, at in verb.opened})
    refused = Refused("unknown_conversation", "There is no such conversation.")
    return [
        refused
        if verb.conversation_id in nobody
        else tuple([wake for leg_id, _ in verb.opened for wake in wakes.get(leg_id, ())])
        for verb in verbs
    ]


def _done_now(db: Writing, verbs: Sequence[Handle]) -> Sequence[Handle]:
    """The verbs that take effect: what is handled already is not handled twice."""
    upto: dict[str, int] = {}
    for verb in verbs:
        upto[verb.conversation_id] = max(verb.upto, upto.get(verb.conversation_id, 0))
    handled = set(look(db, HANDLED, [each for each in upto.items() if each[1]]))
    return [v for v in verbs if v.upto == 0 or (v.conversation_id, v.upto) in handled]


def _write_events(db: Writing, verbs: Sequence[Handle], tenants: dict[str, str]) -> None:
    """The events that the conversations' actors want told."""
    journal = Journal()
    for verb in verbs:
        for event in verb.events:
            journal.note(
                event.type, tenants[verb.conversation_id], event.at,
                event.conversation_id or verb.conversation_id, event.leg_id, event.channel_id,
                event.message_id, event.detail,
            )  # fmt: skip
    journal.keep(db)


@writes(OpenLeg)
def open_leg(db: Writing, verb: OpenLeg) -> Leg:
    channel = db.row(CHANNEL, id=verb.channel_id, tenant=verb.tenant)
    if channel is None:
        raise Refused("unknown_channel", "There is no such channel.")
    journal = Journal()
    people = People(db, journal)
    platform = channel[0]
    people.load([(verb.tenant, platform, verb.channel_id, verb.keys)])
    reach = people.meet(verb.tenant, platform, verb.channel_id, verb.keys, verb.at)
    if reach is None:
        raise Refused("no_address", "A leg needs an address.")
    people.keep()
    journal.keep(db)
    leg = leg_by_id(db, reach.id)
    assert leg is not None
    return leg


@reads(LegsOf)
def legs_of_conversations(db: Reading, query: LegsOf) -> Mapping[str, tuple[Leg, ...]]:
    return legs_by_conversation(db, query.conversation_ids)


@reads(LegAt)
def leg_at(db: Reading, query: LegAt) -> Leg | None:
    for key in query.keys:
        found = leg_with_key(db, query.tenant, query.platform, query.channel_id, key)
        if found is not None:
            return found
    return None


@reads(LegById)
def leg(db: Reading, query: LegById) -> Leg | None:
    found = leg_by_id(db, query.leg_id)
    return found if found is not None and owns(query.tenant, found.tenant) else None


@reads(Conversations)
def conversations(db: Reading, query: Conversations) -> Page[Conversation]:
    rows = db.rows(
        _listing(query),
        after=query.after,
        tenant=query.tenant,
        contact_id=query.contact_id or "",
        channel_id=query.channel_id or "",
        limit=query.limit + 1,
    )
    found = tuple(conversations_of(db, rows[: query.limit]))
    return Page(found, found[-1].id if len(rows) > query.limit else None)


def _listing(query: Conversations) -> str:
    if query.contact_id:
        return PAGE_OF_CONTACT
    if query.channel_id:
        return PAGE_OF_CHANNEL
    return PAGE_OF_ALL if query.tenant == ANY_TENANT else PAGE_OF_TENANT


@reads(ConversationById)
def conversation(db: Reading, query: ConversationById) -> Conversation | None:
    return _conversation(db, query.tenant, query.conversation_id)


def _conversation(db: Reading, tenant: str, conversation_id: str) -> Conversation | None:
    found = conversations_of(db, db.rows(ONE, id=conversation_id))
    return found[0] if found and owns(tenant, found[0].tenant) else None


@reads(ContextOf)
def context(db: Reading, query: ContextOf) -> Context | None:
    found = db.row(READ_CONTEXT, id=query.conversation_id)
    if found is None or not owns(query.tenant, found[0]):
        return None
    return Context({} if found[1] is None else decode_object(found[1]), found[2] or 0)


@writes(PutContext)
def put_context(db: Writing, verb: PutContext) -> Context:
    found = db.row(READ_CONTEXT, id=verb.conversation_id)
    if found is None or not owns(verb.tenant, found[0]):
        raise Refused("unknown_conversation", "There is no such conversation.")
    version = found[2] or 0
    if version != verb.version:
        raise Refused("version_conflict", "The context was changed meanwhile.")
    db.run(PUT_CONTEXT, id=verb.conversation_id, value=dumps(verb.value), version=version + 1)
    return Context(verb.value, version + 1)


@writes(CloseConversation)
def close(db: Writing, verb: CloseConversation) -> Conversation:
    found = _conversation(db, verb.tenant, verb.conversation_id)
    if found is None:
        raise Refused("unknown_conversation", "There is no such conversation.")
    if found.closed_at is not None:
        return found
    db.run(CLOSE, id=verb.conversation_id, at=verb.at)
    journal = Journal()
    journal.note(EventType.CONVERSATION_CLOSED, found.tenant, verb.at, verb.conversation_id)
    journal.keep(db)
    closed = _conversation(db, verb.tenant, verb.conversation_id)
    assert closed is not None
    return closed
