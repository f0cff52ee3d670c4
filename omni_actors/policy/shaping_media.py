"""Shaping of media: the first form that takes the bytes, with the caption in it or below it."""

import re
from collections.abc import Mapping

from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level
from omni_actors.model.content import Media, MediaKind
from omni_actors.policy.fitting import blank, measured, medium_unfit, not_as, over, shortened
from omni_actors.policy.shaped import MediumFacts, Note, Shaped, Unshapable
from omni_actors.policy.wording import Notes, Wording, part_of


@frozen
class MediaShaper:
    """Shapes media for one channel; `facts` tell of each by its id."""

    wording: Wording
    facts: Mapping[str, MediumFacts]

    def shape(self, content: Media, path: str) -> Shaped:
        """A medium in the first form that takes it; a caption without room there follows it."""
        form, why = self.medium_form(content, path)
        if form.level is not Level.FLATTENED:
            return self.media_as(content, form, path, why)
        lines = [line for line in (content.caption, content.url) if line]
        return self.wording.flat(lines, path, form, why)

    def captioned(self, content: Media, words: str, path: str) -> Shaped | None:
        """A medium with words as its caption, if it has none and its form has room for them."""
        if not blank(content.caption or "") or blank(words):
            return None
        form, why = self.medium_form(content, path)
        room = form.limits.caption_max
        if form.level is Level.FLATTENED or not room or over(words, room, form.limits):
            return None
        return self.media_as(evolve(content, caption=words), form, path, why)

    def medium_form(self, content: Media, path: str) -> tuple[Form, str]:
        """The first form that takes a medium, and why the one before it does not."""
        if not content.media_id and not content.url and not content.external_id:
            raise Unshapable(path, "a medium needs a media_id, a url or an external_id")
        why = ""
        for form in self.wording.forms(f"media.{content.kind}", path):
            unfit = self.unfit(content, form)
            if not unfit:
                return form, why
            if not why or form.level is not Level.FLATTENED:
                why = not_as(form, unfit)
        pointer = f"{path}/url" if content.url else path
        raise Unshapable(pointer, why)

    def unfit(self, content: Media, form: Form) -> str:
        """Why a form does not take a medium; of a link's bytes nothing is known."""
        if form.level is Level.FLATTENED:
            return "" if content.url else form.why or "it can only be sent as a link"
        if content.external_id:
            return held_unfit(content.external_id, form)
        if form.limits.media_by == "id":
            return "only what the platform has itself, by its external_id"
        if content.media_id:
            return medium_unfit(form.limits, self.known(content))
        if not self.wording.capabilities.media_by_url:
            return "this channel takes uploaded media only"
        if over(content.url, form.limits.url_max, form.limits):
            return f"links hold {measured(form.limits.url_max, form.limits)}"
        return ""

    def native_unfit(self, content: Media) -> str:
        """Why a medium cannot be shown as what it is."""
        forms = self.wording.capabilities.forms_of(f"media.{content.kind}")
        if not forms or forms[0].level is not Level.NATIVE:
            return f"{content.kind} is not shown there"
        if not content.media_id and not content.url and not content.external_id:
            return "a medium needs a media_id, a url or an external_id"
        return self.unfit(content, forms[0])

    def known(self, content: Media) -> MediumFacts:
        """What is known of a medium's bytes."""
        told = MediumFacts(content.mime, content.size, content.filename)
        return self.facts.get(content.media_id or "", told)

    def media_as(self, content: Media, form: Form, path: str, why: str) -> Shaped:
        """A medium in a form that takes it."""
        kind = MediaKind(form.name) if form.name in set(MediaKind) else content.kind
        medium, notes = self.named(evolve(content, kind=kind), form, path)
        if form.level is not Level.NATIVE:
            notes = (Note(path, form.level, form.name, why or form.why), *notes)
        room = form.limits.caption_max or 0
        caption = "" if blank(content.caption or "") else content.caption or ""
        if not over(caption, room, form.limits):
            return Shaped((part_of(form, evolve(medium, caption=caption or None)),), notes)
        parts, more = self.wording.pieces([caption], f"{path}/caption")
        why = f"captions of {form.name} hold {measured(room, form.limits)}"
        moved = Note(f"{path}/caption", Level.CONVERTED, "text", why)
        bare = part_of(form, evolve(medium, caption=None))
        return Shaped((bare, *parts), (*notes, moved, *more))

    def named(self, medium: Media, form: Form, path: str) -> tuple[Media, Notes]:
        """A medium under a name that the form has room for; its ending is kept."""
        if blank(medium.filename or ""):
            medium = evolve(medium, filename=None)
        name = medium.filename or self.known(medium).filename
        if not over(name, form.limits.filename_max, form.limits):
            return medium, ()
        most = measured(form.limits.filename_max, form.limits)
        short = shortened(name or "", form.limits)
        note = Note(f"{path}/filename", Level.CONVERTED, short, f"names hold {most}")
        return evolve(medium, filename=short), (note,)


def held_unfit(external_id: str, form: Form) -> str:
    """Why a form does not take what is named by the platform's own id."""
    if not form.limits.held:
        return "there is no way to name what the platform has"
    if form.limits.ids and not re.fullmatch(form.limits.ids, external_id):
        return f"{external_id[:40]!r} is no id there"
    return ""
