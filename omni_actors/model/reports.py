"""What platforms tell us: the closed union that `parse` returns.

Each report names its `channel_key` (the platform's own id of the channel), an `event_key` that is
the same whenever the same thing is told again, the time the platform gives (`at`, unix seconds)
and the identity keys of the person it is about, strongest first.
"""

from enum import StrEnum
from typing import TypeAlias

from attrs import frozen

from omni_actors.model.content import Content
from omni_actors.model.failure import Failure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.states import PartStatus


@frozen
class IdentityKey:
    """One name of a person on a platform, unique within `scope` (empty: on the whole platform)."""

    kind: str  # phone, bsuid, parent_bsuid, psid, igsid, email
    value: str
    scope: str = ""


@frozen
class MediaRef:
    """How to fetch one medium from the platform; `ref` is the adapter's own."""

    ref: JsonObject
    mime: str | None = None
    sha256: str | None = None
    size: int | None = None
    filename: str | None = None


@frozen
class Received:
    """A person wrote. The media stand in the order in which `content` needs them.

    `free_entry`: they came from an ad or the like, so that an answer may be free of charge.
    """

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    content: Content
    media: tuple[MediaRef, ...] = ()
    reply_to: str | None = None  # external id of the quoted message
    name: str | None = None
    username: str | None = None
    forwarded: bool = False
    referral: JsonObject | None = None
    group_id: str | None = None
    notes: JsonObject | None = None
    opens_window: bool = True
    free_entry: bool = False


@frozen
class Edited:
    """A person changed an earlier message."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str
    content: Content


@frozen
class Deleted:
    """A person took an earlier message back."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str


@frozen
class Reacted:
    """A person reacted to a message; an empty `emoji` takes the reaction back."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    target: str
    emoji: str
    name: str | None = None


@frozen
class Echoed:
    """A message that the business itself sent; by us (`callback`, `app_id`) or by other means."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    content: Content
    media: tuple[MediaRef, ...] = ()
    callback: str | None = None
    app_id: str | None = None


@frozen
class StatusReported:
    """What became of a part. `callback` is the part id that we sent along, where the platform
    returns it; `rank` comes from `policy/status.py` and is filled in before storing."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    external_id: str
    status: PartStatus
    callback: str | None = None
    failure: Failure | None = None
    pricing: JsonObject | None = None
    participant: str | None = None


@frozen
class WatermarkReported:
    """Everything sent to this person up to `until` (unix seconds) has reached `status`."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    status: PartStatus
    until: float


@frozen
class IdentityChanged:
    """A person's keys changed; `identities` are the old ones, `now` the new."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    now: tuple[IdentityKey, ...]
    text: str | None = None


MARKETING = "marketing_messages"
STOP = "stop"


@frozen
class PreferenceChanged:
    """A person wants more or less of something, such as `marketing_messages`: `stop`."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    category: str
    value: str
    detail: str | None = None


@frozen
class ControlChanged:
    """Another app took or passed the control of a conversation."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    owner: str | None
    detail: JsonObject


class Severity(StrEnum):
    """How much a channel's news matters to its operator."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@frozen
class ChannelReported:
    """News about the channel itself, such as a restriction or a new limit."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    kind: str
    severity: Severity
    detail: JsonObject
    failure: Failure | None = None


@frozen
class TemplateReported:
    """News about a template."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    name: str
    language: str
    change: str  # status, quality, category, components
    detail: JsonObject


@frozen
class Unsupported:
    """Something the platform told us that we do not know; kept whole."""

    channel_key: str
    event_key: str
    at: float
    identities: tuple[IdentityKey, ...]
    kind: str
    reason: str
    raw: Json = None


Report: TypeAlias = (
    Received
    | Edited
    | Deleted
    | Reacted
    | Echoed
    | StatusReported
    | WatermarkReported
    | IdentityChanged
    | PreferenceChanged
    | ControlChanged
    | ChannelReported
    | TemplateReported
    | Unsupported
)
