"""News of groups: made and deleted, who is in them, how they are called, whether they may be used.

https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/webhooks
"""

from collections.abc import Callable, Iterator
from typing import Final

from omni_actors.adapters.reading import digest, mapping, needed_text, sequence, text
from omni_actors.adapters.whatsapp.errors import failure_in
from omni_actors.adapters.whatsapp.people import group_keys
from omni_actors.adapters.whatsapp.scene import Scene, at, items
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import ChannelReported, Report, Severity

# A kind of news, what it is to us, and what it is when it only tells that it did not work.
EVENTS: Final = {
    "group_create": ("created", "create_failed"),
    "group_delete": ("deleted", "delete_failed"),
    "group_participants_add": ("joined", "join_failed"),
    "group_participants_remove": ("removed", "remove_failed"),
    "group_join_request_created": ("join_requested", "join_request_failed"),
    "group_join_request_revoked": ("join_withdrawn", "join_request_failed"),
    "group_settings_update": ("changed", "change_failed"),
    "group_suspend": ("suspended", "suspend_failed"),
    "group_suspend_cleared": ("restored", "restore_failed"),
}
SETTINGS: Final = ("subject", "description")
CAME_OR_WENT: Final = ("added_participants", "removed_participants")


def reader(topic: str) -> Callable[[JsonObject, Scene], Iterator[Report]]:
    """A reader of the news of groups under one field."""

    def read(value: JsonObject, scene: Scene) -> Iterator[Report]:
        by = text(value.get("initiated_by"))
        return items(value, (("groups", lambda item, s: _news(topic, by, item, s)),), scene)

    return read


def _news(topic: str, by: str | None, item: JsonObject, scene: Scene) -> ChannelReported:
    kind, group_id = needed_text(item, "type"), text(item.get("group_id"))
    failure = _failure(item)
    by = text(item.get("initiated_by")) or by
    event = _event(kind, item, failure, by)
    detail: dict[str, Json] = {
        "event": event,
        "group_id": group_id,
        **_settings(item),
        "invite_link": text(item.get("invite_link")),
        "join_approval": text(item.get("join_approval_mode")),
        "members": _members(item, *CAME_OR_WENT) or _one(item),
        "failed_members": _members(item, "failed_participants"),
        "request_id": text(item.get("request_id")),
        "join_request_id": text(item.get("join_request_id")),
        "reason": text(item.get("reason")),
        "by": by,
    }
    told = {name: value for name, value in detail.items() if value not in (None, [])}
    worrying = failure is not None or event == "suspended"
    return ChannelReported(
        scene.channel_key,
        f"{topic}:{digest(item, by, scene.channel_key)}",
        at(item, scene),
        group_keys(group_id),
        "group",
        Severity.WARNING if worrying else Severity.INFO,
        {**told, "platform": item},
        failure,
        name=text(told.get("subject")) if event in ("created", "changed") else None,
    )


def _event(kind: str, item: JsonObject, failure: Failure | None, by: str | None) -> str:
    """What happened in one word; what worked in part has happened."""
    done, failed = EVENTS.get(kind, (kind.lower(), kind.lower()))
    if failure is not None and not _worked(item):
        return failed
    return "left" if done == "removed" and by == "participant" else done


def _worked(item: JsonObject) -> bool:
    """Whether something of what was asked was done in spite of an error."""
    settings = [mapping(item.get(f"group_{name}")) for name in SETTINGS]
    settings.append(mapping(item.get("profile_picture")))
    changed = any(setting.get("update_successful") is True for setting in settings)
    return changed or bool(_members(item, *CAME_OR_WENT))


def _failure(item: JsonObject) -> Failure | None:
    for error in map(mapping, sequence(item.get("errors"))):
        return failure_in(error)
    return None


def _settings(item: JsonObject) -> dict[str, Json]:
    """What a group is called and says of itself, as far as that is so now."""
    found: dict[str, Json] = {name: text(item.get(name)) for name in SETTINGS}
    for name in SETTINGS:
        changed = mapping(item.get(f"group_{name}"))
        if changed.get("update_successful") is True:
            found[name] = text(changed.get("text"))
    return found


def _members(item: JsonObject, *lists: str) -> list[Json]:
    """The people in these lists, each as precisely as it is told."""
    people = [mapping(each) for name in lists for each in sequence(item.get(name))]
    return [found for person in people if (found := _named(person))]


def _one(item: JsonObject) -> list[Json]:
    """Whoever asks to join stands beside the request."""
    found = _named(item)
    return [found] if found else []


def _named(person: JsonObject) -> str | None:
    return next(
        (found for key in ("wa_id", "user_id", "input") if (found := text(person.get(key)))), None
    )


TOPICS: Final = (
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
)
