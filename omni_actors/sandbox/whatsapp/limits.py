"""What the platform lets a portfolio do in a day, and how the control API changes its limits.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from omni_actors.sandbox.contract import ControlError
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount
from omni_actors.sandbox.whatsapp.updates import news

DAY_S = 86_400.0
PEOPLE_MAX = 500_000
TIERS = (250, 2_000, 10_000, 100_000)


@define
class Portfolio:
    """Whom all numbers together have written to first in the last day; `most` of None: anybody."""

    most: int | None
    people: dict[str, float] = field(factory=dict)

    def is_full(self, user_id: str, now: float) -> bool:
        """Whether this user would be one too many."""
        if self.most is None or self.people.get(user_id, 0.0) > now - DAY_S:
            return False
        self.people = {who: at for who, at in self.people.items() if at > now - DAY_S}
        return len(self.people) >= self.most

    def count(self, user_id: str, now: float) -> None:
        """Note one message to a user whose window is closed."""
        if len(self.people) < PEOPLE_MAX:
            self.people[user_id] = now


def tier_of(most: int | None) -> str:
    """The name of a limit of people a day; one that has no name is told as its number."""
    if most is None:
        return "TIER_UNLIMITED"
    named = f"TIER_{most // 1000}K" if most >= 1000 else f"TIER_{most}"
    return named if most in TIERS else str(most)


@frozen
class Wanted:
    """What a control document asks for; `users_per_day` is empty where it says nothing of it."""

    per_second: int | None
    maintenance_s: float
    users_per_day: tuple[int | None, ...]


def wanted(document: Mapping[str, Any]) -> Wanted:
    """The limits that a control document describes. Raises ControlError."""
    known = {"per_second", "maintenance_s", "users_per_day"}
    if document.keys() - known or not document.keys() & {"per_second", "users_per_day"}:
        raise ControlError("limits take `per_second` (with `maintenance_s`) and `users_per_day`")
    pause = document.get("maintenance_s", 0)
    if isinstance(pause, bool) or not isinstance(pause, int | float) or pause < 0:
        raise ControlError("`maintenance_s` must be a number, 0 or more")
    people = (_count(document, "users_per_day"),) if "users_per_day" in document else ()
    return Wanted(_count(document, "per_second"), float(pause), people)


def upgraded(account: WhatsAppAccount, tier: str, at: float, after_s: float) -> Update:
    """The number has a higher throughput from now on."""
    told = {
        "display_phone_number": account.display_number,
        "event": "THROUGHPUT_UPGRADE",
        "current_limit": tier,
        "max_daily_conversations_per_business": tier,
    }
    return evolve(news(account, "phone_number_quality_update", told, at), after_s=after_s)


def capability(account: WhatsAppAccount, tier: str, at: float) -> Update:
    """The portfolio may write first to another number of people a day."""
    told = {"max_daily_conversations_per_business": tier, "max_phone_numbers_per_business": 20}
    return news(account, "business_capability_update", told, at)


def _count(document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ControlError(f"`{name}` must be a whole number, 1 or more")
    return value
