"""The writes: each a frozen request with a typed answer."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import field, frozen

from omni_actors.model.content import Content
from omni_actors.model.copies import Copies
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.limits import Spent
from omni_actors.model.reports import ChannelName, IdentityKey, Report
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState, MediaState, OnUnknown, Priority
from omni_actors.store.contract import Verb
from omni_actors.store.limits import Fallback, ShutOut
from omni_actors.store.mail import Lead, MailTaken
from omni_actors.store.rows import (
    ApiKey,
    Backlog,
    Channel,
    Choice,
    Complaint,
    Context,
    Conversation,
    Leg,
    LegWake,
    Message,
    NewEvent,
    NewKey,
    Question,
)


@frozen
class Intake:
    """Raw bytes that arrived. Exactly one of `body` and `blob`; `problem` marks it unparsed."""

    id: str
    hook: str
    received_at: float
    size: int
    body: bytes | None = field(default=None, repr=False)
    blob: str | None = None
    problem: str | None = None


@frozen
class Resend:
    """A part that is reported failed is queued again for `due_at`, unless it was tried `tries`
    times; others may share the reason."""

    tries: int
    due_at: float


@frozen
class Item:
    """One report with what the house decided about it.

    `rank` of a status (policy/status.py); `window_until` that a message opens (policy/window.py);
    `entry`: by when to answer for it to be free of charge, and for how many seconds it is so then;
    `media_ids`, one for each medium of the report, already written into its content; `standings`
    that news of a channel change (policy/standing.py); `resend` where a failure that is reported
    need not be the end (policy/retry.py); `leads` to what a message may answer; a status is
    `proven` where a token of ours names its part. `id_repeats` where whoever writes makes up the
    external id, so that only the event key tells what is told again.
    """

    platform: str
    report: Report
    rank: int = 0
    window_until: float | None = None
    media_ids: tuple[str, ...] = ()
    entry: tuple[float, float] | None = None
    standings: tuple[Standing, ...] = ()
    resend: Resend | None = None
    leads: tuple[Lead, ...] = ()
    proven: bool = False
    id_repeats: bool = False


@frozen
class Accepted:
    """What an intake became. `conversations` have something new to handle, `channels` another
    state; `named` is whether a channel has a name by which it was not known before; `begun` is all
    that there is to handle in conversations that did not exist before, told once for a batch."""

    new: int
    known: int
    unclaimed: int
    parked: int
    conversations: tuple[str, ...]
    wakes: tuple[LegWake, ...]
    media: bool = False
    channels: tuple[Channel, ...] = ()
    named: bool = False
    templates: tuple[str, ...] = ()  # channels whose templates should be read again
    complaints: tuple[Complaint, ...] = ()
    begun: Mapping[str, Backlog] = field(factory=dict)
    synced: int = 0  # old messages that were not here


@frozen
class Accept(Verb[Accepted]):
    """Keep an intake and all its reports, each once, in one transaction.

    For each report whose (platform, channel_key, event_key) is new: identity by its strongest
    known key, contact, leg and conversation made if absent, message or change, the conversation's
    next seq, the events. A report that names an account takes effect on each of its channels, one
    about a person only on the first of each tenant, or where that person is known. A report of a
    channel that we do not know is kept as unclaimed. A channel is RESTRICTED while it has a
    standing that blocks, unless its operator has paused it. A status that matches no part is parked
    for 24 h, and so is an edit or a deletion that comes before its message. An intake with a
    `problem` becomes a dead letter; one
    that is stored again without it settles that letter, and keeps its first bytes and time. An
    intake all of whose reports are known keeps no bytes, if this is the `whole` of it. With `mail`
    the intake was read from a mailbox, and that is read up to there.
    """

    intake: Intake
    items: tuple[Item, ...] = ()
    mail: MailTaken | None = None
    platform: str = ""  # of `names`, by which its channels are known from now on
    names: tuple[ChannelName, ...] = ()
    whole: bool = True


@frozen
class ChoiceMade:
    """The message that answered an open question; the question is closed on its leg."""

    leg_id: str
    message_id: str
    choice: Choice


@frozen
class Timer:
    """Wake something at `due_at`; a timer of the same kind and ref replaces the earlier one."""

    kind: str
    ref: str
    due_at: float
    detail: JsonObject = field(factory=dict)


@frozen
class Handle(Verb[tuple[LegWake, ...]]):
    """A conversation is handled up to `upto`, and the timers in `done` are gone.

    The parts that were held for the windows of the legs in `opened` are queued, behind what
    those have queued by now. What is handled already is not handled twice; 0 handles nothing.
    """

    conversation_id: str
    upto: int
    opened: tuple[tuple[str, float], ...] = ()  # legs, and when their windows opened
    choices: tuple[ChoiceMade, ...] = ()
    events: tuple[NewEvent, ...] = ()
    timers: tuple[Timer, ...] = ()
    done: tuple[Timer, ...] = ()


@frozen
class OpenLeg(Verb[Leg]):
    """The leg of an address on a channel; contact, identity, conversation made if absent.

    Refused `unknown_channel` when the tenant has no such channel.
    """

    tenant: str
    channel_id: str
    keys: tuple[IdentityKey, ...]
    at: float


@frozen
class NewPart:
    """One part to queue. `media_ids` are the media that its content names.

    `windowed`: it may be sent only while its leg's reply window is open, or for `grace_s` after the
    last message of the person.
    """

    id: str
    n: int
    form: str
    content: Content
    media_ids: tuple[str, ...] = ()
    windowed: bool = False
    grace_s: float = 0.0


@frozen
class Idempotency:
    """What makes a repeated call the same call. `owner` is the API key or the consumer."""

    owner: str
    key: str
    fingerprint: str


@frozen
class Submitted:
    """What became of a submit. A repeated one answers with the first one's `response`."""

    message_id: str
    replayed: bool
    response: JsonObject
    wakes: tuple[LegWake, ...]


@frozen
class Submit(Verb[Submitted]):
    """Queue a message with its parts, keep the answer for repetitions, in one transaction.

    Refused `idempotency_mismatch` when the key was used with another fingerprint.
    `held` parts (closed window with `hold`) start as HELD; nothing waits for them until the window
    opens. What happens to windowed parts whose window closes later is `on_closed_window`; with
    `template` the `fallback` is sent.
    """

    id: str
    tenant: str
    leg_id: str
    content: Content
    author: str
    source: str
    parts: tuple[NewPart, ...]
    at: float
    response: JsonObject
    priority: Priority = Priority.NORMAL
    expires_at: float | None = None
    reply_to: str | None = None
    reply_to_external: str | None = None
    metadata: JsonObject = field(factory=dict)
    rendering: Json = None
    override: JsonObject = field(factory=dict)
    on_unknown: OnUnknown = OnUnknown.RESEND
    held: bool = False
    on_closed_window: Literal["fail", "hold", "template"] = "fail"
    fallback: Fallback | None = None
    question: Question | None = None
    idempotency: Idempotency | None = None


@frozen
class StoredMedium:
    """A medium as a part needs it; `blob` is None unless its state is READY."""

    media_id: str
    state: MediaState
    blob: str | None
    mime: str | None
    size: int | None
    filename: str | None
    uploaded: str | None  # the platform's id on this channel, while it is valid


@frozen
class Claimed:
    """A part that is ours to send now; attempt and `wire_at` are committed."""

    part_id: str
    message_id: str
    tenant: str
    leg_id: str
    conversation_id: str
    channel_id: str
    lane: Priority
    form: str
    content: Content
    keys: tuple[IdentityKey, ...]
    reply_to: str | None
    override: JsonObject
    media: tuple[StoredMedium, ...]
    attempt: int
    attempt_id: str
    first_failed_at: float | None
    on_unknown: OnUnknown
    resent: bool  # sent before with an outcome that nobody knows
    queued_at: float
    person: str  # the identity that it goes to
    first: bool  # its reply window is closed: we write first
    author: str = "bot"
    failure: Failure | None = None  # of the attempt before
    thread: JsonObject | None = None  # of what it answers, else of its leg, at the first attempt
    only: tuple[str, ...] = ()  # its copies for these alone: all others have it
    asked_at: float = 0.0  # when its message was asked for, however often it was queued since


@frozen
class Claim(Verb[tuple[Claimed, ...]]):
    """Take parts to send them. Those that are no longer claimable are left out.

    A part is claimable when it is QUEUED, due, unexpired, the head of its leg in its lane, and no
    other part of its leg is SENDING or UNKNOWN. HELD parts are in nobody's way. A windowed part
    whose window is closed is not claimed: it fails, is held, or gives way to its fallback.
    """

    part_ids: tuple[str, ...]
    at: float
    portfolio: str | None = None  # which counts the people that are written to first; None: nobody


@frozen
class Trace:
    """What went over the wire in one attempt, with secrets and content masked."""

    started_at: float
    ended_at: float
    exchanges: Json


@frozen
class TakenUp:
    """The platform accepted the part; `found` there after an answer was lost, not sent again."""

    external_ids: tuple[str, ...]
    aliases: tuple[IdentityKey, ...] = ()
    note: str | None = None
    thread: JsonObject | None = None
    found: bool = False
    copies: Copies | None = None


@frozen
class Again:
    """Try again at `due_at`. With `refund` the attempt does not count."""

    due_at: float
    failure: Failure
    refund: bool = False


@frozen
class GivenUp:
    """Will not be tried again: failed, and a dead letter; `gap` when it held its leg too long."""

    failure: Failure
    gap: bool = False


@frozen
class InDoubt:
    """Nobody knows whether the platform has it. At `until` it is queued once more or held."""

    failure: Failure
    until: float


Outcome: TypeAlias = TakenUp | Again | GivenUp | InDoubt | ShutOut


@frozen
class Settle(Verb[tuple[LegWake, ...]]):
    """Record how an attempt ended; answers with the leg's next heads, one a lane at most."""

    part_id: str
    attempt_id: str
    at: float
    outcome: Outcome
    trace: Trace | None = None
    spent: Spent | None = None  # what it takes of its account's day, where that is counted


@frozen
class Annotate(Verb[None]):
    """Say more of an attempt that is settled: what was done after it."""

    part_id: str
    attempt_id: str
    note: str | None
    trace: Trace


@frozen
class Cancel(Verb[Message]):
    """Cancel the parts that were not claimed yet. Refused `unknown_message`, `too_late`."""

    tenant: str
    message_id: str
    at: float


@frozen
class Ticked:
    """What time has brought: legs to wake, timers that went off, channels that may send again,
    when to look again."""

    wakes: tuple[LegWake, ...]
    timers: tuple[Timer, ...]
    next_at: float | None
    channels: tuple[Channel, ...] = ()


@frozen
class Tick(Verb[Ticked]):
    """Let time pass: expire parts, settle what stayed unknown, drop statuses and changes after
    24 h whose message never came, let channels send again whose restriction is over, hand out due
    timers. A timer stays until a `Handle` says that it is done. What is held stays so.

    An unknown part is sent again flagged `maybe_duplicate`, or held; one that has expired is given
    up with the reason `unknown`, because it may have arrived.
    """

    now: float
    limit: int = 200


@frozen
class Recovered:
    """What a start found on the wire: how many parts are in doubt, how many were given up."""

    in_doubt: int
    given_up: int


@frozen
class Recover(Verb[Recovered]):
    """After a crash: what was claimed is in doubt. Its waiting starts at `at` (hooks are open
    again) and ends after the seconds in `waits` for the platform. A part that was on the wire in
    three crashes is given up, as a dead letter with the reason `poison`."""

    at: float
    waits: dict[str, float]
    channel_id: str | None = None  # only this channel's: its actor alone has crashed


@frozen
class ChannelSpec:
    """A channel as the config says it; `credentials` is stored encrypted. `app` is the app of the
    config that they are of, where they are of one."""

    id: str
    tenant: str
    platform: str
    channel_key: str
    settings: JsonObject
    credentials: JsonObject = field(repr=False)
    names: tuple[ChannelName, ...] = ()
    app: str | None = None


@frozen
class SyncChannels(Verb[tuple[Channel, ...]]):
    """Make the channels of source `config` those; one that is gone becomes REMOVED, its queue kept.

    New credentials bring a channel in `needs_reauth` back to `active`. Those that came over the API
    stay in use as long as the config says what it said when they came.
    Refused `channel_taken` when two channels claim the same platform and channel key.
    """

    channels: tuple[ChannelSpec, ...] = field(repr=False)
    at: float


@frozen
class SetChannelState(Verb[Channel]):
    """Change a channel's state and write a `channel.state` event. Refused `unknown_channel`.

    A paused channel that its platform has forbidden to send becomes RESTRICTED in place of ACTIVE;
    a RESTRICTED one becomes ACTIVE, and what forbade it no longer does.
    """

    tenant: str
    channel_id: str
    state: ChannelState
    reason: str | None
    at: float
    unless: tuple[ChannelState, ...] = ()  # leave it as it is in these states


@frozen
class CreateKey(Verb[NewKey]):
    """The secret is kept, encrypted, only for whoever sends the same request again.

    Refused `idempotency_mismatch` as in Submit.
    """

    key: ApiKey
    secret: str = field(repr=False)
    idempotency: Idempotency | None = None


@frozen
class RevokeKey(Verb[ApiKey]):
    """Refused `unknown_key`."""

    key_id: str
    at: float


@frozen
class TouchKeys(Verb[None]):
    """Note when keys were last used: (key id, unix seconds)."""

    used: tuple[tuple[str, float], ...]


@frozen
class PutContext(Verb[Context]):
    """Replace the context if its version is still `version`. Refused `unknown_conversation`,
    `version_conflict`."""

    tenant: str
    conversation_id: str
    value: JsonObject
    version: int


@frozen
class CloseConversation(Verb[Conversation]):
    """Mark it closed until somebody writes again. Refused `unknown_conversation`."""

    tenant: str
    conversation_id: str
    at: float


@frozen
class EnsureConsumer(Verb[int]):
    """The cursor of a consumer; one that is new starts after everything there is."""

    consumer_id: str
    tenant: str
    at: float


@frozen
class Advance(Verb[None]):
    """A consumer is done with everything up to `cursor` (it never moves back)."""

    consumer_id: str
    cursor: int


@frozen
class Redriven:
    """Parts that are queued again at the tail of their leg; intakes that the caller must parse.

    The letter of an intake stays until the intake is stored again without a problem.
    """

    redriven: tuple[str, ...]
    skipped: tuple[str, ...]
    wakes: tuple[LegWake, ...]
    intakes: tuple[tuple[str, str], ...]  # the letter, and what it is about


@frozen
class Redrive(Verb[Redriven]):
    """Give dead letters another chance; each only once until it fails again.

    The parts keep their order among themselves, and are due one after the other from `at` on,
    `every_s` seconds apart.
    """

    tenant: str
    ids: tuple[str, ...]
    at: float
    every_s: float = 0.0


@frozen
class Retention:
    """How long things are kept, in seconds."""

    intakes_s: float = 14 * 86400.0
    traces_s: float = 14 * 86400.0
    idempotency_s: float = 86400.0
    events_s: float = 30 * 86400.0
    seen_s: float = 14 * 86400.0
    media_s: float = 90 * 86400.0


@frozen
class Sweep(Verb[int]):
    """Forget what is older than its retention, at most `limit` rows of each; answers how many."""

    now: float
    keep: Retention
    limit: int = 500


@frozen
class ForgetUnclaimed(Verb[None]):
    """An intake was read again for a channel that is known by now: nothing of it is unclaimed."""

    platform: str
    channel_key: str
    intake_id: str
