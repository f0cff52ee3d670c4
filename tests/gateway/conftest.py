"""What the tests of the gateway share: a pretend platform, and a house that stands on it."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from trio.testing import MockClock

from omni_actors import telemetry
from tests.gateway import mail_kit
from tests.gateway.kit import Platform, Rig, open_rig, plan
from tests.gateway.mail_kit import MailRig, Office, open_mail_rig

THREAD_S = 0.004
"""Mails are read in threads, which the virtual clock must wait for."""


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


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    autojump_clock.autojump_threshold = THREAD_S
    return autojump_clock


@pytest.fixture
async def mail_rig(tmp_path: Path, office: Office, clock: MockClock) -> AsyncIterator[MailRig]:
    """A house with one mail channel, on the virtual clock."""
    async with open_mail_rig(tmp_path, office, mail_kit.plan()) as opened:
        yield opened
        assert opened.crashes() == []
