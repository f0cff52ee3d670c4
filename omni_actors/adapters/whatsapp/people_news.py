"""News of people beside their messages: what they want to get, and by which keys they are known.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_app_state_sync
"""

from collections.abc import Iterator

from omni_actors.adapters.reading import (
    Malformed,
    digest,
    mapping,
    needed_mapping,
    needed_text,
    seconds,
    text,
)
from omni_actors.adapters.whatsapp.people import BSUID, PARENT_BSUID, PHONE, keys, strongest_first
from omni_actors.adapters.whatsapp.scene import Scene, at, items
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    ChannelReported,
    IdentityChanged,
    PreferenceChanged,
    Report,
    Severity,
)


def preferences(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """What people want to get: `stop`, `resume` or `signup` of a category such as
    `marketing_messages`."""
    return items(value, (("user_preferences", _preference),), scene)


def _preference(told: JsonObject, scene: Scene) -> PreferenceChanged:
    named = keys(
        (PHONE, told.get("wa_id")),
        (BSUID, told.get("user_id")),
        (PARENT_BSUID, told.get("parent_user_id")),
    )
    person = scene.cards.person(named)
    if not person.keys:
        raise Malformed("it names nobody")
    return PreferenceChanged(
        scene.channel_key,
        f"preference:{digest(told, scene.channel_key, scene.at)}",
        at(told, scene),
        person.keys,
        category=needed_text(told, "category"),
        value=needed_text(told, "value").lower(),
        detail=text(told.get("detail")),
    )


def user_ids(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """People whose business-scoped ids were exchanged: they are the same people."""
    return items(value, (("user_id_update", _user_id),), scene)


def _user_id(told: JsonObject, scene: Scene) -> IdentityChanged:
    own = needed_mapping(told.get("user_id"), "user_id")
    parent = mapping(told.get("parent_user_id"))
    phone = keys((PHONE, told.get("wa_id")))
    old = keys((BSUID, own.get("previous")), (PARENT_BSUID, parent.get("previous")))
    now = keys((BSUID, own.get("current")), (PARENT_BSUID, parent.get("current")))
    if not now or not (old or phone):
        raise Malformed("it does not name both the old and the new identity")
    return IdentityChanged(
        scene.channel_key,
        f"user_id:{digest(told, scene.channel_key, scene.at)}",
        at(told, scene),
        strongest_first((*old, *phone)),
        strongest_first((*now, *phone)),
        text(told.get("detail")),
    )


def address_book(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """The business's own address book, as it stands in its app."""
    return items(value, (("state_sync", _synced),), scene)


def _synced(told: JsonObject, scene: Scene) -> ChannelReported:
    kind = needed_text(told, "type")
    if kind != "contact":
        raise Malformed(f"a kind of state that we do not know: {kind}")
    card = needed_mapping(told.get("contact"), "contact")
    named = keys(
        (PHONE, card.get("phone_number")),
        (BSUID, card.get("user_id")),
        (PARENT_BSUID, card.get("parent_user_id")),
    )
    if not named:
        raise Malformed("it names nobody")
    detail: dict[str, Json] = {"action": needed_text(told, "action")}
    if name := text(card.get("full_name")) or text(card.get("first_name")):
        detail["name"] = name
    if username := (text(card.get("username")) or "").removeprefix("@"):
        detail["username"] = username
    return ChannelReported(
        scene.channel_key,
        f"address_book:{digest(told, scene.channel_key, scene.at)}",
        seconds(mapping(told.get("metadata")).get("timestamp")) or scene.at,
        named,
        kind="address_book",
        severity=Severity.INFO,
        detail=detail,
    )
