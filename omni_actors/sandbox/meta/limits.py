"""What the control API changes of an account: its rates, and how it stands with Meta."""

from collections.abc import Mapping
from typing import Any, Final

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.meta.channel import Channel
from omni_actors.sandbox.meta.world import World

RATES: Final = {
    "text_per_s": "text",
    "media_per_s": "media",
    "conversations_per_s": "conversations",
    "profile_per_10_min": "profile",
    "private_replies_per_h": "private",
    "live_replies_per_s": "live",
}


def change(channel: Channel, document: Mapping[str, Any]) -> None:
    """Set rates, and `calls_per_h`: the budget, 0 for none. Raises ControlError."""
    for key, value in document.items():
        if key not in RATES and key != "calls_per_h":
            raise ControlError(f"there is no limit `{key}`; there is {', '.join(RATES)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ControlError(f"`{key}` must be a whole number, 0 or more")
    for key, value in document.items():
        if key == "calls_per_h":
            channel.budget.calls_per_h = value
        else:
            channel.rates[RATES[key]].most = value


def stands(world: World, channel: Channel, document: dict[str, Any]) -> dict[str, Any]:
    """Change how an account stands, and its tokens with it. Raises ControlError."""
    channel.standing.change(document, channel.rules.fields)
    if "app_fields" in document:
        world.office.set_app_fields(channel, sorted(document["app_fields"]))
    now = world.stage.clock.now()
    for token in world.book.of_profile(channel.graph_id):
        if "token_expires_in_s" in document:
            left_s = document["token_expires_in_s"]
            token.expires_at = None if left_s is None else now + left_s
        if document.get("token_age_s") is not None:
            token.issued_at = now - document["token_age_s"]
        if "scopes" in document:
            token.scopes = tuple(document["scopes"])
    tokens = world.book.of_profile(channel.graph_id)
    shown = channel.standing.document()
    shown["scopes"] = list(tokens[-1].scopes) if tokens else []
    return {**shown, "app_fields": world.office.fields_of_app(channel)}
