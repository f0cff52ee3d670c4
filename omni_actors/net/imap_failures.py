"""Why a mailbox could not be worked with."""

from enum import StrEnum

from omni_actors.wire.imap_replies import Told


class ImapKind(StrEnum):
    """What a failure asks for. After all but REFUSED the session is over."""

    UNREACHABLE = "unreachable"  # no connection, or no TLS with a certificate we trust
    AUTH = "auth"  # the server does not take the credential; its owner must act
    REFUSED = "refused"  # the server said no to what was asked; it may be asked something else
    GONE = "gone"  # the connection ended, or the server said good-bye
    PROTOCOL = "protocol"  # what came was not IMAP
    TIMED_OUT = "timed_out"  # no answer in time


class ImapFailure(Exception):
    """One failure. `text` is for people: what was asked, and the server's own words, which hold
    no secret of ours. `code` is the server's response code (RFC 5530), upper case, or empty."""

    def __init__(self, kind: ImapKind, text: str, code: str = "") -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text
        self.code = code


def refused(verb: str, told: Told, kind: ImapKind = ImapKind.REFUSED) -> ImapFailure:
    """The server's answer to a command was not OK."""
    words = told.text or told.code or "no reason"
    return ImapFailure(kind, f"{verb} was answered {told.status}: {words}", told.code)
