"""Looks whether a number can be used; findings in sentences."""

from collections.abc import Iterator, Sequence
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Failure, Reason, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow, HttpCall, http

NUMBER_FIELDS: Final = ",".join(
    (
        "verified_name",
        "display_phone_number",
        "status",
        "quality_rating",
        "platform_type",
        "throughput",
        "health_status",
    )
)


def check(settings: WhatsAppSettings) -> Flow[Sequence[Checked]]:
    """Look whether the number can be used and, where the account is known, whether its webhooks
    come to our app. Findings only; raises SendFailure when the platform cannot be reached.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/support/health-status
    """
    asked = {"fields": NUMBER_FIELDS}
    call = HttpCall("GET", settings.number_url, settings.auth, query=asked, idempotent=True)
    reply = yield from http(call)
    try:
        findings = [*_number_findings(answer(reply, repeatable=True))]
    except SendFailure as refused:
        return [_refused("number", refused.failure)]
    if settings.waba_id is not None:
        findings.append((yield from _check_webhooks(settings.waba_id, settings)))
    return findings


def _refused(subject: str, failure: Failure) -> Checked:
    advice = {
        Reason.CREDENTIALS_EXPIRED: "the access token is not valid; make a new one",
        Reason.PERMISSION_DENIED: "the access token lacks a permission, or access to the account",
        Reason.CHANNEL_MISCONFIGURED: "the id is not known to the platform; compare it",
    }.get(failure.reason, "the platform refused the question")
    return Checked(subject, False, f"{advice} ({failure.code}: {failure.text})")


def _number_findings(answer: JsonObject) -> Iterator[Checked]:
    shown = text(answer.get("display_phone_number")) or "a number without a display number"
    name = text(answer.get("verified_name"))
    yield Checked("number", True, f"{shown} answers" + (f" as {name}" if name else ""))
    status = text(answer.get("status"))
    if status is not None:
        ok = status == "CONNECTED"
        advice = "" if ok else "; register the number with the platform"
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
        text(error.get("error_description")) or text(error.get("possible_solution"))
        for entity in map(mapping, sequence(health.get("entities")))
        for error in map(mapping, sequence(entity.get("errors")))
    ]
    words = "; ".join(each for each in told if each)
    return f": {words}" if words else ""


def _check_webhooks(waba_id: str, settings: WhatsAppSettings) -> Flow[Checked]:
    url = settings.url(waba_id, "subscribed_apps")
    call = HttpCall("GET", url, settings.auth, idempotent=True)
    reply = yield from http(call)
    try:
        apps = sequence(answer(reply, repeatable=True).get("data"))
    except SendFailure as refused:
        return _refused("webhooks", refused.failure)
    if apps:
        return Checked("webhooks", True, f"{len(apps)} app(s) receive the account's webhooks")
    return Checked(
        "webhooks", False, "no app receives the account's webhooks; subscribe yours to the account"
    )
