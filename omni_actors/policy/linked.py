"""The links in content: which media a message names by URL, and the same content without them."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from attrs import evolve

from omni_actors.model.content import (
    Card,
    Carousel,
    Choices,
    Content,
    FormRequest,
    Media,
    MediaKind,
    Template,
)
from omni_actors.model.json import Json, JsonObject

# What a link is to be shown as, and its URL.
Link: TypeAlias = tuple[MediaKind, str]


def links_of(content: Content) -> tuple[Media, ...]:
    """The media that content names by URL, wherever it shows them; each once."""
    found = {link: medium for medium in _media_in(content) if (link := link_of(medium))}
    return tuple(found.values())


def link_of(medium: Media) -> Link | None:
    """What a medium is by its link; None when it has none."""
    return None if medium.url is None else (medium.kind, medium.url)


def exchanged(content: Content, made: Mapping[Link, str]) -> Content:
    """Content that names media of ours, by their ids, in place of these links."""
    match content:
        case Media():
            return _medium(content, made)
        case Choices(media=Media() as above):
            return evolve(content, media=_medium(above, made))
        case FormRequest(media=Media() as above):
            return evolve(content, media=_medium(above, made))
        case Card(media=Media() as above):
            return evolve(content, media=_medium(above, made))
        case Carousel():
            cards = [evolve(c, media=c.media and _medium(c.media, made)) for c in content.cards]
            return evolve(content, cards=tuple(cards))
        case Template():
            return evolve(content, params=_params(content.params, made))
        case _:
            return content


def _media_in(content: Content) -> Iterator[Media]:
    match content:
        case Media():
            yield content
        case Choices(media=Media() as above) | FormRequest(media=Media() as above):
            yield above
        case Card(media=Media() as above):
            yield above
        case Carousel():
            yield from [card.media for card in content.cards if card.media]
        case Template():
            yield from _headers(content.params)
        case _:
            return


def _headers(params: JsonObject) -> Iterator[Media]:
    """The links in the headers of a template and of its cards."""
    header, cards = params.get("header"), params.get("carousel")
    if (link := _header_link(header)) and isinstance(header, Mapping):
        name = header.get("filename")
        yield Media(link[0], url=link[1], filename=name if isinstance(name, str) else None)
    for card in cards if isinstance(cards, list | tuple) else ():
        if isinstance(card, Mapping):
            yield from _headers(card)


def _header_link(header: Json) -> Link | None:
    if not isinstance(header, Mapping):
        return None
    kind, url = header.get("kind"), header.get("url")
    known = isinstance(kind, str) and kind in set(MediaKind)
    return (MediaKind(str(kind)), url) if known and isinstance(url, str) else None


def _medium(medium: Media, made: Mapping[Link, str]) -> Media:
    link = link_of(medium)
    media_id = made.get(link) if link else None
    return medium if media_id is None else evolve(medium, media_id=media_id, url=None)


def _params(params: JsonObject, made: Mapping[Link, str]) -> JsonObject:
    told: dict[str, Any] = dict(params)
    header, cards = told.get("header"), told.get("carousel")
    link = _header_link(header)
    if link is not None and link in made and isinstance(header, Mapping):
        rest = {key: value for key, value in header.items() if key != "url"}
        told["header"] = {**rest, "media_id": made[link]}
    if isinstance(cards, list | tuple):
        told["carousel"] = [
            _params(card, made) if isinstance(card, Mapping) else card for card in cards
        ]
    return told
