"""Mails that were taken in and that their server does not move: they stay, it is told, and it is
asked ever more rarely."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define
from trio.testing import MockClock

from omni_actors.net.imap import ImapFailure, ImapKind
from tests.gateway.mail_kit import MailRig, Office, letter, open_mail_rig, plan

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(mail_rig: MailRig) -> MailRig:
    return mail_rig


@define
class Refusing:
    """A server that moves nothing to some folder, and counts how often it is asked."""

    office: Office
    asked: int = 0

    def __call__(self, name: str) -> None:
        if name == "move":
            self.asked += 1
            raise ImapFailure(ImapKind.REFUSED, "MOVE was answered NO: over quota")

    async def hang_up(self, rig: MailRig) -> None:
        self.office.down = ImapFailure(ImapKind.GONE, "bye")
        self.office.tell()
        await rig.until(lambda: rig.health.doing == "backing_off")
        self.office.down = None
        await rig.until(lambda: rig.health.doing == "waiting")


async def waits(rig: MailRig) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")


async def reports(rig: MailRig) -> list[Any]:
    return [event.detail["detail"] for event in await rig.events("channel.reported")]


async def test_a_folder_that_takes_no_mails_is_told_of_once_and_tried_ever_more_rarely(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    refusing = rig.office.before = Refusing(rig.office)
    for n in range(3):
        rig.office.deliver(letter(str(n)))
        await rig.came(n + 1)
        await refusing.hang_up(rig)
        assert "over quota" in rig.health.problem

    assert refusing.asked == 1
    assert rig.office.subjects("INBOX") == ["0", "1", "2"]
    await trio.sleep(3_600)

    assert 3 <= refusing.asked <= 5
    text = "mails cannot be moved to Processed: MOVE was answered NO: over quota"
    told = {"type": "mail_not_filed", "mailbox": "INBOX", "folder": "Processed", "text": text}
    assert await reports(rig) == [told]

    rig.office.before = lambda _name: None
    await rig.until(lambda: rig.office.subjects("Processed") == ["0", "1", "2"], within_s=9_000)
    assert rig.health.problem is None
    assert await rig.received() == ["0", "1", "2"]


async def test_a_restart_does_not_ask_again_for_a_move_that_was_refused(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    refusing = office.before = Refusing(office)
    for start in range(2):
        async with open_mail_rig(tmp_path, office, plan()) as rig:
            if not start:
                office.deliver(letter("1"))
            await rig.came(1)
            await waits(rig)
            assert "over quota" in rig.health.problem

    assert refusing.asked == 1


async def test_what_is_copied_and_stays_is_no_folder_that_is_shut(
    rig: MailRig, clock: MockClock
) -> None:
    await waits(rig)
    refusing = rig.office.before = Refusing(rig.office)
    rig.office.deliver(letter("0"))
    await rig.came(1)
    await rig.until(lambda: refusing.asked == 1)
    asked = list[str]()
    rig.office.before, rig.office.copies_only = asked.append, True
    await rig.until(lambda: rig.office.subjects("Processed") == ["0"], within_s=9_000)

    for n in (1, 2, 3):
        rig.office.deliver(letter(str(n)))
    await rig.until(lambda: rig.office.subjects("Processed") == ["0", "1", "2", "3"])
    assert asked.count("move") == 2
    assert rig.health.problem == "mails are copied to Processed, and cannot be removed"
