"""Spells what the platform calls templates: cards, buttons, receipts, vouchers, questionnaires.

https://developers.facebook.com/docs/messenger-platform/reference/templates
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from omni_actors.adapters.meta.errors import refuse
from omni_actors.model.content import (
    Action,
    CallInvite,
    Card,
    Carousel,
    Choices,
    Coupon,
    FeedbackRequest,
    Media,
    Option,
    Products,
    Receipt,
    ReceiptItem,
    Template,
)
from omni_actors.model.failure import Reason
from omni_actors.policy import template_params
from omni_actors.policy.fitting import blank
from omni_actors.policy.template_params import BadParams, Value

Body: TypeAlias = dict[str, Any]
Source: TypeAlias = Callable[[Media], Body]

OPTION_BUTTON: Final = "Choose"
CALL_BUTTON: Final = "Call"
FEEDBACK_BUTTON: Final = "Rate"
STARS: Final = {"type": "csat", "score_label": "neg_pos", "score_option": "five_stars"}


def told(body: Mapping[str, Any]) -> Body:
    """Without the keys that tell nothing."""
    return {
        key: value for key, value in body.items() if value not in (None, [], {}) and seen(value)
    }


def seen(value: Any) -> bool:
    """Whether a text can be seen; what is no text can."""
    return not isinstance(value, str) or not blank(value)


def question_buttons(content: Choices, _source: Source) -> Body:
    """A question above buttons that stay."""
    buttons = [postback(option.title, option.id) for option in content.options]
    return {"template_type": "button", "text": content.text, "buttons": buttons}


def option_cards(content: Choices, _source: Source) -> Body:
    """A card for each option, with its description and picture and a button that picks it."""
    label = content.button or OPTION_BUTTON
    elements = [_option_card(option, label) for option in content.options]
    return {"template_type": "generic", "elements": elements}


def _option_card(option: Option, label: str) -> Body:
    return told(
        {
            "title": option.title,
            "subtitle": option.description,
            "image_url": option.image,
            "buttons": [postback(label, option.id)],
        }
    )


def card(content: Card, _source: Source) -> Body:
    """One card."""
    return {"template_type": "generic", "elements": [_element(content)]}


def carousel(content: Carousel, _source: Source) -> Body:
    """Cards side by side."""
    return {"template_type": "generic", "elements": [_element(each) for each in content.cards]}


def _element(shown: Card) -> Body:
    tapped = {"type": "web_url", "url": shown.url} if shown.url else None
    return told(
        {
            "title": shown.title,
            "subtitle": shown.text,
            "image_url": shown.media.url if shown.media else None,
            "default_action": tapped,
            "buttons": buttons(shown.actions),
        }
    )


def button_card(content: Card, _source: Source) -> Body:
    """A text above buttons of any kind."""
    actions = buttons(content.actions)
    return {"template_type": "button", "text": content.text, "buttons": actions}


def media_card(content: Card, source: Source) -> Body:
    """A picture or film that the platform has, above buttons."""
    if content.media is None:
        raise refuse(Reason.CONTENT_UNSUPPORTED, "the form `media_card` needs a medium")
    medium = {"media_type": content.media.kind.value, **source(content.media)}
    element = told({**medium, "buttons": buttons(content.actions)})
    return {"template_type": "media", "elements": [element]}


def buttons(actions: Sequence[Action]) -> list[Body]:
    """The buttons of a template."""
    return [button(action) for action in actions]


def button(action: Action) -> Body:
    """One button.

    https://developers.facebook.com/docs/messenger-platform/reference/buttons
    """
    if action.id:
        return postback(action.title, action.id)
    if action.url:
        page = {"type": "web_url", "url": action.url, "title": action.title}
        return told({**page, "webview_height_ratio": action.size})
    if action.phone:
        return {"type": "phone_number", "title": action.title, "payload": action.phone}
    if action.login:
        return {"type": "account_link", "url": action.login}
    return {"type": "account_unlink"}


def postback(title: str, payload: str) -> Body:
    """A button that answers."""
    return {"type": "postback", "title": title, "payload": payload}


def call_button(content: CallInvite, _source: Source) -> Body:
    """A text above a button that calls the business.

    https://developers.facebook.com/docs/messenger-platform/reference/buttons
    """
    button = {"type": "audio_call", "title": content.button or CALL_BUTTON}
    shown = [told({**button, "payload": content.payload})]
    return {"template_type": "button", "text": content.text, "buttons": shown}


def products(content: Products, _source: Source) -> Body:
    """Products of a catalog, by the ids that they have there."""
    ids = [each for section in content.sections for each in section.product_ids]
    return {"template_type": "product", "elements": [{"id": each} for each in ids]}


def receipt(content: Receipt, _source: Source) -> Body:
    """What somebody has ordered and paid."""
    summary = {
        "subtotal": content.subtotal,
        "shipping_cost": content.shipping,
        "total_tax": content.tax,
        "total_cost": content.total,
    }
    return told(
        {
            "template_type": "receipt",
            "recipient_name": content.recipient,
            "merchant_name": content.merchant,
            "order_number": content.number,
            "currency": content.currency,
            "payment_method": content.paid_with,
            "order_url": content.url,
            "timestamp": None if content.at is None else str(int(content.at)),
            "address": _address(content),
            "summary": told(summary),
            "adjustments": [{"name": a.name, "amount": a.amount} for a in content.adjustments],
            "elements": [_receipt_item(item, content.currency) for item in content.items],
        }
    )


def _receipt_item(item: ReceiptItem, currency: str) -> Body:
    return told(
        {
            "title": item.title,
            "subtitle": item.text,
            "quantity": item.quantity,
            "price": item.price,
            "currency": currency,
            "image_url": item.image,
        }
    )


def _address(content: Receipt) -> Body | None:
    """Where it goes; the platform wants every line, and there are countries without states."""
    if content.address is None:
        return None
    postal = content.address
    return {
        "street_1": postal.street or "",
        "street_2": "",
        "city": postal.city or "",
        "postal_code": postal.zip or "",
        "state": postal.state or postal.city or "",
        "country": postal.country_code or postal.country or "",
    }


def coupon(content: Coupon, _source: Source) -> Body:
    """A voucher."""
    return told(
        {
            "template_type": "coupon",
            "title": content.title,
            "subtitle": content.subtitle,
            "coupon_code": content.code,
            "coupon_url": content.url,
            "coupon_url_button_title": content.button,
            "coupon_pre_message": content.text,
            "image_url": content.image,
            "payload": content.id,
        }
    )


def feedback(content: FeedbackRequest, _source: Source) -> Body:
    """A question about how content somebody is."""
    below = {"type": "free_form", "placeholder": content.follow_up} if content.follow_up else None
    question = {"id": content.id, "title": content.question, **STARS}
    return told(
        {
            "template_type": "customer_feedback",
            "title": content.title,
            "subtitle": content.text,
            "button_title": content.button or FEEDBACK_BUTTON,
            "feedback_screens": [{"questions": [told({**question, "follow_up": below})]}],
            "business_privacy": {"url": content.privacy_url},
            "expires_in_days": content.expires_in_days,
        }
    )


def utility(content: Template) -> Body:
    """An approved text with the texts that fill in its body.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
    """
    try:
        params = template_params.read(content.params)
    except BadParams as wrong:
        raise refuse(Reason.TEMPLATE_PARAMS, str(wrong)) from None
    more = params.own.header or params.own.buttons or params.cards or params.offer_expires_at
    if more:
        why = "templates there are filled in by the texts of their body only"
        raise refuse(Reason.TEMPLATE_PARAMS, why)
    named: Body = {"name": content.name, "language": {"code": content.language}}
    parameters = [_parameter(value) for value in params.own.body]
    if not parameters:
        return named
    return {**named, "components": [{"type": "body", "parameters": parameters}]}


def _parameter(value: Value) -> Body:
    if not isinstance(value.value, str) or value.name:
        raise refuse(Reason.TEMPLATE_PARAMS, "templates there take texts by their position only")
    return {"type": "text", "text": value.value}
