"""Meta's logins and Graph, in memory, as far as connecting needs them: what is outside of us."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio
from attrs import define, field

from omni_actors.adapters import APP_KINDS
from omni_actors.adapters.connecting import App
from omni_actors.adapters.messenger.oauth import FIELDS
from omni_actors.adapters.meta.apps import AppSecrets, FacebookApp, InstagramApp
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Auth, Call, HttpCall, HttpReply, Reply, Secret
from tests.gateway.kit import Platform, reply

DAY_S = 86400.0
PUBLIC = "https://gw.example"
APP_SECRET = "omni-test-app-secret-01"
PAGES = ("104500000000001", "104500000000002")
IG = "17841400000000009"
PERSON = "10150000000000042"
CUSTOMER = "7300000000000001"
FACEBOOK = App(
    "fb", APP_KINDS["facebook"], FacebookApp(app_id="990011223344"), AppSecrets(APP_SECRET)
)
INSTAGRAM = App(
    "ig", APP_KINDS["instagram"], InstagramApp(app_id="990011223355"), AppSecrets(APP_SECRET)
)


def refusal(code: int, subcode: int | None = None, text: str = "no") -> HttpReply:
    """An error of the Graph."""
    error: dict[str, Any] = {"message": text, "type": "OAuthException", "code": code}
    return reply(400, {"error": error | ({"error_subcode": subcode} if subcode else {})})


@define(repr=False)
class Meta(Platform):
    """Answers calls by their path. Tokens have a moment at which they end, unix seconds."""

    ends: dict[str, float] = field(factory=dict)
    codes: set[str] = field(factory=lambda: {"code-1", "code-2", "code-3"})
    pages: tuple[dict[str, Any], ...] = field(
        factory=lambda: tuple(page(key, n) for n, key in enumerate(PAGES))
    )
    subscribed: dict[str, tuple[str, ...]] = field(factory=dict)
    app_fields: tuple[str, ...] = FIELDS
    callback: str = f"{PUBLIC}/webhooks/meta"
    """What the app itself is sent of pages, and where that goes."""
    calls: list[HttpCall] = field(factory=list)
    proofs: list[str | None] = field(factory=list)
    next_refusals: dict[str, deque[HttpReply]] = field(factory=dict)
    """By the end of a path: what the next calls of it are answered."""
    facts: dict[str, Any] = field(factory=dict)
    """What debug_token says besides the usual."""
    renewals: int = 0
    sticks_at: str | None = None
    """The end of a path that is never answered."""
    account_id: str = IG
    conversations: list[dict[str, Any]] = field(factory=list)
    """What any inbox holds."""

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        assert isinstance(call, HttpCall)
        path = urlsplit(call.url).path
        if path.endswith("/messages"):
            return await self.send(call, account)
        self.calls.append(call)
        what = path.rsplit("/", 1)[-1]
        if what == self.sticks_at:
            await trio.sleep_forever()
        if planned := self.next_refusals.get(what):
            return planned.popleft()
        return self.judged(what, path, call, account)

    def judged(self, what: str, path: str, call: HttpCall, account: Account) -> HttpReply:
        if call.auth is not Auth.NONE or Secret.TOKEN in call.secrets.values():
            if account.token not in self.ends or self.now() >= self.ends[account.token]:
                return refusal(190, 463, "Error validating access token: it has expired")
            self.proofs.append(account.app_secret if call.auth is Auth.PROOF else None)
        match what:
            case "access_token" if Secret.CODE in call.secrets.values():
                return self.redeem(account, instagram=call.form is not None)
            case "access_token":
                return self.token("long", 60 * DAY_S)
            case "refresh_access_token":
                self.renewals += 1
                return self.token(f"renewed-{self.renewals}", 60 * DAY_S)
            case "me":
                return reply(
                    200, {"id": PERSON, "user_id": self.account_id, "username": "mughouse"}
                )
            case "accounts":
                for one in self.pages:
                    self.ends[one["access_token"]] = float("inf")
                return reply(200, {"data": list(self.pages), "paging": {"cursors": {}}})
            case "debug_token":
                usual = {"is_valid": True, "expires_at": 0, "scopes": []}
                return reply(200, {"data": usual | self.facts})
            case "subscriptions":
                fields = [{"name": name} for name in self.app_fields]
                told = {"object": "page", "callback_url": self.callback, "fields": fields}
                return reply(200, {"data": [told]})
            case "subscribed_apps":
                return self.subscriptions(path.rsplit("/", 2)[-2], call)
        return self.shown(what)

    def shown(self, what: str) -> HttpReply:
        """What the platform shows of people and of what was said."""
        if what == "conversations":
            return reply(200, {"data": self.conversations})
        if what.startswith("t_"):
            return reply(200, {"id": what, "messages": {"data": []}})
        assert what == CUSTOMER, f"nobody asks for {what}"
        return reply(200, {"id": CUSTOMER})

    def redeem(self, account: Account, *, instagram: bool) -> HttpReply:
        if account.code not in self.codes or account.app_secret != APP_SECRET:
            words = "Matching code was not found or was already used"
            known = {"error_type": "OAuthException", "code": 400, "error_message": words}
            return reply(400, known) if instagram else refusal(100, text=words)
        self.codes.discard(account.code)
        return self.token("short", 3600.0)

    def token(self, token: str, lives_s: float) -> HttpReply:
        self.ends[token] = self.now() + lives_s
        return reply(200, {"access_token": token, "token_type": "bearer", "expires_in": lives_s})

    def subscriptions(self, key: str, call: HttpCall) -> HttpReply:
        if call.method == "POST":
            self.subscribed[key] = tuple(call.query["subscribed_fields"].split(","))
            return reply(200, {"success": True})
        if call.method == "DELETE":
            self.subscribed.pop(key, None)
            return reply(200, {"success": True})
        app_id = INSTAGRAM.settings.app_id if key == IG else FACEBOOK.settings.app_id
        ours = {"id": app_id, "subscribed_fields": self.subscribed.get(key, ())}
        return reply(200, {"data": [ours] if key in self.subscribed else []})

    async def send(self, call: HttpCall, account: Account) -> Reply:
        if self.now() >= self.ends.get(account.token, 0.0):
            return refusal(190, 460, "The password was changed")
        self.calls.append(call)
        return reply(
            200, {"recipient_id": "7300000000000001", "message_id": f"m_{len(self.calls)}"}
        )

    def asked(self, what: str) -> list[HttpCall]:
        """The calls whose path ends so."""
        return [call for call in self.calls if call.url.endswith(f"/{what}")]


def page(key: str, n: int) -> dict[str, Any]:
    """A page as `/me/accounts` lists it."""
    return {
        "id": key,
        "name": f"Mug House {n + 1}",
        "access_token": f"page-token-{n + 1}",
        "tasks": ["MODERATE", "MESSAGING"],
    }


def written(key: str, n: int, at: float) -> bytes:
    """A webhook: a customer has written to a page."""
    said = {
        "sender": {"id": CUSTOMER},
        "recipient": {"id": key},
        "timestamp": int(at * 1000),
        "message": {"mid": f"m_in_{n}", "text": "Is it open?"},
    }
    entry = {"id": key, "time": int(at * 1000), "messaging": [said]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def query_of(url: str) -> Mapping[str, str]:
    """The parameters of an address that a browser is sent to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
