"""Hands mails over to the servers of their accounts; what a server says is the reply."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from attrs import frozen

from omni_actors.model.failure import SendFailure
from omni_actors.net.account import Account
from omni_actors.net.connection import CLOSE_TIMEOUT_S
from omni_actors.net.lanes import Lane, Lanes, LaneStatistics, open_lanes
from omni_actors.net.letter import Letter, letter_of
from omni_actors.net.smtp_connection import Lost, MailConnection, MailKey, Progress, Silent
from omni_actors.net.smtp_failures import (
    deadline_passed,
    failure_of,
    too_large,
    unreadable,
    unspeakable,
)
from omni_actors.net.smtp_manners import Manners
from omni_actors.net.smtp_place import Dial, credential_for, dial, require_private, shown
from omni_actors.net.smtp_transcript import Transcript
from omni_actors.net.streams import OpenSource, SourceBroken
from omni_actors.net.tls import mail_context
from omni_actors.net.trace import Exchange, Trace
from omni_actors.wire.calls import GreetCall, MailCall, MailReply, SmtpReply, Stage
from omni_actors.wire.smtp import CLOSING, Envelope, Lacking, Refusal
from omni_actors.wire.smtp_lines import Unspeakable
from omni_actors.wire.smtp_replies import Garbled

IDLE_S: Final = 300.0
STALE_MAX: Final = 4  # connections that had died unnoticed, before one more is a failure


@asynccontextmanager
async def open_mail_hands(
    *,
    open_source: OpenSource,
    now: Callable[[], float],
    connections_per_channel: int = 3,
    connections_total: int = 256,
    ssl_context: ssl.SSLContext | None = None,
    disk_errors: tuple[type[Exception], ...] = (OSError,),
    dial: Dial = dial,
) -> AsyncIterator["MailHands"]:
    """The hands for outgoing mail. Leaving closes every connection.

    `disk_errors` as for HTTP: a mail whose file cannot be read may be tried again.
    """
    context = mail_context() if ssl_context is None else ssl_context

    def connection(key: MailKey) -> MailConnection:
        return MailConnection(key, dial, context)

    per_channel, total = connections_per_channel, connections_total
    async with open_lanes(connection, per_channel, total, IDLE_S) as lanes:
        manners = Manners(connections_per_channel)
        yield MailHands(lanes, manners, open_source, now, disk_errors, connection)


@frozen(eq=False)
class MailHands:
    """Hands mails over, each on a connection of its channel. Judges no reply."""

    _lanes: Lanes[MailKey, MailConnection]
    _manners: Manners
    _open_source: OpenSource
    _now: Callable[[], float]
    _disk_errors: tuple[type[Exception], ...]
    _new: Callable[[MailKey], MailConnection]

    def statistics(self) -> LaneStatistics:
        """A snapshot of the connections."""
        return self._lanes.statistics()

    async def make(self, call: MailCall, account: Account, trace: Trace) -> MailReply:
        """Hand one mail over and note the session in `trace`. Whatever the server says is a reply.

        Raises SendFailure where no reply decides: UNREACHABLE when surely nothing was handed over,
        UNKNOWN when the mail had been sent to its end, TRANSIENT when a file of it cannot be read,
        REJECTED when it can never be sent as it is, BROKEN when the channel must be mended first.
        Cancelled, it may have been sent.
        """
        started_at, log, progress = self._now(), Transcript(), Progress()
        reply, error = None, None
        try:
            reply = await self._in_time(call, account, progress, log)
        except SendFailure as failed:
            error = failed.failure.text
            raise
        finally:
            trace.add(self._exchange(call, started_at, log, reply, error))
        return reply

    async def greet(self, call: GreetCall, account: Account, trace: Trace) -> MailReply:
        """Log in and hang up, on a connection of its own. Raises SendFailure as `make`."""
        started_at, log, progress = self._now(), Transcript(), Progress()
        require_private(call.server)
        log.secret = credential_for(call.server, account)
        connection = self._new(MailKey(account.channel_id, call.server))
        try:
            with trio.fail_after(call.deadline_s):
                await connection.opened(log.secret, progress, log)
            return MailReply(Stage.MAIL, SmtpReply(250))
        except Refusal as refusal:
            return refusal.reply
        except (Lost, Silent, Garbled, Lacking, Unspeakable) as error:
            raise failure_of(error, call.server, progress) from error
        except trio.TooSlowError:
            raise deadline_passed(call, progress) from None
        finally:
            with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
                await connection.aclose()
            trace.add(greeting(call, started_at, self._now(), log))

    def _exchange(
        self,
        call: MailCall,
        started_at: float,
        log: Transcript,
        reply: MailReply | None,
        error: str | None,
    ) -> Exchange:
        return Exchange(
            method="MAIL",
            url=shown(call.server),
            started_at=started_at,
            ended_at=self._now(),
            request={
                "sender": call.sender,
                "recipients": list(call.recipients),
                "envelope_id": call.envelope_id,
                "files": len(call.mail.attachments),
            },
            status=None if reply is None else reply.reply.code,
            reply={
                "stage": None if reply is None else reply.stage.value,
                "session": log.as_json(),
            },
            error=error,
        )

    async def _in_time(
        self, call: MailCall, account: Account, progress: Progress, log: Transcript
    ) -> MailReply:
        require_private(call.server)
        log.secret = credential_for(call.server, account)
        with trio.move_on_after(call.deadline_s):
            try:
                letter = await letter_of(call.mail, self._open_source, self._disk_errors)
            except Unspeakable as error:
                raise unspeakable(error) from None
            async with self._manners.room(account.channel_id):
                key = MailKey(account.channel_id, call.server)
                return await self._handed_over(call, key, letter, progress, log)
        raise deadline_passed(call, progress)

    async def _handed_over(
        self, call: MailCall, key: MailKey, letter: Letter, progress: Progress, log: Transcript
    ) -> MailReply:
        """Hand it over; a kept connection that proves dead, before it had the mail, is exchanged
        for another."""
        for tries in range(STALE_MAX + 1):
            lane = await self._lanes.borrow(key)
            kept = lane.connection.mails > 0 and tries < STALE_MAX
            try:
                reply = await self._on_lane(call, lane, letter, progress, log)
            except Lost as lost:
                if kept and not progress.dotted:
                    log.noted(f"{lost}; another connection is made")
                    continue
                raise failure_of(lost, call.server, progress) from lost
            except (Silent, Garbled, Lacking, Unspeakable) as error:
                raise failure_of(error, call.server, progress) from error
            if reply.reply.code == CLOSING and kept and not progress.poured:
                continue
            self._manners.complained(key.channel_id, reply.reply.code)
            return reply
        raise AssertionError("unreachable: the last try ends in one way or another")

    async def _on_lane(
        self,
        call: MailCall,
        lane: Lane[MailKey, MailConnection],
        letter: Letter,
        progress: Progress,
        log: Transcript,
    ) -> MailReply:
        connection, mail = lane.connection, letter.mail
        try:
            offers = await connection.opened(log.secret, progress, log)
            if offers.size_max is not None and mail.size > offers.size_max:
                raise too_large(mail.size, offers.size_max)
            envelope = Envelope(
                call.sender,
                tuple(dict.fromkeys(call.recipients)),
                mail.size,
                call.envelope_id,
                utf8=mail.utf8,
                required=frozenset(call.required),
            )
            return await connection.hand_over(envelope, letter.pour, progress, log)
        except Refusal as refusal:
            return refusal.reply
        except SourceBroken as error:
            raise unreadable(error) from error
        finally:
            self._lanes.give_back(lane)


def greeting(call: GreetCall, started_at: float, ended_at: float, log: Transcript) -> Exchange:
    """A login without a mail, as it is shown."""
    return Exchange(
        method="GREET",
        url=shown(call.server),
        started_at=started_at,
        ended_at=ended_at,
        request={},
        status=None,
        reply={"session": log.as_json()},
    )
