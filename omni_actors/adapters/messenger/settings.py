"""What a Messenger channel is configured with, and what follows from that alone."""

from attrs import field, frozen

from omni_actors.adapters.meta.people import OF_PAGES, PSID, address_of
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


@frozen
class MessengerSettings:
    """One Facebook page.

    `app_id` is the Meta app that sends for the page: with it our own messages are told from those
    of other apps and of people in the page's inbox. `fields` are webhooks to order besides those
    that are read anyway.
    https://developers.facebook.com/docs/messenger-platform/overview
    """

    page_id: str = field(validator=is_platform_id)
    graph_url: str = field(default=GRAPH_URL, converter=without_slash, validator=is_graph_url)
    version: str = field(default=VERSION, validator=is_version)
    app_id: str | None = field(default=None, validator=is_platform_id)
    fields: tuple[str, ...] = field(default=(), converter=as_names, validator=are_fields)

    def url(self, *path: str) -> str:
        """The address of something in the Graph."""
        return "/".join((self.graph_url, self.version, *path))

    @property
    def account_id(self) -> str:
        """The page, whose messages, uploads and profile are called at its address."""
        return self.page_id

    @property
    def auth(self) -> Auth:
        """How a call to the Graph proves whose it is; with the app secret where that is known.

        https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        return Auth.PROOF


@frozen
class MessengerCredentials:
    """What proves to the platform that a call is ours: the page's token, the app's secret."""

    access_token: str = field(repr=False, validator=is_token)
    app_secret: str | None = field(default=None, repr=False, validator=is_token)


def channel_key(settings: MessengerSettings) -> str:
    """The id that webhooks name the page by."""
    return settings.page_id


def address(written: str, channel_key: str) -> tuple[IdentityKey, ...]:
    """The person that `to.address` names to a page. Raises BadAddress."""
    what = "a Messenger address is a page-scoped id (PSID)"
    return address_of(PSID, written, channel_key, what, OF_PAGES)


def token(credentials: MessengerCredentials) -> str:
    """The bearer of every call."""
    return credentials.access_token


def token_hosts(settings: MessengerSettings) -> frozenset[str]:
    """The hosts that the token may be shown to. Media lie behind signed addresses, without it."""
    return frozenset({host_of(settings.graph_url)})
