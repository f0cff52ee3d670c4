"""The control API: who may use it, what it shows, and how it says no."""

from typing import Any

import httpx
import pytest
import trio

from omni_actors.sandbox import SandboxSettings, describe, open_sandbox, serve_sandbox
from tests.sandbox.conftest import ADA, KEY, TEXT, TLS, Play, code_of

BUTTONS = {
    "type": "button",
    "body": {"text": "Confirm?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
}


async def test_the_outbox_shows_what_the_customer_sees(play: Play) -> None:
    await play.write(TEXT)
    await play.send(TEXT)
    await play.send({"type": "interactive", "interactive": BUTTONS})

    entries = await play.outbox()

    assert [entry["text"] for entry in entries] == ["hello", "Confirm?\n[Yes]"]
    assert [entry["number"] for entry in entries] == [1, 2]
    assert {entry["to"] for entry in entries} == {ADA}
    assert entries[0]["request"]["text"] == {"body": "hello"}


async def test_the_outbox_can_be_read_from_a_place_and_for_one_customer(play: Play) -> None:
    for phone in (ADA, "447700900124", ADA):
        await play.write({"from": phone, **TEXT})
        await play.send(TEXT, to=f"+{phone}")

    assert [entry["number"] for entry in await play.outbox(after=1)] == [2, 3]
    assert [entry["number"] for entry in await play.outbox(to=ADA)] == [1, 3]
    assert [entry["number"] for entry in await play.outbox(limit=1)] == [1]


async def test_the_outbox_can_be_waited_for(play: Play) -> None:
    await play.write(TEXT)
    seen: list[Any] = []

    async def wait() -> None:
        seen.extend(await play.outbox(wait_s=20))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await play.send(TEXT)

    assert [entry["text"] for entry in seen] == ["hello"]


async def test_figures_tell_duplicates_by_their_callback_data(play: Play) -> None:
    await play.write(TEXT)
    for name in ("msg_1", "msg_2", "msg_1"):
        await play.send({**TEXT, "biz_opaque_callback_data": name})
    await play.send({"type": "text", "text": {}})

    figures = (await play.client.get("/sandbox/stats")).json()["platforms"]["whatsapp"][KEY]

    assert (figures["accepted"], figures["duplicates"]) == (3, 1)
    assert figures["repeated"] == {"msg_1": 2}
    assert figures["refused"] == {"131008": 1}


async def test_a_reset_forgets_windows_messages_and_rules(play: Play) -> None:
    await play.write(TEXT)
    await play.send(TEXT)
    await play.fault(kind="throttle", count=10)

    await play.client.post("/sandbox/reset")

    assert await play.outbox() == []
    assert code_of(await play.send(TEXT)) == 131047


async def test_a_second_number_has_its_own_token_and_windows(play: Play) -> None:
    other = {"phone_number_id": "880011", "display_number": "442079460111", "access_token": "two"}
    await play.client.post("/sandbox/whatsapp/accounts", json=other)
    await play.write(TEXT)
    body = {"messaging_product": "whatsapp", "to": ADA, **TEXT}

    ours = await play.client.post("/880011/messages", json=body)
    theirs = await play.client.post(
        "/880011/messages", json=body, headers={"Authorization": "Bearer two"}
    )

    assert (code_of(ours), code_of(theirs)) == (10, 131047)


WRONG: dict[str, tuple[str, str, Any]] = {
    "nobody writes": ("POST", f"/sandbox/whatsapp/{KEY}/inbound", TEXT),
    "an odd number": ("POST", f"/sandbox/whatsapp/{KEY}/inbound", {"from": "ada", **TEXT}),
    "a text without its body": ("POST", f"/sandbox/whatsapp/{KEY}/inbound", {"from": ADA}),
    "a picture without bytes": (
        "POST",
        f"/sandbox/whatsapp/{KEY}/inbound",
        {"from": ADA, "type": "image", "image": {}},
    ),
    "an old voice note without bytes": (
        "POST",
        f"/sandbox/whatsapp/{KEY}/inbound",
        {"from": ADA, "type": "voice", "voice": {}},
    ),
    "bytes that are not base64": (
        "POST",
        f"/sandbox/whatsapp/{KEY}/inbound",
        {"from": ADA, "type": "image", "image": {"content_base64": "?", "mime_type": "image/png"}},
    ),
    "no object": ("POST", f"/sandbox/whatsapp/{KEY}/inbound", []),
    "time that runs back": ("POST", "/sandbox/clock", {"advance_s": -1}),
    "a hook that is no address": ("PUT", f"/sandbox/whatsapp/{KEY}/hook", {"url": "here"}),
    "a number that is taken": ("POST", "/sandbox/whatsapp/accounts", {"phone_number_id": KEY}),
    "an account without an id": ("POST", "/sandbox/whatsapp/accounts", {}),
    "an unknown trait": ("POST", "/sandbox/whatsapp/customers", {"phone": ADA, "mood": "good"}),
}


@pytest.mark.parametrize("label", WRONG)
async def test_wrong_use_is_answered_400_with_a_sentence(play: Play, label: str) -> None:
    method, path, body = WRONG[label]

    answer = await play.client.request(method, path, json=body)

    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


@pytest.mark.parametrize("path", ["/sandbox/weather", "/sandbox/whatsapp/123/outbox"])
async def test_what_is_not_there_is_answered_404(play: Play, path: str) -> None:
    assert (await play.client.get(path)).status_code == 404


async def test_the_control_api_answers_on_loopback_only() -> None:
    async with (
        open_sandbox(SandboxSettings(bind="0.0.0.0:0")) as sandbox,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{sandbox.port}", verify=TLS) as client,
    ):
        answer = await client.get("/sandbox/stats")

    assert answer.status_code == 403


async def test_a_sandbox_can_be_served_from_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        sandbox = await nursery.start(_serve)
        async with httpx.AsyncClient(verify=TLS) as client:
            answer = await client.get(sandbox.url)
        nursery.cancel_scope.cancel()

    assert answer.json() == {"sandbox": ["email", "instagram", "messenger", "whatsapp"]}


async def _serve(*, task_status: Any) -> None:
    await serve_sandbox(SandboxSettings(bind="127.0.0.1:0"), task_status=task_status)


@pytest.mark.parametrize("bind", ["8090", "127.0.0.1:", "127.0.0.1:http"])
async def test_a_bind_without_a_port_is_refused(bind: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        async with open_sandbox(SandboxSettings(bind=bind)):
            pass


@pytest.mark.parametrize(
    ("bind", "why"),
    [("8025", "smtp must be host:port"), ("0.0.0.0:0", "smtp listens on loopback only")],
)
async def test_a_bind_of_the_mail_servers_that_cannot_be_is_refused(bind: str, why: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match=why), flatten_subgroups=True):
        async with open_sandbox(SandboxSettings(bind="127.0.0.1:0", smtp_bind=bind)):
            pass


async def test_a_description_names_the_addresses_and_no_secret() -> None:
    async with open_sandbox(SandboxSettings(bind="127.0.0.1:0")) as sandbox:
        text = describe(sandbox)

    assert f"{sandbox.url}/sandbox/whatsapp/{KEY}/inbound" in text
    assert sandbox.doors["smtp"] in text
    assert sandbox.doors["imap"] in text
    assert "sandbox-token" not in text
    assert "sandbox-secret" not in text
    assert "password" not in text
