"""What a message of Messenger may look like.

Sources: developers.facebook.com/docs/messenger-platform/reference/send-api,
developers.facebook.com/docs/messenger-platform/reference/templates
"""

from typing import Any, Final

from omni_actors.sandbox.meta.bodies import (
    FETCHED,
    ID,
    LINK,
    MEDIA_KINDS,
    PAYLOAD,
    POSTBACK,
    PRODUCTS,
    REPLY_TO,
    TITLE,
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
from omni_actors.sandbox.shapes import (
    Anything,
    Flag,
    Items,
    Number,
    Object,
    OneOf,
    Shape,
    ShapeError,
    Tagged,
    Text,
    wrong,
)

_WEBVIEW: Final[dict[str, Shape]] = {
    "webview_height_ratio": OneOf(["compact", "tall", "full"]),
    "messenger_extensions": Flag(),
    "fallback_url": LINK,
    "webview_share_button": OneOf(["hide"]),
}


class _Phone(Text):
    def check(self, value: Any, path: str) -> None:
        Text.check(self, value, path)
        if not (value.startswith("+") and value[1:].isdecimal() and len(value) >= 8):
            raise wrong(path, f"Param {path} must be a phone number such as +351210000000.")


def _game_rule(value: Any, path: str) -> None:
    one_of(value, ("player_id", "context_id"), path)


_GAME = Object(optional={"player_id": ID, "context_id": ID}, rule=_game_rule)
BUTTON: Final = Tagged(
    {
        "web_url": web_url(**_WEBVIEW),
        "postback": POSTBACK,
        "phone_number": Object(
            {"type": OneOf(["phone_number"]), "title": TITLE, "payload": _Phone(16)}
        ),
        "account_link": Object({"type": OneOf(["account_link"]), "url": FETCHED}),
        "account_unlink": Object({"type": OneOf(["account_unlink"])}),
        "game_play": Object(
            {"type": OneOf(["game_play"]), "title": TITLE},
            {"payload": PAYLOAD, "game_metadata": _GAME},
        ),
        "audio_call": Object({"type": OneOf(["audio_call"]), "title": TITLE}, {"payload": PAYLOAD}),
    }
)
_ACTION = Object({"type": OneOf(["web_url"]), "url": LINK}, _WEBVIEW)


def _media_rule(value: Any, path: str) -> None:
    one_of(value, ("attachment_id", "url"), path)


_MEDIA_ELEMENT = Object(
    {"media_type": OneOf(["image", "video"])},
    {"attachment_id": ID, "url": FETCHED, "buttons": Items(BUTTON, most=3)},
    rule=_media_rule,
)
_LABEL = Text(512)
_NUMBER = Number()
_RECEIPT = Object(
    {
        "template_type": OneOf(["receipt"]),
        "recipient_name": _LABEL,
        "order_number": _LABEL,
        "currency": Text(3, least=3),
        "payment_method": _LABEL,
        "summary": Object(
            {"total_cost": _NUMBER},
            {"subtotal": _NUMBER, "shipping_cost": _NUMBER, "total_tax": _NUMBER},
        ),
    },
    {
        "merchant_name": _LABEL,
        "sharable": Flag(),
        "order_url": LINK,
        "timestamp": Text(16),
        "address": Object(
            {
                "street_1": _LABEL,
                "city": _LABEL,
                "postal_code": _LABEL,
                "state": _LABEL,
                "country": _LABEL,
            },
            {"street_2": Text(512, least=0)},
        ),
        "adjustments": Items(Object({"name": _LABEL, "amount": _NUMBER}), least=0),
        "elements": Items(
            Object(
                {"title": _LABEL, "price": _NUMBER},
                {
                    "subtitle": _LABEL,
                    "quantity": _NUMBER,
                    "currency": Text(3, least=3),
                    "image_url": FETCHED,
                },
            ),
            least=0,
            most=100,
        ),
    },
)


def _coupon_rule(value: Any, path: str) -> None:
    if value.get("coupon_code") is None and value.get("coupon_url") is None:
        raise ShapeError("missing", path, f"Param {path} needs coupon_code or coupon_url.")


_COUPON = Object(
    {"template_type": OneOf(["coupon"]), "title": _LABEL},
    {
        "subtitle": _LABEL,
        "coupon_code": _LABEL,
        "coupon_url": LINK,
        "coupon_url_button_title": _LABEL,
        "coupon_pre_message": _LABEL,
        "image_url": FETCHED,
        "payload": PAYLOAD,
    },
    rule=_coupon_rule,
)
_QUESTION = Object(
    {"id": _LABEL, "type": OneOf(["csat", "nps", "ces", "free_form"])},
    {
        "title": _LABEL,
        "score_label": OneOf(["neg_pos", "pos_neg"]),
        "score_option": Text(64),
        "follow_up": Object({"type": OneOf(["free_form"])}, {"placeholder": _LABEL}),
    },
)
_FEEDBACK = Object(
    {
        "template_type": OneOf(["customer_feedback"]),
        "title": _LABEL,
        "button_title": TITLE,
        "feedback_screens": Items(Object({"questions": Items(_QUESTION, most=1)}), most=1),
        "business_privacy": Object({"url": LINK}),
    },
    {"subtitle": _LABEL, "expires_in_days": Number(least=1, most=7, whole=True)},
)
_GRID_BUTTON = Tagged({"web_url": web_url(), "postback": POSTBACK})
_GRID_ACTION = Tagged(
    {"web_url": _ACTION, "postback": Object({"type": OneOf(["postback"]), "payload": PAYLOAD})}
)
_GRID = Object(
    {
        "template_type": OneOf(["image_grid"]),
        "elements": Items(
            Object({"image_url": FETCHED}, {"default_action": _GRID_ACTION}), least=2, most=6
        ),
    },
    {"title": Text(80), "subtitle": Text(80), "buttons": Items(_GRID_BUTTON, most=3)},
)
_SHARABLE: Final[dict[str, Shape]] = {"sharable": Flag()}
TEMPLATES: Final[dict[str, Shape]] = {
    "generic": generic(
        BUTTON, _ACTION, **_SHARABLE, image_aspect_ratio=OneOf(["horizontal", "square"])
    ),
    "button": button_template(BUTTON, **_SHARABLE),
    "media": Object(
        {"template_type": OneOf(["media"]), "elements": Items(_MEDIA_ELEMENT, most=1)}, _SHARABLE
    ),
    "receipt": _RECEIPT,
    "coupon": _COUPON,
    "product": PRODUCTS,
    "image_grid": _GRID,
    "customer_feedback": _FEEDBACK,
    "one_time_notif_req": Object(
        {"template_type": OneOf(["one_time_notif_req"]), "title": Text(65), "payload": PAYLOAD}
    ),
    "notification_messages": Object(
        {
            "template_type": OneOf(["notification_messages"]),
            "title": Text(65),
            "payload": PAYLOAD,
        },
        {
            "image_url": FETCHED,
            "image_aspect_ratio": OneOf(["HORIZONTAL", "SQUARE"]),
            "notification_messages_cta_text": OneOf(
                ["ALLOW", "GET", "GET_UPDATES", "OPT_IN", "SIGN_UP"]
            ),
            "notification_messages_timezone": Text(64),
        },
    ),
}
_ATTACHMENT = Tagged(
    {**{kind: medium(kind) for kind in MEDIA_KINDS}, "template": template(TEMPLATES)}
)
_UTILITY = Object(
    {"name": Text(512), "language": Object({"code": Text(16)})},
    {
        "components": Items(
            Object(
                {"type": OneOf(["body", "header", "button"])},
                {
                    "parameters": Items(Anything(), least=0),
                    "sub_type": Text(32),
                    "index": Anything(),
                },
            ),
            least=0,
        )
    },
)
_SOURCES = ("text", "attachment", "attachments", "sticker_id", "template")


def _message_rule(value: Any, path: str) -> None:
    source = one_of(value, _SOURCES, path)
    if value.get("quick_replies") is not None and source not in ("text", "attachment"):
        raise wrong(path, f"Param {path}['quick_replies'] goes with a text or an attachment.")


MESSAGE: Final = Object(
    optional={
        "text": Text(2000),
        "attachment": _ATTACHMENT,
        "attachments": images(10),
        "sticker_id": Number(least=1, whole=True, or_text=True),
        "template": _UTILITY,
        "quick_replies": quick_replies(images=True, others=("user_phone_number", "user_email")),
        "metadata": Text(1000),
    },
    rule=_message_rule,
)


def _whole_rule(value: Any, _path: str) -> None:
    if value.get("messaging_type") is None:
        raise ShapeError("missing", "messaging_type", "Param messaging_type is required.")
    utility = value["messaging_type"] == "UTILITY"
    if utility != (value["message"].get("template") is not None):
        raise wrong("message", "A utility template goes with the messaging_type UTILITY.")


_SEND = Object(
    {
        "recipient": recipient(
            "id",
            "user_ref",
            "comment_id",
            "post_id",
            "notification_messages_token",
            "one_time_notif_token",
            "phone_number",
        ),
        "message": MESSAGE,
    },
    {
        "messaging_type": OneOf(["RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"]),
        "tag": Text(64),
        "reply_to": REPLY_TO,
        "notification_type": OneOf(["REGULAR", "SILENT_PUSH", "NO_PUSH"]),
        "persona_id": ID,
        "thread_control": Object(
            {"control_type": OneOf(["pass", "release"])}, {"app_id": ID, "metadata": Text(1000)}
        ),
    },
    rule=_whole_rule,
)
_ACTION_SEND = Object({"recipient": recipient("id", "user_ref", "phone_number")})


def check_send(document: dict[str, Any]) -> None:
    """Judge the body of a send. Raises ShapeError, GraphError."""
    check_either(document)
    if document.get("message") is None:
        names = ("typing_on", "typing_off", "mark_seen", "react", "unreact")
        _ACTION_SEND.check({"recipient": document.get("recipient")}, "")
        beside = {"persona_id"} if document["sender_action"] == "typing_on" else set()
        check_action(document, names, beside)
        return
    check_tag(document, ("HUMAN_AGENT", "NON_PROMOTIONAL_SUBSCRIPTION"))
    _SEND.check(document, "")
