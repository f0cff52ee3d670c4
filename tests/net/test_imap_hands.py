"""Calls on folders: sessions that are kept, how many there are, and what becomes of dead ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

import pytest
import trio
from attrs import define, field, frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from omni_actors.model.failure import Kind, Reason, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.imap_hands import SESSIONS_PER_CHANNEL, FolderHands, open_folder_hands
from omni_actors.net.imap_link import Outgoing
from omni_actors.net.imap_session import AGE_MAX_S
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import FindCall, FolderReply, KeepCall, MailServer, Tls
from omni_actors.wire.mail import Mail
from tests.support.imap_peer import ACCOUNT, SERVER, Dialled, ImapPeer

ONE, TWO = "<one@shop.example>", "<two@shop.example>"


def keep(message_id: str) -> KeepCall:
    mail = Mail((("Message-ID", message_id),), "Hello", "seed")
    return KeepCall(SERVER, "\\Sent", mail, deadline_s=60.0)


def find(message_id: str) -> FindCall:
    return FindCall(SERVER, "\\Sent", message_id)


@define(eq=False)
class House:
    """A mail server with one folder. `mails` are the Message-IDs in it; it goes wrong with the
    `hangs_up_at`th or `falls_silent_at`th command of its first session, after having done it, and
    before it answers; if that is negative, after it."""

    hangs_up_at: float = inf
    falls_silent_at: float = inf
    works_s: float = 0.0
    mails: list[str] = field(factory=list)
    sessions: list[list[str]] = field(factory=list)
    """The commands of each."""
    here: int = 0
    most: int = 0

    async def __call__(self, peer: ImapPeer) -> None:
        heard: list[str] = []
        self.sessions.append(heard)
        self.here += 1
        self.most = max(self.most, self.here)
        first = len(self.sessions) == 1
        try:
            await peer.lets_in()
            while heard[-1:] != ["LOGOUT"]:
                told = await self.told(peer, heard)
                if first and len(heard) == self.hangs_up_at:
                    return await peer.gone()
                if first and len(heard) >= self.falls_silent_at:
                    return await peer.silent()
                await peer.answers(*told)
                if first and len(heard) == -self.hangs_up_at:
                    return await peer.gone()
        finally:
            self.here -= 1

    async def told(self, peer: ImapPeer, heard: list[str]) -> tuple[str, ...]:
        """Do what a command says; the lines before its answer."""
        line = (await peer.line()).decode()
        tag, verb, *_ = line.split(" ", 2)
        peer.tag = tag.encode()
        heard.append(verb)
        await trio.sleep(self.works_s)
        match verb:
            case "LIST":
                return ('LIST (\\Sent) "/" "Sent"', 'LIST () "/" "INBOX"')
            case "EXAMINE":
                return (f"{len(self.mails)} EXISTS", "OK [UIDVALIDITY 9] so", "OK [UIDNEXT 9] so")
            case "UID":
                found = [n for n, each in enumerate(self.mails, 1) if each in line]
                return (" ".join(["SEARCH", *map(str, found)]),)
            case "APPEND":
                self.mails.append(await put(peer, line))
        return ()


async def put(peer: ImapPeer, line: str) -> str:
    """The Message-ID of a mail that is put."""
    size = line.rpartition("{")[2].rstrip("+}")
    if not line.endswith("+}"):
        await peer.says(b"+ go on\r\n")
    mail = await peer.bytes_of(int(size))
    await peer.line()
    return mail.decode().partition("\r\n")[0].removeprefix("Message-ID: ")


async def compose(mail: Mail) -> Outgoing:
    [(name, value)] = mail.headers
    raw = f"{name}: {value}\r\n\r\n{mail.text}\r\n".encode()

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            yield raw

        yield pieces()

    return Outgoing(len(raw), opened)


@frozen
class Kept:
    """Hands at work on a house."""

    hands: FolderHands

    async def __call__(self, call: FindCall | KeepCall) -> FolderReply:
        return await self.hands.make(call, ACCOUNT, Trace())


@asynccontextmanager
async def hands_at(house: House) -> AsyncIterator[Kept]:
    async with trio.open_nursery() as nursery:
        dial = Dialled(nursery, house)
        async with open_folder_hands(compose=compose, now=trio.current_time, dial=dial) as hands:
            yield Kept(hands)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_one_session_serves_one_mail_after_the_other(autojump_clock: MockClock) -> None:
    house = House()
    async with hands_at(house) as make:
        for n in range(5):
            await make(keep(f"<{n}@shop.example>"))
        found = await make(find("<3@shop.example>"))

    assert found.found
    assert len(house.mails) == 5
    [heard] = house.sessions
    assert heard.count("LIST") == heard.count("EXAMINE") == 1
    assert heard[-1] == "LOGOUT"


async def test_a_mail_that_is_there_is_not_put_again(autojump_clock: MockClock) -> None:
    house = House()
    async with hands_at(house) as make:
        for _ in range(3):
            assert await make(keep(ONE)) == FolderReply(True)

    assert house.mails == [ONE]


async def test_a_session_is_closed_when_it_is_idle_for_a_minute(autojump_clock: MockClock) -> None:
    house = House()
    async with hands_at(house) as make:
        await make(keep(ONE))
        await trio.sleep(59)
        assert house.here == 1
        await trio.sleep(2)
        assert house.here == 0
        assert house.sessions[0][-1] == "LOGOUT"


async def test_a_session_grows_old(autojump_clock: MockClock) -> None:
    house = House()
    async with hands_at(house) as make:
        for n in range(int(AGE_MAX_S // 30) + 2):
            await make(keep(f"<{n}@shop.example>"))
            await trio.sleep(30)

    assert len(house.sessions) == 2


async def test_of_an_account_few_sessions_are_open_at_once(autojump_clock: MockClock) -> None:
    house = House(works_s=0.1)
    async with hands_at(house) as make, trio.open_nursery() as nursery:
        for n in range(5 * SESSIONS_PER_CHANNEL):
            nursery.start_soon(make, keep(f"<{n}@shop.example>"))

    assert house.most == len(house.sessions) == SESSIONS_PER_CHANNEL
    assert len(house.mails) == 5 * SESSIONS_PER_CHANNEL


# LIST, EXAMINE, UID, APPEND of the first mail; then NOOP, UID, APPEND of the second.
@pytest.mark.parametrize("at", [-4, 5, 6, 7])
async def test_a_kept_session_that_dies_costs_no_copy_and_makes_none_twice(
    at: int, autojump_clock: MockClock
) -> None:
    house = House(hangs_up_at=at)
    async with hands_at(house) as make:
        await make(keep(ONE))
        assert await make(keep(TWO)) == FolderReply(True)

    assert house.mails == [ONE, TWO]
    assert len(house.sessions) == 2
    assert trio.current_time() < 5


async def test_a_kept_session_that_says_nothing_is_not_waited_for_long(
    autojump_clock: MockClock,
) -> None:
    house = House(falls_silent_at=5)
    async with hands_at(house) as make:
        await make(keep(ONE))
        await make(keep(TWO))

    assert house.mails == [ONE, TWO]
    assert trio.current_time() < 15


async def test_a_new_session_that_dies_is_told_and_not_tried_again(
    autojump_clock: MockClock,
) -> None:
    house = House(hangs_up_at=4)
    async with hands_at(house) as make:
        with pytest.raises(SendFailure):
            await make(keep(ONE))
        assert len(house.sessions) == 1
        await make(keep(ONE))

    assert house.mails == [ONE]


async def test_a_server_that_says_nothing_ends_a_call_in_its_time(
    autojump_clock: MockClock,
) -> None:
    house = House(falls_silent_at=1)
    async with hands_at(house) as make:
        with pytest.raises(SendFailure) as failed:
            await make(keep(ONE))

    assert (failed.value.failure.kind, failed.value.failure.reason) == (
        Kind.TRANSIENT,
        Reason.TIMED_OUT,
    )
    assert trio.current_time() <= 65


@define
class Door:
    """A mail server that counts who comes, and says goodbye when nobody more does."""

    here: int = 0
    most: int = 0
    all: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.all += 1
        self.here += 1
        self.most = max(self.most, self.here)
        await wait_all_tasks_blocked(0.02)
        await stream.send_all(b"* BYE come again\r\n")
        self.here -= 1


async def test_a_burst_of_mails_does_not_use_up_the_sessions_of_an_account() -> None:
    door = Door()
    account = Account("mail", "secret", hosts=frozenset({"127.0.0.1"}))

    async def look(server: MailServer, hands: FolderHands) -> None:
        try:
            await hands.make(FindCall(server, "Sent", "<a@b.c>"), account, Trace())
        except SendFailure:
            return

    async with (
        trio.open_nursery() as nursery,
        open_folder_hands(compose=compose, now=trio.current_time) as hands,
    ):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, door.serve, [listener])
        server = MailServer("127.0.0.1", port, "ada@example.org", Tls.PLAIN)
        async with trio.open_nursery() as calls:
            for _ in range(3 * SESSIONS_PER_CHANNEL):
                calls.start_soon(look, server, hands)
        nursery.cancel_scope.cancel()

    assert (door.most, door.all) == (SESSIONS_PER_CHANNEL, 3 * SESSIONS_PER_CHANNEL)
