"""Problems: everything that goes wrong for a caller, as RFC 9457 spells it.

One table gives each code its status and title. `type` is a relative reference that leads to a page
of this server with the same words.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from attrs import field, frozen

from omni_actors.gateway.facade import Code, Mistake, RequestError

MEDIA_TYPE = "application/problem+json"


@frozen
class Kind:
    """One kind of problem: its status, a title, and whether the same request may do later."""

    status: int
    title: str
    retryable: bool = False


KINDS: Mapping[str, Kind] = {
    Code.INVALID: Kind(400, "The request is not valid"),
    "unauthenticated": Kind(401, "A valid API key is needed"),
    "insufficient_scope": Kind(403, "The API key does not allow this"),
    "bad_signature": Kind(403, "The signature does not match"),
    Code.NOT_FOUND: Kind(404, "There is no such thing"),
    Code.UNKNOWN_CHANNEL: Kind(404, "There is no such channel"),
    Code.UNKNOWN_HOOK: Kind(404, "There is no such hook"),
    "method_not_allowed": Kind(405, "The method is not allowed here"),
    "request_timeout": Kind(408, "The request took too long to arrive", retryable=True),
    Code.CONTROL_REFUSED: Kind(422, "The platform does not move the control"),
    Code.CONTROLLED_ELSEWHERE: Kind(409, "Another app answers in this conversation"),
    Code.OUTSIDE_WINDOW: Kind(422, "The reply window is closed"),
    Code.MEDIA_PENDING: Kind(409, "The medium is not here yet", retryable=True),
    Code.TOO_LATE: Kind(409, "It is too late for this"),
    Code.NOT_HELD: Kind(409, "Nothing of it is held in doubt"),
    Code.IDEMPOTENCY_RUNNING: Kind(409, "The first request is still running", retryable=True),
    Code.BAD_NOTICE: Kind(403, "The notice is not genuine"),
    Code.CONNECT_UNAVAILABLE: Kind(409, "Accounts of this platform cannot be connected here"),
    Code.CONNECTION_STATE: Kind(409, "The connecting is not at this step"),
    Code.CHANNEL_TAKEN: Kind(409, "The channel or its account is another's"),
    Code.NOT_CONNECTED: Kind(409, "The channel is disconnected"),
    Code.TEMPLATES_UNREACHABLE: Kind(409, "The channel's templates are out of reach"),
    Code.LIMITS_UNREACHABLE: Kind(409, "The channel's platform does not tell its limits"),
    Code.HISTORY_UNREACHABLE: Kind(409, "The channel's old conversations cannot be read"),
    Code.CURSOR_UNKNOWN: Kind(409, "The cursor is not of this event log"),
    "media_gone": Kind(410, "The medium could not be fetched"),
    Code.CURSOR_TOO_OLD: Kind(410, "The cursor is too old"),
    Code.VERSION_CONFLICT: Kind(412, "The resource has changed"),
    Code.TOO_LARGE: Kind(413, "The request is too large"),
    "uri_too_long": Kind(414, "The URL is too long"),
    "unsupported_media_type": Kind(415, "The media type is not supported"),
    Code.BAD_ADDRESS: Kind(422, "The address is not valid on this channel"),
    Code.BAD_CREDENTIALS: Kind(422, "These are not credentials of this platform"),
    Code.NO_IDENTITY: Kind(422, "The contact has no identity to write to"),
    Code.NO_CHANNEL_LEFT: Kind(422, "No channel reaches the contact"),
    Code.CONTENT_UNSUPPORTED: Kind(422, "The channel cannot carry this content"),
    Code.MEDIA_FAILED: Kind(422, "The medium could not be fetched"),
    Code.MEDIA_UNKNOWN: Kind(422, "There is no such medium"),
    Code.GROUP_REFUSED: Kind(422, "The platform refused what was asked of its groups"),
    Code.TEMPLATE_REFUSED: Kind(422, "The platform refused what was asked of its templates"),
    Code.TEMPLATE_UNUSABLE: Kind(422, "The template cannot be sent"),
    Code.TEMPLATE_PARAMS: Kind(422, "The parameters do not fit the template"),
    Code.IDEMPOTENCY_MISMATCH: Kind(422, "The Idempotency-Key was used for another request"),
    "upgrade_required": Kind(426, "This is a WebSocket"),
    Code.RATE_LIMITED: Kind(429, "Too many requests", retryable=True),
    "headers_too_large": Kind(431, "The headers are too large"),
    "internal": Kind(500, "Something went wrong on our side", retryable=True),
    Code.OVERLOADED: Kind(503, "Too much at once", retryable=True),
    Code.DRAINING: Kind(503, "The gateway is shutting down", retryable=True),
    Code.PLATFORM_REFUSED: Kind(502, "The platform refused"),
    Code.DISK_FULL: Kind(503, "The gateway's disk is almost full", retryable=True),
    "unavailable": Kind(503, "The gateway cannot do this now", retryable=True),
}

CODES_BY_STATUS = {
    400: Code.INVALID.value,
    404: Code.NOT_FOUND.value,
    405: "method_not_allowed",
    408: "request_timeout",
    413: Code.TOO_LARGE.value,
    414: "uri_too_long",
    415: "unsupported_media_type",
    429: Code.RATE_LIMITED.value,
    431: "headers_too_large",
}


class Problem(Exception):
    """A problem that the door itself finds; answered as it is."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        mistakes: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.mistakes = tuple(mistakes)
        self.headers = dict(headers or {})
        self.retry_after_s = retry_after_s


@frozen
class PlacedMistake:
    """One thing that is wrong.

    `pointer` is a JSON pointer into the body, `?name` for a parameter of the query, or the name of
    a header.
    """

    pointer: str
    detail: str


@frozen
class ProblemView:
    """A problem as it is answered (RFC 9457, with our `code`, `errors` and `retryable`)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: tuple[PlacedMistake, ...] = ()
    request_id: str | None = None


@frozen
class Refusal:
    """A problem ready to be sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(factory=dict)


def refusal(error: RequestError | Problem, request_id: str | None) -> Refusal:
    """The answer to a caller who must change something, or come back later."""
    if isinstance(error, RequestError):
        code, detail, headers = error.code.value, error.sentence, {}
    else:
        code, detail, headers = error.code, error.detail, dict(error.headers)
    kind = KINDS[code]
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s + 0.499)))
    retryable = kind.retryable or error.retry_after_s is not None
    places = [{"pointer": m.pointer, "detail": m.detail} for m in error.mistakes]
    body = spell(code, detail, retryable=retryable, errors=places, request_id=request_id)
    return Refusal(kind.status, body, headers)


def problem_bytes(code: str, detail: str) -> bytes:
    """A problem that is the same for every request."""
    return spell(code, detail, retryable=KINDS[code].retryable, errors=[], request_id=None)


def spell(
    code: str,
    detail: str,
    *,
    retryable: bool,
    errors: Sequence[Mapping[str, str]],
    request_id: str | None,
) -> bytes:
    """The document of one problem."""
    kind = KINDS[code]
    document = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        "errors": list(errors),
        "request_id": request_id,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def code_of(status: int) -> str:
    """Our code for a bare HTTP status."""
    if status in CODES_BY_STATUS:
        return CODES_BY_STATUS[status]
    return "internal" if status >= 500 else Code.INVALID.value


def phrase(status: int) -> str:
    """What HTTP calls a status."""
    return HTTPStatus(status).phrase
