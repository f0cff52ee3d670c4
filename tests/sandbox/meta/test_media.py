"""Attachments: by address, by upload and again by id; judged when they are sent."""

import base64
from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import Play
from tests.sandbox.meta.conftest import Caller, fault_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
PDF = b"%PDF-1.7\n" + b"\x00" * 32
MIB = 1_048_576


def image(**payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "image", "payload": payload}}


async def post_form(
    caller: Caller, edge: str, message: str, file: tuple[str, bytes, str], **fields: str
) -> httpx.Response:
    return await caller.play.client.post(
        f"/v25.0/me/{edge}",
        data={"message": message, **fields},
        files={"filedata": file},
        headers=caller.headers,
    )


@pytest.fixture
def picture(play: Play) -> str:
    """The address of a picture on loopback, which the sandbox fetches."""
    play.hook.files["/a.png"] = PNG
    return play.hook.url.replace("/webhooks/meta", "/a.png")


async def test_what_an_address_holds_is_fetched_and_echoed(caller: Caller, picture: str) -> None:
    await caller.write({"text": "hello"})

    answer = await caller.send(image(url=picture, is_reusable=True))

    (echo,) = [item for item in await caller.told(2) if item["message"].get("is_echo")]
    url = echo["message"]["attachments"][0]["payload"]["url"]
    assert answer.json()["attachment_id"]
    assert (await caller.play.client.get(url, headers={"Authorization": ""})).status_code == 403
    async with httpx.AsyncClient() as stranger:
        fetched = await stranger.get(url)
    assert (fetched.content, fetched.headers["Content-Type"]) == (PNG, "image/png")


@pytest.mark.slow
async def test_an_address_that_leads_nowhere_is_refused(caller: Caller, picture: str) -> None:
    await caller.write({"text": "hello"})

    missing = await caller.send(image(url=picture.replace("a.png", "b.png")))
    nobody = await caller.send(image(url="http://127.0.0.1:9/a.png"))

    assert [fault_of(answer) for answer in (missing, nobody)] == [(100, 2018008)] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "content", "subcode"),
    [
        ("audio", PNG, 2018047),
        ("image", PDF, 2018047),
        ("image", b"", 2018047),
        ("image", PNG + b"\x00" * (25 * MIB), 2018109),
    ],
)
async def test_what_is_found_must_be_what_was_said(
    page: Caller, picture: str, kind: str, content: bytes, subcode: int
) -> None:
    await page.write({"text": "hello"})
    page.play.hook.files["/a.png"] = content

    answer = await page.send({"attachment": {"type": kind, "payload": {"url": picture}}})

    assert fault_of(answer) == (100, subcode)


@pytest.mark.slow
async def test_a_picture_on_instagram_has_eight_mebibytes(own: Caller, picture: str) -> None:
    await own.write({"text": "hello"})
    own.play.hook.files["/a.png"] = PNG + b"\x00" * (8 * MIB)

    assert fault_of(await own.send(image(url=picture))) == (100, 2018109)


async def test_an_upload_is_sent_as_often_as_one_likes(caller: Caller, picture: str) -> None:
    await caller.write({"text": "hello"})
    body = {"message": image(url=picture, is_reusable=True), "platform": caller.platform}

    upload = await caller.post("me/message_attachments", body)
    attachment_id = upload.json()["attachment_id"]
    sent = [await caller.send(image(attachment_id=attachment_id)) for _ in range(2)]

    assert [fault_of(answer) for answer in sent] == [(0, None)] * 2


async def test_an_upload_is_private_and_of_one_kind(
    page: Caller, own: Caller, picture: str
) -> None:
    for caller in (page, own):
        await caller.write({"text": "hello"})
    upload = await page.post("me/message_attachments", {"message": image(url=picture)})
    payload = {"attachment_id": upload.json()["attachment_id"]}

    foreign = await own.send(image(**payload))
    other = await page.send({"attachment": {"type": "file", "payload": payload}})
    unknown = await page.send(image(attachment_id="1"))

    faults = [fault_of(answer) for answer in (foreign, other, unknown)]
    assert faults == [(100, 2018074)] * 3


async def test_a_file_is_uploaded_as_a_form(page: Caller) -> None:
    await page.write({"text": "hello"})
    message = '{"attachment": {"type": "image", "payload": {"is_reusable": true}}}'
    file = ("a.png", PNG, "image/png")
    who = f'{{"id": "{page.person}"}}'

    upload = await post_form(page, "message_attachments", message, file)
    sent = await post_form(
        page, "messages", message, file, recipient=who, messaging_type="RESPONSE"
    )

    again = await page.send(image(attachment_id=upload.json()["attachment_id"]))
    assert sent.json()["attachment_id"]
    assert [fault_of(answer) for answer in (sent, again)] == [(0, None)] * 2


async def test_instagram_takes_no_bytes_with_a_send(own: Caller) -> None:
    await own.write({"text": "hello"})
    message = '{"attachment": {"type": "image", "payload": {}}}'

    answer = await post_form(
        own, "messages", message, ("a.png", PNG, "image/png"), recipient=f'{{"id": "{own.person}"}}'
    )

    assert fault_of(answer) == (100, None)


async def test_a_media_card_needs_an_upload(page: Caller) -> None:
    await page.write({"text": "hello"})
    upload = await post_form(
        page,
        "message_attachments",
        '{"attachment": {"type": "image"}}',
        ("a.png", PNG, "image/png"),
    )

    def card(attachment_id: str) -> dict[str, Any]:
        element = {"media_type": "image", "attachment_id": attachment_id}
        payload = {"template_type": "media", "elements": [element]}
        return {"attachment": {"type": "template", "payload": payload}}

    right = await page.send(card(upload.json()["attachment_id"]))
    wrong = await page.send(card("1"))

    assert [fault_of(answer) for answer in (right, wrong)] == [(0, None), (100, 2018074)]


@pytest.mark.slow
async def test_what_a_customer_sends_has_an_address_that_expires(caller: Caller) -> None:
    sent = {"content_base64": base64.b64encode(PNG).decode(), "mime_type": "image/png"}
    await caller.write({"type": "image", "image": sent})

    (item,) = await caller.told(1)
    (attachment,) = item["message"]["attachments"]
    url = attachment["payload"]["url"]
    async with httpx.AsyncClient() as stranger:
        fresh = await stranger.get(url)
        forged = await stranger.get(url.replace("oh=", "oh=0"))
        await caller.play.advance(3 * 86_400)
        old = await stranger.get(url)

    assert attachment["type"] == "image"
    assert (fresh.status_code, fresh.content) == (200, PNG)
    assert (forged.status_code, old.status_code) == (403, 403)


@pytest.mark.slow
async def test_a_customers_file_may_come_as_a_form(page: Caller) -> None:
    answer = await page.play.client.post(
        f"/sandbox/messenger/{page.key}/inbound",
        data={"message": f'{{"from": "{page.person}", "type": "file"}}'},
        files={"file": ("quote.pdf", PDF, "application/pdf")},
    )

    (item,) = await page.told(1)
    assert answer.status_code == 200
    async with httpx.AsyncClient() as stranger:
        fetched = await stranger.get(item["message"]["attachments"][0]["payload"]["url"])
    assert fetched.content == PDF
