"""What an email channel is configured with."""

from pathlib import Path
from typing import Any

import pytest

from omni_actors.adapters.contract import Folders
from omni_actors.adapters.email.settings import (
    EmailCredentials,
    EmailSettings,
    ImapTable,
    SmtpTable,
    channel_key,
    folders,
    token,
    token_hosts,
)
from omni_actors.config_decode import Decoder
from omni_actors.wire.calls import Login, MailServer, Tls


def decoded(**table: Any) -> tuple[EmailSettings | None, list[str]]:
    """A channel's table, as the config reads it."""
    decoder = Decoder(Path())
    made = decoder.table(EmailSettings, {"address": "s@example.com", **table}, "channels[0]")
    return made, decoder.mistakes


def test_the_servers_of_a_plain_account_are_those_that_are_named() -> None:
    settings, mistakes = decoded(
        imap={"host": "mail.example.com", "processed": "Done"},
        smtp={"host": "mail.example.com", "tls": "starttls", "ehlo": "gw.example.com"},
    )

    assert settings is not None, mistakes
    assert settings.imap_server == MailServer("mail.example.com", 993, "s@example.com")
    assert settings.smtp_server == MailServer(
        "mail.example.com", 587, "s@example.com", Tls.STARTTLS, ehlo="gw.example.com"
    )
    assert folders(settings) == Folders("INBOX", "Done", "Failed", 26214400)
    assert settings.keeping_folder == "\\Sent"
    assert token_hosts(settings) == {"mail.example.com:993", "mail.example.com:587"}


def test_an_account_without_servers_is_only_written_to() -> None:
    settings, _ = decoded()

    assert settings is not None
    assert (settings.imap_server, settings.smtp_server) == (None, None)
    assert token_hosts(settings) == frozenset()


def test_a_provider_is_known_by_its_name() -> None:
    google, _ = decoded(provider="gmail", imap={"processed": "Done"})
    microsoft, _ = decoded(provider="microsoft365", username="login@example.com")

    assert google is not None
    assert google.imap_server == MailServer("imap.gmail.com", 993, "s@example.com")
    assert google.smtp_server == MailServer("smtp.gmail.com", 465, "s@example.com")
    assert (google.trusted_authserv_id, google.keeping_folder) == ("mx.google.com", "")
    assert folders(google).processed == "Done"
    assert microsoft is not None
    assert microsoft.smtp_server == MailServer(
        "smtp.office365.com", 587, "login@example.com", Tls.STARTTLS, Login.OAUTH
    )
    assert microsoft.keeping_folder == ""


def test_what_the_table_says_goes_before_what_is_known_of_the_provider() -> None:
    settings, _ = decoded(
        provider="gmail", login="oauth", authserv_id="MX.example.com", sent_folder="Out"
    )

    assert settings is not None
    assert settings.imap_server is not None
    assert settings.imap_server.login is Login.OAUTH
    assert (settings.trusted_authserv_id, settings.keeping_folder) == ("mx.example.com", "Out")


def test_an_address_is_one_channel_however_it_is_written() -> None:
    assert channel_key(EmailSettings("Support@MÜNCHEN.example")) == (
        "support@xn--mnchen-3ya.example"
    )
    assert EmailSettings("Support@Example.COM").domain == "example.com"


def test_a_server_on_loopback_may_be_plain() -> None:
    settings = EmailSettings("s@example.com", imap=ImapTable("127.0.0.1", 10143, "plain"))

    assert settings.imap_server is not None
    assert settings.imap_server.tls is Tls.PLAIN


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"address": "support"}, "channels[0].address: must be a mail address, such as"),
        ({"address": "Jane <jane@example.com>"}, "channels[0].address: must be a mail address"),
        ({"name": "a\r\nBcc: b"}, "channels[0].name: must be one line of text"),
        ({"provider": "yahoo"}, "channels[0].provider: must be one of plain, gmail"),
        ({"imap": {"port": 993}}, "channels[0]: imap.host is missing; only the servers of"),
        ({"imap": {"host": "https://x"}}, "channels[0].imap.host: must be the name or address"),
        ({"smtp": {"host": "a.b", "port": 0}}, "channels[0].smtp.port: must be a port, from 1"),
        ({"smtp": {"host": "a.b", "tls": "ssl"}}, "channels[0].smtp.tls: must be one of implicit"),
        ({"imap": {"host": "a.b", "tls": "plain"}}, 'tls = "plain" shows the password'),
        ({"imap": {"host": "a.b", "folder": "X"}}, "channels[0].imap.folder: unknown"),
        ({"provider": "microsoft365", "login": "password"}, "takes no passwords"),
        ({"size_max": 0}, "channels[0].size_max: must be a number of bytes, 1 or more"),
    ],
)
def test_a_mistake_is_told_with_its_place(table: dict[str, Any], mistake: str) -> None:
    settings, mistakes = decoded(**table)

    assert settings is None
    assert any(mistake in each for each in mistakes), mistakes


def test_the_credential_is_a_password_or_a_token_and_is_never_shown() -> None:
    assert token(EmailCredentials("pass word")) == "pass word"
    assert token(EmailCredentials(access_token="at", refresh_token="rt")) == "at"
    assert token(EmailCredentials()) == ""
    assert "pass" not in repr(EmailCredentials("pass")).replace("password", "")
    with pytest.raises(ValueError, match="access_token stands beside a password"):
        EmailCredentials("p", access_token="at")
    with pytest.raises(ValueError, match="password must not be empty"):
        EmailCredentials("")


def test_a_table_of_smtp_may_be_of_its_own() -> None:
    settings = EmailSettings("s@example.com", smtp=SmtpTable("localhost", 2525, "plain"))

    assert settings.smtp_server == MailServer("localhost", 2525, "s@example.com", Tls.PLAIN)


@pytest.mark.parametrize(
    "table", [{"processed": "inbox"}, {"failed": "INBOX"}, {"mailbox": "Help", "failed": "Help"}]
)
def test_mails_are_not_filed_where_they_are_read(table: dict[str, str]) -> None:
    settings, mistakes = decoded(imap={"host": "mail.example.com", **table})

    assert settings is None
    assert "must be another folder than" in mistakes[0]
