"""One connection to a mail server: takes the steps of SMTP's dialogues, each within its time."""

import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar, assert_never

import trio
from attrs import define, field, frozen

from omni_actors.net.letter import Send
from omni_actors.net.mail_place import secured
from omni_actors.net.smtp_place import CONNECT_S, Dial, name_of_us
from omni_actors.net.smtp_transcript import Transcript
from omni_actors.wire.calls import MailReply, MailServer, SmtpReply, Stage, Tls
from omni_actors.wire.smtp import (
    BLOCK_S,
    CLOSING,
    QUIT,
    TOO_MANY,
    Dialogue,
    Envelope,
    Listen,
    Pour,
    Refusal,
    Say,
    Secure,
    Step,
    mailing,
    opening,
)
from omni_actors.wire.smtp_lines import Unspeakable
from omni_actors.wire.smtp_offers import Offers
from omni_actors.wire.smtp_replies import Garbled, Replies

T = TypeVar("T")

CHUNK_BYTES: Final = 64 * 1024
QUIT_S: Final = 1.0
MAILS_MAX: Final = 100
NETWORK_ERRORS: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

# Sends a mail's bytes, all but its last, and returns those with the final dot.
Body: TypeAlias = Callable[[Send], Awaitable[bytes]]


class Lost(Exception):
    """The connection was not made, or is gone. The text says how, as a clause."""


class Silent(Exception):
    """The server took too long for one step. The text says for which."""


@define
class Progress:
    """How far the handing over of a mail came. `dotted`: its end may have left."""

    stage: Stage = Stage.GREETING
    connected: bool = False
    dotted: bool = False
    poured: int = 0


@frozen
class MailKey:
    """Whose connection it is, and where it leads."""

    channel_id: str
    server: MailServer


@define(eq=False)
class MailConnection:
    """Made and opened by its first mail; one mail at a time. Cancelled, it is of no more use."""

    key: MailKey
    dial: Dial
    context: ssl.SSLContext
    mails: int = field(default=0, init=False)
    _stream: trio.abc.Stream | None = field(default=None, init=False)
    _socket: trio.abc.Stream | None = field(default=None, init=False)
    _replies: Replies = field(factory=Replies, init=False)
    _awaited: int = field(default=0, init=False)  # replies that are still to come
    _offers: Offers | None = field(default=None, init=False)
    _clean: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def available(self) -> bool:
        """Whether another mail may follow the last one; not on a connection that is worn out."""
        return self._clean and not self._closed and self.mails < MAILS_MAX

    @property
    def closed(self) -> bool:
        """Whether it was closed by us."""
        return self._closed

    @property
    def hung_up(self) -> bool:
        """Whether the other side has closed it, or says what nobody asked for."""
        socket = self._socket
        readable = isinstance(socket, trio.SocketStream) and socket.socket.is_readable()
        return readable or self._replies.pending

    async def opened(self, secret: str, progress: Progress, log: Transcript) -> Offers:
        """Connect, greet and log in, unless that is done; what the server offers.

        Raises Refusal, Lacking, Unspeakable, Garbled, Lost, Silent.
        """
        if self._offers is None:
            ours = await self._connect()
            progress.connected = True
            name = self.key.server.ehlo or name_of_us(ours)
            steps = opening(self.key.server, name, secret)
            self._offers = await self._held(steps, progress, log)
            self._clean = True
        return self._offers

    async def hand_over(
        self, envelope: Envelope, body: Body, progress: Progress, log: Transcript
    ) -> MailReply:
        """Hand one mail over on an opened connection.

        Raises as `opened`, and what `body` raises; the mail's end was not sent then.
        """
        assert self._offers is not None
        again, self._clean = self.mails > 0, False
        progress.connected, progress.stage = True, Stage.MAIL
        steps = mailing(envelope, self._offers, again=again)
        try:
            reply = await self._held(steps, progress, log, body)
        except Unspeakable:  # which is found out before anything is said
            self._clean = True
            raise
        self.mails += 1
        if reply.stage is Stage.END and not progress.dotted:
            return _cut_short(reply)
        self._clean = reply.reply.code not in (CLOSING, TOO_MANY)
        return reply

    async def aclose(self) -> None:
        """Say goodbye if the server still listens, and hang up without waiting for long."""
        self._closed = True
        if self._stream is None:
            return
        with trio.move_on_after(QUIT_S):
            await self._goodbye(self._stream)
        await trio.aclose_forcefully(self._stream)

    async def _goodbye(self, stream: trio.abc.Stream) -> None:
        if not self._clean or self.hung_up:
            return
        try:
            await stream.send_all(QUIT)
            await stream.receive_some(CHUNK_BYTES)
        except NETWORK_ERRORS:
            return  # it does not matter any more

    async def _connect(self) -> str:
        """Connect, in TLS at once where that is wanted; the address of our end."""
        server = self.key.server
        with trio.move_on_after(CONNECT_S):
            try:
                reached = await self.dial(server.host, server.port)
            except OSError as error:
                raise Lost("the connection was not made") from error
            self._stream = self._socket = reached.stream
            if server.tls is Tls.IMPLICIT:
                await self._secure()
            return reached.ours
        raise Silent(f"no connection within {CONNECT_S:g} s")

    async def _secure(self) -> None:
        assert self._stream is not None
        try:
            self._stream = await secured(self._stream, self.context, self.key.server.host)
        except (trio.BrokenResourceError, ssl.CertificateError) as error:
            raise Lost("TLS could not be agreed upon") from error

    async def _held(
        self,
        steps: Dialogue[T],
        progress: Progress,
        log: Transcript,
        body: Body | None = None,
    ) -> T:
        """Take a dialogue's steps to its end."""
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._taken(step, progress, log, body))
        except StopIteration as finished:
            result: T = finished.value
            return result
        finally:
            steps.close()

    async def _taken(
        self, step: Step, progress: Progress, log: Transcript, body: Body | None
    ) -> SmtpReply | None:
        match step:
            case Say():
                self._require_silence(progress, log)
                log.said(*step.shown)
                await self._say(step.data)
                self._awaited += len(step.shown)
            case Listen():
                progress.stage = step.stage
                return log.heard(await self._hear(step))
            case Secure():
                self._replies.forget()
                with trio.move_on_after(CONNECT_S) as shaking:
                    await self._secure()
                if shaking.cancelled_caught:
                    raise Silent(f"no TLS within {CONNECT_S:g} s")
                log.noted("TLS")
            case Pour():
                self._require_silence(progress, log)
                assert body is not None
                await self._pour(body, progress, log)
            case _:
                assert_never(step)
        return None

    def _require_silence(self, progress: Progress, log: Transcript) -> None:
        """What comes before we speak answers nothing; a later command would get it as its reply."""
        if self._awaited or not self._replies.pending:
            return
        reply = self._replies.take()
        if reply is not None and reply.code == CLOSING:
            raise Refusal(progress.stage, log.heard(reply))
        raise Garbled("something was said that nobody asked for")

    async def _say(self, data: bytes) -> None:
        """Send; who has hung up may have said why, so that is for the next reply to tell."""
        assert self._stream is not None
        with trio.move_on_after(BLOCK_S) as sending:
            try:
                await self._stream.send_all(data)
            except NETWORK_ERRORS:
                return
        if sending.cancelled_caught:
            raise Silent(f"the server took nothing for {BLOCK_S:g} s")

    async def _pour(self, body: Body, progress: Progress, log: Transcript) -> None:
        """Send the mail. A server that hangs up before its end may have said why."""
        self._awaited += 1
        progress.stage = Stage.DATA

        async def send(data: bytes) -> None:
            await self._send_block(data)
            progress.poured += len(data)

        try:
            last = await body(send)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.noted(f"the connection broke after {progress.poured} bytes of the mail")
            return
        progress.dotted = True
        progress.poured += len(last)
        log.poured(progress.poured)
        await self._say(last)

    async def _send_block(self, data: bytes) -> None:
        assert self._stream is not None
        with trio.move_on_after(BLOCK_S) as sending:
            await self._stream.send_all(data)
        if sending.cancelled_caught:
            raise Silent(f"the server took nothing of the mail for {BLOCK_S:g} s")

    async def _hear(self, step: Listen) -> SmtpReply:
        with trio.move_on_after(step.within_s):
            while (reply := self._replies.take()) is None:
                self._replies.feed(await self._receive())
            self._awaited -= step.stage is not Stage.GREETING
            return reply
        raise Silent(f"the server did not answer within {step.within_s:g} s")

    async def _receive(self) -> bytes:
        assert self._stream is not None
        try:
            data = bytes(await self._stream.receive_some(CHUNK_BYTES))
        except NETWORK_ERRORS as error:
            raise Lost("the connection broke") from error
        if not data:
            raise Lost("the server hung up")
        return data


def _cut_short(reply: MailReply) -> MailReply:
    """The server said something before it had the whole mail; it cannot have taken it."""
    if reply.reply.code < 400:
        raise Garbled("the server accepted a mail that it did not have to its end")
    return MailReply(Stage.DATA, reply.reply, reply.recipients)
