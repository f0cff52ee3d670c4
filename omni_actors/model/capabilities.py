"""What a channel can carry, as data: for each content type the forms it can take, best first."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen

from omni_actors.model.reports import GROUP, IdentityKey

Unit: TypeAlias = Literal["code_points", "utf16", "utf8", "graphemes"]
Mark: TypeAlias = Literal["bold", "italic", "strike", "code"]


@frozen
class Dialect:
    """How a client writes what Markdown can say; what it has no mark for is left out and told."""

    name: str
    marks: Mapping[Mark, str] = field(factory=dict)
    fence: str = ""
    quotes_nest: bool = False


PLAIN = Dialect("plain", quotes_nest=True)


class Level(StrEnum):
    """How much of the content survives in a form."""

    NATIVE = "native"
    CONVERTED = "converted"
    FLATTENED = "flattened"
    DROPPED = "dropped"
    REFUSED = "refused"


@frozen
class Limits:
    """The bounds of one form; None means that the platform names none.

    Lengths are counted in `unit`, that of the text in `text_unit` if there is one; `bytes_max` in
    bytes, with another bound for what is animated. `mimes` may name all of a kind (`audio/*`).
    `codecs`, `channels_max` (of sound), `depth_max` (bits of one channel of a pixel) and `colours`
    (grey, rgb, cmyk) bind the media of which these are known. `source` is the platform's page. What
    a form has no place for has the limit 0: `header_max`, `footer_max` and `section_max` (the
    length of a heading among options) by default. `header_media` are the kinds of media that may
    stand above a text.

    Of cards, `text_max` bounds the title and the text each; with `one_text` they are one text, on
    the cards of a carousel of at most `item_text_max` on `item_lines_max` lines. `options` counts
    the actions of a card, `links` those that open a page, `replies` those that answer, `calls`
    those that call a number, `logins` those that log in or out. With `alike` all cards of a
    carousel have as many actions as the first; with `bare_cards` nothing stands above them; with
    `beside_title` a card needs more than a title; with `card_url` it can be tapped itself.
    With `held` a medium can be named by the id that the platform has for it, which matches `ids`;
    `media_by` tells that a medium must be a link, lie with the platform, or be named by that id.

    With `address_whole` a postal address needs every line; with `in_catalog` products are named
    within a catalog. With `one_piece` a text that is too
    long is a reason for the next form, and is not cut; `option_image` tells that options have
    pictures.

    `plain_button` tells that a button's label has no emoji; `countries` which ones a form is for;
    `code_max` how long a code to copy is; `minutes_max` for how long a call button works
    (0: for good).
    """

    unit: Unit = "code_points"
    text_min: int = 0
    text_max: int | None = None
    caption_max: int | None = None
    header_min: int = 0
    header_max: int | None = 0
    header_media: tuple[str, ...] = ()
    footer_max: int | None = 0
    options_min: int = 1
    options_max: int | None = None
    option_title_max: int | None = None
    option_description_max: int | None = None
    option_id_max: int | None = None
    section_max: int | None = 0
    sections_max: int | None = None
    button_max: int | None = None
    plain_button: bool = False
    url_max: int | None = None
    items_min: int = 0
    items_max: int | None = None
    one_text: bool = False
    item_text_max: int | None = None
    item_lines_max: int | None = None
    media_required: bool = False
    actions_min: int = 0
    links_min: int = 0
    links_max: int | None = None
    replies_min: int = 0
    replies_max: int | None = None
    calls_max: int | None = 0
    logins_max: int | None = 0
    alike: bool = False
    bare_cards: bool = False
    beside_title: bool = False
    card_url: bool = False
    media_by: Literal["link", "upload", "id"] | None = None
    held: bool = False
    ids: str = ""
    address_whole: bool = False
    in_catalog: bool = False
    one_piece: bool = False
    option_image: bool = False
    text_unit: Unit | None = None
    countries: tuple[str, ...] = ()
    code_max: int | None = None
    minutes_max: int | None = None
    filename_max: int | None = None
    bytes_max: int | None = None
    animated_bytes_max: int | None = None
    mimes: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    channels_max: int | None = None
    depth_max: int | None = None
    colours: tuple[str, ...] = ()
    source: str = ""


@frozen
class Form:
    """One way to spell a content type on a platform. `name` is what the adapter spells by."""

    name: str
    level: Level
    limits: Limits = field(factory=Limits)
    why: str = ""


@frozen
class Capabilities:
    """What a channel can do.

    `forms` is keyed by content type, media by `media.<kind>`, requests by `request.<kind>`,
    products by `products.<layout>` or `products.catalog`; a key that is absent is refused.
    `dialect` is how formatted text is written. `window_s` is how long after the customer's last
    message a free-form message may be sent (None: always), `entry_window_s` how long that may be at
    most where the customer came from an ad, and `human_window_s` how long what a person has written
    themselves. `control_s` is for how long after that message another app of the
    business keeps the control of a conversation (None: no such thing). `windowless` are the kinds
    of addresses that one message reaches whatever the window, while nothing else is known of the
    person. `media_kept_s` is how long the platform keeps what a customer sent. Whoever answers a
    person that came from an ad within `entry_answer_s` is free of charge for `entry_free_s` (None:
    no such thing). `group` is what it can do towards a group of people (None: it has no groups).
    With `letters` a whole message is one part with all that is attached to it, formatted text stays
    Markdown, and templates are those of the house.
    """

    forms: Mapping[str, tuple[Form, ...]]
    dialect: Dialect = PLAIN
    window_s: float | None = None
    entry_window_s: float | None = None
    human_window_s: float | None = None
    control_s: float | None = None
    windowless: tuple[str, ...] = ()
    entry_answer_s: float | None = None
    entry_free_s: float = 0.0
    free_in_closed_window: tuple[str, ...] = ("template",)
    reply_to: bool = False
    mark_read: bool = False
    typing: bool = False
    stop_typing: bool = False
    receipts: tuple[str, ...] = ()
    media_by_url: bool = False
    media_kept_s: float = 7 * 86400.0
    unknown_wait_s: float = 60.0
    letters: bool = False
    group: "Capabilities | None" = None

    def toward(self, keys: Iterable[IdentityKey]) -> "Capabilities":
        """What the channel can do towards whoever has these keys: somebody, or a group."""
        if self.group is not None and any(key.kind == GROUP for key in keys):
            return self.group
        return self

    def forms_of(self, key: str) -> tuple[Form, ...]:
        """The forms of a content type (`text`, `media.image`, …), best first."""
        return self.forms.get(key, ())
