"""What operators see of channels, capabilities and actors."""

from collections.abc import Mapping, Sequence

from attrs import asdict, evolve, frozen

from omni_actors.actors.cell import CellState
from omni_actors.gateway.house import House
from omni_actors.gateway.keys import Caller
from omni_actors.gateway.mail_session import MailboxHealth
from omni_actors.model.capabilities import Capabilities, Form, Limits
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.standing import Standing
from omni_actors.model.states import ChannelState
from omni_actors.store.history import HistorySync
from omni_actors.store.queries import Channels, QueueDepths, Standings
from omni_actors.store.rows import Channel, QueueDepth


@frozen
class ChannelView:
    """A channel with its queue, limiter and health."""

    channel: Channel
    depth: QueueDepth | None
    limiter: JsonObject
    health: JsonObject
    history: HistorySync | None
    mailbox: MailboxHealth | None


async def channel_views(house: House, caller: Caller) -> Sequence[ChannelView]:
    """All that there is to see of the channels that a caller sees."""
    ask, now = house.ground.store.ask, house.ground.clock.now()
    depths = {d.channel_id: d for d in await ask(QueueDepths(caller.tenant))}
    standings: dict[str, list[Standing]] = {}
    for found in await ask(Standings(caller.tenant, now)):
        standings.setdefault(found.channel_id, []).append(found.standing)
    heard = {c.id: c.last_event_at for c in await ask(Channels(caller.tenant))}
    syncs = await house.histories.syncs(caller.tenant)
    views = []
    for channel in house.channels.values():
        if not caller.sees(channel.tenant):
            continue
        id, actor, depth = channel.id, house.desks.get(channel.id), depths.get(channel.id)
        problem = house.mail.problem(id)
        views.append(
            ChannelView(
                channel=evolve(channel, last_event_at=heard.get(id)),
                depth=depth,
                limiter=actor.describe() if actor else {},
                health=health_of(channel, depth, standings.get(id, ()), problem),
                history=syncs.get(id),
                mailbox=house.mail.healths.get(id),
            )
        )
    return views


def health_of(
    channel: Channel,
    depth: QueueDepth | None,
    standings: Sequence[Standing],
    mailbox: str | None,
) -> JsonObject:
    """Whether the channel does its work and its platform is content, with the reason if not.

    `mailbox` is what is wrong with its mailbox.
    """
    doubtful = depth.unknown if depth else 0
    active = channel.state is ChannelState.ACTIVE
    wrong = [] if active else [channel.reason or channel.state.value]
    wrong += [] if mailbox is None else [mailbox]
    wrong += [standing.sentence for standing in standings if not standing.ok]
    return {
        "status": "attention" if wrong else "ok",
        "reason": wrong[0] if wrong else None,
        "in_doubt": doubtful,
        "standing": [standing_view(standing) for standing in standings],
    }


def standing_view(standing: Standing) -> JsonObject:
    """What the platform said last on one topic of a channel."""
    return {
        "topic": standing.topic,
        "status": "ok" if standing.ok else "attention",
        "sentence": standing.sentence,
        "told_at": standing.at,
        "until_at": standing.until,
        "blocks_sending": standing.blocks,
        "detail": standing.detail,
    }


def capabilities_view(capabilities: Capabilities) -> JsonObject:
    """Capabilities as data."""
    return {
        "forms": forms_view(capabilities.forms),
        "dialect": capabilities.dialect.name,
        "window_s": capabilities.window_s,
        "entry_window_s": capabilities.entry_window_s,
        "human_window_s": capabilities.human_window_s,
        "free_in_closed_window": list(capabilities.free_in_closed_window),
        "reply_to": capabilities.reply_to,
        "mark_read": capabilities.mark_read,
        "typing": capabilities.typing,
        "stop_typing": capabilities.stop_typing,
        "receipts": list(capabilities.receipts),
        "media_by_url": capabilities.media_by_url,
        "group_forms": forms_view(capabilities.group.forms) if capabilities.group else None,
    }


def forms_view(forms: Mapping[str, Sequence[Form]]) -> JsonObject:
    """The forms of each content type, best first."""
    return {key: [form_view(form) for form in listed] for key, listed in forms.items()}


def form_view(form: Form) -> JsonObject:
    usual = asdict(Limits())
    limits = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(form.limits).items()
        if name == "unit" or value != usual[name]
    }
    return {"name": form.name, "level": form.level.value, "limits": limits, "why": form.why}


def actor_view(cell: CellState) -> JsonObject:
    """One actor: figures and names, never content."""
    return {name: plain(value) for name, value in asdict(cell, recurse=False).items()}


def plain(value: object) -> Json:
    """A figure or name as JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
