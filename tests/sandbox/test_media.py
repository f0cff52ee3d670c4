"""Media on the platform's side: what is taken, what fails later, and how a download is served."""

import time

import httpx
import pytest

from tests.sandbox.conftest import KEY, TEXT, Play, code_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
DAY_S = 86_400


def ogg(codec: bytes = b"OpusHead", channels: int = 1) -> bytes:
    """The first page of a file in Ogg."""
    return b"OggS" + bytes(24) + codec + b"\x01" + bytes([channels]) + bytes(64)


def webp(size: int, *, animated: bool) -> bytes:
    head = b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(14) + (b"ANIM" if animated else b"VP8 ")
    return head + bytes(size - len(head))


async def upload(play: Play, content: bytes, mime_type: str, **fields: str) -> httpx.Response:
    form = {"messaging_product": "whatsapp", "type": mime_type, **fields}
    files = {"file": ("file.bin", content, mime_type)}
    return await play.client.post(f"/v25.0/{KEY}/media", data=form, files=files)


async def uploaded(play: Play, content: bytes = PNG, mime_type: str = "image/png") -> str:
    return str((await upload(play, content, mime_type)).json()["id"])


async def address(play: Play, media_id: str) -> str:
    return str((await play.client.get(f"/{media_id}")).json()["url"])


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SENDS: dict[str, tuple[bytes, str, str, int]] = {
    "mono opus": (ogg(), "audio/ogg", "audio", 0),
    "stereo opus": (ogg(channels=2), "audio/ogg", "audio", 131053),
    "vorbis": (ogg(b"\x01vorbis"), "audio/ogg", "audio", 131053),
    "noise that says mp3": (b"\x00" * 64, "audio/mpeg", "audio", 131053),
    "an archive that says word": (b"PK\x03\x04" + bytes(60), DOCX, "document", 0),
    "a picture that says word": (PNG, DOCX, "document", 131053),
    "a picture that says text": (PNG, "text/plain", "document", 131053),
    "text": (b"hello", "text/plain", "document", 0),
    "a sticker that moves": (webp(400 * 1024, animated=True), "image/webp", "sticker", 0),
    "one that does not": (webp(400 * 1024, animated=False), "image/webp", "sticker", 131053),
}


@pytest.mark.parametrize("label", SENDS)
async def test_bytes_must_be_what_they_were_declared_as(play: Play, label: str) -> None:
    content, mime_type, kind, code = SENDS[label]
    media_id = await uploaded(play, content, mime_type)
    await play.write(TEXT)

    answer = await play.send({"type": kind, kind: {"id": media_id}})

    assert answer.status_code == 200
    errors = [one.get("errors", [{}])[0].get("code", 0) for one in await play.hook.statuses(2)]
    assert errors == [code]


async def test_an_upload_names_its_type(play: Play) -> None:
    answer = await play.client.post(
        f"/{KEY}/media",
        data={"messaging_product": "whatsapp"},
        files={"file": ("a.png", PNG, "image/png")},
    )

    assert code_of(answer) == 100


async def test_an_upload_may_be_kept_for_less_than_30_days(play: Play) -> None:
    media_id = (await upload(play, PNG, "image/png", ttl_minutes="60")).json()["id"]
    await play.advance(3_599)
    before = await play.client.get(f"/{media_id}")
    await play.advance(2)

    assert before.status_code == 200
    assert code_of(await play.client.get(f"/{media_id}")) == 33


@pytest.mark.parametrize("minutes", ["59", "43201", "soon"])
async def test_nor_more_nor_less_than_the_platform_offers(play: Play, minutes: str) -> None:
    assert code_of(await upload(play, PNG, "image/png", ttl_minutes=minutes)) == 100


async def test_what_a_customer_sent_is_gone_after_a_week(play: Play) -> None:
    picture = {"content_base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    await play.write({"type": "image", "image": picture})
    [value] = await play.hook.values(1)
    media_id = value["messages"][0]["image"]["id"]
    await play.advance(7 * DAY_S - 60)
    before = await play.client.get(f"/{media_id}")
    await play.advance(120)

    assert before.status_code == 200
    assert code_of(await play.client.get(f"/{media_id}")) == 33


async def test_a_medium_is_not_found_under_another_number(play: Play) -> None:
    query = {"phone_number_id": "770011223344999"}

    assert code_of(await play.client.get(f"/{await uploaded(play)}", params=query)) == 33


async def test_a_client_without_a_name_gets_no_bytes(play: Play) -> None:
    url = await address(play, await uploaded(play))
    request = play.client.build_request("GET", url)
    del request.headers["user-agent"]

    assert (await play.client.send(request)).status_code == 403


async def test_the_rest_of_a_medium_can_be_asked_for(play: Play) -> None:
    url = await address(play, await uploaded(play))

    rest = await play.client.get(url, headers={"Range": "bytes=10-"})
    behind = await play.client.get(url, headers={"Range": f"bytes={len(PNG)}-"})

    assert (rest.status_code, rest.content) == (206, PNG[10:])
    assert rest.headers["content-range"] == f"bytes 10-{len(PNG) - 1}/{len(PNG)}"
    assert behind.status_code == 416


async def test_a_download_can_break_off(play: Play) -> None:
    url = await address(play, await uploaded(play))
    await play.fault(kind="disconnect_mid_body", match={"call": "media", "type": "download"})

    with pytest.raises(httpx.RemoteProtocolError):
        await play.client.get(url)
    assert (await play.client.get(url)).content == PNG


async def test_a_download_can_bring_other_bytes(play: Play) -> None:
    url = await address(play, await uploaded(play))
    await play.fault(kind="wrong_bytes")

    wrong, right = await play.client.get(url), await play.client.get(url)

    assert (wrong.content != PNG, len(wrong.content), right.content) == (True, len(PNG), PNG)


async def test_an_address_can_expire_early(play: Play) -> None:
    media_id = await uploaded(play)
    url = await address(play, media_id)
    await play.fault(kind="expired_url")

    assert (await play.client.get(url)).status_code == 404
    assert (await play.client.get(await address(play, media_id))).content == PNG


@pytest.mark.slow
async def test_a_download_can_be_slow(play: Play) -> None:
    url = await address(play, await uploaded(play))
    await play.fault(kind="slow_body", delay_s=0.01)
    started = time.monotonic()

    answer = await play.client.get(url)

    assert answer.content == PNG
    assert time.monotonic() - started >= 8 * 0.01
