"""What goes wrong on request, as for WhatsApp and in Meta's words."""

import json
from typing import Any

import httpx
import pytest
import trio

from tests.sandbox.meta.conftest import Caller, fault_of

TEXT = {"text": "hello"}


async def lay_down(caller: Caller, **rule: Any) -> None:
    answer = await caller.play.client.post("/sandbox/faults", json=rule)
    assert answer.status_code == 200, answer.text


async def test_a_lost_answer_is_a_message_that_is_echoed_all_the_same(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="drop_answer", match={"channel_key": caller.key})

    with pytest.raises(httpx.RemoteProtocolError):
        await caller.send(TEXT)

    (entry,) = await caller.outbox()
    assert (await caller.told(2))[1]["message"]["mid"] == entry["id"]


async def test_a_lost_request_leaves_nothing_behind(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="drop_request")

    with pytest.raises(httpx.RemoteProtocolError):
        await caller.send(TEXT)

    assert await caller.outbox() == []


async def test_an_error_may_come_although_it_was_sent(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="error_after")

    answer = await caller.send(TEXT)

    assert fault_of(answer) == (1, 1357046)
    (entry,) = await caller.outbox()
    assert (await caller.told(2))[1]["message"]["mid"] == entry["id"]


async def test_a_throttled_call_is_told_when_to_come_back(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="throttle", retry_after_s=3)

    throttled, after = await caller.send(TEXT), await caller.send(TEXT)

    too_fast = (613, None) if caller.platform == "messenger" else (613, 2534040)
    assert fault_of(throttled) == too_fast
    assert throttled.headers["Retry-After"] == "3"
    assert "X-App-Usage" in throttled.headers
    assert fault_of(after) == (0, None)


async def test_any_error_of_the_table_can_be_had(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="error_code", code=368)
    await lay_down(caller, kind="error_code", code=100, subcode=2018320)
    await lay_down(caller, kind="error_code")
    await lay_down(caller, kind="expire_token")

    faults = [fault_of(await caller.send(TEXT)) for _ in range(4)]

    assert faults == [(368, None), (100, 2018320), (2, None), (190, 463)]


async def test_the_budget_can_be_told_to_be_nearly_spent(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="usage", percent=95, regain_min=7)

    answer = await caller.send(TEXT)

    told = json.loads(answer.headers["X-Business-Use-Case-Usage"])[caller.key][0]
    assert (told["type"], told["call_count"]) == (caller.platform, 95)
    assert told["estimated_time_to_regain_access"] == 7


async def test_the_echo_may_come_before_the_answer(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="status_before_answer", delay_s=60)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller.send, TEXT)
        echo = (await caller.told(2))[1]
        (entry,) = await caller.outbox()
        nursery.cancel_scope.cancel()

    assert echo["message"]["mid"] == entry["id"]


async def test_an_outage_answers_without_json(caller: Caller) -> None:
    await caller.write(TEXT)
    await lay_down(caller, kind="error_5xx", status=502)

    answer = await caller.send(TEXT)

    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")


@pytest.mark.slow
async def test_an_event_can_come_twice_and_late(caller: Caller) -> None:
    await lay_down(caller, kind="duplicate_webhook", match={"type": "message"})
    await lay_down(caller, kind="reorder_webhooks", delay_s=0.1, match={"type": "postback"})

    await caller.write(TEXT)
    await caller.write({"postback": {"payload": "X"}})
    await caller.write({"text": "second"})

    items = await caller.told(4)
    texts = [item["message"]["text"] for item in items if "message" in item]
    assert sorted(texts) == ["hello", "hello", "second"]


async def test_a_rule_may_be_about_one_kind_of_send(page: Caller) -> None:
    await page.write(TEXT)
    await lay_down(page, kind="error_code", code=613, match={"type": "button"})
    payload = {
        "template_type": "button",
        "text": "x",
        "buttons": [{"type": "postback", "title": "x", "payload": "x"}],
    }

    text = await page.send(TEXT)
    button = await page.send({"attachment": {"type": "template", "payload": payload}})

    assert [fault_of(answer)[0] for answer in (text, button)] == [0, 613]


async def test_a_login_may_fail_too(own: Caller) -> None:
    await lay_down(own, kind="error_5xx", match={"call": "oauth"})
    query = {"grant_type": "ig_refresh_token", "access_token": own.token}

    first = await own.play.client.get("/refresh_access_token", params=query)
    second = await own.play.client.get("/refresh_access_token", params=query)

    assert first.status_code == 503
    assert fault_of(second) == (100, None)


async def test_a_download_may_be_gone(page: Caller) -> None:
    await page.write(
        {"type": "image", "image": {"content_base64": "AAAA", "mime_type": "image/png"}}
    )
    (item,) = await page.told(1)
    url = item["message"]["attachments"][0]["payload"]["url"]
    await lay_down(page, kind="expired_url")

    async with httpx.AsyncClient() as stranger:
        gone, there = await stranger.get(url), await stranger.get(url)

    assert (gone.status_code, there.status_code) == (404, 200)


async def test_a_reset_forgets_everything_but_the_accounts(caller: Caller) -> None:
    await caller.write(TEXT)
    await caller.send(TEXT)
    await caller.stands(subscribed=False)

    await caller.play.client.post("/sandbox/reset")

    assert await caller.outbox() == []
    assert (await caller.stands())["subscribed"] is True
    assert fault_of(await caller.get("me")) == (0, None)
    assert fault_of(await caller.send(TEXT))[0] == 100


@pytest.mark.parametrize(
    ("verb", "document"),
    [
        ("standing", {"mood": "good"}),
        ("standing", {"subscribed": "yes"}),
        ("standing", {"fields": ["telepathy"]}),
        ("templates", {}),
    ],
)
async def test_a_wrong_standing_is_refused(caller: Caller, verb: str, document: Any) -> None:
    answer = await caller.control(verb, document)

    assert answer.status_code == 400


@pytest.mark.parametrize("limits", [{"text_per_s": -1}, {"text_per_s": "x"}, {"speed": 3}])
async def test_wrong_limits_are_refused(page: Caller, limits: dict[str, Any]) -> None:
    path = f"/sandbox/messenger/{page.key}/limits"

    assert (await page.play.client.put(path, json=limits)).status_code == 400
