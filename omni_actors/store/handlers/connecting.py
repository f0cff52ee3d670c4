"""Connectings, the grants of channels, and their taking back."""

from typing import Any

from attrs import asdict, evolve

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.model.states import ChannelState
from omni_actors.store.codec import dumps, loads
from omni_actors.store.connecting import (
    BeginConnection,
    ConnectChannel,
    Connection,
    ConnectionById,
    ConnectionStatus,
    Deletion,
    DeletionByCode,
    Disconnect,
    EndConnection,
    EnsureKey,
    Find,
    Grant,
    Grants,
    KeepGrant,
    LetGo,
    LoseConnections,
    NoteInspection,
    OfferAccounts,
    Offered,
    RenewToken,
    TakeConnection,
    TellStanding,
    Treasure,
    TreasureOf,
    fingerprint,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.channels import (
    ONE,
    change_state,
    channel_of,
    credentials_of,
    one_channel,
    owned,
    restrict,
    tell_state,
    use_credentials,
)
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.handlers.names import say_names
from omni_actors.store.handlers.standing import keep_standing
from omni_actors.store.rows import Channel

KEY = "SELECT sealed FROM house_key WHERE name = :name"
PUT_KEY = "INSERT INTO house_key (name, sealed) VALUES (:name, :sealed)"
COLUMNS = """
    SELECT id, tenant, key_id, platform, app, redirect, channel_id, created_at, expires_at, status,
           problem, accounts, channels
    FROM connection
"""
BY_ID = COLUMNS + "WHERE id = :id AND (:tenant = '*' OR tenant = :tenant)"
BEGIN = """
    INSERT INTO connection (id, tenant, key_id, platform, app, redirect, channel_id, status,
                            created_at, expires_at)
    VALUES (:id, :tenant, :key_id, :platform, :app, :redirect, :channel_id, 'waiting', :created_at,
            :expires_at)
"""
TAKE = "UPDATE connection SET status = 'working' WHERE id = :id AND status = 'waiting'"
REVOKED = "SELECT revoked_at FROM api_key WHERE id = :id AND revoked_at IS NOT NULL"
OFFER = """
    UPDATE connection SET status = 'choosing', accounts = :accounts, found = :found,
        subject = :subject, expires_at = :expires_at
    WHERE id = :id
"""
FOUND = "SELECT found FROM connection WHERE id = :id AND status = 'choosing'"
END = """
    UPDATE connection SET status = :status, problem = :problem, channels = :channels, found = NULL
    WHERE id = :id
"""
LOSE = """
    UPDATE connection SET status = 'failed', problem = :problem WHERE status = 'working'
"""
OF_ACCOUNT = """
    SELECT id FROM channel
    WHERE platform = :platform AND channel_key = :channel_key AND state <> 'removed'
"""
CONNECT = """
    INSERT INTO channel (id, tenant, platform, channel_key, settings, credentials, state, since,
                         source, app)
    VALUES (:id, :tenant, :platform, :channel_key, :settings, :credentials, 'active', :at,
            'connect', :app)
    ON CONFLICT (id) DO UPDATE SET settings = excluded.settings,
        credentials = excluded.credentials, config_credentials = NULL, source = excluded.source,
        app = excluded.app, state = excluded.state, reason = NULL, since = excluded.since
"""
AGAIN = """
    UPDATE channel SET settings = :settings, credentials = :credentials, app = :app WHERE id = :id
"""
THROUGH = "UPDATE channel SET app = :app WHERE id = :id"
PUT_GRANT = """
    INSERT INTO channel_grant (channel_id, fingerprint, issued_at, expires_at, access_until,
                               renewed_at, inspected_at)
    VALUES (:channel_id, :fingerprint, :issued_at, :expires_at, :access_until, :renewed_at,
            :inspected_at)
    ON CONFLICT (channel_id) DO UPDATE SET fingerprint = excluded.fingerprint,
        issued_at = excluded.issued_at, expires_at = excluded.expires_at,
        access_until = excluded.access_until, renewed_at = excluded.renewed_at,
        inspected_at = excluded.inspected_at
"""
INSPECTED = """
    UPDATE channel_grant SET expires_at = :expires_at, access_until = :access_until,
        inspected_at = :inspected_at
    WHERE channel_id = :channel_id AND fingerprint = :fingerprint
"""
GRANTS = """
    SELECT channel_id, fingerprint, issued_at, expires_at, access_until, renewed_at, inspected_at
    FROM channel_grant ORDER BY channel_id
"""
FORGET_GRANT = "DELETE FROM channel_grant WHERE channel_id = :channel_id"
FORGET_SUBJECTS = "DELETE FROM channel_subject WHERE channel_id = :channel_id"
PUT_SUBJECT = """
    INSERT INTO channel_subject (channel_id, app, subject) VALUES (:channel_id, :app, :subject)
"""
OF_SUBJECT = """
    SELECT channel_id FROM channel_subject WHERE app = :app AND subject = :subject
    ORDER BY channel_id
"""
FORGET_CONNECTIONS = "DELETE FROM connection WHERE app = :app AND subject = :subject"
# The config's own are kept beside, so that only others than these count in their place.
EMPTY = """
    UPDATE channel SET credentials = NULL,
        config_credentials = CASE WHEN source = 'config' THEN config_credentials END
    WHERE id = :channel_id
"""
PUT_DELETION = """
    INSERT INTO data_deletion (code, app, channels, at) VALUES (:code, :app, :channels, :at)
"""
DELETION = "SELECT code, app, channels, at FROM data_deletion WHERE code = :code"
STANDING = "SELECT ok, sentence, at FROM standing WHERE channel_id = :channel_id AND topic = :topic"


# ---------------------------------------------------------------- connecting


@writes(EnsureKey)
def ensure_key(db: Writing, verb: EnsureKey) -> bytes:
    found = db.row(KEY, name=verb.name)
    if found is not None:
        return db.cipher.open(found[0], _key_owner(verb.name))
    db.run(PUT_KEY, name=verb.name, sealed=db.cipher.seal(verb.fresh, _key_owner(verb.name)))
    return verb.fresh


def _key_owner(name: str) -> str:
    return f"key {name}"


@writes(BeginConnection)
def begin_connection(db: Writing, verb: BeginConnection) -> None:
    one = verb.connection
    db.run(
        BEGIN,
        id=one.id,
        tenant=one.tenant,
        key_id=one.key_id,
        platform=one.platform,
        app=one.app,
        redirect=one.redirect,
        channel_id=one.channel_id,
        created_at=one.created_at,
        expires_at=one.expires_at,
    )


@writes(TakeConnection)
def take_connection(db: Writing, verb: TakeConnection) -> Connection:
    if db.run(TAKE, id=verb.connection_id) == 0:
        raise Refused("connection_used", "This login was used already.")
    taken = _connection(db, verb.connection_id)
    if db.row(REVOKED, id=taken.key_id) is not None:
        raise Refused("connection_revoked", "The API key that began this is revoked.")
    return taken


@writes(OfferAccounts)
def offer_accounts(db: Writing, verb: OfferAccounts) -> Connection:
    db.run(
        OFFER,
        id=verb.connection_id,
        accounts=dumps([asdict(one) for one in verb.accounts]),
        subject=verb.treasure.subjects[0],
        found=db.cipher.seal(dumps(asdict(verb.treasure)).encode(), verb.connection_id),
        expires_at=verb.expires_at,
    )
    return _connection(db, verb.connection_id)


@writes(EndConnection)
def end_connection(db: Writing, verb: EndConnection) -> Connection:
    status = ConnectionStatus.FAILED if verb.problem else ConnectionStatus.CONNECTED
    db.run(
        END,
        id=verb.connection_id,
        status=status.value,
        problem=verb.problem,
        channels=dumps(verb.channels),
    )
    return _connection(db, verb.connection_id)


@writes(LoseConnections)
def lose_connections(db: Writing, verb: LoseConnections) -> None:
    db.run(LOSE, problem=verb.problem)


@reads(ConnectionById)
def connection_by_id(db: Reading, query: ConnectionById) -> Connection | None:
    found = db.row(BY_ID, id=query.connection_id, tenant=query.tenant)
    return None if found is None else _read(found)


@reads(TreasureOf)
def treasure_of(db: Reading, query: TreasureOf) -> Treasure | None:
    found = db.row(FOUND, id=query.connection_id)
    if found is None or found[0] is None:
        return None
    told = loads(db.cipher.open(found[0], query.connection_id).decode())
    accounts = tuple([Find(**one) for one in told["accounts"]])
    return Treasure(tuple(told["subjects"]), accounts)


def _connection(db: Reading, connection_id: str) -> Connection:
    found = db.row(BY_ID, id=connection_id, tenant="*")
    assert found is not None
    return _read(found)


def _read(row: tuple[Any, ...]) -> Connection:
    (
        id, tenant, key_id, platform, app, redirect, channel_id, created_at, expires_at, status,
        problem, accounts, channels,
    ) = row  # fmt: skip
    return Connection(
        id, tenant, key_id, platform, app, redirect, channel_id, created_at, expires_at,
        ConnectionStatus(status), problem, tuple([Offered(**one) for one in loads(accounts)]),
        tuple(loads(channels)),
    )  # fmt: skip


# ---------------------------------------------------------------- channels of connected accounts


@writes(ConnectChannel)
def connect_channel(db: Writing, verb: ConnectChannel) -> Channel:
    spec = verb.spec
    found = db.row(OF_ACCOUNT, platform=spec.platform, channel_key=spec.channel_key)
    channel = _new(db, verb) if found is None else _again(db, verb, one_channel(db, found[0]))
    db.run(FORGET_SUBJECTS, channel_id=channel.id)
    for subject in verb.subjects:
        db.run(PUT_SUBJECT, channel_id=channel.id, app=verb.app, subject=subject)
    _put_grant(db, evolve(verb.grant, channel_id=channel.id))
    return one_channel(db, channel.id)


def _new(db: Writing, verb: ConnectChannel) -> Channel:
    """The account has no channel, or one that was removed and comes back."""
    spec, journal = verb.spec, Journal()
    before = db.row(ONE, id=spec.id)
    if before is not None:
        _refuse_other(channel_of(before), verb)
    db.run(
        CONNECT,
        id=spec.id,
        tenant=spec.tenant,
        platform=spec.platform,
        channel_key=spec.channel_key,
        settings=dumps(spec.settings),
        credentials=_sealed(db, spec.id, spec.credentials),
        app=verb.app,
        at=verb.at,
    )
    say_names(db, spec.id, spec.platform, spec.names)
    channel = one_channel(db, spec.id)
    was = ChannelState.REMOVED if before is None else channel_of(before).state
    tell_state(journal, evolve(channel, state=was), ChannelState.ACTIVE, None, verb.at)
    restrict(db, journal, spec.id, verb.at)
    journal.keep(db)
    return channel


def _refuse_other(channel: Channel, verb: ConnectChannel) -> None:
    spec = verb.spec
    same = (channel.tenant, channel.platform, channel.channel_key)
    if same != (spec.tenant, spec.platform, spec.channel_key):
        raise Refused("channel_taken", f"The id {spec.id} is another channel's; choose another.")


def _again(db: Writing, verb: ConnectChannel, channel: Channel) -> Channel:
    """The account has a channel, which gets what the person has allowed now."""
    spec, journal = verb.spec, Journal()
    if channel.tenant != spec.tenant:
        raise Refused("channel_taken", "The account is connected for another tenant already.")
    sealed = _sealed(db, channel.id, spec.credentials)
    if channel.source == "config":
        use_credentials(db, channel.id, sealed)
        db.run(THROUGH, id=channel.id, app=verb.app)
    else:
        settings = dumps(spec.settings)
        db.run(AGAIN, id=channel.id, settings=settings, credentials=sealed, app=verb.app)
    if channel.state in (ChannelState.NEEDS_REAUTH, ChannelState.BROKEN):
        change_state(db, journal, channel, ChannelState.ACTIVE, None, verb.at)
        restrict(db, journal, channel.id, verb.at)
    journal.keep(db)
    return channel


def _sealed(db: Writing, channel_id: str, credentials: JsonObject) -> bytes:
    return db.cipher.seal(dumps(credentials).encode(), channel_id)


# ---------------------------------------------------------------- what lasts


@writes(KeepGrant)
def keep_grant(db: Writing, verb: KeepGrant) -> None:
    _put_grant(db, verb.grant)


def _put_grant(db: Writing, grant: Grant) -> None:
    db.run(
        PUT_GRANT,
        channel_id=grant.channel_id,
        fingerprint=grant.fingerprint,
        issued_at=grant.issued_at,
        expires_at=grant.expires_at,
        access_until=grant.access_until,
        renewed_at=grant.renewed_at,
        inspected_at=grant.inspected_at,
    )


@writes(NoteInspection)
def note_inspection(db: Writing, verb: NoteInspection) -> None:
    grant = verb.grant
    db.run(
        INSPECTED,
        channel_id=grant.channel_id,
        fingerprint=grant.fingerprint,
        expires_at=grant.expires_at,
        access_until=grant.access_until,
        inspected_at=grant.inspected_at,
    )


@writes(RenewToken)
def renew_token(db: Writing, verb: RenewToken) -> Channel | None:
    channel = one_channel(db, verb.grant.channel_id)
    if not channel.connected:
        return None
    used = credentials_of(db, channel.id)
    if fingerprint(str(used.get("access_token") or "")) != verb.of:
        return None
    rotated = {} if verb.refresh_token is None else {"refresh_token": verb.refresh_token}
    fresh = {**used, **rotated, "access_token": verb.access_token}
    sealed = _sealed(db, channel.id, fresh)
    use_credentials(db, channel.id, sealed)
    _put_grant(db, verb.grant)
    journal = Journal()
    if channel.state is ChannelState.NEEDS_REAUTH:
        change_state(db, journal, channel, ChannelState.ACTIVE, None, verb.grant.issued_at)
        journal.keep(db)
    return one_channel(db, channel.id)


@writes(TellStanding)
def tell_standing(db: Writing, verb: TellStanding) -> bool:
    standing, channel = verb.standing, one_channel(db, verb.channel_id)
    before = db.row(STANDING, channel_id=channel.id, topic=standing.topic)
    if before is None and standing.ok:
        return False
    if before is not None and (bool(before[0]), before[1]) == (standing.ok, standing.sentence):
        return False
    keep_standing(db, channel.id, standing)
    detail: JsonObject = {
        "kind": verb.kind,
        "severity": verb.severity,
        "detail": {**(standing.detail or {}), "sentence": standing.sentence},
    }
    journal = Journal()
    journal.note(
        EventType.CHANNEL_REPORTED, channel.tenant, standing.at, channel_id=channel.id,
        detail=detail,
    )  # fmt: skip
    journal.keep(db)
    return True


@reads(Grants)
def grants(db: Reading, _query: Grants) -> tuple[Grant, ...]:
    return tuple([Grant(*row) for row in db.rows(GRANTS)])


# ---------------------------------------------------------------- taking back


@writes(Disconnect)
def disconnect(db: Writing, verb: Disconnect) -> tuple[Channel, ...]:
    found = [row[0] for row in db.rows(OF_SUBJECT, app=verb.app, subject=verb.subject)]
    for channel_id in found:
        _disconnect(db, one_channel(db, channel_id), verb.state, verb.reason, verb.at)
    if verb.code is not None:
        db.run(FORGET_CONNECTIONS, app=verb.app, subject=verb.subject)
        db.run(PUT_DELETION, code=verb.code, app=verb.app, channels=len(found), at=verb.at)
    return tuple([one_channel(db, channel_id) for channel_id in found])


@writes(LetGo)
def let_go(db: Writing, verb: LetGo) -> Channel:
    channel = owned(db, verb.tenant, verb.channel_id)
    if channel.source == "config":
        raise Refused("configured", "The channel stands in the config.")
    _disconnect(db, channel, ChannelState.REMOVED, verb.reason, verb.at)
    return one_channel(db, channel.id)


def _disconnect(db: Writing, channel: Channel, state: ChannelState, reason: str, at: float) -> None:
    journal = Journal()
    db.run(EMPTY, channel_id=channel.id)
    db.run(FORGET_GRANT, channel_id=channel.id)
    db.run(FORGET_SUBJECTS, channel_id=channel.id)
    if channel.state is not ChannelState.REMOVED:
        change_state(db, journal, channel, state, reason, at)
    journal.keep(db)


@reads(DeletionByCode)
def deletion_by_code(db: Reading, query: DeletionByCode) -> Deletion | None:
    found = db.row(DELETION, code=query.code)
    return None if found is None else Deletion(*found)
