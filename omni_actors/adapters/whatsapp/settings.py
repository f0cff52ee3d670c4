"""What a WhatsApp channel is configured with, and what follows from that alone."""

import re
from typing import Any
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from omni_actors.adapters.meta.settings import (
    GRAPH_URL,
    VERSION,
    host_of,
    is_graph_url,
    is_token,
    is_version,
    without_slash,
)
from omni_actors.model.limits import Ties
from omni_actors.model.reports import ChannelName
from omni_actors.wire.calls import Auth
from omni_actors.wire.hosts import is_loopback

MEDIA_HOST = "lookaside.fbsbx.com"
COEXISTENCE_PER_SECOND = 20.0

_DIGITS = re.compile(r"[0-9]{5,32}")


def _is_platform_id(_settings: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    if value is not None and not _DIGITS.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be the id in digits that the platform shows, "
            f"such as 770011223344556, and not a telephone number with + or spaces"
        )


def _is_people(_settings: Any, attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{attribute.name} must be 1 or more; leave it out when there is no limit")


@frozen
class WhatsAppSettings:
    """One business number on the Cloud API.

    `waba_id` is the WhatsApp Business account of the number; without it nothing is known of the
    account's templates. `app_id` is the Meta app that the token belongs to; `check` and `doctor`
    look at more when both are known. The numbers of an account share one budget of calls.
    `portfolio_id` is the business portfolio, whose accounts share `users_per_day`: to how many
    people a day they may write first, until the platform says otherwise. `coexistence`: the number
    is in the WhatsApp Business app too. `link_preview` asks
    for a preview of the first link of a text.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/about-the-platform
    """

    phone_number_id: str = field(validator=_is_platform_id)
    graph_url: str = field(default=GRAPH_URL, converter=without_slash, validator=is_graph_url)
    version: str = field(default=VERSION, validator=is_version)
    waba_id: str | None = field(default=None, validator=_is_platform_id)
    portfolio_id: str | None = field(default=None, validator=_is_platform_id)
    users_per_day: int | None = field(default=None, validator=_is_people)
    coexistence: bool = False
    app_id: str | None = field(default=None, validator=_is_platform_id)
    link_preview: bool = True

    def url(self, *path: str) -> str:
        """The address of something in the Graph."""
        return "/".join((self.graph_url, self.version, *path))

    @property
    def auth(self) -> Auth:
        """How a call to the Graph proves whose it is; with the app secret where that is known.

        https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        return Auth.PROOF

    @property
    def on_loopback(self) -> bool:
        """Whether the platform is one that this machine plays."""
        return is_loopback(urlsplit(self.graph_url).hostname or "")

    @property
    def number_url(self) -> str:
        """The address of the number itself."""
        return self.url(self.phone_number_id)


@frozen
class WhatsAppCredentials:
    """What proves to the platform that a call is ours."""

    access_token: str = field(repr=False, validator=is_token)
    app_secret: str | None = field(default=None, repr=False, validator=is_token)


def channel_key(settings: WhatsAppSettings) -> str:
    """The id that webhooks name the number by."""
    return settings.phone_number_id


def ties(settings: WhatsAppSettings) -> Ties:
    """What a number shares with others, and how fast it may be.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
    """
    account = settings.waba_id
    return Ties(
        account=account,
        portfolio=settings.portfolio_id or account or settings.phone_number_id,
        per_second=COEXISTENCE_PER_SECOND if settings.coexistence else None,
        users_per_day=settings.users_per_day,
    )


def named(settings: WhatsAppSettings) -> tuple[ChannelName, ...]:
    """The account whose news concern the number, when the config says which it is."""
    if settings.waba_id is None:
        return ()
    return (ChannelName(settings.phone_number_id, "account", settings.waba_id),)


def token(credentials: WhatsAppCredentials) -> str:
    """The bearer of every call."""
    return credentials.access_token


def token_hosts(settings: WhatsAppSettings) -> frozenset[str]:
    """The hosts that the token may be shown to, as `host` or `host:port`.

    Media lie on a host of their own, which wants the token too; a sandbox on loopback keeps them
    on its own host.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
    """
    return frozenset({host_of(settings.graph_url), MEDIA_HOST})
