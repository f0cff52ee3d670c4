"""What news of a channel itself do, and what is told as it came."""

from typing import assert_never

from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.limits import LIMITS
from omni_actors.model.reports import ChannelReported, TemplateReported, Unsupported
from omni_actors.store.codec import failure_json
from omni_actors.store.handlers.channels import limit, restrict
from omni_actors.store.handlers.effects import Effects, Home, Outcome
from omni_actors.store.handlers.people import Reach
from omni_actors.store.handlers.remarks import kept_apart
from omni_actors.store.handlers.standing import keep_standing
from omni_actors.store.handlers.templates import apply_news
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import Intake, Item


def standing(
    effects: Effects, home: Home, item: Item, report: ChannelReported, intake: Intake
) -> Outcome | None:
    """What news mean for how the channel stands, how fast it may send, and whether at all."""
    limited = _limited(effects, home, report)
    if not item.standings:
        return Outcome(channel=limited) if limited else None
    for each in item.standings:
        keep_standing(effects.db, home.id, each)
    now = intake.received_at
    return Outcome(channel=restrict(effects.db, effects.journal, home.id, now) or limited)


def told(
    effects: Effects,
    home: Home,
    report: ChannelReported | Unsupported,
    intake: Intake,
) -> None:
    """News that are told as they are."""
    if isinstance(report, ChannelReported) and report.name is not None:
        effects.people.meet(
            home.tenant, home.platform, home.id, report.identities, report.at, report.name
        )
    person = effects.people.find(home.tenant, home.platform, report.identities)
    if person is not None and len(report.identities) > 1:
        effects.people.teach(person, report.identities, report.at, home.id)
    reach = person.legs.get(home.id) if person else None
    detail: dict[str, Json]
    match report:
        case ChannelReported():
            event = EventType.CHANNEL_REPORTED
            detail = {
                "kind": report.kind, "severity": report.severity.value, "detail": report.detail,
                **kept_apart(effects, home, report, intake),
            }  # fmt: skip
            if report.failure is not None:
                detail["failure"] = failure_json(report.failure)
        case Unsupported():
            event = EventType.UNSUPPORTED
            detail = {"kind": report.kind, "reason": report.reason, "intake_id": intake.id}
        case _:
            assert_never(report)
    note(effects, event, home, reach, report.at, detail)


def template(effects: Effects, home: Home, report: TemplateReported) -> Outcome:
    """A template changed: what we know of it follows, and the platform is asked for the rest."""
    for facts in apply_news(effects.db, home.id, report):
        detail = {**facts, "change": report.change, "detail": report.detail}
        note(effects, EventType.TEMPLATE_CHANGED, home, None, report.at, detail)
    return Outcome(templates_of=home.id)


def _limited(effects: Effects, home: Home, report: ChannelReported) -> Channel | None:
    """The channel as it is now, when this tells of its limits."""
    if not set(report.detail) & set(LIMITS):
        return None
    return limit(effects.db, home.id, report.detail, report.at)


def note(
    effects: Effects,
    event: EventType,
    home: Home,
    reach: Reach | None,
    at: float,
    detail: dict[str, Json],
) -> None:
    """An event of a channel, and of somebody's leg if it is about one."""
    thread = reach.thread if reach else None
    effects.journal.note(
        event, home.tenant, at, thread.id if thread else None, reach.id if reach else None,
        home.id, None, detail,
    )  # fmt: skip
