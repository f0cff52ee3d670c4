"""API keys: random secrets of which the store knows only the hash, with scopes and a tenant."""

import hashlib
from base64 import b32encode
from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.model.ids import KEY, Ids
from omni_actors.policy.rate import Granted, Limit, Pace, reserve_all
from omni_actors.store.contract import Store
from omni_actors.store.queries import KeyByHash
from omni_actors.store.rows import ANY_TENANT, ApiKey, Channel, NewKey
from omni_actors.store.verbs import CreateKey, Idempotency

SCOPES = (
    "messages:write",
    "messages:read",
    "contacts:write",
    "contacts:read",
    "channels:read",
    "channels:write",
    "endpoints:write",
    "events:read",
    "media:write",
    "operate",
)
PREFIX = "omni_"
SECRET_BITS = 256
KNOWN_MAX = 10_000


@frozen
class Caller:
    """Who calls: a key of a tenant with scopes. Tenant `*` is an operator."""

    key_id: str
    tenant: str
    scopes: frozenset[str]
    name: str

    @property
    def is_operator(self) -> bool:
        """Whether the caller runs this house."""
        return self.tenant == ANY_TENANT

    def sees(self, tenant: str) -> bool:
        """Whether what belongs to a tenant is there for the caller."""
        return self.tenant in (ANY_TENANT, tenant)


def channel_of(caller: Caller, channels: Mapping[str, Channel], channel_id: str) -> Channel:
    """A channel that the caller may see. Raises RequestError."""
    channel = channels.get(channel_id)
    if channel is None or not caller.sees(channel.tenant):
        raise RequestError(Code.NOT_FOUND, "there is no such channel")
    return channel


@define
class Paces:
    """How fast each key may call."""

    limit: Limit
    now: Callable[[], float]
    _paces: dict[str, Pace] = field(factory=dict)

    def charge(self, key_id: str) -> float | None:
        """Charge one request to a key; seconds to wait when it calls too fast, else None."""
        granted = reserve_all(self.now(), [(self._paces.get(key_id, Pace()), self.limit, 1)])
        if not isinstance(granted, Granted):
            return granted.seconds
        if len(self._paces) >= KNOWN_MAX and key_id not in self._paces:
            self._paces.clear()
        self._paces[key_id] = granted.paces[0]
        return None


@define
class Keyring:
    """Tells callers by their secrets; a revoked key is unknown at once."""

    store: Store
    now: Callable[[], float]
    used: Callable[[str, float], None]
    _known: dict[str, Caller] = field(factory=dict)

    def caller(self, secret: str) -> Caller | None:
        """Whose secret this is. The hash is looked up by key, so timing tells nothing of it."""
        if not secret.startswith(PREFIX) or len(secret) > 200:
            return None
        digest = hash_of(secret)
        caller = self._known.get(digest) or self.look_up(digest)
        if caller is not None:
            self.used(caller.key_id, self.now())
        return caller

    def look_up(self, digest: str) -> Caller | None:
        key = self.store.peek(KeyByHash(digest))
        if key is None or key.revoked_at is not None:
            return None
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        caller = Caller(key.id, key.tenant, frozenset(key.scopes), key.name)
        self._known[digest] = caller
        return caller

    def forget(self) -> None:
        """Look every key up again: one was revoked."""
        self._known.clear()


def new_secret(bits: Callable[[int], int]) -> str:
    """A secret of 256 random bits, in letters and digits."""
    raw = bits(SECRET_BITS).to_bytes(SECRET_BITS // 8, "big")
    return PREFIX + b32encode(raw).decode().rstrip("=").lower()


def hash_of(secret: str) -> str:
    """What is stored of a secret. High entropy needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create(
    store: Store,
    ids: Ids,
    bits: Callable[[int], int],
    now: float,
    *,
    name: str,
    tenant: str,
    scopes: tuple[str, ...],
    idempotency: Idempotency | None = None,
) -> NewKey:
    """Make a key; its secret is shown this once. `bits` must be fit for secrets."""
    secret = new_secret(bits)
    key = ApiKey(ids(KEY), tenant, name, scopes, hash_of(secret), now)
    return await store.do(CreateKey(key, secret, idempotency))
