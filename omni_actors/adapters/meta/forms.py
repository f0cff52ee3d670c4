"""Forms that Messenger and Instagram have both, as data, with the pages that say so."""

from typing import Any, Final

from omni_actors.model.capabilities import Form, Level, Limits, Unit

PAGES: Final = "https://developers.facebook.com/docs/messenger-platform/"
SEND: Final = PAGES + "reference/send-api"
QUICK: Final = (
    "https://developers.facebook.com/documentation/business-messaging/messenger-platform/"
    "send-messages/quick-replies"
)
TEMPLATES: Final = PAGES + "reference/templates/"

DIGITS: Final = "[0-9]{1,32}"
MB: Final = 1_000_000
TITLE_MAX: Final = 20
LINE_MAX: Final = 80
BUTTON_TEXT_MAX: Final = 640
PAYLOAD_MAX: Final = 1000
BUTTONS_MAX: Final = 3
REPLIES_MAX: Final = 13
CARDS_MAX: Final = 10
WINDOW_S: Final = 24 * 3600.0
# How long at most, since 28 September 2026, for whoever wrote from an ad; under which conditions
# the platform does not say, and it has the last word.
ENTRY_WINDOW_S: Final = 7 * 86_400.0
HUMAN_S: Final = 7 * 86_400.0
# The control of a conversation lapses so long after what the person wrote last.
CONTROL_S: Final = 24 * 3600.0
MEDIA_KEPT_S: Final = 24 * 3600.0  # no life of an address is promised

ANY_BUTTONS: Final[dict[str, Any]] = {"calls_max": None, "logins_max": None}


def text_form(
    name: str, unit: Unit, text_max: int, level: Level = Level.NATIVE, why: str = ""
) -> Form:
    """A form of plain text."""
    return Form(name, level, Limits(unit, text_max=text_max, source=SEND), why)


def medium(
    name: str, mimes: tuple[str, ...], most: int, level: Level = Level.NATIVE, why: str = ""
) -> Form:
    """A form of a medium; no medium has a caption."""
    limits = Limits(
        "utf16", caption_max=0, bytes_max=most, mimes=mimes, held=True, ids=DIGITS, source=SEND
    )
    return Form(name, level, limits, why)


def sticker(ids: str, page: str) -> Form:
    """A sticker of the platform's own, by an id such as these."""
    limits = Limits("utf16", held=True, ids=ids, media_by="id", source=page)
    return Form("sticker", Level.NATIVE, limits)


def question_buttons() -> Form:
    """Buttons that stay where they are, below a text that is not long."""
    limits = Limits(
        "utf16",
        text_min=1,
        text_max=BUTTON_TEXT_MAX,
        one_piece=True,
        options_max=BUTTONS_MAX,
        option_title_max=TITLE_MAX,
        option_description_max=0,
        option_id_max=PAYLOAD_MAX,
        source=TEMPLATES + "button",
    )
    return Form("buttons", Level.NATIVE, limits)


def quick_replies(text_unit: Unit, text_max: int, *, image: bool) -> Form:
    """Buttons that go away with the next message."""
    limits = Limits(
        "utf16",
        text_unit=text_unit,
        text_min=1,
        text_max=text_max,
        options_max=REPLIES_MAX,
        option_title_max=TITLE_MAX,
        option_description_max=0,
        option_id_max=PAYLOAD_MAX,
        option_image=image,
        source=QUICK,
    )
    return Form("quick_replies", Level.NATIVE, limits)


def option_cards() -> Form:
    """A card for each option, with its description."""
    limits = Limits(
        "utf16",
        text_max=0,
        options_max=CARDS_MAX,
        option_title_max=LINE_MAX,
        option_description_max=LINE_MAX,
        option_id_max=PAYLOAD_MAX,
        option_image=True,
        button_max=TITLE_MAX,
        source=TEMPLATES + "generic",
    )
    why = "long or described options do not fit on buttons"
    return Form("option_cards", Level.CONVERTED, limits, why)


def asked(name: str, text_unit: Unit, text_max: int) -> Form:
    """A button that hands over what the platform knows of a person."""
    limits = Limits("utf16", text_unit=text_unit, text_min=1, text_max=text_max, source=QUICK)
    return Form(name, Level.NATIVE, limits)


def cards(name: str, **more: Any) -> Form:
    """Cards with a title, a line of text, a picture and buttons."""
    limits = Limits(
        "utf16",
        text_max=LINE_MAX,
        header_media=("image",),
        media_by="link",
        bare_cards=True,
        beside_title=True,
        card_url=True,
        options_max=BUTTONS_MAX,
        option_title_max=TITLE_MAX,
        option_id_max=PAYLOAD_MAX,
        source=TEMPLATES + "generic",
        **more,
    )
    return Form(name, Level.NATIVE, limits)


def button_card(**more: Any) -> Form:
    """A card without a picture: its title and text above its buttons."""
    limits = Limits(
        "utf16",
        text_min=1,
        text_max=BUTTON_TEXT_MAX,
        one_text=True,
        actions_min=1,
        options_max=BUTTONS_MAX,
        option_title_max=TITLE_MAX,
        option_id_max=PAYLOAD_MAX,
        source=TEMPLATES + "button",
        **more,
    )
    return Form("button_card", Level.CONVERTED, limits, "the card is a text above its buttons")


def product() -> Form:
    """Products of a catalog, side by side."""
    limits = Limits(
        "utf16",
        text_max=0,
        items_min=1,
        items_max=CARDS_MAX,
        source=TEMPLATES + "product",
    )
    return Form("product", Level.NATIVE, limits)


REACTION: Final = Form(
    "reaction", Level.NATIVE, Limits("utf16", source=PAGES + "send-messages/sender-actions")
)
