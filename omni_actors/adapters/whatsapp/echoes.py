"""Echoes: what people of the business write in the WhatsApp Business app of the same number.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_message_echoes
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.reading import Malformed, mapping, needed_mapping, needed_text, text
from omni_actors.adapters.whatsapp.changes import edited, revoked
from omni_actors.adapters.whatsapp.content import Said, notes_of, read_content
from omni_actors.adapters.whatsapp.people import Person, receiver_keys
from omni_actors.adapters.whatsapp.scene import Scene, at, items
from omni_actors.model.content import Reaction, UnsupportedContent
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Echoed, Report
from omni_actors.model.states import PartStatus


def read(value: JsonObject, scene: Scene) -> Iterator[Report]:
    """The reports of one change."""
    return items(value, (("message_echoes", _echo),), scene)


def _echo(message: JsonObject, scene: Scene) -> Report:
    kind, external_id = needed_text(message, "type"), needed_text(message, "id")
    customer = scene.cards.person(receiver_keys(message))
    if not customer.keys:
        raise Malformed("it names nobody to whom it went")
    if kind == "edit":
        return edited(message, external_id, customer, scene)
    if kind == "revoke":
        return revoked(message, external_id, customer, scene)
    return echoed(message, customer, scene)


def echoed(
    message: JsonObject,
    customer: Person,
    scene: Scene,
    *,
    key: str | None = None,
    synced: bool = False,
    status: PartStatus = PartStatus.SENT,
) -> Echoed:
    """A message of the business to a customer. `key` is its event key if not its own id."""
    external_id = needed_text(message, "id")
    said, quoted = said_in(message)
    return Echoed(
        scene.channel_key,
        key or external_id,
        at(message, scene),
        customer.keys,
        external_id=external_id,
        content=said.content,
        media=said.media,
        reply_to=quoted,
        name=customer.name,
        username=customer.username,
        notes=notes_of(said, message),
        synced=synced,
        status=status,
    )


def said_in(message: JsonObject) -> tuple[Said, str | None]:
    """What a message says and which one it quotes; a reaction quotes what it is about."""
    kind = needed_text(message, "type")
    if kind == "reaction":
        reaction = needed_mapping(message.get("reaction"), "reaction")
        said = Said(Reaction(text(reaction.get("emoji")) or ""))
        return said, needed_text(reaction, "message_id")
    quoted = text(mapping(message.get("context")).get("id"))
    if kind == "media_placeholder":
        return Said(PLACEHOLDER), quoted
    return read_content(kind, message), quoted


# A history leaves its media out; those of the last days follow.
PLACEHOLDER: Final = UnsupportedContent(
    "media_placeholder", "a medium that the platform did not hand over with the history"
)
