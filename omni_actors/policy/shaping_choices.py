"""Shaping of questions: native options where all of them fit, else text with marks to answer by."""

from collections.abc import Sequence

from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import Choices, Option
from omni_actors.policy import flattening
from omni_actors.policy.fitting import (
    blank,
    check_options,
    measured,
    neat,
    not_as,
    of_text,
    one_line,
    options_unfit,
    over,
)
from omni_actors.policy.framing import Frame, Framer
from omni_actors.policy.shaped import Note, Shaped, Unshapable
from omni_actors.policy.wording import Notes, Wording, part_of


@frozen
class ChoicesShaper:
    """Shapes questions for one channel."""

    wording: Wording
    framer: Framer

    def takes(self, options: Sequence[Option]) -> bool:
        """Whether some form shows these options."""
        shown = tuple(map(neat, options))
        return any(
            form.level is Level.FLATTENED or not options_unfit(shown, form.limits)
            for form in self.wording.capabilities.forms_of("choices")
        )

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
        frame, more = self.framer.tidied(
            Frame(words, content.header, content.footer, content.media), path
        )
        asked = evolve(content, format="plain", options=options, button=button)
        why = ""
        for form in self.forms(options, path):
            if form.level is Level.FLATTENED:
                return self.numbered(asked, frame, form, path, notes + more, why)
            unfit = options_unfit(options, form.limits) or piece_unfit(frame, form)
            if not unfit:
                return self.native(asked, frame, form, path, notes + more, why)
            why = not_as(form, unfit)
        raise Unshapable(f"{path}/options", why)

    def forms(self, options: Sequence[Option], path: str) -> Sequence[Form]:
        """The forms, best first: for options with pictures those that show them are."""
        forms = self.wording.forms("choices", path)
        if not any(option.image for option in options):
            return forms
        return sorted(forms, key=lambda form: not form.limits.option_image)

    def numbered(
        self, asked: Choices, frame: Frame, form: Form, path: str, notes: Notes, why: str
    ) -> Shaped:
        """The question as text; a mark before each option answers. A medium goes ahead, or above
        if its caption has room for all of that."""
        asked, unseen = seen(asked, form, path)
        notes += unseen
        blocks = flattening.question(evolve(frame, footer=None).whole, asked.options)
        blocks += [f"\n{frame.footer}"] if frame.footer else []
        place = f"{path}/options"
        if frame.media is None:
            shaped = self.wording.flat(blocks, place, form, why)
        else:
            words, media = "\n".join(blocks), self.framer.media
            shaped = media.captioned(frame.media, words, f"{path}/media") or media.shape(
                frame.media, f"{path}/media"
            ).followed_by(self.wording.flat(blocks, place, form, why))
            if len(shaped.parts) == 1:
                note = Note(place, Level.FLATTENED, "media with caption", why or form.why)
                shaped = evolve(shaped, notes=(note, *shaped.notes))
        return Shaped(shaped.parts, notes + shaped.notes, asked.options, numbered=True)

    def native(
        self, asked: Choices, frame: Frame, form: Form, path: str, notes: Notes, why: str
    ) -> Shaped:
        """The question in a native form; of a long text only the last piece asks."""
        if form.level is not Level.NATIVE:
            notes += (Note(f"{path}/options", form.level, form.name, why or form.why),)
        framed = self.framer.fit(frame, form, path)
        asked, unseen = seen(asked, form, path)
        notes += unseen
        button = asked.button
        if over(button, form.limits.button_max, form.limits):
            most = measured(form.limits.button_max, form.limits)
            notes += (Note(f"{path}/button", Level.DROPPED, "", f"labels hold {most}"),)
            button = None
        fits = framed.frame
        question = evolve(
            asked,
            text=fits.text,
            button=button,
            header=fits.header,
            media=fits.media,
            footer=fits.footer,
        )
        return evolve(framed.then(part_of(form, question), notes), options=asked.options)


def piece_unfit(frame: Frame, form: Form) -> str:
    """Why a form that takes a text in one piece only does not take this one."""
    limits = of_text(form.limits)
    if not limits.one_piece or not over(frame.whole, limits.text_max, limits):
        return ""
    return f"a text longer than {measured(limits.text_max, limits)}"


def seen(asked: Choices, form: Form, path: str) -> tuple[Choices, Notes]:
    """The question without the pictures of its options where a form shows none."""
    if form.limits.option_image or not any(option.image for option in asked.options):
        return asked, ()
    options = tuple([evolve(option, image=None) for option in asked.options])
    note = Note(f"{path}/options", Level.DROPPED, "", f"{form.name} has no pictures of options")
    return evolve(asked, options=options), (note,)
