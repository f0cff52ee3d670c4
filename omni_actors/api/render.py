"""Rows as the answers that callers get: nothing is decided here, everything is spelled."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, overload

from attrs import asdict, fields, frozen

from omni_actors.api import channel_views as c
from omni_actors.api import contact_views as cv
from omni_actors.api import views as v
from omni_actors.gateway import facade as g
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.history import SyncState
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.states import PartStatus

CURSOR_DIGITS = 16
TIME_S_MAX = 253402300799.0  # the end of the year 9999
_PLAUSIBLE_S_MIN = 1e8

# What would help is in the caller's hands or in the operator's.
CHANGEABLE = frozenset(
    {
        Reason.OUTSIDE_WINDOW,
        Reason.CHANNEL_MISCONFIGURED,
        Reason.CREDENTIALS_EXPIRED,
        Reason.PERMISSION_DENIED,
        Reason.MEDIA_UNSUPPORTED,
        Reason.MEDIA_TOO_LARGE,
        Reason.MEDIA_UNREACHABLE,
        Reason.TEMPLATE_MISSING,
        Reason.TEMPLATE_PARAMS,
        Reason.TEMPLATE_PAUSED,
        Reason.CONTENT_UNSUPPORTED,
        Reason.BAD_REQUEST,
    }
)
# What a message says of itself: the first of its parts that is one of these, in this order.
TOLD_WHY = (PartStatus.FAILED, PartStatus.HELD)
RETRY_BY_KIND = {
    Kind.TRANSIENT: "after",
    Kind.UNREACHABLE: "after",
    Kind.THROTTLED: "after",
    Kind.BROKEN: "after_change",
    Kind.UNKNOWN: "reconcile",
}


@overload
def time(at: float) -> v.Time: ...
@overload
def time(at: None) -> None: ...
def time(at: float | None) -> v.Time | None:
    """Unix seconds as RFC 3339 in UTC with milliseconds. What lies beyond the years is clamped."""
    if at is None:
        return None
    bounded = min(max(at, 0.0), TIME_S_MAX) if math.isfinite(at) else 0.0
    moment = datetime.fromtimestamp(bounded, UTC)
    return v.Time(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def cursor(number: int) -> v.Cursor:
    """A cursor of the event log; as text it sorts as it counts."""
    return v.Cursor(str(number).zfill(CURSOR_DIGITS))


def timely(value: Json) -> Json:
    """A free document in which every `…_at` and `until` in unix seconds became a time."""
    if isinstance(value, Mapping):
        return {name: _timely_member(name, member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [timely(item) for item in value]
    return value


def _timely_member(name: str, member: Json) -> Json:
    is_time = name.endswith("_at") or name == "until"
    if is_time and isinstance(member, int | float) and member > _PLAUSIBLE_S_MIN:
        return time(member)
    return timely(member)


def timely_object(value: JsonObject) -> JsonObject:
    """The same of an object."""
    return {name: _timely_member(name, member) for name, member in value.items()}


@overload
def reason(failure: Failure, platform: str | None) -> v.ReasonView: ...
@overload
def reason(failure: Failure | None, platform: str | None) -> v.ReasonView | None: ...
def reason(failure: Failure | None, platform: str | None) -> v.ReasonView | None:
    """A failure as callers see it."""
    if failure is None:
        return None
    retry = RETRY_BY_KIND.get(failure.kind)
    if retry is None:
        retry = "after_change" if failure.reason in CHANGEABLE else "no"
    raw = v.RawReason(platform, failure.code, failure.text)
    scope = failure.scope.value
    return v.ReasonView(failure.reason.value, retry, scope, failure.advice, raw)


def part(row: g.Part, platform: str) -> v.PartView:
    return v.PartView(
        id=row.id,
        n=row.n,
        form=row.form,
        status=row.status,
        external_ids=row.external_ids,
        attempts=row.attempts,
        due_at=time(row.due_at),
        reason=reason(row.failure, platform),
        maybe_duplicate=row.maybe_duplicate,
        status_at=time(row.status_at),
    )


def notes(rendering: Json) -> tuple[v.NoteView, ...]:
    """A rendering report."""
    if not isinstance(rendering, list | tuple):
        return ()
    lines = [line for line in rendering if isinstance(line, Mapping)]
    return tuple(
        [
            v.NoteView(*[str(line.get(name) or "") for name in ("path", "level", "to", "why")])
            for line in lines
        ]
    )


def message(row: g.Message) -> v.MessageView:
    """A message with its parts. `reason` is that of the first part that failed, or else of the
    first that is held."""
    why = [p.failure for status in TOLD_WHY for p in row.parts if p.failure and p.status is status]
    quoted = None
    if row.reply_to or row.reply_to_external:
        quoted = v.ReplyToView(row.reply_to, row.reply_to_external)
    picked = None
    if row.choice is not None:
        choice = row.choice
        picked = v.ChoiceView(choice.question_id, choice.option_id, choice.title, choice.via)
    return v.MessageView(
        id=row.id,
        tenant=row.tenant,
        direction=row.direction,
        status=row.status,
        partial=row.partial,
        conversation_id=row.conversation_id,
        leg_id=row.leg_id,
        channel_id=row.channel_id,
        platform=row.platform,
        author=v.MessageAuthorView(row.author, row.source),
        content=row.content,
        choice=picked,
        reply_to=quoted,
        external_id=row.external_id,
        priority=row.priority,
        metadata=row.metadata,
        parts=tuple([part(p, row.platform) for p in row.parts]),
        reason=reason(why[0] if why else None, row.platform),
        rendering=notes(row.rendering),
        received_at=time(row.received_at),
        sent_at=time(row.sent_at),
        expires_at=time(row.expires_at),
        edited_at=time(row.edited_at),
        deleted=row.deleted,
        redrive_of=row.redrive_of,
        notes=None if row.notes is None else timely_object(row.notes),
    )


def window(told: Any) -> v.WindowView:
    """A window as the gateway tells it: `open`, and `closes_at` in unix seconds."""
    if not isinstance(told, Mapping):
        return v.WindowView(open=True, closes_at=None, human_closes_at=None, free_until=None)
    return v.WindowView(
        open=bool(told.get("open")),
        closes_at=time(told.get("closes_at")),
        human_closes_at=time(told.get("human_closes_at")),
        free_until=time(told.get("free_until")),
    )


def sent(told: Any) -> v.SentView:
    """The answer to a submit, as it was committed with the message."""
    return v.SentView(
        id=told["id"],
        status=told["status"],
        channel_id=told["channel_id"],
        conversation_id=told["conversation_id"],
        leg_id=told["leg_id"],
        parts=tuple([v.QueuedPart(p["id"], p["n"], p["form"]) for p in told["parts"]]),
        rendering=notes(told["rendering"]),
        window=window(told["window"]),
    )


def preview(rendered: g.Rendered) -> v.PreviewView:
    shown = [v.ShownPart(p.form, p.content, p.media_ids) for p in rendered.parts]
    return v.PreviewView(
        channel_id=rendered.channel_id,
        leg_id=rendered.leg_id,
        parts=tuple(shown),
        rendering=notes(rendered.rendering),
        window=window(rendered.window),
    )


def exchange(told: Any) -> v.ExchangeView:
    return v.ExchangeView(
        method=str(told.get("method", "")),
        url=str(told.get("url", "")),
        started_at=time(told.get("started_at")),
        ms=float(told.get("ms") or 0.0),
        status=told.get("status"),
        request=told.get("request"),
        reply=told.get("reply"),
        error=told.get("error"),
    )


def attempt(row: g.Attempt, platform: str) -> v.AttemptView:
    calls = row.exchanges if isinstance(row.exchanges, list | tuple) else []
    return v.AttemptView(
        id=row.id,
        part_id=row.part_id,
        n=row.n,
        started_at=time(row.started_at),
        ended_at=time(row.ended_at),
        outcome=row.outcome,
        reason=reason(row.failure, platform),
        note=row.note,
        exchanges=tuple([exchange(call) for call in calls if isinstance(call, Mapping)]),
    )


def keys_of(keys: Iterable[Any]) -> tuple[v.KeyOfIdentity, ...]:
    return tuple([v.KeyOfIdentity(key.kind, key.value, key.scope) for key in keys])


@frozen
class Windows:
    """For how many seconds after their last message people may be written to, and what a person
    wrote; None for the first: always, for the second: no longer than anybody."""

    window_s: float | None
    human_s: float | None

    def is_open(self, row: g.Leg, now: float) -> bool:
        """Whether free-form messages may go to a leg."""
        return self.window_s is None or (row.window_until or 0.0) > now

    def human_until(self, row: g.Leg) -> float | None:
        """Until when what a person wrote may go."""
        if self.human_s is None or row.last_inbound_at is None:
            return None
        return row.last_inbound_at + self.human_s


def leg(row: g.Leg, now: float, windows: Callable[[str], Windows]) -> v.LegView:
    """A leg. `windows` tells for how long a platform lets us write."""
    lasts = windows(row.platform)
    questions = [
        v.QuestionView(q.message_id, q.options, q.numbered, time(q.asked_at)) for q in row.questions
    ]
    return v.LegView(
        id=row.id,
        channel_id=row.channel_id,
        platform=row.platform,
        identity_id=row.identity_id,
        keys=keys_of(row.keys),
        window=v.WindowView(
            open=lasts.is_open(row, now),
            closes_at=time(row.window_until),
            human_closes_at=time(lasts.human_until(row)),
            free_until=time(row.entry_until),
        ),
        controlled_by=row.controlled_by,
        last_inbound_at=time(row.last_inbound_at),
        last_outbound_at=time(row.last_outbound_at),
        questions=tuple(questions),
    )


def conversation(
    row: g.Conversation, now: float, windows: Callable[[str], Windows]
) -> v.ConversationView:
    return v.ConversationView(
        id=row.id,
        tenant=row.tenant,
        contact_id=row.contact_id,
        created_at=time(row.created_at),
        last_at=time(row.last_at),
        closed_at=time(row.closed_at),
        legs=tuple([leg(one, now, windows) for one in row.legs]),
    )


def identity(row: g.Identity) -> cv.IdentityView:
    return cv.IdentityView(
        id=row.id,
        platform=row.platform,
        keys=keys_of(row.keys),
        state=row.state,
        name=row.name,
        username=row.username,
        preferences=row.preferences,
        portrait=portrait(row),
        trust=row.trust,
    )


def portrait(row: g.Identity) -> cv.PortraitView | None:
    """What the platform showed; None where nobody asked."""
    if row.portrait_at is None:
        return None
    return cv.PortraitView(row.picture, time(row.portrait_at), row.portrait_problem)


def contact(row: g.Contact) -> cv.ContactView:
    return cv.ContactView(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        conversation_id=row.conversation_id,
        created_at=time(row.created_at),
        identities=tuple([identity(one) for one in row.identities]),
    )


def history(sync: g.HistorySync | None) -> c.HistoryView | None:
    """How far the old conversations of a channel were read."""
    if sync is None:
        return None
    failure = sync.failure
    return c.HistoryView(
        state=sync.state,
        cause=sync.cause,
        since=time(sync.since),
        asked_at=time(sync.asked_at),
        began_at=time(sync.began_at),
        ended_at=time(sync.ended_at),
        reached_at=time(sync.reached_at),
        conversations=sync.conversations,
        messages=sync.messages,
        added=sync.added,
        beyond=sync.beyond,
        unread=sync.unread,
        problem=None if failure is None else failure.text or failure.reason.value,
        goes_on_at=time(sync.due_at) if sync.state is SyncState.WAITING else None,
        again=sync.next_cause,
    )


def channel(view: g.ChannelView) -> c.ChannelBody:
    row, depth = view.channel, view.depth
    queue = v.QueueView(0, None, 0, 0)
    if depth is not None:
        queue = v.QueueView(depth.queued, time(depth.oldest_at), depth.held, depth.unknown)
    return c.ChannelBody(
        id=row.id,
        tenant=row.tenant,
        platform=row.platform,
        channel_key=row.channel_key,
        state=row.state,
        reason=row.reason,
        since=time(row.since),
        source=row.source,
        last_event_at=time(row.last_event_at),
        settings=row.settings,
        queue=queue,
        limiter=timely_object(view.limiter),
        health=timely_object(view.health),
        history=history(view.history),
        mailbox=mailbox(view.mailbox),
    )


def mailbox(health: g.MailboxHealth | None) -> c.MailboxView | None:
    """How the reading of a mailbox goes."""
    if health is None:
        return None
    return c.MailboxView(
        state=health.doing.value,
        since=time(health.since),
        problem=health.problem,
        read_at=time(health.read_at),
        behind=health.behind,
        again_at=time(health.again_at),
    )


def event_detail(row: g.Event) -> JsonObject:
    """What an event tells besides; a failure in it looks as it does on messages and parts."""
    told: Any = row.detail.get("failure")
    if not isinstance(told, Mapping):
        return timely_object(row.detail)
    failure = Failure(
        kind=Kind(told["kind"]),
        reason=Reason(told["reason"]),
        scope=Scope(told.get("scope", Scope.PART)),
        code=told.get("code"),
        text=told.get("text"),
        advice=told.get("advice"),
    )
    seen = reason(failure, row.message.platform if row.message else None)
    return timely_object({**row.detail, "failure": asdict(seen)})


def event(row: g.Event) -> v.EventView:
    return v.EventView(
        id=row.id,
        cursor=cursor(row.cursor),
        type=row.type,
        at=time(row.at),
        tenant=row.tenant,
        conversation_id=row.conversation_id,
        leg_id=row.leg_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        detail=event_detail(row),
        message=None if row.message is None else message(row.message),
    )


def dead_letter(row: g.DeadLetter) -> v.DeadLetterView:
    return v.DeadLetterView(
        id=row.id,
        tenant=row.tenant,
        kind=row.kind,
        ref=row.ref,
        message_id=row.message_id,
        channel_id=row.channel_id,
        leg_id=row.leg_id,
        reason=row.reason,
        failure=reason(row.failure, None),
        at=time(row.at),
        redriven_at=time(row.redriven_at),
    )


def redriven(told: Any) -> v.RedrivenView:
    return v.RedrivenView(tuple(told["redriven"]), tuple(told["skipped"]), tuple(told["unread"]))


def medium(row: g.Medium) -> v.MediumView:
    return v.MediumView(
        id=row.id,
        tenant=row.tenant,
        state=row.state,
        mime=row.mime,
        size=row.size,
        filename=row.filename,
        channel_id=row.channel_id,
        message_id=row.message_id,
        reason=reason(row.failure, None),
        created_at=time(row.created_at),
    )


def key(row: g.ApiKey) -> v.KeyView:
    return v.KeyView(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        scopes=row.scopes,
        created_at=time(row.created_at),
        revoked_at=time(row.revoked_at),
        last_used_at=time(row.last_used_at),
    )


def actor(told: Any) -> v.ActorView:
    """One actor of the live tree."""
    return v.ActorView(**{field.name: told[field.name] for field in fields(v.ActorView)})


def capabilities(told: Any) -> v.CapabilitiesView:
    """What a platform can carry."""
    members = {field.name: told[field.name] for field in fields(v.CapabilitiesView)}
    members["forms"] = _forms(told["forms"])
    members["group_forms"] = None if told["group_forms"] is None else _forms(told["group_forms"])
    return v.CapabilitiesView(**members)


def _forms(told: Any) -> dict[str, tuple[v.FormView, ...]]:
    return {
        key: tuple([v.FormView(f["name"], f["level"], f["limits"], f["why"]) for f in forms])
        for key, forms in told.items()
    }
