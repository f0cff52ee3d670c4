"""What WhatsApp can carry, as data, with the page that says so.

The platform names no unit of its lengths, and writes MB; the stricter readings are taken: UTF-16
code units, and a million bytes.
"""

from typing import Final

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

PAGES: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/"
MEDIA_PAGE: Final = PAGES + "business-phone-numbers/media"

MB: Final = 1_000_000
KB: Final = 1_000
TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
FILENAME_MAX: Final = 240
QUESTION_MAX: Final = 1024
CONTACTS_MAX: Final = 5
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


def _text(name: str, level: Level, why: str = "") -> Form:
    page = PAGES + "messages/text-messages"
    return Form(name, level, Limits("utf16", text_max=TEXT_MAX, source=page), why)


def _medium(
    name: str, level: Level, bytes_max: int, mimes: tuple[str, ...], *, caption_max: int = 0
) -> Form:
    limits = Limits(
        "utf16", caption_max=caption_max, bytes_max=bytes_max, mimes=mimes, source=MEDIA_PAGE
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
        options_max=3,
        option_title_max=20,
        option_description_max=0,
        option_id_max=256,
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
        options_max=10,
        option_title_max=24,
        option_description_max=72,
        option_id_max=200,
        button_max=20,
        source=PAGES + "messages/interactive-list-messages",
    ),
    "more, longer or described options do not fit on buttons",
)
CONTACTS: Final = Limits(
    "utf16", items_max=CONTACTS_MAX, source=PAGES + "messages/contacts-messages"
)

FORMS: Final = {
    "text": (_text("text", Level.NATIVE),),
    "media.image": (
        _medium("image", Level.NATIVE, 5 * MB, IMAGES, caption_max=CAPTION_MAX),
        AS_DOCUMENT,
        LINK,
    ),
    "media.video": (
        _medium("video", Level.NATIVE, 16 * MB, VIDEOS, caption_max=CAPTION_MAX),
        AS_DOCUMENT,
        LINK,
    ),
    "media.audio": (_medium("audio", Level.NATIVE, 16 * MB, AUDIOS), AS_DOCUMENT, LINK),
    # Beyond 512 KB a voice note loses its play button and is shown as an audio file.
    "media.voice": (
        _medium("voice", Level.NATIVE, 512 * KB, VOICES),
        _medium("audio", Level.CONVERTED, 16 * MB, AUDIOS),
        AS_DOCUMENT,
        LINK,
    ),
    "media.document": (_document(Level.NATIVE), LINK),
    # An animated one may have 500 KB; the smaller bound holds for both.
    "media.sticker": (_medium("sticker", Level.NATIVE, 100 * KB, STICKERS), AS_DOCUMENT, LINK),
    "choices": (
        BUTTONS,
        LIST,
        _text("numbered_text", Level.FLATTENED, "more options than WhatsApp can show"),
    ),
    "card": (_text("text", Level.FLATTENED, "WhatsApp shows a card as text, below its picture"),),
    "carousel": (_text("text", Level.FLATTENED, "WhatsApp shows cards as text"),),
    "location": (
        Form(
            "location", Level.NATIVE, Limits("utf16", source=PAGES + "messages/location-messages")
        ),
    ),
    "contacts": (Form("contacts", Level.NATIVE, CONTACTS),),
    "template": (
        Form(
            "template", Level.NATIVE, Limits("utf16", source=PAGES + "messages/template-messages")
        ),
    ),
    "reaction": (
        Form(
            "reaction", Level.NATIVE, Limits("utf16", source=PAGES + "messages/reaction-messages")
        ),
    ),
    "email": (_text("text", Level.FLATTENED, "a mail's subject and text, as one message"),),
}

CAPABILITIES: Final = Capabilities(
    forms=FORMS,
    dialect="whatsapp",
    window_s=WINDOW_S,
    entry_answer_s=ENTRY_ANSWER_S,
    entry_free_s=ENTRY_FREE_S,
    reply_to=True,
    mark_read=True,
    typing=True,
    receipts=("sent", "delivered", "read", "played"),
    media_by_url=True,
    unknown_wait_s=60.0,
)
