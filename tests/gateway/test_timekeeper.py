"""Time passes: dues are carried out when they are due, and nobody turns in circles."""

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.gateway.intake import INLINE_BYTES_MAX
from omni_actors.gateway.staff import MEDIA, TIME
from omni_actors.media.blobs import Blob
from omni_actors.model.content import Media, MediaKind
from omni_actors.store.contract import Refused
from omni_actors.store.queries import MediumById
from omni_actors.store.rows import Medium
from omni_actors.store.verbs import Retention
from tests.gateway.kit import OPERATOR, Platform, Rig, open_rig, open_window, plan

DAY_S = 86_400


def handled(rig: Rig, address: str = TIME) -> int:
    return next(c.handled for c in rig.system.snapshot() if c.address == address)


async def test_the_soonest_of_many_dues_is_not_lost_among_later_ones(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    soon = rig.submit("soon", expires_in_s=5.0)
    late = rig.submit("late", expires_in_s=5_000.0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: soon)
        nursery.start_soon(lambda: late)
    await trio.sleep(6)

    assert len(await rig.events("message.expired")) == 1


@pytest.mark.slow
async def test_many_that_expire_at_once_all_do(rig: Rig, autojump_clock: MockClock) -> None:
    await open_window(rig)
    await rig.gateway.pause(OPERATOR, "wa")
    for n in range(250):
        await rig.submit(str(n), expires_in_s=30.0)

    await trio.sleep(33)

    assert len(await rig.events("message.expired")) == 250


async def test_a_medium_that_waits_for_its_turn_keeps_the_timekeeper_calm(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan()) as rig:
        await rig.quiet()
        rig.system.pause(MEDIA)
        picture = {"id": "m1", "mime_type": "image/png", "sha256": "x"}
        await platform.write("", type="image", image=picture)
        before = handled(rig)

        await trio.sleep(600)

        assert handled(rig) - before < 700


@pytest.mark.slow
async def test_an_idle_house_sleeps(rig: Rig, autojump_clock: MockClock) -> None:
    await rig.quiet()
    before = handled(rig)

    await trio.sleep(3_600)

    assert handled(rig) - before <= 62


async def uploaded(rig: Rig, body: bytes) -> Medium:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return (await rig.gateway.media.upload("default", chunks(), "text/plain", None)).medium


def age(rig: Rig, blob: Blob, by_s: float) -> None:
    """Let a blob's file be older than it is."""
    then = rig.clock.now() - by_s
    os.utime(rig.house.ground.blobs.path_of(blob), (then, then))


@pytest.mark.slow
async def test_bytes_that_nothing_names_are_removed_and_the_others_stay(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    async with open_rig(tmp_path, platform, plan(), media=True) as rig:
        blobs = rig.house.ground.blobs
        orphan, young = await blobs.put_bytes(b"orphan"), await blobs.put_bytes(b"young")
        medium = await uploaded(rig, b"named")
        named = Blob(medium.blob or "", medium.size or 0)
        assert await rig.knock(b"x" * (INLINE_BYTES_MAX + 1)) == 200
        intake = Blob(sha256(b"x" * (INLINE_BYTES_MAX + 1)).hexdigest(), INLINE_BYTES_MAX + 1)
        for blob in (orphan, named, intake):
            age(rig, blob, 7_200)
        age(rig, young, -10 * DAY_S)  # the clock jumps on while a thread is at work

        await rig.until(lambda: not blobs.path_of(orphan).exists())
        await trio.sleep(7_200)

        assert [blobs.path_of(blob).exists() for blob in (young, named, intake)] == [True] * 3


@pytest.mark.slow
async def test_media_are_forgotten_when_they_are_old_unless_a_message_waits_for_them(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    short = evolve(plan(), keep=Retention(media_s=1_000.0))
    async with open_rig(tmp_path, platform, short, media=True) as rig:
        await open_window(rig)
        await rig.gateway.pause(OPERATOR, "wa")
        idle, wanted = await uploaded(rig, b"idle"), await uploaded(rig, b"wanted")
        await rig.submit(Media(MediaKind.DOCUMENT, media_id=wanted.id))

        await trio.sleep(2_000)

        assert await rig.store.ask(MediumById("default", idle.id)) is None
        assert await rig.store.ask(MediumById("default", wanted.id)) == wanted


@pytest.mark.slow
async def test_a_reload_changes_how_long_things_are_kept(
    rig: Rig, autojump_clock: MockClock
) -> None:
    await open_window(rig)
    await rig.house.reload(evolve(plan(), keep=Retention(events_s=60.0)))

    await trio.sleep(2_000)

    with pytest.raises(Refused) as refused:
        await rig.events()
    assert refused.value.code == "cursor_too_old"
