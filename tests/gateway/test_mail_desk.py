"""Mailboxes are read: each mail once, whatever breaks and whenever.

Bytes go through worker threads, so the clock jumps only when they had time to end.
"""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from omni_actors.model.content import UnsupportedContent
from omni_actors.net.imap import ImapFailure, ImapKind
from omni_actors.store.mail import OpenMailbox
from omni_actors.store.queries import DeadLetters, IntakeBody
from omni_actors.store.rows import ANY_TENANT
from tests.gateway.kit import OPERATOR
from tests.gateway.mail_kit import (
    PASSWORD,
    SIZE_MAX,
    START,
    MailRig,
    Office,
    letter,
    open_mail_rig,
    plan,
    spec,
)

DAY_S = 86400.0


@pytest.fixture
def rig(mail_rig: MailRig) -> MailRig:
    return mail_rig


@pytest.mark.slow
async def test_what_lies_in_a_mailbox_is_taken_in_and_filed(
    tmp_path: Path, clock: MockClock
) -> None:
    office = Office()
    office.deliver(letter("1"))
    office.deliver(letter("2"))

    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(2)

        assert await rig.received() == ["1", "2"]
        assert office.subjects("INBOX") == []
        assert office.subjects("Processed") == ["1", "2"]


@pytest.mark.slow
async def test_what_comes_is_taken_in_at_once(rig: MailRig, clock: MockClock) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    rig.office.deliver(letter("1"))

    await rig.came(1)

    assert rig.office.logins == 1
    assert rig.health.read_at is not None


@pytest.mark.slow
async def test_what_the_server_does_not_tell_of_is_found_all_the_same(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    deaf = rig.office.news
    rig.office.deliver(letter("1"))
    rig.office.news = deaf

    await rig.came(1)


async def test_the_raw_mail_lies_in_a_blob_however_small(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1", crash=True))
    await rig.until(lambda: rig.office.subjects("Failed") == ["1"])

    [dead] = (await rig.store.ask(DeadLetters(ANY_TENANT))).rows
    intake = await rig.store.ask(IntakeBody(dead.ref))
    assert intake is not None
    assert intake.body is None
    assert intake.blob is not None


@pytest.mark.slow
async def test_a_mail_that_cannot_be_read_is_put_aside_and_told_of(
    rig: MailRig, clock: MockClock
) -> None:
    rig.office.deliver(letter("bad", crash=True))
    rig.office.deliver(letter("good"))

    await rig.came(1)

    [told] = await rig.events("channel.reported")
    [dead] = (await rig.store.ask(DeadLetters(ANY_TENANT))).rows
    assert await rig.received() == ["good"]
    assert (rig.office.subjects("Failed"), rig.office.subjects("Processed")) == (["bad"], ["good"])
    assert (told.detail["kind"], dead.kind, dead.reason) == ("mail", "intake", "unparsed")


@pytest.mark.slow
async def test_a_mail_that_the_server_does_not_hand_over_stops_no_other(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    rig.office.withheld.add(rig.office.deliver(letter("kept")))
    rig.office.deliver(letter("good"))

    await rig.came(1)

    assert await rig.received() == ["good"]
    assert rig.office.subjects("Failed") == ["kept"]
    [told] = await rig.events("channel.reported")
    detail: Any = told.detail["detail"]
    assert detail["text"] == "the server does not hand it over"


@pytest.mark.slow
async def test_of_a_mail_that_is_too_large_only_the_headers_are_read(
    rig: MailRig, clock: MockClock
) -> None:
    rig.office.deliver(letter("big", size=SIZE_MAX + 1, subject="Photos"))
    rig.office.deliver(letter("sly", size=SIZE_MAX + 1, subject="Photos"), size=10)

    await rig.came(2)

    told = [event.message for event in await rig.events("message.received")]
    for message in told:
        assert message is not None
        assert isinstance(message.content, UnsupportedContent)
        assert message.notes == {"too_large": {"size": SIZE_MAX + 1, "subject": "Photos"}}
    assert rig.office.subjects("Failed") == ["big", "sly"]


async def test_a_mail_that_is_gone_by_now_is_no_error(rig: MailRig, clock: MockClock) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")

    def take_away(name: str) -> None:
        if name == "fetch":
            rig.office.folders["INBOX"] = [
                each for each in rig.office.folders["INBOX"] if b'"gone"' not in each.raw
            ]

    rig.office.before = take_away
    rig.office.deliver(letter("gone"))
    rig.office.deliver(letter("here"))

    await rig.came(1)

    assert await rig.received() == ["here"]
    assert rig.office.logins == 1


async def test_what_is_gone_is_not_looked_for_again(rig: MailRig, clock: MockClock) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")

    def take_away(name: str) -> None:
        if name == "fetch":
            rig.office.folders["INBOX"].clear()

    rig.office.before = take_away
    uid = rig.office.deliver(letter("gone"))
    await rig.until(lambda: rig.office.folders["INBOX"] == [] and rig.health.doing == "waiting")

    opened = await rig.store.do(OpenMailbox("mail", "INBOX", rig.office.uidvalidity, START))
    assert opened.next_uid == uid + 1


@pytest.mark.slow
async def test_a_mail_that_its_server_cannot_list_stops_no_other(
    rig: MailRig, clock: MockClock
) -> None:
    office = rig.office
    office.deliver(letter("1"))
    broken = office.deliver(letter("broken"))
    unlisted = office.deliver(letter("unlisted"))
    concealed = office.deliver(letter("concealed"))
    office.deliver(letter("2"))
    office.withheld = {broken}
    office.stumbles, office.concealed = {broken, unlisted}, {concealed}

    await rig.came(4)

    assert await rig.received() == ["1", "unlisted", "concealed", "2"]
    assert office.subjects("Failed") == ["broken"]
    assert office.logins == 1


@pytest.mark.slow
async def test_a_mail_that_waits_for_others_to_be_read_is_not_given_up(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    threads = rig.house.mail.intake.receiver.threads
    others = range(int(threads.total_tokens))
    for other in others:
        threads.acquire_on_behalf_of_nowait(other)
    rig.office.deliver(letter("1"))
    await trio.sleep(300)

    for other in others:
        threads.release_on_behalf_of(other)
    await rig.came(1)

    assert rig.office.subjects("Processed") == ["1"]


async def test_what_its_owner_has_deleted_is_left_alone(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("deleted"), flags=frozenset({"\\Deleted"}))
    rig.office.deliver(letter("here"))

    await rig.came(1)

    assert await rig.received() == ["here"]
    assert rig.office.subjects("INBOX") == ["deleted"]


async def test_what_was_long_there_is_history(tmp_path: Path, clock: MockClock) -> None:
    office = Office()
    office.deliver(letter("old"), at=int(START - 30 * DAY_S))
    office.deliver(letter("new"), at=int(START - 60))

    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(1)

        [old] = await rig.events("message.synced")
        assert old.message is not None
        assert (old.message.external_id, old.message.source) == ("old", "history")
        assert await rig.received() == ["new"]


@pytest.mark.slow
@pytest.mark.parametrize("uidvalidity", [3, 8])
async def test_a_mailbox_that_is_numbered_anew_is_read_without_repetition(
    tmp_path: Path, clock: MockClock, uidvalidity: int
) -> None:
    office = Office()
    office.deliver(letter("1"))
    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(1)
        # Somebody puts the mail back, and the server loses its index.
        office.folders["INBOX"] += office.folders.pop("Processed")
        office.rebuild(uidvalidity)
        office.deliver(letter("2"))
        office.down = ImapFailure(ImapKind.GONE, "the server said BYE")
        office.tell()
        await rig.until(lambda: rig.health.doing == "backing_off")
        office.down = None

        await rig.came(2)

        assert await rig.received() == ["1", "2"]
        assert office.subjects("Processed") == ["1", "2"]


async def crash_at(folder: Path, office: Office, step: str, *, times: int = 1) -> None:
    """Run the house until a step is reached for so many times, and end it there."""
    crashed = trio.Event()
    left = times

    def reach(name: str) -> None:
        nonlocal left
        left -= name == step
        if left <= 0:
            crashed.set()

    async def run() -> None:
        async with open_mail_rig(folder, office, plan()):
            await trio.sleep_forever()

    office.before, office.after = reach, lambda _name: reach("moved")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await crashed.wait()
        nursery.cancel_scope.cancel()
    office.before = office.after = lambda _name: None


STEPS = ["select", "uids_from", "outlines", "fetch", "fetch half", "move", "moved", "wait_news"]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
async def test_a_crash_at_any_step_neither_loses_nor_doubles_a_mail(
    tmp_path: Path, clock: MockClock, step: str
) -> None:
    office = Office()
    for number in range(3):
        office.deliver(letter(str(number)))
    # In the middle of several mails where that can be.
    await crash_at(tmp_path, office, step, times=2 if step.startswith("fetch") else 1)

    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(3)

        assert sorted(await rig.received()) == ["0", "1", "2"]
        assert office.subjects("INBOX") == []
        assert sorted(office.subjects("Processed")) == ["0", "1", "2"]


@pytest.mark.slow
async def test_a_mail_that_the_gateway_does_not_survive_is_left(
    tmp_path: Path, clock: MockClock
) -> None:
    office = Office()
    office.deliver(letter("deadly"))
    office.deliver(letter("good"))
    for _ in range(3):
        await crash_at(tmp_path, office, "fetch")

    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(1)

        assert await rig.received() == ["good"]
        assert office.subjects("Failed") == ["deadly"]


@pytest.mark.slow
async def test_a_server_that_ends_each_session_is_tried_later_and_later(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")

    def end(name: str) -> None:
        if name == "wait_news":
            raise ImapFailure(ImapKind.GONE, "the server said BYE")

    rig.office.before = end
    rig.office.tell()
    logins = rig.office.logins
    await trio.sleep(3600)

    assert rig.office.logins - logins < 60


@pytest.mark.slow
async def test_the_end_of_the_house_costs_the_mail_in_hand_nothing(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    office.deliver(letter("1"))
    office.stalled = True
    for started in range(1, 6):
        async with open_mail_rig(tmp_path, office, plan()) as rig:
            await rig.until(lambda: len(office.fetched) == started)  # noqa: B023 - called at once
            await rig.house.drain(20.0)
    office.stalled = False

    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.came(1)

        assert await rig.received() == ["1"]
        assert office.subjects("Processed") == ["1"]


@pytest.mark.slow
async def test_a_lost_connection_is_tried_again_later_and_later(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    rig.office.down = ImapFailure(ImapKind.UNREACHABLE, "no connection to 127.0.0.1:993")
    rig.office.tell()
    started = trio.current_time()
    await rig.until(lambda: rig.health.strikes >= 8)

    view = await rig.gateway.channel(OPERATOR, "mail")
    assert view.health["status"] == "attention"
    assert "no connection to 127.0.0.1:993" in str(view.health["reason"])
    assert trio.current_time() - started > 20
    assert rig.office.logins <= 10

    rig.office.down = None
    rig.office.deliver(letter("1"))
    await rig.came(1)
    assert (await rig.gateway.channel(OPERATOR, "mail")).health["status"] == "ok"


@pytest.mark.slow
async def test_a_connection_that_breaks_over_a_mail_costs_the_mail_nothing(
    rig: MailRig, clock: MockClock
) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    breaks = 5

    def break_at(name: str) -> None:
        nonlocal breaks
        if name == "fetch half" and breaks:
            breaks -= 1
            raise ImapFailure(ImapKind.GONE, "the connection ended")

    rig.office.before = break_at
    rig.office.deliver(letter("1"))

    await rig.came(1)

    assert await rig.received() == ["1"]
    assert rig.office.subjects("Processed") == ["1"]


@pytest.mark.slow
async def test_a_refused_password_is_not_tried_again(rig: MailRig, clock: MockClock) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")
    rig.office.password = "another"
    rig.office.down = ImapFailure(ImapKind.GONE, "bye")
    rig.office.tell()
    await rig.until(lambda: rig.health.doing == "backing_off")
    rig.office.down = None
    await rig.until(lambda: rig.health.doing == "refused")
    logins = rig.office.logins

    await trio.sleep(1200)

    channel = rig.house.channels["mail"]
    assert rig.office.logins == logins
    assert channel.state.value == "needs_reauth"
    assert channel.reason == "mailbox: LOGIN was answered NO: wrong password"


@pytest.mark.slow
async def test_a_new_password_lets_the_mailbox_be_read_again(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    office.deliver(letter("1"))
    async with open_mail_rig(tmp_path, office, plan(spec(password="wrong"))) as rig:
        await rig.until(lambda: rig.health.doing == "refused")

        await rig.gateway.put_credentials(OPERATOR, "mail", {"password": PASSWORD})
        await rig.came(1)

        assert rig.house.channels["mail"].state.value == "active"


async def test_an_operator_may_have_it_tried_once_more(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, plan(spec(password="wrong"))) as rig:
        await rig.until(lambda: rig.health.doing == "refused")
        office.password = "wrong"  # it was the server's mistake

        await rig.gateway.resume(OPERATOR, "mail")

        await rig.until(lambda: rig.health.doing == "waiting")


async def test_a_start_tries_the_password_once_and_takes_it_back_if_it_is_good(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, plan(spec(password="wrong"))) as rig:
        await rig.until(lambda: rig.health.doing == "refused")
    office.password = "wrong"

    async with open_mail_rig(tmp_path, office, plan(spec(password="wrong"))) as rig:
        await rig.until(lambda: rig.health.doing == "waiting")

        assert rig.house.channels["mail"].state.value == "active"


async def test_a_paused_channel_still_receives(rig: MailRig, clock: MockClock) -> None:
    await rig.gateway.pause(OPERATOR, "mail")
    rig.office.deliver(letter("1"))

    await rig.came(1)


@pytest.mark.slow
async def test_a_removed_channel_is_read_no_more(rig: MailRig, clock: MockClock) -> None:
    await rig.until(lambda: rig.health.doing == "waiting")

    await rig.house.reload(evolve(plan(), channels=()))
    await rig.until(lambda: rig.health.doing == "off")
    rig.office.deliver(letter("1"))
    await trio.sleep(1200)

    assert await rig.received() == []
    assert rig.office.open == 0


async def test_a_reload_can_begin_the_reading(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    office.deliver(letter("1"))
    async with open_mail_rig(tmp_path, office, plan(spec(reads=False))) as rig:
        await trio.sleep(10)
        assert (office.logins, rig.health.doing) == (0, "off")

        await rig.house.reload(plan())
        await rig.came(1)


@pytest.mark.slow
async def test_reading_waits_for_room_on_the_disk(rig: MailRig, clock: MockClock) -> None:
    rig.office.disk_full = True
    rig.office.deliver(letter("1"))
    await rig.until(lambda: rig.health.problem is not None)
    assert await rig.received() == []

    rig.office.disk_full = False
    await rig.came(1)

    assert rig.health.problem is None


async def test_the_end_of_the_house_ends_the_session_at_once(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    async with open_mail_rig(tmp_path, office, plan()) as rig:
        await rig.until(lambda: rig.health.doing == "waiting")

        report = await rig.house.drain(20.0)

        assert report.clean
        assert office.open == 0


async def test_many_mailboxes_are_read_beside_each_other(
    tmp_path: Path, office: Office, clock: MockClock
) -> None:
    specs = [spec(f"mail-{n}", address=f"m{n}@example.com") for n in range(5)]
    async with open_mail_rig(tmp_path, office, plan(*specs)) as rig:
        await rig.until(lambda: office.open == 5)
        await rig.house.drain(20.0)

        assert office.open == 0


async def test_how_a_mailbox_is_can_be_seen(rig: MailRig, clock: MockClock) -> None:
    rig.office.deliver(letter("1"))
    await rig.came(1)

    mailbox = (await rig.gateway.channel(OPERATOR, "mail")).mailbox

    assert mailbox is not None
    assert (mailbox.doing, mailbox.problem, mailbox.behind) == ("waiting", None, 0)
    assert b'omni_mailbox_down{channel="mail"} 0.0' in await rig.gateway.metrics()
    assert b'omni_mailbox_behind{channel="mail"} 0.0' in await rig.gateway.metrics()

    rig.office.down = ImapFailure(ImapKind.GONE, "bye")
    rig.office.tell()
    await rig.until(lambda: rig.health.doing == "backing_off")
    assert b'omni_mailbox_down{channel="mail"} 1.0' in await rig.gateway.metrics()
