"""Spells a part's content as the body of one message, by the form that shaping chose.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from attrs import asdict, frozen

from omni_actors.adapters.contract import Medium
from omni_actors.adapters.whatsapp import spelling_interactive as shown
from omni_actors.adapters.whatsapp.limits import CONTACTS_MAX
from omni_actors.adapters.whatsapp.spelling_interactive import Source
from omni_actors.adapters.whatsapp.spelling_template import place, template
from omni_actors.model.content import (
    CallInvite,
    Card,
    Carousel,
    Choices,
    ContactCard,
    Contacts,
    Content,
    FormRequest,
    Location,
    Media,
    Products,
    Reaction,
    Request,
    Template,
    Text,
    content_type,
)
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.policy import template_params
from omni_actors.policy.template_params import BadParams

Body: TypeAlias = dict[str, Any]
CAPTIONED: Final = ("image", "video", "document")
NAME_PARTS: Final = ("first_name", "middle_name", "last_name", "prefix", "suffix")


@frozen
class Spelled:
    """What spelling needs besides the content: the part's media, which the platform has by now,
    the quoted message, and whether links get a preview."""

    media: Mapping[str, Medium]
    reply_to: str | None = None
    link_preview: bool = True

    def source(self, medium: Media) -> Body:
        """Where the platform finds a medium. Raises SendFailure."""
        if medium.media_id is not None and medium.media_id in self.media:
            return {"id": self.media[medium.media_id].uploaded}
        if medium.url is not None:
            return {"link": medium.url}
        raise refuse(Reason.MEDIA_UNREACHABLE, "the medium has neither bytes nor a link")


Speller: TypeAlias = Callable[[str, Content, Spelled], Body]


def refuse(reason: Reason, why: str) -> SendFailure:
    """The failure of a part that can never be sent as it is."""
    return SendFailure(Failure(Kind.REJECTED, reason, text=why))


def spell(form: str, content: Content, beside: Spelled) -> Body:
    """`type` and the object of that name. Raises SendFailure for what the form cannot carry."""
    speller = SPELLERS.get(form)
    if speller is None:
        raise refuse(Reason.CONTENT_UNSUPPORTED, f"WhatsApp has no form `{form}`")
    return speller(form, content, beside)


def _misfit(form: str, content: Content) -> SendFailure:
    return refuse(
        Reason.CONTENT_UNSUPPORTED, f"the form `{form}` does not carry {content_type(content)}"
    )


def _text(form: str, content: Content, beside: Spelled) -> Body:
    if not isinstance(content, Text):
        raise _misfit(form, content)
    body: Body = {"body": content.text}
    if beside.link_preview and ("https://" in content.text or "http://" in content.text):
        body["preview_url"] = True
    return {"type": "text", "text": body}


def _media(form: str, content: Content, beside: Spelled) -> Body:
    if not isinstance(content, Media):
        raise _misfit(form, content)
    medium = beside.source(content)
    ours = beside.media.get(content.media_id or "")
    filename = content.filename or (ours.filename if ours else None)
    if content.caption and form not in CAPTIONED:
        raise refuse(Reason.CONTENT_UNSUPPORTED, f"WhatsApp shows no caption with {form}")
    if content.caption:
        medium["caption"] = content.caption
    if form == "document" and filename:
        medium["filename"] = filename
    if form == "voice":
        medium["voice"] = True
    kind = "audio" if form == "voice" else form
    return {"type": kind, kind: medium}


def _location(form: str, content: Content, _beside: Spelled) -> Body:
    if not isinstance(content, Location):
        raise _misfit(form, content)
    return {"type": "location", "location": place(content)}


def _contacts(form: str, content: Content, _beside: Spelled) -> Body:
    if not isinstance(content, Contacts):
        raise _misfit(form, content)
    if not 1 <= len(content.contacts) <= CONTACTS_MAX:
        raise refuse(Reason.CONTENT_UNSUPPORTED, f"WhatsApp takes 1 to {CONTACTS_MAX} contacts")
    return {"type": "contacts", "contacts": [_card(card) for card in content.contacts]}


def _card(card: ContactCard) -> Body:
    """One card. A name needs a second part besides the formatted one."""
    told: Body = _told(asdict(card))
    names = {part: told.pop(part) for part in NAME_PARTS if part in told}
    formatted = told.pop("formatted_name", "")
    told["name"] = {"formatted_name": formatted, **(names or {"first_name": formatted})}
    return told


def _told(value: Any) -> Any:
    """Without the keys that tell nothing, at any depth."""
    if isinstance(value, dict):
        told = {key: _told(inner) for key, inner in value.items()}
        return {key: inner for key, inner in told.items() if inner not in (None, "", [], {})}
    if isinstance(value, tuple):
        return [_told(inner) for inner in value]
    return value


def _reaction(form: str, content: Content, beside: Spelled) -> Body:
    if not isinstance(content, Reaction):
        raise _misfit(form, content)
    target = beside.reply_to or content.message_id
    if target is None:
        raise refuse(Reason.BAD_REQUEST, "a reaction must name the message that it is on")
    return {"type": "reaction", "reaction": {"message_id": target, "emoji": content.emoji}}


def _template(form: str, content: Content, beside: Spelled) -> Body:
    if not isinstance(content, Template):
        raise _misfit(form, content)
    try:
        params = template_params.read(content.params)
    except BadParams as wrong:
        raise refuse(Reason.TEMPLATE_PARAMS, str(wrong)) from None
    return {"type": "template", "template": template(content, params, beside.source)}


T = TypeVar("T", bound=Content)


def _of(kind: type[T], speller: Callable[[T, Source], Body]) -> Speller:
    """A speller of one kind of content, and of no other."""

    def spelled(form: str, content: Content, beside: Spelled) -> Body:
        if not isinstance(content, kind):
            raise _misfit(form, content)
        return speller(content, beside.source)

    return spelled


def _of_form(kind: type[T], speller: Callable[[str, T, Source], Body]) -> Speller:
    """The same, where one speller serves several forms."""

    def spelled(form: str, content: Content, beside: Spelled) -> Body:
        if not isinstance(content, kind):
            raise _misfit(form, content)
        return speller(form, content, beside.source)

    return spelled


SPELLERS: Final[dict[str, Speller]] = {
    "text": _text,
    "link_text": _text,
    "numbered_text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "voice": _media,
    "document": _media,
    "sticker": _media,
    "buttons": _of(Choices, shown.buttons),
    "list": _of(Choices, shown.option_list),
    "cta_url": _of(Card, shown.link_button),
    "link_carousel": _of(Carousel, shown.carousel),
    "reply_carousel": _of(Carousel, shown.carousel),
    **dict.fromkeys(shown.REQUESTS, _of_form(Request, shown.request)),
    "flow": _of(FormRequest, shown.flow),
    "voice_call": _of(CallInvite, shown.call),
    **dict.fromkeys(shown.PRODUCTS, _of_form(Products, shown.products)),
    "location": _location,
    "contacts": _contacts,
    "template": _template,
    "reaction": _reaction,
}
