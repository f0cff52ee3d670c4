"""Proofs of who sent some bytes: the platforms' signatures on hooks, ours on webhooks."""

import hmac
from base64 import b32encode, b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

WEBHOOK_SECRET_PREFIX: Final = "whsec_"
WEBHOOK_KEY_BYTES_MIN: Final = 24
WEBHOOK_KEY_BYTES_MAX: Final = 64
WEBHOOK_TOLERANCE_S: Final = 300
MAIL_TOLERANCE_S: Final = 300
TIMESTAMP_DIGITS_MAX: Final = 12


def check_letters(key: bytes, said: str, length: int) -> str:
    """`length` letters of HMAC-SHA256, five bits each, which survive being written in any case."""
    digest = hmac.digest(key, said.encode(), "sha256")
    return b32encode(digest).decode("ascii").lower()[:length]


def hub_signature(secret: str, raw: bytes) -> str:
    """The value of `X-Hub-Signature-256` for a raw body.

    https://developers.facebook.com/docs/messenger-platform/webhooks
    """
    return "sha256=" + hmac.new(secret.encode(), raw, sha256).hexdigest()


def hub_signature_matches(header: str | bytes | None, raw: bytes, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed `raw`; total on any header.

    An empty secret never matches. Every secret is tried, matched or not, so that the time taken
    tells nothing.
    """
    given = header.encode(errors="replace") if isinstance(header, str) else header or b""
    matched = False
    for secret in secrets:
        same = hmac.compare_digest(hub_signature(secret, raw).encode(), given)
        matched |= same and bool(secret)
    return matched


def mail_signature(secret: str, timestamp: str, raw: bytes) -> str:
    """How whoever hands us a mail signs it: `v1=` and the HMAC-SHA256, in hex, of the timestamp as
    it is sent, a full stop, and the mail."""
    signed = timestamp.encode(errors="replace") + b"." + raw
    return "v1=" + hmac.new(secret.encode(), signed, sha256).hexdigest()


def mail_signature_matches(
    signature: str, timestamp: str, raw: bytes, secrets: Iterable[str], now: float
) -> bool:
    """Whether one of the secrets signed this mail at most five minutes from `now`; total.

    Every secret is tried, matched or not, so that the time taken tells nothing. An empty one never
    matches.
    """
    written = timestamp if timestamp.isascii() and timestamp.isdecimal() else ""
    fresh = 0 < len(written) <= TIMESTAMP_DIGITS_MAX and (
        abs(now - int(written)) <= MAIL_TOLERANCE_S
    )
    matched = False
    for secret in secrets:
        expected = mail_signature(secret, timestamp, raw).encode()
        same = hmac.compare_digest(expected, signature.encode(errors="replace"))
        matched |= same and bool(secret)
    return matched and fresh


def webhook_secret(key: bytes) -> str:
    """Write a key of 24 to 64 random bytes as a Standard Webhooks secret. Raises ValueError."""
    if not WEBHOOK_KEY_BYTES_MIN <= len(key) <= WEBHOOK_KEY_BYTES_MAX:
        raise ValueError("a webhook key must have 24 to 64 bytes")
    return WEBHOOK_SECRET_PREFIX + b64encode(key).decode()


def webhook_key(secret: str) -> bytes:
    """The key bytes of a secret: `whsec_` and base64. Raises ValueError that does not tell it."""
    encoded = secret.removeprefix(WEBHOOK_SECRET_PREFIX)
    try:
        key = b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if encoded == secret or not WEBHOOK_KEY_BYTES_MIN <= len(key) <= WEBHOOK_KEY_BYTES_MAX:
        raise ValueError("a webhook secret must be whsec_ and the base64 of 24 to 64 bytes")
    return key


def webhook_signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The Standard Webhooks 1.0.0 signature (`v1,` and base64) of one attempt.

    Raises ValueError for a malformed secret, and for an id with a full stop, which would let an id
    and a timestamp be confused.
    """
    if "." in message_id:
        raise ValueError("a webhook id must not contain a full stop")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(webhook_key(secret), signed, "sha256")).decode()


def webhook_headers(
    secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt, signed with every secret: two while one replaces the other.

    `message_id` is the same for every attempt, `timestamp` (unix seconds) is that of this one.
    """
    signatures = (webhook_signature(secret, message_id, timestamp, body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def webhook_verifies(
    headers: dict[str, str],
    body: bytes,
    secret: str,
    now: float,
    *,
    tolerance_s: float = WEBHOOK_TOLERANCE_S,
) -> bool:
    """Whether `headers` sign `body` with `secret` close enough to `now`, as a receiver checks it.

    Total on hostile headers (names in lower case); raises ValueError for a malformed secret.
    """
    message_id, written = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (written.isascii() and written.isdecimal() and len(written) <= 12) or "." in message_id:
        return False
    if abs(now - int(written)) > tolerance_s:
        return False
    clean_id = message_id.encode(errors="replace").decode()
    expected = webhook_signature(secret, clean_id, int(written), body).encode()
    matched = False
    for given in headers.get("webhook-signature", "").split(" "):
        matched |= hmac.compare_digest(given.encode(errors="replace"), expected)
    return matched
