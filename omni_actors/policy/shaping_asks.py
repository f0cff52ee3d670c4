"""Shaping of what asks for more than a choice: requests, forms, products and calls."""

from typing import TypeAlias, assert_never

import regex
from attrs import evolve, frozen

from omni_actors.model.capabilities import Form, Level, Limits
from omni_actors.model.content import CallInvite, FormRequest, Products, ProductSection, Request
from omni_actors.policy.fitting import blank, measured, not_as, one_line, over
from omni_actors.policy.framing import Frame, Framer
from omni_actors.policy.shaped import Note, Shaped, Unshapable
from omni_actors.policy.shaping_cards import whole_notes
from omni_actors.policy.wording import Notes, Wording, part_of

Ask: TypeAlias = Request | FormRequest | Products | CallInvite

_EMOJI = regex.compile(
    r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u20e3\ufe0f\u200d]"
)


@frozen
class AskShaper:
    """Shapes what asks, for one channel."""

    wording: Wording
    framer: Framer

    def shape(self, content: Ask, path: str) -> Shaped:
        """The content in the first form that takes it. Raises Unshapable."""
        match content:
            case Request():
                return self.request(content, path)
            case FormRequest():
                return self.form(content, path)
            case Products():
                return self.products(content, path)
            case CallInvite():
                return self.call(content, path)
            case _:
                assert_never(content)

    def request(self, content: Request, path: str) -> Shaped:
        """A request by the platform's own means, or in words that a person can answer."""
        frame, notes = self.framed(content, path)
        why = ""
        for form in self.wording.forms(f"request.{content.kind}", path):
            if form.level is Level.FLATTENED:
                flat = self.wording.flat([frame.whole], path, form, why)
                return evolve(flat, notes=(*notes, *flat.notes))
            unfit = country_unfit(content, form.limits)
            if not unfit:
                fits = self.framer.fit(frame, form, path)
                shown = evolve(
                    content,
                    text=fits.frame.text,
                    format="plain",
                    header=fits.frame.header,
                    footer=fits.frame.footer,
                )
                return fits.then(part_of(form, shown), notes + whole_notes(form, path, why))
            why = not_as(form, unfit)
        raise Unshapable(f"{path}/country", why)

    def form(self, content: FormRequest, path: str) -> Shaped:
        """A button that opens a form; nothing stands for one where there are none."""
        check_form(content, path)
        frame, notes = self.framed(content, path)
        form = self.wording.forms("form", path)[0]
        button, more = label(content.button, form.limits, f"{path}/button")
        fits = self.framer.fit(frame, form, path)
        shown = evolve(
            content,
            text=fits.frame.text,
            format="plain",
            button=button,
            header=fits.frame.header,
            media=fits.frame.media,
            footer=fits.frame.footer,
        )
        return fits.then(part_of(form, shown), notes + more + whole_notes(form, path, ""))

    def call(self, content: CallInvite, path: str) -> Shaped:
        """A button that calls the business."""
        frame, notes = self.framed(content, path)
        form = self.wording.forms("call_invite", path)[0]
        if form.limits.minutes_max and (content.ttl_minutes or 1) > form.limits.minutes_max:
            raise Unshapable(f"{path}/ttl_minutes", f"at most {form.limits.minutes_max} minutes")
        button, more = label(content.button, form.limits, f"{path}/button")
        minutes = content.ttl_minutes
        if minutes is not None and form.limits.minutes_max == 0:
            minutes, why = None, "buttons there do not end"
            more += (Note(f"{path}/ttl_minutes", Level.DROPPED, "", why),)
        fits = self.framer.fit(frame, form, path)
        shown = evolve(
            content, text=fits.frame.text, format="plain", button=button, ttl_minutes=minutes
        )
        return fits.then(part_of(form, shown), notes + more + whole_notes(form, path, ""))

    def products(self, content: Products, path: str) -> Shaped:
        """Products in the first form that holds so many of them."""
        count = check_products(content, path)
        frame, notes = self.framed(content, path)
        wished = why = ""
        for form in self.wording.forms(products_key(content), path):
            if form.limits.in_catalog and blank(content.catalog_id or ""):
                raise Unshapable(f"{path}/catalog_id", "products need the catalog that they are in")
            unfit = products_unfit(content.sections, count, form.limits)
            if not unfit:
                return self.shown(content, frame, form, path, notes, wished)
            why = not_as(form, unfit)
            wished = wished or why
        raise Unshapable(f"{path}/sections", why)

    def shown(
        self, content: Products, frame: Frame, form: Form, path: str, notes: Notes, why: str
    ) -> Shaped:
        """Products in a form that holds them."""
        fits = self.framer.fit(frame, form, path)
        sections, more = headed(content.sections, form, path)
        shown = evolve(
            content,
            text=fits.frame.text or None,
            format="plain",
            sections=sections,
            header=fits.frame.header,
            footer=fits.frame.footer,
        )
        told = notes + whole_notes(form, f"{path}/layout", why) + more
        return fits.then(part_of(form, shown), told)

    def framed(self, content: Ask, path: str) -> tuple[Frame, Notes]:
        """The text with what stands around it, in the channel's dialect."""
        words, notes = "", ()  # type: tuple[str, Notes]
        if content.text:
            words, notes = self.wording.rendered(content.text, content.format, f"{path}/text")
        if blank(words) and not isinstance(content, Products):
            raise Unshapable(f"{path}/text", "this needs a text")
        if isinstance(content, CallInvite):
            return Frame(words), notes
        media = content.media if isinstance(content, FormRequest) else None
        frame = Frame(words, content.header, content.footer, media)
        frame, more = self.framer.tidied(frame, path)
        return frame, notes + more


def country_unfit(content: Request, limits: Limits) -> str:
    """Why a form is not for this country."""
    if not limits.countries or content.country in limits.countries:
        return ""
    return f"there are such forms only for {', '.join(limits.countries)}"


def label(text: str | None, limits: Limits, path: str) -> tuple[str | None, Notes]:
    """A button's label as the form shows it; without one the platform's usual word is used."""
    said = one_line(text or "")
    shown = one_line(_EMOJI.sub("", said)) if limits.plain_button else said
    notes: Notes = ()
    if said and said != text:
        notes += (Note(path, Level.CONVERTED, "single line", "labels have one line"),)
    if over(shown, limits.button_max, limits):
        most = measured(limits.button_max, limits)
        return None, (*notes, Note(path, Level.DROPPED, "", f"labels hold {most}"))
    if shown != said:
        notes += (Note(path, Level.DROPPED, shown, "labels there have no emoji"),)
    return (None if blank(shown) else shown), notes


def check_form(content: FormRequest, path: str) -> None:
    """Raise Unshapable unless the form can open."""
    if content.first == "data_exchange" and (content.screen or content.data):
        where = "screen" if content.screen else "data"
        raise Unshapable(f"{path}/{where}", "the form's server says what is shown first")
    if content.data and not content.screen:
        raise Unshapable(f"{path}/screen", "data needs the screen that it is for")


def check_products(content: Products, path: str) -> int:
    """How many products there are. Raises Unshapable unless each has an id."""
    ids = [each for section in content.sections for each in section.product_ids]
    if any(blank(each) for each in ids):
        raise Unshapable(f"{path}/sections", "a product needs an id")
    if content.sections and not all(section.product_ids for section in content.sections):
        raise Unshapable(f"{path}/sections", "a section needs at least one product")
    return len(ids)


def products_key(content: Products) -> str:
    """The key of the capabilities that holds the forms of these products."""
    return f"products.{content.layout if content.sections else 'catalog'}"


def products_unfit(sections: tuple[ProductSection, ...], count: int, limits: Limits) -> str:
    """Why a form does not hold these products."""
    if count < limits.items_min:
        return f"{count} products, at least {limits.items_min} wanted"
    if limits.items_max is not None and count > limits.items_max:
        return f"{count} products, {limits.items_max} allowed"
    if limits.section_max == 0:
        return ""
    titles = ["" if blank(each.title or "") else one_line(each.title or "") for each in sections]
    if limits.sections_max is not None and len(sections) > limits.sections_max:
        return f"{len(sections)} sections, {limits.sections_max} allowed"
    if len(sections) > 1 and not all(titles):
        return "each section needs a title there"
    if any(over(title, limits.section_max, limits) for title in titles):
        return f"a title longer than {measured(limits.section_max, limits)}"
    return ""


def headed(
    sections: tuple[ProductSection, ...], form: Form, path: str
) -> tuple[tuple[ProductSection, ...], Notes]:
    """Sections with their headings as the form shows them."""
    shown = []
    notes: Notes = ()
    for n, section in enumerate(sections):
        title = None if blank(section.title or "") else one_line(section.title or "")
        place = f"{path}/sections/{n}/title"
        if title and form.limits.section_max == 0:
            notes += (Note(place, Level.DROPPED, "", f"{form.name} has no headings"),)
            title = None
        elif title != section.title:
            notes += (Note(place, Level.CONVERTED, "single line", "labels have one line"),)
        shown.append(evolve(section, title=title))
    return tuple(shown), notes
