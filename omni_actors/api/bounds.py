"""The bounds of what callers may say: one table that the decoder keeps and OpenAPI shows.

They keep nonsense and abuse out; what a platform can carry is decided later, by its capabilities.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.api import requests as ask
from omni_actors.gateway.facade import SCOPES
from omni_actors.model import content as c
from omni_actors.model import groups as gr
from omni_actors.model import profile as p
from omni_actors.model import requests as r
from omni_actors.model import templates as t
from omni_actors.model.events import EventType

TEXT_MAX = 64 * 1024
METADATA_BYTES_MAX = 4 * 1024
VALUES_BYTES_MAX = 16 * 1024
EXPIRES_S_MAX = 30 * 86400
PAGE_MAX = 200
ID_PATTERN = "^[A-Za-z0-9._~-]{1,128}$"


@frozen
class Bound:
    """What one field may hold. Lengths are in code points, and for lists in items.

    `each` bounds the items of a list; `flat` asks for an object of plain values.
    """

    length_min: int | None = None
    length_max: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    items_min: int | None = None
    items_max: int | None = None
    each: "Bound | None" = None
    flat: bool = False
    objects: bool = False
    bytes_max: int | None = None
    format: str | None = None
    example: Any = None


SHORT = Bound(length_min=1, length_max=1024)
ID = Bound(pattern=ID_PATTERN, example="cnv_01jd2v7q8y3m4n5p6r7s8t9v0w")
# `\s` alone is another set in each dialect of patterns.
URL = Bound(length_max=2048, pattern="^https?://[^\\x00-\\x20\\x7f-\\x9f\\s]+$")
HTTPS = Bound(length_max=2048, pattern="^https://[^\\x00-\\x20\\x7f-\\x9f\\s]+$")
LONG = Bound(length_min=1, length_max=TEXT_MAX)
AFTER = Bound(length_max=256, pattern="^[\\x21-\\x7e]*$")
NAME = Bound(pattern="^[\\x21-\\x7e]{1,64}$")
PRODUCT_ID = Bound(length_min=1, length_max=128)
PHONE = Bound(pattern="^\\+[0-9]{5,20}$", example="+351210000000")
AMOUNT = Bound(minimum=0, maximum=1e12)
VALUES = Bound(bytes_max=VALUES_BYTES_MAX)
LOCALE = Bound(pattern="^(default|[a-z]{2,3}_[A-Z]{2})$", example="pt_PT")
PAYLOAD = Bound(length_min=1, length_max=1000)
CURSOR = Bound(pattern="^[0-9]{1,16}$", example="0000000000000501")
LIMIT = Bound(minimum=1, maximum=PAGE_MAX)
CONFIG_ID = Bound(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
TENANT = Bound(pattern="^([A-Za-z0-9._~-]{1,64}|\\*)$")


def _some(items_max: int, *, items_min: int = 0, each: Bound | None = None) -> Bound:
    return Bound(items_min=items_min, items_max=items_max, each=each)


BOUNDS: Mapping[type, Mapping[str, Bound]] = {
    c.Text: {"text": LONG},
    c.Media: {
        "media_id": ID,
        "url": URL,
        "external_id": NAME,
        "caption": LONG,
        "filename": Bound(length_min=1, length_max=255, pattern="^[^/\\\\]+$"),
    },
    c.Option: {"id": PAYLOAD, "image": URL},
    c.Choices: {"text": LONG, "options": _some(100, items_min=1)},
    c.Action: {
        "url": URL,
        "id": PAYLOAD,
        "phone": PHONE,
        "login": HTTPS,
    },
    c.Card: {"text": LONG, "actions": _some(10), "url": URL},
    c.Carousel: {"cards": _some(30, items_min=1), "text": LONG},
    c.Location: {
        "latitude": Bound(minimum=-90, maximum=90),
        "longitude": Bound(minimum=-180, maximum=180),
        "url": URL,
    },
    c.ContactCard: {
        "phones": _some(20),
        "emails": _some(20),
        "addresses": _some(20),
        "urls": _some(20),
    },
    c.Contacts: {"contacts": _some(50, items_min=1)},
    c.Request: {"text": LONG, "country": Bound(pattern="^[A-Z]{2}$"), "values": VALUES},
    c.FormRequest: {
        "text": LONG,
        "form_id": NAME,
        "form_name": NAME,
        "token": Bound(length_min=1, length_max=128),
        "screen": NAME,
        "data": VALUES,
    },
    c.ProductSection: {"product_ids": _some(100, items_min=1, each=PRODUCT_ID)},
    c.Products: {
        "text": LONG,
        "catalog_id": NAME,
        "sections": _some(30),
        "thumbnail_id": PRODUCT_ID,
    },
    c.CallInvite: {
        "text": LONG,
        "ttl_minutes": Bound(minimum=1, maximum=EXPIRES_S_MAX / 60),
        "payload": Bound(length_min=1, length_max=256),
    },
    c.ReceiptItem: {"price": AMOUNT, "quantity": AMOUNT, "image": URL},
    c.Receipt: {
        "currency": Bound(pattern="^[A-Z]{3}$"),
        "items": _some(200),
        "adjustments": _some(50),
        "url": URL,
    },
    c.Coupon: {"url": URL, "image": URL, "id": PAYLOAD},
    c.FeedbackRequest: {
        "id": Bound(length_min=1, length_max=80),
        "privacy_url": URL,
        "expires_in_days": Bound(minimum=1, maximum=7),
    },
    c.Post: {"post_id": NAME},
    c.Template: {"language": Bound(length_min=1, length_max=32)},
    c.Reaction: {"emoji": Bound(length_max=64), "message_id": ID},
    c.Email: {
        "subject": Bound(length_min=1, length_max=998, pattern="^[^\\r\\n]+$"),
        "text": Bound(length_max=256 * 1024),
        "html": Bound(length_min=1, length_max=512 * 1024),
        "cc": _some(99, each=Bound(length_min=3, length_max=320)),
    },
    r.Author: {"persona": NAME},
    r.To: {"channel_id": ID, "address": Bound(length_min=1, length_max=512)},
    r.WindowTemplate: {"language": Bound(length_min=1, length_max=32)},
    r.Delivery: {"route": _some(16, each=ID)},
    r.SendRequest: {
        "conversation_id": ID,
        "contact_id": ID,
        "reply_to": ID,
        "attachments": _some(30),
        "expires_in_s": Bound(above=0, maximum=EXPIRES_S_MAX),
        "metadata": Bound(flat=True, bytes_max=METADATA_BYTES_MAX),
        "override": Bound(objects=True),
    },
    ask.MessageQuery: {"after": AFTER, "limit": LIMIT},
    ask.After: {"after": Bound(length_max=1024, pattern="^[\\x21-\\x7e]*$")},
    ask.Pin: {"days": Bound(minimum=1, maximum=30)},
    ask.GroupMembers: {
        "members": _some(100, items_min=1, each=Bound(length_min=1, length_max=512))
    },
    ask.JoinDecision: {"ids": _some(100, items_min=1, each=Bound(length_min=1, length_max=256))},
    gr.NewGroup: {
        "subject": Bound(length_min=1, length_max=128),
        "description": Bound(length_max=2048),
    },
    gr.GroupChange: {
        "subject": Bound(length_min=1, length_max=128),
        "description": Bound(length_max=2048),
    },
    ask.ConversationQuery: {
        "after": AFTER,
        "limit": LIMIT,
        "contact_id": ID,
        "channel_id": ID,
    },
    ask.ContactQuery: {
        "after": AFTER,
        "limit": LIMIT,
        "identity": Bound(
            length_max=512, pattern="^[a-z_]{1,32}:[^\\x00-\\x1f]+$", example="phone:+447700900123"
        ),
    },
    ask.EventQuery: {"after": CURSOR, "limit": LIMIT, "types": _some(len(EventType))},
    ask.LiveQuery: {"after": CURSOR, "types": _some(len(EventType))},
    ask.TemplateQuery: {
        "after": Bound(length_max=600, pattern="^[\\x21-\\x7e]*$"),
        "limit": LIMIT,
        "language": Bound(length_min=1, length_max=32),
    },
    ask.TemplateLanguage: {"language": Bound(length_min=1, length_max=32)},
    ask.MailToRender: {"language": Bound(length_min=1, length_max=32)},
    t.NewTemplate: {
        "name": Bound(length_min=1, length_max=512),
        "language": Bound(length_min=1, length_max=32),
        "category": Bound(length_min=1, length_max=64),
        "components": _some(20, items_min=1),
        "send_ttl_s": Bound(minimum=-1, maximum=EXPIRES_S_MAX),
    },
    t.TemplateChange: {
        "components": _some(20, items_min=1),
        "category": Bound(length_min=1, length_max=64),
        "send_ttl_s": Bound(minimum=-1, maximum=EXPIRES_S_MAX),
    },
    ask.ProfilePieces: {"pieces": _some(len(p.PIECES), each=Bound(choices=p.PIECES))},
    p.Localized: {"locale": LOCALE},
    p.Starter: {"id": PAYLOAD},
    p.Starters: {"questions": _some(20, items_min=1), "locale": LOCALE},
    p.MenuItem: {"url": URL, "id": PAYLOAD},
    p.Menu: {"items": _some(50, items_min=1), "locale": LOCALE},
    p.Command: {"name": NAME},
    p.Commands: {"commands": _some(100, items_min=1), "locale": LOCALE},
    p.Profile: {
        "get_started": PAYLOAD,
        "greeting": _some(100, items_min=1),
        "starters": _some(100, items_min=1),
        "menu": _some(100, items_min=1),
        "commands": _some(100, items_min=1),
        "domains": _some(50, items_min=1, each=URL),
        "login_url": URL,
    },
    p.NewPersona: {"picture_url": URL},
    ask.DeadLetterQuery: {
        "after": AFTER,
        "limit": LIMIT,
        "channel_id": ID,
        "reason": Bound(length_min=1, length_max=256),
    },
    ask.ConnectQuery: {"app": CONFIG_ID, "channel_id": CONFIG_ID, "tenant": CONFIG_ID},
    ask.ChosenAccounts: {"accounts": _some(100, items_min=1)},
    ask.Redrive: {
        "ids": _some(1000, items_min=1, each=ID),
        "per_second": Bound(minimum=1, maximum=1000),
    },
    ask.RedriveFilter: {"channel_id": ID, "reason": Bound(length_min=1, length_max=256)},
    ask.CreateKey: {
        "name": Bound(length_min=1, length_max=200),
        "tenant": TENANT,
        "scopes": _some(len(SCOPES), items_min=1, each=Bound(choices=SCOPES)),
    },
}

# Exactly one of these must be given.
ONE_OF: Mapping[type, tuple[str, ...]] = {
    r.SendRequest: ("conversation_id", "to", "contact_id"),
    c.Media: ("media_id", "url", "external_id"),
    c.Action: ("url", "id", "phone", "login", "does"),
    c.FormRequest: ("form_id", "form_name"),
    p.MenuItem: ("url", "id"),
    ask.Redrive: ("ids", "where"),
}

# The gateway fills these in; a caller may not.
NOT_ASKED: Mapping[type, tuple[str, ...]] = {
    c.Media: ("mime", "size", "content_id"),
    c.Email: ("full_text", "attachments"),
}


def bound_of(cls: type, name: str) -> Bound | None:
    """The bound of one field, None where the default of its type holds."""
    return BOUNDS.get(cls, {}).get(name)


def complaint(value: Any, bound: Bound) -> str | None:
    """What is wrong with a value of the right type, if anything."""
    if isinstance(value, str):
        return _text_complaint(value, bound)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number_complaint(value, bound)
    if isinstance(value, tuple | list):
        return _items_complaint(len(value), bound)
    if isinstance(value, Mapping):
        return _object_complaint(value, bound)
    return None


def _text_complaint(value: str, bound: Bound) -> str | None:
    if bound.choices and value not in bound.choices:
        return f"must be one of {', '.join(bound.choices)}"
    if bound.length_min is not None and len(value) < bound.length_min:
        return f"must have at least {bound.length_min} characters"
    if bound.length_max is not None and len(value) > bound.length_max:
        return f"must have at most {bound.length_max} characters"
    # A final `$` also matches before a last line feed, which no pattern here means to allow.
    if bound.pattern and (re.search(bound.pattern, value) is None or value.endswith("\n")):
        return f"must match {bound.pattern}"
    return None


def _number_complaint(value: float, bound: Bound) -> str | None:
    if bound.above is not None and not value > bound.above:
        return f"must be greater than {bound.above:g}"
    if bound.minimum is not None and not value >= bound.minimum:
        return f"must be at least {bound.minimum:g}"
    if bound.maximum is not None and not value <= bound.maximum:
        return f"must be at most {bound.maximum:g}"
    return None


def _items_complaint(count: int, bound: Bound) -> str | None:
    if bound.items_min is not None and count < bound.items_min:
        return f"must have at least {bound.items_min} items"
    if bound.items_max is not None and count > bound.items_max:
        return f"must have at most {bound.items_max} items"
    return None


def _object_complaint(value: Mapping[str, Any], bound: Bound) -> str | None:
    if bound.flat and any(isinstance(item, dict | list) for item in value.values()):
        return "must be flat: its values are strings, numbers, booleans or null"
    if bound.objects and not all(isinstance(item, dict) for item in value.values()):
        return "must hold one object for each platform"
    if bound.bytes_max is not None:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > bound.bytes_max:
            return f"must have at most {bound.bytes_max} bytes as JSON"
    return None
