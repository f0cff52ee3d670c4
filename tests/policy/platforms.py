"""Platforms that the shaping tests invent, and the limits of a part counted anew."""

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits
from omni_actors.model.content import (
    Card,
    Carousel,
    Choices,
    Contacts,
    Content,
    Media,
    MediaKind,
    Option,
    Text,
)
from omni_actors.policy.shaped import MediumFacts, Shaped, ShapedPart

LINK = Form("link", Level.FLATTENED, why="no such files")
AS_TEXT = Form("text", Level.FLATTENED, why="text only")

# Short texts counted in bytes, quick replies, no captions, uploaded pictures only.
POOR = Capabilities(
    forms={
        "text": (Form("text", Level.NATIVE, Limits("utf8", text_max=1000)),),
        "choices": (
            Form(
                "quick_replies",
                Level.NATIVE,
                Limits(
                    "utf8",
                    text_max=1000,
                    options_max=13,
                    option_title_max=20,
                    option_description_max=0,
                    option_id_max=1000,
                ),
            ),
            Form("numbered_text", Level.FLATTENED, why="more than quick replies can show"),
        ),
        "media.image": (
            Form("image", Level.NATIVE, Limits("utf8", mimes=("image/jpeg",), bytes_max=8_000)),
            LINK,
        ),
        "media.document": (LINK,),
        "card": (AS_TEXT,),
        "carousel": (AS_TEXT,),
        "location": (AS_TEXT,),
        "contacts": (AS_TEXT,),
        "email": (AS_TEXT,),
    }
)

CARD = Limits(text_max=80, options_max=3, option_title_max=20, option_id_max=100, items_max=10)

# Cards and mails of their own, questions that need two options at least, and no text form for them.
RICH = Capabilities(
    forms={
        "text": (Form("text", Level.NATIVE, Limits(text_max=2000)),),
        "choices": (
            Form("buttons", Level.NATIVE, Limits(text_max=640, options_min=2, options_max=3)),
        ),
        "media.image": (
            Form("image", Level.NATIVE, Limits(caption_max=100, filename_max=20, bytes_max=8_000)),
            Form("document", Level.CONVERTED, Limits(caption_max=100, filename_max=20), "too big"),
        ),
        "card": (Form("generic", Level.NATIVE, CARD), AS_TEXT),
        "carousel": (Form("generic", Level.NATIVE, CARD),),
        "email": (Form("mail", Level.CONVERTED, Limits(text_max=5000), "as a mail"),),
        "contacts": (Form("contacts", Level.NATIVE, Limits(items_max=2)),),
        "location": (Form("location", Level.NATIVE),),
    },
    media_by_url=True,
)


def size(text: str, unit: str) -> int:
    """How long a text is, by the codecs' own count."""
    match unit:
        case "utf16":
            return len(text.encode("utf-16-le")) // 2
        case "utf8":
            return len(text.encode("utf-8"))
        case _:
            return len(text)


def excess(
    part: ShapedPart, capabilities: Capabilities, facts: dict[str, MediumFacts]
) -> list[str]:
    """What of a part breaks the limits of its form; empty when nothing does."""
    limits = form_of(part, capabilities).limits
    content = part.content
    found = [
        what
        for what, text, most in texts_of(content, limits)
        if most is not None and size(text or "", unit_of(what, limits)) > most
    ]
    if isinstance(content, Text | Choices) and limits.text_max != 0 and not content.text.strip():
        found.append("no text")
    if isinstance(content, Choices):
        titles = [option.title for option in content.options]
        most = len(titles) if limits.options_max is None else limits.options_max
        if not limits.options_min <= len(titles) <= most or len(set(titles)) < len(titles):
            found.append("options")
    if isinstance(content, Media):
        found += unfit_bytes(content, limits, facts)
        if content.url and not content.media_id and not capabilities.media_by_url:
            found.append("url")
    for count, allowed in counts_of(content, limits):
        found += ["items"] if allowed is not None and count > allowed else []
    return found


def unit_of(what: str, limits: Limits) -> str:
    """What a text is counted in."""
    return (limits.text_unit if what == "text" else None) or limits.unit


def texts_of(content: Content, limits: Limits) -> list[tuple[str, str | None, int | None]]:
    """The texts of a content with what they are and how long they may be."""
    match content:
        case Text(text=text):
            return [("text", text, limits.text_max)]
        case Choices() as asked:
            texts: list[tuple[str, str | None, int | None]]
            texts = [("text", asked.text, limits.text_max)]
            for option in asked.options:
                texts.append(("title", option.title, limits.option_title_max))
                texts.append(("about", option.description or "", limits.option_description_max))
                texts.append(("id", option.id, limits.option_id_max))
            return [*texts, ("button", asked.button, limits.button_max)]
        case Media(caption=caption, filename=filename):
            return [
                ("caption", caption, limits.caption_max or 0),
                ("filename", filename, limits.filename_max),
            ]
        case Card(title=title, text=text, actions=actions):
            titles = [("action", action.title, limits.option_title_max) for action in actions]
            ids = [("action", action.id or "", limits.option_id_max) for action in actions]
            own = [("card", title, limits.text_max), ("card", text or "", limits.text_max)]
            return [*own, *titles, *ids]
        case Carousel(cards=cards):
            return [found for card in cards for found in texts_of(card, limits)]
        case _:
            return []


def counts_of(content: Content, limits: Limits) -> list[tuple[int, int | None]]:
    """How many items a content has, and how many it may have."""
    match content:
        case Contacts(contacts=cards):
            return [(len(cards), limits.items_max)]
        case Card(actions=actions):
            return [(len(actions), limits.options_max)]
        case Carousel(cards=cards):
            inner = [found for card in cards for found in counts_of(card, limits)]
            return [(len(cards), limits.items_max), *inner]
        case _:
            return []


def unfit_bytes(medium: Media, limits: Limits, facts: dict[str, MediumFacts]) -> list[str]:
    """What of a medium's bytes a form does not take."""
    known = facts.get(medium.media_id or "")
    if known is None:
        return []
    mime = (known.mime or "").partition(";")[0].lower()
    taken = [mime, f"{mime.partition('/')[0]}/*"]
    wrong = [] if not limits.mimes or set(taken) & set(limits.mimes) else ["mime"]
    large = limits.bytes_max is not None and (known.size or 0) > limits.bytes_max
    return [*wrong, *(["bytes"] if large else [])]


def form_of(part: ShapedPart, capabilities: Capabilities) -> Form:
    """The form that a part claims, among those of its content type."""
    keys = {
        Text: ["text"],
        Media: [f"media.{kind}" for kind in MediaKind],
        Choices: ["choices"],
        Card: ["card"],
        Carousel: ["carousel"],
        Contacts: ["contacts"],
    }.get(type(part.content), list(capabilities.forms))
    forms = [form for key in keys for form in capabilities.forms_of(key)]
    return next(
        form for form in forms if form.name == part.form and form.level is not Level.FLATTENED
    )


def squeezed(text: str) -> str:
    """Text without whitespace, which alone may be lost where text is cut."""
    return "".join(text.split())


def said(shaped: Shaped) -> str:
    """All that the text parts say, without whitespace."""
    texts = [part.content.text for part in shaped.parts if isinstance(part.content, Text)]
    return squeezed("".join(texts))


def options(*titles: str) -> tuple[Option, ...]:
    """Options with ids a, b, c, …"""
    return tuple([Option(chr(97 + n), title) for n, title in enumerate(titles)])


def only(shaped: Shaped) -> Content:
    """The content of the only part."""
    (part,) = shaped.parts
    return part.content
