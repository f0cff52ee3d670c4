"""What one message or attachment says, in our words."""

from urllib.parse import urlsplit

from attrs import field, frozen

from omni_actors.model.content import Content
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import MediaRef


@frozen
class Said:
    """Content, the media that it needs in their order, and what fits nowhere else."""

    content: Content
    media: tuple[MediaRef, ...] = ()
    notes: JsonObject = field(factory=dict)


def is_web(url: str) -> bool:
    """Whether something that is called an address is one of the web."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(host)
