"""Examines a number from the token to the webhooks, and mends what it was asked to mend.

Findings in sentences, each with what to do. What was refused is a finding too, so that one
refusal hides nothing else.
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/registration
"""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from omni_actors.adapters.contract import Checked, Visit
from omni_actors.adapters.meta.app_webhooks import (
    AppWebhooks,
    app_webhooks,
    asking,
    callback_finding,
    hook_findings,
    hook_to_subscribe,
    ordering,
)
from omni_actors.adapters.reading import text
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.findings import (
    account_finding,
    accounts_of,
    app_finding,
    callback_of,
    number_findings,
    place_findings,
    refused,
    subscribers,
    subscription_finding,
    token_findings,
)
from omni_actors.adapters.whatsapp.levels import LIMIT_FIELDS, is_coexisting
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.adapters.whatsapp.webhook_fields import PLACE, field_findings, wanted_fields
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, Flow, HttpCall, http

NUMBER_FIELDS: Final = ",".join(
    (
        "verified_name",
        "display_phone_number",
        "status",
        "quality_rating",
        "platform_type",
        *LIMIT_FIELDS,
        "webhook_configuration",
        "health_status",
    )
)
PIN_DIGITS: Final = 6

# Why a registration was refused, and what to do.
REGISTRATION: Final = {
    "133005": "the PIN is not that of the number's two-step verification; give that one, or "
    "reset it in the WhatsApp Manager",
    "133006": "verify the number again in the WhatsApp Manager, by SMS or call",
    "133008": "too many wrong PINs were given; wait as long as the platform says",
    "133009": "PINs were given too fast; wait as long as the platform says",
    "133015": "the number was deleted a moment ago; wait five minutes",
    "133016": "the number was registered or deregistered ten times within 72 hours; wait until "
    "the first of them is older",
}


@define
class Case:
    """What is known of one number so far."""

    settings: WhatsAppSettings
    visit: Visit
    findings: list[Checked] = field(factory=list)
    app_id: str | None = None
    waba_id: str | None = None
    number: JsonObject = field(factory=dict)

    def find(self, *findings: Checked) -> None:
        """Note what was found."""
        self.findings.extend(findings)

    @property
    def speaks_for_the_app(self) -> bool:
        """Whether calls can be made in the name of the app."""
        return self.settings.app_id is not None and self.visit.app_secret


def doctor(settings: WhatsAppSettings, visit: Visit) -> Flow[Sequence[Checked]]:
    """Examine a number; with `visit.pin` register it, with `visit.subscribe` subscribe its app.

    What is well already is not mended. Raises nothing: a call that fails is a finding.
    """
    case = Case(settings, visit, app_id=settings.app_id, waba_id=settings.waba_id)
    if not (yield from _token(case)):
        return case.findings
    yield from _number(case)
    yield from _subscription(case)
    webhooks = yield from _app(case)
    case.find(*_reach(case, webhooks))
    return case.findings


def ask(call: HttpCall) -> Flow[JsonObject | Failure]:
    """The object that a call is answered with, or why there is none."""
    try:
        reply = yield from http(call)
        return answer(reply, repeatable=call.idempotent)
    except SendFailure as failed:
        return failed.failure


def _token(case: Case) -> Flow[bool]:
    """Look at the token; whether it is worth asking on."""
    url = case.settings.url("debug_token")
    told = yield from ask(HttpCall("GET", url, Auth.INSPECT, idempotent=True))
    if isinstance(told, Failure):
        case.find(refused("token", told))
        return told.kind is Kind.REJECTED or told.reason is Reason.PERMISSION_DENIED
    facts = told.get("data")
    if not isinstance(facts, dict):
        case.find(Checked("token", None, "the platform does not say what the token is for"))
        return True
    case.find(*token_findings(facts, case.visit.now))
    if facts.get("is_valid") is False:
        return False
    accounts = accounts_of(facts)
    case.find(account_finding(case.settings, accounts))
    if (finding := app_finding(case.settings, facts)) is not None:
        case.find(finding)
    case.app_id = text(facts.get("app_id")) or case.app_id
    if case.waba_id is None and len(accounts) == 1:
        case.waba_id = accounts[0]
    return True


# ---------------------------------------------------------------- the number


def _number(case: Case) -> Flow[None]:
    told = yield from _profile(case)
    if not isinstance(told, Failure) and case.visit.pin is not None:
        case.find((yield from _register(case, told, case.visit.pin)))
        told = yield from _profile(case)
    if isinstance(told, Failure):
        case.find(refused("number", told))
        return
    case.number = told
    case.find(*number_findings(told), *place_findings(told))


def _profile(case: Case) -> Flow[JsonObject | Failure]:
    settings, asked = case.settings, {"fields": NUMBER_FIELDS}
    call = HttpCall("GET", settings.number_url, settings.auth, query=asked, idempotent=True)
    return (yield from ask(call))


def _register(case: Case, number: JsonObject, pin: str) -> Flow[Checked]:
    if is_coexisting(number):
        why = "skipped: a number that is in the WhatsApp Business app too must not be registered"
        return Checked("register", None, why)
    if number.get("status") == "CONNECTED":
        return Checked("register", None, "skipped: the number is registered already")
    if len(pin) != PIN_DIGITS or not (pin.isascii() and pin.isdigit()):
        return Checked("register", False, f"a PIN has {PIN_DIGITS} digits; nothing was tried")
    url = case.settings.url(case.settings.phone_number_id, "register")
    body = {"messaging_product": "whatsapp", "pin": pin}
    told = yield from ask(HttpCall("POST", url, case.settings.auth, json=body))
    if isinstance(told, Failure):
        return _mending_failed("register", told)
    return Checked("register", True, "the number was registered; keep the PIN")


def _mending_failed(subject: str, failure: Failure) -> Checked:
    if failure.kind is Kind.UNKNOWN:
        return Checked(subject, False, "the answer was lost; look again before you try again")
    if (advice := REGISTRATION.get(failure.code or "")) is not None:
        return Checked(subject, False, f"{advice} ({failure.code}: {failure.text})")
    return refused(subject, failure)


# ---------------------------------------------------------------- subscriptions


def _subscription(case: Case) -> Flow[None]:
    if case.waba_id is None:
        why = "whether the account's webhooks come to your app cannot be seen without waba_id"
        case.find(Checked("webhooks", False if case.visit.subscribe else None, why))
        return
    told = yield from _subscribers(case, case.waba_id)
    if isinstance(told, Failure):
        case.find(refused("webhooks", told))
        return
    finding = subscription_finding(told, case.app_id)
    if finding.ok or not case.visit.subscribe:
        case.find(finding)
        return
    yield from _subscribe(case, case.waba_id)


def _subscribers(case: Case, waba_id: str) -> Flow[tuple[str, ...] | Failure]:
    url = case.settings.url(waba_id, "subscribed_apps")
    told = yield from ask(HttpCall("GET", url, case.settings.auth, idempotent=True))
    return told if isinstance(told, Failure) else subscribers(told)


def _subscribe(case: Case, waba_id: str) -> Flow[None]:
    """Have the account's webhooks come to the app of the token."""
    url = case.settings.url(waba_id, "subscribed_apps")
    told = yield from ask(HttpCall("POST", url, case.settings.auth, idempotent=True))
    if isinstance(told, Failure):
        case.find(_mending_failed("subscribe", told))
        return
    apps = yield from _subscribers(case, waba_id)
    if isinstance(apps, Failure):
        case.find(refused("webhooks", apps))
        return
    case.find(
        Checked("subscribe", True, f"the app was subscribed to the account {waba_id}"),
        subscription_finding(apps, case.app_id),
    )


def _app(case: Case) -> Flow[AppWebhooks | None]:
    """The app's own webhooks, mended where that is asked for; None where they cannot be seen."""
    if not case.speaks_for_the_app:
        hint = "" if case.app_id is None else f"; the access token is of the app {case.app_id}"
        why = "the app's webhook fields cannot be seen: put app_id and app_secret into the config"
        case.find(Checked("fields", None, f"{why}{hint}"))
        return None
    seen = yield from _app_webhooks(case)
    coexists = is_coexisting(case.number)
    lacking = seen is not None and seen.lacks(wanted_fields(coexists))
    if seen is not None and lacking and case.visit.subscribe:
        changed = yield from _subscribe_fields(case, seen)
        seen = (yield from _app_webhooks(case)) if changed else seen
    if seen is not None:
        case.find(*field_findings(seen, coexists))
    return seen


def _app_webhooks(case: Case) -> Flow[AppWebhooks | None]:
    url = case.settings.url(case.settings.app_id or "", "subscriptions")
    told = yield from ask(asking(url))
    if isinstance(told, Failure):
        case.find(refused("fields", told))
        return None
    return app_webhooks(told, PLACE)


def _subscribe_fields(case: Case, seen: AppWebhooks) -> Flow[bool]:
    """Subscribe the app to every field that the gateway reads; whether anything was changed."""
    hook = hook_to_subscribe(seen, case.visit.hooks, PLACE)
    if isinstance(hook, Checked):
        case.find(hook)
        return False
    fields = {*seen.fields, *wanted_fields(is_coexisting(case.number))}
    url = case.settings.url(case.settings.app_id or "", "subscriptions")
    told = yield from ask(ordering(url, PLACE, hook, fields))
    if isinstance(told, Failure):
        advice = f"is the gateway running, and can the platform reach {hook.url}?"
        words = ": ".join(word for word in (told.code, told.text) if word)
        case.find(
            Checked("subscribe", False, f"the platform did not take the hook; {advice} ({words})")
        )
        return False
    case.find(Checked("subscribe", True, f"the app's webhooks were subscribed to {hook.url}"))
    return True


def _reach(case: Case, webhooks: AppWebhooks | None) -> Iterator[Checked]:
    """Whether the webhooks come to us, and whether we shall believe them."""
    effective = callback_of(case.number)
    if (
        webhooks is not None
        and webhooks.url
        and (effective is None or effective[1] == "application")
    ):
        effective = webhooks.url, "application"
    yield callback_finding(effective, case.visit.hooks, PLACE)
    yield from hook_findings(effective, case.visit.hooks, on_loopback=case.settings.on_loopback)
