"""What channels on the Meta platforms are configured with, whichever platform it is."""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import Attribute

from omni_actors.wire.hosts import is_base_url

GRAPH_URL: Final = "https://graph.facebook.com"
VERSION: Final = "v25.0"

_DIGITS = re.compile(r"[0-9]{5,32}")
_FIELD = re.compile(r"[a-z_]{1,100}")
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}")


def is_platform_id(_settings: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    """Validate an id that the platform gives its things, or None."""
    if value is not None and not _DIGITS.fullmatch(value):
        raise ValueError(f"{attribute.name} must be the id in digits that the platform shows")


def is_graph_url(_settings: Any, attribute: "Attribute[str]", value: str) -> None:
    """Validate where a Graph is; only one on loopback may be without TLS."""
    if not is_base_url(value):
        raise ValueError(
            f"{attribute.name} must begin with https:// and name a host, such as "
            f"{GRAPH_URL}; http:// is for a loopback address only"
        )


def is_version(_settings: Any, attribute: "Attribute[str]", value: str) -> None:
    """Validate a version of the Graph API."""
    if not _VERSION.fullmatch(value):
        raise ValueError(f"{attribute.name} must be one of the Graph API, such as {VERSION}")


def is_token(_credentials: Any, attribute: "Attribute[Any]", value: str | None) -> None:
    """Validate what stands in a header, or None."""
    if value is not None and (not value or not value.isascii() or not value.isprintable()):
        raise ValueError(f"{attribute.name} must not be empty, and must be plain ASCII")


def are_fields(_settings: Any, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    """Validate names of webhook fields."""
    if not all(_FIELD.fullmatch(name) for name in value):
        raise ValueError(f"{attribute.name} must hold names of webhook fields, such as feed")


def as_names(given: Iterable[str]) -> tuple[str, ...]:
    """Names, which a row of the store holds as a list."""
    return tuple(given)


def without_slash(url: str) -> str:
    """A URL that a path can be put behind."""
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host of a URL, with its port if that is written."""
    return urlsplit(url).netloc.lower()
