"""The reads: each a frozen request with a typed answer."""

from collections.abc import Mapping

from attrs import field, frozen

from omni_actors.model.events import EventType
from omni_actors.model.json import JsonObject
from omni_actors.model.limits import Closure
from omni_actors.model.reports import IdentityKey
from omni_actors.model.states import Priority
from omni_actors.store.contract import Query
from omni_actors.store.rows import (
    ANY_TENANT,
    ApiKey,
    Attempt,
    Backlog,
    Channel,
    ChannelStanding,
    Contact,
    Context,
    Conversation,
    DeadLetter,
    Derivative,
    Earlier,
    Event,
    Leg,
    LegWake,
    Medium,
    Message,
    Page,
    QueueDepth,
    SentTo,
)
from omni_actors.store.verbs import Idempotency, Intake


@frozen
class Unhandled(Query[Backlog]):
    """The entries after the conversation's cursor, oldest first."""

    conversation_id: str
    limit: int = 64


@frozen
class UnhandledConversations(Query[tuple[str, ...]]):
    """Conversations with something to handle, in id order; asked once after a start."""

    after: str = ""
    limit: int = 500


@frozen
class Replay(Query[Earlier | None]):
    """What an idempotency key answered before; Refused `idempotency_mismatch` as in Submit."""

    idempotency: Idempotency


@frozen
class Heads(Query[tuple[LegWake, ...]]):
    """For one lane of a channel: the oldest unfinished part of each leg that is not held, by leg
    after `after`.

    Unknown and sending parts hide their leg (they hold its order); parts that are not due yet are
    returned with their `due_at`.
    """

    channel_id: str
    lane: Priority
    after: str = ""
    limit: int = 256


@frozen
class Channels(Query[tuple[Channel, ...]]):
    """The tenant's channels (ANY_TENANT: all), by id."""

    tenant: str = ANY_TENANT


@frozen
class Credentials(Query[JsonObject]):
    """A channel's credentials, decrypted."""

    channel_id: str


@frozen
class QueueDepths(Query[tuple[QueueDepth, ...]]):
    """Depths of every channel of a tenant that has something waiting."""

    tenant: str = ANY_TENANT


@frozen
class KeyByHash(Query[ApiKey | None]):
    hash: str = field(repr=False)


@frozen
class Keys(Query[tuple[ApiKey, ...]]):
    tenant: str = ANY_TENANT


@frozen
class MessageById(Query[Message | None]):
    tenant: str
    message_id: str


@frozen
class Attempts(Query[tuple[Attempt, ...]]):
    tenant: str
    message_id: str


@frozen
class Conversations(Query[Page[Conversation]]):
    """Newest activity is not an order that pages can follow; this is by id, oldest first."""

    tenant: str
    after: str = ""
    limit: int = 50
    contact_id: str | None = None
    channel_id: str | None = None


@frozen
class ConversationById(Query[Conversation | None]):
    tenant: str
    conversation_id: str


@frozen
class LegsOf(Query[Mapping[str, tuple[Leg, ...]]]):
    """The legs of a page of conversations, whosever they are."""

    conversation_ids: tuple[str, ...]


@frozen
class LegAt(Query[Leg | None]):
    """The leg of whoever has the strongest of these keys that is known, on this channel."""

    tenant: str
    platform: str
    channel_id: str
    keys: tuple[IdentityKey, ...]


@frozen
class LegById(Query[Leg | None]):
    tenant: str
    leg_id: str


@frozen
class Messages(Query[Page[Message]]):
    """A conversation's messages in the order in which they came to be, or the other way round."""

    tenant: str
    conversation_id: str
    after: str = ""
    limit: int = 50
    newest_first: bool = False


@frozen
class ContextOf(Query[Context | None]):
    tenant: str
    conversation_id: str


@frozen
class ContactList(Query[Page[Contact]]):
    tenant: str
    after: str = ""
    limit: int = 50
    key: IdentityKey | None = None  # only those with this identity key (any scope)


@frozen
class ContactById(Query[Contact | None]):
    tenant: str
    contact_id: str


@frozen
class Events(Query[tuple[Event, ...]]):
    """Events after a cursor in commit order. Refused `cursor_too_old` when some are gone."""

    tenant: str
    after: int
    limit: int = 100
    types: tuple[EventType, ...] = ()


@frozen
class EventFloor(Query[int]):
    """The cursor up to which events are no longer kept."""


@frozen
class LastCursor(Query[int]):
    tenant: str = ANY_TENANT


@frozen
class MediumById(Query[Medium | None]):
    tenant: str
    media_id: str


@frozen
class DerivativeOf(Query[Derivative | None]):
    """What a recipe made of a medium, as far as it is still here."""

    media_id: str
    recipe: str


@frozen
class UploadOf(Query[str | None]):
    """What a channel's platform calls a medium, while that is valid."""

    media_id: str
    channel_id: str
    now: float


@frozen
class DueMedia(Query[tuple[Medium, ...]]):
    """Pending media whose time has come, oldest first, except those of some channels."""

    now: float
    limit: int = 50
    but: tuple[str, ...] = ()


@frozen
class BlobsInUse(Query[frozenset[str]]):
    """Which of these blobs media and intakes still name (parts name media); at most 2048."""

    sha256s: tuple[str, ...]


@frozen
class DeadLetters(Query[Page[DeadLetter]]):
    tenant: str
    after: str = ""
    limit: int = 50
    kind: str | None = None
    channel_id: str | None = None
    reason: str | None = None
    redriven: bool = False


@frozen
class DeadLetterById(Query[DeadLetter | None]):
    tenant: str
    dead_letter_id: str


@frozen
class IntakeBody(Query[Intake | None]):
    """The raw bytes of an intake, for redriving it and for looking at it."""

    intake_id: str


@frozen
class Outreached(Query[tuple[tuple[str, float], ...]]):
    """Whom a portfolio has written to first since `after`, oldest first: the platform's name of the
    person (model/limits.py), and when."""

    portfolio: str
    after: float


@frozen
class SpentSince(Query[tuple[tuple[float, int], ...]]):
    """What an account has sent since `after`, oldest first: when, and to how many recipients."""

    account: str
    after: float


@frozen
class WindowOf(Query[tuple[str, float | None, bool] | None]):
    """Whom a leg reaches, by the platform's name of them (model/limits.py); until when its reply
    window is open; whether something on it is held for want of room."""

    leg_id: str


@frozen
class InLine(Query[frozenset[str]]):
    """On which channels something is held for want of room."""


@frozen
class Closures(Query[tuple[Closure, ...]]):
    """What the platforms have closed beyond `now`."""

    now: float


@frozen
class Figures(Query[dict[str, int]]):
    """Row counts for metrics: events, parts unfinished, media pending, dead letters, unclaimed."""


@frozen
class LegHeads(Query[tuple[LegWake, ...]]):
    """What a leg would send next: for each lane its oldest part that is unfinished and not held, if
    it may go."""

    leg_id: str


@frozen
class SentSince(Query[tuple[SentTo, ...]]):
    """The attempts that began after a moment, the newest `limit` of them, oldest first."""

    since: float
    limit: int = 50_000


@frozen
class Standings(Query[tuple[ChannelStanding, ...]]):
    """How the channels of a tenant stand with their platforms, as far as that counts at `now`."""

    tenant: str
    now: float


@frozen
class Unclaimed(Query[tuple[str, ...]]):
    """The intakes that told of a channel, by its key or a name of it, before we knew that it was
    meant; oldest first."""

    platform: str
    channel_key: str
    limit: int = 100
