"""Channels and their credentials: the config's, kept in step; their states; their queues."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.model.states import ChannelState
from omni_actors.store.cipher import Unreadable
from omni_actors.store.codec import decode_object, dumps, loads
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.names import forget_names, say_names
from omni_actors.store.handlers.standing import blocked, forget_standing, unblock
from omni_actors.store.queries import Channels, Credentials, QueueDepths
from omni_actors.store.rows import ANY_TENANT, Channel, QueueDepth
from omni_actors.store.verbs import ChannelSpec, SetChannelState, SyncChannels

COLUMNS = """
    SELECT id, tenant, platform, channel_key, settings, state, reason, since, source,
           last_event_at
    FROM channel
"""
ALL = COLUMNS + "WHERE :tenant = '*' OR tenant = :tenant ORDER BY id"
ONE = COLUMNS + "WHERE id = :id"
SEALED = "SELECT credentials FROM channel WHERE id = :id"
PUT = """
    INSERT INTO channel (id, tenant, platform, channel_key, settings, credentials,
                         state, reason, since, source)
    VALUES (:id, :tenant, :platform, :channel_key, :settings, :credentials, :state, :reason,
            :since, 'config')
    ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, platform = excluded.platform,
        channel_key = excluded.channel_key, settings = excluded.settings,
        credentials = excluded.credentials, state = excluded.state, reason = excluded.reason,
        since = excluded.since, source = excluded.source
"""
# The key of a removed channel is free; the upsert that follows says what its state is.
LET_GO = "UPDATE channel SET state = 'removed' WHERE id = :id"
SET_STATE = """
    UPDATE channel SET state = :state, reason = :reason, since = :at WHERE id = :id
"""
DEPTHS = """
    SELECT c.id,
        (SELECT count(*) FROM part p
         WHERE p.open = 1 AND p.status <> 'held' AND p.channel_id = c.id),
        (SELECT p.queued_at FROM part p WHERE p.pos = (
            SELECT min(q.pos) FROM part q
            WHERE q.open = 1 AND q.status <> 'held' AND q.channel_id = c.id)),
        (SELECT count(*) FROM part p WHERE p.status = 'held' AND p.channel_id = c.id),
        (SELECT count(*) FROM part p WHERE p.status = 'unknown' AND p.channel_id = c.id),
        (SELECT count(*) FROM part p WHERE p.status = 'sending' AND p.channel_id = c.id)
    FROM channel c WHERE :tenant = '*' OR c.tenant = :tenant ORDER BY c.id
"""


@reads(Channels)
def channels(db: Reading, query: Channels) -> tuple[Channel, ...]:
    return tuple([_channel(row) for row in db.rows(ALL, tenant=query.tenant)])


def _channel(row: tuple[Any, ...]) -> Channel:
    id, tenant, platform, key, settings, state, reason, since, source, last_event_at = row
    return Channel(
        id, tenant, platform, key, decode_object(settings), ChannelState(state), reason, since,
        source, last_event_at,
    )  # fmt: skip


@reads(Credentials)
def credentials(db: Reading, query: Credentials) -> JsonObject:
    found = db.row(SEALED, id=query.channel_id)
    if found is None or found[0] is None:
        raise Refused("unknown_channel", "There is no such channel.")
    opened: JsonObject = loads(db.cipher.open(found[0], query.channel_id).decode())
    return opened


@writes(SyncChannels)
def sync_channels(db: Writing, verb: SyncChannels) -> tuple[Channel, ...]:
    known = {channel.id: channel for channel in channels(db, Channels())}
    _refuse_taken(verb.channels, known)
    wanted = {spec.id for spec in verb.channels}
    journal = Journal()
    for channel in known.values():
        if channel.source == "config" and channel.id not in wanted:
            _change(db, journal, channel, ChannelState.REMOVED, "not in the config", verb.at)
    for spec in verb.channels:
        before = known.get(spec.id)
        if before is not None and before.channel_key != spec.channel_key:
            db.run(LET_GO, id=spec.id)
            forget_names(db, spec.id)
            forget_standing(db, spec.id)
    for spec in verb.channels:
        _put(db, journal, spec, known.get(spec.id), verb.at)
    journal.keep(db)
    return channels(db, Channels())


def _refuse_taken(specs: Sequence[ChannelSpec], known: dict[str, Channel]) -> None:
    """Two channels with one key would get each other's messages."""
    owners = {
        (channel.platform, channel.channel_key): channel.id
        for channel in known.values()
        if channel.source != "config" and channel.state is not ChannelState.REMOVED
    }
    for spec in specs:
        owner = owners.setdefault((spec.platform, spec.channel_key), spec.id)
        if owner != spec.id:
            raise Refused(
                "channel_taken",
                f"The channels {owner} and {spec.id} claim the same {spec.platform} channel.",
            )


def _put(
    db: Writing, journal: Journal, spec: ChannelSpec, before: Channel | None, at: float
) -> None:
    state, reason, since = ChannelState.ACTIVE, None, at
    back = before is not None and _comes_back(db, spec, before)
    if before is not None and not back:
        state, reason, since = before.state, before.reason, before.since
    db.run(
        PUT,
        id=spec.id,
        tenant=spec.tenant,
        platform=spec.platform,
        channel_key=spec.channel_key,
        settings=dumps(spec.settings),
        credentials=db.cipher.seal(dumps(spec.credentials).encode(), spec.id),
        state=state.value,
        reason=reason,
        since=since,
    )
    say_names(db, spec.id, spec.platform, spec.names)
    if back and before is not None:
        _tell(journal, before, state, None, at)
        restrict(db, journal, spec.id, at)


def _comes_back(db: Reading, spec: ChannelSpec, before: Channel) -> bool:
    """Whether the config makes a channel active that was not: it is in it again, or has new
    credentials."""
    if before.state is ChannelState.NEEDS_REAUTH:
        try:
            return credentials(db, Credentials(spec.id)) != spec.credentials
        except Unreadable:  # sealed with a key that is gone
            return True
    return before.state is ChannelState.REMOVED


@writes(SetChannelState)
def set_channel_state(db: Writing, verb: SetChannelState) -> Channel:
    found = db.row(ONE, id=verb.channel_id)
    channel = None if found is None else _channel(found)
    if channel is None or verb.tenant not in (ANY_TENANT, channel.tenant):
        raise Refused("unknown_channel", "There is no such channel.")
    same = channel.state is verb.state and channel.reason == verb.reason
    if same or channel.state in verb.unless:
        return channel
    journal = Journal()
    state, reason = _allowed(db, channel, verb)
    _change(db, journal, channel, state, reason, verb.at)
    journal.keep(db)
    changed = db.row(ONE, id=verb.channel_id)
    assert changed is not None
    return _channel(changed)


def _allowed(
    db: Writing, channel: Channel, verb: SetChannelState
) -> tuple[ChannelState, str | None]:
    """The state that a channel may have now: its operator overrules its platform knowingly only."""
    if verb.state is not ChannelState.ACTIVE:
        return verb.state, verb.reason
    if channel.state is ChannelState.RESTRICTED:
        unblock(db, channel.id)
        return verb.state, verb.reason
    why = blocked(db, channel.id, verb.at)
    return (verb.state, verb.reason) if why is None else (ChannelState.RESTRICTED, why)


def restrict(db: Writing, journal: Journal, channel_id: str, at: float) -> Channel | None:
    """Let a channel send, or not, as its standing is now; the channel when that changes it.

    What its operator said stands.
    """
    found = db.row(ONE, id=channel_id)
    assert found is not None
    channel, why = _channel(found), blocked(db, channel_id, at)
    operators = channel.state in (ChannelState.PAUSED, ChannelState.REMOVED)
    if operators or (why is None and channel.state is not ChannelState.RESTRICTED):
        return None
    state = ChannelState.ACTIVE if why is None else ChannelState.RESTRICTED
    if (state, why) == (channel.state, channel.reason):
        return None
    _change(db, journal, channel, state, why, at)
    return evolve(channel, state=state, reason=why, since=at)


def _change(
    db: Writing,
    journal: Journal,
    channel: Channel,
    state: ChannelState,
    reason: str | None,
    at: float,
) -> None:
    if channel.state is state and channel.reason == reason:
        return
    db.run(SET_STATE, id=channel.id, state=state.value, reason=reason, at=at)
    _tell(journal, channel, state, reason, at)


def _tell(
    journal: Journal, channel: Channel, state: ChannelState, reason: str | None, at: float
) -> None:
    journal.note(
        EventType.CHANNEL_STATE, channel.tenant, at, None, None, channel.id, None,
        {"state": state.value, "was": channel.state.value, "reason": reason},
    )  # fmt: skip


@reads(QueueDepths)
def queue_depths(db: Reading, query: QueueDepths) -> tuple[QueueDepth, ...]:
    return tuple(
        [
            QueueDepth(id, waiting - unknown - sending, oldest, held, unknown)
            for id, waiting, oldest, held, unknown, sending in db.rows(DEPTHS, tenant=query.tenant)
            if waiting or held
        ]
    )
