"""What a caller of the API asks for, decoded and checked for form."""

from enum import StrEnum
from typing import Literal

from attrs import field, frozen

from omni_actors.model.content import Content, Media
from omni_actors.model.json import JsonObject
from omni_actors.model.states import OnUnknown, Priority


@frozen
class To:
    """An address on a channel, as people write it there (`+447700900123`)."""

    channel_id: str
    address: str


class AuthorType(StrEnum):
    """Who speaks for the business."""

    BOT = "bot"
    HUMAN = "human"


@frozen
class Author:
    """Who speaks for the business.

    `persona` names a face that the channel has for them (`/v1/channels/{id}/personas`).
    """

    type: AuthorType = AuthorType.BOT
    persona: str | None = None


@frozen
class WindowTemplate:
    """Send this template instead when the reply window is closed."""

    name: str
    language: str
    params: JsonObject = field(factory=dict)


@frozen
class ClosedWindow:
    """What to do in a closed window: exactly one of the three."""

    action: Literal["fail", "hold", "template"] = "fail"
    template: WindowTemplate | None = None


@frozen
class Delivery:
    """How the message may reach the contact.

    `route` names channel ids in the order to try, or `last_used`; empty means `last_used`.
    """

    route: tuple[str, ...] = ()
    on_unsupported: Literal["adapt", "fail"] = "adapt"
    on_closed_window: ClosedWindow = field(factory=ClosedWindow)
    on_unknown: OnUnknown = OnUnknown.RESEND


@frozen
class SendRequest:
    """One message to send. Exactly one of `conversation_id`, `to` and `contact_id`.

    `override` is keyed by platform; its keys go into the platform's call as they are.
    """

    content: Content
    conversation_id: str | None = None
    to: To | None = None
    contact_id: str | None = None
    attachments: tuple[Media, ...] = ()
    author: Author = field(factory=Author)
    reply_to: str | None = None
    priority: Priority = Priority.NORMAL
    delivery: Delivery = field(factory=Delivery)
    expires_in_s: float | None = None
    metadata: JsonObject = field(factory=dict)
    override: JsonObject = field(factory=dict)
