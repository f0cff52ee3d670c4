"""Looks whether a number can be used; findings in sentences."""

from collections.abc import Sequence
from typing import Final

from omni_actors.adapters.contract import Checked
from omni_actors.adapters.whatsapp.errors import answer
from omni_actors.adapters.whatsapp.findings import (
    number_findings,
    refused,
    subscribers,
    subscription_finding,
)
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import SendFailure
from omni_actors.wire.calls import Flow, HttpCall, http

NUMBER_FIELDS: Final = ",".join(
    (
        "verified_name",
        "display_phone_number",
        "status",
        "quality_rating",
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
        findings = [*number_findings(answer(reply, repeatable=True))]
    except SendFailure as failed:
        return [refused("number", failed.failure)]
    if settings.waba_id is not None:
        findings.append((yield from _check_webhooks(settings.waba_id, settings)))
    return findings


def _check_webhooks(waba_id: str, settings: WhatsAppSettings) -> Flow[Checked]:
    url = settings.url(waba_id, "subscribed_apps")
    call = HttpCall("GET", url, settings.auth, idempotent=True)
    reply = yield from http(call)
    try:
        apps = subscribers(answer(reply, repeatable=True))
    except SendFailure as failed:
        return refused("webhooks", failed.failure)
    return subscription_finding(apps, settings.app_id)
