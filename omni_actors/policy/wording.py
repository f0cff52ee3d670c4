"""What of a message becomes text on a channel: in its dialect, and in pieces that fit."""

from collections.abc import Sequence
from typing import TypeAlias

from attrs import frozen

from omni_actors.model.capabilities import Capabilities, Form, Level
from omni_actors.model.content import Content, Text
from omni_actors.policy.dialects import render_markdown
from omni_actors.policy.fitting import blank, measured, media_ids_of
from omni_actors.policy.flattening import packed
from omni_actors.policy.shaped import Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.splitting import Split

Notes: TypeAlias = tuple[Note, ...]


@frozen
class Wording:
    """Makes text parts for one channel."""

    capabilities: Capabilities

    def forms(self, key: str, path: str) -> tuple[Form, ...]:
        """The forms of a content type, at least one."""
        forms = self.capabilities.forms_of(key)
        if not forms:
            raise Unshapable(path, f"{key} cannot be sent on this channel")
        return forms

    def rendered(self, text: str, form: str, path: str) -> tuple[str, Notes]:
        """Text in the channel's dialect, and what became of its formatting."""
        if form != "markdown":
            return text, ()
        dialect = self.capabilities.dialect
        written = render_markdown(text, dialect)
        level, why = Level.CONVERTED, "markdown in the channel's own marks"
        if written.lost:
            level, why = Level.FLATTENED, f"not shown as such: {', '.join(written.lost)}"
        return written.text, (Note(path, level, f"{dialect.name} text", why),)

    def pieces(self, blocks: Sequence[str], path: str) -> tuple[tuple[ShapedPart, ...], Notes]:
        """Text parts, each within the limit; a block stays whole where it fits into one."""
        form = self.forms("text", path)[0]
        cut = packed(blocks, form.limits.text_max, form.limits.unit)
        shown = [piece for piece in cut.pieces if not blank(piece)]
        if not shown:
            raise Unshapable(path, "there is no text to send")
        parts = tuple([ShapedPart(form.name, Text(piece)) for piece in shown])
        return parts, split_notes(cut, len(parts), form, path)

    def flat(self, blocks: Sequence[str], path: str, form: Form, why: str = "") -> Shaped:
        """Content that is now text."""
        parts, notes = self.pieces(blocks, path)
        return Shaped(parts, (Note(path, Level.FLATTENED, form.name, why or form.why), *notes))


def part_of(form: Form, content: Content) -> ShapedPart:
    """A part with the media that its content names."""
    return ShapedPart(form.name, content, media_ids_of(content))


def split_notes(cut: Split, count: int, form: Form, path: str) -> Notes:
    """What to tell of a text that was cut."""
    notes: Notes = ()
    if count > 1:
        why = f"longer than {measured(form.limits.text_max, form.limits)}"
        notes = (Note(path, Level.CONVERTED, f"{count} parts", why),)
    if cut.graphemes_broken:
        why = "a single character was longer than a whole message"
        notes += (Note(path, Level.FLATTENED, "broken characters", why),)
    return notes
