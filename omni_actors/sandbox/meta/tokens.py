"""Access tokens of people, Pages and Instagram accounts: how old they are, and what they may do.

Source: developers.facebook.com/docs/facebook-login/guides/access-tokens,
developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
"""

import random
import string
from typing import Any, Final

from attrs import define, field

from omni_actors.sandbox import graph
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.meta.errors import refusal

SHORT_LIFE_S: Final = 5_400.0
INSTAGRAM_SHORT_LIFE_S: Final = 3_600.0
LONG_LIFE_S: Final = 60 * 86_400.0
REFRESH_AGE_S: Final = 86_400.0
DATA_ACCESS_S: Final = 90 * 86_400.0

FACEBOOK_SCOPES: Final = (
    "business_management",
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_messages",
    "pages_manage_metadata",
    "pages_messaging",
    "pages_read_engagement",
    "pages_show_list",
    "pages_utility_messaging",
)
INSTAGRAM_SCOPES: Final = (
    "instagram_business_basic",
    "instagram_business_manage_comments",
    "instagram_business_manage_messages",
)
_LETTERS = string.ascii_letters + string.digits


@define(eq=False)
class Token:
    """One access token. `kind` is USER, PAGE or INSTAGRAM; times are unix seconds."""

    value: str = field(repr=False)
    kind: str
    app_id: str
    user_id: str
    """The person who gave it, as the app knows them."""
    profile_id: str
    """The Page or the professional account it acts for; for a USER the person."""
    issued_at: float
    expires_at: float | None
    scopes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    """The Pages that a person's token reaches."""
    long_lived: bool = True
    dead: int | None = None
    """The subcode of 190 it is answered with since it was withdrawn."""

    def fault(self, now: float) -> GraphError | None:
        """Why it is not taken any more."""
        if self.dead is not None:
            return refusal(190, self.dead)
        if self.expires_at is not None and self.expires_at <= now:
            return refusal(190, 463)
        return None

    def facts(self, now: float) -> dict[str, Any]:
        """What `debug_token` tells."""
        fault = self.fault(now)
        targets = list(self.targets) if self.kind == "USER" else [self.profile_id]
        facts: dict[str, Any] = {
            "app_id": self.app_id,
            "type": "PAGE" if self.kind == "PAGE" else "USER",
            "application": "sandbox",
            "user_id": self.user_id,
            "is_valid": fault is None,
            "issued_at": int(self.issued_at),
            "expires_at": int(self.expires_at or 0),
            "data_access_expires_at": int(self.issued_at + DATA_ACCESS_S),
            "scopes": list(self.scopes),
            "granular_scopes": [{"scope": scope, "target_ids": targets} for scope in self.scopes],
        }
        if self.kind != "USER":
            facts["profile_id"] = self.profile_id
        if fault is not None:
            error = {"code": 190, "message": fault.message, "subcode": fault.subcode}
            facts["error"] = error
        return facts


@define(eq=False)
class TokenBook:
    """All tokens that were ever given out, by their value."""

    chance: random.Random
    tokens: dict[str, Token] = field(factory=dict)

    def add(self, token: Token) -> Token:
        """Note a token."""
        self.tokens[token.value] = token
        return token

    def new_value(self, prefix: str) -> str:
        """An opaque value in the platform's fashion."""
        return prefix + "".join(self.chance.choices(_LETTERS, k=96))

    def good(self, value: str, now: float) -> Token:
        """The token, if it is taken now. Raises GraphError."""
        token = self.tokens.get(value)
        if token is None:
            raise graph.bad_token("Invalid OAuth access token - Cannot parse access token")
        fault = token.fault(now)
        if fault is not None:
            raise fault
        return token

    def of_profile(self, profile_id: str) -> list[Token]:
        """The tokens that act for a Page or an account."""
        return [each for each in self.tokens.values() if each.profile_id == profile_id]

    def withdraw(self, user_id: str, app_id: str, subcode: int) -> None:
        """End every token that a person gave an app."""
        for token in self.tokens.values():
            if (token.user_id, token.app_id) == (user_id, app_id):
                token.dead = subcode
