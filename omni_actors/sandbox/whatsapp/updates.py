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
    group: str | None = None
    """The id of the group that it went to."""
    members: tuple[Customer, ...] = ()
    free_until: float | None = None
    """When the free entry ends under which it went out."""


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
    if sent.group is not None:
        return _of_group(account, sent, sent.group, name, at)
    customer = sent.customer
    report = _report(sent, name, at)
    if customer.phone is not None:
        report["recipient_id"] = customer.phone
    report["recipient_user_id"] = customer.user_id
    if name == "sent" or first:
        report["pricing"] = _pricing(sent.category)
    if "pricing" in report and sent.free_until is not None:
        report |= _free_entry(sent, sent.free_until, ends=name == "sent")
    contact = customer.contact(with_username=name != "sent")
    parts = value(account, contacts=[contact], statuses=[report])
    return Update(account.phone_number_id, name, parts)


def failed(account: WhatsAppAccount, sent: Sent, code: int, details: str, at: float) -> Update:
    """The message did not get through; no `contacts`, and only the address that was used."""
    report = _report(sent, "failed", at)
    if sent.group is not None:
        report |= {"recipient_id": sent.group, "recipient_type": "group"}
    elif sent.to_phone:
        report["recipient_id"] = sent.customer.phone
    else:
        report["recipient_user_id"] = sent.customer.user_id
    report["errors"] = [webhook_error(code, details)]
    return Update(account.phone_number_id, "failed", value(account, statuses=[report]))


def _of_group(account: WhatsAppAccount, sent: Sent, group: str, name: str, at: float) -> Update:
    """`sent` is told once; what follows is told for each member, all in one webhook."""
    whole = {**_report(sent, name, at), "recipient_id": group, "recipient_type": "group"}
    whole["pricing"] = _pricing(f"group_{sent.category}")
    reports = [whole] if name == "sent" else []
    for member in sent.members if name != "sent" else ():
        named = {"recipient_participant_user_id": member.user_id}
        if member.phone is not None:
            named["recipient_participant_id"] = member.phone
        if name != "read" or member.read_receipts:
            reports.append({**whole, **named})
    return Update(account.phone_number_id, name, value(account, statuses=reports))


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
    kind = "free_group_customer_service" if "group" in category else "free_customer_service"
    free = category in ("service", "group_service")
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "type": kind if free else "regular",
        "category": category,
    }


def _free_entry(sent: Sent, until: float, *, ends: bool) -> dict[str, Any]:
    """What a message costs that went out under a free entry; `sent` tells when that ends."""
    kind = "referral_conversion"
    told: dict[str, Any] = {"id": f"c{sent.message_id[-12:]}", "origin": {"type": kind}}
    if ends:
        told["expiration_timestamp"] = str(int(until))
    price = {"billable": False, "pricing_model": "PMP", "type": "free_entry_point"}
    return {"conversation": told, "pricing": {**price, "category": kind}}


def inbound(account: WhatsAppAccount, customer: Customer, message: dict[str, Any]) -> Update:
    """A customer's message; system messages come without `contacts`."""
    parts: dict[str, Any] = {"messages": [message]}
    if message["type"] != "system":
        parts = {"contacts": [customer.contact(with_username=True)], **parts}
    return Update(account.phone_number_id, message["type"], value(account, **parts))


def news(account: WhatsAppAccount, field: str, told: dict[str, Any], at: float | None) -> Update:
    """An update of any other field; `at` is the time of its entry, if that has one."""
    return Update(account.phone_number_id, field, told, field=field, at=at)


def envelope(updates: Sequence[Update], waba_of: Callable[[str], str]) -> bytes:
    """One webhook body; neighbours of one number share a change, those of one WABA an entry.

    What has a time has an entry of its own, which tells it.
    """
    entries: dict[tuple[str, float | None], list[dict[str, Any]]] = {}
    for update in updates:
        change = {"value": update.value, "field": update.field}
        changes = entries.setdefault((waba_of(update.channel_key), update.at), [])
        if changes and _joins(changes[-1], change):
            changes[-1] = _joined(changes[-1], change)
        else:
            changes.append(change)
    listed = [_entry(waba, at, changes) for (waba, at), changes in entries.items()]
    return escaped({"object": "whatsapp_business_account", "entry": listed})


def _entry(waba: str, at: float | None, changes: list[dict[str, Any]]) -> dict[str, Any]:
    times = {} if at is None else {"time": int(at)}
    return {"id": waba, **times, "changes": changes}


def _joins(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two changes can be told as one."""
    if not one["field"] == other["field"] == "messages":
        return False
    ours, theirs = one["value"], other["value"]
    return bool(ours["metadata"] == theirs["metadata"] and ours.keys() == theirs.keys())


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(one["value"])
    for key in ("contacts", "messages", "statuses"):
        if key in joined:
            known = joined[key]
            joined[key] = known + [item for item in other["value"][key] if item not in known]
    return {**one, "value": joined}
