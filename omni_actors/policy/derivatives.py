"""Media derivatives: which pictures are made into others, so that a channel shows them at all.

A picture that the native form of its kind refuses, for its type, its size or the depth of its
colours, is made into one that it takes. What moves is left as it is: no still shows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from omni_actors.model.capabilities import Capabilities, Form, Level
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
from omni_actors.model.json import JsonObject
from omni_actors.policy.fitting import medium_unfit, mime_is, not_as
from omni_actors.policy.shaped import MediumFacts, Note

READABLE: Final = frozenset(
    {"image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/tiff", "image/webp"}
)
WRITABLE: Final = ("image/jpeg", "image/png")
SOURCE_BYTES_MAX: Final = 64 * 1000 * 1000
BYTES_MAX: Final = 16 * 1000 * 1000


@frozen
class Recipe:
    """What a picture is to become: one of these types, of at most so many bytes."""

    mimes: tuple[str, ...]
    bytes_max: int

    @property
    def name(self) -> str:
        """By what the result is remembered."""
        return f"{','.join(self.mimes)} {self.bytes_max}"


@frozen
class Wanted:
    """A picture that does not fit: where it is named, what it is to become, and why."""

    path: str
    media_id: str
    recipe: Recipe
    why: str


def recipe_for(form: Form, facts: MediumFacts) -> Recipe | None:
    """How a picture is made to fit a form; None when it does, or when nothing makes it."""
    mime = (facts.mime or "").partition(";")[0].strip().lower()
    if not medium_unfit(form.limits, facts) or facts.animated or mime not in READABLE:
        return None
    if (facts.size or 0) > SOURCE_BYTES_MAX:
        return None
    taken = form.limits.mimes
    mimes = tuple([each for each in WRITABLE if any(mime_is(each, one) for one in taken)])
    return Recipe(mimes, form.limits.bytes_max or BYTES_MAX) if mimes else None


def wanted(
    content: Content,
    attachments: Sequence[Media],
    capabilities: Capabilities,
    facts: Mapping[str, MediumFacts],
) -> tuple[Wanted, ...]:
    """The pictures of a message that are to become others."""
    native = next(iter(capabilities.forms_of(f"media.{MediaKind.IMAGE}")), None)
    if native is None or native.level is not Level.NATIVE or not facts:
        return ()
    named = [*pictures_of(content, "/content")]
    for n, attachment in enumerate(attachments):
        named += pictures_of(attachment, f"/attachments/{n}")
    found = []
    for path, media_id in named:
        known = facts.get(media_id)
        recipe = recipe_for(native, known) if known is not None else None
        if recipe is not None and known is not None:
            why = not_as(native, medium_unfit(native.limits, known))
            found.append(Wanted(path, media_id, recipe, why))
    return tuple(found)


def pictures_of(content: Content, path: str) -> Iterator[tuple[str, str]]:
    """The media of ours that content shows as pictures: where, and which."""
    match content:
        case Media(kind=MediaKind.IMAGE, media_id=str() as media_id):
            yield path, media_id
        case Choices(media=Media() as above) | FormRequest(media=Media() as above):
            yield from pictures_of(above, f"{path}/media")
        case Card(media=Media() as above):
            yield from pictures_of(above, f"{path}/media")
        case Carousel():
            for n, card in enumerate(content.cards):
                yield from pictures_of(card, f"{path}/cards/{n}")
        case Template():
            yield from _of_params(content.params, f"{path}/params")
        case _:
            return


def _of_params(params: JsonObject, path: str) -> Iterator[tuple[str, str]]:
    """The pictures in the headers of a template and of its cards."""
    header = params.get("header")
    if isinstance(header, Mapping) and header.get("kind") == MediaKind.IMAGE.value:
        media_id = header.get("media_id")
        if isinstance(media_id, str):
            yield f"{path}/header", media_id
    cards = params.get("carousel")
    for n, card in enumerate(cards if isinstance(cards, list | tuple) else ()):
        if isinstance(card, Mapping):
            yield from _of_params(card, f"{path}/carousel/{n}")


def exchanged(content: Content, made: Mapping[str, str]) -> Content:
    """Content that shows other media in place of some pictures; `made` is by their ids."""
    match content:
        case Media():
            return _medium(content, made)
        case Choices(media=Media() as above):
            return evolve(content, media=_medium(above, made))
        case FormRequest(media=Media() as above):
            return evolve(content, media=_medium(above, made))
        case Card():
            return _card(content, made)
        case Carousel():
            return evolve(content, cards=tuple([_card(card, made) for card in content.cards]))
        case Template():
            return evolve(content, params=_params(content.params, made))
        case _:
            return content


def _medium(medium: Media, made: Mapping[str, str]) -> Media:
    other = made.get(medium.media_id or "")
    if other is None or medium.kind is not MediaKind.IMAGE:
        return medium
    return evolve(medium, media_id=other, mime=None, size=None)


def _card(card: Card, made: Mapping[str, str]) -> Card:
    return card if card.media is None else evolve(card, media=_medium(card.media, made))


def _params(params: JsonObject, made: Mapping[str, str]) -> JsonObject:
    told: dict[str, Any] = dict(params)
    header, cards = told.get("header"), told.get("carousel")
    if isinstance(header, Mapping) and header.get("kind") == MediaKind.IMAGE.value:
        other = made.get(str(header.get("media_id")))
        told["header"] = {**header, "media_id": other} if other is not None else header
    if isinstance(cards, list | tuple):
        told["carousel"] = [
            _params(card, made) if isinstance(card, Mapping) else card for card in cards
        ]
    return told


def converted(one: Wanted, mime: str, size: int) -> Note:
    """The line of the report on a picture that was made into another."""
    return Note(one.path, Level.CONVERTED, f"{mime}, {size} bytes", one.why)


def explained(notes: Sequence[Note], problems: Mapping[str, str]) -> tuple[Note, ...]:
    """The report, which also says why a picture was not converted; `problems` are by path."""
    told = []
    for note in notes:
        problem = problems.get(note.path)
        why = f"{note.why}; it could not be converted: {problem}" if problem else note.why
        told.append(evolve(note, why=why))
    return tuple(told)
