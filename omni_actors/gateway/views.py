"""What operators see of channels, capabilities and actors."""

from collections.abc import Mapping

from attrs import asdict, frozen

from omni_actors.actors.cell import CellState
from omni_actors.model.capabilities import Capabilities, Form, Limits
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.states import ChannelState
from omni_actors.store.rows import Channel, QueueDepth


@frozen
class ChannelView:
    """A channel with its queue, limiter and health."""

    channel: Channel
    depth: QueueDepth | None
    limiter: JsonObject
    health: JsonObject


def health_of(channel: Channel, depth: QueueDepth | None) -> JsonObject:
    """Whether the channel does its work, with the reason if not."""
    doubtful = depth.unknown if depth else 0
    ok = channel.state is ChannelState.ACTIVE
    return {
        "status": "ok" if ok else "attention",
        "reason": None if ok else channel.reason or channel.state.value,
        "in_doubt": doubtful,
    }


def capabilities_view(capabilities: Capabilities) -> JsonObject:
    """Capabilities as data."""
    return {
        "forms": {
            key: [form_view(form) for form in forms] for key, forms in capabilities.forms.items()
        },
        "dialect": capabilities.dialect,
        "window_s": capabilities.window_s,
        "free_in_closed_window": list(capabilities.free_in_closed_window),
        "reply_to": capabilities.reply_to,
        "mark_read": capabilities.mark_read,
        "typing": capabilities.typing,
        "receipts": list(capabilities.receipts),
        "media_by_url": capabilities.media_by_url,
    }


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
