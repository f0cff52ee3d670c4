"""What the gateway's hook hears: signed, in Meta's spelling, again until it says 200."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest
import trio

from omni_actors.sandbox import SandboxSettings, WhatsAppAccount
from omni_actors.sandbox.graph import escaped
from omni_actors.sandbox.hooks import signed_headers
from tests.sandbox.conftest import ADA, EPOCH_S, KEY, TEXT, TLS, HookDouble, Play

VECTORS = [
    (
        '{"object":"whatsapp_business_account","entry":[]}',
        "218a9b985cc97cd0b93bd9710a43fdd83f50df2ac05175a5961373f26e12360a",
    ),
    (
        '{"object":"whatsapp_business_account","entry":[{"id":"900100200300400","changes":'
        '[{"field":"messages","value":{"messaging_product":"whatsapp","note":"ol\\u00e1"}}]}]}',
        "c60e9801dba73efe5351dc8d0babde2a37a3de96995ec06020689011f8694885",
    ),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_a_webhook_is_signed_over_its_raw_bytes(body: str, digest: str) -> None:
    headers = dict(signed_headers("omni-test-secret", body.encode()))

    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"


def test_a_webhook_is_spelled_as_meta_spells_it() -> None:
    assert escaped({"a": "olá/\U0001f44d"}) == b'{"a":"ol\\u00e1\\/\\ud83d\\udc4d"}'


async def test_a_customers_text_reaches_the_hook_with_its_signature(play: Play) -> None:
    written = await play.write({"name": "Ada", "text": {"body": "olá"}}, wait=1)

    headers, body = play.hook.knocks[0]
    digest = hmac.new(b"sandbox-secret", body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={digest}"
    assert written["status"] == 200
    (value,) = await play.hook.values(1)
    assert value["metadata"]["phone_number_id"] == KEY
    assert value["contacts"][0]["profile"]["name"] == "Ada"
    (message,) = value["messages"]
    assert message["id"] == written["id"]
    assert (message["from"], message["text"]) == (ADA, {"body": "olá"})
    assert message["timestamp"] == str(int(EPOCH_S))


INBOUND: dict[str, dict[str, Any]] = {
    "a location": {"type": "location", "location": {"latitude": 51.5, "longitude": -0.1}},
    "contacts": {"type": "contacts", "contacts": [{"name": {"formatted_name": "G"}}]},
    "a button reply": {
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}},
        "context": {"id": "wamid.X"},
    },
    "a template button": {"type": "button", "button": {"payload": "p", "text": "t"}},
    "a reaction": {"type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": "x"}},
    "an order": {"type": "order", "order": {"catalog_id": "1", "product_items": []}},
    "something new": {"type": "hologram", "hologram": {"depth": 3}},
}


@pytest.mark.parametrize("label", INBOUND)
async def test_what_a_customer_does_arrives_as_it_was_given(play: Play, label: str) -> None:
    document = INBOUND[label]

    await play.write(document, wait=1)

    (value,) = await play.hook.values(1)
    message = value["messages"][0]
    kind = document["type"]
    assert message["type"] == kind
    assert message[kind] == document[kind]
    if "context" in document:
        assert message["context"] == {"id": "wamid.X", "from": "442079460100"}


async def test_a_customer_can_hide_their_number(play: Play) -> None:
    document = {"from_user_id": "GB.7204418893310556", "username": "ada", "text": {"body": "hi"}}

    await play.write(document, wait=1)

    (value,) = await play.hook.values(1)
    assert value["messages"][0]["from_user_id"] == "GB.7204418893310556"
    assert "from" not in value["messages"][0]
    assert "wa_id" not in value["contacts"][0]
    assert value["contacts"][0]["profile"]["username"] == "ada"


async def test_a_system_message_has_no_contacts(play: Play) -> None:
    document = {
        "type": "system",
        "system": {"type": "user_changed_number", "wa_id": "447700900999"},
    }

    await play.write(document, wait=1)

    (value,) = await play.hook.values(1)
    assert "contacts" not in value


async def test_an_unsupported_message_carries_its_error(play: Play) -> None:
    await play.write({"type": "unsupported", "unsupported": {"type": "poll_creation"}}, wait=1)

    (value,) = await play.hook.values(1)
    assert value["messages"][0]["errors"][0]["code"] == 131051


LOST: dict[str, dict[str, Any]] = {
    "an empty video": {"type": "video", "video": {}, "errors": [{"code": 131052}]},
    "a picture with its caption": {
        "type": "image",
        "image": {"caption": "look"},
        "errors": [{"code": 131052}],
    },
    "no audio": {"type": "audio", "errors": [{"code": 131052}]},
    "an old voice note": {"type": "voice", "errors": [{"code": 131052}]},
    "no answer": {"type": "interactive", "errors": [{"code": 131000}]},
    "no contacts": {"type": "contacts", "errors": [{"code": 131000}]},
    "no news of a person": {"type": "system", "errors": [{"code": 131000}]},
}


@pytest.mark.slow
@pytest.mark.parametrize("label", LOST)
async def test_what_the_platform_could_not_hand_over_arrives_with_its_error(
    play: Play, label: str
) -> None:
    await play.write(LOST[label], wait=1)

    (value,) = await play.hook.values(1)
    (message,) = value["messages"]
    assert LOST[label].items() <= message.items()
    assert (LOST[label]["type"] in message) == (LOST[label]["type"] in LOST[label])


@pytest.mark.parametrize("errors", [[], [{"code": 131000}]])
async def test_the_voice_notes_of_old_webhooks_are_media(play: Play, errors: list[Any]) -> None:
    voice = {"content_base64": "T2dnUw==", "mime_type": "audio/ogg; codecs=opus"}

    await play.write({"type": "voice", "voice": voice, "errors": errors}, wait=1)

    (value,) = await play.hook.values(1)
    told = value["messages"][0]["voice"]
    assert told.keys() == {"id", "mime_type", "sha256", "url"}
    assert told["mime_type"] == voice["mime_type"]


async def test_an_accepted_message_is_reported_sent_delivered_and_read(play: Play) -> None:
    await play.write(TEXT)

    answer = await play.send({**TEXT, "biz_opaque_callback_data": "msg_1"})

    statuses = await play.hook.statuses(4)
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    assert {status["id"] for status in statuses} == {answer.json()["messages"][0]["id"]}
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"msg_1"}
    assert {status["recipient_id"] for status in statuses} == {ADA}
    assert ["pricing" in status for status in statuses] == [True, True, False]
    assert statuses[0]["pricing"]["category"] == "service"


async def test_a_message_to_a_user_id_is_reported_without_a_number(play: Play) -> None:
    user_id = "GB.7204418893310556"
    await play.write({"from_user_id": user_id, "text": {"body": "hi"}})

    body = {"messaging_product": "whatsapp", "recipient": user_id, **TEXT}
    answer = await play.client.post(f"/{KEY}/messages", json=body)

    assert answer.json()["contacts"] == [{"input": user_id, "user_id": user_id}]
    statuses = await play.hook.statuses(4)
    assert all("recipient_id" not in status for status in statuses)
    assert all(status["recipient_user_id"] == user_id for status in statuses)


async def test_a_customer_without_receipts_never_reads(play: Play) -> None:
    ada = {"phone": ADA, "read_receipts": False}
    await play.client.post("/sandbox/whatsapp/customers", json=ada)
    await play.write(TEXT)

    await play.send(TEXT)

    assert [one["status"] for one in await play.hook.statuses(3)] == ["sent", "delivered"]


async def test_a_number_that_is_not_on_whatsapp_fails_later(play: Play) -> None:
    await play.write(TEXT)
    gone = {"phone": ADA, "reachable": False}
    await play.client.post("/sandbox/whatsapp/customers", json=gone)

    answer = await play.send(TEXT)

    assert answer.status_code == 200
    (status,) = await play.hook.statuses(2)
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131026)
    assert "contacts" not in (await play.hook.values(2))[1]
    assert await play.outbox() == []


async def test_a_reaction_is_only_reported_sent(play: Play) -> None:
    written = await play.write(TEXT)
    reaction = {"message_id": written["id"], "emoji": "\U0001f44d"}

    await play.send({"type": "reaction", "reaction": reaction})
    await play.send(TEXT)

    statuses = await play.hook.statuses(5)
    assert [one["status"] for one in statuses] == ["sent", "sent", "delivered", "read"]


async def test_a_reaction_to_an_unknown_message_fails_later(play: Play) -> None:
    await play.write(TEXT)

    await play.send({"type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": ""}})

    (status,) = await play.hook.statuses(2)
    assert status["errors"][0]["code"] == 131009


async def test_a_webhook_comes_back_until_it_gets_exactly_200(
    play: Play, autojump_clock: object
) -> None:
    play.hook.answers.extend([503, 202, 404])

    written = await play.write(TEXT, wait=1)

    documents = await play.hook.documents(4)
    assert written["status"] == 503
    assert all(document == documents[0] for document in documents)


async def test_a_webhook_is_repeated_on_request(play: Play) -> None:
    await play.write(TEXT, redeliver=2)
    await play.write({"text": {"body": "next"}})

    first, second, third, other = await play.hook.documents(4)
    assert first == second == third != other


async def test_an_update_waits_for_a_hook(play: Play) -> None:
    play.sandbox.hook_url = None
    written = await play.write(TEXT)
    assert play.hook.knocks == []

    play.sandbox.hook_url = play.hook.url

    (value,) = await play.hook.values(1)
    assert value["messages"][0]["id"] == written["id"]


async def test_a_number_can_have_a_hook_of_its_own(play: Play) -> None:
    other = {"phone_number_id": "880011", "display_number": "442079460111"}
    await play.client.post("/sandbox/whatsapp/accounts", json=other)
    own = f"{play.hook.url}/own"
    before = (await play.client.get("/sandbox/stats")).json()["hooks"]

    await play.client.put("/sandbox/whatsapp/880011/hook", json={"url": own})

    after = (await play.client.get("/sandbox/stats")).json()["hooks"]
    assert {hook["url"] for hook in before} == {play.hook.url}
    assert [hook["url"] for hook in after] == [*(hook["url"] for hook in before), own]


async def test_the_hook_is_asked_to_prove_itself(play: Play) -> None:
    answer = await play.client.post(f"/sandbox/whatsapp/{KEY}/handshake")

    assert answer.json() == {"verified": True, "status": 200, "error": None}


class TestWithLittleRoom:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(
            bind="127.0.0.1:0", epoch_s=EPOCH_S, hook_concurrency=1, hook_pending_max=1
        )

    async def test_a_full_queue_makes_the_next_update_wait_and_loses_nothing(
        self, play: Play
    ) -> None:
        play.sandbox.hook_url = None
        written: list[str] = []
        full = trio.Event()

        async def write(text: str) -> None:
            written.append((await play.write({"text": {"body": text}}))["id"])
            if len(written) == 2:
                full.set()

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(write, str(number))
            await full.wait()
            queued = len(written)
            play.sandbox.hook_url = play.hook.url

        values = await play.hook.values(4)
        assert queued == 2
        assert sorted(value["messages"][0]["id"] for value in values) == sorted(written)


class TestInBatches:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        accounts = [WhatsAppAccount(), WhatsAppAccount("880011", "442079460111")]
        return SandboxSettings(
            bind="127.0.0.1:0",
            epoch_s=EPOCH_S,
            accounts=accounts,
            hook_batch_max=100,
            hook_concurrency=1,
        )

    async def test_updates_that_wait_share_one_webhook(self, play: Play) -> None:
        play.sandbox.hook_url = None
        await play.write({"text": {"body": "holds the only worker"}})
        await _settle(play.hook)
        for number in range(3):
            await play.write({"text": {"body": str(number)}})
        await play.client.post("/sandbox/whatsapp/880011/inbound", json={"from": ADA, **TEXT})

        play.sandbox.hook_url = play.hook.url

        _first, document = await play.hook.documents(2)
        (entry,) = document["entry"]
        values = [change["value"] for change in entry["changes"]]
        bodies = [[one["text"]["body"] for one in value["messages"]] for value in values]
        assert bodies == [["0", "1", "2"], ["hello"]]
        assert len(values[0]["contacts"]) == 1


async def _settle(hook: HookDouble) -> None:
    """Let the worker take what is queued: one exchange with another server is enough."""
    async with httpx.AsyncClient(verify=TLS) as client:
        await client.get(hook.url)


async def test_who_came_from_an_ad_and_is_answered_costs_nothing_for_three_days(
    play: Play,
) -> None:
    ad = {"source_type": "ad", "source_id": "12"}
    await play.write({"type": "text", "text": {"body": "hi"}, "referral": ad}, wait=1)
    await play.send(TEXT)

    sent, delivered, read = await play.hook.statuses(4)

    assert sent["conversation"]["expiration_timestamp"] == str(int(EPOCH_S + 3 * 86_400))
    assert sent["pricing"]["type"] == delivered["pricing"]["type"] == "free_entry_point"
    assert "expiration_timestamp" not in delivered["conversation"]
    assert "conversation" not in read
