"""What Messenger can carry, as data, with the page that says so.

The platform names no unit of its lengths, and writes MB; the stricter readings are taken: UTF-16
code units, and a million bytes. It names 25 MB for every medium and takes 8 MB of a picture surely.
"""

from typing import Any, Final

from omni_actors.adapters.meta import forms
from omni_actors.adapters.meta.forms import ANY_BUTTONS, MB, TEMPLATES
from omni_actors.adapters.meta.people import WINDOWLESS
from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

UTILITY: Final = (
    "https://developers.facebook.com/documentation/business-messaging/messenger-platform/"
    "send-messages"
)
TEXT_MAX: Final = 2000
RECEIPT_LINES_MAX: Final = 100

IMAGES: Final = ("image/png", "image/jpeg", "image/gif")
ANY: Final = 25 * MB
NO_CAPTION: Final = "Messenger shows it as a file"

LINK: Final = forms.text_form(
    "link_text", "utf16", TEXT_MAX, Level.FLATTENED, "Messenger takes no file as large as this"
)
AS_FILE: Final = forms.medium("document", (), ANY, Level.CONVERTED, NO_CAPTION)
AS_IMAGE: Final = forms.medium(
    "image", IMAGES, 8 * MB, Level.CONVERTED, "Messenger has no stickers of others"
)
IN_WORDS: Final = forms.text_form(
    "text", "utf16", TEXT_MAX, Level.FLATTENED, "the customer answers in words"
)
STICKER: Final = forms.sticker(forms.DIGITS, forms.SEND)


def _flat(why: str) -> Form:
    return forms.text_form("text", "utf16", TEXT_MAX, Level.FLATTENED, why)


def _whole(name: str, page: str, **more: Any) -> Form:
    return Form(name, Level.NATIVE, Limits("utf16", source=TEMPLATES + page, **more))


MEDIA_CARD: Final = Form(
    "media_card",
    Level.CONVERTED,
    Limits(
        "utf16",
        text_max=0,
        one_text=True,
        media_required=True,
        media_by="upload",
        header_media=("image", "video"),
        actions_min=1,
        options_max=forms.BUTTONS_MAX,
        option_title_max=forms.TITLE_MAX,
        option_id_max=forms.PAYLOAD_MAX,
        source=TEMPLATES + "media",
        **ANY_BUTTONS,
    ),
    "the title and text of the card stand above it",
)

# No page shows its keys: they are taken to be those of the other buttons.
CALL_BUTTON: Final = Form(
    "call_button",
    Level.NATIVE,
    Limits(
        "utf16",
        text_min=1,
        text_max=forms.BUTTON_TEXT_MAX,
        button_max=forms.TITLE_MAX,
        minutes_max=0,
        source=forms.PAGES + "reference/buttons",
    ),
)

FORMS: Final = {
    "text": (forms.text_form("text", "utf16", TEXT_MAX),),
    "media.image": (forms.medium("image", IMAGES, 8 * MB), AS_FILE, LINK),
    "media.video": (forms.medium("video", ("video/*",), ANY), AS_FILE, LINK),
    "media.audio": (forms.medium("audio", ("audio/*",), ANY), AS_FILE, LINK),
    "media.voice": (
        forms.medium(
            "audio", ("audio/*",), ANY, Level.CONVERTED, "Messenger shows it as a sound file"
        ),
        AS_FILE,
        LINK,
    ),
    "media.document": (forms.medium("document", (), ANY), LINK),
    "media.sticker": (STICKER, AS_IMAGE, AS_FILE, LINK),
    "choices": (
        forms.question_buttons(),
        forms.quick_replies("utf16", TEXT_MAX, image=True),
        forms.option_cards(),
        forms.text_form(
            "numbered_text",
            "utf16",
            TEXT_MAX,
            Level.FLATTENED,
            "more options than Messenger can show",
        ),
    ),
    "card": (
        forms.cards("generic", **ANY_BUTTONS),
        MEDIA_CARD,
        forms.button_card(**ANY_BUTTONS),
        _flat("Messenger shows such a card as text, below its picture"),
    ),
    "carousel": (
        forms.cards("carousel", items_min=1, items_max=forms.CARDS_MAX, **ANY_BUTTONS),
        _flat("Messenger shows such cards as text"),
    ),
    "location": (_flat("Messenger shows a place as a link to a map"),),
    "contacts": (_flat("Messenger has no contact cards"),),
    "request.contact": (forms.asked("phone_reply", "utf16", TEXT_MAX), IN_WORDS),
    "request.email": (forms.asked("email_reply", "utf16", TEXT_MAX), IN_WORDS),
    "request.location": (IN_WORDS,),
    "request.address": (IN_WORDS,),
    "products.list": (forms.product(),),
    "products.carousel": (forms.product(),),
    "receipt": (
        _whole("receipt", "receipt", items_max=RECEIPT_LINES_MAX, address_whole=True),
        _flat("a receipt has 100 lines at most, and whole addresses"),
    ),
    "coupon": (_whole("coupon", "coupon"), _flat("a coupon needs a code or a page")),
    "feedback": (_whole("feedback", "customer-feedback-template"),),
    "template": (Form("utility", Level.NATIVE, Limits("utf16", source=UTILITY)),),
    "call_invite": (CALL_BUTTON,),
    "reaction": (forms.REACTION,),
    "email": (_flat("a mail's subject and text, as one message"),),
}

CAPABILITIES: Final = Capabilities(
    forms=FORMS,
    window_s=forms.WINDOW_S,
    entry_window_s=forms.ENTRY_WINDOW_S,
    human_window_s=forms.HUMAN_S,
    control_s=forms.CONTROL_S,
    windowless=WINDOWLESS,
    free_in_closed_window=("template",),
    reply_to=True,
    mark_read=True,
    typing=True,
    stop_typing=True,
    receipts=("delivered", "read"),
    media_by_url=True,
    media_kept_s=forms.MEDIA_KEPT_S,
    unknown_wait_s=60.0,
)
