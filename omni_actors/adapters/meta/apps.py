"""The apps of Meta that accounts are connected through: one with Facebook Login, one with Instagram
Login. A developer's Instagram app has an id and a secret of its own, beside those of the Meta app.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import Attribute, field, frozen

from omni_actors.adapters.connecting import AppKind
from omni_actors.adapters.meta import signed_request
from omni_actors.adapters.meta.settings import (
    GRAPH_URL,
    VERSION,
    are_fields,
    host_of,
    is_graph_url,
    is_platform_id,
    is_version,
    without_slash,
)

FACEBOOK_URL: Final = "https://www.facebook.com"
INSTAGRAM_URL: Final = "https://www.instagram.com"
INSTAGRAM_API_URL: Final = "https://api.instagram.com"
INSTAGRAM_GRAPH_URL: Final = "https://graph.instagram.com"

_SCOPE = re.compile(r"[a-z0-9_]{1,100}")


def _are_scopes(_settings: Any, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if not all(_SCOPE.fullmatch(scope) for scope in value):
        raise ValueError(f"{attribute.name} must hold names such as pages_messaging")


def _is_secret(_secrets: Any, attribute: "Attribute[str]", value: str) -> None:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError(f"{attribute.name} must not be empty, and must be plain ASCII")


def _url(default: str) -> Any:
    return field(default=default, converter=without_slash, validator=is_graph_url)


@frozen
class FacebookApp:
    """A Meta app with Facebook Login: for pages, and for Instagram accounts linked to pages.

    `config_id` is a configuration of Facebook Login for Business, which names the permissions in
    place of `scopes`; `system_user` tells that it gives tokens of a system user. Without `scopes`
    those are asked for that the platform's channels need. `fields` are webhooks of pages to order
    besides those that are read anyway.
    https://developers.facebook.com/docs/facebook-login/facebook-login-for-business
    """

    app_id: str = field(validator=is_platform_id)
    config_id: str | None = field(default=None, validator=is_platform_id)
    system_user: bool = False
    scopes: tuple[str, ...] = field(default=(), validator=_are_scopes)
    fields: tuple[str, ...] = field(default=(), validator=are_fields)
    dialog_url: str = _url(FACEBOOK_URL)
    graph_url: str = _url(GRAPH_URL)
    version: str = field(default=VERSION, validator=is_version)

    def url(self, *path: str) -> str:
        """The address of something in the Graph."""
        return "/".join((self.graph_url, self.version, *path))


@frozen
class InstagramApp:
    """An Instagram app with Instagram Login, for professional accounts without a page.

    https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
    """

    app_id: str = field(validator=is_platform_id)
    scopes: tuple[str, ...] = field(default=(), validator=_are_scopes)
    fields: tuple[str, ...] = field(default=(), validator=are_fields)
    dialog_url: str = _url(INSTAGRAM_URL)
    api_url: str = _url(INSTAGRAM_API_URL)
    graph_url: str = _url(INSTAGRAM_GRAPH_URL)
    version: str = field(default=VERSION, validator=is_version)


@frozen
class AppSecrets:
    """What proves that a call is the app's, and that a notice is Meta's."""

    app_secret: str = field(repr=False, validator=_is_secret)


def app_id(settings: FacebookApp | InstagramApp) -> str:
    """The id that a person's browser is sent with."""
    return settings.app_id


def secret(secrets: AppSecrets) -> str:
    """The app secret."""
    return secrets.app_secret


def revoked(form: Mapping[str, str], secrets: AppSecrets) -> str | None:
    """The person whom a notice of Meta is about."""
    return signed_request.revoked(form, secrets.app_secret)


def facebook_hosts(settings: FacebookApp) -> frozenset[str]:
    """Who may see the app's secret and what people give it."""
    return frozenset({host_of(settings.graph_url)})


def instagram_hosts(settings: InstagramApp) -> frozenset[str]:
    """Who may see the app's secret and what people give it."""
    return frozenset({host_of(settings.api_url), host_of(settings.graph_url)})


FACEBOOK: Final = AppKind(
    kind="facebook",
    settings=FacebookApp,
    secrets=AppSecrets,
    app_id=app_id,
    secret=secret,
    hosts=facebook_hosts,
    revoked=revoked,
)
INSTAGRAM: Final = AppKind(
    kind="instagram",
    settings=InstagramApp,
    secrets=AppSecrets,
    app_id=app_id,
    secret=secret,
    hosts=instagram_hosts,
    revoked=revoked,
)
