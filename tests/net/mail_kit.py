"""Hands for mail, wired as the product wires them, and a scripted server in memory."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import trio
from attrs import define, evolve, field

from omni_actors.media.blobs import Blob, Blobs, DiskFull, Missing
from omni_actors.model.failure import Failure, SendFailure
from omni_actors.net.account import Account
from omni_actors.net.smtp import MailHands, open_mail_hands
from omni_actors.net.smtp_place import Reached
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import MailCall, MailServer, Tls
from omni_actors.wire.mail import Mail

SECRET = "correct horse"
MAIL = Mail(
    (("From", "support@example.test"), ("To", "ann@example.test"), ("Subject", "Hi")),
    "Hello\n.dot\n",
    "seed",
)
SERVER = MailServer("127.0.0.1", 2525, "support@example.test", Tls.PLAIN, ehlo="me")
CALL = MailCall(SERVER, "support@example.test", ("ann@example.test",), MAIL, "token1")
ACCOUNT = Account("mail-1", SECRET, hosts=frozenset({"127.0.0.1:2525"}))
EHLO = "250-mx\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-DSN\r\n250 AUTH PLAIN"


class Over(Exception):
    """The client is done."""


@define(eq=False)
class Peer:
    """The server's end of one connection; `number` counts them from 0."""

    stream: trio.abc.Stream
    number: int = 0
    heard: list[str] = field(factory=list)
    _buffer: bytearray = field(factory=bytearray)

    async def say(self, *replies: str) -> None:
        """Each of them a whole reply; all in one packet."""
        await self.stream.send_all("".join(f"{each}\r\n" for each in replies).encode("latin-1"))

    async def line(self) -> str:
        """The next command; empty when the client has hung up."""
        while b"\r\n" not in self._buffer:
            chunk = await self.stream.receive_some(65536)
            if not chunk:
                return ""
            self._buffer += chunk
        line, _, rest = bytes(self._buffer).partition(b"\r\n")
        self._buffer = bytearray(rest)
        self.heard.append(line.decode())
        return self.heard[-1]

    async def mail(self) -> bytes:
        """The mail to its final dot."""
        while (end := self._buffer.find(b"\r\n.\r\n")) < 0:
            chunk = await self.stream.receive_some(65536)
            assert chunk, "the client hung up within a mail"
            self._buffer += chunk
        mail = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        return mail

    async def open(self, ehlo: str = EHLO) -> None:
        """Greet, and let the client log in."""
        await self.say("220 mx")
        await self.line()
        await self.say(ehlo)
        if "AUTH" in ehlo:
            await self.line()
            await self.say("235 ok")

    async def envelope(self, *, again: bool = False) -> None:
        """Agree to a mail for one recipient, up to the 354."""
        first = await self.line()
        if first in ("", "QUIT"):
            raise Over
        assert first[:4] == ("RSET" if again else "MAIL")
        lines = [first, *[await self.line() for _ in range(3 if again else 2)]]
        await self.say(*["250 ok"] * (len(lines) - 1), "354 go")

    async def take(self, *, again: bool = False) -> bytes:
        """Take one mail."""
        await self.envelope(again=again)
        mail = await self.mail()
        await self.say("250 2.0.0 queued")
        return mail


async def friendly(peer: Peer) -> None:
    """Take every mail."""
    await peer.open()
    again = False
    while True:
        await peer.take(again=again)
        again = True


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


@define(eq=False)
class Scripted:
    """A server that follows a script on every connection. Its streams are in memory, so that
    nothing but the run's clock tells the time."""

    script: Script
    nursery: trio.Nursery
    peers: list[Peer] = field(factory=list)
    open: int = 0

    async def dial(self, _host: str, _port: int) -> Reached:
        """Connect to it."""
        ours, theirs = trio.testing.memory_stream_pair()
        peer = Peer(theirs, len(self.peers))
        self.peers.append(peer)
        self.nursery.start_soon(self._serve, peer)
        return Reached(ours, "127.0.0.1")

    async def _serve(self, peer: Peer) -> None:
        self.open += 1
        try:
            async with peer.stream:
                await self.script(peer)
        except (Over, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client hung up, which some tests are about
        finally:
            self.open -= 1


@asynccontextmanager
async def scripted(script: Script, **options: Any) -> AsyncIterator[tuple[MailHands, Scripted]]:
    """Hands that reach only this server."""
    async with trio.open_nursery() as nursery:
        server = Scripted(script, nursery)
        async with mail_hands(dial=server.dial, **options) as hands:
            yield hands, server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def mail_hands(
    blobs: Blobs | None = None, ssl_context: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailHands]:
    """Hands wired as the product wires them."""

    def open_source(blob: str, size: int) -> Any:
        assert blobs is not None
        return blobs.open_source(Blob(blob, size))

    async with open_mail_hands(
        open_source=open_source,
        now=trio.current_time,
        ssl_context=ssl_context,
        disk_errors=(OSError, DiskFull, Missing),
        **options,
    ) as hands:
        yield hands


async def failure_of(
    hands: MailHands, call: MailCall = CALL, by: Account = ACCOUNT, trace: Trace | None = None
) -> Failure:
    """How a call failed that must fail."""
    try:
        reply = await hands.make(call, by, trace or Trace())
    except SendFailure as failed:
        return failed.failure
    raise AssertionError(f"the mail was answered: {reply}")


def session_of(trace: Trace) -> list[str]:
    """The lines of the last session in a trace."""
    reply = trace.exchanges[-1].reply
    assert isinstance(reply, dict)
    lines = reply["session"]
    assert isinstance(lines, list)
    return [str(line) for line in lines]


def to(*recipients: str, **changes: Any) -> MailCall:
    """The usual mail to others."""
    return evolve(CALL, recipients=recipients, **changes)
