"""What WhatsApp can carry, as data, with the page that says so.

The platform names no unit of its lengths, and writes MB; the stricter readings are taken: UTF-16
code units, and a million bytes.
"""

import re
from typing import Any, Final

from attrs import evolve

from omni_actors.model.capabilities import Capabilities, Dialect, Form, Level, Limits

PAGES: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/"
MEDIA_PAGE: Final = PAGES + "business-phone-numbers/media"

DIALECT: Final = Dialect(
    "whatsapp", {"bold": "*", "italic": "_", "strike": "~", "code": "`"}, fence="```"
)
"""Has no headings, tables or link words, and no way to escape a sign."""

MB: Final = 1_000_000
KB: Final = 1_000
TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
FILENAME_MAX: Final = 240
QUESTION_MAX: Final = 1024
CONTACTS_MAX: Final = 5
LINE_MAX: Final = 60
TITLE_MAX: Final = 20
ID_MAX: Final = 256
CARDS_MIN: Final = 2
CARDS_MAX: Final = 10
PRODUCTS_MAX: Final = 30
SECTIONS_MAX: Final = 10
SECTION_TITLE_MAX: Final = 24
LINK_MAX: Final = 2000
CALL_MINUTES_MAX: Final = 43_200
WINDOW_S: Final = 24 * 3600.0
# Who comes from an ad and is answered within a day may be written to for three days for nothing.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing
ENTRY_ANSWER_S: Final = 24 * 3600.0
ENTRY_FREE_S: Final = 72 * 3600.0
DOWNLOAD_BYTES_MAX: Final = 100 * 1024 * 1024

IMAGES: Final = ("image/jpeg", "image/png")
VIDEOS: Final = ("video/mp4", "video/3gpp")
VOICES: Final = ("audio/ogg",)
AUDIOS: Final = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", *VOICES)
STICKERS: Final = ("image/webp",)
# What Ogg may hold; files of other types tell no codec here.
OGG: Final[dict[str, Any]] = {"codecs": ("opus",), "channels_max": 1}
# Files that are text to whoever looks into them, whatever their own name for it is.
UPLOADED_AS_TEXT: Final = re.compile(r"text/.*|application/(json|xml|x-ndjson|yaml|.*\+(json|xml))")
ABOVE: Final = ("image", "video", "document")


def _text(name: str, level: Level, why: str = "") -> Form:
    page = PAGES + "messages/text-messages"
    return Form(name, level, Limits("utf16", text_max=TEXT_MAX, source=page), why)


def _medium(name: str, level: Level, bytes_max: int, mimes: tuple[str, ...], **more: Any) -> Form:
    limits = Limits(
        "utf16",
        caption_max=more.pop("caption_max", 0),
        bytes_max=bytes_max,
        mimes=mimes,
        source=MEDIA_PAGE,
        url_max=LINK_MAX,
        **more,
    )
    why = "" if level is Level.NATIVE else f"WhatsApp does not show this {name} otherwise"
    return Form(name, level, limits, why)


def _document(level: Level) -> Form:
    why = "" if level is Level.NATIVE else "too large for WhatsApp, or of a type it does not show"
    limits = Limits(
        "utf16",
        caption_max=CAPTION_MAX,
        filename_max=FILENAME_MAX,
        bytes_max=100 * MB,
        url_max=LINK_MAX,
        source=MEDIA_PAGE,
    )
    return Form("document", level, limits, why)


LINK: Final = _text("link_text", Level.FLATTENED, "WhatsApp takes no file as large as this")
AS_DOCUMENT: Final = _document(Level.CONVERTED)

BUTTONS: Final = Form(
    "buttons",
    Level.NATIVE,
    Limits(
        "utf16",
        text_max=QUESTION_MAX,
        header_max=LINE_MAX,
        header_media=ABOVE,
        footer_max=LINE_MAX,
        options_max=3,
        option_title_max=TITLE_MAX,
        option_description_max=0,
        option_id_max=ID_MAX,
        source=PAGES + "messages/interactive-reply-buttons-messages",
    ),
)
# The page allows a body of 4096, the schema that Meta publishes 1024.
LIST: Final = Form(
    "list",
    Level.CONVERTED,
    Limits(
        "utf16",
        text_max=QUESTION_MAX,
        header_max=LINE_MAX,
        footer_max=LINE_MAX,
        options_max=10,
        option_title_max=24,
        option_description_max=72,
        option_id_max=200,
        section_max=SECTION_TITLE_MAX,
        button_max=TITLE_MAX,
        source=PAGES + "messages/interactive-list-messages",
    ),
    "more, longer or described options do not fit on buttons",
)
# No page says how long the link may be; 2000 is what the link of a template's button may have.
LINK_BUTTON: Final = Form(
    "cta_url",
    Level.NATIVE,
    Limits(
        "utf16",
        text_max=QUESTION_MAX,
        header_max=LINE_MAX,
        header_media=ABOVE,
        footer_max=LINE_MAX,
        one_text=True,
        links_min=1,
        links_max=1,
        replies_max=0,
        option_title_max=TITLE_MAX,
        url_max=LINK_MAX,
        source=PAGES + "messages/interactive-cta-url-messages",
    ),
)
CARDS: Final = Limits(
    "utf16",
    text_min=1,
    text_max=QUESTION_MAX,
    header_media=("image", "video"),
    one_text=True,
    items_min=CARDS_MIN,
    items_max=CARDS_MAX,
    item_text_max=160,
    item_lines_max=3,
    media_required=True,
    alike=True,
    option_title_max=TITLE_MAX,
    url_max=LINK_MAX,
    source=PAGES + "messages/interactive-media-carousel-messages",
)
LINK_CARDS: Final = Form(
    "link_carousel", Level.NATIVE, evolve(CARDS, links_min=1, links_max=1, replies_max=0)
)
REPLY_CARDS: Final = Form(
    "reply_carousel",
    Level.NATIVE,
    evolve(CARDS, links_max=0, replies_min=1, replies_max=3, option_id_max=20),
)


def _asked(name: str, page: str, **more: Any) -> Form:
    limits = Limits("utf16", text_min=1, text_max=QUESTION_MAX, source=PAGES + page, **more)
    return Form(name, Level.NATIVE, limits)


IN_WORDS: Final = _text("text", Level.FLATTENED, "the customer answers in words")
REQUESTS: Final = {
    "request.location": (
        _asked("location_request", "messages/location-request-messages"),
        IN_WORDS,
    ),
    "request.contact": (_asked("contact_request", "business-scoped-user-ids"), IN_WORDS),
    "request.email": (IN_WORDS,),
    "request.address": (
        _asked(
            "address",
            "messages/address-messages",
            header_max=LINE_MAX,
            footer_max=LINE_MAX,
            countries=("IN",),
        ),
        IN_WORDS,
    ),
    "request.call": (_asked("call_permission", "calling/user-call-permissions"),),
}
# The page recommends a label of 30 at most, partners write 20; nobody allows emoji.
FLOW: Final = _asked(
    "flow",
    "flows/guides/sendingaflow",
    header_max=LINE_MAX,
    header_media=ABOVE,
    footer_max=LINE_MAX,
    button_max=TITLE_MAX,
    plain_button=True,
)
CALL: Final = _asked(
    "voice_call",
    "calling/call-button-messages-deep-links",
    button_max=TITLE_MAX,
    minutes_max=CALL_MINUTES_MAX,
)
CATALOG: Final = _asked(
    "catalog", "catalogs/sell-products-and-services", footer_max=LINE_MAX, items_max=0
)
PRODUCT: Final = Form(
    "product",
    Level.NATIVE,
    Limits(
        "utf16",
        text_max=QUESTION_MAX,
        footer_max=LINE_MAX,
        items_min=1,
        items_max=1,
        in_catalog=True,
        source=PAGES + "catalogs/sell-products-and-services",
    ),
)
PRODUCT_LIST: Final = _asked(
    "product_list",
    "catalogs/sell-products-and-services",
    header_min=1,
    header_max=LINE_MAX,
    footer_max=LINE_MAX,
    section_max=SECTION_TITLE_MAX,
    sections_max=SECTIONS_MAX,
    items_min=1,
    items_max=PRODUCTS_MAX,
    in_catalog=True,
)
PRODUCT_CARDS: Final = _asked(
    "product_carousel",
    "messages/interactive-product-carousel-messages",
    items_min=CARDS_MIN,
    items_max=CARDS_MAX,
    in_catalog=True,
)
NOT_CARDS: Final = "WhatsApp shows 2 to 10 products side by side"
PRODUCTS: Final = {
    "products.catalog": (CATALOG,),
    "products.list": (PRODUCT, PRODUCT_LIST),
    "products.carousel": (
        PRODUCT_CARDS,
        evolve(PRODUCT, level=Level.CONVERTED, why=NOT_CARDS),
        evolve(PRODUCT_LIST, level=Level.CONVERTED, why=NOT_CARDS),
    ),
}
TEMPLATE: Final = Form(
    "template",
    Level.NATIVE,
    Limits(
        "utf16",
        items_max=CARDS_MAX,
        options_max=10,
        option_id_max=128,
        code_max=20,
        minutes_max=CALL_MINUTES_MAX,
        source=PAGES + "messages/template-messages",
    ),
)
CONTACTS: Final = Limits(
    "utf16", items_max=CONTACTS_MAX, source=PAGES + "messages/contacts-messages"
)

FORMS: Final = {
    "text": (_text("text", Level.NATIVE),),
    "media.image": (
        _medium(
            "image",
            Level.NATIVE,
            5 * MB,
            IMAGES,
            caption_max=CAPTION_MAX,
            depth_max=8,
            colours=("rgb",),
        ),
        AS_DOCUMENT,
        LINK,
    ),
    "media.video": (
        _medium("video", Level.NATIVE, 16 * MB, VIDEOS, caption_max=CAPTION_MAX),
        AS_DOCUMENT,
        LINK,
    ),
    "media.audio": (_medium("audio", Level.NATIVE, 16 * MB, AUDIOS, **OGG), AS_DOCUMENT, LINK),
    # Beyond 512 KB a voice note loses its play button and is shown as an audio file.
    "media.voice": (
        _medium("voice", Level.NATIVE, 512 * KB, VOICES, **OGG),
        _medium("audio", Level.CONVERTED, 16 * MB, AUDIOS, **OGG),
        AS_DOCUMENT,
        LINK,
    ),
    "media.document": (_document(Level.NATIVE), LINK),
    "media.sticker": (
        _medium("sticker", Level.NATIVE, 100 * KB, STICKERS, animated_bytes_max=500 * KB),
        AS_DOCUMENT,
        LINK,
    ),
    "choices": (
        BUTTONS,
        LIST,
        _text("numbered_text", Level.FLATTENED, "more options than WhatsApp can show"),
    ),
    "card": (
        LINK_BUTTON,
        _text("text", Level.FLATTENED, "WhatsApp shows such a card as text, below its picture"),
    ),
    "carousel": (
        LINK_CARDS,
        REPLY_CARDS,
        _text("text", Level.FLATTENED, "WhatsApp shows such cards as text"),
    ),
    "location": (
        Form(
            "location", Level.NATIVE, Limits("utf16", source=PAGES + "messages/location-messages")
        ),
    ),
    "contacts": (Form("contacts", Level.NATIVE, CONTACTS),),
    **REQUESTS,
    **PRODUCTS,
    "form": (FLOW,),
    "call_invite": (CALL,),
    "template": (TEMPLATE,),
    "reaction": (
        Form(
            "reaction", Level.NATIVE, Limits("utf16", source=PAGES + "messages/reaction-messages")
        ),
    ),
    "receipt": (_text("text", Level.FLATTENED, "WhatsApp shows a receipt as text"),),
    "coupon": (_text("text", Level.FLATTENED, "WhatsApp shows a coupon as text"),),
    "feedback": (IN_WORDS,),
    "email": (_text("text", Level.FLATTENED, "a mail's subject and text, as one message"),),
}

# https://developers.facebook.com/documentation/business-messaging/whatsapp/groups
IN_GROUPS: Final = frozenset(
    {"text", "link_text", "numbered_text", "image", "video", "audio", "voice", "document"}
    | {"sticker", "template"}
)


def _in_groups(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    """The forms that a group may get, in their order."""
    return tuple([form for form in forms if form.name in IN_GROUPS])


ONLY_TEXTS: Final = _text("text", Level.FLATTENED, "WhatsApp takes texts and media in groups only")
GROUP_FORMS: Final = {
    **{key: kept for key, forms in FORMS.items() if (kept := _in_groups(forms))},
    "location": (ONLY_TEXTS,),
    "contacts": (ONLY_TEXTS,),
}

TO_ONE: Final = Capabilities(
    forms=FORMS,
    dialect=DIALECT,
    window_s=WINDOW_S,
    entry_answer_s=ENTRY_ANSWER_S,
    entry_free_s=ENTRY_FREE_S,
    reply_to=True,
    mark_read=True,
    typing=True,
    receipts=("sent", "delivered", "read", "played"),
    media_by_url=True,
    media_kept_s=7 * 24 * 3600.0,
    unknown_wait_s=60.0,
)
CAPABILITIES: Final = evolve(TO_ONE, group=evolve(TO_ONE, forms=GROUP_FORMS))
