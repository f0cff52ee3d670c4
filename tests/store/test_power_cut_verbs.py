"""Power cuts under the gateway's own verbs: what was accepted is there, with its message, once;
what was queued, claimed and settled is at least that far."""

import random
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
import trio
from attrs import define, field, frozen

from omni_actors.model.content import Text
from omni_actors.model.reports import IdentityKey
from omni_actors.store.contract import StoreFailed
from omni_actors.store.failures import CannotOpen
from omni_actors.store.opening import open_store
from omni_actors.store.sqlite.connect import Tuning
from omni_actors.store.sqlite.engine import SqliteStore
from omni_actors.store.verbs import (
    Accept,
    Claim,
    Intake,
    NewPart,
    OpenLeg,
    Settle,
    Submit,
    SyncChannels,
    TakenUp,
)
from tests.store.conftest import CHANNELS, item, received
from tests.store.faults import Disk, mounted

CUTS = 60
STEPS_MAX = 900


STAGES = ("queued", "sending", "sent")


@define
class Known:
    """What was acknowledged: external ids of messages, and of each part how far it was."""

    received: set[str] = field(factory=set)
    parts: dict[str, str] = field(factory=dict)  # a stage by part id


@pytest.mark.slow
def test_what_was_accepted_survives_with_its_message(tmp_path: Path) -> None:
    accepted = 0

    for seed in range(CUTS):
        known, found = _cut(tmp_path, seed, receivers=6)
        assert known.received - found.messages == known.received - found.intakes == set(), seed
        assert found.checked == "ok", seed
        accepted += len(known.received)

    assert accepted > 500


@pytest.mark.slow
def test_what_was_sent_is_known_as_sent_with_its_external_id(tmp_path: Path) -> None:
    settled = 0

    for seed in range(CUTS):
        known, found = _cut(tmp_path, seed, senders=6)
        behind = {
            part_id: (stage, found.parts.get(part_id))
            for part_id, stage in known.parts.items()
            if STAGES.index(found.parts.get(part_id, STAGES[0])) < STAGES.index(stage)
        }
        sent = {part_id for part_id, stage in known.parts.items() if stage == "sent"}
        assert known.parts.keys() - found.parts.keys() == set(), seed
        assert (behind, sent - found.externals, found.checked) == ({}, set(), "ok"), seed
        settled += len(sent)

    assert settled > 150


def _cut(folder: Path, seed: int, *, receivers: int = 0, senders: int = 0) -> "tuple[Known, Found]":
    """Run a load until the power goes, and look at what is there when it is back."""
    chance = random.Random(seed)
    disk = Disk(chance=chance, steps_left=chance.randrange(200, STEPS_MAX))
    with mounted(disk):
        known = trio.run(_run, folder, chance, receivers, senders)
    with mounted(disk.after_power_cut()):
        trio.run(_run, folder, chance, 0, 0)
        return known, _found(folder)


async def _run(folder: Path, chance: random.Random, receivers: int, senders: int) -> Known:
    known = Known()
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
            async with trio.open_nursery() as nursery:
                for caller in range(receivers):
                    nursery.start_soon(_receive, store, caller, known)
                for caller in range(senders):
                    nursery.start_soon(_send, store, caller, known)
    return known


async def _receive(store: SqliteStore, caller: int, known: Known) -> None:
    who = (IdentityKey("bsuid", f"GB.{caller}"),)
    with suppress(StoreFailed):
        for number in range(50):
            name = f"{caller}-{number}"
            intake = Intake(f"itk_{name}", "meta", 1_000.0, 2, body=b"{}")
            await store.do(Accept(intake, (item(received(name, who=who)),)))
            known.received.add(name)


async def _send(store: SqliteStore, caller: int, known: Known) -> None:
    with suppress(StoreFailed):
        who = (IdentityKey("phone", f"44{caller}"),)
        leg = await store.do(OpenLeg("default", "wa", who, 1_000.0))
        for number in range(50):
            part_id = f"prt_{caller}-{number}"
            await store.do(_message(leg.id, part_id))
            known.parts[part_id] = "queued"
            [claimed] = await store.do(Claim((part_id,), 1_001.0))
            known.parts[part_id] = "sending"
            outcome = TakenUp((f"wamid.{part_id}",))
            await store.do(Settle(part_id, claimed.attempt_id, 1_002.0, outcome))
            known.parts[part_id] = "sent"


def _message(leg_id: str, part_id: str) -> Submit:
    text = Text("Good morning")
    return Submit(
        f"msg_{part_id}", "default", leg_id, text, "bot", "api",
        (NewPart(part_id, 0, "text", text),), 1_000.0, {},
    )  # fmt: skip


@frozen
class Found:
    """What is there: external ids, intakes, parts with their status, and what SQLite says."""

    messages: set[str]
    intakes: set[str]
    parts: dict[str, str]
    externals: set[str]  # ids of parts whose external id is known
    checked: object


def _found(folder: Path) -> Found:
    connection = apsw.Connection(str(folder / "omni.db"), vfs="faults")
    connection.pragma("locking_mode", "EXCLUSIVE")
    messages = {str(row[0]) for row in connection.execute("SELECT external_id FROM message")}
    intakes = {str(row[0]) for row in connection.execute("SELECT id FROM intake")}
    parts = {
        str(id): str(status) for id, status in connection.execute("SELECT id, status FROM part")
    }
    named = connection.execute("SELECT external_id FROM external WHERE part_id IS NOT NULL")
    externals = {str(row[0]).removeprefix("wamid.") for row in named}
    checked = connection.pragma("integrity_check")
    connection.close()
    return Found(messages, {id.removeprefix("itk_") for id in intakes}, parts, externals, checked)
