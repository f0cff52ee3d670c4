"""What stands around a text: a header and a medium above it, a footer below it.

What a form has no place for moves: a header or footer into the text, a medium ahead of it, and of
a text that is too long all but its last piece.
"""

from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import Media
from omni_actors.policy.fitting import blank, measured, of_text, one_line, over
from omni_actors.policy.shaped import Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.shaping_media import MediaShaper
from omni_actors.policy.splitting import split
from omni_actors.policy.wording import Notes, Wording


@frozen
class Frame:
    """A text with what stands around it."""

    text: str
    header: str | None = None
    footer: str | None = None
    media: Media | None = None

    @property
    def whole(self) -> str:
        """Header, text and footer as one text."""
        told = [self.header, self.text, self.footer]
        return "\n".join([each for each in told if each and not blank(each)])


@frozen
class Framed:
    """What fits around a text, what goes ahead of it, and what to tell of that."""

    frame: Frame
    ahead: tuple[ShapedPart, ...] = ()
    notes: Notes = ()

    def then(self, part: ShapedPart, notes: Notes = ()) -> Shaped:
        """What goes ahead, and then the part."""
        return Shaped((*self.ahead, part), (*notes, *self.notes))


@frozen
class Framer:
    """Fits frames into the forms of one channel."""

    wording: Wording
    media: MediaShaper

    def tidied(self, frame: Frame, path: str) -> tuple[Frame, Notes]:
        """Header and footer on one line; what nobody can see is none."""
        header, footer = lined(frame.header), lined(frame.footer)
        why = "headers and footers have one line"
        notes = [
            Note(f"{path}/{name}", Level.CONVERTED, "single line", why)
            for name, line, text in (
                ("header", header, frame.header),
                ("footer", footer, frame.footer),
            )
            if line and line != text
        ]
        return evolve(frame, header=header, footer=footer), tuple(notes)

    def fit(self, frame: Frame, form: Form, path: str) -> Framed:
        """The frame as a form can show it. Raises Unshapable where a needed piece is missing."""
        framed = self.medium_fit(frame, form, path)
        framed = self.lines_fit(framed, form, path)
        text, limits = framed.frame.text, form.limits
        if limits.text_min and blank(text):
            raise Unshapable(f"{path}/text", f"{form.name} needs a text")
        if limits.header_min and framed.frame.header is None:
            most = measured(limits.header_max, limits)
            raise Unshapable(f"{path}/header", f"{form.name} needs a header of at most {most}")
        if not over(text, limits.text_max, of_text(limits)):
            return framed
        return self.text_fit(framed, form, path)

    def medium_fit(self, frame: Frame, form: Form, path: str) -> Framed:
        """A medium above the text, or ahead of it."""
        if frame.media is None:
            return Framed(frame)
        why = self.medium_unfit(frame.media, form)
        if not why:
            return Framed(frame)
        ahead = self.media.shape(frame.media, f"{path}/media")
        note = Note(f"{path}/media", Level.CONVERTED, "a part of its own", why)
        return Framed(evolve(frame, media=None), ahead.parts, (note, *ahead.notes))

    def medium_unfit(self, medium: Media, form: Form) -> str:
        """Why a form cannot show a medium above its text."""
        if medium.kind not in form.limits.header_media:
            return f"{form.name} shows no {medium.kind} above its text"
        if not blank(medium.caption or ""):
            return f"{form.name} shows no caption below its {medium.kind}"
        return self.media.native_unfit(medium)

    def lines_fit(self, framed: Framed, form: Form, path: str) -> Framed:
        """Header and footer in their places, or as lines of the text."""
        frame, limits, notes = framed.frame, form.limits, framed.notes
        if over(frame.footer, limits.footer_max, limits):
            frame = evolve(frame, text=f"{frame.text}\n{frame.footer}", footer=None)
            notes += (self.moved("footer", form, path),)
        long = over(frame.text, limits.text_max, of_text(limits)) and not limits.header_min
        crowded = frame.header is not None and (long or frame.media is not None)
        if crowded or over(frame.header, limits.header_max, limits):
            frame = evolve(frame, text=f"{frame.header}\n{frame.text}", header=None)
            notes += (self.moved("header", form, path),)
        return evolve(framed, frame=frame, notes=notes)

    def moved(self, name: str, form: Form, path: str) -> Note:
        """What to tell of a header or footer that became a line of the text."""
        most = form.limits.header_max if name == "header" else form.limits.footer_max
        why = f"no room for this {name} there" if most else f"{form.name} has no {name}"
        return Note(f"{path}/{name}", Level.CONVERTED, "text", why)

    def text_fit(self, framed: Framed, form: Form, path: str) -> Framed:
        """All but the last piece of a long text goes ahead; all of it where there is no text."""
        text, limits = framed.frame.text, of_text(form.limits)
        if limits.text_max == 0:
            parts, more = self.wording.pieces([text], f"{path}/text")
            note = Note(f"{path}/text", Level.CONVERTED, "text ahead", f"{form.name} has no text")
            bare = evolve(framed.frame, text="")
            return Framed(bare, framed.ahead + parts, (*framed.notes, note, *more))
        cut = split(text, limits.text_max or 0, limits.unit)
        last = [piece for piece in cut.pieces if not blank(piece)][-1]
        kept = evolve(framed, frame=evolve(framed.frame, text=last))
        words = text[: text.rindex(last)].rstrip()
        if blank(words):
            return kept
        parts, more = self.wording.pieces([words], f"{path}/text")
        why = f"{form.name} holds {measured(limits.text_max, limits)} of text"
        note = Note(f"{path}/text", Level.CONVERTED, "text ahead", why)
        return evolve(kept, ahead=kept.ahead + parts, notes=(*kept.notes, note, *more))


def lined(text: str | None) -> str | None:
    """A text on one line; None when there is nothing to see in it."""
    return None if blank(text or "") else one_line(text or "")
