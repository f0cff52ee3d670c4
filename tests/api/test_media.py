"""Media: bytes come in and go out as they are, and no browser runs them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from omni_actors.api.app import build_app
from omni_actors.api.media import declared_filename, declared_mime, disposition
from omni_actors.api.problems import Problem
from omni_actors.api.settings import ApiSettings
from tests.api.conftest import House, checked_client, inbound, signed, text_to

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
NAMED = {"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="a \\"b.png"'}


@pytest.mark.slow
async def test_bytes_come_back_as_an_attachment(house: House) -> None:
    made = await house.client.post("/v1/media", content=PNG, headers=NAMED)
    got = await house.client.get(made.headers["Location"])

    assert made.status_code == 201
    assert (made.json()["mime"], made.json()["size"]) == ("image/png", len(PNG))
    assert got.content == PNG
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert got.headers["content-length"] == str(len(PNG))
    assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
async def test_a_head_tells_size_and_type_without_the_bytes(house: House) -> None:
    made = await house.client.post("/v1/media", content=PNG, headers=NAMED)
    head = await house.client.head(made.headers["Location"])

    assert head.headers["content-length"] == str(len(PNG))
    assert (head.headers["content-type"], head.content) == ("image/png", b"")


@pytest.mark.slow
async def test_an_upload_that_is_sent_again_is_the_first_one(house: House) -> None:
    headers = NAMED | {"Idempotency-Key": "picture-1"}
    made = await house.client.post("/v1/media", content=PNG, headers=headers)

    again = await house.client.post("/v1/media", content=PNG, headers=headers)
    other = await house.client.post("/v1/media", content=PNG + b"y", headers=headers)

    assert "idempotency-replayed" not in made.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == made.headers["location"]
    assert again.json() == made.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.slow
async def test_an_uploaded_medium_can_be_sent(house: House) -> None:
    made = (await house.client.post("/v1/media", content=PNG, headers=NAMED)).json()
    content = {"type": "media", "kind": "image", "media_id": made["id"]}

    sent = await house.client.post("/v1/messages", json=text_to() | {"content": content})

    assert sent.status_code == 202


@pytest.mark.slow
async def test_a_medium_over_the_bound_is_refused(house: House) -> None:
    app = build_app(house.gateway, ApiSettings(media_bytes_max=100))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 50

    async with checked_client(httpx.ASGITransport(app=app)) as client:
        client.headers.update(house.client.headers)
        declared = await client.post("/v1/media", content=b"x" * 101)
        streamed = await client.post("/v1/media", content=pieces())

    assert (declared.status_code, streamed.status_code) == (413, 413)


@pytest.mark.slow
async def test_an_empty_medium_is_refused(house: House) -> None:
    response = await house.client.post("/v1/media", content=b"")

    assert response.status_code == 400


@pytest.mark.slow
async def test_a_form_is_not_supported(house: House) -> None:
    response = await house.client.post("/v1/media", files={"file": b"x"})

    assert response.status_code == 415


@pytest.mark.slow
async def test_a_medium_of_a_customer_is_pending_first(house: House) -> None:
    document = inbound("", "447700900123", 1)
    document["entry"][0]["changes"][0]["value"]["messages"][0] |= {
        "type": "image",
        "image": {"id": "9001", "mime_type": "image/jpeg", "sha256": "x"},
    }
    await house.client.post("/webhooks/meta", **signed(document))
    events = (await house.client.get("/v1/events?after=0")).json()["items"]
    content = next(event["message"]["content"] for event in events if event["message"])

    response = await house.client.get(f"/v1/media/{content['media_id']}")

    assert (response.status_code, response.json()["code"]) == (409, "media_pending")
    assert response.headers["retry-after"] == "2"


FILENAMES = {
    "none": (None, None),
    "inline without a name": ("inline", None),
    "quoted": ('attachment; filename="a b.pdf"', "a b.pdf"),
    "quoted with a quote": ('attachment; filename="a\\"b.pdf"', 'a"b.pdf'),
    "a token": ("attachment; filename=a.pdf", "a.pdf"),
    "extended goes first": ("attachment; filename=a.pdf; filename*=UTF-8''%c3%a4.pdf", "ä.pdf"),
    "raw UTF-8": ('attachment; filename="Ã¤.pdf"', "ä.pdf"),
    "folders are left out": ('attachment; filename="../../etc/passwd"', "passwd"),
    "folders of Windows too": ("attachment; filename*=UTF-8''c%3A%5Cx%5Ca.pdf", "a.pdf"),
    "control characters are left out": ("attachment; filename*=UTF-8''a%0d%0ab.pdf", "ab.pdf"),
    "nothing is left": ("attachment; filename*=UTF-8''%00", None),
}


@pytest.mark.parametrize(("header", "name"), FILENAMES.values(), ids=FILENAMES.keys())
def test_a_file_name_is_read(header: str | None, name: str | None) -> None:
    assert declared_filename(header) == name


@pytest.mark.parametrize("name", ["a.pdf", "ä €.pdf", 'a"b\\c', "a\r\nX: y", "\ud800", "%41"])
def test_a_file_name_is_written_so_that_no_header_breaks(name: str) -> None:
    header = disposition(name)

    assert header.isprintable()
    assert header.isascii()


@pytest.mark.parametrize("mime", ["image", "a/b\r\nX: y", "a/b; c", "x/" + "y" * 300])
def test_nonsense_is_no_media_type(mime: str) -> None:
    with pytest.raises(Problem):
        declared_mime(mime)


@pytest.mark.parametrize("mime", ["image/png", "audio/ogg; codecs=opus", 'a/b;c="d e"'])
def test_a_media_type_may_have_parameters(mime: str) -> None:
    assert declared_mime(mime) == mime
