"""The customers of the pretend WhatsApp: people with a phone, a business-scoped id, or both.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
"""

import hashlib
import re
from typing import Any

from attrs import define, field

USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
PHONE_DIGITS = (7, 15)

_COUNTRIES = {"1": "US", "44": "GB", "49": "DE", "33": "FR", "34": "ES", "52": "MX", "55": "BR"}
_PUNCTUATION = str.maketrans("", "", " -().\u00a0")


@define(eq=False)
class Customer:
    """One person, as one business portfolio knows them; `phone` is None when it is hidden."""

    phone: str | None
    user_id: str
    name: str = "Customer"
    username: str | None = None
    reachable: bool = True
    """False: not on WhatsApp, so that messages fail with 131026."""
    read_receipts: bool = True
    marketing: bool = True
    """False: has stopped our marketing, 131050."""

    def contact(self, *, with_username: bool) -> dict[str, Any]:
        """The person in `contacts[]` of a webhook."""
        profile = {"name": self.name}
        if with_username and self.username is not None:
            profile["username"] = self.username
        contact: dict[str, Any] = {"profile": profile, "user_id": self.user_id}
        if self.phone is not None:
            contact["wa_id"] = self.phone
        return contact

    def document(self) -> dict[str, Any]:
        """The person as the control API shows them."""
        return {name: getattr(self, name) for name in CUSTOMER_KEYS}


CUSTOMER_KEYS = (
    "phone",
    "user_id",
    "name",
    "username",
    "reachable",
    "read_receipts",
    "marketing",
)


@define(eq=False)
class People:
    """Everybody, found by phone or by business-scoped id; strangers are made on demand."""

    by_phone: dict[str, Customer] = field(factory=dict)
    by_user_id: dict[str, Customer] = field(factory=dict)

    def of_phone(self, phone: str) -> Customer:
        """The person with this number (digits only)."""
        customer = self.by_phone.get(phone)
        if customer is None:
            customer = self._add(Customer(phone=phone, user_id=_user_id(phone)))
        return customer

    def of_user_id(self, user_id: str) -> Customer:
        """The person with this id; somebody new hides their number."""
        customer = self.by_user_id.get(user_id)
        if customer is None:
            customer = self._add(Customer(phone=None, user_id=user_id))
        return customer

    def of(self, phone: str | None, user_id: str | None) -> Customer:
        """The person known by either key; both together tie them. One of them must be given."""
        if phone is None:
            return self.of_user_id(user_id or "")
        customer = self.of_phone(phone)
        if user_id is not None and user_id != customer.user_id:
            self.changes_user_id(customer, user_id)
        return customer

    def changes_number(self, customer: Customer, phone: str) -> None:
        """The customer has another number, and by that another id."""
        if customer.phone is not None:
            del self.by_phone[customer.phone]
        customer.phone = phone
        self.by_phone[phone] = customer
        self.changes_user_id(customer, _user_id(phone))

    def changes_user_id(self, customer: Customer, user_id: str) -> None:
        """The customer is known by another id."""
        self.by_user_id.pop(customer.user_id, None)
        customer.user_id = user_id
        self.by_user_id[user_id] = customer

    def _add(self, customer: Customer) -> Customer:
        self.by_user_id[customer.user_id] = customer
        if customer.phone is not None:
            self.by_phone[customer.phone] = customer
        return customer

    def clear(self) -> None:
        """Forget everybody."""
        self.by_phone.clear()
        self.by_user_id.clear()


def _user_id(phone: str) -> str:
    country = next((_COUNTRIES[phone[:n]] for n in (2, 1) if phone[:n] in _COUNTRIES), "ZZ")
    number = int.from_bytes(hashlib.sha256(phone.encode()).digest()[:7], "big")
    return f"{country}.{number:016d}"


def phone_digits(given: str) -> str | None:
    """The digits of a number as people write them; None when it is no phone number."""
    digits = given.translate(_PUNCTUATION).removeprefix("+")
    least, most = PHONE_DIGITS
    return (
        digits if digits.isascii() and digits.isdigit() and least <= len(digits) <= most else None
    )


def wa_id_of(digits: str) -> str:
    """The id WhatsApp knows a number by: Mexico keeps an old 1, most of Brazil drops a new 9."""
    if digits.startswith("52") and len(digits) == 12:
        return f"521{digits[2:]}"
    if digits.startswith("55") and len(digits) == 13 and digits[4] == "9" and digits[2:4] > "30":
        return digits[:4] + digits[5:]
    return digits
