"""Waiting until a folder gets mail, by IDLE where the server has it (RFC 2177)."""

from math import inf

import trio
from attrs import define, field

from omni_actors.net.imap_failures import refused
from omni_actors.net.imap_link import Link
from omni_actors.wire import imap_commands as commands
from omni_actors.wire.imap_framing import Malformed, Piece
from omni_actors.wire.imap_replies import Asked, Event, Told


@define(eq=False)
class Watch:
    """Waits for one mailbox."""

    _link: Link
    _woken: bool = field(default=False, init=False)
    _waiting: trio.CancelScope | None = field(default=None, init=False)

    def wake(self) -> None:
        """End the wait that is, or else the next one."""
        self._woken = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def news(self, within_s: float) -> bool:
        """Wait for more mails than there were. Raises ImapFailure."""
        ends_at = trio.current_time() + within_s
        await trio.lowlevel.checkpoint()
        while not self._over and trio.current_time() < ends_at:
            began_at = trio.current_time()
            poll_s = self._link.patience.poll_s
            if "IDLE" in self._link.imap.capabilities:
                given_up = await self._idle(ends_at)
                if not given_up or trio.current_time() >= began_at + poll_s:
                    continue
            await self._pause(min(ends_at, began_at + poll_s))
            await self._link.ask(commands.NOOP)
        self._woken = False
        return self._link.imap.grown

    @property
    def _over(self) -> bool:
        return self._link.imap.grown or self._woken

    async def _idle(self, ends_at: float) -> bool:
        """Idle once; whether it was the server that ended it. Raises ImapFailure."""
        patience = self._link.patience
        async with self._link.talking(patience.command_s, "IDLE"):
            self._link.imap.begin(commands.IDLE)
            await self._link.write()
            told = await self._until_asked()
        if told is None:
            async with self._link.talking(inf, "IDLE"):
                told = await self._listen(ends_at)
        if told is not None:
            if not told.ok:
                raise refused("IDLE", told)
            return True
        async with self._link.talking(patience.done_s, "the end of IDLE"):
            self._link.imap.done()
            await self._link.write()
            while _ended(await self._link.hear()) is None:
                pass
        return False

    async def _until_asked(self) -> Told | None:
        while True:
            events = await self._link.hear()
            if told := _ended(events):
                return told
            if any(isinstance(event, Asked) for event in events):
                return None

    async def _listen(self, ends_at: float) -> Told | None:
        """Listen until there is news, or IDLE must be said anew, for which every line of the
        server gives it more time; or until the server ends it, and how."""
        patience = self._link.patience
        again_at = trio.current_time() + patience.idle_s_max
        while not self._over:
            silent_at = trio.current_time() + patience.idle_s
            with trio.CancelScope(deadline=min(ends_at, again_at, silent_at)) as self._waiting:
                if told := _ended(await self._link.hear()):
                    return told
            if self._waiting.cancelled_caught:
                return None
        return None

    async def _pause(self, until: float) -> None:
        with trio.CancelScope(deadline=until) as self._waiting:
            await trio.sleep_forever()


def _ended(events: list[Event]) -> Told | None:
    """The answer to the command, where it is among the events."""
    for event in events:
        if isinstance(event, Piece):
            raise Malformed("a mail that was not asked for")
        if isinstance(event, Told) and event.tag is not None:
            return event
    return None
