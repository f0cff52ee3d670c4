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
from omni_actors.gateway.media_desk import Look
from omni_actors.gateway.staff import MEDIA
from omni_actors.model.content import Media, MediaKind
from omni_actors.store.media_verbs import AddMedium
from omni_actors.store.rows import Event, Medium
from tests.gateway.kit import OPERATOR, Platform, Rig, caller, open_rig, open_window, plan, spec

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


async def shown(rig: Rig) -> Medium:
    """A picture that was told of; its row."""
    await show(rig)
    received = (await came(rig, "message.received")).message
    assert received is not None
    assert isinstance(received.content, Media)
    return await rig.gateway.medium(OPERATOR, str(received.content.media_id))


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


@pytest.mark.slow
async def test_a_picture_is_fetched_for_as_long_as_the_platform_keeps_it(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    pictures.platform.stumbles = 15
    await show(pictures)

    ready = await came(pictures, "media.ready")
    medium = await pictures.gateway.medium(OPERATOR, str(ready.detail["media_id"]))

    assert (medium.state, medium.attempts) == ("ready", 16)
    assert ready.at - medium.created_at > 3 * 3_600


@pytest.mark.slow
async def test_a_new_token_brings_the_pictures_that_waited_for_it(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    pictures.platform.stumbles = 12
    medium = await shown(pictures)
    await pictures.until(lambda: pictures.platform.stumbles == 0)
    asked_at = pictures.clock.now()

    await pictures.house.reload(plan(spec(token="token-2"), bot="echo"))
    ready = await came(pictures, "media.ready")

    assert ready.detail["media_id"] == medium.id
    assert ready.at - asked_at < 1_500  # it would have been tried again after half an hour


@pytest.mark.slow
async def test_a_picture_that_cannot_be_had_within_a_week_fails_with_the_last_reason(
    pictures: Rig, autojump_clock: MockClock
) -> None:
    pictures.platform.stumbles = 10_000
    medium = await shown(pictures)
    left_s = 7 * 86_400 - 1
    old = evolve(medium, id="med_old", created_at=pictures.clock.now() - left_s)
    await pictures.store.do(AddMedium(old))
    pictures.house.nudge(MEDIA, Look())

    failed = await came(pictures, "media.failed")

    assert failed.detail["media_id"] == "med_old"
    assert (await pictures.gateway.medium(OPERATOR, medium.id)).state == "pending"
    failure = (await pictures.gateway.medium(OPERATOR, "med_old")).failure
    assert failure is not None
    assert failure.code == "131000"


@pytest.mark.slow
async def test_pictures_that_take_for_ever_hold_up_no_other_channel(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    platform.media["m1"] = (PNG, "image/png")
    wanted = plan(spec(), spec("wa-2", number="770011223344557"))
    async with open_rig(tmp_path, platform, wanted, media=True) as rig:
        for n in range(40):
            platform.slow.add(f"slow-{n}")
            await show(rig, f"slow-{n}")
        picture = {"id": "m1", "mime_type": "image/png", "sha256": "x"}
        await platform.write("", type="image", image=picture, number="770011223344557")

        ready = await came(rig, "media.ready")

        assert ready.channel_id == "wa-2"
        assert len(platform.waited_for) < len(platform.slow)


@pytest.mark.slow
async def test_a_voice_note_tells_what_is_in_it(pictures: Rig, autojump_clock: MockClock) -> None:
    pictures.platform.media["v1"] = (b"OggS" + bytes(24) + b"OpusHead\x01\x02", "audio/ogg")
    voice = {"id": "v1", "mime_type": "audio/ogg; codecs=opus", "sha256": "x", "voice": True}
    await pictures.platform.write("", type="audio", audio=voice)

    ready = await came(pictures, "media.ready")
    medium = await pictures.gateway.medium(OPERATOR, str(ready.detail["media_id"]))

    assert medium.traits == {"codec": "opus", "channels": 2}


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
