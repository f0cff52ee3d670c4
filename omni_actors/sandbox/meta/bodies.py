"""What bodies of sends look like on both platforms; each platform's own file puts them together.

Source: developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import regex
from attrs import frozen

from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.shapes import (
    Flag,
    Items,
    Object,
    OneOf,
    Shape,
    ShapeError,
    Tagged,
    Text,
    wrong,
)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MEDIA_KINDS = ("image", "audio", "video", "file")
QUICK_REPLIES_MAX = 13
TITLE_MAX = 20
PAYLOAD = Text(1000)
TITLE = Text(TITLE_MAX)
ID = Text(64)
MID = Text(512)

_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]")


@frozen
class Bytes:
    """A text of at most `most` bytes in UTF-8."""

    most: int

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        if not isinstance(value, str):
            raise ShapeError("type", path, f"Param {path} must be a string.")
        if not value.strip():
            raise ShapeError("length", path, f"Param {path} must not be empty.")
        if len(value.encode("utf-8", "surrogatepass")) > self.most:
            details = f"Param {path} must be at most {self.most} bytes of UTF-8 long."
            raise ShapeError("length", path, details)


@frozen
class Link:
    """An address; one that the platform fetches is https, and plain http only on loopback."""

    fetched: bool = False

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        Text(2048).check(value, path)
        try:
            parts = urlsplit(value)
            host = parts.hostname
        except ValueError:
            host = None
        plain = host in LOOPBACK or not self.fetched
        if not host or parts.scheme not in (("http", "https") if plain else ("https",)):
            raise wrong(path, f"Param {path} is not a valid URL.")


LINK = Link()
FETCHED = Link(fetched=True)


@frozen
class Emoji:
    """An emoji, or the old word `love`."""

    def check(self, value: Any, path: str) -> None:
        """Raises ShapeError."""
        Text(64).check(value, path)
        if value != "love" and not _EMOJI.search(value):
            raise wrong(path, f"Param {path} must be an emoji.")


def one_of(value: Mapping[str, Any], names: Iterable[str], path: str) -> str:
    """The one of these keys that is there. Raises ShapeError."""
    names = list(names)
    given = [name for name in names if value.get(name) is not None]
    if len(given) != 1:
        fault = "unknown" if given else "missing"
        where = f"Param {path} must" if path else "The call must"
        raise ShapeError(fault, path, f"{where} have exactly one of {', '.join(names)}.")
    return given[0]


def recipient(*names: str) -> Object:
    """Who a message goes to."""

    def rule(value: Any, path: str) -> None:
        one_of(value, names, path)

    return Object(optional=dict.fromkeys(names, Text(512)), rule=rule)


def _media_rule(value: Any, path: str) -> None:
    one_of(value, ("url", "attachment_id"), path)


_MEDIA_PAYLOAD = Object(
    optional={"url": FETCHED, "attachment_id": ID, "is_reusable": Flag()}, rule=_media_rule
)


def medium(kind: str) -> Object:
    """An attachment of one kind, by address or by id."""
    return Object({"type": OneOf([kind]), "payload": _MEDIA_PAYLOAD})


def images(most: int) -> Items:
    """Several images in one message."""
    return Items(medium("image"), most=most)


def upload_shape(kinds: Iterable[str], *, by_link: bool) -> Object:
    """The body of the attachment upload API, with an address or beside a file."""
    flag: dict[str, Shape] = {"is_reusable": Flag()}
    payload = Object({"url": FETCHED}, flag) if by_link else Object(optional=flag)
    rest: dict[str, Shape] = {"payload": payload}
    extra = {} if by_link else rest
    needed = rest if by_link else {}
    shapes = {kind: Object({"type": OneOf([kind]), **needed}, extra) for kind in kinds}
    message = Object({"attachment": Tagged(shapes)})
    return Object({"message": message}, {"platform": OneOf(["messenger", "instagram"])})


def template(templates: Mapping[str, Shape]) -> Object:
    """An attachment that is a template."""
    payload = Tagged(templates, tag="template_type")
    return Object({"type": OneOf(["template"]), "payload": payload})


# ---------------------------------------------------------------- quick replies


def _reply_rule(value: Any, path: str) -> None:
    if not value["title"] and value.get("image_url") is None:
        raise wrong(path, f"Param {path} needs an image_url when its title is empty.")
    if not value["payload"] and value.get("image_url") is None:
        raise wrong(path, f"Param {path} needs an image_url when its payload is empty.")


def quick_replies(*, images: bool, others: Iterable[str]) -> Items:
    """Up to 13; a title over 20 characters is cut when it is shown, and not refused."""
    optional: dict[str, Shape] = {"image_url": FETCHED} if images else {}
    required: dict[str, Shape] = {
        "content_type": OneOf(["text"]),
        "title": Text(2000, least=0),
        "payload": Text(1000, least=0),
    }
    shapes = {"text": Object(required, optional, rule=_reply_rule)}
    shapes |= {other: Object({"content_type": OneOf([other])}) for other in others}
    return Items(Tagged(shapes, tag="content_type"), most=QUICK_REPLIES_MAX)


# ---------------------------------------------------------------- buttons and cards

POSTBACK = Object({"type": OneOf(["postback"]), "title": TITLE, "payload": PAYLOAD})


def web_url(**optional: Shape) -> Object:
    """A button that opens an address."""
    return Object({"type": OneOf(["web_url"]), "url": LINK, "title": TITLE}, optional)


def _element_rule(value: Any, path: str) -> None:
    if not any(value.get(key) is not None for key in value if key != "title"):
        raise wrong(path, f"Param {path} needs at least one property besides its title.")


def generic(buttons: Shape, action: Shape, **optional: Shape) -> Object:
    """One to ten cards."""
    element = Object(
        {"title": Text(80)},
        {
            "subtitle": Text(80, least=0),
            "image_url": FETCHED,
            "default_action": action,
            "buttons": Items(buttons, most=3),
        },
        rule=_element_rule,
    )
    required: dict[str, Shape] = {
        "template_type": OneOf(["generic"]),
        "elements": Items(element, most=10),
    }
    return Object(required, optional)


def button_template(buttons: Shape, **optional: Shape) -> Object:
    """A text with one to three buttons."""
    return Object(
        {
            "template_type": OneOf(["button"]),
            "text": Text(640),
            "buttons": Items(buttons, most=3),
        },
        optional,
    )


PRODUCTS = Object(
    {"template_type": OneOf(["product"]), "elements": Items(Object({"id": Text(512)}), most=10)}
)


# ---------------------------------------------------------------- the whole

_REACTION = Object({"message_id": MID, "reaction": Emoji()})
_NO_REACTION = Object({"message_id": MID})
REPLY_TO = Object({"mid": MID})


def check_action(document: Mapping[str, Any], actions: Iterable[str], beside: set[str]) -> None:
    """Judge a sender action: nothing else stands beside it. Raises ShapeError."""
    OneOf(actions).check(document["sender_action"], "sender_action")
    action, payload = document["sender_action"], document.get("payload")
    if action in ("react", "unreact"):
        shape = _REACTION if action == "react" else _NO_REACTION
        shape.check({} if payload is None else payload, "payload")
    elif payload is not None:
        raise ShapeError("unknown", "payload", f"Unexpected key payload with {action}.")
    extra = document.keys() - {"recipient", "sender_action", "payload"} - beside
    if extra:
        raise ShapeError("unknown", min(extra), f"Unexpected key {min(extra)} with {action}.")


def check_either(document: Mapping[str, Any]) -> None:
    """A send has a message or a sender action. Raises GraphError."""
    both = [document.get(key) is not None for key in ("message", "sender_action")]
    if all(both):
        raise refusal(100, 2018014)
    if not any(both):
        raise refusal(100, details="Param message or sender_action is required")


REMOVED_TAGS = frozenset({"ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"})


def check_tag(document: Mapping[str, Any], tags: Iterable[str]) -> None:
    """A tag goes with MESSAGE_TAG, and only with it. Raises GraphError, ShapeError."""
    tag, tagged = document.get("tag"), document.get("messaging_type") == "MESSAGE_TAG"
    if tag in REMOVED_TAGS:
        raise refusal(100, details=f"The message tag {tag} is no longer supported")
    if tagged and tag is None:
        raise ShapeError("missing", "tag", "Param tag is required with MESSAGE_TAG.")
    if tag is not None:
        OneOf(tags).check(tag, "tag")
        if not tagged:
            raise wrong("tag", "Param tag needs the messaging_type MESSAGE_TAG.")
