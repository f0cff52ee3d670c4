"""Answers as attrs classes: their fields, by name and order, are the JSON that callers get.

The OpenAPI document is made from these same classes, so it cannot promise another shape. Times are
RFC 3339 in UTC with milliseconds; a field that has no value is null, never absent.
"""

from collections.abc import Mapping
from typing import NewType

from attrs import frozen

from omni_actors.model.content import Content, Option
from omni_actors.model.events import EventType
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.mail_templates import VariableType
from omni_actors.model.states import Direction, MediaState, PartStatus
from omni_actors.model.states import Priority as Priority
from omni_actors.model.templates import Layout, TemplateStatus

Time = NewType("Time", str)
Cursor = NewType("Cursor", str)


@frozen
class RawReason:
    """A failure in the platform's own words."""

    platform: str | None
    code: str | None
    text: str | None


@frozen
class ReasonView:
    """Why something failed, and what would help.

    `retry`: `no`; `after` (some time); `after_change` (of token, template, content, window);
    `reconcile` (the outcome is not known). `advice` is a sentence that says what to do.
    """

    code: str
    retry: str
    scope: str
    advice: str | None
    raw: RawReason


@frozen
class WindowView:
    """A reply window: whether free-form messages may be sent now, and until when.

    `human_closes_at`: until when what a person wrote may be sent, where a platform gives people
    longer (`author.type` is `human`). `free_until`: what is sent is free of charge until then,
    because somebody who came from an ad was answered in time. That holds no window open.
    """

    open: bool
    closes_at: Time | None
    human_closes_at: Time | None
    free_until: Time | None


@frozen
class NoteView:
    """One line of the rendering report: what of the content became what, and why."""

    path: str
    level: str
    to: str
    why: str


@frozen
class PartView:
    """One platform call that the message became; `external_ids` has the newest try first."""

    id: str
    n: int
    form: str
    status: PartStatus
    external_ids: tuple[str, ...]
    attempts: int
    due_at: Time | None
    reason: ReasonView | None
    maybe_duplicate: bool
    status_at: Time


@frozen
class MessageAuthorView:
    """Who wrote (`contact`, `bot`, `human`, `system`), and where it came in."""

    type: str
    source: str


@frozen
class ReplyToView:
    """The message that is quoted, by our id where we know it."""

    message_id: str | None
    external_id: str | None


@frozen
class ChoiceView:
    """The option of an open question that this message picked."""

    question_id: str
    option_id: str
    title: str
    via: str


@frozen
class MessageView:
    """One message with its parts."""

    id: str
    tenant: str
    direction: Direction
    status: str
    partial: bool
    conversation_id: str
    leg_id: str
    channel_id: str
    platform: str
    author: MessageAuthorView
    content: Content
    choice: ChoiceView | None
    reply_to: ReplyToView | None
    external_id: str | None
    priority: Priority
    metadata: JsonObject
    parts: tuple[PartView, ...]
    reason: ReasonView | None
    rendering: tuple[NoteView, ...]
    received_at: Time
    sent_at: Time | None
    expires_at: Time | None
    edited_at: Time | None
    deleted: bool
    redrive_of: str | None
    notes: JsonObject | None


@frozen
class QueuedPart:
    """A part that was queued."""

    id: str
    n: int
    form: str


@frozen
class SentView:
    """A message that was taken and will be sent."""

    id: str
    status: str
    channel_id: str
    conversation_id: str
    leg_id: str
    parts: tuple[QueuedPart, ...]
    rendering: tuple[NoteView, ...]
    window: WindowView


@frozen
class ShownPart:
    """A part as it would be sent."""

    form: str
    content: Content
    media_ids: tuple[str, ...]


@frozen
class PreviewView:
    """What a message would become; `leg_id` is null where nobody was written to yet."""

    channel_id: str
    leg_id: str | None
    parts: tuple[ShownPart, ...]
    rendering: tuple[NoteView, ...]
    window: WindowView


@frozen
class ExchangeView:
    """One call to a platform and its answer; secrets and what fills in templates are masked."""

    method: str
    url: str
    started_at: Time | None
    ms: float
    status: int | None
    request: Json
    reply: Json
    error: str | None


@frozen
class AttemptView:
    """One try to send a part. `note` is what the platform said besides when it accepted."""

    id: str
    part_id: str
    n: int
    started_at: Time
    ended_at: Time | None
    outcome: str | None
    reason: ReasonView | None
    note: str | None
    exchanges: tuple[ExchangeView, ...]


@frozen
class KeyOfIdentity:
    """One name of a person on a platform."""

    kind: str
    value: str
    scope: str


@frozen
class QuestionView:
    """A question that is still open on a leg."""

    message_id: str
    options: tuple[Option, ...]
    numbered: bool
    asked_at: Time


@frozen
class LegView:
    """One identity of the contact on one channel.

    `controlled_by`: another app of the business that answers there for now; null while we may.
    """

    id: str
    channel_id: str
    platform: str
    identity_id: str
    keys: tuple[KeyOfIdentity, ...]
    window: WindowView
    controlled_by: str | None
    last_inbound_at: Time | None
    last_outbound_at: Time | None
    questions: tuple[QuestionView, ...]


@frozen
class ConversationView:
    """The thread with one contact, across channels."""

    id: str
    tenant: str
    contact_id: str
    created_at: Time
    last_at: Time
    closed_at: Time | None
    legs: tuple[LegView, ...]


@frozen
class ContextView:
    """The bot's context of a conversation; `version` is also the ETag."""

    value: JsonObject
    version: int


@frozen
class QueueView:
    """How much waits on a channel; `oldest_at` is when the oldest of the `queued` parts came.

    What is being sent at the moment is not counted.
    """

    queued: int
    oldest_at: Time | None
    held: int
    unknown: int


@frozen
class TemplateView:
    """A template in one language, as the platform last had it.

    `layout` is what a message must fill in; `components` are the platform's own words. `sendable`
    is false where the platform is sure to refuse it; `reason` is why it stopped or rejected it.
    """

    channel_id: str
    name: str
    language: str
    status: TemplateStatus
    sendable: bool
    category: str | None
    quality: str | None
    reason: str | None
    external_id: str | None
    layout: Layout
    components: tuple[JsonObject, ...]
    changed_at: Time
    seen_at: Time


@frozen
class TemplateListView:
    """Templates with the way to the next ones (`next` is the `after` of the next page).

    `known` is false until the platform has listed them once; until then, and where they are
    `unreachable` (the sentence says why), messages are sent without being checked against them.
    `reason` is why the last try to read them failed.
    """

    items: tuple[TemplateView, ...]
    next: str | None
    known: bool
    synced_at: Time | None
    reason: ReasonView | None
    unreachable: str | None


@frozen
class VariableView:
    """A value that a mail template shows. What is not `required` and has no default is null."""

    name: str
    type: VariableType
    required: bool
    default: Json
    example: Json
    description: str | None


@frozen
class MailTemplateView:
    """A template of a mail, kept by the gateway itself; `html` tells whether it has HTML."""

    name: str
    language: str
    description: str | None
    subject: str
    html: bool
    variables: tuple[VariableView, ...]


@frozen
class MailTemplateListView:
    """All templates of mails, by name and language."""

    items: tuple[MailTemplateView, ...]


@frozen
class RenderedMailView:
    """A mail as it would be sent."""

    name: str
    language: str
    subject: str
    text: str
    html: str | None


@frozen
class TemplateSyncView:
    """The templates of a channel were read from the platform."""

    channel_id: str
    synced_at: Time | None


@frozen
class TemplatesDeletedView:
    """How many templates that we knew are gone."""

    deleted: int


@frozen
class ProfileClearedView:
    """The pieces of a profile that are gone."""

    cleared: tuple[str, ...]


@frozen
class PersonaDeletedView:
    """The face that is gone."""

    deleted: str


@frozen
class EventView:
    """What happened. `message` is the message it is about, as it is now.

    A `failure` in `detail` looks like the `reason` of a message.
    """

    id: str
    cursor: Cursor
    type: EventType
    at: Time
    tenant: str
    conversation_id: str | None
    leg_id: str | None
    channel_id: str | None
    message_id: str | None
    detail: JsonObject
    message: MessageView | None


@frozen
class EventsView:
    """Events in order, and the cursor to go on from."""

    items: tuple[EventView, ...]
    cursor: Cursor


@frozen
class DeadLetterView:
    """What we gave up on. `ref` is the id of the part, delivery or intake."""

    id: str
    tenant: str
    kind: str
    ref: str
    message_id: str | None
    channel_id: str | None
    leg_id: str | None
    reason: str
    failure: ReasonView | None
    at: Time
    redriven_at: Time | None


@frozen
class DeadLetterDetail:
    """A dead letter with what it was about."""

    dead_letter: DeadLetterView
    about: JsonObject


@frozen
class RedrivenView:
    """The ids that were redriven, those that are not known or were redriven already, and those
    of intakes that are still not understood or whose bytes are gone."""

    redriven: tuple[str, ...]
    skipped: tuple[str, ...]
    unread: tuple[str, ...]


@frozen
class MediumView:
    """A medium; its bytes are at `GET /v1/media/{id}` once it is `ready`."""

    id: str
    tenant: str
    state: MediaState
    mime: str | None
    size: int | None
    filename: str | None
    channel_id: str | None
    message_id: str | None
    reason: ReasonView | None
    created_at: Time


@frozen
class KeyView:
    """An API key, without its secret."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    created_at: Time
    revoked_at: Time | None
    last_used_at: Time | None


@frozen
class NewKeyView:
    """A new API key with its secret, which is shown this once."""

    key: KeyView
    secret: str


@frozen
class FormView:
    """One way to spell a content type; `limits` holds only what the platform names.

    A header, a footer, headings among options and media above a text are there only if named.
    """

    name: str
    level: str
    limits: JsonObject
    why: str


@frozen
class CapabilitiesView:
    """What a platform can carry. `forms` is keyed by content type, media by `media.<kind>`.

    `window_s` is how long after the customer's last message free-form messages may be sent; null
    means always. `entry_window_s` is how long that may be at most for who came from an ad,
    `human_window_s` how long what a person wrote may be, where that is longer.
    `group_forms` are those that a group may get; null where there are no groups.
    """

    forms: Mapping[str, tuple[FormView, ...]]
    group_forms: Mapping[str, tuple[FormView, ...]] | None
    dialect: str
    window_s: float | None
    entry_window_s: float | None
    human_window_s: float | None
    free_in_closed_window: tuple[str, ...]
    reply_to: bool
    mark_read: bool
    typing: bool
    stop_typing: bool
    receipts: tuple[str, ...]
    media_by_url: bool


@frozen
class ActorView:
    """One actor: figures and names, never content. Ages and times in seconds."""

    address: str
    state: str
    group: str
    depth: Mapping[str, int]
    oldest_s: Mapping[str, float]
    in_hand: str | None
    in_hand_s: float | None
    attempt: int
    children: int
    handled: int
    failed: int
    restarts: int
    last_error: str | None
    p50_s: float
    p99_s: float


@frozen
class Healthy:
    """The process answers."""

    status: str


@frozen
class ReadinessView:
    """Whether the gateway takes work, and if not, why."""

    ready: bool
    reasons: tuple[str, ...]


@frozen
class ProblemPage:
    """What a problem's code means. `retryable`: the same request may do later."""

    code: str
    status: int
    title: str
    retryable: bool


@frozen
class OpenApi:
    """An OpenAPI document."""

    openapi: str
    info: JsonObject
    servers: tuple[JsonObject, ...]
    paths: JsonObject
    components: JsonObject
