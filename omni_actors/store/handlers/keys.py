"""API keys."""

from typing import Any

from omni_actors.store.codec import dumps, loads
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.answers import recall, remember
from omni_actors.store.handlers.bulk import put
from omni_actors.store.queries import KeyByHash, Keys
from omni_actors.store.rows import ApiKey, NewKey
from omni_actors.store.verbs import CreateKey, RevokeKey, TouchKeys

COLUMNS = """
    SELECT id, tenant, name, scopes, hash, created_at, revoked_at, last_used_at FROM api_key
"""
BY_HASH = COLUMNS + "WHERE hash = :hash"
BY_ID = COLUMNS + "WHERE id = :id"
ALL = COLUMNS + "WHERE :tenant = '*' OR tenant = :tenant ORDER BY id"
ADD = """
    INSERT INTO api_key (id, tenant, name, scopes, hash, created_at, revoked_at, last_used_at)
    VALUES (:id, :tenant, :name, :scopes, :hash, :created_at, :revoked_at, :last_used_at)
"""
REVOKE = "UPDATE api_key SET revoked_at = coalesce(revoked_at, :at) WHERE id = :id"
TOUCH = """
    UPDATE api_key SET last_used_at = new.at
    FROM rows(:batch, id text, at real) new
    WHERE api_key.id = new.id AND coalesce(api_key.last_used_at, 0) < new.at
"""


def _key(row: tuple[Any, ...]) -> ApiKey:
    id, tenant, name, scopes, hash, created_at, revoked_at, last_used_at = row
    return ApiKey(
        id, tenant, name, tuple(loads(scopes)), hash, created_at, revoked_at, last_used_at
    )


@reads(KeyByHash)
def key_by_hash(db: Reading, query: KeyByHash) -> ApiKey | None:
    found = db.row(BY_HASH, hash=query.hash)
    return None if found is None else _key(found)


@reads(Keys)
def keys(db: Reading, query: Keys) -> tuple[ApiKey, ...]:
    return tuple([_key(row) for row in db.rows(ALL, tenant=query.tenant)])


@writes(CreateKey)
def create_key(db: Writing, verb: CreateKey) -> NewKey:
    key, asked = verb.key, verb.idempotency
    earlier = recall(db, asked)
    if earlier is not None:
        return NewKey(_by_id(db, earlier.ref), str(earlier.response["secret"]), replayed=True)
    db.run(
        ADD,
        id=key.id,
        tenant=key.tenant,
        name=key.name,
        scopes=dumps(key.scopes),
        hash=key.hash,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
    remember(db, asked, key.id, key.created_at, {"secret": verb.secret})
    return NewKey(key, verb.secret)


@writes(RevokeKey)
def revoke_key(db: Writing, verb: RevokeKey) -> ApiKey:
    db.run(REVOKE, id=verb.key_id, at=verb.at)
    return _by_id(db, verb.key_id)


def _by_id(db: Reading, key_id: str) -> ApiKey:
    found = db.row(BY_ID, id=key_id)
    if found is None:
        raise Refused("unknown_key", "There is no such key.")
    return _key(found)


@writes(TouchKeys)
def touch_keys(db: Writing, verb: TouchKeys) -> None:
    put(db, TOUCH, verb.used)
