"""Spells questions, cards, requests, forms and products as interactive messages.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from omni_actors.model.content import (
    Action,
    CallInvite,
    Card,
    Carousel,
    Choices,
    FormRequest,
    Media,
    Option,
    Products,
    ProductSection,
    Request,
)
from omni_actors.policy.fitting import sections_of

Body = dict[str, Any]
Source = Callable[[Media], Body]

LIST_BUTTON: Final = "Options"
FORM_BUTTON: Final = "Open"
FORM_TOKEN: Final = "unused"
FLOW_VERSION: Final = "3"


@frozen
class Around:
    """What stands around the action of an interactive message."""

    text: str | None = None
    header: str | None = None
    media: Media | None = None
    footer: str | None = None


def interactive(kind: str, around: Around, action: Body, source: Source) -> Body:
    """One interactive message; what is not there is left out."""
    told: Body = {"type": kind}
    if around.media is not None:
        told["header"] = medium_above(around.media, source)
    elif around.header:
        told["header"] = {"type": "text", "text": around.header}
    if around.text:
        told["body"] = {"text": around.text}
    if around.footer:
        told["footer"] = {"text": around.footer}
    return {"type": "interactive", "interactive": {**told, "action": action}}


def medium_above(medium: Media, source: Source) -> Body:
    """A medium as a header."""
    shown = source(medium)
    if medium.kind == "document" and medium.filename:
        shown = {**shown, "filename": medium.filename}
    return {"type": medium.kind.value, medium.kind.value: shown}


def buttons(content: Choices, source: Source) -> Body:
    """Up to three buttons that answer."""
    shown = [
        {"type": "reply", "reply": {"id": option.id, "title": option.title}}
        for option in content.options
    ]
    return interactive("button", question(content), {"buttons": shown}, source)


def option_list(content: Choices, source: Source) -> Body:
    """Options behind one button, with headings."""
    sections = []
    for title, options in sections_of(content.options):
        rows = [_row(option) for option in options]
        sections.append({"title": title, "rows": rows} if title else {"rows": rows})
    action = {"button": content.button or LIST_BUTTON, "sections": sections}
    return interactive("list", question(content), action, source)


def question(content: Choices) -> Around:
    """What stands around the options of a question."""
    return Around(content.text, content.header, content.media, content.footer)


def _row(option: Option) -> Body:
    described = {"description": option.description} if option.description else {}
    return {"id": option.id, "title": option.title, **described}


def link_button(content: Card, source: Source) -> Body:
    """A card with one button that opens a page."""
    title = content.title if content.text else None
    around = Around(content.text or content.title, title, content.media, content.footer)
    return interactive("cta_url", around, _open(content.actions[0]), source)


def _open(action: Action) -> Body:
    return _named("cta_url", display_text=action.title, url=action.url)


def carousel(content: Carousel, source: Source) -> Body:
    """Cards side by side, each with a picture."""
    cards = [_card(n, card, source) for n, card in enumerate(content.cards)]
    return interactive("carousel", Around(content.text), {"cards": cards}, source)


def _card(n: int, card: Card, source: Source) -> Body:
    told: Body = {"card_index": n, "type": "cta_url"}
    if card.media is not None:
        told["header"] = medium_above(card.media, source)
    if card.text:
        told["body"] = {"text": card.text}
    if any(action.url for action in card.actions):
        return {**told, "action": _open(card.actions[0])}
    replies = [
        {"type": "quick_reply", "quick_reply": {"id": action.id, "title": action.title}}
        for action in card.actions
    ]
    return {**told, "action": {"buttons": replies}}


def request(form: str, content: Request, source: Source) -> Body:
    """A request for a location, a phone number, an address, or leave to call."""
    kind, name = REQUESTS[form]
    told: Body = {"country": content.country, "values": content.values}
    parameters = told if form == "address" else {}
    around = Around(content.text, content.header, None, content.footer)
    return interactive(kind, around, _named(name, **parameters), source)


REQUESTS: Final = {
    "location_request": ("location_request_message", "send_location"),
    "contact_request": ("request_contact_info", "request_contact_info"),
    "address": ("address_message", "address_message"),
    "call_permission": ("call_permission_request", "call_permission_request"),
}


def flow(content: FormRequest, source: Source) -> Body:
    """A button that opens a flow."""
    payload = {"screen": content.screen, **({"data": content.data} if content.data else {})}
    action = _named(
        "flow",
        flow_message_version=FLOW_VERSION,
        flow_id=content.form_id,
        flow_name=content.form_name,
        flow_cta=content.button or FORM_BUTTON,
        flow_token=content.token or FORM_TOKEN,
        mode="draft" if content.draft else "published",
        flow_action=content.first if content.screen or content.first != "navigate" else None,
        flow_action_payload=payload if content.screen else None,
    )
    around = Around(content.text, content.header, content.media, content.footer)
    return interactive("flow", around, action, source)


def call(content: CallInvite, source: Source) -> Body:
    """A button that calls the business."""
    action = _named(
        "voice_call",
        display_text=content.button,
        ttl_minutes=content.ttl_minutes,
        payload=content.payload,
    )
    return interactive("voice_call", Around(content.text), action, source)


def products(form: str, content: Products, source: Source) -> Body:
    """A catalog, one of its products, a list of them, or cards."""
    around = Around(content.text, content.header, None, content.footer)
    kind = "carousel" if form == "product_carousel" else form
    kind = "catalog_message" if form == "catalog" else kind
    return interactive(kind, around, PRODUCTS[form](content), source)


def _catalog(content: Products) -> Body:
    return _named("catalog_message", thumbnail_product_retailer_id=content.thumbnail_id)


def _product(content: Products) -> Body:
    (product_id,) = _ids(content)
    return {"catalog_id": content.catalog_id, "product_retailer_id": product_id}


def _product_list(content: Products) -> Body:
    sections = [_section(section) for section in content.sections]
    return {"catalog_id": content.catalog_id, "sections": sections}


def _section(section: ProductSection) -> Body:
    items = [{"product_retailer_id": each} for each in section.product_ids]
    titled = {"title": section.title} if section.title else {}
    return {**titled, "product_items": items}


def _product_cards(content: Products) -> Body:
    cards = [
        {
            "card_index": n,
            "type": "product",
            "action": {"product_retailer_id": each, "catalog_id": content.catalog_id},
        }
        for n, each in enumerate(_ids(content))
    ]
    return {"cards": cards}


def _ids(content: Products) -> list[str]:
    return [each for section in content.sections for each in section.product_ids]


PRODUCTS: Final[dict[str, Callable[[Products], Body]]] = {
    "catalog": _catalog,
    "product": _product,
    "product_list": _product_list,
    "product_carousel": _product_cards,
}


def _named(name: str, **parameters: Any) -> Body:
    """An action by its name; parameters that tell nothing are left out."""
    told = {key: value for key, value in parameters.items() if value not in (None, "", {})}
    return {"name": name, "parameters": told} if told else {"name": name}
