"""Accepting or refusing one outbound message, and what becomes of it."""

import base64
import random
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve

from omni_actors.sandbox.contract import SandboxSettings
from omni_actors.sandbox.faults import Fault
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.whatsapp import template_sends, updates
from omni_actors.sandbox.whatsapp.bodies import check_message, media_of
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.groups import Group, Groups
from omni_actors.sandbox.whatsapp.limits import Portfolio
from omni_actors.sandbox.whatsapp.media import MediaShelf, bare, send_fault
from omni_actors.sandbox.whatsapp.number import Message, Number
from omni_actors.sandbox.whatsapp.people import (
    USER_ID,
    Customer,
    People,
    phone_digits,
    wa_id_of,
)
from omni_actors.sandbox.whatsapp.templates import Kept, TemplateShelf
from omni_actors.sandbox.whatsapp.updates import Sent

TOO_MANY = "The business has reached the limit of people that it may write to first in a day."
REENGAGE = (
    "Message failed to send because more than 24 hours have passed since the customer last "
    "replied to this number."
)


@define
class Accepted:
    """A message the platform took: the answer's document, and the updates that follow."""

    message_id: str
    document: dict[str, Any]
    updates: list[Update]
    sent: Sent
    lost: bool
    """Whether the customer never sees it."""


@define
class Desk:
    """Where the messages of all numbers are judged."""

    settings: SandboxSettings
    people: People
    shelf: MediaShelf
    chance: random.Random
    templates: Callable[[str], TemplateShelf]
    """The templates of a business account."""
    portfolio: Portfolio
    groups: Groups

    def take(
        self,
        number: Number,
        document: dict[str, Any],
        now: float,
        fault: Fault | None,
        link_fault: str | None = None,
    ) -> Accepted:
        """Judge one message and let it through. Raises GraphError as the platform would."""
        kind = check_message(document)
        if document.get("recipient_type") == "group":
            group = self.groups.writable(number.account.phone_number_id, document, kind)
            return self._to_group(number, document, kind, group, now, fault)
        customer, address = self._recipient(number, document)
        template = self._template(number, document, address) if kind == "template" else None
        self._check_media_ids(number, document, kind, now)
        if (code := number.over_rate(customer.user_id, now)) is not None:
            raise _too_fast(code)
        first = not number.window_is_open(customer.user_id, now)
        if first and template is not None and self.portfolio.is_full(customer.user_id, now):
            raise refusal(131048, TOO_MANY)
        doom = self._doom(number, document, kind, customer, template, now)
        if doom is None and link_fault is not None:
            doom = (131053, link_fault)
        if fault is not None and fault.kind == "failed_status":
            doom = (fault.code, "A fault rule failed this message.")
        number.count_send(customer.user_id, now)
        if first:
            self.portfolio.count(customer.user_id, now)
        sent = Sent(
            message_id=new_message_id(self.chance),
            customer=customer,
            to_phone=address is None,
            callback_data=document.get("biz_opaque_callback_data"),
            category="service" if template is None else template.category.lower(),
            free_until=number.enters(customer.user_id, now),
        )
        number.remember(sent.message_id, Message(now, kind, customer.user_id, inbound=False))
        return Accepted(
            message_id=sent.message_id,
            document=_answer(document, sent, template, fault),
            updates=self._reports(number, sent, kind, doom, now),
            sent=sent,
            lost=doom is not None,
        )

    def _to_group(
        self,
        number: Number,
        document: dict[str, Any],
        kind: str,
        group: Group,
        now: float,
        fault: Fault | None,
    ) -> Accepted:
        """Let one message through to all who are in a group. Raises GraphError."""
        template = self._template(number, document, None) if kind == "template" else None
        if template is not None and template.category == "AUTHENTICATION":
            raise refusal(130501, "A group takes no authentication templates.")
        self._check_media_ids(number, document, kind, now)
        if (code := number.over_rate(group.window_key, now)) is not None:
            raise _too_fast(code)
        doom = self._unfit(number, document, kind, now)
        if template is None and not number.window_is_open(group.window_key, now):
            if self.settings.closed_window == "refuse":
                raise refusal(131047, REENGAGE)
            doom = 131047, REENGAGE
        if fault is not None and fault.kind == "failed_status":
            doom = (fault.code, "A fault rule failed this message.")
        number.count_send(group.window_key, now)
        members = tuple(group.members.values())
        sent = Sent(
            message_id=new_message_id(self.chance),
            customer=members[0],
            to_phone=True,
            callback_data=document.get("biz_opaque_callback_data"),
            category="service" if template is None else template.category.lower(),
            group=group.id,
            members=members,
        )
        number.remember(sent.message_id, Message(now, kind, group.window_key, inbound=False))
        return Accepted(
            message_id=sent.message_id,
            document={
                "messaging_product": "whatsapp",
                "contacts": [{"input": group.id, "wa_id": group.id}],
                "messages": [{"id": sent.message_id, "group_id": group.id}],
            },
            updates=self._reports(number, sent, kind, doom, now),
            sent=sent,
            lost=doom is not None,
        )

    def _recipient(
        self, number: Number, document: Mapping[str, Any]
    ) -> tuple[Customer, str | None]:
        """Who it goes to; the second is the user id, when that is how they were addressed."""
        to = document.get("to")
        if to is not None:
            digits = phone_digits(to)
            if digits is None:
                raise refusal(131009, "Param to is not a phone number.")
            if digits == phone_digits(number.account.display_number):
                raise refusal(131021, "The recipient and the sender are the same number.")
            return self.people.of_phone(wa_id_of(digits)), None
        recipient = document["recipient"]
        if USER_ID.fullmatch(recipient) is None:
            raise refusal(131009, "Param recipient is not a business-scoped user id.")
        return self.people.of_user_id(recipient), recipient

    def _template(self, number: Number, document: Mapping[str, Any], address: str | None) -> Kept:
        sent = document["template"]
        template = self.templates(number.account.waba_id).approved(sent)
        template_sends.check(template, sent)
        if template.category == "AUTHENTICATION" and address is not None:
            raise refusal(131062, "Authentication templates need a phone number.")
        return template

    def _check_media_ids(
        self, number: Number, document: Mapping[str, Any], kind: str, now: float
    ) -> None:
        for _kind, medium in media_of(document, kind):
            if medium.get("id") and self._medium(number, medium["id"], now) is None:
                raise refusal(131009, f"The media id {medium['id']} is unknown or has expired.")

    def _medium(self, number: Number, media_id: str, now: float) -> Any:
        medium = self.shelf.get(media_id, now)
        mine = medium is not None and medium.channel_key == number.account.phone_number_id
        return medium if mine else None

    def _doom(
        self,
        number: Number,
        document: Mapping[str, Any],
        kind: str,
        customer: Customer,
        template: Kept | None,
        now: float,
    ) -> tuple[int, str] | None:
        """Why it will fail after it was accepted. Raises GraphError for a closed window."""
        if template is None and not number.window_is_open(customer.user_id, now):
            if self.settings.closed_window == "refuse":
                raise refusal(131047, REENGAGE)
            return 131047, REENGAGE
        if not customer.reachable:
            return 131026, "Message undeliverable."
        if template is not None and template.category == "MARKETING" and not customer.marketing:
            return 131050, "The user has stopped marketing messages."
        if kind == "reaction":
            return _bad_reaction(number, document["reaction"], customer, now)
        return self._unfit(number, document, kind, now)

    def _unfit(
        self, number: Number, document: Mapping[str, Any], kind: str, now: float
    ) -> tuple[int, str] | None:
        """Why a medium cannot be shown as what it is sent as."""
        for place, medium in media_of(document, kind):
            held = self._medium(number, medium["id"], now) if medium.get("id") else None
            fault = None if held is None else send_fault(place, held.mime_type, held.content)
            if held is not None and medium.get("voice") and bare(held.mime_type) != "audio/ogg":
                fault = f"{held.mime_type} cannot be sent as a voice message; only audio/ogg."
            if fault is not None:
                return 131053, fault
        return None

    def _reports(
        self, number: Number, sent: Sent, kind: str, doom: tuple[int, str] | None, now: float
    ) -> list[Update]:
        gap_s = self.settings.status_gap_s
        if doom is not None:
            return [evolve(updates.failed(number.account, sent, *doom, now), after_s=gap_s)]
        names = [name for name in self.settings.statuses if name == "sent" or kind != "reaction"]
        readers = sent.members or (sent.customer,)
        if not any(reader.read_receipts for reader in readers):
            names = [name for name in names if name != "read"]
        arrivals = [name for name in names if name != "sent"][:1]
        reports = []
        for place, name in enumerate(names, start=1):
            at = now + place * gap_s
            report = updates.status(number.account, sent, name, at, first=name in arrivals)
            reports.append(evolve(report, after_s=place * gap_s) if gap_s else report)
        return reports


def _bad_reaction(
    number: Number, reaction: Mapping[str, Any], customer: Customer, now: float
) -> tuple[int, str] | None:
    target = number.recall(reaction["message_id"], now)
    if target is None or target.type == "reaction" or target.user_id != customer.user_id:
        return 131009, "The message to react to is unknown, too old, or a reaction itself."
    return None


def _too_fast(code: int) -> GraphError:
    if code == 130429:
        return refusal(code, "Cloud API message throughput has been reached.", 2494055)
    if code == 131057:
        return refusal(code, "The account is in maintenance mode; try again in a minute.")
    details = "Too many messages sent from this phone number to the same phone number."
    return refusal(code, details)


def _answer(
    document: Mapping[str, Any], sent: Sent, template: Kept | None, fault: Fault | None
) -> dict[str, Any]:
    if sent.to_phone:
        contact = {"input": document["to"], "wa_id": sent.customer.phone}
    else:
        contact = {"input": document["recipient"], "user_id": sent.customer.user_id}
    message = {"id": sent.message_id}
    if template is not None:
        held = fault is not None and fault.kind == "held"
        message["message_status"] = "held_for_quality_assessment" if held else "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}


def new_message_id(chance: random.Random) -> str:
    """An opaque id in the platform's fashion."""
    return "wamid." + base64.b64encode(b"\x1d\x0b" + chance.randbytes(28)).decode()
