"""What the tests of the gateway share: a pretend platform, and a house that stands on it."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from trio.testing import MockClock

from omni_actors import telemetry
from tests.gateway.kit import Platform, Rig, open_rig, plan


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> Iterator[None]:
    """Log lines are for operators; a failing test shows its own."""
    telemetry.configure(level="critical", stream=io.StringIO())
    yield
    telemetry.configure(level="info")


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def rig(tmp_path: Path, platform: Platform, autojump_clock: MockClock) -> AsyncIterator[Rig]:
    """A house with one WhatsApp channel and no bot, on the virtual clock."""
    async with open_rig(tmp_path, platform, plan()) as opened:
        yield opened
        opened.check_calm()


@pytest.fixture
async def echoing(
    tmp_path: Path, platform: Platform, autojump_clock: MockClock
) -> AsyncIterator[Rig]:
    """The same with the echo bot."""
    async with open_rig(tmp_path, platform, plan(bot="echo")) as opened:
        yield opened
        opened.check_calm()
