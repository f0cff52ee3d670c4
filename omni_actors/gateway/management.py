"""What a platform says to calls of management, in the words of the API."""

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.model.failure import Failure, Kind, Reason

WAIT_S = 60.0


def refused(failure: Failure, rejected: Code, look: str) -> RequestError:
    """What the platform said, in the words of the API.

    `rejected` is the code for what it refuses for what the caller asked, and would refuse again;
    `look` says where to look when the answer was lost. What has no code of the platform was seen
    to be wrong before it was asked.
    """
    why = failure.text or failure.reason.value
    code = f" ({failure.code})" if failure.code and failure.code not in why else ""
    if failure.kind is Kind.UNKNOWN:
        sentence = f"the answer of the platform was lost: {why}{code}; {look}"
        return RequestError(Code.PLATFORM_REFUSED, sentence)
    later = failure.kind in (Kind.THROTTLED, Kind.TRANSIENT, Kind.UNREACHABLE)
    wait_s = (failure.retry_after_s or WAIT_S) if later else None
    asked = later or failure.code is not None
    sentence = f"the platform refused: {why}{code}" if asked else why
    callers = failure.kind is Kind.REJECTED and failure.reason is not Reason.INTERNAL
    kind = rejected if callers else Code.PLATFORM_REFUSED
    return RequestError(kind, sentence, retry_after_s=wait_s)
