"""The login pages and token endpoints of Google and Microsoft.

Sources: developers.google.com/identity/protocols/oauth2/web-server,
learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import hmac
from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field

from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.email_oauth.settings import MailApp
from omni_actors.sandbox.email_oauth.tokens import Consent, Tokens, challenge_of
from omni_actors.sandbox.http import Answer, Request, json_answer
from omni_actors.sandbox.meta.pages import HTML_TYPE, back_to, problem_page

GOOGLE_SCOPES: Final = ("openid", "email", "profile", "https://mail.google.com/")
MICROSOFT_SCOPES: Final = (
    "openid",
    "email",
    "profile",
    "offline_access",
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
)
SCOPES: Final = {"google": GOOGLE_SCOPES, "microsoft": MICROSOFT_SCOPES}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The sandbox: log in</title></head>
<body><h1>The sandbox: log in</h1><p>The app {app} asks for</p><ul>{wanted}</ul>
<form method="post"><p><label>Address <input name="address" value="{address}"></label></p>
<button name="decision" value="allow">Continue</button>
<button name="decision" value="deny">Cancel</button></form></body></html>
"""


@define(eq=False)
class MailLogins:
    """Both providers; an address needs no account here to log in."""

    stage: Stage
    tokens: Tokens = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tokens = Tokens(self.stage)

    def address_of(self, token: str) -> str | None:
        """Whose mailbox an access token opens; None: it is good for nothing."""
        return self.tokens.address_of(token)

    async def answer(self, request: Request) -> Answer | None:
        """Answer one request; None when it is not for these providers."""
        match request.segments:
            case ["o", "oauth2", "v2", "auth"]:
                return await self.dialog(request, "google")
            case ["token"]:
                return await self.token(request, "google")
            case [_tenant, "oauth2", "v2.0", "authorize"]:
                return await self.dialog(request, "microsoft")
            case [_tenant, "oauth2", "v2.0", "token"]:
                return await self.token(request, "microsoft")
        return None

    async def control(self, request: Request) -> Answer:
        """`/sandbox/mail-logins/{verb}`: the form names an `address`, or a `token` to look at."""
        verb, form = request.segments[-1], await _form(request)
        match verb:
            case "introspect":  # RFC 7662
                address = self.address_of(form.get("token", ""))
                return json_answer(200, {"active": address is not None, "username": address or ""})
            case "expire":
                return json_answer(200, {"tokens": self.tokens.expire(form.get("address", ""))})
            case "revoke":
                return json_answer(200, {"tokens": self.tokens.revoke(form.get("address", ""))})
        return json_answer(404, {"error": "there is introspect, expire and revoke"})

    # ------------------------------------------------------------ the page

    async def dialog(self, request: Request, provider: str) -> Answer:
        """The page, and what a person answers on it."""
        query = request.query
        app = self.app_of(provider, query.get("client_id", ""))
        if app is None:
            return problem_page("The OAuth client was not found. (invalid_client)")
        wrong = _wrong(query, SCOPES[provider])
        if wrong is not None:
            return problem_page(wrong)
        scopes = tuple(query["scope"].split())
        if request.method == "GET":
            wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
            page = _PAGE.format(
                app=escape(app.client_id), wanted=wanted, address=escape(app.address)
            )
            return Answer(200, page.encode(), (HTML_TYPE,))
        form = await _form(request)
        back = {"state": query.get("state", "")}
        if form.get("decision", "allow") != "allow":
            return back_to(query["redirect_uri"], {"error": "access_denied", **back})
        declined = form.get("declined", "").split()
        consent = Consent(
            app=app,
            address=form.get("address") or app.address,
            scopes=tuple(each for each in scopes if each not in declined),
            redirect_uri=query["redirect_uri"],
            challenge=query.get("code_challenge"),
            refreshes=_refreshes(app, query, scopes),
            until=0.0,
        )
        return back_to(query["redirect_uri"], {"code": self.tokens.code(consent), **back})

    def app_of(self, provider: str, client_id: str) -> MailApp | None:
        """An app of a provider."""
        known = self.stage.settings.mail_apps
        return next((a for a in known if (a.provider, a.client_id) == (provider, client_id)), None)

    # ------------------------------------------------------------ the token endpoint

    async def token(self, request: Request, provider: str) -> Answer:
        """A code or a refresh token for an access token (RFC 6749, sections 4.1.3 and 6)."""
        form = await _form(request)
        app = self.app_of(provider, form.get("client_id", ""))
        if app is None or not _same(app.client_secret, form.get("client_secret", "")):
            return _refused("invalid_client", "The provided client secret is invalid.", 401)
        match form.get("grant_type"):
            case "authorization_code":
                return self.redeemed(app, form)
            case "refresh_token":
                consent = self.tokens.renew(form.get("refresh_token", ""), app)
                if consent is None:
                    return _refused("invalid_grant", "Token has been expired or revoked.")
                return json_answer(200, self.tokens.answer(consent, first=False))
        return _refused("unsupported_grant_type", "Invalid grant_type.")

    def redeemed(self, app: MailApp, form: Mapping[str, str]) -> Answer:
        consent = self.tokens.redeem(form.get("code", ""))
        if consent is None or consent.app != app:
            return _refused("invalid_grant", "Malformed auth code.")
        if consent.redirect_uri != form.get("redirect_uri"):
            return _refused("redirect_uri_mismatch", "Bad Request")
        verifier = form.get("code_verifier", "")
        if consent.challenge is not None and challenge_of(verifier) != consent.challenge:
            return _refused("invalid_grant", "Invalid code verifier.")
        return json_answer(200, self.tokens.answer(consent, first=True))


def _wrong(query: Mapping[str, str], known: tuple[str, ...]) -> str | None:
    """What is wrong with the link."""
    parts = urlsplit(query.get("redirect_uri", ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "The redirect_uri is missing, or is no URL. (redirect_uri_mismatch)"
    if query.get("response_type") != "code":
        return "The sandbox knows the response_type code only."
    scopes = query.get("scope", "").split()
    unknown = [scope for scope in scopes if scope not in known]
    if unknown or not scopes:
        return f"Some requested scopes were invalid: {', '.join(unknown) or 'none'}."
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        return "The sandbox knows the code_challenge_method S256 only."
    return None


def _refreshes(app: MailApp, query: Mapping[str, str], scopes: tuple[str, ...]) -> bool:
    """Whether there will be a refresh token."""
    if app.provider == "microsoft":
        return "offline_access" in scopes
    return query.get("access_type") == "offline" and query.get("prompt") == "consent"


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _refused(error: str, description: str, status: int = 400) -> Answer:
    return json_answer(status, {"error": error, "error_description": description})
