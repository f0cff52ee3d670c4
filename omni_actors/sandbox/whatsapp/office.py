"""Where numbers are registered, tokens looked at, and apps subscribed.

Sources: developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/
registration, /webhooks/override; developers.facebook.com/docs/graph-api/webhooks/subscriptions-edge
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Stage
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import handshake
from omni_actors.sandbox.http import Request
from omni_actors.sandbox.line import ExchangeError
from omni_actors.sandbox.whatsapp.errors import refusal
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount
from omni_actors.sandbox.whatsapp.standing import FIELDS, Standing

ATTEMPTS_MAX: Final = 10
ATTEMPTS_WITHIN_S: Final = 72 * 3_600.0
OBJECT: Final = "whatsapp_business_account"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
CALLBACK_CHARACTERS_MAX: Final = 200

_PIN = re.compile(r"[0-9]{6}")


@define(eq=False)
class Office:
    """How all numbers of one sandbox stand; numbers of one app share what the app is sent."""

    stage: Stage
    accounts: Mapping[str, WhatsAppAccount]
    standings: dict[str, Standing] = field(factory=dict)

    def begin(self, key: str) -> None:
        """A number that all is well with."""
        self.standings[key] = Standing()

    def is_heard(self, key: str, webhook_field: str) -> bool:
        """Whether a webhook of this field goes out at all: the account and the field want it.

        One that nobody can subscribe yet is for trying out what the platform may tell one day.
        """
        standing = self.standings[key]
        wanted = webhook_field in standing.fields or webhook_field not in FIELDS
        return standing.subscribed and wanted

    def change(self, key: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Let a number stand otherwise; what belongs to its account or app changes with it all.

        Raises ControlError.
        """
        now = self.stage.clock.now()
        self.standings[key].change(document, now)
        mine = self.accounts[key]
        for other, account in self.accounts.items():
            shared = {}
            if account.waba_id == mine.waba_id and "subscribed" in document:
                shared["subscribed"] = document["subscribed"]
            if account.app_id == mine.app_id and "fields" in document:
                shared["fields"] = document["fields"]
            self.standings[other].change(shared, now)
        return self.standings[key].document()

    # ------------------------------------------------------------ tokens

    def check_token(self, account: WhatsAppAccount, scope: str) -> None:
        """Whether the account's token is good, and for this. Raises GraphError."""
        standing = self.standings[account.phone_number_id]
        if standing.token_is_old(self.stage.clock.now()):
            text = "Error validating access token: Session has expired."
            raise graph.bad_token(text, subcode=463)
        if not standing.token_valid:
            text = "Error validating access token: The session has been invalidated."
            raise graph.bad_token(text, subcode=467)
        if scope and scope not in standing.scopes:
            raise refusal(200, f"Requires {scope} permission to manage the object.")

    def check_reach(self, account: WhatsAppAccount) -> None:
        """Whether the token is for the business account. Raises GraphError."""
        accounts = self.standings[account.phone_number_id].token_accounts
        if accounts is not None and account.waba_id not in accounts:
            raise refusal(200, "The token has no access to this business account.")

    def token_facts(self, token: str) -> dict[str, Any]:
        """What `debug_token` tells of a token of these numbers, or of none."""
        owners = [each for each in self.accounts.values() if each.access_token == token]
        if not owners:
            error = {"code": 190, "message": "Malformed access token"}
            return {"is_valid": False, "error": error, "scopes": []}
        standing = self.standings[owners[0].phone_number_id]
        targets = standing.token_accounts
        if targets is None:
            targets = sorted({account.waba_id for account in owners})
        return {
            "app_id": owners[0].app_id,
            "type": "SYSTEM_USER",
            "application": "sandbox",
            "is_valid": True,
            "expires_at": int(standing.token_expires_at or 0),
            "scopes": standing.scopes,
            "granular_scopes": [
                {"scope": scope, "target_ids": targets} for scope in standing.scopes
            ],
        }

    # ------------------------------------------------------------ registration

    def check_registered(self, account: WhatsAppAccount) -> None:
        """Only a registered number sends. Raises GraphError."""
        if not self.standings[account.phone_number_id].registered:
            raise refusal(133010, "The phone number is not registered on the platform.")

    def register(self, account: WhatsAppAccount, document: Mapping[str, Any]) -> None:
        """Register a number; a PIN that is set already must be given again. Raises GraphError."""
        if document.get("messaging_product") != "whatsapp":
            raise refusal(131008, "The parameter messaging_product is required.")
        pin = document.get("pin")
        if not isinstance(pin, str) or not _PIN.fullmatch(pin):
            raise refusal(131009, "Param pin must be 6 digits.")
        standing = self._attempt(account)
        if standing.pin not in (None, pin):
            raise refusal(133005, "The two-step verification PIN is not the number's.")
        standing.pin, standing.registered = pin, True

    def deregister(self, account: WhatsAppAccount) -> None:
        """Take a number off the platform. Raises GraphError."""
        self._attempt(account).registered = False

    def _attempt(self, account: WhatsAppAccount) -> Standing:
        standing, now = self.standings[account.phone_number_id], self.stage.clock.now()
        if standing.is_on_biz_app:
            raise refusal(100, "Not for a number that is in the WhatsApp Business app too.")
        while standing.attempts and standing.attempts[0] <= now - ATTEMPTS_WITHIN_S:
            standing.attempts.popleft()
        if len(standing.attempts) >= ATTEMPTS_MAX:
            raise refusal(133016, "Too many registrations and deregistrations within 72 hours.")
        standing.attempts.append(now)
        return standing

    # ------------------------------------------------------------ who is told

    def subscribe(self, account: WhatsAppAccount, *, subscribed: bool) -> None:
        """Have the business account's webhooks go to the app, or no longer."""
        self.change(account.phone_number_id, {"subscribed": subscribed})

    def subscribed_apps(self, account: WhatsAppAccount) -> list[dict[str, Any]]:
        """The apps that the business account's webhooks go to."""
        app = {"id": account.app_id, "name": "sandbox", "link": "https://www.facebook.com/games/"}
        subscribed = self.standings[account.phone_number_id].subscribed
        return [{"whatsapp_business_api_data": app}] if subscribed else []

    def app_account(self, request: Request, app_id: str) -> WhatsAppAccount:
        """The account whose app the caller speaks for. Raises GraphError."""
        token = graph.token_of(request)
        mine = [each for each in self.accounts.values() if each.app_id == app_id]
        for account in mine:
            if token == f"{app_id}|{account.app_secret}":
                return account
        if any(token == each.access_token for each in self.accounts.values()):
            text = "(#15) This method must be called with an app access_token."
            raise GraphError(400, 15, text)
        raise graph.bad_token("Invalid OAuth access token signature.")

    def subscriptions(self, account: WhatsAppAccount) -> list[dict[str, Any]]:
        """What the app of an account is sent, and where that goes."""
        standing = self.standings[account.phone_number_id]
        url = self.stage.hook_url("whatsapp", account.phone_number_id)
        if url is None or not standing.fields:
            return []
        listed = [{"name": name, "version": "v25.0"} for name in standing.fields]
        return [{"object": OBJECT, "callback_url": url, "active": True, "fields": listed}]

    def subscribe_app(self, account: WhatsAppAccount, wanted: "Wanted") -> None:
        """Send the app of an account these fields, there."""
        self.change(account.phone_number_id, {"fields": sorted(wanted.fields)})
        for key, other in self.accounts.items():
            here = self.stage.hook_url("whatsapp", key)
            if other.app_id == account.app_id and here != wanted.callback_url:
                self.stage.move_hook("whatsapp", key, wanted.callback_url)

    def unsubscribe_app(self, account: WhatsAppAccount, asked: Mapping[str, str]) -> None:
        """Send the app of an account no longer these fields, or none when none is named."""
        gone = set(_names(asked.get("fields", ""))) or FIELDS
        kept = [name for name in self.standings[account.phone_number_id].fields if name not in gone]
        self.change(account.phone_number_id, {"fields": kept})


@define(frozen=True)
class Wanted:
    """What an app asks to be sent."""

    callback_url: str
    verify_token: str
    fields: tuple[str, ...]


async def asked_of(request: Request) -> dict[str, str]:
    """The parameters of a call to the Graph: of the query, and of a form or a JSON object."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        given = {key: str(value) for key, value in graph.json_object(body).items()}
    else:
        given = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return {**request.query, **given}


async def wanted_of(asked: Mapping[str, str]) -> Wanted:
    """Read what an app asks to be sent, and let the callback prove itself. Raises GraphError."""
    if asked.get("object") != OBJECT:
        raise _invalid(f"The parameter object must be {OBJECT}")
    for name in ("callback_url", "verify_token", "fields"):
        if not asked.get(name):
            raise _invalid(f"The parameter {name} is required")
    names = _names(asked["fields"])
    if unknown := [name for name in names if name not in FIELDS]:
        raise _invalid(f"Param fields has no {unknown[0]}")
    url = asked["callback_url"]
    if len(url) > CALLBACK_CHARACTERS_MAX:
        raise _invalid(f"The callback_url has more than {CALLBACK_CHARACTERS_MAX} characters")
    await _prove(url, asked["verify_token"])
    return Wanted(url, asked["verify_token"], tuple(names))


async def _prove(url: str, verify_token: str) -> None:
    """The handshake. What is not on loopback is believed, for the sandbox never calls out."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid("The callback_url is not a URL")
    if parts.hostname not in LOOPBACK:
        return
    challenge = "1158201444"
    try:
        reply = await handshake(url, verify_token, challenge)
    except ExchangeError:
        raise _unproved("The URL couldn't be reached") from None
    if reply.status != 200:
        raise _unproved(f"HTTP Status Code = {reply.status}")
    if reply.body != challenge.encode():
        raise _unproved("the answer is not the challenge")


def _names(listed: str) -> list[str]:
    """Field names: separated by commas, or as a JSON list."""
    if listed.startswith("["):
        try:
            document = json.loads(listed)
        except ValueError:
            raise _invalid("Param fields is not a list") from None
        return [str(each) for each in document]
    return [name.strip() for name in listed.split(",") if name.strip()]


def _invalid(details: str) -> GraphError:
    return GraphError(400, 100, f"(#100) {details}.")


def _unproved(why: str) -> GraphError:
    text = f"(#2200) Callback verification failed with the following errors: {why}"
    return GraphError(400, 2200, text)


def profile(
    account: WhatsAppAccount,
    standing: Standing,
    throughput_per_s: int | None,
    hook_url: str | None,
) -> dict[str, Any]:
    """Every field of the number that may be asked for; no level where there is no throughput to
    keep to."""
    level = standing.throughput
    if level is None and throughput_per_s is not None:
        level = "STANDARD" if throughput_per_s <= 80 else "HIGH"
    return {
        "id": account.phone_number_id,
        "verified_name": account.verified_name,
        "display_phone_number": f"+{account.display_number}",
        "quality_rating": standing.quality_rating,
        "quality_score": {"score": standing.quality_rating},
        "status": "CONNECTED" if standing.registered else "DISCONNECTED",
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API" if standing.registered else "NOT_APPLICABLE",
        "is_on_biz_app": standing.is_on_biz_app,
        "is_official_business_account": False,
        "account_mode": "LIVE",
        "certificate": "",
        "country_code": "GB",
        "country_dial_code": "44",
        "conversational_automation": {"id": account.phone_number_id},
        "is_pin_enabled": standing.pin is not None,
        "is_preverified_number": False,
        "last_onboarded_time": "2026-01-05T09:00:00+0000",
        "messaging_limit_tier": standing.messaging_limit,
        "new_certificate": "",
        "new_name_status": "NONE",
        "eligibility_for_api_business_global_search": "NON_ELIGIBLE_UNDEFINED_REGION",
        "search_visibility": "VISIBLE",
        "throughput": {} if level is None else {"level": level},
        "webhook_configuration": {"application": hook_url or ""},
        "whatsapp_business_manager_messaging_limit": standing.messaging_limit,
        "health_status": health(account, standing),
    }


def health(account: WhatsAppAccount, standing: Standing) -> dict[str, Any]:
    """Whether the number may send, entity by entity; the trouble is the number's own."""
    number: dict[str, Any] = {
        "entity_type": "PHONE_NUMBER",
        "id": account.phone_number_id,
        "can_send_message": standing.can_send_message,
    }
    if standing.can_send_message == "LIMITED":
        number["additional_info"] = [standing.trouble]
    elif standing.can_send_message == "BLOCKED":
        error = {"error_code": 141006, "error_description": standing.trouble}
        number["errors"] = [{**error, "possible_solution": "See the WhatsApp Manager."}]
    others: Sequence[tuple[str, str]] = (("WABA", account.waba_id), ("APP", account.app_id))
    entities = [
        {"entity_type": kind, "id": each, "can_send_message": "AVAILABLE"} for kind, each in others
    ]
    return {"can_send_message": standing.can_send_message, "entities": [number, *entities]}
