"""One connection to an IMAP server: a command is written and its answer read, within a deadline.

Whatever breaks in the middle of an answer (a deadline, a cancellation, nonsense, a disk that is
full) leaves the stream out of step, so the socket is closed then, and never used again.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf
from typing import Final, TypeAlias

import trio
from attrs import define, evolve, field, frozen

from omni_actors.net.imap_failures import ImapFailure, ImapKind, refused
from omni_actors.net.mail_place import secured
from omni_actors.net.streams import SourceBroken
from omni_actors.wire.imap import Imap
from omni_actors.wire.imap_commands import Command
from omni_actors.wire.imap_framing import Malformed, Piece
from omni_actors.wire.imap_replies import Asked, Event, Reply, Status, Told

CHUNK_BYTES: Final = 64 * 1024
REPLIES_MAX: Final = 20_000  # of the kind that was asked for, in one answer

Write: TypeAlias = Callable[[bytes], Awaitable[None]]
OpenPieces: TypeAlias = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]
_LOST: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


@frozen
class Patience:
    """How long we wait, in seconds."""

    connect_s: float = 30.0  # for the connection, and again for TLS
    greeting_s: float = 60.0
    command_s: float = 60.0  # for the whole answer to a command that brings no mail
    stall_s: float = 60.0  # for the next bytes of a mail
    body_s: float = 900.0  # for a whole mail, fetched or put
    idle_s: float = 540.0  # since the server's last word, before IDLE is said again
    idle_s_max: float = 1620.0  # before IDLE is said again in any case (RFC 2177: 29 minutes)
    done_s: float = 30.0  # for the end of IDLE
    poll_s: float = 60.0  # between looks where there is no IDLE
    goodbye_s: float = 2.0


@frozen
class Outgoing:
    """A mail to be put: its bytes, and how many they are. `open` may be called twice; each time it
    gives all of them, in bounded pieces."""

    size: int
    open: OpenPieces


@frozen
class Answer:
    """What ended a command, and the replies before it that were asked for."""

    verb: str
    told: Told
    replies: tuple[Reply, ...] = ()

    def require(self) -> "Answer":
        """The answer itself when it is OK. Raises ImapFailure with REFUSED."""
        if not self.told.ok:
            raise refused(self.verb, self.told)
        return self


@define(eq=False)
class Link:
    """A connection; one task at a time. The `secret` is masked in all that a failure says."""

    imap: Imap
    patience: Patience
    _stream: trio.abc.Stream
    secret: str = field(default="", repr=False)
    usable: bool = field(default=True, init=False)  # another command may follow

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Go on in TLS; whatever was said before may have been said by anybody, and is forgotten.

        Raises ImapFailure.
        """
        async with self.talking(self.patience.connect_s, "TLS"):
            if not self.imap.clean:
                raise Malformed("something came that nobody asked for, before TLS began")
            self.imap.forget()
            try:
                self._stream = await secured(self._stream, context, host)
            except trio.BrokenResourceError as error:
                raise _untrusted(host, error) from error

    async def aclose(self) -> None:
        """Hang up at once."""
        self.usable = False
        await trio.aclose_forcefully(self._stream)

    async def greeting(self) -> Told:
        """The first thing the server says. Raises ImapFailure."""
        async with self.talking(self.patience.greeting_s, "the greeting"):
            while not (events := await self.hear()):
                pass
            if isinstance(told := events[0], Told) and told.tag is None:
                return told
            raise Malformed("no greeting")

    async def ask(
        self,
        command: Command,
        *kinds: type[Reply],
        within_s: float | None = None,
        body: Write | None = None,
        source: Outgoing | None = None,
        answer: Callable[[Asked], bytes] | None = None,
    ) -> Answer:
        """Say a command and read its answer, keeping the replies of these kinds.

        `body` takes the pieces of a mail that comes; `source` is one that goes, opened once the
        server wants it; `answer` answers what AUTHENTICATE asks. Raises ImapFailure, though never
        REFUSED, which is the caller's to judge; SourceBroken; and what the callbacks raise.
        """
        kept: list[Reply] = []
        seconds = self.patience.command_s if within_s is None else within_s
        async with self.talking(seconds, command.verb):
            self.imap.begin(command)
            await self.write()
            while True:
                for event in await self.hear(inf if body is None else self.patience.stall_s):
                    match event:
                        case Told(tag=str()):
                            told = evolve(event, text=self.masked(event.text))
                            return Answer(command.verb, told, tuple(kept))
                        case Piece(data):
                            await _given(body, data)
                        case Asked() if answer is not None:
                            self.imap.answer(answer(event))
                        case Asked() if source is not None:
                            await self._send_from(source)
                        case Asked():
                            raise Malformed("the server asks, and nobody can answer")
                        case _ if isinstance(event, kinds):
                            kept.append(event)
                if len(kept) > REPLIES_MAX:
                    raise Malformed(f"an answer of more than {REPLIES_MAX} replies")
                await self.write()

    async def _send_from(self, mail: Outgoing) -> None:
        left = mail.size
        async with mail.open() as pieces:
            async for piece in pieces:
                left -= len(piece)
                if left < 0:
                    break
                await self._stream.send_all(piece)
        if left:
            raise SourceBroken("the mail is not as long as was said")
        self.imap.came()

    async def hear(self, within_s: float = inf) -> list[Event]:
        """What comes next. Raises ImapFailure at the end of the connection, when the server says
        good-bye, and when nothing comes in time; to be called while `talking`."""
        with trio.move_on_after(within_s) as waiting:
            data = await self._stream.receive_some(CHUNK_BYTES)
        if waiting.cancelled_caught:
            raise ImapFailure(ImapKind.TIMED_OUT, f"nothing came within {within_s:g} s")
        if not data:
            raise ImapFailure(ImapKind.GONE, "the server closed the connection")
        events = self.imap.receive(bytes(data))
        for event in events:
            if isinstance(event, Told) and event.status is Status.BYE:
                text = f"the server said good-bye: {event.text or 'without a word'}"
                raise ImapFailure(ImapKind.GONE, text, event.code)
        return events

    async def write(self) -> None:
        """Write what the protocol has to say; to be called while `talking`."""
        if data := self.imap.taken():
            await self._stream.send_all(data)

    @asynccontextmanager
    async def talking(self, within_s: float, what: str) -> AsyncIterator[None]:
        """An exchange that must end well within so many seconds, or the connection ends."""
        if not self.usable:
            raise ImapFailure(ImapKind.GONE, f"{what}: the session is over")
        well = False
        try:
            with trio.move_on_after(within_s) as waiting:
                yield
            if waiting.cancelled_caught:
                text = f"{what}: no complete answer within {within_s:g} s"
                raise ImapFailure(ImapKind.TIMED_OUT, text)
            well = True
        except (ImapFailure, Malformed, *_LOST) as error:
            raise self._failure(error, what) from error
        finally:
            if not well:  # also cancelled
                await self.aclose()

    def _failure(self, error: Exception, what: str) -> ImapFailure:
        match error:
            case ImapFailure():
                return ImapFailure(error.kind, self.masked(error.text), error.code)
            case Malformed():
                return ImapFailure(ImapKind.PROTOCOL, f"{what}: {self.masked(str(error))}")
            case _:
                return ImapFailure(ImapKind.GONE, f"{what}: the connection broke")

    def masked(self, text: str) -> str:
        """A text of the server's without the secret, should it repeat it."""
        return text.replace(self.secret, "***") if self.secret else text


async def _given(body: Write | None, data: bytes) -> None:
    if body is None:
        raise Malformed("a mail that was not asked for")
    await body(data)


def _untrusted(host: str, error: trio.BrokenResourceError) -> ImapFailure:
    cause = error.__cause__
    words = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause
    text = f"no TLS with {host}: {words or 'the connection broke'}"
    return ImapFailure(ImapKind.UNREACHABLE, text)
