"""The media within content, wherever it shows them, and the same content with others."""

from collections.abc import Callable, Iterator, Mapping
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

Change: TypeAlias = Callable[[Media], Media]


def media_within(content: Content, path: str = "") -> Iterator[tuple[str, Media]]:
    """The media, each with its place below `path` (a JSON pointer); also those in the headers of a
    template and of its cards."""
    match content:
        case Media():
            yield path, content
        case Choices(media=Media() as above) | FormRequest(media=Media() as above):
            yield f"{path}/media", above
        case Card(media=Media() as above):
            yield f"{path}/media", above
        case Carousel():
            for n, card in enumerate(content.cards):
                yield from media_within(card, f"{path}/cards/{n}")
        case Template():
            yield from _within_params(content.params, f"{path}/params")
        case _:
            return


def changed(content: Content, change: Change) -> Content:
    """The content with each of its media as `change` makes it."""
    match content:
        case Media():
            return change(content)
        case Choices(media=Media() as above):
            return evolve(content, media=change(above))
        case FormRequest(media=Media() as above):
            return evolve(content, media=change(above))
        case Card():
            return _card(content, change)
        case Carousel():
            return evolve(content, cards=tuple([_card(card, change) for card in content.cards]))
        case Template():
            return evolve(content, params=_params(content.params, change))
        case _:
            return content


def _card(card: Card, change: Change) -> Card:
    return card if card.media is None else evolve(card, media=change(card.media))


def _within_params(params: JsonObject, path: str) -> Iterator[tuple[str, Media]]:
    header, cards = params.get("header"), params.get("carousel")
    if (medium := _of_header(header)) is not None:
        yield f"{path}/header", medium
    for n, card in enumerate(cards if isinstance(cards, list | tuple) else ()):
        if isinstance(card, Mapping):
            yield from _within_params(card, f"{path}/carousel/{n}")


def _params(params: JsonObject, change: Change) -> JsonObject:
    told: dict[str, Any] = dict(params)
    header, cards = told.get("header"), told.get("carousel")
    medium = _of_header(header)
    if medium is not None and isinstance(header, Mapping):
        told["header"] = _header(header, medium, change(medium))
    if isinstance(cards, list | tuple):
        told["carousel"] = [
            _params(card, change) if isinstance(card, Mapping) else card for card in cards
        ]
    return told


def _of_header(header: Json) -> Media | None:
    """The medium that a template's header shows, if it shows one that we know."""
    if not isinstance(header, Mapping):
        return None
    kind = header.get("kind")
    if not isinstance(kind, str) or kind not in set(MediaKind):
        return None
    return Media(
        MediaKind(kind),
        media_id=_text(header.get("media_id")),
        url=_text(header.get("url")),
        filename=_text(header.get("filename")),
    )


def _header(header: Mapping[str, Json], before: Media, after: Media) -> Mapping[str, Json]:
    if after == before:
        return header
    rest = {key: value for key, value in header.items() if key != "url" or after.url is not None}
    return {**rest, "media_id": after.media_id}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
