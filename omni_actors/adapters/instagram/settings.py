"""What an Instagram channel is configured with, and what follows from that alone.

An account is reached through Instagram Login, with a token of its own and on a host of its own, or
through Facebook Login, with the token of the page that it is linked to.
https://developers.facebook.com/docs/instagram-platform/overview
"""

from typing import Any, Final, Literal

from attrs import Attribute, Factory, field, frozen

from omni_actors.adapters.meta.people import IGSID, OF_ACCOUNTS, address_of
from omni_actors.adapters.meta.settings import (
    GRAPH_URL,
    VERSION,
    are_fields,
    as_names,
    host_of,
    is_graph_url,
    is_platform_id,
    is_token,
    is_version,
    without_slash,
)
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import Auth

INSTAGRAM_GRAPH_URL: Final = "https://graph.instagram.com"


def _is_page_of(settings: Any, attribute: "Attribute[Any]", value: Any) -> None:
    """The decoder asks for one key alone, without the settings that it is of."""
    is_platform_id(settings, attribute, value)
    if settings is not None and settings.login == "facebook" and value is None:
        raise ValueError(
            'page_id must be the id of the linked page, whose token login = "facebook" sends with'
        )


def _graph_url(settings: "InstagramSettings") -> str:
    return GRAPH_URL if settings.login == "facebook" else INSTAGRAM_GRAPH_URL


@frozen
class InstagramSettings:
    """One professional account.

    `ig_id` is the id that webhooks name it by (`user_id` of `/me` with Instagram Login). `page_id`
    is the page that it is linked to, needed with Facebook Login. `app_id` is the app that sends
    for the account: with it our own messages are told from those of other apps. `fields` are
    webhooks to order besides those that are read anyway; of a page's account the app's count.
    """

    ig_id: str = field(validator=is_platform_id)
    login: Literal["facebook", "instagram"] = "instagram"
    page_id: str | None = field(default=None, validator=_is_page_of)
    graph_url: str = field(
        default=Factory(_graph_url, takes_self=True),
        converter=without_slash,
        validator=is_graph_url,
    )
    version: str = field(default=VERSION, validator=is_version)
    app_id: str | None = field(default=None, validator=is_platform_id)
    fields: tuple[str, ...] = field(default=(), converter=as_names, validator=are_fields)

    def url(self, *path: str) -> str:
        """The address of something in the Graph."""
        return "/".join((self.graph_url, self.version, *path))

    @property
    def account_id(self) -> str:
        """Where messages and uploads are called: the account, or the page whose token it is."""
        return self.page_id if self.login == "facebook" and self.page_id else self.ig_id

    @property
    def auth(self) -> Auth:
        """How a call proves whose it is. Nothing says that Instagram's own host reads a proof.

        https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        return Auth.PROOF if self.login == "facebook" else Auth.BEARER


@frozen
class InstagramCredentials:
    """What proves to the platform that a call is ours: the token of the account or of its page."""

    access_token: str = field(repr=False, validator=is_token)
    app_secret: str | None = field(default=None, repr=False, validator=is_token)


def channel_key(settings: InstagramSettings) -> str:
    """The id that webhooks name the account by."""
    return settings.ig_id


def address(written: str, channel_key: str) -> tuple[IdentityKey, ...]:
    """The person that `to.address` names to an account. Raises BadAddress."""
    what = "an Instagram address is an Instagram-scoped id (IGSID)"
    return address_of(IGSID, written, channel_key, what, OF_ACCOUNTS)


def token(credentials: InstagramCredentials) -> str:
    """The bearer of every call."""
    return credentials.access_token


def token_hosts(settings: InstagramSettings) -> frozenset[str]:
    """The hosts that the token may be shown to. Media lie behind signed addresses, without it."""
    return frozenset({host_of(settings.graph_url)})
