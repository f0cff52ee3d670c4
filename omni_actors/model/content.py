"""What a message says: a closed union, tagged by `type` wherever it is spelled as JSON."""

from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen

from omni_actors.model.json import Json, JsonObject


class MediaKind(StrEnum):
    """How a medium is meant to be shown."""

    IMAGE = "image"
    AUDIO = "audio"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"


class Via(StrEnum):
    """How a customer picked an option."""

    NATIVE = "native"
    NUMBER = "number"
    LABEL = "label"
    QUOTE = "quote"


@frozen
class Text:
    """Plain text, or CommonMark when `format` is `markdown`."""

    text: str
    format: Literal["plain", "markdown"] = "plain"


@frozen
class Media:
    """One medium; outbound by `media_id` or `url`, inbound always by `media_id`.

    `mime` and `size` (bytes) are what is known of it; they are filled in on the way.
    """

    kind: MediaKind
    media_id: str | None = None
    url: str | None = None
    caption: str | None = None
    filename: str | None = None
    mime: str | None = None
    size: int | None = None


@frozen
class Option:
    """One answer a customer can pick; `id` comes back in the answer."""

    id: str
    title: str
    description: str | None = None


@frozen
class Choices:
    """A question with options. `button` labels the control that opens a list, if there is one."""

    text: str
    options: tuple[Option, ...]
    format: Literal["plain", "markdown"] = "plain"
    button: str | None = None


@frozen
class Action:
    """A button of a card: opens `url`, or answers with `id`."""

    title: str
    url: str | None = None
    id: str | None = None


@frozen
class Card:
    """A title with text, a picture and up to a few actions."""

    title: str
    text: str | None = None
    media: Media | None = None
    actions: tuple[Action, ...] = ()


@frozen
class Carousel:
    """Cards side by side."""

    cards: tuple[Card, ...]
    text: str | None = None


@frozen
class Location:
    """A place, in degrees (WGS 84)."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None


@frozen
class Phone:
    """A phone number of a contact card; `wa_id` where it is known on WhatsApp."""

    phone: str
    type: str | None = None
    wa_id: str | None = None


@frozen
class EmailAddress:
    """A mail address of a contact card."""

    email: str
    type: str | None = None


@frozen
class Web:
    """A web address of a contact card."""

    url: str
    type: str | None = None


@frozen
class Postal:
    """A postal address of a contact card."""

    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code: str | None = None
    type: str | None = None


@frozen
class Organisation:
    """Where the person of a contact card works."""

    company: str | None = None
    department: str | None = None
    title: str | None = None


@frozen
class ContactCard:
    """One person's card, as people share it in a chat."""

    formatted_name: str
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    phones: tuple[Phone, ...] = ()
    emails: tuple[EmailAddress, ...] = ()
    addresses: tuple[Postal, ...] = ()
    urls: tuple[Web, ...] = ()
    org: Organisation | None = None
    birthday: str | None = None


@frozen
class Contacts:
    """Contact cards."""

    contacts: tuple[ContactCard, ...]


@frozen
class Template:
    """A text that the platform approved beforehand, by name and language.

    `params` fills its variables by component, as the platform's approval names them:
    `{"body": ["Ada", "42"]}` by position, `{"body": {"first_name": "Ada"}}` by name; besides
    `body` also `header` and `buttons`.
    """

    name: str
    language: str
    params: JsonObject = field(factory=dict)


@frozen
class Reaction:
    """An emoji on a message; an empty `emoji` takes the reaction back."""

    emoji: str
    message_id: str | None = None


@frozen
class Email:
    """A mail with a subject of its own; `text` is always present."""

    subject: str
    text: str
    html: str | None = None
    cc: tuple[str, ...] = ()
    headers: JsonObject = field(factory=dict)


@frozen
class ChoiceResponse:
    """Inbound: the option a customer picked. `title` is what the customer saw."""

    option_id: str
    via: Via
    title: str | None = None
    description: str | None = None


@frozen
class FormResponse:
    """Inbound: a form that the customer filled in; `values` as the platform gave them."""

    name: str
    values: Json
    text: str | None = None


@frozen
class OrderItem:
    """One line of an order; `price` in units of `currency`."""

    product_id: str
    quantity: float
    price: float | None = None
    currency: str | None = None


@frozen
class Order:
    """Inbound: a basket that the customer sent."""

    catalog_id: str
    items: tuple[OrderItem, ...]
    text: str | None = None


@frozen
class Call:
    """Inbound, or from the business's own phone: a call.

    `state` is `ringing` until the platform says how it ended; `duration_s` is how long they talked.
    """

    state: str
    duration_s: float | None = None


@frozen
class UnsupportedContent:
    """Inbound: the customer sent something that the platform or we cannot show.

    The raw bytes stay in the intake.
    """

    kind: str
    reason: str


Content: TypeAlias = (
    Text
    | Media
    | Choices
    | Card
    | Carousel
    | Location
    | Contacts
    | Template
    | Reaction
    | Email
    | ChoiceResponse
    | FormResponse
    | Order
    | Call
    | UnsupportedContent
)

CONTENT_TYPES: dict[type, str] = {
    Text: "text",
    Media: "media",
    Choices: "choices",
    Card: "card",
    Carousel: "carousel",
    Location: "location",
    Contacts: "contacts",
    Template: "template",
    Reaction: "reaction",
    Email: "email",
    ChoiceResponse: "choice_response",
    FormResponse: "form_response",
    Order: "order",
    Call: "call",
    UnsupportedContent: "unsupported",
}

INBOUND_ONLY = (ChoiceResponse, FormResponse, Order, Call, UnsupportedContent)


def content_type(content: Content) -> str:
    """The tag that names this content in JSON and in capabilities."""
    return CONTENT_TYPES[type(content)]
