"""What the pretend providers gave out: codes, access tokens, refresh tokens."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from attrs import define, evolve, field, frozen

from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.email_oauth.settings import MailApp

CODE_LIFE_S: Final = 600.0
ACCESS_LIFE_S: Final[Mapping[str, float]] = {"google": 3599.0, "microsoft": 4514.0}
TESTING_LIFE_S: Final = 7 * 86400.0
PREFIXES: Final[Mapping[str, str]] = {"google": "ya29.", "microsoft": "EwB4"}


@frozen
class Consent:
    """What a person agreed to at a provider, for an app; the tokens all come of it."""

    app: MailApp
    address: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    refreshes: bool
    until: float


@frozen
class Grant:
    """A token and what it stands for, until then (unix seconds)."""

    consent: Consent
    until: float


@define(eq=False)
class Tokens:
    """All that was given out and is good."""

    stage: Stage
    codes: dict[str, Consent] = field(factory=dict)
    access: dict[str, Grant] = field(factory=dict)
    refresh: dict[str, Grant] = field(factory=dict)
    given: list[str] = field(factory=list)
    """Every value that was ever given out."""
    refreshed: int = 0
    """How often somebody came with a refresh token."""

    def code(self, consent: Consent) -> str:
        """A code for a browser to take back; it works once."""
        value = self._value("4/")
        self.codes[value] = evolve(consent, until=self.stage.clock.now() + CODE_LIFE_S)
        return value

    def redeem(self, value: str) -> Consent | None:
        """What a code stands for."""
        consent = self.codes.pop(value, None)
        return consent if consent and self.stage.clock.now() < consent.until else None

    def answer(self, consent: Consent, *, first: bool) -> dict[str, Any]:
        """Fresh tokens as an answer tells them. Microsoft's refresh tokens are new each time."""
        provider, now = consent.app.provider, self.stage.clock.now()
        token = self._value(PREFIXES[provider])
        self.access[token] = Grant(consent, now + ACCESS_LIFE_S[provider])
        told: dict[str, Any] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFE_S[provider]),
            "scope": " ".join(each for each in consent.scopes if each != "offline_access"),
        }
        if consent.refreshes and (first or provider == "microsoft"):
            told["refresh_token"] = self._refresh(consent, now)
        if "openid" in consent.scopes:
            told["id_token"] = id_token(consent, now)
        return told

    def _refresh(self, consent: Consent, now: float) -> str:
        value = self._value("1//0" if consent.app.provider == "google" else "M.C5")
        life_s = TESTING_LIFE_S if consent.app.testing else float("inf")
        self.refresh[value] = Grant(consent, now + life_s)
        return value

    def renew(self, value: str, app: MailApp) -> Consent | None:
        """What a refresh token stands for; one that is exchanged for another is used up."""
        self.refreshed += 1
        grant = self.refresh.get(value)
        if grant is None or grant.consent.app != app or self.stage.clock.now() >= grant.until:
            return None
        if app.provider == "microsoft":
            del self.refresh[value]
        return grant.consent

    def address_of(self, token: str) -> str | None:
        """Whose mailbox an access token opens; None: it is good for nothing."""
        grant = self.access.get(token)
        alive = grant is not None and self.stage.clock.now() < grant.until
        return grant.consent.address if grant is not None and alive else None

    def expire(self, address: str) -> int:
        """Let the access tokens of an address end now."""
        mine = [each for each, grant in self.access.items() if grant.consent.address == address]
        for each in mine:
            del self.access[each]
        return len(mine)

    def revoke(self, address: str) -> int:
        """The person takes back what they allowed."""
        mine = [each for each, grant in self.refresh.items() if grant.consent.address == address]
        for each in mine:
            del self.refresh[each]
        return len(mine) + self.expire(address)

    def _value(self, prefix: str) -> str:
        value = f"{prefix}{self.stage.chance.getrandbits(160):040x}"
        self.given.append(value)
        return value


def id_token(consent: Consent, now: float) -> str:
    """What OpenID Connect tells of the person, in the providers' own words."""
    subject = sha256(consent.address.encode()).hexdigest()[:21]
    claims: dict[str, Any] = {"aud": consent.app.client_id, "sub": subject, "iat": int(now)}
    if "email" in consent.scopes:
        claims["email"] = consent.address
    if consent.app.provider == "google":
        claims |= {"iss": "https://accounts.google.com", "email_verified": True}
    elif "profile" in consent.scopes:
        claims["preferred_username"] = consent.address
    parts = [json.dumps(each).encode() for each in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(_base64(each) for each in (*parts, b"signature"))


def challenge_of(verifier: str) -> str:
    """The challenge of a code verifier (RFC 7636, S256)."""
    return _base64(sha256(verifier.encode()).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
