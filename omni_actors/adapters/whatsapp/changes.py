"""Messages that were changed after they were sent, by the customer or by the business.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/edit
"""

from omni_actors.adapters.reading import needed_mapping, needed_text
from omni_actors.adapters.whatsapp.content import read_content
from omni_actors.adapters.whatsapp.people import Person
from omni_actors.adapters.whatsapp.scene import Scene, at
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Deleted, Edited


def edited(message: JsonObject, key: str, person: Person, scene: Scene) -> Edited:
    """An earlier message has other words now. `person` is the customer, whoever edits."""
    edit = needed_mapping(message.get("edit"), "edit")
    now = needed_mapping(edit.get("message"), "the edited message")
    return Edited(
        scene.channel_key,
        key,
        at(message, scene),
        person.keys,
        target=needed_text(edit, "original_message_id"),
        content=read_content(needed_text(now, "type"), now).content,
    )


def revoked(message: JsonObject, key: str, person: Person, scene: Scene) -> Deleted:
    """An earlier message was taken back. `person` is the customer, whoever takes it back."""
    revoke = needed_mapping(message.get("revoke"), "revoke")
    target = needed_text(revoke, "original_message_id")
    return Deleted(scene.channel_key, key, at(message, scene), person.keys, target)
