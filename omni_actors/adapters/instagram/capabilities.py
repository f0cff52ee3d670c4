"""What Instagram can carry, as data, with the page that says so.

Texts are counted in bytes of UTF-8. For what is on buttons and cards the platform names no unit,
and for files it writes MB; the stricter readings are taken.
"""

from typing import Final

from attrs import evolve

from omni_actors.adapters.meta import forms
from omni_actors.adapters.meta.forms import MB
from omni_actors.adapters.meta.people import WINDOWLESS
from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

PAGE: Final = (
    "https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/"
)
TEXT_MAX: Final = 1000

IMAGES: Final = ("image/png", "image/jpeg")
AUDIOS: Final = ("audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav")
VIDEOS: Final = ("video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm")
FILES: Final = ("application/pdf",)
ANY: Final = 25 * MB
BY_TYPE: Final = "Instagram takes no other files than PDF as such"


def _text(name: str, level: Level, why: str = "") -> Form:
    limits = Limits("utf8", text_max=TEXT_MAX, source=PAGE + "send-message")
    return Form(name, level, limits, why)


def _medium(name: str, mimes: tuple[str, ...], most: int, why: str = "") -> Form:
    level = Level.CONVERTED if why else Level.NATIVE
    form = forms.medium(name, mimes, most, level, why)
    return evolve(form, limits=evolve(form.limits, source=PAGE + "send-message"))


LINK: Final = _text("link_text", Level.FLATTENED, "Instagram takes no such file")
IN_WORDS: Final = _text("text", Level.FLATTENED, "the customer answers in words")
STICKER: Final = forms.sticker("like_heart", PAGE + "send-message")


def _flat(why: str) -> Form:
    return _text("text", Level.FLATTENED, why)


FORMS: Final = {
    "text": (_text("text", Level.NATIVE),),
    "media.image": (_medium("image", IMAGES, 8 * MB), LINK),
    "media.video": (_medium("video", VIDEOS, ANY), LINK),
    "media.audio": (_medium("audio", AUDIOS, ANY), LINK),
    "media.voice": (_medium("audio", AUDIOS, ANY, "Instagram shows it as a sound file"), LINK),
    "media.document": (
        _medium("document", FILES, ANY),
        _medium("image", IMAGES, 8 * MB, BY_TYPE),
        _medium("audio", AUDIOS, ANY, BY_TYPE),
        _medium("video", VIDEOS, ANY, BY_TYPE),
        LINK,
    ),
    "media.sticker": (
        STICKER,
        _medium("image", IMAGES, 8 * MB, "Instagram has no sticker but a heart"),
        LINK,
    ),
    "post": (Form("post", Level.NATIVE, Limits("utf16", source=PAGE + "send-message")),),
    "choices": (
        forms.question_buttons(),
        forms.quick_replies("utf8", TEXT_MAX, image=False),
        forms.option_cards(),
        _text("numbered_text", Level.FLATTENED, "more options than Instagram can show"),
    ),
    "card": (
        forms.cards("generic"),
        forms.button_card(),
        _flat("Instagram shows such a card as text, below its picture"),
    ),
    "carousel": (
        forms.cards("carousel", items_min=1, items_max=forms.CARDS_MAX),
        _flat("Instagram shows such cards as text"),
    ),
    "location": (_flat("Instagram shows a place as a link to a map"),),
    "contacts": (_flat("Instagram has no contact cards"),),
    "request.contact": (forms.asked("phone_reply", "utf8", TEXT_MAX), IN_WORDS),
    "request.email": (IN_WORDS,),
    "request.location": (IN_WORDS,),
    "request.address": (IN_WORDS,),
    "products.list": (forms.product(),),
    "products.carousel": (forms.product(),),
    "receipt": (_flat("Instagram has no receipts"),),
    "coupon": (_flat("Instagram has no coupons"),),
    "feedback": (IN_WORDS,),
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
    free_in_closed_window=(),
    reply_to=True,
    mark_read=True,
    typing=True,
    stop_typing=True,
    receipts=("read",),
    media_by_url=True,
    media_kept_s=forms.MEDIA_KEPT_S,
    unknown_wait_s=60.0,
)
