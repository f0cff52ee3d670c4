"""How a number, its token and its app stand with the platform; the control API makes them worse."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from omni_actors.sandbox.contract import ControlError

SCOPES: Final = ("whatsapp_business_management", "whatsapp_business_messaging")
FIELDS: Final = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "automatic_events",
        "business_capability_update",
        "business_username_updates",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "history",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "messages",
        "partner_solutions",
        "payment_configuration_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "smb_app_state_sync",
        "smb_message_echoes",
        "template_category_update",
        "user_id_update",
        "user_preferences",
    }
)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_word(value: Any) -> bool:
    return isinstance(value, str)


def _is_word_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_time_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# What the control API may set: what each takes, and the same in words for whoever sets it wrongly.
KEYS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "registered": (_is_bool, "true or false"),
    "pin": (_is_word_or_none, "six digits, or null where none is set"),
    "is_on_biz_app": (_is_bool, "true or false"),
    "quality_rating": (_is_word, "GREEN, YELLOW, RED or UNKNOWN"),
    "throughput": (_is_word_or_none, "STANDARD or HIGH, or null for what the sandbox allows"),
    "messaging_limit": (_is_word, "TIER_250, TIER_2K, TIER_10K, TIER_100K or TIER_UNLIMITED"),
    "can_send_message": (_is_word, "AVAILABLE, LIMITED or BLOCKED"),
    "trouble": (_is_word, "a sentence"),
    "token_valid": (_is_bool, "true or false"),
    "token_expires_in_s": (_is_time_or_none, "seconds, or null for never"),
    "scopes": (_are_words, "a list of permissions"),
    "token_accounts": (_are_words, "a list of business account ids"),
    "subscribed": (_is_bool, "true or false"),
    "fields": (_are_words, "a list of webhook fields"),
}


@define(eq=False)
class Standing:
    """One number as its platform sees it."""

    registered: bool = True
    pin: str | None = None
    is_on_biz_app: bool = False
    quality_rating: str = "GREEN"
    throughput: str | None = None
    messaging_limit: str = "TIER_UNLIMITED"
    can_send_message: str = "AVAILABLE"
    trouble: str = ""
    token_valid: bool = True
    token_expires_in_s: float | None = None
    scopes: list[str] = field(factory=lambda: [*SCOPES])
    token_accounts: list[str] | None = None
    """None: the accounts of all numbers that the token is of."""
    subscribed: bool = True
    fields: list[str] = field(factory=lambda: sorted(FIELDS))
    attempts: deque[float] = field(factory=deque)
    """When it was registered or deregistered."""
    token_expires_at: float | None = None

    def change(self, document: Mapping[str, Any], now: float) -> None:
        """Set what a control document says, all or nothing. Raises ControlError."""
        for key, value in document.items():
            if key not in KEYS:
                raise ControlError(f"a standing has no `{key}`; there is {', '.join(KEYS)}")
            is_right, words = KEYS[key]
            if not is_right(value):
                raise ControlError(f"`{key}` must be {words}")
        if unknown := set(document.get("fields", ())) - FIELDS:
            raise ControlError(f"there is no webhook field {min(unknown)}")
        for key, value in document.items():
            setattr(self, key, value)
        if "token_expires_in_s" in document:
            left_s = self.token_expires_in_s
            self.token_expires_at = None if left_s is None else now + left_s

    def document(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {key: getattr(self, key) for key in KEYS}

    def token_is_old(self, now: float) -> bool:
        """Whether the token has expired."""
        return self.token_expires_at is not None and self.token_expires_at <= now
