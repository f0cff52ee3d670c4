"""Waiting for mail: news come at once and once, and a connection that died is noticed."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from omni_actors.net.imap import ImapKind, Mailbox
from tests.support.imap_peer import ImapPeer, Script, failure_at, mailbox_at

HOUR_S = 3600.0


def idling(then: Callable[[ImapPeer], Awaitable[None]], able: str = "IDLE") -> Script:
    """A script that goes on when the client idles in an open folder of three mails."""

    async def script(peer: ImapPeer) -> None:
        await peer.lets_in(f"IMAP4rev1 AUTH=PLAIN SASL-IR {able}")
        await peer.opens()
        await searched(peer)
        await then(peer)

    return script


async def searched(peer: ImapPeer, *more: str) -> None:
    await peer.hears("UID SEARCH")
    await peer.answers("SEARCH 1 2 3", *more)


async def idles(peer: ImapPeer) -> None:
    await peer.hears("IDLE")
    await peer.says(b"+ idling\r\n")


async def stops(peer: ImapPeer, *untagged: str) -> None:
    assert await peer.line() == b"DONE"
    await peer.answers(*untagged)


async def wait(mailbox: Mailbox, within_s: float = HOUR_S) -> bool:
    await mailbox.select("INBOX")
    await mailbox.uids_from(1)
    return await mailbox.wait_news(within_s)


async def test_a_mail_is_news_at_once(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await trio.sleep(100)
        await peer.says(b"* 4 EXISTS\r\n* 1 RECENT\r\n")
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        assert await wait(mailbox)
        assert trio.current_time() == pytest.approx(100)


async def test_a_burst_of_mails_is_one_piece_of_news(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await peer.says(b"".join(b"* %d EXISTS\r\n" % count for count in range(4, 2004)))
        await stops(peer, "2004 EXISTS")
        await peer.hears("UID SEARCH")
        await peer.answers("SEARCH 4 5")
        await idles(peer)
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        assert await wait(mailbox)
        assert await mailbox.uids_from(4) == (range(4, 6),)
        assert not await mailbox.wait_news(60)


async def test_a_mail_that_came_with_another_answer_is_news(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in()
        await peer.opens()
        await searched(peer, "4 EXISTS")

    async with mailbox_at(script) as mailbox:
        assert await wait(mailbox)
        assert trio.current_time() == 0


async def test_a_folder_that_was_never_looked_at_is_news(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in()
        await peer.opens()

    async with mailbox_at(script) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.wait_news(HOUR_S)


async def test_a_mail_between_two_idles_is_news(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await peer.hears("IDLE")
        await peer.says(b"+ idling\r\n* 4 EXISTS\r\n")
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        assert await wait(mailbox)


@pytest.mark.parametrize(
    "said", [b"* 3 EXISTS\r\n", b"* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 4 RECENT\r\n"]
)
async def test_what_is_no_new_mail_is_no_news_but_one_behind_a_removed_one_is(
    autojump_clock: MockClock, said: bytes
) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await peer.says(said)
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        assert await wait(mailbox, 500) is (b"EXPUNGE" in said)


async def test_no_news_in_time_is_no_news(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        assert not await wait(mailbox, 100)
        assert trio.current_time() == pytest.approx(100)
        assert mailbox.usable


async def test_idle_is_said_anew_before_nine_minutes_of_silence_are_over(
    autojump_clock: MockClock,
) -> None:
    async def then(peer: ImapPeer) -> None:
        for _ in range(3):
            await idles(peer)
            at.append(trio.current_time())
            await stops(peer)

    at: list[float] = []
    async with mailbox_at(idling(then)) as mailbox:
        assert not await wait(mailbox, 1200)

    assert at == pytest.approx([0, 540, 1080])


async def test_a_server_that_says_it_is_there_is_believed_for_half_an_hour(
    autojump_clock: MockClock,
) -> None:
    async def then(peer: ImapPeer) -> None:
        for lines in (13, 0):
            await idles(peer)
            at.append(trio.current_time())
            for _ in range(lines):
                await trio.sleep(120)
                await peer.says(b"* OK Still here\r\n")
            await stops(peer)

    at: list[float] = []
    async with mailbox_at(idling(then)) as mailbox:
        assert not await wait(mailbox, 2000)

    assert at == pytest.approx([0, 1620])


async def silent(peer: ImapPeer) -> None:
    await idles(peer)
    await peer.silent()


async def test_a_connection_that_has_died_is_noticed_within_ten_minutes(
    autojump_clock: MockClock,
) -> None:
    failure = await failure_at(idling(silent), wait)

    assert failure.kind is ImapKind.TIMED_OUT
    assert trio.current_time() == pytest.approx(570)


async def test_a_server_that_does_not_let_us_idle_is_left(autojump_clock: MockClock) -> None:
    failure = await failure_at(idling(ImapPeer.silent), wait)

    assert failure.kind is ImapKind.TIMED_OUT
    assert trio.current_time() == pytest.approx(60)


async def test_a_good_bye_ends_the_wait(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await trio.sleep(10)
        await peer.says(b"* BYE Session invalidated - AccessTokenExpired\r\n")

    failure = await failure_at(idling(then), wait)

    assert failure.kind is ImapKind.GONE
    assert "AccessTokenExpired" in failure.text


async def test_an_idle_that_is_refused_is_told(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await peer.hears("IDLE")
        await peer.answers(told="NO not now")

    failure = await failure_at(idling(then), wait)

    assert failure.kind is ImapKind.REFUSED


async def test_a_wait_that_is_woken_ends_and_the_session_goes_on(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await stops(peer)
        await peer.hears("UID SEARCH")
        await peer.answers("SEARCH")

    async with mailbox_at(idling(then)) as mailbox, trio.open_nursery() as nursery:
        nursery.start_soon(wake_after, mailbox, 10)

        assert not await wait(mailbox)
        assert trio.current_time() == pytest.approx(10)
        assert await mailbox.uids_from(1) == ()


async def wake_after(mailbox: Mailbox, seconds: float) -> None:
    await trio.sleep(seconds)
    mailbox.wake()


async def test_who_wakes_too_early_ends_the_next_wait_and_only_that(
    autojump_clock: MockClock,
) -> None:
    async def then(peer: ImapPeer) -> None:
        await idles(peer)
        await stops(peer)

    async with mailbox_at(idling(then)) as mailbox:
        mailbox.wake()

        assert not await wait(mailbox)
        assert trio.current_time() == 0
        assert not await mailbox.wait_news(10)
        assert trio.current_time() == pytest.approx(10)


async def test_a_wait_that_is_cancelled_closes_the_connection(autojump_clock: MockClock) -> None:
    async with mailbox_at(idling(silent)) as mailbox:
        with trio.move_on_after(5):
            await wait(mailbox)

        assert not mailbox.usable


async def test_without_idle_the_server_is_asked_once_a_minute(autojump_clock: MockClock) -> None:
    async def then(peer: ImapPeer) -> None:
        for told in ("", "", "4 EXISTS"):
            await peer.hears("NOOP")
            at.append(trio.current_time())
            await peer.answers(*filter(None, [told]))

    at: list[float] = []
    async with mailbox_at(idling(then, able="")) as mailbox:
        assert await wait(mailbox)

    assert at == pytest.approx([60, 120, 180])


async def test_a_server_that_ends_every_idle_at_once_is_not_asked_without_pause(
    autojump_clock: MockClock,
) -> None:
    async def then(peer: ImapPeer) -> None:
        for _ in range(3):
            await idles(peer)
            counts.append(trio.current_time())
            await peer.answers()
            await peer.hears("NOOP")
            await peer.answers()

    counts: list[float] = []
    async with mailbox_at(idling(then)) as mailbox:
        assert not await wait(mailbox, 150)

    assert counts == pytest.approx([0, 60, 120])
