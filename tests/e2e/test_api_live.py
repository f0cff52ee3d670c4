"""The API over the wire: the live feed, idempotency, scopes, tenants, limits and media."""

import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    open_websocket_url,
)

from omni_actors.demo.scenes import png
from tests.e2e.kit import (
    CHANNEL,
    PATIENCE_S,
    Line,
    Served,
    Setup,
    Site,
    open_site,
    patiently,
    serving,
)

# trio-websocket leaves the socket of a connection that broke or was refused to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

ADA, BOB = "447700900301", "447700900302"
SALES, SALES_NUMBER = "wa-sales", "770011223344557"


def text_to(phone: str, words: str, channel: str = CHANNEL) -> dict[str, Any]:
    """A request to send a text."""
    return {
        "to": {"channel_id": channel, "address": f"+{phone}"},
        "content": {"type": "text", "text": words},
    }


# ---------------------------------------------------------------- the live feed


@asynccontextmanager
async def live(
    site: Site, after: str | None = None, key: str | None = None
) -> AsyncIterator[WebSocketConnection]:
    """A reader of the live feed."""
    url = f"{site.program.url.replace('http', 'ws', 1)}/v1/live"
    url += "" if after is None else f"?after={after}"
    headers = [(b"Authorization", f"Bearer {key or site.operator_key}".encode())]
    async with open_websocket_url(
        url, None, extra_headers=headers, disconnect_timeout=1, max_message_size=2**22
    ) as reader:
        yield reader


async def read(reader: WebSocketConnection, phone_says: str) -> list[dict[str, Any]]:
    """Events up to the arrival of a text."""
    events = []
    with trio.fail_after(PATIENCE_S):
        while True:
            event = json.loads(await reader.get_message())
            events.append(event)
            received = event["type"] == "message.received"
            if received and event["message"]["content"]["text"] == phone_says:
                return events


async def read_to_the_end(reader: WebSocketConnection) -> list[dict[str, Any]]:
    """Events until the connection breaks."""
    events = []
    with trio.fail_after(PATIENCE_S), suppress(ConnectionClosed):
        while True:
            events.append(json.loads(await reader.get_message()))
    return events


def cursors(events: list[dict[str, Any]]) -> list[str]:
    """The cursors of events."""
    return [event["cursor"] for event in events]


async def test_a_reader_goes_on_where_it_was_across_a_kill(site: Site) -> None:
    await site.writes(ADA, "one")
    async with live(site, after="0") as reader:
        before = await read(reader, "one")
        await site.program.kill()
        before += await read_to_the_end(reader)
    await site.start()
    await site.writes(ADA, "two")

    async with live(site, after=before[-1]["cursor"]) as reader:
        behind = await read(reader, "two")

    log = cursors(await site.events())
    seen = cursors(before) + cursors(behind)
    assert seen == log[: len(seen)]


async def test_a_reader_that_is_slow_misses_nothing_and_slows_nobody(site: Site) -> None:
    phones = [f"4477009040{n:02}" for n in range(40)]
    async with live(site, after="0") as slow, live(site, after="0") as fast:
        async with trio.open_nursery() as nursery:
            for phone in phones:
                nursery.start_soon(site.writes, phone, "x" * 4_000)
        await site.until(lambda: all(site.phone(phone) for phone in phones))
        await site.writes(ADA, "the last")
        quick = await read(fast, "the last")
        late = await read(slow, "the last")

    assert cursors(quick) == cursors(late)
    assert cursors(late) == cursors(await site.events())[: len(late)]


async def test_a_feed_without_a_cursor_begins_now(site: Site) -> None:
    await site.writes(ADA, "before")
    await site.until_phone(ADA, 1)

    async with live(site) as reader:
        await site.writes(BOB, "behind")
        events = await read(reader, "behind")

    texts = [e["message"]["content"]["text"] for e in events if e["type"] == "message.received"]
    assert texts == ["behind"]


async def test_a_feed_needs_a_key_with_its_scope(site: Site) -> None:
    weak = await site.make_key("messages:read")

    statuses = []
    for key in (weak, "omni_nobody"):
        with pytest.RaisesGroup(
            ConnectionRejected, allow_unwrapped=True, flatten_subgroups=True
        ) as refused:
            async with live(site, key=key):
                pass
        statuses.append(_status(refused.value))

    assert statuses == [403, 401]


def _status(problem: BaseException) -> int:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    assert isinstance(problem, ConnectionRejected)
    return problem.status_code


async def test_events_can_be_pulled_one_by_one_and_from_now(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    whole = await site.events()
    now = await site.get("/v1/events")

    pulled: list[str] = []
    cursor = "0"
    while len(pulled) < len(whole):
        page = await site.get("/v1/events", after=cursor, limit=1)
        pulled += cursors(page["items"])
        cursor = page["cursor"]

    assert pulled == cursors(whole)
    assert now["items"] == []
    assert now["cursor"] >= pulled[0]


# ---------------------------------------------------------------- idempotency


async def test_the_same_request_many_times_at_once_is_one_message(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(
            await site.call(
                "POST",
                "/v1/messages",
                json=text_to(ADA, "only once"),
                headers={"Idempotency-Key": "same"},
            )
        )

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(ask)
    await ask()
    await site.until_phone(ADA, 2)

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert answers[-1].status_code == 202
    taken = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.text for answer in taken}) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["retryable"] is True
            assert int(answer.headers["retry-after"]) >= 1
    conversation = await site.conversation_of(ADA)
    messages = await site.items(f"/v1/conversations/{conversation}/messages")
    assert [m["content"]["text"] for m in messages] == ["hello", "hello", "only once"]


async def test_a_key_that_was_used_for_another_request_is_refused(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    headers = {"Idempotency-Key": "mine"}

    first = await site.call("POST", "/v1/messages", json=text_to(ADA, "a"), headers=headers)
    other = await site.call("POST", "/v1/messages", json=text_to(ADA, "b"), headers=headers)

    assert (first.status_code, other.status_code) == (202, 422)
    assert other.json()["code"] == "idempotency_mismatch"


# ---------------------------------------------------------------- who may do what


SCOPED = [
    ("POST", "/v1/messages", "messages:write"),
    ("POST", "/v1/messages:preview", "messages:write"),
    ("GET", "/v1/messages/msg_1", "messages:read"),
    ("GET", "/v1/conversations", "messages:read"),
    ("GET", "/v1/contacts", "contacts:read"),
    ("GET", "/v1/channels", "channels:read"),
    ("POST", "/v1/channels/wa-support:pause", "channels:write"),
    ("GET", "/v1/events", "events:read"),
    ("POST", "/v1/media", "media:write"),
    ("GET", "/v1/dead-letters", "operate"),
]


@pytest.mark.parametrize(("method", "path", "scope"), SCOPED)
def test_a_route_needs_a_key_with_its_scope(
    served: Served, method: str, path: str, scope: str
) -> None:
    others = {each for _, _, each in SCOPED} - {scope}
    body = b"{}" if method == "POST" else None

    with served.client(served.key(*others)) as client:
        weak = client.request(method, path, content=body)
    with served.client(served.key(scope)) as client:
        fit = client.request(method, path, content=body)
    with httpx.Client() as anybody:
        nobody = anybody.request(method, f"{served.url}{path}", content=body)

    assert (weak.status_code, nobody.status_code) == (403, 401)
    assert weak.json()["code"] == "insufficient_scope"
    assert scope in weak.headers["www-authenticate"]
    assert fit.status_code not in (401, 403)


@pytest.mark.parametrize("path", ["/v1/actors", "/v1/keys"])
def test_some_routes_open_for_an_operator_only(served: Served, path: str) -> None:
    every = served.key(*{scope for _, _, scope in SCOPED})

    with served.client(every) as tenant, served.client() as operator:
        statuses = tenant.get(path).status_code, operator.get(path).status_code

    assert statuses == (403, 200)


def test_a_revoked_key_opens_nothing_more(served: Served) -> None:
    with served.client() as operator:
        body = {"name": "short-lived", "scopes": ["channels:read"], "tenant": "default"}
        made = operator.post("/v1/keys", json=body).json()
        with served.client(made["secret"]) as client:
            before = client.get("/v1/channels").status_code
            operator.delete(f"/v1/keys/{made['key']['id']}").raise_for_status()
            behind = client.get("/v1/channels").status_code

    assert (before, behind) == (200, 401)


async def test_nothing_crosses_tenants(tmp_path: Path) -> None:
    lines = (Line(), Line(SALES, SALES_NUMBER, tenant="acme"))
    async with open_site(tmp_path, Setup(lines=lines)) as site:
        await site.writes(ADA, "to default")
        await site.writes(ADA, "to acme", SALES_NUMBER)
        await site.until_phone(ADA, 1)
        await site.until_phone(ADA, 1, SALES_NUMBER)
        scopes = [scope for _, _, scope in SCOPED]
        key = await site.make_key(*scopes, tenant="acme")
        mine = {e["conversation_id"] for e in await site.events() if e["tenant"] == "acme"}
        theirs = await site.events()
        foreign = next(e for e in theirs if e["tenant"] == "default" and e["message_id"])

        async with site.client(key) as client:
            channels = (await client.get("/v1/channels")).json()["items"]
            conversations = (await client.get("/v1/conversations")).json()["items"]
            events = (await client.get("/v1/events", params={"after": "0"})).json()["items"]
            message = await client.get(f"/v1/messages/{foreign['message_id']}")
            thread = await client.get(f"/v1/conversations/{foreign['conversation_id']}")
            channel = await client.get(f"/v1/channels/{CHANNEL}")
            pause = await client.post(f"/v1/channels/{CHANNEL}:pause")
            sent = await client.post("/v1/messages", json=text_to(ADA, "sneaky"))
            reply = {"conversation_id": foreign["conversation_id"]}
            answer = await client.post(
                "/v1/messages", json={**reply, "content": {"type": "text", "text": "sneaky"}}
            )

    assert [each["id"] for each in channels] == [SALES]
    assert {each["id"] for each in conversations} == mine - {None}
    assert {each["tenant"] for each in events} == {"acme"}
    refused = (message, thread, channel, pause, sent, answer)
    assert [each.status_code for each in refused] == [404] * len(refused)
    assert "sneaky" not in site.phone(ADA)


def test_a_key_that_calls_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    more = "\n[limits]\nkey_per_second = 0.01\nkey_burst = 5\n"
    with serving(tmp_path, Setup(more=more)) as served:
        key = served.key("events:read")
        with served.client(key) as caller:
            answers = [caller.get("/v1/events") for _ in range(7)]
        with served.client() as operator:
            others = operator.get("/v1/channels")

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 60
    assert others.status_code == 200


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"content": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"content": {"type": "text", "text": "a\\u0000b"}}',
        b'{"content": {"type": "text", "text": "\\ud800"}}',
        b'{"metadata": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"expires_in_s": 1e999}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_wrong_is_a_problem_and_never_an_error(served: Served, body: bytes) -> None:
    with served.client() as client:
        answer = client.post(
            "/v1/messages", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] or answer.json()["detail"]


async def test_the_bounds_of_the_config_hold(tmp_path: Path) -> None:
    more = "\n[limits]\njson_bytes_max = 2000\n"
    async with open_site(tmp_path, Setup(more=more)) as site:
        large = await site.call("POST", "/v1/messages", json=text_to(ADA, "x" * 3_000))

    assert large.status_code == 413
    assert "2000" in large.json()["detail"]


# ---------------------------------------------------------------- media


def test_a_medium_goes_up_and_comes_down_whole_and_harmless(served: Served) -> None:
    content = bytes(itertools.islice(itertools.cycle(range(256)), 3 * 1024 * 1024 + 7))
    headers = {
        "Content-Type": "text/html",
        "Content-Disposition": "attachment; filename*=UTF-8''b%C3%A4r.html",
    }

    with served.client() as client:
        up = client.post("/v1/media", content=content, headers=headers)
        down = client.get(f"/v1/media/{up.json()['id']}")

    assert (up.status_code, down.status_code) == (201, 200)
    assert up.json()["size"] == len(content)
    assert down.content == content
    assert down.headers["x-content-type-options"] == "nosniff"
    assert down.headers["content-disposition"].startswith("attachment;")
    assert "b%C3%A4r.html" in down.headers["content-disposition"]


def test_a_medium_of_another_tenant_is_not_there(served: Served) -> None:
    with served.client(served.key("media:write", "messages:read", tenant="acme")) as acme:
        medium = acme.post("/v1/media", content=b"secret", headers={"Content-Type": "text/plain"})
        own = acme.get(f"/v1/media/{medium.json()['id']}")
    with served.client(served.key("messages:read")) as other:
        foreign = other.get(f"/v1/media/{medium.json()['id']}")

    assert (own.status_code, foreign.status_code) == (200, 404)


async def test_a_medium_that_is_on_its_way_is_a_409_until_it_is_here(site: Site) -> None:
    picture = png(32, 32)
    image = {"content_base64": base64.b64encode(picture).decode(), "mime_type": "image/png"}
    await site.faults({"kind": "delay", "delay_s": 3, "count": 1, "match": {"call": "*"}})

    await site.acts(ADA, type="image", image=image)
    conversation = await site.conversation_of(ADA)
    messages = await site.items(f"/v1/conversations/{conversation}/messages")
    path = f"/v1/media/{messages[0]['content']['media_id']}"

    async def look() -> httpx.Response | None:
        answer = await site.call("GET", path)
        return None if answer.status_code == 409 else answer

    pending = await site.call("GET", path)
    ready = await patiently(look)

    assert pending.status_code == 409
    assert pending.json()["code"] == "media_pending"
    assert int(pending.headers["retry-after"]) >= 1
    assert ready is not None
    assert (ready.status_code, ready.content) == (200, picture)
    assert await site.events("media.ready")


async def test_a_medium_that_was_uploaded_is_sent(site: Site) -> None:
    await site.writes(ADA, "hello")
    await site.until_phone(ADA, 1)
    up = await site.call(
        "POST", "/v1/media", content=png(32, 32), headers={"Content-Type": "image/png"}
    )

    media_id = up.json()["id"]
    content = {"type": "media", "kind": "image", "media_id": media_id, "caption": "look"}
    sent = await site.call("POST", "/v1/messages", json={**text_to(ADA, ""), "content": content})

    assert sent.status_code == 202, sent.text
    outbox = site.sandbox.platforms["whatsapp"].outboxes[Line().number]
    await site.until(lambda: len(list(outbox.after(0))) == 2)
    request = list(outbox.after(0))[-1].request
    assert request["type"] == "image"
    assert request["image"]["caption"] == "look"
