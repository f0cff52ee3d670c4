"""Mail accounts of the sandbox: those of the business, which the gateway reads and writes from."""

from typing import ClassVar

from attrs import field, frozen

SIZE_MAX = 25 * 1_048_576


def _lower(address: str) -> str:
    return address.lower()


@frozen
class EmailAccount:
    """One account of the business; the defaults are those of the sample account.

    Customers need none: any address has a mailbox, and any password opens it.
    """

    platform: ClassVar[str] = "email"

    address: str = field(default="support@example.com", converter=_lower)
    name: str = "Example Support"
    password: str = field(default="sandbox-mail-password", repr=False)
    access_token: str = field(default="sandbox-mail-token", repr=False)
    """What XOAUTH2 takes."""
    size_max: int = SIZE_MAX
    """Bytes of one mail, in and out."""
    mails_per_day: int | None = None
    """How many mails are taken of the account in any 24 hours; None: any number."""
    app_secret: str = field(default="", repr=False)
    verify_token: str = field(default="", repr=False)
    hook_url: str | None = None

    @property
    def channel_key(self) -> str:
        """The address."""
        return self.address

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.rpartition("@")[2]

    @property
    def host(self) -> str:
        """What the account's server calls itself, also as an authserv-id (RFC 8601)."""
        return f"mx.{self.domain}"
