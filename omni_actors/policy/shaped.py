"""What shaping answers: parts that fit the channel, a report of the cost, or a refusal."""

from typing import Any

from attrs import frozen

from omni_actors.model.capabilities import Level
from omni_actors.model.content import Content, Option
from omni_actors.model.json import JsonObject


@frozen
class MediumFacts:
    """What is known of a medium's bytes; None where it is not.

    `channels` are those of sound, `depth` is the bits of one channel of a pixel,
    whose `colours` are grey, rgb or cmyk.
    """

    mime: str | None = None
    size: int | None = None
    filename: str | None = None
    animated: bool | None = None
    codec: str | None = None
    channels: int | None = None
    depth: int | None = None
    colours: str | None = None

    @classmethod
    def of(
        cls, mime: str | None, size: int | None, filename: str | None, traits: JsonObject
    ) -> "MediumFacts":
        """The facts with the traits that were read from the bytes (media/traits.py)."""
        told: Any = traits
        return cls(
            mime,
            size,
            filename,
            animated=told.get("animated"),
            codec=told.get("codec"),
            channels=told.get("channels"),
            depth=told.get("depth"),
            colours=told.get("colours"),
        )


@frozen
class ShapedPart:
    """One platform call to be: the form, and content that fits it.

    `media_ids` are the media of ours that the content names.
    """

    form: str
    content: Content
    media_ids: tuple[str, ...] = ()


@frozen
class Note:
    """One line of the rendering report: what of the content became what, and why.

    `path` is a JSON pointer into the request.
    """

    path: str
    level: Level
    to: str
    why: str

    def as_json(self) -> JsonObject:
        """The note as callers of the API see it."""
        return {"path": self.path, "level": self.level.value, "to": self.to, "why": self.why}


@frozen
class Shaped:
    """The parts in order, the report, and the options that stay open as a question.

    `numbered` tells that the options are shown with the marks of `policy.marks`, so that a mark
    answers.
    """

    parts: tuple[ShapedPart, ...]
    notes: tuple[Note, ...] = ()
    options: tuple[Option, ...] = ()
    numbered: bool = False

    def followed_by(self, other: "Shaped") -> "Shaped":
        """Both, one after the other; the options of the last question are the open ones."""
        asking = other if other.options else self
        return Shaped(
            self.parts + other.parts, self.notes + other.notes, asking.options, asking.numbered
        )


class Unshapable(Exception):
    """The channel cannot carry this. `pointer` is a JSON pointer into the request."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(why)
        self.pointer = pointer
        self.why = why
