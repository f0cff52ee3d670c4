"""An IMAP client without I/O: bytes in, events out, commands to bytes.

Nothing is ever enabled: not IMAP4rev2, which some servers announce and answer wrongly, and not
UTF-8 in names. https://www.rfc-editor.org/rfc/rfc3501
"""

import base64
from collections import deque
from typing import Final

from attrs import define, field

from omni_actors.wire.imap_commands import Command, Pause, spelled
from omni_actors.wire.imap_framing import LINE_BYTES_MAX, Framing, Malformed, Response
from omni_actors.wire.imap_replies import (
    Able,
    Asked,
    Event,
    Exists,
    Expunged,
    Reply,
    Told,
    capabilities_of,
    reply_of,
)

# A search may find so many UIDs that its answer, which is one line, gets this long.
SEARCH_BYTES_MAX: Final = 16 * 1024 * 1024

_ASK: Final = ("AUTHENTICATE", "IDLE")  # commands whose continuations are the caller's to answer
_SEARCH: Final = "UID SEARCH"


@define
class _Running:
    """The command that the server has not answered yet."""

    tag: str
    verb: str
    steps: deque[bytes | Pause]


@define(eq=False)
class Imap:
    """One connection, one command at a time.

    `begin` a command, write what `taken` gives, hand over what comes with `receive`, write again.
    A command has ended when `receive` gives its `Told` with a tag. After Malformed the connection
    is of no more use.
    """

    capabilities: frozenset[str] = frozenset()
    exists: int = 0  # mails in the selected folder
    grown: bool = False  # more mails came since `looked`
    _framing: Framing = field(factory=Framing)
    _running: _Running | None = None
    _outgoing: bytearray = field(factory=bytearray)
    _count: int = 0

    @property
    def clean(self) -> bool:
        """Whether no command is under way and nothing is left of what came."""
        return self._running is None and self._framing.between

    def begin(self, command: Command) -> None:
        """Say a command. Only when none is under way."""
        if self._running is not None:
            raise RuntimeError(f"{command.verb} while {self._running.verb} is under way")
        self._count += 1
        tag = f"A{self._count}"
        steps = deque(spelled(tag, command, self.capabilities))
        self._running = _Running(tag, command.verb, steps)
        searches = command.verb == _SEARCH
        self._framing.line_bytes_max = SEARCH_BYTES_MAX if searches else LINE_BYTES_MAX
        self._go_on()

    def answer(self, data: bytes) -> None:
        """Answer what AUTHENTICATE asked; it goes in base64."""
        self._outgoing += base64.b64encode(data) + b"\r\n"

    def done(self) -> None:
        """End IDLE."""
        self._outgoing += b"DONE\r\n"

    def came(self) -> None:
        """The bytes from elsewhere have been written; go on behind them."""
        self._go_on()

    def taken(self) -> bytes:
        """What is to be written now."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def looked(self) -> None:
        """A look for new mails begins: those that are announced from now on are news."""
        self.grown = False

    def selected(self) -> None:
        """Another folder is being opened."""
        self.exists, self.grown = 0, False

    def forget(self) -> None:
        """What was said until now may have been said by anybody, since it was in the clear."""
        self.capabilities = frozenset()

    def receive(self, data: bytes) -> list[Event]:
        """What the server said with these bytes. Raises Malformed."""
        events: list[Event] = []
        for each in self._framing.feed(data):
            if isinstance(each, Response):
                events += self._noted(reply_of(each))
            else:
                events.append(each)
        return events

    def _noted(self, reply: Reply) -> list[Event]:
        match reply:
            case Asked():
                return self._asked(reply)
            case Told(tag=str()):
                self._ended(reply)
            case Able(capabilities):
                self.capabilities = capabilities
            case Exists(count):
                self.grown = self.grown or count > self.exists
                self.exists = count
            case Expunged():
                self.exists = max(0, self.exists - 1)
            case _:
                pass
        if isinstance(reply, Told) and reply.code == "CAPABILITY":
            self.capabilities = capabilities_of(reply.argument.encode())
        return [reply]

    def _asked(self, asked: Asked) -> list[Event]:
        running = self._running
        if running is None or not (running.steps or running.verb in _ASK):
            raise Malformed("the server asks to go on, and there is nothing to go on with")
        if not running.steps:
            return [asked]
        pause = running.steps.popleft()
        assert isinstance(pause, Pause)
        if pause.coming:
            return [asked]
        self._go_on()
        return []

    def _go_on(self) -> None:
        """Write up to the next pause."""
        assert self._running is not None
        steps = self._running.steps
        while steps and isinstance(step := steps[0], bytes):
            self._outgoing += step
            steps.popleft()

    def _ended(self, told: Told) -> None:
        if self._running is None or told.tag != self._running.tag:
            raise Malformed(f"an answer to {told.tag}, which was not asked")
        self._running = None
