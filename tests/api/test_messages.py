"""Sending and looking at messages, through the door of a whole gateway."""

import pytest
import trio

from tests.api.conftest import CHANNEL, House, text_to


@pytest.mark.slow
async def test_a_message_is_taken_and_can_be_looked_at(house: House) -> None:
    sent = await house.client.post("/v1/messages", json=text_to())
    message = await house.client.get(sent.headers["Location"])

    assert sent.status_code == 202
    assert sent.json()["window"] == {
        "open": False,
        "closes_at": None,
        "human_closes_at": None,
        "free_until": None,
    }
    assert message.json()["id"] == sent.json()["id"]
    assert message.json()["content"] == {"type": "text", "text": "hello"}
    assert message.json()["author"] == {"type": "bot", "source": "api"}
    assert message.json()["parts"][0]["status"] == "held"


@pytest.mark.slow
async def test_the_same_key_and_request_send_once(house: House) -> None:
    headers = {"Idempotency-Key": "order-77"}

    first = await house.client.post("/v1/messages", json=text_to(), headers=headers)
    again = await house.client.post("/v1/messages", json=text_to(), headers=headers)

    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.slow
async def test_the_order_of_members_makes_no_other_request(house: House) -> None:
    headers = {"Idempotency-Key": "order-77"}
    turned = dict(reversed(text_to().items()))

    await house.client.post("/v1/messages", json=text_to(), headers=headers)
    again = await house.client.post("/v1/messages", json=turned, headers=headers)

    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.slow
async def test_the_same_key_with_another_request_is_refused(house: House) -> None:
    headers = {"Idempotency-Key": "order-77"}

    await house.client.post("/v1/messages", json=text_to(), headers=headers)
    other = await house.client.post("/v1/messages", json=text_to(text="bye"), headers=headers)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.slow
async def test_requests_at_once_with_one_key_send_once(house: House) -> None:
    headers = {"Idempotency-Key": "order-77"}
    statuses: list[int] = []

    async def send() -> None:
        response = await house.client.post("/v1/messages", json=text_to(), headers=headers)
        statuses.append(response.status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(send)
    conversations = (await house.client.get("/v1/conversations")).json()["items"]
    path = f"/v1/conversations/{conversations[0]['id']}/messages"

    assert set(statuses) <= {202, 409}
    assert 202 in statuses
    assert len((await house.client.get(path)).json()["items"]) == 1


@pytest.mark.slow
async def test_a_key_that_cannot_be_kept_is_refused(house: House) -> None:
    for key in ("", "a b", "x" * 256):
        headers = {"Idempotency-Key": key}
        response = await house.client.post("/v1/messages", json=text_to(), headers=headers)
        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == "Idempotency-Key"


@pytest.mark.slow
async def test_a_preview_shows_what_becomes_of_it_and_sends_nothing(house: House) -> None:
    options = [{"id": str(n), "title": f"Day {n}"} for n in range(4)]
    asked = text_to() | {"content": {"type": "choices", "text": "When?", "options": options}}

    shown = (await house.client.post("/v1/messages:preview", json=asked)).json()

    assert shown["parts"][0]["content"]["type"] == "choices"
    assert shown["rendering"][0]["level"] == "converted"
    assert shown["leg_id"] is None
    for left in ("contacts", "conversations", "events"):
        assert (await house.client.get(f"/v1/{left}")).json()["items"] == []


@pytest.mark.slow
async def test_a_closed_window_is_told(house: House) -> None:
    asked = text_to() | {"delivery": {"on_closed_window": "fail"}}

    response = await house.client.post("/v1/messages", json=asked)

    assert (response.status_code, response.json()["code"]) == (422, "outside_window")
    assert (await house.client.get("/v1/contacts")).json()["items"] == []


@pytest.mark.slow
async def test_an_address_that_is_none_has_its_place(house: House) -> None:
    response = await house.client.post("/v1/messages", json=text_to("Ada"))

    assert (response.status_code, response.json()["code"]) == (422, "bad_address")
    assert response.json()["errors"][0]["pointer"] == "/to/address"


@pytest.mark.slow
async def test_what_does_not_exist_cannot_be_written_to(house: House) -> None:
    content = {"type": "text", "text": "x"}
    nowhere = {"content": content, "to": {"channel_id": "none", "address": "+447700900123"}}
    nobody = {"content": content, "contact_id": "ctc_none"}
    unseen = text_to() | {"content": {"type": "media", "kind": "image", "media_id": "med_none"}}

    codes = [
        (await house.client.post("/v1/messages", json=asked)).json()["code"]
        for asked in (nowhere, nobody, unseen)
    ]

    assert codes == ["unknown_channel", "not_found", "media_unknown"]


@pytest.mark.slow
async def test_a_message_that_waits_can_be_cancelled(house: House) -> None:
    sent = (await house.client.post("/v1/messages", json=text_to())).json()

    cancelled = await house.client.post(f"/v1/messages/{sent['id']}:cancel")

    assert cancelled.json()["status"] == "cancelled"


@pytest.mark.slow
async def test_what_is_not_held_in_doubt_cannot_be_released(house: House) -> None:
    sent = (await house.client.post("/v1/messages", json=text_to())).json()

    refused = await house.client.post(f"/v1/messages/{sent['id']}:release")

    assert (refused.status_code, refused.json()["code"]) == (409, "not_held")


@pytest.mark.slow
async def test_attempts_of_a_message_that_waits_are_none(house: House) -> None:
    sent = (await house.client.post("/v1/messages", json=text_to())).json()

    attempts = await house.client.get(f"/v1/messages/{sent['id']}/attempts")

    assert attempts.json() == {"items": [], "next": None}


@pytest.mark.slow
async def test_a_paused_channel_says_so_and_is_resumed(house: House) -> None:
    paused = (await house.client.post(f"/v1/channels/{CHANNEL}:pause")).json()
    resumed = (await house.client.post(f"/v1/channels/{CHANNEL}:resume")).json()

    assert (paused["state"], paused["health"]["status"]) == ("paused", "attention")
    assert (resumed["state"], resumed["health"]["status"]) == ("active", "ok")
