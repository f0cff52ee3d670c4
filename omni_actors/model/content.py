"""What a message says: a closed union, tagged by `type` wherever it is spelled as JSON."""

from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen, resolve_types

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
    LINK = "link"


@frozen
class Text:
    """Plain text, or CommonMark when `format` is `markdown`."""

    text: str
    format: Literal["plain", "markdown"] = "plain"


@frozen
class Media:
    """One medium; outbound by `media_id`, `url` or `external_id`, inbound always by `media_id`.

    `external_id` names what the platform of the channel has already: a sticker of its own, or what
    was uploaded there by other means. `mime` and `size` (bytes) are what is known of a medium; they
    are filled in on the way. `content_id` is the name by which a mail's HTML shows it (`cid:`).
    """

    kind: MediaKind
    media_id: str | None = None
    url: str | None = None
    external_id: str | None = None
    caption: str | None = None
    filename: str | None = None
    mime: str | None = None
    size: int | None = None
    content_id: str | None = None


@frozen
class Option:
    """One answer a customer can pick; `id` comes back in the answer.

    Neighbours that name the same `section` stand under that heading. `image` is the URL of a small
    picture beside the title.
    """

    id: str
    title: str
    description: str | None = None
    section: str | None = None
    image: str | None = None


@frozen
class Choices:
    """A question with options. `button` labels the control that opens a list, if there is one.

    `header` and `media` stand above the text, `footer` below it.
    """

    text: str
    options: tuple[Option, ...]
    format: Literal["plain", "markdown"] = "plain"
    button: str | None = None
    header: str | None = None
    media: Media | None = None
    footer: str | None = None


@frozen
class Action:
    """A button of a card: opens `url`, answers with `id`, calls `phone` (such as +351210000000), or
    has the customer log in on the page `login`, or log out again (`does`).

    `size` is how much of the screen a page takes that opens within the chat.
    """

    title: str
    url: str | None = None
    id: str | None = None
    phone: str | None = None
    login: str | None = None
    does: Literal["log_out"] | None = None
    size: Literal["compact", "tall", "full"] | None = None


@frozen
class Card:
    """A title with text, a picture, a small line below and up to a few actions.

    `url` opens when the card itself is tapped.
    Of a part, `title` is empty where the platform has no place for one: it stands in `text` then.
    """

    title: str
    text: str | None = None
    media: Media | None = None
    actions: tuple[Action, ...] = ()
    footer: str | None = None
    url: str | None = None


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


class RequestKind(StrEnum):
    """What a customer is asked to hand over or to allow."""

    LOCATION = "location"
    CONTACT = "contact"
    ADDRESS = "address"
    CALL = "call"
    EMAIL = "email"


@frozen
class Request:
    """Asks for a location, a phone number (`contact`), a mail address (`email`), a postal address,
    or leave to call.

    `country` (ISO 3166 alpha-2) and `values`, by the platform's names, fill in an address form.
    """

    kind: RequestKind
    text: str
    format: Literal["plain", "markdown"] = "plain"
    header: str | None = None
    footer: str | None = None
    country: str | None = None
    values: JsonObject = field(factory=dict)


@frozen
class FormRequest:
    """A button that opens a form kept by the platform, named by `form_id` or `form_name`.

    `token` comes back with the answers. The form opens on `screen` with `data` filled in; with
    `first` as `data_exchange` its own server says what is shown first. `draft` opens one that is
    not published yet.
    """

    text: str
    form_id: str | None = None
    form_name: str | None = None
    button: str | None = None
    format: Literal["plain", "markdown"] = "plain"
    header: str | None = None
    media: Media | None = None
    footer: str | None = None
    token: str | None = None
    first: Literal["navigate", "data_exchange"] = "navigate"
    screen: str | None = None
    data: JsonObject = field(factory=dict)
    draft: bool = False


@frozen
class ProductSection:
    """Products of a catalog under a heading, by the ids that the catalog gives them."""

    product_ids: tuple[str, ...]
    title: str | None = None


@frozen
class Products:
    """Products of a catalog that the platform keeps: without sections the whole catalog.

    `thumbnail_id` names the product whose picture stands for the whole catalog.
    """

    text: str | None = None
    catalog_id: str | None = None
    sections: tuple[ProductSection, ...] = ()
    layout: Literal["list", "carousel"] = "list"
    format: Literal["plain", "markdown"] = "plain"
    header: str | None = None
    footer: str | None = None
    thumbnail_id: str | None = None


@frozen
class CallInvite:
    """A button with which the customer calls the business; it works for `ttl_minutes`.

    `payload` goes to the platform with the button, for whoever takes the call. What the gateway
    tells of a call does not name it.
    """

    text: str
    button: str | None = None
    format: Literal["plain", "markdown"] = "plain"
    ttl_minutes: int | None = None
    payload: str | None = None


@frozen
class ReceiptItem:
    """One line of a receipt; `price` of one of them, in units of the receipt's currency."""

    title: str
    price: float
    quantity: float | None = None
    text: str | None = None
    image: str | None = None


@frozen
class Adjustment:
    """What was taken off or added, such as a voucher."""

    name: str
    amount: float


@frozen
class Receipt:
    """What somebody has ordered and paid. Amounts are in units of `currency` (ISO 4217).

    `number` names the order and is used once only. `at` is when it was placed, in unix seconds.
    """

    number: str
    recipient: str
    currency: str
    paid_with: str
    total: float
    items: tuple[ReceiptItem, ...] = ()
    subtotal: float | None = None
    shipping: float | None = None
    tax: float | None = None
    adjustments: tuple[Adjustment, ...] = ()
    merchant: str | None = None
    url: str | None = None
    at: float | None = None
    address: Postal | None = None


@frozen
class Coupon:
    """A voucher: a `code` to copy, a page that redeems it, or both.

    `button` labels the way to the page, `text` stands above. With `id`, a tap is told of.
    """

    title: str
    subtitle: str | None = None
    code: str | None = None
    url: str | None = None
    button: str | None = None
    text: str | None = None
    image: str | None = None
    id: str | None = None


@frozen
class FeedbackRequest:
    """Asks how content somebody is, in stars.

    `id` comes back with the answer. `follow_up` is the placeholder of a free text below;
    `privacy_url` the page of the business about its handling of data.
    """

    id: str
    title: str
    question: str
    privacy_url: str
    text: str | None = None
    button: str | None = None
    follow_up: str | None = None
    expires_in_days: int | None = None


@frozen
class Post:
    """A post that the business has published on the platform, by the id that it has there."""

    post_id: str


Category: TypeAlias = Literal["authentication", "marketing", "utility"]


@frozen
class Template:
    """A text that the platform approved beforehand, by name and language.

    `params` fills in its components. `header`: a text, a list of one text, `{name: text}`, a medium
    `{"media_id" or "url", "kind", "filename"}`, `{"location": {"latitude", "longitude", "name",
    "address"}}` or `{"product": {"product_id", "catalog_id"}}`. `body`: a list of values by
    position or an object of values by name; a value is a text, `{"currency": {"fallback_value",
    "code", "amount_1000"}}` or `{"date_time": {"fallback_value"}}`. `buttons`: a list with one item
    for each button: null for nothing to fill in, a text for the end of a link (which also carries
    the code of an authentication template), or one of `{"text"}`, `{"payload"}`, `{"coupon_code"}`,
    `{"flow_token", "flow_data"}`, `{"product"}` (the thumbnail of a catalog), `{"product",
    "sections": [{"title", "product_ids"}]}` and `{"ttl_minutes"}`. `limited_time_offer`:
    `{"expires_at": unix seconds}`. `carousel`: a list with `{"header", "body", "buttons"}` for each
    card.

    `category` matters where the platform treats one apart: an authentication template reaches a
    phone number only.
    """

    name: str
    language: str
    params: JsonObject = field(factory=dict)
    category: Category | None = None


@frozen
class Reaction:
    """An emoji on a message; an empty `emoji` takes the reaction back."""

    emoji: str
    message_id: str | None = None


@frozen
class Email:
    """A mail with a subject of its own; where `text` is empty its `html` says it all.

    Of an inbound one `text` is what its writer added, and `full_text` all of it, with what it
    quotes, where that is more. Its `html` is whole and safe to show: it names pictures that came
    with the mail by the `content_id` of an attachment (`cid:`), and has no others. `headers` are
    those that tell something, by their usual names.
    """

    subject: str
    text: str
    html: str | None = None
    cc: tuple[str, ...] = ()
    headers: JsonObject = field(factory=dict)
    full_text: str | None = None
    attachments: tuple[Media, ...] = ()


@frozen
class Letter:
    """Of a part: a mail with the files that go with it."""

    content: "Content"
    attachments: tuple[Media, ...] = ()


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
    | Request
    | FormRequest
    | Products
    | CallInvite
    | Receipt
    | Coupon
    | FeedbackRequest
    | Post
    | Template
    | Reaction
    | Email
    | Letter
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
    Request: "request",
    FormRequest: "form",
    Products: "products",
    CallInvite: "call_invite",
    Receipt: "receipt",
    Coupon: "coupon",
    FeedbackRequest: "feedback",
    Post: "post",
    Template: "template",
    Reaction: "reaction",
    Email: "email",
    Letter: "letter",
    ChoiceResponse: "choice_response",
    FormResponse: "form_response",
    Order: "order",
    Call: "call",
    UnsupportedContent: "unsupported",
}

INBOUND_ONLY = (ChoiceResponse, FormResponse, Order, Call, UnsupportedContent)
PART_ONLY = (Letter,)

resolve_types(Letter, globals())


def content_type(content: Content) -> str:
    """The tag that names this content in JSON and in capabilities."""
    return CONTENT_TYPES[type(content)]
