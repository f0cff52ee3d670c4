"""Failure as data: what went wrong with a send, whom it concerns, and in whose words."""

from enum import StrEnum

from attrs import frozen


class Reason(StrEnum):
    """Why something failed, in our words; the platform's own code stands beside it."""

    RATE_LIMITED = "rate_limited"
    PAIR_RATE_LIMITED = "pair_rate_limited"
    RECIPIENT_INVALID = "recipient_invalid"
    RECIPIENT_UNREACHABLE = "recipient_unreachable"
    RECIPIENT_NOT_OPTED_IN = "recipient_not_opted_in"
    RECIPIENT_BLOCKED = "recipient_blocked"
    OUTSIDE_WINDOW = "outside_window"
    CHANNEL_UNAVAILABLE = "channel_unavailable"
    CHANNEL_MISCONFIGURED = "channel_misconfigured"
    CREDENTIALS_EXPIRED = "credentials_expired"
    MEDIA_UNSUPPORTED = "media_unsupported"
    MEDIA_TOO_LARGE = "media_too_large"
    MEDIA_UNREACHABLE = "media_unreachable"
    TEMPLATE_MISSING = "template_missing"
    TEMPLATE_PARAMS = "template_params"
    TEMPLATE_PAUSED = "template_paused"
    POLICY_REJECTED = "policy_rejected"
    CONTENT_UNSUPPORTED = "content_unsupported"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    BAD_REQUEST = "bad_request"
    NO_CHANNEL_LEFT = "no_channel_left"
    NO_IDENTITY = "no_identity"
    PERMISSION_DENIED = "permission_denied"
    CONTROLLED_ELSEWHERE = "controlled_elsewhere"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


# The template is not what we thought it was.
TEMPLATE_REASONS = frozenset(
    {Reason.TEMPLATE_MISSING, Reason.TEMPLATE_PARAMS, Reason.TEMPLATE_PAUSED}
)


class Kind(StrEnum):
    """What a failure asks for; `policy/retry.py` turns it into a verdict."""

    TRANSIENT = "transient"  # the platform stumbled; surely not accepted; try again
    UNREACHABLE = "unreachable"  # the request never left; try again
    THROTTLED = "throttled"  # too fast for `scope`; wait, no attempt is used up
    REJECTED = "rejected"  # will never be accepted as it is
    BROKEN = "broken"  # the channel (or app) must be mended by its operator first
    UNKNOWN = "unknown"  # the request left and the answer was lost


class Scope(StrEnum):
    """Whom a failure concerns."""

    PART = "part"
    LEG = "leg"
    OUTREACH = "outreach"  # what a channel sends to people whose reply window is closed
    CHANNEL = "channel"
    ACCOUNT = "account"  # all channels of one account at the platform
    APP = "app"


@frozen
class Failure:
    """One failure of a send, a fetch or a delivery.

    `code` and `text` are the platform's own, verbatim; `retry_after_s` is what it asked for.
    `patience_s`: so long after it first failed the part is worth trying, ever more rarely where it
    is the part's or the person's own trouble; None: as long as a leg may be held.
    `advice` is a sentence of ours: what happened, and what to do about it.
    """

    kind: Kind
    reason: Reason
    scope: Scope = Scope.PART
    code: str | None = None
    text: str | None = None
    retry_after_s: float | None = None
    attempts_max: int | None = None
    patience_s: float | None = None
    advice: str | None = None


class SendFailure(Exception):
    """Carries a `Failure` out of an adapter's flow to the place that judges it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.reason}: {failure.code or ''} {failure.text or ''}".rstrip())
        self.failure = failure
