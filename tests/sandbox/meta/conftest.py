"""Callers of the pretend Messenger and Instagram, each with its own token."""

from typing import Any

import httpx
import pytest
from attrs import define

from omni_actors.sandbox import SandboxSettings
from tests.sandbox.conftest import EPOCH_S, Play

PAGE = "104500000000001"
PROFILE = "17841400000000009"
OWN_PROFILE = "17841400000000017"
ANA = "7300000000000001"
BEA = "8900000000000777"
OWNER = "10150000000000042"
PAGE_TOKEN = "sandbox-page-token"
OWN_TOKEN = "sandbox-instagram-token"


@define
class Caller:
    """One flavour, as a gateway would use it."""

    play: Play
    platform: str
    key: str
    path: str
    """Where its edges are."""
    token: str
    person: str

    @property
    def headers(self) -> dict[str, str]:
        """Those of every call."""
        return {"Authorization": f"Bearer {self.token}"}

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Read something of the Graph."""
        return await self.play.client.get(f"/v25.0/{path}", params=query, headers=self.headers)

    async def post(self, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Write something to the Graph."""
        return await self.play.client.post(
            f"/v25.0/{path}", json=body, params=query, headers=self.headers
        )

    async def delete(self, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Take something away."""
        return await self.play.client.request(
            "DELETE", f"/v25.0/{path}", json=body, params=query, headers=self.headers
        )

    async def send(self, message: Any, **more: Any) -> httpx.Response:
        """Send one message to the customer."""
        body = {"recipient": {"id": self.person}, "message": message, **more}
        if self.platform == "messenger":
            body.setdefault("messaging_type", "RESPONSE")
        return await self.post(f"{self.path}/messages", body)

    async def write(self, document: dict[str, Any], **query: Any) -> dict[str, Any]:
        """Let the customer act, unless the document says who does."""
        known = document.keys() & {"from", "from_ref", "to", "entry", "field"}
        whole = document if known else {"from": self.person, **document}
        answer = await self.control("inbound", whole, **query)
        assert answer.status_code == 200, answer.text
        written: dict[str, Any] = answer.json()
        return written

    async def control(self, verb: str, document: Any, **query: Any) -> httpx.Response:
        """Use a control route of the account."""
        path = f"/sandbox/{self.platform}/{self.key}/{verb}"
        return await self.play.client.post(path, json=document, params=query)

    async def stands(self, **keys: Any) -> dict[str, Any]:
        """Change how the account stands."""
        answer = await self.control("standing", keys)
        assert answer.status_code == 200, answer.text
        standing: dict[str, Any] = answer.json()
        return standing

    async def outbox(self) -> list[dict[str, Any]]:
        """What the customers of the account see."""
        answer = await self.play.client.get(f"/sandbox/{self.platform}/{self.key}/outbox")
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def told(self, count: int) -> list[dict[str, Any]]:
        """The events of threads in the first `count` webhooks."""
        return [
            item
            for document in await self.play.hook.documents(count)
            for entry in document["entry"]
            for item in entry.get("messaging", [])
        ]


@pytest.fixture
def settings() -> SandboxSettings:
    """Overridden where a test needs another setting."""
    return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, hook_concurrency=1)


@pytest.fixture
def page(play: Play) -> Caller:
    """Messenger."""
    return Caller(play, "messenger", PAGE, PAGE, PAGE_TOKEN, ANA)


@pytest.fixture
def behind(play: Play) -> Caller:
    """The Instagram account behind the Page: Facebook Login."""
    return Caller(play, "instagram", PROFILE, PAGE, PAGE_TOKEN, BEA)


@pytest.fixture
def own(play: Play) -> Caller:
    """An Instagram account with Instagram Login."""
    return Caller(play, "instagram", OWN_PROFILE, OWN_PROFILE, OWN_TOKEN, BEA)


FLAVOURS = ("page", "behind", "own")


@pytest.fixture(params=FLAVOURS)
def caller(request: pytest.FixtureRequest) -> Caller:
    """Each of the three flavours in turn."""
    found: Caller = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=("behind", "own"))
def instagram(request: pytest.FixtureRequest) -> Caller:
    """Both flavours of Instagram."""
    found: Caller = request.getfixturevalue(request.param)
    return found


def fault_of(answer: httpx.Response) -> tuple[int, int | None]:
    """The code and the subcode of an error; (0, None) for a success."""
    error = answer.json().get("error", {})
    return error.get("code", 0), error.get("error_subcode")
