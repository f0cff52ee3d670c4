"""Which webhooks of a number an app is to be sent.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

from collections.abc import Iterator
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.meta.app_webhooks import AppWebhooks, Place

PLACE: Final = Place(
    "whatsapp_business_account", "the App Dashboard, under WhatsApp > Configuration"
)

MESSAGES: Final = "messages"
# What an operator or a bot acts on besides messages and their statuses.
NEWS: Final = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "business_capability_update",
        "business_username_updates",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "template_category_update",
        "user_id_update",
        "user_preferences",
    }
)
# What comes only of a number that is in the WhatsApp Business app too.
ECHOES: Final = "smb_message_echoes"
COEXISTENCE: Final = frozenset({ECHOES, "smb_app_state_sync", "history"})


def wanted_fields(coexists: bool) -> frozenset[str]:
    """Every field whose news somebody acts on."""
    return NEWS | {MESSAGES} | (COEXISTENCE if coexists else frozenset())


def field_findings(seen: AppWebhooks, coexists: bool) -> Iterator[Checked]:
    """Whether the app is sent what the gateway reads."""
    how = f"subscribe the fields in {PLACE.dashboard}, or with --subscribe"
    needed = {MESSAGES, ECHOES} if coexists else {MESSAGES}
    without = sorted(needed - seen.fields)
    if without:
        lost = (
            "no message comes in" if MESSAGES in without else "what is typed on the phone is lost"
        )
        listed = ", ".join(without)
        yield Checked("fields", False, f"the app does not get {listed}, so that {lost}; {how}")
    else:
        yield Checked("fields", True, f"the app gets {' and '.join(sorted(needed))}")
    if more := sorted(wanted_fields(coexists) - seen.fields - needed):
        yield Checked(
            "fields", None, f"the app does not get {', '.join(more)}; to have this news, {how}"
        )
