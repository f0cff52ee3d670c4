"""A disk that fills up or fails ends the store: everybody hears of it, nothing is pretended."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from omni_actors.store.contract import StoreFailed
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.disk import Disk as Space
from omni_actors.store.sqlite.disk import Floor
from omni_actors.store.sqlite.engine import SqliteStore
from tests.store.faults import Disk, mounted
from tests.store.notes import AddNote, open_notes
from tests.store.power_cut import rows

FAULTS: dict[str, Callable[[Disk], None]] = {
    "the disk is full": lambda disk: setattr(disk, "full", True),
    "the disk fails to sync": lambda disk: setattr(disk, "fails_to_sync", True),
}


@pytest.fixture(params=[False, True], ids=["in a thread", "inline"])
def inline(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@asynccontextmanager
async def open_on(
    disk: Disk, folder: Path, *, inline: bool, heard: list[StoreFailed], pages: int = 1000
) -> AsyncIterator[SqliteStore]:
    with mounted(disk) as vfs:
        tuning = Tuning(vfs=vfs, exclusive=True, checkpoint_pages=pages, commit_here_s=0)
        async with open_notes(
            folder, inline=inline, tuning=tuning, on_failure=heard.append
        ) as store:
            yield store


@pytest.mark.parametrize("break_it", FAULTS.values(), ids=FAULTS.keys())
async def test_everybody_who_waits_hears_that_the_disk_failed(
    tmp_path: Path, inline: bool, break_it: Callable[[Disk], None]
) -> None:
    disk, heard, failed, kept = Disk(), list[StoreFailed](), list[str](), set[str]()

    async def call(store: SqliteStore, name: str) -> None:
        try:
            await store.do(AddNote(name, "x" * 5000))
        except StoreFailed:
            failed.append(name)
        else:
            kept.add(name)

    async with open_on(disk, tmp_path, inline=inline, heard=heard) as store:
        await call(store, "before")
        break_it(disk)
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(call, store, f"n{number}")

    assert kept == {"before"}
    assert len(failed) == 30
    assert len(heard) == 1


@pytest.mark.parametrize("break_it", FAULTS.values(), ids=FAULTS.keys())
async def test_after_a_failure_nothing_is_accepted_even_when_the_disk_is_well_again(
    tmp_path: Path, inline: bool, break_it: Callable[[Disk], None]
) -> None:
    disk = Disk()

    async with open_on(disk, tmp_path, inline=inline, heard=[]) as store:
        await store.do(AddNote("before"))
        break_it(disk)
        with pytest.raises(StoreFailed):
            await store.do(AddNote("during", "x" * 5000))
        disk.full = disk.fails_to_sync = False

        with pytest.raises(StoreFailed, match="cannot be written any more"):
            await store.do(AddNote("after"))
        with pytest.raises(StoreFailed, match="cannot be written any more"):
            await store.post(AddNote("after")).wait()

    with mounted(disk.after_power_cut()):
        assert "before" in rows(tmp_path)
        assert "after" not in rows(tmp_path)


async def test_a_failed_checkpoint_ends_the_store_but_not_what_was_acknowledged(
    tmp_path: Path, inline: bool
) -> None:
    disk, heard, kept = Disk(), list[StoreFailed](), list[str]()

    async with open_on(disk, tmp_path, inline=inline, heard=heard, pages=10) as store:
        disk.broken_image = disk.files[str(tmp_path / "notes.db")]
        while not heard:
            with suppress(StoreFailed):
                await store.do(AddNote(f"{len(kept)}", "x" * 3000))
                kept.append(f"{len(kept)}")

    assert kept
    assert len(heard) == 1
    disk.broken_image = None
    with mounted(disk.after_power_cut()):
        assert set(kept) <= set(rows(tmp_path))


async def test_little_room_on_the_disk_shows(tmp_path: Path) -> None:
    async with open_notes(tmp_path, floor=Floor(share=0.0, bytes_min=1 << 62)) as store:
        assert store.low_on_disk


async def test_enough_room_on_the_disk_shows(tmp_path: Path) -> None:
    async with open_notes(tmp_path, floor=Floor(share=0.0, bytes_min=0)) as store:
        assert not store.low_on_disk


def test_a_file_system_that_does_not_answer_counts_as_low(tmp_path: Path) -> None:
    space = Space(tmp_path / "gone", Floor(share=0.0, bytes_min=0))

    space.look()

    assert space.low
