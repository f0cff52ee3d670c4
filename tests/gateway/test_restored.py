"""What a restored backup does first, and the secrets that a first start writes."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from trio.testing import MockClock

from omni_actors.adapters import ADAPTERS, HOOK_KINDS
from omni_actors.app import hold_restored, open_gateway
from omni_actors.cli_exits import Exit
from omni_actors.config import Config, load
from omni_actors.model.states import ChannelState
from omni_actors.store.opening import open_store
from omni_actors.store.queries import Channels
from omni_actors.store.verbs import SetChannelState, SyncChannels
from tests.gateway.kit import START, Platform, open_rig, plan, spec

STATES = (
    ChannelState.ACTIVE,
    ChannelState.BROKEN,
    ChannelState.NEEDS_REAUTH,
    ChannelState.PAUSED,
)
CONFIG = """
[store]
url = "sqlite:///{folder}/omni.db"
"""


@pytest.mark.parametrize("state", [*STATES, ChannelState.REMOVED])
async def test_no_channel_of_a_restored_backup_sends_by_itself(
    state: ChannelState, tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> None:
    (tmp_path / "copy").mkdir()
    async with open_rig(tmp_path, platform, plan()) as rig:
        if state is ChannelState.REMOVED:
            await rig.store.do(SyncChannels((), START))
        await rig.store.do(SetChannelState("default", "wa", state, "why", START))
        await rig.store.backup(tmp_path / "copy" / "omni.db")

    renewed = spec(token="token-2")
    async with open_store(
        f"sqlite:///{tmp_path / 'copy' / 'omni.db'}",
        clock_now=lambda: START,
        chance_bits=Random(1).getrandbits,
        inline=True,
        key=bytes(32),
    ) as copy:
        await hold_restored(copy, (renewed,), START)
        held = {channel.id: channel.state for channel in await copy.ask(Channels())}
        again = await copy.do(SyncChannels((renewed,), START))

        assert held == {"wa": ChannelState.PAUSED}
        assert [channel.state for channel in again] == [ChannelState.PAUSED]
        assert not copy.held


def configured(folder: Path) -> Config:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(folder=folder))
    return load(path, {}, ADAPTERS, HOOK_KINDS)


@pytest.mark.slow
async def test_keys_that_a_crash_left_empty_are_made_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    for name in ("operator.key", "store.key"):
        (tmp_path / name).touch(mode=0o600)

    async with open_gateway(configured(tmp_path), inline=True) as gateway:
        secret = (tmp_path / "operator.key").read_text().strip()
        caller = gateway.authenticate(secret)

    assert caller is not None
    assert caller.is_operator
    assert len((tmp_path / "store.key").read_bytes()) == 32
    for name in ("operator.key", "store.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".draft")]


DEAF = """
import trio
from omni_actors.app import Ending

async def deaf():
    with trio.CancelScope(shield=True):
        Ending().end_within(0.1, 75)
        await trio.sleep(60)

trio.run(deaf)
"""


@pytest.mark.slow
def test_a_process_that_does_not_end_is_ended(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DEAF], env=dict(os.environ), timeout=30, capture_output=True
    )

    assert ended.returncode == Exit.CUT_SHORT
    assert b"house.cut_short" in ended.stdout + ended.stderr
