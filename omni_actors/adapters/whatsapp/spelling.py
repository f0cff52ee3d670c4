"""Spells a part's content as the body of one message, by the form that shaping chose.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import asdict, frozen

from omni_actors.adapters.contract import Medium
from omni_actors.adapters.whatsapp.limits import CONTACTS_MAX
from omni_actors.model.content import (
    Choices,
    ContactCard,
    Contacts,
    Content,
    Location,
    Media,
    Option,
    Reaction,
    Template,
    Text,
    content_type,
)
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import Json

Body: TypeAlias = dict[str, Any]
LIST_BUTTON: Final = "Options"
CAPTIONED: Final = ("image", "video", "document")
NAME_PARTS: Final = ("first_name", "middle_name", "last_name", "prefix", "suffix")


@frozen
class Spelled:
    """What spelling needs besides the content: the part's media, which the platform has by now,
    the quoted message, and whether links get a preview."""

    media: Mapping[str, Medium]
    reply_to: str | None = None
    link_preview: bool = True


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
    medium = _source(content, beside)
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


def _source(medium: Media, beside: Spelled) -> Body:
    if medium.media_id is not None and medium.media_id in beside.media:
        return {"id": beside.media[medium.media_id].uploaded}
    if medium.url is not None:
        return {"link": medium.url}
    raise refuse(Reason.MEDIA_UNREACHABLE, "the medium has neither bytes nor a link")


def _buttons(form: str, content: Content, _beside: Spelled) -> Body:
    if not isinstance(content, Choices):
        raise _misfit(form, content)
    buttons = [
        {"type": "reply", "reply": {"id": option.id, "title": option.title}}
        for option in content.options
    ]
    return _interactive("button", content.text, {"buttons": buttons})


def _list(form: str, content: Content, _beside: Spelled) -> Body:
    if not isinstance(content, Choices):
        raise _misfit(form, content)
    rows = [_row(option) for option in content.options]
    action = {"button": content.button or LIST_BUTTON, "sections": [{"rows": rows}]}
    return _interactive("list", content.text, action)


def _row(option: Option) -> Body:
    described = {"description": option.description} if option.description else {}
    return {"id": option.id, "title": option.title, **described}


def _interactive(kind: str, text: str, action: Body) -> Body:
    interactive = {"type": kind, "body": {"text": text}, "action": action}
    return {"type": "interactive", "interactive": interactive}


def _location(form: str, content: Content, _beside: Spelled) -> Body:
    if not isinstance(content, Location):
        raise _misfit(form, content)
    place = {
        "latitude": _degrees(content.latitude),
        "longitude": _degrees(content.longitude),
        "name": content.name,
        "address": content.address,
    }
    return {"type": "location", "location": _told(place)}


def _degrees(value: float) -> str:
    """Degrees to about a centimetre; the page shows them as texts."""
    return f"{value:.7f}".rstrip("0").rstrip(".")


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
    components = list(_components(content, beside))
    template: Body = {"name": content.name, "language": {"code": content.language}}
    if components:
        template["components"] = components
    return {"type": "template", "template": template}


def _components(template: Template, beside: Spelled) -> Iterator[Body]:
    for name, params in template.params.items():
        if name in ("header", "body"):
            yield {"type": name, "parameters": [*_parameters(params, beside)]}
        elif name == "buttons":
            told = ((index, given) for index, given in _listed(params) if given is not None)
            yield from (_button(index, given) for index, given in told)
        else:
            raise refuse(Reason.TEMPLATE_PARAMS, f"a template has no component `{name}`")


def _parameters(params: Json, beside: Spelled) -> Iterator[Body]:
    """The variables of a header or body, by name or by position.

    A text or number fills a text variable. An object is one of the platform's own parameters; one
    with `media_id` names a medium of ours, such as `{"type": "image", "media_id": "med_…"}`.
    """
    if isinstance(params, Mapping):
        for name, value in params.items():
            yield {"type": "text", "parameter_name": name, "text": str(value)}
        return
    for _index, value in _listed(params):
        yield _parameter(value, beside) if isinstance(value, Mapping) else _filled(value)


def _filled(value: Json) -> Body:
    return {"type": "text", "text": str(value)}


def _parameter(value: Mapping[str, Json], beside: Spelled) -> Body:
    if "media_id" not in value:
        return dict(value)
    kind, media_id = str(value.get("type")), str(value["media_id"])
    if media_id not in beside.media:
        raise refuse(Reason.MEDIA_UNREACHABLE, "a medium of the template has no bytes")
    return {"type": kind, kind: {"id": beside.media[media_id].uploaded}}


def _button(index: int, given: Json) -> Body:
    """One button: the end of its link as a text, or `{"sub_type": …, "parameters": […]}`.

    None in the list stands for a button that has nothing to fill in.
    """
    if isinstance(given, Mapping):
        return {"type": "button", "index": str(index), **given}
    return {
        "type": "button",
        "sub_type": "url",
        "index": str(index),
        "parameters": [_filled(given)],
    }


def _listed(params: Json) -> Sequence[tuple[int, Json]]:
    if isinstance(params, str) or not isinstance(params, Sequence):
        raise refuse(Reason.TEMPLATE_PARAMS, "a component's variables are a list or an object")
    return list(enumerate(params))


SPELLERS: Final[dict[str, Callable[[str, Content, Spelled], Body]]] = {
    "text": _text,
    "link_text": _text,
    "numbered_text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "voice": _media,
    "document": _media,
    "sticker": _media,
    "buttons": _buttons,
    "list": _list,
    "location": _location,
    "contacts": _contacts,
    "template": _template,
    "reaction": _reaction,
}
