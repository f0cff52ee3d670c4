"""Spells a part's content as the `message` of one call, by the form that shaping chose.

Messenger and Instagram spell alike; what only one of them has, its capabilities alone choose.
https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from attrs import frozen

from omni_actors.adapters.contract import Medium
from omni_actors.adapters.meta import spelling_templates as shown
from omni_actors.adapters.meta.errors import refuse
from omni_actors.model.content import (
    CallInvite,
    Card,
    Carousel,
    Choices,
    Content,
    Coupon,
    FeedbackRequest,
    Media,
    Option,
    Post,
    Products,
    Receipt,
    Request,
    Template,
    Text,
    content_type,
)
from omni_actors.model.failure import Reason

Body: TypeAlias = dict[str, Any]
Source: TypeAlias = Callable[[Media], Body]
T = TypeVar("T", bound=Content)

# The kinds of quick replies that hand over what the platform knows of a person.
ASKS: Final = {"phone_reply": "user_phone_number", "email_reply": "user_email"}
TYPES: Final = {"image": "image", "audio": "audio", "video": "video", "document": "file"}


@frozen
class Spelled:
    """What spelling needs besides the content: the part's media, which the platform has by now."""

    media: Mapping[str, Medium]

    def source(self, medium: Media) -> Body:
        """Where the platform finds a medium. Raises SendFailure."""
        if medium.external_id is not None:
            return {"attachment_id": medium.external_id}
        if medium.media_id is not None and medium.media_id in self.media:
            return {"attachment_id": self.media[medium.media_id].uploaded}
        if medium.url is not None:
            return {"url": medium.url}
        raise refuse(Reason.MEDIA_UNREACHABLE, "the medium has neither bytes nor a link")


def message(form: str, content: Content, beside: Spelled) -> Body:
    """The object `message`. Raises SendFailure for what the form cannot carry."""
    speller = SPELLERS.get(form)
    if speller is None:
        raise refuse(Reason.CONTENT_UNSUPPORTED, f"there is no form `{form}`")
    return speller(form, content, beside.source)


def _text(_form: str, content: Text, _source: Source) -> Body:
    return {"text": content.text}


def _media(form: str, content: Media, source: Source) -> Body:
    return {"attachment": {"type": TYPES[form], "payload": source(content)}}


def _sticker(_form: str, content: Media, _source: Source) -> Body:
    if content.external_id == "like_heart":
        return {"attachment": {"type": "like_heart"}}
    if not content.external_id or not content.external_id.isdecimal():
        why = "a sticker is named by the platform's id in digits"
        raise refuse(Reason.CONTENT_UNSUPPORTED, why)
    return {"sticker_id": int(content.external_id)}


def _post(_form: str, content: Post, _source: Source) -> Body:
    return {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": content.post_id}}}


def _quick_replies(_form: str, content: Choices, _source: Source) -> Body:
    replies = [_quick_reply(option) for option in content.options]
    return {"text": content.text, "quick_replies": replies}


def _quick_reply(option: Option) -> Body:
    told: Body = {"content_type": "text", "title": option.title, "payload": option.id}
    return {**told, "image_url": option.image} if option.image else told


def _asked(form: str, content: Request, _source: Source) -> Body:
    return {"text": content.text, "quick_replies": [{"content_type": ASKS[form]}]}


def _templated(kind: type[T], spell: Callable[[T, Source], Body]) -> "Speller":
    def spelled(_form: str, content: T, source: Source) -> Body:
        return {"attachment": {"type": "template", "payload": spell(content, source)}}

    return _of(kind, spelled)


def _utility(_form: str, content: Template, _source: Source) -> Body:
    return {"template": shown.utility(content)}


Speller: TypeAlias = Callable[[str, Content, Source], Body]


def _of(kind: type[T], speller: Callable[[str, T, Source], Body]) -> Speller:
    """A speller of one kind of content, and of no other."""

    def spelled(form: str, content: Content, source: Source) -> Body:
        if not isinstance(content, kind):
            why = f"the form `{form}` does not carry {content_type(content)}"
            raise refuse(Reason.CONTENT_UNSUPPORTED, why)
        return speller(form, content, source)

    return spelled


SPELLERS: Final[dict[str, Speller]] = {
    **dict.fromkeys(("text", "link_text", "numbered_text"), _of(Text, _text)),
    **dict.fromkeys(TYPES, _of(Media, _media)),
    "sticker": _of(Media, _sticker),
    "post": _of(Post, _post),
    "quick_replies": _of(Choices, _quick_replies),
    **dict.fromkeys(ASKS, _of(Request, _asked)),
    "buttons": _templated(Choices, shown.question_buttons),
    "option_cards": _templated(Choices, shown.option_cards),
    "generic": _templated(Card, shown.card),
    "button_card": _templated(Card, shown.button_card),
    "media_card": _templated(Card, shown.media_card),
    "carousel": _templated(Carousel, shown.carousel),
    "call_button": _templated(CallInvite, shown.call_button),
    "product": _templated(Products, shown.products),
    "receipt": _templated(Receipt, shown.receipt),
    "coupon": _templated(Coupon, shown.coupon),
    "feedback": _templated(FeedbackRequest, shown.feedback),
    "utility": _of(Template, _utility),
}
