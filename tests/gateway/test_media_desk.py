"""Media that come in: pending at once, ready or failed later, echoed when ready.

Bytes go through worker threads, so these tests bound themselves by events and never by a virtual
deadline that a jumping clock might pass while a thread is at work.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.facade import Code, RequestError
from omni_actors.model.content import Media, MediaKind
from omni_actors.store.rows import Event
from tests.gateway.kit import OPERATOR, Platform, Rig, caller, open_rig, open_window, plan

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
async def pictures(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> AsyncIterator[Rig]:
    platform.media["m1"] = (PNG, "image/png")
    async with open_rig(tmp_path, platform, plan(bot="echo"), media=True) as rig:
        yield rig
        rig.check_calm()


async def show(rig: Rig, media_id: str = "m1") -> None:
    picture = {"id": media_id, "mime_type": "image/png", "sha256": "x", "caption": "look"}
    await rig.platform.write("", type="image", image=picture)


async def came(rig: Rig, kind: str) -> Event:
    """The first event of a kind, whenever it comes."""
    feed = await rig.gateway.live(OPERATOR, after=0, types=[kind])
    return (await feed.next())[0]


async def test_a_picture_is_told_at_once_and_fetched_after(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    await show(pictures)

    received = (await came(pictures, "message.received")).message
    assert received is not None
    assert isinstance(received.content, Media)
    ready = await came(pictures, "media.ready")
    medium = await pictures.gateway.medium(OPERATOR, str(ready.detail["media_id"]))

    assert medium.id == received.content.media_id
    assert (medium.state, medium.mime, medium.size) == ("ready", "image/png", len(PNG))
    async with pictures.gateway.open_medium(medium) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == PNG


async def test_a_picture_is_echoed_when_it_is_there(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    await show(pictures)
    await came(pictures, "message.sent")

    body = pictures.platform.accepted()[0].body
    assert body["image"] == {"id": "up-1", "caption": "look"}
    assert len(pictures.platform.uploads) == 1


async def test_a_picture_that_is_gone_fails_with_a_reason(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    await show(pictures, "gone")

    failed = await came(pictures, "media.failed")
    medium = await pictures.gateway.medium(OPERATOR, str(failed.detail["media_id"]))

    assert medium.state == "failed"
    assert pictures.platform.texts() == []


async def test_a_medium_of_one_tenant_is_not_there_for_another(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    await show(pictures)
    ready = await came(pictures, "media.ready")

    with pytest.raises(RequestError) as refused:
        await pictures.gateway.medium(caller("acme"), str(ready.detail["media_id"]))

    assert refused.value.code is Code.NOT_FOUND


async def test_what_was_uploaded_can_be_sent(pictures: Rig, autojump_clock: MockClock) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in range(0, len(PNG), 10):
            yield PNG[byte : byte + 10]
            await trio.lowlevel.checkpoint()

    await open_window(pictures)
    await pictures.until(lambda: pictures.platform.texts() == ["hi"])
    made = await pictures.gateway.upload(caller(), chunks(), mime="text/plain", filename="a.png")
    medium = made.medium
    answer = await pictures.submit(Media(MediaKind.IMAGE, media_id=medium.id))
    await pictures.reached(answer.message_id, "sent")

    assert pictures.platform.accepted()[-1].body["type"] == "image"
    assert (medium.mime, medium.size, medium.filename) == ("image/png", len(PNG), "a.png")


async def test_an_upload_that_is_too_large_leaves_nothing(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(200)

    pictures.gateway.media = evolve(pictures.gateway.media, bytes_max=100)
    with pytest.raises(RequestError) as refused:
        await pictures.gateway.upload(caller(), chunks(), mime=None, filename=None)

    assert refused.value.code is Code.TOO_LARGE
    assert list(pictures.house.ground.blobs.drafts.iterdir()) == []
