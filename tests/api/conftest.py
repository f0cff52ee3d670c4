"""A whole gateway on a temporary directory, with its front door answering in this process."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen

from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.api.app import build_app
from omni_actors.api.asgi import Application
from omni_actors.api.settings import ApiSettings
from omni_actors.app import open_gateway
from omni_actors.config import load
from omni_actors.gateway.facade import SCOPES, Caller, Gateway
from tests.api.contract import check
from tests.database import lay

NUMBER = "770011223344556"
CHANNEL = "wa-support"
SECRET = "sandbox-secret"
OPERATOR = Caller("key_test", "*", frozenset(SCOPES), "test")

# Nobody listens on the discard port of loopback: what is queued stays queued.
CONFIG = """
[store]
url = "sqlite:///{data}/omni.db"

[[hooks]]
id = "meta"
kind = "meta"
app_secrets = ["sandbox-secret"]
verify_token = "sandbox-verify"

[[channels]]
id = "wa-support"
platform = "whatsapp"
phone_number_id = "770011223344556"
access_token = "sandbox-token"
graph_url = "http://127.0.0.1:9"

[bot]
kind = "none"
"""


@frozen
class House:
    """A gateway, its door, and a client that speaks to the door as a key of the tenant."""

    gateway: Gateway
    app: Application
    client: httpx.AsyncClient

    async def key(self, *scopes: str, tenant: str = "default") -> str:
        """A new key's secret."""
        made = await self.gateway.create_key(OPERATOR, name="test", tenant=tenant, scopes=scopes)
        return made.secret

    def at(self, host: str) -> httpx.AsyncClient:
        """A client without a key that comes from `host`."""
        transport = httpx.ASGITransport(app=self.app, client=(host, 5000))
        return checked_client(transport)

    async def hear(self, text: str, *, sender: str = "447700900123", n: int = 1) -> httpx.Response:
        """A customer writes on WhatsApp."""
        return await self.client.post("/webhooks/meta", **signed(inbound(text, sender, n)))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, CONFIG) as opened:
        yield opened


@asynccontextmanager
async def open_house(folder: Path, text: str) -> AsyncIterator[House]:
    """A gateway in this folder with this config."""
    path = folder / "config.toml"
    path.write_text(text.format(data=folder))
    lay(folder)
    config = load(path, {}, ADAPTERS, HOOK_KINDS)
    async with open_gateway(config) as gateway:
        app = build_app(gateway, ApiSettings())
        transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 5000))
        made = await gateway.create_key(
            OPERATOR, name="all", tenant="default", scopes=[s for s in SCOPES if s != "operate"]
        )
        async with checked_client(transport) as client:
            client.headers.update(bearer(made.secret))
            yield House(gateway, app, client)


def checked_client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """A client that holds every answer against the OpenAPI document."""
    return httpx.AsyncClient(
        transport=transport, base_url="http://gateway", event_hooks={"response": [check]}
    )


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {secret}"}


def inbound(text: str, sender: str, n: int) -> dict[str, Any]:
    """A webhook of WhatsApp with one text."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": sender}],
        "messages": [
            {
                "from": sender,
                "id": f"wamid.{sender}.{n}",
                "timestamp": "1790000000",
                "type": "text",
                "text": {"body": text},
            }
        ],
    }
    change = {"field": "messages", "value": value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "900100200300400", "changes": [change]}],
    }


def signed(document: Any) -> dict[str, Any]:
    """A webhook's body with Meta's signature."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    return {"content": raw, "headers": {"X-Hub-Signature-256": f"sha256={digest}"}}


def text_to(address: str = "+447700900123", text: str = "hello") -> dict[str, Any]:
    """A message that can always be shown; a closed window holds it."""
    return {
        "to": {"channel_id": CHANNEL, "address": address},
        "content": {"type": "text", "text": text},
        "delivery": {"on_closed_window": "hold"},
    }
