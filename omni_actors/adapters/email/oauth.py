"""How people let us use their mail accounts at Google and Microsoft, and how that lasts.

The id token names the account; what proves it is that the mail server lets the access token in to
the mailbox of that address, which is tried before anything is connected.
https://developers.google.com/gmail/imap/xoauth2-protocol
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from attrs import asdict

from omni_actors.adapters.connecting import Found, Harvest, OAuth, Tokens
from omni_actors.adapters.email.addresses import is_address, normalised
from omni_actors.adapters.email.apps import IDENTITY, MailApp, account_settings, scopes_of
from omni_actors.adapters.reading import mapping, number, text
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, FindCall, Flow, HttpCall, HttpReply, Secret, http

LIFE_S: Final = 3600.0  # of an access token, where nobody says
ID_TOKEN_MAX: Final = 16 * 1024
TEXT_MAX: Final = 300
PROBE: Final = "connecting@omni-actors.invalid"  # no mail has this id
NOT_OF_MAIL: Final = frozenset({*IDENTITY, "profile", "offline_access"})

NAMES: Final[Mapping[str, str]] = {"gmail": "Google", "microsoft365": "Microsoft"}
ENDED: Final[Mapping[str, str]] = {
    "gmail": (
        "Google takes the refresh token no more: the person took the access back or changed the "
        "password, or it was not used for six months. While the app's consent screen is in "
        "testing, it ends 7 days after each login: publish the app. Connect the account again"
    ),
    "microsoft365": (
        "Microsoft takes the refresh token no more: the access was taken back, the password was "
        "changed, or the directory asks for another login. Connect the account again"
    ),
}
NO_MAILBOX: Final[Mapping[str, str]] = {
    "gmail": (
        "Gmail does not let this account be read by IMAP: it has no mailbox there, or the "
        "administrator of its organisation must allow IMAP"
    ),
    "microsoft365": (
        "Microsoft 365 does not let this account be read by IMAP: it has no mailbox of this "
        "address, or its administrator must switch on IMAP for it (Mail > Manage email apps)"
    ),
}
MISCONFIGURED: Final = (
    "the client_id or the client_secret of the app is wrong, or the secret has ended; make a new "
    "one and put it into the config"
)
# https://www.rfc-editor.org/rfc/rfc6749#section-5.2; Microsoft's own:
# https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
GRANT_ENDED: Final = frozenset(
    {"invalid_grant", "interaction_required", "consent_required", "login_required"}
)
CLIENT_WRONG: Final = frozenset({"invalid_client", "unauthorized_client"})


def authorize(app: MailApp, redirect: str, state: str) -> str:
    """The address of the login page."""
    asked = {
        "client_id": app.client_id,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": " ".join(scopes_of(app)),
        "state": state,
        **app.asks,
    }
    return f"{app.dialog}?{urlencode(asked)}"


# ---------------------------------------------------------------- tokens


def exchange(app: MailApp, redirect: str) -> Flow[Tokens]:
    """Redeem the code. Raises SendFailure also where what mail needs was not allowed."""
    call = HttpCall(
        "POST",
        app.endpoint,
        Auth.NONE,
        form={
            "client_id": app.client_id,
            "grant_type": "authorization_code",
            "redirect_uri": redirect,
        },
        secrets={
            "client_secret": Secret.APP_SECRET,
            "code": Secret.CODE,
            "code_verifier": Secret.VERIFIER,
        },
    )
    document = good((yield from http(call)), app, refreshing=False)
    tokens = tokens_of(document)
    lacking = lacking_in(app, document)
    if lacking:
        why = f"the person did not allow {', '.join(lacking)}; begin again, and tick it"
        raise SendFailure(Failure(Kind.REJECTED, Reason.PERMISSION_DENIED, text=why))
    if tokens.refresh_token is None:
        why = f"{NAMES[app.provider]} gave no refresh token; take the app's access back, and retry"
        raise SendFailure(Failure(Kind.REJECTED, Reason.PERMISSION_DENIED, text=why))
    return tokens


def refresh(app: MailApp) -> Flow[Tokens]:
    """A fresh access token; Microsoft gives a fresh refresh token along with it."""
    call = HttpCall(
        "POST",
        app.endpoint,
        Auth.NONE,
        form={"client_id": app.client_id, "grant_type": "refresh_token"},
        secrets={"client_secret": Secret.APP_SECRET, "refresh_token": Secret.REFRESH_TOKEN},
        idempotent=True,
    )
    return tokens_of(good((yield from http(call)), app, refreshing=True))


def tokens_of(document: JsonObject) -> Tokens:
    """The tokens in an answer. Raises SendFailure when there are none."""
    token = text(document.get("access_token"))
    if token is None:
        raise SendFailure(stumbled("the answer is good, but holds no token"))
    lives_s = number(document.get("expires_in"))
    return Tokens(
        token,
        lives_s if lives_s and lives_s > 0 else LIFE_S,
        text(document.get("refresh_token")),
        claims_in(document.get("id_token")),
    )


def claims_in(id_token: object) -> JsonObject:
    """What an id token says. It came from where it was made, over TLS, so that its signature tells
    nothing more (OpenID Connect Core, section 3.1.3.7)."""
    if not isinstance(id_token, str) or not id_token.isascii() or len(id_token) > ID_TOKEN_MAX:
        return {}
    parts = id_token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return mapping(json.loads(urlsafe_b64decode(parts[1] + "==")))
    except (ValueError, RecursionError):
        return {}


def lacking_in(app: MailApp, document: JsonObject) -> Sequence[str]:
    """What was asked for and not given: people can untick it. Nothing where nobody says."""
    given = {_bare(scope) for scope in (text(document.get("scope")) or "").split()}
    asked = [scope for scope in scopes_of(app) if scope not in NOT_OF_MAIL]
    return [scope for scope in asked if _bare(scope) not in given] if given else ()


def _bare(scope: str) -> str:
    """A scope of Microsoft without the name of what it is for, which is told in several ways."""
    return (
        scope.lower()
        .removeprefix("https://outlook.office.com/")
        .removeprefix("https://outlook.office365.com/")
    )


# ---------------------------------------------------------------- accounts


def accounts(app: MailApp, claims: JsonObject) -> Flow[Harvest]:
    """The one account whose token it is: the first of the addresses it may have that the mail
    server lets it in to. Raises SendFailure."""
    candidates = addresses_in(claims)
    if not candidates:
        name = NAMES[app.provider]
        raise SendFailure(stumbled(f"{name} does not say which address the account has"))
    subject = text(claims.get("sub")) or candidates[0]
    why = ""
    for address in candidates:
        refused = yield from refusal_of(app, address)
        if refused is None:
            return Harvest((subject,), (found(app, address),))
        why = why or refused
    obstacle = f"{NO_MAILBOX[app.provider]} ({why})"
    return Harvest((subject,), (found(app, candidates[0], obstacle),))


def addresses_in(claims: JsonObject) -> list[str]:
    """The addresses that the account may have. Microsoft's `email` is the mailbox's where there is
    one, and what people log in with often is, too."""
    told = [text(claims.get("email")), text(claims.get("preferred_username"))]
    if claims.get("email_verified") is False:
        told = told[1:]
    return list(dict.fromkeys(normalised(each) for each in told if each and is_address(each)))


def refusal_of(app: MailApp, address: str) -> Flow[str | None]:
    """Why the token does not open the mailbox of an address. Raises SendFailure where nobody
    answers."""
    server = account_settings(app, address).imap_server
    assert server is not None
    try:
        yield FindCall(server, "INBOX", PROBE)
    except SendFailure as failed:
        failure = failed.failure
        if failure.kind is not Kind.BROKEN or failure.reason is not Reason.CREDENTIALS_EXPIRED:
            raise
        return failure.text or "it gives no reason"
    return None


def found(app: MailApp, address: str, obstacle: str | None = None) -> Found:
    """The account, with what makes a channel of it."""
    settings: JsonObject = {
        "address": address,
        "provider": app.provider,
        "login": "oauth",
        "imap": None if app.imap is None else asdict(app.imap),
        "smtp": None if app.smtp is None else asdict(app.smtp),
    }
    return Found(address, address, settings, obstacle=obstacle)


# ---------------------------------------------------------------- answers


def good(reply: HttpReply, app: MailApp, *, refreshing: bool) -> JsonObject:
    """The object that a good answer is. Raises SendFailure."""
    document = mapping(reply.document())
    if reply.ok:
        return document
    raise SendFailure(failure_of(reply, document, app, refreshing=refreshing))


def failure_of(
    reply: HttpReply, document: JsonObject, app: MailApp, *, refreshing: bool
) -> Failure:
    """Why there are no tokens."""
    code = text(document.get("error"))
    lines = (text(document.get("error_description")) or "").splitlines()
    said = lines[0][:TEXT_MAX] if lines else None
    if code in GRANT_ENDED and refreshing:
        reason = Reason.CREDENTIALS_EXPIRED
        return Failure(Kind.BROKEN, reason, Scope.CHANNEL, code, said, advice=ENDED[app.provider])
    if code in CLIENT_WRONG:
        reason = Reason.CHANNEL_MISCONFIGURED
        return Failure(Kind.BROKEN, reason, Scope.CHANNEL, code, said, advice=MISCONFIGURED)
    if reply.status == 429 or reply.status >= 500 or code == "temporarily_unavailable" or not code:
        said = said or f"the answer has the status {reply.status}"
        after_s = number(reply.headers.get("retry-after"))
        return Failure(
            Kind.TRANSIENT,
            Reason.CHANNEL_UNAVAILABLE,
            Scope.CHANNEL,
            code,
            said,
            retry_after_s=after_s,
        )
    return Failure(Kind.REJECTED, Reason.BAD_REQUEST, Scope.CHANNEL, code, said or code)


def stumbled(why: str) -> Failure:
    """An answer that makes no sense, and may be better another time."""
    return Failure(Kind.TRANSIENT, Reason.CHANNEL_UNAVAILABLE, Scope.CHANNEL, text=why)


_LOGIN: Final[OAuth[Any]] = OAuth(
    authorize=authorize, exchange=exchange, accounts=accounts, refresh=refresh, pkce=True
)
OAUTH: Final[Mapping[str, OAuth[Any]]] = {"google": _LOGIN, "microsoft": _LOGIN}
