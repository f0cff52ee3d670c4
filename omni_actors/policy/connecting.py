"""The state of an OAuth flow (RFC 6749, section 10.12): signed, of one connecting, with an end.

The text names the connecting and its end only; the signature also binds whom it is for and where
the answer goes, so that it is good for nothing else.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from attrs import frozen

LOGIN_S: Final = 900.0
"""How long a person has to log in at the platform."""
CHOICE_S: Final = 1800.0
"""How long a caller has to choose among the accounts that were found."""
STATE_MAX: Final = 200


@frozen
class Bound:
    """What a state is bound to: the caller's tenant and key, the app, and the redirect address."""

    tenant: str
    key_id: str
    app: str
    redirect: str


def state_of(key: bytes, connection_id: str, expires_at: float, bound: Bound) -> str:
    """The state to send along."""
    head = f"{connection_id}.{expires_at:.0f}"
    return f"{head}.{_mac(key, head, bound)}"


def connection_in(state: str) -> str | None:
    """The connecting that a state says it is of, before anybody knows whether that is true."""
    parts = state.split(".")
    return parts[0] if len(parts) == 3 and len(state) <= STATE_MAX else None


def is_genuine(key: bytes, state: str, bound: Bound) -> bool:
    """Whether we made this state, for just this."""
    head, _, given = state.rpartition(".")
    expected = _mac(key, head, bound)
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def has_ended(state: str, now: float) -> bool:
    """Whether the time of a genuine state is over."""
    return now >= float(state.split(".")[1])


def channel_id_of(platform: str, channel_key: str) -> str:
    """What a channel is called that nobody has named, in letters that go into any URL."""
    return f"{platform}-{re.sub('[^A-Za-z0-9._-]', '-', channel_key)}"


def verifier_of(key: bytes, connection_id: str) -> str:
    """The code verifier of a connecting (RFC 7636, section 4.1), which nobody else can tell."""
    return _base64(hmac.new(key, f"verifier\n{connection_id}".encode(), sha256).digest())


def with_challenge(url: str, verifier: str) -> str:
    """An address that a browser is sent to, with the challenge of a verifier (section 4.3)."""
    challenge = _base64(sha256(verifier.encode()).digest())
    asked = urlencode({"code_challenge": challenge, "code_challenge_method": "S256"})
    return f"{url}{'&' if '?' in url else '?'}{asked}"


def _mac(key: bytes, head: str, bound: Bound) -> str:
    said = "\n".join((head, bound.tenant, bound.key_id, bound.app, bound.redirect))
    return _base64(hmac.new(key, said.encode(errors="replace"), sha256).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
