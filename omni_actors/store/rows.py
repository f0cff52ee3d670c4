"""Rows, as the house sees them: what queries and verbs answer with."""

from collections.abc import Mapping
from typing import Generic, Literal, TypeAlias, TypeVar

from attrs import field, frozen

from omni_actors.model.content import Content, Option
from omni_actors.model.events import EventType
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.model.standing import Standing
from omni_actors.model.states import (
    ChannelState,
    Direction,
    IdentityState,
    MediaState,
    PartStatus,
    Priority,
)

R = TypeVar("R", covariant=True)


ANY_TENANT = "*"


@frozen
class Channel:
    """One channel. `settings` holds no secret; `since` is when `state` began.

    `limits` is what the platform told of its limits (model/limits.py): by name, the value and when.
    `app` is the app of the config that it was connected through, if it was. One that is not
    `connected` has no credentials any more.
    """

    id: str
    tenant: str
    platform: str
    channel_key: str
    settings: JsonObject
    state: ChannelState
    reason: str | None
    since: float
    source: str
    last_event_at: float | None = None
    limits: Mapping[str, tuple[Json, float]] = field(factory=dict)
    app: str | None = None
    connected: bool = True


@frozen
class ChannelStanding:
    """How a channel stands with its platform in one respect."""

    channel_id: str
    standing: Standing


@frozen
class Leg:
    """One identity of the contact on one channel inside a conversation."""

    id: str
    tenant: str
    conversation_id: str
    contact_id: str
    channel_id: str
    platform: str
    identity_id: str
    keys: tuple[IdentityKey, ...]
    window_until: float | None
    last_inbound_at: float | None
    last_outbound_at: float | None
    last_external_id: str | None  # of the last inbound message: what mark_read names
    questions: tuple["Question", ...] = ()
    entry_until: float | None = None  # what we send is free of charge until then
    controlled_by: str | None = None  # another app that answers at the platform


@frozen
class Question:
    """A question that stays open on a leg, so that an answer in words finds its option."""

    message_id: str
    options: tuple[Option, ...]
    numbered: bool
    asked_at: float
    external_ids: tuple[str, ...] = ()


@frozen
class Conversation:
    """The thread with one contact. `version` is that of its context, for If-Match."""

    id: str
    tenant: str
    contact_id: str
    created_at: float
    last_at: float
    closed_at: float | None
    legs: tuple[Leg, ...]


@frozen
class Identity:
    """How a person appears on a platform."""

    id: str
    platform: str
    keys: tuple[IdentityKey, ...]
    state: IdentityState
    name: str | None
    username: str | None
    preferences: JsonObject
    picture: str | None = None  # a medium's id
    portrait_at: float | None = None  # when the platform was last asked about them
    portrait_problem: str | None = None
    trust: str | None = None  # how sure it is that it is them (model/reports.Trust)


@frozen
class Contact:
    """A person as the business knows them."""

    id: str
    tenant: str
    name: str | None
    created_at: float
    identities: tuple[Identity, ...]
    conversation_id: str | None


@frozen
class Part:
    """One platform call that an outbound message became."""

    id: str
    n: int
    form: str
    status: PartStatus
    external_ids: tuple[str, ...]
    attempts: int
    due_at: float | None
    failure: Failure | None
    maybe_duplicate: bool
    status_at: float


@frozen
class Choice:
    """The option that an inbound message picked of an open question."""

    question_id: str
    option_id: str
    title: str
    via: str


@frozen
class Message:
    """One neutral message with its parts."""

    id: str
    tenant: str
    direction: Direction
    conversation_id: str
    leg_id: str
    channel_id: str
    platform: str
    author: str  # contact, bot, human, system
    source: str  # platform, api, echo
    content: Content
    status: str
    partial: bool
    received_at: float
    sent_at: float | None
    expires_at: float | None
    priority: Priority
    reply_to: str | None  # our message id
    reply_to_external: str | None
    external_id: str | None
    metadata: JsonObject
    rendering: Json
    parts: tuple[Part, ...]
    choice: Choice | None = None
    notes: JsonObject | None = None
    deleted: bool = False
    edited_at: float | None = None
    redrive_of: str | None = None


@frozen
class Event:
    """What happened. `message` is joined when the event is about one and it still exists."""

    cursor: int
    id: str
    tenant: str
    type: EventType
    at: float
    conversation_id: str | None
    leg_id: str | None
    channel_id: str | None
    message_id: str | None
    detail: JsonObject
    message: Message | None = None


@frozen
class NewEvent:
    """An event that a caller wants written with its verb."""

    type: EventType
    at: float
    conversation_id: str | None = None
    leg_id: str | None = None
    channel_id: str | None = None
    message_id: str | None = None
    detail: JsonObject = field(factory=dict)


@frozen
class LegWake:
    """A leg that may have something to send."""

    channel_id: str
    leg_id: str
    lane: Priority
    part_id: str
    due_at: float


@frozen
class SentTo:
    """One attempt to send something to a leg, begun at `at` (unix seconds)."""

    channel_id: str
    leg_id: str
    at: float


@frozen
class Complaint:
    """A platform reports that it did not deliver a part, for a reason that others may share.

    `sent_at` is when that part was on the wire, `at` when the platform says that it failed.
    """

    channel_id: str
    leg_id: str
    failure: Failure
    at: float
    sent_at: float | None


EntryKind: TypeAlias = Literal[
    "message", "edited", "deleted", "reacted", "acted", "echoed", "identity"
]


@frozen
class Entry:
    """One thing of a conversation that its actor must handle, in `seq` order."""

    seq: int
    kind: EntryKind
    at: float
    leg_id: str
    channel_id: str
    message_id: str | None
    content: Content | None
    reply_to_external: str | None
    window_before: float | None  # the leg's window as it was before this entry
    window_until: float | None
    detail: JsonObject


@frozen
class Backlog:
    """What a conversation's actor has not handled yet, and the open questions by leg."""

    conversation_id: str
    entries: tuple[Entry, ...]
    questions: Mapping[str, tuple[Question, ...]]
    more: bool


@frozen
class QueueDepth:
    """How much waits on a channel; `oldest_at` is when the oldest of the queued parts came.

    What is being sent at the moment is not counted.
    """

    channel_id: str
    queued: int
    oldest_at: float | None
    held: int
    unknown: int


@frozen
class ApiKey:
    """An API key; `hash` is the SHA-256 of its secret in hex. Tenant `*` is an operator's."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    hash: str = field(repr=False)
    created_at: float
    revoked_at: float | None = None
    last_used_at: float | None = None


@frozen
class Page(Generic[R]):
    """A slice of a listing; `next` is what to pass as `after`, None at the end."""

    rows: tuple[R, ...]
    next: str | None


@frozen
class Attempt:
    """One try to send a part."""

    id: str
    part_id: str
    n: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    failure: Failure | None
    exchanges: Json
    note: str | None = None  # what the platform said besides when it accepted


@frozen
class Context:
    """The bot's context of a conversation."""

    value: JsonObject
    version: int


@frozen
class Medium:
    """A medium of a tenant."""

    id: str
    tenant: str
    state: MediaState
    channel_id: str | None
    message_id: str | None
    ref: MediaRef | None
    blob: str | None
    mime: str | None
    size: int | None
    filename: str | None
    failure: Failure | None
    attempts: int
    due_at: float | None
    created_at: float
    traits: JsonObject = field(factory=dict)  # of media/traits.py; where known


@frozen
class DeadLetter:
    """A part, delivery or intake that we gave up on. `ref` is its id."""

    id: str
    tenant: str
    kind: Literal["part", "delivery", "intake"]
    ref: str
    message_id: str | None
    channel_id: str | None
    leg_id: str | None
    reason: str
    failure: Failure | None
    at: float
    redriven_at: float | None


@frozen
class Earlier:
    """What a request made when its key was first used, and what of its answer was kept."""

    ref: str
    response: JsonObject = field(repr=False)


@frozen
class NewKey:
    """A key that was made, now or by an earlier request with the same idempotency key."""

    key: ApiKey
    secret: str = field(repr=False)
    replayed: bool = False


@frozen
class Derivative:
    """What a recipe made of a medium: another medium, or why there is none."""

    medium: Medium | None
    problem: str | None


@frozen
class NewMedium:
    """A medium that was added, now or by an earlier request with the same idempotency key."""

    medium: Medium
    replayed: bool = False
