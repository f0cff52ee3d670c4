"""Templates as a channel has them: their state, and what a sender must fill in."""

from enum import StrEnum
from typing import Literal, TypeAlias

from attrs import field, frozen

from omni_actors.model.json import JsonObject


class TemplateStatus(StrEnum):
    """Whether a template may be sent. What a platform calls otherwise is UNKNOWN to us."""

    APPROVED = "approved"
    FLAGGED = "flagged"  # may be sent; its quality is so low that it may be paused
    PENDING = "pending"
    REJECTED = "rejected"
    IN_APPEAL = "in_appeal"  # rejected, and looked at once more
    PAUSED = "paused"  # for a while, for its low quality
    DISABLED = "disabled"  # for good
    LIMIT_EXCEEDED = "limit_exceeded"  # there is no room for it in the account
    LOCKED = "locked"
    ARCHIVED = "archived"
    PENDING_DELETION = "pending_deletion"
    DELETED = "deleted"
    UNKNOWN = "unknown"


# What the platform is sure to refuse. The rest is for the platform to judge.
UNSENDABLE = frozenset(
    {
        TemplateStatus.PENDING,
        TemplateStatus.REJECTED,
        TemplateStatus.IN_APPEAL,
        TemplateStatus.PAUSED,
        TemplateStatus.DISABLED,
        TemplateStatus.LIMIT_EXCEEDED,
        TemplateStatus.DELETED,
    }
)

# What the platform lets nobody edit; the rest is for the platform to judge.
UNEDITABLE = frozenset(
    {
        TemplateStatus.PENDING,
        TemplateStatus.IN_APPEAL,
        TemplateStatus.DISABLED,
        TemplateStatus.LIMIT_EXCEEDED,
        TemplateStatus.LOCKED,
        TemplateStatus.ARCHIVED,
        TemplateStatus.PENDING_DELETION,
        TemplateStatus.DELETED,
    }
)

HeaderKind: TypeAlias = Literal["text", "image", "video", "document", "location", "product"]
ButtonKind: TypeAlias = Literal[
    "quick_reply", "url", "copy_code", "otp", "phone_number", "flow", "catalog", "products",
    "voice_call", "contact_request", "other",
]  # fmt: skip
Need: TypeAlias = Literal["none", "optional", "required"]


@frozen
class TextSlot:
    """A text with variables: names, or positions as digits, in the order in which they count."""

    text: str
    variables: tuple[str, ...] = ()
    named: bool = False


@frozen
class HeaderSlot:
    """What stands on top. A text may have a variable; anything else must be given each time."""

    kind: HeaderKind
    text: TextSlot | None = None


@frozen
class ButtonSlot:
    """One button, and whether a value must be given for it."""

    kind: ButtonKind
    label: str
    need: Need = "none"


@frozen
class CardSlot:
    """One card of a carousel."""

    header: HeaderSlot | None = None
    body: TextSlot | None = None
    buttons: tuple[ButtonSlot, ...] = ()


@frozen
class Layout:
    """The components of a template with their places to fill in.

    `offer` tells whether the end of a limited offer must be given. `understood` is false when the
    platform has a component that we do not know: such a template is sent unchecked.
    """

    header: HeaderSlot | None = None
    body: TextSlot | None = None
    footer: str | None = None
    buttons: tuple[ButtonSlot, ...] = ()
    offer: Need = "none"
    cards: tuple[CardSlot, ...] = ()
    understood: bool = True


@frozen
class TemplateDefinition:
    """One template in one language, as the platform holds it.

    `components` are the platform's own words, `layout` is what they ask of a sender. `reason` is
    why the platform rejected or stopped it.
    """

    name: str
    language: str
    status: TemplateStatus
    category: str | None = None
    quality: str | None = None
    external_id: str | None = None
    reason: str | None = None
    components: tuple[JsonObject, ...] = ()
    layout: Layout = field(factory=Layout)


@frozen
class NewTemplate:
    """A template to be submitted for approval; `components` in the platform's own words.

    Where the platform wants an uploaded example, a medium may be named: `"example": {"media_id"}`.
    `send_ttl_s`: how long the platform tries to deliver a message of it.
    """

    name: str
    language: str
    category: str
    components: tuple[JsonObject, ...]
    parameter_format: Literal["positional", "named"] = "positional"
    send_ttl_s: int | None = None


@frozen
class TemplateChange:
    """What is to be different about a template; None leaves it as it is.

    `components` take the place of all that were there, as in NewTemplate.
    """

    components: tuple[JsonObject, ...] | None = None
    category: str | None = None
    send_ttl_s: int | None = None


@frozen
class TemplateNews:
    """What a report says is different about a template; None leaves it as it is."""

    status: TemplateStatus | None = None
    quality: str | None = None
    category: str | None = None
    reason: str | None = None
    external_id: str | None = None
