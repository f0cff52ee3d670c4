"""News of the account and its numbers: the webhook fields that are about no person.

They name the number they are about at most by its telephone number; then the channel key is that,
as `+442079460100`. What concerns the whole account has its id for a channel key.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from attrs import evolve, frozen

from omni_actors.adapters.reading import digest, mapping, number, seconds, sequence, text
from omni_actors.adapters.whatsapp.people import digits
from omni_actors.adapters.whatsapp.scene import Scene
from omni_actors.adapters.whatsapp.templates import news_of
from omni_actors.model.json import Json, JsonObject
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
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
# https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
UPGRADED_PER_S: Final = 1000
UNLIMITED: Final = -1
# What the platform says nothing about is left out of a detail; here None says that there is none.
MAY_BE_NONE: Final = frozenset({"users_per_day", "first_at"})

_TIER = re.compile(r"TIER_(\d+)(K?)")


@frozen
class Told:
    """What one change says, in neutral words (`ChannelReported`)."""

    kind: str
    severity: Severity
    detail: Mapping[str, Json]


def read(topic: str, change: JsonObject, value: JsonObject, scene: Scene) -> Report:
    """The report of one change of the field `topic` to `value`."""
    here = evolve(scene, channel_key=_concerned(value, scene))
    key = f"{topic}:{digest(change, scene.channel_key, scene.at)}"
    if aspect := TEMPLATE_CHANGES.get(topic):
        return _template(topic, aspect, value, here, key)
    tell = TELLERS.get(topic)
    if tell is None:
        reason = "a field that we do not read"
        return Unsupported(here.channel_key, key, here.at, (), topic, reason, value)
    told = tell(value)
    detail = {n: found for n, found in told.detail.items() if found is not None or n in MAY_BE_NONE}
    return ChannelReported(
        here.channel_key, key, here.at, (), told.kind, told.severity, {**detail, "platform": value}
    )


def _concerned(value: JsonObject, scene: Scene) -> str:
    """Whom a change is about, as precisely as it says."""
    if text(value.get("entity_type")) == "PHONE_NUMBER" and (named := text(value.get("entity_id"))):
        return named
    if "metadata" not in value and (own := digits(value.get("display_phone_number"))):
        return f"+{own}"
    return text(mapping(value.get("waba_info")).get("waba_id")) or scene.channel_key


def _template(
    topic: str, aspect: str, value: JsonObject, scene: Scene, key: str
) -> TemplateReported | Unsupported:
    name = text(value.get("message_template_name"))
    if name is None:
        reason = "it names no template"
        return Unsupported(scene.channel_key, key, scene.at, (), topic, reason, value)
    language = text(value.get("message_template_language")) or ""
    told = news_of(aspect, value)
    return TemplateReported(
        scene.channel_key, key, scene.at, (), name, language, aspect, value, told
    )


def _word(value: Json) -> str | None:
    """A word of the platform's in our spelling."""
    found = text(value)
    return None if found is None else found.lower()


# ---------------------------------------------------------------- account_update


def _account(value: JsonObject) -> Told:
    event = text(value.get("event")) or "UNKNOWN"
    tell = ACCOUNT_EVENTS.get(event)
    if tell is not None:
        return tell(value)
    kind = OTHER_EVENTS.get(event, "account")
    return Told(kind, INFO, {"event": event.lower(), "country": text(value.get("country"))})


def _deleted(_value: JsonObject) -> Told:
    return Told("deletion", CRITICAL, {"sending": "nothing"})


def _banned(value: JsonObject) -> Told:
    """A ban is announced, comes into force, and may be taken back."""
    ban = mapping(value.get("ban_info"))
    told = text(ban.get("waba_ban_state")) or "DISABLE"
    state, severity, sending = BANS.get(told, (told.lower(), WARNING, None))
    on = text(ban.get("waba_ban_date"))
    return Told("ban", severity, {"state": state, "sending": sending, "on": on})


BANS: Final[Mapping[str, tuple[str, Severity, Json]]] = {
    "SCHEDULE_FOR_DISABLE": ("scheduled", CRITICAL, "all"),
    "DISABLE": ("disabled", CRITICAL, "nothing"),
    "REINSTATE": ("reinstated", INFO, "all"),
}


def _restricted(value: JsonObject) -> Told:
    """A number that may not begin conversations still answers; one that may do neither is shut.

    Each restriction ends by itself: what forbids answers may be over before the rest.
    """
    listed: list[JsonObject] = [
        {
            "type": (text(one.get("restriction_type")) or "unknown").lower(),
            "until": _end(one.get("expiration")),
        }
        for one in map(mapping, sequence(value.get("restriction_info")))
    ]
    messaging = [one for one in listed if "messaging" in str(one["type"])]
    first = [one for one in messaging if "biz_initiated" in str(one["type"])]
    answers = [one for one in messaging if one not in first]
    detail = {
        "sending": "nothing" if answers else "replies" if first else "all",
        "restrictions": list(listed),
        "until": _last(answers or first or listed),
        "first_at": _last(first) if first else 0.0,
    }
    return Told("restriction", CRITICAL, detail)


def _end(told: Json) -> float | None:
    """When a restriction is over, told in unix seconds or as a date; None when it has no end."""
    if (at := seconds(told)) or not isinstance(told, str):
        return at or None
    try:
        named = datetime.fromisoformat(told)
    except ValueError:
        return None
    return named.replace(tzinfo=named.tzinfo or UTC).timestamp()


def _last(restrictions: Sequence[JsonObject]) -> Json:
    """When the last of them is over; None when one of them has no end."""
    ends = [one["until"] for one in restrictions]
    known = [end for end in ends if isinstance(end, float)]
    return max(known) if known and len(known) == len(ends) else None


def _violated(value: JsonObject) -> Told:
    found = mapping(value.get("violation_info"))
    return Told("violation", CRITICAL, {"type": _word(found.get("violation_type"))})


def _connection(state: str, severity: Severity, sending: Json) -> Callable[[JsonObject], Told]:
    def tell(value: JsonObject) -> Told:
        why = mapping(value.get("disconnection_info"))
        reason, by = _word(why.get("reason")), _word(why.get("initiated_by"))
        detail = {"state": state, "sending": sending, "reason": reason, "by": by}
        return Told("connection", severity, detail)

    return tell


ACCOUNT_EVENTS: Final[Mapping[str, Callable[[JsonObject], Told]]] = {
    "ACCOUNT_DELETED": _deleted,
    "ACCOUNT_RESTRICTION": _restricted,
    "ACCOUNT_VIOLATION": _violated,
    "DISABLED_UPDATE": _banned,
    "PARTNER_ADDED": _connection("added", INFO, "all"),
    "PARTNER_REMOVED": _connection("removed", CRITICAL, "nothing"),
    "PARTNER_APP_INSTALLED": lambda _value: Told("app", INFO, {"state": "installed"}),
    "PARTNER_APP_UNINSTALLED": lambda _value: Told("app", CRITICAL, {"state": "uninstalled"}),
    "ACCOUNT_OFFBOARDED": _connection("offboarded", CRITICAL, "nothing"),
    "ACCOUNT_RECONNECTED": _connection("reconnected", INFO, "all"),
}
OTHER_EVENTS: Final = {
    "VOLUME_BASED_PRICING_TIER_UPDATE": "pricing",
    "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE": "pricing",
    "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": "partner",
    "AD_ACCOUNT_LINKED": "ads",
}


# ---------------------------------------------------------------- the other fields


def _review(value: JsonObject) -> Told:
    decision = text(value.get("decision")) or "UNKNOWN"
    severity = CRITICAL if decision == "REJECTED" else INFO
    return Told("review", severity, {"decision": decision.lower()})


def _alert(value: JsonObject) -> Told:
    alert = mapping(value.get("alert_info"))
    active = text(alert.get("alert_status")) in (None, "ACTIVE")
    severity = ALERTS.get(text(alert.get("alert_severity")) or "", WARNING)
    detail = {
        "type": _word(alert.get("alert_type")),
        "active": active,
        "text": text(alert.get("alert_description")),
        "entity": _word(value.get("entity_type")),
        "entity_id": text(value.get("entity_id")),
    }
    return Told("alert", severity if active else INFO, detail)


ALERTS: Final = {"INFORMATIONAL": INFO, "INFO": INFO, "WARNING": WARNING, "CRITICAL": CRITICAL}


def _capability(value: JsonObject) -> Told:
    return Told("messaging_limit", INFO, {"event": "capability", **_limit(value, *LIMIT_KEYS)})


def _quality(value: JsonObject) -> Told:
    """How the platform sees the number: its throughput, its limit, or its quality."""
    event = text(value.get("event")) or "UNKNOWN"
    limit = _limit(value, *LIMIT_KEYS, "current_limit")
    if event == "THROUGHPUT_UPGRADE":
        return Told("throughput", INFO, {"per_second": UPGRADED_PER_S, **limit})
    if event in QUALITY:
        return Told("quality", QUALITY[event], {"state": event.lower(), **limit})
    severity = WARNING if event == "DOWNGRADE" else INFO
    was = text(value.get("old_limit"))
    return Told("messaging_limit", severity, {"event": event.lower(), "was": was, **limit})


QUALITY: Final = {"FLAGGED": WARNING, "UNFLAGGED": INFO}
LIMIT_KEYS: Final = (
    "max_daily_conversations_per_business",
    "max_daily_conversation_per_phone",
)


def _limit(value: JsonObject, *names: str) -> dict[str, Json]:
    """To how many people a day the business may write first; a number in older versions.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
    """
    for told in (value[name] for name in names if name in value):
        if people := people_a_day(told):
            return people if number(told) is not None else {**people, "tier": text(told)}
    return {}


def people_a_day(tier: Json) -> dict[str, Json]:
    """How many people a tier stands for; None for all, and nothing for what is no tier."""
    plain, named = number(tier), text(tier) or ""
    if plain == UNLIMITED or named == "TIER_UNLIMITED":
        return {"users_per_day": None}
    if plain is not None:
        return {"users_per_day": int(plain)}
    found = _TIER.fullmatch(named)
    return {"users_per_day": int(found[1]) * (1000 if found[2] else 1)} if found else {}


def _name(value: JsonObject) -> Told:
    decision = text(value.get("decision")) or "UNKNOWN"
    return Told(
        "name",
        WARNING if decision == "REJECTED" else INFO,
        {
            "decision": decision.lower(),
            "name": text(value.get("requested_verified_name")),
            "reason": text(value.get("rejection_reason")),
        },
    )


def _username(value: JsonObject) -> Told:
    state, name = _word(value.get("status")), text(value.get("username"))
    return Told("username", INFO, {"state": state, "username": name})


def _security(value: JsonObject) -> Told:
    by = text(value.get("requester"))
    return Told("security", WARNING, {"event": _word(value.get("event")), "by": by})


def _flow(value: JsonObject) -> Told:
    event = text(value.get("event")) or "UNKNOWN"
    told = {"flow_id": text(value.get("flow_id")), "text": text(value.get("message"))}
    severity = INFO if event == "FLOW_STATUS_CHANGE" else WARNING
    return Told("flow", severity, {"event": event.lower(), **told})


def _simply(kind: str, event: str) -> Callable[[JsonObject], Told]:
    """News that only tell that something happened; the platform's own words say what."""
    return lambda _value: Told(kind, INFO, {"event": event})


Tell: TypeAlias = Callable[[JsonObject], Told]
TELLERS: Final[Mapping[str, Tell]] = {
    "account_alerts": _alert,
    "account_review_update": _review,
    "account_update": _account,
    "automatic_events": _simply("ads", "automatic_event"),
    "business_capability_update": _capability,
    "business_username_updates": _username,
    "flows": _flow,
    "partner_solutions": _simply("partner", "solution"),
    "payment_configuration_update": _simply("payment", "configuration"),
    "phone_number_name_update": _name,
    "phone_number_quality_update": _quality,
    "security": _security,
}
