"""The Graph edges beside the sends: auth, windows, rates, receipts, media, facts."""

import hashlib
import hmac
from typing import Any

import httpx
import pytest

from omni_actors.sandbox import SandboxSettings, WhatsAppAccount
from tests.sandbox.conftest import ADA, EPOCH_S, KEY, TEXT, Play, code_of

DAY_S = 86_400
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
TEMPLATE = {
    "type": "template",
    "template": {"name": "hello_world", "language": {"code": "en_US"}},
}


@pytest.mark.parametrize("version", ["/v25.0", "/v9.0", ""])
async def test_any_version_or_none_leads_to_the_same_edge(play: Play, version: str) -> None:
    answer = await play.client.get(f"{version}/{KEY}", params={"fields": "verified_name"})

    assert answer.json() == {"verified_name": "Sandbox", "id": KEY}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic sandbox-token"])
async def test_a_bad_token_is_answered_190(play: Play, header: str) -> None:
    answer = await play.client.post(f"/{KEY}/messages", json={}, headers={"Authorization": header})

    assert (answer.status_code, code_of(answer)) == (401, 190)
    assert answer.json()["error"]["type"] == "OAuthException"


async def test_a_number_that_does_not_exist_is_answered_33(play: Play) -> None:
    answer = await play.client.post("/v25.0/123/messages", json={})

    assert (answer.status_code, code_of(answer)) == (400, 33)


async def test_a_body_that_is_no_json_is_answered_100(play: Play) -> None:
    answer = await play.client.post(f"/{KEY}/messages", content=b"{")

    assert code_of(answer) == 100


async def test_a_proof_is_checked_when_it_is_given(play: Play) -> None:
    proof = hmac.new(b"sandbox-secret", b"sandbox-token", hashlib.sha256).hexdigest()

    right = await play.client.get(f"/{KEY}", params={"appsecret_proof": proof})
    wrong = await play.client.get(f"/{KEY}", params={"appsecret_proof": "0" * 64})

    assert right.status_code == 200
    assert code_of(wrong) == 104


async def test_free_form_is_refused_before_the_customer_wrote(play: Play) -> None:
    refused = await play.send(TEXT)
    template = await play.send(TEMPLATE)

    assert (refused.status_code, code_of(refused)) == (400, 131047)
    assert template.json()["messages"][0]["message_status"] == "accepted"


async def test_the_window_closes_24_hours_after_the_customers_last_message(play: Play) -> None:
    await play.write(TEXT)
    await play.advance(DAY_S - 60)
    inside = await play.send(TEXT)

    await play.advance(120)
    outside = await play.send(TEXT)
    await play.write(TEXT)
    again = await play.send(TEXT)

    assert [code_of(answer) for answer in (inside, outside, again)] == [0, 131047, 0]


class TestWithFailingWindows:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, closed_window="fail")

    async def test_a_closed_window_is_reported_by_a_status(self, play: Play) -> None:
        answer = await play.send(TEXT)

        assert answer.status_code == 200
        (status,) = await play.hook.statuses(1)
        assert status["errors"][0]["code"] == 131047


class TestWithRates:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(
            bind="127.0.0.1:0", epoch_s=EPOCH_S, windows=False, throughput_per_s=20, statuses=()
        )

    async def test_more_than_the_throughput_in_a_second_is_refused(
        self, play: Play, autojump_clock: object
    ) -> None:
        answers = [await play.send(TEXT, to=f"+4477009{n:05d}") for n in range(21)]
        await play.advance(1.0)
        later = await play.send(TEXT, to="+447700999999")

        assert [code_of(answer) for answer in answers] == [0] * 20 + [130429]
        assert answers[-1].status_code == 400
        assert code_of(later) == 0

    async def test_a_burst_to_one_customer_is_paid_off_first(self, play: Play) -> None:
        for _ in range(5):
            await play.send(TEXT)

        await play.advance(24)
        early = await play.send(TEXT)
        await play.advance(6)
        paid = await play.send(TEXT)
        other = await play.send(TEXT, to="+447700900124")

        assert [code_of(answer) for answer in (early, paid, other)] == [131056, 0, 0]

    @pytest.mark.slow
    async def test_a_burst_has_forty_five_messages_within_six_seconds(self, play: Play) -> None:
        codes = []
        for n in range(46):
            if n in (20, 40):
                await play.advance(2.0)  # the throughput allows no more at once
            codes.append(code_of(await play.send(TEXT)))

        await play.advance(45 * 6 - 5)
        early = await play.send(TEXT)
        await play.advance(1)
        paid = [await play.send(TEXT) for _ in range(2)]

        assert codes == [0] * 45 + [131056]
        assert [code_of(answer) for answer in (early, *paid)] == [131056, 0, 0]


class TestWithATier:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, users_per_day=2)

    async def test_one_person_too_many_in_a_day_is_refused(self, play: Play) -> None:
        first = [await play.send(TEMPLATE, to=f"+44770090012{n}") for n in (0, 1, 2, 0)]
        await play.write({**TEXT, "from": "447700900125"})
        answered = await play.send(TEMPLATE, to="+447700900125")
        await play.advance(86_400)
        later = await play.send(TEMPLATE, to="+447700900122")

        assert [code_of(answer) for answer in first] == [0, 0, 131048, 0]
        assert [code_of(answered), code_of(later)] == [0, 0]

    async def test_the_tier_can_be_raised_and_is_told(self, play: Play) -> None:
        answer = await play.client.put(
            f"/sandbox/whatsapp/{KEY}/limits", json={"users_per_day": 2000}
        )
        (document,) = await play.hook.documents(1)
        profile = await play.client.get(
            f"/{KEY}", params={"fields": "whatsapp_business_manager_messaging_limit"}
        )

        assert answer.json() == {"told": ["business_capability_update"]}
        (change,) = document["entry"][0]["changes"]
        assert change["field"] == "business_capability_update"
        assert change["value"]["max_daily_conversations_per_business"] == "TIER_2K"
        assert profile.json()["whatsapp_business_manager_messaging_limit"] == "TIER_2K"


@pytest.mark.slow
async def test_a_throughput_is_raised_after_a_moment_of_maintenance(play: Play) -> None:
    wanted = {"per_second": 1000, "maintenance_s": 0.2}
    await play.client.put(f"/sandbox/whatsapp/{KEY}/limits", json=wanted)
    during = await play.send(TEMPLATE)
    (document,) = await play.hook.documents(1)
    after = [await play.send(TEMPLATE, to=f"+4477009{n:05d}") for n in range(90)]
    profile = await play.client.get(f"/{KEY}", params={"fields": "throughput"})

    assert (during.status_code, code_of(during)) == (500, 131057)
    (change,) = document["entry"][0]["changes"]
    assert change["field"] == "phone_number_quality_update"
    assert change["value"]["event"] == "THROUGHPUT_UPGRADE"
    assert {code_of(answer) for answer in after} == {0}
    assert profile.json()["throughput"] == {"level": "HIGH"}


@pytest.mark.parametrize(
    "document", [{}, {"per_second": 0}, {"users_per_day": "many"}, {"speed": 1}]
)
async def test_limits_that_are_none_are_refused(play: Play, document: dict[str, Any]) -> None:
    answer = await play.client.put(f"/sandbox/whatsapp/{KEY}/limits", json=document)

    assert answer.status_code == 400


async def test_a_renewed_token_is_taken_and_the_one_before_is_not(play: Play) -> None:
    await play.client.put(f"/sandbox/whatsapp/{KEY}/token", json={"access_token": "fresh"})

    old = await play.send(TEMPLATE)
    play.client.headers["Authorization"] = "Bearer fresh"
    new = await play.send(TEMPLATE)

    assert [code_of(old), code_of(new)] == [190, 0]


class TestWithShortBursts:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(
            bind="127.0.0.1:0", epoch_s=EPOCH_S, windows=False, pair_burst=3, pair_rule="gcra"
        )

    async def test_by_gcra_each_share_is_free_as_soon_as_it_is_paid(self, play: Play) -> None:
        burst = [await play.send(TEXT) for _ in range(4)]
        await play.advance(6)
        later = [await play.send(TEXT) for _ in range(2)]

        assert [code_of(answer) for answer in burst + later] == [0, 0, 0, 131056, 0, 131056]


class TestWithABudget:
    @pytest.fixture
    def settings(self) -> SandboxSettings:
        return SandboxSettings(bind="127.0.0.1:0", epoch_s=EPOCH_S, windows=False, calls_per_h=2)

    async def test_usage_is_told_and_then_refused(self, play: Play) -> None:
        answers = [await play.send(TEXT) for _ in range(3)]

        assert [code_of(answer) for answer in answers] == [0, 0, 80007]
        assert '"call_count": 50' in answers[0].headers["X-App-Usage"]
        assert "900100200300400" in answers[2].headers["X-Business-Use-Case-Usage"]


async def test_the_wa_id_may_differ_from_what_was_dialled(play: Play) -> None:
    answer = await play.send(TEMPLATE, to="+52 55 1234 5678")

    contact = {"input": "+52 55 1234 5678", "wa_id": "5215512345678"}
    assert answer.json()["contacts"] == [contact]


async def test_a_message_can_be_read_and_answered_with_typing(play: Play) -> None:
    written = await play.write(TEXT)
    receipt = {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": written["id"],
        "typing_indicator": {"type": "text"},
    }

    known = await play.client.post(f"/{KEY}/messages", json=receipt)
    unknown = await play.client.post(f"/{KEY}/messages", json={**receipt, "message_id": "wamid.X"})
    odd = {**receipt, "typing_indicator": {"type": "voice"}}
    malformed = await play.client.post(f"/{KEY}/messages", json=odd)

    assert known.json() == {"success": True}
    assert [code_of(unknown), code_of(malformed)] == [131009, 100]


async def upload(play: Play, content: bytes, mime_type: str, **fields: str) -> httpx.Response:
    form = {"messaging_product": "whatsapp", "type": mime_type, **fields}
    files = {"file": ("file.bin", content, mime_type)}
    return await play.client.post(f"/v25.0/{KEY}/media", data=form, files=files)


async def test_media_make_the_round_trip(play: Play) -> None:
    media_id = (await upload(play, PNG, "image/png")).json()["id"]

    facts = (await play.client.get(f"/v25.0/{media_id}", params={"phone_number_id": KEY})).json()
    downloaded = await play.client.get(facts["url"])

    assert facts["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert (facts["file_size"], facts["mime_type"]) == (len(PNG), "image/png")
    assert (downloaded.content, downloaded.headers["content-type"]) == (PNG, "image/png")


async def test_a_link_lasts_five_minutes_and_wants_the_token(play: Play) -> None:
    media_id = (await upload(play, PNG, "image/png")).json()["id"]
    url = (await play.client.get(f"/{media_id}")).json()["url"]

    stranger = await play.client.get(url, headers={"Authorization": "Bearer wrong"})
    forged = await play.client.get(url.replace("hash=", "hash=0"))
    await play.advance(301)
    late = await play.client.get(url)

    assert [stranger.status_code, forged.status_code, late.status_code] == [401, 404, 404]


async def test_a_medium_can_be_deleted_and_is_gone_after_30_days(play: Play) -> None:
    first = (await upload(play, PNG, "image/png")).json()["id"]
    second = (await upload(play, PNG, "image/png")).json()["id"]

    deleted = await play.client.delete(f"/{first}")
    await play.advance(31 * DAY_S)

    assert deleted.json() == {"success": True}
    assert code_of(await play.client.get(f"/{first}")) == 33
    assert code_of(await play.client.get(f"/{second}")) == 33


UPLOADS: dict[str, tuple[bytes, str, dict[str, str], int]] = {
    "a type that is not taken": (b"GIF89a", "image/gif", {}, 100),
    "an image above 5 MB": (PNG + b"\x00" * 5_242_880, "image/png", {}, 131053),
    "two types": (PNG, "image/png", {"type": "image/jpeg"}, 100),
    "another product": (PNG, "image/png", {"messaging_product": "sms"}, 100),
    "no bytes": (b"", "image/png", {}, 100),
}


@pytest.mark.parametrize("label", UPLOADS)
async def test_an_upload_against_the_rules_is_refused(play: Play, label: str) -> None:
    content, mime_type, fields, code = UPLOADS[label]

    assert code_of(await upload(play, content, mime_type, **fields)) == code


SENDS: dict[str, tuple[bytes, str, str, int]] = {
    "an image": (PNG, "image/png", "image", 0),
    "a picture as a document": (PNG, "image/png", "document", 0),
    "a picture as a video": (PNG, "image/png", "video", 131053),
    "a webp as an image": (b"RIFF\x00\x00\x00\x00WEBP", "image/webp", "image", 131053),
    "a gif that says png": (b"GIF89a", "image/png", "image", 131053),
}


@pytest.mark.parametrize("label", SENDS)
async def test_a_medium_of_the_wrong_kind_fails_later(play: Play, label: str) -> None:
    content, mime_type, kind, code = SENDS[label]
    media_id = (await upload(play, content, mime_type)).json()["id"]
    await play.write(TEXT)

    answer = await play.send({"type": kind, kind: {"id": media_id}})

    assert answer.status_code == 200
    errors = [one.get("errors", [{}])[0].get("code", 0) for one in await play.hook.statuses(2)]
    assert errors == [code]


@pytest.mark.parametrize(
    ("content", "mime_type", "code"),
    [
        (b"OggS" + bytes(24) + b"OpusHead\x01\x01", "audio/ogg", 0),
        (b"ID3" + b"\x00" * 60, "audio/mpeg", 131053),
    ],
)
async def test_only_ogg_is_a_voice_message(
    play: Play, content: bytes, mime_type: str, code: int
) -> None:
    media_id = (await upload(play, content, mime_type)).json()["id"]
    await play.write(TEXT)

    await play.send({"type": "audio", "audio": {"id": media_id, "voice": True}})

    errors = [one.get("errors", [{}])[0].get("code", 0) for one in await play.hook.statuses(2)]
    assert errors == [code]


@pytest.mark.parametrize(("path", "code"), [("pixel.png", 0), ("gone.png", 131053)])
async def test_a_link_on_loopback_is_fetched(play: Play, path: str, code: int) -> None:
    play.hook.files["/pixel.png"] = PNG
    await play.write(TEXT)

    link = f"{play.hook.url.removesuffix('/webhooks/meta')}/{path}"
    await play.send({"type": "image", "image": {"link": link}})

    errors = [one.get("errors", [{}])[0].get("code", 0) for one in await play.hook.statuses(2)]
    assert errors == [code]


async def test_a_customers_picture_can_be_fetched(play: Play) -> None:
    form = {"message": f'{{"from": "{ADA}", "type": "image", "image": {{"caption": "lid"}}}}'}
    await play.client.post(
        f"/sandbox/whatsapp/{KEY}/inbound", data=form, files={"file": ("a.png", PNG, "image/png")}
    )

    (value,) = await play.hook.values(1)
    medium = value["messages"][0]["image"]
    url = (await play.client.get(f"/{medium['id']}")).json()["url"]
    assert (await play.client.get(url)).content == PNG
    assert (medium["caption"], medium["mime_type"]) == ("lid", "image/png")


EDGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "register": ("POST", f"/{KEY}/register", {"messaging_product": "whatsapp", "pin": "314159"}),
    "subscribe": ("POST", "/900100200300400/subscribed_apps", {}),
}


@pytest.mark.parametrize("label", EDGES)
async def test_a_number_can_be_brought_up(play: Play, label: str) -> None:
    method, path, body = EDGES[label]

    answer = await play.client.request(method, f"/v25.0{path}", json=body)

    assert answer.json() == {"success": True}


async def test_a_token_can_be_inspected(play: Play) -> None:
    right = await play.client.get("/debug_token", params={"input_token": "sandbox-token"})
    wrong = await play.client.get("/debug_token", params={"input_token": "wrong"})

    assert right.json()["data"]["is_valid"] is True
    assert wrong.json()["data"]["is_valid"] is False


async def test_templates_are_listed_in_pages(play: Play) -> None:
    path = "/900100200300400/message_templates"

    first = (await play.client.get(path, params={"limit": "4"})).json()
    after = first["paging"]["cursors"]["after"]
    second = (await play.client.get(path, params={"limit": "4", "after": after})).json()

    names = [one["name"] for one in first["data"] + second["data"]]
    assert names == [one.name for one in WhatsAppAccount().templates]
    assert code_of(await play.client.get(path, params={"after": "x"})) == 131059


async def test_an_unknown_field_of_the_number_is_refused(play: Play) -> None:
    answer = await play.client.get(f"/{KEY}", params={"fields": "shoe_size"})

    assert code_of(answer) == 100
