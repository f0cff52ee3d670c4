"""Channels and their credentials: the config's, kept in step; their states; their queues."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.model.limits import FIRST_AT, LIMITS
from omni_actors.model.states import ChannelState
from omni_actors.store.cipher import Unreadable
from omni_actors.store.codec import decode_object, dumps, loads
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.names import forget_names, say_names
from omni_actors.store.handlers.standing import (
    blocked,
    forget_standing,
    renew_standing,
    unblock,
)
from omni_actors.store.handlers.templates import forget_templates
from omni_actors.store.limits import PutCredentials, TellLimits
from omni_actors.store.queries import Channels, Credentials, QueueDepths
from omni_actors.store.rows import ANY_TENANT, Channel, QueueDepth
from omni_actors.store.verbs import ChannelSpec, SetChannelState, SyncChannels

COLUMNS = """
    SELECT id, tenant, platform, channel_key, settings, state, reason, since, source,
           last_event_at, limits, app, credentials IS NOT NULL
    FROM channel
"""
ALL = COLUMNS + "WHERE :tenant = '*' OR tenant = :tenant ORDER BY id"
ONE = COLUMNS + "WHERE id = :id"
SEALED = "SELECT credentials FROM channel WHERE id = :id"
BOTH = "SELECT credentials, config_credentials FROM channel WHERE id = :id"
LIMIT = "UPDATE channel SET limits = :limits WHERE id = :id"
USE = """
    UPDATE channel SET credentials = :credentials,
        config_credentials = CASE WHEN source = 'config'
            THEN coalesce(config_credentials, credentials) END
    WHERE id = :id
"""
PUT = """
    INSERT INTO channel (id, tenant, platform, channel_key, settings, credentials,
                         config_credentials, state, reason, since, source, app)
    VALUES (:id, :tenant, :platform, :channel_key, :settings, :credentials, :config_credentials,
            :state, :reason, :since, 'config', :app)
    ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, platform = excluded.platform,
        channel_key = excluded.channel_key, settings = excluded.settings,
        credentials = excluded.credentials,
        config_credentials = excluded.config_credentials, state = excluded.state,
        reason = excluded.reason,
        since = excluded.since, source = excluded.source, app = excluded.app
"""
# The key of a removed channel is free; the upsert that follows says what its state is.
LET_GO = "UPDATE channel SET state = 'removed', limits = '{}' WHERE id = :id"
FORGET_UPLOADS = "DELETE FROM upload WHERE channel_id = :id"
SET_STATE = """
    UPDATE channel SET state = :state, reason = :reason, since = :at WHERE id = :id
"""
DEPTHS = """
    SELECT c.id,
        (SELECT count(*) FROM part p
         WHERE p.open = 1 AND p.status <> 'held' AND p.channel_id = c.id),
        (SELECT p.queued_at FROM part p WHERE p.pos = (
            SELECT min(q.pos) FROM part q
            WHERE q.open = 1 AND q.status <> 'held' AND q.channel_id = c.id
            AND q.pos NOT IN (SELECT s.pos FROM part s
                              WHERE s.status = 'sending' AND s.channel_id = c.id)
            AND q.pos NOT IN (SELECT u.pos FROM part u
                              WHERE u.status = 'unknown' AND u.channel_id = c.id))),
        (SELECT count(*) FROM part p WHERE p.status = 'held' AND p.channel_id = c.id),
        (SELECT count(*) FROM part p WHERE p.status = 'unknown' AND p.channel_id = c.id),
        (SELECT count(*) FROM part p WHERE p.status = 'sending' AND p.channel_id = c.id)
    FROM channel c WHERE :tenant = '*' OR c.tenant = :tenant ORDER BY c.id
"""


@reads(Channels)
def channels(db: Reading, query: Channels) -> tuple[Channel, ...]:
    return tuple([channel_of(row) for row in db.rows(ALL, tenant=query.tenant)])


def channel_of(row: tuple[Any, ...]) -> Channel:
    """A channel of its row."""
    (
        id, tenant, platform, key, settings, state, reason, since, source, heard_at, limits, app,
        connected,
    ) = row  # fmt: skip
    return Channel(
        id, tenant, platform, key, decode_object(settings), ChannelState(state), reason, since,
        source, heard_at, {name: (value, at) for name, (value, at) in loads(limits).items()}, app,
        bool(connected),
    )  # fmt: skip


def one_channel(db: Reading, channel_id: str) -> Channel:
    """A channel that is there."""
    found = db.row(ONE, id=channel_id)
    if found is None:
        raise Refused("unknown_channel", "There is no such channel.")
    return channel_of(found)


def limit(db: Writing, channel_id: str, told: JsonObject, at: float) -> Channel | None:
    """Keep what the platform tells of a channel's limits; None when there was newer word."""
    found = db.row(ONE, id=channel_id)
    assert found is not None
    channel = channel_of(found)
    news = {
        name: (told[name], at)
        for name in LIMITS
        if name in told and at >= channel.limits.get(name, (None, at))[1]
    }
    if not news:
        return None
    limits = {**channel.limits, **news}
    db.run(LIMIT, id=channel_id, limits=dumps(limits))
    return evolve(channel, limits=limits)


@writes(TellLimits)
def tell_limits(db: Writing, verb: TellLimits) -> Channel | None:
    found = db.row(ONE, id=verb.channel_id)
    channel = None if found is None else limit(db, verb.channel_id, verb.told, verb.at)
    if found is None or channel is None:
        return None
    if verb.standing is not None:
        renew_standing(db, verb.channel_id, verb.standing)
    before = {name: value for name, (value, _) in channel_of(found).limits.items()}
    after = {name: value for name, (value, _) in channel.limits.items()}
    return None if before == after else channel


@reads(Credentials)
def credentials(db: Reading, query: Credentials) -> JsonObject:
    return credentials_of(db, query.channel_id)


def credentials_of(db: Reading, channel_id: str) -> JsonObject:
    """A channel's credentials, opened. Raises Refused where there are none."""
    found = db.row(SEALED, id=channel_id)
    if found is None or found[0] is None:
        raise Refused("unknown_channel", "There is no such channel, or it is disconnected.")
    opened: JsonObject = loads(db.cipher.open(found[0], channel_id).decode())
    return opened


def use_credentials(db: Writing, channel_id: str, sealed: bytes) -> None:
    """Use these in place of the config's, until the config says others than now."""
    db.run(USE, id=channel_id, credentials=sealed)


@writes(SyncChannels)
def sync_channels(db: Writing, verb: SyncChannels) -> tuple[Channel, ...]:
    known = {channel.id: channel for channel in channels(db, Channels())}
    _refuse_taken(verb.channels, known)
    wanted = {spec.id for spec in verb.channels}
    journal = Journal()
    for channel in known.values():
        if channel.source == "config" and channel.id not in wanted:
            change_state(db, journal, channel, ChannelState.REMOVED, "not in the config", verb.at)
    for spec in verb.channels:
        before = known.get(spec.id)
        if before is not None and before.channel_key != spec.channel_key:
            _become_another(db, spec.id)
    for spec in verb.channels:
        _put(db, journal, spec, known.get(spec.id), verb.at)
    journal.keep(db)
    return channels(db, Channels())


def _become_another(db: Writing, channel_id: str) -> None:
    """The channel is another account from now on; what was known of the one before is not of it."""
    db.run(LET_GO, id=channel_id)
    db.run(FORGET_UPLOADS, id=channel_id)
    forget_names(db, channel_id)
    forget_standing(db, channel_id)
    forget_templates(db, channel_id)


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
    said = dumps(spec.credentials).encode()
    state, reason, since = ChannelState.ACTIVE, None, at
    used, by_config = _sealed(db, spec)
    taken_back = used is None and by_config is not None
    back = before is not None and not taken_back and _comes_back(before, spec, renewed=used is None)
    if before is not None and not back:
        state, reason, since = before.state, before.reason, before.since
    connected_by = None if before is None or by_config is None else before.app
    db.run(
        PUT,
        id=spec.id,
        tenant=spec.tenant,
        platform=spec.platform,
        channel_key=spec.channel_key,
        settings=dumps(spec.settings),
        credentials=used if used or taken_back else db.cipher.seal(said, spec.id),
        config_credentials=by_config,
        state=state.value,
        reason=reason,
        since=since,
        app=connected_by or spec.app,
    )
    say_names(db, spec.id, spec.platform, spec.names)
    if back and before is not None:
        tell_state(journal, before, state, None, at)
        restrict(db, journal, spec.id, at)


def _sealed(db: Reading, spec: ChannelSpec) -> tuple[bytes | None, bytes | None]:
    """The credentials to keep, and the config's beside them where others are in use.

    Both are None when the config says something new: then that counts. The first alone is where
    somebody took back what they had allowed.
    """
    used, by_config = db.row(BOTH, id=spec.id) or (None, None)
    said = by_config if by_config is not None else used
    if said is None:
        return None, None
    try:
        same = loads(db.cipher.open(said, spec.id).decode()) == spec.credentials
        if used is not None:
            db.cipher.open(used, spec.id)
    except Unreadable:  # sealed with a key that is gone
        return None, None
    return (used, by_config) if same else (None, None)


def _comes_back(before: Channel, spec: ChannelSpec, *, renewed: bool) -> bool:
    """Whether the config makes a channel active that was not: it is in it again, has new
    credentials, or is another account than the one that could not send."""
    match before.state:
        case ChannelState.NEEDS_REAUTH:
            return renewed
        case ChannelState.RESTRICTED | ChannelState.BROKEN:
            return before.channel_key != spec.channel_key
        case state:
            return state is ChannelState.REMOVED


@writes(PutCredentials)
def put_credentials(db: Writing, verb: PutCredentials) -> Channel:
    channel = owned(db, verb.tenant, verb.channel_id)
    sealed = db.cipher.seal(dumps(verb.credentials).encode(), channel.id)
    use_credentials(db, channel.id, sealed)
    journal = Journal()
    if channel.state is ChannelState.NEEDS_REAUTH:
        change_state(db, journal, channel, ChannelState.ACTIVE, None, verb.at)
    journal.keep(db)
    return owned(db, verb.tenant, verb.channel_id)


def owned(db: Reading, tenant: str, channel_id: str) -> Channel:
    """A channel of this tenant. Raises Refused."""
    found = db.row(ONE, id=channel_id)
    channel = None if found is None else channel_of(found)
    if channel is None or tenant not in (ANY_TENANT, channel.tenant):
        raise Refused("unknown_channel", "There is no such channel.")
    return channel


@writes(SetChannelState)
def set_channel_state(db: Writing, verb: SetChannelState) -> Channel:
    channel = owned(db, verb.tenant, verb.channel_id)
    same = channel.state is verb.state and channel.reason == verb.reason
    if same or channel.state in verb.unless:
        return _overruled(db, channel, verb.at) if same else channel
    journal = Journal()
    state, reason = _allowed(db, channel, verb)
    change_state(db, journal, channel, state, reason, verb.at)
    journal.keep(db)
    return owned(db, verb.tenant, verb.channel_id)


def _overruled(db: Writing, channel: Channel, at: float) -> Channel:
    """An operator resumes a channel that sends already: then it may write first too, whatever its
    platform has said until now."""
    first_at, told_at = channel.limits.get(FIRST_AT, (0.0, at))
    if channel.state is not ChannelState.ACTIVE or first_at == 0.0:
        return channel
    return limit(db, channel.id, {FIRST_AT: 0.0}, max(at, told_at)) or channel


def _allowed(
    db: Writing, channel: Channel, verb: SetChannelState
) -> tuple[ChannelState, str | None]:
    """The state that a channel may have now: its operator overrules its platform knowingly only."""
    if verb.state is not ChannelState.ACTIVE:
        return verb.state, verb.reason
    if not channel.connected:
        raise Refused("not_connected", "The channel is disconnected; connect its account again.")
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
    channel, why = channel_of(found), blocked(db, channel_id, at)
    operators = channel.state in (ChannelState.PAUSED, ChannelState.REMOVED)
    if operators or (why is None and channel.state is not ChannelState.RESTRICTED):
        return None
    state = ChannelState.ACTIVE if why is None else ChannelState.RESTRICTED
    if (state, why) == (channel.state, channel.reason):
        return None
    change_state(db, journal, channel, state, why, at)
    return evolve(channel, state=state, reason=why, since=at)


def change_state(
    db: Writing,
    journal: Journal,
    channel: Channel,
    state: ChannelState,
    reason: str | None,
    at: float,
) -> None:
    """Write a state that is not what it was, with its event."""
    if channel.state is state and channel.reason == reason:
        return
    db.run(SET_STATE, id=channel.id, state=state.value, reason=reason, at=at)
    tell_state(journal, channel, state, reason, at)


def tell_state(
    journal: Journal, channel: Channel, state: ChannelState, reason: str | None, at: float
) -> None:
    """The event of a state that a channel has from now on."""
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
