"""The other side of the control API: customers act, and what they see is put into words."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omni_actors.sandbox.contract import ControlError, Stage, Written
from omni_actors.sandbox.whatsapp import template_sends, updates
from omni_actors.sandbox.whatsapp.bodies import MEDIA_KINDS
from omni_actors.sandbox.whatsapp.errors import webhook_error
from omni_actors.sandbox.whatsapp.media import RECEIVED_LIFE_S, MediaShelf, announced
from omni_actors.sandbox.whatsapp.number import Message, Number
from omni_actors.sandbox.whatsapp.people import (
    CUSTOMER_KEYS,
    USER_ID,
    Customer,
    People,
    phone_digits,
)
from omni_actors.sandbox.whatsapp.sending import new_message_id
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount
from omni_actors.sandbox.whatsapp.templates import Kept

_ACCOUNT_KEYS = (
    "phone_number_id",
    "display_number",
    "waba_id",
    "access_token",
    "app_secret",
    "verify_token",
    "hook_url",
    "verified_name",
    "app_id",
)
_CONTROL_KEYS = ("name", "username", "wa_id")
# Voice notes were a type of their own once; today they are audio with `voice`.
RECEIVED_MEDIA = (*MEDIA_KINDS, "voice")
_UNSUPPORTED = "Message type is currently not supported."


def account_of(document: Mapping[str, Any]) -> WhatsAppAccount:
    """The number a control document describes. Raises ControlError."""
    for key, value in document.items():
        if key not in _ACCOUNT_KEYS or not isinstance(value, str) or not value:
            raise ControlError(f"an account takes strings for {', '.join(_ACCOUNT_KEYS)}")
    if "phone_number_id" not in document:
        raise ControlError("an account needs a `phone_number_id`")
    return WhatsAppAccount(**document)


def customer_is(people: People, document: dict[str, Any]) -> dict[str, Any]:
    """Make or change the person with this `phone` or `user_id`. Raises ControlError."""
    unknown = document.keys() - set(CUSTOMER_KEYS)
    if unknown:
        raise ControlError(f"a customer has no `{min(unknown)}`")
    customer = customer_of(people, document.get("phone"), document.get("user_id"))
    for key in ("reachable", "read_receipts", "marketing"):
        if not isinstance(document.get(key, True), bool):
            raise ControlError(f"`{key}` must be true or false")
    for key in ("name", "username", "reachable", "read_receipts", "marketing"):
        if key in document:
            setattr(customer, key, document[key])
    return customer.document()


def customer_of(people: People, phone: Any, user_id: Any) -> Customer:
    """The person with these keys. Raises ControlError."""
    digits = phone_digits(phone) if isinstance(phone, str) else None
    if phone is not None and digits is None:
        raise ControlError(f"{phone!r} is not a phone number with its country code")
    if user_id is not None and not (isinstance(user_id, str) and USER_ID.fullmatch(user_id)):
        raise ControlError(f"{user_id!r} is not a business-scoped user id such as GB.72044188")
    if digits is None and user_id is None:
        raise ControlError("say who writes: `from` (a phone number) or `from_user_id`")
    return people.of(digits, user_id)


def writes(
    number: Number, people: People, shelf: MediaShelf, document: dict[str, Any], stage: Stage
) -> Written:
    """The message of a customer, filled in and ready for the hook. Raises ControlError."""
    customer = customer_of(people, document.get("from"), document.get("from_user_id"))
    for key in ("name", "username"):
        if isinstance(document.get(key), str):
            setattr(customer, key, document[key])
    message = {key: value for key, value in document.items() if key not in _CONTROL_KEYS}
    kind = message.setdefault("type", "text")
    if not isinstance(kind, str) or not kind:
        raise ControlError("`type` must be the name of a kind of message")
    now = stage.clock.now()
    message.setdefault("id", new_message_id(stage.chance))
    message.setdefault("timestamp", str(int(now)))
    message["from_user_id"] = customer.user_id
    if customer.phone is not None:
        message["from"] = customer.phone
    _complete(message, kind, number, shelf, stage)
    in_group = message.get("group_id")
    thread = customer.user_id if in_group is None else f"group {in_group}"
    entry = Message(now, kind, thread, inbound=True)
    number.hears(str(message["id"]), entry)
    referral = message.get("referral")
    if isinstance(referral, dict) and referral.get("source_type") == "ad":
        number.clicked[customer.user_id] = now
    update = updates.inbound(number.account, customer, message)
    if kind == "system" and message.get("system"):
        _system(message, customer, people)
    return Written(str(message["id"]), update)


def _system(message: dict[str, Any], customer: Customer, people: People) -> None:
    """Somebody has another number or id, and is known by it from now on. Raises ControlError."""
    system = message["system"]
    kind, phone, user_id = system["type"], system.get("wa_id"), system.get("user_id")
    if kind == "user_changed_number" and phone is not None:
        digits = phone_digits(phone) if isinstance(phone, str) else None
        if digits is None:
            raise ControlError(f"{phone!r} in `system.wa_id` is not a phone number")
        was, now = customer.phone, digits
        people.changes_number(customer, digits)
        system.setdefault("user_id", customer.user_id)
    elif kind == "user_changed_user_id":
        if not (isinstance(user_id, str) and USER_ID.fullmatch(user_id)):
            raise ControlError("a change of id needs the new one as `system.user_id`")
        was, now = customer.user_id, user_id
        people.changes_user_id(customer, user_id)
        message.pop("from", None)
        message.pop("from_user_id", None)
    else:
        return
    system.setdefault("body", f"User {customer.name} changed from {was} to {now}")


def _complete(
    message: dict[str, Any], kind: str, number: Number, shelf: MediaShelf, stage: Stage
) -> None:
    """Fill in what the platform adds; demand what only the caller can know.

    With `errors` the platform tells that it could not hand over what the customer sent: then
    nothing of it is demanded.
    """
    if kind in RECEIVED_MEDIA:
        put_medium(message, kind, number, shelf, stage)
    elif kind == "unsupported":
        message.setdefault("errors", [webhook_error(131051, _UNSUPPORTED)])
    elif message.get(kind) or not message.get("errors"):
        _check_body(message.get(kind), kind)
    context = message.get("context")
    if isinstance(context, dict) and "id" in context:
        context.setdefault("from", number.account.display_number)


def _check_body(body: Any, kind: str) -> None:
    """Raise ControlError unless what the customer sent is whole."""
    for key, value_type in _NEEDED.get(kind, {}).items():
        if not isinstance(body, dict) or not isinstance(body.get(key), value_type):
            raise ControlError(f"a {kind} message needs `{kind}.{key}`")
    if kind == "interactive" and not isinstance(body.get(body["type"]), dict):
        raise ControlError(f"such an answer needs `interactive.{body['type']}`")
    if kind == "contacts" and not isinstance(body, list):
        raise ControlError("a contacts message needs a list `contacts`")


_NEEDED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "text": {"body": str},
    "location": {"latitude": (int, float), "longitude": (int, float)},
    "interactive": {"type": str},
    "button": {"payload": str, "text": str},
    "reaction": {"message_id": str},
    "order": {"catalog_id": str, "product_items": list},
    "system": {"type": str},
    "edit": {"original_message_id": str, "message": dict},
    "revoke": {"original_message_id": str},
}


def put_medium(
    message: dict[str, Any], kind: str, number: Number, shelf: MediaShelf, stage: Stage
) -> None:
    """Complete the medium of a message; with `errors` there may be none. Raises ControlError."""
    given = message.get(kind)
    there = isinstance(given, dict) and not given.keys().isdisjoint(_SOURCES)
    if there or not message.get("errors"):
        message[kind] = _medium_of(given, kind, number, shelf, stage)


_SOURCES = ("content", "content_base64", "id")


def _medium_of(
    given: Any, kind: str, number: Number, shelf: MediaShelf, stage: Stage
) -> dict[str, Any]:
    """The medium with its id and hash, its bytes put on the shelf. Raises ControlError."""
    if not isinstance(given, dict):
        raise ControlError(f"a message of type {kind} needs an object `{kind}`")
    medium = dict(given)
    content = _content(medium, kind)
    if content is None:
        return medium
    mime_type = medium.pop("mime_type", None)
    if not isinstance(mime_type, str):
        raise ControlError(f"`{kind}.mime_type` must say what the bytes are")
    now = stage.clock.now()
    key = number.account.phone_number_id
    kept = shelf.put(key, mime_type, content, now + RECEIVED_LIFE_S)
    facts = {**announced(kept, shelf.link(stage.url, kept, now)), **medium}
    if kind == "audio":
        facts.setdefault("voice", False)
    if kind == "sticker":
        facts.setdefault("animated", False)
    return facts


def _content(medium: dict[str, Any], kind: str) -> bytes | None:
    if "content" in medium:
        content = medium.pop("content")
        if not isinstance(content, bytes):
            raise ControlError(f"give the bytes as `{kind}.content_base64`, or as a form")
        return content
    if "content_base64" in medium:
        try:
            return base64.b64decode(medium.pop("content_base64"), validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ControlError(f"`{kind}.content_base64` is not base64") from None
    if "id" not in medium:
        raise ControlError(f"a message of type {kind} needs `{kind}.content_base64` or a file")
    return None


def rendering(message: Mapping[str, Any], approved: Sequence[Kept]) -> str:
    """What the customer's phone shows of an outbound message."""
    kind = message.get("type", "text")
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer(message[kind])
    if kind == "template":
        sent = message["template"]
        wanted = (sent["name"], sent["language"]["code"])
        found = (one for one in approved if (one.name, one.language) == wanted)
        return template_sends.rendered(next(found, None), sent)
    return f"[{kind}] {message[kind].get('caption', message[kind].get('filename', ''))}".rstrip()


def _contacts(cards: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(f"[contact] {card['name']['formatted_name']}" for card in cards)


def _location(place: Mapping[str, Any]) -> str:
    where = f"[location] {place['latitude']}, {place['longitude']}"
    return " ".join([where, *(place[key] for key in ("name", "address") if place.get(key))])


def _interactive(body: Mapping[str, Any]) -> str:
    header = body.get("header") or {}
    lines = [header.get("text", f"[{header['type']}]")] if header else []
    lines += [body[part]["text"] for part in ("body", "footer") if body.get(part)]
    return "\n".join(lines + _options(body["action"]))


def _options(action: Mapping[str, Any]) -> list[str]:
    buttons = [one.get("reply") or one["quick_reply"] for one in action.get("buttons", ())]
    lines = [f"[{button['title']}]" for button in buttons]
    for section in action.get("sections", ()):
        lines += [f"- {row['title']}" for row in section.get("rows", ())]
        lines += [f"- {item['product_retailer_id']}" for item in section.get("product_items", ())]
    if "product_retailer_id" in action:
        lines.append(f"- {action['product_retailer_id']}")
    parameters = action.get("parameters", {})
    label = parameters.get("display_text", parameters.get("flow_cta", action.get("name")))
    if label is not None:
        lines.append(f"[{label}] {parameters.get('url', '')}".rstrip())
    for card in action.get("cards", ()):
        lines += [_interactive(card)]
    return lines


_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda body: str(body["body"]),
    "reaction": lambda body: f"[reaction] {body['emoji'] or 'removed'}",
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "pin": lambda body: f"[{body['type']}] {body['message_id']}",
}
