"""The OAuth clients that the pretend providers know."""

from typing import Final, Literal

from attrs import field, frozen


@frozen
class MailApp:
    """One app. `address` stands in the login page's form; `testing`: Google's consent screen is in
    testing, so that refresh tokens end after 7 days."""

    provider: Literal["google", "microsoft"]
    client_id: str
    client_secret: str = field(repr=False)
    address: str = "support@example.com"
    testing: bool = False


MAIL_APPS: Final = (
    MailApp("google", "sandbox-google", "sandbox-google-secret"),
    MailApp("microsoft", "sandbox-microsoft", "sandbox-microsoft-secret"),
)
