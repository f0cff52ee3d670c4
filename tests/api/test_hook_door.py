"""The hook door: what platforms send is stored or refused, and never answered with a bug."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
from attrs import evolve

from omni_actors.api.app import build_app
from omni_actors.api.settings import ApiSettings
from omni_actors.telemetry import REGISTRY
from tests.api.conftest import House, checked_client, inbound, signed

HOOK = "/webhooks/meta"


@pytest.mark.slow
async def test_a_signed_request_is_taken_with_an_empty_200(house: House) -> None:
    response = await house.hear("hello")

    assert (response.status_code, response.content) == (200, b"")
    conversations = (await house.client.get("/v1/conversations")).json()["items"]
    messages = await house.client.get(f"/v1/conversations/{conversations[0]['id']}/messages")
    assert messages.json()["items"][0]["content"] == {"type": "text", "text": "hello"}


@pytest.mark.slow
async def test_the_same_request_again_changes_nothing(house: House) -> None:
    await house.hear("hello")
    await house.hear("hello")

    events = (await house.client.get("/v1/events?after=0")).json()["items"]
    assert [event["type"] for event in events].count("message.received") == 1


@pytest.mark.slow
async def test_a_bad_signature_is_refused_and_counted(house: House) -> None:
    labels = {"hook": "meta", "outcome": "bad_signature"}
    before = REGISTRY.get_sample_value("omni_intakes_total", labels) or 0.0

    response = await house.client.post(HOOK, json=inbound("x", "1", 1))

    assert response.status_code == 403
    assert response.json()["code"] == "bad_signature"
    assert REGISTRY.get_sample_value("omni_intakes_total", labels) == before + 1


@pytest.mark.slow
async def test_an_unknown_hook_is_not_found(house: House) -> None:
    for path in ("/webhooks/other", "/webhooks/", "/webhooks/meta/more", "/webhooks/%00"):
        response = await house.client.post(path, **signed({}))
        assert (response.status_code, response.json()["code"]) == (404, "unknown_hook")


AUTHENTIC: dict[str, Any] = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe\x00",
    "a list": b"[]",
    "null": b"null",
    "an unknown object": {"object": "toaster", "entry": []},
    "no entry": {"object": "whatsapp_business_account"},
    "entry is a number": {"object": "whatsapp_business_account", "entry": 5},
    "changes of wrong types": {
        "object": "whatsapp_business_account",
        "entry": [
            None,
            5,
            "x",
            {"changes": [None, {"value": []}, {"field": 1, "value": {"messages": 1}}]},
        ],
    },
    "a NUL": inbound("a\0b", "447700900123", 1),
    "half a surrogate pair": inbound("a\ud800b", "447700900123", 1),
    "a huge number": b'{"object":"whatsapp_business_account","entry":[{"id":'
    + b"9" * 5000
    + b"}]}",
    "beyond all bounds": b'{"object":"whatsapp_business_account","entry":[{"time":1e999}]}',
    "not a number": b'{"object":"whatsapp_business_account","entry":[{"time":NaN}]}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "4 MiB + 1": b" " * (4 * 1024 * 1024 + 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("body", AUTHENTIC.values(), ids=AUTHENTIC.keys())
async def test_what_the_platform_itself_sent_is_always_stored(house: House, body: Any) -> None:
    response = await house.client.post(HOOK, **signed(body))

    assert response.status_code == 200


@pytest.mark.slow
async def test_the_handshake_answers_the_challenge_as_plain_text(house: House) -> None:
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": "sandbox-verify",
        "hub.challenge": "1158201444",
    }

    response = await house.client.get(HOOK, params=query)

    assert (response.status_code, response.text) == (200, "1158201444")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1", 403),
        ("", 403),
        ("hub.challenge=%ff", 400),
        ("&".join(["a=1"] * 60), 400),
    ],
)
async def test_a_handshake_that_does_not_fit_is_refused(
    house: House, query: str, status: int
) -> None:
    assert (await house.client.get(f"{HOOK}?{query}")).status_code == status


@pytest.mark.slow
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_not_allowed(house: House, method: str) -> None:
    response = await house.client.request(method, HOOK)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


def bound(house: House, size: int) -> None:
    """Let the hook take so many bytes."""
    living = house.gateway.house
    hooks = {
        id: evolve(hook, kind=evolve(hook.kind, body_max=size))
        for id, hook in living.plan.hooks.items()
    }
    living.plan = evolve(living.plan, hooks=hooks)


@pytest.mark.slow
async def test_a_body_over_the_bound_is_refused_by_what_it_says(house: House) -> None:
    bound(house, 1000)

    response = await house.client.post(HOOK, **signed(b" " * 1001))

    assert response.status_code == 413
    assert response.headers["connection"] == "close"


@pytest.mark.slow
async def test_a_body_over_the_bound_is_refused_by_what_it_is(house: House) -> None:
    bound(house, 1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 400

    assert (await house.client.post(HOOK, content=pieces())).status_code == 413


@pytest.mark.slow
async def test_a_length_beyond_all_numbers_is_too_large(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    sent = await answered(house.app, [], {"content-length": "9" * 5000})

    assert sent[0]["status"] == 413


@pytest.mark.slow
async def test_a_door_that_works_on_all_it_can_asks_to_come_back(house: House) -> None:
    app = build_app(house.gateway, ApiSettings(hooks_max=0))
    async with checked_client(httpx.ASGITransport(app=app)) as client:
        response = await client.post(HOOK, **signed(inbound("x", "1", 1)))

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@pytest.mark.slow
async def test_bodies_together_are_bounded(house: House) -> None:
    app = build_app(house.gateway, ApiSettings(hook_bytes_max=500))
    async with checked_client(httpx.ASGITransport(app=app)) as client:
        too_many = await client.post(HOOK, **signed(b" " * 501))
        enough = await client.post(HOOK, **signed(b" " * 500))

    assert (too_many.status_code, enough.status_code) == (503, 200)


@pytest.mark.slow
async def test_a_body_that_does_not_come_is_given_up(
    house: House, autojump_clock: trio.testing.MockClock
) -> None:
    sent = await answered(house.app, [{"type": "http.request", "body": b"{", "more_body": True}])

    assert sent[0]["status"] == 408


@pytest.mark.slow
async def test_a_platform_that_leaves_is_not_answered(house: House) -> None:
    sent = await answered(house.app, [{"type": "http.disconnect"}])

    assert sent == []


async def answered(
    app: Any, events: list[dict[str, Any]], headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """What the door sends for a request that comes in these pieces and then hangs."""
    left, sent = list(events), []
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": HOOK,
        "query_string": b"",
        "headers": raw,
    }

    async def receive() -> dict[str, Any]:
        if not left:
            await trio.sleep_forever()
        return left.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)
    return sent
