"""Media derivatives: which pictures are made into others, so that a channel shows them at all.

A picture that the native form of its kind refuses, for its type, its size or the depth of its
colours, is made into one that it takes. What moves is left as it is: no still shows it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from omni_actors.model.capabilities import Capabilities, Form, Level
from omni_actors.model.content import Content, Media, MediaKind
from omni_actors.policy.fitting import medium_unfit, mime_is, not_as
from omni_actors.policy.media_within import changed, media_within
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
    for place, medium in media_within(content, path):
        if medium.kind is MediaKind.IMAGE and medium.media_id is not None:
            yield place, medium.media_id


def exchanged(content: Content, made: Mapping[str, str]) -> Content:
    """Content that shows other media in place of some pictures; `made` is by their ids."""

    def other_picture(medium: Media) -> Media:
        other = made.get(medium.media_id or "")
        if other is None or medium.kind is not MediaKind.IMAGE:
            return medium
        return evolve(medium, media_id=other, mime=None, size=None)

    return changed(content, other_picture)


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
