"""What a channel can carry, as data: for each content type the forms it can take, best first."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen

Unit: TypeAlias = Literal["code_points", "utf16", "utf8", "graphemes"]


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

    Lengths are counted in `unit`; `bytes_max` in bytes. `source` is the platform's page.
    """

    unit: Unit = "code_points"
    text_max: int | None = None
    caption_max: int | None = None
    options_min: int = 1
    options_max: int | None = None
    option_title_max: int | None = None
    option_description_max: int | None = None
    option_id_max: int | None = None
    button_max: int | None = None
    items_max: int | None = None
    filename_max: int | None = None
    bytes_max: int | None = None
    mimes: tuple[str, ...] = ()
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

    `forms` is keyed by content type, media by `media.<kind>`; a type that is absent is refused.
    `dialect` names the renderer of formatted text. `window_s` is how long after the customer's
    last message a free-form message may be sent (None: always). Whoever answers a person that came
    from an ad within `entry_answer_s` is free of charge for `entry_free_s` (None: no such thing).
    """

    forms: Mapping[str, tuple[Form, ...]]
    dialect: Literal["whatsapp", "plain", "html"] = "plain"
    window_s: float | None = None
    entry_answer_s: float | None = None
    entry_free_s: float = 0.0
    free_in_closed_window: tuple[str, ...] = ("template",)
    reply_to: bool = False
    mark_read: bool = False
    typing: bool = False
    receipts: tuple[str, ...] = ()
    media_by_url: bool = False
    unknown_wait_s: float = 60.0

    def forms_of(self, key: str) -> tuple[Form, ...]:
        """The forms of a content type (`text`, `media.image`, …), best first."""
        return self.forms.get(key, ())
