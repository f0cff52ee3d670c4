"""The templates of a WhatsApp Business account: listing, making, changing, ending, reading them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from attrs import evolve

from omni_actors.adapters.contract import Medium, TemplateDesk, TemplatePage
from omni_actors.adapters.meta.graph import masked, unreadable
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.samples import media_of, with_handles
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.templates import (
    ButtonKind,
    ButtonSlot,
    CardSlot,
    HeaderKind,
    HeaderSlot,
    Layout,
    Need,
    NewTemplate,
    TemplateChange,
    TemplateDefinition,
    TemplateNews,
    TemplateStatus,
    TextSlot,
)
from omni_actors.wire.calls import Flow, HttpCall, HttpReply, http

FIELDS: Final = (
    "name,status,category,language,components,quality_score,parameter_format,rejected_reason"
)
PAGE: Final = 100
PAGE_BYTES_MAX: Final = 8 << 20
BAD_CURSOR: Final = "131059"

# `event` of a webhook, where it is another word than the status that it leads to.
EVENTS: Final = {
    "REINSTATED": TemplateStatus.APPROVED,
    "UNARCHIVED": TemplateStatus.APPROVED,
}
HEADER_KINDS: Final[dict[str, HeaderKind]] = {kind.upper(): kind for kind in get_args(HeaderKind)}
# A button's type, what it is to us, and whether the sender must fill it in. A link asks for its
# end only where it has a variable.
BUTTONS: Final[dict[str, tuple[ButtonKind, Need]]] = {
    "QUICK_REPLY": ("quick_reply", "optional"),
    "URL": ("url", "none"),
    "PHONE_NUMBER": ("phone_number", "none"),
    "COPY_CODE": ("copy_code", "required"),
    "OTP": ("otp", "required"),
    "FLOW": ("flow", "optional"),
    "CATALOG": ("catalog", "optional"),
    "MPM": ("products", "required"),
    "VOICE_CALL": ("voice_call", "optional"),
    "REQUEST_CONTACT_INFO": ("contact_request", "none"),
}
NOTHING_TO_SAY: Final = (None, "NONE", "none")

_VARIABLE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}", re.ASCII)


# ---------------------------------------------------------------- calls


def reachable(settings: WhatsAppSettings) -> str | None:
    """What is missing to reach the account's templates; None when nothing is."""
    if settings.waba_id is not None:
        return None
    return "the channel has no waba_id; set it to the id of the number's WhatsApp Business account"


def page(after: str, settings: WhatsAppSettings) -> Flow[TemplatePage | None]:
    """One slice of the account's templates. Raises SendFailure."""
    query = {"fields": FIELDS, "limit": str(PAGE)}
    if after:
        query["after"] = after
    call = HttpCall(
        "GET", _url(settings), settings.auth, query=query, bytes_max=PAGE_BYTES_MAX, idempotent=True
    )
    reply = yield from http(call)
    try:
        document = _managed(reply, repeatable=True)
    except SendFailure as refused:
        if refused.failure.code == BAD_CURSOR and after:
            return None
        raise
    found = [read(mapping(item)) for item in sequence(document.get("data"))]
    paging = mapping(document.get("paging"))
    cursor = text(mapping(paging.get("cursors")).get("after"))
    more = cursor if text(paging.get("next")) and cursor != after else None
    return TemplatePage(tuple([each for each in found if each is not None]), more)


def create(
    wanted: NewTemplate, media: Mapping[str, Medium], settings: WhatsAppSettings
) -> Flow[TemplateDefinition]:
    """Submit a template for approval. Raises SendFailure with the platform's reason.

    Where the platform writes the body itself, as that of a code, nobody knows yet what it will ask
    of a sender: such a template is not understood until it is listed.
    """
    body: dict[str, Any] = {
        "name": wanted.name,
        "language": wanted.language,
        "category": wanted.category.upper(),
        "parameter_format": wanted.parameter_format,
        "components": (yield from with_handles(wanted.components, media, settings)),
    }
    if wanted.send_ttl_s is not None:
        body["message_send_ttl_seconds"] = wanted.send_ttl_s
    reply = yield from http(HttpCall("POST", _url(settings), settings.auth, json=body))
    answered = _managed(reply, repeatable=False)
    made = read({**body, "status": "PENDING", **answered})
    assert made is not None
    if made.layout.body is None or not made.layout.body.text:
        return evolve(made, layout=evolve(made.layout, understood=False))
    return made


def edit(
    one: TemplateDefinition,
    wanted: TemplateChange,
    media: Mapping[str, Medium],
    settings: WhatsAppSettings,
) -> Flow[TemplateDefinition]:
    """Change a template, and read how it stands then. Raises SendFailure.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management
    """
    url = settings.url(one.external_id or "")
    body: dict[str, Any] = {}
    if wanted.category is not None:
        body["category"] = wanted.category.upper()
    if wanted.components is not None:
        body["components"] = yield from with_handles(wanted.components, media, settings)
    if wanted.send_ttl_s is not None:
        body["message_send_ttl_seconds"] = wanted.send_ttl_s
    _managed((yield from http(HttpCall("POST", url, settings.auth, json=body))), repeatable=False)
    try:
        return (yield from _one(url, settings))
    except SendFailure as failed:  # it is changed all the same, and must not be changed once more
        raise SendFailure(evolve(failed.failure, kind=Kind.UNKNOWN)) from None


def _one(url: str, settings: WhatsAppSettings) -> Flow[TemplateDefinition]:
    query = {"fields": FIELDS}
    reply = yield from http(HttpCall("GET", url, settings.auth, query=query, idempotent=True))
    found = read(_managed(reply, repeatable=True))
    if found is None:
        raise unreadable("the template was answered without its name")
    return found


def delete(name: str, one: TemplateDefinition | None, settings: WhatsAppSettings) -> Flow[None]:
    """Delete a template in all its languages, or in one. Raises SendFailure."""
    query = {"name": name}
    if one is not None and one.external_id is not None:
        query["hsm_id"] = one.external_id
    call = HttpCall("DELETE", _url(settings), settings.auth, query=query, idempotent=True)
    reply = yield from http(call)
    _managed(reply, repeatable=True)


def _url(settings: WhatsAppSettings) -> str:
    return settings.url(settings.waba_id or "", "message_templates")


def _managed(reply: HttpReply, *, repeatable: bool) -> JsonObject:
    """The answer to a call of management. Its refusals say more in words that are for people."""
    try:
        return answer(reply, repeatable=repeatable)
    except SendFailure as refused:
        error = mapping(mapping(reply.document()).get("error"))
        words = [text(error.get(key)) for key in ("error_user_title", "error_user_msg")]
        told = masked(": ".join(word for word in words if word))
        if not told:
            raise
        whole = ": ".join(filter(None, (refused.failure.text, told)))
        raise SendFailure(evolve(refused.failure, text=whole)) from None


TEMPLATES: Final = TemplateDesk(
    reachable=reachable, page=page, samples=media_of, create=create, edit=edit, delete=delete
)


# ---------------------------------------------------------------- reading


def read(item: JsonObject) -> TemplateDefinition | None:
    """A template as the platform lists it; None for one without a name or language."""
    name, language = text(item.get("name")), text(item.get("language"))
    if name is None or language is None:
        return None
    components = tuple([mapping(each) for each in sequence(item.get("components"))])
    named = str(item.get("parameter_format", "")).upper() == "NAMED"
    return TemplateDefinition(
        name=name,
        language=language,
        status=status_of(item.get("status")),
        category=_lower(item.get("category")),
        quality=_lower(mapping(item.get("quality_score")).get("score")),
        external_id=text(item.get("id")),
        reason=_reason(item.get("rejected_reason")),
        components=components,
        layout=layout_of(components, named=named),
    )


def status_of(value: Json) -> TemplateStatus:
    """A status, or the event that leads to one; UNKNOWN for a word that we do not know."""
    word = (text(value) or "").upper()
    if word in EVENTS:
        return EVENTS[word]
    try:
        return TemplateStatus(word.lower())
    except ValueError:
        return TemplateStatus.UNKNOWN


def news_of(change: str, value: JsonObject) -> TemplateNews:
    """What a webhook says of a template.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update
    """
    external_id = text(value.get("message_template_id"))
    match change:
        case "status":
            return TemplateNews(
                status=status_of(value.get("event")),
                category=_lower(value.get("message_template_category")),
                reason=_told_reason(value),
                external_id=external_id,
            )
        case "quality":
            quality = _lower(value.get("new_quality_score"))
            return TemplateNews(quality=quality, external_id=external_id)
        case "category":
            category = _lower(value.get("new_category"))
            return TemplateNews(category=category, external_id=external_id)
        case _:
            return TemplateNews(external_id=external_id)


def _told_reason(value: JsonObject) -> str | None:
    """Why a template was rejected or stopped: the code, what was found, what to do."""
    rejection, other = mapping(value.get("rejection_info")), mapping(value.get("other_info"))
    words = [
        _reason(value.get("reason")),
        text(rejection.get("reason")),
        text(rejection.get("recommendation")),
        text(other.get("title")),
        text(other.get("description")),
    ]
    return ": ".join(word for word in words if word) or None


def _reason(value: Json) -> str | None:
    return None if value in NOTHING_TO_SAY else text(value)


def _lower(value: Json) -> str | None:
    found = text(value)
    return found.lower() if found else None


# ---------------------------------------------------------------- what a sender must fill in


def layout_of(components: tuple[JsonObject, ...], *, named: bool) -> Layout:
    """The places to fill in; whatever we do not know makes the whole not understood."""
    layout = Layout()
    for component in components:
        layout = _with(layout, component, named=named)
    return layout


def _with(layout: Layout, component: JsonObject, *, named: bool) -> Layout:
    match str(component.get("type", "")).upper():
        case "HEADER":
            header = _header(component, named=named)
            understood = layout.understood and header is not None
            return evolve(layout, header=header, understood=understood)
        case "BODY":
            return evolve(layout, body=_slot(component.get("text"), named=named))
        case "FOOTER":
            return evolve(layout, footer=text(component.get("text")))
        case "BUTTONS":
            buttons = _buttons(component)
            understood = layout.understood and all(each.kind != "other" for each in buttons)
            return evolve(layout, buttons=buttons, understood=understood)
        case "LIMITED_TIME_OFFER":
            offer = mapping(component.get("limited_time_offer"))
            return evolve(layout, offer="required" if offer.get("has_expiration") else "optional")
        case "CAROUSEL":
            return _with_cards(layout, component, named=named)
        case _:
            return evolve(layout, understood=False)


def _with_cards(layout: Layout, component: JsonObject, *, named: bool) -> Layout:
    inner = [
        layout_of(tuple([mapping(each) for each in sequence(card.get("components"))]), named=named)
        for card in map(mapping, sequence(component.get("cards")))
    ]
    cards = tuple([CardSlot(each.header, each.body, each.buttons) for each in inner])
    understood = layout.understood and all(each.understood for each in inner)
    return evolve(layout, cards=cards, understood=understood)


def _header(component: JsonObject, *, named: bool) -> HeaderSlot | None:
    kind = HEADER_KINDS.get(str(component.get("format", "TEXT")).upper())
    if kind is None:
        return None
    slot = _slot(component.get("text"), named=named) if kind == "text" else None
    return HeaderSlot(kind, slot)


def _slot(value: Json, *, named: bool) -> TextSlot:
    """A text with its variables. Positions count by their number, wherever they stand."""
    words = text(value) or ""
    found = list(dict.fromkeys(_VARIABLE.findall(words)))
    named = named or any(not each.isdigit() for each in found)
    return TextSlot(words, tuple(found if named else sorted(found, key=int)), named)


def _buttons(component: JsonObject) -> tuple[ButtonSlot, ...]:
    return tuple([_button(mapping(each)) for each in sequence(component.get("buttons"))])


def _button(button: Mapping[str, Json]) -> ButtonSlot:
    """A button; what we do not know is `other`, and never asked for."""
    kind, need = BUTTONS.get(str(button.get("type", "")).upper(), ("other", "none"))
    if kind == "url" and _VARIABLE.search(text(button.get("url")) or ""):
        need = "required"
    return ButtonSlot(kind, text(button.get("text")) or "", need)
