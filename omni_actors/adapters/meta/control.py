"""Who controls a conversation, and what the platform allows an account.

https://developers.facebook.com/docs/messenger-platform/handover-protocol
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.meta.scene import Read, Scene
from omni_actors.adapters.reading import digest, needed_mapping, text
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import Acted, ChannelReported, ControlChanged, Report, Severity

REQUEST: Final = "request_thread_control"


def changed(kind: str, *, ours: bool) -> Read:
    """Reads how the control went to another app; `ours` if this is told to the one that gets it."""

    def read(item: JsonObject, scene: Scene) -> Iterator[Report]:
        told = needed_mapping(item.get(kind), kind)
        detail: dict[str, Json] = {
            "kind": kind.partition("_")[0],
            "previous": text(told.get("previous_owner_app_id")),
            "metadata": text(told.get("metadata")),
        }
        yield ControlChanged(
            scene.channel_key,
            _key(kind, item, scene),
            scene.when(item),
            scene.person(item),
            owner=text(told.get("new_owner_app_id")),
            detail={name: found for name, found in detail.items() if found is not None},
            ours=ours,
        )

    return read


def requested(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """Another app asks for the control; it is for whoever has it to pass it on."""
    told = needed_mapping(item.get(REQUEST), REQUEST)
    key, person = _key(REQUEST, item, scene), scene.person(item)
    detail = {**told, "requested_owner_app_id": text(told.get("requested_owner_app_id"))}
    yield Acted(scene.channel_key, key, scene.when(item), person, "control_request", detail)


def roles(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """Which app is what to the account: news for its operator, in an older version."""
    told = needed_mapping(item.get("app_roles"), "app_roles")
    detail: JsonObject = {"event": "app_roles", "platform": told}
    key, when = f"app_roles:{digest(told, scene.when(item))}", scene.when(item)
    yield ChannelReported(scene.channel_key, key, when, (), "account", Severity.INFO, detail)


def policy_enforced(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """The platform warns the account, blocks it, or lets it send again.

    https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messaging_policy_enforcement
    """
    told = needed_mapping(item.get("policy_enforcement"), "policy_enforcement")
    action, reason = text(told.get("action")) or "warning", text(told.get("reason"))
    key = f"policy:{action}:{digest(reason, scene.when(item))}"
    kind, severity, detail = _enforced(action, reason)
    known = {name: found for name, found in detail.items() if found is not None}
    yield ChannelReported(
        scene.channel_key, key, scene.when(item), (), kind, severity, {**known, "platform": told}
    )


def _enforced(action: str, reason: str | None) -> tuple[str, Severity, dict[str, Json]]:
    if action == "block":
        types: list[Json] = [{"type": "policy_enforcement", "until": None}]
        told: dict[str, Json] = {"sending": "nothing", "restrictions": types, "reason": reason}
        return "restriction", Severity.CRITICAL, told
    if action == "unblock":
        return "restriction", Severity.INFO, {"sending": "all", "restrictions": []}
    return "violation", Severity.WARNING, {"type": reason or action}


def _key(kind: str, item: JsonObject, scene: Scene) -> str:
    return f"{kind}:{digest(item.get('sender'), scene.when(item), item.get(kind))}"
