"""News of the account: the webhook fields other than `messages`.

Where the value names no number, the channel key is the id of the WhatsApp Business account.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

from typing import Final

from attrs import frozen

from omni_actors.adapters.reading import mapping, text
from omni_actors.adapters.whatsapp.templates import news_of
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import (
    ChannelReported,
    Report,
    Severity,
    TemplateReported,
    Unsupported,
)

TEMPLATE_CHANGES: Final = {
    "message_template_status_update": "status",
    "message_template_quality_update": "quality",
    "message_template_components_update": "components",
    "template_category_update": "category",
}
CHANNEL_FIELDS: Final = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "business_capability_update",
        "business_username_updates",
        "flows",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
    }
)
# The news, as `event`, `decision` or the severity of an alert, that its operator must act on.
CRITICAL: Final = frozenset(
    {
        "ACCOUNT_DELETED",
        "ACCOUNT_OFFBOARDED",
        "ACCOUNT_RESTRICTION",
        "ACCOUNT_VIOLATION",
        "CRITICAL",
        "DISABLED_UPDATE",
        "PARTNER_REMOVED",
        "REJECTED",
    }
)
WARNING: Final = frozenset({"DOWNGRADE", "FLAGGED", "PIN_CHANGED", "PIN_RESET_REQUEST", "WARNING"})


@frozen
class News:
    """One change of a field; `key` is the same whenever it is told again."""

    field: str
    value: JsonObject
    channel_key: str
    key: str
    at: float


def read(news: News) -> Report:
    """The report of one change."""
    if change := TEMPLATE_CHANGES.get(news.field):
        return _template(news, change)
    if news.field in CHANNEL_FIELDS:
        return _channel(news)
    reason = "a field that we do not read"
    return Unsupported(news.channel_key, news.key, news.at, (), news.field, reason, news.value)


def _template(news: News, change: str) -> Report:
    name = text(news.value.get("message_template_name"))
    if name is None:
        reason = "it names no template"
        return Unsupported(news.channel_key, news.key, news.at, (), news.field, reason, news.value)
    language = text(news.value.get("message_template_language")) or ""
    told = news_of(change, news.value)
    return TemplateReported(
        news.channel_key, news.key, news.at, (), name, language, change, news.value, told
    )


def _channel(news: News) -> ChannelReported:
    alert = mapping(news.value.get("alert_info"))
    told = {
        text(news.value.get("event")),
        text(news.value.get("decision")),
        text(alert.get("alert_severity")),
    }
    severity = Severity.INFO
    if told & CRITICAL:
        severity = Severity.CRITICAL
    elif told & WARNING:
        severity = Severity.WARNING
    return ChannelReported(
        news.channel_key, news.key, news.at, (), news.field, severity, news.value
    )
