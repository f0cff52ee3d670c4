"""Shaping of questions: native options where all of them fit, else text with marks to answer by."""

from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import Choices
from omni_actors.policy import flattening
from omni_actors.policy.fitting import (
    blank,
    check_options,
    measured,
    neat,
    one_line,
    options_unfit,
    over,
)
from omni_actors.policy.shaped import Note, Shaped, ShapedPart, Unshapable
from omni_actors.policy.splitting import split
from omni_actors.policy.wording import Notes, Wording, part_of


@frozen
class ChoicesShaper:
    """Shapes questions for one channel."""

    wording: Wording

    def shape(self, content: Choices, path: str) -> Shaped:
        """A question in the first form that shows every option whole."""
        words, notes = self.wording.rendered(content.text, content.format, f"{path}/text")
        if blank(words):
            raise Unshapable(f"{path}/text", "a question needs a text")
        check_options(content.options, path)
        options = tuple(map(neat, content.options))
        button = one_line(content.button or "") or None
        for name, label in (("options", options), ("button", button)):
            if label != getattr(content, name):
                why = "labels have one line"
                notes += (Note(f"{path}/{name}", Level.CONVERTED, "single line", why),)
        asked = evolve(content, text=words, format="plain", options=options, button=button)
        why = ""
        for form in self.wording.forms("choices", path):
            if form.level is Level.FLATTENED:
                return self.numbered(asked, form, path, notes, why)
            unfit = options_unfit(options, form.limits)
            if not unfit:
                return self.native(asked, form, path, notes, why)
            why = why or unfit
        raise Unshapable(f"{path}/options", why)

    def numbered(self, asked: Choices, form: Form, path: str, notes: Notes, why: str) -> Shaped:
        """The question as text; a mark before each option answers."""
        blocks = flattening.question(asked.text, asked.options)
        flat = self.wording.flat(blocks, f"{path}/options", form, why)
        return Shaped(flat.parts, notes + flat.notes, asked.options, numbered=True)

    def native(self, asked: Choices, form: Form, path: str, notes: Notes, why: str) -> Shaped:
        """The question in a native form; of a long text only the last piece asks."""
        if form.level is not Level.NATIVE:
            notes += (Note(f"{path}/options", form.level, form.name, why or form.why),)
        ahead, last, more = self.text_ahead(asked.text, form, path)
        button = asked.button
        if over(button, form.limits.button_max, form.limits):
            most = measured(form.limits.button_max, form.limits)
            dropped = Note(f"{path}/button", Level.DROPPED, "", f"labels hold {most}")
            more, button = (*more, dropped), None
        question = part_of(form, evolve(asked, text=last, button=button))
        return Shaped((*ahead, question), notes + more, asked.options)

    def text_ahead(
        self, text: str, form: Form, path: str
    ) -> tuple[tuple[ShapedPart, ...], str, Notes]:
        """The text parts that must go ahead of a question, and what remains to ask with."""
        if not over(text, form.limits.text_max, form.limits):
            return (), text, ()
        cut = split(text, form.limits.text_max or 0, form.limits.unit)
        last = [piece for piece in cut.pieces if not blank(piece)][-1]
        why = f"{form.name} holds {measured(form.limits.text_max, form.limits)} of text"
        note = Note(f"{path}/text", Level.CONVERTED, "text ahead", why)
        words = text[: text.rindex(last)].rstrip()
        if blank(words):
            return (), last, ()
        parts, more = self.wording.pieces([words], f"{path}/text")
        return parts, last, (note, *more)
