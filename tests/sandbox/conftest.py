"""A sandbox on a free port, a client that calls it, and a hook that takes its knocks."""

import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
from attrs import define, field

from omni_actors.sandbox import Sandbox, SandboxSettings, open_sandbox
from omni_actors.sandbox.http import Answer, Request, serve_connection

KEY = "770011223344556"
ADA = "447700900123"
EPOCH_S = 1_790_000_000.0
TLS = ssl.create_default_context()  # shared: making one takes longer than a request


@define
class HookDouble:
    """A gateway's hook: notes every knock, answers with the next status of `answers`, else 200."""

    url: str = ""
    answers: deque[int] = field(factory=deque)
    files: dict[str, bytes] = field(factory=dict)
    knocks: list[tuple[dict[str, str], bytes]] = field(factory=list)
    _grown: trio.Event = field(factory=trio.Event)

    async def handle(self, request: Request) -> Answer:
        if request.path.endswith(".png"):
            found = request.path in self.files
            content = self.files.get(request.path, b"")
            return Answer(200 if found else 404, content, (("Content-Type", "image/png"),))
        if request.method == "GET":
            return Answer(200, request.query.get("hub.challenge", "").encode(), ())
        self.knocks.append((request.headers, await request.body()))
        self._grown.set()
        self._grown = trio.Event()
        return Answer(self.answers.popleft() if self.answers else 200)

    async def documents(self, count: int) -> list[dict[str, Any]]:
        """The first `count` bodies, once they are here."""
        with trio.fail_after(30):
            while len(self.knocks) < count:
                await self._grown.wait()
        return [json.loads(body) for _headers, body in self.knocks[:count]]

    async def values(self, count: int) -> list[dict[str, Any]]:
        """The `value` of every change in the first `count` bodies."""
        return [
            change["value"]
            for document in await self.documents(count)
            for entry in document["entry"]
            for change in entry["changes"]
        ]

    async def statuses(self, count: int) -> list[dict[str, Any]]:
        """All statuses in the first `count` bodies."""
        return [
            status for value in await self.values(count) for status in value.get("statuses", ())
        ]


@define
class Play:
    """One sandbox at work, with a client that is allowed in and a hook."""

    sandbox: Sandbox
    client: httpx.AsyncClient
    hook: HookDouble

    async def send(self, body: dict[str, Any], *, to: str = f"+{ADA}") -> httpx.Response:
        """Send one message to a customer."""
        whole = {"messaging_product": "whatsapp", "to": to, **body}
        return await self.client.post(f"/v25.0/{KEY}/messages", json=whole)

    async def write(self, document: dict[str, Any], **query: Any) -> dict[str, Any]:
        """Let Ada write, unless the document says who."""
        whole = document if "from_user_id" in document else {"from": ADA, **document}
        answer = await self.client.post(
            f"/sandbox/whatsapp/{KEY}/inbound", json=whole, params=query
        )
        assert answer.status_code == 200, answer.text
        written: dict[str, Any] = answer.json()
        return written

    async def outbox(self, **query: Any) -> list[dict[str, Any]]:
        """What the customers of the number see."""
        answer = await self.client.get(f"/sandbox/whatsapp/{KEY}/outbox", params=query)
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    async def fault(self, **rule: Any) -> None:
        """Lay down one fault rule."""
        answer = await self.client.post("/sandbox/faults", json=rule)
        assert answer.status_code == 200, answer.text

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        await self.client.post("/sandbox/clock", json={"advance_s": seconds})


TEXT: dict[str, Any] = {"type": "text", "text": {"body": "hello"}}


def code_of(answer: httpx.Response) -> int:
    """The platform's error code; 0 for a success."""
    return int(answer.json().get("error", {}).get("code", 0))


@pytest.fixture
def settings() -> SandboxSettings:
    """Overridden where a test needs another setting."""
    return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, hook_concurrency=1)


@pytest.fixture
async def play(settings: SandboxSettings) -> AsyncIterator[Play]:
    """A sandbox, its client and its hook."""
    hook = HookDouble()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        hook.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/webhooks/meta"

        async def connection(stream: trio.SocketStream) -> None:
            await serve_connection(stream, hook.handle)

        nursery.start_soon(trio.serve_listeners, connection, listeners)
        async with open_sandbox(settings) as sandbox:
            sandbox.hook_url = hook.url
            headers = {"Authorization": "Bearer sandbox-token"}
            async with httpx.AsyncClient(
                base_url=sandbox.url, headers=headers, verify=TLS
            ) as client:
                yield Play(sandbox, client, hook)
        nursery.cancel_scope.cancel()
