"""A provider of mail accounts in memory: its token endpoint, and a mail server that lets in who has
a token of it. It is what is outside of us."""

import json
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio
from attrs import define, field

from omni_actors.adapters import APP_KINDS
from omni_actors.adapters.connecting import App
from omni_actors.adapters.email.apps import ClientSecrets, GoogleApp, MicrosoftApp
from omni_actors.gateway.connecting import Landing
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.imap import ImapFailure, ImapKind
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import (
    Call,
    FindCall,
    FolderReply,
    HttpCall,
    HttpReply,
    MailCall,
    MailReply,
    MailServer,
    Reply,
    SmtpReply,
    Stage,
)
from tests.gateway.kit import OPERATOR
from tests.gateway.mail_kit import ADDRESS, Desk, MailRig, Office

CLIENT_SECRET = "omni-test-client-secret"
PUBLIC = "https://gw.example"
LIFE_S = 3600.0
GOOGLE = App(
    "google", APP_KINDS["google"], GoogleApp("client-of-google"), ClientSecrets(CLIENT_SECRET)
)
MICROSOFT = App(
    "microsoft",
    APP_KINDS["microsoft"],
    MicrosoftApp("client-of-microsoft"),
    ClientSecrets(CLIENT_SECRET),
)
APPS = {"google": GOOGLE, "microsoft": MICROSOFT}
DENIED = "LOGIN was answered NO: the token is not valid"


def refusal(error: str, description: str = "Token has been expired or revoked.") -> HttpReply:
    """What a token endpoint says no with."""
    said = {"error": error, "error_description": description}
    return HttpReply(400, {}, json.dumps(said).encode())


@define
class Provider(Office):
    """Gives tokens. A refresh token is good once, as those of Microsoft may be."""

    address: str = ADDRESS
    challenge: str = ""
    ends: dict[str, float] = field(factory=dict)
    refreshes: set[str] = field(factory=set)
    given: list[str] = field(factory=list)
    asked: list[HttpCall] = field(factory=list)
    answers: deque[HttpReply] = field(factory=deque)
    """What the token endpoint says next."""
    always: HttpReply | None = None
    refusals: int = 0
    """How often somebody came to the mail server with a token that is not good."""
    distrust: bool = False
    """The mail server takes no token at all."""
    latency_s: float = 0.01

    def is_good(self, token: str) -> bool:
        good = self.now() < self.ends.get(token, 0.0) and not self.distrust
        self.refusals += 0 if good else 1
        return good

    def end_access(self) -> None:
        """All access tokens end now."""
        self.ends.clear()

    def take_back(self) -> None:
        """The person takes back what was allowed."""
        self.ends.clear()
        self.refreshes.clear()

    async def break_off(self) -> None:
        """The mail server ends all sessions."""
        self.down = ImapFailure(ImapKind.GONE, "BYE")
        self.tell()
        await trio.sleep(0.02)
        self.down = None

    def new_tokens(self) -> dict[str, Any]:
        n = len(self.given)
        access, refresh = f"access-{n}", f"refresh-{n}"
        self.given += [access, refresh]
        self.ends[access] = self.now() + LIFE_S
        self.refreshes.add(refresh)
        claims = json.dumps({"sub": "4242", "email": self.address}).encode()
        payload = urlsafe_b64encode(claims).decode().rstrip("=")
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": LIFE_S,
            "id_token": f"e30.{payload}.sig",
        }

    @asynccontextmanager
    async def session(self, server: MailServer, account: Account) -> AsyncIterator[Desk]:
        await trio.sleep(0.01)
        self.logins += 1
        if self.down is not None:
            raise self.down
        if not self.is_good(account.token):
            raise ImapFailure(ImapKind.AUTH, DENIED)
        self.open += 1
        try:
            yield Desk(self)
        finally:
            self.open -= 1

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        await trio.sleep(self.latency_s)
        match call:
            case HttpCall():
                return self.token_endpoint(call, account)
            case FindCall() if self.is_good(account.token):
                return FolderReply(found=False)
            case MailCall() if self.is_good(account.token):
                self.sent.append(call)
                return MailReply(Stage.END, SmtpReply(250, "2.0.0", "queued"))
            case MailCall():
                return MailReply(Stage.AUTH, SmtpReply(535, "5.7.8", "not accepted"))
        reason = Reason.CREDENTIALS_EXPIRED
        raise SendFailure(Failure(Kind.BROKEN, reason, text=DENIED))

    def token_endpoint(self, call: HttpCall, account: Account) -> HttpReply:
        self.asked.append(call)
        assert account.app_secret == CLIENT_SECRET
        if self.answers:
            return self.answers.popleft()
        if self.always is not None:
            return self.always
        if "refresh_token" in call.secrets:
            if account.refresh_token not in self.refreshes:
                return refusal("invalid_grant")
            self.refreshes.discard(account.refresh_token)
        else:
            proof = sha256((account.verifier or "").encode()).digest()
            assert urlsafe_b64encode(proof).decode().rstrip("=") == self.challenge
        return HttpReply(200, {}, json.dumps(self.new_tokens()).encode())

    @property
    def refreshed(self) -> int:
        """How often somebody came with a refresh token."""
        return sum("refresh_token" in call.secrets for call in self.asked)


async def log_in(rig: MailRig, app: str = "google", channel_id: str | None = None) -> Landing:
    """Connect the provider's account."""
    office = rig.office
    assert isinstance(office, Provider)
    begun = await rig.gateway.connector.begin(OPERATOR, "email", app, channel_id, None)
    query = {k: v[0] for k, v in parse_qs(urlsplit(begun.url).query).items()}
    assert query["code_challenge_method"] == "S256"
    office.challenge = query["code_challenge"]
    back = {"state": query["state"], "code": "code-1"}
    return await rig.gateway.connector.land("email", back)
