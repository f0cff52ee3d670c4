"""Connecting in the store: connectings under way, what was granted, and how that is taken back."""

from enum import StrEnum
from hashlib import sha256

from attrs import field, frozen

from omni_actors.model.json import JsonObject
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState
from omni_actors.store.contract import Query, Verb
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import ChannelSpec


class ConnectionStatus(StrEnum):
    """How far a connecting is."""

    WAITING = "waiting"  # for the person to log in at the platform
    WORKING = "working"  # we ask the platform what we may use
    CHOOSING = "choosing"  # several accounts were found
    CONNECTED = "connected"
    FAILED = "failed"


@frozen
class Offered:
    """What may be told of an account that was found: why it cannot be connected, and the channel
    that it is already; None where there is no such."""

    key: str
    name: str
    obstacle: str | None
    channel_id: str | None


@frozen
class Connection:
    """A connecting: for which tenant, by which key it was begun, through which app of the config.

    `channel_id` is what the channel is to be called, None where we may name it. `accounts` were
    found, `channels` came of it.
    """

    id: str
    tenant: str
    key_id: str
    platform: str
    app: str
    redirect: str
    channel_id: str | None
    created_at: float
    expires_at: float
    status: ConnectionStatus = ConnectionStatus.WAITING
    problem: str | None = None
    accounts: tuple[Offered, ...] = ()
    channels: tuple[str, ...] = ()


@frozen
class Find:
    """An account that was found, with all that makes a channel of it."""

    key: str
    name: str
    settings: JsonObject
    obstacle: str | None
    access_token: str = field(repr=False)
    expires_in_s: float | None
    refresh_token: str | None = field(default=None, repr=False)


@frozen
class Treasure:
    """What the platform gave for a connecting: who the person is to the app, and the accounts."""

    subjects: tuple[str, ...]
    accounts: tuple[Find, ...]


@frozen
class Grant:
    """What is known of the token that a channel uses. Times in unix seconds; None: not known, or
    never. `issued_at` is when we first saw it, where nobody told when it was made."""

    channel_id: str
    fingerprint: str
    issued_at: float
    expires_at: float | None = None
    access_until: float | None = None
    renewed_at: float | None = None
    inspected_at: float | None = None


def fingerprint(token: str) -> str:
    """Tells tokens apart without telling them."""
    return sha256(token.encode()).hexdigest()[:16]


# ---------------------------------------------------------------- connecting


@frozen
class EnsureKey(Verb[bytes]):
    """A key of this house by its name: the one there is, or `fresh` from now on."""

    name: str
    fresh: bytes = field(repr=False)


@frozen
class BeginConnection(Verb[None]):
    """Keep a connecting that begins."""

    connection: Connection


@frozen
class TakeConnection(Verb[Connection]):
    """Use up the state of a connecting, which works once: it is WORKING from now on.

    Refused `connection_used`, and `connection_revoked` where the key that began it is revoked.
    """

    connection_id: str
    at: float


@frozen
class OfferAccounts(Verb[Connection]):
    """Let the caller choose among what was found, until `expires_at`; tokens are sealed."""

    connection_id: str
    treasure: Treasure
    accounts: tuple[Offered, ...]
    expires_at: float


@frozen
class EndConnection(Verb[Connection]):
    """A connecting is over: these channels came of it, or a problem; its tokens are forgotten."""

    connection_id: str
    channels: tuple[str, ...] = ()
    problem: str | None = None


@frozen
class LoseConnections(Verb[None]):
    """Those that were WORKING when the process ended have lost what the platform gave them."""

    problem: str


@frozen
class ConnectChannel(Verb[Channel]):
    """Make a channel of a connected account, or give the one that there is its new credentials.

    A channel that was disconnected or needed this is ACTIVE again and its queue goes on; a paused
    one stays paused. A channel of the config stays the config's, and uses these credentials until
    the config says others than now. Refused `channel_taken` where the account is another tenant's,
    or the id another account's.
    """

    spec: ChannelSpec = field(repr=False)
    app: str
    subjects: tuple[str, ...]
    grant: Grant
    at: float


@frozen
class ConnectionById(Query[Connection | None]):
    """A connecting that a tenant may see."""

    tenant: str
    connection_id: str


@frozen
class TreasureOf(Query[Treasure | None]):
    """What was found for a connecting that is CHOOSING."""

    connection_id: str


# ---------------------------------------------------------------- what lasts


@frozen
class KeepGrant(Verb[None]):
    """Remember what is known of a channel's token."""

    grant: Grant


@frozen
class NoteInspection(Verb[None]):
    """Remember what was learned of a token, if it is still the one in use."""

    grant: Grant


@frozen
class RenewToken(Verb[Channel | None]):
    """Use a fresh token in place of the one with the fingerprint `of`; None where another one is in
    use by now, which stays. With a `refresh_token` that one, too, takes the place of the old."""

    of: str
    access_token: str = field(repr=False)
    grant: Grant
    refresh_token: str | None = field(default=None, repr=False)


@frozen
class TellStanding(Verb[bool]):
    """Keep our own word on how a channel stands, and tell of it as `channel.reported` when it is
    not what it was; answers whether it is."""

    channel_id: str
    kind: str
    severity: str
    standing: Standing


@frozen
class Grants(Query[tuple[Grant, ...]]):
    """What is known of all tokens."""


# ---------------------------------------------------------------- taking back


@frozen
class Disconnect(Verb[tuple[Channel, ...]]):
    """Forget the tokens of all channels that somebody connected through an app, and who it was.

    The channels get this state; their queues are kept. With a `code` it is remembered that it was
    done, as a deletion of the person's data.
    """

    app: str
    subject: str
    state: ChannelState
    reason: str
    at: float
    code: str | None = None


@frozen
class LetGo(Verb[Channel]):
    """Forget the tokens of one channel and who connected it, and have it REMOVED for this reason.

    Its queue is kept. Refused `unknown_channel`, and `configured` where the config would bring it
    back.
    """

    tenant: str
    channel_id: str
    reason: str
    at: float


@frozen
class Deletion:
    """That somebody's data were deleted, which is done as soon as it is known."""

    code: str
    app: str
    channels: int
    at: float


@frozen
class DeletionByCode(Query[Deletion | None]):
    """A deletion by the code that its person was given."""

    code: str
