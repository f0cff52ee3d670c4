"""The live feed over a real WebSocket on loopback."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    wrap_client_stream,
)

from omni_actors.net.tls import client_context
from tests.api.conftest import House, bearer, text_to


@pytest.fixture
async def url(house: House) -> AsyncIterator[str]:
    """Where the live feed is."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.graceful_timeout = 0.1
    closing = trio.Event()
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(
            lambda task_status: serve(
                house.app,
                config,
                shutdown_trigger=closing.wait,
                task_status=task_status,
            )
        )
        yield urls[0].replace("http://", "ws://") + "/v1/live"
        closing.set()


async def refusal(url: str, headers: dict[str, str]) -> httpx.Response:
    """What a handshake is answered with that is not accepted."""
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with httpx.AsyncClient(verify=client_context()) as client:
        return await client.get(url.replace("ws://", "http://"), headers=handshake | headers)


@asynccontextmanager
async def listening(url: str, secret: str) -> AsyncIterator[WebSocketConnection]:
    """A reader with a key, on a connection that is surely closed at the end."""
    parts = urlsplit(url)
    resource = f"{parts.path}?{parts.query}" if parts.query else parts.path
    key = (b"Authorization", f"Bearer {secret}".encode())
    async with (
        await trio.open_tcp_stream(parts.hostname or "", parts.port or 0) as stream,
        trio.open_nursery() as nursery,
    ):
        yield await wrap_client_stream(nursery, stream, parts.netloc, resource, extra_headers=[key])
        nursery.cancel_scope.cancel()


async def said(socket: WebSocketConnection, type_: str) -> dict[str, Any]:
    """The next event of a type."""
    while True:
        event: dict[str, Any] = json.loads(await socket.get_message())
        if event["type"] == type_:
            return event


@pytest.mark.slow
async def test_a_handshake_without_a_key_is_refused(url: str) -> None:
    rejected = await refusal(url, {})

    assert rejected.status_code == 401
    assert rejected.json()["code"] == "unauthenticated"
    assert rejected.headers["x-request-id"] == rejected.json()["request_id"]


@pytest.mark.slow
async def test_a_key_in_the_url_is_not_looked_at(house: House, url: str) -> None:
    secret = await house.key("events:read")

    assert (await refusal(f"{url}?access_token={secret}", {})).status_code == 401


@pytest.mark.slow
async def test_a_handshake_without_the_scope_is_refused(house: House, url: str) -> None:
    headers = bearer(await house.key("messages:read"))

    assert (await refusal(url, headers)).status_code == 403


@pytest.mark.slow
async def test_a_bad_query_is_refused_before_the_handshake(house: House, url: str) -> None:
    headers = bearer(await house.key("events:read"))

    assert (await refusal(f"{url}?after=x", headers)).status_code == 400


@pytest.mark.slow
async def test_what_happens_is_told_as_it_happens(house: House, url: str) -> None:
    secret = await house.key("events:read")

    async with listening(url, secret) as socket:
        await house.hear("hello")
        event = await said(socket, "message.received")

    assert event["message"]["content"] == {"type": "text", "text": "hello"}


@pytest.mark.slow
async def test_a_cursor_goes_on_where_it_stopped(house: House, url: str) -> None:
    secret = await house.key("events:read")
    await house.hear("one")
    pulled = (await house.client.get("/v1/events?after=0")).json()
    await house.hear("two", n=2)

    after = f"{url}?after={pulled['cursor']}"
    async with listening(after, secret) as socket:
        event = await said(socket, "message.received")

    assert event["message"]["content"] == {"type": "text", "text": "two"}


@pytest.mark.slow
async def test_only_ones_own_tenant_is_told(house: House, url: str) -> None:
    secret = await house.key("events:read", tenant="other")

    async with listening(f"{url}?after=0", secret) as socket:
        await house.hear("hello")
        with trio.move_on_after(0.2) as waited:
            await socket.get_message()

    assert waited.cancelled_caught


@pytest.mark.slow
async def test_a_reader_that_talks_much_is_not_listened_to(house: House, url: str) -> None:
    secret = await house.key("events:read")

    async with listening(url, secret) as socket:
        for _ in range(50):
            await socket.send_message("hello?")
        await house.client.post("/v1/messages", json=text_to())
        event = await said(socket, "message.held")

    assert event["channel_id"] == "wa-support"


@pytest.mark.slow
async def test_a_drain_tells_readers_to_go(house: House, url: str) -> None:
    secret = await house.key("events:read")

    async with listening(url, secret) as socket:
        house.gateway.house.drain_begun.set()
        with pytest.raises(ConnectionClosed) as caught:
            await socket.get_message()

    reason = caught.value.reason
    assert reason is not None
    assert reason.code == 1001


@pytest.mark.slow
async def test_a_request_that_is_no_websocket_is_told_what_it_is(house: House) -> None:
    response = await house.client.get("/v1/live")

    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"
