"""The links in content: which media a message names by URL, and the same content without them."""

from collections.abc import Mapping
from typing import TypeAlias

from attrs import evolve

from omni_actors.model.content import Content, Media, MediaKind
from omni_actors.policy.media_within import changed, media_within

# What a link is to be shown as, and its URL.
Link: TypeAlias = tuple[MediaKind, str]


def links_of(content: Content) -> tuple[Media, ...]:
    """The media that content names by URL, wherever it shows them; each once."""
    media = [medium for _, medium in media_within(content)]
    return tuple({link: medium for medium in media if (link := link_of(medium))}.values())


def link_of(medium: Media) -> Link | None:
    """What a medium is by its link; None when it has none."""
    return None if medium.url is None else (medium.kind, medium.url)


def exchanged(content: Content, made: Mapping[Link, str]) -> Content:
    """Content that names media of ours, by their ids, in place of these links."""

    def medium_of_ours(medium: Media) -> Media:
        link = link_of(medium)
        media_id = made.get(link) if link else None
        return medium if media_id is None else evolve(medium, media_id=media_id, url=None)

    return changed(content, medium_of_ours)
