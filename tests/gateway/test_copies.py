"""Copies of a mail that its server did not take with the mail: each reaches its reader once, or it
is told why not."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from omni_actors.model.content import Email
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import StatusReported
from omni_actors.model.requests import To
from omni_actors.model.states import PartStatus
from omni_actors.net.account import Account
from omni_actors.net.trace import Trace
from omni_actors.store.verbs import Accept, Intake, Item, Resend
from omni_actors.wire.calls import Call, KeepCall, MailCall, MailReply, Reply, SmtpReply, Stage
from tests.gateway.kit import OPERATOR, Rig, open_rig, plan
from tests.gateway.test_mails_out import ADA, MAIL, Post

EVE, BOB = "eve@example.org", "bob@example.org"
COPIED = Email("Hello", "Hi", cc=(EVE, BOB))
OK = SmtpReply(250, "2.1.5", "ok")
LATER = SmtpReply(450, "4.7.1", "greylisted")
NEVER = SmtpReply(550, "5.1.1", "no such mailbox")
CROWDED = SmtpReply(452, "4.5.3", "too many recipients")
HOUR_S = 3600.0


pytestmark = pytest.mark.slow


@define(repr=False)
class Server(Post):
    """A mail server that answers each recipient; `says` are its next words to them, else ok."""

    calls: list[MailCall] = field(factory=list)
    says: dict[str, list[SmtpReply]] = field(factory=dict)
    hangs: bool = False
    down: list[SendFailure] = field(factory=list)
    asked_at: list[float] = field(factory=list)

    async def make(self, call: Call, account: Account, trace: Trace) -> Reply:
        assert not isinstance(call, KeepCall)
        assert isinstance(call, MailCall)
        self.calls.append(call)
        self.asked_at.append(trio.current_time())
        if self.hangs:
            await trio.sleep_forever()
        if self.down and ADA not in call.recipients:
            raise self.down.pop(0)
        said = {who: self.word(who) for who in call.recipients}
        good = [each for each in said.values() if each.code == 250]
        stage = Stage.END if good else Stage.RCPT
        return MailReply(stage, OK if good else next(iter(said.values())), said)

    def word(self, who: str) -> SmtpReply:
        planned = self.says.get(who)
        return planned.pop(0) if planned else OK

    def is_tried_more_often(self, than: int) -> Callable[[], bool]:
        return lambda: len(self.tries()) > than

    def tries(self) -> list[tuple[str, ...]]:
        """For whom it was tried after the first time."""
        return [call.recipients for call in self.calls[1:]]


@pytest.fixture
def server() -> Server:
    return Server()


async def write(rig: Rig, **beside: Any) -> str:
    sent = await rig.submit(COPIED, to=To("mail", ADA), **beside)
    await rig.reached(sent.message_id, "sent")
    return sent.message_id


async def ends(rig: Rig) -> list[tuple[str, str]]:
    """What was told of copies: for whom, and how it ended."""
    told = await rig.events("message.member")
    return [(str(each.detail["participant"]), str(each.detail["status"])) for each in told]


async def test_only_who_was_put_off_gets_the_same_mail_later(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER, LATER]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        id = await write(rig)
        assert await ends(rig) == []
        await rig.until(lambda: len(server.calls) == 3, within_s=HOUR_S)
        await rig.quiet(for_s=500)

        assert server.tries() == [(EVE,), (EVE,)]
        assert all(call.mail == server.calls[0].mail for call in server.calls)
        assert await ends(rig) == [(EVE, "sent")]
        assert (await rig.message(id)).status == "sent"
        attempts = await rig.gateway.attempts(OPERATOR, id)
        assert [each.outcome for each in attempts] == ["taken_up", "again", "taken_up"]


async def test_who_was_one_too_many_at_once_is_next_and_nobody_waits_for_that(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [CROWDED, CROWDED], BOB: [CROWDED]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await write(rig)
        began = rig.clock.now()
        await rig.until(server.is_tried_more_often(1), within_s=30.0)
        await rig.quiet()

        assert server.tries() == [(EVE, BOB), (EVE,)]
        assert rig.clock.now() - began < 30.0
        assert await ends(rig) == [(BOB, "sent"), (EVE, "sent")]


async def test_who_is_refused_for_good_is_told_at_once_and_is_no_failure_of_the_mail(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [NEVER], BOB: [LATER, NEVER]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        id = await write(rig)
        assert await ends(rig) == [(EVE, "failed")]
        await rig.quiet(for_s=500)

        assert server.tries() == [(BOB,)]
        assert await ends(rig) == [(EVE, "failed"), (BOB, "failed")]
        [first, _] = await rig.events("message.member")
        assert dict(cast("JsonObject", first.detail["failure"]))["reason"] == "recipient_invalid"
        assert first.detail["detail"] == {
            "recipient": EVE,
            "action": "failed",
            "status": "550 5.1.1",
            "text": "no such mailbox",
        }
        assert (await rig.message(id)).status == "sent"


async def test_nobody_is_tried_after_the_message_has_expired(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER] * 99}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await write(rig, expires_in_s=1_000)
        await rig.quiet(for_s=1_500)

        assert 1 <= len(server.tries()) <= 3
        assert await ends(rig) == [(EVE, "failed")]


async def test_a_copy_waits_over_a_restart_and_for_a_channel_that_is_paused(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await write(rig)
        await rig.gateway.pause(OPERATOR, "mail")
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await rig.quiet(for_s=500)
        assert server.tries() == []

        await rig.gateway.resume(OPERATOR, "mail")
        await rig.until(lambda: server.tries() == [(EVE,)], within_s=HOUR_S)
        await rig.quiet(for_s=5)
        assert await ends(rig) == [(EVE, "sent")]


async def test_a_crash_on_the_way_leaves_one_more_try_which_says_so(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER], BOB: [LATER]}
    for crash in range(2):
        with trio.CancelScope() as crashing:
            async with open_rig(tmp_path, server, plan(MAIL)) as rig:
                if crash == 0:
                    await write(rig)
                server.hangs = True
                await rig.until(server.is_tried_more_often(crash), within_s=HOUR_S)
                crashing.cancel()
        if crash == 0:
            assert crashing.cancelled_caught
    server.hangs = False
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await rig.quiet(for_s=500)

        assert server.tries() == [(EVE, BOB), (EVE, BOB)]
        assert await ends(rig) == [(EVE, "failed"), (BOB, "failed")]


async def test_a_lost_answer_is_tried_once_more_and_may_be_a_second_copy(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER]}
    server.down = [SendFailure(Failure(Kind.UNKNOWN, Reason.TIMED_OUT))]
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await write(rig)
        await rig.quiet(for_s=1_000)

        assert server.tries() == [(EVE,), (EVE,)]
        [told] = await rig.events("message.member")
        assert told.detail["maybe_duplicate"] is True


async def test_a_server_that_is_down_costs_nobody_their_copy(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {EVE: [LATER]}
    server.down = [SendFailure(Failure(Kind.UNREACHABLE, Reason.CHANNEL_UNAVAILABLE))] * 3
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await write(rig)
        await rig.until(lambda: len(server.tries()) == 4, within_s=3 * HOUR_S)
        await rig.quiet(for_s=5)
        pauses = [later - before for before, later in pairwise(server.asked_at)]
        assert pauses[1:] == pytest.approx([300, 900, 1_800], rel=0.2)
        assert await ends(rig) == [(EVE, "sent")]


async def comes_back(rig: Rig, message_id: str) -> None:
    """The mail was not delivered after all, and goes into the queue once more."""
    part = await rig.part(message_id)
    at = rig.clock.now()
    report = StatusReported(
        MAIL.channel_key,
        "r1",
        at,
        (),
        part.external_ids[0],
        PartStatus.FAILED,
        callback=part.id,
        failure=Failure(Kind.BROKEN, Reason.CHANNEL_MISCONFIGURED, Scope.CHANNEL),
    )
    item = Item("email", report, rank=2, resend=Resend(8, at), proven=True)
    rig.house.wake(await rig.store.do(Accept(Intake("itk_1", "mail", at, 2, body=b"{}"), (item,))))


async def test_who_got_the_mail_when_it_was_sent_anew_gets_no_copy_after_that(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    """The mail comes back, is tried again by hand, and now everybody takes it."""
    server.says = {EVE: [LATER]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        await comes_back(rig, await write(rig))
        await rig.until(lambda: len(server.calls) == 2)
        await rig.quiet(for_s=500)

        assert server.tries() == [(ADA, EVE, BOB)]


async def test_a_copy_is_not_forgotten_while_its_mail_is_to_go_anew(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    server.says = {ADA: [OK, NEVER], EVE: [LATER, NEVER], BOB: [OK, NEVER]}
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        id = await write(rig)
        await rig.gateway.pause(OPERATOR, "mail")
        await comes_back(rig, id)
        await rig.quiet(for_s=500)
        await rig.gateway.resume(OPERATOR, "mail")
        await rig.reached(id, "failed")
        await rig.quiet(for_s=500)

        assert server.tries() == [(ADA, EVE, BOB), (EVE,)]
        assert (await rig.message(id)).status == "failed"


async def test_what_a_copy_shows_of_the_account_holds_for_all_that_it_sends(
    tmp_path: Path, server: Server, autojump_clock: MockClock
) -> None:
    full = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.ACCOUNT, retry_after_s=HOUR_S)
    server.says, server.down = {EVE: [LATER, LATER]}, [SendFailure(full)]
    async with open_rig(tmp_path, server, plan(MAIL)) as rig:
        for _ in range(2):
            await write(rig)
        await rig.until(lambda: server.tries()[1:] == [(EVE,)], within_s=HOUR_S)
        await rig.quiet(for_s=HOUR_S / 2)
        waits = await rig.submit(COPIED, to=To("mail", ADA))
        await rig.quiet(for_s=HOUR_S / 4)

        assert len(server.calls) == 3
        assert (await rig.message(waits.message_id)).status == "queued"
        await rig.reached(waits.message_id, "sent")
