"""What became of a call that has no reply, told by whether any byte of it may have left."""

from typing import Final

import httpcore

from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net.connection import Fate
from omni_actors.net.guard import Refused
from omni_actors.net.request import CONNECT_TIMEOUT_S, place_of
from omni_actors.wire.calls import HttpCall

CAUSE_CHARS_MAX: Final = 200


def lost(call: HttpCall, fate: Fate, error: Exception) -> SendFailure:
    """The connection was not made, or broke before the answer was whole."""
    where = place_of(call.url).shown
    if fate.sent:
        text = f"the connection to {where} broke before the answer was complete"
        return _failure(call, fate, Reason.UNKNOWN, text)
    if isinstance(error, httpcore.TimeoutException):
        text = f"no connection to {where} within {CONNECT_TIMEOUT_S:g} s"
    else:
        text = f"no connection to {where}: {_cause(error)}"
    return _failure(call, fate, Reason.CHANNEL_UNAVAILABLE, text)


def timed_out(call: HttpCall, fate: Fate) -> SendFailure:
    """The deadline passed while we waited for a lane, connected, sent or read."""
    where = place_of(call.url).shown
    what = "no complete answer from" if fate.sent else "no free connection to"
    text = f"{what} {where} within {call.deadline_s:g} s"
    return _failure(call, fate, Reason.TIMED_OUT, text)


def too_large(call: HttpCall) -> SendFailure:
    """The answer is longer than the call takes."""
    what = "medium" if call.download else "answer"
    reason = Reason.MEDIA_TOO_LARGE if call.download else Reason.BAD_REQUEST
    text = f"{what} larger than {call.bytes_max} bytes"
    return SendFailure(Failure(Kind.REJECTED, reason, text=text))


def refused_by_guard(refused: Refused) -> SendFailure:
    """The guard would not have the URL called, or not what its name leads to."""
    return SendFailure(Failure(Kind.REJECTED, Reason.MEDIA_UNREACHABLE, text=str(refused)))


def unwritable() -> SendFailure:
    """A header or the method is no HTTP. The cause's text would quote it, so it is left out."""
    text = "the call cannot be written as HTTP"
    return SendFailure(Failure(Kind.REJECTED, Reason.BAD_REQUEST, text=text))


def disk_failed(what: str, error: Exception) -> SendFailure:
    """A blob could not be read or written; the platform has not accepted anything."""
    text = f"{what}: {type(error).__name__}"
    return SendFailure(Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text))


def _failure(call: HttpCall, fate: Fate, reason: Reason, text: str) -> SendFailure:
    if not fate.sent:
        kind = Kind.UNREACHABLE
    else:
        kind = Kind.TRANSIENT if call.idempotent else Kind.UNKNOWN
    if call.download and reason is not Reason.TIMED_OUT:
        reason = Reason.MEDIA_UNREACHABLE
    return SendFailure(Failure(kind, reason, text=text))


def _cause(error: BaseException) -> str:
    """The innermost words: a failed handshake says what was wrong only at the very bottom."""
    words = "the connection failed"
    cause: BaseException | None = error
    while cause is not None:
        words = str(cause) or words
        cause = cause.__cause__ or cause.__context__
    return words[:CAUSE_CHARS_MAX]
