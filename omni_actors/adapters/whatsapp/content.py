"""What a customer's message says, by its `type`.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Final

from attrs import field, frozen

from omni_actors.adapters.contract import Undecodable
from omni_actors.adapters.decode import decode
from omni_actors.adapters.meta.graph import read_error
from omni_actors.adapters.reading import (
    Malformed,
    mapping,
    needed_mapping,
    needed_text,
    number,
    sequence,
    text,
)
from omni_actors.model.content import (
    ChoiceResponse,
    ContactCard,
    Contacts,
    Content,
    EmailAddress,
    FormResponse,
    Location,
    Media,
    MediaKind,
    Order,
    OrderItem,
    Organisation,
    Phone,
    Postal,
    Text,
    UnsupportedContent,
    Via,
    Web,
)
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import MediaRef

SHA256_BYTES: Final = 32


@frozen
class Said:
    """What one message says: its content, the media that it needs, and what fits nowhere else."""

    content: Content
    media: tuple[MediaRef, ...] = ()
    notes: JsonObject = field(factory=dict)


def read_content(kind: str, message: JsonObject, errors: Json = None) -> Said:
    """Read the content of a message of this type.

    `errors` are those that stand beside the message. Where the platform says that it could not
    show a message, or we do not know its type, the content says so. Raises Malformed.
    """
    reason = _reason(message.get("errors")) or _reason(errors)
    if kind == "unsupported":
        shown = text(mapping(message.get("unsupported")).get("type")) or "unknown"
        return Said(UnsupportedContent(shown, reason or "the platform gives no reason"))
    reader = READERS.get(kind)
    if reader is None:
        return Said(UnsupportedContent(kind, reason or "a type of message that we do not know"))
    try:
        return reader(message.get(kind))
    except Malformed:
        if reason is None:
            raise
        return Said(UnsupportedContent(kind, reason))


def notes_of(said: Said, message: JsonObject, key_hash: str | None = None) -> JsonObject | None:
    """What a message tells besides its content and its quote; None when that is nothing."""
    context = mapping(message.get("context"))
    notes = dict(said.notes)
    if context.get("frequently_forwarded") is True:
        notes["frequently_forwarded"] = True
    if key_hash:
        notes["identity_key_hash"] = key_hash
    if troubles := sequence(message.get("errors")):
        notes["errors"] = troubles
    if product := mapping(context.get("referred_product")):
        notes["referred_product"] = product
    return notes or None


def _reason(errors: Json) -> str | None:
    for item in map(mapping, sequence(errors)):
        error = read_error(item)
        return ": ".join(filter(None, (error.named, error.text))) or "an error without words"
    return None


def _text(payload: Json) -> Said:
    return Said(Text(needed_text(needed_mapping(payload, "text"), "body")))


def _media(kind: MediaKind) -> Callable[[Json], Said]:
    def read(payload: Json) -> Said:
        medium = needed_mapping(payload, kind.value)
        shown = MediaKind.VOICE if medium.get("voice") is True else kind
        mime, filename = text(medium.get("mime_type")), text(medium.get("filename"))
        url = text(medium.get("url"))
        ref = MediaRef(
            ref={"id": needed_text(medium, "id"), **({"url": url} if url else {})},
            mime=mime,
            sha256=sha256_hex(text(medium.get("sha256"))),
            filename=filename,
        )
        content = Media(shown, caption=text(medium.get("caption")), filename=filename, mime=mime)
        notes = {"animated": True} if medium.get("animated") is True else {}
        return Said(content, (ref,), notes)

    return read


def sha256_hex(written: str | None) -> str | None:
    """A SHA-256 in hex, whether the platform wrote it so (answers) or in base64 (webhooks)."""
    if written is None or not written.isascii():
        return None
    try:
        raw = bytes.fromhex(written) if len(written) == 64 else b64decode(written, validate=True)
    except ValueError:
        return None
    return raw.hex() if len(raw) == SHA256_BYTES else None


def _location(payload: Json) -> Said:
    place = needed_mapping(payload, "location")
    latitude, longitude = number(place.get("latitude")), number(place.get("longitude"))
    if latitude is None or longitude is None:
        raise Malformed("the location has no coordinates")
    name, address, url = (text(place.get(key)) for key in ("name", "address", "url"))
    return Said(Location(latitude, longitude, name, address, url))


def _contacts(payload: Json) -> Said:
    cards = [needed_mapping(card, "a contact") for card in sequence(payload)]
    if not cards:
        raise Malformed("it has no contacts")
    asked = any(card.get("origin") == "contact_request" for card in cards)
    notes = {"origin": "contact_request"} if asked else {}
    return Said(Contacts(tuple(map(_card, cards))), notes=notes)


def _card(card: JsonObject) -> ContactCard:
    """One card; its owner may have left out anything, the name too."""
    name, org = mapping(card.get("name")), mapping(card.get("org"))
    phones = tuple(_phones(card.get("phones")))
    spelled = [text(name.get(part)) for part in ("first_name", "last_name")]
    instead = " ".join(filter(None, spelled)) or text(org.get("company"))
    return ContactCard(
        formatted_name=text(name.get("formatted_name"))
        or instead
        or (phones[0].phone if phones else ""),
        first_name=text(name.get("first_name")),
        middle_name=text(name.get("middle_name")),
        last_name=text(name.get("last_name")),
        prefix=text(name.get("prefix")),
        suffix=text(name.get("suffix")),
        phones=phones,
        emails=tuple(EmailAddress(*found) for found in _typed(card.get("emails"), "email")),
        addresses=tuple(map(_postal, sequence(card.get("addresses")))),
        urls=tuple(Web(*found) for found in _typed(card.get("urls"), "url")),
        org=_organisation(org) if org else None,
        birthday=text(card.get("birthday")),
    )


def _phones(items: Json) -> Iterator[Phone]:
    for item in map(mapping, sequence(items)):
        wa_id = text(item.get("wa_id"))
        if phone := text(item.get("phone")) or wa_id:
            yield Phone(phone, text(item.get("type")), wa_id)


def _typed(items: Json, key: str) -> Iterator[tuple[str, str | None]]:
    for item in map(mapping, sequence(items)):
        if found := text(item.get(key)):
            yield found, text(item.get("type"))


def _organisation(org: JsonObject) -> Organisation:
    return Organisation(
        text(org.get("company")), text(org.get("department")), text(org.get("title"))
    )


def _postal(item: Json) -> Postal:
    read = mapping(item)
    return Postal(
        street=text(read.get("street")),
        city=text(read.get("city")),
        state=text(read.get("state")),
        zip=text(read.get("zip")),
        country=text(read.get("country")),
        country_code=text(read.get("country_code")),
        type=text(read.get("type")),
    )


def _button(payload: Json) -> Said:
    """The quick reply of a template; without a payload of ours its label is the payload."""
    button = needed_mapping(payload, "button")
    label = text(button.get("text"))
    option_id = text(button.get("payload")) or label or needed_text(button, "payload")
    return Said(ChoiceResponse(option_id, Via.NATIVE, label))


def _interactive(payload: Json) -> Said:
    interactive = needed_mapping(payload, "interactive")
    kind = needed_text(interactive, "type")
    if kind not in ("button_reply", "list_reply", "nfm_reply", "call_permission_reply"):
        return Said(UnsupportedContent(kind, "a kind of answer that we do not know"))
    answer = needed_mapping(interactive.get(kind), kind)
    if kind == "nfm_reply":
        return Said(_form(answer))
    if kind == "call_permission_reply":
        return Said(FormResponse("call_permission", answer))
    title, description = text(answer.get("title")), text(answer.get("description"))
    return Said(ChoiceResponse(needed_text(answer, "id"), Via.NATIVE, title, description))


def _form(answer: JsonObject) -> FormResponse:
    """A filled-in flow. Its author decides what is in `response_json`, and JSON it should be."""
    written = text(answer.get("response_json"))
    try:
        values = decode(written.encode(errors="replace")) if written else {}
    except Undecodable:
        values = written
    return FormResponse(text(answer.get("name")) or "flow", values, text(answer.get("body")))


def _order(payload: Json) -> Said:
    order = needed_mapping(payload, "order")
    items = tuple(_order_item(item) for item in sequence(order.get("product_items")))
    return Said(Order(needed_text(order, "catalog_id"), items, text(order.get("text"))))


def _order_item(value: Json) -> OrderItem:
    item = needed_mapping(value, "an item of the order")
    quantity = number(item.get("quantity"))
    return OrderItem(
        product_id=needed_text(item, "product_retailer_id"),
        quantity=1.0 if quantity is None else quantity,
        price=number(item.get("item_price")),
        currency=text(item.get("currency")),
    )


READERS: Final[dict[str, Callable[[Json], Said]]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
} | {kind.value: _media(kind) for kind in MediaKind}
