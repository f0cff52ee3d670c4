"""What an email channel is configured with, and what follows from that alone."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from attrs import Attribute, evolve, field, frozen

from omni_actors.adapters.contract import Folders
from omni_actors.adapters.email.addresses import is_address, normalised
from omni_actors.wire.calls import Login, MailServer, Tls
from omni_actors.wire.hosts import is_loopback

SIZE_MAX: Final = 25 * 1024 * 1024

Security: TypeAlias = Literal["implicit", "starttls", "plain"]
Provider: TypeAlias = Literal["plain", "gmail", "microsoft365"]

IMAP_PORTS: Final[Mapping[Security, int]] = {"implicit": 993, "starttls": 143, "plain": 143}
SMTP_PORTS: Final[Mapping[Security, int]] = {"implicit": 465, "starttls": 587, "plain": 25}


@frozen
class Preset:
    """What is known of a provider; what the channel's table says goes before it.

    `authserv_id` is whose Authentication-Results count (RFC 8601, empty: nobody's). `keeps_sent`:
    the provider puts what is sent into its Sent folder by itself.
    """

    imap_host: str = ""
    smtp_host: str = ""
    smtp_tls: Security = "implicit"
    authserv_id: str = ""
    keeps_sent: bool = False
    login: Literal["password", "oauth"] = "password"


PRESETS: Final[Mapping[Provider, Preset]] = {
    "plain": Preset(),
    # https://developers.google.com/gmail/imap/imap-smtp
    "gmail": Preset(
        "imap.gmail.com", "smtp.gmail.com", authserv_id="mx.google.com", keeps_sent=True
    ),
    # https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements
    "microsoft365": Preset(
        "outlook.office365.com",
        "smtp.office365.com",
        "starttls",
        keeps_sent=True,
        login="oauth",
    ),
}


def _is_host(_table: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value is not None and (not _is_word(value) or value[0] in ":/." or "/" in value):
        raise ValueError(
            f"{attribute.name} must be the name or address of a server, such as "
            f"mail.example.com, and not a URL"
        )


def _is_port(_table: Any, attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and not 1 <= value <= 65535:
        raise ValueError(f"{attribute.name} must be a port, from 1 to 65535")


def _is_safe(table: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    """The decoder asks for one key alone, without the table that it is of."""
    if table is not None and value == "plain" and not is_loopback(table.host or ""):
        raise ValueError(
            f'{attribute.name} = "plain" shows the password to everybody on the way, and is for a '
            f"loopback address only; use implicit or starttls"
        )


def _is_folder(_table: Any, attribute: "Attribute[Any]", value: str) -> None:
    if not value or not value.isprintable():
        raise ValueError(f"{attribute.name} must be the name of a folder, such as Processed")


def _is_elsewhere(table: Any, attribute: "Attribute[Any]", value: str) -> None:
    """Each move gives a mail another UID: moved to where it is read, it would be new for ever."""
    _is_folder(table, attribute, value)
    if table is not None and value.lower() == table.mailbox.lower():
        raise ValueError(
            f"{attribute.name} must be another folder than {table.mailbox}, which is read"
        )


def _may_be_folder(table: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value:
        _is_folder(table, attribute, value)


def _may_be_word(_table: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value and not _is_word(value):
        raise ValueError(f"{attribute.name} must be a name in plain ASCII, without spaces")


def _is_word(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


@frozen
class ImapTable:
    """Where the mailbox is read, and where its mails go that were taken in (`processed`) or could
    not be (`failed`). What is left out is the provider's, or the usual."""

    host: str | None = field(default=None, validator=_is_host)
    port: int | None = field(default=None, validator=_is_port)
    tls: Security = field(default="implicit", validator=_is_safe)
    mailbox: str = field(default="INBOX", validator=_is_folder)
    processed: str = field(default="Processed", validator=_is_elsewhere)
    failed: str = field(default="Failed", validator=_is_elsewhere)


@frozen
class SmtpTable:
    """Where mails are handed over. `ehlo` is the name that we greet with; empty: our address."""

    host: str | None = field(default=None, validator=_is_host)
    port: int | None = field(default=None, validator=_is_port)
    tls: Security | None = field(default=None, validator=_is_safe)
    ehlo: str = field(default="", validator=_may_be_word)


def _is_number(_table: Any, attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{attribute.name} must be a number, 1 or more")


@frozen
class DayTable:
    """How many mails the account may send in any 24 hours, and to how many recipients. What is left
    out is the provider's."""

    messages: int | None = field(default=None, validator=_is_number)
    recipients: int | None = field(default=None, validator=_is_number)


def _day(told: DayTable | Mapping[str, Any]) -> DayTable:
    return DayTable(**told) if isinstance(told, Mapping) else told


def _imap(told: ImapTable | Mapping[str, Any] | None) -> ImapTable | None:
    """The table, also as it was written down where the account was found."""
    return ImapTable(**told) if isinstance(told, Mapping) else told


def _smtp(told: SmtpTable | Mapping[str, Any] | None) -> SmtpTable | None:
    return SmtpTable(**told) if isinstance(told, Mapping) else told


def _is_mail_address(_settings: Any, attribute: "Attribute[Any]", value: str) -> None:
    if not is_address(value):
        raise ValueError(f"{attribute.name} must be a mail address, such as support@example.com")


def _is_line(_settings: Any, attribute: "Attribute[Any]", value: str) -> None:
    if value and not value.isprintable():
        raise ValueError(f"{attribute.name} must be one line of text")


def _has_host(settings: Any, attribute: "Attribute[Any]", value: Any) -> None:
    if settings is None or value is None or value.host is not None:
        return
    if settings.provider == "plain":
        raise ValueError(
            f"{attribute.name}.host is missing; only the servers of gmail and microsoft365 are "
            f"known by their provider"
        )


def _is_login(settings: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if settings is not None and settings.provider == "microsoft365" and value == "password":
        raise ValueError(
            f'{attribute.name} must be "oauth": Microsoft 365 takes no passwords; connect the '
            f"account with `omni-actors connect email`"
        )


def _is_size(_settings: Any, attribute: "Attribute[Any]", value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name} must be a number of bytes, 1 or more")


@frozen
class EmailSettings:
    """One mail account.

    `address` is where people write to and whom our mails are from, `name` what they call us.
    Without `imap` (and with no provider that has it) mails come by hook only; without `smtp` none
    are sent. `username` logs in, by default the address; `login` tells what the credential is, and
    `app` is the app of the config that a refresh token is of.
    `authserv_id` names the server whose Authentication-Results are believed (RFC 8601). With
    `plus_addresses` replies go to an address that names what they answer; with `verp` so do bounces
    (some servers refuse a sender that is not the account). `subject_fallback`: a reply that nothing
    else tells is matched by its subject. What is sent is put into `sent_folder`, unless that is
    empty; left out, into the server's own folder for that. `size_max` (bytes): of a larger mail
    only the headers are read. `per_day` is what the account may send in a day, where that is not as
    its provider says.
    """

    address: str = field(validator=_is_mail_address)
    name: str = field(default="", validator=_is_line)
    provider: Provider = "plain"
    username: str = field(default="", validator=_is_line)
    login: Literal["password", "oauth"] | None = field(default=None, validator=_is_login)
    app: str | None = field(default=None, validator=_may_be_word)
    imap: ImapTable | None = field(default=None, converter=_imap, validator=_has_host)
    smtp: SmtpTable | None = field(default=None, converter=_smtp, validator=_has_host)
    authserv_id: str | None = field(default=None, validator=_may_be_word)
    plus_addresses: bool = True
    verp: bool = False
    subject_fallback: bool = False
    sent_folder: str | None = field(default=None, validator=_may_be_folder)
    size_max: int = field(default=SIZE_MAX, validator=_is_size)
    per_day: DayTable = field(factory=DayTable, converter=_day)

    @property
    def preset(self) -> Preset:
        """What is known of the provider."""
        return PRESETS[self.provider]

    @property
    def domain(self) -> str:
        """The domain of the account's address."""
        return normalised(self.address).rpartition("@")[2]

    @property
    def imap_server(self) -> MailServer | None:
        """Where the mailbox is read; None where it is not."""
        table = self.imap or ImapTable()
        host = table.host or self.preset.imap_host
        if not host:
            return None
        return self._server(host, table.port or IMAP_PORTS[table.tls], table.tls)

    @property
    def smtp_server(self) -> MailServer | None:
        """Where mails are handed over; None where none are sent."""
        table = self.smtp or SmtpTable()
        host = table.host or self.preset.smtp_host
        if not host:
            return None
        tls = table.tls or self.preset.smtp_tls
        return self._server(host, table.port or SMTP_PORTS[tls], tls, table.ehlo)

    @property
    def trusted_authserv_id(self) -> str:
        """Whose Authentication-Results are believed; empty: nobody's."""
        given = self.authserv_id
        return (self.preset.authserv_id if given is None else given).lower()

    @property
    def keeping_folder(self) -> str:
        """Where we put what was sent; empty where the provider does it itself. `\\Sent` is the
        folder that the server has for that (RFC 6154), whatever people call it."""
        if self.sent_folder is not None:
            return self.sent_folder
        return "" if self.preset.keeps_sent else "\\Sent"

    @property
    def kept_folder(self) -> str:
        """Where what was sent is found, whoever puts it there."""
        return self.keeping_folder or "\\Sent"

    def _server(self, host: str, port: int, tls: Security, ehlo: str = "") -> MailServer:
        login = Login(self.login or self.preset.login)
        return MailServer(host, port, self.username or self.address, Tls(tls), login, ehlo)


def _is_password(_credentials: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value is not None and (not value or not value.isprintable()):
        raise ValueError(f"{attribute.name} must not be empty, and must be one line of text")


def _is_token(credentials: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value is not None and not _is_word(value):
        raise ValueError(f"{attribute.name} must not be empty, and must be plain ASCII")
    if credentials is not None and value is not None and credentials.password is not None:
        raise ValueError(f"{attribute.name} stands beside a password; leave one of them out")


@frozen
class EmailCredentials:
    """What proves to the mail servers whose account it is: a password, or tokens of OAuth 2.

    A channel that only receives by hook has none.
    """

    password: str | None = field(default=None, repr=False, validator=_is_password)
    access_token: str | None = field(default=None, repr=False, validator=_is_token)
    refresh_token: str | None = field(default=None, repr=False, validator=_is_token)


def channel_key(settings: EmailSettings) -> str:
    """The account's address, as every writing of it is known."""
    return normalised(settings.address)


def folders(settings: EmailSettings) -> Folders:
    """The folders of the mailbox."""
    table = settings.imap or ImapTable()
    return Folders(table.mailbox, table.processed, table.failed, settings.size_max)


def token(credentials: EmailCredentials) -> str:
    """What logs in; empty where there is nothing."""
    return credentials.access_token or credentials.password or ""


def completed(settings: EmailSettings, credentials: EmailCredentials) -> EmailSettings:
    """The settings with the login that the credential is for. Where there is none at a provider,
    the account is still to be connected."""
    if settings.login is not None or credentials.password is not None:
        return settings
    given = credentials.access_token or credentials.refresh_token
    connects = settings.provider != "plain" or settings.app is not None
    return evolve(settings, login="oauth") if given or connects else settings


def token_hosts(settings: EmailSettings) -> frozenset[str]:
    """The servers that the credential may be shown to, as `host:port`."""
    servers = [settings.imap_server, settings.smtp_server]
    return frozenset(f"{each.host}:{each.port}".lower() for each in servers if each)
