"""The hook that takes raw mails, for those whose mail arrives at an MTA or a mail service.

A request is one mail (RFC 5322) as it was delivered. Two headers prove who sends it:
`X-Omni-Timestamp`, unix seconds, and `X-Omni-Signature`: `v1=` and the HMAC-SHA256, in hex, with
one of the hook's secrets, of the timestamp, a full stop and the body. The timestamp may be five
minutes off.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from attrs import Attribute, field, frozen

from omni_actors.adapters.contract import HookKind, Undecodable
from omni_actors.policy.signing import mail_signature_matches

TIMESTAMP_HEADER: Final = "x-omni-timestamp"
SIGNATURE_HEADER: Final = "x-omni-signature"
SECRET_LENGTH_MIN: Final = 16
# What mail services take at most, with the third that base64 adds to attachments of 25 MB.
BODY_BYTES_MAX: Final = 36 * 1024 * 1024


def _are_secrets(_secrets: Any, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if not value or any(len(each) < SECRET_LENGTH_MIN for each in value):
        raise ValueError(
            f"{attribute.name} must name at least one secret, and none shorter than "
            f"{SECRET_LENGTH_MIN} characters"
        )


def _is_address(_secrets: Any, attribute: "Attribute[str]", value: str) -> None:
    local, _, domain = value.rpartition("@")
    if not local or not domain or not value.isprintable() or any(c in value for c in " <>,"):
        raise ValueError(f"{attribute.name} must be the address of the channel, a@example.com")
    if not domain.isascii():
        raise ValueError(f"{attribute.name} must have its domain in ASCII (xn--…), as DNS knows it")


@frozen
class MimeSecrets:
    """What a hook for mails knows: to which address they were delivered, which is the channel's;
    whose Authentication-Results are believed (RFC 8601; empty: nobody's), which is the server that
    hands them over; whether an answer that nothing else tells is matched by its subject; and
    several secrets while one replaces another."""

    address: str = field(validator=_is_address)
    secrets: tuple[str, ...] = field(repr=False, validator=_are_secrets)
    authserv_id: str = ""
    subject_fallback: bool = False


def handshake(_query: Mapping[str, str], _secrets: MimeSecrets) -> None:
    """Nobody asks whether the URL is ours."""


def authenticate(headers: Mapping[str, str], raw: bytes, secrets: MimeSecrets, now: float) -> bool:
    """Whether one of the secrets signed this very mail just now. Header names in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    signature, timestamp = given.get(SIGNATURE_HEADER, ""), given.get(TIMESTAMP_HEADER, "")
    return mail_signature_matches(signature, timestamp, raw, secrets.secrets, now)


def document_of(raw: bytes, secrets: MimeSecrets) -> Any:
    """A mail as a document. Raises Undecodable."""
    if not raw.strip():
        raise Undecodable("the body is empty")
    return {
        "raw": raw,
        "channel_key": secrets.address.lower(),
        "at": 0,
        "blob": sha256(raw).hexdigest(),
        "authserv_id": secrets.authserv_id.lower(),
        "subject_fallback": secrets.subject_fallback,
    }


def dispatch(_document: Any) -> str:
    """The platform that a document is for."""
    return "email"


MIME = HookKind(
    kind="mime",
    secrets=MimeSecrets,
    handshake=handshake,
    authenticate=authenticate,
    decode=document_of,
    dispatch=dispatch,
    body_max=BODY_BYTES_MAX,
)
