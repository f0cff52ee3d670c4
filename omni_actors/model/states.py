"""The states that parts, messages, channels, media and identities can be in."""

from enum import StrEnum


class PartStatus(StrEnum):
    """Where a part is. The first four are ours and may cycle; the rest only move up in rank."""

    QUEUED = "queued"
    SENDING = "sending"
    HELD = "held"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


UNFINISHED = frozenset({PartStatus.QUEUED, PartStatus.SENDING, PartStatus.HELD, PartStatus.UNKNOWN})


class ChannelState(StrEnum):
    """Whether a channel sends. Receiving goes on in every state."""

    ACTIVE = "active"
    PAUSED = "paused"  # by its operator
    NEEDS_REAUTH = "needs_reauth"  # the token is gone, or may not do what it should
    BROKEN = "broken"  # the platform refuses the channel; probed from time to time
    RESTRICTED = "restricted"  # the platform has forbidden it to send, until it says otherwise
    REMOVED = "removed"  # no longer in the config; its queue is kept


class MediaState(StrEnum):
    """Whether a medium's bytes are here."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class IdentityState(StrEnum):
    """Whether an identity may be written to."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"


class Direction(StrEnum):
    """Inbound comes from the contact; outbound goes to it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Priority(StrEnum):
    """The lanes of sending, by weight 16 : 4 : 1."""

    HIGH = "high"
    NORMAL = "normal"
    BULK = "bulk"


class OnUnknown(StrEnum):
    """What to do with a part whose outcome nobody can tell: send it once more, or keep it held."""

    RESEND = "resend"
    HOLD = "hold"
