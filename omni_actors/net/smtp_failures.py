"""What became of a mail that no reply decided, told by whether its end may have left."""

import ssl
from typing import Final

from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.net.smtp_connection import Lost, Progress, Silent
from omni_actors.net.smtp_place import misconfigured, shown
from omni_actors.wire.calls import GreetCall, MailCall, MailServer, Stage
from omni_actors.wire.smtp import Lacking
from omni_actors.wire.smtp_lines import Unspeakable
from omni_actors.wire.smtp_replies import Garbled

CAUSE_CHARS_MAX: Final = 200

Trouble = Lost | Silent | Garbled | Lacking | Unspeakable


def failure_of(error: Trouble, server: MailServer, progress: Progress) -> SendFailure:
    """The failure that a trouble with a connection is for the mail that was on it."""
    if isinstance(error, Lacking):
        advice = "Check host, port and tls of the channel's smtp, and how it logs in."
        return misconfigured(f"{shown(server)}: {error}", advice)
    if isinstance(error, Unspeakable):
        return unspeakable(error, progress)
    certificate = _certificate(error)
    if certificate is not None:
        advice = "Check the host of the channel's smtp; mail is never handed over without TLS."
        return misconfigured(f"{shown(server)} shows a bad certificate: {certificate}", advice)
    timed_out = isinstance(error, Silent)
    reason = Reason.TIMED_OUT if timed_out else Reason.CHANNEL_UNAVAILABLE
    return _undecided(f"{shown(server)}: {error}{_why(error)}", reason, progress)


def unspeakable(error: Unspeakable, progress: Progress | None = None) -> SendFailure:
    """Something in the call cannot be written: of the mail, or of the account it is sent by."""
    if progress is not None and progress.stage in (Stage.GREETING, Stage.HELLO, Stage.STARTTLS):
        return misconfigured(str(error), "Correct ehlo, username or password of the channel.")
    return SendFailure(Failure(Kind.REJECTED, Reason.BAD_REQUEST, text=str(error)))


def deadline_passed(call: MailCall | GreetCall, progress: Progress) -> SendFailure:
    """The call's own deadline passed."""
    text = f"{shown(call.server)}: no end within {call.deadline_s:g} s"
    return _undecided(text, Reason.TIMED_OUT, progress)


def too_large(size: int, size_max: int) -> SendFailure:
    """The server has said that it takes no such mail."""
    text = f"the mail has {size} bytes and the server takes {size_max}"
    advice = "Send a smaller file, or a link to it."
    failure = Failure(Kind.REJECTED, Reason.MEDIA_TOO_LARGE, text=text, advice=advice)
    return SendFailure(failure)


def unreadable(error: Exception) -> SendFailure:
    """A file could not be read; the mail was broken off before its end, so nobody has it."""
    text = f"{error}: {type(error.__cause__ or error).__name__}"
    return SendFailure(Failure(Kind.TRANSIENT, Reason.INTERNAL, text=text))


def _undecided(text: str, reason: Reason, progress: Progress) -> SendFailure:
    """Nobody said yes or no. Only behind the final dot may the server have taken the mail."""
    if progress.dotted:
        text = f"{text}; the mail had been sent to its end"
        return SendFailure(Failure(Kind.UNKNOWN, reason, text=text))
    where = f", at {progress.stage.value}" if progress.connected else ""
    text = f"{text}{where}; nothing was handed over"
    return SendFailure(Failure(Kind.UNREACHABLE, reason, Scope.CHANNEL, text=text))


def _certificate(error: BaseException) -> str | None:
    """Why the other side's certificate is not taken, if that is what it is about."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)[:CAUSE_CHARS_MAX]
        cause = cause.__cause__
    return None


def _why(error: BaseException) -> str:
    """The innermost words of what the system said."""
    words = ""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):  # one for each address of the host
            cause = cause.exceptions[-1]
        words = str(cause) or words
        cause = cause.__cause__ or cause.__context__
    return f": {words[:CAUSE_CHARS_MAX]}" if words else ""
