"""What a message of Instagram may look like.

Sources: developers.facebook.com/documentation/business-messaging/instagram-messaging/features/
send-message, developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/
messaging-api
"""

from typing import Any, Final

from omni_actors.sandbox.meta.bodies import (
    ID,
    LINK,
    MEDIA_KINDS,
    POSTBACK,
    PRODUCTS,
    REPLY_TO,
    Bytes,
    button_template,
    check_action,
    check_either,
    check_tag,
    generic,
    images,
    medium,
    one_of,
    quick_replies,
    recipient,
    template,
    web_url,
)
from omni_actors.sandbox.shapes import Object, OneOf, Shape, Tagged, Text, wrong

TEXT_BYTES_MAX: Final = 1000

BUTTON: Final = Tagged({"web_url": web_url(), "postback": POSTBACK})
_ACTION = Object({"type": OneOf(["web_url"]), "url": LINK})
TEMPLATES: Final[dict[str, Shape]] = {
    "generic": generic(BUTTON, _ACTION),
    "button": button_template(BUTTON),
    "product": PRODUCTS,
}
_ATTACHMENT = Tagged(
    {
        **{kind: medium(kind) for kind in MEDIA_KINDS},
        "template": template(TEMPLATES),
        "like_heart": Object({"type": OneOf(["like_heart"])}),
        "MEDIA_SHARE": Object({"type": OneOf(["MEDIA_SHARE"]), "payload": Object({"id": ID})}),
    }
)


def _message_rule(value: Any, path: str) -> None:
    source = one_of(value, ("text", "attachment", "attachments"), path)
    if value.get("quick_replies") is not None and source == "attachments":
        raise wrong(path, f"Param {path}['quick_replies'] goes with a text or an attachment.")


MESSAGE: Final = Object(
    optional={
        "text": Bytes(TEXT_BYTES_MAX),
        "attachment": _ATTACHMENT,
        "attachments": images(10),
        "quick_replies": quick_replies(images=False, others=("user_phone_number",)),
    },
    rule=_message_rule,
)
_SEND = Object(
    {"recipient": recipient("id", "comment_id"), "message": MESSAGE},
    {
        "messaging_type": OneOf(["RESPONSE", "UPDATE", "MESSAGE_TAG"]),
        "tag": Text(64),
        "reply_to": REPLY_TO,
    },
)
_ACTION_SEND = Object({"recipient": recipient("id")})


def check_send(document: dict[str, Any]) -> None:
    """Judge the body of a send. Raises ShapeError, GraphError."""
    check_either(document)
    if document.get("message") is None:
        names = ("typing_on", "typing_off", "mark_seen", "react", "unreact")
        _ACTION_SEND.check({"recipient": document.get("recipient")}, "")
        check_action(document, names, set())
        return
    check_tag(document, ("HUMAN_AGENT",))
    _SEND.check(document, "")
