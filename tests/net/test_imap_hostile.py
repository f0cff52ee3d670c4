"""A mailbox whose server does what no real one should: every wait ends, and nothing is believed."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

import pytest
import trio
from trio.testing import MockClock

from omni_actors.net.imap import Body, Fetch, ImapFailure, ImapKind, Mailbox, Moved, open_mailbox
from omni_actors.net.imap_link import Outgoing
from omni_actors.net.streams import SourceBroken
from tests.support.imap_peer import (
    ABLE,
    ACCOUNT,
    SERVER,
    ImapPeer,
    Script,
    failure_at,
    mailbox_at,
)

MAIL = b"Subject: x\r\n\r\nA1 OK not an answer\r\n* BYE neither\r\n)\r\n"
Work: TypeAlias = Callable[[Mailbox], Awaitable[object]]


async def nothing(_: Mailbox) -> None:
    """No work: the way in is what the test is about."""


async def open_inbox(mailbox: Mailbox) -> None:
    await mailbox.select("INBOX")


async def drop(_: bytes) -> None:
    """A sink for a mail that nobody looks at."""


async def fetch_one(mailbox: Mailbox) -> Fetch:
    await mailbox.select("INBOX")
    return await mailbox.fetch(7, drop, 1000)


async def opened(peer: ImapPeer) -> None:
    await peer.lets_in()
    await peer.opens()


@pytest.mark.slow
async def test_a_mail_is_fetched_wherever_the_answers_are_cut(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await opened(peer)
        await peer.hears("UID SEARCH")
        await peer.answers("SEARCH 2 7")
        await peer.hears("UID FETCH 7")
        fetched = b"* 3 FETCH (UID 7 BODY[] {%d}\r\n%b FLAGS (\\Seen))\r\n" % (len(MAIL), MAIL)
        await peer.says(b"* 4 EXISTS\r\n" + fetched)
        await peer.answers("2 FETCH (FLAGS (\\Seen))")
        sizes.append(peer._said)

    sizes: list[int] = []
    cut = 0
    while cut == 0 or cut < sizes[0]:
        cut += 1
        came = bytearray()

        async def take(piece: bytes, came: bytearray = came) -> None:
            came.extend(piece)

        async with mailbox_at(script, cut=cut) as mailbox:
            await mailbox.select("INBOX")
            uids = await mailbox.uids_from(3)
            fetch = await mailbox.fetch(7, take, 1000)

            assert uids == (range(7, 8),)
            assert fetch == Fetch(Body.WHOLE, len(MAIL))
            assert bytes(came) == MAIL
            assert await mailbox.wait_news(0)


async def hangs_at_the_door(peer: ImapPeer) -> None:
    await peer.silent()


async def hangs_at_the_login(peer: ImapPeer) -> None:
    await peer.says(f"* OK [CAPABILITY {ABLE}] ready\r\n".encode())
    await peer.silent()


async def hangs_at_a_folder(peer: ImapPeer) -> None:
    await peer.lets_in()
    await peer.silent()


async def hangs_at_a_mail(peer: ImapPeer) -> None:
    await opened(peer)
    await peer.silent()


async def hangs_within_a_mail(peer: ImapPeer) -> None:
    await opened(peer)
    await peer.hears("UID FETCH")
    await peer.says(b"* 1 FETCH (UID 7 BODY[] {100}\r\nSubject: ")
    await peer.silent()


async def hangs_behind_a_mail(peer: ImapPeer) -> None:
    await opened(peer)
    await peer.hears("UID FETCH")
    await peer.says(b"* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n")
    await peer.silent()


async def drips(peer: ImapPeer) -> None:
    await opened(peer)
    await peer.hears("UID FETCH")
    await peer.says(b"* 1 FETCH (UID 7 BODY[] {100000}\r\n")
    while True:
        await peer.says(b"x")
        await trio.sleep(50)


async def talks_without_end(peer: ImapPeer) -> None:
    await peer.lets_in()
    while True:
        await peer.says(b"* 1 EXISTS\r\n")
        await trio.sleep(1)


STALLS: dict[str, tuple[Script, Work, float]] = {
    "at the greeting": (hangs_at_the_door, nothing, 60),
    "at the login": (hangs_at_the_login, nothing, 60),
    "at a folder": (hangs_at_a_folder, open_inbox, 60),
    "at a mail": (hangs_at_a_mail, fetch_one, 60),
    "within a mail": (hangs_within_a_mail, fetch_one, 60),
    "behind a mail": (hangs_behind_a_mail, fetch_one, 60),
    "never, but slowly": (drips, fetch_one, 900),
    "never, but says nothing": (talks_without_end, open_inbox, 60),
}


@pytest.mark.parametrize(("script", "work", "after_s"), STALLS.values(), ids=STALLS.keys())
async def test_a_server_that_stalls_is_left(
    autojump_clock: MockClock, script: Script, work: Work, after_s: float
) -> None:
    began = trio.current_time()

    failure = await failure_at(script, work)

    assert failure.kind is ImapKind.TIMED_OUT
    assert trio.current_time() - began == pytest.approx(after_s)


async def test_a_connection_that_is_never_made_is_given_up(autojump_clock: MockClock) -> None:
    async def dial(_host: str, _port: int) -> trio.abc.Stream:
        return await trio.sleep_forever()

    with pytest.raises(ImapFailure) as failed:
        async with open_mailbox(SERVER, ACCOUNT, dial=dial):
            pass

    assert failed.value.kind is ImapKind.UNREACHABLE
    assert trio.current_time() == pytest.approx(30)


def says(*lines: str, before: Script | None = None) -> Script:
    """A script that lets in, hears a command and says these lines (`%` is its tag)."""

    async def script(peer: ImapPeer) -> None:
        await (before or opened)(peer)
        await peer.hears("")
        for line in lines:
            await peer.says(line.encode().replace(b"%", peer.tag))
        await peer.silent()

    return script


WRONG: dict[str, tuple[Script, Work, ImapKind]] = {
    "another tag": (says("A999 OK done\r\n"), fetch_one, ImapKind.PROTOCOL),
    "no IMAP at all": (says("220 smtp\r\n"), fetch_one, ImapKind.PROTOCOL),
    "good-bye": (says("* BYE [UNAVAILABLE] shutting down\r\n"), fetch_one, ImapKind.GONE),
    "good-bye behind a part of a mail": (
        says("* 1 FETCH (UID 7 BODY[] {3}\r\nabc", ")\r\n* BYE off\r\n"),
        fetch_one,
        ImapKind.GONE,
    ),
    "a literal that is longer than the mail": (
        says("* 1 FETCH (UID 7 BODY[] {5}\r\nabc)\r\n% OK done\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "a literal that is shorter than the mail": (
        says("* 1 FETCH (UID 7 BODY[] {2}\r\nabc)\r\n% OK done\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "another mail": (
        says("* 1 FETCH (UID 8 BODY[] {3}\r\nabc)\r\n% OK done\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "a mail without a UID": (
        says("* 1 FETCH (BODY[] {3}\r\nabc)\r\n% OK done\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "two mails": (
        says("* 1 FETCH (UID 7 BODY[] {1}\r\na)\r\n* 2 FETCH (UID 8 BODY[] {1}\r\nb)\r\n% OK\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "the same mail twice": (
        says("* 1 FETCH (UID 7 BODY[] {1}\r\na)\r\n" * 2, "% OK done\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "a mail that nobody asked for": (
        says("* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n", before=ImapPeer.lets_in),
        open_inbox,
        ImapKind.PROTOCOL,
    ),
    "a header without an end": (
        says("* 1 FETCH (UID 7 BODY[HEADER] {999999999}\r\n"),
        fetch_one,
        ImapKind.PROTOCOL,
    ),
    "a go-ahead": (says("+ go\r\n"), fetch_one, ImapKind.PROTOCOL),
    "a refusal": (says("% NO [NOPERM] not yours\r\n"), fetch_one, ImapKind.REFUSED),
    "a folder without UIDs": (
        says("% OK open\r\n", before=ImapPeer.lets_in),
        open_inbox,
        ImapKind.REFUSED,
    ),
}


@pytest.mark.parametrize(("script", "work", "kind"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_is_told(
    autojump_clock: MockClock, script: Script, work: Work, kind: ImapKind
) -> None:
    failure = await failure_at(script, work)

    assert failure.kind is kind


async def test_a_failure_says_what_was_asked_and_what_the_server_said(
    autojump_clock: MockClock,
) -> None:
    failure = await failure_at(says("% NO [NOPERM] not yours\r\n"), fetch_one)

    assert (failure.code, failure.text) == ("NOPERM", "UID FETCH was answered NO: not yours")


async def test_a_server_that_hangs_up_is_gone(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await opened(peer)
        await peer.hears("UID FETCH")
        await peer.says(b"* 1 FETCH (UID 7 BODY[] {100}\r\nSubject")
        await peer.gone()

    failure = await failure_at(script, fetch_one)

    assert failure.kind is ImapKind.GONE


async def test_a_fetch_that_is_cancelled_closes_the_connection(autojump_clock: MockClock) -> None:
    async with mailbox_at(hangs_within_a_mail) as mailbox:
        with trio.move_on_after(1) as waiting:
            await fetch_one(mailbox)

        assert waiting.cancelled_caught
        assert not mailbox.usable
        with pytest.raises(ImapFailure, match="gone"):
            await mailbox.uids_from(1)


async def test_a_sink_that_fails_fails_the_fetch_and_closes_the_connection(
    autojump_clock: MockClock,
) -> None:
    async def full(_: bytes) -> None:
        raise OSError("no space left")

    async with mailbox_at(says("* 1 FETCH (UID 7 BODY[] {9}\r\nabc")) as mailbox:
        await mailbox.select("INBOX")
        with pytest.raises(OSError, match="no space"):
            await mailbox.fetch(7, full, 1000)

        assert not mailbox.usable


GONE = {
    "NIL for a body": "* 1 FETCH (UID 7 BODY[] NIL)\r\n% OK [EXPUNGEISSUED] some are gone\r\n",
    "NIL and a refusal": "* 1 FETCH (UID 7 BODY[] NIL)\r\n% NO [EXPUNGEISSUED] gone\r\n",
    "no word of it": "% OK done\r\n",
    "word of another": "* 2 FETCH (UID 8 FLAGS ())\r\n% OK done\r\n",
}


@pytest.mark.parametrize("said", GONE.values(), ids=GONE.keys())
async def test_a_mail_that_is_gone_is_no_empty_mail(autojump_clock: MockClock, said: str) -> None:
    async with mailbox_at(says(said)) as mailbox:
        assert await fetch_one(mailbox) == Fetch(Body.GONE)
        assert mailbox.usable


async def test_an_empty_mail_is_a_mail(autojump_clock: MockClock) -> None:
    async with mailbox_at(says("* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n% OK\r\n")) as mailbox:
        assert await fetch_one(mailbox) == Fetch(Body.WHOLE, 0)


async def test_a_short_mail_may_come_as_a_string(autojump_clock: MockClock) -> None:
    async with mailbox_at(says('* 1 FETCH (BODY[] "abc" UID 7)\r\n% OK\r\n')) as mailbox:
        assert await fetch_one(mailbox) == Fetch(Body.WHOLE, 3)


async def test_of_a_mail_that_is_too_large_no_more_is_written_than_was_wanted(
    autojump_clock: MockClock,
) -> None:
    came = bytearray()

    async def take(piece: bytes) -> None:
        came.extend(piece)

    async with mailbox_at(says("* 1 FETCH (UID 7 BODY[] {9}\r\nabcdefghi)\r\n% OK\r\n")) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.fetch(7, take, 4) == Fetch(Body.TOO_LARGE, 9)
        assert bytes(came) == b"abcd"
        assert mailbox.usable


async def test_a_server_that_announces_the_next_version_is_spoken_to_in_this_one(
    autojump_clock: MockClock,
) -> None:
    able = "IMAP4rev1 IMAP4rev2 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE IDLE ENABLE LITERAL+"

    async def script(peer: ImapPeer) -> None:
        peers.append(peer)
        await peer.says(b"* OK The Microsoft Exchange IMAP4 service is ready. [UwBJADA=]\r\n")
        await peer.hears("CAPABILITY")
        await peer.answers(f"CAPABILITY {able}")
        await peer.hears("AUTHENTICATE PLAIN")
        await peer.answers(told="OK AUTHENTICATE completed.")
        await peer.hears("CAPABILITY")
        await peer.answers(f"CAPABILITY {able}")
        await peer.opens()
        assert await peer.hears("UID SEARCH") == b"UID 1:*"
        await peer.answers(f'ESEARCH (TAG "{peer.tag.decode()}") UID ALL 2:4,9')
        assert await peer.line() == b"A6 LOGOUT"

    peers: list[ImapPeer] = []
    async with mailbox_at(script) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.uids_from(1) == (range(2, 5), range(9, 10))
    assert not [line for line in peers[0].heard if b"ENABLE" in line]


async def test_without_move_mails_are_copied_and_only_they_are_expunged(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS")
        await peer.opens()
        assert await peer.hears("UID COPY") == b'7 "Processed"'
        await peer.answers(told="NO [TRYCREATE] no such folder")
        await peer.hears('CREATE "Processed"')
        await peer.answers(told="NO [ALREADYEXISTS] somebody was faster")
        await peer.hears("SUBSCRIBE")
        await peer.answers(told="NO no")
        await peer.hears("UID COPY 7")
        await peer.answers()
        await peer.hears(r"UID STORE 7 +FLAGS.SILENT (\Deleted)")
        await peer.answers()
        await peer.hears("UID EXPUNGE 7")
        await peer.answers("3 EXPUNGE")

    async with mailbox_at(script) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.move([7], "Processed") is Moved.MOVED


async def test_without_uidplus_nothing_is_expunged(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in("IMAP4rev1 AUTH=PLAIN SASL-IR")
        await peer.opens()
        await peer.hears("UID COPY")
        await peer.answers()
        await peer.hears("UID STORE")
        await peer.answers()
        assert await peer.line() == b"A5 LOGOUT"

    async with mailbox_at(script) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.move([7], "Processed") is Moved.FLAGGED


async def test_mails_that_may_not_be_removed_are_copied_and_stay(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in("IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS")
        await peer.opens()
        await peer.hears("UID COPY")
        await peer.answers()
        await peer.hears("UID STORE")
        await peer.answers(told="NO [NOPERM] not yours")
        assert await peer.line() == b"A5 LOGOUT"

    async with mailbox_at(script) as mailbox:
        await mailbox.select("INBOX")

        assert await mailbox.move([7], "Processed") is Moved.LEFT


def outgoing(*pieces: bytes, size: int) -> Outgoing:
    return Outgoing(size, lambda: aclosing(each(pieces)))


async def each(pieces: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece


async def test_a_mail_is_put_only_when_the_server_wants_it(autojump_clock: MockClock) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in()
        assert await peer.hears("APPEND") == rb'"Sent" (\Seen) {6}'
        await peer.answers(told="NO [TRYCREATE] no such folder")
        await peer.hears("CREATE")
        await peer.answers()
        await peer.hears("SUBSCRIBE")
        await peer.answers()
        await peer.hears("APPEND")
        await peer.says(b"+ go\r\n")
        assert await peer.bytes_of(8) == b"abcdef\r\n"
        await peer.answers(told="OK [APPENDUID 99 17] done")

    async with mailbox_at(script) as mailbox:
        assert await mailbox.append("Sent", outgoing(b"abc", b"def", size=6)) == 17


@pytest.mark.parametrize("size", [5, 7])
async def test_a_mail_that_is_not_as_long_as_was_said_is_not_put(
    autojump_clock: MockClock, size: int
) -> None:
    async def script(peer: ImapPeer) -> None:
        await peer.lets_in()
        await peer.hears("APPEND")
        await peer.says(b"+ go\r\n")
        await peer.silent()

    async with mailbox_at(script) as mailbox:
        with pytest.raises(SourceBroken):
            await mailbox.append("Sent", outgoing(b"abc", b"def", size=size))

        assert not mailbox.usable
