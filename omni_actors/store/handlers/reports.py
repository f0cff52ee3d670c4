"""What each report does, once it is known to be new and whose channel it is of."""

from typing import TypeAlias, assert_never

from attrs import evolve

from omni_actors.model import ids
from omni_actors.model.content import Card, Carousel, Content, Media, Text
from omni_actors.model.events import EventType
from omni_actors.model.failure import TEMPLATE_REASONS, Reason
from omni_actors.model.json import Json
from omni_actors.model.reports import (
    Acted,
    ChannelReported,
    ControlChanged,
    Deleted,
    Echoed,
    Edited,
    IdentityChanged,
    PreferenceChanged,
    Reacted,
    Received,
    StatusReported,
    TemplateReported,
    Unsupported,
    WatermarkReported,
)
from omni_actors.model.states import UNFINISHED, Direction, PartStatus
from omni_actors.store.codec import (
    decode_content,
    dumps,
    encode_content,
)
from omni_actors.store.handlers import channel_news, control
from omni_actors.store.handlers.catching_up import REMOVED, catch_up
from omni_actors.store.handlers.early import Change
from omni_actors.store.handlers.echoes import matched, own_part, tried_part
from omni_actors.store.handlers.effects import Effects, Home, Outcome, status_facts
from omni_actors.store.handlers.notes import group_notes, notes_of
from omni_actors.store.handlers.part_work import RANK_FAILED, PartWork, goes_again
from omni_actors.store.handlers.people import Reach
from omni_actors.store.handlers.remarks import kept_apart
from omni_actors.store.handlers.synced import synced, told_as_news
from omni_actors.store.handlers.threads import follow, quoted_by, remember, trust_of
from omni_actors.store.handlers.tries import Try, try_of
from omni_actors.store.rows import Complaint, EntryKind
from omni_actors.store.verbs import Intake, Item

KINDS: dict[type, EntryKind] = {Edited: "edited", Deleted: "deleted", Reacted: "reacted"}
REFERRAL = "referral"
WHOLE_S = 1.0  # old messages are dated in whole seconds


def take_effect(effects: Effects, home: Home, item: Item, intake: Intake) -> Outcome | None:
    """Let one report take effect; None when nobody needs to be woken for it."""
    report = item.report
    match report:
        case Received(synced=True) | Echoed(synced=True):
            return _synced(effects, home, item, report, intake)
        case Received():
            return _received(effects, home, item, report, intake)
        case StatusReported():
            return _status(effects, home, item, report, intake)
        case Echoed():
            return _echoed(effects, home, item, report, intake)
        case Edited() | Deleted() | Reacted():
            return _changed(effects, home, item, report, intake)
        case WatermarkReported():
            return _watermark(effects, home, item, report)
        case IdentityChanged() | PreferenceChanged() | ControlChanged() | Acted():
            return _about_a_person(effects, home, item, report, intake)
        case TemplateReported():
            return channel_news.template(effects, home, report)
        case ChannelReported():
            channel_news.told(effects, home, report, intake)
            return channel_news.standing(effects, home, item, report, intake)
        case Unsupported():
            channel_news.told(effects, home, report, intake)
            return None
        case _:
            assert_never(report)


def _about_a_person(
    effects: Effects,
    home: Home,
    item: Item,
    report: IdentityChanged | PreferenceChanged | ControlChanged | Acted,
    intake: Intake,
) -> Outcome | None:
    """News of somebody that are no message."""
    match report:
        case IdentityChanged():
            return _identity_changed(effects, home, report)
        case PreferenceChanged():
            return _preference(effects, home, report)
        case ControlChanged():
            return _control(effects, home, report)
        case Acted():
            return _acted(effects, home, item, report, intake)
        case _:
            assert_never(report)


Personal: TypeAlias = (
    Received | Echoed | Edited | Deleted | Reacted | PreferenceChanged | ControlChanged | Acted
)


def _meet(effects: Effects, home: Home, report: Personal) -> Reach | None:
    name = getattr(report, "name", None)
    username = getattr(report, "username", None)
    return effects.people.meet(
        home.tenant, home.platform, home.id, report.identities, report.at, name, username
    )


def _synced(
    effects: Effects, home: Home, item: Item, report: Received | Echoed, intake: Intake
) -> Outcome | None:
    """An old message; one of ours may be the part of which nobody knows what became."""
    part = own_part(effects, home, report) if isinstance(report, Echoed) else None
    asks = part is not None and part.status in (PartStatus.SENDING, PartStatus.UNKNOWN)
    if part is None or not asks or (part.wire_at or 0.0) > report.at + WHOLE_S:
        return synced(effects, home, item, report, intake)
    assert isinstance(report, Echoed)
    _settled_by_echo(effects, home, part, report)
    return Outcome(leg_id=part.message.leg_id)


def _received(
    effects: Effects, home: Home, item: Item, report: Received, intake: Intake
) -> Outcome | None:
    reach = _meet(effects, home, report)
    if reach is None:
        return _orphan(effects, home, report, intake)
    at = report.at
    answered = follow(effects, home, reach, item.leads) if item.leads else None
    trust = trust_of(report, answered)
    notes = notes_of(report, answered, trust)
    old = told_as_news(effects, home, item, report, notes, intake)
    message_id = old[0] if old else effects.db.ids(ids.MESSAGE)
    before = _hold_open(reach, item)
    if reach.last_inbound_at is None or at >= reach.last_inbound_at:
        reach.last_inbound_at = at
        reach.last_external_id = report.external_id
    reach.dirty = True
    if item.entry is not None:
        effects.enter(reach, *item.entry)
    _stir(reach, intake.received_at, opens=not report.automatic)
    if report.standby or reach.controlled_by is not None:
        control.heard(effects, home, reach, report)
    quoted = quoted_by(effects, home, report, answered)
    media = (
        old[1]
        if old
        else _add_received(effects, home, item, reach, message_id, notes, quoted, intake)
    )
    remember(effects, reach, message_id, report, trust, newest=True)
    effects.add_entry(reach, "message", at, message_id, before, quoted[1])
    note = effects.journal.note
    note(
        EventType.MESSAGE_RECEIVED, home.tenant, at, reach.thread.id, reach.id, home.id, message_id
    )
    if report.referral is not None:
        note(
            EventType.CONVERSATION_REFERRAL, home.tenant, at, reach.thread.id, reach.id, home.id,
            message_id, {"referral": report.referral},
        )  # fmt: skip
    catch_up(effects, home, reach, message_id, report)
    return Outcome(reach.thread.id, None, media)


def _add_received(
    effects: Effects,
    home: Home,
    item: Item,
    reach: Reach,
    message_id: str,
    notes: str | None,
    quoted: tuple[str | None, str | None],
    intake: Intake,
) -> bool:
    """The row of a message that was not here, and its media."""
    report = item.report
    assert isinstance(report, Received)
    effects.add_target(home.id, report.external_id, message_id)
    effects.add_message(
        message_id, home.tenant, Direction.INBOUND.value, reach.thread.id, reach.id, home.id,
        "contact", "platform", encode_content(report.content), "received", intake.received_at,
        report.at, *quoted, report.external_id, notes, intake.id,
    )  # fmt: skip
    return bool(report.media) and effects.add_media(report, item, home, message_id, intake)


def _hold_open(reach: Reach, item: Item) -> float | None:
    """Let what a person did hold their window open; answers until when it was open before."""
    before, until = reach.window_until, item.window_until
    if until is not None and (before is None or until > before):
        reach.window_until = until
        reach.dirty = True
    return before


def _stir(reach: Reach, at: float, *, opens: bool = True) -> None:
    """Something was written: the conversation's activity is now. It is open, unless only a machine
    has answered."""
    thread = reach.thread
    thread.last_at = max(thread.last_at, at)
    thread.closed_at = None if opens else thread.closed_at
    thread.dirty = True


def _orphan(
    effects: Effects, home: Home, report: Received | Echoed, intake: Intake
) -> Outcome | None:
    """A message that names nobody cannot be given a place; the intake keeps it."""
    effects.journal.note(
        EventType.UNSUPPORTED, home.tenant, report.at, None, None, home.id, None,
        {"kind": "message", "reason": "It names no person.", "intake_id": intake.id},
    )  # fmt: skip
    return None


def _echoed(
    effects: Effects, home: Home, item: Item, report: Echoed, intake: Intake
) -> Outcome | None:
    part = own_part(effects, home, report)
    if part is not None:
        _settled_by_echo(effects, home, part, report)
        return Outcome(leg_id=part.message.leg_id)
    if effects.target(home.id, report.external_id) is not None:
        return None
    if (part := tried_part(effects, home, report)) is not None:
        if part.status in UNFINISHED:
            _settled_by_echo(effects, home, part, report)
        else:
            effects.parts.learn_past(part, [report.external_id])
            effects.learn_target(home.id, report.external_id, part.message.id, part.id)
        return Outcome(leg_id=part.message.leg_id)
    reach = _meet(effects, home, report)
    if reach is None:
        return _orphan(effects, home, report, intake)
    _control_taken(effects, home, reach, report)
    if report.standby:
        control.heard(effects, home, reach, report)
    message_id = effects.db.ids(ids.MESSAGE)
    quoted = effects.target(home.id, report.reply_to) if report.reply_to is not None else None
    effects.add_target(home.id, report.external_id, message_id)
    effects.add_message(
        message_id, home.tenant, Direction.OUTBOUND.value, reach.thread.id, reach.id, home.id,
        "bot" if report.app_id else "human", "echo", encode_content(report.content), "sent",
        intake.received_at, report.at, quoted[0] if quoted else None, report.reply_to,
        report.external_id, dumps(report.notes) if report.notes else None, intake.id,
    )  # fmt: skip
    _stir(reach, intake.received_at)
    effects.add_entry(reach, "echoed", report.at, message_id, reach.window_until)
    media = bool(report.media) and effects.add_media(report, item, home, message_id, intake)
    effects.journal.note(
        EventType.MESSAGE_ECHOED, home.tenant, report.at, reach.thread.id, reach.id, home.id,
        message_id, {"app_id": report.app_id} if report.app_id else None,
    )  # fmt: skip
    catch_up(effects, home, reach, message_id, report)
    return Outcome(reach.thread.id, None, media)


def _control_taken(effects: Effects, home: Home, reach: Reach, report: Echoed) -> None:
    """A person of the business writes by other means than us: the conversation is theirs now."""
    if report.app_id is None and effects.taken_over(reach):
        detail: dict[str, Json] = {"owner": "human", "via": "echo"}
        channel_news.note(effects, EventType.CONVERSATION_CONTROL, home, reach, report.at, detail)


def _settled_by_echo(effects: Effects, home: Home, part: PartWork, report: Echoed) -> None:
    effects.parts.learn(part, [report.external_id])
    effects.parts.take_up(part, report.at)
    effects.learn_target(home.id, report.external_id, part.message.id, part.id)


def _status(
    effects: Effects, home: Home, item: Item, report: StatusReported, intake: Intake
) -> Outcome | None:
    if len(report.identities) > 1:
        person = effects.people.find(home.tenant, home.platform, report.identities)
        if person is not None:
            effects.people.teach(person, report.identities, report.at, home.id)
    part = matched(effects, home, report.callback, report.external_id)
    if part is None:
        if effects.target(home.id, report.external_id) is not None:
            return None
        effects.park(home, item, report, intake.received_at)
        return Outcome(parked=True)
    complaint = _complaint(home, part, report) if item.resend else None
    if item.proven:
        return _took_effect(effects, home, item, report, part, complaint)
    match try_of(part, report.external_id, item.rank):
        case Try.UNCLEAR:
            effects.park(home, item, report, intake.received_at)
            return Outcome(parked=True, complaint=complaint)
        case Try.EARLIER:
            effects.parts.learn_past(part, [report.external_id])
            effects.parts.overtaken(part, report.status, report.at, report.failure)
            return None
        case Try.NEWEST:
            effects.parts.learn(part, [report.external_id])
    effects.learn_target(home.id, report.external_id, part.message.id, part.id)
    return _took_effect(effects, home, item, report, part, complaint)


def _took_effect(
    effects: Effects,
    home: Home,
    item: Item,
    report: StatusReported,
    part: PartWork,
    complaint: Complaint | None,
) -> Outcome:
    """What the platform says of the newest try of a part is so."""
    facts = status_facts(report)
    if report.participant is not None:
        effects.parts.told_of_member(
            part, report.status, item.rank, report.at, report.failure, facts
        )
        return Outcome(leg_id=part.message.leg_id)
    if report.failure and item.resend and goes_again(part, item.resend):
        effects.parts.send_again(part, item.resend.due_at, report.failure, report.at)
        return Outcome(leg_id=part.message.leg_id, complaint=complaint)
    reason = report.failure.reason if report.failure else None
    if reason is Reason.OUTSIDE_WINDOW and part.may_come_back:
        effects.came_back(part, report)
        return Outcome(leg_id=part.message.leg_id)
    if reason is Reason.RECIPIENT_NOT_OPTED_IN:
        effects.opted_out(part.message.leg_id, report.at)
    effects.parts.report(part, report.status, item.rank, report.at, report.failure, facts)
    if report.sweeps and part.wire_at is not None:
        _sweep(effects, part.message.leg_id, item, report, part.wire_at)
    doubted = report.failure is not None and report.failure.reason in TEMPLATE_REASONS
    templates_of = home.id if doubted else None
    return Outcome(leg_id=part.message.leg_id, templates_of=templates_of, complaint=complaint)


def _complaint(home: Home, part: PartWork, report: StatusReported) -> Complaint | None:
    """What a failure tells of others than its part, which has not arrived."""
    if report.failure is None or part.rank > RANK_FAILED:
        return None
    return Complaint(home.id, part.message.leg_id, report.failure, report.at, part.wire_at)


def _watermark(
    effects: Effects, home: Home, item: Item, report: WatermarkReported
) -> Outcome | None:
    person = effects.people.find(home.tenant, home.platform, report.identities)
    reach = person.legs.get(home.id) if person else None
    if reach is None:
        return None
    effects.mark(reach, report.status.value, report.until, item.rank)
    _sweep(effects, reach.id, item, report, report.until)
    return Outcome(leg_id=reach.id)


def _sweep(
    effects: Effects,
    leg_id: str,
    item: Item,
    report: StatusReported | WatermarkReported,
    until: float,
) -> None:
    """Everything that the platform had of a leg by `until` has reached the status too."""
    effects.parts.load(effects.unread(leg_id, item.rank, until))
    for part in effects.parts.sent_by(leg_id, until):
        effects.parts.report(part, report.status, item.rank, report.at)


def _changed(
    effects: Effects, home: Home, item: Item, report: Edited | Deleted | Reacted, intake: Intake
) -> Outcome | None:
    """An earlier message was changed; the event names it even when we do not have it (yet)."""
    reach = _meet(effects, home, report)
    before = _hold_open(reach, item) if reach else None
    target = effects.target(home.id, report.target)
    message_id = target[0] if target else None
    detail: dict[str, Json] = {"target": report.target}
    match report:
        case Edited():
            event = EventType.MESSAGE_EDITED
            effects.told_edit(home, report.target, intake)
            content = encode_content(report.content)
            if message_id:
                content = encode_content(_with_its_media(effects, message_id, report.content))
                effects.edit(message_id, content, report.at)
            else:
                _wait(effects, home, report, Change(content, report.at), intake)
        case Deleted():
            event = EventType.MESSAGE_DELETED
            if message_id:
                effects.delete(home, report.target, message_id, REMOVED)
            else:
                _wait(effects, home, report, Change(None, report.at), intake)
        case Reacted():
            event = EventType.MESSAGE_REACTION
            detail["emoji"] = report.emoji
            if report.member is not None:
                detail |= group_notes(report.identities, report.member)
        case _:
            assert_never(report)
    thread = reach.thread if reach else None
    effects.journal.note(
        event, home.tenant, report.at, thread.id if thread else None, reach.id if reach else None,
        home.id, message_id, detail,
    )  # fmt: skip
    if reach is None:
        return None
    kind = KINDS[type(report)]
    effects.add_entry(reach, kind, report.at, message_id, before, None, detail)
    return Outcome(reach.thread.id)


def _wait(
    effects: Effects, home: Home, report: Edited | Deleted, change: Change, intake: Intake
) -> None:
    effects.early.park(home.id, report.target, change, intake.received_at)


def _with_its_media(effects: Effects, message_id: str, now: Content) -> Content:
    """An edit changes the words beside media; the media themselves are those that were sent."""
    if not isinstance(now, Text) and (not isinstance(now, Media) or now.media_id is not None):
        return now
    stored = effects.content_of(message_id)
    before = None if stored is None else decode_content(stored)
    words = now.text if isinstance(now, Text) else now.caption
    match before:
        case Media():
            return evolve(before, caption=words)
        case Card() | Carousel():
            return evolve(before, text=words)
        case _:
            return now


def _identity_changed(effects: Effects, home: Home, report: IdentityChanged) -> Outcome | None:
    people = effects.people
    person = people.find(home.tenant, home.platform, report.identities + report.now)
    detail: dict[str, Json] = {
        "old": [{"kind": k.kind, "value": k.value, "scope": k.scope} for k in report.identities],
        "now": [{"kind": k.kind, "value": k.value, "scope": k.scope} for k in report.now],
    }
    if person is None:
        effects.journal.note(
            EventType.IDENTITY_CHANGED, home.tenant, report.at, None, None, home.id, None, detail
        )
        return None
    detail["identity_id"] = person.id
    people.change(person, report.identities, report.now, report.at, home.id)
    reach = person.legs.get(home.id)
    if reach is None:
        channel_news.note(effects, EventType.IDENTITY_CHANGED, home, None, report.at, detail)
        return None
    effects.journal.note(
        EventType.IDENTITY_CHANGED, home.tenant, report.at, reach.thread.id, reach.id, home.id,
        None, detail,
    )  # fmt: skip
    effects.add_entry(reach, "identity", report.at, None, reach.window_until, None, detail)
    return Outcome(reach.thread.id)


def _preference(effects: Effects, home: Home, report: PreferenceChanged) -> Outcome | None:
    reach = _meet(effects, home, report)
    person = effects.people.find(home.tenant, home.platform, report.identities)
    detail: dict[str, Json] = {"category": report.category, "value": report.value}
    if report.detail is not None:
        detail["detail"] = report.detail
    if person is not None:
        detail["identity_id"] = person.id
        if not effects.prefer(person, report.category, report.value, report.at):
            detail["overtaken"] = True
    channel_news.note(effects, EventType.IDENTITY_PREFERENCE, home, reach, report.at, detail)
    return None


def _control(effects: Effects, home: Home, report: ControlChanged) -> Outcome | None:
    reach = _meet(effects, home, report)
    if reach is not None:
        control.passed(effects, home, reach, report)
    return None


def _acted(
    effects: Effects, home: Home, item: Item, report: Acted, intake: Intake
) -> Outcome | None:
    """A person did something that is no message; it may hold their window open."""
    reach = _meet(effects, home, report)
    if report.kind == REFERRAL:
        told: dict[str, Json] = {"referral": report.detail}
        channel_news.note(effects, EventType.CONVERSATION_REFERRAL, home, reach, report.at, told)
    else:
        told = {
            "kind": report.kind, "detail": report.detail,
            **kept_apart(effects, home, report, intake),
        }  # fmt: skip
        channel_news.note(effects, EventType.CONVERSATION_ACTION, home, reach, report.at, told)
    if reach is None or item.window_until is None:
        return None
    before = _hold_open(reach, item)
    effects.add_entry(reach, "acted", report.at, None, before)
    return Outcome(reach.thread.id)
