"""What a caller did wrong or cannot have now: one exception, which the door makes a problem."""

from enum import StrEnum

from attrs import frozen


class Code(StrEnum):
    """Stable codes of problems. The door maps each to an HTTP status."""

    INVALID = "invalid_request"
    NOT_FOUND = "not_found"
    UNKNOWN_CHANNEL = "unknown_channel"
    UNKNOWN_HOOK = "unknown_hook"
    BAD_ADDRESS = "bad_address"
    BAD_CREDENTIALS = "bad_credentials"
    NO_IDENTITY = "no_identity"
    NO_CHANNEL_LEFT = "no_channel_left"
    CONTENT_UNSUPPORTED = "content_unsupported"
    OUTSIDE_WINDOW = "outside_window"
    CONTROL_REFUSED = "control_refused"
    CONTROLLED_ELSEWHERE = "controlled_elsewhere"
    MEDIA_PENDING = "media_pending"
    MEDIA_FAILED = "media_failed"
    MEDIA_UNKNOWN = "media_unknown"
    TOO_LARGE = "too_large"
    TOO_LATE = "too_late"
    NOT_HELD = "not_held"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IDEMPOTENCY_RUNNING = "idempotency_running"
    VERSION_CONFLICT = "version_conflict"
    CURSOR_TOO_OLD = "cursor_too_old"
    CURSOR_UNKNOWN = "cursor_unknown"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    DISK_FULL = "disk_full"
    PLATFORM_REFUSED = "platform_refused"
    GROUP_REFUSED = "group_refused"
    TEMPLATE_REFUSED = "template_refused"
    TEMPLATES_UNREACHABLE = "templates_unreachable"
    LIMITS_UNREACHABLE = "limits_unreachable"
    HISTORY_UNREACHABLE = "history_unreachable"
    TEMPLATE_UNUSABLE = "template_unusable"
    TEMPLATE_PARAMS = "template_params"
    CONNECT_UNAVAILABLE = "connect_unavailable"
    CONNECTION_STATE = "connection_state"
    CHANNEL_TAKEN = "channel_taken"
    NOT_CONNECTED = "not_connected"
    BAD_NOTICE = "bad_notice"


@frozen
class Mistake:
    """One thing that is wrong: a JSON pointer into the request and a sentence."""

    pointer: str
    detail: str


class RequestError(Exception):
    """The caller must change something, or come back later (`retryable`)."""

    def __init__(
        self,
        code: Code,
        sentence: str,
        *,
        mistakes: tuple[Mistake, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.mistakes = mistakes
        self.retry_after_s = retry_after_s
