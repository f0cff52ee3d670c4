"""A scripted IMAP server over a stream in memory: it says what no real one would, when told to.

    async def script(peer: ImapPeer) -> None:
        await peer.lets_in()
        await peer.hears("UID FETCH")
        await peer.says(b"* BYE\\r\\n")

    async with mailbox_at(script) as mailbox:
        ...

Nothing here takes wall time: with `autojump_clock`, deadlines pass at once when all are waiting.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import pytest
import trio
import trio.testing
from attrs import define, field, frozen

from omni_actors.net.account import Account
from omni_actors.net.imap import ImapFailure, ImapKind, Mailbox, open_mailbox
from omni_actors.wire.calls import MailServer, Tls

SECRET: Final = "s3cret"
SERVER: Final = MailServer("localhost", 143, "support@example.test", Tls.PLAIN)
ACCOUNT: Final = Account("mail", SECRET, hosts=frozenset({"localhost"}))
ABLE: Final = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN IDLE UIDPLUS MOVE"


@define(eq=False)
class ImapPeer:
    """The server's end of a connection. `heard` holds every line that came."""

    stream: trio.abc.Stream
    cut: int | None = None  # all that is said, together, is split behind so many bytes
    heard: list[bytes] = field(factory=list)
    tag: bytes = b""
    _said: int = 0
    _came: bytearray = field(factory=bytearray)

    async def says(self, data: bytes) -> None:
        """Say bytes as they are."""
        at = None if self.cut is None else self.cut - self._said
        self._said += len(data)
        if at is not None and 0 < at < len(data):
            await self.stream.send_all(data[:at])
            await trio.testing.wait_all_tasks_blocked()
            data = data[at:]
        await self.stream.send_all(data)

    async def line(self) -> bytes:
        """The next line, without its end."""
        while b"\n" not in self._came:
            await self._more()
        line, _, rest = bytes(self._came).partition(b"\n")
        self._came = bytearray(rest)
        self.heard.append(line.removesuffix(b"\r"))
        return self.heard[-1]

    async def bytes_of(self, size: int) -> bytes:
        """The next bytes."""
        while len(self._came) < size:
            await self._more()
        data = bytes(self._came[:size])
        del self._came[:size]
        return data

    async def _more(self) -> None:
        chunk = await self.stream.receive_some(65536)
        if not chunk:
            raise trio.BrokenResourceError("the client hung up")
        self._came += chunk

    async def hears(self, verb: str) -> bytes:
        """The next command, which must be this one; its arguments."""
        self.tag, _, rest = (await self.line()).partition(b" ")
        assert rest.startswith(verb.encode()), f"{rest!r} and not {verb}"
        return rest[len(verb) + 1 :]

    async def answers(self, *untagged: str, told: str = "OK done") -> None:
        """Answer the last command."""
        lines = "".join(f"* {line}\r\n" for line in untagged)
        await self.says(lines.encode() + self.tag + f" {told}\r\n".encode())

    async def lets_in(self, able: str = ABLE) -> None:
        """Greet, and take any password."""
        await self.says(f"* OK [CAPABILITY {able}] ready\r\n".encode())
        await self.hears("AUTHENTICATE PLAIN")
        await self.answers(told=f"OK [CAPABILITY {able}] welcome")

    async def opens(self, exists: int = 3, validity: int = 99) -> None:
        """Open any folder."""
        await self.hears("SELECT")
        status = (f"OK [UIDVALIDITY {validity}] so", "OK [UIDNEXT 10] so")
        await self.answers(f"{exists} EXISTS", *status, told="OK [READ-WRITE] open")

    async def silent(self) -> None:
        """Take everything and say nothing until the client hangs up."""
        while await self.stream.receive_some(65536):
            pass

    async def gone(self) -> None:
        """Hang up."""
        await self.stream.aclose()


Script: TypeAlias = Callable[[ImapPeer], Awaitable[None]]


@frozen(eq=False)
class Dialled:
    """Makes connections in memory, each to a new run of the script."""

    nursery: trio.Nursery
    script: Script
    cut: int | None = None
    ends: list[trio.abc.Stream] = field(factory=list)

    async def __call__(self, _host: str, _port: int) -> trio.abc.Stream:
        """Connect."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.ends.append(ours)
        self.nursery.start_soon(self._serve, ImapPeer(theirs, self.cut))
        return ours

    async def _serve(self, peer: ImapPeer) -> None:
        # That the client hangs up is what some tests are about.
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.script(peer)


@asynccontextmanager
async def mailbox_at(
    script: Script, *, cut: int | None = None, **options: Any
) -> AsyncIterator[Mailbox]:
    """A session with a script. What goes wrong in the script fails the test."""
    async with trio.open_nursery() as nursery:
        asked = {"server": SERVER, "account": ACCOUNT, **options}
        async with open_mailbox(dial=Dialled(nursery, script, cut), **asked) as mailbox:
            yield mailbox
        nursery.cancel_scope.cancel()


async def failure_at(
    script: Script, work: Callable[[Mailbox], Awaitable[object]], **options: Any
) -> ImapFailure:
    """How work fails that must; after all but a refusal the connection must be closed."""
    usable: list[bool] = []
    async with trio.open_nursery() as nursery:
        dial = Dialled(nursery, script)
        asked = {"server": SERVER, "account": ACCOUNT, **options}

        async def worked() -> None:
            async with open_mailbox(dial=dial, **asked) as mailbox:
                try:
                    await work(mailbox)
                finally:
                    usable.append(mailbox.usable)

        with pytest.raises(ImapFailure) as failed:
            await worked()
        for end in dial.ends:
            with pytest.raises(trio.ClosedResourceError):
                await end.send_all(b"x")
        nursery.cancel_scope.cancel()
    assert usable in ([], [failed.value.kind is ImapKind.REFUSED])
    return failed.value
