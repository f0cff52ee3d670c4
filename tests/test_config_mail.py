"""What the config of a mail account means beyond what it says."""

from pathlib import Path

import pytest

from tests.test_config import read


@pytest.mark.parametrize(
    ("told", "login"),
    [
        ('provider = "gmail"', "oauth"),
        ('provider = "gmail"\npassword = "of-an-app"', "password"),
        ('provider = "gmail"\nlogin = "password"', "password"),
        ('provider = "microsoft365"', "oauth"),
        ('imap = { host = "imap.example.com" }\naccess_token = "of-a-person"', "oauth"),
        ('imap = { host = "imap.example.com" }\npassword = "secret"', "password"),
        ('imap = { host = "imap.example.com" }', "password"),
    ],
)
def test_a_mail_account_logs_in_by_what_it_has_or_is_still_to_be_connected(
    tmp_path: Path, told: str, login: str
) -> None:
    table = f"""
[[channels]]
id = "mail"
platform = "email"
address = "support@example.com"
{told}
"""
    [channel] = read(tmp_path, table).channels

    server = channel.settings.imap_server
    assert server is not None
    assert server.login == login
