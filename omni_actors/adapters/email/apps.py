"""The apps of Google and of Microsoft that mail accounts are connected through."""

import re
from typing import Any, ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from omni_actors.adapters.connecting import AppKind
from omni_actors.adapters.email.settings import (
    EmailSettings,
    ImapTable,
    Provider,
    SmtpTable,
    token_hosts,
)
from omni_actors.wire.hosts import is_base_url

IDENTITY: Final = ("openid", "email")
"""What tells which account it is (OpenID Connect)."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")  # RFC 6749, section 3.3
_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")


def _is_id(_settings: Any, attribute: "Attribute[str]", value: str) -> None:
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(f"{attribute.name} must not be empty, and must be plain ASCII")


def _are_scopes(_settings: Any, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if not all(_SCOPE.fullmatch(scope) for scope in value):
        raise ValueError(f"{attribute.name} must hold names such as https://mail.google.com/")


def _is_url(_settings: Any, attribute: "Attribute[str]", value: str) -> None:
    if not is_base_url(value):
        raise ValueError(
            f"{attribute.name} must be a URL such as https://login.example.com; plain http is for "
            f"loopback only"
        )


def _is_directory(_settings: Any, attribute: "Attribute[str]", value: str) -> None:
    if not _DIRECTORY.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be common, organizations, consumers, or a directory's id or "
            f"domain"
        )


def _url(default: str) -> Any:
    return field(default=default, converter=lambda text: text.rstrip("/"), validator=_is_url)


@frozen
class GoogleApp:
    """An OAuth client of Google Cloud, for accounts of Gmail and Google Workspace.

    Without `scopes` that one is asked for that mail needs. `imap` and `smtp` are for accounts on
    other servers than Gmail's, such as those of the sandbox.
    https://developers.google.com/identity/protocols/oauth2/web-server
    """

    SCOPES: ClassVar = ("https://mail.google.com/",)
    provider: ClassVar[Provider] = "gmail"

    client_id: str = field(validator=_is_id)
    scopes: tuple[str, ...] = field(default=(), validator=_are_scopes)
    dialog_url: str = _url("https://accounts.google.com")
    token_url: str = _url("https://oauth2.googleapis.com")
    imap: ImapTable | None = None
    smtp: SmtpTable | None = None

    @property
    def dialog(self) -> str:
        """Where people log in."""
        return f"{self.dialog_url}/o/oauth2/v2/auth"

    @property
    def asks(self) -> dict[str, str]:
        """What the dialog is asked besides; without these there is no refresh token."""
        return {"access_type": "offline", "prompt": "consent"}

    @property
    def endpoint(self) -> str:
        """Where a code or a refresh token becomes an access token."""
        return f"{self.token_url}/token"


@frozen
class MicrosoftApp:
    """An app of Microsoft Entra, for mailboxes of Microsoft 365 and Outlook.com.

    `tenant` is whose accounts can log in: `common`, `organizations`, `consumers`, or a directory.
    https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
    https://learn.microsoft.com/en-us/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    """

    SCOPES: ClassVar = (
        "offline_access",  # else there is no refresh token
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
    )
    provider: ClassVar[Provider] = "microsoft365"

    client_id: str = field(validator=_is_id)
    tenant: str = field(default="common", validator=_is_directory)
    scopes: tuple[str, ...] = field(default=(), validator=_are_scopes)
    login_url: str = _url("https://login.microsoftonline.com")
    imap: ImapTable | None = None
    smtp: SmtpTable | None = None

    @property
    def dialog(self) -> str:
        """Where people log in."""
        return f"{self.login_url}/{self.tenant}/oauth2/v2.0/authorize"

    @property
    def asks(self) -> dict[str, str]:
        """What the dialog is asked besides: which account, also of somebody with several."""
        return {"response_mode": "query", "prompt": "select_account"}

    @property
    def endpoint(self) -> str:
        """Where a code or a refresh token becomes an access token."""
        return f"{self.login_url}/{self.tenant}/oauth2/v2.0/token"


MailApp: TypeAlias = GoogleApp | MicrosoftApp


@frozen
class ClientSecrets:
    """What proves that a call is the app's."""

    client_secret: str = field(repr=False, validator=_is_id)


def scopes_of(app: MailApp) -> tuple[str, ...]:
    """What is asked for."""
    names = (*IDENTITY, *(["profile"] if isinstance(app, MicrosoftApp) else []))
    return tuple(dict.fromkeys((*names, *(app.scopes or app.SCOPES))))


def account_settings(app: MailApp, address: str) -> EmailSettings:
    """The channel of an account that was connected through an app."""
    return EmailSettings(
        address=address, provider=app.provider, login="oauth", imap=app.imap, smtp=app.smtp
    )


def hosts(app: MailApp) -> frozenset[str]:
    """Who may see the app's secret and what people give it."""
    token_host = urlsplit(app.endpoint).netloc.lower()
    return frozenset({token_host, *token_hosts(account_settings(app, "any@example.com"))})


def client_id(app: MailApp) -> str:
    """The id that a person's browser is sent with."""
    return app.client_id


def secret(secrets: ClientSecrets) -> str:
    """The client secret."""
    return secrets.client_secret


GOOGLE: Final = AppKind("google", GoogleApp, ClientSecrets, client_id, secret, hosts)
MICROSOFT: Final = AppKind("microsoft", MicrosoftApp, ClientSecrets, client_id, secret, hosts)
