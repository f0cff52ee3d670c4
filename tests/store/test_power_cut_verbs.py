"""Power cuts under the gateway's own verbs: what was accepted is there, with its message, once."""

import random
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
import trio

from omni_actors.model.reports import IdentityKey
from omni_actors.store.contract import StoreFailed
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import open_store
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.verbs import Accept, Intake, SyncChannels
from tests.store.conftest import CHANNELS, item, received
from tests.store.faults import Disk, mounted

CUTS = 60
STEPS_MAX = 900


@pytest.mark.slow
def test_what_was_accepted_survives_with_its_message(tmp_path: Path) -> None:
    accepted = 0

    for seed in range(CUTS):
        chance = random.Random(seed)
        disk = Disk(chance=chance, steps_left=chance.randrange(200, STEPS_MAX))
        with mounted(disk):
            known = trio.run(_receive, tmp_path, chance)
        with mounted(disk.after_power_cut()):
            trio.run(_receive, tmp_path, chance, 0)
            assert _lost(tmp_path, known) == (set(), set(), "ok"), seed
        accepted += len(known)

    assert accepted > 500


async def _receive(folder: Path, chance: random.Random, callers: int = 6) -> set[str]:
    """The external ids of the messages whose intakes were acknowledged."""
    known: set[str] = set()
    tuning = Tuning(vfs="faults", exclusive=True, checkpoint_pages=100, commit_here_s=0)
    with suppress(CannotOpen, StoreFailed):
        async with open_store(
            f"sqlite:///{folder / 'omni.db'}",
            clock_now=lambda: 1_000.0,
            chance_bits=chance.getrandbits,
            inline=True,
            key=bytes(32),
            tuning=tuning,
        ) as store:
            await store.do(SyncChannels(CHANNELS, 1_000.0))
            await _write_all(store, callers, known)
    return known


async def _write_all(store: SqliteStore, callers: int, known: set[str]) -> None:
    async with trio.open_nursery() as nursery:
        for caller in range(callers):
            nursery.start_soon(_write, store, caller, known)


async def _write(store: SqliteStore, caller: int, known: set[str]) -> None:
    who = (IdentityKey("bsuid", f"GB.{caller}"),)
    with suppress(StoreFailed):
        for number in range(50):
            name = f"{caller}-{number}"
            intake = Intake(f"itk_{name}", "meta", 1_000.0, 2, body=b"{}")
            await store.do(Accept(intake, (item(received(name, who=who)),)))
            known.add(name)


def _lost(folder: Path, known: set[str]) -> tuple[set[str], set[str], object]:
    """Messages and intakes that are gone, and what SQLite says of the rest."""
    connection = apsw.Connection(str(folder / "omni.db"), vfs="faults")
    connection.pragma("locking_mode", "EXCLUSIVE")
    messages = {row[0] for row in connection.execute("SELECT external_id FROM message")}
    found = connection.execute("SELECT id FROM intake")
    intakes = {str(row[0]).removeprefix("itk_") for row in found}
    checked = connection.pragma("integrity_check")
    connection.close()
    return known - messages, known - intakes, checked
