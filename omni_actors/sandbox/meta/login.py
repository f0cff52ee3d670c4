"""Connecting accounts: the consent pages, single-use codes, and tokens for them.

Sources: developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow,
developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from attrs import define, evolve, field, frozen

from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.pages import back_to, consent_page, problem_page
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount
from omni_actors.sandbox.meta.tokens import (
    FACEBOOK_SCOPES,
    INSTAGRAM_SCOPES,
    INSTAGRAM_SHORT_LIFE_S,
    LONG_LIFE_S,
    REFRESH_AGE_S,
    SHORT_LIFE_S,
    Token,
    TokenBook,
)

CODE_LIFE_S: Final = 3_600.0
DENIED: Final = {
    "error": "access_denied",
    "error_reason": "user_denied",
    "error_description": "Permissions error",
}


@frozen
class Wish:
    """What an app asks of a person, as its link says."""

    client_id: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    system_user: bool = False
    """A configuration of Facebook Login for Business that gives tokens which do not expire."""


@frozen
class Consent:
    """What a person agreed to; the code stands for it, once."""

    wish: Wish
    user_id: str
    accounts: tuple[str, ...]
    until: float


@define(eq=False)
class Login:
    """Both logins of a sandbox."""

    stage: Stage
    book: TokenBook
    pages: Mapping[str, MessengerAccount]
    profiles: Mapping[str, InstagramAccount]
    codes: dict[str, Consent] = field(factory=dict)

    # ------------------------------------------------------------ Facebook

    async def facebook_dialog(self, request: Request) -> Answer:
        """`/dialog/oauth`: the page, and what a person answers on it."""
        wish = _wish(request.query, FACEBOOK_SCOPES, self.facebook_apps())
        if isinstance(wish, str):
            return problem_page(wish)
        choices = [(key, page.name) for key, page in self.pages.items()]
        if request.method == "GET":
            return consent_page(wish.client_id, wish.scopes, choices)
        form = _form(await request.body())
        if form.get("decision", ["allow"])[0] != "allow":
            return back_to(wish.redirect_uri, {**DENIED, "state": wish.state})
        user_id = form.get("user", [self._owner()])[0]
        mine = [key for key, page in self.pages.items() if page.owner_id == user_id]
        chosen = _chosen(form, mine)
        code = self._code(_less(wish, form), user_id, chosen)
        return back_to(wish.redirect_uri, {"code": code, "state": wish.state})

    def facebook_token(self, asked: Mapping[str, str]) -> Answer:
        """`/oauth/access_token`: a code, or a short-lived token, for a token. Raises GraphError."""
        app_id = self._facebook_app(asked)
        if asked.get("grant_type") == "fb_exchange_token":
            return self._facebook_long(asked, app_id)
        consent = self._redeemed(asked, app_id)
        if consent is None:
            text = "This authorization code is unknown, expired, or has been used."
            raise refusal(100, details=text)
        now, lasting = self.stage.clock.now(), consent.wish.system_user
        token = self.book.add(
            Token(
                value=self.book.new_value("EAAB"),
                kind="USER",
                app_id=app_id,
                user_id=consent.user_id,
                profile_id=consent.user_id,
                issued_at=now,
                expires_at=None if lasting else now + SHORT_LIFE_S,
                scopes=consent.wish.scopes,
                targets=consent.accounts,
                long_lived=lasting,
            )
        )
        return _bearer(token, now)

    def _facebook_long(self, asked: Mapping[str, str], app_id: str) -> Answer:
        now = self.stage.clock.now()
        short = self.book.good(asked.get("fb_exchange_token", ""), now)
        if short.kind != "USER" or short.app_id != app_id:
            raise refusal(100, details="The token is not one of a user of this app")
        value = self.book.new_value("EAAL")
        until = now + LONG_LIFE_S
        token = evolve(short, value=value, issued_at=now, expires_at=until, long_lived=True)
        return _bearer(self.book.add(token), now)

    def page_token(self, user: Token, page_id: str) -> str:
        """The token of a Page that a person's token leads to; it is the same each time.

        It never expires by itself where the person's token is a long-lived one.
        """
        for token in self.book.of_profile(page_id):
            if (token.user_id, token.issued_at) == (user.user_id, user.issued_at):
                return token.value
        token = Token(
            value=self.book.new_value("EAAP"),
            kind="PAGE",
            app_id=user.app_id,
            user_id=user.user_id,
            profile_id=page_id,
            issued_at=user.issued_at,
            expires_at=None if user.long_lived else user.expires_at,
            scopes=user.scopes,
        )
        return self.book.add(token).value

    # ------------------------------------------------------------ Instagram

    async def instagram_dialog(self, request: Request) -> Answer:
        """`/oauth/authorize`: the page, and what a person answers on it."""
        wish = _wish(request.query, INSTAGRAM_SCOPES, self.instagram_apps())
        if isinstance(wish, str):
            return problem_page(wish)
        mine = [key for key, one in self.profiles.items() if one.app_id == wish.client_id]
        if request.method == "GET":
            choices = [(key, self.profiles[key].username) for key in mine]
            return consent_page(wish.client_id, wish.scopes, choices)
        form = _form(await request.body())
        if form.get("decision", ["allow"])[0] != "allow":
            return back_to(wish.redirect_uri, {**DENIED, "state": wish.state})
        chosen = _chosen(form, mine)[:1]
        if not chosen:
            return problem_page("Choose an account.")
        user_id = self.profiles[chosen[0]].app_scoped_id
        code = self._code(_less(wish, form), user_id, chosen)
        return back_to(wish.redirect_uri, {"code": code, "state": wish.state}, fragment="_")

    def instagram_token(self, asked: Mapping[str, str]) -> Answer:
        """`POST /oauth/access_token`: a short-lived token for a code."""
        apps, app_id = self.instagram_apps(), asked.get("client_id", "")
        if app_id not in apps or not _same(apps[app_id], asked.get("client_secret", "")):
            return _instagram_problem("Error validating client secret.")
        if asked.get("grant_type") != "authorization_code":
            return _instagram_problem("Invalid grant_type: must be authorization_code")
        consent = self._redeemed(asked, app_id)
        if consent is None:
            return _instagram_problem("Matching code was not found or was already used")
        now, ig_id = self.stage.clock.now(), consent.accounts[0]
        token = self._instagram(consent, now)
        listed = ",".join(token.scopes)
        facts = {"access_token": token.value, "user_id": ig_id, "permissions": listed}
        if self.profiles[ig_id].flat_token_answer:
            return json_answer(200, {**facts, "permissions": list(token.scopes)})
        return json_answer(200, {"data": [facts]})

    def _instagram(self, consent: Consent, now: float) -> Token:
        return self.book.add(
            Token(
                value=self.book.new_value("IGAA"),
                kind="INSTAGRAM",
                app_id=consent.wish.client_id,
                user_id=consent.user_id,
                profile_id=consent.accounts[0],
                issued_at=now,
                expires_at=now + INSTAGRAM_SHORT_LIFE_S,
                scopes=consent.wish.scopes,
                long_lived=False,
            )
        )

    def instagram_long(self, query: Mapping[str, str]) -> Answer:
        """`/access_token`: a short-lived token for one of 60 days. Raises GraphError."""
        if query.get("grant_type") != "ig_exchange_token":
            raise refusal(100, details="Param grant_type must be ig_exchange_token")
        now = self.stage.clock.now()
        short = self._instagram_good(query, now)
        if not _same(self.instagram_apps()[short.app_id], query.get("client_secret", "")):
            raise refusal(100, details="Error validating client secret")
        if short.long_lived:
            raise refusal(100, details="The token is a long-lived one already")
        return _bearer(self._renewed(short, now), now)

    def instagram_refresh(self, query: Mapping[str, str]) -> Answer:
        """`/refresh_access_token`: another 60 days. Raises GraphError."""
        if query.get("grant_type") != "ig_refresh_token":
            raise refusal(100, details="Param grant_type must be ig_refresh_token")
        now = self.stage.clock.now()
        old = self._instagram_good(query, now)
        if not old.long_lived:
            raise refusal(100, details="Only a long-lived token can be refreshed")
        if now - old.issued_at < REFRESH_AGE_S:
            raise refusal(100, details="The token must be at least 24 hours old")
        if "instagram_business_basic" not in old.scopes:
            raise refusal(200, details="Requires instagram_business_basic")
        return _bearer(self._renewed(old, now), now)

    def _instagram_good(self, query: Mapping[str, str], now: float) -> Token:
        token = self.book.good(query.get("access_token", ""), now)
        if token.kind != "INSTAGRAM":
            raise refusal(190, details="The token is not one of Instagram Login")
        return token

    def _renewed(self, old: Token, now: float) -> Token:
        value, until = self.book.new_value("IGAA"), now + LONG_LIFE_S
        token = evolve(old, value=value, issued_at=now, expires_at=until, long_lived=True)
        return self.book.add(token)

    # ------------------------------------------------------------ both

    def facebook_apps(self) -> dict[str, str]:
        """The Meta apps and their secrets."""
        behind = (each for each in self.profiles.values() if not each.has_own_login)
        apps = {each.app_id: each.app_secret for each in behind}
        return {**apps, **{each.app_id: each.app_secret for each in self.pages.values()}}

    def instagram_apps(self) -> dict[str, str]:
        """The Instagram apps and their secrets."""
        own = (each for each in self.profiles.values() if each.has_own_login)
        return {each.app_id: each.app_secret for each in own}

    def _owner(self) -> str:
        return next((page.owner_id for page in self.pages.values()), "")

    def _facebook_app(self, asked: Mapping[str, str]) -> str:
        apps, app_id = self.facebook_apps(), asked.get("client_id", "")
        if app_id not in apps:
            raise refusal(100, details="Error validating application: there is no such app")
        if not _same(apps[app_id], asked.get("client_secret", "")):
            raise refusal(100, details="Error validating client secret")
        return app_id

    def _code(self, wish: Wish, user_id: str, accounts: Sequence[str]) -> str:
        code = self.book.new_value("AQ")
        until = self.stage.clock.now() + CODE_LIFE_S
        self.codes[code] = Consent(wish, user_id, tuple(accounts), until)
        return code

    def _redeemed(self, asked: Mapping[str, str], app_id: str) -> Consent | None:
        """What a code stands for, which it does once, for its app and its redirect only."""
        consent = self.codes.pop(asked.get("code", ""), None)
        if consent is None or consent.until <= self.stage.clock.now():
            return None
        same = (consent.wish.client_id, consent.wish.redirect_uri)
        return consent if same == (app_id, asked.get("redirect_uri")) else None


def _wish(query: Mapping[str, str], known: Sequence[str], apps: Mapping[str, str]) -> Wish | str:
    """What the link asks for, or what is wrong with it."""
    client_id, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
    if client_id not in apps:
        return "Invalid app id: there is no such app."
    parts = urlsplit(redirect_uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "The redirect_uri is missing, or is no URL."
    if query.get("response_type", "code") != "code":
        return "The sandbox knows the response_type code only."
    listed = [each for each in query.get("scope", "").replace(" ", ",").split(",") if each]
    scopes = tuple(known) if "config_id" in query and not listed else tuple(listed)
    unknown = [scope for scope in scopes if scope not in known]
    if unknown or not scopes:
        return f"Invalid scopes: {', '.join(unknown) or 'none'}."
    lasting = "config_id" in query and query.get("override_default_response_type") == "true"
    return Wish(client_id, redirect_uri, query.get("state", ""), scopes, lasting)


def _form(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def _chosen(form: Mapping[str, list[str]], offered: Sequence[str]) -> list[str]:
    """The accounts that are ticked; all of them where the form does not say."""
    if "accounts" not in form:
        return list(offered)
    ticked = [key for text in form["accounts"] for key in text.split(",")]
    return [key for key in ticked if key in offered]


def _less(wish: Wish, form: Mapping[str, list[str]]) -> Wish:
    """The wish without the permissions that the person declines."""
    declined = {name for text in form.get("declined", ()) for name in text.split(",")}
    return evolve(wish, scopes=tuple(each for each in wish.scopes if each not in declined))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _bearer(token: Token, now: float) -> Answer:
    facts: dict[str, Any] = {"access_token": token.value, "token_type": "bearer"}
    if token.expires_at is not None:
        facts["expires_in"] = int(token.expires_at - now)
    return json_answer(200, facts)


def _instagram_problem(message: str) -> Answer:
    facts = {"error_type": "OAuthException", "code": 400, "error_message": message}
    return json_answer(400, facts)
