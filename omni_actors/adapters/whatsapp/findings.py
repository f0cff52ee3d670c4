"""What the platform's answers say of a number, as sentences that an operator can act on.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/health-status
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.reading import mapping, seconds, sequence, text
from omni_actors.adapters.whatsapp.levels import LEVELS, TIER, is_coexisting, level_of
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Failure, Reason
from omni_actors.model.json import JsonObject

SEND_SCOPE: Final = "whatsapp_business_messaging"
MANAGE_SCOPE: Final = "whatsapp_business_management"
SCOPES: Final = {
    SEND_SCOPE: "nothing can be sent, and no message comes in",
    MANAGE_SCOPE: "templates, numbers and all other webhooks stay out of reach",
}
SOON_S: Final = 7 * 86_400.0
DAY_S: Final = 86_400.0

# https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
TIERS: Final = {
    "TIER_250": "at most 250 people",
    "TIER_2K": "at most 2,000 people",
    "TIER_10K": "at most 10,000 people",
    "TIER_100K": "at most 100,000 people",
    "TIER_UNLIMITED": "any number of people",
}
NEW_TOKEN: Final = (
    "make a new one for a system user in the Business settings, put it into the config and send "
    "SIGHUP"
)
HOW_TO_SUBSCRIBE: Final = "subscribe yours to the account, as doctor does with --subscribe"
SUBCODES: Final = {
    "458": "the app was removed from the account that the token is of",
    "460": "its owner's password changed",
    "463": "it has expired",
    "467": "it was withdrawn",
}


def refused(subject: str, failure: Failure) -> Checked:
    """A question that got no answer."""
    advice = {
        Reason.CREDENTIALS_EXPIRED: "the access token is not valid; make a new one",
        Reason.PERMISSION_DENIED: "the access token lacks a permission, or access to the account",
        Reason.CHANNEL_MISCONFIGURED: "the id is not known to the platform; compare it",
        Reason.CHANNEL_UNAVAILABLE: "the platform cannot be asked now; try again",
    }.get(failure.reason, "the platform refused the question")
    if failure.code == "104":
        advice = "app_secret is not the secret of the app that the access token is of"
    words = ": ".join(word for word in (failure.code, failure.text) if word)
    return Checked(subject, False, f"{advice} ({words})" if words else advice)


# ---------------------------------------------------------------- the token


def token_findings(facts: JsonObject, now: float) -> Iterator[Checked]:
    """Whether the token is valid, for how long, and for what.

    https://developers.facebook.com/docs/graph-api/reference/debug_token
    """
    if facts.get("is_valid") is False:
        error = mapping(facts.get("error"))
        why = SUBCODES.get(text(error.get("subcode")) or "", text(error.get("message")) or "")
        reason = f": {why}" if why else ""
        yield Checked("token", False, f"the access token is not valid{reason}; {NEW_TOKEN}")
        return
    yield _expiry(seconds(facts.get("expires_at")), now)
    scopes = {text(each) for each in sequence(facts.get("scopes"))}
    for scope, without in SCOPES.items():
        if scope not in scopes:
            yield Checked(
                "scopes",
                False,
                f"the access token lacks {scope}, so that {without}; make one that has it",
            )
    if scopes >= set(SCOPES):
        yield Checked("scopes", True, "the access token may send and manage")


def _expiry(expires_at: float, now: float) -> Checked:
    if not expires_at:
        return Checked("token", True, "the access token is valid and does not expire")
    day = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if expires_at <= now:
        return Checked("token", False, f"the access token expired at {day}; {NEW_TOKEN}")
    if expires_at - now < SOON_S:
        return Checked("token", False, f"the access token expires soon, at {day}; {NEW_TOKEN}")
    days = int((expires_at - now) // DAY_S)
    return Checked("token", True, f"the access token is valid for {days} days, until {day}")


def accounts_of(facts: JsonObject) -> tuple[str, ...]:
    """The WhatsApp Business accounts that a token is limited to; none named: not limited."""
    named = [
        text(target)
        for scope in map(mapping, sequence(facts.get("granular_scopes")))
        if text(scope.get("scope")) in SCOPES
        for target in sequence(scope.get("target_ids"))
    ]
    return tuple(dict.fromkeys(each for each in named if each))


def account_finding(settings: WhatsAppSettings, accounts: tuple[str, ...]) -> Checked:
    """Whether the account of the config is one that the token is for."""
    listed = ", ".join(accounts)
    if settings.waba_id is None:
        hint = f"; the token is for {listed}" if accounts else ", as the WhatsApp Manager shows it"
        return Checked(
            "account", None, f"the config does not name the account: put waba_id there{hint}"
        )
    if accounts and settings.waba_id not in accounts:
        return Checked(
            "account",
            False,
            f"the access token is for {listed} and not for waba_id {settings.waba_id}; "
            "assign that account to the system user and make a new token",
        )
    return Checked("account", True, f"the access token reaches the account {settings.waba_id}")


def app_finding(settings: WhatsAppSettings, facts: JsonObject) -> Checked | None:
    """Whether the app of the config is the token's; None where either is not told."""
    told = text(facts.get("app_id"))
    if told is None or settings.app_id is None:
        return None
    if told == settings.app_id:
        return Checked("app", True, f"the access token is of the app {told}")
    return Checked(
        "app", False, f"the access token is of the app {told} and not of app_id {settings.app_id}"
    )


# ---------------------------------------------------------------- the number


def number_findings(answer: JsonObject) -> Iterator[Checked]:
    """Who answers, and whether they may send."""
    shown = text(answer.get("display_phone_number")) or "a number without a display number"
    name = text(answer.get("verified_name"))
    yield Checked("number", True, f"{shown} answers" + (f" as {name}" if name else ""))
    status = text(answer.get("status"))
    if status is not None:
        ok = status == "CONNECTED"
        advice = "" if ok else "; register it, as doctor does with --register"
        yield Checked("status", ok, f"the number is {status}{advice}")
    quality = text(answer.get("quality_rating"))
    if quality is not None:
        ok = quality != "RED"
        advice = "" if ok else "; customers block or report it, so write to them less"
        yield Checked("quality", ok, f"the quality rating is {quality}{advice}")
    health = mapping(answer.get("health_status"))
    if (can := text(health.get("can_send_message"))) is not None:
        yield Checked("health", can == "AVAILABLE", f"sending is {can}{_troubles(health)}")


def _troubles(health: JsonObject) -> str:
    told = [
        word for entity in map(mapping, sequence(health.get("entities"))) for word in _told(entity)
    ]
    words = "; ".join(dict.fromkeys(told))
    return f": {words}" if words else ""


def _told(entity: JsonObject) -> Iterator[str]:
    for error in map(mapping, sequence(entity.get("errors"))):
        for key in ("error_description", "possible_solution"):
            if (word := text(error.get(key))) is not None:
                yield word
    for each in sequence(entity.get("additional_info")):
        if (word := text(each)) is not None:
            yield word


def place_findings(answer: JsonObject) -> Iterator[Checked]:
    """Where the number lives, how fast it may send, and to how many."""
    platform = text(answer.get("platform_type"))
    registered = text(answer.get("status")) in (None, "CONNECTED")
    if registered and platform not in (None, "CLOUD_API"):
        advice = "the number is not on the Cloud API; register it"
        yield Checked("platform", False, f"{advice} (platform_type {platform})")
    if is_coexisting(answer):
        yield Checked(
            "coexistence",
            None,
            "the number is in the WhatsApp Business app too: it sends 20 messages a second at "
            "most, and what is typed on the phone comes in as an echo",
        )
    elif (level := level_of(answer)) is not None:
        most = f"{LEVELS[level]:,} messages a second" if level in LEVELS else level
        yield Checked("throughput", True, f"{most}, both directions together")
    if (tier := text(answer.get(TIER))) is not None:
        people = TIERS.get(tier, tier)
        yield Checked(
            "limit",
            True,
            f"all numbers of the portfolio may write to {people} first within 24 hours",
        )


def callback_of(answer: JsonObject) -> tuple[str, str] | None:
    """The URL that the number's webhooks go to and who set it; the nearest setting wins.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/override
    """
    told = mapping(answer.get("webhook_configuration"))
    for level in ("phone_number", "whatsapp_business_account", "application"):
        if (url := text(told.get(level))) is not None:
            return url, level
    return None


# ---------------------------------------------------------------- subscriptions


def subscribers(answer: JsonObject) -> tuple[str, ...]:
    """The apps that an account's webhooks go to: ids, or names where there is none."""
    apps = [
        mapping(mapping(each).get("whatsapp_business_api_data"))
        for each in sequence(answer.get("data"))
    ]
    return tuple(text(app.get("id")) or text(app.get("name")) or "unnamed" for app in apps)


def subscription_finding(apps: tuple[str, ...], app_id: str | None) -> Checked:
    """Whether the account's webhooks come to our app; any app where ours is not known."""
    if not apps:
        why = "no app receives the account's webhooks"
        return Checked("webhooks", False, f"{why}; {HOW_TO_SUBSCRIBE}")
    if app_id is None:
        return Checked("webhooks", True, f"{len(apps)} app(s) receive the account's webhooks")
    if app_id in apps:
        return Checked("webhooks", True, f"the app {app_id} receives the account's webhooks")
    return Checked(
        "webhooks",
        False,
        f"the app {app_id} does not receive the account's webhooks, while {', '.join(apps)} "
        f"does; {HOW_TO_SUBSCRIBE}",
    )
