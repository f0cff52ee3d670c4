"""How far old conversations were read."""

from typing import Any

from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.history import Cause, SyncState
from omni_actors.model.json import JsonObject
from omni_actors.store.codec import decode_failure, decode_keys, encode_failure
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.history import (
    AskHistory,
    Histories,
    HistoryOf,
    HistorySync,
    KnownPerson,
    NoteHistory,
    PeopleOf,
)

COLUMNS = """
    SELECT channel_id, tenant, state, cause, since, asked_at, due_at, began_at, ended_at, cursor,
           strikes, reached_at, conversations, messages, added, beyond, unread, failure,
           next_cause, next_since
    FROM history
"""
STATE_AT, CAUSE_AT, FAILURE_AT, NEXT_AT = 2, 3, 17, 18
ONE = COLUMNS + "WHERE channel_id = :channel_id"
ALL = COLUMNS + "WHERE :tenant = '*' OR tenant = :tenant ORDER BY channel_id"
OWNER = "SELECT tenant FROM channel WHERE id = :channel_id"
PUT = """
    INSERT INTO history (channel_id, tenant, state, cause, since, asked_at, due_at, began_at,
        ended_at, cursor, strikes, reached_at, conversations, messages, added, beyond, unread,
        failure, next_cause, next_since)
    VALUES (:channel_id, :tenant, :state, :cause, :since, :asked_at, :due_at, :began_at,
        :ended_at, :cursor, :strikes, :reached_at, :conversations, :messages, :added, :beyond,
        :unread, :failure, :next_cause, :next_since)
    ON CONFLICT (channel_id) DO UPDATE SET tenant = excluded.tenant, state = excluded.state,
        cause = excluded.cause, since = excluded.since, asked_at = excluded.asked_at,
        due_at = excluded.due_at, began_at = excluded.began_at, ended_at = excluded.ended_at,
        cursor = excluded.cursor, strikes = excluded.strikes, reached_at = excluded.reached_at,
        conversations = excluded.conversations, messages = excluded.messages,
        added = excluded.added, beyond = excluded.beyond, unread = excluded.unread,
        failure = excluded.failure, next_cause = excluded.next_cause,
        next_since = excluded.next_since
"""
PEOPLE = """
    SELECT g.conversation_id, g.id, i.keys
    FROM leg g JOIN identity i ON i.id = g.identity_id
    WHERE g.channel_id = :channel_id AND (g.conversation_id, g.id) < (:conversation_id, :leg_id)
    ORDER BY g.conversation_id DESC, g.id DESC LIMIT :limit
"""
UNDER_WAY = (SyncState.WAITING, SyncState.RUNNING)


@writes(AskHistory)
def ask_history(db: Writing, verb: AskHistory) -> HistorySync:
    owner = db.row(OWNER, channel_id=verb.channel_id)
    if owner is None:
        raise Refused("unknown_channel", f"there is no channel {verb.channel_id!r}")
    known = _known(db, verb.channel_id)
    if known is not None and known.state in UNDER_WAY:
        return _put(db, _after(known, verb))
    failed = known is not None and known.state is SyncState.FAILED
    since = _wider(known.since, verb.since) if known is not None and failed else verb.since
    return _put(db, _fresh(evolve(verb, since=since), owner[0]))


def _fresh(verb: AskHistory, tenant: str) -> HistorySync:
    return HistorySync(
        verb.channel_id, tenant, SyncState.WAITING, verb.cause, verb.since, verb.at, verb.due_at
    )


def _after(known: HistorySync, verb: AskHistory) -> HistorySync:
    """A reading under way, with what is asked for meanwhile."""
    known = evolve(known, due_at=min(verb.due_at, known.due_at or verb.due_at))
    if known.began_at is None:  # it has not passed anything yet
        return evolve(known, since=_wider(known.since, verb.since))
    if verb.cause is Cause.ASKED and known.since is None:
        return known
    if known.next_cause is None:
        return evolve(known, next_cause=verb.cause, next_since=verb.since)
    return evolve(known, next_since=_wider(known.next_since, verb.since))


def _wider(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else min(one, other)


@writes(NoteHistory)
def note_history(db: Writing, verb: NoteHistory) -> HistorySync:
    sync, known = verb.sync, _known(db, verb.sync.channel_id)
    if known is None:
        raise Refused("gone", f"nobody reads the history of {sync.channel_id!r}")
    next_cause, next_since = known.next_cause, known.next_since
    if sync.state is SyncState.DONE:
        _announce(db, sync, known.tenant)
    if sync.state is SyncState.DONE and next_cause is not None and sync.ended_at is not None:
        at = sync.ended_at
        fresh = AskHistory(sync.channel_id, next_cause, next_since, at, at)
        return _put(db, _fresh(fresh, known.tenant))
    as_asked = evolve(sync, since=known.since, next_cause=next_cause, next_since=next_since)
    return _put(db, as_asked)


def _announce(db: Writing, sync: HistorySync, tenant: str) -> None:
    """Old conversations were read: consumers learn what that came to."""
    detail: JsonObject = {
        "kind": "history",
        "severity": "info",
        "detail": {
            "cause": sync.cause.value,
            "conversations": sync.conversations,
            "messages": sync.messages,
            "added": sync.added,
            "beyond": sync.beyond,
            "unread": sync.unread,
        },
    }
    journal = Journal()
    at = sync.ended_at or sync.asked_at
    journal.note(EventType.CHANNEL_REPORTED, tenant, at, channel_id=sync.channel_id, detail=detail)
    journal.keep(db)


@reads(HistoryOf)
def history_of(db: Reading, query: HistoryOf) -> HistorySync | None:
    return _known(db, query.channel_id)


@reads(Histories)
def histories(db: Reading, query: Histories) -> tuple[HistorySync, ...]:
    return tuple([_read(row) for row in db.rows(ALL, tenant=query.tenant)])


@reads(PeopleOf)
def people_of(db: Reading, query: PeopleOf) -> tuple[KnownPerson, ...]:
    conversation_id, leg_id = query.after
    rows = db.rows(
        PEOPLE,
        channel_id=query.channel_id,
        conversation_id=conversation_id,
        leg_id=leg_id,
        limit=query.limit,
    )
    return tuple([KnownPerson(thread, leg, decode_keys(keys)) for thread, leg, keys in rows])


def _known(db: Reading, channel_id: str) -> HistorySync | None:
    row = db.row(ONE, channel_id=channel_id)
    return None if row is None else _read(row)


def _read(row: tuple[Any, ...]) -> HistorySync:
    found = list(row)
    found[STATE_AT], found[CAUSE_AT] = SyncState(row[STATE_AT]), Cause(row[CAUSE_AT])
    found[FAILURE_AT] = decode_failure(row[FAILURE_AT])
    found[NEXT_AT] = None if row[NEXT_AT] is None else Cause(row[NEXT_AT])
    return HistorySync(*found)


def _put(db: Writing, sync: HistorySync) -> HistorySync:
    db.run(
        PUT,
        channel_id=sync.channel_id,
        tenant=sync.tenant,
        state=sync.state.value,
        cause=sync.cause.value,
        since=sync.since,
        asked_at=sync.asked_at,
        due_at=sync.due_at,
        began_at=sync.began_at,
        ended_at=sync.ended_at,
        cursor=sync.cursor,
        strikes=sync.strikes,
        reached_at=sync.reached_at,
        conversations=sync.conversations,
        messages=sync.messages,
        added=sync.added,
        beyond=sync.beyond,
        unread=sync.unread,
        failure=encode_failure(sync.failure),
        next_cause=sync.next_cause.value if sync.next_cause else None,
        next_since=sync.next_since,
    )
    return sync
