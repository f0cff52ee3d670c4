"""What the pretend WhatsApp reports: inbound messages and statuses, and the envelope around them.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from omni_actors.sandbox.graph import escaped
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.whatsapp.errors import webhook_error
from omni_actors.sandbox.whatsapp.people import Customer
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount


@frozen
class Sent:
    """What the statuses of one message need to know of it."""

    message_id: str
    customer: Customer
    to_phone: bool
    callback_data: str | None
    category: str
    """`service`, or the category of the template in lower case."""


def value(account: WhatsAppAccount, **parts: Any) -> dict[str, Any]:
    """The `value` of one change."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": account.display_number,
            "phone_number_id": account.phone_number_id,
        },
        **parts,
    }


def status(account: WhatsAppAccount, sent: Sent, name: str, at: float, first: bool) -> Update:
    """One of `sent`, `delivered`, `read`; `first` of the latter two carries the price."""
    customer = sent.customer
    report = _report(sent, name, at)
    if customer.phone is not None:
        report["recipient_id"] = customer.phone
    report["recipient_user_id"] = customer.user_id
    if name == "sent" or first:
        report["pricing"] = _pricing(sent.category)
    contact = customer.contact(with_username=name != "sent")
    parts = value(account, contacts=[contact], statuses=[report])
    return Update(account.phone_number_id, name, parts)


def failed(account: WhatsAppAccount, sent: Sent, code: int, details: str, at: float) -> Update:
    """The message did not get through; no `contacts`, and only the address that was used."""
    report = _report(sent, "failed", at)
    if sent.to_phone:
        report["recipient_id"] = sent.customer.phone
    else:
        report["recipient_user_id"] = sent.customer.user_id
    report["errors"] = [webhook_error(code, details)]
    return Update(account.phone_number_id, "failed", value(account, statuses=[report]))


def _report(sent: Sent, name: str, at: float) -> dict[str, Any]:
    report: dict[str, Any] = {
        "id": sent.message_id,
        "status": name,
        "timestamp": str(int(at)),
    }
    if sent.callback_data is not None:
        report["biz_opaque_callback_data"] = sent.callback_data
    return report


def _pricing(category: str) -> dict[str, Any]:
    free = category == "service"
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "type": "free_customer_service" if free else "regular",
        "category": category,
    }


def inbound(account: WhatsAppAccount, customer: Customer, message: dict[str, Any]) -> Update:
    """A customer's message; system messages come without `contacts`."""
    parts: dict[str, Any] = {"messages": [message]}
    if message["type"] != "system":
        parts = {"contacts": [customer.contact(with_username=True)], **parts}
    return Update(account.phone_number_id, message["type"], value(account, **parts))


def upgraded(account: WhatsAppAccount, tier: str, after_s: float) -> Update:
    """The number has a higher throughput from now on."""
    told = {
        "display_phone_number": account.display_number,
        "event": "THROUGHPUT_UPGRADE",
        "current_limit": tier,
        "max_daily_conversations_per_business": tier,
    }
    topic = "phone_number_quality_update"
    return Update(account.phone_number_id, topic, told, after_s, topic=topic)


def capability(account: WhatsAppAccount, tier: str) -> Update:
    """The portfolio may write first to another number of people a day."""
    told = {"max_daily_conversations_per_business": tier, "max_phone_numbers_per_business": 20}
    topic = "business_capability_update"
    return Update(account.phone_number_id, topic, told, topic=topic)


def envelope(updates: Sequence[Update], waba_of: Callable[[str], str]) -> bytes:
    """One webhook body; neighbours of one number share a change, those of one WABA an entry."""
    entries: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for update in updates:
        changes = entries.setdefault(waba_of(update.channel_key), [])
        topic, value = changes[-1] if changes else ("", {})
        if topic == update.topic == "messages" and _joins(value, update.value):
            changes[-1] = (topic, _joined(value, update.value))
        else:
            changes.append((update.topic, update.value))
    return escaped(
        {
            "object": "whatsapp_business_account",
            "entry": [
                {"id": waba, "changes": [{"value": one, "field": topic} for topic, one in changes]}
                for waba, changes in entries.items()
            ],
        }
    )


def _joins(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one["metadata"] == other["metadata"] and one.keys() == other.keys()


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(one)
    for key in ("contacts", "messages", "statuses"):
        if key in one:
            known = one[key]
            joined[key] = known + [item for item in other[key] if item not in known]
    return joined
